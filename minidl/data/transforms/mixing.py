"""Cutout and mixup: pictures with a hole, and pictures laid over each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl._checks import check_positive, to_int
from minidl.data.transforms._base import Transform, check_number, check_pictures, column
from minidl.data.transforms.crop import to_rows


def cutout(x: np.ndarray, size: int, centres: np.ndarray, fill: float = 0) -> np.ndarray:
    """Paint a square over in every picture; it may reach out of the picture.

    Args:
        x: pictures (N, C, H, W).
        size: the side of the square, in pixels.
        centres: for each picture the row and column of its middle, integers (N, 2).
        fill: the number that is painted: 0 (default) is black before normalisation, and the mean after it.

    Returns:
        New pictures (N, C, H, W).

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> cutout(np.ones((1, 1, 3, 4), dtype=int), 2, np.array([[0, 2]])).reshape(3, 4)
        array([[1, 0, 0, 1],
               [1, 1, 1, 1],
               [1, 1, 1, 1]])
    """
    check_pictures("cutout", x)
    centres = to_rows("cutout", "centres", centres, (len(x), 2), "(row, column) for each picture", "iu")
    check_number("cutout", "fill", fill, x.dtype)
    size = to_int("cutout", "size", size, least=1)
    y = x.copy()
    for one, (row, place) in zip(y, centres.tolist()):
        top, left = row - size // 2, place - size // 2
        one[:, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = fill
    return y


def mixup(x: np.ndarray, labels: np.ndarray, shares: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Lay every picture of a batch over the next one, and mix what they show in the same proportion.

        x̃ₙ = sₙ xₙ + (1 - sₙ) xₙ₊₁       the last one is mixed with the first

    Args:
        x: pictures (N, C, H, W), floats.
        labels: the class of each, integers (N,).
        shares: how much each counts, from 0 to 1: (N,).
        num_classes: how many classes there are.

    Returns:
        The mixed pictures, and the probabilities of the classes (N, num_classes), both in the dtype of x.

    Raises:
        ValueError: if the shapes do not fit or a label has no class.
        TypeError: if x is not floats.

    Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization" (2018).

    Example:
        >>> import numpy as np
        >>> x = np.array([0.0, 10.0]).reshape(2, 1, 1, 1)
        >>> mixed, p = mixup(x, np.array([0, 1]), np.array([0.75, 1.0]), 2)
        >>> mixed.reshape(2), p.tolist()
        (array([ 2.5, 10. ]), [[0.75, 0.25], [0.0, 1.0]])
    """
    check_pictures("mixup", x)
    num_classes = to_int("mixup", "num_classes", num_classes, least=1)
    if x.dtype.kind != "f":
        raise TypeError(f"mixup: pictures must be floats, they are {x.dtype}; put it behind normalize")
    n = len(x)
    labels = to_rows("mixup", "labels", labels, (n,), "one whole number for each picture", "iu")
    shares = to_rows("mixup", "shares", shares, (n,), "one for each picture")
    if n and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"mixup: labels must be from 0 to {num_classes - 1}; received labels from {labels.min()} to {labels.max()}"
        )
    s = shares.astype(x.dtype)
    p = np.zeros((n, num_classes), dtype=x.dtype)
    everyone = np.arange(n)
    p[everyone, labels] += s
    p[everyone, np.roll(labels, -1)] += 1 - s
    s = column(s, x.dtype)
    return s * x + (1 - s) * np.roll(x, -1, axis=0), p


@dataclass(frozen=True)
class Cutout(Transform):
    """Paint over a square at a random place; see `cutout`.

    Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout" (2017).

    Args:
        size: the side of the square, in pixels.
        fill: the number that is painted, 0 by default.
    """

    size: int
    fill: float = 0
    name: ClassVar[str] = "cutout"

    def __post_init__(self) -> None:
        to_int("cutout", "size", self.size, least=1)
        check_number("cutout", "fill", self.fill)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw the middle of the square, as shares of the sides: (n, 2) from 0 to 1."""
        return rng.random((n, 2))

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Paint."""
        return cutout(x, self.size, (rows * x.shape[2:]).astype(np.int64), self.fill)


@dataclass(frozen=True)
class Mixup(Transform):
    """Lay pictures over each other; see `mixup`. It stands last in a pipeline, because it changes the labels.

    Args:
        alpha: shares are drawn from Beta(alpha, alpha): 1 is even, less prefers the ends.
    """

    alpha: float = 0.2
    name: ClassVar[str] = "mixup"

    def __post_init__(self) -> None:
        check_positive("mixup", "alpha", self.alpha)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw the shares: (n,)."""
        return rng.beta(self.alpha, self.alpha, n)

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Refuse: without the labels it cannot be done."""
        raise ValueError("mixup: it changes the labels as well; use a Loader")

    def mix(self, x: np.ndarray, labels: np.ndarray, rows: Any, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
        """Mix pictures and labels."""
        return mixup(x, labels, rows, num_classes)
