"""Selective search, which is OpenCV's: in an order of ours, and the same every time."""

import ctypes

import numpy as np
import pytest

from minidl.detection import Boxes, proposal_recall, selective_search
from minidl.detection.proposals import can_search
from tests.detection.test_precision import overlap

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not can_search(), reason="needs OpenCV's contributed modules: pip install 'minidl[detect]'"),
]


def rectangles(rng):
    pixels = np.full((3, 120, 160), 220, np.uint8)
    for x1, y1, x2, y2 in ((10, 20, 60, 80), (90, 30, 150, 70)):
        pixels[:, y1:y2, x1:x2] = rng.integers(0, 150, (3, 1, 1))
    return pixels


@pytest.mark.parametrize("mode", ["fast", "quality"])
def test_selective_search_finds_rectangles_and_gives_the_same_twice(mode, rng):
    pixels = rectangles(rng)
    ctypes.CDLL(None).srand(1)  # what OpenCV orders regions by
    first = selective_search(pixels, mode=mode, width=160)
    ctypes.CDLL(None).srand(99)
    np.testing.assert_array_equal(selective_search(pixels, mode=mode, width=160), first)
    truth = Boxes([[10, 20, 60, 80], [90, 30, 150, 70]], [0, 0])
    assert proposal_recall([first], [truth], 0.8) == 1
    assert (first[:, 2:] - first[:, :2] >= 16).all()
    assert len(selective_search(pixels, mode=mode, width=160, most=2)) == 2
    small = selective_search(pixels[:, :20, :20], mode=mode, width=20)  # one colour, hardly a region
    assert small.shape[1:] == (4,)


def test_boxes_that_repeat_an_earlier_one_go(rng):
    pixels = rng.integers(0, 256, (3, 90, 120), dtype=np.uint8)
    found = selective_search(pixels, width=120, distinct=0.5, most=100)
    worst = max(overlap(a.tolist(), b.tolist()) for at, a in enumerate(found) for b in found[:at])
    assert worst <= 0.5
    assert len(selective_search(pixels, width=120, distinct=1.0, most=10_000)) > len(found)
