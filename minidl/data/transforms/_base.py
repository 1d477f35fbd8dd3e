"""What all transforms have in common: draw first, then apply.

A transform that leaves something to chance first draws one row of numbers for each picture, then applies them; the
second half is a plain function of arrays. So the loader can draw for a whole epoch at once, in an order that has
nothing to do with threads and batches, and hand each picture its row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from minidl._checks import NUMBERS, check_rank, shown
from minidl._looks import Brief
from minidl._random import default_generator

Pictures = np.ndarray | Sequence[np.ndarray]  # (N, C, H, W), or N arrays (C, H, W) of different sizes
Rows = Sequence[Any]  # for each of some steps, what was drawn for the pictures: an array (N, …), or None


class Transform(Brief):
    """A change of pictures that a pipeline can name.

    A subclass is a frozen dataclass of its settings. It gives `apply` and, if it draws, `draw`.
    """

    name: ClassVar[str]

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray | None:
        """Draw a row of numbers for each of n pictures: an array (n, …), or None if nothing is left to chance."""
        return None

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Apply the rows that were drawn to pictures (N, C, H, W)."""
        raise NotImplementedError

    def __call__(self, x: Pictures, *, rng: np.random.Generator | None = None) -> Pictures:
        """Draw and apply.

        Args:
            x: pictures (N, C, H, W); or a list of pictures (C, H, W) whose sizes differ.
            rng: where the draws come from; None (default) takes the default generator.

        Returns:
            New pictures; an array as soon as all sizes are the same.
        """
        rows = self.draw(rng or default_generator(), len(x))
        return apply_rows(self.name, lambda x, rows: self.apply(x, *rows), x, [rows])


def apply_rows(
    op: str,
    change: Callable[[np.ndarray, Rows], np.ndarray],
    x: Pictures,
    rows: Rows,
    name: Callable[[int], str] | None = None,
) -> Pictures:
    """Apply steps to pictures in one array, or, if their sizes differ, to one after the other.

    Args:
        op: the name of the step, for messages.
        change: what is to be done, to pictures (N, C, H, W) with their rows.
        x: pictures (N, C, H, W), or a list of pictures (C, H, W).
        rows: for each step, what its `draw` returned for the pictures.
        name: says which picture a number is, for messages.

    Raises:
        ValueError: if a transform refuses a picture.
        MemoryError: if there is not enough memory; it names the picture.
    """
    if isinstance(x, np.ndarray):
        check_pictures(op, x)
        return change(x, rows)
    changed = []
    for i, one in enumerate(x):
        where = f"{name(i)}: " if name else ""
        try:
            changed.append(change(one[None], [None if row is None else row[i : i + 1] for row in rows])[0])
        except ValueError as error:
            raise ValueError(f"{where}{error}") from None
        except MemoryError:
            size = "×".join(map(str, one.shape[1:]))
            raise MemoryError(f"{where}{op}: there is not enough memory for a picture of {size}") from None
    return stack(changed)


def stack(pictures: Sequence[np.ndarray]) -> Pictures:
    """Put pictures (C, H, W) of one size into an array (N, C, H, W); leave others as they are."""
    if not pictures or any(one.shape != pictures[0].shape for one in pictures):
        return pictures
    together = np.empty((len(pictures), *pictures[0].shape), dtype=pictures[0].dtype)
    for place, one in zip(together, pictures):
        place[...] = one
    return together


def as_input(x: np.ndarray) -> np.ndarray:
    """Return finished pictures as a network takes them: float32, where uint8 is divided by 255."""
    return (x.astype(np.float32) / 255 if x.dtype == np.uint8 else x).astype(np.float32, copy=False)


def in_floats(op: str, x: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply a change that computes with colours from 0 to 1, to which uint8 is brought and from which it is rounded.

    Raises:
        ValueError: if x are floats that are no colours.
    """
    if x.dtype == np.uint8:
        y = change(x.astype(np.float32) / 255)
        return np.rint(y.clip(0, 1) * 255).astype(np.uint8)
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"{op}: pictures must be uint8, or floats from 0 to 1; received {x.dtype} from {low:.4g} to {high:.4g}; "
            f"put it before normalize"
        )
    return change(x).clip(0, 1)


def check_pictures(op: str, x: Any) -> None:
    """Refuse what is no array of pictures (N, C, H, W)."""
    if not isinstance(x, np.ndarray) or isinstance(x, np.matrix) or x.dtype.kind not in "biuf":
        found = f"dtype={x.dtype}" if isinstance(x, np.ndarray) else f"a {type(x).__name__}"
        raise TypeError(f"{op}: x must be a NumPy array of pictures (N, C, H, W); received {found}")
    check_rank(op, "x", x.shape, "N, C, H, W")


def check_number(op: str, name: str, value: Any, dtype: Any = None) -> None:
    """Refuse what is no finite number, or cannot be a pixel of that dtype."""
    if isinstance(value, bool) or not isinstance(value, NUMBERS) or not math.isfinite(value):
        raise ValueError(f"{op}: {name} must be a finite number; received {name}={shown(value)}")
    if dtype == np.uint8 and not (0 <= value <= 255 and value == int(value)):
        raise ValueError(f"{op}: {name} must be from 0 to 255 for uint8 pictures; received {name}={shown(value)}")


def column(numbers: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
    """Turn one number for each picture (N,) into (N, 1, 1, 1)."""
    return np.asarray(numbers, dtype=dtype)[:, None, None, None]
