"""Schedules say what the learning rate is, epoch by epoch."""

import pytest

from minidl.optim import step_decay


@pytest.mark.parametrize("epoch, step_size", [(1, 0), (-1, 2), (0.5, 2)])
def test_nonsense_is_refused(epoch, step_size):
    with pytest.raises(
        ValueError, match=r"step_decay: (epoch must be an int >= 0|step_size must be an int >= 1); received"
    ):
        step_decay(0.1, epoch, step_size=step_size, gamma=0.5)


@pytest.mark.parametrize("step_size, gamma", [(1, 0.9), (3, 0.5), (30, 0.1)])
def test_step_decay_equals_multiplying_again_and_again(step_size, gamma):
    lr = 0.4
    for epoch in range(100):
        if epoch and epoch % step_size == 0:
            lr *= gamma
        assert step_decay(0.4, epoch, step_size=step_size, gamma=gamma) == pytest.approx(lr, rel=1e-12)
