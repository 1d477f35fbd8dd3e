"""Convolutions of small maps, with the pictures of a batch side by side: every geometry against the textbook."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import kernels
from minidl.kernels import textbook
from minidl.kernels.cpu.conv import algorithms, direct_dw, small
from minidl.kernels.cpu.conv.geometry import measure
from tests.contract import memory_orders
from tests.kernels.test_cpu_conv import AREAS, CASES, FAST, all_passes, check, check_fused, drawn
from tests.kernels.twins import sized

MAPS = {  # x_shape, w_shape, stride, padding, dilation, groups
    "2×2 pixels": ((8, 32, 2, 2), (48, 32, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "one pixel": ((9, 70, 1, 1), (32, 70, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "one row": ((11, 20, 1, 3), (33, 20, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "one column under 1×7": ((17, 24, 4, 1), (16, 24, 1, 7), (1, 1), ((0, 0), (3, 3)), (1, 1), 1),
    "one column under 3×1": ((8, 24, 4, 3), (16, 24, 3, 1), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "4×4, stride 2": ((16, 16, 4, 4), (32, 16, 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1),
    "4×4, stride 2, 1×1": ((10, 40, 4, 4), (24, 40, 1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    "3×3, two groups": ((12, 70, 3, 3), (66, 35, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2),
    "5×5 under 5×5": ((8, 12, 5, 5), (20, 12, 5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    "dilation past the map": ((8, 16, 3, 2), (16, 16, 3, 3), (1, 1), ((4, 4), (4, 4)), (4, 4), 1),
}


def with_pictures(case, n):
    (_, *rest), *others = case
    return ((n, *rest), *others)


@pytest.fixture
def everywhere(monkeypatch):
    """Let the pictures stand side by side in every convolution that has enough of them."""
    monkeypatch.setattr(algorithms, "LESS", np.inf)
    with kernels.use("cpu", conv="small"):
        yield


@pytest.mark.parametrize("case", MAPS.values(), ids=MAPS)
def test_small_maps_choose_it_by_themselves_and_equal_the_textbook(case, rng):
    x_shape, w_shape, stride, padding, dilation, groups = case
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    with kernels.use("cpu"):
        found = kernels.explain(x_shape, w_shape, **settings)
    assert (found.forward.algorithm, found.dw.algorithm) == ("small", "direct")
    assert found.forward.why.startswith(f"{x_shape[0]} pictures side by side take 0.")
    check(*drawn(*case, rng), *case[2:])


@pytest.mark.parametrize("n", [8, 11])
@pytest.mark.parametrize("case", (CASES | AREAS | MAPS).values(), ids=CASES | AREAS | MAPS)
def test_equals_the_textbook_in_every_geometry(case, n, rng, everywhere):
    case = with_pictures(case, n)
    sizes = measure(*case[:2], *sized(*case))
    assert algorithms.choose(sizes, "forward").name == algorithms.choose(sizes, "dx").name == "small"
    check(*drawn(*case, rng), *case[2:])


@given(data=st.data())
def test_equals_the_textbook_on_drawn_geometries(data):
    def pair(least, most):
        return data.draw(st.integers(least, most)), data.draw(st.integers(least, most))

    groups = data.draw(st.sampled_from([1, 1, 2, 3]))
    c_group, o_group = data.draw(st.sampled_from([(1, 1), (3, 5), (17, 33), (16, 16), (70, 7)]))
    kernel, stride, dilation = pair(1, 4), pair(1, 3), pair(1, 3)
    padding = pair(0, 3), pair(0, 3)
    least = [max(1, dilation[a] * (kernel[a] - 1) + 1 - sum(padding[a])) for a in range(2)]
    h, width = (least[a] + data.draw(st.integers(0, 4)) for a in range(2))
    n = data.draw(st.integers(small.PICTURES, 3 * small.PICTURES))
    case = ((n, c_group * groups, h, width), (o_group * groups, c_group, *kernel), stride, padding, dilation, groups)
    check(*drawn(*case, np.random.default_rng(0)), *case[2:])


@pytest.mark.parametrize("activation", [None, "relu", "silu"])
@pytest.mark.parametrize("case", ["2×2 pixels", "one row", "3×3, two groups", "4×4, stride 2, 1×1"])
def test_fused_equals_the_textbook(case, activation, rng):
    check_fused(MAPS[case], activation, rng)


@pytest.mark.parametrize("case", ["2×2 pixels", "one row", "3×3, two groups", "4×4, stride 2"])
def test_the_same_bits_for_any_number_of_threads_and_pictures_at_a_time(case, rng, monkeypatch):
    case = with_pictures(MAPS[case], 21)
    x, w, b, dy = drawn(*case, rng)
    expected, before = all_passes(FAST, x, w, b, dy, *case[2:]), minidl.get_num_threads()
    try:
        for threads in range(1, before + 1):
            minidl.set_num_threads(threads)
            for near in (1, 500, small.NEAR):
                monkeypatch.setattr(small, "NEAR", near)
                found = all_passes(FAST, x, w, b, dy, *case[2:])
                np.testing.assert_array_equal(found["y"], expected["y"])
                np.testing.assert_array_equal(found["dx"], expected["dx"])
    finally:
        minidl.set_num_threads(before)


@pytest.mark.parametrize("case", ["2×2 pixels", "4×4, stride 2", "one column under 1×7"])
def test_any_memory_order_gives_the_same(case, rng):
    x, w, b, dy = drawn(*MAPS[case], rng)
    expected = all_passes(FAST, x, w, b, dy, *MAPS[case][2:])
    for x_, w_, dy_ in zip(*(list(memory_orders(a))[-5:] for a in (x, w, dy)), strict=True):
        for name, result in all_passes(FAST, x_, w_, b, dy_, *MAPS[case][2:]).items():
            np.testing.assert_array_equal(result, expected[name], err_msg=name)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("case", ["2×2 pixels", "5×5 under 5×5", "4×4, stride 2", "one column under 3×1"])
def test_nan_and_infinity_come_where_they_are_seen(case, value, rng):
    """No further: not to another picture, and not with the zeros of the border, by which the textbook multiplies."""
    x, w, b, dy = drawn(*MAPS[case], rng)
    settings = MAPS[case][2:]
    x[3, 2, 1, 1] = dy[2, 1, 0, 1] = value
    of_x, of_dy = (1.0 - np.isfinite(a) for a in (x, dy))
    seen = all_passes(textbook, of_x, np.ones_like(w), 0 * b, of_dy, *settings)
    seen["dw"] = sum(textbook.conv2d_dw(*pair, w.shape, *settings) for pair in ((of_dy, of_x + 1), (of_dy + 1, of_x)))
    for name, result in all_passes(FAST, x, w, b, dy, *settings).items():
        np.testing.assert_array_equal(~np.isfinite(result), seen[name] > 0, err_msg=name)


def test_a_few_pictures_and_large_maps_are_left_to_the_others():
    def chosen(*x_shape):
        case = x_shape, (32, x_shape[1], 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1
        return algorithms.choose(measure(*case[:2], *sized(*case)), "forward").name

    assert chosen(small.PICTURES, 32, 4, 4) == "small"
    assert chosen(small.PICTURES - 1, 32, 4, 4) == "direct"
    assert chosen(small.PICTURES, 32, 112, 112) == "direct"
    assert chosen(small.PICTURES, 3, 32, 32) == "direct"  # a stem's runs of products are too short


@pytest.mark.parametrize("n", [1, 3, 8, 19])
@pytest.mark.parametrize("case", MAPS.values(), ids=MAPS)
def test_gradients_of_weights_in_any_division(case, n, rng, monkeypatch, planned_anew):
    case = with_pictures(case, n)
    arrays = drawn(*case, rng)
    check(*arrays, *case[2:])
    monkeypatch.setattr(direct_dw, "ENOUGH", 9)  # areas of one picture, or some of its rows
    planned_anew()
    check(*arrays, *case[2:])
