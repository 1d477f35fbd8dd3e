"""Batch norm as a student writes it: what is checked, and what comes out if one thing is done wrong.

What is right are the loops forward, and the textbook's formulas backward, which the finite differences then judge, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels import textbook
from minidl.proof import oracles
from minidl.proof.student.cases import Numbers
from minidl.proof.student.kinds import Named, Subject, against_formula, finite_differences

NORMS = (
    Numbers("the smallest", (2, 1, 1, 2), {"eps": 1e-5}),
    Numbers("two channels", (3, 2, 2, 2), {"eps": 1e-5}),
    Numbers("a large eps", (2, 3, 2, 4), {"eps": 0.5}),
    Numbers("a large mean", (4, 2, 3, 2), {"eps": 1e-3, "mean": 30.0}),
)
CHANNELS = (0, 2, 3)


def _draw(s: Subject, g: Numbers) -> tuple[np.ndarray, ...]:
    """x, w, b and dy."""
    rng, c = np.random.default_rng(s.seed), g.x_shape[1]
    x = g.draw(rng) * (1 if g.whole else 1.5) + (0 if g.whole else g.given.get("mean", 0.0))
    return x, g.draw(rng, (c,)), g.draw(rng, (c,)), g.draw(rng)


def _a(v: np.ndarray) -> np.ndarray:
    """C numbers in the shape that multiplies with x."""
    return v.reshape(-1, 1, 1)


def statistics(x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean, the variance and rstd of each channel."""
    mean, var = x.mean(axis=CHANNELS), x.var(axis=CHANNELS)
    return mean, var, 1 / np.sqrt(var + eps)


def batch_norm_loops(s: Subject, g: Numbers) -> float:
    """y against the loops, and the statistics besides it."""
    x, w, b, _ = _draw(s, g)
    eps = g.given["eps"]
    mean, _, rstd = statistics(x, eps)
    right = oracles.batch_norm(x, w, b, eps=eps), mean, rstd
    parts = ("y", "N, C, H, W"), ("mean", "C"), ("rstd", "C")
    return against_formula(s, parts, (x, w, b, eps), right, lambda: of_batch_norm(x, w, b, eps))


def of_batch_norm(x: np.ndarray, w: np.ndarray, b: np.ndarray, eps: float) -> Named:
    """Yield wrong norms; wrong statistics make y wrong, too."""
    mean, var, rstd = statistics(x, eps)
    m, n, shift, scale = x.size // x.shape[1], len(x), _a(b), _a(w)
    x_hat = (x - _a(mean)) * _a(rstd)
    unbiased = 1 / np.sqrt(var * m / (m - 1) + eps)
    rough = 1 / np.sqrt((x * x).mean(axis=CHANNELS) + eps)
    squared = 1 / (var + eps)
    deviations = [
        ("the variance is divided by M - 1 (ddof=1); the batch's own is divided by M", unbiased),
        ("the mean is not taken off inside the variance: Σx²/M", rough),
        ("the variance is not divided by M", 1 / np.sqrt(var * m + eps)),
        ("the variance is divided by N alone, not by M = N·H·W", 1 / np.sqrt(var * m / n + eps)),
        ("eps stands outside of the root: 1 / (√var + eps)", 1 / (np.sqrt(var) + eps)),
        ("eps is forgotten", 1 / np.sqrt(var)),
        ("the root is forgotten: x is divided by the variance", squared),
        ("x is multiplied with the standard deviation, not divided", np.sqrt(var + eps)),
        ("the variance stands for rstd", var),
    ]
    for what, wrong in deviations:
        yield what, "y", scale * (x - _a(mean)) * _a(wrong) + shift
        yield what, "rstd", wrong
    yield "the standard deviation is returned, not 1 over it", "rstd", np.sqrt(var)
    yield "the root is returned, √(var + eps), not 1 over it", "rstd", 1 / rstd
    yield "the mean is taken over the squares", "mean", (x * x).mean(axis=CHANNELS)
    yield "the sum stands for the mean", "mean", mean * m
    for what, axes in (
        ("every picture is normalised by itself (axes 2, 3), as in instance norm", (2, 3)),
        ("every pixel is normalised over the pictures (axis 0)", (0,)),
        ("every picture is normalised over its channels (axes 1, 2, 3), as in layer norm", (1, 2, 3)),
        ("all channels share one mean and one variance", (0, 1, 2, 3)),
        ("every pixel is normalised over the channels (axis 1)", (1,)),
    ):
        own = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)
        yield what, "y", scale * own + shift
        if axes != (2, 3) and axes != (0,):
            yield what, "mean", np.full(x.shape[1], x.mean())
    yield "the weight w is forgotten", "y", x_hat + shift
    yield "the bias b is forgotten", "y", scale * x_hat
    yield "w and b are forgotten", "y", x_hat
    yield "w and b are exchanged", "y", shift * x_hat + scale
    yield "the bias is added before the weight is multiplied: w·(x̂ + b)", "y", scale * (x_hat + shift)
    yield "the weight is taken as 1 + w", "y", (1 + scale) * x_hat + shift
    yield "the mean is not taken off", "y", scale * x * _a(rstd) + shift
    yield "the mean is taken off after the division", "y", scale * (x * _a(rstd) - _a(mean)) + shift
    yield "x is not divided by the deviation", "y", scale * (x - _a(mean)) + shift
    for what, axis in (("rows", 2), ("columns", 3), ("pictures", 0)):
        if x.shape[axis] == x.shape[1] > 1:
            along = [-1 if a == axis else 1 for a in range(4)]
            yield (
                f"w and b lie along the {what}, not along the channels",
                "y",
                w.reshape(along) * x_hat + b.reshape(along),
            )


def batch_norm_eval_loops(s: Subject, g: Numbers) -> float:
    """y against the loops, with statistics that are given."""
    x, w, b, _ = _draw(s, g)
    mean, rstd = b[::-1] + 0.5, np.abs(w[::-1]) + 0.25
    right = (oracles.batch_norm(x, w, b, mean, rstd**-2.0, training=False, eps=0.0),)
    arguments = x, w, b, mean, rstd
    return against_formula(s, (("y", "N, C, H, W"),), arguments, right, lambda: of_eval(x, w, b, mean, rstd))


def of_eval(x: np.ndarray, w: np.ndarray, b: np.ndarray, mean: np.ndarray, rstd: np.ndarray) -> Named:
    """Yield wrong norms of an evaluation."""
    own_mean, _, own = statistics(x, 1e-5)
    centred, scale, shift = x - _a(mean), _a(w), _a(b)
    for what, y in (
        ("the statistics of the batch are taken, not the given ones", scale * (x - _a(own_mean)) * _a(own) + shift),
        ("the mean of the batch is taken, not the given one", scale * (x - _a(own_mean)) * _a(rstd) + shift),
        ("x is divided by rstd, which is 1 over the deviation already", scale * centred / _a(rstd) + shift),
        ("rstd is taken for a variance: 1 / √rstd", scale * centred / np.sqrt(_a(rstd)) + shift),
        ("rstd is forgotten", scale * centred + shift),
        ("the mean is not taken off", scale * x * _a(rstd) + shift),
        ("the mean is added, not taken off", scale * (x + _a(mean)) * _a(rstd) + shift),
        ("the weight w is forgotten", centred * _a(rstd) + shift),
        ("the bias b is forgotten", scale * centred * _a(rstd)),
        ("w and b are exchanged", shift * centred * _a(rstd) + scale),
    ):
        yield what, "y", y


GRADIENTS = ("dx", "N, C, H, W"), ("dw", "C"), ("db", "C")


def batch_norm_grads_formula(s: Subject, g: Numbers) -> float:
    """dx, dw and db against the formula."""
    x, w, _, dy = _draw(s, g)
    mean, _, rstd = statistics(x, g.given["eps"])
    arguments = dy, x, w, mean, rstd
    right = textbook.batch_norm_grads(*arguments)
    return against_formula(s, GRADIENTS, arguments, right, lambda: of_batch_norm_grads(dy, x, w, mean, rstd))


def of_batch_norm_grads(dy: np.ndarray, x: np.ndarray, w: np.ndarray, mean: np.ndarray, rstd: np.ndarray) -> Named:
    """Yield wrong gradients. Long because it is a table, a mistake a line."""
    m, n, one = x.size // x.shape[1], len(x), _a(rstd)
    x_hat = (x - _a(mean)) * one
    db, dw = dy.sum(axis=CHANNELS), (dy * x_hat).sum(axis=CHANNELS)
    of_mean, of_var, scale = _a(db) / m, x_hat * _a(dw) / m, _a(w)
    for what, dx in (
        ("the mean's term, db / M, is forgotten", scale * one * (dy - of_var)),
        ("the variance's term, x̂·dw / M, is forgotten", scale * one * (dy - of_mean)),
        ("mean and rstd are taken for constants, as in evaluation", scale * one * dy),
        ("the weight w is forgotten", one * (dy - of_mean - of_var)),
        ("rstd is forgotten", scale * (dy - of_mean - of_var)),
        ("rstd is multiplied in twice", scale * one * one * (dy - of_mean - of_var)),
        ("dx is divided by rstd, not multiplied with it", scale / one * (dy - of_mean - of_var)),
        ("the sums are not divided by M", scale * one * (dy - m * of_mean - m * of_var)),
        ("the sums are divided by N alone, not by M = N·H·W", scale * one * (dy - (of_mean + of_var) * m / n)),
        ("the sums are divided by M - 1", scale * one * (dy - (of_mean + of_var) * m / (m - 1))),
        ("the variance's term is divided by M - 1", scale * one * (dy - of_mean - of_var * m / (m - 1))),
        ("db / M is not divided by M", scale * one * (dy - m * of_mean - of_var)),
        ("x̂·dw / M is not divided by M", scale * one * (dy - of_mean - m * of_var)),
        ("the terms are added, not taken away", scale * one * (dy + of_mean + of_var)),
        ("the variance's term is added, not taken away", scale * one * (dy - of_mean + of_var)),
        ("the mean's term is added, not taken away", scale * one * (dy + of_mean - of_var)),
        (
            "the mean is not taken off x̂ in the variance's term",
            scale * one * (dy - of_mean - x * one * _a((dy * x * one).sum(axis=CHANNELS)) / m),
        ),
        ("x stands for x̂ in the variance's term", scale * one * (dy - of_mean - x * _a(dw) / m)),
        ("x̂ is forgotten in the variance's term", scale * one * (dy - of_mean - _a(dw) / m)),
        ("x - mean stands for x̂ in the variance's term", scale * one * (dy - of_mean - (x - _a(mean)) * _a(dw) / m)),
        ("the weight is multiplied into the sums a second time", scale * one * (dy - scale * (of_mean + of_var))),
        ("dw and db are exchanged in dx", scale * one * (dy - _a(dw) / m - x_hat * _a(db) / m)),
        (
            "the 1/2 of the root's derivative is forgotten: the variance's term counts twice",
            scale * one * (dy - of_mean - 2 * of_var),
        ),
        (
            "the 2 of the square is forgotten: the variance's term counts half",
            scale * one * (dy - of_mean - of_var / 2),
        ),
        (
            "the sums run over each picture by itself (axes 2, 3)",
            scale
            * one
            * (dy - dy.mean(axis=(2, 3), keepdims=True) - x_hat * (dy * x_hat).mean(axis=(2, 3), keepdims=True)),
        ),
        (
            "the sums run over the pictures alone (axis 0)",
            scale * one * (dy - dy.mean(axis=0) - x_hat * (dy * x_hat).mean(axis=0)),
        ),
    ):
        yield what, "dx", dx
    for what, found in (
        ("dw is averaged, not added up", dw / m),
        ("dw is divided by N", dw / n),
        ("x stands for x̂", (dy * x).sum(axis=CHANNELS)),
        ("x - mean stands for x̂: rstd is forgotten", dw / rstd),
        ("rstd is multiplied in twice", dw * rstd),
        ("the mean is not taken off x̂", (dy * x * one).sum(axis=CHANNELS)),
        ("the weight is multiplied into dw", dw * w),
        ("dw and db are exchanged", db),
        ("dy is forgotten", x_hat.sum(axis=CHANNELS)),
        ("y stands for x̂", (dy * scale * x_hat).sum(axis=CHANNELS)),
    ):
        yield what, "dw", found
    for what, found in (
        ("db is averaged, not added up", db / m),
        ("db is divided by N", db / n),
        ("dw and db are exchanged", dw),
        ("the weight is multiplied into db", db * w),
        ("rstd is multiplied into db", db * rstd),
    ):
        yield what, "db", found


def batch_norm_grads_differences(s: Subject, g: Numbers) -> float:
    """batch_norm_grads as the gradient of batch_norm, of x, of w and of b."""
    x, w, b, _ = _draw(s, g)
    eps = g.given["eps"]
    mean, _, rstd = statistics(x, eps)

    def part(index: int) -> Any:
        return lambda dy: s.function(dy, x, w, mean, rstd)[index]

    def y(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        return textbook.batch_norm(x, w, b, eps)[0]

    return max(
        finite_differences(s, x, lambda x: y(x, w, b), part(0), "x"),
        finite_differences(s, w, lambda w: y(x, w, b), part(1), "w"),
        finite_differences(s, b, lambda b: y(x, w, b), part(2), "b"),
    )


# ------------------------------------------------------------------ running statistics


def running_loops(s: Subject, g: Numbers) -> float:
    """The running mean and variance after one batch, against the loops."""
    x, mean, var, _ = _draw(s, g)
    var, momentum = np.abs(var) + 0.5, 0.5 if g.whole else 0.3
    right = oracles.running_statistics([x], mean, var, momentum)
    parts = ("mean", "C"), ("var", "C")
    return against_formula(s, parts, (x, mean, var, momentum), right, lambda: of_running(x, mean, var, momentum))


def of_running(x: np.ndarray, mean: np.ndarray, var: np.ndarray, momentum: float) -> Named:
    """Yield wrong running statistics."""
    m, n = x.size // x.shape[1], len(x)
    own_mean, own_var = x.mean(axis=CHANNELS), x.var(axis=CHANNELS, ddof=1)
    turned = "momentum counts for the old number, not for the new one"
    for name, old, new in (("mean", mean, own_mean), ("var", var, own_var)):
        yield turned, name, momentum * old + (1 - momentum) * new
        yield "the new number replaces the running one", name, new
        yield "the running number stays as it was", name, old
        yield "the old number is not multiplied with 1 - momentum", name, old + momentum * new
        yield "the new number is taken away, not added", name, (1 - momentum) * old - momentum * new
    biased = "the variance of the batch is divided by M; the running one is unbiased, divided by M - 1"
    for what, new in (
        (biased, own_var * (m - 1) / m),
        ("the standard deviation is kept, not the variance", np.sqrt(own_var)),
        ("the standard deviation is kept, not the variance, and it is divided by M", x.std(axis=CHANNELS)),
        ("the variance is corrected with N / (N - 1), not with M / (M - 1)", own_var * (m - 1) / m * n / max(n - 1, 1)),
        ("the mean is not taken off inside the variance", (x * x).mean(axis=CHANNELS)),
        ("the variance is measured around the running mean", ((x - _a(mean)) ** 2).sum(axis=CHANNELS) / (m - 1)),
    ):
        yield what, "var", (1 - momentum) * var + momentum * new
    yield f"{turned}; and {biased}", "var", momentum * var + (1 - momentum) * own_var * (m - 1) / m
