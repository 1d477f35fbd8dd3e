"""What is to be exported: a run of `minidl train`, or a network of `minidl.models` with or without weights."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minidl import models, weights
from minidl._checks import check_choice, check_path, nearest, to_int
from minidl._looks import Brief
from minidl.cost.example import input_shape
from minidl.data.transforms import Pipeline, build
from minidl.export._graph import require_onnx, to_onnx
from minidl.models._family import Network
from minidl.models._registry import get_trained
from minidl.predict._expert import class_names
from minidl.training.checkpoint import load_trained
from minidl.training.run_folder.folder import RunFolder
from minidl.training.settings.pretrained import IMAGENET_CLASSES, as_imagenet, is_published

FORMATS = ("onnx", "safetensors")
NEW = "new, as drawn before the first step"


@dataclass(frozen=True)
class Exported(Brief):
    """What was written.

    Attributes:
        path: the file.
        model: the network's name.
        shape: of one picture, (C, H, W), or None where none is written.
        weights: where they come from, in words.
        notes: what `load_report` says of them, a line each.
    """

    path: Path
    model: str
    shape: tuple[int, ...] | None
    weights: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    net: Network
    model: str
    arguments: dict[str, Any]
    weights: str
    shape: tuple[int, ...] | None
    about: dict[str, Any] = field(default_factory=dict)  # class names and preparation
    notes: list[str] = field(default_factory=list)


def export(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: str | None = None,
    weights_file: str | os.PathLike[str] | None = None,
    checkpoint: str = "best",
    size: int | None = None,
) -> Exported:
    """Write a run's network, or one of `models.list_models()`, for other programs; complete or not at all.

    Args:
        source: the folder of a run, or the name of a network.
        out: the file; one that exists is replaced.
        to: "onnx" or "safetensors"; None (default) means what `out` ends in.
        weights_file: the weights of a network by name, as `weights.load` takes them; None (default) leaves it new.
        checkpoint: of a run, "best" or "last".
        size: the side of the pictures; None (default) means that of the run, or the network's own.

    Raises:
        ValueError: if there is no such run or network, the weights do not fit, or the format is not told.
        ModuleNotFoundError: if the extra "onnx" is not installed.
        OSError: if a file cannot be read or written.

    Example:
        >>> import tempfile
        >>> export("lenet5_modern", f"{tempfile.mkdtemp()}/net.safetensors").weights
        'new, as drawn before the first step'
    """
    for name, given in (("source", source), ("out", out), ("weights_file", weights_file)):
        if given is not None or name != "weights_file":
            check_path("export", given, name)
    size = None if size is None else to_int("export", "size", size, least=1)
    path, form = Path(out), _form(out, to)
    if form == "onnx":
        require_onnx()  # before the work
    found = _open(source, weights_file, checkpoint, size)
    if form == "safetensors":
        weights.save(path, found.net.state_dict(), model=found.model, arguments=found.arguments)
        return Exported(path, found.model, None, found.weights, found.notes)
    shape = input_shape(found.net, found.shape)
    told = {"model": found.model, "arguments": found.arguments, "weights": found.weights, "size": shape[1:]}
    to_onnx(found.net, path, size=shape, metadata=told | found.about)
    return Exported(path, found.model, shape, found.weights, found.notes)


def _form(out: str | os.PathLike[str], to: str | None) -> str:
    """Return the format, which the file's ending must not contradict."""
    ending = Path(out).suffix.removeprefix(".").lower()
    if to is not None:
        check_choice("export", "to", to, FORMATS)
    if ending in FORMATS and to in (None, ending):
        return ending
    if ending in FORMATS or to is None:
        raise ValueError(
            f"export: the format must be onnx or safetensors, and out must end in it; received out={os.fspath(out)!r}, "
            f"to={to!r}"
        )
    raise ValueError(f"export: out must end in .{to}; received out={os.fspath(out)!r}")


def _open(
    source: str | os.PathLike[str], weights_file: str | os.PathLike[str] | None, checkpoint: str, size: int | None
) -> _Source:
    """A folder is a run, anything else the name of a network."""
    name = os.fspath(source)
    if Path(name).is_dir():
        if weights_file is not None:
            raise ValueError(f"export: a run has weights of its own; received weights={os.fspath(weights_file)!r}")
        return _from_run(RunFolder.open(name), checkpoint, size)
    if Path(name).exists():
        raise ValueError(f"export: {name} is a file; to export its weights, name their network: MODEL --weights {name}")
    if name not in models.list_models():
        near = nearest(name, models.list_models())
        raise ValueError(f"export: there is no run folder and no network {name!r}; did you mean {near}?")
    return _from_model(name, weights_file, size)


def _from_run(run: RunFolder, checkpoint: str, size: int | None) -> _Source:
    file = run.checkpoint(checkpoint)
    found = load_trained(file)
    transforms = build(found.config.test_transforms or [])
    about = {"classes": found.classes, **_about(transforms)}
    arguments = weights.read_metadata(file)["arguments"]
    shape = _shape(transforms, found.shown, found.net) if size is None else (found.net.in_channels, size, size)
    return _Source(found.net, found.config.model, arguments, str(file), shape, about)


def _shape(transforms: Pipeline, shown: dict[str, Any] | None, net: Network) -> tuple[int, ...] | None:
    """Return the shape of what a run's network saw: a blank picture goes the way of the others."""
    if shown is None:
        return None
    blank = np.zeros((1, *shown["shape"]), shown["dtype"])
    return tuple(transforms(blank)[0].shape)


def _about(transforms: Pipeline) -> dict[str, Any]:
    """Return the notes on what happens to a picture before: all steps, and the colours (of pixels from 0 to 1)."""
    steps = transforms.to_list()
    normal = next((step for step in steps if step["name"] == "normalize"), None)
    colours = {} if normal is None else {"mean": list(normal["mean"]), "std": list(normal["std"])}
    return {"preparation": steps, **colours}


def _from_model(name: str, file: str | os.PathLike[str] | None, size: int | None) -> _Source:
    if file is None:
        return _sized(models.get_model(name), name, {}, NEW, size)
    note = weights.read_metadata(file)
    arguments = note["arguments"] if note["model"] == name else {}
    net = get_trained(name, file, **arguments)
    about: dict[str, Any] = {}
    if is_published(file) and net.in_channels == 3:  # how other weights are used, their file does not say
        about = _about(as_imagenet(name, models.describe(name).input_size))
        with suppress(ModuleNotFoundError):  # the names of ImageNet are an extra
            about["classes"] = class_names(IMAGENET_CLASSES)
    return _sized(net, name, arguments, str(file), size, about, [str(net.load_report)])


def _sized(net: Network, name: str, arguments: dict[str, Any], origin: str, size: int | None, *rest: Any) -> _Source:
    side = net.input_size if size is None else size
    shape = None if side is None else (net.in_channels, side, side)
    return _Source(net, name, arguments, origin, shape, *rest)
