"""`reserve_channels` and `append_channels`: what moves, what stays, and that no earlier result changes."""

import gc
import re
import threading
import weakref
from typing import ClassVar

import numpy as np
import pytest

import minidl
from minidl import Tensor, ops
from minidl.ops import growing


def maps(channels, rng, n=2, h=3, width=4, **settings):
    return Tensor(rng.standard_normal((n, channels, h, width)), **settings)


def test_later_views_share_the_memory_of_earlier_ones(rng):
    x, new = maps(3, rng), maps(2, rng)
    features = ops.reserve_channels(x, 9)
    assert not np.shares_memory(features.data, x.data)
    more = ops.append_channels(features, new)
    most = ops.append_channels(more, maps(4, rng))
    for array in (features.data, more.data):
        assert np.shares_memory(array, most.data)
        np.testing.assert_array_equal(array, most.data[:, : array.shape[1]])
    assert not np.shares_memory(most.data, new.data)


class Recorder(np.ndarray):
    """Remembers how many bytes every assignment into it, or into a slice of it, writes."""

    written: ClassVar[list[int]] = []

    def __setitem__(self, key, value):
        np.asarray(self)[key] = value
        Recorder.written.append(np.asarray(self)[key].nbytes)


def test_every_byte_is_written_once(rng, monkeypatch):
    class Watched(growing.Block):
        def __init__(self, *args, **settings):
            super().__init__(*args, **settings)
            self.memory = self.memory.view(Recorder)

    monkeypatch.setattr(growing, "Block", Watched)
    monkeypatch.setattr(Recorder, "written", [])
    y, parts = maps(3, rng), [maps(2, rng), maps(1, rng)]
    sizes = [part.data.nbytes for part in (y, *parts)]
    y = ops.reserve_channels(y, 6)
    for part in parts:
        y = ops.append_channels(y, part)
    assert Recorder.written == sizes
    assert sum(sizes) == y.data.nbytes


def test_a_second_append_to_one_view_gets_memory_of_its_own(rng):
    features = ops.reserve_channels(maps(3, rng), 7)
    first = ops.append_channels(features, maps(2, rng))
    before = first.numpy()
    second = ops.append_channels(features, maps(2, rng))
    assert not np.shares_memory(first.data, second.data)
    np.testing.assert_array_equal(first.data, before)
    assert np.shares_memory(ops.append_channels(second, maps(2, rng)).data, second.data)  # the copy has as many places


def test_an_append_to_an_earlier_view_does_not_write_over_later_maps(rng):
    features = ops.reserve_channels(maps(1, rng), 8)
    most = ops.append_channels(ops.append_channels(features, maps(2, rng)), maps(2, rng))
    before = most.numpy()
    ops.append_channels(features, maps(4, rng))
    np.testing.assert_array_equal(most.data, before)


def test_a_tensor_whose_array_is_replaced_has_no_block_any_more(rng):
    features = ops.reserve_channels(maps(2, rng), 6)
    features.data = rng.standard_normal(features.shape)
    more = ops.append_channels(features, maps(1, rng))
    assert not np.shares_memory(more.data, features.data)
    np.testing.assert_array_equal(more.data[:, :2], features.data)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)], ids=["N, C, H, W", "channels-last"])
def test_the_memory_lies_as_that_of_x(rng, order):
    shape = (2, 3, 4, 5)
    block = rng.standard_normal([shape[axis] for axis in order])
    features = ops.reserve_channels(Tensor(block.transpose([order.index(axis) for axis in range(4)])), 7)
    more = ops.append_channels(features, maps(2, rng, h=4, width=5))
    for y in (features, more):
        outer_first = sorted(range(4), key=lambda axis: -y.data.strides[axis])
        assert tuple(outer_first) == order
    assert more.data.strides == features.data.strides
    assert more.data.strides[order[-1]] == 8


def test_gradients_are_views_of_dy(rng):
    seen = []
    x, new = maps(3, rng, requires_grad=True), maps(2, rng, requires_grad=True)
    y = ops.append_channels(ops.reserve_channels(x, 5), new)
    dy = rng.standard_normal(y.shape)
    with minidl.observe(lambda event: seen.extend(event.output)):
        y.backward(dy)
    assert len(seen) == 3  # dx and dnew of what was appended, dx of the reserved
    assert all(np.shares_memory(gradient, dy) for gradient in seen)
    assert not np.shares_memory(x.grad, dy)


def test_the_memory_goes_with_the_last_tensor(rng):
    with minidl.no_grad():
        features = ops.append_channels(ops.reserve_channels(maps(2, rng), 6), maps(2, rng))
    count = len(growing._blocks)
    memory = weakref.ref(features.data.base)
    del features
    gc.collect()
    assert memory() is None
    assert len(growing._blocks) < count


def test_of_many_threads_one_gets_the_place(rng):
    """All append to one view at once; each must read what it wrote."""
    features = ops.reserve_channels(maps(1, rng), 3)
    together, results = threading.Barrier(8), {}

    def work(number):
        new = Tensor(np.full((2, 2, 3, 4), float(number)))
        together.wait()
        results[number] = ops.append_channels(features, new)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((result.data[:, 1:] == number).all() for number, result in results.items())
    assert sum(np.shares_memory(result.data, features.data) for result in results.values()) == 1


def zeros(*shape, dtype="float32"):
    return Tensor(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: ops.reserve_channels(np.ones((1, 2, 3, 3)), 4),
            TypeError,
            "reserve_channels: x must be a Tensor, it is a ndarray",
        ),
        (
            lambda: ops.reserve_channels(zeros(2, 3), 4),
            ValueError,
            "reserve_channels: x must have 4 axes (N, C, H, W), it has 2",
        ),
        (
            lambda: ops.reserve_channels(zeros(1, 2, 3, 3), 2.5),
            ValueError,
            "reserve_channels: channels must be an int >= 1; received channels",
        ),
        (
            lambda: ops.reserve_channels(zeros(1, 5, 3, 3), 4),
            ValueError,
            "reserve_channels: channels must be at least the 5 of x; received channels=4, x.shape=(1, 5, 3, 3)",
        ),
        (
            lambda: ops.append_channels(zeros(1, 2, 3, 3), zeros(1, 2, 3, 3, dtype="float64")),
            TypeError,
            "append_channels: all operands must have one dtype, but x is float32, new is float64",
        ),
        (
            lambda: ops.append_channels(zeros(1, 2, 3, 3), zeros(2, 3, 3)),
            ValueError,
            "append_channels: new must have 4 axes (N, C, H, W), it has 3",
        ),
        (
            lambda: ops.append_channels(zeros(1, 2, 3, 3), zeros(1, 4, 3, 2)),
            ValueError,
            "append_channels: new must have the pictures and pixels of x, shape (1, K, 3, 3); new.shape=(1, 4, 3, 2), "
            "x.shape=(1, 2, 3, 3)",
        ),
    ],
)
def test_refusal(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()
