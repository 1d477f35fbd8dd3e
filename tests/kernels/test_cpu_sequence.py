"""Kernels that machine code starts one after the other: the bits that Python gets, with arguments of every kind."""

import logging
import threading

import numpy as np
import pytest
from numba import prange

import minidl
from minidl import Tensor, kernels, ops
from minidl._backend import constant
from minidl.kernels._launches import noted
from minidl.kernels._script import Script
from minidl.kernels.cpu.simd import compile, sequence
from minidl.kernels.cpu.simd.sequence import Sequence, in_sequence


def chain(x):
    """Kernels behind each other, of which the last reads the input, too, and NumPy in their midst."""
    with kernels.use("cpu"):
        a = ops.silu(ops.relu(Tensor(x)))
        b = ops.softmax(ops.reshape(ops.pad(a, 1), (len(x), -1)), 1)
        return ops.add(ops.reshape(b, (len(x), *np.add(x.shape[1:], (0, 2, 2)))), ops.pad(Tensor(x), 1)).data


def made(x, joined):
    chain(x)
    with noted() as launches:
        y = chain(x)
    return Script(launches, x, y, joined=joined)


def pictures(rng):
    return rng.standard_normal((2, 16, 9, 7), dtype=np.float32)


def test_the_same_bits_for_other_numbers_again_and_again(rng):
    script, plain = made(pictures(rng), in_sequence), made(pictures(rng), None)
    assert len(script) == len(plain) > len(script._steps)
    assert any(isinstance(run, Sequence) for run, _ in script._steps)
    for _ in range(3):
        x = pictures(rng)
        assert script.run(x).tobytes() == plain.run(x).tobytes() == chain(x).tobytes()


# What a kernel may be given: two of each kind, whose numbers must not change places.
KINDS = "r1, r1, r2, r3, r4, w1, w2, w3, w4, rb1, wb2, ri2, rd1, wd2, i, i, f, f, d, d, i2, i3, i"


def _look(a, b, c, d, e, y, f, g, h, u, v, n, p, q, i, j, s, t, k, l, two, three, threads):  # noqa: E741
    for thread in prange(threads):
        if thread == 0:
            y[0], y[1], y[2], y[3] = a[1], b[2], c[1, 2], d[1, 0, 2]
            y[4], y[5], y[6], y[7] = e[1, 0, 2, 1], f[0, 1], g[0, 1, 2], h[1, 1, 0, 2]
            y[8], y[9], y[10], y[11] = u[2], v[1, 0], n[1, 1], p[2]
            y[12], y[13], y[14], y[15] = q[0, 1], i, j, s
            y[16], y[17], y[18], y[19] = t, k, l, two[1]
            y[20], y[21], y[22], y[23] = three[2], threads, c.shape[1], h.shape[3]
            f[1, 1] = 7
            v[0, 1] = 3


def arguments(rng):
    singles = [
        rng.standard_normal(shape, dtype=np.float32)
        for shape in ((3,), (4,), (2, 3), (2, 1, 3), (2, 1, 3, 2), (24,), (2, 2), (1, 2, 3), (2, 2, 1, 3))
    ]
    byte = [rng.integers(0, 256, shape).astype(np.uint8) for shape in ((3,), (2, 2))]
    rest = [rng.integers(-99, 99, (2, 2)), rng.standard_normal(5), rng.standard_normal((1, 3))]
    numbers = [-4, 2**40, 0.1, -1e30, 1 / 3, 1e-200, (5, -6), (np.int64(7), 8, -9)]
    return [*singles, *byte, *rest, *numbers]


def test_arguments_of_every_kind_arrive(rng, compiled):
    kernel, given = compiled(_look, f"void({KINDS})"), arguments(rng)
    given[0].flags.writeable = given[9].flags.writeable = False
    twins = [it.copy() if isinstance(it, np.ndarray) else it for it in given]
    for it in (given, twins):
        it[5][:] = 0
    kernel(*twins)
    Sequence([(kernel, given)], [])()
    assert np.count_nonzero(given[5]) >= 20
    for mine, other in zip(given, twins, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert given[6][1, 1] == 7
    assert {name.rstrip("1234") for name in compile.TYPES} - {"void"} == {it.rstrip("1234") for it in KINDS.split(", ")}


def test_arrays_that_change_are_looked_up_each_time(rng, compiled):
    kernel, given = compiled(_look, f"void({KINDS})"), arguments(rng)
    run = Sequence([(kernel, given)], [(given, 1), (given, 5)])
    for _ in range(3):
        given[1], given[5] = rng.standard_normal(4, dtype=np.float32), np.zeros(24, np.float32)
        run()
        assert given[5][1] == given[1][2]


WRONG = {
    "an array of other numbers": (0, np.zeros(3)),
    "one with other axes": (2, np.zeros((2, 3, 1), np.float32)),
    "one with gaps": (0, np.zeros(6, np.float32)[::2]),
    "one that may not be written": (5, constant(np.zeros(24, np.float32))),
    "no array": (0, [1.0, 2.0, 3.0]),
    "half a number": (14, 0.5),
    "too few numbers": (21, (1, 2)),
    "too many numbers": (20, (1, 2, 3)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_kernel_does_not_take_is_refused(rng, compiled, case):
    kernel, given = compiled(_look, f"void({KINDS})"), arguments(rng)
    place, given[place] = WRONG[case]
    with pytest.raises(TypeError):
        Sequence([(kernel, given)], [])
    steps = [(kernel, given)]
    assert in_sequence(steps, []) is steps


def test_too_few_arguments_are_refused(rng, compiled):
    kernel, given = compiled(_look, f"void({KINDS})"), arguments(rng)
    with pytest.raises(TypeError, match="_look takes 22 arguments; received 21"):
        Sequence([(kernel, given[:-1])], [])


def test_a_numba_that_is_built_otherwise_costs_time_only(rng, monkeypatch, caplog):
    def fail(kernel):
        raise AttributeError("no fndesc")

    monkeypatch.setattr(sequence, "_starter", fail)
    caplog.set_level(logging.INFO, logger="minidl")
    script, x = made(pictures(rng), in_sequence), pictures(rng)
    assert "started one by one: no fndesc" in caplog.text
    assert not any(isinstance(run, Sequence) for run, _ in script._steps)
    assert script.run(x).tobytes() == chain(x).tobytes()


def test_a_thread_that_fails_is_an_error(careful):
    y = np.zeros(64, np.float32)
    with pytest.raises(RuntimeError, match="a thread of a kernel failed"):
        Sequence([(careful, [y, 64]), (careful, [y, 65]), (careful, [y, 63])], [])()
    assert y[0] == 64  # and the rest is not begun
    Sequence([(careful, [y, 64]), (careful, [y, 63])], [])()
    assert y[0] == 63


def test_where_kernels_run_one_at_a_time_so_does_a_sequence(rng, monkeypatch):
    taken = []

    class Lock:
        def __enter__(self):
            taken.append(threading.get_ident())

        def __exit__(self, *reason):
            taken.append(None)

    script, x = made(pictures(rng), in_sequence), pictures(rng)
    monkeypatch.setattr(sequence, "one_at_a_time", Lock())
    assert script.run(x).tobytes() == chain(x).tobytes()
    assert taken[:2] == [threading.get_ident(), None]


def test_the_threads_that_were_asked_for(rng):
    before, x = minidl.get_num_threads(), pictures(rng)
    try:
        minidl.set_num_threads(1)
        script = made(pictures(rng), in_sequence)
        expected = chain(x)
        assert script.run(x).tobytes() == expected.tobytes()
        minidl.set_num_threads(before)
        assert script.run(x).tobytes() == expected.tobytes()  # how the work is cut was decided when it was made
    finally:
        minidl.set_num_threads(before)
