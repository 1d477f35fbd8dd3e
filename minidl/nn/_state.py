"""Saving and loading: a module's parameters and buffers as NumPy arrays, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minidl import _backend
from minidl._checks import check_flag
from minidl._looks import unfailing
from minidl.nn._attributes import joined
from minidl.tensor import Tensor

PASSED_OVER = "num_batches_tracked"  # PyTorch's counters, which no norm of minidl has


class LoadReport:
    """What `load_state_dict` did: the names it used, those it missed, and those it had no place for.

    `notes` say what `minidl.weights.load` did to find the weights in their file, a line each.
    """

    def __init__(self, used: list[str], missing: list[str], unexpected: list[str], notes: Iterable[str] = ()):
        self.used, self.missing, self.unexpected, self.notes = used, missing, unexpected, list(notes)

    @unfailing
    def __repr__(self) -> str:
        counts = f"{len(self.used)} used, {len(self.missing)} missing, {len(self.unexpected)} unexpected"
        return "; ".join([counts, *self.notes])


def overrides(module: Any, name: str, base: type) -> bool:
    """Tell whether a module has a method of its own instead of that of the base."""
    return getattr(getattr(module, name), "__func__", None) is not getattr(base, name)


def is_plain(module: Any, kind: type) -> bool:
    """Tell whether a module does what its class does: subclasses and instances may have a forward of their own."""
    return type(module) is kind and "forward" not in vars(module)


def save(module: Any) -> dict[str, np.ndarray]:
    """Return copies of a module's own arrays, and those that each child saves."""
    state: dict[str, np.ndarray] = {}
    for name, value in _own(module).items():
        array = value._data if isinstance(value, Tensor) else value
        state[name] = np.array(_backend.to_numpy(array), order="C")
    for name, child in module.named_children():
        state.update((joined(name, path), array) for path, array in child.state_dict().items())
    return state


def load(module: Any, state: Any, strict: bool, base: type) -> LoadReport:
    """Copy arrays into a module; children whose `load_state_dict` is not that of `base` get their part of them."""
    kind = type(module).__name__
    targets: dict[str, tuple[Any, str]] = {}
    own_ways: dict[str, Any] = {}
    _collect(module, base, "", targets, own_ways)
    check_flag("load_state_dict", "strict", strict)
    given = _to_arrays(state, targets)
    parts = {path: {name: given[name] for name in given if name.startswith(f"{path}.")} for path in own_ways}
    others = {name for part in parts.values() for name in part}
    report = LoadReport(
        used=[name for name in given if name in targets],
        missing=[name for name in targets if name not in given],
        unexpected=[name for name in given if name not in targets and name not in others],
        notes=getattr(state, "notes", ()),
    )
    shapes = {path: getattr(owner, name).shape for path, (owner, name) in targets.items()}
    wrong = [
        f"{name} is {given[name].shape}, expected {shapes[name]}"
        for name in report.used
        if given[name].shape != shapes[name]
    ]
    if wrong or (strict and (report.missing or report.unexpected)):
        raise ValueError(
            f"load_state_dict: the weights do not fit {kind}"
            + _listed("; wrong shape: ", wrong)
            + (_listed("; missing: ", report.missing) + _listed("; unexpected: ", report.unexpected)) * strict
        )
    _load_parts(module, own_ways, parts, strict, report)
    for name in targets.keys() & given.keys():
        _replace(*targets[name], given[name])
    return report


def _own(module: Any) -> dict[str, Any]:
    """Return the parameters and buffers of one module that are saved."""
    saved = {name: array for name, array in module._buffers.items() if name not in module._unsaved}
    return {name: value for name, value in (module._parameters | saved).items() if value is not None}


def _collect(
    module: Any, base: type, prefix: str, targets: dict[str, tuple[Any, str]], own_ways: dict[str, Any]
) -> None:
    """Note where each name of the state belongs: (owner, attribute), or a child that loads in its own way."""
    targets.update({joined(prefix, name): (module, name) for name in _own(module)})
    for name, child in module.named_children():
        if overrides(child, "load_state_dict", base):
            own_ways[joined(prefix, name)] = child
        else:
            _collect(child, base, joined(prefix, name), targets, own_ways)


def _to_arrays(state: Any, targets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the arrays of a state, or say what is wrong with it."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"load_state_dict: expects a dict of name -> array; received a {type(state).__name__}; "
            f"a file is read by minidl.weights.load(path)"
        )
    given: dict[str, np.ndarray] = {}
    for name, value in state.items():
        if not isinstance(name, str):
            raise TypeError(
                f"load_state_dict: names must be strings, such as 'fc.weight'; received {name!r}, a "
                f"{type(name).__name__}"
            )
        if name.endswith(PASSED_OVER) and name not in targets:
            continue
        try:
            array = _backend.to_numpy(value._data if isinstance(value, Tensor) else value)
        except Exception as error:  # every library has its own for "this cannot be an array"
            raise TypeError(_no_array(name, value, str(error).splitlines()[0])) from None
        if array.dtype.kind not in "biuf":
            if isinstance(value, (np.ndarray, str, bytes)):
                raise TypeError(f"load_state_dict: {name} must be an array of numbers; it is {array.dtype}")
            raise TypeError(_no_array(name, value))
        given[name] = array
    return given


def _no_array(name: str, value: Any, why: str = "") -> str:
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    found = kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"
    cure = f"a {found} becomes one by .detach().cpu().float().numpy()" if library == "torch" else "give NumPy's"
    return f"load_state_dict: {name} must be an array of numbers; received a {found}{why and f' ({why})'}; {cure}"


def _load_parts(module: Any, own_ways: Mapping[str, Any], parts: Mapping[str, Any], strict: bool, report: Any) -> None:
    """Let children load in their own way; if one of them fails, what the others did is undone."""
    if not own_ways:
        return
    undo = _undo(module)
    try:
        for path, child in own_ways.items():
            part = {name[len(path) + 1 :]: array for name, array in parts[path].items()}
            found = child.load_state_dict(part, strict)
            if not isinstance(found, LoadReport):
                found = LoadReport(list(part), [], [])
            for names in ("used", "missing", "unexpected"):
                getattr(report, names).extend(joined(path, name) for name in getattr(found, names))
    except BaseException:
        undo()
        raise


def _undo(module: Any) -> Callable[[], None]:
    """Return a function that puts the present arrays back."""
    tree = [module]  # as it is, whatever its modules say of themselves
    for below in tree:
        tree.extend(child for child in below._modules.values() if child is not None)
    parameters = [(it, it._data) for below in tree for it in below._parameters.values() if it is not None]
    buffers = [(below._buffers, dict(below._buffers)) for below in tree]

    def undo() -> None:
        for parameter, array in parameters:
            parameter.data = array
        for store, kept in buffers:
            store.update(kept)

    return undo


def _listed(title: str, names: list[str], most: int = 4) -> str:
    """Return the first names behind a title, or nothing if there are none."""
    if not names:
        return ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return title + ", ".join(names[:most]) + more


def _replace(owner: Any, attribute: str, array: np.ndarray) -> None:
    """Give a parameter or buffer the values of an array, in its own dtype, memory order and on its own device."""
    value = getattr(owner, attribute)
    old = value._data if isinstance(value, Tensor) else value
    new = _backend.empty(old.shape, old.dtype, like=old)
    new[...] = _backend.to_device(np.asarray(array, dtype=old.dtype), _backend.device_of(old))
    if isinstance(value, Tensor):
        value.data = new
    else:
        owner._buffers[attribute] = new


def forget_grad(tensor: Any, set_to_none: Any = True) -> None:
    """Make the gradient of a tensor None, or, where there is one, zeros."""
    if set_to_none or tensor._grad is None:
        tensor._grad = None
    else:
        tensor._grad = np.zeros_like(tensor._grad)
