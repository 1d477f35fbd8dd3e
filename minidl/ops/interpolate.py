"""Pictures in another size, row by row and column by column.

    nearest   row i of the result is row floor(i · r) of x, where r is how many rows of x one row stands for
    bilinear  it lies between two rows, at (i + 1/2) · r - 1/2: the pictures are laid over each other, edge on edge, and
              a row is where its middle is; before the first middle there is the first row, behind the last the last
              with align_corners at i · (H - 1) / (OH - 1): the first and the last row keep their place

The arithmetic and its gradient stand in minidl/kernels/textbook/interpolate.py.
"""

from __future__ import annotations

import math
from typing import Any

from minidl import kernels
from minidl._backend import Array
from minidl._checks import NUMBERS, Pair, check_alike, check_choice, check_flag, check_rank, shown, to_pair
from minidl.kernels.textbook.interpolate import Place
from minidl.tensor import Context, Function, Tensor

MODES = ("nearest", "bilinear")


class Interpolate(Function):
    """Saves nothing: where each row comes from depends on the sizes alone."""

    @staticmethod
    def forward(
        ctx: Context, x: Array, *, out_size: Pair, step: tuple[float, float], mode: str, align_corners: bool
    ) -> Array:
        """y between the rows and columns of x."""
        ctx.x_shape = x.shape
        ctx.places = [places(*axis, mode, align_corners) for axis in zip(x.shape[2:], out_size, step)]
        return kernels.interpolate(x, *ctx.places)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """Each pixel of x collects what it gave."""
        return kernels.interpolate_dx(dy, ctx.x_shape, *ctx.places)


def places(size: int, out_size: int, step: float, mode: str, align_corners: bool) -> tuple[Place, ...]:
    """Return for each of out_size rows between which of `size` rows it lies: (low, high, share of the high one)."""
    if mode == "nearest":
        low = (min(math.floor(i * step), size - 1) for i in range(out_size))
        return tuple((i, i, 0.0) for i in low)
    if align_corners:
        at = [i * (size - 1) / max(1, out_size - 1) for i in range(out_size)]
    else:
        at = [max(0.0, (i + 0.5) * step - 0.5) for i in range(out_size)]
    lows = [min(math.floor(place), size - 1) for place in at]
    return tuple((low, low, 0.0) if low == size - 1 else (low, low + 1, place - low) for low, place in zip(lows, at))


def interpolate(
    x: Tensor,
    size: Any = None,
    *,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return pictures in another size; see `nn.Upsample` for the layer.

    Args:
        x: pictures (N, C, H, W).
        size: of the result, an int or (OH, OW); or None with scale_factor.
        scale_factor: how many times as large, a number or (for H, for W); OH = floor(H · scale_factor). As in PyTorch,
            a row then stands for 1 / scale_factor rows of x; with size, for H / OH.
        mode: "nearest" (default) repeats pixels, "bilinear" goes evenly from one to the next. Nothing is averaged:
            where the result is smaller than x, pixels between those that are looked at have no part in it.
        align_corners: only for "bilinear": whether the corner pixels of x and of the result lie on each other, in place
            of the corners of the pictures. None (default) is False.

    Returns:
        y (N, C, OH, OW).

    Raises:
        ValueError: if x has other axes or no pixels, not exactly one of size and scale_factor is given, a size would be
            below 1, or the mode is another word.
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> x = Tensor([[[[0.0, 4.0]]]])
        >>> ops.interpolate(x, (1, 4)).numpy().ravel()
        array([0., 0., 4., 4.], dtype=float32)
        >>> ops.interpolate(x, scale_factor=(1, 2), mode="bilinear").numpy().ravel()
        array([0., 1., 3., 4.], dtype=float32)
        >>> ops.interpolate(x, (1, 5), mode="bilinear", align_corners=True).numpy().ravel()
        array([0., 1., 2., 3., 4.], dtype=float32)
    """
    check_alike("interpolate", x=x)
    check_rank("interpolate", "x", x.shape, "N, C, H, W")
    check_resizing("interpolate", size, scale_factor, mode, align_corners)
    if 0 in x.shape[2:]:
        raise ValueError(f"interpolate: x must have at least one pixel; x.shape={x.shape}")
    if size is not None:
        out_size = to_pair("interpolate", "size", size, least=1)
        step = tuple(old / new for old, new in zip(x.shape[2:], out_size))
    else:
        factors = to_factors("interpolate", scale_factor)
        out_size = tuple(math.floor(old * factor) for old, factor in zip(x.shape[2:], factors))
        step = tuple(1 / factor for factor in factors)
        if min(out_size) < 1:
            raise ValueError(
                f"interpolate: the result must have at least one row and one column, it would have {out_size} "
                f"(floor(size * scale_factor)); x.shape={x.shape}, scale_factor={scale_factor}"
            )
    return Interpolate.apply(x, out_size=out_size, step=step, mode=mode, align_corners=bool(align_corners))


def check_resizing(op: str, size: Any, scale_factor: Any, mode: Any, align_corners: Any) -> None:
    """Judge what does not depend on the pictures."""
    check_choice(op, "mode", mode, MODES)
    if (size is None) == (scale_factor is None):
        found = f"size={shown(size)}, scale_factor={shown(scale_factor)}"
        raise ValueError(f"{op}: expects either size or scale_factor; received {found}")
    if size is None:
        to_factors(op, scale_factor)
    else:
        to_pair(op, "size", size, least=1)
    if align_corners is not None:
        check_flag(op, "align_corners", align_corners)
        if mode == "nearest":
            raise ValueError(f'{op}: align_corners goes with mode="bilinear"; received align_corners={align_corners}')


def to_factors(op: str, value: Any) -> tuple[float, float]:
    """Turn 2 or (2, 3) into (2.0, 3.0)."""
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(isinstance(one, NUMBERS) and 0 < one < math.inf for one in pair):
        raise ValueError(
            f"{op}: scale_factor must be a number or a pair of numbers > 0; received scale_factor={shown(value)}"
        )
    return float(pair[0]), float(pair[1])
