"""Corrections of boxes and their way back, and the regression that learns them, beside scikit-learn's."""

import numpy as np
import pytest

from minidl.detection import decode_boxes, encode_boxes, ridge
from tests.detection.made_up import some_boxes


def test_encoding_and_decoding_undo_each_other(rng):
    references, goals = some_boxes(rng, 500), some_boxes(rng, 500)
    offsets = encode_boxes(goals, references)
    np.testing.assert_allclose(decode_boxes(offsets, references), goals, rtol=0, atol=1e-11)
    drawn = rng.normal(0, 1, (500, 4))
    np.testing.assert_allclose(encode_boxes(decode_boxes(drawn, references), references), drawn, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(encode_boxes(references, references), 0)


def test_the_numbers_are_those_of_the_paper():
    """By hand: a centre (30, 40) of sides 20 × 10 that should be (35, 38) of 40 × 5."""
    (t,) = encode_boxes([[15, 35.5, 55, 40.5]], [[20, 35, 40, 45]])
    np.testing.assert_allclose(t, [5 / 20, -2 / 10, np.log(2), np.log(0.5)], rtol=1e-15)


def test_they_do_not_know_where_a_thing_is_or_how_large(rng):
    references, goals = some_boxes(rng, 50), some_boxes(rng, 50)
    moved = [3.5 * boxes + np.array([7, -5, 7, -5]) for boxes in (goals, references)]
    np.testing.assert_allclose(encode_boxes(*moved), encode_boxes(goals, references), atol=1e-12)


@pytest.mark.parametrize("n", [7, 300], ids=["fewer than features", "more than features"])
@pytest.mark.parametrize("strength", [1e-3, 1.0, 1000.0])
def test_ridge_is_that_of_scikit_learn(n, strength, rng):
    from sklearn.linear_model import Ridge

    x, t = rng.normal(3, 2, (n, 40)), rng.normal(-1, 5, (n, 4))
    w, b = ridge(x, t, strength)
    right = Ridge(alpha=strength, solver="cholesky").fit(x, t)
    np.testing.assert_allclose(w, right.coef_.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(b, right.intercept_, rtol=1e-8, atol=1e-10)
    slope = x.T @ (x @ w + b - t) + strength * w  # half of what must be nothing at the least loss
    assert np.abs(slope).max() < 1e-6 * np.abs(x.T @ t).max()
    np.testing.assert_allclose((x @ w + b - t).sum(axis=0), 0, atol=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: encode_boxes([[0, 0, 0, 4]], [[0, 0, 4, 4]]), "encode_boxes: a box without size has no logarithm"),
        (lambda: encode_boxes([[0, 0, 4, 4]], [[0, 0, 4, 0]]), "encode_boxes: a reference without size measures"),
        (lambda: decode_boxes(np.zeros((1, 4)), [[2, 0, 2, 4]]), "decode_boxes: a reference without size measures"),
        (
            lambda: decode_boxes(np.zeros((2, 4)), [[0, 0, 2, 4]]),
            "decode_boxes: expects a reference for each; received 2",
        ),
        (lambda: decode_boxes(np.zeros((1, 5)), [[0, 0, 2, 4]]), r"decode_boxes: offsets must be \(N, 4\)"),
        (lambda: encode_boxes([[0, 0, np.nan, 4]], [[0, 0, 4, 4]]), "encode_boxes: a box is x1, y1, x2, y2"),
        (lambda: ridge(np.zeros((0, 3)), np.zeros((0, 4))), r"ridge: expects x \(N, D\) and t \(N, M\), N >= 1"),
        (lambda: ridge(np.zeros((2, 3)), np.zeros((3, 4))), r"ridge: expects x \(N, D\) and t \(N, M\)"),
        (lambda: ridge(np.zeros((2, 3)), np.zeros((2, 4)), 0), "ridge: strength must be"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
