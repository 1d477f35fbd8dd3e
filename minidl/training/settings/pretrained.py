"""What foreign weights have learnt to see: the colours and the size of pictures that they want.

where weights come from              what they want
the extra "demo", PyTorch's files    what ImageNet's pictures were brought to
a run's checkpoint                   what the run's pictures were brought to
another file, for a network of       taken as ImageNet's, and said so
ImageNet's thousand classes
any other file                       nobody knows: the colours of the new pictures are measured

To shift colours that a network has learnt to see, or to show it things at half their size, costs more than most other
mistakes of a transfer.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.data.transforms import Pipeline, build
from minidl.models import describe
from minidl.training.checkpoint import is_checkpoint, read_about
from minidl.training.settings.config import Table
from minidl.training.settings.picture_sizes import sized
from minidl.weights._demo import DEMO, demo_path

IMAGENET_CLASSES = 1000
PUBLISHED = re.compile(r".*-([0-9a-f]{8})\.pth")  # PyTorch's way: the name ends with the start of the file's SHA-256
TWICE, LEAST = 2, 128  # how far small pictures are enlarged: more brings no detail, and costs by the square

# Weights that were trained on colours normalised with other numbers than everybody's (mean and deviation, 0 to 1).
OWN: dict[str, dict[str, list[float]]] = {
    "efficientnet_lite0": {"mean": [127 / 255] * 3, "std": [128 / 255] * 3},
}


@dataclass(frozen=True)
class Origin:
    """Where weights come from, as far as pictures must know it.

    Args:
        name: of whatever they were learnt on.
        colours: mean and std of `normalize`; {} where it is not known.
        side: of the pictures they were learnt on; None where it is not known.
        note: what should be said about it.
    """

    name: str
    colours: Mapping[str, Sequence[float]]
    side: int | None = None
    note: str = ""

    def __str__(self) -> str:
        """Say it in a line."""
        numbers = [f"{key} {', '.join(f'{number:.3g}' for number in value)}" for key, value in self.colours.items()]
        side = "" if self.side is None else f" of {self.side}×{self.side}"
        return self.note or f"learnt on {self.name}{side}; colours by {'; '.join(numbers) or 'those of these pictures'}"

    def fitting(self, side: int) -> int:
        """Return the side that pictures of this side are brought to.

        Example:
            >>> [Origin("ImageNet", {}, 224).fitting(side) for side in (32, 64, 100, 300)]
            [128, 128, 200, 224]
        """
        return side if self.side is None else min(self.side, max(LEAST, TWICE * side))

    def with_colours(self, steps: Sequence[Table]) -> list[Table]:
        """Return transforms with these colours, where they do not say their own."""
        return [{**self.colours, **step} if _is_normal(step) else step for step in steps]


def _is_normal(step: Any) -> bool:
    return isinstance(step, Mapping) and step.get("name") == "normalize"


def origin_of(model: str, file: str | os.PathLike[str]) -> Origin:
    """Tell what the weights of a file, or of the extra "demo", have learnt to see.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is a damaged checkpoint, or there is no such network, or none with weights in the extra.
        ModuleNotFoundError: if the extra is not installed.

    Example:
        >>> found = origin_of("efficientnet_lite0", "demo")
        >>> found.name, found.side, f"{found.colours['mean'][0]:.3f}"
        ('ImageNet', 224, '0.498')
    """
    if file == DEMO:
        demo_path(model)  # says so where there are none, before anything is said of them
    entry = describe(model)
    normal = next(step for step in as_imagenet(model, entry.input_size).to_list() if _is_normal(step))
    imagenet = {"mean": normal["mean"], "std": normal["std"]}
    if file == DEMO or is_published(file):
        return Origin("ImageNet", imagenet, entry.input_size)
    if is_checkpoint(file):
        about = read_about(file)
        return _of_run(about.config.data, about.config.test_transforms or [], about.shown)
    what = f"{os.fspath(file)} does not say what its pictures were"
    if entry.variant.num_classes == IMAGENET_CLASSES and entry.variant.in_channels == 3:
        return Origin("ImageNet", imagenet, entry.input_size, f"{what}; they are taken as ImageNet's")
    return Origin(os.fspath(file), {}, None, f"{what}; the colours of these are measured")


def _of_run(name: str, steps: Sequence[Table], shown: Any) -> Origin:
    """Return the origin of a run's weights."""
    colours: dict[str, Any] = {}
    for step in steps:
        if _is_normal(step):
            colours = {"mean": step["mean"], "std": step["std"]}
    sizes = [step["size"] for step in sized(steps) if isinstance(step.get("size"), int)]
    sides = sizes[-1:] or ([min(shown["shape"][1:])] if shown and not sized(steps) else [])
    return Origin(name, colours, sides[0] if sides else None)


def as_imagenet(model: str, size: int) -> Pipeline:
    """Return how pictures are prepared for ImageNet's weights: the shorter side to size · 256 / 224, the middle."""
    steps: list[dict[str, Any]] = [
        {"name": "resize", "size": round(size * 256 / 224), "interpolation": "bicubic"},
        {"name": "center_crop", "size": size},
        {"name": "normalize", **OWN.get(model, {})},
    ]
    return build(steps, "imagenet")


def is_published(file: str | os.PathLike[str]) -> bool:
    """Tell whether a file is one that PyTorch publishes, and those train on ImageNet: by name and content."""
    match = PUBLISHED.fullmatch(os.path.basename(os.fspath(file)))
    if match is None:
        return False
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest().startswith(match[1])
