"""Activations as layers, for use in `Sequential`; `minidl.ops` has the arithmetic."""

from __future__ import annotations

from collections.abc import Callable

from minidl import ops
from minidl._checks import check_axis, check_choice, check_fraction, check_number, check_positive
from minidl._methods.makers import softmax_axis
from minidl.nn._spelling import spelt
from minidl.nn.module import Module
from minidl.ops.smooth import APPROXIMATIONS
from minidl.tensor import Tensor


class ReLU(Module):
    """max(x, 0); see `minidl.ops.relu`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.ReLU()(Tensor([-1.0, 2.0])).numpy()
        array([0., 2.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply relu."""
        return ops.relu(x)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope·x; see `minidl.ops.leaky_relu`.

    Raises:
        ValueError: if negative_slope is not from 0 to 1.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.LeakyReLU(0.5)(Tensor([-1.0, 2.0])).numpy()
        array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.01):
        super().__init__()
        check_fraction("LeakyReLU", "negative_slope", negative_slope)
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """Apply leaky_relu."""
        return ops.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the slope."""
        return f"negative_slope={self.negative_slope}"


class ReLU6(Module):
    """min(max(x, 0), 6); see `minidl.ops.relu6`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.ReLU6()(Tensor([-1.0, 7.0])).numpy()
        array([0., 6.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply relu6."""
        return ops.relu6(x)


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ); see `minidl.ops.sigmoid`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Sigmoid()(Tensor([0.0])).numpy()
        array([0.5], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply sigmoid."""
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent; see `minidl.ops.tanh`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Tanh()(Tensor([0.0])).numpy()
        array([0.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply tanh."""
        return ops.tanh(x)


class ScaledTanh(Module):
    """1.7159·tanh(2x/3), the activation of LeNet-5; see `minidl.ops.scaled_tanh`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.ScaledTanh()(Tensor([0.0])).numpy()
        array([0.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply scaled_tanh."""
        return ops.scaled_tanh(x)


class SiLU(Module):
    """x·sigmoid(x); see `minidl.ops.silu`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.SiLU()(Tensor([0.0])).numpy()
        array([0.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply silu."""
        return ops.silu(x)


class Hardsigmoid(Module):
    """relu6(x + 3) / 6; see `minidl.ops.hardsigmoid`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Hardsigmoid()(Tensor([0.0, 3.0])).numpy()
        array([0.5, 1. ], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply hardsigmoid."""
        return ops.hardsigmoid(x)


class Hardswish(Module):
    """x·relu6(x + 3) / 6; see `minidl.ops.hardswish`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Hardswish()(Tensor([0.0, 3.0])).numpy()
        array([0., 3.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply hardswish."""
        return ops.hardswish(x)


class GELU(Module):
    """x·Φ(x), Φ(x) being the share of a normal distribution below x; see `minidl.ops.gelu`.

    Args:
        approximate: "none" (default), or "tanh" for a formula close to it.

    Raises:
        ValueError: if approximate is another word.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.GELU()(Tensor([0.0, 100.0])).numpy()
        array([  0., 100.], dtype=float32)
    """

    def __init__(self, approximate: str = "none"):
        super().__init__()
        check_choice("GELU", "approximate", approximate, APPROXIMATIONS)
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """Apply gelu."""
        return ops.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        """Return the word."""
        return f"approximate={self.approximate!r}"


class ELU(Module):
    """x where x > 0, else alpha·(eˣ - 1); see `minidl.ops.elu`.

    Raises:
        ValueError: if alpha is below 0.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.ELU(0.5)(Tensor([-100.0, 2.0])).numpy()
        array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0):
        super().__init__()
        check_positive("ELU", "alpha", alpha, zero=True)
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """Apply elu."""
        return ops.elu(x, self.alpha)

    def extra_repr(self) -> str:
        """Return alpha."""
        return f"alpha={self.alpha}"


class Softplus(Module):
    """log(1 + e^(beta·x)) / beta, and x where beta·x is above the threshold; see `minidl.ops.softplus`.

    Raises:
        ValueError: if beta is not above 0.
        TypeError: if threshold is no plain number.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Softplus()(Tensor([0.0, 100.0])).numpy().round(4)
        array([  0.6931, 100.    ], dtype=float32)
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        super().__init__()
        check_positive("Softplus", "beta", beta)
        check_number("Softplus", "threshold", threshold, nan=False)
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Tensor) -> Tensor:
        """Apply softplus."""
        return ops.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return both numbers."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """eˣ / Σ eˣ along one axis; see `minidl.ops.softmax`. `dim` is another spelling of `axis`.

    The axis may be left out for one or two axes, where it is the last; of pictures it has to be said.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Softmax()(Tensor([[0.0, 0.0]])).numpy()
        array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: int | None = None, *, dim: int | None = None):
        super().__init__()
        self.axis = spelt("Softmax", "axis", axis, None, "dim", dim)
        check_axis("Softmax", "axis", self.axis, optional=True)

    def forward(self, x: Tensor) -> Tensor:
        """Apply softmax."""
        return ops.softmax(x, softmax_axis("Softmax", x, self.axis))

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"axis={-1 if self.axis is None else self.axis}"


class LogSoftmax(Module):
    """The logarithm of softmax along one axis; see `minidl.ops.log_softmax`. `dim` is another spelling of `axis`.

    The axis may be left out for one or two axes, where it is the last; of pictures it has to be said.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.LogSoftmax()(Tensor([[0.0, -2e4]])).numpy()
        array([[     0., -20000.]], dtype=float32)
    """

    def __init__(self, axis: int | None = None, *, dim: int | None = None):
        super().__init__()
        self.axis = spelt("LogSoftmax", "axis", axis, None, "dim", dim)
        check_axis("LogSoftmax", "axis", self.axis, optional=True)

    def forward(self, x: Tensor) -> Tensor:
        """Apply log_softmax."""
        return ops.log_softmax(x, softmax_axis("LogSoftmax", x, self.axis))

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"axis={-1 if self.axis is None else self.axis}"


BY_NAME: dict[str, Callable[[], Module]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "relu6": ReLU6,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "scaled_tanh": ScaledTanh,
    "silu": SiLU,
    "hardsigmoid": Hardsigmoid,
    "hardswish": Hardswish,
    "gelu": GELU,
    "elu": ELU,
    "softplus": Softplus,
}


def activation_layer(op: str, name: str, activation: str) -> Module:
    """Return the layer of an activation that is given by its name in `minidl.ops`; op and name are for the error."""
    check_choice(op, name, activation, BY_NAME)
    return BY_NAME[activation]()
