"""What all update rules share: groups of parameters, their settings, and slots that are saved and restored.

A rule is one function, `update`: it gets a parameter's array p, its gradient g, its slots (arrays such as a velocity,
kept from step to step) and the settings of its group, and returns the new p. It writes into no array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl._answers import SignatureOfInit, answer, judge_settings
from minidl._backend import Array, device_of, to_numpy
from minidl._checks import check_positive, nearest, shown
from minidl._judged import judged_grad
from minidl._looks import Brief, count, short
from minidl.nn import LayerNorm, Module
from minidl.nn._state import forget_grad
from minidl.optim._schedule import History, Schedule
from minidl.optim._state import judged_groups, judged_slots, take_apart
from minidl.tensor import Tensor


class Setting(Brief):
    """A setting of an optimiser as an attribute: that of its first group; assigning it changes all groups."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def _words(self) -> list[str]:
        return [self.name]

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        return self if optimizer is None else optimizer.param_groups[0][self.name]

    def __set__(self, optimizer: Any, value: Any) -> None:
        changed = [{**group, self.name: value} for group in optimizer.param_groups]
        for settings in changed:
            optimizer.check(settings)
        for group in optimizer.param_groups:
            group[self.name] = value


class Optimizer(Brief):
    """Base of the update rules: subclass it and write `update`.

    `param_groups` holds a dict for each group, as in PyTorch: its "params", its "lr", the "initial_lr" that a schedule
    moves, and all other settings of the rule. They may be changed between steps. `.lr`, `.weight_decay` and so on are
    those of the first group; assigning one changes all groups, `.lr` in proportion, so that each keeps its share.

    Args:
        parameters: what to learn, for example `net.parameters()`; or groups, dicts with "params" and any settings of
            their own, such as "lr" and "weight_decay" (see `decay_groups`).
        settings: those of all groups that have none of their own: lr and weight_decay, and what a rule adds.

    Raises:
        ValueError: if a number is out of range, there is no parameter, one is named twice, or a group has another key.
        TypeError: if something else than parameters is given.

    Example:
        >>> from minidl import nn, optim
        >>> body, head = nn.Linear(4, 3), nn.Linear(3, 2)
        >>> groups = [{"params": body.parameters(), "lr": 0.01}, {"params": head.parameters()}]
        >>> optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.01, 0.1]
        >>> optimizer.lr = 0.005  # half of what the first began with
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.005, 0.05]
    """

    slots: tuple[str, ...] = ()
    together: tuple[str, ...] = ()  # of the slots, those that a parameter has all or none of
    weight_decay = Setting()

    __signature__ = SignatureOfInit()
    if not TYPE_CHECKING:

        def __new__(cls, *args: Any, **settings: Any) -> Any:
            """Refuse arguments that only PyTorch's optimiser of this name has, with minidl's way."""
            if settings:
                judge_settings(cls, settings)
            return super().__new__(cls)

    def __getattr__(self, name: str) -> Any:
        from minidl._words.optim import OPTIMIZER

        kind, word = type(self).__name__, None if name.startswith("_") else OPTIMIZER.get(name)
        raise AttributeError(answer(kind, name, word) if word else f"{kind} has no attribute {name!r}")

    def __init__(self, parameters: Iterable[Any], lr: float, weight_decay: float = 0.0, **settings: Any):
        self.defaults: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay, **settings}
        self.param_groups: list[dict[str, Any]] = []
        self._state: dict[Tensor, dict[str, Array]] = {}
        self.driver = 0  # the number of the scheduler that moves the learning rates, see `lr_scheduler`
        self.check(self.defaults)
        for group in _groups(type(self).__name__, parameters):
            self.add_param_group(group)
        if not self.parameters:
            raise ValueError(f"{type(self).__name__}: there is no parameter to learn; pass net.parameters()")

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are out of range; a rule with more of them judges its own as well."""
        for key in ("lr", "weight_decay", "initial_lr"):
            check_positive(type(self).__name__, key, settings.get(key, 0.0), zero=True)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Learn more parameters: a dict with "params" and the settings that shall be others than the usual ones."""
        name, known = type(self).__name__, ("params", "initial_lr", *self.defaults)
        if not isinstance(group, dict) or "params" not in group:
            found = f"one with {', '.join(map(repr, group))}" if isinstance(group, dict) else shown(group)
            raise ValueError(f"{name}: a group is {{'params': [...], 'lr': number, ...}}; received {found}")
        for key in group:
            if key not in known:
                raise ValueError(f"{name}: a group has no setting {key!r}; did you mean {nearest(key, known)}?")
        given = group["params"]
        if isinstance(given, np.ndarray) or not isinstance(given, (Tensor, Iterable)):
            raise TypeError(f"{name}: the params of a group must be a list of parameters; received {shown(given)}")
        params = [given] if isinstance(given, Tensor) else list(given)
        seen = {id(p) for p in self.parameters}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: expects parameters; received a {type(p).__name__}; pass net.parameters()")
            if id(p) in seen:
                raise ValueError(f"{name}: a parameter of shape {p.shape} is named twice; name each once")
            seen.add(id(p))
        settings = {**self.defaults, **group, "params": params}
        settings.setdefault("initial_lr", settings["lr"])
        self.check(settings)
        self.param_groups.append(settings)

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters, group by group; state_dict numbers them in this order."""
        return [p for group in self.param_groups for p in group["params"]]

    @property
    def lr(self) -> float:
        """The learning rate of the first group; assigning it moves all groups in proportion to what they began with."""
        return self.param_groups[0]["lr"]

    @lr.setter
    def lr(self, lr: float) -> None:
        check_positive(type(self).__name__, "lr", lr, zero=True)
        for group, base in zip(self.param_groups, self._bases(lr), strict=True):
            group["lr"] = base

    def _bases(self, lr: float) -> list[float]:
        """Return a learning rate for every group, that of the first being lr."""
        first = self.param_groups[0]["initial_lr"]
        own = [group["initial_lr"] for group in self.param_groups]
        return [lr if it == first else it if first in (0, lr) else lr * (it / first) for it in own]

    def follow(self, schedule: Schedule, epoch: int, step: int = 0, history: History = ()) -> None:
        """Set the learning rates of the next step, and the momentum where the schedule has one.

        Every group walks the whole schedule from a learning rate of its own, as in PyTorch: a group that began with a
        tenth of the first one's gets a tenth, but for a lowest learning rate, which is the same for all.

        Args:
            schedule: whose `base_lr` is that of the first group.
            epoch: counted from 0.
            step: within the epoch, counted from 0.
            history: see `Schedule.lr`.

        Example:
            >>> from minidl import nn, optim
            >>> net = nn.Linear(3, 2)
            >>> groups = [{"params": [net.weight]}, {"params": [net.bias], "lr": 0.5}]
            >>> optimizer = optim.SGD(groups, lr=1.0)
            >>> schedule = optim.make_schedule({"name": "step", "step_size": 1}, lr=1.0, epochs=3, steps=10)
            >>> optimizer.follow(schedule, epoch=1)
            >>> [group["lr"] for group in optimizer.param_groups]
            [0.1, 0.05]
        """
        bases = self._bases(schedule.base_lr)
        self.walk([schedule.of(base) if base else None for base in bases], epoch, step, history)

    def walk(self, schedules: Sequence[Schedule | None], epoch: int, step: int = 0, history: History = ()) -> None:
        """Set the learning rates of the next step as `follow` does, where each group has a schedule of its own.

        Args:
            schedules: one for each group; None leaves its learning rate at 0.
            epoch: as for `follow`.
            step: as for `follow`.
            history: as for `follow`.
        """
        for group, schedule in zip(self.param_groups, schedules, strict=True):
            group["lr"] = 0.0 if schedule is None else schedule.lr(epoch, step, history)
            momentum = None if schedule is None else schedule.momentum(epoch, step)
            if momentum is None:
                continue
            if "betas" in group:  # its β1 is the momentum
                group["betas"] = (momentum, group["betas"][1])
            elif group.get("momentum"):
                group["momentum"] = momentum

    def _words(self) -> list[str]:
        """Return the settings that all groups share, then what each group learns, with its own settings."""
        groups = self.param_groups
        own = [key for key in self.defaults if any(group[key] != groups[0][key] for group in groups)]
        rows = []
        for group in groups:
            sizes = [p.numel() for p in group["params"]]
            amount = f"{count(len(sizes), 'parameter')} of {count(sum(sizes), 'number')}"
            rows.append(", ".join([amount, *(f"{key}={short(group[key])}" for key in own)]))
        return [*(f"{key}={short(groups[0][key])}" for key in self.defaults if key not in own), *rows]

    def update(self, p: Array, g: Array, state: dict[str, Array], group: dict[str, Any]) -> Array:
        """Return the new value of p; every rule writes its own, with the settings of the group."""
        raise NotImplementedError(f"{type(self).__name__}: update is not written")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; if one of them cannot be moved, none is.

        Args:
            closure: called before, where it is given, to compute the gradients; what it returns is returned.

        Raises:
            ValueError: if a gradient has not the shape of its parameter.
            TypeError: if a gradient is no array of the dtype of its parameter, or a parameter has moved to another
                device and its slots have not.
        """
        found = None if closure is None else closure()
        moving = []
        for group in self.param_groups:
            for p in group["params"]:
                if (g := judged_grad(type(self).__name__, p)) is not None:
                    state = self._state.setdefault(p, {})
                    self._check_devices(p, state)
                    moving.append((p, g, state, group))
        for p, g, state, group in moving:
            p.data = self.update(p._data, g, state, group)
        return found

    def _check_devices(self, p: Tensor, state: dict[str, Array]) -> None:
        for slot, array in state.items():
            if slot != "step" and device_of(array) != p.device:  # a step is a count and stays on the CPU
                raise TypeError(
                    f"{type(self).__name__}: a parameter of shape {p.shape} is on {p.device} but its {slot} on "
                    f"{device_of(array)}; move the slots: optimizer.load_state_dict(optimizer.state_dict())"
                )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: `.grad` becomes None, or (with False) an array of zeros."""
        for p in self.parameters:
            forget_grad(p, set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on but the parameters, as copies, in PyTorch's form.

        "state" has the slots of each parameter, NumPy arrays, by its number; "param_groups" has the settings of each
        group ("lr", "initial_lr", "weight_decay", …), and the numbers of its parameters.

        Example:
            >>> from minidl import nn, optim
            >>> optim.SGD([nn.Parameter([1.0])], lr=0.1).state_dict()["param_groups"][0]["lr"]
            0.1
        """
        numbers = {p: number for number, p in enumerate(self.parameters)}
        slots = {
            number: {slot: np.array(to_numpy(array), order="C") for slot, array in self._state[p].items()}
            for p, number in numbers.items()
            if self._state.get(p)
        }
        groups = [{**group, "params": [numbers[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": slots, "param_groups": groups}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take slots and settings that `state_dict` returned; all of them, or on an error none.

        Of older versions, and of the files of `training.save_checkpoint`, slots alone are taken as well
        ("0.velocity"); the settings then stay what they are.

        Raises:
            ValueError: if a name, a shape or a group does not belong to the parameters, a slot lacks one that belongs
                to it, or a setting is refused.
            TypeError: if a slot is no array of floats.
        """
        name, parameters = type(self).__name__, self.parameters
        slots, groups = take_apart(name, state)
        loaded = judged_slots(name, slots, parameters, self.slots, self.together)
        restored = self.param_groups if groups is None else judged_groups(name, groups, self.param_groups)
        for settings in restored:
            self.check(settings)
        for group, settings in zip(self.param_groups, restored, strict=True):
            group.update(settings)
        self._state = dict(zip(parameters, loaded, strict=True))


def _groups(name: str, parameters: Any) -> Iterator[dict[str, Any]]:
    """Yield what was given as groups; parameters that are given alone are one group together."""
    if isinstance(parameters, (Tensor, np.ndarray)) or not isinstance(parameters, Iterable):
        found = type(parameters).__name__
        raise TypeError(f"{name}: expects a list of parameters or of groups; received a {found}; pass net.parameters()")
    entries = list(parameters)
    if alone := [entry for entry in entries if not isinstance(entry, dict)]:
        yield {"params": alone}
    yield from (entry for entry in entries if isinstance(entry, dict))


def decay_groups(module: Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return two groups of parameters: weights, which decay, and norms and biases, which do not.

    A bias or a norm's scale is one number a channel; pulling it to 0 does not make the function smoother
    (He et al., "Bag of tricks for image classification", arXiv:1812.01187, section 3.1).

    Example:
        >>> from minidl import nn, optim
        >>> weights, rest = optim.decay_groups(nn.Linear(3, 2), 0.01)
        >>> [p.shape for p in weights["params"]], [p.shape for p in rest["params"]]
        ([(2, 3)], [(2,)])
    """
    if not isinstance(module, Module):
        raise TypeError(f"decay_groups: expects a module; received a {type(module).__name__}")
    parameters = list(module.parameters())
    norms = {id(p) for layer in module.modules() if isinstance(layer, LayerNorm) for p in layer.parameters()}
    rest = [p.ndim <= 1 or id(p) in norms for p in parameters]  # a layer norm has a scale for each place of its axes
    return [
        {"params": [p for p, is_rest in zip(parameters, rest) if not is_rest], "weight_decay": weight_decay},
        {"params": [p for p, is_rest in zip(parameters, rest) if is_rest], "weight_decay": 0.0},
    ]
