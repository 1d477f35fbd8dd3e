"""What all update rules share: the parameters, the learning rate, weight decay, and slots that are saved and restored.

A rule is one function, `update`: it gets a parameter's array p, its gradient g, its slots (arrays such as a velocity,
kept from step to step) and its weight decay, and returns the new p. It writes into no array.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl._backend import FLOATS, Array, device_of, is_array, to_device, to_numpy
from minidl._checks import check_positive, judged_grad, shown
from minidl.nn import Module
from minidl.tensor import Tensor


class Optimizer:
    """Base of the update rules: subclass it and write `update`.

    Args:
        parameters: what to learn, for example `net.parameters()`; or groups, dicts with "parameters" and a
            "weight_decay" of their own, as `decay_groups` makes them.
        lr: learning rate; may be changed between steps by setting `.lr`.
        weight_decay: what is added to the gradient, as a share of the parameter.

    Raises:
        ValueError: if a number is out of range, there is no parameter, one is named twice, or a group has another key.
        TypeError: if something else than parameters is given.
    """

    slots: tuple[str, ...] = ()
    together: tuple[str, ...] = ()  # of the slots, those that a parameter has all or none of

    def __init__(self, parameters: Iterable[Any], lr: float, weight_decay: float = 0.0):
        name = type(self).__name__
        check_positive(name, "lr", lr, zero=True)
        check_positive(name, "weight_decay", weight_decay, zero=True)
        self.lr, self.weight_decay = lr, weight_decay
        self.parameters: list[Tensor] = []
        self._decay: list[float] = []
        seen: set[Tensor] = set()
        for group in _groups(name, parameters):
            decay = group.get("weight_decay", weight_decay)
            check_positive(name, "weight_decay", decay, zero=True)
            for p in group["parameters"]:
                if not isinstance(p, Tensor):
                    raise TypeError(f"{name}: expects parameters; received a {type(p).__name__}; pass net.parameters()")
                if p in seen:
                    raise ValueError(f"{name}: a parameter of shape {p.shape} is named twice; name each once")
                seen.add(p)
                self.parameters.append(p)
                self._decay.append(decay)
        if not self.parameters:
            raise ValueError(f"{name}: there is no parameter to learn; pass net.parameters()")
        self._state: list[dict[str, Array]] = [{} for _ in self.parameters]

    def update(self, p: Array, g: Array, state: dict[str, Array], decay: float) -> Array:
        """Return the new value of p; every rule writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: update is not written")

    def step(self) -> None:
        """Move every parameter that has a gradient; if one of them cannot be moved, none is.

        Raises:
            ValueError: if a gradient has not the shape of its parameter.
            TypeError: if a gradient is no array of the dtype of its parameter, or a parameter has moved to another
                device and its slots have not.
        """
        for p, state in zip(self.parameters, self._state, strict=True):
            if judged_grad(type(self).__name__, p) is not None:
                self._check_devices(p, state)
        for p, decay, state in zip(self.parameters, self._decay, self._state, strict=True):
            if p.grad is not None:
                p.data = self.update(p.data, p.grad, state, decay)

    def _check_devices(self, p: Tensor, state: dict[str, Array]) -> None:
        for slot, array in state.items():
            if slot != "step" and device_of(array) != p.device:  # a step is a count and stays on the CPU
                raise TypeError(
                    f"{type(self).__name__}: a parameter of shape {p.shape} is on {p.device} but its {slot} on "
                    f"{device_of(array)}; move the slots: optimizer.load_state_dict(optimizer.state_dict())"
                )

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: `.grad` becomes None."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all slots as NumPy arrays: "0.velocity" belongs to the first parameter."""
        return {
            f"{index}.{slot}": np.array(to_numpy(array), order="C")
            for index, state in enumerate(self._state)
            for slot, array in state.items()
        }

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take slots that `state_dict` returned; all of them, or on an error none.

        Raises:
            ValueError: if a name or a shape does not belong to the parameters, or a slot lacks one that belongs to it.
            TypeError: if a slot is no array of floats.
        """
        name = type(self).__name__
        if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
            raise TypeError(f"{name}: expects a dict as state_dict() gives it; received {shown(state)}")
        loaded: list[dict[str, Array]] = [{} for _ in self.parameters]
        for key, array in state.items():
            index, _, slot = key.partition(".")
            if slot not in self.slots or not index.isdigit() or int(index) >= len(loaded):
                raise ValueError(f"{name}: the state has an entry that belongs to no parameter: {key!r}")
            loaded[int(index)][slot] = _to_slot(name, key, array, self.parameters[int(index)])
        for number, found in enumerate(loaded):
            if found and (missing := [slot for slot in self.together if slot not in found]):
                raise ValueError(f"{name}: the state has {number}.{next(iter(found))} but not {number}.{missing[0]}")
        self._state = loaded


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


def _groups(name: str, parameters: Any) -> Iterator[dict[str, Any]]:
    """Yield what was given as groups; a parameter alone is a group of one."""
    if isinstance(parameters, (Tensor, np.ndarray)) or not isinstance(parameters, Iterable):
        found = type(parameters).__name__
        raise TypeError(f"{name}: expects a list of parameters or of groups; received a {found}; pass net.parameters()")
    for entry in parameters:
        group = entry if isinstance(entry, dict) else {"parameters": [entry]}
        if "parameters" not in group or not group.keys() <= {"parameters", "weight_decay"}:
            raise ValueError(
                f"{name}: a group is {{'parameters': [...], 'weight_decay': number}}; "
                f"received one with {', '.join(map(repr, group))}"
            )
        yield group


def decay_groups(module: Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return two groups of parameters: weights, which decay, and norms and biases, which do not.

    A bias or a norm's scale is one number a channel; pulling it to 0 does not make the function smoother
    (He et al., "Bag of tricks for image classification", arXiv:1812.01187, section 3.1).

    Example:
        >>> from minidl import nn, optim
        >>> weights, rest = optim.decay_groups(nn.Linear(3, 2), 0.01)
        >>> [p.shape for p in weights["parameters"]], [p.shape for p in rest["parameters"]]
        ([(2, 3)], [(2,)])
    """
    if not isinstance(module, Module):
        raise TypeError(f"decay_groups: expects a module; received a {type(module).__name__}")
    parameters = list(module.parameters())
    return [
        {"parameters": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"parameters": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
