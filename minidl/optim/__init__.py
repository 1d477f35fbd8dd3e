"""Update rules: how a gradient changes a parameter."""

from minidl.optim._optimizer import Optimizer, decay_groups
from minidl.optim.adam import Adam, AdamW
from minidl.optim.rmsprop import RMSprop
from minidl.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "decay_groups"]
