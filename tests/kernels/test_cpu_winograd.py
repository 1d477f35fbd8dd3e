"""Winograd's convolutions: however tiles, weights and their gradient are shared among threads, and where NaN ends."""

import numpy as np
import pytest

import minidl
from minidl._backend import constant
from minidl.kernels import textbook
from minidl.kernels.cpu.conv import winograd, winograd_dw
from tests.contract import relative_error
from tests.kernels.test_cpu_conv import CASES, FAST, TOLERANCE, all_passes, check, drawn
from tests.kernels.twins import sized

NAMES = [name for name in CASES if name.startswith("Winograd")]


@pytest.mark.parametrize("case", ["Winograd", "Winograd, 5×5"])
def test_winograd_loses_no_nan(case, rng):
    """Results of a tile share their sums: where one is NaN or infinite, all of them may be, and none looks sound."""
    x, w, b, dy = drawn(*CASES[case], rng)
    settings = CASES[case][2:]
    for value in (np.nan, np.inf):
        x[0, 3, 7, 11] = dy[1, 5, 9, 2] = value
        with np.errstate(invalid="ignore"):
            exact = all_passes(textbook, x, w, b, dy, *settings)
        for name, result in all_passes(FAST, x, w, b, dy, *settings).items():
            assert not np.isfinite(result[~np.isfinite(exact[name])]).any(), name
        for name in ("y", "dx"):
            assert np.isfinite(all_passes(FAST, x, w, b, dy, *settings)[name]).mean() > 0.9, name


@pytest.mark.parametrize("few", [0, 10**6], ids=["each its tiles", "each its outputs"])
@pytest.mark.parametrize("case", NAMES)
def test_weights_that_stay_equal_those_that_change(case, few, rng, monkeypatch, two_threads):
    """Forward, with all that may be added, by the way for few tiles and by that for many."""
    monkeypatch.setattr(winograd, "FEW", few)
    x, w, b, residual = drawn(*CASES[case], rng)
    for bias, added, activation in ((b, None, None), (None, residual, "silu"), (b, residual, "relu")):
        exact = [None if it is None else it.astype(np.float64) for it in (x, w, bias, added)]
        expected = textbook.conv2d_fused(*exact, activation, *sized(*CASES[case]))
        for weights in (w, constant(w)):
            result = FAST.conv2d_fused(x, weights, bias, added, activation, *sized(*CASES[case]))
            assert relative_error(result, expected) <= TOLERANCE


@pytest.mark.parametrize("case", NAMES)
def test_any_division_into_tiles_gives_the_same_bits(case, rng, monkeypatch, two_threads):
    """A result is a sum over channels, however many tiles are taken at a time, and by whom."""
    x, w, b, dy = drawn(*CASES[case], rng)
    monkeypatch.setattr(winograd, "FEW", 0)
    whole = all_passes(FAST, x, w, b, dy, *CASES[case][2:])
    monkeypatch.setattr(winograd, "TILES", winograd.ROWS)
    tiles = winograd.tiles_of(len(x), *dy.shape[2:], w.shape[2])
    assert tiles > 3 * winograd.chunked(tiles, *w.shape[:2])[1] or tiles <= 49
    again = all_passes(FAST, x, w, b, dy, *CASES[case][2:])
    minidl.set_num_threads(1)
    alone = all_passes(FAST, x, w, b, dy, *CASES[case][2:])
    for name in ("y", "dx"):
        np.testing.assert_array_equal(again[name], whole[name], err_msg=name)
        np.testing.assert_array_equal(alone[name], whole[name], err_msg=name)


@pytest.mark.parametrize("ways", [{"OWN": 5, "FEW": 0, "MANY": 0}, {"SHARED": 11, "SMALL": 0}], ids=["own", "shared"])
@pytest.mark.parametrize("case", NAMES)
def test_the_gradient_of_the_weights_is_shared_in_two_ways(case, ways, rng, monkeypatch, two_threads):
    for name, value in ways.items():
        monkeypatch.setattr(winograd_dw, name, value)
    lengths, kernel = [], winograd_dw._winograd_dw
    monkeypatch.setattr(winograd_dw, "_winograd_dw", lambda *given: lengths.append(len(given[2])) or kernel(*given))
    check(*drawn(*CASES[case], rng), *CASES[case][2:])
    assert lengths == [2 if "OWN" in ways else 1]
