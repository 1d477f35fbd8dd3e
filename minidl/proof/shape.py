"""Cases of the operations that move numbers, and of the reductions."""

from __future__ import annotations

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Table, normal

RESHAPE = Table(
    "reshape",
    lambda x, shape: ops.reshape(x, shape),
    (Case("to a row", normal((2, 3, 4)), {"shape": (2, -1)}), Case("more axes", normal((6, 4)), {"shape": (2, 3, 4)})),
    lambda x, shape: x.reshape(shape),
    views=True,
)
FLATTEN = Table(
    "flatten", ops.flatten, (Case("pictures", normal((2, 3, 4, 5))),), lambda x: x.reshape(x.shape[0], -1), views=True
)
TRANSPOSE = Table(
    "transpose",
    lambda x, axes: ops.transpose(x, *axes),
    (Case("reverse", normal((2, 3, 4)), {"axes": ()}), Case("cycle", normal((2, 3, 4)), {"axes": (1, 2, 0)})),
    lambda x, axes: x.transpose(axes or None),
    views=True,
)
INDEX = Table(
    "index",
    ops.index,
    (
        Case("a slice", normal((4, 5)), {"key": (slice(1, 3), slice(None, None, 2))}),
        Case("one row", normal((4, 5)), {"key": 2}),
        Case("rows, one of them twice", normal((4, 5)), {"key": np.array([0, 2, 2])}),
        Case("one element", normal((4, 5)), {"key": (1, 2)}),
    ),
    lambda x, key: np.array(x[key]),
)

AXES = (
    Case("all axes", normal((2, 3, 4)), {"axis": None}),
    Case("one axis", normal((2, 3, 4)), {"axis": 1}),
    Case("two axes, kept", normal((2, 3, 4)), {"axis": (0, -1), "keepdims": True}),
    Case("one element", normal((1,)), {"axis": 0}),
)
SUM = Table("sum", ops.sum, AXES, lambda x, **settings: np.asarray(x.sum(**settings)))
MEAN = Table("mean", ops.mean, AXES, lambda x, **settings: np.asarray(x.mean(**settings)))
