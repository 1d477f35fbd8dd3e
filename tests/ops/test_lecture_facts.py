"""Statements of lecture notes about convolution, pooling and normalisation, recomputed: they are tests here."""

import math

import numpy as np
import pytest

from minidl import Tensor, ops

RED = [[0, 0, 0], [0, 156, 155], [0, 153, 154]]
GREEN = [[0, 0, 0], [0, 167, 166], [0, 164, 165]]
BLUE = [[0, 0, 0], [0, 163, 162], [0, 160, 161]]
KERNELS = [
    [[-1, -1, 1], [0, 1, -1], [0, 1, 1]],
    [[1, 0, 0], [1, -1, -1], [1, 0, -1]],
    [[0, 1, 1], [0, 1, 0], [1, -1, 1]],
]


def test_a_colour_picture_is_convolved_channel_by_channel_and_summed():
    """The worked example of the notes: 308 - 498 + 164 + 1 = -25, as cross-correlation."""
    x = np.array([[RED, GREEN, BLUE]], dtype=float)
    w = np.array([KERNELS], dtype=float)
    channels = ops.conv2d(Tensor(x), Tensor(w.reshape(3, 1, 3, 3)), groups=3).data.ravel()
    np.testing.assert_array_equal(channels, [308, -498, 164])
    assert ops.conv2d(Tensor(x), Tensor(w), Tensor(np.ones(1))).item() == 308 - 498 + 164 + 1 == -25


def test_true_convolution_turns_the_kernel_over_and_gives_another_number():
    x = np.array([[RED, GREEN, BLUE]], dtype=float)
    w = np.array([KERNELS], dtype=float)[:, :, ::-1, ::-1].copy()
    channels = ops.conv2d(Tensor(x), Tensor(w.reshape(3, 1, 3, 3)), groups=3).data.ravel()
    np.testing.assert_array_equal(channels, [-151, 164, 323])
    assert ops.conv2d(Tensor(x), Tensor(w), Tensor(np.ones(1))).item() == 337


def test_padding_raises_how_often_border_pixels_are_seen():
    """5×5, kernel 3: the corner is seen by 1 window, with padding 1 by 4; an edge 3 and 6, the centre 9 and 9."""
    ones = Tensor(np.ones((1, 1, 5, 5)))
    for padding, corner, edge, centre in ((0, 1, 3, 9), (1, 4, 6, 9)):
        seen = ops.col2im(ops.im2col(ones, 3, padding=padding), 5, 3, padding=padding).data[0, 0]
        assert (seen[0, 0], seen[0, 2], seen[2, 2]) == (corner, edge, centre)


def test_relu_may_come_before_or_after_max_pooling_but_not_average_pooling(rng):
    x = Tensor(rng.standard_normal((2, 3, 8, 8)))
    np.testing.assert_array_equal(ops.relu(ops.max_pool2d(x, 2)).data, ops.max_pool2d(ops.relu(x), 2).data)
    assert (ops.relu(ops.avg_pool2d(x, 2)).data < ops.avg_pool2d(ops.relu(x), 2).data).any()


def test_alone_a_small_activation_is_scaled_by_0595_and_none_comes_out_above_522():
    """LRN with AlexNet's numbers: a / (2 + a² / 10,000)^0.75 grows up to a = 200 and falls after it."""

    def alone(a):
        return ops.local_response_norm(Tensor(np.full((1, 1, 1, 1), float(a)))).item()

    assert alone(0.001) / 0.001 == pytest.approx(0.595, abs=5e-4)
    values = [alone(a) for a in range(1, 1001)]
    assert 1 + int(np.argmax(values)) == 200
    assert max(values) == pytest.approx(52.2, abs=0.05)


def test_the_window_of_lrn_is_five_channels_clipped_at_the_ends(rng):
    """Σ from max(0, i - n/2) to min(N - 1, i + n/2) with n/2 an integer."""
    x = rng.standard_normal((1, 9, 1, 1))
    y = ops.local_response_norm(Tensor(x)).data[0, :, 0, 0]
    for i in range(9):
        near = x[0, max(0, i - 2) : min(8, i + 2) + 1, 0, 0]
        assert y[i] == pytest.approx(x[0, i, 0, 0] / (2 + 1e-4 * (near**2).sum()) ** 0.75, rel=1e-14)


@pytest.mark.parametrize("k", [0.25, 2.0, 8.0])
def test_batch_norm_forgets_the_size_of_the_weights(k, rng):
    """BN(k·W) = BN(W) exactly for eps = 0 and k > 0 (a power of two: no rounding), and the gradient of W is 1/k."""
    x, dy = Tensor(rng.standard_normal((4, 2, 5, 5))), rng.standard_normal((4, 3, 5, 5))
    weights, results = rng.standard_normal((3, 2, 3, 3)), []
    for factor in (1.0, k):
        w = Tensor(weights * factor, requires_grad=True)
        y = ops.batch_norm(ops.conv2d(x, w, padding=1), None, None, None, None, training=True, eps=0.0)
        y.backward(dy)
        results.append((y.data, w.grad))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1] * k)


def test_half_the_resolution_and_double_the_channels_cost_the_same():
    """VGG's rule: multiply-adds equal, activations a half, parameters four times."""

    def layer(channels, size):
        x, w = np.empty((1, channels, size, size)), np.empty((channels, channels, 3, 3))
        y = ops.conv2d(Tensor(np.zeros_like(x)), Tensor(np.zeros_like(w)), padding=1)
        return {"macs": w.size * math.prod(y.shape[2:]), "activations": y.numel(), "parameters": w.size}

    before, after = layer(8, 16), layer(16, 8)
    assert after["macs"] == before["macs"]
    assert after["activations"] == before["activations"] / 2
    assert after["parameters"] == before["parameters"] * 4


def test_a_picture_of_224_does_not_fit_alexnets_first_layer_evenly():
    """(224 - 11) / 4 + 1 = 54.25: 227 gives 55, and so does 224 with padding 2."""
    w = Tensor(np.zeros((1, 1, 11, 11), dtype="float32"))

    def rows(size, padding):
        return ops.conv2d(Tensor(np.zeros((1, 1, size, 11), dtype="float32")), w, stride=4, padding=padding).shape[2]

    assert (rows(224, 0), rows(227, 0), rows(224, 2)) == (54, 55, 55)
