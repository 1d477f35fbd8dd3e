"""The sum of every channel: the gradient of a bias, in one pass over memory, in which an activation's can be made, too.

Sums are doubles. Every thread adds up its own rows; the threads' sums are added in order.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import channels_last_over, pixels, strided_rows
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.functions import FUSED, fused_dx
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, widen

ROWS = 32  # as many stay in the cache while the blocks of channels pass


@inline
def _forget(sums, channels, thread):
    """Begin the sums of a thread with 0."""
    for at in range(channels * thread, channels * (thread + 1)):
        sums[at] = 0


@inline
def _add_up(sums, db, threads):
    """Write the sums of all threads, added in order."""
    channels = db.shape[0]
    for c in range(channels):
        total = sums[c]
        for thread in range(1, threads):
            total += sums[channels * thread + c]
        db[c] = total


@kernel("void(r2, wd1, w1, i)")
def _channel_sums(dy, sums, db, threads):
    rows, channels = dy.shape
    flat = dy.reshape(-1)
    for thread in prange(threads):
        at, last = channels * thread, (thread + 1) * rows // threads
        _forget(sums, channels, thread)
        for block in range(thread * rows // threads, last, ROWS):
            for c in range(0, channels, LANES):
                total = load_some(sums, at + c, channels - c)
                for row in range(block, min(block + ROWS, last)):
                    total = total + widen(load_some(flat, row * channels + c, channels - c))
                store_some(sums, at + c, total, channels - c)
    _add_up(sums, db, threads)


@kernel("void(r1, i, r1, i, i, i, w1, wd1, w1, i)")
def _activation_sums(dy, dy_step, z, z_step, channels, kind, dz, sums, db, threads):
    """Write dz of an activation of z, row by row, and add up its channels as `_channel_sums` does."""
    rows = dz.shape[0] // channels
    for thread in prange(threads):
        at, last = channels * thread, (thread + 1) * rows // threads
        _forget(sums, channels, thread)
        for block in range(thread * rows // threads, last, ROWS):
            for c in range(0, channels, LANES):
                left, total = channels - c, load_some(sums, at + c, channels - c)
                for row in range(block, min(block + ROWS, last)):
                    above, seen = load_some(dy, row * dy_step + c, left), load_some(z, row * z_step + c, left)
                    below = fused_dx(kind, above, seen)
                    store_some(dz, row * channels + c, below, left)
                    total = total + widen(below)
                store_some(sums, at + c, total, left)
    _add_up(sums, db, threads)


def _room(channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return room for the sums of each thread, and for the result."""
    return np.empty(_threads.get_num_threads() * channels), np.empty(channels, np.float32)


@door("dy (N C H W)")
def channel_sums(dy: np.ndarray) -> np.ndarray:
    """db (O,)."""
    sums, db = _room(dy.shape[1])
    _channel_sums(pixels(dy).reshape(-1, dy.shape[1]), sums, db)
    return db


@door("dy (N C H W), z (N C H W)")
def conv2d_fused_grads(
    dy: np.ndarray, z: np.ndarray, activation: str | None, *, over: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return dz (N, C, H, W) and db (C,)."""
    (sums, db), dz = _room(dy.shape[1]), channels_last_over(dy, over)
    memory = pixels(dz).reshape(-1)
    _activation_sums(*strided_rows(dy), *strided_rows(z), dy.shape[1], FUSED[activation], memory, sums, db)
    return dz, db
