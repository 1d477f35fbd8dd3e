"""What is explored: a network with its weights, and a picture as it sees it.

The network of a run brings its preparation and the names of its classes; one of `minidl.models` has them from its
weights, or none. A run that was trained on pictures of a scale of their own, such as the digits, takes a file stretched
to that scale; a number instead of a file is a picture of the run's validation.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidl import _backend, _random, models
from minidl._checks import check_path, is_int, nearest, to_int
from minidl._heat import as_rgb
from minidl._names import printable
from minidl.data import Split, images
from minidl.data.transforms import CenterCrop, Pipeline, Resize, build, interpolate
from minidl.data.transforms._base import as_input
from minidl.models._registry import ENTRIES
from minidl.nn import Module
from minidl.predict import _expert
from minidl.tensor import Tensor
from minidl.training.batches import validation_batches
from minidl.training.checkpoint import Trained, load_checkpoint, load_trained
from minidl.training.run_folder.dataset import validation_pictures
from minidl.training.run_folder.folder import RunFolder
from minidl.training.settings.config import Config
from minidl.training.settings.pretrained import as_imagenet

SEED = 0  # of weights that nobody has trained


@dataclass
class State:
    """The weights of one moment: a network, and what they are called."""

    name: str
    net: Module


@dataclass
class Subject:
    """A network, or one at several moments, and a picture.

    Attributes:
        name: of the network.
        states: the network at each moment that is shown; the last is the newest.
        x: the picture as the network sees it, float32 (C, H, W).
        picture: the same for people, uint8 (H, W, 3).
        title: what the picture is called.
        classes: the names of the classes.
        truth: the class of the picture, where it is known.
        notes: what should be known about it, a line each.
    """

    name: str
    states: list[State]
    x: np.ndarray
    picture: np.ndarray
    title: str
    classes: tuple[str, ...]
    truth: int | None = None
    notes: list[str] = field(default_factory=list)


def subject(
    source: Any,
    image: Any,
    *,
    weights_file: str | os.PathLike[str] | None = None,
    epochs: bool = False,
    size: int | None = None,
) -> Subject:
    """Open what shall be explored.

    Args:
        source: the folder of a run, the name of a network, or a network.
        image: a picture file; the number of a validation picture of the run; or an array (C, H, W), as the network
            expects it.
        weights_file: of a network by name; None (default) leaves it as it is before the first step.
        epochs: whether to show every checkpoint that the run keeps.
        size: the side of the picture; None (default) takes that of the run, or the paper's.

    Raises:
        ValueError: if there is no such run or network, it has no checkpoint, or the picture is none.
        OSError: if a file cannot be read.
    """
    size = None if size is None else to_int("explore", "size", size, least=1)
    if isinstance(source, Module):
        if weights_file is not None or epochs:
            raise ValueError("explore: a network has its weights already; leave out weights and epochs")
        return _of_net(source, image, size)
    check_path("explore", source, "a run or a network")
    name = os.fspath(source)
    if os.path.isdir(name):
        if weights_file is not None:
            raise ValueError(f"explore: a run has weights of its own; received weights={os.fspath(weights_file)!r}")
        return _of_run(RunFolder.open(name), image, size, epochs)
    if os.path.exists(name):
        raise ValueError(f"explore: {printable(name)} is a file; name the network of its weights: MODEL --weights FILE")
    if name not in ENTRIES:
        near = nearest(name, models.list_models())
        raise ValueError(f"explore: there is no run folder and no network {name!r}; did you mean {near}?")
    if epochs:
        raise ValueError(f"explore: {name} is a network, and epochs are those of a run: minidl explore RUN --epochs")
    return _of_model(name, image, weights_file, size)


# Runs


def _of_run(run: RunFolder, image: Any, size: int | None, epochs: bool) -> Subject:
    files = [file for file in (run.best, run.last) if file.is_file()]
    kept = [load_trained(file) for file in (files if epochs else files[:1])]
    moments = {(trained.epoch, trained.step): trained for trained in reversed(kept)}  # the best may be the last
    states = [State(_moment(*when), moments[when].net) for when in sorted(moments)]
    notes: list[str] = []
    if epochs:
        several = f"{len(states)} checkpoint" + "s" * (len(states) != 1)
        notes.append(f"{run} keeps {several}: {', '.join(state.name for state in states)}")
    found = _picture_of_run(run, files[0], kept[0], image, notes)
    if size is not None and found.x.shape[1:] != (size, size):
        notes.append(f"the picture of {found.x.shape[1]}×{found.x.shape[2]} was brought to {size}×{size}")
        found = _brought(found, size)
    return Subject(kept[0].config.model, states, *found, notes=notes)


def _moment(epoch: int, step: int) -> str:
    """Return when in a training something was: after how many epochs, and steps of the next."""
    if step:
        return f"epoch {epoch + 1}, step {step}"
    return f"epoch {epoch}" if epoch else "before the first step"


class Found(NamedTuple):
    """A picture: as the network sees it, as people do, its name, the names of the classes, and its own, if known."""

    x: np.ndarray
    picture: np.ndarray
    title: str
    classes: tuple[str, ...]
    truth: int | None = None


def _picture_of_run(run: RunFolder, file: Path, trained: Trained, image: Any, notes: list[str]) -> Found:
    """Return a picture as the run's network sees it."""
    classes = tuple(trained.classes)
    if _backend.is_array(image):
        return _from_array(image, classes)
    number = _number_of(image)
    own_scale = trained.shown is not None and trained.shown["dtype"] != "uint8"
    if number is None and not own_scale:
        expert = _expert.from_checkpoint(file)
        notes.extend(expert.notes)
        x = expert.prepare(image)
        return Found(x, _for_people(x, expert.transforms), Path(os.fspath(image)).name, classes)
    val, config = _examined(run, file)
    transforms = build(config.test_transforms or [])
    if number is not None:
        if not 0 <= number < len(val):
            raise ValueError(
                f"explore: {run} has {len(val):,} validation pictures; expected a number from 0 to {len(val) - 1}; "
                f"received {number}"
            )
        with closing(validation_batches(val.take([number]), config).epoch(0)) as batches:
            x, labels = next(batches)
        title = f"validation picture {number}"
        return Found(x[0], _for_people(x[0], transforms), title, classes, int(labels[0]))
    x = _stretched(image, val, notes)
    (x,) = transforms.apply([x], transforms.draw(config.seed, 0, 1), name=lambda _: os.fspath(image))
    x = np.asarray(x, dtype=np.float32)
    return Found(x, _for_people(x, transforms), Path(os.fspath(image)).name, classes)


def _number_of(image: Any) -> int | None:
    """Return the number of a validation picture; None if a file is meant."""
    if is_int(image):
        return int(image)
    name = os.fspath(image) if isinstance(image, (str, os.PathLike)) else ""
    return int(name) if name.isdecimal() and not os.path.exists(name) else None


def _examined(run: RunFolder, file: Path) -> tuple[Split, Config]:
    """Return the pictures a run is examined with, and its settings; the default generator is put back."""
    before = _random.get_state()
    try:
        state = load_checkpoint(file, device="cpu")
        return validation_pictures(run, state, (), moved=False), state.config
    finally:
        _random.set_state(before)


def _stretched(image: Any, val: Split, notes: list[str]) -> np.ndarray:
    """Bring a file to the size and the scale of a run's pictures, which are no whole numbers from 0 to 255."""
    known = val.read(0) if val.x is None else val.x
    c, h, width = known.shape[-3:]
    check_path("explore", image, "a picture")
    if c not in (1, 3):
        raise ValueError(f"explore: pictures of the run have {c} channels, files 1 or 3; give a number, such as 0")
    pixels = images.read_pixels(image, c)
    resized = Pipeline((Resize(min(h, width)), CenterCrop((h, width))))([pixels])[0]
    x = resized.astype(np.float32) / 255
    low, high = float(known.min()), float(known.max())
    border = np.concatenate([x[:, (0, -1)].ravel(), x[:, :, (0, -1)].ravel()])
    ground = np.concatenate([known[..., (0, -1), :].ravel(), known[..., (0, -1)].ravel()])
    turned = np.median(border) > 0.5 and np.median(ground) < (low + high) / 2
    notes.append(
        f"{Path(os.fspath(image)).name} was brought to {c}×{h}×{width} and from 0…255 to {low:.3g}…{high:.3g}, the "
        f"scale of the run's pictures" + (", as a negative, because theirs are light on dark" if turned else "")
    )
    return low + (high - low) * (1 - x if turned else x)


# Networks


def _of_model(name: str, image: Any, file: str | os.PathLike[str] | None, size: int | None) -> Subject:
    entry = ENTRIES[name]
    notes: list[str] = []
    if file is not None:
        expert = _expert.from_weights(name, file)
        notes += [*expert.notes, *([expert.unnamed] if expert.unnamed else [])]
        net, classes = expert.net, expert.classes
        transforms = expert.transforms if size is None else _own(name, net, size)
    else:
        net = models.get_model(name, rng=np.random.default_rng(SEED))
        classes = tuple(f"class {index}" for index in range(entry.variant.num_classes))
        notes.append("the weights are new, as drawn before the first step; a run or --weights FILE has trained ones")
        transforms = _own(name, net, size or entry.input_size)
    state = State("trained" if file is not None else "new", net)
    if _backend.is_array(image):
        return Subject(name, [state], *_from_array(image, classes), notes=notes)
    if _number_of(image) is not None:
        raise ValueError(f"explore: {name} is no run, so it has no validation picture {image}; give a picture file")
    check_path("explore", image, "a picture")
    pixels = images.read_pixels(image, net.in_channels)
    (x,) = transforms.apply([pixels], transforms.draw(SEED, 0, 1), name=lambda _: os.fspath(image))
    x = as_input(x)
    return Subject(name, [state], x, _for_people(x, transforms), Path(os.fspath(image)).name, classes, None, notes)


def _own(name: str, net: Any, size: int) -> Pipeline:
    """Return how pictures are prepared where only their size is known."""
    if net.in_channels == 3:
        return as_imagenet(name, size)
    return build([{"name": "resize", "size": size}, {"name": "center_crop", "size": size}])


def _of_net(net: Module, image: Any, size: int | None) -> Subject:
    """A network that somebody has built; its classes are numbered."""
    name = str(getattr(net, "name", "") or type(net).__name__)
    channels = getattr(net, "in_channels", 3)
    state = State("as it is", net)
    if _backend.is_array(image) or isinstance(image, Tensor):
        return Subject(name, [state], *_from_array(image, ()))
    check_path("explore", image, "a picture")
    side = size or getattr(net, "input_size", None)
    if side is None:
        raise ValueError(f"explore: {name} does not tell the size of its pictures; give size=224, or an array")
    transforms = _own(name if name in ENTRIES else "resnet18", net, side)
    x = as_input(transforms([images.read_pixels(image, channels)])[0])
    return Subject(name, [state], x, _for_people(x, transforms), Path(os.fspath(image)).name, ())


# Pictures


def _from_array(image: Any, classes: tuple[str, ...]) -> Found:
    """Take an array as the network expects it."""
    x = np.asarray(_backend.to_numpy(image._data if isinstance(image, Tensor) else image))
    x = x[0] if x.ndim == 4 and len(x) == 1 else x
    if x.ndim != 3 or x.dtype.kind not in "biuf":
        raise ValueError(f"explore: an array must be one picture (C, H, W) of numbers; received shape {x.shape}")
    x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)
    return Found(x, as_rgb(x), "an array", classes)


def _for_people(x: np.ndarray, transforms: Pipeline) -> np.ndarray:
    """Return what the network sees in the colours that it had before they were shifted."""
    for step in reversed(transforms.to_list()):
        if step["name"] == "normalize":
            mean, std = (np.asarray(step[key], dtype=np.float64)[:, None, None] for key in ("mean", "std"))
            return as_rgb((x * std + mean).clip(0, 1))
    return as_rgb(x)


def _brought(found: Found, size: int) -> Found:
    picture = interpolate(found.picture.transpose(2, 0, 1)[None].astype(np.float32), size)[0]
    rgb = picture.clip(0, 255).round().astype(np.uint8).transpose(1, 2, 0)
    return found._replace(x=interpolate(found.x[None], size)[0], picture=rgb)
