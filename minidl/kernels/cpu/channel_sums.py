"""The sum of every channel: the gradient of a bias, in one pass over memory.

Sums are doubles. Every thread adds up its own rows; the threads' sums are added in order.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend, _threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import pixels
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, widen

ROWS = 32  # as many stay in the cache while the blocks of channels pass


@kernel("void(r2, wd1, i)")
def _channel_sums(dy, sums, threads):
    rows, channels = dy.shape
    flat = dy.reshape(-1)
    for thread in prange(threads):
        at, last = channels * thread, (thread + 1) * rows // threads
        for block in range(thread * rows // threads, last, ROWS):
            for c in range(0, channels, LANES):
                total = load_some(sums, at + c, channels - c)
                for row in range(block, min(block + ROWS, last)):
                    total = total + widen(load_some(flat, row * channels + c, channels - c))
                store_some(sums, at + c, total, channels - c)


@door("dy (N C H W)")
def channel_sums(dy: np.ndarray) -> np.ndarray:
    """db (O,)."""
    channels = dy.shape[1]
    sums = np.zeros((_threads.get_num_threads(), channels))
    _channel_sums(pixels(dy).reshape(-1, channels), sums.reshape(-1))
    db = _backend.empty((channels,), dy.dtype, like=dy)
    db[...] = sums.sum(axis=0)
    return db
