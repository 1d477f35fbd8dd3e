"""Batch norm of the fast set against the textbook's."""

import numpy as np
import pytest

from minidl.kernels import textbook
from tests.contract import relative_error
from tests.kernels.twins import FAST, channels_last, equal, equal_in_every_order, same_bits_every_time, single

KINDS = (None, "relu", "relu6", "silu", "hardswish")
SHAPES = [(2, 16, 3, 3), (3, 24, 5, 4), (1, 1, 3, 2), (2, 40, 1, 1), (2, 3, 6, 7), (5, 3), (4, 33), (3, 1), (9, 64)]
WIDE = [(2, 64, 9, 5), (3, 200, 5, 7), (2, 144, 3, 3)]  # four vectors side by side, some with a rest, several blocks
SEVERAL_IN_ONE = [(4, 24, 4, 4), (16, 3, 8, 8), (3, 80, 2, 2), (2, 96, 7, 12), (64, 33), (128, 1)]


def drawn(rng, shape):
    x = 3 * single(rng, *shape) + 1
    return x, single(rng, shape[1]), single(rng, shape[1])


@pytest.mark.parametrize("shape", SHAPES + WIDE + SEVERAL_IN_ONE, ids=str)
@pytest.mark.parametrize("activation", KINDS)
def test_equals_its_twin(shape, activation, rng):
    x, w, b = drawn(rng, shape)
    dy, residual = single(rng, *shape), single(rng, *shape)
    _, mean, rstd = textbook.batch_norm(x.astype("float64"), w, b, 1e-5)
    for added in (None, residual):
        equal("batch_norm_fused", x, w, b, 1e-5, activation, added)
        equal("batch_norm_eval_fused", x, w, b, mean, rstd, activation, added)
    for name in ("batch_norm_fused_grads", "batch_norm_eval_fused_grads"):
        equal(name, dy, x, w, b, mean, rstd, activation, None, None)


@pytest.mark.parametrize("shape", [(2, 16, 3, 3), (3, 24, 5, 4), (5, 3), (9, 64), *WIDE, *SEVERAL_IN_ONE], ids=str)
@pytest.mark.parametrize("activation", KINDS[1:])
def test_a_residual_gets_its_gradient_in_the_same_pass(shape, activation, rng):
    """Whether its slope is read off the result or z is made again with the residual."""
    x, w, b = drawn(rng, shape)
    dy, shows = single(rng, *shape), 4 * single(rng, *shape)
    _, mean, rstd = textbook.batch_norm(x.astype("float64"), w, b, 1e-5)
    for name in ("batch_norm_fused_grads", "batch_norm_eval_fused_grads"):
        for residual, y in ((shows, None), (None, shows)):
            equal(name, dy, x, w, b, mean, rstd, activation, residual, y)
            assert getattr(FAST, name)(dy, x, w, b, mean, rstd, activation, residual, y)[3].shape == shape


@pytest.mark.parametrize("shape", [(2, 16, 3, 3), (5, 3), (2, 144, 3, 3)], ids=str)
def test_the_plain_forms_equal_their_twins(shape, rng):
    x, w, b = drawn(rng, shape)
    _, mean, rstd = textbook.batch_norm(x.astype("float64"), w, b, 1e-5)
    equal_in_every_order("batch_norm", x, w, b, 1e-5)
    equal_in_every_order("batch_norm_eval", x, w, b, mean, rstd)
    for name in ("batch_norm_grads", "batch_norm_eval_grads"):
        equal_in_every_order(name, single(rng, *shape), x, w, mean, rstd)


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (6, 5)], ids=str)
def test_in_every_memory_order(shape, rng):
    x, w, b = drawn(rng, shape)
    dy, residual = single(rng, *shape), single(rng, *shape)
    _, mean, rstd = textbook.batch_norm(x.astype("float64"), w, b, 1e-5)
    equal_in_every_order("batch_norm_fused", x, w, b, 1e-5, "relu", residual)
    for y in (None, residual):
        equal_in_every_order("batch_norm_fused_grads", dy, x, w, b, mean, rstd, "relu", None, y)


@pytest.mark.parametrize("shape", [(2, 20, 3, 4), (1, 20, 1, 4), (3, 20, 1, 1), (7, 20)], ids=str)
def test_a_slice_of_the_channels_of_a_wider_block_is_read_where_it_is(shape, rng, monkeypatch):
    from minidl.kernels.cpu.memory import layout

    monkeypatch.setattr(layout, "rows", None)  # which would copy
    wide = single(rng, *shape)
    x = (channels_last(wide) if len(shape) == 4 else wide)[:, 3:15]
    w, b = single(rng, 12), single(rng, 12)
    _, mean, rstd = textbook.batch_norm(x.astype("float64"), w, b, 1e-5)
    equal("batch_norm_fused", x, w, b, 1e-5, "relu6", x)
    for y in (None, x):
        equal("batch_norm_fused_grads", x, x, w, b, mean, rstd, "relu6", None, y)


@pytest.mark.parametrize("mean", [0.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("first", [0.0, 1e3, 1e4])
@pytest.mark.parametrize("pixel", [0, 360 // 7, 3 * 360 // 7, 5 * 360 // 7])
def test_a_large_mean_costs_no_digits(mean, first, pixel, rng):
    """Nor does a number that lies far away from all others, be it one of those from which x₀ is taken."""
    x = channels_last(single(rng, 8, 3, 9, 5) + np.float32(mean))
    x.transpose(0, 2, 3, 1).reshape(360, 3)[pixel] = first
    w, b, dy = single(rng, 3), single(rng, 3), channels_last(single(rng, 8, 3, 9, 5))
    equal("batch_norm", x, w, b, 1e-5, tolerance=1e-6)
    _, mean, rstd = textbook.batch_norm(x.astype("float64"), w, b, 1e-5)
    for found, right in zip(
        FAST.batch_norm_grads(dy, x, w, mean, rstd),
        textbook.batch_norm_grads(dy.astype("float64"), x.astype("float64"), w, mean, rstd),
        strict=True,
    ):
        assert relative_error(found, right) <= 2e-6


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_what_is_not_finite_spoils_its_channel_and_no_other(number, place, rng):
    x, w, b = drawn(rng, (6, 20))
    x[place, 2] = number
    with np.errstate(all="ignore"):
        equal("batch_norm_fused", x, w, b, 1e-5, "relu", None)
        mean, rstd = np.zeros(20), np.ones(20)
        equal("batch_norm_eval_fused", x, w, b, mean, rstd, "relu", None)
        equal("batch_norm_eval_grads", single(rng, 6, 20), x, w, mean, rstd)


def test_same_bits_every_time_and_from_two_threads(rng):
    x, w, b = drawn(rng, (4, 40, 9, 9))
    same_bits_every_time("batch_norm_fused", x, w, b, 1e-5, "silu", None)
    same_bits_every_time("batch_norm_fused_grads", x, x, w, b, np.zeros(40), np.ones(40), "silu", x, None)


def test_float64_is_the_textbooks(rng):
    x = rng.standard_normal((4, 3))
    assert FAST.batch_norm(x, np.ones(3), np.zeros(3), 1e-5, None, None) is NotImplemented
