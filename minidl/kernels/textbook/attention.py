"""Attention: every query looks at all keys, and takes from the values as much as each key answers it.

    S = Q Kᵀ / √D          P = softmax(S), row by row          Y = P V
    q (..., L, D)   k (..., S, D)   v (..., S, E)   ->   y (..., L, E)          mask broadcast to (..., L, S)

A mask of bools says which keys a query may look at, the scores of the others are -∞; one of numbers is added to the
scores. Whoever may look at no key gets zeros, as in PyTorch. Backward, with D_l = Σ_e dY[l, e] · Y[l, e],

    dV = Pᵀ dY          dP = dY Vᵀ          dS = P · (dP - D)          dQ = dS K / √D          dK = dSᵀ Q / √D

and dS summed over what was repeated is the mask's. docs/derivations/attention.md derives them.

**Memory.** The scores are L·S numbers for every head, far more than all that goes in and comes out. Nobody needs them
all at once: a row of Y is made of one row of S. So rows are made a block at a time, of at most BLOCK scores, and
forgotten. What is kept for the way back is one number a row, log Σ eˢ, from which P = e^(S - log Σ eˢ) is made again;
Σ P · dP, which softmax's gradient asks for, is D, because P V = Y. So the memory grows with L and S, not with their
product.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from minidl import _backend
from minidl._backend import Array
from minidl._xp import xp_of
from minidl.kernels.textbook.sums import rounded, total

BLOCK = 2**17  # scores that are held at a time, or one row of them
Place = tuple[int | slice, ...]


def attention(q: Array, k: Array, v: Array, mask: Array | None) -> tuple[Array, Array]:
    """Y = softmax(Q Kᵀ / √D) V, and log Σ eˢ of every row (..., L)."""
    xp = xp_of(q)
    y = _backend.empty((*q.shape[:-1], v.shape[-1]), q.dtype, like=q)
    log_sums = _backend.empty(q.shape[:-1], q.dtype, like=q[..., 0])
    for rows, keys in blocks(q.shape[:-1], k.shape[-2]):
        scores = _scores(q[rows], k[keys], mask, rows)
        most = scores.max(axis=-1, keepdims=True)
        xp.copyto(most, most.dtype.type(0), where=most == -math.inf)  # no key at all: e⁰ would be 1, and e^(-∞) is 0
        scores -= most
        xp.exp(scores, out=scores)
        sums = total(scores, (scores.ndim - 1,), keepdims=True)
        xp.copyto(sums, sums.dtype.type(1), where=sums == 0)
        products = scores @ v[keys]
        products /= rounded(sums, y.dtype)
        y[rows] = products
        log_sums[rows] = (most + xp.log(sums))[..., 0]
    return y, log_sums


def attention_grads(
    dy: Array, q: Array, k: Array, v: Array, mask: Array | None, y: Array, log_sums: Array, with_mask: bool
) -> tuple[Array, Array, Array, Array | None]:
    """Return dq, dk, dv, and with_mask that of a mask of numbers, else None."""
    xp = xp_of(q)
    dq = _backend.empty(q.shape, q.dtype, like=q)
    dk, dv = (_backend.full(x.shape, 0, x.dtype, like=x) for x in (k, v))
    dmask = xp.zeros(mask.shape) if with_mask and mask is not None else None
    scale = q.dtype.type(k.shape[-1] ** -0.5)
    for rows, keys in blocks(q.shape[:-1], k.shape[-2]):
        p = _scores(q[rows], k[keys], mask, rows)
        p -= log_sums[rows][..., None]
        xp.exp(p, out=p)
        dv[keys] += p.swapaxes(-1, -2) @ dy[rows]
        ds = dy[rows] @ v[keys].swapaxes(-1, -2)
        ds -= rounded(total(dy[rows] * y[rows], (ds.ndim - 1,), keepdims=True), ds.dtype)
        ds *= p
        if dmask is not None:
            part = dmask[_of_mask(dmask, rows, q.ndim)]
            part += _summed(ds, part.shape)
        ds *= scale
        dq[rows] = ds @ k[keys]
        dk[keys] += ds.swapaxes(-1, -2) @ q[rows]
    return dq, dk, dv, dmask if dmask is None else rounded(dmask, q.dtype)


def blocks(rows: tuple[int, ...], keys: int) -> Iterator[tuple[Place, Place]]:
    """Cut rows (..., L) of scores into blocks: where the rows of each lie in q and y, and its keys in k and v.

    The last axes stay whole as long as they fit into a block; the one before them is cut, those before that are walked.

    Example:
        >>> list(blocks((2, 3, 5), 2**16))[:2]  # two rows of scores are a block: L is cut
        [((0, 0, slice(0, 2, None)), (0, 0)), ((0, 0, slice(2, 4, None)), (0, 0))]
        >>> list(blocks((2, 3, 5), 4))  # heads and rows fit: pictures are cut
        [((slice(0, 2184, None),), (slice(0, 2184, None),))]
    """
    last = len(rows) - 1
    sizes = [math.prod(rows[axis + 1 :]) * keys for axis in range(len(rows))]
    axis = next((axis for axis in range(last) if sizes[axis] <= BLOCK), last)
    step = max(1, BLOCK // max(1, sizes[axis]))
    for before in _places(rows[:axis]):
        for start in range(0, rows[axis], step):
            place: Place = (*before, slice(start, start + step))
            yield place, place if axis < last else before


def _places(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if not shape:
        yield ()
        return
    for first in range(shape[0]):
        for rest in _places(shape[1:]):
            yield (first, *rest)


def _scores(q: Array, k: Array, mask: Array | None, rows: Place) -> Array:
    """S = Q Kᵀ / √D of some rows, and what the mask makes of them."""
    scores = (q * q.dtype.type(k.shape[-1] ** -0.5)) @ k.swapaxes(-1, -2)
    if mask is None:
        return scores
    part = mask[_of_mask(mask, rows, scores.ndim + sum(isinstance(at, int) for at in rows))]
    if mask.dtype == bool:
        xp_of(q).copyto(scores, scores.dtype.type(-math.inf), where=~part)
    else:
        scores += part
    return scores


def _of_mask(mask: Array, rows: Place, ndim: int) -> Place:
    """Where the rows lie in a mask that may lack the first of their axes, and is repeated along those of size 1."""
    missing = ndim - mask.ndim
    own = zip(rows[missing:], mask.shape)
    return tuple(at if size != 1 else 0 if isinstance(at, int) else slice(None) for at, size in own)


def _summed(ds: Array, shape: tuple[int, ...]) -> Array:
    """Add up what a part of the mask was repeated for."""
    new = ds.ndim - len(shape)
    repeated = tuple(new + axis for axis, size in enumerate(shape) if size == 1 and ds.shape[new + axis] != 1)
    return total(ds, (*range(new), *repeated), keepdims=True).reshape(shape)
