"""The learning rate of every step of a training, worked out again from its schedule."""

from __future__ import annotations

import math

from minidl.optim import make_schedule
from minidl.training.state import State

MOST = 2000  # steps that are told, evenly spread over the training


def rates(state: State) -> list[tuple[float, float]]:
    """Return pairs for steps of the finished epochs: how many epochs were done before the step, and its learning rate.

    An epoch whose last learning rate is not the schedule's, because its settings were others then, has that one alone.

    Example:
        >>> from minidl import nn, optim
        >>> from minidl.training import Config
        >>> net = nn.Linear(1, 1)
        >>> config = Config(lr=1.0, epochs=2, schedule={"name": "polynomial"})
        >>> rows = [{"epoch": 1, "step": 2, "lr": 0.75}, {"epoch": 2, "step": 4, "lr": 0.25}]
        >>> rates(State(net, optim.SGD(net.parameters(), lr=1.0), config, history=rows))
        [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5), (1.5, 0.25)]
    """
    config, rows = state.config, state.history
    found: list[tuple[float, float]] = []
    apart = max(1, -(-rows[-1]["step"] // MOST)) if rows else 1
    before = 0
    for row in rows:
        steps, done, before = row["step"] - before, row["epoch"] - 1, row["step"]
        own = [(float(done), float(row["lr"]))]
        if steps > 0:
            schedule = make_schedule(config.schedule, lr=config.lr, epochs=config.epochs, steps=steps)
            chosen = sorted({*range(0, steps, apart), steps - 1})
            if math.isclose(schedule.lr(done, steps - 1, rows), row["lr"], rel_tol=1e-9):
                own = [(done + step / steps, schedule.lr(done, step, rows)) for step in chosen]
        found += own
    return found
