"""Stacks of matrices where they lie: what a BLAS has to be told to read each of them without a copy.

A product wants to know where a matrix begins and how far its rows lie apart. So heads that are a slice of longer
tokens, or a batch whose axes have been exchanged, need not be copied, as long as the numbers of a row lie side by side.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.cpu.memory.copies import memory_of
from minidl.kernels.cpu.memory.layout import plain


def rows_are_runs(x: np.ndarray) -> bool:
    """Tell whether x can be read where it lies: its last axis in one piece, in rows that do not overlap."""
    if x.flags.c_contiguous:
        return True
    *_, row, inner = (stride // x.itemsize for stride in x.strides)
    whole = all(stride >= 0 and stride % x.itemsize == 0 for stride in x.strides)
    apart = x.shape[-2] == 1 or row >= x.shape[-1]
    return whole and x.flags.aligned and (x.shape[-1] == 1 or inner == 1) and apart


def turned(x: np.ndarray) -> bool:
    """Tell whether x (..., N, M) is better read column by column: its rows are no runs, its columns are."""
    return not rows_are_runs(x) and rows_are_runs(x.swapaxes(-1, -2))


def stacked(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the memory of x (..., L, D) as a flat array, and where its matrices lie in it.

    Returns:
        The memory of x, or of a copy where the rows are no runs.
        How far rows lie apart, and then for each matrix where it begins: one of all axes before the last two.
    """
    x = x if rows_are_runs(x) else plain(x)
    *outer, row, _ = (stride // x.itemsize for stride in x.strides)
    begins = np.zeros((1,), np.int64)
    for size, stride in zip(x.shape[:-2], outer):
        begins = np.add.outer(begins, np.arange(size) * stride).reshape(-1)
    step = row if x.shape[-2] > 1 else x.shape[-1]
    return memory_of(x), np.concatenate([[max(step, x.shape[-1])], begins])
