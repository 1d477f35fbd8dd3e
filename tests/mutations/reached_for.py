"""Bugs in gelu and its like, group and layer norm, interpolation and the losses of elements, as they are made."""

import numpy as np

from minidl import Tensor, ops
from minidl.kernels import textbook
from minidl.ops.dropout import Dropout2d
from minidl.ops.loss import NllLoss
from minidl.ops.reshape import Reshape
from tests.contract import assert_close
from tests.mutations.elementwise import scaled
from tests.mutations.mutant import Mutant, attribute, kernel

# ---------------------------------------------------------------------------------------------------- activations


def check_tails():
    """Relative digits far below 0, and no overflow far away."""
    y = ops.gelu(Tensor(np.array([-10.0, 1e30], "float32"))).data
    assert_close(y[:1], [-10 * 7.619853024160527e-24], "float32")
    assert y[1] == np.float32(1e30)
    with np.errstate(over="raise"):
        assert_close(ops.softplus(Tensor(np.array([-800.0, 800.0]))).data, [0, 800])


def naive_softplus(original, x, beta, threshold):
    del original, threshold
    with np.errstate(over="ignore"):
        return np.log(1 + np.exp(x * beta)) / beta


ACTIVATIONS = [
    Mutant(
        "gelu: x·φ forgotten in the gradient",
        "gelu",
        kernel("gelu_dx", lambda f, dy, x, how: dy * textbook.gelu(np.ones_like(x), how)),
    ),
    Mutant("gelu: always tanh", "gelu", kernel("gelu", lambda f, x, how: f(x, "tanh"))),
    Mutant("gelu: never tanh", "gelu", kernel("gelu", lambda f, x, how: f(x, "none"))),
    Mutant(
        "gelu: the tail as 1 minus the rest",
        check_tails,
        kernel("gelu", lambda f, x, how: x - x * (f(-x, how) / np.where(x == 0, 1, -x))),
    ),
    Mutant("elu: alpha forgotten", "elu", kernel("elu", lambda f, x, alpha: f(x, 1.0))),
    Mutant("elu: alpha forgotten in the gradient", "elu", kernel("elu_dx", lambda f, dy, y, alpha: f(dy, y, 1.0))),
    Mutant("elu: y for y + alpha", "elu", kernel("elu_dx", lambda f, dy, y, alpha: np.where(y > 0, dy, dy * y))),
    Mutant("softplus: not divided by beta", "softplus", kernel("softplus", lambda f, x, b, t: f(x, b, t) * b)),
    Mutant(
        "softplus: beta in the gradient twice",
        "softplus",
        kernel("softplus_dx", lambda f, dy, x, b, t: f(dy, x, b, t) * b),
    ),
    Mutant("softplus: no threshold", "softplus", kernel("softplus", lambda f, x, b, t: f(x, b, np.inf))),
    Mutant("softplus: overflows", check_tails, kernel("softplus", naive_softplus)),
]

# ---------------------------------------------------------------------------------------------------- norms


def group_dx_without(term):
    """Group norm's dx with one of its three terms dropped."""

    def broken(original, dy, x, w, mean, rstd, groups):
        _, *others = original(dy, x, w, mean, rstd, groups)
        n = len(x)
        rows = (n, groups, x.size // n // groups)
        g = (dy * w.reshape(-1, *[1] * (x.ndim - 2))).reshape(rows)
        x_hat = (x.reshape(rows) - mean[:, :, None]) * rstd[:, :, None]
        terms = {"mean": g.mean(2, keepdims=True), "variance": x_hat * (g * x_hat).mean(2, keepdims=True)}
        dx = (g - sum(value for name, value in terms.items() if name != term)) * rstd[:, :, None]
        return dx.reshape(x.shape).astype(x.dtype), *others

    return broken


def weight_outside_the_sums(original, dy, x, w, mean, rstd):
    """Layer norm's dx as batch norm's: the weight taken out of the sums."""
    _, *others = original(dy, x, w, mean, rstd)
    dx = original(dy, x, np.ones_like(w), mean, rstd)[0] * w
    return dx, *others


NORMS = [
    Mutant("group_norm: dx without the mean", "group_norm", kernel("group_norm_grads", group_dx_without("mean"))),
    Mutant(
        "group_norm: dx without the variance", "group_norm", kernel("group_norm_grads", group_dx_without("variance"))
    ),
    Mutant(
        "group_norm: always one group",
        "group_norm",
        kernel("group_norm", lambda f, x, w, b, g, eps: f(x, w, b, 1, eps)),
    ),
    Mutant(
        "group_norm: dw and db swapped",
        "group_norm",
        kernel("group_norm_grads", lambda f, *args: (f(*args)[0], *f(*args)[:0:-1])),
    ),
    Mutant(
        "group_norm: eps forgotten", "group_norm", kernel("group_norm", lambda f, x, w, b, g, eps: f(x, w, b, g, 0.0))
    ),
    Mutant(
        "layer_norm: the weight outside of the sums", "layer_norm", kernel("layer_norm_grads", weight_outside_the_sums)
    ),
    Mutant("layer_norm: eps forgotten", "layer_norm", kernel("layer_norm", lambda f, x, w, b, eps: f(x, w, b, 0.0))),
    Mutant("layer_norm: dw of one row", "layer_norm", kernel("layer_norm_grads", scaled(0.5, which=1))),
]

# ---------------------------------------------------------------------------------------------------- pictures


def nearest_of_bilinear(original, x, rows, columns):
    return original(x, *[[(low, low, 0.0) for low, _, _ in axis] for axis in (rows, columns)])


def last_wins(original, dy, x_shape, rows, columns):
    """`=` for `+=` along the columns."""
    dx = original(dy, x_shape, rows, columns)
    for j, (low, _, share) in enumerate(columns):
        if not share:
            dx[:, :, :, low] = original(dy[:, :, :, j : j + 1], x_shape, rows, columns[j : j + 1])[:, :, :, low]
    return dx


PICTURES = [
    Mutant("interpolate: always the nearest", "interpolate", kernel("interpolate", nearest_of_bilinear)),
    Mutant("interpolate: = for +=", "interpolate", kernel("interpolate_dx", last_wins)),
    Mutant(
        "interpolate: shares the other way round in the gradient",
        "interpolate",
        kernel(
            "interpolate_dx",
            lambda f, dy, s, rows, columns: f(dy, s, [(b, a, t) for a, b, t in rows], columns),
        ),
    ),
    Mutant(
        "dropout2d: one draw for each pixel",
        "dropout2d",
        attribute(Dropout2d, "forward", lambda f, ctx, x, *, p, rng, draws: f(ctx, x, p=p, rng=rng, draws=x.shape)),
    ),
    Mutant(
        "unflatten: in Fortran's order",
        "unflatten",
        attribute(
            Reshape, "forward", lambda f, ctx, x, *, shape: f(ctx, x, shape=shape).ravel().reshape(shape, order="F")
        ),
    ),
]

# ---------------------------------------------------------------------------------------------------- losses

LOSSES = [
    Mutant("l1_loss: sign", "l1_loss", kernel("l1_dx", scaled(-1))),
    Mutant("smooth_l1_loss: beta forgotten", "smooth_l1_loss", kernel("smooth_l1", lambda f, x, t, beta: f(x, t, 1.0))),
    Mutant(
        "smooth_l1_loss: never straight",
        "smooth_l1_loss",
        kernel("smooth_l1_dx", lambda f, dy, x, t, beta: dy * (x - t) / (beta or 1)),
    ),
    Mutant("nll_loss: sign", "nll_loss", kernel("nll_dx", scaled(-1))),
    Mutant(
        "cross_entropy: sign of dt of each row", "cross_entropy", attribute(NllLoss, "backward", scaled(-1, which=1))
    ),
    Mutant(
        "bce: a yes counts once", "binary_cross_entropy_with_logits", kernel("bce", lambda f, x, t, pos: f(x, t, None))
    ),
    Mutant(
        "bce: a yes counts once in the gradient",
        "binary_cross_entropy_with_logits",
        kernel("bce_dx", lambda f, dy, x, t, pos: f(dy, x, t, None)),
    ),
    Mutant(
        "bce: no gradient of the target",
        "binary_cross_entropy_with_logits",
        kernel("bce_dt", lambda f, dy, x, pos: 0 * f(dy, x, pos)),
    ),
]

MUTANTS = [*ACTIVATIONS, *NORMS, *PICTURES, *LOSSES]
