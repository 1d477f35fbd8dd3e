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
