"""Cases of the convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl.kernels.textbook.windows import same_padding
from minidl.proof import oracles
from minidl.proof.table import Case, Table, normal


def as_pair(value: Any) -> Any:
    """Turn 3 into (3, 3) for an oracle."""
    return value if isinstance(value, tuple) else (value, value)


def as_padding(value: Any) -> Any:
    """Turn 1 or (ph, pw) into ((ph, ph), (pw, pw)) for an oracle."""
    rows, columns = as_pair(value)
    return as_pair(rows), as_pair(columns)


def conv2d_oracle(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> np.ndarray:
    """The loop convolution, with the settings of `ops.conv2d`."""
    stride, dilation = as_pair(stride), as_pair(dilation)
    if isinstance(padding, str):
        padding = tuple(same_padding(x.shape[2 + a], w.shape[2 + a], stride[a], dilation[a]) for a in range(2))
    return oracles.conv2d(x, w, b, stride, as_padding(padding), dilation, groups)


CONV2D = Table(
    "conv2d",
    ops.conv2d,
    (
        Case("plain, not square", normal((2, 4, 6, 5), (6, 4, 3, 2), (6,))),
        Case("no bias", normal((2, 3, 5, 5), (4, 3, 3, 3), None)),
        Case("1×1", normal((2, 4, 3, 5), (3, 4, 1, 1), (3,))),
        Case("1×1, stride 2", normal((2, 4, 5, 6), (3, 4, 1, 1), (3,)), {"stride": 2}),
        Case("stem 7×7, stride 2", normal((2, 3, 9, 8), (4, 3, 7, 7), (4,)), {"stride": 2, "padding": 3}),
        Case("stride > kernel", normal((1, 2, 8, 7), (3, 2, 2, 2), (3,)), {"stride": 3}),
        Case(
            "uneven padding", normal((2, 2, 5, 6), (3, 2, 3, 3), (3,)), {"padding": ((0, 2), (1, 0)), "stride": (2, 1)}
        ),
        Case('"same", stride 2', normal((2, 2, 6, 7), (3, 2, 3, 3), (3,)), {"padding": "same", "stride": 2}),
        Case('"same", even kernel', normal((2, 2, 5, 5), (3, 2, 2, 4), (3,)), {"padding": "same"}),
        Case("dilation", normal((2, 2, 8, 9), (3, 2, 3, 2), (3,)), {"dilation": (2, 3), "padding": (1, 2)}),
        Case("two groups", normal((2, 4, 5, 4), (6, 2, 3, 3), (6,)), {"padding": 1, "groups": 2}),
        Case("depthwise", normal((2, 4, 6, 5), (4, 1, 3, 3), (4,)), {"stride": 2, "padding": 1, "groups": 4}),
        Case("depthwise, two kernels a channel", normal((1, 3, 5, 5), (6, 1, 3, 3), (6,)), {"groups": 3}),
        Case("kernel = input", normal((2, 3, 4, 3), (5, 3, 4, 3), (5,))),
        Case("one picture, one channel", normal((1, 1, 5, 5), (1, 1, 3, 3), (1,)), {"padding": 1}),
        Case("one pixel", normal((2, 3, 1, 1), (2, 3, 1, 1), (2,))),
    ),
    conv2d_oracle,
)


def conv2d_fused_oracle(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None,
    residual: np.ndarray | None = None,
    activation: str | None = None,
    **settings: Any,
) -> np.ndarray:
    """The loop convolution, then the sum, then the activation of every number."""
    z = conv2d_oracle(x, w, b, **settings)
    return oracles.activated(z if residual is None else z + residual, activation)


def _fused_cases() -> tuple[Case, ...]:
    shapes = ((2, 3, 5, 4), (4, 3, 3, 3), (4,))
    kinds = (None, "relu", "relu6", "silu", "hardswish")
    return (
        *(Case(f"{kind or 'no activation'}", normal(*shapes), {"activation": kind, "padding": 1}) for kind in kinds),
        *(
            Case(
                f"residual, {kind or 'no activation'}",
                normal(*shapes, (2, 4, 5, 4)),
                {"activation": kind, "padding": 1},
            )
            for kind in kinds
        ),
        Case(
            "residual, no bias",
            normal((2, 4, 5, 5), (6, 2, 3, 3), None, (2, 6, 3, 3)),
            {"stride": 2, "groups": 2, "padding": 1},
        ),
        Case("1×1, relu", normal((2, 4, 3, 3), (3, 4, 1, 1), (3,)), {"activation": "relu"}),
    )


CONV2D_FUSED = Table("conv2d_fused", ops.conv2d_fused, _fused_cases(), conv2d_fused_oracle)


def conv_transpose2d_oracle(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> np.ndarray:
    """The painting loops, with the settings of `ops.conv_transpose2d`."""
    return oracles.conv_transpose2d(
        x, w, b, as_pair(stride), as_padding(padding), as_pair(output_padding), as_pair(dilation), groups
    )


CONV_TRANSPOSE2D = Table(
    "conv_transpose2d",
    ops.conv_transpose2d,
    (
        Case("plain, not square", normal((2, 3, 4, 3), (3, 4, 3, 2), (4,))),
        Case("no bias", normal((2, 3, 3, 3), (3, 2, 3, 3), None)),
        Case("1×1", normal((2, 3, 4, 3), (3, 4, 1, 1), (4,))),
        Case("2×2, stride 2", normal((2, 3, 3, 4), (3, 2, 2, 2), (2,)), {"stride": 2}),
        Case("stride > kernel", normal((1, 2, 3, 3), (2, 3, 2, 2), (3,)), {"stride": 3}),
        Case("padding", normal((2, 2, 4, 5), (2, 3, 3, 4), (3,)), {"stride": 2, "padding": (1, 2)}),
        Case("uneven padding", normal((2, 2, 3, 4), (2, 3, 3, 3), (3,)), {"padding": ((0, 2), (1, 0)), "stride": 2}),
        Case(
            "output_padding",
            normal((2, 2, 3, 4), (2, 3, 3, 3), (3,)),
            {"stride": (2, 3), "padding": 1, "output_padding": (1, 2)},
        ),
        Case(
            "output_padding >= stride",
            normal((2, 2, 3, 4), (2, 3, 3, 2), (3,)),
            {"stride": (1, 2), "dilation": 4, "output_padding": (3, 2), "padding": 1},
        ),
        Case(
            "1×1, output_padding >= stride",
            normal((2, 3, 3, 2), (3, 2, 1, 1), (2,)),
            {"dilation": 2, "output_padding": (1, 0)},
        ),
        Case("dilation", normal((2, 2, 3, 4), (2, 3, 3, 2), (3,)), {"dilation": (2, 3), "padding": (1, 2)}),
        Case("two groups", normal((2, 4, 3, 4), (4, 3, 3, 3), (6,)), {"padding": 1, "groups": 2}),
        Case("depthwise", normal((2, 4, 4, 3), (4, 1, 3, 3), (4,)), {"stride": 2, "padding": 1, "groups": 4}),
        Case("one picture, one channel, one pixel", normal((1, 1, 1, 1), (1, 1, 3, 3), (1,))),
    ),
    conv_transpose2d_oracle,
)


def im2col_oracle(x: np.ndarray, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> np.ndarray:
    """The loop im2col, with the settings and the shape of `ops.im2col`."""
    stride, dilation, kernel_size = as_pair(stride), as_pair(dilation), as_pair(kernel_size)
    if isinstance(padding, str):
        padding = tuple(same_padding(x.shape[2 + a], kernel_size[a], stride[a], dilation[a]) for a in range(2))
    cols = oracles.im2col(x, kernel_size, stride, as_padding(padding), dilation)
    return cols.reshape(x.shape[0], -1, cols.shape[4] * cols.shape[5])


def col2im_oracle(
    cols: np.ndarray, output_size: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1
) -> np.ndarray:
    """The loop col2im, with the settings and the shapes of `ops.col2im`."""
    stride, dilation, padding = as_pair(stride), as_pair(dilation), as_padding(padding)
    (h, width), (kh, kw) = as_pair(output_size), as_pair(kernel_size)
    oh = oracles.out_size(h, kh, stride[0], padding[0], dilation[0])
    ow = oracles.out_size(width, kw, stride[1], padding[1], dilation[1])
    channels = cols.shape[1] // (kh * kw)
    cols = cols.reshape(len(cols), channels, kh, kw, oh, ow)
    return oracles.col2im(cols, (len(cols), channels, h, width), stride, padding, dilation)


IM2COL = Table(
    "im2col",
    ops.im2col,
    (
        Case("plain, not square", normal((2, 3, 5, 4)), {"kernel_size": (3, 2)}),
        Case("1×1", normal((2, 3, 3, 4)), {"kernel_size": 1}),
        Case("stride, padding", normal((2, 2, 6, 5)), {"kernel_size": 3, "stride": 2, "padding": (1, 2)}),
        Case("uneven padding", normal((1, 2, 4, 5)), {"kernel_size": (3, 2), "padding": ((0, 2), (1, 0))}),
        Case('"same"', normal((1, 2, 5, 6)), {"kernel_size": 3, "padding": "same", "stride": 2}),
        Case("dilation", normal((2, 1, 7, 8)), {"kernel_size": 3, "dilation": (2, 3), "padding": 1}),
        Case("stride > kernel", normal((1, 2, 7, 8)), {"kernel_size": 2, "stride": 3}),
        Case("kernel = input", normal((2, 3, 4, 3)), {"kernel_size": (4, 3)}),
    ),
    im2col_oracle,
)

COL2IM = Table(
    "col2im",
    ops.col2im,
    (
        Case("plain, not square", normal((2, 18, 9)), {"output_size": (5, 4), "kernel_size": (3, 2)}),
        Case("1×1", normal((2, 3, 12)), {"output_size": (3, 4), "kernel_size": 1}),
        Case(
            "stride, padding",
            normal((2, 18, 12)),
            {"output_size": (6, 5), "kernel_size": 3, "stride": 2, "padding": (1, 2)},
        ),
        Case(
            "uneven padding",
            normal((1, 12, 20)),
            {"output_size": (4, 5), "kernel_size": (3, 2), "padding": ((0, 2), (1, 0))},
        ),
        Case("dilation", normal((2, 9, 30)), {"output_size": (7, 8), "kernel_size": 3, "dilation": 2, "padding": 1}),
        Case("stride > kernel", normal((1, 8, 6)), {"output_size": (7, 8), "kernel_size": 2, "stride": 3}),
        Case("kernel = input", normal((2, 36, 1)), {"output_size": (4, 3), "kernel_size": (4, 3)}),
    ),
    col2im_oracle,
)
