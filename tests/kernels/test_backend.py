"""Where arrays are allocated, and in which memory order."""

import numpy as np
import pytest

from minidl import Tensor, _backend


def test_a_result_lies_in_memory_like_its_model():
    nhwc = np.zeros((2, 5, 6, 3)).transpose(0, 3, 1, 2)  # N, C, H, W seen, channels last in memory
    result = _backend.empty((2, 8, 4, 4), np.float32, like=nhwc)
    assert result.shape == (2, 8, 4, 4)
    assert result.transpose(0, 2, 3, 1).flags.c_contiguous
    assert _backend.empty((2, 8), np.float32, like=nhwc).flags.c_contiguous
    assert _backend.empty((2, 3, 5, 6), np.float64, like=np.zeros((2, 3, 5, 6))).flags.c_contiguous


def test_copy_keeps_the_order_and_shares_nothing():
    x = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    y = _backend.copy(x)
    np.testing.assert_array_equal(x, y)
    assert x.strides == y.strides
    assert not np.shares_memory(x, y)


def test_every_kind_of_numpy_array_is_on_the_cpu(tmp_path):
    np.arange(3.0).tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", dtype="float64", mode="r")
    np.testing.assert_array_equal((Tensor(mapped) + Tensor(np.ones(3))).data, [1, 2, 3])


def test_numbers_come_to_numpy():
    for value in (1.5, [1.5], np.float64(1.5)):
        assert type(_backend.to_numpy(value)) is np.ndarray
    x = np.zeros(2)
    assert _backend.to_numpy(x) is x


def test_devices():
    x = np.zeros(2)
    assert _backend.to_device(x, "cpu") is x
    assert _backend.device_of(x) == "cpu"
    with pytest.raises(ValueError, match='to: device must be "cpu" or "cuda"; received device=\'tpu\''):
        _backend.to_device(x, "tpu")
