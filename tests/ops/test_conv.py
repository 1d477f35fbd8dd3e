"""Convolution beyond the contract: sizes, what is computed and what is not, empty batches."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidl import Tensor, kernels, ops


def zeros(*shape, requires_grad=False):
    return Tensor(np.zeros(shape), requires_grad=requires_grad)


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
def test_same_keeps_the_size_and_puts_the_odd_pixel_at_the_end(size, stride, kernel):
    y = ops.conv2d(zeros(1, 1, size, 4), zeros(1, 1, kernel, 1), padding="same", stride=stride)
    assert y.shape == (1, 1, -(-size // stride), -(-4 // stride))
    x = Tensor(np.ones((1, 1, size, 1)))
    w = Tensor(np.ones((1, 1, kernel, 1)))
    seen = ops.conv2d(x, w, padding="same", stride=stride).data[0, 0, :, 0]
    missing_at_front, missing_at_end = kernel - seen[0], kernel - seen[-1]
    if len(seen) > 1:
        assert missing_at_end - missing_at_front in (0, 1)


@pytest.mark.parametrize(("stride", "padding", "output_padding"), [(1, 0, 0), (2, 1, 1), (3, 2, 2), (2, 0, 0)])
def test_a_transposed_convolution_goes_back_to_the_size_it_came_from(stride, padding, output_padding):
    """OH = (H - 1)·stride - 2·padding + KH + output_padding undoes H = (OH + 2·padding - KH) // stride + 1."""
    for size in range(4, 12):
        rows = ops.conv2d(zeros(1, 1, size, 9), zeros(1, 1, 4, 4), stride=stride, padding=padding).shape[2]
        left_over = (size + 2 * padding - 4) % stride
        y = ops.conv_transpose2d(
            zeros(1, 1, rows, 9),
            zeros(1, 1, 4, 4),
            stride=stride,
            padding=padding,
            output_padding=(left_over, output_padding),
        )
        assert y.shape[2] == size


def refuse(*args):
    raise AssertionError("this gradient was not asked for")


@pytest.mark.parametrize("transposed", [False, True])
def test_only_the_gradients_that_somebody_needs_are_computed(transposed, rng):
    """The pictures of the first layer need none: no dx is made for them, nor a dw for frozen kernels."""
    op = ops.conv_transpose2d if transposed else ops.conv2d
    x, w = rng.standard_normal((2, 3, 4, 4)), rng.standard_normal((3, 3, 3, 3))
    dx_kernel = "conv2d" if transposed else "conv2d_dx"
    for unwanted, needs in ((dx_kernel, (False, True)), ("conv2d_dw", (True, False))):
        tensors = [Tensor(array, requires_grad=need) for array, need in zip((x, w), needs, strict=True)]
        y = op(*tensors)
        with kernels.use(SimpleNamespace(**{unwanted: refuse})):
            y.backward(np.ones(y.shape))


def test_an_empty_batch():
    tensors = zeros(0, 3, 5, 5, requires_grad=True), zeros(4, 3, 3, 3, requires_grad=True), zeros(4, requires_grad=True)
    y = ops.conv2d(*tensors)
    assert y.shape == (0, 4, 3, 3)
    y.backward(y.data)
    assert [tensor.grad.shape for tensor in tensors] == [tensor.shape for tensor in tensors]
    back = ops.conv_transpose2d(zeros(0, 4, 3, 3), tensors[1])
    assert back.shape == (0, 3, 5, 5)
    assert ops.col2im(ops.im2col(tensors[0], 3), 5, 3).shape == (0, 3, 5, 5)


def test_columns_are_the_pictures_that_a_convolution_multiplies(rng):
    """conv2d = w @ im2col: the identity the whole engine stands on, said in its own public words."""
    x, w = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 2))
    cols = ops.im2col(Tensor(x), (3, 2), stride=2, padding=1)
    y = (Tensor(w.reshape(4, -1)) @ cols).reshape(2, 4, 3, 3)
    np.testing.assert_allclose(y.data, ops.conv2d(Tensor(x), Tensor(w), stride=2, padding=1).data, rtol=1e-12)
