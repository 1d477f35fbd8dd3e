"""Which algorithm serves which convolution.

One table, `ALGORITHMS`, read from the top: the first algorithm that serves a pass of a convolution does it, and says
why. `minidl.kernels.explain` shows which, `minidl.kernels.use("cpu", conv=…)` asks for another.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl._threads import get_num_threads
from minidl._variable import variable
from minidl.kernels._launches import copy
from minidl.kernels._sets import options
from minidl.kernels.cpu.conv import direct, direct_dw, grouped, packing, small, winograd, winograd_dw
from minidl.kernels.cpu.conv.epilogue import PLAIN, Prepared, Run
from minidl.kernels.cpu.conv.geometry import Geometry, measure
from minidl.kernels.cpu.conv.points import RESULTS
from minidl.kernels.cpu.conv.prepacked import is_constant, prepacked
from minidl.kernels.cpu.memory.layout import one_row
from minidl.kernels.cpu.memory.workspace import limit
from minidl.kernels.cpu.simd.vector import LANES

_winograd_switch = variable("MINIDL_WINOGRAD")

Bias = np.ndarray | None
Back = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


class Algorithm(NamedTuple):
    """One way to do a convolution.

    What depends on the sizes alone is worked out once, and serves every convolution of these sizes.

    Attributes:
        name: what `kernels.use("cpu", conv=name)` calls it.
        why: takes the sizes and the pass ("forward", "prepacked", which is forward with weights that cannot change and
            are in order already, "dx" or "dw"), returns in words why it is taken, or "" if not.
        forward: takes the sizes; returns what takes w and b, and returns what makes y (N, OH, OW, O) of x (N, H, W, C).
        dx: takes the sizes; returns what takes dy (N, OH, OW, O) and w, and writes dx (N, H, W, C).
        dw: takes the sizes; returns what takes dy and x, and returns dw.
    """

    name: str
    why: Callable[[Geometry, str], str]
    forward: Callable[[Geometry], Prepared]
    dx: Callable[[Geometry], Back]
    dw: Callable[[Geometry], Callable[[np.ndarray, np.ndarray], np.ndarray]]


def _packed(w: np.ndarray, groups: int) -> np.ndarray:
    return prepacked(w, ("direct", groups), lambda: packing.pack(w, groups))


def _direct(sizes: Geometry) -> Prepared:
    row, groups = sizes.as_one_row(), sizes.groups
    prepared = direct.prepare(row.n, row.c, row.o, row.forward(), groups)

    def in_place(w: np.ndarray, b: Bias) -> Run:
        return prepared(_packed(w, groups), b)

    def in_a_row(w: np.ndarray, b: Bias) -> Run:
        run = in_place(w, b)
        return lambda x, y, epilogue=PLAIN: run(one_row(x), one_row(y), epilogue)

    return in_place if row is sizes else in_a_row


def _direct_dx(sizes: Geometry) -> Back:
    row = sizes.as_one_row()
    back = _back(direct.prepare, row)
    return back if row is sizes else lambda dy, w, dx: back(one_row(dy), w, one_row(dx))


def _back(prepare: Callable[..., Prepared], sizes: Geometry) -> Back:
    """Return what writes dx, phase by phase; where there are pixels that no window sees, all is 0 first."""
    phases, groups = sizes.backward(), sizes.groups
    seeing = [phase for phase in phases if phase.rows.taps and phase.columns.taps]
    prepared = [(phase, prepare(sizes.n, sizes.o, sizes.c, phase, groups)) for phase in seeing]

    def back(dy: np.ndarray, w: np.ndarray, dx: np.ndarray) -> None:
        if len(seeing) < len(phases):
            copy(dx, 0)
        for phase, with_weights in prepared:
            with_weights(packing.pack_backward(w, groups, phase), None)(dy, dx)

    return back


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
    if sizes.c % LANES or sizes.o % LANES or _winograd_switch() == "0":
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


def _winograd(sizes: Geometry) -> Prepared:
    numbers = sizes.n, sizes.c, sizes.o, sizes.forward()
    with_u, packed = winograd.prepare(*numbers), winograd.prepare_few(*numbers)
    few = winograd.are_few(_tiles(sizes, "forward"), sizes.o)

    def prepared(w: np.ndarray, b: Bias) -> Run:
        if few and not is_constant(w):
            return packed(packing.pack(w, 1), b)
        return with_u(prepacked(w, "winograd", lambda: _transformed(packing.pack(w, 1), sizes.o, sizes.c, sizes)), b)

    return prepared


def _winograd_dx(sizes: Geometry) -> Back:
    (phase,) = sizes.backward()
    numbers, few = (sizes.n, sizes.o, sizes.c, phase), winograd.are_few(_tiles(sizes, "dx"), sizes.c)
    prepared = (winograd.prepare_few if few else winograd.prepare)(*numbers)

    def back(dy: np.ndarray, w: np.ndarray, dx: np.ndarray) -> None:
        packed = packing.pack_backward(w, 1, phase)
        prepared(packed if few else _transformed(packed, sizes.c, sizes.o, sizes), None)(dy, dx)

    return back


def _transformed(packed: np.ndarray, outputs: int, channels: int, sizes: Geometry) -> np.ndarray:
    return winograd.transform_weights(packed, outputs, channels, sizes.kh)


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


def _grouped(sizes: Geometry) -> Prepared:
    indexing = sizes.forward()
    prepared = grouped.prepare(sizes.n, sizes.c, sizes.c // sizes.groups, indexing)
    return lambda w, b: prepared(prepacked(w, "grouped", lambda: grouped.pack(w, indexing, backward=False)), b)


def _grouped_dx(sizes: Geometry) -> Back:
    width = sizes.c // sizes.groups
    phases = [(phase, grouped.prepare(sizes.n, sizes.c, width, phase)) for phase in sizes.backward()]

    def back(dy: np.ndarray, w: np.ndarray, dx: np.ndarray) -> None:
        for phase, prepared in phases:
            prepared(grouped.pack(w, phase, backward=True), None)(dy, dx)

    return back


def _why_small(sizes: Geometry, step: str) -> str:
    """Pictures stand side by side where that takes fewer products than windows of a row."""
    if step == "dw" or sizes.n < small.PICTURES:
        return ""
    by_place, by_row = small.products(sizes, step), direct.products(sizes.as_one_row(), step)
    if not by_row or by_place > LESS * by_row:
        return ""
    return f"{sizes.n} pictures side by side take {by_place / by_row:.2f} of the products of windows side by side"


def _small(sizes: Geometry) -> Prepared:
    prepared = small.prepare(sizes.n, sizes.c, sizes.o, sizes.forward(), sizes.groups)
    return lambda w, b: prepared(_packed(w, sizes.groups), b)


def _small_dx(sizes: Geometry) -> Back:
    return _back(small.prepare, sizes)


ALGORITHMS = (
    Algorithm("grouped", _why_grouped, _grouped, _grouped_dx, grouped.weight_gradient),
    Algorithm("winograd", _why_winograd, _winograd, _winograd_dx, winograd_dw.weight_gradient),
    Algorithm("small", _why_small, _small, _small_dx, direct_dw.weight_gradient),
    Algorithm("direct", lambda sizes, step: "serves every convolution", _direct, _direct_dx, direct_dw.weight_gradient),
)
CONV_ALGORITHMS = ("auto", *(algorithm.name for algorithm in ALGORITHMS), "im2col")


def circumstances() -> tuple[Any, ...]:
    """Return what a choice hangs on beside the sizes: the algorithm asked for, threads, memory, Winograd's switch."""
    return options.get().get("conv", "auto"), get_num_threads(), limit(), _winograd_switch()


def choose(sizes: Geometry, step: str) -> Algorithm | None:
    """Return the algorithm for one pass, "forward", "prepacked", "dx" or "dw"; None for the textbook's im2col."""
    chosen = plan(sizes, step)
    return chosen and chosen.algorithm


class Plan(NamedTuple):
    """The algorithm of one pass of a convolution, and what it has returned for its sizes."""

    algorithm: Algorithm
    run: Callable[..., Any]


def plan(sizes: Geometry, step: str) -> Plan | None:
    """Return who does one pass, "forward", "prepacked", "dx" or "dw"; None for the textbook's im2col."""
    wanted, *others = circumstances()
    return _planned(sizes, step, wanted, ALGORITHMS, *others)


@functools.lru_cache(maxsize=4096)  # training asks again at every step; the others are what algorithms ask for
def _planned(sizes: Geometry, step: str, wanted: str, table: tuple[Algorithm, ...], *others: Any) -> Plan | None:
    if wanted == "im2col":
        return None
    able = (algorithm for algorithm in table if algorithm.why(sizes, step))
    if wanted == "auto":
        chosen = next(able)
    else:
        *before, last = able
        chosen = next((algorithm for algorithm in before if algorithm.name == wanted), last)
    made: Callable[[Geometry], Any] = {"dx": chosen.dx, "dw": chosen.dw}.get(step, chosen.forward)
    return Plan(chosen, made(sizes))


def explain_conv2d(step: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], *settings: Any) -> tuple[str, str]:
    """Return the algorithm of one pass and why it is taken; no algorithm where the textbook's is asked for."""
    sizes = measure(x_shape, w_shape, *settings)
    algorithm = choose(sizes, step)
    if algorithm is None:
        return "", 'kernels.use("cpu", conv="im2col") says so'
    return algorithm.name, algorithm.why(sizes, step)
