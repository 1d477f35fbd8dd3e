"""Activations: the non-linear functions between the layers, element by element.

dx = f'(x) · dy        the formulas of each stand in minidl/kernels/textbook/activation.py
"""

from __future__ import annotations

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_fraction
from minidl.tensor import Context, Function, Tensor


class Relu(Function):
    """Saves its result, which the next layer keeps anyway; its choice is on which side of 0 each element lies."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = max(x, 0)."""
        y = kernels.relu(x)
        ctx.save(y)
        ctx.choices = lambda: y > 0
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy where y > 0."""
        (y,) = ctx.saved
        return kernels.relu_dx(dy, y, **ctx.over)


class LeakyRelu(Function):
    """Saves its result, which has the sign of x; its choice is on which side of 0 each element lies."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, negative_slope: float) -> Array:
        """y = x where x > 0, else negative_slope·x."""
        y = kernels.leaky_relu(x, negative_slope)
        ctx.save(y)
        ctx.negative_slope = negative_slope
        ctx.choices = lambda: y > 0
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy where y > 0, else negative_slope·dy."""
        (y,) = ctx.saved
        return kernels.leaky_relu_dx(dy, y, ctx.negative_slope, **ctx.over)


class Relu6(Function):
    """Saves its result; its choice is whether an element lies between 0 and 6."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = min(max(x, 0), 6)."""
        y = kernels.relu6(x)
        ctx.save(y)
        ctx.choices = lambda: (y > 0) & (y < 6)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy where 0 < y < 6."""
        (y,) = ctx.saved
        return kernels.relu6_dx(dy, y, **ctx.over)


class Sigmoid(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = 1 / (1 + e⁻ˣ)."""
        y = kernels.sigmoid(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·y·(1 - y)."""
        (y,) = ctx.saved
        return kernels.sigmoid_dx(dy, y, **ctx.over)


class Tanh(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = tanh x."""
        y = kernels.tanh(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·(1 - y²)."""
        (y,) = ctx.saved
        return kernels.tanh_dx(dy, y, **ctx.over)


class ScaledTanh(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = 1.7159·tanh(2x/3)."""
        y = kernels.scaled_tanh(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·2/3·(1.7159 - y²/1.7159)."""
        (y,) = ctx.saved
        return kernels.scaled_tanh_dx(dy, y, **ctx.over)


class Silu(Function):
    """Saves x: the result does not tell x, because some values are taken twice."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = x·σ(x)."""
        ctx.save(x)
        return kernels.silu(x)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·σ·(1 + x·(1 - σ))."""
        (x,) = ctx.saved
        return kernels.silu_dx(dy, x, **ctx.over)


class Hardsigmoid(Function):
    """Saves its result; its choice is whether an element lies between 0 and 1."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = relu6(x + 3) / 6."""
        y = kernels.hardsigmoid(x)
        ctx.save(y)
        ctx.choices = lambda: (y > 0) & (y < 1)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy/6 where 0 < y < 1."""
        (y,) = ctx.saved
        return kernels.hardsigmoid_dx(dy, y, **ctx.over)


class Hardswish(Function):
    """Saves x; its choice is whether an element lies below -3, between, or above 3."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = x·relu6(x + 3) / 6."""
        ctx.save(x)
        ctx.choices = lambda: (x > -3).astype("int8") + (x >= 3)
        return kernels.hardswish(x)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·(0, x/3 + 1/2 or 1)."""
        (x,) = ctx.saved
        return kernels.hardswish_dx(dy, x, **ctx.over)


def relu(x: Tensor) -> Tensor:
    """Return max(x, 0) of each element; the gradient at 0 is 0.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.relu(Tensor([-1.0, 0.0, 2.0])).numpy()
        array([0., 0., 2.], dtype=float32)
    """
    check_alike("relu", x=x)
    return Relu.apply(x)


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return x of each element above 0, negative_slope·x of the others, and at 0 that gradient.

    Raises:
        ValueError: if negative_slope is not from 0 to 1.
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.leaky_relu(Tensor([-1.0, 2.0]), negative_slope=0.5).numpy()
        array([-0.5,  2. ], dtype=float32)
    """
    check_alike("leaky_relu", x=x)
    check_fraction("leaky_relu", "negative_slope", negative_slope)
    return LeakyRelu.apply(x, negative_slope=negative_slope)


def relu6(x: Tensor) -> Tensor:
    """Return min(max(x, 0), 6) of each element; the gradient at 0 and at 6 is 0.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.relu6(Tensor([-1.0, 2.0, 7.0])).numpy()
        array([0., 2., 6.], dtype=float32)
    """
    check_alike("relu6", x=x)
    return Relu6.apply(x)


def sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + e⁻ˣ) of each element, exact in both tails.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.sigmoid(Tensor([-1e4, 0.0, 1e4])).numpy()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    check_alike("sigmoid", x=x)
    return Sigmoid.apply(x)


def tanh(x: Tensor) -> Tensor:
    """Return the hyperbolic tangent of each element.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.tanh(Tensor([0.0, 100.0])).numpy()
        array([0., 1.], dtype=float32)
    """
    check_alike("tanh", x=x)
    return Tanh.apply(x)


def scaled_tanh(x: Tensor) -> Tensor:
    """Return 1.7159·tanh(2x/3) of each element, the activation of LeNet-5: it sends ±1 to almost ±1.

    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition" (1998),
    appendix A.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.scaled_tanh(Tensor([-100.0, 0.0, 100.0])).numpy()
        array([-1.7159,  0.    ,  1.7159], dtype=float32)
    """
    check_alike("scaled_tanh", x=x)
    return ScaledTanh.apply(x)


def silu(x: Tensor) -> Tensor:
    """Return x·sigmoid(x) of each element, also known as swish.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.silu(Tensor([0.0, 1e4])).numpy()
        array([    0., 10000.], dtype=float32)
    """
    check_alike("silu", x=x)
    return Silu.apply(x)


def hardsigmoid(x: Tensor) -> Tensor:
    """Return relu6(x + 3) / 6 of each element, a sigmoid of three straight lines; the gradient at -3 and 3 is 0.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.hardsigmoid(Tensor([-3.0, 0.0, 3.0])).numpy()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    check_alike("hardsigmoid", x=x)
    return Hardsigmoid.apply(x)


def hardswish(x: Tensor) -> Tensor:
    """Return x·relu6(x + 3) / 6 of each element; the gradient is 0 at -3 and 1 at 3.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.hardswish(Tensor([0.0, 3.0])).numpy()
        array([0., 3.], dtype=float32)
    """
    check_alike("hardswish", x=x)
    return Hardswish.apply(x)
