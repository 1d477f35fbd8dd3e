"""Rows that lie evenly apart are read where they lie, and nothing else is taken for such."""

import itertools

import numpy as np
import pytest

from minidl import Tensor, kernels, nn, ops
from minidl.kernels.cpu.memory.layout import rows_in_place, strided_rows


def views():
    """Yield views (N, C, H, W) and (N, C) of one piece of memory, with every step that an axis may have."""
    memory = np.arange(6000, dtype=np.float32)
    for shape in itertools.product((1, 2, 3), (1, 4), (1, 2), (1, 3)):
        for strides in itertools.product((0, 4, 12, 24, 48, 96), (1,), (0, 4, 8, 12, 24), (0, 4, 8)):
            yield np.lib.stride_tricks.as_strided(memory, shape, [4 * step for step in strides])
    for shape in itertools.product((1, 2, 5), (1, 4)):
        for strides in itertools.product((0, 2, 4, 7, 8), (0, 1, 2)):
            yield np.lib.stride_tricks.as_strided(memory, shape, [4 * step for step in strides])


def test_rows_in_place_are_those_of_the_picture():
    found = 0
    for x in views():
        rows = (x.transpose(0, 2, 3, 1) if x.ndim == 4 else x).reshape(-1, x.shape[1])
        if seen := rows_in_place(x):
            memory, step = seen
            found += 1
            assert step >= x.shape[1]
            assert memory.size >= (len(rows) - 1) * step + x.shape[1]
            picked = np.lib.stride_tricks.as_strided(memory, rows.shape, (4 * step, 4))
            np.testing.assert_array_equal(picked, rows)
        memory, step = strided_rows(x)
        assert memory.size >= (len(rows) - 1) * step + x.shape[1]
    assert found > 100


class Beside(nn.Module):
    """A norm whose gradient is one number for all pixels of a map, and a slice of a wider row."""

    def __init__(self):
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(8, 896, 1), nn.Conv2d(8, 128, 1, bias=False)
        self.norm = nn.BatchNorm2d(128, activation="relu")

    def forward(self, x):
        return ops.global_avg_pool2d(ops.concat([self.wide(x), self.norm(self.narrow(x))], 1))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_repeated_slice_is_copied(size, rng):
    net, x = Beside(), rng.standard_normal((8, 8, size, size), dtype=np.float32)
    dy, found = rng.standard_normal((8, 1024), dtype=np.float32), []
    for which in ("cpu", "textbook"):
        net.zero_grad()
        with kernels.use(which):
            net(Tensor(x)).backward(dy)
        found.append([np.array(parameter.grad) for parameter in net.parameters()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())
