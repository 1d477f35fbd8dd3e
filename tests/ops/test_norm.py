"""Normalisation beyond the contract: running statistics, extreme numbers, conventions."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, ops
from tests.contract import assert_close, relative_error


def batch_norm(x, w=None, b=None, mean=None, var=None, **settings):
    return ops.batch_norm(Tensor(x), w, b, mean, var, **{"training": True, **settings})


# ---------------------------------------------------------------------------------------------- running statistics


def test_training_updates_the_running_arrays_in_place_and_evaluation_does_not(rng):
    x = rng.standard_normal((4, 3, 2, 2))
    mean, var = np.zeros(3), np.ones(3)
    batch_norm(x, mean=mean, var=var, momentum=0.25)
    assert_close(mean, 0.25 * x.mean(axis=(0, 2, 3)))
    assert_close(var, 0.75 + 0.25 * x.var(axis=(0, 2, 3), ddof=1))
    before = mean.copy(), var.copy()
    batch_norm(x, mean=mean, var=var, training=False)
    np.testing.assert_array_equal([mean, var], before)


def test_normalising_is_biased_and_the_running_variance_is_not(rng):
    x = rng.standard_normal((2, 1))
    mean, var = np.zeros(1), np.zeros(1)
    y = batch_norm(x, mean=mean, var=var, momentum=1.0, eps=0.0).data
    assert_close(y, np.sign(x - x.mean()))  # two values are always 1 standard deviation from their mean
    assert_close(var, (x[0] - x[1]) ** 2 / 2)


def test_momentum_0_keeps_and_1_replaces(rng):
    x = rng.standard_normal((5, 2))
    mean, var = np.full(2, 7.0), np.full(2, 8.0)
    batch_norm(x, mean=mean, var=var, momentum=0.0)
    np.testing.assert_array_equal([mean, var], [[7.0, 7.0], [8.0, 8.0]])
    batch_norm(x, mean=mean, var=var, momentum=1)
    assert_close(mean, x.mean(axis=0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_running_variance_is_exact_however_small_it_is(dtype, scale, rng):
    """It is recovered from 1 / √(var + eps), where a tiny variance stands beside a much larger eps."""
    x = (rng.standard_normal((64, 2)) * scale).astype(dtype)
    mean, var = np.zeros(2, dtype), np.zeros(2, dtype)
    batch_norm(x, mean=mean, var=var, momentum=1.0)
    exact = x.astype("float64").var(axis=0, ddof=1)
    assert relative_error(var, exact) <= 1e-6


def test_the_gradients_of_a_step_use_the_statistics_of_that_step(rng):
    """Two steps, then backward of the first: nothing of it has moved."""
    x, dy, mean, var = rng.standard_normal((6, 2)), rng.standard_normal((6, 2)), np.zeros(2), np.ones(2)
    gradients = []
    for later in (False, True):
        tensor = Tensor(x, requires_grad=True)
        y = ops.batch_norm(tensor, None, None, mean, var, training=True)
        if later:
            batch_norm(5 * x + 1, mean=mean, var=var)
        y.backward(dy)
        gradients.append(tensor.grad)
    np.testing.assert_array_equal(*gradients)


# ---------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("mean", [0.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
def test_a_large_mean_costs_no_digits(mean, order, rng):
    """float32 against float64 on the same numbers; Σ x² / M - mean² would be wrong by 300 times at 10,000."""
    x = (rng.standard_normal((8, 3, 7, 5)) + mean).astype("float32")
    dy, w, b = (rng.standard_normal(shape).astype("float32") for shape in (x.shape, (3,), (3,)))
    if order == "NHWC":
        x, dy = (np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for array in (x, dy))
    results = []
    for dtype in ("float32", "float64"):
        tensors = [Tensor(array.astype(dtype), requires_grad=True) for array in (x, w, b)]
        y = ops.batch_norm(*tensors, None, None, training=True)
        y.backward(dy.astype(dtype))
        results.append([y.data, *(tensor.grad for tensor in tensors)])
    for single, exact in zip(*results, strict=True):
        assert relative_error(single, exact) <= 1e-6


def test_many_numbers_are_summed_without_drift():
    """A million equal numbers: in float32 their running sum would be wrong in the third digit."""
    x = np.full((16, 1, 250, 250), 0.1, dtype="float32")
    mean, var = np.zeros(1, "float32"), np.zeros(1, "float32")
    y = batch_norm(x.transpose(0, 1, 3, 2), mean=mean, var=var, momentum=1.0).data
    assert mean[0] == np.float32(0.1)
    assert var[0] < 1e-18
    assert abs(y).max() < 1e-9


def test_a_constant_channel_becomes_its_bias():
    y = batch_norm(np.full((4, 1), 3.0), b=Tensor(np.array([0.5])))
    np.testing.assert_array_equal(y.data, np.full((4, 1), 0.5))


@pytest.mark.parametrize("activation", ["relu", "relu6", "silu", "hardswish"])
@pytest.mark.parametrize("training", [True, False])
def test_a_fused_activation_equals_the_two_steps(activation, training, rng):
    arrays = rng.standard_normal((4, 3, 5, 5)), 4 + rng.standard_normal(3), rng.standard_normal(3)
    dy, results = rng.standard_normal((4, 3, 5, 5)), []
    for fused in (True, False):
        tensors, running = [Tensor(array, requires_grad=True) for array in arrays], (np.zeros(3), np.full(3, 0.3))
        y = ops.batch_norm(*tensors, *running, training=training, activation=activation if fused else None)
        y = y if fused else getattr(ops, activation)(y)
        y.backward(dy)
        results.append([y.data, *(tensor.grad for tensor in tensors)])
    for fused, plain in zip(*results, strict=True):
        assert_close(fused, plain)


def test_fused_add_and_scale_equal_the_two_steps(rng):
    arrays, dy, results = rng.standard_normal((3, 2, 3, 4, 5)), rng.standard_normal((2, 3, 4, 5)), []
    gates = rng.standard_normal((2, 3))
    for fused in (True, False):
        a, b, s = (Tensor(array, requires_grad=True) for array in (*arrays[:2], gates))
        if fused:
            y = ops.add(a, ops.scale_channels(b, s), activation="relu")
        else:
            y = ops.relu(a + b * s.reshape(2, 3, 1, 1))
        y.backward(dy)
        results.append([y.data, a.grad, b.grad, s.grad])
    for fused, plain in zip(*results, strict=True):
        assert_close(fused, plain)


def test_choices_tell_on_which_side_of_a_kink_each_number_lies():
    seen = []
    with minidl.observe(lambda event: seen.append(event.choices)):
        x = np.array([[-9.0], [2.0], [9.0]])
        for activation in (None, "relu", "relu6", "silu", "hardswish"):
            batch_norm(x, mean=np.zeros(1), var=np.ones(1), training=False, eps=0.0, activation=activation)
        ops.add(Tensor(x), Tensor(x), activation="relu")
    assert [None if choice is None else choice.ravel().tolist() for choice in seen] == [
        None,
        [False, True, True],
        [0, 1, 2],
        None,
        [0, 1, 2],
        [False, True, True],
    ]


# ---------------------------------------------------------------------------------------------- local response norm


@pytest.mark.parametrize("size", [1, 2, 4, 5, 8])
def test_torch_divides_alpha_by_size_and_the_paper_does_not(size, rng):
    x = Tensor(rng.standard_normal((2, 6, 3, 2)))
    paper = ops.local_response_norm(x, size, alpha=0.5)
    torch = ops.local_response_norm(x, size, alpha=0.5 * size, convention="torch")
    np.testing.assert_array_equal(paper.data, torch.data)


def test_lrn_of_huge_and_of_zero_activations():
    x = Tensor(np.array([0.0, 1e15, 0.0, -1e15], "float32").reshape(1, 4, 1, 1), requires_grad=True)
    y = ops.local_response_norm(x)
    y.backward(np.ones_like(y.data))
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad).all()
    assert y.data[0, 0, 0, 0] == 0


@pytest.mark.parametrize("training", [True, False])
def test_an_empty_batch_gives_an_empty_result(training):
    """N = 0: evaluation has nothing to do; training has nothing to measure, and says so."""
    mean, var = np.zeros(3), np.ones(3)
    if training:
        with pytest.raises(ValueError, match="= 0"):
            batch_norm(np.zeros((0, 3, 2, 2)), mean=mean, var=var)
    else:
        assert batch_norm(np.zeros((0, 3, 2, 2)), mean=mean, var=var, training=False).shape == (0, 3, 2, 2)
