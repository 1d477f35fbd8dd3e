"""Memory that is lent, given back and lent again."""

import gc

import numpy as np
import pytest

from minidl._memory import ALIGNMENT, SMALL, Pool


@pytest.fixture
def pool():
    return Pool()


def test_freed_memory_is_used_again_and_only_then(pool):
    x = pool.empty((SMALL,), "float32")
    y = pool.empty((SMALL,), "float32")
    assert not np.shares_memory(x, y)
    address = x.ctypes.data
    view = x[5:].reshape(-1, 1)
    del x
    z = pool.empty((SMALL,), "float32")
    assert z.ctypes.data != address  # a view of x still lives
    view[...] = 1
    del view
    again = pool.empty((SMALL,), "float32")
    assert again.ctypes.data == address


def test_arrays_are_ordinary(pool):
    x = pool.empty((3, 2**15), "float64")
    assert (x.shape, x.dtype, x.flags.writeable, x.flags.c_contiguous) == ((3, 2**15), np.float64, True, True)
    assert x.ctypes.data % ALIGNMENT == 0
    x[...] = 7
    assert x.sum() == 7 * 3 * 2**15


def test_nearly_equal_sizes_share_a_block(pool):
    x = pool.empty((1_000_000,), "uint8")
    address = x.ctypes.data
    del x
    assert pool.empty((999_000,), "uint8").ctypes.data == address


def test_lent_and_kept_never_exceed_the_most_that_was_lent(pool):
    rng = np.random.default_rng(0)
    held, most = [], 0
    for _ in range(500):
        if held and rng.random() < 0.5:
            held.pop(int(rng.integers(len(held))))
        held.append(pool.empty((int(rng.integers(SMALL, 40 * SMALL)),), "uint8"))
        most = max(most, pool.lent_bytes)
        assert pool.lent_bytes + pool.kept_bytes <= most
    held.clear()
    assert pool.lent_bytes == 0
    assert 0 < pool.kept_bytes <= most
    pool.release()
    assert pool.kept_bytes == 0


def test_small_arrays_and_a_pool_that_is_off_ask_numpy():
    pool = Pool(enabled=False)
    assert pool.empty((SMALL,), "float64").base is None
    assert Pool().empty((3,), "float64").base is None
    assert pool.lent_bytes == 0


def test_a_cycle_gives_back_when_it_is_collected(pool):
    cycle = [pool.empty((SMALL,), "float32")]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert pool.lent_bytes == 0
