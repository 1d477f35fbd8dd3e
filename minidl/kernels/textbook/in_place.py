"""The kernels that write into arrays they are given; all others make new ones."""

from __future__ import annotations

from minidl._backend import Array
from minidl._xp import xp_of


def _check_shapes(op: str, x: Array, y: Array) -> None:
    if x.shape != y.shape:
        raise ValueError(f"{op}: x and y must have one shape; x.shape={x.shape}, y.shape={y.shape}")


def copy_to(x: Array, y: Array) -> Array:
    """y = x, number by number, whatever the memory orders of both; returns y."""
    _check_shapes("copy_to", x, y)
    y[...] = x
    return y


def add_to(x: Array, y: Array) -> Array:
    """y = y + x, number by number; returns y."""
    _check_shapes("add_to", x, y)
    y += x
    return y


def batch_norm_running(
    running_mean: Array, running_var: Array, mean: Array, rstd: Array, eps: float, m: int, momentum: float
) -> tuple[Array, Array]:
    """Let the running mean and variance (C,) move a step towards those of M values a channel; return both.

        running = (1 - momentum) · running + momentum · value        value: the mean, or the unbiased variance

    The batch's variance 1 / rstd² - eps is M / (M - 1) times too small for values that have not been seen yet.
    """
    var = xp_of(mean).maximum(rstd**-2 - eps, 0) * (m / (m - 1))
    for running, value in ((running_mean, mean), (running_var, var)):
        running[...] = (1 - momentum) * running + momentum * value
    return running_mean, running_var
