"""Copies between arrays of any strides: from one memory order to another, and in and out of wider blocks.

A copy has no arithmetic at all; what it costs is decided by the order in which it touches memory. So the axes of both
arrays are looked at together: those along which both lie in one piece become one, and two cases are left.

    runs      both lie in one piece along the last axis: vectors are copied, run by run. So are the channels of a
              pixel put into a wider pixel, as in a concatenation.
    turned    each lies in one piece along another axis, and one of these is short: the three colours of a picture in
              N, C, H, W and channels-last, the groups of a channel shuffle. Long rows are copied one after the other, a
              band at a time, so that every line of the cache that they touch is used up while it is near.

NumPy copies with one thread, and in the order of one of both. (Where both axes are long, it is as fast, and left to do
it.)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import prange

from minidl.kernels._launches import copy, is_noting
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.simd.compile import Kernel, kernel
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES

SMALL = 2**14  # numbers; below, NumPy is done before the threads are awake
PIECE = 2**13  # numbers of a long run that a thread copies at a time
SHORT = 16
BAND = 128  # rows whose columns are copied one after the other while they are near


@kernel("void(r1, w1, ri1, ri1, ri1, i)")
def _runs(x, y, sizes, x_steps, y_steps, threads):
    """Copy sizes[0] · sizes[1] · sizes[2] runs of sizes[3] numbers."""
    width = sizes[3]
    pieces = (width + PIECE - 1) // PIECE
    units = sizes[0] * sizes[1] * sizes[2] * pieces
    for thread in prange(threads):
        first, last = thread * units // threads, (thread + 1) * units // threads
        run, piece = first // pieces, first % pieces
        i, j, k = run // sizes[2] // sizes[1], run // sizes[2] % sizes[1], run % sizes[2]
        for _ in range(first, last):
            source = i * x_steps[0] + j * x_steps[1] + k * x_steps[2] + piece * PIECE
            target = i * y_steps[0] + j * y_steps[1] + k * y_steps[2] + piece * PIECE
            count = min(PIECE, width - piece * PIECE)
            for c in range(0, count, LANES):
                store_some(y, target + c, load_some(x, source + c, count - c), count - c)
            piece += 1
            if piece == pieces:
                piece, k = 0, k + 1
                if k == sizes[2]:
                    j, k = j + 1, 0
                    if j == sizes[1]:
                        i, j = i + 1, 0


@kernel("void(r1, w1, ri1, ri1, ri1, i)")
def _turned(x, y, sizes, x_steps, y_steps, threads):
    """Copy sizes[0] · sizes[1] matrices of sizes[2] × sizes[3] numbers, of whose rows there are many."""
    bands = (sizes[2] + BAND - 1) // BAND
    units = sizes[0] * sizes[1] * bands
    for thread in prange(threads):
        for unit in range(thread * units // threads, (thread + 1) * units // threads):
            i, j, top = unit // bands // sizes[1], unit // bands % sizes[1], unit % bands * BAND
            for column in range(sizes[3]):
                source = i * x_steps[0] + j * x_steps[1] + top * x_steps[2] + column * x_steps[3]
                target = i * y_steps[0] + j * y_steps[1] + top * y_steps[2] + column * y_steps[3]
                for _ in range(min(BAND, sizes[2] - top)):
                    y[np.uintp(target)] = x[np.uintp(source)]  # unsigned: Numba need not ask whether it is negative
                    source += x_steps[2]
                    target += y_steps[2]


Axis = tuple[int, int, int]  # size, and how many numbers x and y lie apart along it


class Plan(NamedTuple):
    """What a copy depends on but the numbers: its kernel, the sizes, and how far x and y go along each of four axes."""

    kernel: Kernel
    sizes: np.ndarray
    x_steps: np.ndarray
    y_steps: np.ndarray


def _axes(shape: Sequence[int], x_strides: Sequence[int], y_strides: Sequence[int]) -> list[Axis]:
    """Return the axes of both, those of y that lie furthest apart first, and those in one piece in both as one."""
    axes = [axis for axis in zip(shape, x_strides, y_strides) if axis[0] > 1]
    merged: list[Axis] = []
    for n, a, b in sorted(axes, key=lambda axis: -axis[2]):
        if merged and merged[-1][1] == n * a and merged[-1][2] == n * b:
            n *= merged.pop()[0]
        merged.append((n, a, b))
    return merged or [(1, 1, 1)]


@functools.lru_cache(maxsize=1024)
def _plan(shape: tuple[int, ...], x_strides: tuple[int, ...], y_strides: tuple[int, ...], item: int) -> Plan | None:
    """Return how arrays of one shape are copied; None where NumPy does it.

    A flat array must be able to begin where either does, and whole numbers must lie between its elements.
    """
    if any(stride < 0 or stride % item for stride in (*x_strides, *y_strides)):
        return None
    axes = _axes(shape, [stride // item for stride in x_strides], [stride // item for stride in y_strides])
    if len(axes) > 4:
        return None
    turned = axes[-1][1:] != (1, 1)
    if turned:
        nearest = min(range(len(axes)), key=lambda number: axes[number][1])  # along which x lies in one piece
        pair = [axes.pop(), axes.pop(nearest) if nearest < len(axes) else (1, 0, 0)]
        short, long = sorted(pair)
        if short[0] >= SHORT or len(axes) > 2:
            return None
        axes += [long, short]
    axes = [(1, 0, 0)] * (4 - len(axes)) + axes
    return Plan(_turned if turned else _runs, *(np.array(numbers) for numbers in zip(*axes)))


def memory_of(array: np.ndarray) -> np.ndarray:
    """Return the memory from the first number of an array to its last as a flat array."""
    if array.ndim == 4 and not array.flags.c_contiguous:
        array = array.transpose(0, 2, 3, 1)  # most often channels-last
    if array.flags.c_contiguous:
        return array.reshape(-1)
    reach = sum((n - 1) * stride for n, stride in zip(array.shape, array.strides)) // array.itemsize
    strides = (array.itemsize,)
    return np.lib.stride_tricks.as_strided(array, (reach + 1,), strides, writeable=array.flags.writeable)


@door("x (...)")
def copy_to(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Write x into y, which has its shape and shares no memory with it, and return y."""
    if not isinstance(y, np.ndarray) or x.shape != y.shape:
        return NotImplemented
    if y.dtype != x.dtype or not (y.flags.aligned and y.flags.writeable):
        return NotImplemented
    if not by_kernel(x, y):
        copy(y, x)
    return y


def by_kernel(x: np.ndarray, y: np.ndarray) -> bool:
    """Write x into y with a kernel, and tell whether there is one for it; else it is NumPy's work.

    A small copy is NumPy's, unless it is noted: in a row of kernels (`simd/sequence.py`) it costs next to nothing.
    """
    small = x.size < (SMALL if is_noting() is None else 1)
    plan = None if small else _plan(x.shape, x.strides, y.strides, x.itemsize)
    if plan is None:
        return False
    plan.kernel(memory_of(x), memory_of(y), *plan[1:])
    return True


def copied(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Write x into y of the same shape, whatever its kind, and return y."""
    if copy_to(x, y) is NotImplemented:
        copy(y, x)
    return y
