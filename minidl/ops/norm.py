"""Normalisation: batch norm over the pictures of a batch, local response norm over neighbouring channels.

The formulas and their gradients stand in minidl/kernels/textbook/: norm.py, fused.py and lrn.py. The pages
docs/derivations/batch_norm.md and local_response_norm.md derive them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_choice, check_flag, check_fraction, check_positive, check_rank, to_int
from minidl.kernels._launches import note_made
from minidl.tensor import NOT_OVER, Context, Function, Tensor

ACTIVATIONS = (None, "relu", "relu6", "silu", "hardswish")
SIDES = {  # of their kinks, on which a number lies
    "relu": lambda z: z > 0,
    "relu6": lambda z: (z > 0) * 1 + (z >= 6),
    "hardswish": lambda z: (z > -3) * 1 + (z >= 3),
}


# Where the slope of an activation of z is read off in backward, and what is kept for that.
LINEAR = "no activation"  # nothing: dz is dy
FROM_X = "an activation"  # nothing: z is made again from x
FROM_RESULT = "a residual, and relu or relu6"  # the result y, which the next layer keeps anyway
FROM_RESIDUAL = "a residual, and another activation"  # the residual: z is made again from both


def _keep(ctx: Context, line: tuple[Array, ...], activation: str | None, residual: Array | None, y: Array) -> None:
    """Keep what backward needs; `line` is x, w, b, mean and rstd."""
    more: tuple[Any, ...] = ()
    ctx.activation = activation
    if activation is None:
        ctx.case = LINEAR
    elif residual is None:
        ctx.case = FROM_X
    elif activation in ("relu", "relu6"):
        ctx.case, more = FROM_RESULT, (y,)
    else:
        ctx.case, more = FROM_RESIDUAL, (residual,)
    ctx.save(*line, *more)
    if activation in SIDES and ctx.case == FROM_RESULT:
        ctx.choices = lambda: SIDES[activation](y)
    elif activation in SIDES:  # on which side of each kink z lies
        ctx.choices = lambda: SIDES[activation](_before(line, residual))


def _before(line: tuple[Any, ...], residual: Array | None) -> Array:
    x, w, b, mean, rstd = line
    return kernels.batch_norm_eval_fused(x, w, b, mean, rstd, None, residual)


def _gradients(ctx: Context, dy: Array, plain: Callable[..., Any], fused: Callable[..., Any]) -> tuple[Any, ...]:
    """Return dx, dw, db and that of the residual, each where it is needed, by the kernel of the case."""
    x, w, b, mean, rstd, *more = ctx.saved
    if ctx.case == LINEAR:
        over = NOT_OVER if ctx.needs[3] else ctx.over  # dy goes on to the residual as it is
        found = *plain(dy, x, w, mean, rstd, **over), dy
    else:
        shows = {FROM_X: (None, None), FROM_RESULT: (None, *more), FROM_RESIDUAL: (*more, None)}[ctx.case]
        found = fused(dy, x, w, b, mean, rstd, ctx.activation, *shows, **ctx.over)
    return tuple([gradient if needed else None for gradient, needed in zip(found, ctx.needs, strict=True)])


class BatchNorm(Function):
    """Saves x, w, b, mean and rstd (C numbers each), and what the case asks for: see `_keep`."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Array,
        w: Array,
        b: Array,
        residual: Array | None,
        *,
        running_mean: Array | None,
        running_var: Array | None,
        momentum: float,
        eps: float,
        activation: str | None,
    ) -> Array:
        """Normalise by the statistics of this batch; the running ones move a step towards them."""
        if activation is residual is None:
            y, mean, rstd = kernels.batch_norm(x, w, b, eps)
        else:
            y, mean, rstd = kernels.batch_norm_fused(x, w, b, eps, activation, residual)
        _keep(ctx, (x, w, b, mean, rstd), activation, residual, y)
        if running_mean is not None and running_var is not None:
            kernels.batch_norm_running(running_mean, running_var, mean, rstd, eps, x.size // x.shape[1], momentum)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx, dw, db and the gradient of the residual; x also acts through mean and rstd."""
        return _gradients(ctx, dy, kernels.batch_norm_grads, kernels.batch_norm_fused_grads)


def _mean_of(running_mean: Array) -> Array:
    return running_mean.astype("float64")


def _rstd_of(running_var: Array, eps: float) -> Array:
    return (running_var.astype("float64") + eps) ** -0.5


class BatchNormEval(Function):
    """Saves the same; mean and rstd are copies, so that training steps before backward do not change them."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Array,
        w: Array,
        b: Array,
        residual: Array | None,
        *,
        running_mean: Array,
        running_var: Array,
        eps: float,
        activation: str | None,
    ) -> Array:
        """Normalise by the running statistics, which are constants here."""
        mean = note_made(_mean_of(running_mean), _mean_of, running_mean)
        rstd = note_made(_rstd_of(running_var, eps), _rstd_of, running_var, eps)
        if activation is residual is None:
            y = kernels.batch_norm_eval(x, w, b, mean, rstd)
        else:
            y = kernels.batch_norm_eval_fused(x, w, b, mean, rstd, activation, residual)
        _keep(ctx, (x, w, b, mean, rstd), activation, residual, y)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx, dw, db and the gradient of the residual."""
        return _gradients(ctx, dy, kernels.batch_norm_eval_grads, kernels.batch_norm_eval_fused_grads)


class LocalResponseNorm(Function):
    """Saves x and the divisor `scale`."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, size: int, alpha: float, beta: float, k: float) -> Array:
        """y = x · (k + alpha · Σ x²)^(-beta)."""
        y, scale = kernels.lrn(x, size, alpha, beta, k)
        ctx.save(x, scale)
        ctx.size, ctx.alpha, ctx.beta = size, alpha, beta
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """Its own share, and that of all channels in whose window it lies."""
        x, scale = ctx.saved
        return kernels.lrn_dx(dy, x, scale, ctx.size, ctx.alpha, ctx.beta, **ctx.over)


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Array | None,
    running_var: Array | None,
    *,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
    activation: str | None = None,
    residual: Tensor | None = None,
) -> Tensor:
    """Give every channel of x mean 0 and variance 1, then scale and shift it; optionally add a residual and activate.

    In training the mean and the (biased) variance are those of the batch, and the running arrays, where given, are
    **updated in place**, the only arguments in minidl that an operation changes:

        running = (1 - momentum) * running + momentum * value        value: the mean, or the unbiased variance

    Otherwise the running arrays are used, and stay as they are.

    Args:
        x: (N, C) or (N, C, H, W).
        weight: (C,), or None for ones.
        bias: (C,), or None for zeros.
        running_mean: a plain array (C,) of the dtype of x, or None (only in training).
        running_var: as running_mean.
        training: whether to use the statistics of the batch.
        momentum: weight of the new value in the running arrays, from 0 to 1.
        eps: added to the variance.
        activation: None, "relu", "relu6", "silu" or "hardswish".
        residual: of the shape of x, added before the activation: the end of a residual block in one step.

    Returns:
        y of the shape of x: activation(norm(x) + residual).

    Raises:
        ValueError: if shapes do not fit, a number is out of range, there is one value per channel in training, or the
            running arrays are missing where they are needed.
        TypeError: if the operands differ in dtype or device, or a running array is no plain array.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor([[1.0, 10.0], [3.0, 30.0]])
        >>> ops.batch_norm(x, None, None, None, None, training=True).numpy().round(3)
        array([[-1., -1.],
               [ 1.,  1.]], dtype=float32)
    """
    check_alike("batch_norm", x=x, weight=weight, bias=bias, residual=residual)
    if x.ndim != 2:
        check_rank("batch_norm", "x", x.shape, "N, C, H, W")
    check_fraction("batch_norm", "momentum", momentum)
    check_positive("batch_norm", "eps", eps, zero=True)
    check_choice("batch_norm", "activation", activation, ACTIVATIONS)
    if residual is not None and residual.shape != x.shape:
        raise ValueError(
            f"batch_norm: residual must have the shape of x; residual.shape={residual.shape}, x.shape={x.shape}"
        )
    _check_running(x, training, running_mean, running_var)
    _check_channels(x, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    weight = _all(x, 1) if weight is None else weight
    bias = _all(x, 0) if bias is None else bias
    check_flag("batch_norm", "training", training)
    settings = {"running_mean": running_mean, "running_var": running_var, "eps": eps, "activation": activation}
    if not training:
        return BatchNormEval.apply(x, weight, bias, residual, **settings)
    per_channel = (x.shape[0], *x.shape[2:])
    if math.prod(per_channel) < 2:
        letters, numbers = " * ".join("NHW"[: len(per_channel)]), " * ".join(map(str, per_channel))
        raise ValueError(
            f"batch_norm: training needs more than one value per channel, there are {letters} = {numbers} = "
            f"{math.prod(per_channel)}; x.shape={x.shape}; use a larger batch or picture, leave "
            f"a last batch of one picture out (drop_last=True), or use training=False (eval())"
        )
    return BatchNorm.apply(x, weight, bias, residual, momentum=momentum, **settings)


def _all(x: Tensor, value: int) -> Tensor:
    """Return the same number for each channel of x."""
    return Tensor(_backend.full((x.shape[1],), value, x.dtype, like=x._data))


def _check_channels(x: Tensor, **arrays: Any) -> None:
    line = (x.shape[1],)
    for name, array in arrays.items():
        if array is not None and array.shape != line:
            raise ValueError(
                f"batch_norm: {name} must have one number for each channel of x, shape ({x.shape[1]},); "
                f"{name}.shape={tuple(array.shape)}, x.shape={x.shape}"
            )


def _check_running(x: Tensor, training: bool, running_mean: Any, running_var: Any) -> None:
    if (running_mean is None) != (running_var is None):
        given, missing = ("running_var", "running_mean")[:: -1 if running_var is None else 1]
        raise ValueError(f"batch_norm: running_mean and running_var go together; {given} is given, {missing} is None")
    if running_mean is None and not training:
        raise ValueError("batch_norm: with training=False running_mean and running_var are needed; they are None")
    data = x._data
    for name, array in (("running_mean", running_mean), ("running_var", running_var)):
        if array is None or (type(array) is type(data) is np.ndarray and array.dtype is data.dtype):
            continue
        if not _backend.is_array(array):
            raise TypeError(f"batch_norm: {name} must be a plain array; it is a {type(array).__name__}")
        if array.dtype != x.dtype or _backend.device_of(array) != x.device:
            raise TypeError(
                f"batch_norm: {name} must be {x.dtype} on {x.device} like x; "
                f"it is {array.dtype} on {_backend.device_of(array)}"
            )


def check_lrn(op: str, size: Any, alpha: Any, beta: Any, k: Any, convention: Any) -> int:
    """Judge the settings of a local response norm, for the operation and for the layer; return size."""
    check_positive(op, "alpha", alpha, zero=True)
    check_positive(op, "beta", beta, zero=True)
    check_positive(op, "k", k)
    check_choice(op, "convention", convention, ("paper", "torch"))
    return to_int(op, "size", size, least=1)


def local_response_norm(
    x: Tensor, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0, convention: str = "paper"
) -> Tensor:
    """Divide every number by the activity of the channels around it: y = x / (k + alpha · Σ x²)^beta.

    The sum runs over channels c - size // 2 to c + (size - 1) // 2 at the same pixel, as far as they exist.

    Args:
        x: pictures (N, C, H, W).
        size: number of channels in the window; the defaults of all four numbers are those of AlexNet.
        alpha: weight of the sum.
        beta: exponent.
        k: what the divisor begins with, above 0.
        convention: "paper" takes alpha as it is; "torch" divides it by size, as PyTorch and Caffe do.

    Returns:
        y (N, C, H, W).

    Raises:
        ValueError: if a number is out of range or the convention is unknown.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.local_response_norm(Tensor(np.ones((1, 1, 1, 1)))).item()  # (2 + 0.0001)^-0.75
        0.5945...
    """
    check_alike("local_response_norm", x=x)
    check_rank("local_response_norm", "x", x.shape, "N, C, H, W")
    size = check_lrn("local_response_norm", size, alpha, beta, k, convention)
    return LocalResponseNorm.apply(x, size=size, alpha=alpha / size if convention == "torch" else alpha, beta=beta, k=k)
