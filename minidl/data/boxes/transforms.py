"""Changes of pictures with boxes: steps that say where pixels go, and steps that change colours.

    build([{"name": "jitter"}, {"name": "resize", "size": 448}, {"name": "flip"}, {"name": "hsv"}])

As elsewhere a step draws a row of numbers for each picture of an epoch, from a generator addressed by (seed, its name,
epoch), and row i belongs to picture i. Nothing is done to pixels before the last step that moves them is known: the
moves are put together (`frame.py`), and the picture is read once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from minidl._checks import check_fraction, check_number, check_positive, nearest, shown, to_pair
from minidl._looks import Brief
from minidl._random import addressed
from minidl.data.boxes._boxes import Boxes
from minidl.data.boxes.frame import Frame
from minidl.data.images import open_reduced


class Step(Brief):
    """A step that a pipeline can name; a subclass is a frozen dataclass of its settings."""

    name: ClassVar[str]

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray | None:
        """Draw a row of numbers for each of n pictures, or None if nothing is left to chance."""
        return None


class Move(Step):
    """A step that moves pixels.

    Attributes:
        visible: the share of a box that must be left of it, or it is no longer there.
        cuts: whether it leaves out a part of the picture.
    """

    visible: float = 0.0
    cuts: ClassVar[bool] = False

    def move(self, frame: Frame, row: Any) -> Frame:
        """Return the frame behind this step."""
        raise NotImplementedError


@dataclass(frozen=True)
class Resize(Move):
    """Bring a picture to a size, whatever that does to its proportions.

    Args:
        size: (H, W), or one int for both.
    """

    size: int | tuple[int, int]
    name: ClassVar[str] = "resize"

    def __post_init__(self) -> None:
        to_pair(self.name, "size", self.size, least=1)

    def move(self, frame: Frame, row: Any) -> Frame:
        """Stretch."""
        h, width = to_pair(self.name, "size", self.size, least=1)
        return frame.then((h, width), (width / frame.size[1], h / frame.size[0]), (0.0, 0.0))


@dataclass(frozen=True)
class Letterbox(Move):
    """Bring a picture to a size and keep its proportions: what is left over is grey, on both sides.

    Args:
        size: (H, W), or one int for both.
    """

    size: int | tuple[int, int]
    name: ClassVar[str] = "letterbox"

    def __post_init__(self) -> None:
        to_pair(self.name, "size", self.size, least=1)

    def move(self, frame: Frame, row: Any) -> Frame:
        """Stretch both ways alike, and put it in the middle."""
        h, width = to_pair(self.name, "size", self.size, least=1)
        scale = min(h / frame.size[0], width / frame.size[1])
        offset = (width - scale * frame.size[1]) / 2, (h - scale * frame.size[0]) / 2
        return frame.then((h, width), (scale, scale), offset)


@dataclass(frozen=True)
class Flip(Move):
    """Mirror left and right at random.

    Args:
        p: how probable that is.
    """

    p: float = 0.5
    name: ClassVar[str] = "flip"

    def __post_init__(self) -> None:
        check_fraction(self.name, "p", self.p)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw who is mirrored: booleans (n,)."""
        return rng.random(n) < self.p

    def move(self, frame: Frame, row: Any) -> Frame:
        """Mirror."""
        return frame.then(frame.size, (-1.0, 1.0), (float(frame.size[1]), 0.0)) if row else frame


@dataclass(frozen=True)
class Jitter(Move):
    """Scale and move at random, as YOLO does; what comes in from outside is grey.

    Args:
        scale: by how much of its size a picture is made larger or smaller at most, in each direction on its own.
        shift: how far it is moved at most, as a part of its size.
        visible: the share of a box that must be left of it, or it is no longer there.
    """

    scale: float = 0.2
    shift: float = 0.2
    visible: float = 0.25
    name: ClassVar[str] = "jitter"
    cuts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fraction(self.name, "scale", self.scale, below_one=True)
        check_fraction(self.name, "shift", self.shift)
        check_fraction(self.name, "visible", self.visible)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw scale and shift across and down: (n, 4) from -1 to 1."""
        return rng.uniform(-1, 1, (n, 4))

    def move(self, frame: Frame, row: Any) -> Frame:
        """Scale around the middle, and move."""
        sides = frame.size[::-1]
        scale = [1 + self.scale * float(one) for one in row[:2]]
        offset = [side * ((1 - a) / 2 + self.shift * float(b)) for side, a, b in zip(sides, scale, row[2:])]
        return frame.then(frame.size, (scale[0], scale[1]), (offset[0], offset[1]))


@dataclass(frozen=True)
class Crop(Move):
    """Cut out a rectangle of random size and place.

    Args:
        least: the smallest part of each side that is kept.
        visible: the share of a box that must be left of it, or it is no longer there.
    """

    least: float = 0.6
    visible: float = 0.25
    name: ClassVar[str] = "crop"
    cuts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fraction(self.name, "least", self.least)
        check_positive(self.name, "least", self.least)
        check_fraction(self.name, "visible", self.visible)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw two sizes and a place: (n, 4) from 0 to 1."""
        return rng.random((n, 4))

    def move(self, frame: Frame, row: Any) -> Frame:
        """Cut at whole pixels."""
        kept = [
            max(1, round(side * (self.least + (1 - self.least) * float(a)))) for side, a in zip(frame.size, row[:2])
        ]
        corner = [int((side - one + 1) * float(a)) for side, one, a in zip(frame.size, kept, row[2:])]
        return frame.then((kept[0], kept[1]), (1.0, 1.0), (-float(corner[1]), -float(corner[0])))


@dataclass(frozen=True)
class HSV(Step):
    """Change saturation and exposure at random, in the colours hue, saturation, value; see `kernels.render`.

    Args:
        saturation: the saturation is multiplied, or divided, by up to this.
        exposure: the value is multiplied, or divided, by up to this.
    """

    saturation: float = 1.5
    exposure: float = 1.5
    name: ClassVar[str] = "hsv"

    def __post_init__(self) -> None:
        for what, value in (("saturation", self.saturation), ("exposure", self.exposure)):
            check_number(self.name, what, value, nan=False)
            if value < 1:
                raise ValueError(f"{self.name}: {what} must be >= 1; received {what}={shown(value)}")

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw both factors (n, 2): from 1 on, and every other one turned over."""
        factors = rng.uniform(1, [self.saturation, self.exposure], (n, 2))
        return np.where(rng.random((n, 2)) < 0.5, factors, 1 / factors)


STEPS: dict[str, type[Step]] = {kind.name: kind for kind in (Resize, Letterbox, Flip, Jitter, Crop, HSV)}


@dataclass(frozen=True)
class BoxPipeline(Brief):
    """Steps, one after the other.

    Args:
        steps: the steps.

    Example:
        >>> from PIL import Image
        >>> pipeline = build([{"name": "resize", "size": (10, 10)}, {"name": "flip", "p": 1}])
        >>> x, boxes, _ = pipeline.apply(Image.new("RGB", (20, 10)), Boxes([[0, 0, 4, 10]], [0]), [None, True])
        >>> x.shape, boxes.boxes
        ((3, 10, 10), array([[ 8.,  0., 10., 10.]]))
    """

    steps: tuple[Step, ...] = ()

    def _words(self) -> list[str]:
        return [repr(step) for step in self.steps]

    def draw(self, seed: int, epoch: int, n: int) -> list[np.ndarray | None]:
        """Draw for an epoch: for each step, n rows, or None."""
        seen: dict[str, int] = {}
        drawn = []
        for step in self.steps:
            seen[step.name] = seen.get(step.name, 0) + 1
            purpose = f"boxes {step.name}" if seen[step.name] == 1 else f"boxes {step.name} {seen[step.name]}"
            drawn.append(step.draw(addressed(seed, purpose, epoch), n))
        return drawn

    def apply(self, picture: Any, found: Boxes, rows: Sequence[Any]) -> tuple[np.ndarray, Boxes, Frame]:
        """Apply all steps to one picture.

        Args:
            picture: Pillow's, RGB.
            found: its boxes.
            rows: for each step what was drawn for this picture.

        Returns:
            The pixels, float32 (3, H, W) from 0 to 1; the boxes in them; and where they lie.
        """
        frames = self.frames((picture.height, picture.width), rows)
        frame = frames[-1]
        return frame.draw(picture, self._colours(rows)), frame.moved(self._seen(found, frames)), frame

    def read(
        self, path: str | os.PathLike[str], found: Boxes, rows: Sequence[Any]
    ) -> tuple[np.ndarray, Boxes, Frame, tuple[int, int]]:
        """Read a picture file and apply all steps; of a JPEG as many pixels are decoded as that needs.

        Args:
            path: of the picture.
            found: as for `apply`.
            rows: as for `apply`.

        Returns:
            What `apply` returns, and the size (H, W) of the file.

        Raises:
            ValueError: if it cannot be read; one line that begins with the file.
            OSError: likewise.
        """
        frames: list[Frame] = []

        def wanted(size: tuple[int, int]) -> tuple[int, int]:
            frames[:] = self.frames(size, rows)
            return frames[-1].wanted(*size)

        opened = open_reduced(path, wanted)
        frames = frames or self.frames(opened.size, rows)  # of what cannot be reduced nobody has asked
        x = frames[-1].draw(opened.picture, self._colours(rows), reduced=opened.scale)
        return x, frames[-1].moved(self._seen(found, frames)), frames[-1], opened.size

    def frames(self, size: tuple[int, int], rows: Sequence[Any]) -> list[Frame]:
        """Return where a picture of (H, W) lies before all steps that move it, and after each of them."""
        frames = [Frame.of(*size)]
        for step, row in zip(self.steps, rows):
            if isinstance(step, Move):
                frames.append(step.move(frames[-1], row))
        return frames

    def _seen(self, found: Boxes, frames: Sequence[Frame]) -> Boxes:
        """Return the boxes that the steps have left, in pixels of the picture.

        A step that cuts nothing out leaves all that is in the picture; the first looks whether they are.
        """
        moves = [step for step in self.steps if isinstance(step, Move)]
        for number, (step, before, after) in enumerate(zip(moves, frames, frames[1:])):
            if step.cuts or not number:
                found = after.seen(found, before, step.visible)
        return found

    def _colours(self, rows: Sequence[Any]) -> np.ndarray | None:
        """Return what was drawn for the changes of colours: (F, 2)."""
        drawn = [row for step, row in zip(self.steps, rows) if isinstance(step, HSV)]
        return np.array(drawn, dtype=np.float32) if drawn else None

    def size(self, h: int, width: int) -> tuple[int, int] | None:
        """Return the size of every result, or None if that depends on the picture.

        Example:
            >>> build([{"name": "letterbox", "size": 448}]).size(480, 640), build([]).size(3, 4)
            ((448, 448), None)
        """
        found = None
        for step in self.steps:
            if isinstance(step, (Resize, Letterbox)):
                found = to_pair(step.name, "size", step.size, least=1)
            elif isinstance(step, Crop):
                found = None
        return found

    def to_list(self) -> list[dict[str, Any]]:
        """Return the names and all numbers, defaults included, as plain values."""
        return [{"name": step.name, **_plain(asdict(step))} for step in self.steps]  # type: ignore[call-overload]


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def build(specs: Iterable[Mapping[str, Any]]) -> BoxPipeline:
    """Make a pipeline of names and numbers.

    Args:
        specs: for each step a dict with its `name`, one of `STEPS`, and its settings.

    Raises:
        ValueError: if there is no such step or setting, or a number is wrong.

    Example:
        >>> [step.name for step in build([{"name": "jitter"}, {"name": "letterbox", "size": 448}]).steps]
        ['jitter', 'letterbox']
    """
    if not isinstance(specs, Iterable) or isinstance(specs, (str, bytes, Mapping)):
        raise TypeError(f"transforms: expects a list of tables with a name; received {shown(specs)}")
    return BoxPipeline(tuple(_step(spec) for spec in specs))


def _step(spec: Mapping[str, Any]) -> Step:
    name = spec.get("name") if isinstance(spec, Mapping) else None
    if name not in STEPS:
        raise ValueError(
            f"transforms: pictures with boxes have no step {shown(name)}; did you mean {nearest(name, STEPS)}?"
        )
    kind, given = STEPS[str(name)], {key: value for key, value in spec.items() if key != "name"}
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            raise ValueError(f"transforms: {name} has no setting {key!r}; did you mean {nearest(key, known)}?")
    if missing := [one for one in known if one not in given and one == "size"]:
        raise ValueError(f"transforms: {name} needs {missing[0]}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})
