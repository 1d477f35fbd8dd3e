"""Cases of attention, embedding and maxout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Draw, Table, normal, separated


def attention_oracle(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Query by query: its scores, e to the power of each, and the average of the values with these weights."""
    *before, queries, d = q.shape
    keys = k.shape[-2]
    y = np.zeros((*before, queries, v.shape[-1]))
    allowed = None if mask is None else np.broadcast_to(mask, (*before, queries, keys))
    for row in np.ndindex(*before, queries):
        weights = []
        for key in range(keys):
            score = sum(float(a) * float(b) for a, b in zip(q[row], k[(*row[:-1], key)])) / math.sqrt(d)
            if allowed is not None and allowed.dtype != bool:
                score += float(allowed[(*row, key)])
            seen = allowed is None or allowed.dtype != bool or allowed[(*row, key)]
            weights.append(math.exp(score) if seen else 0.0)
        for key, weight in enumerate(weights):
            y[row] += weight / (sum(weights) or 1.0) * v[(*row[:-1], key)]
    return y


def seen(mask: tuple[int, ...], *shapes: tuple[int, ...]) -> Draw:
    """Draw operands of these shapes, and a mask of bools whose first query may look at nothing."""

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        allowed = rng.random(mask) < 0.6
        if mask[-2:-1] != (1,):
            allowed[..., 0, :] = False
        return (*normal(*shapes)(rng), allowed)

    return draw


TOKENS = (2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 2)  # (N, heads, L or S, D or E)
ATTENTION = Table(
    "scaled_dot_product_attention",
    ops.scaled_dot_product_attention,
    (
        Case("heads", normal(*TOKENS)),
        Case("one head", normal((2, 3, 4), (2, 5, 4), (2, 5, 4))),
        Case("no batch", normal((4, 3), (2, 3), (2, 3))),
        Case("two keys", normal((2, 3, 4), (2, 2, 4), (2, 2, 3))),
        Case("one query, one number", normal((1, 1, 1, 1), (1, 1, 5, 1), (1, 1, 5, 1))),
        Case("far scores", lambda rng: tuple(3 * x for x in normal((1, 3, 4), (1, 4, 4), (1, 4, 2))(rng))),
        Case("mask for all", seen((4, 6), *TOKENS)),
        Case("mask of pictures", seen((2, 1, 1, 6), *TOKENS)),
        Case("mask of every score", seen((2, 3, 4, 6), *TOKENS)),
        Case("added for all", normal(*TOKENS, (4, 6))),
        Case("added for heads", normal(*TOKENS, (3, 1, 6))),
        Case("added for keys", normal(*TOKENS, (6,))),
        Case("added to every score", normal(*TOKENS, (2, 3, 4, 6))),
    ),
    attention_oracle,
)


def places(shape: tuple[int, ...], rows: int, width: int) -> Draw:
    """Draw indices of a table, and the table."""
    return lambda rng: (rng.integers(0, rows, shape), *normal((rows, width))(rng))


def embedding_oracle(indices: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Row by row."""
    y = np.zeros((*indices.shape, w.shape[1]), w.dtype)
    for place in np.ndindex(indices.shape):
        for row in range(len(w)):
            if indices[place] == row:
                y[place] = w[row]
    return y


EMBEDDING = Table(
    "embedding",
    ops.embedding,
    (
        Case("tokens", places((2, 5), 7, 3)),
        Case("most rows several times", places((4, 6), 3, 2)),
        Case("rows that nobody names", places((3,), 9, 4)),
        Case("one index", places((), 4, 3)),
        Case("three axes", places((2, 2, 3), 5, 1)),
    ),
    embedding_oracle,
)


def maxout_oracle(x: np.ndarray, pieces: int, axis: int = 1) -> np.ndarray:
    """The largest of every few slices."""
    slices = np.moveaxis(x, axis, 0)
    found = [np.max(slices[start : start + pieces], axis=0) for start in range(0, len(slices), pieces)]
    return np.moveaxis(np.array(found), 0, axis)


MAXOUT = Table(
    "maxout",
    ops.maxout,
    (
        Case("(N, C)", separated((3, 6)), {"pieces": 2}),
        Case("pictures", separated((2, 6, 2, 3)), {"pieces": 3}),
        Case("last axis", separated((2, 3, 8)), {"pieces": 4, "axis": -1}),
        Case("all in one", separated((2, 5)), {"pieces": 5}),
        Case("one piece", separated((2, 3)), {"pieces": 1}),
    ),
    maxout_oracle,
)
