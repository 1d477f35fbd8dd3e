"""Update rules: a parameter p, its gradient g and what the rule remembers become new ones; nothing is changed.

SGD, with g = g + weight_decay · p

    v = momentum · v + g                      the first v is g itself
    p = p - lr · v                            plain momentum
    p = p - lr · (g + momentum · v)           Nesterov: as if the gradient had been taken where v leads to

Adam, with g = g + weight_decay · p, or (decoupled) p = p · (1 - lr · weight_decay)

    m = β1 · m + (1 - β1) · g                 the mean gradient, from 0 on
    v = β2 · v + (1 - β2) · g²                its mean square, likewise
    p = p - lr · m̂ / (√v̂ + eps)               m̂ = m / (1 - β1^t),  v̂ = v / (1 - β2^t) in step t

RMSprop, with g = g + weight_decay · p

    v = α · v + (1 - α) · g²                  the running mean square, from 0 on
    d = g / (√v + eps)                        or g / √(v + eps)
    u = momentum · u + d,   p = p - lr · u    the first u is d itself

The classes in `optim/` say where the rules come from.
"""

from __future__ import annotations

import math

from minidl import _backend
from minidl._backend import Array


def check_update(op: str, p: Array, **others: Array | None) -> None:
    """Refuse a gradient or a slot that is not like the parameter: an update is number by number, nothing broadcasts."""
    for name, array in others.items():
        if array is not None and (array.shape != p.shape or array.dtype != p.dtype):
            raise (TypeError if array.shape == p.shape else ValueError)(
                f"{op}: {name} must be {p.dtype} {p.shape} like p; received {name} of {array.dtype} {array.shape}"
            )


def sgd(
    p: Array, g: Array, velocity: Array | None, lr: float, momentum: float, weight_decay: float, nesterov: bool
) -> tuple[Array, Array | None]:
    """Return the new p, and the new velocity, or None without momentum."""
    check_update("sgd", p, g=g, velocity=velocity)
    number = p.dtype.type
    if weight_decay:
        g = number(weight_decay) * p + g
    if not momentum:
        return p - number(lr) * g, None
    v = _backend.copy(g) if velocity is None else number(momentum) * velocity + g
    step = number(momentum) * v + g if nesterov else v
    return p - number(lr) * step, v


def adam(
    p: Array,
    g: Array,
    mean: Array | None,
    square: Array | None,
    t: float,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> tuple[Array, Array, Array]:
    """Return the new p, mean and square after step t = 1, 2, …; None for a mean that begins."""
    check_update("adam", p, g=g, mean=mean, square=square)
    xp, number = _backend.array_module(p), p.dtype.type
    beta1, beta2 = betas
    if weight_decay and decoupled:
        p = number(1 - lr * weight_decay) * p
    elif weight_decay:
        g = number(weight_decay) * p + g
    m, v = number(1 - beta1) * g, number(1 - beta2) * g * g
    if mean is not None:
        m += number(beta1) * mean
    if square is not None:
        v += number(beta2) * square
    size = xp.sqrt(v) / number(math.sqrt(1 - beta2**t)) + number(eps)
    return p - number(lr / (1 - beta1**t)) * m / size, m, v


def rmsprop(
    p: Array,
    g: Array,
    square: Array | None,
    velocity: Array | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    eps_inside: bool,
) -> tuple[Array, Array, Array | None]:
    """Return the new p, square and velocity, None without momentum; None for what begins."""
    check_update("rmsprop", p, g=g, square=square, velocity=velocity)
    xp, number = _backend.array_module(p), p.dtype.type
    if weight_decay:
        g = number(weight_decay) * p + g
    v = number(1 - alpha) * g * g
    if square is not None:
        v += number(alpha) * square
    step = g / (xp.sqrt(v + number(eps)) if eps_inside else xp.sqrt(v) + number(eps))
    if not momentum:
        return p - number(lr) * step, v, None
    if velocity is not None:
        step = number(momentum) * velocity + step
    return p - number(lr) * step, v, step
