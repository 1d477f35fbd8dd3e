"""Loops that threads share are cut out of a kernel, whatever stands around them, and in them."""

import numpy as np
import pytest
from numba import prange, types

import minidl
from minidl.kernels._sets import CannotRun
from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.outline import cut_out
from minidl.kernels.cpu.simd.pieces import Piece
from minidl.kernels.cpu.simd.vector import VECTOR


@inline
def _doubled(x, i):
    return 2 * x[i]


def _tangle(x, y, total, sizes, factor, threads):
    """Two loops in a third one, with names of their own that stand in both, and what the first has written."""
    rows, width = sizes
    for again in range(2):
        for thread in prange(threads):
            first, last = thread * rows // threads, (thread + 1) * rows // threads
            total[thread] = 0
            for row in range(first, last):
                for i in range(row * width, (row + 1) * width):
                    y[i] = _doubled(x, i) * factor + again
                    total[thread] += y[i]
        for row in prange(rows):
            first = row * width
            for i in range(first, first + width):
                y[i] -= total[0]
    y[0] = total[threads - 1]


@pytest.fixture
def tangle(compiled):
    return compiled(_tangle, "void(r1, w1, w1, i2, f, i)")


def test_a_kernel_computes_what_it_says(tangle, rng):
    x, found = rng.standard_normal(35, dtype=np.float32), np.empty(35, np.float32)
    right, threads = np.empty(35), minidl.get_num_threads()
    tangle(x, found, np.empty(threads, np.float32), (7, 5), 0.5)
    for again in range(2):
        right = x.astype(float) + again
        totals = [right[t * 7 // threads * 5 : (t + 1) * 7 // threads * 5].sum() for t in range(threads)]
        right = right - totals[0]
    right[0] = totals[-1]
    np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-4)


def test_a_body_is_given_what_it_reads_and_stands_where_it_stood():
    bodies = []
    cut = cut_out(_tangle, lambda body: bodies.append(body) or body)
    assert [body.__name__ for body in bodies] == ["_tangle_1", "_tangle_2"]
    parameters = [body.__code__.co_varnames[: body.__code__.co_argcount] for body in bodies]
    assert parameters == [
        ("thread", "again", "factor", "rows", "threads", "total", "width", "x", "y"),
        ("row", "total", "width", "y"),
    ]
    start = _tangle.__code__.co_firstlineno
    assert [body.__code__.co_firstlineno - start for body in bodies] == [4, 11]
    assert cut.__code__.co_filename == bodies[0].__code__.co_filename == __file__


def test_pieces_are_not_compiled_for_themselves():
    """Machine code of what only kernels call, and its doors for Python, took most of the time."""
    x = types.Array(types.float32, 1, "C")
    for piece, arguments in (
        (load_some, (x, types.intp, types.intp)),
        (store_some, (x, types.intp, VECTOR, types.intp)),
    ):
        piece.compile(arguments)
        [made] = {type(it.library) for it in piece.overloads.values()}
        assert made is Piece
        assert all(it.library.get_pointer_to_function(it.fndesc.llvm_func_name) == 0 for it in piece.overloads.values())


def test_a_thread_that_fails_is_an_error(careful):
    y = np.zeros(64, np.float32)
    with pytest.raises(RuntimeError, match="a thread of a kernel failed"):
        careful(y, 65)
    careful(y, 64)
    assert y[0] == 64


def test_a_kernel_makes_no_arrays(compiled):
    """Nobody counts who refers to one, so it would never be freed, or too early."""

    def greedy(y, size, threads):
        for thread in prange(threads):
            y[thread] = np.empty(size, np.float32)[0]

    with pytest.raises(CannotRun, match="greedy"):
        compiled(greedy, "void(w1, i, i)")(np.empty(64, np.float32), 8)
