"""Attention: every query takes of the values what their keys are worth to it.

    y = softmax(Q Kᵀ / √D) V        q (..., L, D)   k (..., S, D)   v (..., S, E)   ->   y (..., L, E)

The gradients stand in minidl/kernels/textbook/attention.py and are derived in docs/derivations/attention.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import FLOATS, Array
from minidl._checks import check_alike
from minidl.tensor import Context, Function, Tensor


class ScaledDotProductAttention(Function):
    """Saves q, k, v, the mask, its result, and one number for each row: never the scores."""

    @staticmethod
    def forward(ctx: Context, q: Array, k: Array, v: Array, mask: Array | None) -> Array:
        """y = softmax(Q Kᵀ / √D) V."""
        y, log_sums = kernels.attention(q, k, v, mask)
        ctx.save(q, k, v, *(() if mask is None else (mask,)), y, log_sums)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dQ = dS K / √D, dK = dSᵀ Q / √D, dV = Pᵀ dY, and dS summed over what the mask was repeated for."""
        q, k, v, *mask, y, log_sums = ctx.saved
        gradients = kernels.attention_grads(dy, q, k, v, mask[0] if mask else None, y, log_sums, ctx.needs[3])
        return tuple(gradient if needed else None for gradient, needed in zip(gradients, ctx.needs, strict=True))


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, mask: Any = None) -> Tensor:
    """Let every query look at all keys, and average the values by how well their keys answer: softmax(Q Kᵀ / √D) V.

    The scores are never all there at once, so the memory grows with L and S and not with their product.

    Args:
        q: queries (..., L, D); the axes before are those of pictures and heads.
        k: keys (..., S, D).
        v: values (..., S, E).
        mask: (..., L, S), or what is broadcast to it; None (default) for none. An array or tensor of bools is true
            where a query may look at a key, as in PyTorch's function; one of floats is added to the scores, and may
            want a gradient. A query that may look at no key gets zeros.

    Returns:
        y (..., L, E).

    Raises:
        ValueError: if the shapes do not fit, or there is no key.
        TypeError: if the operands differ in dtype or device, or the mask is of another kind.

    Source: Vaswani et al., "Attention is all you need", arXiv:1706.03762, equation 1.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> q, k, v = Tensor([[0.0, 9.0]]), Tensor([[0.0, 9.0], [9.0, 0.0]]), Tensor([[1.0], [2.0]])
        >>> ops.scaled_dot_product_attention(q, k, v).numpy()
        array([[1.]], dtype=float32)
        >>> ops.scaled_dot_product_attention(q, k, v, np.array([False, True])).numpy()
        array([[2.]], dtype=float32)
    """
    op = "scaled_dot_product_attention"
    check_alike(op, q=q, k=k, v=v)
    shapes = f"q.shape={q.shape}, k.shape={k.shape}, v.shape={v.shape}"
    if not q.ndim == k.ndim == v.ndim >= 2 or not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        raise ValueError(f"{op}: expects q (..., L, D), k (..., S, D), v (..., S, E), the same axes before; {shapes}")
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(
            f"{op}: a query is multiplied with every key, so both need as many numbers; q has {q.shape[-1]}, k has "
            f"{k.shape[-1]}; {shapes}"
        )
    if k.shape[-2] != v.shape[-2]:
        raise ValueError(f"{op}: every key needs a value; there are {k.shape[-2]} keys, {v.shape[-2]} values; {shapes}")
    if 0 in (q.shape[-1], k.shape[-2]):
        raise ValueError(f"{op}: there must be at least one key, and a number in it; {shapes}")
    return ScaledDotProductAttention.apply(q, k, v, to_mask(op, "mask", mask, q, (*q.shape[:-1], k.shape[-2])))


def to_mask(op: str, name: str, mask: Any, like: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """Judge a mask for scores of some shape: a tensor of bools, or of the dtype of `like`."""
    if mask is None:
        return None
    if _backend.is_array(mask):
        mask = Tensor(mask if mask.dtype not in FLOATS else mask.astype(like.dtype))
    if not isinstance(mask, Tensor) or mask.dtype not in (np.dtype(bool), like.dtype):
        found = mask.dtype if isinstance(mask, Tensor) else f"a {type(mask).__name__}"
        raise TypeError(
            f"{op}: {name} must be an array or Tensor of bools, or of {like.dtype} as what it masks; received {found}"
        )
    if mask.device != like.device:
        raise TypeError(f"{op}: {name} is on {mask.device} but the rest on {like.device}; move it: {name}.to(...)")
    fits = len(mask.shape) <= len(shape) and all(a in (1, b) for a, b in zip(mask.shape[::-1], shape[::-1]))
    if not fits:
        raise ValueError(
            f"{op}: {name} must be for each of the {shape[-2]} queries and {shape[-1]} keys: shape {shape}, or "
            f"what can be broadcast to it, such as {shape[-2:]}; {name}.shape={mask.shape}"
        )
    return mask
