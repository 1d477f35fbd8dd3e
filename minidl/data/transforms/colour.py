"""Changes of colour, and normalisation.

Colours are meant as numbers from 0 to 1: uint8 pictures are divided by 255, changed, and rounded back; what would be
outside is held at the end. Normalisation comes last; it leaves floats around 0 that are no colours any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl._checks import check_positive, shown
from minidl.data.transforms._base import Transform, check_number, check_pictures, column, in_floats
from minidl.data.transforms.crop import to_rows
from minidl.kernels.textbook.sums import average

# Of ImageNet's training pictures, red, green, blue, from 0 to 1, as everybody who trains on ImageNet uses them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET_EIGENVALUES = (0.2175, 0.0188, 0.0045)  # of the covariance of red, green and blue
IMAGENET_EIGENVECTORS = (  # in the columns
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
GREY = (0.299, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601


def brightness(x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Make every picture darker or brighter: x · factor.

    Args:
        x: pictures (N, C, H, W), uint8 or floats from 0 to 1.
        factors: one for each picture (N,); 1 changes nothing.

    Returns:
        New pictures in the dtype of x.

    Example:
        >>> import numpy as np
        >>> brightness(np.array([[[[10, 200]]]], dtype="uint8"), np.array([1.5]))
        array([[[[ 15, 255]]]], dtype=uint8)
    """
    factors = _factors("brightness", x, factors)
    return in_floats("brightness", x, lambda y: y * column(factors, y.dtype))


def contrast(x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Move all pixels of a picture away from its mean grey, or towards it: m + (x - m) · factor.

    Args:
        x: pictures (N, C, H, W), uint8 or floats from 0 to 1; C is 1 or 3.
        factors: one for each picture (N,); 1 changes nothing, 0 leaves the mean grey.

    Returns:
        New pictures in the dtype of x.

    Example:
        >>> import numpy as np
        >>> contrast(np.array([[[[100, 200]]]], dtype="uint8"), np.array([0.5]))
        array([[[[125, 175]]]], dtype=uint8)
    """
    factors = _factors("contrast", x, factors)
    return in_floats("contrast", x, lambda y: _towards(average(grey("contrast", y), (2, 3), keepdims=True), y, factors))


def saturation(x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Move every pixel away from its own grey, or towards it: g + (x - g) · factor.

    Args:
        x: pictures (N, C, H, W), uint8 or floats from 0 to 1; C is 1 or 3.
        factors: one for each picture (N,); 1 changes nothing, 0 leaves a grey picture.

    Returns:
        New pictures in the dtype of x.

    Example:
        >>> import numpy as np
        >>> saturation(np.array([200, 100, 0], dtype="uint8").reshape(1, 3, 1, 1), np.array([0])).reshape(3)
        array([118, 118, 118], dtype=uint8)
    """
    factors = _factors("saturation", x, factors)
    return in_floats("saturation", x, lambda y: _towards(grey("saturation", y), y, factors))


def grey(op: str, x: np.ndarray) -> np.ndarray:
    """Return how bright each pixel looks: (N, 1, H, W)."""
    if x.shape[1] == 1:
        return x
    if x.shape[1] != 3:
        raise ValueError(f"{op}: pictures must have 1 channel (grey) or 3 (red, green, blue); x.shape={x.shape}")
    red, green, blue = (x[:, c : c + 1] * x.dtype.type(share) for c, share in enumerate(GREY))
    return red + green + blue


def add_colour(x: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Add one colour to all pixels of a picture.

    Args:
        x: pictures (N, C, H, W), uint8 or floats from 0 to 1.
        colours: for each picture what is added to each channel, from -1 to 1: (N, C).

    Returns:
        New pictures in the dtype of x.

    Example:
        >>> import numpy as np
        >>> add_colour(np.array([[[[100]], [[250]]]], dtype="uint8"), np.array([[-0.1, 0.1]])).reshape(2)
        array([ 74, 255], dtype=uint8)
    """
    check_pictures("add_colour", x)
    colours = to_rows("add_colour", "colours", colours, x.shape[:2], "one number for each channel of each picture")
    return in_floats("add_colour", x, lambda y: y + np.asarray(colours, dtype=y.dtype)[:, :, None, None])


def normalize(x: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Bring every channel to mean 0 and deviation 1: (x - mean) / std.

    Args:
        x: pictures (N, C, H, W), floats, or uint8, which is divided by 255 first.
        mean: of each channel, from 0 to 1.
        std: standard deviation of each channel.

    Returns:
        float32 (N, C, H, W).

    Raises:
        ValueError: if there is not one number for each channel.

    Example:
        >>> import numpy as np
        >>> normalize(np.array([[[[0, 255]]]], dtype="uint8"), [0.5], [0.25])
        array([[[[-2.,  2.]]]], dtype=float32)
    """
    check_pictures("normalize", x)
    for name, numbers in (("mean", mean), ("std", std)):
        _check_channels(name, numbers)
        if len(numbers) != x.shape[1]:
            raise ValueError(
                f"normalize: {name} must have one number for each of the {x.shape[1]} channels; "
                f"received {name}={shown(tuple(numbers))}, x.shape={x.shape}"
            )
        for one in numbers:
            check_number("normalize", name, one)
    unit = 255 if x.dtype == np.uint8 else 1
    scale, offset = 1 / (unit * np.array(std, dtype=np.float64)), np.array(mean) / np.array(std, dtype=np.float64)
    y = np.empty(x.shape, dtype=np.float32)
    for c in range(x.shape[1]):  # a plane with one number is faster than all with a column of numbers
        np.multiply(x[:, c], np.float32(scale[c]), out=y[:, c], casting="same_kind")
        y[:, c] -= np.float32(offset[c])
    return y


def _check_channels(name: str, numbers: Any) -> None:
    if not isinstance(numbers, (list, tuple)) and not (isinstance(numbers, np.ndarray) and numbers.ndim == 1):
        raise TypeError(f"normalize: {name} must be a list of numbers, one for each channel; received {shown(numbers)}")


def _factors(op: str, x: np.ndarray, factors: Any) -> np.ndarray:
    check_pictures(op, x)
    return to_rows(op, "factors", factors, (len(x),), "one for each picture")


def _towards(middle: np.ndarray, x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    return middle + (x - middle) * column(factors, x.dtype)


@dataclass(frozen=True)
class _Factor(Transform):
    """A change by a factor that is drawn evenly from 1 - amount to 1 + amount, or from 0 where that is negative.

    Args:
        amount: how far the factor may be from 1.
    """

    amount: float

    def __post_init__(self) -> None:
        check_positive(self.name, "amount", self.amount, zero=True)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw the factors: (n,)."""
        return rng.uniform(max(0.0, 1 - self.amount), 1 + self.amount, n)


@dataclass(frozen=True)
class Brightness(_Factor):
    """Darker or brighter at random; see `brightness`.

    Args:
        amount: the factor is drawn evenly from 1 - amount to 1 + amount.
    """

    name: ClassVar[str] = "brightness"

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Multiply."""
        return brightness(x, rows)


@dataclass(frozen=True)
class Contrast(_Factor):
    """Less or more contrast at random; see `contrast`.

    Args:
        amount: the factor is drawn evenly from 1 - amount to 1 + amount.
    """

    name: ClassVar[str] = "contrast"

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Stretch."""
        return contrast(x, rows)


@dataclass(frozen=True)
class Saturation(_Factor):
    """Paler or more colourful at random; see `saturation`.

    Args:
        amount: the factor is drawn evenly from 1 - amount to 1 + amount.
    """

    name: ClassVar[str] = "saturation"

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Stretch."""
        return saturation(x, rows)


@dataclass(frozen=True)
class PcaJitter(Transform):
    """AlexNet's change of colour: along the directions in which colours vary, the more, the more they vary there.

    The covariance of red, green and blue has the eigenvectors pᵢ and the eigenvalues λᵢ. To all pixels of a picture is
    added Σᵢ pᵢ · αᵢ λᵢ, where each αᵢ is drawn from a normal distribution. λ has the unit of a squared colour, so the
    formula depends on the unit of colours; here it is the one in which white is 1, as in the numbers that everybody
    uses. Source: Krizhevsky, Sutskever and Hinton (2012), section 4.1.

    Args:
        std: the deviation of α.
        eigenvalues: the three λᵢ; default those of ImageNet.
        eigenvectors: the pᵢ in the columns of three rows; default those of ImageNet.
    """

    std: float = 0.1
    eigenvalues: Sequence[float] = IMAGENET_EIGENVALUES
    eigenvectors: Sequence[Sequence[float]] = IMAGENET_EIGENVECTORS
    name: ClassVar[str] = "pca_jitter"

    def __post_init__(self) -> None:
        check_positive(self.name, "std", self.std, zero=True)
        if np.shape(self.eigenvalues) != (3,) or np.shape(self.eigenvectors) != (3, 3):
            raise ValueError(
                f"{self.name}: three eigenvalues and three rows of three eigenvectors are needed; received the shapes "
                f"{np.shape(self.eigenvalues)} and {np.shape(self.eigenvectors)}"
            )

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw the α: (n, 3)."""
        return rng.normal(0, self.std, (n, 3))

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Add Σᵢ pᵢ · αᵢ λᵢ."""
        if x.shape[1] != 3:
            raise ValueError(f"{self.name}: pictures must have 3 channels (red, green, blue); x.shape={x.shape}")
        change = (rows * np.array(self.eigenvalues))[:, None, :] * np.array(self.eigenvectors)  # (N, colour, i)
        return add_colour(x, change.sum(axis=2))


@dataclass(frozen=True)
class Normalize(Transform):
    """Bring every channel to mean 0 and deviation 1; see `normalize`.

    Args:
        mean: of each channel, from 0 to 1.
        std: standard deviation of each channel.
    """

    mean: Sequence[float]
    std: Sequence[float]
    name: ClassVar[str] = "normalize"

    def __post_init__(self) -> None:
        _check_channels("mean", self.mean)
        _check_channels("std", self.std)
        if len(self.mean) != len(self.std):
            raise ValueError(
                f"normalize: mean and std must have one number for each channel; "
                f"received mean={shown(tuple(self.mean))}, std={shown(tuple(self.std))}"
            )
        for mean, std in zip(self.mean, self.std):
            check_number("normalize", "mean", mean)
            check_positive("normalize", "std", std)

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Normalise."""
        return normalize(x, self.mean, self.std)
