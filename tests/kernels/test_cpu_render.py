"""A picture through a frame: the textbook equals loops and Pillow's resizing, the fast kernel the textbook."""

import numpy as np
import pytest
from PIL import Image

from minidl import kernels
from minidl.data.boxes import Frame
from minidl.kernels import textbook
from tests.kernels.twins import FAST, equal_in_every_order, same_bits_every_time


def call(rng, h, width, out, taps=(3, 2), colours=2):
    """Arguments of a call: some rows and columns are outside of the picture."""
    shares, first = [], []
    for n, old, count in zip(out, (h, width), taps):
        one = rng.random((n, count)).astype("float32")
        one /= one.sum(axis=1, keepdims=True)
        one[rng.random(n) < 0.2] = 0
        shares.append(one)
        first.append(rng.integers(0, old - count + 1, n).astype("uint32"))
    pixels = rng.integers(0, 256, (h, width, 3), dtype=np.uint8)
    pixels[0], pixels[-1, :2] = 0, 255
    factors = rng.uniform(0.5, 2, (colours, 2)).astype("float32") if colours else None
    return (*shares, *first, pixels, factors)


def loops(row_shares, column_shares, rows, columns, pixels, colours):
    """One pixel after the other, with the formulas of the textbook's lesson."""
    x = np.empty((3, len(rows), len(columns)))
    for i, j in np.ndindex(len(rows), len(columns)):
        weights = np.outer(row_shares[i], column_shares[j])
        part = pixels[rows[i] : rows[i] + weights.shape[0], columns[j] : columns[j] + weights.shape[1]]
        one = [(weights * part[:, :, c]).sum() / 255 if weights.any() else 128 / 255 for c in range(3)]
        for s, e in () if colours is None else colours.tolist():
            value, least = max(one), min(one)
            s = min(s, value / max(value - least, 1e-6)) if s > 1 else s
            e = min(e, 1 / max(value, 1e-6)) if e > 1 else e
            one = [e * (value - s * (value - c)) for c in one]
        x[:, i, j] = one
    return x


@pytest.mark.parametrize("colours", [0, 1, 3])
def test_the_textbook_equals_loops(rng, colours):
    shares, more, *rest = call(rng, 9, 11, (7, 13), colours=colours)
    given = shares.astype("float64"), more.astype("float64"), *rest
    np.testing.assert_allclose(textbook.render(*given), loops(*given), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("sizes", [(9, 11, (7, 13)), (40, 30, (16, 50)), (5, 6, (1, 1))])
@pytest.mark.parametrize("taps", [(1, 1), (2, 2), (3, 5)])
def test_the_fast_kernel_equals_the_textbook(rng, sizes, taps):
    for colours in (0, 1, 2):
        equal_in_every_order("render", *call(rng, *sizes, taps, colours), tolerance=2e-6)
    same_bits_every_time("render", *call(rng, *sizes, taps))


def test_large_pictures_go_to_the_fast_kernel(rng):
    given = call(rng, 200, 100, (128, 128))
    with kernels.use("textbook"):
        book = kernels.render(*given)
    np.testing.assert_array_equal(kernels.render(*given), FAST.render(*given))
    np.testing.assert_allclose(kernels.render(*given), book, atol=1e-6)


def test_places_outside_of_the_picture_are_refused(rng):
    given = list(call(rng, 9, 11, (7, 13)))
    for place, message in ((2, "rows must leave room for their 3 shares: at most 6; received 7"), (3, "at most 9")):
        wrong = list(given)
        wrong[place] = wrong[place] + np.uint32(9)
        wrong[place][:] = 7 if place == 2 else 10
        with pytest.raises(ValueError, match=f"render: .*{message}"):
            FAST.render(*wrong)
    with pytest.raises(ValueError, match=r"render: expects pixels \(H, W, 3\)"):
        FAST.render(*given[:4], given[4][:, :, :2], given[5])


@pytest.mark.parametrize("size", [(60, 80), (37, 51), (101, 203), (12, 9)])
def test_a_resize_is_that_of_pillow(rng, size):
    """To half a grey level, to which it rounds twice."""
    picture = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    frame = Frame.of(60, 80).then(size, (size[1] / 80, size[0] / 60), (0.0, 0.0))
    right = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    for kernel_set in ("textbook", "cpu"):
        with kernels.use(kernel_set):
            assert abs(255 * frame.draw(picture) - right).max() <= 1.01
