"""Resize, crop, pad, shift, flip: against loops over pixels."""

import math

import numpy as np
import pytest

from minidl.data import transforms
from minidl.data.transforms import (
    CenterCrop,
    Flip,
    Pad,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Shift,
    crop,
    flip,
    pad,
    resize,
    shift,
)


def resampled_row(row, new):
    """The average under a triangle that is as wide as the reduction, at least one pixel to each side."""
    old, result = len(row), []
    width = max(old / new, 1)
    for i in range(new):
        centre = (i + 0.5) * old / new
        weights = [max(0, 1 - abs(j + 0.5 - centre) / width) for j in range(old)]
        result.append(sum(w * value for w, value in zip(weights, row)) / sum(weights))
    return np.array(result)


def resampled(x, h, width):
    return np.apply_along_axis(resampled_row, -2, np.apply_along_axis(resampled_row, -1, x, width), h)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(4, 5), (10, 7), (23, 11), (1, 1)])
def test_resize_equals_the_loop(channels, size, rng):
    x = rng.integers(0, 256, (2, channels, 10, 7), dtype=np.uint8)
    expected = resampled(x.astype(float), *size)
    found = resize(x, size)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, rtol=0, atol=1.01)  # rounded once for each direction
    found = resize(x.astype(np.float32), size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("old, size, new", [((10, 20), 5, (5, 10)), ((20, 10), 5, (10, 5)), ((7, 7), 3, (3, 3)),
                                            ((10, 15), (4, 3), (4, 3)), ((10, 15), [4, 3], (4, 3))])  # fmt: skip
def test_sizes_of_resize(old, size, new):
    assert resize(np.zeros((1, 1, *old)), size).shape[2:] == new


def test_resize_to_the_same_size_is_a_copy(rng):
    x = rng.integers(0, 256, (1, 3, 4, 5), dtype=np.uint8)
    y = resize(x, (4, 5))
    np.testing.assert_array_equal(x, y)
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("mode", ["edge", "constant", "reflect"])
def test_shift_equals_the_loop(mode, rng):
    x = rng.integers(1, 256, (30, 2, 5, 6), dtype=np.uint8)
    before, steps = x.copy(), rng.integers(-4, 5, (30, 2))
    moved = shift(x, steps, mode)

    def place(i, size):
        if mode == "edge":
            return min(max(i, 0), size - 1)
        if mode == "reflect":
            return -i if i < 0 else 2 * (size - 1) - i if i >= size else i
        return i if 0 <= i < size else None

    for n, (down, right) in enumerate(steps):
        for h in range(5):
            for w in range(6):
                i, j = place(h - down, 5), place(w - right, 6)
                expected = 0 if i is None or j is None else x[n, :, i, j]
                np.testing.assert_array_equal(moved[n, :, h, w], expected)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("mode", ["edge", "constant"])
def test_shift_out_of_the_picture(mode, rng):
    x = rng.integers(1, 256, (2, 1, 3, 3), dtype=np.uint8)
    moved = shift(x, np.array([[7, 0], [0, -9]]), mode)
    if mode == "constant":
        assert not moved.any()
    else:
        np.testing.assert_array_equal(moved[0], np.broadcast_to(x[0, :, :1], (1, 3, 3)))
        np.testing.assert_array_equal(moved[1], np.broadcast_to(x[1, :, :, -1:], (1, 3, 3)))


def test_flip_mirrors_those_that_are_chosen(rng):
    x = rng.normal(size=(5, 2, 3, 4))
    chosen = np.array([True, False, True, True, False])
    y = flip(x, chosen)
    for n in range(5):
        for w in range(4):
            np.testing.assert_array_equal(y[n, :, :, w], x[n, :, :, 3 - w if chosen[n] else w])
    assert not np.shares_memory(x, y)


def test_pad_and_crop(rng):
    x = rng.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    y = pad(x, ((1, 2), (3, 0)), value=9)
    assert y.shape == (2, 3, 7, 8)
    assert (y[:, :, 0] == 9).all()
    assert (y[:, :, :, :3] == 9).all()
    np.testing.assert_array_equal(crop(y, (4, 5), np.array([[1, 3], [1, 3]])), x)
    np.testing.assert_array_equal(crop(x, (2, 2), np.array([[0, 3], [2, 1]]))[1], x[1, :, 2:4, 1:3])


@pytest.mark.parametrize("size", [3, (2, 5), (5, 5)])
def test_centre(size, rng):
    x = rng.normal(size=(2, 1, 5, 6))
    y = CenterCrop(size)(x)
    h, width = (size, size) if isinstance(size, int) else size
    top, left = round((5 - h) / 2), round((6 - width) / 2)
    np.testing.assert_array_equal(y, x[:, :, top : top + h, left : left + width])
    assert not np.shares_memory(x, y)


# Draws


def test_flip_draws_with_its_probability(rng):
    for p in (0, 0.3, 1):
        assert Flip(p).draw(rng, 10_000).mean() == pytest.approx(p, abs=0.02)


def test_shift_draws_all_steps_alike(rng):
    steps = Shift(2).draw(rng, 25_000)
    _, counts = np.unique(steps, axis=0, return_counts=True)
    assert len(counts) == 25
    assert abs(counts - 1000).max() < 150
    assert not Shift(0).draw(rng, 5).any()


def test_random_crop_reaches_every_place(rng):
    x = np.arange(20).reshape(1, 1, 4, 5).repeat(2000, axis=0)
    corners = RandomCrop((3, 3))(x, rng=rng)[:, 0, 0, 0]
    values, counts = np.unique(corners, return_counts=True)
    assert values.tolist() == [0, 1, 2, 5, 6, 7]
    assert counts.min() > 250
    np.testing.assert_array_equal(RandomCrop((4, 5))(x, rng=rng), x)


def test_random_resized_crop_keeps_its_bounds(rng):
    step = RandomResizedCrop(8, scale=(0.2, 0.6), ratio=(0.5, 2.0))
    found = step.rectangles(60, 80, step.draw(rng, 5000))
    top, left, h, width = found.T
    assert ((top >= 0) & (left >= 0) & (top + h <= 60) & (left + width <= 80)).all()
    area, ratio = h * width / 4800, width / h
    assert 0.19 < area.min() < 0.22
    assert 0.58 < area.max() < 0.61
    assert 0.48 < ratio.min() < 0.55
    assert 1.8 < ratio.max() < 2.1
    assert top.min() == left.min() == 0
    assert (top + h).max() == 60
    assert (left + width).max() == 80


def test_random_resized_crop_takes_the_first_that_fits(rng):
    step = RandomResizedCrop(8)
    rows = step.draw(rng, 300)
    found = step.rectangles(40, 50, rows)
    for row, rectangle in zip(rows.astype(float), found.tolist()):
        for area, shape in zip(row[:10], row[10:20]):
            ratio = math.exp(math.log(3 / 4) + (math.log(4 / 3) - math.log(3 / 4)) * shape)
            area = (0.08 + 0.92 * area) * 40 * 50
            h, width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if h <= 40 and width <= 50:
                break
        expected = int(row[20] * (40 - h + 1)), int(row[21] * (50 - width + 1)), h, width
        assert rectangle == list(expected)


@pytest.mark.parametrize(
    "size, expected", [((10, 100), (0, 43, 10, 13)), ((100, 10), (43, 0, 13, 10)), ((1, 1), (0, 0, 1, 1))]
)
def test_random_resized_crop_of_a_long_picture_is_the_middle(size, expected, rng):
    step = RandomResizedCrop(4, scale=(0.9, 1.0))
    assert step.rectangles(*size, step.draw(rng, 5)).tolist() == [list(expected)] * 5


def test_random_resized_crop_cuts_before_it_resizes(rng):
    x = rng.integers(0, 256, (6, 3, 20, 30), dtype=np.uint8)
    step = RandomResizedCrop((7, 9))
    rows = step.draw(rng, 6)
    y = step.apply(x, rows)
    assert y.shape == (6, 3, 7, 9)
    for one, cut, (top, left, h, width) in zip(x, y, step.rectangles(20, 30, rows)):
        part = one[None, :, top : top + h, left : left + width]
        np.testing.assert_array_equal(cut, resize(part, (7, 9))[0])


def test_pictures_of_different_sizes_become_an_array(rng):
    x = [rng.integers(0, 256, (3, 10 + i, 20 - i), dtype=np.uint8) for i in range(4)]
    y = Resize((6, 5))(x)
    assert y.shape == (4, 3, 6, 5)
    np.testing.assert_array_equal(y[2], resize(x[2][None], (6, 5))[0])
    assert RandomResizedCrop(4)(x, rng=rng).shape == (4, 3, 4, 4)
    wide = Resize(6)(x)
    assert [one.shape[1:] for one in wide] == [(6, 12), (6, 10), (6, 9), (6, 7)]
    np.testing.assert_array_equal(Flip(1)(x)[3], x[3][:, :, ::-1])


# What is refused


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: resize(x[0], 4), r"resize: x must have 4 axes \(N, C, H, W\), it has 3"),
        (lambda x: resize(x, 0), r"resize: size must be an int >= 1; received size=0"),
        (lambda x: resize(x, (4, -1)), r"resize: size must be an int or a pair of ints >= 1; received size=\(4, -1\)"),
        (lambda x: Resize("64"), r"resize: size must be an int or a pair of ints >= 1; received size='64'"),
        (lambda x: flip(x[0], np.array([True])), r"flip: x must have 4 axes"),
        (lambda x: flip(x, np.array([True])), r"flip: chosen must be one for each picture, shape \(2,\); .*\(1,\)"),
        (lambda x: shift(x, np.zeros((2, 2), int), "wrap"), r"pad: mode must be one of 'edge', 'constant', .*'wrap'"),
        (lambda x: shift(x, np.full((2, 2), 4), "reflect"), r"pad: a border that mirrors is narrower than .*4×5"),
        (lambda x: pad(x, -1), r"pad: padding must be an int, \(ph, pw\) or .*; received padding=-1"),
        (lambda x: pad(x, (0, 5), "reflect"), r"4×5; received padding=\(0, 5\); use mode='edge'"),
        (lambda x: pad(x.astype("uint8"), 1, value=300), r"pad: value must be from 0 to 255 for uint8 .*=300"),
        (lambda x: Pad(1, value="0"), r"pad: value must be a finite number; received value='0'"),
        (lambda x: Pad(1, "wrap"), r"pad: mode must be one of"),
        (lambda x: Pad(1.5), r"pad: padding must be an int"),
        (lambda x: crop(x, (2, 2), np.array([[0, 0]])), r"crop: corners must be \(row, column\) for each .*\(2, 2\)"),
        (
            lambda x: crop(x, (2, 2), np.array([[0, 0], [3, -1]])),
            r"crop: corners must be from \(0, 0\) to \(2, 3\), so that 2×2 pixels lie within 4×5; "
            r"received corners from \(0, -1\) to \(3, 0\)",
        ),
        (lambda x: CenterCrop(5)(x), r"center_crop: 5×5 pixels do not fit into a picture of 4×5; put a resize"),
        (lambda x: RandomCrop((2, 6))(x), r"random_crop: 2×6 pixels do not fit into a picture of 4×5"),
        (lambda x: CenterCrop(0), r"center_crop: size must be an int or a pair of ints >= 1; received size=0"),
        (lambda x: RandomCrop(1.0), r"random_crop: size must be"),
        (lambda x: Flip(1.5), r"flip: p must be from 0 to 1; received p=1.5"),
        (lambda x: Shift(-1), r"shift: pixels must be an int >= 0; received pixels=-1"),
        (lambda x: Shift(1, "wrap"), r"shift: mode must be one of"),
        (lambda x: RandomResizedCrop(4, scale=0.5), r"random_resized_crop: scale must be \(smallest, .*scale=0.5"),
        (lambda x: RandomResizedCrop(4, scale=(0, 1)), r"random_resized_crop: scale must be > 0; received scale=0"),
        (lambda x: RandomResizedCrop(4, ratio=(2, 1)), r"random_resized_crop: ratio must be \(smallest, .*\(2, 1\)"),
        (lambda x: Shift(1)(x[0]), r"shift: x must have 4 axes .*one picture\? give it a batch axis"),
        (lambda x: CenterCrop(5)([x[0], x[1, :, :3]]), r"center_crop: 5×5 pixels do not fit"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((2, 1, 4, 5)))


def test_a_transform_without_an_apply_is_none():
    with pytest.raises(NotImplementedError):
        transforms.Transform().apply(np.zeros((1, 1, 2, 2)), None)
