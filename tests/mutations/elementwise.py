"""Bugs in arithmetic, matrix products, activations and dropout, as they are really made."""

import importlib

import numpy as np

from minidl import Tensor, ops
from minidl.kernels import textbook
from minidl.ops.arithmetic import Add, Divide, Multiply, Power, Subtract
from minidl.ops.dropout import Dropout, StochasticDepth
from minidl.ops.elementwise import Abs, Clip, Exp, Log, Sqrt, Where
from minidl.ops.linear import Linear, Matmul
from tests.contract import assert_close
from tests.mutations.mutant import Mutant, attribute, kernel

# Some operations have the name of their file, and `minidl.ops.linear` is the operation.
arithmetic, elementwise, linear = (
    importlib.import_module(f"minidl.ops.{name}") for name in ("arithmetic", "elementwise", "linear")
)


def scaled(factor, which=0):
    """One of the gradients times a factor."""

    def broken(original, *args):
        result = original(*args)
        if not isinstance(result, tuple):
            return result * result.dtype.type(factor)
        return tuple(
            value * value.dtype.type(factor) if index == which and value is not None else value
            for index, value in enumerate(result)
        )

    return broken


def swapped(original, *args):
    """The two gradients in the wrong order."""
    first, second, *rest = original(*args)
    return (second, first, *rest)


def mean_to(original, dy, shape):
    """The gradient of a repeated operand averaged instead of summed."""
    return original(dy, shape) * dy.dtype.type(np.prod(shape) / dy.size if dy.size else 1)


def first_for_all(original, a, b):
    """The first matrix of a stack meets all of the other one's."""
    return original(a, np.broadcast_to(b[(0,) * (b.ndim - 2)], b.shape))


def turned_round(b):
    """A stack of matrices from its end."""
    return b[::-1] if b.ndim > 2 else b


def no_sum(original, dy, shape):
    """The first of the repeated places taken for all of them."""
    del original
    new = dy.ndim - len(shape)
    dy = dy[(0,) * new] if new else dy
    return dy[tuple(slice(0, size) for size in shape)].copy()


# ---------------------------------------------------------------------------------------------------- arithmetic

ARITHMETIC = [
    Mutant("add: da times 1.001", "add", attribute(Add, "backward", scaled(1.001))),
    Mutant("negative: the gradient's sign", "negative", attribute(Multiply, "backward", scaled(-1))),
    Mutant("add: mean over the repeated axes", "add", attribute(arithmetic, "sum_to", mean_to)),
    Mutant("multiply: sum over the repeated axes forgotten", "multiply", attribute(arithmetic, "sum_to", no_sum)),
    Mutant("add: gradients swapped", "add", attribute(Add, "backward", swapped)),
    Mutant("subtract: sign of db", "subtract", attribute(Subtract, "backward", scaled(-1, which=1))),
    Mutant("multiply: gradients swapped", "multiply", attribute(Multiply, "backward", swapped)),
    Mutant(
        "multiply: db with its own operand",
        "multiply",
        attribute(
            Multiply,
            "backward",
            lambda f, ctx, dy: (f(ctx, dy)[0], arithmetic.sum_to(dy * ctx.saved[0], ctx.shapes[1])),
        ),
    ),
    Mutant("divide: sign of db", "divide", attribute(Divide, "backward", scaled(-1, which=1))),
    Mutant(
        "divide: db divided once",
        "divide",
        attribute(
            Divide,
            "backward",
            lambda f, ctx, dy: (
                f(ctx, dy)[0],
                -arithmetic.sum_to(dy * ctx.saved[1] / ctx.saved[0], ctx.shapes[1]) if ctx.needs[1] else None,
            ),
        ),
    ),
    Mutant(
        "power: exponent not lowered",
        "power",
        attribute(Power, "backward", lambda f, ctx, dy: f(ctx, dy) * ctx.saved[0]),
    ),
    Mutant(
        "power: factor forgotten",
        "power",
        attribute(Power, "backward", lambda f, ctx, dy: f(ctx, dy) / dy.dtype.type(ctx.exponent or 1)),
    ),
    Mutant("exp: times x", "exp", attribute(Exp, "forward", lambda f, ctx, x: (f(ctx, x), ctx.save(x))[0])),
    Mutant(
        "log: times x instead of divided by it",
        "log",
        attribute(Log, "backward", lambda f, ctx, dy: dy * ctx.saved[0]),
    ),
    Mutant("sqrt: 2 forgotten", "sqrt", attribute(Sqrt, "backward", scaled(2))),
    Mutant("abs: sign forgotten", "abs", attribute(Abs, "backward", lambda f, ctx, dy: dy.copy())),
    Mutant("clip: mask forgotten", "clip", attribute(Clip, "backward", lambda f, ctx, dy: dy.copy())),
    Mutant(
        "clip: upper bound forgotten in the gradient",
        "clip",
        attribute(elementwise, "_between", lambda f, y, low, high: f(y, low if low is not None else -np.inf, None)),
    ),
    Mutant(
        "where: branches swapped in the gradient",
        "where",
        attribute(Where, "backward", lambda f, ctx, dy: (ctx.save(~ctx.saved[0]), f(ctx, dy))[1]),
    ),
    Mutant("where: mean over the repeated axes", "where", attribute(elementwise, "sum_to", mean_to)),
]

# ---------------------------------------------------------------------------------------------------- matrices


def transposed_dw(original, ctx, dy):
    """The numbers of dw in the order of dwᵀ."""
    dx, dw, db = original(ctx, dy)
    return dx, None if dw is None else np.ascontiguousarray(dw.T).reshape(dw.shape), db


MATRICES = [
    Mutant("linear: dx times 1.001", "linear", attribute(Linear, "backward", scaled(1.001))),
    Mutant("linear: dw transposed", "linear", attribute(Linear, "backward", transposed_dw)),
    Mutant(
        "linear: db is a mean",
        "linear",
        attribute(
            Linear,
            "backward",
            lambda f, ctx, dy: (*f(ctx, dy)[:2], dy.mean(axis=0) if ctx.needs[2] else None),
        ),
    ),
    Mutant(
        "linear: b forgotten",
        "linear",
        attribute(Linear, "forward", lambda f, ctx, x, w, b: f(ctx, x, w, None)),
    ),
    Mutant("matmul: gradients swapped", "matmul", attribute(Matmul, "backward", swapped)),
    Mutant("matmul: sum over the repeated axes forgotten", "matmul", attribute(linear, "sum_to", no_sum)),
    Mutant("matmul: mean over the repeated axes", "matmul", attribute(linear, "sum_to", mean_to)),
    Mutant("matmul: the first matrix for all", "matmul", kernel("matmul", first_for_all)),
    Mutant("matmul: the pairs in another order", "matmul", kernel("matmul", lambda f, a, b: f(a, turned_round(b)))),
    Mutant(
        "linear: the weights of the output beside it",
        "linear",
        kernel("linear_dx", lambda f, dy, w: f(dy, np.roll(w, 1, 0))),
    ),
    Mutant(
        "linear: dw of the mean over the rows",
        "linear",
        kernel("linear_dw", lambda f, dy, x: f(dy, x) / dy.dtype.type(len(x))),
    ),
]

# ---------------------------------------------------------------------------------------------------- activations


def in_place_relu_dx(original, dy, y):
    """The gradient is right, but dy is used as scratch memory."""
    dx = original(dy, y)
    if dy.flags.writeable:
        dy *= y > 0
    return dx


def in_place_relu(original, x):
    """The result is right, but it stands in x."""
    y = original(x)
    if x.flags.writeable:
        x[...] = y
    return y


def careless_sigmoid(original, x):
    """The formula as it stands in books, which overflows."""
    del original
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(x) / (1 + np.exp(x))


def check_huge_sigmoid():
    assert_close(ops.sigmoid(Tensor(np.array([-1e4, 1e4]))).data, [0, 1])


def unshifted_softmax(original, x, axis):
    del original
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def check_huge_softmax():
    assert_close(ops.softmax(Tensor(np.array([1e4, -1e4, 1e4]))).data, [0.5, 0, 0.5])


ACTIVATIONS = [
    Mutant("relu: mask forgotten", "relu", kernel("relu_dx", lambda f, dy, y: dy.copy())),
    Mutant("relu: mask of dy", "relu", kernel("relu_dx", lambda f, dy, y: f(dy, dy))),
    Mutant("relu: x is overwritten", "relu", kernel("relu", in_place_relu)),
    Mutant("relu: dy is overwritten", "relu", kernel("relu_dx", in_place_relu_dx)),
    Mutant(
        "leaky_relu: slope forgotten in the gradient",
        "leaky_relu",
        kernel("leaky_relu_dx", lambda f, dy, y, slope: f(dy, y, 0.01)),
    ),
    Mutant("leaky_relu: slope on the wrong side", "leaky_relu", kernel("leaky_relu", lambda f, x, a: -f(-x, a))),
    Mutant("relu6: passes above 6", "relu6", kernel("relu6_dx", lambda f, dy, y: textbook.relu_dx(dy, y))),
    Mutant("sigmoid: dx times 1.001", "sigmoid", kernel("sigmoid_dx", scaled(1.001))),
    Mutant("sigmoid: y forgotten in y·(1 - y)", "sigmoid", kernel("sigmoid_dx", lambda f, dy, y: dy * (1 - y))),
    Mutant("sigmoid: overflows", check_huge_sigmoid, kernel("sigmoid", careless_sigmoid)),
    Mutant("tanh: square forgotten", "tanh", kernel("tanh_dx", lambda f, dy, y: dy * (1 - y))),
    Mutant("scaled_tanh: inner 2/3 forgotten", "scaled_tanh", kernel("scaled_tanh_dx", scaled(1.5))),
    Mutant(
        "scaled_tanh: dx of tanh", "scaled_tanh", kernel("scaled_tanh_dx", lambda f, dy, y: textbook.tanh_dx(dy, y))
    ),
    Mutant("silu: product rule forgotten", "silu", kernel("silu_dx", lambda f, dy, x: dy * textbook.sigmoid(x))),
    Mutant("hardsigmoid: 1/6 forgotten", "hardsigmoid", kernel("hardsigmoid_dx", scaled(6))),
    Mutant(
        "hardswish: slope above 3 is that between",
        "hardswish",
        kernel("hardswish_dx", lambda f, dy, x: np.where(x > -3, dy * (x / 3 + x.dtype.type(0.5)), 0).astype(x.dtype)),
    ),
    Mutant(
        "hardswish: product rule forgotten",
        "hardswish",
        kernel("hardswish_dx", lambda f, dy, x: dy * textbook.hardsigmoid(x)),
    ),
    Mutant("softmax: mean term forgotten", "softmax", kernel("softmax_dx", lambda f, dy, y, axis: dy * y)),
    Mutant("softmax: dx along the last axis", "softmax", kernel("softmax_dx", lambda f, dy, y, axis: f(dy, y, -1))),
    Mutant("softmax: largest not taken off", check_huge_softmax, kernel("softmax", unshifted_softmax)),
    Mutant(
        "log_softmax: Σ dy forgotten", "log_softmax", kernel("log_softmax_dx", lambda f, dy, y, axis: dy - np.exp(y))
    ),
    Mutant(
        "log_softmax: mean of dy for its sum",
        "log_softmax",
        kernel("log_softmax_dx", lambda f, dy, y, axis: dy - np.exp(y) * dy.mean(axis=axis, keepdims=True)),
    ),
]

# ---------------------------------------------------------------------------------------------------- dropout


def stale_mask(original, ctx, dy):
    """The mask of some other draw."""
    ctx.save(np.roll(ctx.saved[0].reshape(-1), 1).reshape(ctx.saved[0].shape))
    return original(ctx, dy)


DROPOUT = [
    Mutant("dropout: scale forgotten", "dropout", kernel("dropout", lambda f, x, keep, scale: f(x, keep, 1.0))),
    Mutant(
        "dropout: scale forgotten in the gradient",
        "dropout",
        attribute(Dropout, "backward", lambda f, ctx, dy: np.where(ctx.saved[0], dy, dy.dtype.type(0))),
    ),
    Mutant("dropout: mask inverted", "dropout", kernel("dropout", lambda f, x, keep, scale: f(x, ~keep, scale))),
    Mutant("dropout: another mask in the gradient", "dropout", attribute(Dropout, "backward", stale_mask)),
    Mutant(
        "stochastic_depth: drawn for each element",
        "stochastic_depth",
        attribute(
            StochasticDepth, "forward", lambda f, ctx, x, *, p, rng, draws: f(ctx, x, p=p, rng=rng, draws=x.shape)
        ),
    ),
]

MUTANTS = [*ARITHMETIC, *MATRICES, *ACTIVATIONS, *DROPOUT]
