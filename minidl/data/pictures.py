"""Pictures with labels, all of them in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import shown
from minidl._looks import Brief, listed, sides


@dataclass(frozen=True)
class Pictures(Brief):
    """N pictures and what they show.

    Args:
        x: the pictures, float32 (N, C, H, W).
        labels: the class of each picture, integers (N,) from 0.
        classes: the names of the classes.

    Raises:
        ValueError: if x has no four axes, labels are not one for each picture, or a label has no class.

    Example:
        >>> import numpy as np
        >>> pictures = Pictures(np.zeros((3, 1, 8, 8), dtype="float32"), np.array([0, 1, 1]), ("cat", "dog"))
        >>> len(pictures), pictures.take([1, 2]).labels
        (3, array([1, 1]))
        >>> pictures
        Pictures(3 of 1×8×8, 2 classes: cat, dog)
    """

    x: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, array, kinds in (("x", self.x, "biuf"), ("labels", self.labels, "iu")):
            if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
                kind = f"dtype={array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
                raise TypeError(f"Pictures: x and labels must be NumPy arrays of numbers; received {kind} for {name}")
        if not isinstance(self.classes, (tuple, list)):
            raise TypeError(f"Pictures: classes must be a tuple of names; received {shown(self.classes)}")
        if self.x.ndim != 4:
            raise ValueError(f"Pictures: x must have 4 axes (N, C, H, W), it has {self.x.ndim}; x.shape={self.x.shape}")
        if self.labels.shape != (len(self.x),):
            raise ValueError(
                f"Pictures: labels must have one class for each of the {len(self.x)} pictures, shape ({len(self.x)},); "
                f"labels.shape={self.labels.shape}"
            )
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"Pictures: labels must be from 0 to {len(self.classes) - 1} (there are {len(self.classes)} classes); "
                f"received labels from {self.labels.min()} to {self.labels.max()}"
            )

    def _words(self) -> list[str]:
        return [f"{len(self):,} of {sides(self.x.shape[1:])}", f"{len(self.classes)} classes: {listed(self.classes)}"]

    def __len__(self) -> int:
        return len(self.x)

    def take(self, indices: Any) -> Pictures:
        """Return some of the pictures: those with these indices (a list, an array or a slice), in that order."""
        return Pictures(self.x[indices], self.labels[indices], self.classes)
