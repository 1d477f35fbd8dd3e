"""Memory that is lent, given back and lent again."""

import gc
import mmap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minidl import _memory
from minidl._memory import ALIGNMENT, SMALL, SPARE, Arena, Pool


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


def test_the_rest_of_a_hole_and_holes_beside_each_other_are_used(pool):
    arrays = [pool.empty((4 * SMALL,), "uint8") for _ in range(4)]
    addresses = [array.ctypes.data for array in arrays]
    del arrays[1]
    first, second = (pool.empty((SMALL,), "uint8") for _ in range(2))
    assert [first.ctypes.data, second.ctypes.data] == [addresses[1], addresses[1] + SMALL]
    del arrays[1]  # the third: its hole touches what is left of the second
    assert pool.empty((6 * SMALL,), "uint8").ctypes.data == addresses[1] + 2 * SMALL
    del first, second
    assert pool.kept_bytes == 8 * SMALL  # one hole
    assert pool.empty((8 * SMALL,), "uint8").ctypes.data == addresses[1]


def test_the_smallest_hole_that_is_large_enough_is_taken(pool):
    sizes = [5, 1, 3, 1, 4, 1]
    arrays = [pool.empty((size * SMALL,), "uint8") for size in sizes]
    large, small, middle = arrays[0].ctypes.data, arrays[2].ctypes.data, arrays[4].ctypes.data
    for index in (4, 2, 0):
        del arrays[index]
    held = [pool.empty((size * SMALL,), "uint8") for size in (3, 5, 4)]
    assert [array.ctypes.data for array in held] == [small, large, middle]


def test_a_repeated_pattern_of_sizes_needs_no_fresh_memory_after_its_first_run(pool):
    def step():
        rng = np.random.default_rng(0)
        forward = [pool.empty((int(size),), "uint8") for size in rng.integers(SMALL, 40 * SMALL, 30)]
        backward = None
        while forward:
            backward = pool.empty((int(rng.integers(SMALL, 40 * SMALL)),), "uint8")
            forward.pop()
        del backward

    for _ in range(3):
        step()
    tops, kept = [arena.top for arena in pool._arenas], pool.kept_bytes
    step()
    assert ([arena.top for arena in pool._arenas], pool.kept_bytes) == (tops, kept)


def test_arrays_do_not_overlap_and_keep_their_numbers(pool):
    rng = np.random.default_rng(1)
    held = []
    for number in range(300):
        if len(held) > 5 and rng.random() < 0.6:
            value, array = held.pop(int(rng.integers(len(held))))
            assert (array == value).all()
            del array
        value = number % 251
        array = pool.empty((int(rng.integers(SMALL, 20 * SMALL)),), "uint8")
        array[...] = value
        held.append((value, array))
    assert all((array == value).all() for value, array in held)


def test_a_loan_that_ends_while_the_pool_is_at_work_comes_back_with_the_next_one(pool):
    x = pool.empty((SMALL,), "uint8")
    address = x.ctypes.data
    with pool._lock:
        del x  # must not wait for the lock
        assert pool.lent_bytes == SMALL
        assert pool.kept_bytes == 0
    y = pool.empty((SMALL,), "uint8")
    assert (y.ctypes.data, pool.lent_bytes) == (address, SMALL)


def test_threads_share_a_pool(pool):
    def work(number):
        for _ in range(200):
            x, y = (pool.empty((SMALL + 4096 * number,), "uint8") for _ in range(2))
            x[...], y[...] = number, number + 100
            assert (x == number).all()
            assert (y == number + 100).all()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    pool.empty((SMALL,), "uint8")
    assert pool.lent_bytes == 0


def test_where_the_system_grants_little_arenas_are_small(pool, monkeypatch):
    original = _memory.Arena

    def sparing(size, **settings):
        if size > 8 * SMALL:
            raise OSError("no memory")
        return original(size, **settings)

    monkeypatch.setattr(_memory, "Arena", sparing)
    held = [pool.empty((3 * SMALL,), "uint8") for _ in range(5)]
    assert len(pool._arenas) > 1
    address = held[-1].ctypes.data
    held.pop()
    assert pool.empty((3 * SMALL,), "uint8").ctypes.data == address
    large = pool.empty((9 * SMALL,), "uint8")  # NumPy's
    assert (large.base, pool.lent_bytes) == (None, 12 * SMALL)


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system takes no single pages back")
def test_lent_and_kept_never_exceed_the_most_that_was_lent_by_more_than_an_eighth(pool):
    rng = np.random.default_rng(0)
    held, most = [], 0
    for _ in range(500):
        if held and rng.random() < 0.5:
            held.pop(int(rng.integers(len(held))))
        held.append(pool.empty((int(rng.integers(SMALL, 40 * SMALL)),), "uint8"))
        most = max(most, pool.lent_bytes)
        assert pool.lent_bytes + pool.kept_bytes <= most + most // SPARE + pool._regretted
        assert pool._regretted <= most // SPARE
    held.clear()
    assert pool.lent_bytes == 0
    assert 0 < pool.kept_bytes <= most + most // SPARE + pool._regretted
    pool.release()
    assert pool.kept_bytes == 0


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system takes no single pages back")
def test_what_was_given_back_too_early_is_kept_the_next_time(pool, monkeypatch):
    cleared = []
    monkeypatch.setattr(Arena, "clear", lambda arena, start, end: cleared.append(end - start) or True)

    def step():
        """Hold fourteen at once, with a hole of two that three do not fit into: sixteen in all, more than an eighth."""
        held = [pool.empty((size * SMALL,), "uint8") for size in (10, 2, 1)]
        del held[1]
        held.append(pool.empty((3 * SMALL,), "uint8"))

    gone = []
    for _ in range(4):
        cleared.clear()
        step()
        gone.append(sum(cleared))
    assert gone[0] == 2 * SMALL
    assert gone[2:] == [0, 0]
    assert pool._regretted == 14 * SMALL // SPARE
    pool.release()
    assert pool._regretted == 0


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system takes no single pages back")
def test_a_hole_whose_pages_were_given_back_is_used_again_and_grows_with_its_neighbours(pool):
    arrays = [pool.empty((4 * SMALL,), "uint8") for _ in range(5)]
    addresses = [array.ctypes.data for array in arrays]
    arrays[2] = None
    pool.release()
    assert (pool.lent_bytes, pool.kept_bytes) == (16 * SMALL, 0)
    part = pool.empty((SMALL,), "uint8")
    assert (part.ctypes.data, part[0], pool.kept_bytes) == (addresses[2], 0, 0)  # the rest has no pages
    del part
    assert pool.kept_bytes == 4 * SMALL  # with the rest behind it
    pool.release()
    arrays[3] = None
    assert pool.kept_bytes == 8 * SMALL  # with the hole before it
    assert pool.empty((8 * SMALL,), "uint8").ctypes.data == addresses[2]


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
