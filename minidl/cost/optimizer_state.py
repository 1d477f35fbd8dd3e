"""What an optimiser keeps from step to step, and what its update makes besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl._checks import nearest, shown
from minidl.tensor import Tensor

# Arrays as large as the parameter that a rule keeps for each, and bytes besides (Adam's count of steps).
RULES = {
    "sgd": (0, 0),
    "sgd+momentum": (1, 0),  # velocity
    "rmsprop": (1, 0),  # mean square
    "rmsprop+momentum": (2, 0),
    "adam": (2, 8),  # mean and mean square
    "adamw": (2, 8),
}


def state_bytes(optimizer: Any, parameters: Sequence[Tensor]) -> tuple[int, int, str]:
    """Return the bytes of the state, the most that the update of one parameter makes anew, and the optimiser's name.

    Args:
        optimizer: a name, None, or an optimiser, which is asked what it keeps by a step on one number.
        parameters: those that learn; of an optimiser, its own count.

    Raises:
        ValueError: if the name is unknown.
        TypeError: if it is no optimiser.

    Example:
        >>> state_bytes("adam", [Tensor([1.0, 2.0, 3.0], requires_grad=True)])
        (32, 36, 'adam')
    """
    if optimizer is None:
        return 0, 0, "none"
    if isinstance(optimizer, str):
        if optimizer not in RULES:
            known = ", ".join(map(repr, RULES))
            raise ValueError(
                f"memory: optimizer must be one of {known}, None or an optimiser; received "
                f"optimizer={shown(optimizer)}; did you mean {nearest(optimizer, RULES)}?"
            )
        rules = [(parameter, *RULES[optimizer]) for parameter in parameters]
    elif callable(getattr(optimizer, "update", None)) and hasattr(optimizer, "param_groups"):
        groups = optimizer.param_groups
        rules = [(one, *_kept(optimizer, group)) for group in groups for one in group["params"] if one.requires_grad]
    else:
        raise TypeError(f"memory: optimizer must be a name or an optimiser; received {shown(optimizer)}")
    sizes = [(parameter._data.nbytes, arrays, more) for parameter, arrays, more in rules]
    state = sum(size * arrays + more for size, arrays, more in sizes)
    update = max((size * (1 + arrays) for size, arrays, _ in sizes), default=0)
    return state, update, optimizer if isinstance(optimizer, str) else type(optimizer).__name__


def _kept(optimizer: Any, group: dict[str, Any]) -> tuple[int, int]:
    """Return how many arrays like the parameter a rule keeps with the settings of a group, and bytes besides."""
    state: dict[str, Any] = {}
    optimizer.update(np.ones(1, np.float32), np.ones(1, np.float32), state, group)
    like = [array for array in state.values() if array.shape == (1,)]
    return len(like), sum(array.nbytes for array in state.values() if array.shape != (1,))
