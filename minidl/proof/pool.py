"""Cases of the poolings."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl.proof import oracles
from minidl.proof.conv import as_padding, as_pair
from minidl.proof.table import Case, Table, normal, separated


def max_pool2d_oracle(
    x: np.ndarray, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> np.ndarray:
    """The loop max pooling, with the settings of `ops.max_pool2d`."""
    kernel_size = as_pair(kernel_size)
    stride = kernel_size if stride is None else as_pair(stride)
    return oracles.max_pool2d(x, kernel_size, stride, as_padding(padding), as_pair(dilation), ceil_mode)


def avg_pool2d_oracle(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> np.ndarray:
    """The loop average pooling, with the settings of `ops.avg_pool2d`."""
    kernel_size = as_pair(kernel_size)
    stride = kernel_size if stride is None else as_pair(stride)
    return oracles.avg_pool2d(x, kernel_size, stride, as_padding(padding), ceil_mode, count_include_pad)


MAX_POOL2D = Table(
    "max_pool2d",
    ops.max_pool2d,
    (
        Case("2×2", separated((2, 3, 6, 4)), {"kernel_size": 2}),
        Case("overlapping", separated((2, 2, 7, 9)), {"kernel_size": 3, "stride": 2}),
        Case("padding", separated((2, 2, 6, 5)), {"kernel_size": 3, "stride": 2, "padding": 1}),
        Case("uneven padding", separated((1, 2, 5, 6)), {"kernel_size": (3, 2), "padding": ((1, 0), (0, 1))}),
        Case("ceil_mode", separated((2, 2, 8, 6)), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Case("ceil_mode, padding", separated((1, 2, 6, 5)), {"kernel_size": 2, "padding": 1, "ceil_mode": True}),
        Case("ceil_mode, stride > kernel", separated((1, 1, 7, 8)), {"kernel_size": 2, "stride": 3, "ceil_mode": True}),
        Case("dilation", separated((2, 2, 7, 8)), {"kernel_size": 2, "stride": 1, "dilation": (3, 2), "padding": 1}),
        Case("window = picture", separated((2, 3, 4, 3)), {"kernel_size": (4, 3)}),
        Case("one pixel", separated((2, 1, 1, 1)), {"kernel_size": 1}),
    ),
    max_pool2d_oracle,
)

AVG_POOL2D = Table(
    "avg_pool2d",
    ops.avg_pool2d,
    (
        Case("2×2", normal((2, 3, 6, 4)), {"kernel_size": 2}),
        Case("overlapping", normal((2, 2, 7, 9)), {"kernel_size": 3, "stride": 2}),
        Case("padding", normal((2, 2, 6, 5)), {"kernel_size": 3, "stride": 2, "padding": 1}),
        Case(
            "padding not counted",
            normal((2, 2, 6, 5)),
            {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
        ),
        Case("uneven padding", normal((1, 2, 5, 6)), {"kernel_size": (3, 2), "padding": ((1, 0), (0, 1))}),
        Case("ceil_mode", normal((2, 2, 8, 6)), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Case(
            "ceil_mode, padding not counted",
            normal((1, 2, 6, 7)),
            {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
        ),
        Case("ceil_mode, padding", normal((1, 2, 6, 5)), {"kernel_size": 2, "padding": 1, "ceil_mode": True}),
        Case("window = picture", normal((2, 3, 4, 3)), {"kernel_size": (4, 3)}),
    ),
    avg_pool2d_oracle,
)


def adaptive_avg_pool2d_oracle(x: np.ndarray, output_size: Any) -> np.ndarray:
    """The loop adaptive pooling, with the settings of `ops.adaptive_avg_pool2d`."""
    sizes = [given or size for given, size in zip(as_pair(output_size), x.shape[2:], strict=True)]
    return oracles.adaptive_avg_pool2d(x, (sizes[0], sizes[1]))


ADAPTIVE_AVG_POOL2D = Table(
    "adaptive_avg_pool2d",
    ops.adaptive_avg_pool2d,
    (
        Case("even windows", normal((2, 3, 6, 4)), {"output_size": (3, 2)}),
        Case("overlapping windows", normal((2, 2, 7, 5)), {"output_size": (3, 4)}),
        Case("enlarging", normal((2, 2, 3, 2)), {"output_size": (7, 5)}),
        Case("enlarging rows only", normal((1, 2, 3, 7)), {"output_size": (5, 3)}),
        Case("one number", normal((2, 3, 5, 4)), {"output_size": 1}),
        Case("None keeps the size", normal((2, 1, 4, 5)), {"output_size": (None, 2)}),
        Case("one pixel", normal((1, 1, 1, 1)), {"output_size": 3}),
    ),
    adaptive_avg_pool2d_oracle,
)

GLOBAL_AVG_POOL2D = Table(
    "global_avg_pool2d",
    ops.global_avg_pool2d,
    (
        Case("(N, C, H, W)", normal((2, 3, 5, 4))),
        Case("one pixel", normal((2, 3, 1, 1))),
        Case("one picture, one channel", normal((1, 1, 3, 2))),
    ),
    lambda x: oracles.adaptive_avg_pool2d(x, (1, 1))[:, :, 0, 0],
)
