"""Shapes and axes that nobody thought of: drawn, compared with NumPy, and put through the gradient checker."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minidl
from minidl import Tensor, ops
from minidl.proof.activation import kept, softmax_oracle
from minidl.proof.loss import cross_entropy_oracle
from tests.contract import assert_close

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4)
SEEDS = st.integers(0, 2**16)


def check(f, arrays, expected):
    """The result is right, and the gradients are within a millionth of finite differences."""
    arrays = [np.asarray(array) for array in arrays]
    assert_close(f(*(Tensor(array) for array in arrays)).data, expected)
    report = minidl.gradcheck(f, arrays)
    assert report.verdict == "ok", str(report)
    assert report.worst <= 1e-6


def separated(shape, seed, scale=1.0):
    """Different numbers, far from each other and from 0."""
    size = math.prod(shape)
    values = np.random.default_rng(seed).permutation(size) - size / 2 + 0.2718
    return scale * values.reshape(shape) / max(4, size / 4)


def normal(shape, seed):
    return np.asarray(np.random.default_rng(seed).standard_normal(shape))


def positive(shape, seed):
    return np.asarray(np.random.default_rng(seed).uniform(0.5, 2.5, shape))


UNARY = {
    "relu": (ops.relu, separated, lambda x: np.maximum(x, 0)),
    "leaky_relu": (ops.leaky_relu, separated, lambda x: np.where(x > 0, x, 0.01 * x)),
    "relu6": (ops.relu6, lambda shape, seed: separated(shape, seed, 4.9), lambda x: np.clip(x, 0, 6)),
    "sigmoid": (ops.sigmoid, normal, lambda x: 1 / (1 + np.exp(-x))),
    "tanh": (ops.tanh, normal, np.tanh),
    "scaled_tanh": (ops.scaled_tanh, normal, lambda x: 1.7159 * np.tanh(2 * x / 3)),
    "silu": (ops.silu, normal, lambda x: x / (1 + np.exp(-x))),
    "hardsigmoid": (
        ops.hardsigmoid,
        lambda shape, seed: separated(shape, seed, 2.9),
        lambda x: np.clip(x + 3, 0, 6) / 6,
    ),
    "hardswish": (
        ops.hardswish,
        lambda shape, seed: separated(shape, seed, 2.9),
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
    ),
    "exp": (ops.exp, normal, np.exp),
    "log": (ops.log, positive, np.log),
    "sqrt": (ops.sqrt, positive, np.sqrt),
    "abs": (ops.abs, separated, np.abs),
    "negative": (ops.negative, normal, np.negative),
    "square": (lambda x: ops.power(x, 2), normal, np.square),
    "power 1.5": (lambda x: ops.power(x, 1.5), positive, lambda x: x**1.5),
    "clip": (lambda x: ops.clip(x, -0.7, 0.9), separated, lambda x: np.clip(x, -0.7, 0.9)),
    "flatten": (lambda x: ops.flatten(x, 0) if x.ndim else x * 1.0, normal, lambda x: x.reshape(-1) if x.ndim else x),
}


@pytest.mark.parametrize("name", UNARY)
@given(shape=SHAPES, seed=SEEDS)
def test_one_operand(name, shape, seed):
    f, draw, oracle = UNARY[name]
    x = draw(shape, seed)
    check(f, [x], oracle(x))


BINARY = {
    "add": (ops.add, normal, np.add),
    "subtract": (ops.subtract, normal, np.subtract),
    "multiply": (ops.multiply, normal, np.multiply),
    "divide": (ops.divide, positive, np.divide),
}


@pytest.mark.parametrize("name", BINARY)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4), seed=SEEDS)
def test_two_operands_are_broadcast(name, shapes, seed):
    f, draw, oracle = BINARY[name]
    a, b = (draw(shape, seed + index) for index, shape in enumerate(shapes.input_shapes))
    check(f, [a, b], oracle(a, b))


@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3), seed=SEEDS)
def test_where(shapes, seed):
    condition, a, b = (normal(shape, seed + index) for index, shape in enumerate(shapes.input_shapes))
    condition = condition > 0
    check(lambda p, q: ops.where(condition, p, q), [a, b], np.where(condition, a, b))


@st.composite
def shape_and_axis(draw, least=1):
    shape = draw(hnp.array_shapes(min_dims=least, max_dims=4, min_side=1, max_side=5))
    return shape, draw(st.integers(-len(shape), len(shape) - 1))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@given(where=shape_and_axis(), seed=SEEDS)
def test_softmax(name, where, seed):
    shape, axis = where
    x = normal(shape, seed)
    y = softmax_oracle(x, axis)
    check(lambda t: getattr(ops, name)(t, axis), [x], y if name == "softmax" else np.log(y))


@st.composite
def reduction(draw):
    shape = draw(SHAPES)
    axes = draw(st.none() | st.lists(st.integers(0, max(0, len(shape) - 1)), unique=True, max_size=len(shape)))
    axes = None if axes is None else tuple(axis - draw(st.sampled_from([0, len(shape)])) for axis in axes)
    return shape, axes, draw(st.booleans())


@pytest.mark.parametrize("name", ["sum", "mean", "max", "var"])
@given(how=reduction(), seed=SEEDS)
def test_reductions(name, how, seed):
    shape, axes, keepdims = how
    x = separated(shape, seed) if name == "max" else normal(shape, seed)
    extra = {"correction": 0} if name == "var" else {}
    expected = getattr(np, name)(x, axis=axes, keepdims=keepdims)
    check(lambda t: getattr(ops, name)(t, axes, keepdims=keepdims, **extra), [x], expected)


@st.composite
def concatenation(draw):
    shape, axis = draw(shape_and_axis())
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(sum))
    return [(*shape[: axis % len(shape)], size, *shape[axis % len(shape) + 1 :]) for size in sizes], axis, sizes


@given(how=concatenation(), seed=SEEDS)
def test_concat_and_split(how, seed):
    shapes, axis, sizes = how
    arrays = [normal(shape, seed + index) for index, shape in enumerate(shapes)]
    whole = np.concatenate(arrays, axis)
    check(lambda *tensors: ops.concat(tensors, axis), arrays, whole)
    for part, array in enumerate(arrays):
        check(lambda t, part=part: ops.split(t, sizes, axis)[part], [whole], array)


@given(where=shape_and_axis(), count=st.integers(1, 4), seed=SEEDS)
def test_split_into_equal_parts(where, count, seed):
    shape, axis = where
    shape = tuple(size * count if place == axis % len(shape) else size for place, size in enumerate(shape))
    x = normal(shape, seed)
    for part, expected in enumerate(np.split(x, count, axis)):
        check(lambda t, part=part: ops.split(t, count, axis)[part] * 1.0, [x], expected)


@given(
    shape=hnp.array_shapes(min_dims=2, max_dims=4, max_side=4),
    border=st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2),
    value=st.floats(-2, 2),
    seed=SEEDS,
)
def test_pad(shape, border, value, seed):
    x = normal(shape, seed)
    expected = np.pad(x, (*[(0, 0)] * (len(shape) - 2), *border), constant_values=value)
    check(lambda t: ops.pad(t, border, value) * 1.0, [x], expected)


@given(n=st.integers(1, 2), groups=st.integers(1, 4), size=st.integers(1, 4), picture=st.integers(1, 3), seed=SEEDS)
def test_channel_shuffle(n, groups, size, picture, seed):
    x = normal((n, groups * size, picture, 2), seed)
    order = [g * size + i for i in range(size) for g in range(groups)]
    check(lambda t: ops.channel_shuffle(t, groups), [x], x[:, order])


@given(data=st.data(), shape=hnp.array_shapes(max_dims=4, max_side=4), seed=SEEDS)
def test_index_with_slices(data, shape, seed):
    x = normal(shape, seed)
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    check(lambda t: ops.index(t, key), [x], np.asarray(x[key]))


@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=4), seed=SEEDS)
def test_index_with_integer_arrays(data, shape, seed):
    x = normal(shape, seed)
    key = data.draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=3, max_side=4)))
    check(lambda t: ops.index(t, key), [x], x[key])


@given(data=st.data(), shape=hnp.array_shapes(max_dims=4, max_side=3), seed=SEEDS)
def test_index_with_masks(data, shape, seed):
    x = normal(shape, seed)
    axes = data.draw(st.integers(1, len(shape)))
    mask = np.random.default_rng(seed + 1).random(shape[:axes]) < 0.6
    check(lambda t: ops.index(t, mask), [x], x[mask])


@given(data=st.data(), shape=SHAPES, seed=SEEDS)
def test_transpose_and_reshape(data, shape, seed):
    x = normal(shape, seed)
    order = data.draw(st.permutations(range(len(shape))))
    signed = [axis - data.draw(st.sampled_from([0, len(shape)])) for axis in order]
    check(lambda t: ops.transpose(t, signed) if signed else ops.transpose(t), [x], x.transpose(order))
    other = data.draw(st.permutations(shape))
    check(lambda t: ops.reshape(ops.transpose(t), tuple(other)), [x], x.transpose().reshape(other))


@given(
    shapes=hnp.mutually_broadcastable_shapes(signature="(n,m),(m,o)->(n,o)", max_dims=2, max_side=4),
    seed=SEEDS,
)
def test_matmul(shapes, seed):
    a, b = (normal(shape, seed + index) for index, shape in enumerate(shapes.input_shapes))
    check(ops.matmul, [a, b], a @ b)


@given(n=st.integers(1, 4), m=st.integers(1, 5), o=st.integers(1, 4), bias=st.booleans(), seed=SEEDS)
def test_linear(n, m, o, bias, seed):
    x, w, b = normal((n, m), seed), normal((o, m), seed + 1), normal((o,), seed + 2)
    check(ops.linear, [x, w, b] if bias else [x, w], x @ w.T + b * bias)


@given(n=st.integers(1, 4), m=st.integers(1, 6), smoothing=st.floats(0, 1), probabilities=st.booleans(), seed=SEEDS)
def test_cross_entropy(n, m, smoothing, probabilities, seed):
    rng = np.random.default_rng(seed)
    x, labels = rng.standard_normal((n, m)), rng.random((n, m)) if probabilities else rng.integers(0, m, n)
    check(
        lambda t, *rest: ops.cross_entropy(t, *(rest or [labels]), label_smoothing=smoothing),
        [x, labels] if probabilities else [x],
        cross_entropy_oracle(x, labels, label_smoothing=smoothing),
    )


@given(shape=SHAPES, seed=SEEDS)
def test_mse_loss(shape, seed):
    x, t = normal(shape, seed), normal(shape, seed + 1)
    check(ops.mse_loss, [x, t], np.mean((x - t) ** 2))


@given(shape=SHAPES, p=st.floats(0.01, 1), seed=SEEDS)
def test_dropout(shape, p, seed):
    x = normal(shape, seed)
    check(lambda t: ops.dropout(t, p, training=True, rng=np.random.default_rng(7)), [x], kept(x, p, shape))


@given(shape=hnp.array_shapes(max_dims=4, max_side=5), p=st.floats(0.01, 1), row=st.booleans(), seed=SEEDS)
def test_stochastic_depth(shape, p, row, seed):
    x = normal(shape, seed)
    check(
        lambda t: ops.stochastic_depth(
            t, p, training=True, mode="row" if row else "batch", rng=np.random.default_rng(7)
        ),
        [x],
        kept(x, p, (shape[0] if row else 1, *[1] * (len(shape) - 1))),
    )
