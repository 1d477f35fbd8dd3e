"""Shares of a gradient are added up, in place only where nobody else refers to their memory."""

import numpy as np
import pytest

from minidl import Function, Tensor, kernels, ops


class Keeping(Function):
    """y = x; whoever asks gets the gradients that backward saw and gave."""

    seen = []

    @staticmethod
    def forward(ctx, x):
        return x.copy()

    @staticmethod
    def backward(ctx, dy):
        dx = 2 * dy
        Keeping.seen += [(dy, dy.copy()), (dx, dx.copy())]
        return dx


def test_a_gradient_that_somebody_holds_is_not_added_to(rng):
    x = Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    dy = rng.standard_normal((3, 4))
    given = dy.copy()
    y = x * 3.0
    total = ops.add(ops.add(Keeping.apply(y), Keeping.apply(y)), ops.add(y, y))
    Keeping.seen.clear()
    total.backward(dy)
    np.testing.assert_array_equal(dy, given)
    assert len(Keeping.seen) == 4
    for array, before in Keeping.seen:
        np.testing.assert_array_equal(array, before)
    np.testing.assert_allclose(x.grad, 18 * dy)


def test_shares_are_added_up_in_place_where_nobody_holds_them(rng, monkeypatch):
    """A dense block: after its last layer, no new array is needed for the sums."""
    added = {"add": 0, "add_to": 0}
    for name in added:
        original = getattr(kernels, name)

        def counted(*arrays, name=name, original=original):
            added[name] += 1
            return original(*arrays)

        monkeypatch.setattr(kernels, name, counted)
    weights = [Tensor(rng.standard_normal((2, 2 + 2 * layer, 1, 1)), requires_grad=True) for layer in range(4)]
    x = Tensor(rng.standard_normal((2, 2, 3, 3)), requires_grad=True)
    dy, plain = rng.standard_normal((2, 10, 3, 3)), Tensor(x.data, requires_grad=True)
    y = ops.reserve_channels(x, 10)
    for w in weights:
        y = ops.append_channels(y, ops.conv2d(ops.relu(y), w))
    added.update(add=0, add_to=0)
    (y * 1.0).backward(dy)
    assert added == {"add": 0, "add_to": 4}
    y = plain
    for w in weights:
        y = ops.concat([y, ops.conv2d(ops.relu(y), Tensor(w.data))], axis=1)
    y.backward(dy)
    np.testing.assert_allclose(x.grad, plain.grad, rtol=1e-12)


@pytest.mark.parametrize("operation", [ops.conv2d, ops.conv_transpose2d])
def test_a_slice_of_a_gradient_is_copied_once_for_both_that_need_it(operation, rng, monkeypatch):
    x, w = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 3, 6, 6), (3, 3, 3, 3)))
    copied, original = [], kernels.copy_to
    monkeypatch.setattr(kernels, "copy_to", lambda x, y: copied.append(x.shape) or original(x, y))
    y = operation(x, w)
    wide = rng.standard_normal((*y.shape[:1], 5, *y.shape[2:]))
    y.backward(wide[:, 1:4])
    assert copied == [y.shape]
    found, x.grad, w.grad = (x.grad, w.grad), None, None
    operation(x, w).backward(np.array(wide[:, 1:4], order="C"))
    assert copied == [y.shape]  # without gaps, it is read where it lies
    for one, other in zip(found, (x.grad, w.grad), strict=True):
        np.testing.assert_array_equal(one, other)
