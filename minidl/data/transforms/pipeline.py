"""A pipeline is data: names and numbers, which a recipe can write down and a run can save.

    build([{"name": "shift", "pixels": 4}, {"name": "flip"}, {"name": "normalize"}], statistics)

Each transform draws from a generator of its own, addressed by (seed, its name, epoch); row i belongs to picture i. So
what happens to a picture in an epoch follows from those three numbers and depends neither on the batch nor on the
thread, and taking a transform away leaves the draws of the others as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from minidl._checks import nearest, shown
from minidl._looks import Brief
from minidl._random import addressed, to_generator
from minidl.data.images import Pixels
from minidl.data.statistics import Statistics
from minidl.data.transforms._base import Pictures, Transform, apply_rows, check_pictures
from minidl.data.transforms.colour import (
    IMAGENET_EIGENVALUES,
    IMAGENET_EIGENVECTORS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Brightness,
    Contrast,
    Normalize,
    PcaJitter,
    Saturation,
)
from minidl.data.transforms.crop import CenterCrop, Cut, Flip, Pad, RandomCrop, RandomResizedCrop, Shift
from minidl.data.transforms.frame import end_of, frame, is_roomy
from minidl.data.transforms.mixing import Cutout, Mixup
from minidl.data.transforms.resize import Resize, new_size, resample

TRANSFORMS: dict[str, type[Transform]] = {
    kind.name: kind
    for kind in (
        *(Resize, CenterCrop, RandomCrop, RandomResizedCrop, Pad, Shift, Flip),
        *(Brightness, Contrast, Saturation, PcaJitter, Normalize, Cutout, Mixup),
    )
}
IMAGENET = Statistics(IMAGENET_MEAN, IMAGENET_STD, IMAGENET_EIGENVALUES, IMAGENET_EIGENVECTORS)
Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Pipeline(Brief):
    """Transforms, one after the other.

    Args:
        steps: the transforms.

    Raises:
        ValueError: if mixup is not the last.

    Example:
        >>> import numpy as np
        >>> pipeline = build([{"name": "flip", "p": 1}, {"name": "normalize", "mean": [0], "std": [1]}])
        >>> pipeline(np.array([[[[0, 255]]]], dtype="uint8"))
        array([[[[1., 0.]]]], dtype=float32)
    """

    steps: tuple[Transform, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.steps, (tuple, list)) or not all(isinstance(step, Transform) for step in self.steps):
            raise TypeError(f"transforms: steps must be a tuple of transforms; received {shown(self.steps)}")
        if any(isinstance(step, Mixup) for step in self.steps[:-1]):
            raise ValueError("transforms: mixup must be the last, because it mixes finished pictures and their labels")

    def _words(self) -> list[str]:
        return [repr(step) for step in self.steps]

    @property
    def mixup(self) -> Mixup | None:
        """The last step, if it is mixup."""
        last = self.steps[-1] if self.steps else None
        return last if isinstance(last, Mixup) else None

    def __call__(self, x: Pictures, *, rng: np.random.Generator | None = None) -> Pictures:
        """Apply all transforms but mixup, which needs labels, to pictures.

        Args:
            x: the pictures.
            rng: where the draws come from; None (default) takes the default generator.
        """
        rng = to_generator("transforms", rng)
        if not isinstance(x, (list, tuple)):
            check_pictures("transforms", x)
        for one in x:
            if not isinstance(one, np.ndarray):
                raise TypeError(f"transforms: pictures must be NumPy arrays; received a {type(one).__name__}")
        return self.apply(x, [step.draw(rng, len(x)) for step in self.steps])

    def draw(self, seed: int, epoch: int, n: int) -> list[np.ndarray | None]:
        """Draw for an epoch: for each transform, n rows, or None."""
        seen: dict[str, int] = {}
        drawn = []
        for step in self.steps:
            seen[step.name] = seen.get(step.name, 0) + 1
            purpose = step.name if seen[step.name] == 1 else f"{step.name} {seen[step.name]}"
            drawn.append(step.draw(addressed(seed, purpose, epoch), n))
        return drawn

    def apply(
        self,
        x: Pictures,
        rows: Sequence[np.ndarray | None],
        first: int = 0,
        name: Callable[[int], str] | None = None,
        *,
        last: int | None = None,
    ) -> Pictures:
        """Apply the rows that were drawn, from step number `first` on; mixup is left to the caller.

        Args:
            x: the pictures.
            rows: for each step, what was drawn for these pictures.
            first: the step to begin with.
            name: says which picture a number is, for messages.
            last: the step to end before; None (default) means all.

        Raises:
            ValueError: if a step refuses a picture.
            MemoryError: if there is not enough memory for a picture, whose name it tells.
        """
        steps = self.steps[:last]
        while first < len(steps):
            part = slice(first, end_of(steps, first))
            together, first = steps[part], part.stop
            if not isinstance(together[0], Mixup):
                x = apply_rows(together[0].name, partial(frame, together), x, rows[part], name)
        return x

    def fixed(self) -> int:
        """Count the steps at the beginning that only resize or cut out the middle: the same in every epoch."""
        count = 0
        while count < len(self.steps) and isinstance(self.steps[count], (Resize, CenterCrop)):
            count += 1
        return count

    def sized(self) -> int:
        """Count the steps up to the last that decides about the size; a file may hold much more than they leave."""
        return max((number for number, step in enumerate(self.steps, 1) if isinstance(step, (Resize, Cut))), default=0)

    def wanted(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Return the size that a picture of (H, W) is brought to first; None if it is needed as it is.

        Example:
            >>> build([{"name": "resize", "size": 64}, {"name": "random_crop", "size": 56}]).wanted((375, 500))
            (64, 85)
        """
        first = self.steps[0] if self.steps else None
        return new_size(size, first.size) if isinstance(first, Resize) else None

    def begin_reduced(self, pixels: Pixels, name: Callable[[int], str] | None = None) -> tuple[np.ndarray, int]:
        """Do as `begin` with a picture of which `wanted` may have let a part of the pixels be decoded.

        Args:
            pixels: the picture.
            name: as for `apply`.
        """
        if pixels.scale == 1:
            return self.begin(pixels.x, name)
        first: Any = self.steps[0]
        y = np.empty((len(pixels.x), *new_size(pixels.size, first.size)), dtype=pixels.x.dtype)
        h, width = pixels.size
        resample(pixels.x, y, first.interpolation, sides=(h / pixels.scale, width / pixels.scale))
        return self.begin(y, name, done=1)

    def begin(
        self, x: np.ndarray, name: Callable[[int], str] | None = None, *, done: int = 0
    ) -> tuple[np.ndarray, int]:
        """Apply to a picture what is the same in every epoch, unless that would enlarge it beyond all measure.

        A resize with only random cuts behind it is then left for later, when they are known.

        Args:
            x: the picture (C, H, W).
            name: as for `apply`.
            done: how many steps are done already.

        Returns:
            The picture, and how many steps are done.

        Example:
            >>> pipeline = build([{"name": "resize", "size": 64}, {"name": "random_crop", "size": 56}])
            >>> [pipeline.begin(np.zeros((3, 1, width), "uint8"))[0].shape for width in (2, 30000)]
            [(3, 64, 128), (3, 1, 30000)]
        """
        fixed = self.fixed()
        while done < fixed:
            end = end_of(self.steps, done)
            stop = min(end, fixed)
            if stop == done + 1 and not is_roomy(x.shape[1:], self.steps[done:end]):
                break
            (x,) = self.apply([x], [None] * stop, done, name, last=stop)
            done = stop
        return x, done

    def to_list(self) -> list[dict[str, Any]]:
        """Return the names and all numbers, defaults included, as plain values that JSON and TOML can hold.

        Example:
            >>> build([{"name": "flip"}]).to_list()
            [{'name': 'flip', 'p': 0.5}]
        """
        return [{"name": step.name, **_plain(asdict(step))} for step in self.steps]  # type: ignore[call-overload]


def build(specs: Iterable[Spec], statistics: Statistics | str | None = None) -> Pipeline:
    """Make a pipeline of names and numbers.

    Args:
        specs: for each transform a dict with its `name`, one of `TRANSFORMS`, and its settings.
        statistics: of the training pictures, see `measure`, or "imagenet"; `normalize` and `pca_jitter` take from it
            what their settings do not say.

    Raises:
        ValueError: if there is no such transform or setting (the nearest names are told), or a number is wrong.

    Example:
        >>> pipeline = build([{"name": "shift", "pixels": 4}, {"name": "flip"}, {"name": "normalize"}], "imagenet")
        >>> [step.name for step in pipeline.steps]
        ['shift', 'flip', 'normalize']
    """
    if not isinstance(specs, Iterable) or isinstance(specs, (str, bytes, Mapping, np.ndarray)):
        raise TypeError(f"transforms: expects a list of tables with a name; received {shown(specs)}")
    if not isinstance(statistics, (str, Statistics, type(None))):
        raise TypeError(f"transforms: statistics must be Statistics or 'imagenet'; received {shown(statistics)}")
    if isinstance(statistics, str):
        if statistics != "imagenet":
            raise ValueError(f"transforms: the only known statistics are 'imagenet'; received {statistics!r}")
        statistics = IMAGENET
    return Pipeline(tuple(_step(number, spec, statistics) for number, spec in enumerate(specs, 1)))


def _step(number: int, spec: Spec, statistics: Statistics | None) -> Transform:
    if not isinstance(spec, Mapping) or "name" not in spec:
        raise ValueError(f"transforms: number {number} must be a table with a name; received {shown(spec)}")
    name = spec["name"]
    settings = {key: value for key, value in spec.items() if key != "name"}
    if not isinstance(name, str) or name not in TRANSFORMS:
        raise ValueError(
            f"transforms: number {number}: there is no {name!r}; did you mean {nearest(name, TRANSFORMS)}?"
        )
    kind = TRANSFORMS[name]
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in settings:
        if key not in known:
            raise ValueError(
                f"transforms: number {number}: {name} has no setting {key!r}; "
                + (f"did you mean {nearest(key, known)}?" if known else "it has none")
            )
    settings = _measured(name, statistics) | settings
    missing = [key for key, field in known.items() if field.default is MISSING and key not in settings]
    if missing:
        cure = "; or let it be measured: build(specs, statistics)" if name == Normalize.name else ""
        raise ValueError(f"transforms: number {number}: {name} needs {' and '.join(missing)}{cure}")
    return kind(**settings)


def _measured(name: str, statistics: Statistics | None) -> dict[str, Any]:
    """Return the settings of a transform that the statistics of the pictures tell."""
    if statistics is None:
        return {}
    if name == Normalize.name:
        return {"mean": statistics.mean, "std": statistics.std}
    if name == PcaJitter.name and len(statistics.mean) == 3:
        return {"eigenvalues": statistics.eigenvalues, "eigenvectors": statistics.eigenvectors}
    return {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value
