"""Bugs in the pooling of regions, as they are made."""

import importlib

import numpy as np

from tests.mutations.mutant import Mutant, attribute, kernel

regions = importlib.import_module("minidl.ops.regions")


def last_only(original, dy, x_shape, pictures, *rest):
    """Regions over each other are assigned, not added up."""
    dx = np.zeros(x_shape, dy.dtype)
    for at in range(len(pictures)):
        one = slice(at, at + 1)
        found = original(dy[one], x_shape, pictures[one], *(side[one] for side in rest))
        dx = np.where(found != 0, found, dx)
    return dx


def bins_of(change):
    return attribute(regions, "bins", change)


def shares_of(change):
    return attribute(regions, "shares", change)


MUTANTS = [
    Mutant("roi_pool: the last pixel does not belong to the region", "roi_pool", bins_of(
        lambda f, first, last, count, size: f(first, last - 1, count, size))),
    Mutant("roi_pool: bins without what they share", "roi_pool", bins_of(
        lambda f, first, last, count, size: [(a, max(a, min(b, a + (last - first + 1) // count)))
                                             for a, b in f(first, last, count, size)])),
    Mutant("roi_pool: regions not cut at the end of the map", "roi_pool", bins_of(
        lambda f, first, last, count, size: f(min(max(first, 0), size - 1), min(last, size - 1), count, size))),
    Mutant("roi_pool: all regions of the first picture", "roi_pool", kernel("roi_pool",
           lambda f, x, pictures, rows, columns: f(x, [0] * len(pictures), rows, columns))),
    Mutant("roi_pool: rows for columns", "roi_pool", kernel("roi_pool",
           lambda f, x, pictures, rows, columns: f(x, pictures, columns, rows))),
    Mutant("roi_pool: the winner one pixel too far", "roi_pool", kernel("roi_pool_dx",
           lambda f, dy, winners, x_shape, pictures: np.roll(f(dy, winners, x_shape, pictures), 1, axis=3))),
    Mutant("roi_pool: bins without pixels give theirs to the first", "roi_pool", kernel("roi_pool_dx",
           lambda f, dy, winners, *rest: f(dy, winners.clip(0, None), *rest))),
    Mutant("roi_pool: gradients of two pictures swapped", "roi_pool", kernel("roi_pool_dx",
           lambda f, *args: f(*args)[::-1])),
    Mutant("roi_align: half a pixel too far", "roi_align", shares_of(
        lambda f, ends, *rest: f(ends + 0.5, *rest))),
    Mutant("roi_align: points at the edges of their cells", "roi_align", shares_of(
        lambda f, ends, count, size, points, aligned: f(
            ends - (ends[:, 1:] - ends[:, :1]) / (2 * count * max(1, points)), count, size, points, aligned))),
    Mutant("roi_align: regions shorter than a pixel stay so", "roi_align", shares_of(
        lambda f, ends, count, size, points, aligned: f(ends, count, size, points, True))),
    Mutant("roi_align: summed, not averaged", "roi_align", shares_of(
        lambda f, ends, count, size, points, aligned: f(ends, count, size, points, aligned) * max(1, points))),
    Mutant("roi_align: one point a bin", "roi_align", shares_of(
        lambda f, ends, count, size, points, aligned: f(ends, count, size, 1, aligned))),
    Mutant("roi_align: points outside count as the border", "roi_align", shares_of(
        lambda f, ends, count, size, points, aligned: f(np.clip(ends, -1, size), count, size, points, aligned))),
    Mutant("roi_align: rows for columns on the way back", "roi_align", kernel("roi_align_dx",
           lambda f, dy, x_shape, pictures, rows, columns: f(dy, x_shape, pictures, rows[:, ::-1], columns))),
    Mutant("roi_align: the last of several regions wins", "roi_align", kernel("roi_align_dx", last_only)),
]  # fmt: skip
