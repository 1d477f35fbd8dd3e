"""From noise to pictures, one step after the other; and from a picture to its noise.

DDPM (Ho et al., arXiv:2006.11239, algorithm 2) draws from q(x_{t-1} | x_t, x_0) with the x_0 that the network's noise
implies:

    x_{t-1} = μ̃(x̂_0, x_t) + √Σ_t z                      Σ_t = β_t, or what the network says

DDIM (Song et al., arXiv:2010.02502, equation 12) goes to the same noise levels by a way of its own choice:

    x_{t-1} = √ᾱ_{t-1} x̂_0 + √(1 - ᾱ_{t-1} - σ²) ε̂ + σ z        σ = η √β̃_t

With η = 0 nothing is drawn: the noise at the beginning decides the picture, few steps are enough, and the way can be
gone backwards (`invert`); with η = 1 it is DDPM with Σ_t = β̃_t.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import _random
from minidl._backend import Array, device_of, to_device
from minidl._checks import check_fraction, to_int
from minidl.generation.guidance import Denoiser
from minidl.generation.loss import log_variance
from minidl.generation.process import Diffusion

Between = Callable[[int, Array], Array]  # (index of the step, x_t) -> the x_t that it begins with
Range = tuple[float, float] | None


def ddpm(
    ask: Denoiser,
    process: Diffusion,
    x: Array,
    *,
    clip: Range = None,
    rng: np.random.Generator | None = None,
) -> Array:
    """Return pictures made of noise, every step of which draws new noise.

    Args:
        ask: ask(x, timestep) tells the noise, see `denoiser`.
        process: the steps, all or some (`process.spaced`).
        x: where to begin: noise (N, C, H, W).
        clip: the range of the pictures; a guess outside of it is moved to its end. None (default) leaves it.
        rng: generator of the noise; None (default) takes the one of `minidl.manual_seed`.
    """
    rng = _random.to_generator("ddpm", rng)
    for t in reversed(range(len(process))):
        answer = ask(x, int(process.timesteps[t]))
        noise, scatter = _parts(x, answer)
        mean, _ = process.posterior(_clipped(process.clean(x, t, noise), clip), x, t)
        if t == 0:
            return mean
        spread = np.sqrt(process.betas[t]).astype(x.dtype)
        if scatter is not None:
            half = log_variance(process, np.full(len(x), t), scatter) / 2
            spread = np.exp(half)
        x = mean + spread * _draw(x, rng)
    return x


def ddim(
    ask: Denoiser,
    process: Diffusion,
    x: Array,
    *,
    eta: float = 0.0,
    clip: Range = None,
    between: Between | None = None,
    rng: np.random.Generator | None = None,
) -> Array:
    """Return pictures made of noise; with eta=0 (default) by the noise at the beginning alone.

    Args:
        ask: ask(x, timestep) tells the noise, see `denoiser`.
        process: the steps, usually some of a longer process (`process.spaced(50)`).
        x: where to begin: noise (N, C, H, W).
        eta: how much of the noise is drawn anew at each step, from 0 to 1.
        clip: the range of the pictures; a guess outside of it is moved to its end. None (default) leaves it.
        between: is shown x before each step, as `between(index, x)`, and returns what the step begins with.
        rng: generator of the noise that eta asks for; None (default) takes the one of `minidl.manual_seed`.
    """
    check_fraction("ddim", "eta", eta)
    rng = _random.to_generator("ddim", rng)
    for t in reversed(range(len(process))):
        x = x if between is None else between(t, x)
        noise, _ = _parts(x, ask(x, int(process.timesteps[t])))
        x0 = process.clean(x, t, noise)
        if clip is not None:  # and the noise that fits the guess as it is then
            x0 = _clipped(x0, clip)
            noise = process.noise_in(x, t, x0)
        before, sigma = process.alpha_bars_before[t], eta * np.sqrt(process.posterior_variances[t])
        x = _number(np.sqrt(before), x) * x0 + _number(np.sqrt(1 - before - sigma**2), x) * noise
        if sigma:
            x = x + _number(sigma, x) * _draw(x, rng)
    return x


def invert(ask: Denoiser, process: Diffusion, x0: Array, *, rounds: int = 1) -> list[Array]:
    """Return the way of a picture to its noise: x at the beginning of each step of `ddim`, and the picture in front.

    `ddim` takes x_t to x_{t-1} with the noise at x_t, which is what is looked for: x_t = a · x_{t-1} + b · ε̂(x_t, t).
    The first round puts x_{t-1} in its place, as Song et al. do; every further one puts in what the last one has found,
    and comes nearer to the point where `ddim` returns the picture itself.

    Args:
        ask: as for `ddim`, without guidance above 1 (which pulls the rounds apart).
        process: the same steps as there.
        x0: pictures (N, C, H, W).
        rounds: how often each step is looked for.

    Returns:
        A list of T + 1 arrays; its last is where `ddim` begins.
    """
    rounds = to_int("invert", "rounds", rounds, least=1)
    way = [x0]
    for t in range(len(process)):
        x, before, bar = way[-1], process.alpha_bars_before[t], process.alpha_bars[t]
        a = np.sqrt(bar / before)
        b = np.sqrt(1 - bar) - a * np.sqrt(1 - before)
        found = x
        for _ in range(rounds):
            noise, _ = _parts(x, ask(found, int(process.timesteps[t])))
            found = _number(a, x) * x + _number(b, x) * noise
        way.append(found)
    return way


def _parts(x: Array, answer: Array) -> tuple[Array, Array | None]:
    """Return noise and, where the network tells it, what it says of Σ."""
    channels = x.shape[1]
    return answer[:, :channels], answer[:, channels:] if answer.shape[1] > channels else None


def _clipped(x: Array, clip: Range) -> Array:
    return x if clip is None else x.clip(*clip)


def _number(value: Any, x: Array) -> Any:
    """Return a number in the dtype of the pictures."""
    return x.dtype.type(value)


def _draw(x: Array, rng: np.random.Generator) -> Array:
    return to_device(_random.draw("standard_normal", x.shape, rng).astype(x.dtype), device_of(x))
