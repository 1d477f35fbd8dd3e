"""Steps that networks take together: here one plain kernel after the other, in a fast set one pass over memory.

add              y = a + b                                 da = db = dy
add_relu         y = max(a + b, 0)                         da = db = dy where y > 0 (`relu_dx`)
scale_channels   y[n, c] = x[n, c] · s[n, c]               dx = dy · s,   ds[n, c] = Σ_hw dy[n, c] · x[n, c]
excite           g = gate(w2 · activation(w1 · s + b1) + b2)  at inference only: no gradient
conv2d_fused     y = activation(conv2d(x) + residual)      dz, db = Σ dz, and conv2d's other gradients of dz
batch_norm_fused y = activation(batch_norm(x) + residual)  batch_norm's gradients of dz

Where there is an activation of z, the gradient of the residual is dz = dy · activation'(z), and goes on from there
as that of the plain kernel. Batch norm does not keep z, which can be made again from x: two operations instead of
another array. With a residual that takes one array more: relu and relu6 read their slope off the result y, which the
next layer keeps anyway, silu and hardswish need the residual.
"""

from __future__ import annotations

from typing import Any

from minidl._backend import Array
from minidl._checks import Padding, Pair
from minidl._xp import xp_of
from minidl.kernels.textbook import activation as activations
from minidl.kernels.textbook.conv import channel_sums, conv2d
from minidl.kernels.textbook.linear import linear
from minidl.kernels.textbook.norm import batch_norm, batch_norm_eval, batch_norm_eval_grads, batch_norm_grads
from minidl.kernels.textbook.sums import rounded, total


def add(a: Array, b: Array) -> Array:
    """y = a + b; the shapes broadcast, and y lies in memory like the operand that has its shape."""
    return xp_of(a).add(a, b)


def add_relu(a: Array, b: Array) -> Array:
    """y = max(a + b, 0).  Source: the end of a residual block, He et al., arXiv:1512.03385."""
    y = add(a, b)
    return xp_of(y).maximum(y, 0, out=y)


def scale_channels(x: Array, s: Array) -> Array:
    """Multiply each channel of x (N, C, H, W) by its number in s (N, C).

    Source: Hu et al., arXiv:1709.01507, equation 4.
    """
    return xp_of(x).multiply(x, s[:, :, None, None])


def scale_channels_grads(dy: Array, x: Array, s: Array) -> tuple[Array, Array]:
    """Return dx (N, C, H, W) and ds (N, C)."""
    return scale_channels(dy, s), rounded(total(dy * x, (2, 3)), s.dtype)


def excite(s: Array, w1: Array, b1: Array | None, w2: Array, b2: Array | None, activation: str, gate: str) -> Array:
    """Return the gates (N, C) of channels whose averages are s (N, C): two linear layers, of w1 (M, C) and w2 (C, M).

    Source: Hu et al., arXiv:1709.01507, equation 3: F_ex.
    """
    h = getattr(activations, activation)(linear(s, w1, b1))
    return getattr(activations, gate)(linear(h, w2, b2))


def finish(z: Array, activation: str | None, residual: Array | None) -> Array:
    """y = activation(z + residual), for None, "relu", "relu6", "silu" or "hardswish"; z may be changed."""
    if residual is not None:
        z += residual
    return z if activation is None else getattr(activations, activation)(z)


def finish_dx(dy: Array, activation: str | None, z: Array) -> Array:
    """dz = dy · activation'(z); for relu and relu6, the result serves in the place of z."""
    return dy if activation is None else getattr(activations, f"{activation}_dx")(dy, z)


def conv2d_fused(
    x: Array,
    w: Array,
    b: Array | None,
    residual: Array | None,
    activation: str | None,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    out_size: Pair,
) -> Array:
    """y = activation(conv2d(x, w, b) + residual): a layer at inference, its batch norm folded into w and b."""
    return finish(conv2d(x, w, b, stride, padding, dilation, groups, out_size), activation, residual)


def conv2d_fused_grads(dy: Array, z: Array, activation: str | None) -> tuple[Array, Array]:
    """Return dz and db of `conv2d_fused`; for relu and relu6, the result serves in the place of z."""
    dz = finish_dx(dy, activation, z)
    return dz, channel_sums(dz)


def batch_norm_fused(
    x: Array, w: Array, b: Array, eps: float, activation: str | None, residual: Array | None
) -> tuple[Array, Array, Array]:
    """y = activation(batch_norm(x) + residual), mean and rstd: the end of a residual block, or a layer without one."""
    z, mean, rstd = batch_norm(x, w, b, eps)
    return finish(z, activation, residual), mean, rstd


def batch_norm_eval_fused(
    x: Array, w: Array, b: Array, mean: Array, rstd: Array, activation: str | None, residual: Array | None
) -> Array:
    """y = activation(batch_norm_eval(x) + residual)."""
    return finish(batch_norm_eval(x, w, b, mean, rstd), activation, residual)


def gradient_of_z(dy: Array, line: tuple[Array, ...], activation: str | None, residual: Any, y: Any) -> Array:
    """dz: its slope is read off the result y where that is given, else z, made again of x, w, b, mean, rstd."""
    z = finish(batch_norm_eval(*line), None, residual) if y is None else y
    return finish_dx(dy, activation, z)


def batch_norm_fused_grads(
    dy: Array, x: Array, w: Array, b: Array, mean: Array, rstd: Array, activation: str | None, residual: Any, y: Any
) -> tuple[Array, Array, Array, Array | None]:
    """Return dx, dw and db of `batch_norm_fused`, and dz where the residual or the result is given."""
    dz = gradient_of_z(dy, (x, w, b, mean, rstd), activation, residual, y)
    return *batch_norm_grads(dz, x, w, mean, rstd), None if residual is y is None else dz


def batch_norm_eval_fused_grads(
    dy: Array, x: Array, w: Array, b: Array, mean: Array, rstd: Array, activation: str | None, residual: Any, y: Any
) -> tuple[Array, Array, Array, Array | None]:
    """Return dx, dw and db of `batch_norm_eval_fused`, and dz where the residual or the result is given."""
    dz = gradient_of_z(dy, (x, w, b, mean, rstd), activation, residual, y)
    return *batch_norm_eval_grads(dz, x, w, mean, rstd), None if residual is y is None else dz
