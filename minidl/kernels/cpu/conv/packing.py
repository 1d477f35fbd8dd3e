"""Weights in the order in which they are multiplied.

Weights w (O, C/G, KH, KW) lie in memory as (O, KH, KW, C/G), channels-last like pictures: one row of K = KH·KW·C/G
numbers for each output channel. The kernels take sixteen output channels at once, so they want, for every group and
every block of sixteen of its output channels, one vector for each number of a row:

    packed[group, block, k, lane] = w[group·O/G + 16·block + lane, k]                 0 in lanes beyond O/G

On the way back to the picture the roles change: outputs are the channels c of x, and a row runs over the taps of one
phase (`geometry.py`) and the output channels o:

    packed[group, block, tap, o, lane] = w[group·O/G + o, tap, 16·block + lane]       0 in lanes beyond C/G
"""

from __future__ import annotations

import functools

import numpy as np
from numba import prange

from minidl import _backend
from minidl.kernels._launches import note_made
from minidl.kernels.cpu.conv.geometry import Indexing
from minidl.kernels.cpu.memory.layout import plain
from minidl.kernels.cpu.memory.workspace import floats
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.load_store import load, load_first, store, store_some, zeros
from minidl.kernels.cpu.simd.transpose import transpose
from minidl.kernels.cpu.simd.vector import LANES


def blocks_of(channels: int) -> int:
    """Return how many vectors hold that many channels."""
    return -(-channels // LANES)


def weight_rows(w: np.ndarray) -> np.ndarray:
    """Return w (O, C/G, KH, KW) as its rows (O, K) in channels-last order: a view, or a copy if it lies otherwise."""
    return plain(w.transpose(0, 2, 3, 1)).reshape(len(w), -1)


def padded(b: np.ndarray | None, groups: int, outputs: int) -> np.ndarray:
    """Return the biases b (O,), or zeros for None, with every group of outputs filled up to whole vectors."""
    if b is None:
        return _no_bias(groups * blocks_of(outputs) * LANES)
    if outputs % LANES == 0:
        return plain(b)
    return note_made(_padded(b, groups, outputs), _padded, b, groups, outputs)


def _padded(b: np.ndarray, groups: int, outputs: int) -> np.ndarray:
    bias = np.zeros((groups, blocks_of(outputs) * LANES), np.float32)
    bias[:, :outputs] = b.reshape(groups, outputs)
    return bias.reshape(-1)


@functools.lru_cache(maxsize=256)
def _no_bias(size: int) -> np.ndarray:
    zero = np.zeros(size, np.float32)
    zero.flags.writeable = False
    return zero


@kernel("void(r2, w1, i, i)")
def _pack(w, packed, groups, threads):
    o, k = w.shape
    flat, outputs = w.reshape(-1), o // groups
    blocks = (outputs + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * groups * blocks // threads, (thread + 1) * groups * blocks // threads):
            first = block // blocks * outputs + block % blocks * LANES
            lanes = min(LANES, outputs - block % blocks * LANES)
            if lanes < LANES:
                zeros(packed, block * k * LANES, k * LANES)
            transpose(packed, block * k * LANES, LANES, flat, first * k, k, lanes, k)


def pack(w: np.ndarray, groups: int) -> np.ndarray:
    """Return the weights w (O, C/G, KH, KW) in the order for a convolution."""
    rows = weight_rows(w)
    packed = floats(groups * blocks_of(len(w) // groups) * rows.shape[1] * LANES)
    _pack(rows, packed, groups)
    return packed


@kernel("void(w2, w2, i, i)")
def _unpack(packed, w, groups, threads):
    """Add all parts to the first, block by block, and write each block to w while it is near."""
    o, k = w.shape
    flat, outputs = w.reshape(-1), o // groups
    blocks = (outputs + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * groups * blocks // threads, (thread + 1) * groups * blocks // threads):
            first = block // blocks * outputs + block % blocks * LANES
            lanes = min(LANES, outputs - block % blocks * LANES)
            for number in range(1, packed.shape[0]):
                for at in range(block * k * LANES, (block + 1) * k * LANES, LANES):
                    store(packed[0], at, load(packed[0], at) + load(packed[number], at))
            for i in range(0, k, LANES):
                transpose(flat, first * k + i, k, packed[0], (block * k + i) * LANES, LANES, min(LANES, k - i), lanes)


def unpack(packed: np.ndarray, w_shape: tuple[int, ...], groups: int) -> np.ndarray:
    """Return weights (O, C/G, KH, KW), in channels-last memory, of packed numbers, or the sum of several parts.

    The first part has changed afterwards.
    """
    w = _backend.empty_channels_last(w_shape, np.float32)
    _unpack(packed if packed.ndim == 2 else packed[None], w.transpose(0, 2, 3, 1).reshape(len(w), -1), groups)
    return w


@kernel("void(r2, w2, i)")
def _unpack_turned(packed, w, threads):
    o, c = w.shape
    flat = w.reshape(-1)
    for thread in prange(threads):
        for row in range(thread * o // threads, (thread + 1) * o // threads):
            for channel in range(0, c, LANES):
                at = channel * o + row * LANES
                total = load(packed[0], at)
                for part in range(1, packed.shape[0]):
                    total = total + load(packed[part], at)
                store_some(flat, row * c + channel, total, c - channel)


def unpack_turned(packed: np.ndarray, w_shape: tuple[int, ...]) -> np.ndarray:
    """Return weights (O, C, 1, 1) of numbers packed as those of (C, O, 1, 1), or the sum of several parts."""
    w = _backend.empty_channels_last(w_shape, np.float32)
    _unpack_turned(packed, w.reshape(w_shape[:2]))
    return w


@kernel("void(r3, w1, i, i, i, i, i, i, i, i, i)")
def _pack_backward(w, packed, groups, kw, rows, row, row_step, columns, column, column_step, threads):
    o, c = w.shape[0], w.shape[2]  # w (O, KH·KW, C/G)
    flat = w.reshape(-1)
    outputs, blocks, taps = o // groups, (c + LANES - 1) // LANES, rows * columns
    for thread in prange(threads):
        for block in range(thread * groups * blocks // threads, (thread + 1) * groups * blocks // threads):
            group, channel = block // blocks, block % blocks * LANES
            place = block * taps * outputs * LANES
            for i in range(taps):
                tap = (row + i // columns * row_step) * kw + column + i % columns * column_step
                for output in range(group * outputs, (group + 1) * outputs):
                    source = (output * w.shape[1] + tap) * c + channel
                    store(packed, place, load_first(flat, source, min(LANES, c - channel)))
                    place += LANES


def pack_backward(w: np.ndarray, groups: int, indexing: Indexing) -> np.ndarray:
    """Return the weights w (O, C/G, KH, KW) in the order for one phase of the way back to the picture."""
    o, c, kh, kw = w.shape
    rows, columns = indexing
    packed = floats(groups * blocks_of(c) * rows.taps * columns.taps * (o // groups) * LANES)
    taps = (kw, rows.taps, rows.tap, rows.tap_step, columns.taps, columns.tap, columns.tap_step)
    _pack_backward(weight_rows(w).reshape(o, kh * kw, c), packed, groups, *taps)
    return packed
