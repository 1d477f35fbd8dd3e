"""The forward process of DDPM: how a picture becomes noise, step by step or at once, and what can be said backwards.

    q(x_t | x_{t-1})   = N(√α_t · x_{t-1}, β_t)                 α_t = 1 - β_t: less of the picture, more noise
    q(x_t | x_0)       = N(√ᾱ_t · x_0, 1 - ᾱ_t)                 ᾱ_t = α_1 · … · α_t
    q(x_{t-1} | x_t, x_0) = N(μ̃, β̃_t)                           the posterior, equations 6 and 7 of the paper
        β̃_t = β_t · (1 - ᾱ_{t-1}) / (1 - ᾱ_t)
        μ̃   = √ᾱ_{t-1} · β_t / (1 - ᾱ_t) · x_0 + √α_t · (1 - ᾱ_{t-1}) / (1 - ᾱ_t) · x_t

The second line is the first one t times: if x_{t-1} = √ᾱ_{t-1} x_0 + √(1 - ᾱ_{t-1}) ε, then
x_t = √α_t x_{t-1} + √β_t ε' has the mean √ᾱ_t x_0 and the variance α_t (1 - ᾱ_{t-1}) + β_t = 1 - α_t ᾱ_{t-1} = 1 - ᾱ_t.
The third is Bayes' rule for two normal distributions of x_{t-1}: precisions add, 1/β̃_t = α_t/β_t + 1/(1 - ᾱ_{t-1}), and
means are weighed with them. docs/derivations/diffusion.md has both at length.

Steps are counted from 0 here: `t` = 0 is the first step (the paper's 1), T - 1 the last. Pictures are plain arrays.
Source: Ho, Jain, Abbeel, arXiv:2006.11239.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl._backend import Array, device_of, to_device
from minidl._checks import to_int
from minidl._looks import Brief


class Diffusion(Brief):
    """A forward process, as its β make it.

    Attributes:
        betas, alphas, alpha_bars: β, α and ᾱ of each step, float64.
        alpha_bars_before: ᾱ of the step before; 1 before the first.
        posterior_variances: β̃; 0 at the first step, for nothing is unknown before it.
        timesteps: the number by which a network knows each step: 0 to T - 1, or fewer of them (see `spaced`).

    Raises:
        ValueError: if β is no line of numbers above 0 and below 1.

    Example:
        >>> from minidl.generation import Diffusion, linear
        >>> process = Diffusion(linear(1000))
        >>> len(process), float(process.alpha_bars[-1].round(6))  # of the picture next to nothing is left
        (1000, 4e-05)
        >>> process.spaced(4).timesteps.tolist()
        [0, 333, 666, 999]
    """

    def __init__(self, betas: Any, timesteps: Any = None):
        betas = np.asarray(betas, np.float64)
        if betas.ndim != 1 or not betas.size or not ((betas > 0) & (betas < 1)).all():
            raise ValueError(f"Diffusion: betas must be a line of numbers between 0 and 1; received {betas!r}")
        self.betas, self.alphas = betas, 1 - betas
        self.alpha_bars = np.cumprod(self.alphas)
        self.alpha_bars_before = np.concatenate([[1.0], self.alpha_bars[:-1]])
        self.posterior_variances = betas * (1 - self.alpha_bars_before) / (1 - self.alpha_bars)
        self.timesteps = np.arange(len(betas)) if timesteps is None else np.asarray(timesteps)

    def __len__(self) -> int:
        return len(self.betas)

    def _words(self) -> list[str]:
        return [f"{len(self)} steps", f"ᾱ from {self.alpha_bars[0]:.6g} to {self.alpha_bars[-1]:.3g}"]

    def spaced(self, steps: int) -> Diffusion:
        """Return the process that takes fewer and larger steps through the same noises, spread evenly.

        Its ᾱ are some of this process's, so its β are 1 - ᾱ_t / ᾱ_s with s the step before among these.

        Raises:
            ValueError: if there are not so many steps.
        """
        steps = to_int("spaced", "steps", steps, least=1)
        if steps > len(self):
            raise ValueError(
                f"spaced: steps must be at most {len(self)}, the steps of the process; received steps={steps}"
            )
        chosen = np.linspace(0, len(self) - 1, steps).round().astype(int) if steps > 1 else np.array([len(self) - 1])
        bars = self.alpha_bars[chosen]
        before = np.concatenate([[1.0], bars[:-1]])
        few = Diffusion(np.minimum(1 - bars / before, 1 - 1e-12), self.timesteps[chosen])
        few.alpha_bars, few.alpha_bars_before = bars, before  # as they are: 1 - β would round them
        return few

    def noised(self, x0: Array, t: Any, noise: Array) -> Array:
        """Return x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) noise; t is one step, or one for each picture (N,)."""
        bar = self.alpha_bars[t]
        return _along(np.sqrt(bar), x0) * x0 + _along(np.sqrt(1 - bar), x0) * noise

    def clean(self, x: Array, t: Any, noise: Array) -> Array:
        """Return the x_0 that x_t comes from, if that is its noise: (x_t - √(1 - ᾱ_t) noise) / √ᾱ_t."""
        bar = self.alpha_bars[t]
        return (x - _along(np.sqrt(1 - bar), x) * noise) / _along(np.sqrt(bar), x)

    def noise_in(self, x: Array, t: Any, x0: Array) -> Array:
        """Return the noise that makes x_t of x_0: (x_t - √ᾱ_t x_0) / √(1 - ᾱ_t)."""
        bar = self.alpha_bars[t]
        return (x - _along(np.sqrt(bar), x) * x0) / _along(np.sqrt(1 - bar), x)

    def velocity(self, x0: Array, t: Any, noise: Array) -> Array:
        """Return √ᾱ_t noise - √(1 - ᾱ_t) x_0: which way x goes where noise is turned into picture or back.

        As x_t = cos φ · x_0 + sin φ · noise with an angle φ, this is its derivative by φ (Salimans, Ho,
        arXiv:2202.00512). A network that tells it is asked for the noise while there is little, and for the picture
        while there is much.
        """
        bar = self.alpha_bars[t]
        return _along(np.sqrt(bar), x0) * noise - _along(np.sqrt(1 - bar), x0) * x0

    def noise_of(self, x: Array, t: Any, velocity: Array) -> Array:
        """Return the noise in x_t that has such a velocity: √(1 - ᾱ_t) x_t + √ᾱ_t velocity."""
        bar = self.alpha_bars[t]
        return _along(np.sqrt(1 - bar), x) * x + _along(np.sqrt(bar), x) * velocity

    def posterior(self, x0: Array, x: Array, t: Any) -> tuple[Array, Array]:
        """Return mean μ̃ and variance β̃ of q(x_{t-1} | x_t, x_0); the variance can be broadcast along the pictures."""
        before, rest = self.alpha_bars_before[t], 1 - self.alpha_bars[t]
        of_x0 = np.sqrt(before) * self.betas[t] / rest
        of_x = np.sqrt(self.alphas[t]) * (1 - before) / rest
        return _along(of_x0, x) * x0 + _along(of_x, x) * x, _along(self.posterior_variances[t], x)


def _along(numbers: Any, x: Array) -> Array:
    """Give one number, or one for each picture, the axes and the dtype of the pictures."""
    numbers = np.asarray(numbers)
    shaped = numbers.reshape(numbers.shape + (1,) * (x.ndim - numbers.ndim if numbers.ndim else 0))
    return to_device(shaped.astype(x.dtype), device_of(x))
