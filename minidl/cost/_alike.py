"""Which layer of one network is which of another: the alignment with the most in common, in the order of both.

As of two texts or two proteins (Needleman and Wunsch, 1970): the best alignment of the first i layers with the first j
is the best of three, D[i, j] = max(D[i-1, j-1] + likeness(i, j), D[i-1, j], D[i, j-1]). All entries with the same i + j
are found at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl.cost.trail import WEIGHTED
from minidl.tensor import Event

SAME_OP, SAME_OUTPUT, SAME_WEIGHTS, SAME_WINDOW, SAME_PATH = 1, 2, 2, 1, 2  # what two layers have in common, in points
MOVED, DIAGONAL, OWN = 0, 1, 2


@dataclass(frozen=True)
class Signature:
    """What a layer is: its path and operation, and how it differs from others of its kind, in words.

    Attributes:
        path: of the module.
        op: the operation.
        parts: name of a property -> the property; "output" is the last.
        weights: the shape of its weights, if it has some.
    """

    path: str
    op: str
    parts: dict[str, str]
    weights: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The operation with all that is known of it but its output.

        Example:
            >>> Signature("fc", "linear", {"features": "on 512 features", "output": "10"}).words
            'linear on 512 features'
        """
        return " ".join([self.op, *(part for name, part in self.parts.items() if name != "output")])


def signature(event: Event) -> Signature:
    """Return what a layer is, from the event of its operation."""
    of, parts = event.settings, dict[str, str]()
    weights: tuple[int, ...] = ()
    shapes: list[tuple[int, ...]] = [() if array is None else array.shape for array in event.inputs]
    if "groups" in of and event.op in WEIGHTED:
        parts["window"] = f"{_sides(shapes[1][2:])} stride {_pair(of['stride'])}"
        parts["channels"] = f"on {shapes[0][1]} channels"
        if of["groups"] != 1:
            parts["groups"] = f"in {of['groups']} groups"
    elif "kernel_size" in of:
        parts["window"] = f"{_sides(of['kernel_size'])} stride {_pair(of['stride'])}"
    elif event.op == "linear":
        parts["features"] = f"on {shapes[1][1]} features"
    elif event.op == "local_response_norm":
        parts["window"] = f"size {of['size']}"
    if "padding" in of and any(map(any, of["padding"])):
        parts["padding"] = f"padding {_pair([_pair(pair) for pair in of['padding']])}"
    if any(d != 1 for d in of.get("dilation", ())):
        parts["dilation"] = f"dilation {_pair(of['dilation'])}"
    if event.op in WEIGHTED:
        weights = shapes[1]
        if shapes[2]:
            parts["bias"] = "with bias"
    if of.get("activation"):
        parts["activation"] = f"with {of['activation']}"
    if event.op in ("batch_norm_eval", "conv2d_fused") and event.inputs[3] is not None:
        parts["residual"] = "with a shortcut added"
    parts["output"] = _sides(event.output.shape[1:])
    return Signature(event.module, event.op, parts, weights)


def _pair(pair: Sequence[object]) -> str:
    """Write a pair of equal things as one."""
    return str(pair[0]) if len(set(pair)) == 1 else "×".join(map(str, pair))


def _sides(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def aligned(first: Sequence[Signature], second: Sequence[Signature]) -> list[tuple[int | None, int | None]]:
    """Return pairs (place in the first, place in the second) in order; None for a layer that has no partner.

    Example:
        >>> conv, relu = Signature("", "conv2d", {}), Signature("", "relu", {})
        >>> aligned([conv, relu], [conv, conv, relu])
        [(None, 0), (0, 1), (1, 2)]
    """
    n, m = len(first), len(second)
    likeness = _likeness(first, second)
    moves = np.full((n + 1, m + 1), OWN, dtype=np.uint8)
    before, last = np.zeros(n + 1, np.int32), np.zeros(n + 1, np.int32)  # D on the last two diagonals, by i
    for diagonal in range(1, n + m + 1):
        now = np.zeros(n + 1, np.int32)
        rows = np.arange(max(0, diagonal - m), min(n, diagonal) + 1)
        columns = diagonal - rows
        inner = (rows > 0) & (columns > 0)
        i, j = rows[inner], columns[inner]
        pair = before[i - 1] + likeness[i - 1, j - 1]
        up, left = last[i - 1], last[i]
        now[i] = np.maximum(np.maximum(pair, up), left)
        matched = (likeness[i - 1, j - 1] > 0) & (pair == now[i])
        moves[i, j] = np.where(matched, DIAGONAL, np.where(left == now[i], OWN, MOVED))
        before, last = last, now
    moves[1:, 0] = MOVED
    return _followed(moves, n, m)


def _followed(moves: np.ndarray, i: int, j: int) -> list[tuple[int | None, int | None]]:
    """Go the best way back from the end."""
    pairs: list[tuple[int | None, int | None]] = []
    while i or j:
        move = int(moves[i, j]) if i else OWN
        i, j = i - (move != OWN), j - (move != MOVED)
        pairs.append((i if move != OWN else None, j if move != MOVED else None))
    return pairs[::-1]


def _likeness(first: Sequence[Signature], second: Sequence[Signature]) -> np.ndarray:
    """Return points for what two layers have in common, each with each; 0 if they do different things."""
    total = np.zeros((len(first), len(second)), np.int32)
    for points, told in (
        (SAME_OUTPUT, lambda one: one.parts.get("output")),
        (SAME_WEIGHTS, lambda one: one.weights),
        (SAME_WINDOW, lambda one: one.parts.get("window")),
        (SAME_PATH, lambda one: one.path),
        (SAME_OP, lambda one: one.op),
    ):
        numbers: dict[object, int] = {}
        codes = [
            np.array([numbers.setdefault(told(one), len(numbers)) for one in side], int) for side in (first, second)
        ]
        same = codes[0][:, None] == codes[1][None, :]
        total += points * same
    return np.where(same, total, 0)
