"""Checkpoints: a training that is put away and taken up again, bit for bit.

One safetensors file. Its arrays are the weights under their state_dict names and the optimiser's under "optim/…"; all
else is JSON in the header, under the key "minidl". Equal states give equal bytes: the keys are sorted and no clock is
asked.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl import _random
from minidl._checks import check_path
from minidl._files import atomic_write
from minidl.models._learners import CLASSIFICATION
from minidl.models._registry import build_network
from minidl.nn import init
from minidl.optim._state import flat_slots
from minidl.training.optimizer import from_groups, groups_of
from minidl.training.settings.config import Config
from minidl.training.state import State, build

FORMAT = 2  # raised by one when older versions of minidl could not read what is written any more
OPTIMIZER = "optim/"
FIGURES = ("classes", "pictures", "epoch", "step", "seen", "loss_sum", "correct", "history")  # of the state
KEY = "minidl"  # one key of the header, because the library writes several in changing order


def save_checkpoint(path: str | os.PathLike[str], state: State) -> None:
    """Write the state of a training and of the default generator; the file is complete or it is not there.

    Args:
        path: the file; one that exists is replaced in one go.
        state: the training.

    Raises:
        OSError: if the file cannot be written; what was there before is untouched.
    """
    from safetensors.numpy import save

    check_path("checkpoint", path)
    if not isinstance(state, State):
        raise TypeError(f"checkpoint: expects a State; received a {type(state).__name__}")
    arrays = state.net.state_dict()
    arrays |= {OPTIMIZER + name: v for name, v in flat_slots(state.optimizer.state_dict()).items()}
    note = {
        "format": FORMAT,
        "model": state.config.model,
        "arguments": state.arguments,
        "config": state.config.to_dict(),
        "generator": _random.get_state(),
        "shown": state.shown,
        "optimizer": groups_of(state.net, state.optimizer),
    } | {name: getattr(state, name) for name in FIGURES}
    if state.sums:
        note["sums"] = state.sums
    note["digest"] = _digest(arrays, note)
    content = save(arrays, metadata={KEY: json.dumps(note, sort_keys=True, allow_nan=False)})
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def load_checkpoint(path: str | os.PathLike[str], **changes: Any) -> State:
    """Build the network again and put training and default generator where they were.

    Args:
        path: a file that `save_checkpoint` wrote.
        changes: settings of the `Config` that shall be others from now on: epochs, device.

    Returns:
        The state to go on with.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is damaged, no checkpoint, of a newer minidl, or its weights are those of another network;
            or if a change is refused.
        RuntimeError: if its device is not available.
    """
    check_path("checkpoint", path)
    path = Path(path)
    arrays, note = _read(path)
    slots = {name.removeprefix(OPTIMIZER): v for name, v in arrays.items() if name.startswith(OPTIMIZER)}
    weights = {name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)}
    with _damage(path):
        config = Config.from_dict(note["config"])
    config = replace(config, **changes)
    with _damage(path):
        state = build(config, note["arguments"])
        state.net.load_state_dict(weights)
        if "optimizer" in note:  # older ones have only what the settings say
            state.optimizer = from_groups(state.net, note["optimizer"])
        state.optimizer.load_state_dict(slots)
        for name in FIGURES:
            setattr(state, name, note[name])
        state.shown, state.sums = note.get("shown"), note.get("sums", {})  # younger than the format
        _random.set_state(note["generator"])
    return state


@dataclass(frozen=True)
class About:
    """What the pictures and the answers of a trained network mean.

    Args:
        config: the settings it was trained with.
        classes: the names of what it tells apart.
        shown: see `State`; None in checkpoints from before it was kept.
        epoch: how many epochs it has behind it.
        step: how many steps of the next.
    """

    config: Config
    classes: list[str]
    shown: dict[str, Any] | None
    epoch: int
    step: int


@dataclass(frozen=True)
class Trained(About):
    """What a training has made: the network, in evaluation, and what its pictures and answers mean.

    Args:
        net: the network.
    """

    net: Any


def read_about(path: str | os.PathLike[str]) -> About:
    """Return what a checkpoint says of its network, which is not built.

    Args:
        path: a file that `save_checkpoint` wrote.

    Raises:
        OSError: if the file cannot be read.
        ValueError: as for `load_checkpoint`.
    """
    return _about(Path(path), _read(Path(path))[1])


def _about(path: Path, note: dict[str, Any]) -> About:
    with _damage(path):
        config = Config.from_dict(note["config"])
        return About(config, list(note["classes"]), note.get("shown"), note["epoch"], note["step"])


def load_trained(path: str | os.PathLike[str], task: str = CLASSIFICATION) -> Trained:
    """Build the network of a checkpoint on the CPU, to use it; no generator is touched, and no optimiser is made.

    Args:
        path: a file that `save_checkpoint` wrote.
        task: what it must have learnt.

    Raises:
        OSError: if the file cannot be read.
        ValueError: as for `load_checkpoint`; or if it has learnt something else.
    """
    path = Path(path)
    arrays, note = _read(path)
    about = _about(path, note)
    if about.config.task != task:
        known = f"{about.config.model}, which learnt {about.config.task}"
        raise ValueError(f"checkpoint: expects a network that learnt {task}; {path} holds {known}")
    with _damage(path):
        with init.unfilled():
            net = build_network(about.config.model, note["arguments"])
        net.load_state_dict({name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)})
        return Trained(about.config, about.classes, about.shown, about.epoch, about.step, net.eval())


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a checkpoint of a training, by its header alone; other weights are none.

    Raises:
        OSError: if the file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):  # a missing or forbidden file is an OSError with its name; the library's has none
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            note = json.loads((file.metadata() or {}).get(KEY) or "null")
    except (SafetensorError, ValueError):
        return False
    return isinstance(note, dict) and "format" in note


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Name the file in errors about what it holds."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"checkpoint: {path} does not hold what it says: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"checkpoint: the header of {path} is damaged ({type(error).__name__}: {error})") from error


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the note of a checkpoint."""
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):  # a missing or forbidden file is an OSError with its name; the library's has none
        pass
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except SafetensorError as error:
        size = path.stat().st_size
        raise ValueError(f"checkpoint: {path} ({size:,} bytes) is cut short or no checkpoint: {error}") from error
    try:
        note = json.loads(text or "null")
    except ValueError as error:
        raise ValueError(f"checkpoint: the header of {path} is damaged: {error}") from error
    if not isinstance(note, dict) or "format" not in note:
        raise ValueError(
            f"checkpoint: {path} holds {len(arrays)} arrays but no training; expected a file that `minidl train` wrote"
        )
    if note["format"] != FORMAT:
        newer = isinstance(note["format"], int) and note["format"] > FORMAT
        raise ValueError(
            f"checkpoint: {path} has format {note['format']!r}, this minidl reads format {FORMAT}; "
            + ("update it: pip install --upgrade minidl" if newer else f"begin anew with its weights: --weights {path}")
        )
    digest = note.pop("digest", None)
    if digest != _digest(arrays, note):
        raise ValueError(
            f"checkpoint: {path} is damaged: its contents have changed since it was written (the digest differs); "
            "take the other checkpoint of the run, or a copy"
        )
    return arrays, note


def _digest(arrays: dict[str, np.ndarray], note: dict[str, Any]) -> str:
    """Return the SHA-256 of names, shapes, dtypes and values of all arrays, and of the note."""
    whole = hashlib.sha256(json.dumps(note, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        whole.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        whole.update(array.data)
    return whole.hexdigest()
