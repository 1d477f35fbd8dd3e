"""The colours of a set of pictures: mean, deviation and covariance of the channels.

Sums of pixels and of products of pixels are enough: with mean m and second moments S = Σ x xᵀ / P over all P pixels the
covariance is S - m mᵀ. Pixels of uint8 pictures are summed as whole numbers, so no order of summation changes a bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl import _threads
from minidl._checks import check_flag, shown, to_int
from minidl._looks import Brief
from minidl.data._parallel import in_order
from minidl.data.split import Split


@dataclass(frozen=True)
class Statistics(Brief):
    """The colours of a set of pictures, from 0 to 1 where the pictures are uint8.

    Args:
        mean: of each channel.
        std: standard deviation of each channel, over all pixels of all pictures.
        eigenvalues: of the covariance of the channels, the largest first.
        eigenvectors: the directions that belong to them, in the columns of the rows.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    eigenvalues: tuple[float, ...]
    eigenvectors: tuple[tuple[float, ...], ...]


PIECE = 1 << 18  # pixels of a picture that are looked at together


class Moments:
    """Sums over pictures, from which the statistics follow.

    Example:
        >>> moments = Moments()
        >>> moments.add(moments.of(np.array([[[0, 255]]], dtype="uint8")))
        >>> moments.statistics().mean, moments.statistics().std
        ((0.5,), (0.5,))
    """

    def __init__(self) -> None:
        self.pixels = 0
        self.sums: np.ndarray | float = 0.0  # (C,)
        self.products: np.ndarray | float = 0.0  # (C, C)
        self.unit = 1.0

    @staticmethod
    def of(x: np.ndarray) -> tuple[int, np.ndarray, np.ndarray, float]:
        """Return number of pixels, sums (C,), products (C, C) and unit of a picture (C, H, W)."""
        pixels = x.reshape(len(x), -1)  # (C, P)
        if x.dtype != np.uint8:
            p = pixels.astype(np.float64)
            return p.shape[1], p.sum(axis=1), p @ p.T, 1.0
        sums, products = np.zeros(len(x)), np.zeros((len(x), len(x)))
        for first in range(0, pixels.shape[1], PIECE):  # whole numbers may be summed in any order
            p = pixels[:, first : first + PIECE].astype(np.float64)
            sums += p.sum(axis=1)
            products += p @ p.T
        return pixels.shape[1], sums, products, 255.0

    def add(self, part: tuple[int, np.ndarray, np.ndarray, float]) -> None:
        """Add what `of` returned for another picture."""
        pixels, sums, products, self.unit = part
        self.pixels += pixels
        self.sums = self.sums + sums
        self.products = self.products + products

    def statistics(self) -> Statistics:
        """Return the statistics of all pictures that were added.

        Raises:
            ValueError: if there was none.
        """
        if not self.pixels:
            raise ValueError("data: there are no pictures to measure")
        mean = np.atleast_1d(self.sums) / self.pixels / self.unit
        covariance = np.atleast_2d(self.products) / self.pixels / self.unit**2 - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1].clip(0), vectors[:, ::-1]
        vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))])  # either sign fits
        deviation = np.sqrt(np.diag(covariance).clip(0))
        return Statistics(
            tuple(mean.tolist()),
            tuple(deviation.tolist()),
            tuple(values.tolist()),
            tuple(tuple(row) for row in vectors.tolist()),
        )


def measure(split: Split, *, workers: int | None = None, skip_broken: bool = False) -> Statistics:
    """Measure the colours of all pictures of a split: what `normalize` and `pca_jitter` want to know.

    Args:
        split: the pictures; of a data set those of training, because those of validation are not known beforehand.
        workers: threads that read; None (default) takes one for each core.
        skip_broken: leave out what cannot be read, instead of raising.

    Raises:
        ValueError: if a picture cannot be read, or there is none.

    Example:
        >>> from minidl import data
        >>> statistics = measure(data.open_dataset("digits").train)
        >>> abs(statistics.mean[0]) < 1e-6, round(statistics.std[0], 5)
        (True, 1.0)
    """
    if not callable(getattr(split, "read", None)) or not hasattr(split, "__len__"):
        raise TypeError(f"measure: expects pictures with a read(index), as a Split has; received {shown(split)}")
    check_flag("measure", "skip_broken", skip_broken)

    def part(index: int) -> tuple[int, np.ndarray, np.ndarray, float] | None:
        try:
            return Moments.of(split.read(index))
        except ValueError:
            if skip_broken:
                return None
            raise

    workers = _threads.available() if workers is None else to_int("measure", "workers", workers, least=0)
    moments = Moments()
    for found in in_order(part, range(len(split)), workers, 64 * max(workers, 1)):
        if found is not None:
            moments.add(found)
    return moments.statistics()
