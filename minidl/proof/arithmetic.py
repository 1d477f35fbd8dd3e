"""Cases of the arithmetic operations and matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Draw, Table, normal, positive, separated
from minidl.tensor import Tensor

BROADCAST = (
    Case("equal shapes", normal((2, 3, 4), (2, 3, 4))),
    Case("a row", normal((2, 3, 4), (4,))),
    Case("a column", normal((3, 1), (2, 3, 4))),
    Case("both repeated", normal((2, 1, 4), (3, 1))),
    Case("one number", normal((2, 3), ())),
)


def add_oracle(a: np.ndarray, b: np.ndarray, activation: str | None = None) -> np.ndarray:
    """a + b, and max(a + b, 0)."""
    return a + b if activation is None else np.where(a + b > 0, a + b, 0)


ADD = Table(
    "add",
    ops.add,
    (
        *BROADCAST,
        *(Case(f"relu, {case.name}", case.draw, {"activation": "relu"}) for case in BROADCAST),
        Case("relu, (N, C, H, W)", normal((2, 3, 4, 5), (2, 3, 4, 5)), {"activation": "relu"}),
    ),
    add_oracle,
)
SUBTRACT = Table("subtract", ops.subtract, BROADCAST, lambda a, b: a - b)
MULTIPLY = Table("multiply", ops.multiply, BROADCAST, lambda a, b: a * b)
DIVIDE = Table(
    "divide",
    ops.divide,
    (
        Case("equal shapes", positive((2, 3, 4), (2, 3, 4))),
        Case("a row", positive((2, 3, 4), (4,))),
        Case("a column", positive((3, 1), (2, 3, 4))),
        Case("one number", positive((2, 3), ())),
    ),
    lambda a, b: a / b,
)
NEGATIVE = Table("negative", ops.negative, (Case("(N, M)", normal((3, 4))),), lambda x: -x)


def power(x: Tensor, exponent: float | None = None, base: float | None = None) -> Tensor:
    """x ** exponent, or base ** x."""
    return ops.power(x, exponent) if base is None else ops.power(base, x)


POWER = Table(
    "power",
    power,
    (
        Case("square", normal((3, 4)), {"exponent": 2}),
        Case("root", positive((3, 4)), {"exponent": 0.5}),
        Case("reciprocal", positive((2, 3)), {"exponent": -1}),
        Case("exponent 0", positive((2, 3)), {"exponent": 0}),
        Case("2 to the power of x", normal((3, 4)), {"base": 2}),
        Case("a fraction to the power of x", normal((2, 3)), {"base": 0.3}),
    ),
    lambda x, exponent=None, base=None: x**exponent if base is None else base**x,
)


def linear_oracle(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """y[n, o] = Σ_m x[n, m] · w[o, m] + b[o], by loops."""
    y = np.zeros((*x.shape[:-1], w.shape[0]), dtype=x.dtype)
    for n in np.ndindex(x.shape[:-1]):
        for o in range(w.shape[0]):
            for m in range(w.shape[1]):
                y[(*n, o)] += x[(*n, m)] * w[o, m]
    return y if b is None else y + b


LINEAR = Table(
    "linear",
    ops.linear,
    (
        Case("with bias", normal((3, 5), (4, 5), (4,))),
        Case("no bias", normal((3, 5), (4, 5), None)),
        Case("one picture", normal((1, 5), (2, 5), (2,))),
        Case("one feature", normal((3, 1), (4, 1), (4,))),
        Case("tokens", normal((2, 3, 5), (4, 5), (4,))),
        Case("maps", normal((2, 3, 2, 5), (4, 5), None)),
        Case("one row", normal((5,), (4, 5), (4,))),
    ),
    linear_oracle,
)


def matmul_oracle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y[…, n, o] = Σ_m a[…, n, m] · b[…, m, o]; a vector has no n, or no o."""
    rows, columns = "n" * (a.ndim > 1), "o" * (b.ndim > 1)
    return np.einsum(f"...{rows}m,...m{columns}->...{rows}{columns}", a, b)


MATMUL = Table(
    "matmul",
    ops.matmul,
    (
        Case("matrices", normal((3, 4), (4, 2))),
        Case("batches", normal((5, 3, 4), (5, 4, 2))),
        Case("one matrix for a batch", normal((5, 3, 4), (4, 2))),
        Case("repeated batch axes", normal((2, 1, 3, 4), (3, 4, 2))),
        Case("a row", normal((4,), (5, 4, 2))),
        Case("a column", normal((5, 3, 4), (4,))),
        Case("two vectors", normal((4,), (4,))),
    ),
    matmul_oracle,
)

ELEMENTS = (Case("(N, M)", normal((3, 4))), Case("pictures", normal((2, 3, 2, 2))), Case("no axis", normal(())))
POSITIVE = (Case("(N, M)", positive((3, 4))), Case("pictures", positive((2, 3, 2, 2))), Case("no axis", positive(())))
SEPARATED = (Case("(N, M)", separated((3, 4))), Case("pictures", separated((2, 3, 2, 2))))


def by_element(function: Callable[[float], float]) -> Callable[..., np.ndarray]:
    """Return the oracle that calls a function of Python's `math` on one element after the other."""
    return lambda x: np.array([function(value) for value in x.ravel()]).reshape(x.shape)


EXP = Table("exp", ops.exp, ELEMENTS, by_element(math.exp))
LOG = Table("log", ops.log, POSITIVE, by_element(math.log))
SQRT = Table("sqrt", ops.sqrt, POSITIVE, by_element(math.sqrt))
ABS = Table("abs", ops.abs, SEPARATED, by_element(math.fabs))
CLIP = Table(
    "clip",
    ops.clip,
    (
        Case("both bounds", separated((3, 5)), {"low": -0.8, "high": 0.6}),
        Case("only low", separated((2, 3, 2, 2)), {"low": 0.1}),
        Case("only high", separated((4, 3)), {"high": 0}),
        Case("no axis", separated(()), {"low": -1, "high": 1}),
    ),
    lambda x, low=-math.inf, high=math.inf: by_element(lambda value: min(max(value, low), high))(x),
)


def conditions(condition: tuple[int, ...], *shapes: tuple[int, ...]) -> Draw:
    """Draw a condition and two operands of these shapes."""
    return lambda rng: (np.asarray(rng.random(condition) < 0.5), *normal(*shapes)(rng))


def where_oracle(condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a or b, element by element."""
    condition, a, b = np.broadcast_arrays(condition, a, b)
    y = [p if c else q for c, p, q in zip(condition.ravel(), a.ravel(), b.ravel(), strict=True)]
    return np.array(y).reshape(a.shape)


WHERE = Table(
    "where",
    ops.where,
    (
        Case("equal shapes", conditions((3, 4), (3, 4), (3, 4))),
        Case("a row of conditions", conditions((4,), (3, 4), (3, 4))),
        Case("a number for a", conditions((2, 3), (), (2, 3))),
        Case("all three repeated", conditions((2, 1, 1), (3, 1), (4,))),
        Case("pictures", conditions((2, 3, 2, 4), (2, 3, 2, 4), (3, 1, 1))),
    ),
    where_oracle,
)
