"""Every message of pooling, normalisation, the fused forms and the layers: what was expected, and what came."""

import re

import numpy as np
import pytest

from minidl import Tensor, nn, ops


def T(*shape, dtype="float64"):
    return Tensor(np.zeros(shape, dtype))


X = T(1, 3, 5, 5)

POOLING = {
    "x": (lambda: ops.max_pool2d(T(3, 5, 5), 2), ValueError, "max_pool2d: x must have 4 axes (N, C, H, W)"),
    "no tensor": (lambda: ops.avg_pool2d(5, 2), TypeError, "avg_pool2d: x must be a Tensor, it is a int"),
    "kernel_size": (lambda: ops.max_pool2d(X, (2,)), ValueError, "max_pool2d: kernel_size must be an int or a pair"),
    "stride": (lambda: ops.avg_pool2d(X, 2, stride=0), ValueError, "avg_pool2d: stride must be an int or a pair"),
    "dilation": (lambda: ops.max_pool2d(X, 2, dilation=0), ValueError, "max_pool2d: dilation must be an int or a pair"),
    'padding="same"': (
        lambda: ops.max_pool2d(X, 3, padding="same"),
        ValueError,
        "max_pool2d: padding must be an int, (ph, pw) or ((top, bottom), (left, right)) with ints >= 0",
    ),
    "padding above half the kernel": (
        lambda: ops.avg_pool2d(X, 3, padding=((1, 1), (0, 2))),
        ValueError,
        "avg_pool2d: padding must be at most half the kernel, 3 // 2 = 1; received padding=2, kernel_size=(3, 3)",
    ),
    "kernel too large": (
        lambda: ops.max_pool2d(X, 7, stride=1, ceil_mode=True),
        ValueError,
        "max_pool2d: the kernel is larger than the padded input: dilation * (KH - 1) + 1 = 1 * (7 - 1) + 1 = 7, "
        "but H + padding = 5 + 0 + 0 = 5",
    ),
    "adaptive: no tensor": (lambda: ops.adaptive_avg_pool2d("x", 1), TypeError, "adaptive_avg_pool2d: x must be"),
    "adaptive: size": (
        lambda: ops.adaptive_avg_pool2d(X, 0),
        ValueError,
        "adaptive_avg_pool2d: output_size must be an int or a pair of ints >= 1; received output_size=(0, 0)",
    ),
    "adaptive: three sizes": (
        lambda: ops.adaptive_avg_pool2d(X, (1, 2, 3)),
        ValueError,
        "adaptive_avg_pool2d: output_size must be an int or a pair of ints >= 1; received output_size=(1, 2, 3)",
    ),
    "adaptive: no pixels": (
        lambda: ops.adaptive_avg_pool2d(T(1, 3, 0, 5), 2),
        ValueError,
        "adaptive_avg_pool2d: x has no pixels to average; x.shape=(1, 3, 0, 5)",
    ),
    "global: no pixels": (
        lambda: ops.global_avg_pool2d(T(1, 3, 0, 5)),
        ValueError,
        "global_avg_pool2d: x has no pixels to average; x.shape=(1, 3, 0, 5)",
    ),
    "global: (N, C)": (lambda: ops.global_avg_pool2d(T(1, 3)), ValueError, "global_avg_pool2d: x must have 4 axes"),
}


def batch_norm(x=X, weight=None, bias=None, mean=None, var=None, **settings):
    return ops.batch_norm(x, weight, bias, mean, var, **{"training": True, **settings})


THREE, TWO = np.zeros(3), np.zeros(2)

NORMALISATION = {
    "no tensor": (lambda: batch_norm(THREE), TypeError, "batch_norm: x must be a Tensor, it is a ndarray"),
    "three axes": (lambda: batch_norm(T(1, 3, 5)), ValueError, "batch_norm: x must have 4 axes (N, C, H, W), it has 3"),
    "weight": (
        lambda: batch_norm(weight=T(2)),
        ValueError,
        "batch_norm: weight must have one number for each channel of x, shape (3,); "
        "weight.shape=(2,), x.shape=(1, 3, 5, 5)",
    ),
    "bias": (lambda: batch_norm(bias=T(3, 1)), ValueError, "batch_norm: bias must have one number for each channel"),
    "running_mean": (
        lambda: batch_norm(mean=TWO, var=THREE),
        ValueError,
        "batch_norm: running_mean must have one number for each channel of x, shape (3,); running_mean.shape=(2,)",
    ),
    "running_var": (
        lambda: batch_norm(mean=THREE, var=TWO),
        ValueError,
        "batch_norm: running_var must have one number",
    ),
    "only running_mean": (
        lambda: batch_norm(mean=THREE),
        ValueError,
        "batch_norm: running_mean and running_var go together; running_mean is given, running_var is None",
    ),
    "only running_var": (
        lambda: batch_norm(var=THREE),
        ValueError,
        "batch_norm: running_mean and running_var go together; running_var is given, running_mean is None",
    ),
    "eval without running arrays": (
        lambda: batch_norm(training=False),
        ValueError,
        "batch_norm: with training=False running_mean and running_var are needed; they are None",
    ),
    "running tensor": (
        lambda: batch_norm(mean=T(3), var=THREE),
        TypeError,
        "batch_norm: running_mean must be a plain array; it is a Tensor",
    ),
    "running list": (
        lambda: batch_norm(mean=THREE, var=[1.0, 1.0, 1.0]),
        TypeError,
        "batch_norm: running_var must be a plain array; it is a list",
    ),
    "running dtype": (
        lambda: batch_norm(mean=THREE.astype("float32"), var=THREE),
        TypeError,
        "batch_norm: running_mean must be float64 on cpu like x; it is float32 on cpu",
    ),
    "one value per channel": (
        lambda: batch_norm(T(1, 3, 1, 1)),
        ValueError,
        "batch_norm: training needs more than one value per channel, there are N * H * W = 1 * 1 * 1 = 1; "
        "x.shape=(1, 3, 1, 1); use a larger batch or picture, leave a last batch of one picture out "
        "(drop_last=True), or use training=False (eval())",
    ),
    "one row": (
        lambda: batch_norm(T(1, 3)),
        ValueError,
        "batch_norm: training needs more than one value per channel, there are N = 1 = 1; x.shape=(1, 3)",
    ),
    "no value": (lambda: batch_norm(T(0, 3, 2, 2)), ValueError, "there are N * H * W = 0 * 2 * 2 = 0"),
    "momentum": (
        lambda: batch_norm(momentum=1.5),
        ValueError,
        "batch_norm: momentum must be from 0 to 1; received momentum=1.5",
    ),
    "eps": (lambda: batch_norm(eps=-1e-5), ValueError, "batch_norm: eps must be >= 0; received eps=-1e-05"),
    "activation": (
        lambda: batch_norm(activation="tanh"),
        ValueError,
        "batch_norm: activation must be one of None, 'relu', 'relu6', 'silu', 'hardswish'; received activation='tanh'",
    ),
    "lrn: no tensor": (lambda: ops.local_response_norm(1), TypeError, "local_response_norm: x must be a Tensor"),
    "lrn: x": (lambda: ops.local_response_norm(T(2, 3)), ValueError, "local_response_norm: x must have 4 axes"),
    "lrn: size": (
        lambda: ops.local_response_norm(X, 0),
        ValueError,
        "local_response_norm: size must be an int >= 1; received size=0",
    ),
    "lrn: alpha": (
        lambda: ops.local_response_norm(X, alpha=-1.0),
        ValueError,
        "local_response_norm: alpha must be >= 0; received alpha=-1.0",
    ),
    "lrn: beta": (
        lambda: ops.local_response_norm(X, beta=float("nan")),
        ValueError,
        "local_response_norm: beta must be >= 0; received beta=nan",
    ),
    "lrn: k": (
        lambda: ops.local_response_norm(X, k=0),
        ValueError,
        "local_response_norm: k must be > 0; received k=0",
    ),
    "lrn: convention": (
        lambda: ops.local_response_norm(X, convention="caffe"),
        ValueError,
        "local_response_norm: convention must be one of 'paper', 'torch'; received convention='caffe'",
    ),
}

FUSED = {
    "add: activation": (
        lambda: ops.add(X, X, activation="silu"),
        ValueError,
        "add: activation must be one of None, 'relu'; received activation='silu'",
    ),
    "add: shapes": (
        lambda: ops.add(X, T(2, 5), activation="relu"),
        ValueError,
        "add_relu: the shapes (1, 3, 5, 5) and (2, 5) do not broadcast: from the right, sizes must be equal or 1",
    ),
    "scale_channels: s": (
        lambda: ops.scale_channels(X, T(3)),
        ValueError,
        "scale_channels: s must have one number for each channel of each picture, shape (1, 3) or (1, 3, 1, 1); "
        "s.shape=(3,), x.shape=(1, 3, 5, 5)",
    ),
    "scale_channels: x": (
        lambda: ops.scale_channels(T(1, 3), T(1, 3)),
        ValueError,
        "scale_channels: x must have 4 axes",
    ),
    "scale_channels: no tensor": (lambda: ops.scale_channels(X, 2.0), TypeError, "scale_channels: s must be a Tensor"),
}

LAYERS = {
    "Conv2d: in_channels": (
        lambda: nn.Conv2d(0, 4, 3),
        ValueError,
        "Conv2d: in_channels must be an int >= 1; received in_channels=0",
    ),
    "Conv2d: out_channels": (lambda: nn.Conv2d(4, 2.0, 3), ValueError, "Conv2d: out_channels must be an int >= 1"),
    "Conv2d: groups": (lambda: nn.Conv2d(4, 4, 3, groups=0), ValueError, "Conv2d: groups must be an int >= 1"),
    "Conv2d: groups and in_channels": (
        lambda: nn.Conv2d(3, 4, 3, groups=2),
        ValueError,
        "Conv2d: in_channels must be divisible by groups; received in_channels=3, groups=2 (3 % 2 = 1)",
    ),
    "Conv2d: groups and out_channels": (
        lambda: nn.Conv2d(4, 3, 3, groups=2),
        ValueError,
        "Conv2d: out_channels must be divisible by groups; received out_channels=3, groups=2 (3 % 2 = 1)",
    ),
    "Conv2d: kernel_size": (lambda: nn.Conv2d(4, 4, 0), ValueError, "Conv2d: kernel_size must be an int or a pair"),
    "ConvTranspose2d: in_channels": (lambda: nn.ConvTranspose2d(-1, 4, 3), ValueError, "ConvTranspose2d: in_channels"),
    "ConvTranspose2d: out_channels": (lambda: nn.ConvTranspose2d(4, 0, 3), ValueError, "ConvTranspose2d: out_channels"),
    "ConvTranspose2d: groups": (
        lambda: nn.ConvTranspose2d(3, 4, 3, groups=2),
        ValueError,
        "ConvTranspose2d: in_channels must be divisible by groups",
    ),
    "ConvTranspose2d: groups and out_channels": (
        lambda: nn.ConvTranspose2d(4, 3, 3, groups=2),
        ValueError,
        "ConvTranspose2d: out_channels must be divisible by groups",
    ),
    "ConvTranspose2d: kernel_size": (
        lambda: nn.ConvTranspose2d(4, 4, (3, 3, 3)),
        ValueError,
        "ConvTranspose2d: kernel_size must be an int or a pair",
    ),
    "BatchNorm2d: momentum=None": (
        lambda: nn.BatchNorm2d(4, momentum=None),
        ValueError,
        "BatchNorm2d: momentum=None (PyTorch's average over all batches) is not offered; give a number, usually 0.1",
    ),
    "BatchNorm2d: momentum": (
        lambda: nn.BatchNorm2d(4, momentum=2),
        ValueError,
        "BatchNorm2d: momentum must be from 0",
    ),
    "BatchNorm2d: eps": (lambda: nn.BatchNorm2d(4, eps=-1), ValueError, "BatchNorm2d: eps must be >= 0"),
    "BatchNorm2d: activation": (
        lambda: nn.BatchNorm2d(4, activation="relu7"),
        ValueError,
        "BatchNorm2d: activation must be one of None, 'relu', 'relu6', 'silu', 'hardswish'; "
        "received activation='relu7'",
    ),
    "BatchNorm1d: num_features": (
        lambda: nn.BatchNorm1d(0),
        ValueError,
        "BatchNorm1d: num_features must be an int >= 1; received num_features=0",
    ),
    "BatchNorm2d: x": (
        lambda: nn.BatchNorm2d(3)(T(2, 3, dtype="float32")),
        ValueError,
        "BatchNorm2d: x must be (N, C, H, W); x.shape=(2, 3)",
    ),
    "BatchNorm1d: x": (
        lambda: nn.BatchNorm1d(3)(T(2, 3, 4, 4, dtype="float32")),
        ValueError,
        "BatchNorm1d: x must be (N, C); x.shape=(2, 3, 4, 4)",
    ),
    "BatchNorm2d: channels": (
        lambda: nn.BatchNorm2d(4)(T(2, 3, 4, 4, dtype="float32")),
        ValueError,
        "batch_norm: weight must have one number for each channel of x, shape (3,); weight.shape=(4,)",
    ),
}

GROUPS = {"pool": POOLING, "norm": NORMALISATION, "fused": FUSED, "nn": LAYERS}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [pytest.param(*case, id=f"{group}: {name}") for group, cases in GROUPS.items() for name, case in cases.items()],
)
def test_message(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_a_batch_norm_that_refuses_changes_nothing():
    mean, var = np.zeros(3), np.ones(3)
    with pytest.raises(ValueError, match="more than one value"):
        batch_norm(T(1, 3, 1, 1), mean=mean, var=var)
    np.testing.assert_array_equal([mean, var], [np.zeros(3), np.ones(3)])
