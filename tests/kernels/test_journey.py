"""What was noted without computing anything is gone again, forward and back, with arrays that lie elsewhere."""

import numpy as np
import pytest

from minidl import kernels
from minidl._memory import POOL, SMALL, apart
from minidl.kernels import _placing
from minidl.kernels._journey import Journey
from minidl.kernels._launches import CannotRepeat, noted

FAST = kernels.SETS["cpu"]
SHAPE = (2, 64, 24, 24)  # large enough for memory that is lent; so are the weights' gradients
SETTINGS = (1, 1), ((1, 1), (1, 1)), (1, 1), 1


def there(x, w, s):
    """Return y, and what the way back reads."""
    with kernels.use("cpu"):
        a = kernels.conv2d(x, w, None, *SETTINGS, x.shape[2:])
        b = kernels.silu(a)
        return kernels.scale_channels(b, s), (a, b)


def back(dy, kept, x, w, s):
    """Return the gradients of w, of w once more, and of s; the first is made long before the end."""
    with kernels.use("cpu"):
        db, ds = kernels.scale_channels_grads(dy, kept[1], s)
        da = kernels.silu_dx(db, kept[0])
        first = kernels.conv2d_dw(da, x, w.shape, *SETTINGS)
        again = kernels.silu_dx(kernels.conv2d_dx(da, w, x.shape, *SETTINGS), kept[0])
        return first, kernels.conv2d_dw(again, x, w.shape, *SETTINGS), ds


def numbers(rng, scale=1.0):
    shapes = SHAPE, SHAPE, (64, 64, 3, 3), SHAPE[:2]
    x, dy, w, s = (scale * rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
    return x, np.ascontiguousarray(dy.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2), w, s


def rehearsed(w, s, forward=there, backward=back, settled=None):
    with apart() as memory:
        x = memory.empty(SHAPE, np.float32)
        with noted(memory) as forth:
            y, kept = forward(x, w, s)
        with noted(memory) as returning:
            dy = memory.empty(tuple(SHAPE[axis] for axis in (0, 2, 3, 1)), np.float32).transpose(0, 3, 1, 2)
            found = backward(dy, kept, x, w, s)
        results = [memory.image(it) for it in (y, *found)]
        images = memory.image(x), memory.image(dy)
        joined = FAST.offers("in_moving_sequence")
        return Journey(forth, returning, *images, results, [w, s] if settled is None else settled, joined)


def gone(journey, x, dy, w, s, garbage=0xFF):
    way, y = journey.begin(x, [w, s], garbage)
    return y, *way.finish(dy)


def same(found, x, dy, w, s):
    y, kept = there(x, w, s)
    for one, other in zip(found, (y, *back(dy, kept, x, w, s)), strict=True):
        assert one.shape == other.shape
        assert one.strides == other.strides
        assert one.tobytes() == other.tobytes()


def test_the_same_bits_wherever_the_arrays_lie(rng):
    journey = rehearsed(*numbers(rng)[2:])
    assert len(journey) > 6
    for _ in range(3):
        given = numbers(rng)
        same(gone(journey, *given), *given)


def test_nothing_is_computed_and_no_memory_is_touched_in_a_rehearsal(rng):
    w, s = numbers(rng)[2:]
    before, x_bytes = (POOL.lent_bytes, POOL.kept_bytes, w.copy()), 4 * np.prod(SHAPE)
    journey = rehearsed(w, s)
    assert (POOL.lent_bytes, POOL.kept_bytes) == before[:2]
    np.testing.assert_array_equal(w, before[2])
    assert journey.nbytes >= 2 * x_bytes  # two maps are kept for the way back


def test_several_are_under_way_and_each_has_what_it_made(rng):
    journey = rehearsed(*numbers(rng)[2:])
    first, second = numbers(rng), numbers(rng)
    ways = [journey.begin(x, [w, s]) for x, _, w, s in (first, second)]
    for (way, y), (x, dy, w, s) in zip(ways, (first, second)):
        same((y, *way.finish(dy)), x, dy, w, s)


def test_a_gradient_in_another_order_is_copied_and_never_written(rng):
    x, dy, w, s = numbers(rng)
    journey = rehearsed(w, s)
    plain = np.ascontiguousarray(dy)
    plain.flags.writeable = False
    same(gone(journey, x, plain, w, s), x, dy, w, s)
    np.testing.assert_array_equal(plain, dy)


def odd(array):
    """Return the same numbers at an address where no float may begin."""
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    found = np.ndarray(array.shape, array.dtype, memory, 0, array.strides)
    found[...] = array
    assert not found.flags.aligned
    return found


def test_a_gradient_at_an_odd_address_is_copied(rng):
    x, dy, w, s = numbers(rng)
    same(gone(rehearsed(w, s), x, odd(dy), w, s), x, dy, w, s)


def test_memory_is_lent_for_the_way_only(rng):
    x, dy, w, s = numbers(rng)
    journey = rehearsed(w, s)
    before = POOL.lent_bytes
    way, y = journey.begin(x, [w, s])
    assert POOL.lent_bytes >= before + journey.nbytes
    del y
    way.finish(dy)
    assert POOL.lent_bytes == before


def hidden(x, w, s):
    y, kept = there(x, w, s)
    return y + 1, kept


def test_a_result_that_nobody_wrote_is_refused(rng):
    with pytest.raises(CannotRepeat, match="none of the arrays that were written"):
        rehearsed(*numbers(rng)[2:], forward=hidden)


def test_shared_memory_is_refused(rng):
    w, s = numbers(rng)[2:]
    with pytest.raises(CannotRepeat, match="share their memory"):
        rehearsed(w, s, settled=[w, s, w[:5]])


def front(x, w, s):
    y, kept = there(x, w, s)
    return y[:1], kept  # the first picture


def test_a_result_that_is_the_front_of_what_is_written_is_refused(rng):
    with pytest.raises(CannotRepeat, match="ends behind it"):
        rehearsed(*numbers(rng)[2:], forward=front)


def over_x(x, w, s):
    with kernels.use("cpu"):
        kernels.add_to(x, x)
    return there(x, w, s)


def test_an_input_that_is_written_is_refused(rng):
    with pytest.raises(CannotRepeat, match="the input is written"):
        rehearsed(*numbers(rng)[2:], forward=over_x)


def test_who_is_at_work_is_not_disturbed(rng):
    x, dy, w, s = numbers(rng)
    journey = rehearsed(w, s)
    with journey._lock:
        assert journey.begin(x, [w, s]) is NotImplemented
    same(gone(journey, x, dy, w, s), x, dy, w, s)


def test_what_the_textbook_does_is_done_again(rng):
    def forward(x, w, s):
        y, kept = there(x, w, s)
        small = kernels.scaled_tanh(y[1:, :, 3:5, 4:6])  # NumPy's, of a slice
        pair = kernels.concat((small, small), 1)
        kernels.add_to(pair, pair)
        _, difference = kernels.mse(pair, pair[:, ::-1])  # the textbook's, of two results, one of them a number
        return kernels.add(y, np.broadcast_to(difference[:, :64, 1:, 1:], y.shape)), kept

    x, dy, w, s = numbers(rng)
    journey = rehearsed(w, s, forward=forward)
    y, *_ = gone(journey, x, dy, w, s)
    assert y.tobytes() == forward(x, w, s)[0].tobytes()


def test_arrays_apart_have_places_of_their_own_for_good():
    with apart() as memory:
        starts = {POOL.empty((SMALL,), np.uint8).ctypes.data for _ in range(50)}
        x = POOL.empty((2**28, 8), np.float32)  # 8 GiB, of which nothing is written
        image = memory.image(x[3:, 2])
    assert len(starts) == 50
    assert (image.ctypes.data, image.shape, image.strides) == (x.ctypes.data + 104, (2**28 - 3,), (32,))
    mine = np.zeros(3)
    assert memory.image(mine) is mine
    assert POOL.empty((SMALL,), np.uint8).base._pool is POOL


@pytest.mark.parametrize("seed", range(5))
def test_nothing_lies_across_a_border(seed):
    rng = np.random.default_rng(seed)
    blocks = [_placing.Block(np.empty(int(rng.integers(1, 500)), np.float32), number) for number in range(60)]
    for block in blocks:
        block.last = block.first + int(rng.integers(0, 9))
    blocks[0].place, blocks[0].last = 0, 60
    border = 1000 * _placing.ALIGNMENT // 32
    _placing.placed(blocks, border)
    assert all(it.place + it.size <= border or it.place >= border for it in blocks)
    assert {it.place < border for it in blocks} == {True, False}


@pytest.mark.parametrize("seed", range(5))
def test_places_are_as_tight_as_they_may_be(seed):
    """The most that is in use at once is what is needed at least; first come, largest place, comes near."""
    rng = np.random.default_rng(seed)
    blocks = []
    for number in range(300):
        block = _placing.Block(np.empty(int(rng.integers(1, 5000)), np.float32), number)
        block.last = number + int(rng.integers(0, 40))
        blocks.append(block)
    size = _placing.placed(blocks)
    most = max(sum(it.size for it in blocks if it.first <= now <= it.last) for now in range(300))
    assert most <= size <= 1.2 * most
    for one in blocks:
        for other in blocks:
            together = one is not other and one.first <= other.last and other.first <= one.last
            assert not together or one.place + one.size <= other.place or other.place + other.size <= one.place
