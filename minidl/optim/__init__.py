"""Update rules: how a gradient changes a parameter."""

from minidl.optim.sgd import SGD

__all__ = ["SGD"]
