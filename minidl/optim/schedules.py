"""Learning-rate schedules: pure functions of where the training is, so that resuming needs nothing but the epoch."""

from __future__ import annotations

from minidl._checks import to_int


def step_decay(lr: float, epoch: int, *, step_size: int, gamma: float) -> float:
    """Return lr · gamma^⌊epoch / step_size⌋: every step_size epochs the learning rate is multiplied by gamma.

    It does not ask how many epochs there will be, so a run that is made longer later follows the same line.

    Args:
        lr: learning rate of the first epochs.
        epoch: counted from 0.
        step_size: epochs between two changes.
        gamma: factor of each change.

    Raises:
        ValueError: if epoch is below 0 or step_size below 1.

    Example:
        >>> [step_decay(0.1, epoch, step_size=2, gamma=0.5) for epoch in range(5)]
        [0.1, 0.1, 0.05, 0.05, 0.025]
    """
    epoch = to_int("step_decay", "epoch", epoch, least=0)
    return lr * gamma ** (epoch // to_int("step_decay", "step_size", step_size, least=1))
