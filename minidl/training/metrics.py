"""Figures of an evaluation, or of the batches of an epoch, added up batch by batch.

Everything comes from three sums: the loss, how often the right class was among the first five, and the confusion
matrix, whose diagonal are the right answers. They can be saved in the middle of an epoch and taken up again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl._backend import Array, is_array, to_numpy
from minidl._checks import check_number, from_numbers, nearest, to_int
from minidl._looks import Brief, percent

FIRST = 5  # ImageNet's competitions counted an answer as right if it was among the first five


class Metrics(Brief):
    """Sums over the pictures seen so far, and the figures that follow from them.

    Args:
        classes: how many classes there are.

    Raises:
        ValueError: if classes is below 1.

    Example:
        >>> import numpy as np
        >>> metrics = Metrics(3)
        >>> metrics.update(np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]), np.array([1, 2]), loss=0.9)
        >>> metrics.n, metrics.loss, metrics.top1
        (2, 0.9, 0.5)
        >>> metrics.confusion.tolist()  # a picture of class 2 was taken for class 0
        [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    """

    def __init__(self, classes: int):
        self.classes = to_int("Metrics", "classes", classes, least=1)
        self._loss_sum = 0.0
        self._in_first = 0
        self._confusion = np.zeros(self.classes * self.classes, dtype=np.int64)  # flat: [true * classes + answer]
        self._index = np.arange(self.classes)
        self.left_out: list[str] = []  # names of pictures that could not be read, which no figure counts

    def update(self, logits: Array, labels: Array, loss: float) -> None:
        """Add a batch.

        The answer is the class with the largest logit, of equal ones the first. NaN counts as a wrong answer.

        Args:
            logits: (N, classes), on any device.
            labels: the right classes (N,), or their probabilities (N, classes), of which the largest counts.
            loss: the mean loss of the batch.

        Raises:
            ValueError: if the shapes do not fit, or a label is no class.
        """
        logits, labels = (to_numpy(one) if is_array(one) else one for one in (logits, labels))
        logits, labels = from_numbers("Metrics", "logits", logits), from_numbers("Metrics", "labels", labels)
        if logits.dtype.kind not in "biuf" or labels.dtype.kind not in "iuf":
            found = f"logits {logits.dtype}, labels {labels.dtype}"
            raise TypeError(f"Metrics: expects numbers, and labels as whole ones or as probabilities; received {found}")
        check_number("Metrics", "loss", loss)
        if labels.ndim == 2 and labels.shape == logits.shape:
            labels = labels.argmax(axis=1)
        n = len(labels) if labels.ndim else -1
        if logits.shape != (n, self.classes) or labels.ndim != 1:
            raise ValueError(
                f"Metrics: expects logits (N, {self.classes}) and labels (N,); "
                f"received logits.shape={logits.shape}, labels.shape={labels.shape}"
            )
        if labels.dtype.kind == "f":
            raise TypeError(f"Metrics: labels (N,) must be whole numbers; received dtype={labels.dtype}")
        if n and not 0 <= labels.min() <= labels.max() < self.classes:
            raise ValueError(
                f"Metrics: labels must be from 0 to {self.classes - 1}; "
                f"received labels from {labels.min()} to {labels.max()}"
            )
        own = logits[np.arange(n), labels][:, None]  # (N, 1)
        at_most = logits <= own
        at_most &= (logits < own) | (self._index >= labels[:, None])  # of equal ones the first comes first
        place = self.classes - np.count_nonzero(at_most, axis=1)  # 0 is the answer
        self._in_first += int(np.count_nonzero(place < FIRST))
        np.add.at(self._confusion, labels * self.classes + logits.argmax(axis=1), 1)
        self._loss_sum += float(loss) * n

    def _words(self) -> list[str]:
        shares = [f"{name} {percent(share)}" for name, share in (("top1", self.top1), ("top5", self.top5))]
        left = [f"{len(self.left_out)} left out"] if self.left_out else []
        return [f"{self.n:,} pictures", *left, f"{self.classes} classes", f"loss {self.loss:.4g}", *shares]

    @property
    def n(self) -> int:
        """How many pictures were counted."""
        return int(self._confusion.sum())

    @property
    def loss(self) -> float:
        """The mean loss of all pictures; NaN if there are none."""
        return self._share(self._loss_sum)

    @property
    def top1(self) -> float:
        """The share of pictures whose answer is right; NaN if there are none."""
        return self._share(int(self.confusion.trace()))

    @property
    def top5(self) -> float:
        """The share of pictures whose class is among the five largest logits; with five classes or fewer it is 1."""
        return self._share(self._in_first)

    @property
    def confusion(self) -> np.ndarray:
        """How often a picture of class r (row) was taken for class c (column): int64 (classes, classes), a copy."""
        return self._confusion.reshape(self.classes, self.classes).copy()

    @property
    def per_class(self) -> np.ndarray:
        """The share of right answers of each class: float64 (classes,), NaN for a class without pictures."""
        confusion = self.confusion
        with np.errstate(invalid="ignore"):
            return confusion.diagonal() / confusion.sum(axis=1)

    def to_dict(self, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Return n, loss, top1, top5 and per_class as plain values; what has no pictures is None.

        Args:
            names: of the classes; None (default) takes their numbers, as do classes that share a name.

        Raises:
            ValueError: if there is not one name for each class.

        Example:
            >>> import numpy as np
            >>> metrics = Metrics(2)
            >>> metrics.update(np.array([[0.3, 0.7]]), np.array([1]), loss=0.5)
            >>> metrics.to_dict(["cat", "dog"])
            {'n': 1, 'loss': 0.5, 'top1': 1.0, 'top5': 1.0, 'per_class': {'cat': None, 'dog': 1.0}}
        """
        names = [str(index) for index in range(self.classes)] if names is None else names
        if len(names) != self.classes:
            raise ValueError(f"Metrics: expects a name for each of {self.classes} classes; received {len(names)} names")
        count = Counter(names)
        names = [name if count[name] == 1 else str(index) for index, name in enumerate(names)]
        figures = {"loss": self.loss, "top1": self.top1, "top5": self.top5} if self.n else {}
        return {
            "n": self.n,
            **{key: figures.get(key) for key in ("loss", "top1", "top5")},
            "per_class": {name: None if np.isnan(s) else float(s) for name, s in zip(names, self.per_class)},
        }

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of the three sums."""
        return {
            "loss_sum": np.array(self._loss_sum),
            "in_first": np.array(self._in_first),
            "confusion": self.confusion,
        }

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take sums that `state_dict` returned; all of them, or on an error none.

        Raises:
            ValueError: if a sum is missing, or the confusion matrix is one of other classes.
        """
        for key in ("loss_sum", "in_first", "confusion"):
            if key not in state:
                raise ValueError(f"Metrics: the state lacks {key!r}; did you mean {nearest(key, state)}?")
        shape = (self.classes, self.classes)
        if state["confusion"].shape != shape:
            raise ValueError(f"Metrics: expects confusion of shape {shape}; received {state['confusion'].shape}")
        self._confusion = np.array(state["confusion"], dtype=np.int64).reshape(-1)
        self._loss_sum, self._in_first = float(state["loss_sum"]), int(state["in_first"])

    def _repr_html_(self) -> str:
        from minidl.training._metrics_html import matrix

        return matrix(self)

    def _share(self, total: float) -> float:
        n = self.n
        return total / n if n else float("nan")
