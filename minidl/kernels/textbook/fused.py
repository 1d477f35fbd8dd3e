"""The sum, and two steps in one kernel: in the book they stay two lines, a fast set makes one pass over memory of them.

add              y = a + b                      da = db = dy
add_relu         y = max(a + b, 0)              da = db = dy where y > 0 (`relu_dx`)
conv2d_fused     y = activation(conv(x) + r)    conv's gradients, and dr, of the activation's gradient
scale_channels   y[n, c] = x[n, c] · s[n, c]    dx[n, c] = dy[n, c] · s[n, c],   ds[n, c] = Σ_hw dy[n, c] · x[n, c]
"""

from __future__ import annotations

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import Padding, Pair
from minidl.kernels.textbook import activation as activations
from minidl.kernels.textbook.conv import conv2d
from minidl.kernels.textbook.sums import rounded, total


def add(a: Array, b: Array) -> Array:
    """y = a + b; the shapes broadcast, and y lies in memory like the operand that has its shape."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    like = b if b.shape == shape and a.shape != shape else a
    return _backend.array_module(a).add(a, b, out=_backend.empty(shape, a.dtype, like=like))


def add_relu(a: Array, b: Array) -> Array:
    """y = max(a + b, 0).  Source: the end of a residual block, He et al., arXiv:1512.03385."""
    y = add(a, b)
    return _backend.array_module(a).maximum(y, 0, out=y)


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
) -> Array:
    """y = activation(conv2d(x, w, b) + residual): a layer at inference, its batch norm folded into w and b."""
    y = conv2d(x, w, b, stride, padding, dilation, groups)
    if residual is not None:
        y += residual
    return y if activation is None else getattr(activations, activation)(y)


def scale_channels(x: Array, s: Array) -> Array:
    """Multiply each channel of x (N, C, H, W) by its number in s (N, C).

    Source: Hu et al., arXiv:1709.01507, equation 4.
    """
    xp = _backend.array_module(x)
    return xp.multiply(x, s[:, :, None, None], out=_backend.empty(x.shape, x.dtype, like=x))


def scale_channels_grads(dy: Array, x: Array, s: Array) -> tuple[Array, Array]:
    """Return dx (N, C, H, W) and ds (N, C)."""
    return scale_channels(dy, s), rounded(total(dy * x, (2, 3)), s.dtype)
