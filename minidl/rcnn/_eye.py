"""The network that looks at windows: what its last layer is given of each, which is what "features" means here.

Of `alexnet` that is fc7, the paper's choice: 4,096 numbers behind the last relu. Of every other network it is likewise
what its last linear layer sees. The network is folded, and a window is prepared as the network's pictures were: its
mean where there is no picture, its colours.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from minidl import nn
from minidl._checks import shown, to_int
from minidl._looks import Brief
from minidl._names import printable
from minidl.data.transforms import Normalize, normalize
from minidl.detection import warp_windows
from minidl.detection.warping import SHAPES
from minidl.folding import fuse
from minidl.models._registry import ENTRIES
from minidl.predict._expert import from_weights
from minidl.tensor import Tensor, no_grad
from minidl.training.transfer import last_layer, passing_on
from minidl.weights._demo import DEMO, demo_path

CONTEXT = 16  # pixels of the result, around the box


@dataclass(frozen=True)
class Look(Brief):
    """How boxes are looked at: by which network, and in which windows.

    Args:
        model: the name of the network; None takes what the weights are of, or else efficientnet_lite0.
        weights: a file, "demo", or a run's checkpoint; None takes the fine-tuned network where there is one, or else
            the weights of the extra ``demo``.
        size: the side of a window; None takes that of the network's pictures.
        context: pixels of a window around the box.
        shape: how a box becomes a window: "warp" (default), "square" or "bare"; see `detection.warp_windows`.

    Example:
        >>> Look(size=64, context=5)
        Look(size=64, context=5)
    """

    model: str | None = None
    weights: str | os.PathLike[str] | None = None
    size: int | None = None
    context: int = CONTEXT
    shape: str = SHAPES[0]

    def _words(self) -> list[str]:
        return [
            f"{one.name}={shown(getattr(self, one.name))}"
            for one in fields(self)
            if getattr(self, one.name) != one.default
        ]


USUAL = Look()


class Eye(Brief):
    """A network up to its last linear layer.

    Args:
        look: which network, and its windows.

    Raises:
        ValueError: if there are no such weights, or the network does not end in one linear layer, or takes no colours.
        ModuleNotFoundError: if the weights are in a package that is not installed.
        OSError: if a file cannot be read.
    """

    def __init__(self, look: Look = USUAL):
        expert = from_weights(look.model, look.weights)
        if expert.channels != 3:
            raise ValueError(f"rcnn: {expert.model} takes {expert.channels} channels, and windows have 3 (colours)")
        self.model, self.context, self.shape = expert.model, look.context, look.shape
        self.size = ENTRIES[self.model].input_size if look.size is None else to_int("rcnn", "size", look.size, least=1)
        normals = [step for step in expert.transforms.steps if isinstance(step, Normalize)]
        self.mean, self.std = (normals[-1].mean, normals[-1].std) if normals else ([0.0] * 3, [1.0] * 3)
        self.fill = tuple(round(255 * float(one)) for one in self.mean) if normals else (128,) * 3
        self.net, self._head, self.width = _cut(expert.net, self.model, self.size)
        self.notes = [note for note in expert.notes if "prepared" in note]
        self.source = {"model": self.model, "sha256": _digest(file_of(self.model, look))}

    def _words(self) -> list[str]:
        return [self.model, f"{self.width:,} features", f"windows of {self.size}×{self.size}"]

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the features of a box: the network, its weights, and how a window is made."""
        return {**self.source, "size": self.size, "context": self.context, "shape": self.shape}

    def windows(self, pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Return each box of a picture as the network's input, uint8 (N, 3, size, size)."""
        return warp_windows(pixels, boxes, self.size, context=self.context, shape=self.shape, fill=self.fill)

    def look(self, windows: np.ndarray) -> np.ndarray:
        """Return the features of windows, float32 (N, D)."""
        with no_grad(), passing_on(self._head):
            return self.net(Tensor(self.prepare(windows))).numpy().reshape(len(windows), -1)

    def prepare(self, windows: np.ndarray) -> np.ndarray:
        """Return windows as numbers, float32, of the colours that the network has learnt."""
        return normalize(windows, self.mean, self.std)


def _cut(net: Any, model: str, size: int) -> tuple[Any, nn.Module, int]:
    """Return a network folded, its last layer, and how many numbers that is given."""
    found = last_layer(net, model, np.zeros((1, 3, size, size), np.float32))
    if found is None or not isinstance(found[0], nn.Linear):
        raise ValueError(
            f"rcnn: features are what the last linear layer of a network is given; {model} does not end in one; take "
            f"another: alexnet, efficientnet_lite0, resnet50"
        )
    head, features = found
    path = next(path for path, module in net.named_modules() if module is head)
    folded = fuse(net, (3, size, size))
    return folded, dict(folded.named_modules())[path], features[0].size


def file_of(model: str, look: Look) -> Path:
    """Return the file of the weights of the network that looks."""
    return Path(demo_path(model) if look.weights is None or os.fspath(look.weights) == DEMO else look.weights)


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def known(about: dict[str, Any]) -> str:
    """Say in a line by what features were made."""
    how = f"windows of {about['size']}×{about['size']}, {about['shape']} with {about['context']} pixels around"
    return f"{printable(about['model'])}, {how}"
