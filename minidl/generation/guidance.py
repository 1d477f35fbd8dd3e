"""From a network to a function of pictures and steps: which class, and how much it shall matter.

    ε̃ = ε̂(x, t) + s · (ε̂(x, t, y) - ε̂(x, t))          s = 1: as the network says; s > 1: further away from "no class"

ε̂ is, up to a factor, the slope of log p(x | y), so the difference is the slope of log p(y | x): a step in its direction
makes the class easier to recognise. Both answers come from one network, which was sometimes shown no class in training.
(Ho and Salimans, arXiv:2207.12598, write w = s - 1.) Σ, where the network tells it, is taken as it says for the class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl._backend import Array, array_module
from minidl._checks import check_positive
from minidl.generation.process import Diffusion
from minidl.tensor import Tensor, no_grad

Denoiser = Callable[[Array, int], Array]  # (x_t, the network's number of the step) -> its answer


def denoiser(
    net: Any, y: Any, guidance: float = 1.0, *, velocity: Diffusion | None = None, **settings: Any
) -> Denoiser:
    """Return the function that samplers ask: which noise is in x at step t, for pictures of these classes.

    Args:
        net: a network that is called as net(x, t, y), in eval; `net.no_class` is the number for "no class".
        y: the class of each picture, (N,).
        guidance: s above.
        velocity: the process, for a network that tells velocities (see `Diffusion.velocity`); None (default) is for
            one that tells noise.
        settings: passed on to the network.

    Raises:
        ValueError: if guidance is asked of a network that was never shown pictures without a class.
    """
    check_positive("denoiser", "guidance", guidance, zero=True)
    y = np.asarray(y)
    if guidance != 1 and net.no_class is None:
        raise ValueError(
            f"denoiser: guidance needs a network that was now and then shown no class, and this one never was; "
            f"received guidance={guidance:g}; take 1, or train with class_dropout_prob above 0"
        )

    def noise(x: Array, t: int, answer: Array) -> Array:
        if velocity is None:
            return answer
        told = velocity.noise_of(x, int(np.searchsorted(velocity.timesteps, t)), answer[:, : x.shape[1]])
        return array_module(x).concatenate([told, answer[:, x.shape[1] :]], axis=1)

    def ask(x: Array, t: int) -> Array:
        steps = np.full(len(x), t)
        with no_grad():
            if guidance == 1:
                return noise(x, t, net(Tensor(x), steps, y, **settings).data)
            both = array_module(x).concatenate([x, x])
            labels = np.concatenate([y, np.full_like(y, net.no_class)])
            answer = net(Tensor(both), np.concatenate([steps, steps]), labels, **settings).data
        told, blind = answer[: len(x)], answer[len(x) :]
        channels = x.shape[1]
        guided = blind[:, :channels] + answer.dtype.type(guidance) * (told[:, :channels] - blind[:, :channels])
        return noise(x, t, array_module(x).concatenate([guided, told[:, channels:]], axis=1))

    return ask
