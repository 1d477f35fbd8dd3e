"""Norms by the statistics of the picture itself: group norm over groups of channels, layer norm over the last axes.

The formulas and their gradients stand in minidl/kernels/textbook/own_norm.py.
"""

from __future__ import annotations

import math
from typing import Any

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_divides, check_positive, is_int, shown, to_int
from minidl.tensor import Context, Function, Tensor


class GroupNorm(Function):
    """Saves x, w, and mean and rstd (N·G numbers each)."""

    @staticmethod
    def forward(ctx: Context, x: Array, w: Array, b: Array, *, groups: int, eps: float) -> Array:
        """Normalise every group of channels of every picture."""
        y, mean, rstd = kernels.group_norm(x, w, b, groups, eps)
        ctx.save(x, w, mean, rstd)
        ctx.groups = groups
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx, dw and db; x also acts through mean and rstd."""
        x, w, mean, rstd = ctx.saved
        gradients = kernels.group_norm_grads(dy, x, w, mean, rstd, ctx.groups)
        return tuple(gradient if needed else None for gradient, needed in zip(gradients, ctx.needs, strict=True))


class LayerNorm(Function):
    """Saves x, w, and mean and rstd (one number each for every row)."""

    @staticmethod
    def forward(ctx: Context, x: Array, w: Array, b: Array, *, eps: float) -> Array:
        """Normalise along the axes of w."""
        y, mean, rstd = kernels.layer_norm(x, w, b, eps)
        ctx.save(x, w, mean, rstd)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx, dw and db; x also acts through mean and rstd."""
        gradients = kernels.layer_norm_grads(dy, *ctx.saved)
        return tuple(gradient if needed else None for gradient, needed in zip(gradients, ctx.needs, strict=True))


def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, *, eps: float = 1e-5
) -> Tensor:
    """Give every group of channels of every picture mean 0 and variance 1, then scale and shift each channel.

    Other than batch norm, it does the same in training and evaluation, and does not depend on the rest of the batch.

    Args:
        x: (N, C), (N, C, H, W), or with any axes behind C.
        num_groups: how many groups of C / num_groups neighbouring channels; 1 takes all of them together, C each alone.
        weight: (C,), or None for ones.
        bias: (C,), or None for zeros.
        eps: added to the variance.

    Returns:
        y of the shape of x.

    Raises:
        ValueError: if num_groups does not divide C, shapes do not fit, or a group has one value only, of which a norm
            would leave nothing.
        TypeError: if the operands differ in dtype or device.

    Source: Wu and He, "Group normalization", arXiv:1803.08494.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.group_norm(Tensor([[1.0, 3.0, 10.0, 30.0]]), 2).numpy().round(3)
        array([[-1.,  1., -1.,  1.]], dtype=float32)
    """
    check_alike("group_norm", x=x, weight=weight, bias=bias)
    if x.ndim < 2:
        raise ValueError(f"group_norm: x must be (N, C) or (N, C, H, W); x.shape={x.shape}")
    num_groups = to_int("group_norm", "num_groups", num_groups, least=1)
    check_divides("group_norm", "num_groups", num_groups, "x.shape[1]", x.shape[1])
    check_positive("group_norm", "eps", eps, zero=True)
    _check_values("group_norm", "a group", math.prod(x.shape[1:]) // num_groups, x)
    weight, bias = _line("group_norm", x, (x.shape[1],), "one number for each channel of x", weight, bias)
    return GroupNorm.apply(x, weight, bias, groups=num_groups, eps=eps)


def layer_norm(
    x: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    eps: float = 1e-5,
) -> Tensor:
    """Give everything along the last axes of x mean 0 and variance 1, then scale and shift each place of them.

    Args:
        x: (N, M), (N, C, H, W), or any axes that end in normalized_shape.
        normalized_shape: the sizes of those last axes, a tuple; an int for the last one alone.
        weight: of normalized_shape, or None for ones.
        bias: of normalized_shape, or None for zeros.
        eps: added to the variance.

    Returns:
        y of the shape of x.

    Raises:
        ValueError: if x does not end in normalized_shape, another shape does not fit, or there is one value only, of
            which a norm would leave nothing.
        TypeError: if the operands differ in dtype or device.

    Source: Ba, Kiros and Hinton, "Layer normalization", arXiv:1607.06450.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.layer_norm(Tensor([[1.0, 3.0], [10.0, 30.0]]), 2).numpy().round(3)
        array([[-1.,  1.],
               [-1.,  1.]], dtype=float32)
    """
    check_alike("layer_norm", x=x, weight=weight, bias=bias)
    shape = to_normalized_shape("layer_norm", normalized_shape)
    check_positive("layer_norm", "eps", eps, zero=True)
    if x.shape[max(0, x.ndim - len(shape)) :] != shape:
        raise ValueError(f"layer_norm: x must end in normalized_shape; normalized_shape={shape}, x.shape={x.shape}")
    _check_values("layer_norm", "normalized_shape", math.prod(shape), x)
    weight, bias = _line("layer_norm", x, shape, "normalized_shape", weight, bias)
    return LayerNorm.apply(x, weight, bias, eps=eps)


def to_normalized_shape(op: str, value: Any) -> tuple[int, ...]:
    """Judge the sizes of the axes that a layer norm takes together: an int stands for one axis."""
    sizes = (value,) if is_int(value) else value
    if not isinstance(sizes, (tuple, list)) or not sizes or not all(is_int(size) and size >= 1 for size in sizes):
        raise ValueError(
            f"{op}: normalized_shape must be an int or a tuple of ints >= 1; received normalized_shape={shown(value)}"
        )
    return tuple(map(int, sizes))


def _check_values(op: str, what: str, count: int, x: Tensor) -> None:
    if count < 2:
        raise ValueError(
            f"{op}: {what} must have more than one value to be normalised, it has {count}: x minus its mean would be 0 "
            f"whatever it is; x.shape={x.shape}"
        )


def _line(op: str, x: Tensor, shape: tuple[int, ...], what: str, *given: Tensor | None) -> tuple[Tensor, ...]:
    """Judge weight and bias, and put ones and zeros in the place of what is None."""
    for name, tensor in zip(("weight", "bias"), given):
        if tensor is not None and tensor.shape != shape:
            raise ValueError(
                f"{op}: {name} must have {what}, shape {shape}; {name}.shape={tensor.shape}, x.shape={x.shape}"
            )
    return tuple(
        Tensor(_backend.full(shape, value, x.dtype, like=x._data)) if tensor is None else tensor
        for tensor, value in zip(given, (1, 0))
    )
