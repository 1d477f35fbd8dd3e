"""Bugs in gelu and its like, group and layer norm, interpolation and the losses of elements, as they are made."""

import importlib
import math

import numpy as np

from minidl import Tensor, ops
from minidl.kernels import textbook
from minidl.kernels.textbook import smooth
from minidl.ops.dropout import Dropout2d
from minidl.ops.loss import NllLoss
from minidl.ops.reshape import Reshape
from tests.contract import assert_close
from tests.mutations.elementwise import scaled
from tests.mutations.mutant import Mutant, attribute, kernel

interpolate_module = importlib.import_module("minidl.ops.interpolate")  # the operation hides its file

# ---------------------------------------------------------------------------------------------------- activations


def check_tails():
    """Relative digits far below 0, and no overflow far away."""
    y = ops.gelu(Tensor(np.array([-10.0, 1e30], "float32"))).data
    assert_close(y[:1], [-10 * 7.619853024160527e-24], "float32")
    assert y[1] == np.float32(1e30)
    with np.errstate(over="raise"):
        assert_close(ops.softplus(Tensor(np.array([-800.0, 800.0]))).data, [0, 800])


def density_without_its_root(original, dy, x, how):
    """φ as e^(-x²/2) alone."""
    if how == "tanh":
        return original(dy, x, how)
    more = np.exp(-x * x / 2) * (1 - (2 * math.pi) ** -0.5)
    return original(dy, x, how) + dy * (x * more).astype(dy.dtype)


def slope_of_the_cube_forgotten(original, dy, x, how):
    """u' as if u were a straight line."""
    if how != "tanh":
        return original(dy, x, how)
    gate = smooth._gate(x, how)
    return (dy * (gate + x * 2 * math.sqrt(2 / math.pi) * gate * (1 - gate))).astype(dy.dtype)


def by_sigmoid(original, x, how):
    """The other approximation of the paper, x·σ(1.702·x)."""
    return x * textbook.sigmoid((1.702 * x).astype(x.dtype)) if how == "tanh" else original(x, how)


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
    Mutant("gelu: φ without 1/√2π", "gelu", kernel("gelu_dx", density_without_its_root)),
    Mutant("gelu: the slope of the cube forgotten", "gelu", kernel("gelu_dx", slope_of_the_cube_forgotten)),
    Mutant("gelu: the approximation by a sigmoid", "gelu", kernel("gelu", by_sigmoid)),
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


def layer_dx_without(term):
    """Layer norm's dx with one of its three terms dropped."""

    def broken(original, dy, x, w, mean, rstd):
        _, *others = original(dy, x, w, mean, rstd)
        axes, g, x_hat = tuple(range(x.ndim - w.ndim, x.ndim)), dy * w, (x - mean) * rstd
        terms = {"mean": g.mean(axes, keepdims=True), "variance": x_hat * (g * x_hat).mean(axes, keepdims=True)}
        dx = (g - sum(value for name, value in terms.items() if name != term)) * rstd
        return dx.astype(x.dtype), *others

    return broken


def channels_in_turn(original, x, w, b, groups, eps):
    """Channel c belongs to group c mod G."""
    order = np.arange(x.shape[1]).reshape(-1, groups).T.reshape(-1)
    y, *others = original(x[:, order], w[order], b[order], groups, eps)
    return y[:, np.argsort(order)], *others


def unbiased(count):
    """The variance divided by M - 1."""

    def broken(original, x, w, *rest):
        m = count(x, w, *rest)
        return original(x, w * w.dtype.type(math.sqrt(1 - 1 / m)), *rest)

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
    Mutant("group_norm: channels in turn", "group_norm", kernel("group_norm", channels_in_turn)),
    Mutant(
        "group_norm: the unbiased variance",
        "group_norm",
        kernel("group_norm", unbiased(lambda x, w, b, groups, eps: x[0].size // groups)),
    ),
    Mutant("layer_norm: dx without the mean", "layer_norm", kernel("layer_norm_grads", layer_dx_without("mean"))),
    Mutant(
        "layer_norm: dx without the variance", "layer_norm", kernel("layer_norm_grads", layer_dx_without("variance"))
    ),
    Mutant(
        "layer_norm: dw and db swapped",
        "layer_norm",
        kernel("layer_norm_grads", lambda f, *args: (f(*args)[0], *f(*args)[:0:-1])),
    ),
    Mutant(
        "layer_norm: the unbiased variance", "layer_norm", kernel("layer_norm", unbiased(lambda x, w, b, eps: w.size))
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


def places_of_edges(original, size, out_size, step, mode, align_corners):
    """A row is where it begins, not where its middle is."""
    if mode == "nearest" or align_corners:
        return original(size, out_size, step, mode, align_corners)
    at = [min(i * step, size - 1) for i in range(out_size)]
    return tuple((int(one), min(int(one) + 1, size - 1), one - int(one)) for one in at)


def places_rounded(original, size, out_size, step, mode, align_corners):
    """The nearest row by its number, not by its middle."""
    if mode != "nearest":
        return original(size, out_size, step, mode, align_corners)
    return tuple((low, low, 0.0) for low in (min(math.floor(i * step + 0.5), size - 1) for i in range(out_size)))


def last_wins(original, dy, x_shape, rows, columns):
    """`=` for `+=` along the columns."""
    dx = original(dy, x_shape, rows, columns)
    for j, (low, _, share) in enumerate(columns):
        if not share:
            dx[:, :, :, low] = original(dy[:, :, :, j : j + 1], x_shape, rows, columns[j : j + 1])[:, :, :, low]
    return dx


PICTURES = [
    Mutant("interpolate: always the nearest", "interpolate", kernel("interpolate", nearest_of_bilinear)),
    Mutant(
        "interpolate: rows begin where they should have their middle",
        "interpolate",
        attribute(interpolate_module, "places", places_of_edges),
    ),
    Mutant(
        "interpolate: the nearest by rounding", "interpolate", attribute(interpolate_module, "places", places_rounded)
    ),
    Mutant(
        "interpolate: corners never aligned",
        "interpolate",
        attribute(
            interpolate_module, "places", lambda f, size, out, step, mode, aligned: f(size, out, step, mode, False)
        ),
    ),
    Mutant(
        "interpolate: gradients averaged",
        "interpolate",
        kernel(
            "interpolate_dx",
            lambda f, dy, s, rows, columns: f(dy, s, rows, columns) * dy.dtype.type(s[2] * s[3] / dy[0, 0].size),
        ),
    ),
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
    *(
        Mutant(
            f"{op}: in Fortran's order",
            op,
            attribute(
                Reshape, "forward", lambda f, ctx, x, *, shape: f(ctx, x, shape=shape).ravel().reshape(shape, order="F")
            ),
        )
        for op in ("flatten", "unflatten")
    ),
]

# ---------------------------------------------------------------------------------------------------- losses


def check_sure_logits():
    """No overflow where the network is sure, right or wrong."""
    x, t = Tensor(np.array([-800.0, 800.0, 800.0])), Tensor(np.array([1.0, 1.0, 0.0]))
    with np.errstate(over="raise"):
        assert_close(ops.binary_cross_entropy_with_logits(x, t, reduction="none").data, [800, 0, 800])


def naive_bce(original, x, t, pos_weight):
    """-log of the sigmoid, as it is written on paper."""
    del original
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        p = 1 / (1 + np.exp(-x))
        yes, no = t * np.log(p), (1 - t) * np.log(1 - p)
    return -(yes if pos_weight is None else pos_weight * yes) - no


LOSSES = [
    Mutant("l1_loss: without its sides", "l1_loss", kernel("l1", lambda f, x, t: x - t)),
    Mutant("mse_loss: the sum", "mse_loss", kernel("mse", lambda f, x, t: (f(x, t)[0] * x.size, f(x, t)[1]))),
    Mutant("nll_loss: twice", "nll_loss", kernel("nll", lambda f, log_p, t: 2 * f(log_p, t))),
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
    Mutant("bce: sign", "binary_cross_entropy_with_logits", kernel("bce_dx", scaled(-1))),
    Mutant(
        "bce: the weight of a yes is that of a no",
        "binary_cross_entropy_with_logits",
        kernel("bce", lambda f, x, t, pos: f(-x, 1 - t, pos)),
    ),
    Mutant(
        "bce: what comes from above forgotten",
        "binary_cross_entropy_with_logits",
        kernel("bce_dx", lambda f, dy, x, t, pos: f(np.ones_like(dy), x, t, pos)),
    ),
    Mutant(
        "bce: the weight forgotten in the gradient of the target",
        "binary_cross_entropy_with_logits",
        kernel("bce_dt", lambda f, dy, x, pos: f(dy, x, None)),
    ),
    Mutant("bce: overflows", check_sure_logits, kernel("bce", naive_bce)),
    Mutant(
        "bce: no gradient of the target",
        "binary_cross_entropy_with_logits",
        kernel("bce_dt", lambda f, dy, x, pos: 0 * f(dy, x, pos)),
    ),
]

MUTANTS = [*ACTIVATIONS, *NORMS, *PICTURES, *LOSSES]
