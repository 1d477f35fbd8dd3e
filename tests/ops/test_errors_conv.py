"""Every message of the convolutions: what was expected, with its arithmetic, and what came."""

import re

import numpy as np
import pytest

from minidl import Tensor, ops


def T(*shape, dtype="float64"):
    return Tensor(np.zeros(shape, dtype))


X, W = T(1, 3, 5, 5), T(4, 3, 3, 3)

CONVOLUTION = {
    "x is an array": (
        lambda: ops.conv2d(np.zeros((1, 3, 5, 5)), W),
        TypeError,
        "conv2d: x must be a Tensor, it is a ndarray; wrap it: Tensor(x)",
    ),
    "w is None": (lambda: ops.conv2d(X, None), TypeError, "conv2d: w must be a Tensor, it is a NoneType"),
    "x is an int tensor": (
        lambda: ops.conv2d(T(1, 3, 5, 5, dtype="int64"), W),
        TypeError,
        "conv2d: x must be float32 or float64, it is int64; convert its array: Tensor(array.astype('float32'))",
    ),
    "dtypes differ": (
        lambda: ops.conv2d(X, T(4, 3, 3, 3, dtype="float32")),
        TypeError,
        "conv2d: all operands must have one dtype, but x is float64, w is float32; convert one of their arrays",
    ),
    "one picture without a batch": (
        lambda: ops.conv2d(T(3, 5, 5), W),
        ValueError,
        "conv2d: x must have 4 axes (N, C, H, W), it has 3; x.shape=(3, 5, 5) "
        "(one picture? give it a batch axis: x[None])",
    ),
    "w has two axes": (
        lambda: ops.conv2d(X, T(4, 27)),
        ValueError,
        "conv2d: w must have 4 axes (O, C/G, KH, KW), it has 2; w.shape=(4, 27)",
    ),
    "groups=0": (
        lambda: ops.conv2d(X, W, groups=0),
        ValueError,
        "conv2d: groups must be an int >= 1; received groups=0",
    ),
    "groups=True": (
        lambda: ops.conv2d(X, W, groups=True),
        ValueError,
        "conv2d: groups must be an int >= 1; received groups=True",
    ),
    "groups=1.0": (
        lambda: ops.conv2d(X, W, groups=1.0),
        ValueError,
        "conv2d: groups must be an int >= 1; received groups=1.0",
    ),
    "stride=0": (
        lambda: ops.conv2d(X, W, stride=0),
        ValueError,
        "conv2d: stride must be an int or a pair of ints >= 1; received stride=0",
    ),
    "stride of three": (
        lambda: ops.conv2d(X, W, stride=(1, 1, 1)),
        ValueError,
        "conv2d: stride must be an int or a pair of ints >= 1; received stride=(1, 1, 1)",
    ),
    "dilation=(1, 0)": (
        lambda: ops.conv2d(X, W, dilation=(1, 0)),
        ValueError,
        "conv2d: dilation must be an int or a pair of ints >= 1; received dilation=(1, 0)",
    ),
    "padding=-1": (
        lambda: ops.conv2d(X, W, padding=-1),
        ValueError,
        'conv2d: padding must be an int, (ph, pw), ((top, bottom), (left, right)) or "same" with ints >= 0; '
        "received padding=-1",
    ),
    "padding is another word": (
        lambda: ops.conv2d(X, W, padding="valid"),
        ValueError,
        'conv2d: padding must be an int, (ph, pw), ((top, bottom), (left, right)) or "same" with ints >= 0; '
        "received padding='valid'",
    ),
    "padding half uneven": (
        lambda: ops.conv2d(X, W, padding=((1, 2), 3)),
        ValueError,
        "received padding=((1, 2), 3)",
    ),
    "channels": (
        lambda: ops.conv2d(X, T(4, 2, 3, 3)),
        ValueError,
        "conv2d: x has 3 channels but w expects 2 (w.shape[1] * groups = 2 * 1); "
        "x.shape=(1, 3, 5, 5), w.shape=(4, 2, 3, 3)",
    ),
    "groups do not divide O": (
        lambda: ops.conv2d(T(1, 6, 5, 5), T(4, 2, 3, 3), groups=3),
        ValueError,
        "conv2d: w.shape[0] must be divisible by groups; received w.shape[0]=4, groups=3 (4 % 3 = 1)",
    ),
    "b": (
        lambda: ops.conv2d(X, W, T(3)),
        ValueError,
        "conv2d: b must have one number for each kernel, shape (4,); b.shape=(3,)",
    ),
    "no tap": (
        lambda: ops.conv2d(X, T(4, 3, 0, 3)),
        ValueError,
        "conv2d: w must have at least one weight along each axis (O, C/G, KH, KW); w.shape=(4, 3, 0, 3)",
    ),
    "no kernel": (lambda: ops.conv2d(X, T(0, 3, 3, 3)), ValueError, "w.shape=(0, 3, 3, 3)"),
    "kernel too large": (
        lambda: ops.conv2d(X, T(4, 3, 3, 4), dilation=(1, 3), padding=((0, 0), (1, 2))),
        ValueError,
        "conv2d: the kernel is larger than the padded input: dilation * (KW - 1) + 1 = 3 * (4 - 1) + 1 = 10, "
        "but W + padding = 5 + 1 + 2 = 8; x.shape=(1, 3, 5, 5), kernel_size=(3, 4); enlarge the input or the padding",
    ),
}

TRANSPOSED = {
    "channels": (
        lambda: ops.conv_transpose2d(X, T(4, 3, 3, 3)),
        ValueError,
        "conv_transpose2d: x has 3 channels but w expects w.shape[0] = 4; "
        "x.shape=(1, 3, 5, 5), w.shape=(4, 3, 3, 3) (C, O/groups, KH, KW)",
    ),
    "x": (lambda: ops.conv_transpose2d(T(3, 5), W), ValueError, "conv_transpose2d: x must have 4 axes (N, C, H, W)"),
    "w": (
        lambda: ops.conv_transpose2d(X, T(3, 5)),
        ValueError,
        "conv_transpose2d: w must have 4 axes (C, O/G, KH, KW)",
    ),
    "no tensor": (lambda: ops.conv_transpose2d(X, X, 5), TypeError, "conv_transpose2d: b must be a Tensor"),
    "groups=0": (lambda: ops.conv_transpose2d(X, X, groups=0), ValueError, "conv_transpose2d: groups must be an int"),
    "stride=0": (lambda: ops.conv_transpose2d(X, X, stride=0), ValueError, "conv_transpose2d: stride must be an int"),
    "dilation=0": (lambda: ops.conv_transpose2d(X, X, dilation=0), ValueError, "conv_transpose2d: dilation must be"),
    "no channel": (
        lambda: ops.conv_transpose2d(X, T(3, 0, 3, 3)),
        ValueError,
        "conv_transpose2d: w must have at least one weight along each axis (C, O/G, KH, KW); w.shape=(3, 0, 3, 3)",
    ),
    'padding="same"': (
        lambda: ops.conv_transpose2d(X, T(3, 2, 3, 3), padding="same"),
        ValueError,
        "conv_transpose2d: padding must be an int, (ph, pw) or ((top, bottom), (left, right)) with ints >= 0; "
        "received padding='same'",
    ),
    "groups do not divide C": (
        lambda: ops.conv_transpose2d(X, T(3, 2, 3, 3), groups=2),
        ValueError,
        "conv_transpose2d: w.shape[0] must be divisible by groups; received w.shape[0]=3, groups=2 (3 % 2 = 1)",
    ),
    "b": (
        lambda: ops.conv_transpose2d(X, T(3, 2, 3, 3), T(2), groups=3),
        ValueError,
        "conv_transpose2d: b must have one number for each output channel, shape (6,) "
        "(w.shape[1] * groups = 2 * 3); b.shape=(2,)",
    ),
    "output_padding": (
        lambda: ops.conv_transpose2d(X, T(3, 2, 3, 3), stride=2, output_padding=(1, 2)),
        ValueError,
        "conv_transpose2d: output_padding must be less than stride or dilation; "
        "received output_padding=(1, 2), stride=(2, 2), dilation=(1, 1)",
    ),
    "output_padding=-1": (
        lambda: ops.conv_transpose2d(X, T(3, 2, 3, 3), output_padding=-1),
        ValueError,
        "conv_transpose2d: output_padding must be an int or a pair of ints >= 0; received output_padding=-1",
    ),
    "nothing left": (
        lambda: ops.conv_transpose2d(T(1, 3, 1, 5), T(3, 2, 3, 3), padding=((1, 2), (0, 0))),
        ValueError,
        "conv_transpose2d: nothing is left of the output: OH = (H - 1) * stride - padding + dilation * (KH - 1) "
        "+ output_padding + 1 = (1 - 1) * 1 - (1 + 2) + 1 * (3 - 1) + 0 + 1 = 0; "
        "x.shape=(1, 3, 1, 5), kernel_size=(3, 3); take less padding",
    ),
}

COLUMNS = {
    "x": (lambda: ops.im2col(T(3, 5, 5), 3), ValueError, "im2col: x must have 4 axes (N, C, H, W)"),
    "no tensor": (lambda: ops.im2col([1.0], 3), TypeError, "im2col: x must be a Tensor, it is a list"),
    "kernel_size": (lambda: ops.im2col(X, 0), ValueError, "im2col: kernel_size must be an int or a pair of ints >= 1"),
    "stride": (lambda: ops.im2col(X, 3, stride=0), ValueError, "im2col: stride must be an int or a pair of ints >= 1"),
    "dilation": (lambda: ops.im2col(X, 3, dilation=0), ValueError, "im2col: dilation must be an int or a pair"),
    "padding": (lambda: ops.im2col(X, 3, padding=None), ValueError, "im2col: padding must be an int, (ph, pw)"),
    "kernel too large": (
        lambda: ops.im2col(X, (6, 3)),
        ValueError,
        "im2col: the kernel is larger than the padded input: dilation * (KH - 1) + 1 = 1 * (6 - 1) + 1 = 6, "
        "but H + padding = 5 + 0 + 0 = 5",
    ),
    "no columns": (lambda: ops.col2im(None, 5, 3), TypeError, "col2im: cols must be a Tensor, it is a NoneType"),
    "cols": (lambda: ops.col2im(X, 5, 3), ValueError, "col2im: cols must have 3 axes (N, C*KH*KW, P), it has 4"),
    "output_size": (
        lambda: ops.col2im(T(1, 9, 9), (5, 0), 3),
        ValueError,
        "col2im: output_size must be an int or a pair of ints >= 1; received output_size=(5, 0)",
    ),
    "rows of cols": (
        lambda: ops.col2im(T(1, 10, 9), 5, 3),
        ValueError,
        "col2im: cols.shape[1] must be divisible by KH * KW; received cols.shape[1]=10, KH * KW=9 (10 % 9 = 1)",
    ),
    "columns of cols": (
        lambda: ops.col2im(T(1, 9, 8), 5, 3),
        ValueError,
        "col2im: cols has 8 columns but there are OH * OW = 3 * 3 = 9 windows; "
        "cols.shape=(1, 9, 8), output_size=(5, 5), kernel_size=(3, 3)",
    ),
}

GROUPS = {"conv2d": CONVOLUTION, "conv_transpose2d": TRANSPOSED, "columns": COLUMNS}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [pytest.param(*case, id=f"{group}: {name}") for group, cases in GROUPS.items() for name, case in cases.items()],
)
def test_message(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("residual", "settings", "message"),
    [
        (
            (1, 2, 3, 4),
            {},
            r"conv2d_fused: residual must have the shape of the result, \(1, 2, 3, 3\); residual.shape=\(1, 2, 3, 4\), "
            r"x.shape=\(1, 3, 5, 5\), w.shape=\(2, 3, 3, 3\)",
        ),
        ((1, 2, 3, 3), {"activation": "gelu"}, r"conv2d_fused: activation must be .*; received activation='gelu'"),
        (
            (1, 2, 3, 3),
            {"groups": 2},
            r"conv2d_fused: x has 3 channels but w expects 6 \(w.shape\[1\] \* groups = 3 \* 2",
        ),
    ],
)
def test_a_fused_convolution_judges_what_is_added(residual, settings, message):
    x, w, r = (Tensor(np.zeros(shape)) for shape in ((1, 3, 5, 5), (2, 3, 3, 3), residual))
    with pytest.raises(ValueError, match=message):
        ops.conv2d_fused(x, w, None, r, **settings)
