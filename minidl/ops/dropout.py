"""Leaving things out at random, so that a network cannot rely on any one of them.

    dropout            y = x·m / (1 - p)     m is 0 with probability p, drawn for each element
    dropout2d          the same, one draw for each channel of each picture: pixels side by side are too alike
    stochastic_depth   the same, one draw for each picture (or for the batch): leaves out a whole residual branch

The division is made in training, and so evaluation has nothing to do: the expected value of m / (1 - p) is 1. In the
gradient, m / (1 - p) is a constant factor: dx = dy·m / (1 - p).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_choice, check_flag, check_fraction, check_rank
from minidl._random import to_generator
from minidl.kernels._launches import made
from minidl.tensor import Context, Function, Tensor


def _draw(op: str, rng: np.random.Generator | None, draws: tuple[int, ...], p: float) -> np.ndarray:
    return to_generator(op, rng).random(draws, dtype=np.float32) >= p


def _checked(op: str, rng: Any) -> Any:
    """Refuse what is no generator; which one None stands for is asked when something is drawn."""
    to_generator(op, rng)
    return rng


class Dropout(Function):
    """Saves one byte for each draw, and nothing else. The draws are made on the CPU: both devices get the same."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, p: float, rng: np.random.Generator | None, draws: tuple[int, ...]) -> Array:
        """y = x·m / (1 - p)."""
        keep = _backend.array_module(x).asarray(made(draws, np.bool_, _draw, "dropout", rng, draws, p))
        ctx.save(keep)
        ctx.scale = 1 / (1 - p) if p < 1 else 0.0
        return kernels.dropout(x, keep, ctx.scale)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy·m / (1 - p)."""
        (keep,) = ctx.saved
        return kernels.dropout(dy, keep, ctx.scale, **ctx.over)


class Dropout2d(Dropout):
    """Saves one byte for each channel of each picture."""


class StochasticDepth(Dropout):
    """Saves one byte for each picture, or one for the batch."""


def dropout(x: Tensor, p: float = 0.5, *, training: bool, rng: np.random.Generator | None = None) -> Tensor:
    """Set each element to 0 with probability p and scale the others by 1 / (1 - p); in evaluation return x itself.

    Args:
        x: any shape.
        p: the probability of 0, from 0 to 1.
        training: whether to do anything at all.
        rng: where the draws come from; None (default) takes the generator of `minidl.manual_seed`.

    Raises:
        ValueError: if p is not from 0 to 1.
        TypeError: if x is no float tensor or rng no generator.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014), section 4,
    with the scaling moved into training (section 10).

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.dropout(Tensor(np.ones(6)), 0.5, training=True, rng=np.random.default_rng(0)).numpy()
        array([2., 2., 2., 0., 0., 0.])
    """
    check_alike("dropout", x=x)
    check_fraction("dropout", "p", p)
    check_flag("dropout", "training", training)
    if not training or p == 0:
        return x
    return Dropout.apply(x, p=p, rng=_checked("dropout", rng), draws=x.shape)


def dropout2d(x: Tensor, p: float = 0.5, *, training: bool, rng: np.random.Generator | None = None) -> Tensor:
    """Set whole channels to 0 with probability p and scale the others by 1 / (1 - p); in evaluation return x itself.

    Args:
        x: pictures (N, C, H, W).
        p: the probability of 0, from 0 to 1.
        training: whether to do anything at all.
        rng: where the draws come from; None (default) takes the generator of `minidl.manual_seed`.

    Raises:
        ValueError: if p is not from 0 to 1, or x has other axes.
        TypeError: if x is no float tensor or rng no generator.

    Source: Tompson et al., "Efficient object localization using convolutional networks", arXiv:1411.4280, section 3.2.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.ones((1, 4, 2, 2)))
        >>> ops.dropout2d(x, 0.5, training=True, rng=np.random.default_rng(1)).numpy()[0, :, 0]
        array([[0., 0.],
               [2., 2.],
               [2., 2.],
               [2., 2.]])
    """
    check_alike("dropout2d", x=x)
    check_rank("dropout2d", "x", x.shape, "N, C, H, W")
    check_fraction("dropout2d", "p", p)
    check_flag("dropout2d", "training", training)
    if not training or p == 0:
        return x
    return Dropout2d.apply(x, p=p, rng=_checked("dropout2d", rng), draws=(*x.shape[:2], 1, 1))


def stochastic_depth(
    x: Tensor, p: float, *, training: bool, mode: str = "row", rng: np.random.Generator | None = None
) -> Tensor:
    """Set whole pictures to 0 with probability p and scale the others by 1 / (1 - p); in evaluation return x itself.

    Args:
        x: the output of a residual branch, (N, ...).
        p: the probability of 0, from 0 to 1.
        training: whether to do anything at all.
        mode: "row" draws for each picture, "batch" once for all.
        rng: where the draws come from; None (default) takes the generator of `minidl.manual_seed`.

    Raises:
        ValueError: if p is not from 0 to 1, mode has another value, or x has no axis of pictures.
        TypeError: if x is no float tensor or rng no generator.

    Source: Huang et al., "Deep networks with stochastic depth", arXiv:1603.09382, section 3.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.ones((4, 2)))
        >>> ops.stochastic_depth(x, 0.5, training=True, rng=np.random.default_rng(1)).numpy()[:, 0]
        array([0., 2., 2., 2.])
    """
    check_alike("stochastic_depth", x=x)
    check_fraction("stochastic_depth", "p", p)
    check_choice("stochastic_depth", "mode", mode, ("row", "batch"))
    check_flag("stochastic_depth", "training", training)
    if x.ndim == 0:
        raise ValueError("stochastic_depth: x must have an axis of pictures (N, ...); x.shape=()")
    if not training or p == 0:
        return x
    draws: Any = (x.shape[0] if mode == "row" else 1, *[1] * (x.ndim - 1))
    return StochasticDepth.apply(x, p=p, rng=_checked("stochastic_depth", rng), draws=draws)
