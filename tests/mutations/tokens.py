"""Bugs in attention, embedding and maxout, as they are made."""

import importlib

import numpy as np

from minidl.ops.attention import ScaledDotProductAttention
from minidl.ops.reduce import Max
from tests.mutations.mutant import Mutant, attribute, kernel

# The functions of the same names hide these modules.
attention_kernels = importlib.import_module("minidl.kernels.textbook.attention")
maxout_module = importlib.import_module("minidl.ops.maxout")
ATTENTION = "scaled_dot_product_attention"


def plain(q, k, v, mask):
    """The weights P, in one piece; a query without keys has none."""
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).astype(q.dtype)
    scores = scores if mask is None else np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    top = scores.max(axis=-1, keepdims=True)
    p = np.exp(scores - np.where(top == -np.inf, 0, top))
    return p / np.maximum(p.sum(axis=-1, keepdims=True), 1e-30)


def without_the_row_s_mean(original, dy, q, k, v, mask, y, log_sums, with_mask):
    """Softmax's gradient as P · dP alone."""
    return original(dy, q, k, v, mask, np.zeros_like(y), log_sums, with_mask)


def as_if_not_masked(original, dy, q, k, v, mask, y, log_sums, with_mask):
    """The scores of the way back without the mask."""
    if mask is None or mask.dtype != bool:
        return original(dy, q, k, v, mask, y, log_sums, with_mask)
    return original(dy, q, k, v, None, y, log_sums, False)


def swapped_axes(original, q, k, v, mask):
    """Every key chooses among the queries: softmax down the columns."""
    scores = plain(q, k, v, mask)
    p = np.exp(scores) / np.exp(scores).sum(axis=-2, keepdims=True)
    return p @ v, original(q, k, v, mask)[1]


def turned_mask(original, q, k, v, mask):
    """True where a query may not look: the meaning that PyTorch's layer gives it."""
    return original(q, k, v, ~mask if mask is not None and mask.dtype == bool else mask)


def scaled_scores(factor):
    def broken(original, q, k, mask, rows):
        return original(q * q.dtype.type(factor(q)), k, mask, rows)

    return broken


def last_block_only(original, dy, q, k, v, *rest):
    """What several blocks give to a key is not added up: only the gradient of the last query."""
    dq, _, _, dmask = original(dy, q, k, v, *rest)
    only = np.zeros_like(dy)
    only[..., -1:, :] = dy[..., -1:, :]
    return dq, *original(only, q, k, v, *rest)[1:3], dmask


def mean_of_nothing(original, q, k, v, mask):
    """A query that may look at no key gets the mean of all values: softmax of equal scores."""
    y, log_sums = original(q, k, v, mask)
    if mask is not None and mask.dtype == bool:
        none = ~np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2])).any(axis=-1, keepdims=True)
        y = np.where(none, v.mean(axis=-2, keepdims=True), y).astype(y.dtype)
    return y, log_sums


def first_mask(original, q, k, v, mask):
    """The mask of the first picture for all of them."""
    return original(q, k, v, mask[:1] if mask is not None and mask.ndim == 4 else mask)


def without_row_0(original, dy, indices, shape):
    """As if the first row stood for padding."""
    dw = original(dy, indices, shape)
    dw[0] = 0
    return dw


def to_all(original, ctx, dy):
    """Every piece gets what the winner should have alone."""
    dx = original(ctx, dy)
    return np.broadcast_to(dx.sum(axis=ctx.order[-1], keepdims=True), dx.shape).copy()


def with_gradients(change):
    return lambda original, *args: change(*original(*args))


MUTANTS = [
    Mutant("attention: not divided by the root", ATTENTION, attribute(attention_kernels, "_scores", scaled_scores(
        lambda q: q.shape[-1] ** 0.5))),
    Mutant("attention: divided by D, not its root", ATTENTION, attribute(attention_kernels, "_scores", scaled_scores(
        lambda q: q.shape[-1] ** -0.5))),
    Mutant("attention: softmax down the columns", ATTENTION, kernel("attention", swapped_axes)),
    Mutant("attention: the mask says what is hidden", ATTENTION, kernel("attention", turned_mask)),
    Mutant("attention: the mask of bools forgotten on the way back", ATTENTION,
           kernel("attention_grads", as_if_not_masked)),
    Mutant("attention: softmax's mean term dropped", ATTENTION, kernel("attention_grads", without_the_row_s_mean)),
    Mutant("attention: dk and dv of the last queries only", ATTENTION, kernel("attention_grads", last_block_only)),
    Mutant("attention: dq without the root", ATTENTION, kernel("attention_grads", with_gradients(
        lambda dq, dk, dv, dmask: (dq * dq.dtype.type(dq.shape[-1] ** 0.5), dk, dv, dmask)))),
    Mutant("attention: dk without the root", ATTENTION, kernel("attention_grads", with_gradients(
        lambda dq, dk, dv, dmask: (dq, dk * dk.dtype.type(dk.shape[-1] ** 0.5), dv, dmask)))),
    Mutant("attention: dv weighted by the scores' gradient", ATTENTION, kernel("attention_grads", with_gradients(
        lambda dq, dk, dv, dmask: (dq, dk, dv * dv.dtype.type(0.5), dmask)))),
    Mutant("attention: the mask gets nothing", ATTENTION, kernel("attention_grads", with_gradients(
        lambda dq, dk, dv, dmask: (dq, dk, dv, None if dmask is None else np.zeros_like(dmask))))),
    Mutant("attention: the mask's gradient not summed up", ATTENTION, attribute(attention_kernels, "_summed",
           lambda f, ds, shape: f(ds, shape) / (ds.size / np.prod(shape)))),
    Mutant("attention: the sums of the rows saved without their largest", ATTENTION, kernel("attention",
           lambda f, q, k, v, mask: (f(q, k, v, mask)[0], f(q, k, v, mask)[1] * 0))),
    Mutant("attention: the values of the key beside it", ATTENTION, kernel("attention",
           lambda f, q, k, v, mask: f(q, k, np.roll(v, 1, axis=-2), mask))),
    Mutant("attention: the mean where no key is to be seen", ATTENTION, kernel("attention", mean_of_nothing)),
    Mutant("attention: the mask of the first picture", ATTENTION, kernel("attention", first_mask)),
    Mutant("attention: dk of the key beside it", ATTENTION, kernel("attention_grads", with_gradients(
        lambda dq, dk, dv, dmask: (dq, np.roll(dk, 1, axis=-2), dv, dmask)))),
    Mutant("attention: gradients in the wrong order", ATTENTION, attribute(ScaledDotProductAttention, "backward",
           lambda f, ctx, dy: (lambda dq, dk, dv, dmask: (dq, dv, dk, dmask))(*f(ctx, dy)))),
    Mutant("embedding: the last of several gradients wins", "embedding", kernel("embedding_dw",
           lambda f, dy, indices, shape: _assigned(dy, indices, shape))),
    Mutant("embedding: several gradients averaged", "embedding", kernel("embedding_dw",
           lambda f, dy, indices, shape: f(dy, indices, shape) / np.maximum(
               np.bincount(indices.reshape(-1), minlength=shape[0]), 1)[:, None].astype(dy.dtype))),
    Mutant("embedding: rows counted from 1", "embedding", kernel("embedding", lambda f, i, w: f(i - 1, w))),
    Mutant("embedding: the gradient one row too far", "embedding", kernel("embedding_dw",
           lambda f, dy, i, shape: np.roll(f(dy, i, shape), 1, axis=0))),
    Mutant("embedding: row 0 learns nothing", "embedding", kernel("embedding_dw", without_row_0)),
    Mutant("maxout: the gradient to the piece beside the winner", "maxout", attribute(Max, "backward",
           lambda f, ctx, dy: np.roll(f(ctx, dy), 1, axis=ctx.order[-1]))),
    Mutant("maxout: the gradient to every piece", "maxout", attribute(Max, "backward", to_all)),
    Mutant("maxout: pieces lie far from each other", "maxout", attribute(maxout_module, "unflatten",
           lambda f, x, axis, sizes: _far(f, x, axis, sizes))),
    Mutant("maxout: the sum for the largest", "maxout", attribute(Max, "forward",
           lambda f, ctx, x, axes, keepdims: f(ctx, x, axes=axes, keepdims=keepdims) * 0 + x.sum(axis=axes))),
    Mutant("maxout: the smallest for the largest", "maxout", attribute(Max, "forward",
           lambda f, ctx, x, axes, keepdims: -f(ctx, -x, axes=axes, keepdims=keepdims))),
]  # fmt: skip


def _assigned(dy, indices, shape):
    dw = np.zeros(shape, dy.dtype)
    dw[indices] = dy
    return dw


def _far(original, x, axis, sizes):
    """Channel c is compared with c + C / P: the order of PyTorch's chunk."""
    rest = [it for it in range(x.ndim + 1) if it not in (axis, axis + 1)]
    order = [*rest[:axis], axis + 1, axis, *rest[axis:]]
    return original(x, axis, sizes[::-1]).permute(*order)
