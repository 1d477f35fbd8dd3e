"""What a training was asked for: every number that decides its result, and nothing else."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from minidl._checks import check_choice, to_int


@dataclass(frozen=True)
class Config:
    """The settings of a training. Two trainings with equal settings on one machine give equal bits.

    Args:
        model: the network, one of `models.list_models()`.
        data: the data set, one of `data.list_data()`.
        epochs: how often all training pictures are seen.
        batch_size: pictures in one step.
        lr: learning rate of the first epochs.
        momentum: share of the last step that goes on (Nesterov's form, unless 0).
        weight_decay: share of each parameter that is taken off with every unit of learning rate.
        step_size: epochs between two changes of the learning rate.
        gamma: factor of each change (see the schedule `optim.schedules.Step`).
        shift: largest number of pixels by which training pictures are moved at random, up or down and left or right.
        seed: starts the initial weights, the order of the pictures, and the shifts.
        device: "cpu" or "cuda".
        weights: a file of weights to begin with (see `models.get_model`); None begins with random ones.
        freeze: whether only the head learns; needs weights.
        threads: of BLAS. The matrices of a small network are so small that a second thread costs more time than it
            brings; and with one, the bits do not depend on the number of cores.

    Raises:
        ValueError: if a number is out of range or the device unknown.

    Example:
        >>> Config(epochs=3).lr
        0.02
    """

    model: str = "lenet5_modern"
    data: str = "digits"
    epochs: int = 16
    batch_size: int = 16
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 0.001
    step_size: int = 3
    gamma: float = 0.5
    shift: int = 2
    seed: int = 0
    device: str = "cpu"
    weights: str | None = None
    freeze: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "step_size", "threads"):
            to_int("train", name, getattr(self, name), least=1)
        for name in ("shift", "seed"):
            to_int("train", name, getattr(self, name), least=0)
        _check_number("lr", self.lr, above_zero=True)
        _check_number("momentum", self.momentum)
        _check_number("weight_decay", self.weight_decay)
        _check_number("gamma", self.gamma, above_zero=True)
        check_choice("train", "device", self.device, ("cpu", "cuda"))
        if self.freeze and self.weights is None:
            raise ValueError("train: freeze keeps what was learnt elsewhere; it needs a file: weights=FILE (--weights)")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Config:
        """Make a Config from what `to_dict` returned.

        Raises:
            ValueError: if there is an unknown setting, or a value is refused.
        """
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3) or known
                raise ValueError(f"train: there is no setting {name!r}; did you mean {' or '.join(near)}?")
        return cls(**settings)


def _check_number(name: str, value: Any, *, above_zero: bool = False) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < 0 or (above_zero and value == 0):
        raise ValueError(
            f"train: {name} must be a finite number {'>' if above_zero else '>='} 0; received {name}={value!r}"
        )
