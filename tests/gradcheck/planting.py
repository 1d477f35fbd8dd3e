"""How to plant a bug: an operation with one mistake that people make, and the name that the checker must find."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import Function, kernels, ops

RNG = np.random.default_rng(7)


def draw(*shape):
    return RNG.standard_normal(shape)


@dataclass
class Bug:
    name: str  # the pattern that must be named
    f: Any
    inputs: list
    argument: str  # whose gradient is wrong
    says: str = ""  # words that must stand in the explanation
    kernels: Any = "textbook"  # the kernels that it runs on


def function(forward, backward, **members):
    """Make an operation from a function of arrays and a backward (ctx.arrays and ctx.y are kept for it)."""

    class Planted(Function):
        @staticmethod
        def forward(ctx, *arrays):
            ctx.arrays = arrays
            ctx.y = forward(*arrays)
            return ctx.y

        @staticmethod
        def backward(ctx, dy):
            return backward(ctx, dy)

    return Planted.apply


def unary(forward, derivative):
    """y = forward(x); derivative(x, y, dy) is the planted dx."""
    apply = function(forward, lambda ctx, dy: derivative(ctx.arrays[0], ctx.y, dy))
    return lambda x: apply(x)


def conv(**settings):
    """A convolution with settings; those that are named like kernels are planted ones, to be used while it runs."""
    names = [name for name in settings if name in kernels.NAMES]
    planted = type("Planted", (), {name: staticmethod(settings.pop(name)) for name in names})
    return lambda x, w, b=None: ops.conv2d(x, w, b, **settings), planted


BUGS: dict[str, Bug] = {}


def plant(key, name, f, inputs, argument="x", says=""):
    f, planted = f if isinstance(f, tuple) else (f, "textbook")
    BUGS[key] = Bug(name, f, inputs, argument, says, planted)
