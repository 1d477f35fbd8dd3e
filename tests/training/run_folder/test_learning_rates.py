"""The learning rates that a report draws are those that the steps had."""

import numpy as np
import pytest

from minidl import nn, optim, training
from minidl.training import State
from minidl.training.run_folder._learning_rates import MOST, rates

X, Y = np.ones((12, 2), "float32"), np.arange(12) % 3
SETTINGS = {
    "step": {"step_size": 1},
    "plateau": {"patience": 0, "threshold": 10.0},  # nothing is ever good enough
    "cosine": {"warmup": 1},
    "inverse_sqrt": {"warmup": 1},
}


class Rates(training.Callback):
    def __init__(self):
        self.seen = []

    def on_step(self, state, loss):
        self.seen.append(state.optimizer.lr)


@pytest.mark.parametrize("name", optim.SCHEDULES)
def test_they_are_those_of_the_steps(name):
    callback, net = Rates(), nn.Linear(2, 3)
    schedule = {"name": name, **SETTINGS.get(name, {})}
    settings = {"batch_size": 5, "epochs": 4, "lr": 0.5, "schedule": schedule}
    state = training.fit(net, (X, Y), (X, Y), callbacks=[callback], **settings)
    times, found = zip(*rates(state))
    assert list(found) == callback.seen
    assert times == pytest.approx([step / 3 for step in range(12)])
    assert (len(set(found)) > 1) == (name != "constant")


def state_of(rows, **settings):
    net = nn.Linear(1, 1)
    return State(net, optim.SGD(net.parameters(), lr=1.0), training.Config(lr=1.0, **settings), history=rows)


def test_an_epoch_of_other_settings_has_the_rate_that_was_written_down():
    rows = [{"epoch": 1, "step": 2, "lr": 0.3}, {"epoch": 2, "step": 4, "lr": 1.0}, {"epoch": 3, "step": 4, "lr": 0.7}]
    found = rates(state_of(rows, epochs=3, schedule={"name": "constant"}))
    assert found == [(0.0, 0.3), (1.0, 1.0), (1.5, 1.0), (2.0, 0.7)]  # the last one has no steps of its own
    assert rates(state_of([], epochs=3)) == []


def test_of_very_many_steps_some_are_told_and_the_last_of_each_epoch():
    steps = 40_000
    rows = [{"epoch": k, "step": steps * k, "lr": 1 - (k - 1 / steps) / 2} for k in (1, 2)]
    found = rates(state_of(rows, epochs=2, schedule={"name": "polynomial"}))
    assert MOST <= len(found) <= MOST + 4
    assert (1 - 1 / steps, pytest.approx(rows[0]["lr"])) in found
    assert found[-1] == (2 - 1 / steps, pytest.approx(rows[1]["lr"]))
