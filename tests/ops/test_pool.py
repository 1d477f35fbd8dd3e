"""Pooling beyond the contract: ties, NaN, negative pictures, large windows."""

import numpy as np
import pytest

from minidl import Tensor, kernels, no_grad, observe, ops
from minidl.kernels import textbook
from minidl.kernels.textbook.pool import winner_dtype


def max_pool(x, kernel_size=2, dtype="float64", **settings):
    """Return the result and, for a gradient of ones, where it went."""
    tensor = Tensor(np.array(x, dtype)[None, None], requires_grad=True)
    y = ops.max_pool2d(tensor, kernel_size, **settings)
    y.backward(np.ones_like(y.data))
    return y.data[0, 0], tensor.grad[0, 0]


def test_a_border_counts_as_minus_infinity_so_negative_numbers_stay():
    y, dx = max_pool(-np.ones((3, 3)), 3, stride=2, padding=1)
    np.testing.assert_array_equal(y, -np.ones((2, 2)))
    assert dx.sum() == 4


def test_of_equal_numbers_the_first_in_reading_order_gets_the_whole_gradient():
    _, dx = max_pool([[5, 5, 1], [5, 5, 5], [0, 5, 5]], 2, stride=1)
    np.testing.assert_array_equal(dx, [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_the_first_of_equal_numbers_is_looked_for_inside_the_picture():
    """Even where the whole picture is -inf, as the border is, the gradient goes to a pixel."""
    y, dx = max_pool(np.full((2, 2), -np.inf), 2, stride=1, padding=1)
    assert (y == -np.inf).all()
    assert dx.sum() == 9
    np.testing.assert_array_equal(dx, [[4, 2], [2, 1]])


def test_a_pixel_that_wins_in_several_windows_gets_all_their_gradients():
    _, dx = max_pool([[0, 0, 0], [0, 9, 0], [0, 0, 0]], 2, stride=1)
    assert dx[1, 1] == 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_not_lost(dtype):
    y, _ = max_pool([[1, np.nan, 3, 4], [5, 6, 7, 8]], dtype=dtype)
    np.testing.assert_array_equal(y, [[np.nan, 8]])


@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
def test_winners_are_looked_for_only_where_somebody_wants_them(kernel_set, monkeypatch, rng):
    asked = []
    original = kernels.max_pool2d
    monkeypatch.setattr(
        kernels,
        "max_pool2d",
        lambda *args, **named: asked.append(named.get("with_winners")) or original(*args, **named),
    )
    x = Tensor(rng.standard_normal((1, 3, 4, 6)).astype("float32"), requires_grad=True)
    with kernels.use(kernel_set):
        y = ops.max_pool2d(x, 2)
        assert asked == [None]
        with no_grad():
            np.testing.assert_array_equal(ops.max_pool2d(x, 2).data, y.data)
        assert asked == [None, False]
        seen = []
        with no_grad(), observe(lambda event: seen.append(event.choices)):
            ops.max_pool2d(x, 2)
    np.testing.assert_array_equal(seen[0], y._node.ctx.saved[0])


@pytest.mark.parametrize("reduce", [ops.adaptive_avg_pool2d, lambda x, size: ops.avg_pool2d(x, 2)])
def test_an_infinite_pixel_stays_in_its_window(reduce):
    """Averages are sums over the window, not products with a matrix of zeros: inf · 0 would be NaN everywhere."""
    x = np.zeros((1, 1, 4, 4))
    x[0, 0, 0, 0] = np.inf
    np.testing.assert_array_equal(reduce(Tensor(x), 2).data[0, 0], [[np.inf, 0], [0, 0]])


@pytest.mark.parametrize(
    ("kernel_size", "dtype"),
    [((1, 1), "uint8"), ((16, 16), "uint8"), ((1, 257), "uint16"), ((256, 256), "uint16"), ((257, 256), "uint32")],
)
def test_winners_take_the_smallest_type_that_can_number_the_taps(kernel_size, dtype):
    assert winner_dtype(kernel_size) == dtype


def test_a_window_of_more_than_65536_taps():
    x = np.zeros((1, 1, 1, 65_600))
    x[..., 65_590] = 1
    y, winners = textbook.max_pool2d(x, (1, 65_600), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1))
    assert (y.item(), winners.item()) == (1, 65_590)


def test_global_pooling_is_adaptive_pooling_to_one(rng):
    x = Tensor(rng.standard_normal((2, 3, 5, 4)))
    one = ops.adaptive_avg_pool2d(x, 1)
    assert one.shape == (2, 3, 1, 1)
    np.testing.assert_allclose(ops.global_avg_pool2d(x).data, one.data[:, :, 0, 0], rtol=1e-14)


def test_adaptive_pooling_to_the_same_size_changes_nothing(rng):
    x = Tensor(rng.standard_normal((2, 3, 5, 4)))
    for size in ((5, 4), (None, None), (5, None), None):
        np.testing.assert_array_equal(ops.adaptive_avg_pool2d(x, size).data, x.data)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_googlenets_and_resnets_first_pooling(ceil_mode):
    """112 becomes 56 in both papers: GoogLeNet by ceil_mode, ResNet by padding."""
    x = Tensor(np.zeros((1, 1, 112, 112), "float32"))
    settings = {"ceil_mode": True} if ceil_mode else {"padding": 1}
    assert ops.max_pool2d(x, 3, stride=2, **settings).shape == (1, 1, 56, 56)


@pytest.mark.parametrize("pool", [ops.max_pool2d, ops.avg_pool2d])
def test_an_empty_batch(pool):
    x = Tensor(np.zeros((0, 3, 4, 4)), requires_grad=True)
    y = pool(x, 2)
    assert y.shape == (0, 3, 2, 2)
    y.backward(y.data)
    assert x.grad.shape == x.shape
