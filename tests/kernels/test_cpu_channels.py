"""Local response norm, scaling, concatenation and losses of the fast set against the textbook's."""

import numpy as np
import pytest

from tests.kernels.twins import (
    FAST,
    channels_last,
    equal,
    equal_in_every_order,
    results,
    same_bits_every_time,
    single,
)

SHAPES = [(2, 7, 3, 4), (1, 1, 2, 2), (2, 33, 2, 1), (1, 16, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size", [1, 2, 4, 5, 9, 40])
def test_local_response_norm(shape, size, rng):
    x, dy = single(rng, *shape), single(rng, *shape)
    equal_in_every_order("lrn", x, size, 1.0, 0.75, 2.0)
    _, scale = FAST.lrn(x, size, 1.0, 0.75, 2.0)
    equal_in_every_order("lrn_dx", dy, x, scale, size, 1.0, 0.75)


def test_lrn_of_numbers_that_are_not_finite(rng):
    for number in (np.nan, np.inf, -np.inf, 1e15):
        x = single(rng, 2, 20, 2, 2)
        x[0, 5] = number
        equal("lrn", x, 5, 1e-4, 0.75, 2.0)


@pytest.mark.parametrize("beta", [0.25, 0.5, 0.75, 1.0, 1.25, 2.0])
def test_lrn_of_other_exponents(beta, rng):
    x, dy = single(rng, 2, 20, 3, 2), single(rng, 2, 20, 3, 2)
    equal("lrn", x, 5, 1.0, beta, 2.0)
    equal("lrn_dx", dy, x, FAST.lrn(x, 5, 1.0, beta, 2.0)[1], 5, 1.0, beta)


@pytest.mark.parametrize("beta", [0.0, 0.6, 0.7500001, 3.0])
def test_lrn_of_an_exponent_that_is_no_small_number_of_quarters_is_the_textbooks(beta, rng):
    x = single(rng, 2, 20, 3, 2)
    assert FAST.lrn(x, 5, 1.0, beta, 2.0) is NotImplemented
    assert FAST.lrn_dx(x, x, x, 5, 1.0, beta) is NotImplemented


@pytest.mark.parametrize("shape", [*SHAPES, (2, 83, 7, 5), (3, 128, 3, 3)], ids=str)
def test_scale_channels(shape, rng):
    x, dy, s = single(rng, *shape), single(rng, *shape), single(rng, *shape[:2])
    equal_in_every_order("scale_channels", x, s)
    equal_in_every_order("scale_channels_grads", dy, x, s)
    same_bits_every_time("scale_channels_grads", dy, x, s)


def test_concat_of_channels_and_of_slices_of_channels(rng):
    a, b, c = single(rng, 2, 3, 4, 5), single(rng, 2, 17, 4, 5), channels_last(single(rng, 2, 30, 4, 5))[:, 4:21]
    expected = np.concatenate([a, b, c], axis=1)
    for first in (a, channels_last(a), np.asfortranarray(a)):
        y = FAST.concat((first, b, c), 1)
        np.testing.assert_array_equal(y, expected)
        assert y.transpose(0, 2, 3, 1).flags.c_contiguous
    assert FAST.concat((a, a), 2) is NotImplemented
    np.testing.assert_array_equal(FAST.concat((a, a[:, :0], b), 1), np.concatenate([a, b], axis=1))


@pytest.mark.parametrize("count", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 7, 7), (3, 2, 5)], ids=str)
def test_concat_of_any_number_of_blocks_in_any_order(count, size, rng):
    n, h, width = size
    orders = (
        np.ascontiguousarray,
        channels_last,
        lambda x: np.repeat(channels_last(x), 2, axis=1)[:, ::2],
        lambda x: channels_last(np.concatenate([x, x, x], axis=1))[:, x.shape[1] : -x.shape[1]],
        lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    )
    for turn in range(len(orders)):
        arrays = [single(rng, n, 1 + 11 * number, h, width) for number in range(count)]
        arrays = [orders[(turn + number) % len(orders)](array) for number, array in enumerate(arrays)]
        np.testing.assert_array_equal(FAST.concat(tuple(arrays), 1), np.concatenate(arrays, axis=1))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (4, 1000), (2, 19, 3, 2)], ids=str)
def test_softmax(name, shape, rng):
    x, dy = 3 * single(rng, *shape), single(rng, *shape)
    equal_in_every_order(name, x, 1)
    equal_in_every_order(f"{name}_dx", dy, results(getattr(FAST, name), x, 1)[0], 1)
    for number in (np.nan, np.inf, -np.inf, 1e4, -1e4):
        spoilt = x.copy()
        spoilt[0, 0] = number
        equal(name, spoilt, 1)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("shape", "axis"), [((2, 3, 5, 37), 3), ((3, 4, 20), -1), ((70,), 0), ((2, 3, 1), 2)], ids=str)
def test_softmax_along_the_last_axis(name, shape, axis, rng):
    x, dy = 3 * single(rng, *shape), single(rng, *shape)
    equal_in_every_order(name, x, axis)
    equal_in_every_order(f"{name}_dx", dy, results(getattr(FAST, name), x, axis)[0], axis)


def test_softmax_along_other_axes_is_the_textbooks(rng):
    assert FAST.softmax(single(rng, 2, 3), 0) is NotImplemented
    assert FAST.log_softmax(single(rng, 2, 3, 4), 1) is NotImplemented


@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (5, 1000)], ids=str)
def test_cross_entropy(shape, rng):
    x, t = 3 * single(rng, *shape), rng.random(shape).astype("float32")
    t[0, 0] = 0
    equal_in_every_order("cross_entropy", x, t)
    _, log_p = FAST.cross_entropy(x, t)
    equal_in_every_order("cross_entropy_dx", np.array(0.7, "float32"), log_p, t)
    x[0, 0] = -np.inf  # a class that is ruled out, and not the right one
    equal("cross_entropy", x, t)
    same_bits_every_time("cross_entropy", x, t)


@pytest.mark.parametrize("sizes", [(1, 7, 3), (2, 33, 16), (3, 100, 17), (1, 1, 1), (2, 270, 41)], ids=str)
@pytest.mark.parametrize("activation", ["relu", "relu6", "silu", "hardswish"])
def test_gates_of_squeeze_and_excitation(sizes, activation, rng):
    n, c, m = sizes
    s, w1, w2 = single(rng, n, c), single(rng, m, c), single(rng, c, m)
    for gate in ("sigmoid", "hardsigmoid"):
        for b1, b2 in ((single(rng, m), single(rng, c)), (None, None)):
            equal_in_every_order("excite", s, w1, b1, w2, b2, activation, gate)
    same_bits_every_time("excite", s, w1, None, w2, None, activation, "sigmoid")


def test_gates_of_another_kind_are_refused(rng):
    given = single(rng, 1, 4), single(rng, 2, 4), None, single(rng, 4, 2), None
    with pytest.raises(ValueError, match="excite: gate must be one of 'sigmoid', 'hardsigmoid'"):
        FAST.excite(*given, "relu", "tanh")
    with pytest.raises(ValueError, match=r"excite: expects s \(N, C\), w1 \(M, C\)"):
        FAST.excite(given[0], single(rng, 2, 3), *given[2:], "relu", "sigmoid")
