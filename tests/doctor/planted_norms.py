"""Planted bugs: local response norm, batch norm, running statistics; written as people write them."""

import numpy as np

from tests.doctor.planting import bug


def window_sum(v, low, high):
    """Sum the channels from c + low to c + high, one number at a time."""
    total = np.zeros_like(v)
    for c in range(v.shape[1]):
        for j in range(max(c + low, 0), min(c + high, v.shape[1] - 1) + 1):
            total[:, c] += v[:, j]
    return total


def by_scale(x, scale, beta):
    return x / scale**beta, scale


def right_scale(x, size, alpha, beta, k):
    return k + alpha * window_sum(x**2, -(size // 2), (size - 1) // 2)


# ------------------------------------------------------------------ local response norm


@bug("lrn", "lrn", "size channels to each side")
def lrn_radius(x, size, alpha, beta, k):
    return by_scale(x, k + alpha * window_sum(x**2, -size, size), beta)


@bug("lrn", "lrn", "alpha is divided by the window size")
def lrn_caffe(x, size, alpha, beta, k):
    return by_scale(x, k + alpha / size * window_sum(x**2, -(size // 2), (size - 1) // 2), beta)


@bug("lrn", "lrn", "the last channel of the window is left out")
def lrn_range(x, size, alpha, beta, k):
    half = size // 2
    scale = np.empty_like(x)
    for c in range(x.shape[1]):
        low, high = max(0, c - half), min(x.shape[1], c + (size - 1) // 2)
        scale[:, c] = k + alpha * (x[:, low:high] ** 2).sum(axis=1)
    return by_scale(x, scale, beta)


@bug("lrn", "lrn", "leans to the other side")
def lrn_even(x, size, alpha, beta, k):
    return by_scale(x, k + alpha * window_sum(x**2, -((size - 1) // 2), size // 2), beta)


@bug("lrn", "lrn", "along the columns, not along the channels")
def lrn_along_columns(x, size, alpha, beta, k):
    moved = window_sum((x**2).swapaxes(1, 3), -(size // 2), (size - 1) // 2).swapaxes(1, 3)
    return by_scale(x, k + alpha * moved, beta)


@bug("lrn", "lrn", "np.roll")
def lrn_rolled(x, size, alpha, beta, k):
    seen = sum(np.roll(x**2, -j, axis=1) for j in range(-(size // 2), (size - 1) // 2 + 1))
    return by_scale(x, k + alpha * seen, beta)


@bug("lrn", "lrn", "beta is forgotten")
def lrn_no_beta(x, size, alpha, beta, k):
    scale = right_scale(x, size, alpha, beta, k)
    return x / scale, scale


@bug("lrn", "lrn", "k is forgotten")
def lrn_no_k(x, size, alpha, beta, k):
    return by_scale(x, right_scale(x, size, alpha, beta, 0.0), beta)


@bug("lrn", "lrn", "absolute values stand for the squares")
def lrn_not_squared(x, size, alpha, beta, k):
    return by_scale(x, k + alpha * window_sum(np.abs(x), -(size // 2), (size - 1) // 2), beta)


@bug("lrn", "lrn", "scale^beta, not divided")
def lrn_multiplied(x, size, alpha, beta, k):
    scale = right_scale(x, size, alpha, beta, k)
    return x * scale**beta, scale


@bug("lrn_dx", "lrn", "taken for a constant")
def lrn_dx_constant(dy, x, scale, size, alpha, beta):
    return dy * scale**-beta


@bug("lrn_dx", "lrn", "the 2 of the square is forgotten")
def lrn_dx_no_two(dy, x, scale, size, alpha, beta):
    seen = window_sum(dy * x * scale ** (-beta - 1), -((size - 1) // 2), size // 2)
    return dy * scale**-beta - alpha * beta * x * seen


@bug("lrn_dx", "lrn", "only the channel's own share")
def lrn_dx_own(dy, x, scale, size, alpha, beta):
    return dy * scale**-beta - 2 * alpha * beta * x * x * dy * scale ** (-beta - 1)


@bug("lrn_dx", "lrn", "added, not taken away")
def lrn_dx_sign(dy, x, scale, size, alpha, beta):
    seen = window_sum(dy * x * scale ** (-beta - 1), -((size - 1) // 2), size // 2)
    return dy * scale**-beta + 2 * alpha * beta * x * seen


@bug("lrn_dx", "lrn", "must be mirrored")
def lrn_dx_not_mirrored(dy, x, scale, size, alpha, beta):
    seen = window_sum(dy * x * scale ** (-beta - 1), -(size // 2), (size - 1) // 2)
    return dy * scale**-beta - 2 * alpha * beta * x * seen


@bug("lrn_dx", "lrn", "-beta, not -beta - 1")
def lrn_dx_power(dy, x, scale, size, alpha, beta):
    seen = window_sum(dy * x * scale**-beta, -((size - 1) // 2), size // 2)
    return dy * scale**-beta - 2 * alpha * beta * x * seen


@bug("lrn_dx", "lrn", "alpha is divided by the window size")
def lrn_dx_caffe(dy, x, scale, size, alpha, beta):
    seen = window_sum(dy * x * scale ** (-beta - 1), -((size - 1) // 2), size // 2)
    return dy * scale**-beta - 2 * alpha / size * beta * x * seen


# ------------------------------------------------------------------ batch norm


AXES = (0, 2, 3)


def c(v):
    return v[None, :, None, None]


def normal(x, w, b, mean, rstd):
    return c(w) * (x - c(mean)) * c(rstd) + c(b), mean, rstd


@bug("batch_norm", "batch norm", "divided by M - 1")
def bn_unbiased(x, w, b, eps):
    return normal(x, w, b, x.mean(AXES), 1 / np.sqrt(x.var(AXES, ddof=1) + eps))


@bug("batch_norm", "batch norm", "eps stands outside of the root")
def bn_eps_outside(x, w, b, eps):
    return normal(x, w, b, x.mean(AXES), 1 / (x.std(AXES) + eps))


@bug("batch_norm", "batch norm", "eps is forgotten")
def bn_no_eps(x, w, b, eps):
    return normal(x, w, b, x.mean(AXES), 1 / x.std(AXES))


@bug("batch_norm", "batch norm", "the root is forgotten")
def bn_no_root(x, w, b, eps):
    return normal(x, w, b, x.mean(AXES), 1 / (x.var(AXES) + eps))


@bug("batch_norm", "batch norm", "instance norm")
def bn_instance(x, w, b, eps):
    mean, var = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)
    y = c(w) * (x - mean) / np.sqrt(var + eps) + c(b)
    return y, x.mean(AXES), 1 / np.sqrt(x.var(AXES) + eps)


@bug("batch_norm", "batch norm", "layer norm")
def bn_layer(x, w, b, eps):
    mean, var = x.mean((1, 2, 3), keepdims=True), x.var((1, 2, 3), keepdims=True)
    y = c(w) * (x - mean) / np.sqrt(var + eps) + c(b)
    return y, x.mean(AXES), 1 / np.sqrt(x.var(AXES) + eps)


@bug("batch_norm", "batch norm", "w·(x̂ + b)")
def bn_bias_first(x, w, b, eps):
    mean, rstd = x.mean(AXES), 1 / np.sqrt(x.var(AXES) + eps)
    return c(w) * ((x - c(mean)) * c(rstd) + c(b)), mean, rstd


@bug("batch_norm", "batch norm", "not 1 over it")
def bn_returns_std(x, w, b, eps):
    y, mean, rstd = normal(x, w, b, x.mean(AXES), 1 / np.sqrt(x.var(AXES) + eps))
    return y, mean, 1 / rstd


@bug("batch_norm", "batch norm", "changes its argument x")
def bn_in_place(x, w, b, eps):
    mean, rstd = x.mean(AXES), 1 / np.sqrt(x.var(AXES) + eps)
    y = x.view()
    y -= c(mean)
    y *= c(w * rstd)
    y += c(b)
    return y, mean, rstd


@bug("batch_norm_eval", "batch norm", "the statistics of the batch are taken")
def bn_eval_batch(x, w, b, mean, rstd):
    return normal(x, w, b, x.mean(AXES), 1 / np.sqrt(x.var(AXES) + 1e-5))[0]


@bug("batch_norm_eval", "batch norm", "1 over the deviation already")
def bn_eval_divides(x, w, b, mean, rstd):
    return c(w) * (x - c(mean)) / c(rstd) + c(b)


def hat(x, mean, rstd):
    return (x - c(mean)) * c(rstd)


@bug("batch_norm_grads", "batch norm", "taken for constants")
def bn_dx_constants(dy, x, w, mean, rstd):
    x_hat = hat(x, mean, rstd)
    return c(w * rstd) * dy, (dy * x_hat).sum(AXES), dy.sum(AXES)


def dx_with(dy, x, w, mean, rstd, first, second):
    x_hat = hat(x, mean, rstd)
    db, dw = dy.sum(AXES), (dy * x_hat).sum(AXES)
    return c(w * rstd) * (dy - c(db) * first - x_hat * c(dw) * second), dw, db


@bug("batch_norm_grads", "batch norm", "the mean's term, db / M, is forgotten")
def bn_dx_no_mean(dy, x, w, mean, rstd):
    return dx_with(dy, x, w, mean, rstd, 0, x.shape[1] / x.size)


@bug("batch_norm_grads", "batch norm", "the variance's term, x̂·dw / M, is forgotten")
def bn_dx_no_var(dy, x, w, mean, rstd):
    return dx_with(dy, x, w, mean, rstd, x.shape[1] / x.size, 0)


@bug("batch_norm_grads", "batch norm", "the sums are divided by N alone")
def bn_dx_by_n(dy, x, w, mean, rstd):
    return dx_with(dy, x, w, mean, rstd, 1 / len(x), 1 / len(x))


@bug("batch_norm_grads", "batch norm", "the sums are not divided by M")
def bn_dx_sums(dy, x, w, mean, rstd):
    return dx_with(dy, x, w, mean, rstd, 1, 1)


@bug("batch_norm_grads", "batch norm", "the weight w is forgotten")
def bn_dx_no_weight(dy, x, w, mean, rstd):
    dx, dw, db = dx_with(dy, x, np.ones_like(w), mean, rstd, x.shape[1] / x.size, x.shape[1] / x.size)
    return dx, dw, db


@bug("batch_norm_grads", "batch norm", "x stands for x̂")
def bn_dw_of_x(dy, x, w, mean, rstd):
    dx, _, db = dx_with(dy, x, w, mean, rstd, x.shape[1] / x.size, x.shape[1] / x.size)
    return dx, (dy * x).sum(AXES), db


@bug("batch_norm_grads", "batch norm", "x stands for x̂")
def bn_dw_of_x_in_dx(dy, x, w, mean, rstd):
    """dx is wrong, too, but only because dw is: that one is named."""
    m, dw, db = x.size / x.shape[1], (dy * x).sum(AXES), dy.sum(AXES)
    return c(w * rstd) * (dy - c(db) / m - hat(x, mean, rstd) * c(dw) / m), dw, db


@bug("batch_norm_grads", "batch norm", "db is averaged")
def bn_db_mean(dy, x, w, mean, rstd):
    dx, dw, _ = dx_with(dy, x, w, mean, rstd, x.shape[1] / x.size, x.shape[1] / x.size)
    return dx, dw, dy.mean(AXES)


@bug("batch_norm_grads", "batch norm", "dw and db are exchanged")
def bn_exchanged(dy, x, w, mean, rstd):
    dx, dw, db = dx_with(dy, x, w, mean, rstd, x.shape[1] / x.size, x.shape[1] / x.size)
    return dx, db, dw


@bug("batch_norm_grads", "batch norm", "x - mean stands for x̂ in the variance's term")
def bn_dvar_sign_of_power(dy, x, w, mean, rstd):
    """Step by step, with rstd² for rstd³."""
    m, g, centred = x.size // x.shape[1], c(w) * dy, x - c(mean)
    dvar = (g * centred).sum(AXES) * -0.5 * rstd**2
    dmean = -rstd * g.sum(AXES)
    dx = g * c(rstd) + c(dvar) * 2 * centred / m + c(dmean) / m
    return dx, (dy * centred * c(rstd)).sum(AXES), dy.sum(AXES)


@bug("running_statistics", "batch norm", "the running one is unbiased")
def running_biased(x, mean, var, momentum):
    return (1 - momentum) * mean + momentum * x.mean(AXES), (1 - momentum) * var + momentum * x.var(AXES)


@bug("running_statistics", "batch norm", "momentum counts for the old number")
def running_turned(x, mean, var, momentum):
    return momentum * mean + (1 - momentum) * x.mean(AXES), momentum * var + (1 - momentum) * x.var(AXES, ddof=1)


@bug("running_statistics", "batch norm", "changes its argument mean")
def running_in_place(x, mean, var, momentum):
    mean *= 1 - momentum
    mean += momentum * x.mean(AXES)
    return mean, (1 - momentum) * var + momentum * x.var(AXES, ddof=1)
