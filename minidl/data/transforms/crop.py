"""Cut out, enlarge by a border, move and mirror: changes of place, which leave the colours alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl._checks import (
    check_choice,
    check_fraction,
    check_positive,
    from_numbers,
    plain_array,
    shown,
    to_int,
    to_padding,
    to_pair,
)
from minidl.data.transforms._base import Transform, check_number, check_pictures
from minidl.data.transforms.resize import resample

BORDERS = ("edge", "constant", "reflect")


def flip(x: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mirror some pictures, left and right.

    Args:
        x: pictures (N, C, H, W).
        chosen: which of them, booleans (N,).

    Returns:
        New pictures (N, C, H, W).

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> flip(np.array([[[[1, 2, 3]]], [[[4, 5, 6]]]]), np.array([True, False])).reshape(2, 3)
        array([[3, 2, 1],
               [4, 5, 6]])
    """
    check_pictures("flip", x)
    chosen = to_rows("flip", "chosen", chosen, (len(x),), "one for each picture", "b")
    y = x.copy()
    y[chosen] = x[chosen][..., ::-1]
    return y


def shift(x: np.ndarray, steps: np.ndarray, mode: str = "edge") -> np.ndarray:
    """Move every picture by whole pixels.

    Args:
        x: pictures (N, C, H, W).
        steps: for each picture how far down and to the right, integers (N, 2); negative is up and to the left.
        mode: what moves in: "edge" (default) repeats the pixels of the edge, "constant" is 0, "reflect" mirrors.

    Returns:
        New pictures (N, C, H, W).

    Raises:
        ValueError: if the shapes do not fit, or "reflect" is asked for more than there is.

    Example:
        >>> import numpy as np
        >>> shift(np.array([[[[1, 2, 3]]]]), np.array([[0, 1]]))
        array([[[[1, 1, 2]]]])
    """
    check_pictures("shift", x)
    steps = to_rows("shift", "steps", steps, (len(x), 2), "(down, right) for each picture", "iu")
    most = int(np.abs(steps).max(initial=0))
    return crop(pad(x, most, mode), x.shape[2:], most - steps)


def crop(x: np.ndarray, size: tuple[int, ...], corners: np.ndarray) -> np.ndarray:
    """Cut a rectangle out of every picture.

    Args:
        x: pictures (N, C, H, W).
        size: the (H, W) of the rectangle.
        corners: for each picture its first row and column, integers (N, 2).

    Returns:
        New pictures (N, C, *size).

    Raises:
        ValueError: if the shapes do not fit, or a rectangle reaches out of its picture.

    Example:
        >>> import numpy as np
        >>> crop(np.arange(12).reshape(1, 1, 3, 4), (2, 2), np.array([[1, 2]]))
        array([[[[ 6,  7],
                 [10, 11]]]])
    """
    check_pictures("crop", x)
    corners = to_rows("crop", "corners", corners, (len(x), 2), "(row, column) for each picture", "iu")
    h, width = to_pair("crop", "size", size, least=1)
    room = x.shape[2] - h, x.shape[3] - width
    if len(x) and ((corners < 0) | (corners > room)).any():
        raise ValueError(
            f"crop: corners must be from (0, 0) to {room}, so that {h}×{width} pixels lie within "
            f"{x.shape[2]}×{x.shape[3]}; received corners from {tuple(corners.min(axis=0).tolist())} to "
            f"{tuple(corners.max(axis=0).tolist())}"
        )
    y = np.empty((*x.shape[:2], h, width), dtype=x.dtype)
    for place, one, (top, left) in zip(y, x, corners.tolist()):
        place[...] = one[:, top : top + h, left : left + width]
    return y


def pad(x: np.ndarray, padding: Any, mode: str = "constant", value: float = 0) -> np.ndarray:
    """Lay a border around pictures.

    Args:
        x: pictures (N, C, H, W).
        padding: its width: an int, (ph, pw), or ((top, bottom), (left, right)).
        mode: what it shows: "constant" (default) is `value`, "edge" repeats the outermost pixels, "reflect" mirrors.
        value: the number of a constant border.

    Returns:
        New pictures (N, C, H', W').

    Raises:
        ValueError: if x has no four axes, the padding is no padding, or "reflect" is asked for more than there is.

    Example:
        >>> import numpy as np
        >>> pad(np.array([[[[1, 2, 3]]]]), (0, 2), "reflect")
        array([[[[3, 2, 1, 2, 3, 2, 1]]]])
    """
    check_pictures("pad", x)
    rows, columns = to_padding("pad", padding)
    check_choice("pad", "mode", mode, BORDERS)
    check_number("pad", "value", value, x.dtype)
    if mode == "reflect" and (max(rows) >= x.shape[2] or max(columns) >= x.shape[3]):
        raise ValueError(
            f"pad: a border that mirrors is narrower than the picture, {x.shape[2]}×{x.shape[3]}; "
            f"received padding={shown(padding)}; use mode='edge'"
        )
    more: dict[str, Any] = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, ((0, 0), (0, 0), rows, columns), mode=mode, **more)  # type: ignore[call-overload]


def to_rows(op: str, name: str, rows: Any, shape: tuple[int, ...], what: str, kinds: str = "iuf") -> np.ndarray:
    """Return numbers, one row for each picture, as an array."""
    rows = plain_array(op, from_numbers(op, name, rows))
    if rows.shape != shape:
        raise ValueError(f"{op}: {name} must be {what}, shape {shape}; {name}.shape={rows.shape}")
    if rows.dtype.kind not in kinds:
        raise TypeError(f"{op}: {name} must be {what}; received dtype={rows.dtype}")
    return rows


class Cut(Transform):
    """What keeps a rectangle of a picture, which can be told before there is a pixel.

    Args:
        size: the (H, W) of the result, or one int for both.
    """

    size: int | tuple[int, int]

    @property
    def result(self) -> tuple[int, int]:
        """The (H, W) of the result."""
        h, width = to_pair(self.name, "size", self.size, least=1)
        return h, width

    def rectangles(self, h: int, width: int, rows: Any) -> np.ndarray:
        """Return (top, left, height, width) of what each row keeps of a picture of h × width: (N, 4)."""
        raise NotImplementedError

    def check_fits(self, h: int, width: int) -> None:
        """Refuse to cut out more than there is."""
        rows, columns = self.result
        if rows > h or columns > width:
            raise ValueError(
                f"{self.name}: {rows}×{columns} pixels do not fit into a picture of {h}×{width}; "
                f"put a resize or a pad before it"
            )


@dataclass(frozen=True)
class Flip(Transform):
    """Mirror left and right at random.

    Args:
        p: how probable that is.
    """

    p: float = 0.5
    name: ClassVar[str] = "flip"

    def __post_init__(self) -> None:
        check_fraction("flip", "p", self.p)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw who is mirrored: booleans (n,)."""
        return rng.random(n) < self.p

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Mirror those."""
        return flip(x, rows)


@dataclass(frozen=True)
class Shift(Transform):
    """Move at random, by whole pixels, up or down and left or right.

    Args:
        pixels: how far at most.
        mode: what moves in: "edge" (default), "constant" (0) or "reflect".
    """

    pixels: int
    mode: str = "edge"
    name: ClassVar[str] = "shift"

    def __post_init__(self) -> None:
        to_int("shift", "pixels", self.pixels, least=0)
        check_choice("shift", "mode", self.mode, BORDERS)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw (down, right): integers (n, 2)."""
        return rng.integers(-self.pixels, self.pixels + 1, (n, 2))

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Move by those."""
        return shift(x, rows, self.mode)


@dataclass(frozen=True)
class Pad(Transform):
    """Lay a border around pictures; see `pad`.

    Args:
        padding: an int, (ph, pw), or ((top, bottom), (left, right)).
        mode: "constant" (default), "edge" or "reflect".
        value: the number of a constant border.
    """

    padding: Any
    mode: str = "constant"
    value: float = 0
    name: ClassVar[str] = "pad"

    def __post_init__(self) -> None:
        to_padding("pad", self.padding)
        check_choice("pad", "mode", self.mode, BORDERS)
        check_number("pad", "value", self.value)

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Pad."""
        return pad(x, self.padding, self.mode, self.value)


@dataclass(frozen=True)
class CenterCrop(Cut):
    """Cut out the middle.

    Args:
        size: (H, W), or one int for both.
    """

    size: int | tuple[int, int]
    name: ClassVar[str] = "center_crop"

    def __post_init__(self) -> None:
        to_pair(self.name, "size", self.size, least=1)

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Cut."""
        top, left, h, width = self.rectangles(x.shape[2], x.shape[3], rows)[0].tolist()
        return x[:, :, top : top + h, left : left + width].copy()

    def rectangles(self, h: int, width: int, rows: Any) -> np.ndarray:
        """Return the middle: (1, 4)."""
        self.check_fits(h, width)
        size = self.result
        return np.array([[round((h - size[0]) / 2), round((width - size[1]) / 2), *size]])


@dataclass(frozen=True)
class RandomCrop(Cut):
    """Cut out a rectangle at a random place.

    Args:
        size: (H, W), or one int for both.
    """

    size: int | tuple[int, int]
    name: ClassVar[str] = "random_crop"

    def __post_init__(self) -> None:
        to_pair(self.name, "size", self.size, least=1)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw where it lies, as shares of the room there is: (n, 2) from 0 to 1."""
        return rng.random((n, 2))

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Cut there."""
        return crop(x, self.result, self.rectangles(x.shape[2], x.shape[3], rows)[:, :2])

    def rectangles(self, h: int, width: int, rows: Any) -> np.ndarray:
        """Return (top, left, height, width) for each row: (N, 4)."""
        self.check_fits(h, width)
        room = np.array((h, width)) - self.result + 1  # places for the corner
        return np.concatenate([(rows * room).astype(np.int64), np.tile(self.result, (len(rows), 1))], axis=1)


@dataclass(frozen=True)
class RandomResizedCrop(Cut):
    """Cut out a rectangle of random area, proportion and place, and bring it to a size.

    Ten candidates are drawn for each picture and the first that fits is taken; if none does, the largest rectangle of
    an allowed proportion in the middle. Source: Szegedy et al., "Going deeper with convolutions" (2015), section 6.

    Args:
        size: the (H, W) of the result, or one int for both.
        scale: the smallest and the largest share of the picture's area.
        ratio: the smallest and the largest width divided by height.
    """

    size: int | tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    name: ClassVar[str] = "random_resized_crop"

    CANDIDATES: ClassVar[int] = 10

    def __post_init__(self) -> None:
        to_pair(self.name, "size", self.size, least=1)
        for what, pair in (("scale", self.scale), ("ratio", self.ratio)):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise ValueError(f"{self.name}: {what} must be (smallest, largest); received {what}={shown(pair)}")
            for number in pair:
                check_positive(self.name, what, number)
            if pair[0] > pair[1]:
                raise ValueError(f"{self.name}: {what} must be (smallest, largest); received {what}={shown(pair)}")

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw ten areas, ten proportions, and a place: (n, 22) from 0 to 1."""
        return rng.random((n, 2 * self.CANDIDATES + 2), dtype=np.float32)

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Cut there and resize."""
        y = np.empty((*x.shape[:2], *self.result), dtype=x.dtype)
        for place, one, (top, left, ch, cw) in zip(y, x, self.rectangles(x.shape[2], x.shape[3], rows).tolist()):
            resample(one[:, top : top + ch, left : left + cw], place)
        return y

    def rectangles(self, h: int, width: int, rows: Any) -> np.ndarray:
        """Return (top, left, height, width) of the rectangle for each row, in a picture of h × width: (N, 4)."""
        low, high = self.scale
        area = (low + (high - low) * rows[:, : self.CANDIDATES]) * h * width
        low, high = (math.log(number) for number in self.ratio)
        ratio = np.exp(low + (high - low) * rows[:, self.CANDIDATES : -2])
        sides = np.rint(np.sqrt(np.stack([area / ratio, area * ratio], axis=-1)))  # (N, 10, 2): height, width
        fits = np.asarray(((sides >= 1) & (sides <= (h, width))).all(axis=-1))
        some = np.asarray(fits.any(axis=1, keepdims=True))
        first = np.take_along_axis(sides, fits.argmax(axis=1)[:, None, None], axis=1)[:, 0]
        middle = max(min(h, round(width / self.ratio[0])), 1), max(min(width, round(h * self.ratio[1])), 1)
        chosen = np.where(some, first, middle).astype(np.int64)
        room = np.array((h, width)) - chosen + 1
        corner = np.where(some, rows[:, -2:] * room, (room - 1) / 2).astype(np.int64)
        return np.concatenate([corner, chosen], axis=1)
