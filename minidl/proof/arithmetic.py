"""Cases of the arithmetic operations and matrix products."""

from __future__ import annotations

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Table, normal, positive

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
POWER = Table(
    "power",
    ops.power,
    (
        Case("square", normal((3, 4)), {"exponent": 2}),
        Case("root", positive((3, 4)), {"exponent": 0.5}),
        Case("reciprocal", positive((2, 3)), {"exponent": -1}),
        Case("exponent 0", positive((2, 3)), {"exponent": 0}),
    ),
    lambda x, exponent: x**exponent,
)


def linear_oracle(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """y[n, o] = Σ_m x[n, m] · w[o, m] + b[o], by loops."""
    y = np.zeros((x.shape[0], w.shape[0]), dtype=x.dtype)
    for n in range(x.shape[0]):
        for o in range(w.shape[0]):
            for m in range(w.shape[1]):
                y[n, o] += x[n, m] * w[o, m]
    return y if b is None else y + b


LINEAR = Table(
    "linear",
    ops.linear,
    (
        Case("with bias", normal((3, 5), (4, 5), (4,))),
        Case("no bias", normal((3, 5), (4, 5), None)),
        Case("one picture", normal((1, 5), (2, 5), (2,))),
        Case("one feature", normal((3, 1), (4, 1), (4,))),
    ),
    linear_oracle,
)
MATMUL = Table(
    "matmul",
    ops.matmul,
    (
        Case("matrices", normal((3, 4), (4, 2))),
        Case("batches", normal((5, 3, 4), (5, 4, 2))),
        Case("one matrix for a batch", normal((5, 3, 4), (4, 2))),
        Case("repeated batch axes", normal((2, 1, 3, 4), (3, 4, 2))),
    ),
    lambda a, b: np.einsum("...ij,...jk->...ik", a, b),
)
