"""Activations that bend where relu breaks: gelu, elu, softplus.

dx = f'(x) · dy        the formulas of each stand in minidl/kernels/textbook/smooth.py
"""

from __future__ import annotations

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_choice, check_number, check_positive
from minidl.tensor import Context, Function, Tensor

APPROXIMATIONS = ("none", "tanh")


class Gelu(Function):
    """Saves x: the result does not tell x, because some values are taken twice."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, approximate: str) -> Array:
        """y = x·Φ(x)."""
        ctx.save(x)
        ctx.approximate = approximate
        return kernels.gelu(x, approximate)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·(Φ(x) + x·φ(x))."""
        (x,) = ctx.saved
        return kernels.gelu_dx(dy, x, ctx.approximate, **ctx.over)


class Elu(Function):
    """Saves its result, which has the sign of x; its choice is on which side of 0 each element lies."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, alpha: float) -> Array:
        """y = x where x > 0, else alpha·(eˣ - 1)."""
        y = kernels.elu(x, alpha)
        ctx.save(y)
        ctx.alpha = alpha
        ctx.choices = lambda: y > 0
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy where y > 0, else dy·(y + alpha)."""
        (y,) = ctx.saved
        return kernels.elu_dx(dy, y, ctx.alpha)


class Softplus(Function):
    """Saves x; its choice is whether an element lies above the threshold."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, beta: float, threshold: float) -> Array:
        """y = log(1 + e^(beta·x)) / beta, and x above the threshold."""
        ctx.save(x)
        ctx.beta, ctx.threshold = beta, threshold
        ctx.choices = lambda: x * x.dtype.type(beta) > threshold
        return kernels.softplus(x, beta, threshold)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·σ(beta·x), and dy above the threshold."""
        (x,) = ctx.saved
        return kernels.softplus_dx(dy, x, ctx.beta, ctx.threshold)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Return x·Φ(x) of each element, Φ(x) being the share of a normal distribution that lies below x.

    Args:
        x: any shape.
        approximate: "none" (default) for Φ itself, or "tanh" for (1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2 in its place,
            which is off by less than 0.0005.

    Raises:
        ValueError: if approximate is another word.
        TypeError: if x is no float tensor.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.gelu(Tensor([-1.0, 0.0, 1.0])).numpy().round(4)
        array([-0.1587,  0.    ,  0.8413], dtype=float32)
        >>> ops.gelu(Tensor([-1.0, 0.0, 1.0]), approximate="tanh").numpy().round(4)
        array([-0.1588,  0.    ,  0.8412], dtype=float32)
    """
    check_alike("gelu", x=x)
    check_choice("gelu", "approximate", approximate, APPROXIMATIONS)
    return Gelu.apply(x, approximate=approximate)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x of each element above 0, alpha·(eˣ - 1) of the others, and at 0 that gradient, alpha.

    Raises:
        ValueError: if alpha is below 0.
        TypeError: if x is no float tensor.

    Source: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    arXiv:1511.07289.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.elu(Tensor([-100.0, 0.0, 2.0]), alpha=0.5).numpy()
        array([-0.5,  0. ,  2. ], dtype=float32)
    """
    check_alike("elu", x=x)
    check_positive("elu", "alpha", alpha, zero=True)
    return Elu.apply(x, alpha=alpha)


def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + e^(beta·x)) / beta of each element: a relu without a corner, the rounder the smaller beta is.

    Args:
        x: any shape.
        beta: how sharp the bend is.
        threshold: where beta·x is above it, x itself is returned, as in PyTorch; it differs by less than
            e^(-threshold) / beta.

    Raises:
        ValueError: if beta is not above 0.
        TypeError: if x is no float tensor, or threshold no plain number.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.softplus(Tensor([-100.0, 0.0, 100.0])).numpy().round(4)
        array([  0.    ,   0.6931, 100.    ], dtype=float32)
    """
    check_alike("softplus", x=x)
    check_positive("softplus", "beta", beta)
    check_number("softplus", "threshold", threshold, nan=False)
    return Softplus.apply(x, beta=beta, threshold=threshold)
