"""The network that somebody means: one of minidl's by its name, or one from a file; and the shape of its input."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minidl import models, nn
from minidl._looks import listed
from minidl.cost.example import examples, takes_several
from minidl.models._learners import LEARNERS
from minidl.proof.student.watch import is_own, loaded, where

Size = int | tuple[int, ...] | None


def network(
    op: str,
    target: str,
    option: str = "--input",
    size: str | None = None,
    *,
    filled: bool = False,
    several: bool = False,
) -> tuple[nn.Module, Size]:
    """Return a network and the shape of its input; a file is run for it.

    Args:
        op: who asks; begins what is said of mistakes.
        target: the name of a network of `minidl.models`, `FILE.py`, or `FILE.py:NAME` of a module, or of a class or
            function that makes one.
        option: where the size comes from.
        size: the side of a picture, or the shape of one input, such as 3x32x32 or "784,"; None means the network's own.
        filled: whether it gets weights; False (default) leaves them unfilled, which counting does not mind.
        several: whether it may be called with several arrays, such as two sentences; False (default) refuses those.

    Raises:
        ValueError: if there is no such network, it cannot be made, or does not tell the size of its input.

    Example:
        >>> net, shape = network("summary", "resnet20_cifar", size="3x40x40")
        >>> net.name, shape
        ('resnet20_cifar', (3, 40, 40))
    """
    shape = _to_shape(op, option, size)
    file, name = _parts(target)
    with nullcontext() if filled else nn.init.unfilled():
        net = _from_file(op, Path(file), name) if file else _of_minidl(op, target)
    if takes_several(net):
        if not several:
            takes = listed([*examples(net, None, 0)])
            raise ValueError(f"{op}: asks for a network that takes pictures alone; {target} is called with {takes}")
    elif shape is None and getattr(net, "input_size", None) is None:
        raise ValueError(f"{op}: {target} does not tell the size of its input; give it: {option} 3x32x32")
    return net, shape


def _of_minidl(op: str, name: str) -> nn.Module:
    """Return one of minidl's: a classifier, or what learns something else."""
    learner = LEARNERS.get(name)
    if learner is None:
        return models.get_model(name)
    with np.errstate(all="ignore"):  # an average of weights that nobody has filled is nothing to warn of
        net = learner.builder()
    if next(net.parameters(), None) is None:
        raise ValueError(
            f"{op}: {name} has no parameters, and not all that its cells compute are operations, so that a count would "
            f"be wrong; what it is made of: minidl models {name}"
        )
    return net


def _parts(target: str) -> tuple[str, str]:
    """Return the file and the name in it; ("", "") for a network of minidl."""
    file, _, name = target.rpartition(":")
    if file.lower().endswith(".py"):
        return file, name
    return (target, "") if target.lower().endswith(".py") else ("", "")


def blamed(op: str, targets: Sequence[str], error: Exception) -> str:
    """Return what to say of an error that came out of one of the files: the line and what happened; "" for others.

    Example:
        >>> blamed("summary", ["vgg16"], KeyError("x"))
        ''
    """
    lines = traceback.extract_tb(error.__traceback__)
    for path in (Path(file) for file, _ in map(_parts, targets) if file):
        if any(is_own(frame.filename, path) for frame in lines):
            return f"{op}: {where(error, path)}"
    return ""


def _to_shape(op: str, option: str, text: str | None) -> Size:
    if text is None:
        return None
    parts = text.replace("×", "x").replace("x", ",").split(",")
    alone = len(parts) == 2 and not parts[1].strip()  # "784," is a row of numbers
    parts = parts[:1] if alone else parts
    if not all(part.strip().isascii() and part.strip().isdigit() and int(part) > 0 for part in parts):
        raise ValueError(
            f"{op}: {option} must be the side of a picture or the shape of one input, 224, 3x224x224, or 784, with "
            f"its comma; received {text}"
        )
    shape = tuple(map(int, parts))
    return shape[0] if len(shape) == 1 and not alone else shape


def _from_file(op: str, path: Path, name: str) -> nn.Module:
    """Return the network of a file; this runs the file."""
    if not path.is_file():
        raise ValueError(f"{op}: there is no file {path}")
    try:
        with loaded(path) as module:
            there = _networks(module)
            if not name:
                name = _only(op, path, there)
            if not hasattr(module, name):
                raise _Refused(f"{op}: {path.name} has no {name}; it has {', '.join(there) or 'no network'}")
            return _made(op, path, name, getattr(module, name))
    except _Refused as error:
        raise ValueError(str(error)) from None
    except (Exception, SystemExit) as error:
        raise ValueError(f"{op}: {path.name} cannot be imported: {where(error, path)}") from None


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


def _only(op: str, path: Path, there: list[str]) -> str:
    file = path.name
    if not there:
        raise _Refused(
            f"{op}: {file} has no network: no nn.Module, no class or function that makes one; name it: {file}:NAME"
        )
    if len(there) > 1:
        raise _Refused(f"{op}: {file} has several networks: {', '.join(there)}; name one of them: {file}:{there[-1]}")
    return there[0]


def _made(op: str, path: Path, name: str, value: Any) -> nn.Module:
    if not isinstance(value, nn.Module) and callable(value):
        try:
            inspect.signature(value).bind()
        except TypeError as error:
            raise _Refused(
                f"{op}: {name} of {path.name} cannot be made without arguments: {error}; give them defaults, or name "
                f"a function that makes it"
            ) from None
        except ValueError:
            pass  # written in C, without a signature
        value = value()
    if not isinstance(value, nn.Module):
        kind = type(value).__name__
        raise _Refused(f"{op}: {name} of {path.name} is no nn.Module, and makes none; it is a {kind}")
    return value
