"""Initial weights: how large they must be so that the signal neither dies nor explodes on its way through the layers.

One output is a sum of fan_in products. With independent inputs of variance v, its variance is fan_in · var(w) · v, so
var(w) = 1 / fan_in keeps it (LeCun). On the way back one input gets fan_out shares, so var(w) = 1 / fan_out keeps the
gradients; 2 / (fan_in + fan_out) is between the two (Glorot). relu throws away half of the signal's power, and
var(w) = 2 / fan makes up for that (He); leaky_relu lets a² of that half through: 2 / ((1 + a²) · fan).

    normal    draws of standard deviation s
    uniform   draws from -b to b have the variance b² / 3, hence b = √3 · s

All draws are made in float32 and return arrays; those of four axes, weights of convolutions, lie channels-last in
memory as pictures do. Inside `with unfilled():` nothing is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from minidl import _backend, _random
from minidl._checks import check_choice, check_divides, check_flag, check_number, check_positive, to_int, to_shape

Shape = tuple[int, ...]
Rng = np.random.Generator | None


__all__ = [
    "default_uniform",
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "normal",
    "ones",
    "truncated_normal",
    "unfilled",
    "uniform",
    "zeros",
]


def __dir__() -> list[str]:
    return [*__all__]


_unfilled: ContextVar[bool] = ContextVar("unfilled", default=False)


@contextmanager
def unfilled() -> Iterator[None]:
    """Make layers whose weights are memory that nobody has written to: for counting parameters or loading weights.

    Even the largest network is built in no time, and costs no memory until its weights are touched. What lies in such
    memory may be anything, so arithmetic with it does not warn inside the block.

    Example:
        >>> from minidl import nn
        >>> with nn.init.unfilled():
        ...     layer = nn.Linear(25_088, 4_096)
        >>> layer.weight.numel()
        102760448
    """
    token = _unfilled.set(True)
    try:
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            yield
    finally:
        _unfilled.reset(token)


def is_unfilled() -> bool:
    """Tell whether layers are made without filling their weights."""
    return _unfilled.get()


def fans(shape: Shape, *, groups: int = 1, transposed: bool = False) -> tuple[int, int]:
    """Return (fan_in, fan_out): how many inputs one output sees, and how many outputs one input reaches.

    Args:
        shape: of the weights, (O, M) or (O, C/G, KH, KW); of a transposed convolution (C, O/G, KH, KW).
        groups: G, by which only fan_out has to be divided, because the shape holds O and not O/G. PyTorch does not
            divide: leave it at 1 (default) for its numbers.
        transposed: whether the weights are those of a transposed convolution (PyTorch takes fan_in for fan_out there).
            The stride does not count: with stride s an output sees about fan_in / s² inputs.

    Raises:
        ValueError: if there are fewer than two axes, or groups does not divide the first.

    Example:
        >>> fans((64, 3, 7, 7))
        (147, 3136)
        >>> fans((32, 1, 3, 3), groups=32)
        (9, 9)
    """
    shape = to_shape("fans", shape)
    groups = to_int("fans", "groups", groups, least=1)
    check_flag("fans", "transposed", transposed)
    if len(shape) < 2:
        raise ValueError(f"fans: weights must have at least two axes, (O, M) or (O, C/G, KH, KW); shape={shape}")
    check_divides("fans", "groups", groups, "shape[0]", shape[0])
    taps = math.prod(shape[2:])
    one, other = shape[1] * taps, shape[0] // groups * taps
    return (other, one) if transposed else (one, other)


def zeros(shape: Shape) -> np.ndarray:
    """Return zeros: biases."""
    return np.zeros(to_shape("zeros", shape), dtype=np.float32)


def ones(shape: Shape) -> np.ndarray:
    """Return ones: the scales of a normalisation."""
    return np.ones(to_shape("ones", shape), dtype=np.float32)


def uniform(shape: Shape, bound: float, rng: Rng = None) -> np.ndarray:
    """Draw evenly from -bound to bound.

    Example:
        >>> bool(abs(uniform((1000,), 0.1)).max() <= 0.1)
        True
    """
    shape = to_shape("uniform", shape)
    check_number("uniform", "bound", bound)
    if is_unfilled():
        return np.empty(shape, dtype=np.float32)
    draws = _random.draw("random", shape, _random.to_generator("uniform", rng))  # from 0 to 1
    draws *= np.float32(2 * bound)
    draws -= np.float32(bound)
    return _laid(draws)


def normal(shape: Shape, std: float, rng: Rng = None) -> np.ndarray:
    """Draw from a normal distribution around 0 with standard deviation std.

    Example:
        >>> normal((2, 3), 0.01).dtype
        dtype('float32')
    """
    shape = to_shape("normal", shape)
    check_number("normal", "std", std)
    if is_unfilled():
        return np.empty(shape, dtype=np.float32)
    draws = _random.draw("standard_normal", shape, _random.to_generator("normal", rng))
    draws *= np.float32(std)
    return _laid(draws)


def _laid(draws: np.ndarray) -> np.ndarray:
    """Return weights (O, C/G, KH, KW) in channels-last memory, in which convolutions want them; others as they are."""
    if draws.ndim != 4:
        return draws
    w = _backend.empty_channels_last(draws.shape, draws.dtype)
    w[...] = draws
    return w


def truncated_normal(shape: Shape, std: float, rng: Rng = None, *, a: float = -2.0, b: float = 2.0) -> np.ndarray:
    """Draw from a normal distribution, and draw again what falls outside a to b.

    Args:
        shape: of the weights.
        std: the standard deviation before the cut.
        rng: generator; None (default) takes the one of `minidl.manual_seed`.
        a: the lowest value. It is a value, as in PyTorch, and not a number of standard deviations.
        b: the highest value; TensorFlow's truncated normal is a=-2 * std, b=2 * std.

    Raises:
        ValueError: if std is not positive or less than 1 % of the distribution lies between a and b.

    Example:
        >>> float(abs(truncated_normal((1000,), 0.1, a=-0.2, b=0.2)).max()) <= 0.2
        True
    """
    shape = to_shape("truncated_normal", shape)
    check_positive("truncated_normal", "std", std)
    check_number("truncated_normal", "a", a)
    check_number("truncated_normal", "b", b)
    inside = (math.erf(b / std / math.sqrt(2)) - math.erf(a / std / math.sqrt(2))) / 2
    if inside < 0.01:
        raise ValueError(
            f"truncated_normal: at least 1 % of the draws must lie between a and b, only {100 * inside:.2g} % do; "
            f"received std={std}, a={a}, b={b}"
        )
    if is_unfilled():
        return np.empty(shape, dtype=np.float32)
    rng = _random.to_generator("truncated_normal", rng)
    draws = normal((math.prod(shape),), std, rng)
    outside = np.flatnonzero((draws < a) | (draws > b))
    while outside.size:
        again = normal(outside.shape, std, rng)
        draws[outside] = again
        outside = outside[(again < a) | (again > b)]
    return _laid(draws.reshape(shape))


def he_normal(
    shape: Shape, rng: Rng = None, *, mode: str = "fan_in", negative_slope: float = 0.0, groups: int = 1
) -> np.ndarray:
    """Draw from a normal distribution of variance 2 / ((1 + negative_slope²) · fan), for layers before a relu.

    Args:
        shape: of the weights; see `fans`.
        rng: generator; None (default) takes the one of `minidl.manual_seed`.
        mode: "fan_in" keeps the size of the signals, "fan_out" that of the gradients.
        negative_slope: of the leaky_relu behind the layer; 0 (default) for relu, 1 for no activation.
        groups: see `fans`.

    Raises:
        ValueError: if mode is another word or the shape has fewer than two axes.

    Source: He et al., "Delving deep into rectifiers", arXiv:1502.01852, equations 10, 14 and 15.

    Example:
        >>> w = he_normal((400, 50))
        >>> bool(abs(w.std() - 0.2) < 0.01)  # √(2 / 50) = 0.2
        True
    """
    return normal(shape, _he_std("he_normal", shape, mode, negative_slope, groups), rng)


def he_uniform(
    shape: Shape, rng: Rng = None, *, mode: str = "fan_in", negative_slope: float = 0.0, groups: int = 1
) -> np.ndarray:
    """Draw evenly with the variance of `he_normal`, which has the arguments."""
    return uniform(shape, math.sqrt(3) * _he_std("he_uniform", shape, mode, negative_slope, groups), rng)


def _he_std(op: str, shape: Shape, mode: str, negative_slope: float, groups: int) -> float:
    check_choice(op, "mode", mode, ("fan_in", "fan_out"))
    check_number(op, "negative_slope", negative_slope)
    fan = fans(shape, groups=groups)[mode == "fan_out"]
    return math.sqrt(2 / ((1 + negative_slope**2) * max(1, fan)))


def glorot_normal(shape: Shape, rng: Rng = None, *, gain: float = 1.0, groups: int = 1) -> np.ndarray:
    """Draw from a normal distribution of variance gain² · 2 / (fan_in + fan_out), for layers before a tanh.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010),
    equation 12 (PyTorch: xavier_normal_).

    Example:
        >>> bool(abs(glorot_normal((100, 100)).std() - 0.1) < 0.01)  # √(2 / 200) = 0.1
        True
    """
    check_number("glorot_normal", "gain", gain)
    return normal(shape, gain * math.sqrt(2 / max(1, sum(fans(shape, groups=groups)))), rng)


def glorot_uniform(shape: Shape, rng: Rng = None, *, gain: float = 1.0, groups: int = 1) -> np.ndarray:
    """Draw evenly with the variance of `glorot_normal`: from ±gain·√(6 / (fan_in + fan_out)), equation 16."""
    check_number("glorot_uniform", "gain", gain)
    return uniform(shape, gain * math.sqrt(6 / max(1, sum(fans(shape, groups=groups)))), rng)


def default_uniform(shape: Shape, fan_in: int, rng: Rng = None) -> np.ndarray:
    """Draw evenly from ±1/√fan_in: what PyTorch does for the weights and biases of Conv2d and Linear."""
    fan_in = to_int("default_uniform", "fan_in", fan_in, least=0)
    return uniform(shape, 1 / math.sqrt(max(1, fan_in)), rng)
