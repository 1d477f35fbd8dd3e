"""A network to be predicted: one of minidl's by its name, or one from a file, and the shape of its input."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from minidl import models, nn
from minidl.proof.student.watch import loaded, where
from minidl.teach.strings.learn import prediction as words


def network(target: str, size: str | None = None) -> tuple[nn.Module, Any]:
    """Return a network, with weights that nobody has filled, and the shape of its input, or None for its own.

    Args:
        target: the name of a network of `minidl.models`, `FILE.py`, or `FILE.py:NAME` of a module, or of a class or
            function that makes one.
        size: the side of a picture, or the shape of one input with commas; None means the network's own.

    Raises:
        ValueError: if there is no such network, it cannot be made, or does not tell the size of its input.
    """
    file, _, name = target.rpartition(":")
    if not file.lower().endswith(".py"):
        file, name = (target, "") if target.lower().endswith(".py") else ("", "")
    with nn.init.unfilled():
        net = _from_file(Path(file), name) if file else models.get_model(target)
    shape = _shape(size)
    if shape is None and getattr(net, "input_size", None) is None:
        raise ValueError(words.NO_SIZE.format(name=target))
    return net, shape


def _shape(size: str | None) -> Any:
    if size is None:
        return None
    try:
        shape = tuple(int(part) for part in size.replace("x", ",").split(","))
    except ValueError:
        raise ValueError(words.BAD_SIZE.format(size=size)) from None
    if not all(part > 0 for part in shape):
        raise ValueError(words.BAD_SIZE.format(size=size))
    return shape[0] if len(shape) == 1 else shape


def _from_file(path: Path, name: str) -> nn.Module:
    """Return the network of a file; this runs the file."""
    if not path.is_file():
        raise ValueError(words.NO_FILE.format(file=path))
    try:
        with loaded(path) as module:
            there = _networks(module)
            if not name:
                name = _only(path, there)
            if not hasattr(module, name):
                names = ", ".join(there) or words.NOTHING
                raise _Refused(words.NO_SUCH.format(file=path.name, name=name, names=names))
            return _made(path, name, getattr(module, name))
    except _Refused as error:
        raise ValueError(str(error)) from None
    except (Exception, SystemExit) as error:
        raise ValueError(f"learn: {path.name} cannot be imported: {where(error, path)}") from None


class _Refused(Exception):
    """What a file holds is no network; the text says why."""


def _networks(module: ModuleType) -> list[str]:
    """Return the names of what is, or makes, a network; what is imported does not count."""
    found = []
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        is_class = inspect.isclass(value) and issubclass(value, nn.Module) and own
        if isinstance(value, nn.Module) or is_class:
            found.append(name)
    return found


def _only(path: Path, there: list[str]) -> str:
    if not there:
        raise _Refused(words.NO_NETWORK.format(file=path.name))
    if len(there) > 1:
        raise _Refused(words.WHICH_NETWORK.format(file=path.name, names=", ".join(there), first=there[-1]))
    return there[0]


def _made(path: Path, name: str, value: Any) -> nn.Module:
    if not isinstance(value, nn.Module) and callable(value):
        try:
            value = value()
        except TypeError as error:
            raise _Refused(words.NOT_MADE.format(name=name, file=path.name, why=error)) from None
    if not isinstance(value, nn.Module):
        raise _Refused(words.NO_MODULE.format(name=name, file=path.name, kind=type(value).__name__))
    return value
