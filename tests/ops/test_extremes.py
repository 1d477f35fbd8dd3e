"""Numbers that break careless formulas: huge, tiny, infinite, equal, on a kink."""

import numpy as np
import pytest

from minidl import Tensor, ops
from tests.contract import assert_close

SMOOTH = [ops.sigmoid, ops.tanh, ops.scaled_tanh, ops.silu]
HUGE = np.array([-1e4, -700.0, -90.0, 0.0, 90.0, 700.0, 1e4])


def gradient(f, x, dy=None):
    t = Tensor(np.asarray(x), requires_grad=True)
    y = f(t)
    y.backward(np.ones_like(y.data) if dy is None else dy)
    return y.data, t.grad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
class TestHugeNumbers:
    @pytest.mark.parametrize(
        "f",
        [
            ops.sigmoid,
            ops.tanh,
            ops.scaled_tanh,
            ops.silu,
            ops.hardsigmoid,
            ops.hardswish,
            ops.gelu,
            lambda t: ops.gelu(t, "tanh"),
            ops.elu,
            ops.softplus,
            ops.softmax,
            ops.log_softmax,
        ],
    )
    def test_result_and_gradient_are_finite(self, f, dtype):
        y, dx = gradient(f, HUGE.astype(dtype))
        assert np.isfinite(y).all()
        assert np.isfinite(dx).all()

    def test_sigmoid_reaches_its_limits_and_keeps_small_results(self, dtype):
        y, dx = gradient(ops.sigmoid, HUGE.astype(dtype))
        np.testing.assert_array_equal(y[[0, 3, 6]], [0, 0.5, 1])
        np.testing.assert_array_equal(dx[[0, 3, 6]], [0, 0.25, 0])
        assert abs(y[2] / np.exp(-90) - 1) < 1e-5  # not 0: relative precision in the tail

    def test_softmax_of_huge_logits(self, dtype):
        y, dx = gradient(ops.softmax, np.array([[1e4, -1e4, 1e4], [1e30, 0, 0]], dtype=dtype))
        np.testing.assert_array_equal(y, [[0.5, 0, 0.5], [1, 0, 0]])
        np.testing.assert_array_equal(dx, 0)

    @pytest.mark.parametrize("label", [0, 1])
    def test_cross_entropy_of_logits_of_ten_thousand(self, label, dtype):
        loss, dx = gradient(
            lambda t: ops.cross_entropy(t, np.array([label])), np.array([[1e4, -1e4]], dtype=dtype), None
        )
        assert loss == 2e4 * label
        np.testing.assert_array_equal(dx, [[label, -label]])

    def test_cross_entropy_smoothed(self, dtype):
        logits = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype=dtype)
        loss, dx = gradient(lambda t: ops.cross_entropy(t, np.array([0, 0]), label_smoothing=0.1), logits)
        assert_close(loss, (0.05 * 2e4 + 0.95 * 2e4) / 2, dtype)
        assert np.isfinite(dx).all()


class TestInfinity:
    def test_a_class_that_is_ruled_out(self):
        logits = np.array([[0.0, -np.inf, 0.0]])
        loss, dx = gradient(lambda t: ops.cross_entropy(t, np.array([2])), logits)
        assert_close(loss, np.log(2))
        assert_close(dx, [[0.5, 0, -0.5]])

    def test_softmax_gives_it_nothing(self):
        y, dx = gradient(ops.softmax, np.array([0.0, -np.inf]))
        np.testing.assert_array_equal(y, [1, 0])
        np.testing.assert_array_equal(dx, [0, 0])

    @pytest.mark.parametrize("f", [ops.relu, ops.relu6, ops.sigmoid, ops.tanh, ops.silu, ops.hardswish, ops.softmax])
    def test_nan_is_not_hidden(self, f):
        assert np.isnan(f(Tensor([1.0, np.nan])).data[1])

    def test_max_finds_nan(self):
        assert np.isnan(Tensor([1.0, np.nan, 3.0]).max().item())


class TestOnAKink:
    """The slope there is a convention; ours is PyTorch's."""

    @pytest.mark.parametrize(
        ("f", "x", "slopes"),
        [
            (ops.relu, [0.0], [0]),
            (lambda t: ops.leaky_relu(t, 0.25), [0.0], [0.25]),
            (ops.relu6, [0.0, 6.0], [0, 0]),
            (ops.hardsigmoid, [-3.0, 3.0], [0, 0]),
            (ops.hardswish, [-3.0, 3.0], [0, 1]),
            (ops.abs, [0.0], [0]),
            (lambda t: ops.clip(t, -1, 0.1), [-1.0, 0.1], [0, 0]),
            (lambda t: ops.power(t, 0), [0.0], [0]),
            (lambda t: ops.power(t, 1), [0.0], [1]),
            (lambda t: ops.power(t, 2), [0.0], [0]),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_slope(self, f, x, slopes, dtype):
        _, dx = gradient(f, np.array(x, dtype=dtype))
        np.testing.assert_array_equal(dx, slopes)

    def test_the_first_of_equal_maxima_gets_the_gradient(self):
        x = np.array([[1.0, 3.0, 3.0], [3.0, 2.0, 3.0]])
        _, dx = gradient(lambda t: t.max(axis=1), x)
        np.testing.assert_array_equal(dx, [[0, 1, 0], [1, 0, 0]])
        _, dx = gradient(lambda t: t.max(), x)
        np.testing.assert_array_equal(dx, [[0, 1, 0], [0, 0, 0]])
        _, dx = gradient(lambda t: t.max(axis=(1, 0)), x)
        np.testing.assert_array_equal(dx, [[0, 1, 0], [0, 0, 0]])


class TestTargets:
    def test_one_hot_probabilities_equal_class_indices(self, rng):
        x = rng.standard_normal((5, 4))
        labels = rng.integers(0, 4, 5)
        for smoothing in (0.0, 0.3):
            loss, dx = gradient(lambda t, s=smoothing: ops.cross_entropy(t, labels, label_smoothing=s), x)
            other, other_dx = gradient(
                lambda t, s=smoothing: ops.cross_entropy(t, np.eye(4)[labels], label_smoothing=s), x
            )
            assert_close(loss, other)
            assert_close(dx, other_dx)

    def test_labels_may_be_a_list_or_a_tensor(self):
        x = Tensor([[1.0, 2.0], [3.0, 1.0]])
        a, b, c = (
            ops.cross_entropy(x, labels).item() for labels in ([1, 0], np.array([1, 0]), Tensor(np.array([1, 0])))
        )
        assert a == b == c


KEEPS_ORDER = {
    "relu": ops.relu,
    "leaky_relu": ops.leaky_relu,
    "relu6": ops.relu6,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "scaled_tanh": ops.scaled_tanh,
    "silu": ops.silu,
    "hardsigmoid": ops.hardsigmoid,
    "hardswish": ops.hardswish,
    "gelu": ops.gelu,
    "elu": ops.elu,
    "softplus": ops.softplus,
    "group_norm": lambda x: ops.group_norm(x, 3),
    "layer_norm": lambda x: ops.layer_norm(x, (3, 4, 5)),
    "dropout2d": lambda x: ops.dropout2d(x, 0.5, training=True),
    "interpolate": lambda x: ops.interpolate(ops.interpolate(x, scale_factor=2, mode="bilinear"), (4, 5)),
    "l1_loss": lambda x: ops.l1_loss(x, Tensor(x.data.copy(order="C")), reduction="none"),
    "smooth_l1_loss": lambda x: ops.smooth_l1_loss(x, Tensor(x.data.copy(order="C")), reduction="none"),
    "softmax": lambda x: ops.softmax(x, 1),
    "log_softmax": lambda x: ops.log_softmax(x, 1),
    "dropout": lambda x: ops.dropout(x, 0.5, training=True),
    "stochastic_depth": lambda x: ops.stochastic_depth(x, 0.5, training=True),
    "exp": ops.exp,
    "log": lambda x: ops.log(ops.abs(x)),
    "sqrt": lambda x: ops.sqrt(ops.abs(x)),
    "clip": lambda x: ops.clip(x, -1, 1),
    "where": lambda x: ops.where(x.data > 0, x, 0.0),
    "power": lambda x: x**2,
    "add": lambda x: x + x,
    "subtract": lambda x: x - 1.0,
    "multiply": lambda x: 2.0 * x,
    "divide": lambda x: x / x,
    "concat": lambda x: ops.concat([x, x], 1)[:, :3],
    "pad": lambda x: ops.pad(x, 1)[:, :, 1:-1, 1:-1],
    "channel_shuffle": lambda x: ops.channel_shuffle(x, 3),
    "index": lambda x: x[:],
}


@pytest.mark.parametrize("name", KEEPS_ORDER)
def test_channels_last_stays_channels_last(name, rng):
    """Both ways: long runs in memory are what makes the next layer fast."""
    array = rng.standard_normal((2, 4, 5, 3)).transpose(0, 3, 1, 2)  # (N, C, H, W), and C runs fastest
    x = Tensor(array, requires_grad=True)
    y = KEEPS_ORDER[name](x)
    assert y.data.strides == array.strides
    y.backward(np.ones((2, 4, 5, 3)).transpose(0, 3, 1, 2))
    assert x.grad.strides == array.strides


@pytest.mark.parametrize("norm", [lambda x: ops.group_norm(x, 2), lambda x: ops.layer_norm(x, (4, 5, 5))])
def test_a_picture_around_ten_thousand_is_normalised_as_well_as_one_around_0(norm, rng):
    x = (rng.standard_normal((3, 4, 5, 5)) + 10_000).astype("float32")
    dy = rng.standard_normal(x.shape).astype("float32")
    for ours, exact in zip(gradient(norm, x, dy), gradient(norm, x.astype("float64"), dy.astype("float64"))):
        assert_close(ours, exact, "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_of_logits_of_ten_thousand(dtype):
    x, t = np.array([1e4, -1e4, 1e4, -1e4], dtype), np.array([1, 0, 0, 1], dtype)
    loss, dx = gradient(lambda x: ops.binary_cross_entropy_with_logits(x, Tensor(t), reduction="none"), x)
    np.testing.assert_array_equal(loss, [0, 0, 1e4, 1e4])
    np.testing.assert_array_equal(dx, [0, 0, 1, -1])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_one_bad_pixel_stays_among_its_neighbours(wrong):
    """Nobody else's number may hang on it: what has no share of a pixel does not multiply it with 0."""
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = wrong
    for settings, reach in (({}, 2), ({"mode": "bilinear"}, 4), ({"mode": "bilinear", "align_corners": True}, 3)):
        y = ops.interpolate(Tensor(x), 9 if "align_corners" in settings else 10, **settings).data[0, 0]
        assert (~np.isfinite(y)).sum() == reach**2
