"""Initial weights: how large they must be so that the signal neither dies nor explodes on its way through the layers.

One output is a sum of fan_in products. With independent inputs of variance v, its variance is fan_in · var(w) · v, so
var(w) = 1 / fan_in keeps it; relu throws away half of the signal's power, and var(w) = 2 / fan_in makes up for that.
"""

from __future__ import annotations

import math

import numpy as np

from minidl._random import default_generator


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of weights (O, M) or (O, C/G, KH, KW): inputs to one output, and outputs of one input.

    Example:
        >>> fans((64, 3, 7, 7))
        (147, 3136)
    """
    taps = math.prod(shape[2:])
    return shape[1] * taps, shape[0] * taps


def uniform(shape: tuple[int, ...], bound: float, rng: np.random.Generator | None = None) -> np.ndarray:
    """Draw evenly from -bound to bound."""
    return (rng or default_generator()).uniform(-bound, bound, shape).astype(np.float32)


def he_normal(shape: tuple[int, ...], rng: np.random.Generator | None = None, *, mode: str = "fan_in") -> np.ndarray:
    """Draw from a normal distribution of variance 2 / fan.  Source: He et al., arXiv:1502.01852, equation 10."""
    fan = fans(shape)[mode == "fan_out"]
    return (rng or default_generator()).normal(0, math.sqrt(2 / fan), shape).astype(np.float32)


def default_uniform(shape: tuple[int, ...], fan_in: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Draw evenly from ±1/√fan_in: what PyTorch does for the weights and biases of Conv2d and Linear."""
    return uniform(shape, 1 / math.sqrt(max(1, fan_in)), rng)
