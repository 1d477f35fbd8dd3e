"""Fill a tensor that is there already, under PyTorch's names and with PyTorch's defaults.

Like an optimiser's step, each gives the tensor another array: its shape, dtype and device stay, its version goes up,
and nothing is recorded. The draws are those of `_draws.py`. The generator is called `generator`, as in PyTorch; None
takes the one of `minidl.manual_seed`. Inside `with unfilled():` nothing happens.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import FLOATS
from minidl._checks import NUMBERS, check_choice, check_number, check_positive
from minidl._random import to_generator
from minidl.nn.init import _draws
from minidl.tensor import Tensor

Rng = np.random.Generator | None

GAINS = {  # of the activation behind the layer
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1.0),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0),
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}
NONLINEARITIES = (*GAINS, "leaky_relu")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much weights must be larger because of the activation behind them: √2 before a relu.

    Args:
        nonlinearity: its name: "linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", ….
        param: the slope of "leaky_relu"; None (default) is 0.01.

    Raises:
        ValueError: if there is no such activation.
        TypeError: if param is no plain number.

    Example:
        >>> calculate_gain("relu"), calculate_gain("leaky_relu", 1)
        (1.4142135623730951, 1.0)
    """
    check_choice("calculate_gain", "nonlinearity", nonlinearity, NONLINEARITIES)
    check_number("calculate_gain", "param", param, optional=True)
    slope = 0.01 if param is None else param
    return GAINS.get(nonlinearity) or math.sqrt(2 / (1 + slope**2))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill a tensor with one number, and return it.

    Raises:
        TypeError: if there is no float tensor, or val is no plain number.

    Example:
        >>> from minidl import nn
        >>> nn.init.constant_(nn.Linear(2, 2).bias, 0.5).numpy()
        array([0.5, 0.5], dtype=float32)
    """
    check_number("constant_", "val", val)
    return _filled("constant_", tensor, lambda shape: np.full(shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill a tensor with 0, and return it; see `constant_`."""
    return _filled("zeros_", tensor, _draws.zeros)


def ones_(tensor: Tensor) -> Tensor:
    """Fill a tensor with 1, and return it; see `constant_`."""
    return _filled("ones_", tensor, _draws.ones)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Rng = None) -> Tensor:
    """Fill a tensor with draws that lie evenly between a and b, and return it.

    Raises:
        ValueError: if b is below a.
        TypeError: if there is no float tensor, a or b is no plain number, or generator no generator.

    Example:
        >>> from minidl import nn
        >>> w = nn.init.uniform_(nn.Linear(20, 20).weight, 2, 3)
        >>> bool(w.data.min() >= 2), bool(w.data.max() <= 3)
        (True, True)
    """
    check_number("uniform_", "a", a)
    check_number("uniform_", "b", b)
    if not a <= b:
        raise ValueError(f"uniform_: a must not be above b; received a={a}, b={b}")
    middle, bound = (a + b) / 2, (b - a) / 2
    rng = to_generator("uniform_", generator, "generator")
    return _filled("uniform_", tensor, lambda shape: _draws.uniform(shape, bound, rng) + np.float32(middle))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Rng = None) -> Tensor:
    """Fill a tensor with draws from a normal distribution, and return it.

    Raises:
        ValueError: if std is below 0.
        TypeError: if there is no float tensor, mean is no plain number, or generator no generator.

    Example:
        >>> from minidl import nn
        >>> nn.init.normal_(nn.Linear(2, 2).bias, 3.0, 0.0).numpy()
        array([3., 3.], dtype=float32)
    """
    check_number("normal_", "mean", mean)
    check_positive("normal_", "std", std, zero=True)
    rng = to_generator("normal_", generator, "generator")
    return _filled("normal_", tensor, lambda shape: _draws.normal(shape, std, rng) + np.float32(mean))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Rng = None
) -> Tensor:
    """Fill a tensor with draws from a normal distribution that lie between a and b, and return it.

    Raises:
        ValueError: if std is not above 0, or less than 1 % of the distribution lies between a and b.
        TypeError: if there is no float tensor, another argument is no plain number, or generator no generator.

    Example:
        >>> from minidl import nn
        >>> w = nn.init.trunc_normal_(nn.Linear(20, 20).weight, std=0.1, a=-0.1, b=0.2)
        >>> bool(w.data.min() >= -0.1), bool(w.data.max() <= 0.2)
        (True, True)
    """
    for name, value in (("mean", mean), ("a", a), ("b", b)):
        check_number("trunc_normal_", name, value)
    rng = to_generator("trunc_normal_", generator, "generator")

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return _draws.truncated_normal(shape, std, rng, a=a - mean, b=b - mean) + np.float32(mean)

    return _filled("trunc_normal_", tensor, draw)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> Tensor:
    """Fill weights with draws from a normal distribution of variance gain² / fan, and return them; see `he_normal`.

    Args:
        tensor: weights, (O, M) or (O, C/G, KH, KW).
        a: the slope of the leaky_relu behind the layer; 0 (default) for relu.
        mode: "fan_in" keeps the size of the signals, "fan_out" that of the gradients.
        nonlinearity: the activation behind the layer; see `calculate_gain`.
        generator: where the draws come from.

    Raises:
        ValueError: if the weights have fewer than two axes, or one of the words is another.
        TypeError: if there is no float tensor, a is no plain number, or generator no generator.

    Source: He et al., "Delving deep into rectifiers", arXiv:1502.01852.

    Example:
        >>> from minidl import nn
        >>> w = nn.init.kaiming_normal_(nn.Linear(50, 400).weight, nonlinearity="relu")
        >>> bool(abs(w.data.std() - 0.2) < 0.01)  # √(2 / 50) = 0.2
        True
    """
    return _kaiming("kaiming_normal_", _draws.normal, 1.0, tensor, a, mode, nonlinearity, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Rng = None,
) -> Tensor:
    """Fill weights evenly with the variance of `kaiming_normal_`, which has the arguments, and return them."""
    return _kaiming("kaiming_uniform_", _draws.uniform, math.sqrt(3), tensor, a, mode, nonlinearity, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Rng = None) -> Tensor:
    """Fill weights with draws of variance gain² · 2 / (fan_in + fan_out), and return them; see `glorot_normal`.

    Raises:
        ValueError: if the weights have fewer than two axes.
        TypeError: if there is no float tensor, gain is no plain number, or generator no generator.

    Example:
        >>> from minidl import nn
        >>> w = nn.init.xavier_normal_(nn.Linear(100, 100).weight)
        >>> bool(abs(w.data.std() - 0.1) < 0.01)  # √(2 / 200) = 0.1
        True
    """
    rng = to_generator("xavier_normal_", generator, "generator")
    return _filled("xavier_normal_", tensor, lambda shape: _draws.glorot_normal(shape, rng, gain=gain), axes=2)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Rng = None) -> Tensor:
    """Fill weights evenly with the variance of `xavier_normal_`, which has the arguments, and return them."""
    rng = to_generator("xavier_uniform_", generator, "generator")
    return _filled("xavier_uniform_", tensor, lambda shape: _draws.glorot_uniform(shape, rng, gain=gain), axes=2)


def _kaiming(
    op: str, draw: Any, spread: float, tensor: Any, a: Any, mode: Any, nonlinearity: Any, generator: Rng
) -> Tensor:
    """Fill weights with draws whose spread is that many times the standard deviation."""
    check_choice(op, "mode", mode, ("fan_in", "fan_out"))
    check_choice(op, "nonlinearity", nonlinearity, NONLINEARITIES)
    check_number(op, "a", a)
    gain, rng = calculate_gain(nonlinearity, a), to_generator(op, generator, "generator")

    def drawn(shape: tuple[int, ...]) -> np.ndarray:
        fan = _draws.fans(shape)[mode == "fan_out"]
        return draw(shape, spread * gain / math.sqrt(max(1, fan)), rng)

    return _filled(op, tensor, drawn, axes=2)


def _filled(op: str, tensor: Any, draw: Any, *, axes: int = 0) -> Tensor:
    """Give a tensor the array that `draw` makes of its shape, in its dtype and on its device."""
    if not isinstance(tensor, Tensor) or tensor.dtype not in FLOATS:
        plain = _backend.is_array(tensor) or isinstance(tensor, NUMBERS)
        cure = "; of an array of your own, write array[...] = value" if plain else ""
        found = f"one of {tensor.dtype}" if isinstance(tensor, Tensor) else f"a {type(tensor).__name__}"
        raise TypeError(f"{op}: tensor must be a float Tensor, such as layer.weight; received {found}{cure}")
    if tensor.ndim < axes:
        raise ValueError(
            f"{op}: weights must have at least two axes, (O, M) or (O, C/G, KH, KW), which tell their inputs and "
            f"outputs; tensor.shape={tensor.shape}; for a bias, use zeros_"
        )
    if not _draws.is_unfilled():
        array = draw(tensor.shape).astype(tensor.dtype, copy=False)
        tensor.data = _backend.to_device(array, tensor.device)
    return tensor
