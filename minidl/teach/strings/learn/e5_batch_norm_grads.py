"""Step e5: batch norm, backward."""

TITLE = "The three gradients of batch norm"

TASK = """
One x moves its own y, but also the mean and the variance of its channel, and
through them every other y of it. So dx has three terms: its own, that of the
mean and that of the variance. Moving a whole channel, or stretching it, changes
no y: dx must have no constant part, and none along x̂.

Write dw and db first: they stand in dx again. M = N·H·W. The gradient needs no
bias b: it moves y, and nothing else.
"""

PICTURE = """
      x ----------------> (x - mean) · rstd = x̂ ----> · w + b ----> y
      |                        |        |
      +--> mean (M numbers) ---+        |         three ways from x to y,
      +--> var  (M numbers) ------------+         three terms in dx
"""

FORMULA = """
    db = sum dy          dw = sum dy · x̂          over the channel
    dx = w · rstd · (dy - db / M - x̂ · dw / M)
"""

SKELETON = '''
import numpy as np


def batch_norm_grads(dy, x, w, mean, rstd):
    """dx like x, dw (C,), db (C,); mean and rstd are forward's."""
    raise NotImplementedError("batch_norm_grads: db, dw, then dx")
'''

HINTS = (
    "If every x of a channel grows by 1, what does y do, and what must the sum of dx over the channel be?",
    "x̂ = (x - mean) · rstd once more; db and dw are sums over axes (0, 2, 3); both come back in dx, divided by M.",
    "dx = (w * rstd)[:, None, None] * (dy - db[:, None, None] / m - x_hat * dw[:, None, None] / m)",
)

SOLUTION = '''
import numpy as np


def batch_norm_grads(dy, x, w, mean, rstd):
    """dx like x, dw (C,), db (C,); mean and rstd are forward's."""
    m = x.size / x.shape[1]
    x_hat = (x - mean[:, None, None]) * rstd[:, None, None]
    db = dy.sum(axis=(0, 2, 3))
    dw = (dy * x_hat).sum(axis=(0, 2, 3))
    through_mean = db[:, None, None] / m
    through_var = x_hat * dw[:, None, None] / m
    dx = (w * rstd)[:, None, None] * (dy - through_mean - through_var)
    return dx, dw, db
'''

WRONG = {
    "the mean's term, db / M, is forgotten": ("dy - through_mean - through_var", "dy - through_var"),
    "the variance's term, x̂·dw / M, is forgotten": ("dy - through_mean - through_var", "dy - through_mean"),
    "mean and rstd are taken for constants, as in evaluation": ("dy - through_mean - through_var", "dy"),
    "the sums are divided by N alone, not by M = N·H·W": ("m = x.size / x.shape[1]", "m = len(x)"),
    "the sums are not divided by M": ("m = x.size / x.shape[1]", "m = 1"),
    "the weight w is forgotten": ("(w * rstd)", "rstd"),
    "x stands for x̂": ("dw = (dy * x_hat)", "dw = (dy * x)"),
    "db is averaged, not added up": ("return dx, dw, db", "return dx, dw, db / m"),
}

CHECKS = {"batch_norm_grads": ()}
