"""Bugs in operations that move numbers, in reductions and in losses, as they are really made."""

import numpy as np

from minidl import Tensor, ops
from minidl.ops.difference import MseLoss
from minidl.ops.growing import AppendChannels, Block, ReserveChannels
from minidl.ops.loss import CrossEntropy
from minidl.ops.reduce import Max, Mean, Sum, Var
from minidl.ops.reshape import Reshape
from minidl.ops.shape import ChannelShuffle, Concat, Index, Pad, Transpose
from tests.contract import assert_close
from tests.mutations.elementwise import scaled
from tests.mutations.mutant import Mutant, attribute, kernel

# ---------------------------------------------------------------------------------------------------- shape


def overwriting_index(original, ctx, dy):
    """`=` for `+=`: of a row taken twice, only the last counts."""
    del original
    dx = np.zeros(ctx.x_shape, dy.dtype)
    dx[ctx.key] = dy
    return dx


def swapped_offsets(original, ctx, dy):
    """Each gets as much as it must, from the wrong place."""
    del original
    axis = len(ctx.places[0]) - 1
    sizes = [place[axis].stop - place[axis].start for place in ctx.places]
    ends = np.cumsum(sizes[::-1])[::-1]
    cuts = [(*place[:axis], slice(end - size, end)) for place, size, end in zip(ctx.places, sizes, ends, strict=True)]
    return tuple(dy[cut] if need else None for cut, need in zip(cuts, ctx.needs, strict=True))


def cropped_at_the_end(original, ctx, dy):
    (top, bottom), (left, right) = ctx.padding
    ctx.padding = (0, top + bottom), (0, left + right)
    return original(ctx, dy)


SHAPE = [
    Mutant("concat: offsets swapped in the gradient", "concat", attribute(Concat, "backward", swapped_offsets)),
    Mutant(
        "concat: gradients in reverse", "concat", attribute(Concat, "backward", lambda f, ctx, dy: f(ctx, dy)[::-1])
    ),
    Mutant(
        "append_channels: into a place that is taken",
        "append_channels",
        attribute(Block, "take", lambda f, start, stop: True),
    ),
    Mutant(
        "append_channels: the gradient of the new maps from the front",
        "append_channels",
        attribute(AppendChannels, "backward", lambda f, ctx, dy: (dy[:, : ctx.c], dy[:, : dy.shape[1] - ctx.c])),
    ),
    Mutant(
        "append_channels: x not copied where no place is left",
        "append_channels",
        attribute(
            AppendChannels,
            "forward",
            lambda f, ctx, x, new, *, block, is_there: f(ctx, x, new, block=np.zeros_like(block), is_there=True),
        ),
    ),
    Mutant(
        "reserve_channels: a view of x",
        "reserve_channels",
        attribute(ReserveChannels, "forward", lambda f, ctx, x, *, block: x),
    ),
    Mutant("split: dx one place off", "split", attribute(Index, "backward", lambda f, ctx, dy: np.roll(f(ctx, dy), 1))),
    Mutant("index: = for +=", "index", attribute(Index, "backward", overwriting_index)),
    Mutant(
        "index: a view of x",
        "index",
        attribute(Index, "forward", lambda f, ctx, x, *, key: (f(ctx, x, key=key), np.asarray(x[key]))[1]),
    ),
    Mutant("pad: border not cut off at the front", "pad", attribute(Pad, "backward", cropped_at_the_end)),
    Mutant(
        "pad: value forgotten",
        "pad",
        attribute(Pad, "forward", lambda f, ctx, x, *, padding, value: f(ctx, x, padding=padding, value=0.0)),
    ),
    Mutant(
        "channel_shuffle: not put back",
        "channel_shuffle",
        attribute(ChannelShuffle, "backward", lambda f, ctx, dy: dy.copy()),
    ),
    Mutant(
        "channel_shuffle: shuffled again on the way back",
        "channel_shuffle",
        attribute(ChannelShuffle, "backward", lambda f, ctx, dy: ChannelShuffle.forward(ctx, dy, groups=ctx.groups)),
    ),
    Mutant(
        "transpose: the same axes on the way back",
        "transpose",
        attribute(Transpose, "backward", lambda f, ctx, dy: dy.transpose(ctx.axes)),
    ),
    Mutant(
        "reshape: in Fortran's order",
        "reshape",
        attribute(Reshape, "backward", lambda f, ctx, dy: dy.reshape(ctx.x_shape, order="F")),
    ),
]

# ---------------------------------------------------------------------------------------------------- reductions


def last_winner(original, ctx, x, *, axes, keepdims):
    """The right maximum, but of equal ones the last wins."""
    y = original(ctx, x, axes=axes, keepdims=keepdims)
    original(ctx, x[..., ::-1], axes=axes, keepdims=keepdims)
    ctx.save(x.shape[-1] - 1 - ctx.saved[0])
    return y


def check_first_winner():
    x = Tensor(np.array([1.0, 3.0, 3.0]), requires_grad=True)
    x.max(axis=0).backward(np.ones(()))
    assert_close(x.grad, [0, 1, 0])


REDUCTIONS = [
    Mutant(
        "sum: mean in the gradient", "sum", attribute(Sum, "backward", lambda f, ctx, dy: f(ctx, dy / dy.dtype.type(2)))
    ),
    Mutant(
        "mean: 1/M forgotten in the gradient",
        "mean",
        attribute(Mean, "backward", lambda f, ctx, dy: Sum.backward(ctx, dy)),
    ),
    Mutant("max: everybody wins", "max", attribute(Max, "backward", lambda f, ctx, dy: f(ctx, dy) + dy.max())),
    Mutant("max: the last of equal ones wins", check_first_winner, attribute(Max, "forward", last_winner)),
    Mutant("var: 2 forgotten", "var", attribute(Var, "backward", scaled(0.5))),
    Mutant(
        "var: correction forgotten in the gradient",
        "var",
        attribute(
            Var,
            "backward",
            lambda f, ctx, dy: (
                setattr(ctx, "count", int(np.prod([ctx.saved[0].shape[a] for a in ctx.axes]))),
                f(ctx, dy),
            )[1],
        ),
    ),
    Mutant(
        "var: always unbiased",
        "var",
        attribute(Var, "forward", lambda f, ctx, x, *, correction, **settings: f(ctx, x, correction=1, **settings)),
    ),
]

# ---------------------------------------------------------------------------------------------------- losses


def unshifted_cross_entropy(original, x, t):
    del original
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        log_p = np.log(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))
    return np.asarray(-(t * log_p).sum(axis=1).mean()), log_p


def check_huge_logits():
    loss = ops.cross_entropy(Tensor(np.array([[1e4, -1e4]])), np.array([1]))
    assert_close(loss.data, 2e4)


LOSSES = [
    Mutant(
        "cross_entropy: N forgotten",
        "cross_entropy",
        kernel("cross_entropy_dx", lambda f, dy, log_p, t: f(dy, log_p, t) * len(t)),
    ),
    Mutant("cross_entropy: sign", "cross_entropy", kernel("cross_entropy_dx", scaled(-1))),
    Mutant(
        "cross_entropy: t forgotten in the gradient",
        "cross_entropy",
        kernel("cross_entropy_dx", lambda f, dy, log_p, t: np.exp(log_p) * dy / log_p.dtype.type(len(t))),
    ),
    Mutant(
        "cross_entropy: Σt taken for 1",
        "cross_entropy",
        kernel("cross_entropy_dx", lambda f, dy, log_p, t: (np.exp(log_p) - t) * dy / log_p.dtype.type(len(t))),
    ),
    Mutant(
        "cross_entropy: dy forgotten",
        "cross_entropy",
        kernel("cross_entropy_dx", lambda f, dy, log_p, t: f(np.ones_like(dy), log_p, t)),
    ),
    Mutant("cross_entropy: sign of dt", "cross_entropy", attribute(CrossEntropy, "backward", scaled(-1, which=1))),
    Mutant(
        "cross_entropy: smoothing forgotten",
        "cross_entropy",
        attribute(
            CrossEntropy, "forward", lambda f, ctx, x, t: f(ctx, x, (t == t.max(axis=1, keepdims=True)).astype(t.dtype))
        ),
    ),
    Mutant(
        "cross_entropy: sum for mean",
        "cross_entropy",
        kernel("cross_entropy", lambda f, x, t: (f(x, t)[0] * x.dtype.type(len(x)), f(x, t)[1])),
    ),
    Mutant("cross_entropy: overflows", check_huge_logits, kernel("cross_entropy", unshifted_cross_entropy)),
    Mutant("mse_loss: 2 forgotten", "mse_loss", kernel("mse_dx", scaled(0.5))),
    Mutant("mse_loss: sign of dt", "mse_loss", attribute(MseLoss, "backward", scaled(-1, which=1))),
    Mutant(
        "mse_loss: 1/M forgotten",
        "mse_loss",
        kernel("mse_dx", lambda f, dy, difference: f(dy, difference) * difference.dtype.type(difference.size)),
    ),
]

MUTANTS = [*SHAPE, *REDUCTIONS, *LOSSES]
