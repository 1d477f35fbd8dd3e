"""The running statistics of a batch norm: a few numbers a channel, for which NumPy would be asked a dozen questions."""

from __future__ import annotations

import numpy as np

from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import plain
from minidl.kernels.cpu.simd.compile import kernel


@kernel("void(w1, w1, rd1, rd1, d, d, d, i)")
def _batch_norm_running(running_mean, running_var, mean, rstd, eps, unbiased, momentum, threads):
    kept = np.float32(1 - momentum)
    for c in range(mean.shape[0]):
        var = 1 / (rstd[c] * rstd[c]) - eps
        var = 0.0 if var < 0 else var * unbiased  # NaN stays NaN
        running_mean[c] = kept * running_mean[c] + momentum * mean[c]
        running_var[c] = kept * running_var[c] + momentum * var


@door("running_mean (C), running_var (C), mean (C) double, rstd (C) double")
def batch_norm_running(
    running_mean: np.ndarray,
    running_var: np.ndarray,
    mean: np.ndarray,
    rstd: np.ndarray,
    eps: float,
    m: int,
    momentum: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Let the running mean and variance move a step towards those of M values a channel; return both."""
    if not all(it.flags.c_contiguous and it.flags.writeable for it in (running_mean, running_var)):
        return NotImplemented
    given = plain(mean), plain(rstd), float(eps), m / (m - 1), float(momentum)
    _batch_norm_running(running_mean, running_var, *given)
    return running_mean, running_var
