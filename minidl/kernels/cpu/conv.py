"""Convolution in the fast room: which algorithm serves which call.

One table, `ALGORITHMS`, read from the top: the first algorithm that serves a pass of a convolution does it, and says
why. `minidl.kernels.explain` shows the choice, `minidl.kernels.use("cpu", conv=…)` makes another one.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl import _backend
from minidl._checks import Padding, Pair, to_int, to_pair
from minidl._memory import POOL
from minidl._threads import get_num_threads
from minidl.kernels._rooms import CannotRun, close, options
from minidl.kernels.cpu import direct, direct_dw, narrow, packing, winograd, winograd_dw
from minidl.kernels.cpu.compile import door, forked
from minidl.kernels.cpu.finish import PLAIN, Finish, Run
from minidl.kernels.cpu.fits import judged_windows
from minidl.kernels.cpu.frozen import is_frozen, kept
from minidl.kernels.cpu.layout import one_row, pixels
from minidl.kernels.cpu.vector import LANES
from minidl.kernels.cpu.walk import Geometry
from minidl.kernels.cpu.workspace import limit
from minidl.kernels.textbook.windows import output_size

Bias = np.ndarray | None


class Prepared(NamedTuple):
    """The shape of y (N, O, OH, OW), what makes it (None: the textbook), and b, which lives as long as its identity."""

    y_shape: tuple[int, ...]
    run: Run | None
    b: Bias


class Algorithm(NamedTuple):
    """One way to do a convolution.

    Attributes:
        name: what `kernels.use("cpu", conv=name)` calls it.
        why: takes the sizes and the pass ("forward", "frozen", which is forward with weights that cannot change and are
            prepared already, "dx" or "dw"), returns in words why it is taken, or "" if not.
        forward: takes w, b and the sizes, returns what walks from x (N, H, W, C) to y (N, OH, OW, O).
        dx: takes dy (N, OH, OW, O), w and the sizes, writes dx (N, H, W, C).
        dw: takes dy, x and the sizes, returns dw.
    """

    name: str
    why: Callable[[Geometry, str], str]
    forward: Callable[[np.ndarray, Bias, Geometry], Run]
    dx: Callable[..., None]
    dw: Callable[..., np.ndarray]


def _direct(w: np.ndarray, b: Bias, sizes: Geometry) -> Run:
    weights = kept(w, ("direct", sizes.groups), lambda: packing.pack(w, sizes.groups))
    row = sizes.as_one_row()
    run = direct.prepare(weights, b, row.n, row.c, row.o, row.forward(), row.groups)
    return run if row is sizes else lambda x, y, end=PLAIN: run(one_row(x), one_row(y), end)


def _direct_dx(dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    row = sizes.as_one_row()
    if row is not sizes:
        sizes, dy, dx = row, one_row(dy), one_row(dx)
    walks = list(sizes.backward())
    seeing = [walk for walk in walks if walk.rows.taps and walk.columns.taps]
    if len(seeing) < len(walks):  # pixels that no window sees
        dx[...] = 0
    for walk in seeing:
        weights = packing.pack_backward(w, sizes.groups, walk)
        direct.prepare(weights, None, sizes.n, sizes.o, sizes.c, walk, sizes.groups)(dy, dx)


ENOUGH_TILES = {"forward": 32, "frozen": 8, "dx": 32, "dw": 32}


def _why_winograd(sizes: Geometry, step: str) -> str:
    """Winograd pays where tiles of 4×4 are not mostly border and there are enough of them for each set of weights."""
    if (sizes.kh, sizes.kw, *sizes.stride, *sizes.dilation, sizes.groups) != (3, 3, 1, 1, 1, 1, 1):
        return ""
    tiles = winograd.tiles_of(sizes.n, sizes.oh, sizes.ow)
    few = tiles < ENOUGH_TILES[step] or 2 * sizes.n * sizes.oh * sizes.ow < 16 * tiles
    if few or sizes.c % LANES or sizes.o % LANES or os.environ.get("MINIDL_WINOGRAD") == "0":
        return ""
    if winograd.floats_needed(tiles, sizes.c, sizes.o) > limit():
        return ""
    return f"3×3 with stride 1, {sizes.c} and {sizes.o} channels are multiples of {LANES}, {tiles} tiles of 4×4"


def _winograd(w: np.ndarray, b: Bias, sizes: Geometry) -> Run:
    numbers = b, sizes.n, sizes.c, sizes.o, sizes.forward()
    if not is_frozen(w) and winograd.are_few(sizes.n, sizes.oh, sizes.ow, sizes.o):
        return winograd.prepare_few(packing.pack(w, 1), *numbers)
    return winograd.prepare(
        kept(w, "winograd", lambda: winograd.transform_weights(packing.pack(w, 1), sizes.o, sizes.c)), *numbers
    )


def _winograd_dx(dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    (walk,) = sizes.backward()
    packed, numbers = packing.pack_backward(w, 1, walk), (None, sizes.n, sizes.o, sizes.c, walk)
    if winograd.are_few(sizes.n, sizes.h, sizes.width, sizes.c):
        winograd.prepare_few(packed, *numbers)(dy, dx)
    else:
        winograd.prepare(winograd.transform_weights(packed, sizes.c, sizes.o), *numbers)(dy, dx)


def _why_narrow(sizes: Geometry, step: str) -> str:
    """Lanes are channels where groups are as wide on both sides and sixteen lanes hold some whole groups.

    The weights' gradient of the widest has taps enough for the direct way.
    """
    width = sizes.c // sizes.groups
    if sizes.c != sizes.o or sizes.groups == 1 or width not in narrow.WIDTHS:
        return ""
    if step == "dw" and width == narrow.WIDTHS[-1]:
        return ""
    return "depthwise" if width == 1 else f"groups of {width} channels"


def _narrow(w: np.ndarray, b: Bias, sizes: Geometry) -> Run:
    walk = sizes.forward()
    weights = kept(w, "narrow", lambda: narrow.pack(w, walk, backward=False))
    return narrow.prepare(weights, b, sizes.n, sizes.c, walk)


def _narrow_dx(dy: np.ndarray, w: np.ndarray, sizes: Geometry, dx: np.ndarray) -> None:
    for walk in sizes.backward():
        narrow.prepare(narrow.pack(w, walk, backward=True), None, sizes.n, sizes.c, walk)(dy, dx)


ALGORITHMS = (
    Algorithm("narrow", _why_narrow, _narrow, _narrow_dx, narrow.weight_gradient),
    Algorithm("winograd", _why_winograd, _winograd, _winograd_dx, winograd_dw.weight_gradient),
    Algorithm("direct", lambda sizes, step: "serves every convolution", _direct, _direct_dx, direct_dw.weight_gradient),
)
CHOICES = ("auto", *(algorithm.name for algorithm in ALGORITHMS), "im2col")


def choose(sizes: Geometry, step: str) -> Algorithm | None:
    """Return the algorithm for one pass, "forward", "frozen", "dx" or "dw"; None for the textbook's im2col."""
    wanted = options.get().get("conv", "auto")
    if wanted == "im2col":
        return None
    able = [algorithm for algorithm in ALGORITHMS if algorithm.why(sizes, step)]
    return next((algorithm for algorithm in able if algorithm.name == wanted), able[-1 if wanted != "auto" else 0])


@functools.lru_cache(maxsize=4096)
def _measured(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> Geometry:
    (n, c, h, width), (o, inputs, kh, kw) = x_shape, w_shape
    to_int("conv2d", "groups", groups, least=1)
    for name, pair in (("stride", stride), ("dilation", dilation)):
        to_pair("conv2d", name, pair, least=1)
    oh = output_size(h, kh, stride[0], padding[0], dilation[0])
    ow = output_size(width, kw, stride[1], padding[1], dilation[1])
    judged_windows("conv2d", (h, width), (kh, kw), stride, padding, dilation, (oh, ow))
    if c != inputs * groups or o % groups:
        raise ValueError(
            f"conv2d: expects x (N, G * I, H, W) and w (O, I, KH, KW) with O % G = 0; "
            f"received x.shape={x_shape}, w.shape={w_shape}, G={groups}"
        )
    return Geometry(n, c, h, width, o, kh, kw, oh, ow, stride, padding, dilation, groups)


def measure(x_shape: tuple[int, ...], w_shape: tuple[int, ...], *settings: Any) -> Geometry:
    """Return all sizes of a convolution, judged: kernels rely on them.

    Raises:
        ValueError: if the sizes do not fit each other.
        TypeError: if stride, padding and dilation are no tuples.
    """
    try:
        return _measured(x_shape, w_shape, *settings)
    except TypeError:
        raise TypeError(
            f"conv2d: expects stride, padding, dilation (tuples of ints) and groups; received {settings!r}"
        ) from None


def _check_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    """Refuse what has not the shape, or the dtype, that follows from the others."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        found = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"conv2d: {name} must be an array of float32; received {found}")
    if array.shape != shape:
        raise ValueError(f"conv2d: {name} must have the shape {shape} here; received {name}.shape={array.shape}")


def _is_smaller(shape: tuple[int, ...], asked: tuple[int, ...]) -> bool:
    """Tell whether windows at the end are left out: a transposed convolution with output_padding >= stride has them."""
    return shape[:2] == asked[:2] and shape != asked and shape[2] <= asked[2] and shape[3] <= asked[3]


def _forward(
    x: np.ndarray,
    w: np.ndarray,
    b: Bias,
    settings: tuple[Any, ...],
    residual: np.ndarray | None = None,
    activation: str | None = None,
) -> np.ndarray:
    shape, run, _ = _plan(x.shape, w, b, settings)
    if run is None:
        return NotImplemented
    if residual is not None:
        _check_shape("residual", residual, shape)
    y = _backend.empty_channels_last(shape, x.dtype)
    run(pixels(x), pixels(y), Finish.of(residual, activation))
    return y


def _plan(x_shape: tuple[int, ...], w: np.ndarray, b: Bias, settings: tuple[Any, ...]) -> Prepared:
    if b is None or is_frozen(b):
        name = x_shape, settings, id(b), options.get().get("conv"), get_num_threads()
        return kept(w, name, lambda: _prepared(x_shape, w, b, settings))
    return _prepared(x_shape, w, b, settings)


def _prepared(x_shape: tuple[int, ...], w: np.ndarray, b: Bias, settings: tuple[Any, ...]) -> Prepared:
    sizes = measure(x_shape, w.shape, *settings)
    algorithm = choose(sizes, "frozen" if is_frozen(w) else "forward")
    run = None if algorithm is None else algorithm.forward(w, b, sizes)
    return Prepared((sizes.n, sizes.o, sizes.oh, sizes.ow), run, b)


@door("x (N C H W), w (O I KH KW), b (O)?")
def conv2d(x: np.ndarray, w: np.ndarray, b: Bias, *settings: Any) -> np.ndarray:
    """y (N, O, OH, OW)."""
    return _forward(x, w, b, settings)


@door("x (N C H W), w (O I KH KW), b (O)?, residual (N O OH OW)?")
def conv2d_fused(
    x: np.ndarray, w: np.ndarray, b: Bias, residual: np.ndarray | None, activation: str | None, *settings: Any
) -> np.ndarray:
    """activation(y + residual) (N, O, OH, OW), while the results are still near."""
    return _forward(x, w, b, settings, residual, activation)


@door("x (N C H W), w (O I KH KW), b (O)?, residual (N O OH OW)?")
def prepare_conv2d_fused(
    x: np.ndarray, w: np.ndarray, b: Bias, residual: np.ndarray | None, activation: str | None, *settings: Any
) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
    """Return conv2d_fused as a function of x and the residual, for arrays of these kinds and weights that stay."""
    if not is_frozen(w) or not (b is None or is_frozen(b)):
        return NotImplemented
    (n, o, oh, ow), run, _ = _plan(x.shape, w, b, settings)
    if run is None:
        return NotImplemented
    block, x_shape, y_shape, alone = (n, oh, ow, o), x.shape, (n, o, oh, ow), Finish.of(None, activation)

    def prepared(x: np.ndarray, residual: np.ndarray | None) -> np.ndarray:
        if forked[0]:
            return NotImplemented
        _check_shape("x", x, x_shape)
        if residual is not None:
            _check_shape("residual", residual, y_shape)
        y = POOL.empty(block, np.float32)
        try:
            run(pixels(x), y, alone if residual is None else Finish.of(residual, activation))
        except CannotRun as reason:
            close(str(reason))
            return NotImplemented
        return y.transpose(0, 3, 1, 2)

    return prepared


@door("dy (N O OH OW), w (O I KH KW), x_shape (N C H W)")
def conv2d_dx(dy: np.ndarray, w: np.ndarray, x_shape: tuple[int, ...], *settings: Any) -> np.ndarray:
    """dx (N, C, H, W)."""
    sizes = measure(x_shape, w.shape, *settings)
    algorithm = choose(sizes, "dx")
    if algorithm is None or _is_smaller(dy.shape, (sizes.n, sizes.o, sizes.oh, sizes.ow)):
        return NotImplemented
    _check_shape("dy", dy, (sizes.n, sizes.o, sizes.oh, sizes.ow))
    dx = _backend.empty_channels_last(x_shape, dy.dtype)
    algorithm.dx(pixels(dy), w, sizes, pixels(dx))
    return dx


@door("dy (N O OH OW), x (N C H W), w_shape (O I KH KW)")
def conv2d_dw(dy: np.ndarray, x: np.ndarray, w_shape: tuple[int, ...], *settings: Any) -> np.ndarray:
    """dw (O, C/G, KH, KW)."""
    sizes = measure(x.shape, w_shape, *settings)
    algorithm = choose(sizes, "dw")
    if algorithm is None:
        return NotImplemented
    _check_shape("dy", dy, (sizes.n, sizes.o, sizes.oh, sizes.ow))
    return algorithm.dw(pixels(dy), pixels(x), w_shape, sizes)
