"""Kernels that may write over their first array: what they make is the same, and nothing else is changed."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from minidl import kernels
from minidl.kernels import cpu, textbook
from tests.kernels import wrong_sizes

OVER = {name for name in cpu.__all__ if getattr(getattr(cpu, name), "takes_over", False)}


def lying(x):
    """Yield the numbers of x in memory of its own: in C order, channels-last, with gaps, and where nobody may write."""
    yield "C order", np.array(x, order="C")
    wider = np.zeros((x.shape[0], x.shape[1] + 3, *x.shape[2:]), x.dtype)
    if x.ndim == 4:
        yield "channels-last", np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        wider = np.zeros((*wider.shape[:1], *wider.shape[2:], wider.shape[1]), x.dtype).transpose(0, 3, 1, 2)
    wider[:, : x.shape[1]] = x
    yield "gaps", wider[:, : x.shape[1]]
    fixed = np.array(x, order="K")
    fixed.flags.writeable = False
    yield "fixed", fixed


def as_tuple(found):
    return found if isinstance(found, tuple) else (found,)


def copies(arguments):
    return [np.array(it, order="K") if isinstance(it, np.ndarray) else it for it in arguments]


def test_all_that_make_of_each_number_another_one_on_the_way_back_can():
    elementwise = {name for name in vars(cpu.elementwise) if name.endswith("_dx") and name in cpu.__all__}
    norms = {name for name in cpu.__all__ if name.startswith("batch_norm") and name.endswith("_grads")}
    assert elementwise | norms | {"dropout", "lrn_dx", "scale_channels_grads", "conv2d_fused_grads"} == OVER


def test_results_are_the_same_bits_and_only_the_first_array_is_written_over():
    written = Counter()
    for name, arguments in wrong_sizes.calls():
        if name not in OVER:
            continue
        kernel = getattr(cpu, name)
        for how, first in lying(arguments[0]):
            rest = copies(arguments[1:])
            expected = as_tuple(kernel(first.copy(order="K"), *copies(rest)))
            before, others = first.copy(), copies(rest)
            found = as_tuple(kernel(first, *rest, over=True))
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=f"{name}, {how}")
            for one, other in zip(rest, others, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=f"{name}, {how}: an argument was changed")
            taken = [one for one in found if one is not None and np.shares_memory(one, first)]
            if taken:
                assert len(taken) == 1
                assert taken[0].ctypes.data == first.ctypes.data
                assert how not in ("gaps", "fixed")
                written[name] += 1
            else:
                np.testing.assert_array_equal(first, before, err_msg=f"{name}, {how}: written for nothing")
    assert set(written) == OVER


@pytest.mark.parametrize("name", sorted(OVER))
def test_without_being_told_nothing_is_written_over(name):
    for called, arguments in wrong_sizes.calls():
        if called == name:
            given, before = copies(arguments), copies(arguments)
            getattr(cpu, name)(*given)
            for one, other in zip(given, before, strict=True):
                np.testing.assert_array_equal(one, other)


def test_the_book_and_sets_that_somebody_brings_are_not_told():
    rng = np.random.default_rng(0)
    dy, y = rng.standard_normal((2, 300, 300), dtype=np.float32), rng.standard_normal((2, 300, 300), dtype=np.float32)
    before, told = dy.copy(), []
    own = SimpleNamespace(relu_dx=lambda *arguments: told.append(len(arguments)) or 2 * arguments[0])
    for served in ("textbook", own):
        with kernels.use(served):
            found = kernels.relu_dx(dy, y, over=True)
        assert not np.shares_memory(found, dy)
        np.testing.assert_array_equal(dy, before)
    assert told == [2]
    found = kernels.relu_dx(dy, y, over=True)
    assert found is dy
    np.testing.assert_array_equal(found, textbook.relu_dx(before, y))
