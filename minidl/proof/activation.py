"""Cases of the activations."""

from __future__ import annotations

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Table, separated

SHAPES = (
    Case("(N, C, H, W)", separated((2, 3, 4, 5))),
    Case("(N, M)", separated((4, 7))),
    Case("one element", separated((1,))),
)

RELU = Table("relu", ops.relu, SHAPES, lambda x: np.where(x > 0, x, 0))
