"""The loss of a network that tells noise: how far it is from the noise that was added.

    L_simple = mean (ε - ε̂(x_t, t, y))²       x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε, t drawn evenly, ε from N(0, 1)

Equation 14 of Ho et al. (arXiv:2006.11239). It is the variational bound without the weights of its terms, each of which
says how far the network's step back is from the posterior q(x_{t-1} | x_t, x_0).

Where a network also says how far its step may scatter, Σ = exp(v log β_t + (1 - v) log β̃_t) with v = (answer + 1) / 2,
L_simple does not see Σ, and the bound itself is added (Nichol, Dhariwal, arXiv:2102.09672, equations 15 and 16):

    L = L_simple + λ Σ_t KL(q(x_{t-1} | x_t, x_0) ‖ N(μ̂, Σ))        λ = 0.001; μ̂ gets no gradient from it

    KL between normals of the same place: ½ (log Σ - log β̃ + (β̃ + (μ̃ - μ̂)²) / Σ - 1)

A network may tell velocities instead (`Diffusion.velocity`): the error of a velocity is that of the noise over √ᾱ_t, so
the noisy steps, which decide what is to be seen, count for more, and small networks learn sooner to make pictures.

Now and then the class is not shown (`drop`), so that the network learns to answer without: guidance needs that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import _random, ops
from minidl._backend import Array, array_module, device_of, to_device
from minidl._checks import check_fraction
from minidl.generation.process import Diffusion
from minidl.tensor import Tensor

BOUND = 0.001  # λ: how much the bound counts
FLOOR = 1e-20  # of a variance whose logarithm is taken: β̃ of the first step is 0


def drop(y: Any, share: float, no_class: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Return the classes with about that share of them taken for "no class".

    Example:
        >>> import numpy as np
        >>> from minidl.generation import drop
        >>> int((drop(np.zeros(1000, int), 0.1, 10, np.random.default_rng(0)) == 10).sum())
        89
    """
    check_fraction("drop", "share", share)
    y = np.asarray(y)
    return np.where(_random.to_generator("drop", rng).random(y.shape) < share, no_class, y)


def denoising_loss(
    net: Callable[..., Tensor],
    process: Diffusion,
    x0: Array,
    y: Any,
    rng: np.random.Generator | None = None,
    *,
    velocity: bool = False,
) -> Tensor:
    """Return the loss of a network on pictures, each at a step of its own and with a noise of its own.

    Args:
        net: called as net(x, t, y); with twice the channels of x0 in its answer, the second half tells Σ.
        process: how noise is added.
        x0: pictures (N, C, H, W).
        y: their classes (N,), some of them dropped already.
        rng: generator of steps and noise; None (default) takes the one of `minidl.manual_seed`.
        velocity: whether the network tells velocities, see `Diffusion.velocity`; False (default) means noise.
    """
    rng = _random.to_generator("denoising_loss", rng)
    t = rng.integers(0, len(process), len(x0))
    noise = to_device(_random.draw("standard_normal", x0.shape, rng).astype(x0.dtype), device_of(x0))
    return loss_at(net, process, x0, y, t, noise, velocity=velocity)


def loss_at(
    net: Callable[..., Tensor],
    process: Diffusion,
    x0: Array,
    y: Any,
    t: np.ndarray,
    noise: Array,
    *,
    velocity: bool = False,
) -> Tensor:
    """Return the loss at given steps t (N,) with a given noise; `denoising_loss` draws both."""
    x = process.noised(x0, t, noise)
    answer = net(Tensor(x), process.timesteps[t], y)
    target = process.velocity(x0, t, noise) if velocity else noise
    if answer.shape == x0.shape:
        return ops.mse_loss(answer, Tensor(target))
    if answer.shape[1] != 2 * x0.shape[1]:
        raise ValueError(
            f"denoising_loss: the network must answer with the channels of x0, or twice as many where it tells sigma; "
            f"its answer has {answer.shape[1]}; x0.shape={x0.shape}, answer.shape={answer.shape}"
        )
    told, scatter = ops.split(answer, 2, axis=1)
    seen = process.noise_of(x, t, told.data) if velocity else told.data
    guess = process.clean(x, t, seen)  # an array: μ̂ gets no gradient from the bound
    mean, _ = process.posterior(guess, x, t)
    bound = _bound(process, x0, x, t, mean, scatter)
    return ops.mse_loss(told, Tensor(target)) + bound * (BOUND * len(process))


def log_variance(process: Diffusion, t: Any, scatter: Any) -> Any:
    """Return log Σ between log β̃ (an answer of -1) and log β (an answer of 1); array or tensor, as the answer is."""
    low, high = _log_range(process, t)
    axes = (-1,) + (1,) * (scatter.ndim - 1)
    low, high = (side.reshape(axes if side.ndim else ()).astype(scatter.dtype) for side in (low, high))
    middle, half = (low + high) / 2, (high - low) / 2
    if isinstance(scatter, Tensor):
        return scatter * Tensor(to_device(half, scatter.device)) + Tensor(to_device(middle, scatter.device))
    return scatter * half + middle


def _log_range(process: Diffusion, t: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return log β̃ and log β; β̃ of the first step, 0, is taken for that of the second."""
    variances = process.posterior_variances.copy()
    variances[0] = variances[1] if len(variances) > 1 else process.betas[0]
    return np.log(np.maximum(variances, FLOOR))[t], np.log(process.betas)[t]


def _bound(process: Diffusion, x0: Array, x: Array, t: np.ndarray, mean: Array, scatter: Tensor) -> Tensor:
    """Return the mean over all numbers of the bound's terms at t, in bits.

    At the first step the term is the likelihood of x_0 under N(μ̂, Σ) (of the density, not of its integral over a
    grey value, for pictures here are no whole numbers).
    """
    truth, _ = process.posterior(x0, x, t)
    log_sigma = log_variance(process, t, scatter)
    low, _ = _log_range(process, t)
    first = t == 0
    constant = np.where(first, np.log(2 * np.pi), -1 - low)
    numbers = [first, np.where(first, 0.0, np.exp(low)).astype(x0.dtype), constant.astype(x0.dtype)]
    first, variance, rest = (to_device(one, device_of(x0)).reshape(-1, *(1,) * (x0.ndim - 1)) for one in numbers)
    target = array_module(x0).where(first, x0, truth)
    terms = (log_sigma + Tensor((target - mean) ** 2 + variance) * ops.exp(-log_sigma) + Tensor(rest)) * 0.5
    return ops.mean(terms) * (1 / np.log(2))
