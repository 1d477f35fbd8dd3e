"""Batch norm in two passes over memory each way, with the activation and a residual on the way.

A layer of ResNet-50 normalises 25 million numbers and multiplies each of them twice: all the time goes into reading
and writing them. The formulas of `kernels/textbook/norm.py` are therefore ordered by pass:

    forward     1. read x            Σ (x - x₀) and Σ (x - x₀)², x₀ a number from the middle of the channel
                2. read x            write y = activation(a·(x - m) + shift (+ residual))      a = w·rstd
    backward    1. read dy, x        db = Σ dz, dw = Σ dz·x̂           dz = dy·activation'(z)
                2. read dy, x        write dx = a·dz + p·(x - m) + q

z is made again from x rather than read from memory: one multiplication is cheaper than four bytes. Where a residual was
added, dz is its gradient, too: pass 1 writes it and pass 2 reads it in the place of dy. So it is for silu, whose e^x is
dearer than four bytes: there dz lies where dx will. In dx, the mean terms of the
derivation are collected by what they multiply: p = -a·rstd·dw/M, and q holds the constant rest.

**Digits.** ROWS numbers are added up as floats, and such sums as doubles. With x₀ taken off first,
Σ (x - x₀)² / M - (mean - x₀)² loses no digits however large the mean is, as long as x₀ lies among the numbers of its
channel. One of them alone might be the outlier, so x₀ is the median of three. m is the mean rounded to a float, and
what rounding has left over is part of `shift`, so that a·(x - m) + shift is as exact as x.

**Order.** A pixel's channels lie together, so a pass runs along rows of channels. A sum waits for the sum before it,
four cycles, and one vector of 64 bytes a row is not what memory likes to be asked for: so four vectors side by side go
down ROWS rows, their sums in registers. A row that is no multiple of them is read together with the rows behind it
(eight pixels of 24 channels are three times 64 numbers), as a row of so many more channels, whose sums are added in
the end. Only where rows lie apart or their number does not fit, vectors remain that are not full.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import prange

from minidl._threads import get_num_threads
from minidl.kernels.cpu.affine import affine, draw, repeat
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import channels_last_over, flat, plain, strided_rows
from minidl.kernels.cpu.memory.workspace import scratch
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.functions import FUSED, fused, fused_dx
from minidl.kernels.cpu.simd.load_store import load, load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, absolute, fma, maximum, minimum, splat, where, widen

ROWS = 32
ACROSS = 4 * LANES  # numbers of a row that are added up at once
WIDEST = 4096  # numbers of a row made of several: sums and lines must stay in the cache
INFINITE, ZERO = np.float32(3.4e38), np.float32(0)
RANKS = (2, 4)  # (N, C) and (N, C, H, W)
NOTHING, RESULT, RESIDUAL, DEAR = range(4)  # what shows the slope where dz is written: a residual was added, or e^x


@inline
def _find_origins(x, step, rows, channels, origins):
    """Write x₀ of every channel, over and over; an infinite one would make NaN of all differences and counts as 0."""
    for c in range(0, channels, LANES):
        left = channels - c
        one, two, three = (
            load_some(x, rows // 7 * step + c, left),
            load_some(x, 3 * rows // 7 * step + c, left),
            load_some(x, 5 * rows // 7 * step + c, left),
        )
        middle = maximum(minimum(one, two), minimum(maximum(one, two), three))
        store_some(origins, c, where(absolute(middle) < splat(INFINITE), middle, splat(ZERO)), left)
    repeat(origins, channels, origins.shape[0])


@inline
def _moments(d, total, squares):
    """Add d and d² to their sums."""
    return total + d, fma(d, d, squares)


@inline
def _add(sums, at, width, first, second, left):
    """Add two sums of floats to those of doubles, which are `width` apart."""
    store_some(sums, at, load_some(sums, at, left) + widen(first), left)
    store_some(sums, at + width, load_some(sums, at + width, left) + widen(second), left)


@inline
def _forget(sums, width, thread):
    """Begin both sums of a thread with 0."""
    for at in range(2 * width * thread, 2 * width * (thread + 1)):
        sums[at] = 0


@inline
def _in_all(sums, c, channels, width, threads):
    """Return both sums of a channel: of all threads, and of all places where it stands in a row of several."""
    first, second = 0.0, 0.0
    for thread in range(threads):
        for at in range(2 * width * thread + c, 2 * width * thread + width, channels):
            first += sums[at]
            second += sums[at + width]
    return first, second


@kernel("void(r1, i, i, i, d, w1, wd1, wd1, wd1, i)")
def _statistics(x, step, rows, width, eps, origins, sums, mean, rstd, threads):
    """Measure mean and rstd; origins has room for `width` numbers, sums for two such rows of each thread."""
    channels = mean.shape[0]
    _find_origins(x, step if width == channels else channels, rows * (width // channels), channels, origins)
    whole = width // ACROSS * ACROSS
    for thread in prange(threads):
        at, last = 2 * width * thread, (thread + 1) * rows // threads
        _forget(sums, width, thread)
        for block in range(thread * rows // threads, last, ROWS):
            end = min(block + ROWS, last)
            for c in range(0, whole, ACROSS):
                o0, o1, o2, o3 = load(origins, c), load(origins, c + 16), load(origins, c + 32), load(origins, c + 48)
                s0 = s1 = s2 = s3 = q0 = q1 = q2 = q3 = splat(ZERO)
                for place in range(block * step + c, end * step + c, step):
                    s0, q0 = _moments(load(x, place) - o0, s0, q0)
                    s1, q1 = _moments(load(x, place + 16) - o1, s1, q1)
                    s2, q2 = _moments(load(x, place + 32) - o2, s2, q2)
                    s3, q3 = _moments(load(x, place + 48) - o3, s3, q3)
                _add(sums, at + c, width, s0, q0, LANES)
                _add(sums, at + c + 16, width, s1, q1, LANES)
                _add(sums, at + c + 32, width, s2, q2, LANES)
                _add(sums, at + c + 48, width, s3, q3, LANES)
            for c in range(whole, width, LANES):
                left = width - c
                o, s, q = load_some(origins, c, left), splat(ZERO), splat(ZERO)
                for row in range(block, end):
                    s, q = _moments(load_some(x, row * step + c, left) - o, s, q)
                _add(sums, at + c, width, s, q, left)
    m = rows * (width // channels)
    for c in range(channels):
        total, squares = _in_all(sums, c, channels, width, threads)
        shift = total / m
        var = squares / m - shift * shift
        mean[c] = shift + origins[c]
        rstd[c] = 1 / np.sqrt((0.0 if var < 0 else var) + eps)


@kernel("void(r1, i, i, i, r1, r1, rd1, rd1, r1, i, i, w1, w1, i)")
def _normalise(x, step, rows, width, w, b, mean, rstd, residual, residual_step, kind, line, y, threads):
    """Write y; a residual_step of 0 means that there is no residual, and `line` has room for three rows."""
    draw(line, w, b, mean, rstd, width)
    for thread in prange(threads):
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            for c in range(0, width, LANES):
                left = width - c
                _, z = affine(load_some(x, row * step + c, left), line, c, width, left)
                if residual_step:
                    z = z + load_some(residual, row * residual_step + c, left)
                store_some(y, row * width + c, fused(kind, z), left)


@inline
def _shares(dy, x, line, c, width, left, kind, total, product):
    """Add dz and dz·(x - m) of one vector to their sums."""
    centred, z = affine(x, line, c, width, left)
    dz = fused_dx(kind, dy, z)
    return total + dz, fma(dz, centred, product)


@inline
def _write_dz(dy, dy_step, x, step, line, kind, shows, shows_step, kept, dz, first, end, width):
    """Write dz of some rows: of the end of a residual block, or where its slope is dear."""
    for row in range(first, end):
        for c in range(0, width, LANES):
            left = width - c
            seen = load_some(shows, row * shows_step + c, left)
            if kept != RESULT:
                _, z = affine(load_some(x, row * step + c, left), line, c, width, left)
                seen = z + seen if kept == RESIDUAL else z
            store_some(dz, row * width + c, fused_dx(kind, load_some(dy, row * dy_step + c, left), seen), left)


@kernel("void(r1, r1, i4, r1, r1, rd1, rd1, i, r1, r1, i4, w1, w1, wd1, wd1, wd1, i)")
def _parameter_gradients(dy, x, layout, w, b, mean, rstd, kind, before, shows, above, dz, line, sums, dw, db, threads):
    """Measure db and dw; `line` has room for three rows, sums for two of each thread.

    Where something is `kept` of a residual, every block of dz is made of `before`, what comes from above, and summed up
    while it is near; dy is then dz.
    """
    dy_step, step, rows, width = layout
    before_step, shows_step, above_kind, kept = above
    channels = mean.shape[0]
    draw(line, w, b, mean, rstd, width)
    whole = width // ACROSS * ACROSS
    for thread in prange(threads):
        at, last = 2 * width * thread, (thread + 1) * rows // threads
        _forget(sums, width, thread)
        for block in range(thread * rows // threads, last, ROWS):
            end = min(block + ROWS, last)
            if kept:
                source = before, before_step, x, step, line, above_kind, shows, shows_step, kept
                _write_dz(*source, dz, block, end, width)
            for c in range(0, whole, ACROSS):
                s0 = s1 = s2 = s3 = p0 = p1 = p2 = p3 = splat(ZERO)
                for row in range(block, end):
                    g, v = row * dy_step + c, row * step + c
                    s0, p0 = _shares(load(dy, g), load(x, v), line, c, width, 16, kind, s0, p0)
                    s1, p1 = _shares(load(dy, g + 16), load(x, v + 16), line, c + 16, width, 16, kind, s1, p1)
                    s2, p2 = _shares(load(dy, g + 32), load(x, v + 32), line, c + 32, width, 16, kind, s2, p2)
                    s3, p3 = _shares(load(dy, g + 48), load(x, v + 48), line, c + 48, width, 16, kind, s3, p3)
                _add(sums, at + c, width, s0, p0, 16)
                _add(sums, at + c + 16, width, s1, p1, 16)
                _add(sums, at + c + 32, width, s2, p2, 16)
                _add(sums, at + c + 48, width, s3, p3, 16)
            for c in range(whole, width, LANES):
                left, s0, p0 = width - c, splat(ZERO), splat(ZERO)
                for row in range(block, end):
                    g, v = load_some(dy, row * dy_step + c, left), load_some(x, row * step + c, left)
                    s0, p0 = _shares(g, v, line, c, width, left, kind, s0, p0)
                _add(sums, at + c, width, s0, p0, left)
    for c in range(channels):
        total, product = _in_all(sums, c, channels, width, threads)
        db[c] = total
        dw[c] = rstd[c] * (product - (mean[c] - np.float32(mean[c])) * total)


@kernel("void(r1, r1, i4, r1, r1, rd1, rd1, i, rd1, rd1, i, w1, w1, w1, w1, i)")
def _input_gradient(dy, x, layout, w, b, mean, rstd, kind, dw, db, training, line, dx, dw_float, db_float, threads):
    """Write dx, dw and db; in evaluation mean and rstd are constants: the first term is left. `line`: five rows."""
    dy_step, step, rows, width = layout
    channels = mean.shape[0]
    m = rows * (width // channels)
    draw(line, w, b, mean, rstd, width)
    rest = line[3 * width :]  # p and q
    for c in range(channels):
        p = -w[c] * rstd[c] * rstd[c] * dw[c] / m
        dw_float[c], db_float[c] = dw[c], db[c]
        rest[c] = p
        rest[width + c] = -w[c] * rstd[c] * db[c] / m - p * (mean[c] - np.float32(mean[c]))
    repeat(rest, channels, width)
    for thread in prange(threads):
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            for c in range(0, width, LANES):
                left = width - c
                centred, z = affine(load_some(x, row * step + c, left), line, c, width, left)
                dz = fused_dx(kind, load_some(dy, row * dy_step + c, left), z)
                result = dz * load_some(line, width + c, left)
                if training:
                    result = result + fma(centred, load_some(rest, c, left), load_some(rest, width + c, left))
                store_some(dx, row * width + c, result, left)


@functools.lru_cache(maxsize=1024)  # training asks again at every step
def _shape(size: int, channels: int, *steps: int) -> tuple[int, int, int]:
    """Return how many rows there are and how wide they are, and how many pixels one has, to fill whole vectors."""
    rows, several = size // channels, ACROSS // math.gcd(channels, ACROSS)
    if set(steps) != {channels} or rows % several or several * channels > WIDEST:
        several = 1
    return rows // several, several * channels, several


def _rows_like(x: np.ndarray, over: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return memory for a result like x, channels-last, if possible over it, and the same memory as one row."""
    y = channels_last_over(x, over)
    return y, flat(y)


def _rows_and_sums(width: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return room for some rows of numbers, and for two rows of doubles of each thread, for the next kernel."""
    doubles = 2 * width * get_num_threads()
    memory = scratch(2 * doubles + rows * width)
    return memory[2 * doubles :], memory[: 2 * doubles].view(np.float64)


def _by_statistics(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, eps: float, activation: str | None, residual: np.ndarray | None
) -> Any:
    if x.ndim not in RANKS:
        return NotImplemented
    memory, step = strided_rows(x)
    rows, width, several = _shape(x.size, x.shape[1], step)
    mean, rstd = np.empty((2, x.shape[1]))
    _statistics(memory, step * several, rows, width, eps, *_rows_and_sums(width, 1), mean, rstd)
    return _normalised(x, (w, b, mean, rstd), activation, residual), mean, rstd


def _normalised(
    x: np.ndarray, line: tuple[np.ndarray, ...], activation: str | None, residual: np.ndarray | None
) -> Any:
    """Return activation(y + residual); `line` is w, b, mean and rstd."""
    if x.ndim not in RANKS:
        return NotImplemented
    memory, step = strided_rows(x)
    added, added_step = (memory, step) if residual is None else strided_rows(residual)
    rows, width, several = _shape(x.size, x.shape[1], step, added_step)
    y, target = _rows_like(x)
    added_step = 0 if residual is None else added_step * several
    given = memory, step * several, rows, width, *map(plain, line), added, added_step
    _normalise(*given, FUSED[activation], scratch(3 * width), target)
    return y


@door("x (N C ...), w (C), b (C)")
def batch_norm(x: np.ndarray, w: np.ndarray, b: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalise every channel of x by its own mean and variance: y, mean (C,), rstd (C,)."""
    return _by_statistics(x, w, b, eps, None, None)


@door("x (N C ...), w (C), b (C), residual (N C ...)?")
def batch_norm_fused(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, eps: float, activation: str | None, residual: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return activation(y + residual), mean and rstd of `batch_norm`."""
    return _by_statistics(x, w, b, eps, activation, residual)


@door("x (N C ...), w (C), b (C), mean (C) double, rstd (C) double")
def batch_norm_eval(x: np.ndarray, w: np.ndarray, b: np.ndarray, mean: np.ndarray, rstd: np.ndarray) -> np.ndarray:
    """Normalise x by a given mean and rstd: y = w·(x - mean)·rstd + b."""
    return _normalised(x, (w, b, mean, rstd), None, None)


@door("x (N C ...), w (C), b (C), mean (C) double, rstd (C) double, residual (N C ...)?")
def batch_norm_eval_fused(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    mean: np.ndarray,
    rstd: np.ndarray,
    activation: str | None,
    residual: np.ndarray | None,
) -> np.ndarray:
    """Return activation(y + residual) of `batch_norm_eval`."""
    return _normalised(x, (w, b, mean, rstd), activation, residual)


def _gradients(
    training: bool,
    dy: np.ndarray,
    x: np.ndarray,
    line: tuple[np.ndarray, ...],
    activation: str | None,
    residual: np.ndarray | None,
    y: np.ndarray | None,
    over: bool,
) -> Any:
    """Return dx, dw and db, and dz where the residual or the result is given; `line` is w, b, mean and rstd.

    With `over`, dx, or dz where it is returned, is written over dy.
    """
    if x.ndim not in RANKS:
        return NotImplemented
    alone = DEAR if activation == "silu" else NOTHING
    shows, how = (y, RESULT) if y is not None else (residual, alone if residual is None else RESIDUAL)
    (memory, step), (before, before_step) = strided_rows(x), strided_rows(dy)
    kept, kept_step = (before, before_step) if shows is None else strided_rows(shows)
    rows, width, several = _shape(x.size, x.shape[1], step, before_step, kept_step)
    dx, target = _rows_like(dy, over and how == alone)
    dz, between = (None, target) if how == alone else _rows_like(dy, over)
    given, given_step, kind = before, before_step * several, FUSED[activation]
    if how != NOTHING:
        given, given_step, kind = between, width, FUSED[None]
    arguments = given, memory, (given_step, step * several, rows, width), *map(plain, line), kind
    above = before, kept, (before_step * several, kept_step * several, FUSED[activation], how)
    dw, db = np.empty((2, x.shape[1]))
    _parameter_gradients(*arguments, *above, between, *_rows_and_sums(width, 3), dw, db)
    found = np.empty(x.shape[1], np.float32), np.empty(x.shape[1], np.float32)  # each leaf has memory of its own
    _input_gradient(*arguments, dw, db, int(training), scratch(5 * width), target, *found)
    return dx, *found, dz


def _gradient_doors(training: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make both functions of a gradient, plain and fused, with statistics of the batch or constant ones."""
    name, line = "batch_norm" if training else "batch_norm_eval", "mean (C) double, rstd (C) double"

    @door(f"dy (N C ...), x (N C ...), w (C), {line}", f"{name}_grads")
    def plain_grads(
        dy: np.ndarray, x: np.ndarray, w: np.ndarray, mean: np.ndarray, rstd: np.ndarray, *, over: bool = False
    ) -> Any:
        """Return dx, dw and db."""
        found = _gradients(training, dy, x, (w, w, mean, rstd), None, None, None, over)
        return found if found is NotImplemented else found[:3]

    @door(f"dy (N C ...), x (N C ...), w (C), b (C), {line}, residual (N C ...)?, y (N C ...)?", f"{name}_fused_grads")
    def fused_grads(
        dy: np.ndarray,
        x: np.ndarray,
        w: np.ndarray,
        b: np.ndarray,
        mean: np.ndarray,
        rstd: np.ndarray,
        activation: str | None,
        residual: np.ndarray | None,
        y: np.ndarray | None,
        *,
        over: bool = False,
    ) -> Any:
        """Return dx, dw and db, and dz where the residual or the result is given."""
        return _gradients(training, dy, x, (w, b, mean, rstd), activation, residual, y, over)

    return plain_grads, fused_grads


batch_norm_grads, batch_norm_fused_grads = _gradient_doors(True)
batch_norm_eval_grads, batch_norm_eval_fused_grads = _gradient_doors(False)
