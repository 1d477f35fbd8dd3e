"""What is noted is repeated to the bit, in memory where nothing is overwritten that is still read."""

import threading

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from minidl._backend import constant
from minidl._memory import SMALL
from minidl._sharing import owner
from minidl.kernels import _launches, _placing
from minidl.kernels._launches import CannotRepeat, noted
from minidl.kernels._script import Script


def chain(x, seen=()):
    """A few kernels behind each other, of which the second reads a result of two steps before."""
    with kernels.use("cpu"):
        a = ops.relu(Tensor(x))
        b = ops.silu(a)
        c = ops.add(a, b)
        return ops.sigmoid(ops.reshape(ops.pad(c, 1), (len(x), -1))).data


def made(x):
    chain(x)
    with noted() as launches:
        y = chain(x)
    return Script(launches, x, y)


def pictures(rng):
    return rng.standard_normal((2, 16, 9, 7), dtype=np.float32)


def test_the_same_bits_for_other_numbers_again_and_again(rng):
    script = made(pictures(rng))
    for _ in range(3):
        x = pictures(rng)
        assert script.run(x).tobytes() == chain(x).tobytes()
        assert script.run(x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)).tobytes() == chain(x).tobytes()


def test_a_result_is_nobody_elses(rng):
    script, x = made(pictures(rng)), pictures(rng)
    first = script.run(x)
    kept = first.copy()
    first += 1
    script.run(pictures(rng))
    np.testing.assert_array_equal(first, kept + 1)
    np.testing.assert_array_equal(script.run(x), kept)


def test_pictures_that_nobody_may_write_are_read(rng):
    script, x = made(pictures(rng)), pictures(rng)
    x.flags.writeable = False
    np.testing.assert_array_equal(script.run(x), chain(x))


def test_what_leaves_no_note_is_not_repeated(rng):
    def hidden(x):
        return ops.relu(Tensor(np.exp(x))).data

    x = pictures(rng)
    with kernels.use("cpu"), noted() as launches:
        y = hidden(x)
    script, other = Script(launches, x, y), pictures(rng)
    assert script.run(other).tobytes() != hidden(other).tobytes()  # so whoever makes a script must try it


def test_a_result_that_no_launch_has_written_is_refused(rng):
    x = pictures(rng)
    with kernels.use("cpu"), noted() as launches:
        ops.relu(Tensor(x))
    with pytest.raises(CannotRepeat, match="none of the arrays"):
        Script(launches, x, np.exp(x))
    with pytest.raises(CannotRepeat, match="none of the arrays"):
        Script(launches, x, x)


def test_an_input_that_is_written_is_refused(rng):
    x, y = pictures(rng), np.empty((2, 16, 9, 7), np.float32)
    with noted() as launches:
        _launches.copy(y, x)
        _launches.copy(x, y)
    with pytest.raises(CannotRepeat, match="the input is written"):
        Script(launches, x, y)


def test_too_much_memory_is_refused(rng):
    x = pictures(rng)
    with noted() as launches:
        y = chain(x)
    with pytest.raises(CannotRepeat, match="bytes are needed, at most 1000 may be kept"):
        Script(launches, x, y, 1000)


def test_notes_end_where_they_would_keep_too_much_alive(rng, monkeypatch):
    monkeypatch.setattr(_launches, "MOST_NOTED", 1000)
    with pytest.raises(CannotRepeat, match="none of the arrays"):
        made(pictures(rng))


def test_two_threads_at_once(rng):
    script, xs = made(pictures(rng)), [pictures(rng) for _ in range(4)]
    expected, wrong, busy = [chain(x) for x in xs], [], []

    def work(number):
        for _ in range(200):
            y = script.run(xs[number])
            if y is NotImplemented:
                busy.append(number)
            elif not np.array_equal(y, expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(busy) < 800


def test_who_is_at_work_is_not_disturbed(rng):
    script = made(pictures(rng))
    with script._lock:
        assert script.run(pictures(rng)) is NotImplemented


def test_notes_are_those_of_one_thread(rng):
    x = pictures(rng)
    with noted() as launches:
        other = threading.Thread(target=chain, args=(x,))
        other.start()
        other.join()
    assert not launches


def scaled(x, again):
    """A result over what it is made of, and one more over that; `again` reads the first of them once more."""
    with kernels.use("cpu"):
        a = kernels.relu(x.transpose(0, 3, 1, 2))
        s = constant(np.linspace(0.5, 2, a.shape[0] * a.shape[1], dtype=np.float32).reshape(a.shape[:2]))
        b = kernels.scale_channels(kernels.scale_channels(a, s), s)
        return kernels.add(b, a) if again else kernels.relu(b)


@pytest.mark.parametrize(("again", "together"), [(False, True), (True, False)])
def test_a_result_takes_the_place_of_what_is_not_read_again(rng, again, together):
    x = rng.standard_normal((2, 9, 7, 32), dtype=np.float32)
    scaled(x, again)
    with noted() as launches:
        y = scaled(x, again)
    script = Script(launches, x, y)
    for _ in range(2):
        x = rng.standard_normal(x.shape, dtype=np.float32)
        assert script.run(x).tobytes() == scaled(x, again).tobytes()
    first, second = (
        [arguments[place].ctypes.data for place in (0, 2)]
        for run, arguments in script._steps
        if getattr(run, "key", "") == "channels._scale"
    )
    assert (first[0] == first[1]) is together
    assert second[0] == second[1]


@pytest.mark.parametrize("seed", range(20))
def test_memory_that_is_in_use_at_the_same_time_does_not_overlap(seed):
    rng = np.random.default_rng(seed)
    arrays = [np.empty(int(rng.integers(1, 2000)), np.float32) for _ in range(30)]
    launches = []
    for _ in range(60):
        read, written = rng.integers(0, 30, 2)
        launches.append(_launches.Launch(np.copyto, (arrays[written], arrays[read][:1]), frozenset({0})))
    blocks = _placing.blocks_of(launches)
    size = _placing.placed(list(blocks.values()))
    for one in blocks.values():
        assert 0 <= one.place <= size - one.size
        for other in blocks.values():
            together = one is not other and one.first <= other.last and other.first <= one.last
            assert not together or one.place + one.size <= other.place or other.place + other.size <= one.place
    assert size <= sum(block.size for block in blocks.values())
    for number, launch in enumerate(launches):
        for array in launch.arguments:
            block = blocks.get(id(owner(array)))
            assert block is None or block.first <= number <= block.last


def made_of(rng, given, again=False):
    """A script of y = x·s, where s is made of what is given, with NumPy; `again` writes s once more."""
    x, y, s, t = pictures(rng), np.empty((2, 16, 9, 7), np.float32), np.empty_like(given), np.empty_like(given)
    with noted() as launches:
        _launches.make(t, np.negative, given)
        _launches.make(s, np.exp, t)
        if again:
            _launches.copy(s, given)
        _launches.make(y, lambda x, s: x * s.flat[0], x, s)
    return Script(launches, x, y)


def test_what_is_made_of_constants_alone_is_made_once(rng):
    given = rng.standard_normal(5, dtype=np.float32)
    script, x = made_of(rng, constant(given)), pictures(rng)
    assert len(script._steps) == 1
    np.testing.assert_array_equal(script.run(x), x * np.exp(-given)[0])


def test_what_may_change_or_is_large_or_written_again_is_made_each_time(rng):
    given, x = rng.standard_normal(5, dtype=np.float32), pictures(rng)
    script = made_of(rng, given)
    assert len(script._steps) == 3
    given *= 2
    np.testing.assert_array_equal(script.run(x), x * np.exp(-given)[0])
    assert len(made_of(rng, constant(np.zeros(SMALL // 4, np.float32)))._steps) == 3
    script = made_of(rng, constant(given), again=True)
    assert len(script._steps) == 3
    np.testing.assert_array_equal(script.run(x), x * given[0])
