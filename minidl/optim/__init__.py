"""Update rules: how a gradient changes a parameter; and schedules: how the learning rate changes on the way."""

from minidl.optim._optimizer import Optimizer, decay_groups
from minidl.optim.adam import Adam, AdamW
from minidl.optim.rmsprop import RMSprop
from minidl.optim.schedules import step_decay
from minidl.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "decay_groups", "step_decay"]
