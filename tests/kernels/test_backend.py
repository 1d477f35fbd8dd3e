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


@pytest.mark.parametrize("shape", [(3, 4), (300, 400)], ids=["numpy's memory", "the pool's"])
def test_an_array_is_held_once_if_nobody_else_refers_to_its_memory(shape):
    holder = {key: _backend.empty(shape, "float32", like=np.empty(0)) for key in (0, 1)}
    holder[1] = holder[1].T[1:]
    assert all(_backend.is_held_once(holder, key) for key in holder)
    for key in holder:
        array = holder[key]
        assert not _backend.is_held_once(holder, key)
        view = array[:, :1]
        del array
        assert not _backend.is_held_once(holder, key)
        del view
        assert _backend.is_held_once(holder, key)
    base = holder[1].base
    assert not _backend.is_held_once(holder, 1)
    del base
    holder[2] = holder[1]
    assert not _backend.is_held_once(holder, 1)


def test_memory_that_may_not_be_written_to_or_that_is_repeated_is_never_held_once():
    read_only = np.zeros(3)
    read_only.flags.writeable = False
    holder = {
        0: read_only,
        1: np.broadcast_to(np.zeros(3), (2, 3)),
        2: np.ndarray((2, 3), "float64", np.zeros(3), strides=(0, 8)),
        3: np.frombuffer(bytearray(8), "float32"),
    }
    del read_only
    assert not any(_backend.is_held_once(holder, key) for key in holder)


def test_a_slice_of_a_wider_block_has_gaps():
    block = np.zeros((2, 6, 3, 5))
    whole = (block, block.T, block[:, ::-1], block[1:], block[:, :0], np.zeros(()), np.zeros((1, 4))[:, None])
    assert not any(map(_backend.has_gaps, whole))
    assert all(map(_backend.has_gaps, (block[:, 1:], block[..., ::2], block.transpose(0, 2, 3, 1)[..., :5])))
    assert _backend.has_gaps(np.broadcast_to(np.zeros((2, 1)), (2, 3)))
