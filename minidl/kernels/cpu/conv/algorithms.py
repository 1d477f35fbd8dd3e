"""Which algorithm serves which convolution.

One table, `ALGORITHMS`, read from the top: the first algorithm that serves a pass of a convolution does it, and says
why. `minidl.kernels.explain` shows which, `minidl.kernels.use("cpu", conv=…)` asks for another.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl._threads import get_num_threads
from minidl.kernels._sets import options
from minidl.kernels.cpu.conv import direct, direct_dw, grouped, packing, small, winograd, winograd_dw
from minidl.kernels.cpu.conv.epilogue import PLAIN, Run
from minidl.kernels.cpu.conv.geometry import Geometry, measure
from minidl.kernels.cpu.conv.points import RESULTS
from minidl.kernels.cpu.conv.prepacked import is_constant, prepacked
from minidl.kernels.cpu.memory.layout import one_row
from minidl.kernels.cpu.memory.workspace import limit
from minidl.kernels.cpu.simd.vector import LANES

Bias = np.ndarray | None


class Algorithm(NamedTuple):
    """One way to do a convolution.

    Attributes:
        name: what `kernels.use("cpu", conv=name)` calls it.
        why: takes the sizes and the pass ("forward", "prepacked", which is forward with weights that cannot change and
            are in order already, "dx" or "dw"), returns in words why it is taken, or "" if not.
        forward: takes w, b and the sizes, returns what makes y (N, OH, OW, O) of x (N, H, W, C).
        dx: takes dy (N, OH, OW, O), w and the sizes, writes dx (N, H, W, C).
        dw: takes dy, x and the sizes, returns dw.
    """

    name: str
    why: Callable[[Geometry, str], str]
    forward: Callable[[np.ndarray, Bias, Geometry], Run]
    dx: Callable[..., None]
    dw: Callable[..., np.ndarray]


def _packed(w: np.ndarray, sizes: Geometry) -> np.ndarray:
    return prepacked(w, ("direct", sizes.groups), lambda: packing.pack(w, sizes.groups))


def _direct(w: np.ndarray, b: Bias, sizes: Geometry) -> Run:
    row = sizes.as_one_row()
    run = direct.prepare(_packed(w, sizes), b, row.n, row.c, row.o, row.forward(), row.groups)
    return run if row is sizes else lambda x, y, epilogue=PLAIN: run(one_row(x), one_row(y), epilogue)


def _direct_dx(dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    row = sizes.as_one_row()
    _back(direct.prepare, *((dy, w, sizes, dx) if row is sizes else (one_row(dy), w, row, one_row(dx))))


def _back(prepare: Callable[..., Run], dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    """Write dx, phase by phase; where there are pixels that no window sees, all is 0 first."""
    phases = sizes.backward()
    seeing = [phase for phase in phases if phase.rows.taps and phase.columns.taps]
    if len(seeing) < len(phases):
        dx[...] = 0
    for phase in seeing:
        weights = packing.pack_backward(w, sizes.groups, phase)
        prepare(weights, None, sizes.n, sizes.o, sizes.c, phase, sizes.groups)(dy, dx)


LESS = 0.9  # of the products, at most, for which pictures stand side by side
ENOUGH_TILES = {"forward": 32, "prepacked": 8, "dx": 32, "dw": 32}
WIDE = 2**14  # pairs of channels, from which on half as many tiles are enough
WIDE_5 = 2**10  # from which on 5×5 weights, which need more tiles for as many results, pay at all


def _why_winograd(sizes: Geometry, step: str) -> str:
    """Winograd pays where tiles are not mostly border and there are enough of them for each set of weights."""
    k, side = sizes.kh, RESULTS.get(sizes.kh, 0)
    if not side or (sizes.kw, *sizes.stride, *sizes.dilation, sizes.groups) != (k, 1, 1, 1, 1, 1):
        return ""
    made, tiles = _made(sizes, step), _tiles(sizes, step)
    enough = ENOUGH_TILES[step] // 2 if step != "prepacked" and sizes.c * sizes.o >= WIDE else ENOUGH_TILES[step]
    full = sizes.n * math.prod(made) / (side * side * tiles)
    if tiles < enough or full < 0.5:
        return ""
    if k == 5 and (full < 0.8 or min(made) < 6 or sizes.c * sizes.o < WIDE_5):  # of 25 weights a small map sees few
        return ""
    if sizes.c % LANES or sizes.o % LANES or os.environ.get("MINIDL_WINOGRAD") == "0":
        return ""
    if winograd.floats_needed(tiles, sizes.c, sizes.o) > limit():
        return ""
    channels = f"{sizes.c} and {sizes.o} channels are multiples of {LANES}"
    return f"{k}×{k} with stride 1, {channels}, {tiles} tiles of {side}×{side}"


def _made(sizes: Geometry, step: str) -> tuple[int, int]:
    """Return how many rows and columns a pass makes of a picture, or sees the gradient of."""
    return (sizes.h, sizes.width) if step == "dx" else (sizes.oh, sizes.ow)


def _tiles(sizes: Geometry, step: str) -> int:
    return winograd.tiles_of(sizes.n, *_made(sizes, step), sizes.kh)


def _winograd(w: np.ndarray, b: Bias, sizes: Geometry) -> Run:
    numbers = b, sizes.n, sizes.c, sizes.o, sizes.forward()
    if not is_constant(w) and winograd.are_few(_tiles(sizes, "forward"), sizes.o):
        return winograd.prepare_few(packing.pack(w, 1), *numbers)

    def transformed() -> np.ndarray:
        return winograd.transform_weights(packing.pack(w, 1), sizes.o, sizes.c, sizes.kh)

    return winograd.prepare(prepacked(w, "winograd", transformed), *numbers)


def _winograd_dx(dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    (phase,) = sizes.backward()
    packed, numbers = packing.pack_backward(w, 1, phase), (None, sizes.n, sizes.o, sizes.c, phase)
    if winograd.are_few(_tiles(sizes, "dx"), sizes.c):
        winograd.prepare_few(packed, *numbers)(dy, dx)
    else:
        winograd.prepare(winograd.transform_weights(packed, sizes.c, sizes.o, sizes.kh), *numbers)(dy, dx)


def _why_grouped(sizes: Geometry, step: str) -> str:
    """Lanes are channels where groups are as wide on both sides and sixteen lanes hold some whole groups.

    The weights' gradient of the widest has taps enough for the direct way.
    """
    width = sizes.c // sizes.groups
    if sizes.c != sizes.o or sizes.groups == 1 or width not in grouped.WIDTHS:
        return ""
    if step == "dw" and width == grouped.WIDTHS[-1]:
        return ""
    return "depthwise" if width == 1 else f"groups of {width} channels"


def _grouped(w: np.ndarray, b: Bias, sizes: Geometry) -> Run:
    indexing = sizes.forward()
    weights = prepacked(w, "grouped", lambda: grouped.pack(w, indexing, backward=False))
    return grouped.prepare(weights, b, sizes.n, sizes.c, indexing)


def _grouped_dx(dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    for phase in sizes.backward():
        grouped.prepare(grouped.pack(w, phase, backward=True), None, sizes.n, sizes.c, phase)(dy, dx)


def _why_small(sizes: Geometry, step: str) -> str:
    """Pictures stand side by side where that takes fewer products than windows of a row."""
    if step == "dw" or sizes.n < small.PICTURES:
        return ""
    by_place, by_row = small.products(sizes, step), direct.products(sizes.as_one_row(), step)
    if not by_row or by_place > LESS * by_row:
        return ""
    return f"{sizes.n} pictures side by side take {by_place / by_row:.2f} of the products of windows side by side"


def _small(w: np.ndarray, b: Bias, sizes: Geometry) -> Run:
    return small.prepare(_packed(w, sizes), b, sizes.n, sizes.c, sizes.o, sizes.forward(), sizes.groups)


def _small_dx(dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    _back(small.prepare, dy, w, sizes, dx)


ALGORITHMS = (
    Algorithm("grouped", _why_grouped, _grouped, _grouped_dx, grouped.weight_gradient),
    Algorithm("winograd", _why_winograd, _winograd, _winograd_dx, winograd_dw.weight_gradient),
    Algorithm("small", _why_small, _small, _small_dx, direct_dw.weight_gradient),
    Algorithm("direct", lambda sizes, step: "serves every convolution", _direct, _direct_dx, direct_dw.weight_gradient),
)
CONV_ALGORITHMS = ("auto", *(algorithm.name for algorithm in ALGORITHMS), "im2col")


def circumstances() -> tuple[Any, ...]:
    """Return what a choice hangs on beside the sizes: the algorithm asked for, threads, memory, Winograd's switch."""
    return options.get().get("conv", "auto"), get_num_threads(), limit(), os.environ.get("MINIDL_WINOGRAD")


def choose(sizes: Geometry, step: str) -> Algorithm | None:
    """Return the algorithm for one pass, "forward", "prepacked", "dx" or "dw"; None for the textbook's im2col."""
    wanted, *others = circumstances()
    return _chosen(sizes, step, wanted, ALGORITHMS, *others)


@functools.lru_cache(maxsize=4096)  # training asks again at every step; the others are what algorithms ask for
def _chosen(sizes: Geometry, step: str, wanted: str, table: tuple[Algorithm, ...], *others: Any) -> Algorithm | None:
    if wanted == "im2col":
        return None
    able = (algorithm for algorithm in table if algorithm.why(sizes, step))
    if wanted == "auto":
        return next(able)
    *before, last = able
    return next((algorithm for algorithm in before if algorithm.name == wanted), last)


def explain_conv2d(step: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], *settings: Any) -> tuple[str, str]:
    """Return the algorithm of one pass and why it is taken; no algorithm where the textbook's is asked for."""
    sizes = measure(x_shape, w_shape, *settings)
    algorithm = choose(sizes, step)
    if algorithm is None:
        return "", 'kernels.use("cpu", conv="im2col") says so'
    return algorithm.name, algorithm.why(sizes, step)
