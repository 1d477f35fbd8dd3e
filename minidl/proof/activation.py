"""Cases of the activations, of softmax, and of leaving out at random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import ops
from minidl.proof.arithmetic import by_element
from minidl.proof.table import Case, Draw, Table, normal, separated
from minidl.tensor import Tensor


def wide(scale: float, *shapes: tuple[int, ...]) -> Draw:
    """Draw as `separated` does, `scale` times as far apart: for kinks at 3 or 6."""
    return lambda rng: tuple(scale * array for array in separated(*shapes)(rng))


def cases(scale: float = 1.0) -> tuple[Case, ...]:
    """Return the cases of an activation whose kinks lie within twice the scale."""
    return (
        Case("(N, C, H, W)", wide(scale, (2, 3, 4, 5))),
        Case("(N, M)", wide(scale, (4, 7))),
        Case("one element", wide(scale, (1,))),
        Case("no axis", wide(scale, ())),
    )


RELU = Table("relu", ops.relu, cases(), lambda x: np.where(x > 0, x, 0))
LEAKY_RELU = Table(
    "leaky_relu",
    ops.leaky_relu,
    (
        *cases(),
        Case("slope 0.2", separated((3, 5)), {"negative_slope": 0.2}),
        Case("slope 0", separated((3, 5)), {"negative_slope": 0}),
    ),
    lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
)
RELU6 = Table("relu6", ops.relu6, cases(4.9), lambda x: np.minimum(np.maximum(x, 0), 6))
SIGMOID = Table(
    "sigmoid",
    ops.sigmoid,
    (*cases(3), Case("±600", lambda rng: (np.array([-600.0, -2.0, 1.0, 600.0]),))),
    lambda x: 1 / (1 + np.exp(-x)),
)
TANH = Table("tanh", ops.tanh, cases(), lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1))
SCALED_TANH = Table("scaled_tanh", ops.scaled_tanh, cases(2), lambda x: 1.7159 * np.tanh(x * 2 / 3))
SILU = Table("silu", ops.silu, cases(3), lambda x: x / (1 + np.exp(-x)))
HARDSIGMOID = Table("hardsigmoid", ops.hardsigmoid, cases(2.9), lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6)
HARDSWISH = Table("hardswish", ops.hardswish, cases(2.9), lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6)


def gelu_oracle(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    """x·Φ(x) with Python's erfc, and the approximation as it is written in the paper."""
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return by_element(lambda value: value * math.erfc(-value / math.sqrt(2)) / 2)(x)


GELU = Table(
    "gelu",
    ops.gelu,
    (
        *cases(2),
        *(Case(f"tanh, {case.name}", case.draw, {"approximate": "tanh"}) for case in cases(2)),
        Case("tails", lambda rng: (np.array([-30.0, -8.0, -3.0, 0.0, 3.0, 8.0, 30.0]),)),
        Case("tanh, tails", lambda rng: (np.array([-60.0, -8.0, -3.0, 0.0, 3.0, 8.0, 60.0]),), {"approximate": "tanh"}),
    ),
    gelu_oracle,
)
ELU = Table(
    "elu",
    ops.elu,
    (
        *cases(),
        Case("alpha 0.3", separated((3, 5)), {"alpha": 0.3}),
        Case("alpha 0", separated((3, 5)), {"alpha": 0}),
    ),
    lambda x, alpha=1.0: by_element(lambda value: value if value > 0 else alpha * (math.exp(value) - 1))(x),
)


def softplus_oracle(x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> np.ndarray:
    """log(1 + e^(beta·x)) / beta, as it is defined."""
    return by_element(lambda value: value if beta * value > threshold else math.log(1 + math.exp(beta * value)) / beta)(
        x
    )


SOFTPLUS = Table(
    "softplus",
    ops.softplus,
    (
        *cases(3),
        Case("beta 3", wide(2, (3, 5)), {"beta": 3}),
        Case("beta 0.5", wide(4, (3, 5)), {"beta": 0.5}),
        Case("above the threshold", lambda rng: (np.array([-30.0, 5.0, 19.0, 21.0, 40.0]),)),
        Case("threshold 1", separated((4, 5)), {"threshold": 1.0}),
    ),
    softplus_oracle,
)

ALONG = (
    Case("(N, M)", normal((3, 5))),
    Case("channels of pictures", normal((2, 3, 4, 2)), {"axis": 1}),
    Case("first axis", normal((4, 3)), {"axis": 0}),
    Case("one class", normal((3, 1))),
    Case("one axis", normal((6,))),
    Case("far apart", lambda rng: (np.array([[-30.0, 0.0, 2.0], [1.0, 2.0, 30.0]]),)),
)


def softmax_oracle(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """eˣ / Σ eˣ, as it is defined."""
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


SOFTMAX = Table("softmax", ops.softmax, ALONG, softmax_oracle)
LOG_SOFTMAX = Table("log_softmax", ops.log_softmax, ALONG, lambda x, axis=-1: np.log(softmax_oracle(x, axis)))

SEED = 7  # every call draws the same mask


def kept(x: np.ndarray, p: float, draws: tuple[int, ...]) -> np.ndarray:
    """Return x·m / (1 - p) with the mask m of the seed."""
    m = np.random.default_rng(SEED).random(draws, dtype=np.float32) >= p
    return np.zeros_like(x) if p == 1 else x * m / (1 - p)


def seeded(op: Any) -> Any:
    """Return the operation in training, its generator started anew in each call."""

    def function(x: Tensor, **settings: Any) -> Tensor:
        return op(x, training=True, rng=np.random.default_rng(SEED), **settings)

    return function


DROPOUT = Table(
    "dropout",
    seeded(ops.dropout),
    (
        Case("(N, C, H, W)", normal((2, 3, 4, 5)), {"p": 0.5}),
        Case("(N, M)", normal((4, 7)), {"p": 0.2}),
        Case("p = 1", normal((4, 3)), {"p": 1}),
        Case("no axis", normal(()), {"p": 0.1}),
    ),
    lambda x, p: kept(x, p, x.shape),
)
DROPOUT2D = Table(
    "dropout2d",
    seeded(ops.dropout2d),
    (
        Case("pictures", normal((3, 4, 2, 3)), {"p": 0.5}),
        Case("p = 0.1", normal((2, 3, 2, 2)), {"p": 0.1}),
        Case("p = 1", normal((2, 3, 2, 1)), {"p": 1}),
    ),
    lambda x, p: kept(x, p, (*x.shape[:2], 1, 1)),
)
STOCHASTIC_DEPTH = Table(
    "stochastic_depth",
    seeded(ops.stochastic_depth),
    (
        Case("row", normal((5, 3, 2, 2)), {"p": 0.4}),
        Case("batch, kept", normal((3, 2, 4, 4)), {"p": 0.1, "mode": "batch"}),
        Case("batch, left out", normal((3, 2, 4, 4)), {"p": 0.9, "mode": "batch"}),
        Case("vectors", normal((6, 4)), {"p": 0.5}),
        Case("p = 1", normal((4, 3)), {"p": 1.0}),
    ),
    lambda x, p, mode="row": kept(x, p, (x.shape[0] if mode == "row" else 1, *[1] * (x.ndim - 1))),
)
