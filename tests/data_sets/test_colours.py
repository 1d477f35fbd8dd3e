"""Changes of colour, normalisation, cutout and mixup: against loops over pixels."""

import numpy as np
import pytest

from minidl.data import transforms
from minidl.data.transforms import (
    Brightness,
    Contrast,
    Cutout,
    Mixup,
    Normalize,
    PcaJitter,
    Saturation,
    add_colour,
    brightness,
    contrast,
    cutout,
    mixup,
    normalize,
    saturation,
)
from minidl.data.transforms.colour import IMAGENET_EIGENVALUES, IMAGENET_EIGENVECTORS

FACTORS = np.array([0.0, 0.4, 1.0, 1.7])


def grey_of(pixel):
    return pixel[0] if len(pixel) == 1 else 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]


def looped(x, factors, what):
    y = np.empty_like(x)
    n, _, h, width = x.shape
    for i in range(n):
        mean = np.mean([grey_of(x[i, :, a, b]) for a in range(h) for b in range(width)])
        for a in range(h):
            for b in range(width):
                middle = {"brightness": 0, "contrast": mean, "saturation": grey_of(x[i, :, a, b])}[what]
                y[i, :, a, b] = middle + (x[i, :, a, b] - middle) * factors[i]
    return y.clip(0, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("change", [brightness, contrast, saturation])
def test_changes_equal_the_loop(change, channels, rng):
    x = rng.random((4, channels, 3, 4))
    before = x.copy()
    np.testing.assert_allclose(change(x, FACTORS), looped(x, FACTORS, change.__name__), rtol=0, atol=1e-7)
    np.testing.assert_array_equal(x, before)
    eight = (x * 255).astype(np.uint8)
    found = change(eight, FACTORS)
    assert found.dtype == np.uint8
    expected = looped(eight / 255, FACTORS, change.__name__) * 255
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.51)
    np.testing.assert_array_equal(found[2], eight[2])  # factor 1 changes nothing


@pytest.mark.parametrize("kind", [Brightness, Contrast, Saturation])
def test_factors_are_drawn_evenly(kind, rng):
    factors = kind(0.4).draw(rng, 20_000)
    assert 0.6 <= factors.min() < 0.61
    assert 1.39 < factors.max() <= 1.4
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert kind(3).draw(rng, 1000).min() >= 0
    x = rng.integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    np.testing.assert_array_equal(kind(0)(x), x)


def test_pca_jitter_follows_the_formula(rng):
    x = rng.random((2, 3, 4, 5)) * 0.2 + 0.4
    alphas = np.array([[0.1, -0.2, 0.3], [0, 0, 1]])
    y = PcaJitter().apply(x, alphas)
    for n in range(2):
        for c in range(3):
            added = sum(IMAGENET_EIGENVECTORS[c][i] * alphas[n, i] * IMAGENET_EIGENVALUES[i] for i in range(3))
            np.testing.assert_allclose(y[n, c], x[n, c] + added, rtol=0, atol=1e-7)


def test_pca_jitter_draws_normal_numbers(rng):
    rows = PcaJitter(std=0.1).draw(rng, 20_000)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=0.003)
    np.testing.assert_allclose(rows.std(axis=0), 0.1, atol=0.003)


def test_the_eigenvectors_of_imagenet_are_orthonormal():
    vectors = np.array(IMAGENET_EIGENVECTORS)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=2e-3)  # they are known to four places
    assert (np.diff(IMAGENET_EIGENVALUES) < 0).all()
    assert (np.sign(vectors[:, 0]) == -1).all()  # the first is brightness: all channels together


def test_add_colour_holds_at_the_ends():
    x = np.array([0, 100, 255], dtype=np.uint8).reshape(1, 1, 1, 3).repeat(2, axis=1)
    y = add_colour(x, np.array([[0.5, -0.5]]))
    assert y.tolist() == [[[[128, 228, 255]], [[0, 0, 127]]]] or y.tolist() == [[[[128, 228, 255]], [[0, 0, 128]]]]


@pytest.mark.parametrize("dtype, unit", [("uint8", 255), ("float32", 1), ("float64", 1)])
def test_normalize(dtype, unit, rng):
    x = (rng.random((3, 2, 4, 5)) * unit).astype(dtype)
    before = x.copy()
    y = normalize(x, [0.4, 0.5], [0.2, 0.3])
    assert y.dtype == np.float32
    for c, (mean, std) in enumerate([(0.4, 0.2), (0.5, 0.3)]):
        np.testing.assert_allclose(y[:, c], (x[:, c] / unit - mean) / std, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(x, before)


def test_cutout_equals_the_loop(rng):
    x = rng.integers(1, 256, (40, 2, 6, 7), dtype=np.uint8)
    centres = np.column_stack([rng.integers(0, 6, 40), rng.integers(0, 7, 40)])
    for size in (1, 3, 4, 20):
        y = cutout(x, size, centres, fill=0)
        for n, (row, column) in enumerate(centres):
            for h in range(6):
                for w in range(7):
                    covered = 0 <= h - (row - size // 2) < size and 0 <= w - (column - size // 2) < size
                    np.testing.assert_array_equal(y[n, :, h, w], 0 if covered else x[n, :, h, w])


def test_cutout_reaches_every_place(rng):
    x = np.ones((2000, 1, 3, 4), dtype=np.float32)
    y = Cutout(1, fill=-1)(x, rng=rng)
    assert ((y == -1).sum(axis=(1, 2, 3)) == 1).all()
    assert (y == -1).sum(axis=0).min() > 100


def test_mixup_equals_the_loop(rng):
    x, labels, shares = rng.normal(size=(5, 2, 3, 3)), np.array([0, 1, 2, 2, 0]), rng.random(5)
    y, p = mixup(x, labels, shares, 4)
    for n in range(5):
        other = (n + 1) % 5
        np.testing.assert_allclose(y[n], shares[n] * x[n] + (1 - shares[n]) * x[other])
        expected = np.zeros(4)
        expected[labels[n]] += shares[n]
        expected[labels[other]] += 1 - shares[n]
        np.testing.assert_allclose(p[n], expected)


def test_mixed_labels_go_into_the_loss(rng):
    from minidl import Tensor, ops

    x, labels = rng.normal(size=(4, 1, 2, 2)).astype("float32"), np.array([0, 1, 2, 1])
    _, p = mixup(x, labels, np.array([0.3, 1.0, 0.5, 0.0]), 3)
    logits = Tensor(rng.normal(size=(4, 3)).astype("float32"))
    log_p = ops.log_softmax(logits).numpy()
    by_hand = [0.3 * log_p[0, 0] + 0.7 * log_p[0, 1], log_p[1, 1], 0.5 * (log_p[2, 2] + log_p[2, 1]), log_p[3, 0]]
    assert ops.cross_entropy(logits, p).item() == pytest.approx(-np.mean(by_hand), rel=1e-5)


def test_mixup_draws_from_beta(rng):
    shares = Mixup(1.0).draw(rng, 20_000)
    assert shares.mean() == pytest.approx(0.5, abs=0.01)
    assert shares.var() == pytest.approx(1 / 12, abs=0.01)
    assert Mixup(0.1).draw(rng, 20_000).var() == pytest.approx(0.25 / (2 * 0.1 + 1), abs=0.01)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: brightness(x[0], np.ones(1)), r"brightness: x must have 4 axes"),
        (lambda x: contrast(x, np.ones(3)), r"contrast: factors must be one for each picture, shape \(2,\); .*\(3,\)"),
        (lambda x: saturation(x, np.ones(2)), r"saturation: pictures must have 1 channel .* x.shape=\(2, 2, 3, 3\)"),
        (
            lambda x: brightness(x - 1, np.ones(2)),
            r"brightness: pictures must be uint8, or floats from 0 to 1; received float64 from -1 to -1; put it before",
        ),
        (lambda x: brightness(x * np.nan, np.ones(2)), r"brightness: pictures must be uint8, or floats from 0 to 1"),
        (lambda x: add_colour(x, np.ones(2)), r"add_colour: colours must be one number for each channel.*\(2, 2\)"),
        (lambda x: PcaJitter()(x), r"pca_jitter: pictures must have 3 channels .*; x.shape=\(2, 2, 3, 3\)"),
        (lambda x: PcaJitter(eigenvalues=(1, 2)), r"pca_jitter: three eigenvalues and .*\(2,\) and \(3, 3\)"),
        (lambda x: PcaJitter(std=-1), r"pca_jitter: std must be >= 0; received std=-1"),
        (lambda x: Contrast(-0.1), r"contrast: amount must be >= 0; received amount=-0.1"),
        (lambda x: normalize(x[0], [0], [1]), r"normalize: x must have 4 axes"),
        (lambda x: normalize(x, [0], [1]), r"normalize: mean must have one number for each of the 2 .*mean=\(0,\)"),
        (lambda x: normalize(x, [0, 0], [1]), r"normalize: std must have one number for each of the 2 channels"),
        (lambda x: Normalize([0, 0], [1]), r"normalize: mean and std must have one number for each channel; rec"),
        (lambda x: Normalize([0], [0]), r"normalize: std must be > 0; received std=0"),
        (lambda x: Normalize(["0"], [1]), r"normalize: mean must be a finite number; received mean='0'"),
        (lambda x: cutout(x[0], 1, np.zeros((1, 2))), r"cutout: x must have 4 axes"),
        (lambda x: cutout(x, 1, np.zeros((1, 2))), r"cutout: centres must be \(row, column\) for each .*\(2, 2\)"),
        (lambda x: cutout(x.astype("uint8"), 1, np.zeros((2, 2), int), 0.5), r"cutout: fill must be from 0 to 255"),
        (lambda x: Cutout(0), r"cutout: size must be an int >= 1; received size=0"),
        (lambda x: Cutout(1, fill=np.inf), r"cutout: fill must be a finite number"),
        (lambda x: Mixup(0), r"mixup: alpha must be > 0; received alpha=0"),
        (lambda x: Mixup()(x), r"mixup: it changes the labels as well; use a Loader"),
        (lambda x: mixup(x[0], np.zeros(1, int), np.ones(1), 2), r"mixup: x must have 4 axes"),
        (lambda x: mixup(x, np.zeros(1, int), np.ones(2), 2), r"mixup: labels must be one whole number .*\(2,\)"),
        (lambda x: mixup(x, np.zeros(2, int), np.ones(1), 2), r"mixup: shares must be one for each .*\(2,\)"),
        (lambda x: mixup(x, np.array([0, 2]), np.ones(2), 2), r"mixup: labels must be from 0 to 1; .* from 0 to 2"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((2, 2, 3, 3)))


def test_mixup_wants_floats():
    with pytest.raises(TypeError, match="mixup: pictures must be floats, they are uint8; put it behind normalize"):
        mixup(np.zeros((1, 1, 1, 1), np.uint8), np.zeros(1, int), np.ones(1), 2)


def test_every_transform_is_public():
    for kind in transforms.TRANSFORMS.values():
        assert getattr(transforms, kind.__name__) is kind
