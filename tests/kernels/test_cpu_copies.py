"""Copies and sums into a given array, in the fast set, for every pair of memory orders."""

import itertools

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from minidl.kernels import textbook
from minidl.kernels.cpu.memory import copies
from tests.contract import memory_orders
from tests.kernels.twins import FAST, channels_last, single

SHAPES = [(2, 7, 5, 3), (3, 16, 4, 4), (1, 33, 1, 9), (2, 1, 3, 5), (1, 1, 1, 1), (4, 40, 17, 18)]


@pytest.fixture(autouse=True)
def every_size(monkeypatch):
    monkeypatch.setattr(copies, "SMALL", 0)


def places(shape):
    """Yield arrays of a shape to write into, each with the block that it is a part of, in many memory orders."""
    n, c, h, width = shape
    yield (whole := np.full(shape, 7, "float32")), whole
    yield (whole := channels_last(np.full(shape, 7, "float32"))), whole
    block = channels_last(np.full((n, c + 21, h, width), 7, "float32"))
    yield block[:, 5 : 5 + c], block
    block = channels_last(np.full((n, c, h + 3, width + 2), 7, "float32"))
    yield block[:, :, 1 : 1 + h, 2:], block
    block = np.full((n, c, h + 3, width + 2), 7, "float32")
    yield block[:, :, 1 : 1 + h, 2:], block
    block = channels_last(np.full((n, 2 * c, h, width), 7, "float32"))
    yield block[:, ::2], block
    block = np.full((width, h, c, n), 7, "float32")
    yield block.T, block
    block = np.full((n, c, h, 2 * width), 7, "float32")
    yield block[..., ::2], block


def sources(x):
    """Yield the same numbers in many memory orders, and as parts of wider blocks."""
    yield x
    yield from memory_orders(x)
    for place, _ in places(x.shape):
        place[...] = x
        yield place


def is_served(array):
    return all(stride >= 0 for stride in array.strides)


@pytest.mark.parametrize("name", ["copy_to", "add_to"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_pair_of_memory_orders(name, shape, rng):
    served = 0
    for x, number in itertools.product(sources(single(rng, *shape)), range(8)):
        (y, block), (expected, whole) = list(places(shape))[number], list(places(shape))[number]
        before = x.copy()
        getattr(textbook, name)(x, expected)
        result = getattr(FAST, name)(x, y)
        np.testing.assert_array_equal(x, before)
        if result is NotImplemented:
            np.testing.assert_array_equal(block, np.full_like(block, 7))
            continue
        served += 1
        assert result is y
        np.testing.assert_array_equal(block, whole)  # and nothing beside it was written
    assert served >= 3 * len(list(sources(x)))  # targets: C order, channels-last, part of a wider block


@pytest.mark.parametrize("shape", [(2, 7, 5, 3), (3, 15, 40, 3), (1, 33, 1, 9), (4, 40, 3, 5)], ids=str)
def test_copies_with_a_short_axis_are_declined_only_for_strides_that_run_backwards(shape, rng):
    for x in sources(single(rng, *shape)):
        for y, _ in places(shape):
            assert copies.by_kernel(x, y) == is_served(x)
            np.testing.assert_array_equal(FAST.copy_to(x, y), x)


def test_runs_are_served_however_long_they_are_and_turned_copies_of_long_axes_are_numpys(rng):
    x = channels_last(single(rng, 2, 60, 20, 20))
    for y in (x, np.zeros_like(x)[:, :30], x[:, 7:50], x[:, :, 1:-1, 2:]):
        assert copies.by_kernel(y, channels_last(np.zeros(y.shape, "float32")))
    assert not copies.by_kernel(x, np.zeros(x.shape, "float32"))
    assert copies.by_kernel(x[:, :3], np.zeros((2, 3, 20, 20), "float32"))


def test_long_runs_are_shared_in_pieces(rng):
    x = single(rng, 3 * copies.PIECE + 5)
    y = np.full(x.size + 2, 7, "float32")
    FAST.copy_to(x, y[1:-1])
    np.testing.assert_array_equal(y, [7, *x, 7])


def test_a_matrix_of_channels_is_turned(rng):
    x = channels_last(single(rng, 2, 6, 4, 3)).transpose(0, 2, 3, 1).reshape(2, 4, 3, 2, 3).transpose(0, 3, 4, 1, 2)
    y = np.full((2, 4, 3, 3, 2), 7, "float32").transpose(0, 4, 3, 1, 2)
    assert FAST.copy_to(x, y) is y
    np.testing.assert_array_equal(y, x)


def test_numbers_that_are_repeated_may_be_read_and_not_summed_up_in(rng):
    x = np.broadcast_to(single(rng, 2, 3, 1, 1), (2, 3, 4, 5))
    y = np.full((2, 3, 4, 5), 7, "float32")
    np.testing.assert_array_equal(FAST.copy_to(x, y), x)
    np.testing.assert_array_equal(FAST.add_to(x, y), x + x)
    assert FAST.add_to(np.array(x), x) is NotImplemented
    for channels in (3, 40):
        x = np.broadcast_to(single(rng, 2, channels, 1, 1), (2, channels, 4, 5))
        for y, block in places(x.shape):
            before = block.copy()
            total = FAST.add_to(x, y)
            if total is not NotImplemented:
                np.testing.assert_array_equal(total, 7 + x)
                total[...] = 7
            np.testing.assert_array_equal(block, before)


def test_what_is_declined(rng, monkeypatch):
    x, y = single(rng, 2, 3, 4, 5), np.zeros((2, 3, 4, 5), "float32")
    assert FAST.copy_to(x, y.astype("float64")) is NotImplemented
    assert FAST.copy_to(x[:1], y) is NotImplemented
    with pytest.raises(ValueError, match=r"add_to: expects x \(...\), y \(...\)"):
        FAST.add_to(x[:1], y)
    for name in ("copy_to", "add_to"):
        with pytest.raises(ValueError, match=f"{name}: x and y must have one shape; x.shape="):
            getattr(kernels.textbook, name)(x[:1], y)
    five = np.moveaxis(single(rng, 3, 6, 4, 6, 8, 4)[:, ::2, :, ::2, ::2, ::2], 0, -1)  # six axes, none in one piece
    assert not copies.by_kernel(five, np.zeros(five.shape, "float32"))
    np.testing.assert_array_equal(FAST.copy_to(five, np.zeros(five.shape, "float32")), five)
    monkeypatch.setattr(copies, "SMALL", x.size + 1)
    assert not copies.by_kernel(x, y)
    np.testing.assert_array_equal(y, np.zeros_like(y))
    np.testing.assert_array_equal(FAST.copy_to(x, y), x)


def shuffled(x):
    return ops.channel_shuffle(x, 3)


def halves_changed(x):
    one, other = ops.split(x, [5, 7], axis=1)
    return ops.concat([ops.relu(other), one], axis=1)


def grown(x):
    return ops.append_channels(ops.append_channels(ops.reserve_channels(x, 24), ops.relu(x[:, 2:8])), x[:, :6])


@pytest.mark.parametrize("function", [shuffled, halves_changed, grown])
@pytest.mark.parametrize("order", [np.ascontiguousarray, channels_last])
def test_operations_that_move_numbers_give_the_same_bits_in_both_sets(function, order, rng):
    x, dy, found = order(single(rng, 3, 12, 9, 8)), {}, {}
    for kernel_set in ("cpu", "textbook"):
        leaf = Tensor(x, requires_grad=True)
        with kernels.use(kernel_set):
            y = function(leaf)
            y.backward(dy.setdefault(0, order(single(rng, *y.shape))))
        found[kernel_set] = y.data, leaf.grad
    for fast, plain in zip(found["cpu"], found["textbook"], strict=True):
        np.testing.assert_array_equal(fast, plain)
