"""A mask selects, it does not multiply: what comes from above where a function is flat does not matter, not even NaN.

Each case is an operation with a kink and the places where it is flat. There dy is infinite or NaN, and every gradient
must be, to the last bit, the one that dy = 0 at these places gives.
"""

import inspect
import itertools

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from minidl.tensor import Function
from tests.kernels.twins import channels_last

SHAPE = (4, 19, 5, 6)
BAD = (np.nan, np.inf, -np.inf)


def values(rng, shape=SHAPE):
    """Numbers on both sides of all kinks, on them, and far away."""
    x = 4 * rng.standard_normal(shape)
    x.reshape(-1)[: x.size // 3] = rng.choice([-1e4, -3, -1, 0, 1, 3, 6, 1e4], x.size // 3)
    return x


def elementwise(function, flat):
    def case(rng, _):
        x = values(rng)
        return function, [x], flat(x)

    return case


def where(taken):
    def case(rng, _):
        condition = rng.random(SHAPE) < 0.5
        other = 0.5
        if taken == "a":
            return lambda a: ops.where(condition, a, other), [values(rng)], ~condition
        return lambda b: ops.where(condition, other, b), [values(rng)], condition

    return case


def repeated(rng, _):
    """The gradient of a repeated operand is summed: one NaN would spoil all of it."""
    condition = rng.random(SHAPE) < 0.5
    return lambda a: ops.where(condition, a, 0.5), [values(rng, (1, SHAPE[1], 1, 1))], ~condition


def dropped(operation, shape, p=0.5):
    def case(rng, _):
        keep = np.random.default_rng(5).random(shape, dtype=np.float32) >= p
        call = lambda x: operation(x, p, training=True, rng=np.random.default_rng(5))  # noqa: E731
        return call, [rng.standard_normal(SHAPE)], np.broadcast_to(~keep, SHAPE)

    return case


def add_relu(rng, dtype):
    a, b = rng.standard_normal(SHAPE).astype(dtype), rng.standard_normal(SHAPE[1:]).astype(dtype)
    return lambda a, b: ops.add(a, b, activation="relu"), [a, b], a + b <= 0


FLAT = {
    "relu": lambda z: z <= 0,
    "relu6": lambda z: (z <= 0) | (z >= 6),
    "hardswish": lambda z: z <= -3,
}


def normed(activation, training, with_residual):
    def case(rng, _):
        x, residual = rng.standard_normal(SHAPE), rng.standard_normal(SHAPE)
        w, b = 4 + rng.random(SHAPE[1]), rng.standard_normal(SHAPE[1])
        mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
        z = (x - mean[:, None, None]) / np.sqrt(var + 1e-5)[:, None, None] * w[:, None, None] + b[:, None, None]
        z = z + residual if with_residual else z
        near = np.min([np.abs(z - kink) for kink in (-3, 0, 6)], axis=0) < 1e-3  # rounding may turn them over

        def call(x, w, b, *residual):
            running = [array.astype(x.dtype) for array in (mean, var)]
            return ops.batch_norm(
                x, w, b, *running, training=training, activation=activation, residual=residual[0] if residual else None
            )

        return call, [x, w, b, *[residual] * with_residual], FLAT[activation](z) & ~near

    return case


def fused(activation):
    def case(rng, _):
        x, w, b = rng.standard_normal((2, 5, 7, 8)), rng.standard_normal((SHAPE[1], 5, 3, 3)), np.zeros(SHAPE[1])
        z = ops.conv2d(Tensor(x), Tensor(w), Tensor(b)).data
        near = np.min([np.abs(z - kink) for kink in (-3, 0, 6)], axis=0) < 1e-3
        return lambda *args: ops.conv2d_fused(*args, activation=activation), [x, w, b], FLAT[activation](z) & ~near

    return case


CASES = {
    "Relu": elementwise(ops.relu, FLAT["relu"]),
    "Relu6": elementwise(ops.relu6, FLAT["relu6"]),
    "LeakyRelu, slope 0": elementwise(lambda x: ops.leaky_relu(x, 0.0), FLAT["relu"]),
    "Hardsigmoid": elementwise(ops.hardsigmoid, lambda x: (x <= -3) | (x >= 3)),
    "Hardswish": elementwise(ops.hardswish, FLAT["hardswish"]),
    "Elu, alpha 0": elementwise(lambda x: ops.elu(x, 0), FLAT["relu"]),
    "L1Loss": elementwise(lambda x: ops.l1_loss(x, Tensor(0 * x.data), reduction="none"), lambda x: x == 0),
    "SmoothL1Loss, beta 0": elementwise(
        lambda x: ops.smooth_l1_loss(x, Tensor(0 * x.data), reduction="none", beta=0), lambda x: x == 0
    ),
    "Abs": elementwise(ops.abs, lambda x: x == 0),
    "Clip": elementwise(lambda x: ops.clip(x, -1, 3), lambda x: (x <= -1) | (x >= 3)),
    "Clip, low": elementwise(lambda x: ops.clip(x, low=1), lambda x: x <= 1),
    "Clip, high": elementwise(lambda x: ops.clip(x, high=1), lambda x: x >= 1),
    "Where, a": where("a"),
    "Where, b": where("b"),
    "Where, repeated": repeated,
    "Dropout": dropped(ops.dropout, SHAPE),
    "Dropout2d": dropped(ops.dropout2d, (*SHAPE[:2], 1, 1)),
    "StochasticDepth": dropped(ops.stochastic_depth, (SHAPE[0], 1, 1, 1)),
    "StochasticDepth, all": dropped(
        lambda x, p, **rest: ops.stochastic_depth(x, p, mode="batch", **rest), (1,) * 4, 0.9
    ),
    "AddRelu": add_relu,
    **{
        f"BatchNorm{'' if training else 'Eval'}, {activation}{', residual' * residual}": normed(
            activation, training, residual
        )
        for activation, training, residual in itertools.product(FLAT, (True, False), (False, True))
    },
    **{f"Conv2dFused, {activation}": fused(activation) for activation in FLAT},
}
SPREADING = {"Max", "MaxPool2d", "RoiPool"}  # every number of dy counts at its winner; see below
STEEP = {"Softplus"}  # chooses, but is flat nowhere


def gradients(function, arrays, dy, layout):
    tensors = [Tensor(layout(array), requires_grad=True) for array in arrays]
    y = function(*tensors)
    y.backward(layout(dy.astype(y.dtype)))
    return [tensor.grad for tensor in tensors]


def in_order(layout):
    return lambda array: channels_last(array) if layout == "channels-last" and array.ndim == 4 else array


@pytest.mark.parametrize("layout", ["C", "channels-last"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
@pytest.mark.parametrize("name", CASES)
def test_what_a_mask_leaves_out_does_not_matter(name, kernel_set, dtype, layout):
    rng = np.random.default_rng(0)
    function, arrays, flat = CASES[name](rng, dtype)
    arrays = [array.astype(dtype) for array in arrays]
    dy = rng.standard_normal(flat.shape)
    clean, bad = np.where(flat, 0, dy), dy.copy()
    assert flat.any()
    bad[flat] = np.resize(BAD, flat.sum())
    with kernels.use(kernel_set), np.errstate(invalid="ignore"):
        found, right = (gradients(function, arrays, given, in_order(layout)) for given in (bad, clean))
    for one, other in zip(found, right, strict=True):
        assert np.isfinite(other).all()
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
def test_the_infinite_slope_of_a_root_stays_behind_the_relu(kernel_set, dtype):
    x = Tensor(np.array([-2, -1, 4], dtype), requires_grad=True)
    weight = Tensor(np.ones(1, dtype), requires_grad=True)
    with kernels.use(kernel_set), np.errstate(divide="ignore"):
        ops.sqrt(ops.relu(x * weight)).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0, 0.25])
    np.testing.assert_array_equal(weight.grad, [1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.max_pool2d(x, 2, stride=1),
        lambda x: ops.max(x, axis=(2, 3), keepdims=True),
        lambda x: ops.roi_pool(x, [[[0, 0, 29, 18]]] * len(x), 3),
    ],
)
def test_only_the_winner_gets_a_bad_number(function, kernel_set, dtype):
    x = Tensor(np.random.default_rng(0).permutation(4 * 19 * 30).reshape(SHAPE).astype(dtype), requires_grad=True)
    with kernels.use(kernel_set):
        y = function(x)
        dy = np.ones(y.shape, dtype)
        dy[1, 7, 0, 0] = np.nan
        y.backward(dy)
    np.testing.assert_array_equal(np.isnan(x.grad), x.data == y.data[1, 7, 0, 0])


def test_every_operation_that_chooses_is_among_the_cases():
    def all_of(cls):
        return {cls, *itertools.chain.from_iterable(map(all_of, cls.__subclasses__()))}

    known = {name.partition(",")[0] for name in CASES} | SPREADING | STEEP
    choosing = {
        cls.__name__
        for cls in all_of(Function)
        if cls.__module__.startswith("minidl.ops.")
        and ("choices" in inspect.getsource(cls) or "_keep(" in inspect.getsource(cls))
    }
    assert choosing >= {"Relu", "Clip", "BatchNorm"}
    assert choosing - known == set()
