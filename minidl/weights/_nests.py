"""Which part of a checkpoint is the weights.

Training scripts save a state_dict alone or in a nest, beside an epoch, an optimiser, options. It is taken where there
is no doubt:

    1. the state_dicts under the usual names (`NESTS`), at any of the first levels; where there is none but averages,
    2. every dict that looks like one: it has tensors, one of them called "weight"; where there is none,
    3. what was saved, if it has tensors or is made of numbers.

Of several, the one that training goes on with comes before moving averages of it (`AVERAGES`). Several that are left
are a doubt, and refused in a line that names the argument which chooses. In the state_dict, whatever is no tensor and
no number is a companion and left out, but for tensors that cannot be read, which are refused by name.
"""

import re
from typing import Any

import numpy as np

from minidl._unpickle import Opaque, shorten
from minidl.weights._companions import Array
from minidl.weights._pickled import UNREADABLE, Tensor
from minidl.weights._reader import ITEMSIZE

NESTS = (
    "state_dict", "model_state_dict", "model", "model_state", "net", "net_state_dict", "network", "params", "weights",
    "module",
)  # fmt: skip
AVERAGES = ("ema", "swa", "averaged", "average", "avg")  # parts of a name, as in model_ema, state_dict_ema, params_ema
_DEPTH = 3  # of nests within nests
_TEXT = np.dtype("U")
_MOST = 6  # names in a note or message

State = dict[str, Any]
Path = tuple[str, ...]


def find_state(saved: Any, entry: str | None = None) -> tuple[State, list[str]]:
    """Find the state_dict in what was saved.

    Args:
        saved: what `TorchUnpickler` built.
        entry: the entry of a checkpoint to take, "a/b" for one in another, "" for the file itself; None (default) takes
            the one without doubt.

    Returns:
        Name → tensor, array or number; and what was done, a line each.

    Raises:
        ValueError: if there is no state_dict, there are several, or a tensor of it cannot be read.

    Example:
        >>> weight = Array()
        >>> weight.value = np.ones(2)
        >>> find_state({"epoch": 3, "net": {"fc.weight": weight, "version": "2"}})
        ({'fc.weight': array([1., 1.])}, ["took the entry 'net'", "left out 'epoch', 'net/version'"])
    """
    if not isinstance(saved, dict):
        cure = "net.state_dict(), path" if not isinstance(saved, Opaque) else "net.state_dict(), path), not the network"
        raise ValueError(f"this file holds {shorten(saved)}, expected a state_dict: torch.save({cure})")
    root, path = _entry(saved, entry or "")
    found = [(path, saved)] if entry == "" else _states(root, path, _DEPTH, set())
    if not found:
        raise ValueError(_no_state(root))
    chosen, others = _choose(found)
    path, state = chosen
    took = f"took the entry {_shown(path)}" if path else "took the arrays of the file itself"
    notes = [took + _not_taken(others)] if path or others else []
    kept = {name: value for name, value in state.items() if isinstance(name, str) and _is_weight(name, value)}
    if not kept and state:
        raise ValueError(_no_state(state))
    passed = [(*path, name) for name in state if name not in kept]
    passed = [(name,) for name in saved if path and name != path[0]] + passed
    if passed:
        notes.append(f"left out {_listed(map(_shown, passed))}")
    return {name: v.value if isinstance(v, Array) else v for name, v in kept.items()}, notes


def _entry(saved: State, entry: str) -> tuple[State, Path]:
    """Return what lies under that name, or under those names with a / between them."""
    found: Any = saved
    path = (entry,) if entry in saved else tuple(entry.split("/")) if entry else ()
    for name in path:
        if not isinstance(found, dict) or name not in found:
            raise ValueError(f"there is no entry {entry!r}; there is {_listed(map(shorten, saved))}")
        found = found[name]
    if not isinstance(found, dict):
        raise ValueError(f"the entry {entry!r} is {shorten(found)}, expected a state_dict")
    return found, path


def _states(found: State, path: Path, depth: int, seen: set[int]) -> list[tuple[Path, State]]:
    """Return path and state_dict of everything that may be the weights, as far as the rules leave it open.

    Each dict is looked at once, under the first of its names: a file can give one a thousand names at every level.
    """
    seen.add(id(found))
    named, like = [], []
    for name, inner in found.items():
        if not isinstance(name, str) or not isinstance(inner, dict) or id(inner) in seen or not depth:
            continue
        below = _states(inner, (*path, name), depth - 1, seen)
        if name.lower() in NESTS or _is_average((name,)):
            named += below
        else:
            like += [one for one in below if _looks_learnt(one[1])]
    if not all(_is_average(one[0]) for one in named):
        return [one for one in named if _looks_learnt(one[1])] or named
    found_here = [*named, *like, *[(path, found)] * _looks_learnt(found)]
    if found_here:
        return found_here
    whole = not path and all(isinstance(value, (int, float, np.generic)) for value in found.values())
    return [(path, found)] if whole or any(map(_is_tensor, found.values())) else []


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (
        isinstance(value, Array) and getattr(value.value, "dtype", _TEXT).kind in "biuf"
    )


def _looks_learnt(state: State) -> bool:
    return any(isinstance(name, str) and name.split(".")[-1] == "weight" and _is_tensor(v) for name, v in state.items())


def _is_average(path: Path) -> bool:
    return any(part in AVERAGES for name in path for part in re.split(r"[^a-z]+", name.lower()))


def _choose(found: list[tuple[Path, State]]) -> tuple[tuple[Path, State], list[Path]]:
    """Return the state_dict to take, and the paths of the averages that are not taken."""
    own = [one for one in found if not _is_average(one[0])] or found
    if len(own) > 1:
        entries = [_shown(path) for path, _ in own]
        raise ValueError(
            f"this file holds {len(own)} state_dicts, {_listed(entries)}; choose one: "
            f"minidl.weights.load(path, entry={entries[0]})"
        )
    return own[0], [path for path, _ in found if path != own[0][0]]


def _is_weight(name: str, value: Any) -> bool:
    """Tell whether an entry of a state_dict is an array or number; a tensor that cannot be read is an error."""
    if isinstance(value, Tensor) and value.kind not in ITEMSIZE:
        raise ValueError(f"the entry {shorten(name)} has the type {value.kind}, expected one of {', '.join(ITEMSIZE)}")
    if isinstance(value, Opaque) and value.name in UNREADABLE:
        raise ValueError(f"the entry {shorten(name)} is {value}, expected a dense tensor of plain numbers")
    return _is_tensor(value) or (
        isinstance(value, (int, float, np.generic)) and not (isinstance(value, int) and value.bit_length() > 63)
    )


def _no_state(found: State) -> str:
    """Say of the first entry that is no weight what it is."""
    name, value = next(((n, v) for n, v in found.items() if isinstance(v, Opaque)), next(iter(found.items())))
    cure = "; save its state_dict()" if isinstance(value, Opaque) else ""
    return (
        f"the entry {shorten(name)} is {shorten(value)}, not a tensor; expected a state_dict, or a dict that has one "
        f"under {', '.join(map(repr, NESTS[:3]))} or the like{cure}"
    )


def _shown(path: tuple[Any, ...]) -> str:
    return shorten("/".join(part if isinstance(part, str) else shorten(part) for part in path))


def _not_taken(others: list[Path]) -> str:
    return f", not {_listed(map(_shown, others))} (entry=… takes it)" if others else ""


def _listed(names: Any) -> str:
    names = list(names)
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if names[_MOST:] else "")
