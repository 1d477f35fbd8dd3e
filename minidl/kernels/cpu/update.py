"""Update rules in one pass: every array is read once, every new one written once.

Written with NumPy, a step of SGD with momentum and weight decay goes through memory ten times. The new parameter lies
in memory like its gradient: gradients of convolutions are channels-last, so after the first step the weights are, too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from minidl import _backend
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import alike, dense, flat
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, fma, splat, square_root


@kernel("void(r1, r1, r1, w1, w1, f, f, f, i, i, i)")
def _sgd(p, g, velocity, new_p, new_velocity, lr, momentum, decay, nesterov, begins, threads):
    """Without momentum, nothing is written to new_velocity; where it begins, nothing is read from velocity."""
    n = p.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            old = load_some(p, at, n - at)
            step = load_some(g, at, n - at)
            if decay != 0:
                step = fma(splat(decay), old, step)
            if momentum != 0:
                v = step if begins else fma(splat(momentum), load_some(velocity, at, n - at), step)
                store_some(new_velocity, at, v, n - at)
                step = fma(splat(momentum), v, step) if nesterov else v
            store_some(new_p, at, old - splat(lr) * step, n - at)


@door("p (...), g (...), velocity (...)?")
def sgd(
    p: np.ndarray,
    g: np.ndarray,
    velocity: np.ndarray | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the new p, and the new velocity, or None without momentum."""
    g = dense(g)
    new_p = _backend.empty(g.shape, g.dtype, like=g)
    v = _backend.empty(g.shape, g.dtype, like=g) if momentum else None
    old, begins = (g, 1) if velocity is None else (alike(velocity, g), 0)
    targets = flat(new_p), flat(new_p if v is None else v)
    _sgd(flat(alike(p, g)), flat(g), flat(old), *targets, lr, momentum, weight_decay, int(nesterov), begins)
    return new_p, v


@kernel("void(r1, r1, r1, r1, w1, w1, w1, r1, i, i)")
def _adam(p, g, mean, square, new_p, new_mean, new_square, numbers, begins, threads):
    """The numbers: decay, keep, β1, 1 - β1, β2, 1 - β2, lr / (1 - β1^t), 1 / √(1 - β2^t), eps."""
    n = p.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        decay, keep = splat(numbers[0]), splat(numbers[1])
        beta1, rest1, beta2, rest2 = splat(numbers[2]), splat(numbers[3]), splat(numbers[4]), splat(numbers[5])
        rate, root, eps = splat(numbers[6]), splat(numbers[7]), splat(numbers[8])
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            old = load_some(p, at, n - at)
            d = load_some(g, at, n - at)
            if numbers[0] != 0:
                d = fma(decay, old, d)
            m, v = rest1 * d, rest2 * d * d
            if not begins:
                m = fma(beta1, load_some(mean, at, n - at), m)
                v = fma(beta2, load_some(square, at, n - at), v)
            store_some(new_mean, at, m, n - at)
            store_some(new_square, at, v, n - at)
            store_some(new_p, at, keep * old - rate * m / fma(square_root(v), root, eps), n - at)


@door("p (...), g (...), mean (...)?, square (...)?")
def adam(
    p: np.ndarray,
    g: np.ndarray,
    mean: np.ndarray | None,
    square: np.ndarray | None,
    t: float,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the new p, mean and square after step t = 1, 2, …; None for a mean that begins."""
    if (mean is None) != (square is None):
        return NotImplemented
    g = dense(g)
    new = [_backend.empty(g.shape, g.dtype, like=g) for _ in range(3)]
    olds = (g, g) if mean is None or square is None else (alike(mean, g), alike(square, g))
    decay, keep = (0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1)
    (beta1, beta2), rate = betas, lr / (1 - betas[0] ** t)
    numbers = [decay, keep, beta1, 1 - beta1, beta2, 1 - beta2, rate, 1 / math.sqrt(1 - beta2**t), eps]
    arrays = (alike(p, g), g, *olds, *new)
    _adam(*map(flat, arrays), np.array(numbers, np.float32), int(mean is None))
    return new[0], new[1], new[2]


@kernel("void(r1, r1, r1, r1, w1, w1, w1, r1, i, i, i)")
def _rmsprop(p, g, square, velocity, new_p, new_square, new_velocity, numbers, square_begins, begins, threads):
    """The numbers: decay, α, 1 - α, eps under the root, eps outside, momentum, lr. What begins is not read."""
    n = p.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        decay, alpha, rest = splat(numbers[0]), splat(numbers[1]), splat(numbers[2])
        inside, outside, momentum, lr = splat(numbers[3]), splat(numbers[4]), splat(numbers[5]), splat(numbers[6])
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            old = load_some(p, at, n - at)
            d = load_some(g, at, n - at)
            if numbers[0] != 0:
                d = fma(decay, old, d)
            v = rest * d * d
            if not square_begins:
                v = fma(alpha, load_some(square, at, n - at), v)
            store_some(new_square, at, v, n - at)
            step = d / (square_root(v + inside) + outside)
            if numbers[5] != 0:
                if not begins:
                    step = fma(momentum, load_some(velocity, at, n - at), step)
                store_some(new_velocity, at, step, n - at)
            store_some(new_p, at, old - lr * step, n - at)


@door("p (...), g (...), square (...)?, velocity (...)?")
def rmsprop(
    p: np.ndarray,
    g: np.ndarray,
    square: np.ndarray | None,
    velocity: np.ndarray | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    eps_inside: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the new p, square and velocity, None without momentum; None for what begins."""
    g = dense(g)
    new_p, new_square, *moving = (_backend.empty(g.shape, g.dtype, like=g) for _ in range(3 if momentum else 2))
    olds = (g if old is None else alike(old, g) for old in (square, velocity))
    targets = new_p, new_square, *(moving or (new_p,))
    roots = (eps, 0) if eps_inside else (0, eps)
    numbers = np.array([weight_decay, alpha, 1 - alpha, *roots, momentum, lr], np.float32)
    arrays = (alike(p, g), g, *olds, *targets)
    _rmsprop(*map(flat, arrays), numbers, int(square is None), int(velocity is None))
    return new_p, new_square, moving[0] if moving else None
