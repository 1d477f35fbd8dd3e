"""Update rules: how a gradient changes a parameter; and schedules: how the learning rate changes on the way."""

from minidl._answers import answering
from minidl.optim import lr_scheduler
from minidl.optim._optimizer import Optimizer, decay_groups
from minidl.optim._schedule import Schedule
from minidl.optim.adam import Adam, AdamW
from minidl.optim.clipping import clip_grad_norm
from minidl.optim.rmsprop import RMSprop
from minidl.optim.schedules import SCHEDULES, make_schedule
from minidl.optim.sgd import SGD

__all__ = [
    "SCHEDULES",
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "clip_grad_norm",
    "decay_groups",
    "lr_scheduler",
    "make_schedule",
]


def __dir__() -> list[str]:
    return [*__all__]


__getattr__ = answering("optim", "optim.OPTIM")
