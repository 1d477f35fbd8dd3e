"""Bugs in the normalisations and in the fused forms, as they are really made."""

import numpy as np

from minidl import Tensor, ops
from minidl.kernels import textbook
from minidl.kernels.textbook import fused as fused_kernels
from minidl.kernels.textbook import norm as norm_kernels
from minidl.ops.fused import AddRelu, ScaleChannels
from minidl.ops.norm import BatchNorm, BatchNormEval
from tests.contract import assert_close
from tests.mutations.mutant import Mutant, attribute, kernel

# ---------------------------------------------------------------------------------------------------- normalisation


def dx_without(term):
    """Batch norm's dx with one of its three terms dropped."""

    def broken(original, dy, x, w, mean, rstd):
        _, *others = original(dy, x, w, mean, rstd)
        m = x.size // x.shape[1]
        x_hat = norm_kernels.centred(x, mean) * norm_kernels.along(rstd, x)
        terms = {
            "mean": norm_kernels.along(norm_kernels.channel_sum(dy) / m, x),
            "variance": x_hat * norm_kernels.along(norm_kernels.channel_sum(dy * x_hat) / m, x),
        }
        dx = (dy - sum(value for name, value in terms.items() if name != term)) * norm_kernels.along(w * rstd, x)
        return dx, *others

    return broken


def unbiased_normalising(original, x, w, b, eps):
    m = x.size // x.shape[1]
    _, mean, rstd = original(x, w, b, eps)
    rstd = ((rstd**-2 - eps) * m / (m - 1) + eps) ** -0.5
    return textbook.batch_norm_eval(x, w, b, mean, rstd), mean, rstd


def eps_outside(original, x, w, b, eps):
    """1 / (√var + eps), still handed to backward as rstd."""
    _, mean, rstd = original(x, w, b, eps)
    rstd = 1 / (np.sqrt(rstd**-2 - eps) + eps)
    return textbook.batch_norm_eval(x, w, b, mean, rstd), mean, rstd


def one_pass_variance(original, x, w, b, eps):
    """Σ x² / M - mean² in the type of x."""
    m = x.size // x.shape[1]
    total, squares = (value.sum(axis=norm_kernels.axes_of_channel(x)) for value in (x, x * x))
    mean = total / m
    rstd = (np.maximum(squares / m - mean**2, 0) + eps) ** -0.5
    y = textbook.batch_norm_eval(x, w, b, mean.astype("float64"), rstd.astype("float64"))
    return y, mean.astype("float64"), rstd.astype("float64")


def check_large_mean():
    """In float32 a channel around 10,000 is normalised as well as one around 0."""
    x = (np.random.default_rng(0).standard_normal((8, 3, 5, 5)) + 10_000).astype("float32")
    exact = ops.batch_norm(Tensor(x.astype("float64")), None, None, None, None, training=True)
    assert_close(ops.batch_norm(Tensor(x), None, None, None, None, training=True).data, exact.data, "float32")


def running_arrays_change(change):
    """Training, after which the running arrays are something else."""

    def broken(original, ctx, x, w, b, residual, *, running_mean, running_var, **settings):
        before = (running_mean.copy(), running_var.copy()) if running_mean is not None else None
        y = original(ctx, x, w, b, residual, running_mean=running_mean, running_var=running_var, **settings)
        if before is not None:
            running_mean[...], running_var[...] = change(before, (running_mean, running_var), settings["momentum"], x)
        return y

    return broken


def biased_running_var(before, after, momentum, x):
    m = x.size // x.shape[1]
    return after[0], before[1] * (1 - momentum) + (after[1] - before[1] * (1 - momentum)) * (m - 1) / m


def swapped_momentum(before, after, momentum, x):
    new = [(a - (1 - momentum) * b) / momentum for b, a in zip(before, after, strict=True)]
    return tuple(momentum * b + (1 - momentum) * value for b, value in zip(before, new, strict=True))


def residual_behind(original, x, w, b, mean, rstd, activation, residual):
    """The residual added behind the activation."""
    y = original(x, w, b, mean, rstd, activation, None)
    return y if residual is None else y + residual


def check_eval_backward_after_training():
    """Backward of an evaluation uses the statistics that forward used, even if training moved them since."""
    rng = np.random.default_rng(0)
    data, mean, var = rng.standard_normal((4, 3)), np.zeros(3), np.ones(3)
    x = Tensor(data, requires_grad=True)
    weight = Tensor(np.ones(3), requires_grad=True)
    y = ops.batch_norm(x, weight, None, mean, var, training=False)
    ops.batch_norm(Tensor(data * 5 + 3), None, None, mean, var, training=True)
    y.backward(np.ones((4, 3)))
    assert_close(weight.grad, (data / np.sqrt(1 + 1e-5)).sum(axis=0))


def saved_by_reference(original, ctx, x, w, b, residual, *, running_mean, running_var, **settings):
    y = original(ctx, x, w, b, residual, running_mean=running_mean, running_var=running_var, **settings)
    x, w, b, _, *rest = ctx.saved
    ctx.save(x, w, b, running_mean, *rest)
    return y


def mask_forgotten(activation):
    def broken(original, dy, x, w, b, mean, rstd, given, *shows):
        return original(dy, x, w, b, mean, rstd, None if given == activation else given, *shows)

    return broken


def relu6_as_relu(original, dy, x, w, b, mean, rstd, activation, *shows):
    return original(dy, x, w, b, mean, rstd, "relu" if activation == "relu6" else activation, *shows)


def half_silu(original, dy, activation, z):
    """The product rule forgotten: silu' taken as the sigmoid."""
    return dy * textbook.sigmoid(z) if activation == "silu" else original(dy, activation, z)


def half_hardswish(original, dy, activation, z):
    """The product rule forgotten: hardswish' taken as the hardsigmoid."""
    return dy * textbook.hardsigmoid(z) if activation == "hardswish" else original(dy, activation, z)


def shift_forgotten(original, dy, x, w, b, *rest):
    """z made again without its bias: the mask of the activation is taken at the wrong place."""
    return original(dy, x, w, np.zeros_like(b), *rest)


def residual_behind_the_activation(original, *args):
    *rest, activation, residual = args
    y, mean, rstd = original(*rest, activation, None)
    return (y if residual is None else y + residual), mean, rstd


def residual_gradient_unmasked(original, ctx, dy):
    *gradients, residual = original(ctx, dy)
    return *gradients, residual if residual is None else dy.copy()


def lrn_cross_term(factor):
    def broken(original, dy, x, scale, size, alpha, beta):
        own = dy * scale**-beta
        return own + factor * (original(dy, x, scale, size, alpha, beta) - own)

    return broken


def mirrored_forgotten(original, dy, x, scale, size, alpha, beta):
    """The forward window used backward: for even sizes it is another one."""
    if size % 2:
        return original(dy, x, scale, size, alpha, beta)
    return original(dy[:, ::-1], x[:, ::-1], scale[:, ::-1], size, alpha, beta)[:, ::-1]


def wrapped_window(original, x, size, alpha, beta, k):
    """Not clipped: the last channels are the neighbours of the first."""
    total = sum(np.roll(x * x, -offset, axis=1) for offset in range(-(size // 2), (size - 1) // 2 + 1))
    scale = k + alpha * total
    return x * scale**-beta, scale


NORMALISATION = [
    Mutant(
        "batch_norm dx: scaled by 1.001",
        "batch_norm",
        kernel("batch_norm_grads", lambda f, *a: (lambda dx, *rest: (dx * 1.001, *rest))(*f(*a))),
    ),
    Mutant("batch_norm dx: mean term dropped", "batch_norm", kernel("batch_norm_grads", dx_without("mean"))),
    Mutant("batch_norm dx: variance term dropped", "batch_norm", kernel("batch_norm_grads", dx_without("variance"))),
    Mutant(
        "batch_norm dx: times 3",
        "batch_norm",
        kernel("batch_norm_grads", lambda f, *a: (lambda dx, *rest: (dx * 3, *rest))(*f(*a))),
    ),
    Mutant(
        "batch_norm dx: weight forgotten",
        "batch_norm",
        kernel(
            "batch_norm_grads",
            lambda f, dy, x, w, *a: (f(dy, x, np.ones_like(w), *a)[0], *f(dy, x, w, *a)[1:]),
        ),
    ),
    Mutant(
        "batch_norm: dw and db swapped",
        "batch_norm",
        kernel("batch_norm_grads", lambda f, *a: (lambda dx, dw, db: (dx, db, dw))(*f(*a))),
    ),
    Mutant("batch_norm: unbiased variance for normalising", "batch_norm", kernel("batch_norm", unbiased_normalising)),
    Mutant("batch_norm: eps outside the root", "batch_norm", kernel("batch_norm", eps_outside)),
    Mutant("batch_norm: variance in one pass", check_large_mean, kernel("batch_norm", one_pass_variance)),
    Mutant(
        "batch_norm: biased running variance",
        "batch_norm",
        attribute(BatchNorm, "forward", running_arrays_change(biased_running_var)),
    ),
    Mutant(
        "batch_norm: stale statistics",
        "batch_norm",
        attribute(BatchNorm, "forward", running_arrays_change(lambda before, after, momentum, x: before)),
    ),
    Mutant(
        "batch_norm: running statistics of the last batch only",
        "batch_norm",
        attribute(BatchNorm, "forward", running_arrays_change(swapped_momentum)),
    ),
    Mutant(
        "batch_norm: eval keeps the running mean itself",
        check_eval_backward_after_training,
        attribute(BatchNormEval, "forward", saved_by_reference),
    ),
    Mutant(
        "batch_norm: eval, the residual behind the activation",
        "batch_norm",
        kernel("batch_norm_eval_fused", residual_behind),
    ),
    Mutant(
        "batch_norm: eval normalises by the batch",
        "batch_norm",
        kernel("batch_norm_eval", lambda f, x, w, b, mean, rstd: textbook.batch_norm(x, w, b, 1e-5)[0]),
    ),
    Mutant(
        "batch_norm: eval dx as in training",
        "batch_norm",
        kernel("batch_norm_eval_grads", lambda f, *a: textbook.batch_norm_grads(*a)),
    ),
    Mutant("batch_norm: z without its bias", "batch_norm", kernel("batch_norm_fused_grads", shift_forgotten)),
    Mutant(
        "batch_norm: residual behind relu", "batch_norm", kernel("batch_norm_fused", residual_behind_the_activation)
    ),
    Mutant(
        "batch_norm: the residual's gradient without the mask",
        "batch_norm",
        attribute(BatchNorm, "backward", residual_gradient_unmasked),
    ),
    Mutant("batch_norm: relu's mask forgotten", "batch_norm", kernel("batch_norm_fused_grads", mask_forgotten("relu"))),
    Mutant("batch_norm: relu6 passes above 6", "batch_norm", kernel("batch_norm_fused_grads", relu6_as_relu)),
    Mutant(
        "batch_norm: eval, relu6 passes above 6", "batch_norm", kernel("batch_norm_eval_fused_grads", relu6_as_relu)
    ),
    Mutant("batch_norm: half of silu's derivative", "batch_norm", attribute(fused_kernels, "finish_dx", half_silu)),
    Mutant(
        "batch_norm: half of hardswish's derivative",
        "batch_norm",
        attribute(fused_kernels, "finish_dx", half_hardswish),
    ),
    Mutant(
        "lrn: alpha divided by size",
        "local_response_norm",
        kernel("lrn", lambda f, x, size, alpha, *a: f(x, size, alpha / size, *a)),
    ),
    Mutant(
        "lrn: window one channel short",
        "local_response_norm",
        kernel("lrn", lambda f, x, size, *a: f(x, max(1, size - 1), *a)),
    ),
    Mutant("lrn: window not clipped", "local_response_norm", kernel("lrn", wrapped_window)),
    Mutant("lrn: k forgotten", "local_response_norm", kernel("lrn", lambda f, x, s, a, b, k: f(x, s, a, b, 1.0))),
    Mutant("lrn dx: neighbours forgotten", "local_response_norm", kernel("lrn_dx", lrn_cross_term(0))),
    Mutant("lrn dx: factor 2 forgotten", "local_response_norm", kernel("lrn_dx", lrn_cross_term(0.5))),
    Mutant("lrn dx: sign of the neighbours", "local_response_norm", kernel("lrn_dx", lrn_cross_term(-1))),
    Mutant("lrn dx: window not mirrored", "local_response_norm", kernel("lrn_dx", mirrored_forgotten)),
    Mutant(
        "lrn dx: scale with the wrong exponent",
        "local_response_norm",
        kernel("lrn_dx", lambda f, dy, x, scale, size, alpha, beta: f(dy, x, scale, size, alpha, beta + 1)),
    ),
]

# ---------------------------------------------------------------------------------------------------- fused forms

FUSED = [
    Mutant("add relu: mask forgotten", "add", kernel("relu_dx", lambda f, dy, y: dy.copy())),
    Mutant("add relu: relu before the sum", "add", kernel("add_relu", lambda f, a, b: np.maximum(a, 0) + b)),
    Mutant(
        "add relu: second operand gets nothing",
        "add",
        attribute(AddRelu, "backward", lambda f, ctx, dy: (f(ctx, dy)[0], None)),
    ),
    Mutant(
        "scale_channels: ds is a mean",
        "scale_channels",
        kernel("scale_channels_grads", lambda f, dy, x, s: (f(dy, x, s)[0], f(dy, x, s)[1] / dy[0, 0].size)),
    ),
    Mutant(
        "scale_channels: dx without the scale",
        "scale_channels",
        kernel("scale_channels_grads", lambda f, dy, x, s: (dy.copy(), f(dy, x, s)[1])),
    ),
    Mutant(
        "scale_channels: dx alone has the wrong scale",
        "scale_channels",
        attribute(ScaleChannels, "backward", lambda f, ctx, dy: f(ctx, dy) if all(ctx.needs) else (dy, None)),
    ),
]

MUTANTS = [*NORMALISATION, *FUSED]
