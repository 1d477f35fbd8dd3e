"""Tiles that threads borrow: each has one for itself, as often and by as many as it may be."""

import threading

import numba
import numpy as np
import pytest

from minidl.kernels.cpu.memory.borrowing import FLAG, borrow, borrowed, give_back, lay_out

ROUNDS, THREADS = 2000, 4


@numba.njit
def three_times(tiles):
    lay_out(tiles)
    first, second = borrow(tiles), borrow(tiles)
    give_back(tiles, first)
    third = borrow(tiles)
    give_back(tiles, second)
    return first, second, third, borrow(tiles)


@numba.njit
def start(tiles):
    lay_out(tiles)


@numba.njit(nogil=True)
def work(tiles, mine, rounds):
    """Write a number of one's own into a tile, again and again; tell how often another's was found there."""
    disturbed = 0
    for _ in range(rounds):
        place = borrow(tiles)
        tile = tiles[place, FLAG:]
        tile[:] = mine
        for at in range(tile.size):
            disturbed += tile[at] != mine
        give_back(tiles, place)
    return disturbed


def test_what_is_given_back_is_lent_first():
    tiles = borrowed(2, 20)
    tiles[:] = np.nan  # it was somebody else's memory
    first, second, third, fourth = three_times(tiles)
    assert (first, second) == (0, 1)
    assert (third, fourth) == (0, 1)


def test_a_tile_has_room_and_a_line_for_its_flag():
    tiles = borrowed(3, 100)
    assert tiles.shape == (3, 128)
    assert tiles.ctypes.data % 8 == 0  # a flag is a number of eight bytes


@pytest.mark.parametrize("count", [THREADS, 2], ids=["a tile for each", "some must wait"])
def test_nobody_works_on_the_tile_of_another(count):
    tiles = np.zeros((count, FLAG + 256), np.float32)
    start(tiles)
    work(tiles, 0.0, 1)  # compiles
    found = [0] * THREADS

    def run(number):
        found[number] = work(tiles, float(number), ROUNDS)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * THREADS
