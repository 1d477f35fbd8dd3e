"""A kernel of the fast set and its twin in the textbook, called with the same numbers."""

from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest

from minidl import kernels
from minidl.kernels import textbook
from minidl.kernels.textbook.windows import output_size
from tests.contract import memory_orders, relative_error

FAST = kernels.SETS["cpu"]


def results(kernel, *arguments):
    """Return the arrays that a kernel returns as a tuple, and fail if it declined."""
    found = kernel(*arguments)
    assert found is not NotImplemented, "the fast set declined"
    return tuple(it for it in found if it is not None) if isinstance(found, tuple) else (found,)


def equal(name, *arguments, tolerance=1e-5):
    """Fail unless the fast kernel gives what the textbook gives in float64, NaN at the same places and all."""
    with np.errstate(all="ignore"):
        exact = results(getattr(textbook, name), *map(_double, arguments))
        for found, right in zip(results(getattr(FAST, name), *arguments), exact, strict=True):
            assert found.shape == right.shape
            infinite = np.isinf(right)
            np.testing.assert_array_equal(found[infinite], right[infinite])
            assert relative_error(np.where(infinite, 0, found), np.where(infinite, 0, right)) <= tolerance, name


def equal_in_every_order(name, *arguments, **settings):
    """Do so for every memory order of the arrays, which must not change."""
    orders = [list(memory_orders(it)) if isinstance(it, np.ndarray) else [it] for it in arguments]
    for number in range(max(map(len, orders))):
        given = [order[number % len(order)] for order in orders]
        before = [it.copy() if isinstance(it, np.ndarray) else it for it in given]
        equal(name, *given, **settings)
        for it, old in zip(given, before, strict=True):
            if isinstance(it, np.ndarray):
                np.testing.assert_array_equal(it, old)


def same_bits_every_time(name, *arguments):
    """Fail unless two calls, and calls from two Python threads at once, give the same bits."""
    from concurrent.futures import ThreadPoolExecutor

    kernel = getattr(FAST, name)
    once = results(kernel, *arguments)
    with ThreadPoolExecutor(2) as pool:
        for again in pool.map(lambda _: results(kernel, *arguments), range(6)):
            for a, b in zip(once, again, strict=True):
                np.testing.assert_array_equal(a, b)


def sized(x_shape, w_shape, stride, padding, dilation, groups):
    """What a convolution takes behind its arrays: the geometry, and how many windows fit."""
    fit = (output_size(x_shape[2 + a], w_shape[2 + a], stride[a], padding[a], dilation[a]) for a in range(2))
    return stride, padding, dilation, groups, tuple(fit)


def channels_last(array):
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def single(rng, *shape):
    return rng.standard_normal(shape).astype("float32")


def _double(argument):
    if isinstance(argument, np.ndarray) and argument.dtype == np.float32:
        return argument.astype("float64")
    return argument


@contextmanager
def counted():
    """Count what the fast set does meanwhile: two counters by kernel, of calls that it served and that it declined."""
    kernel_set, served, declined = FAST.opened(), Counter(), Counter()

    def counting(name, kernel):
        def call(*arguments):
            result = kernel(*arguments)
            (declined if result is NotImplemented else served)[name] += 1
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in kernel_set.__all__:
            patch.setattr(kernel_set, name, counting(name, getattr(kernel_set, name)))
        yield served, declined
