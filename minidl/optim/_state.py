"""The state of an optimiser as others keep it: judged before a single number of it is taken over.

{"state": {0: {"velocity": array}, 1: …}, "param_groups": [{"lr": 0.1, …, "params": [0, 1]}]}       PyTorch's form
{"0.velocity": array, "1.velocity": …}                       slots alone: that of files, and of older versions
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl._backend import FLOATS, Array, is_array, to_device, to_numpy
from minidl._checks import nearest, shown
from minidl.tensor import Tensor

PARTS = ("state", "param_groups")


def flat_slots(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the slots of a state in the flat form.

    Example:
        >>> from minidl import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> rule = optim.SGD([w], lr=0.1, momentum=0.9)
        >>> (w * w).sum().backward()
        >>> rule.step()
        >>> flat_slots(rule.state_dict())
        {'0.velocity': array([2.], dtype=float32)}
    """
    return {f"{number}.{slot}": array for number, own in state["state"].items() for slot, array in own.items()}


def take_apart(name: str, state: Any) -> tuple[dict[str, Any], Any]:
    """Return the slots of a state in the flat form, and its groups; None where it has none.

    Raises:
        TypeError: if it is no state.
    """
    expected = f"{name}: expects a dict as state_dict() gives it"
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise TypeError(f"{expected}; received {shown(state)}")
    if not any(part in state for part in PARTS):
        return dict(state), None
    slots = state.get("state")
    if set(state) != set(PARTS) or not isinstance(slots, Mapping):
        raise TypeError(f"{expected}, with 'state' and 'param_groups'; received {shown(dict(state))}")
    for number, own in slots.items():
        if not isinstance(own, Mapping):
            raise TypeError(f"{name}: the state of a parameter is a dict of slots; received {shown(own)} for {number}")
    return flat_slots(state), state["param_groups"]


def judged_slots(
    name: str, state: Mapping[str, Any], parameters: Sequence[Tensor], slots: Sequence[str], together: Sequence[str]
) -> list[dict[str, Array]]:
    """Return the slots of each parameter, from the flat form, in its dtype and on its device.

    Raises:
        ValueError: if a name or a shape does not belong to the parameters, or a slot lacks one that belongs to it.
        TypeError: if a slot is no array of floats.
    """
    loaded: list[dict[str, Array]] = [{} for _ in parameters]
    for key, array in state.items():
        index, _, slot = key.partition(".")
        if slot not in slots or not index.isdecimal() or int(index) >= len(loaded):
            raise ValueError(f"{name}: the state has an entry that belongs to no parameter: {key!r}")
        loaded[int(index)][slot] = _to_slot(name, key, array, parameters[int(index)])
    for number, found in enumerate(loaded):
        if found and (missing := [slot for slot in together if slot not in found]):
            raise ValueError(f"{name}: the state has {number}.{next(iter(found))} but not {number}.{missing[0]}")
    return loaded


def judged_groups(name: str, groups: Any, own: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the settings of groups from a state beside the parameters of those that are there.

    Raises:
        ValueError: if there are other groups, other numbers of parameters in them, or another setting.
        TypeError: if they are no groups.
    """
    if not isinstance(groups, (list, tuple)) or not all(isinstance(group, Mapping) for group in groups):
        raise TypeError(f"{name}: param_groups must be a list of dicts; received {shown(groups)}")
    if len(groups) != len(own):
        raise ValueError(f"{name}: the state has {len(groups)} param_groups, the optimiser {len(own)}")
    restored = []
    for number, (group, mine) in enumerate(zip(groups, own)):
        params = group.get("params")
        if not isinstance(params, (list, tuple)) or len(params) != len(mine["params"]):
            found = f"{len(params)} parameters" if isinstance(params, (list, tuple)) else shown(params)
            raise ValueError(
                f"{name}: group {number} of the state must name {len(mine['params'])} params; received {found}"
            )
        for key in group:
            if key not in mine:
                raise ValueError(f"{name}: a group has no setting {key!r}; did you mean {nearest(str(key), mine)}?")
        given = {key: tuple(one) if isinstance(one, list) else one for key, one in group.items()}
        restored.append({**mine, **given, "params": mine["params"]})
    return restored


def _to_slot(name: str, key: str, value: Any, p: Tensor) -> Array:
    """Return one entry of a state, judged, in the dtype and on the device of its parameter; a step is a count."""
    is_step = key.endswith(".step")
    shape = () if is_step else p.shape
    if not is_array(value) or value.dtype not in FLOATS:
        found = f"dtype={value.dtype}" if is_array(value) else f"a {type(value).__name__}"
        raise TypeError(f"{name}: the state must hold arrays of float32 or float64; received {found} for {key}")
    if value.shape != shape:
        raise ValueError(f"{name}: the state has {key} of shape {value.shape}, expected {shape}")
    if is_step and not (value >= 0 and value < math.inf):
        raise ValueError(f"{name}: the state has {key} = {value}, expected a number of steps from 0 on")
    return np.array(to_numpy(value), np.float64) if is_step else to_device(np.array(to_numpy(value), p.dtype), p.device)
