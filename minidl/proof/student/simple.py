"""Small functions as a student writes them: dropout, the step of SGD, global average pooling; and their mistakes."""

from __future__ import annotations

import numpy as np

from minidl.kernels import textbook
from minidl.proof.student.cases import Numbers
from minidl.proof.student.kinds import Named, Subject, adjoint, against_formula

DROPOUTS = (
    Numbers("the smallest", (1, 4)),
    Numbers("maps", (2, 3, 4, 5)),
    Numbers("float32", (3, 4), dtype="float32"),
)
STEPS = (
    Numbers("plain", (3,), {"momentum": 0.0, "weight_decay": 0.0, "nesterov": False}),
    Numbers("weight decay", (4,), {"momentum": 0.0, "weight_decay": 0.1, "nesterov": False}),
    Numbers(
        "the first step with momentum", (4,), {"momentum": 0.9, "weight_decay": 0.0, "nesterov": False, "first": True}
    ),
    Numbers("momentum", (2, 3), {"momentum": 0.9, "weight_decay": 0.0, "nesterov": False}),
    Numbers("momentum and weight decay", (2, 3), {"momentum": 0.8, "weight_decay": 0.1, "nesterov": False}),
    Numbers("Nesterov", (2, 3), {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True}),
    Numbers("float32", (5,), {"momentum": 0.9, "weight_decay": 0.0, "nesterov": False}, dtype="float32"),
)
MAPS = (
    Numbers("the smallest", (1, 1, 2, 2)),
    Numbers("pictures and channels, not square", (2, 3, 4, 5)),
    Numbers("square", (2, 2, 3, 3)),
    Numbers("float32", (2, 2, 3, 4), dtype="float32"),
)


# ------------------------------------------------------------------ dropout


def dropout_loops(s: Subject, g: Numbers) -> float:
    """y against the formula; keep is a mask of bools."""
    rng = np.random.default_rng(s.seed)
    x, keep, scale = g.draw(rng), rng.permutation(int(np.prod(g.x_shape))).reshape(g.x_shape) % 4 != 0, 4 / 3
    scale = 2.0 if g.whole else scale
    right = (textbook.dropout(x, keep, scale),)
    return against_formula(s, (("y", "like x"),), (x, keep, scale), right, lambda: of_dropout(x, keep, scale))


def of_dropout(x: np.ndarray, keep: np.ndarray, scale: float) -> Named:
    """Yield wrong dropouts."""
    kept = np.where(keep, x, 0)
    yield "scale is forgotten: in training the mean shrinks", "y", kept
    yield "keep is read the other way round: what is kept is dropped", "y", np.where(keep, 0, x) * scale
    yield "keep is read the other way round, and scale is forgotten", "y", np.where(keep, 0, x)
    yield "x is divided by scale, not multiplied with it", "y", kept / scale
    yield "what is dropped is not set to 0", "y", x * scale
    yield "what is dropped keeps its value, without scale", "y", np.where(keep, x * scale, x)
    yield "scale is multiplied in twice", "y", kept * scale * scale
    yield "nothing is done", "y", x
    yield "the mask is returned, without x", "y", keep * scale
    yield "scale is added, not multiplied", "y", np.where(keep, x + scale, 0)


# ------------------------------------------------------------------ the step of SGD


def sgd_loops(s: Subject, g: Numbers) -> float:
    """The new p and velocity against the formula."""
    rng, lr = np.random.default_rng(s.seed), 0.5 if g.whole else 0.3
    p, gradient, velocity = g.draw(rng), g.draw(rng), g.draw(rng)
    momentum, decay, nesterov = (g.given[name] for name in ("momentum", "weight_decay", "nesterov"))
    old = None if not momentum or g.given.get("first") else velocity
    arguments = p, gradient, old, lr, momentum, decay, nesterov
    parts = ("p", "like p"), ("velocity", "like p")
    return against_formula(s, parts, arguments, textbook.sgd(*arguments), lambda: of_sgd(*arguments))


def of_sgd(
    p: np.ndarray, g: np.ndarray, velocity: np.ndarray | None, lr: float, momentum: float, decay: float, nesterov: bool
) -> Named:
    """Yield wrong steps."""
    old = np.zeros_like(p) if velocity is None else velocity
    full = g + decay * p
    v = momentum * old + full
    step = full + momentum * v if nesterov else v
    yield "the step goes uphill: p + lr·g", "p", p + lr * step
    yield "lr is forgotten", "p", p - step
    yield "the step is returned, not the new p", "p", lr * step
    yield "the step is returned with its sign, not the new p", "p", -lr * step
    yield "p is not changed", "p", p
    yield "p is divided by lr", "p", p - step / lr
    if decay:
        bare, ahead = momentum * old + g, g - decay * p
        yield "weight decay is forgotten", "p", p - lr * (g + momentum * bare if nesterov else bare)
        yield "weight decay is forgotten, or goes past the velocity (decoupled)", "velocity", bare
        yield "weight decay has the wrong sign: it is taken away from g", "p", p - lr * (momentum * old + ahead)
        yield "weight decay has the wrong sign: it is taken away from g", "velocity", momentum * old + ahead
        yield "weight decay adds the number itself, not that share of p", "p", p - lr * (momentum * old + g + decay)
        yield "p shrinks by weight_decay without lr: (1 - weight_decay)·p", "p", (1 - decay) * p - lr * bare
        yield "weight decay is the sign of p (L1)", "p", p - lr * (momentum * old + g + decay * np.sign(p))
        yield "weight decay counts twice, as the slope of wd·p²", "p", p - lr * (momentum * old + g + 2 * decay * p)
    if momentum:
        damped = momentum * old + (1 - momentum) * full
        yield "g is damped: v = m·v + (1 - m)·g; here g counts in full", "p", p - lr * damped
        yield "g is damped: v = m·v + (1 - m)·g; here g counts in full", "velocity", damped
        yield "momentum is forgotten", "p", p - lr * full
        yield "momentum is forgotten", "velocity", full
        yield "the old velocity is not multiplied with momentum", "p", p - lr * (old + full)
        yield "the old velocity is not multiplied with momentum", "velocity", old + full
        yield "momentum is multiplied with g, not with the old velocity", "p", p - lr * (old + momentum * full)
        yield "the old velocity is taken away", "p", p - lr * (full - momentum * old)
        inside = momentum * old + lr * full
        yield (
            "lr is inside of the velocity: v = m·v + lr·g, p - v; it takes another lr over other steps",
            "p",
            p - inside,
        )
        yield (
            "lr is inside of the velocity: v = m·v + lr·g, p - v; it takes another lr over other steps",
            "velocity",
            inside,
        )
        yield "lr counts twice, inside of the velocity and outside", "p", p - lr * inside
        yield "the old velocity is used for the step, not the new one", "p", p - lr * old
        yield "the old velocity is returned, not the new one", "velocity", old
        yield "the sign: the velocity points downhill", "velocity", -v
        yield "the velocity holds lr and the sign: v = m·v - lr·g", "velocity", momentum * old - lr * full
        yield "the velocity holds lr and the sign: v = m·v - lr·g", "p", p + momentum * old - lr * full
        yield "the step is returned as the velocity", "velocity", lr * v
        ahead = full + momentum * v
        if nesterov:
            yield "nesterov is ignored", "p", p - lr * v
            yield "Nesterov's step is returned as the velocity", "velocity", ahead
            yield "Nesterov's step takes the old velocity, not the new one", "p", p - lr * (full + momentum * old)
            yield "Nesterov's step forgets g: momentum·v", "p", p - lr * momentum * v
        else:
            yield "Nesterov's step is taken though it is not asked for", "p", p - lr * ahead


# ------------------------------------------------------------------ global average pooling


def global_avg_pool2d_loops(s: Subject, g: Numbers) -> float:
    """y against the loops."""
    x = g.draw(np.random.default_rng(s.seed))
    right = (np.array([[sum(map(float, plane.ravel())) / plane.size for plane in picture] for picture in x], g.dtype),)
    return against_formula(s, (("y", "N, C"),), (x,), right, lambda: of_global(x))


def of_global(x: np.ndarray) -> Named:
    """Yield wrong averages."""
    yield "the pixels are added up, not averaged", "y", x.sum(axis=(2, 3))
    yield "the largest number is taken, not the average", "y", x.max(axis=(2, 3))
    yield "only H divides the sum, not H·W", "y", x.sum(axis=(2, 3)) / x.shape[2]
    yield "only W divides the sum, not H·W", "y", x.sum(axis=(2, 3)) / x.shape[3]
    yield "the sum is divided by all numbers of the picture, C·H·W", "y", x.sum(axis=(2, 3)) / x[0].size
    yield "the sum is divided by the pictures, too", "y", x.mean(axis=(2, 3)) / len(x)


def global_avg_pool2d_dx_formula(s: Subject, g: Numbers) -> float:
    """dx against the formula."""
    dy = g.draw(np.random.default_rng(s.seed), g.x_shape[:2])
    right = (textbook.global_avg_pool2d_dx(dy, g.x_shape),)
    return against_formula(s, (("dx", "N, C, H, W"),), (dy, g.x_shape), right, lambda: of_global_dx(dy, g.x_shape))


def of_global_dx(dy: np.ndarray, x_shape: tuple[int, ...]) -> Named:
    """Yield wrong gradients of averages."""
    full, (n, c, h, width) = np.broadcast_to(dy[:, :, None, None], x_shape), x_shape
    yield "dy is not divided by H·W", "dx", full
    yield "dy is divided by N·H·W", "dx", full / (n * h * width)
    yield "dy is divided by C·H·W", "dx", full / (c * h * width)
    yield "dy is divided by H alone", "dx", full / h
    yield "dy is divided by W alone", "dx", full / width
    corner = np.zeros(x_shape)
    corner[:, :, 0, 0] = dy
    yield "dy goes to one pixel only", "dx", corner
    yield "dy goes to one pixel only, divided by H·W", "dx", corner / (h * width)


def global_avg_pool2d_dx_adjoint(s: Subject, g: Numbers) -> float:
    """<global_avg_pool2d(x), dy> = <x, global_avg_pool2d_dx(dy)>."""
    shapes = g.x_shape, g.x_shape[:2]
    return adjoint(
        s, g, ("global_avg_pool2d", textbook.global_avg_pool2d), lambda dy: s.function(dy, g.x_shape), shapes
    )
