"""The fast convolutions against their textbook twins: every geometry, every memory order, whatever the numbers are."""

import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import kernels
from minidl._backend import constant
from minidl._memory import POOL
from minidl.kernels import textbook
from minidl.kernels.cpu.conv import blocking, direct, direct_dw, geometry, packing, pixels
from minidl.kernels.cpu.memory.workspace import limit
from tests.contract import memory_orders, relative_error
from tests.kernels.twins import equal, equal_in_every_order, single, sized

FAST = kernels.SETS["cpu"]
TOLERANCE = 1e-5  # Winograd, which is allowed 2e-5, keeps to it at these sizes

# x_shape, w_shape, stride, padding, dilation, groups
CASES = {
    "3×3": ((2, 16, 9, 10), (32, 16, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "3×3, stride 2": ((2, 16, 9, 10), (32, 16, 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1),
    "1×1": ((2, 48, 7, 7), (33, 48, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "1×1, stride 2": ((2, 32, 7, 8), (16, 32, 1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    "1×1, stride 2, several pictures": ((3, 20, 14, 15), (32, 20, 1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    "1×1, stride 2, one block": ((2, 20, 9, 18), (16, 20, 1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    "1×1, stride 2 and 3": ((2, 20, 9, 11), (18, 20, 1, 1), (2, 3), ((0, 0), (0, 0)), (1, 1), 1),
    "1×1, padding before": ((2, 20, 5, 6), (18, 20, 1, 1), (1, 1), ((1, 0), (2, 0)), (1, 1), 1),
    "1×1, stride 3 and 2, padding": ((1, 5, 7, 8), (7, 5, 1, 1), (3, 2), ((1, 0), (0, 2)), (1, 1), 1),
    "stem 7×7": ((2, 3, 29, 23), (20, 3, 7, 7), (2, 2), ((3, 3), (3, 3)), (1, 1), 1),
    "stem 11×11": ((1, 3, 35, 31), (40, 3, 11, 11), (4, 4), ((2, 2), (2, 2)), (1, 1), 1),
    "5×5": ((2, 24, 14, 14), (17, 24, 5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    "uneven padding": ((2, 6, 7, 8), (5, 6, 3, 2), (2, 1), ((0, 2), (1, 0)), (1, 1), 1),
    "dilation": ((2, 10, 12, 11), (18, 10, 3, 3), (1, 1), ((2, 2), (3, 3)), (2, 3), 1),
    "dilation and stride with a common factor": ((2, 5, 13, 12), (6, 5, 3, 3), (2, 4), ((1, 2), (3, 2)), (2, 6), 1),
    "stride larger than kernel": ((1, 4, 11, 12), (5, 4, 2, 2), (3, 3), ((0, 0), (0, 0)), (1, 1), 1),
    "kernel larger than the picture": ((2, 3, 4, 3), (5, 3, 7, 6), (1, 1), ((2, 2), (3, 3)), (1, 1), 1),
    "kernel as large as the picture": ((2, 9, 5, 4), (20, 9, 5, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "one pixel": ((3, 4, 1, 1), (5, 4, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "one pixel under 3×3": ((2, 16, 1, 1), (16, 16, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "one channel": ((1, 1, 6, 7), (1, 1, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "two groups": ((2, 12, 8, 7), (34, 6, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2),
    "groups of 4": ((2, 32, 9, 8), (32, 4, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 8),
    "groups of 8, stride 2": ((2, 24, 9, 8), (24, 8, 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 3),
    "groups of 16": ((2, 48, 8, 16), (48, 16, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 3),
    "groups of 3": ((2, 9, 6, 7), (6, 3, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 3),
    "depthwise 3×3": ((2, 21, 9, 10), (21, 1, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 21),
    "depthwise 3×3, stride 2": ((2, 32, 15, 16), (32, 1, 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 32),
    "depthwise 5×5, stride 2, same": ((2, 40, 14, 15), (40, 1, 5, 5), (2, 2), ((1, 2), (2, 2)), (1, 1), 40),
    "depthwise 5×5": ((1, 17, 7, 7), (17, 1, 5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 17),
    "depthwise 4×2, dilation": ((1, 18, 9, 9), (18, 1, 4, 2), (1, 2), ((2, 1), (0, 1)), (2, 3), 18),
    "depthwise, two kernels a channel": ((2, 5, 7, 6), (10, 1, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 5),
    "Winograd": ((2, 16, 25, 30), (32, 16, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "Winograd, 22 rows": ((2, 16, 22, 30), (32, 16, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "Winograd, 49 tiles": ((1, 16, 28, 27), (16, 16, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "Winograd, uneven padding": ((3, 48, 21, 18), (16, 48, 3, 3), (1, 1), ((0, 2), (1, 0)), (1, 1), 1),
    "Winograd, few tiles": ((8, 144, 7, 7), (144, 144, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "Winograd, wide padding": ((1, 32, 26, 30), (48, 32, 3, 3), (1, 1), ((4, 3), (5, 2)), (1, 1), 1),
    "Winograd, 5×5": ((3, 32, 18, 13), (64, 32, 5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    "Winograd, 5×5, few tiles": ((2, 144, 9, 8), (144, 144, 5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    "Winograd, 5×5, uneven padding": ((2, 48, 13, 18), (32, 48, 5, 5), (1, 1), ((1, 3), (4, 0)), (1, 1), 1),
    "wide picture": ((1, 2, 3, 211), (3, 2, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
}


def drawn(x_shape, w_shape, stride, padding, dilation, groups, rng):
    """Draw x, w, b and dy in float32."""
    *_, out_size = sized(x_shape, w_shape, stride, padding, dilation, groups)
    shapes = x_shape, w_shape, w_shape[:1], (x_shape[0], w_shape[0], *out_size)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def channels_last(a):
    return np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def all_passes(kernel_set, x, w, b, dy, *settings):
    return {
        "y": kernel_set.conv2d(x, w, b, *settings, dy.shape[2:]),
        "dx": kernel_set.conv2d_dx(dy, w, x.shape, *settings),
        "dw": kernel_set.conv2d_dw(dy, x, w.shape, *settings),
    }


def check(x, w, b, dy, *settings, tolerance=TOLERANCE):
    exact = all_passes(textbook, *(a.astype(np.float64) for a in (x, w, b, dy)), *settings)
    for name, result in all_passes(FAST, x, w, b, dy, *settings).items():
        assert result.dtype == np.float32
        error = relative_error(result, exact[name])
        assert error <= tolerance, f"{name}: relative error {error:.2e}"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_equals_the_textbook(case, rng):
    check(*drawn(*case, rng), *case[2:])


@pytest.mark.parametrize(
    "case",
    ["3×3", "1×1", "1×1, padding before", "1×1, stride 2", "dilation", "groups of 4", "depthwise 3×3", "Winograd"],
)
def test_windows_at_the_end_may_be_left_out(case, rng):
    """A transposed convolution with a wide output_padding asks for fewer than fit; more than fit are refused."""
    x, w, b, dy = drawn(*CASES[case], rng)
    settings = CASES[case][2:]
    check(x, w, b, dy[:, :, :-1, :-2], *settings)
    oh, ow = dy.shape[2:]
    for out_size in ((oh + 1, ow), (oh, ow + 1), (0, ow)):
        with pytest.raises(ValueError, match=r"conv2d: "):
            FAST.conv2d(x, w, b, *settings, out_size)


AREAS = {
    "several pictures": ((5, 40, 7, 7), (48, 40, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "one row of all pixels": ((5, 90, 7, 9), (50, 90, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "pixels of dilated windows": ((2, 20, 7, 9), (40, 20, 1, 1), (1, 1), ((0, 0), (0, 0)), (3, 2), 1),
    "padding at the end of 1×1": ((2, 20, 5, 6), (18, 20, 1, 1), (1, 1), ((0, 1), (0, 2)), (1, 1), 1),
    "windows shared instead of outputs": ((1, 20, 14, 14), (40, 20, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "rows of windows shared": ((1, 5, 28, 27), (24, 5, 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1),
    "many pairs": ((2, 24, 9, 11), (600, 24, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
}


@pytest.mark.parametrize("sizes", [(1024, 16), (2048, 5), (600, 30), (64, 1)], ids=str)
def test_any_division_into_areas_gives_the_same(sizes, rng, monkeypatch):
    for module, name in ((blocking, "TILE"), (direct, "LARGEST"), (direct_dw, "TILE")):
        monkeypatch.setattr(module, name, sizes[0])
    monkeypatch.setattr(blocking, "ENOUGH", sizes[1])
    monkeypatch.setattr(direct_dw, "ENOUGH", sizes[1])
    for name, case in (CASES | AREAS).items():
        if not name.startswith(("Winograd", "depthwise", "groups of")):
            check(*drawn(*case, rng), *case[2:])


@pytest.mark.parametrize("case", AREAS.values(), ids=AREAS)
def test_areas_equal_the_textbook(case, rng):
    check(*drawn(*case, rng), *case[2:])


@pytest.mark.parametrize("case", ["3×3, stride 2", "1×1", "Winograd", "groups of 4", "depthwise 3×3", "stem 7×7"])
def test_any_memory_order_gives_the_same(case, rng):
    x, w, b, dy = drawn(*CASES[case], rng)
    settings = CASES[case][2:]
    expected = all_passes(FAST, x, w, b, dy, *settings)
    unaligned = [np.frombuffer(b"\0" * 4 + a.tobytes(), np.float32, offset=4).reshape(a.shape) for a in (x, w, b, dy)]
    orders = [*zip(*(list(memory_orders(a))[-5:] for a in (x, w, dy)), strict=True), (*unaligned[:2], unaligned[3])]
    for x_, w_, dy_ in orders:
        for name, result in all_passes(FAST, x_, w_, b, dy_, *settings).items():
            np.testing.assert_array_equal(result, expected[name], err_msg=name)


def test_gradients_lie_channels_last(rng):
    x, w, b, dy = drawn(*CASES["3×3"], rng)
    for result in all_passes(FAST, x, w, b, dy, *CASES["3×3"][2:]).values():
        assert result.transpose(0, 2, 3, 1).flags.c_contiguous


@given(data=st.data())
def test_equals_the_textbook_on_drawn_geometries(data):
    def pair(least, most):
        return data.draw(st.integers(least, most)), data.draw(st.integers(least, most))

    groups = data.draw(st.sampled_from([1, 1, 2, 3, 16]))
    c_group, o_group = data.draw(st.sampled_from([(1, 1), (3, 5), (4, 4), (8, 8), (17, 33), (16, 16)]))
    kernel, stride, dilation = pair(1, 4), pair(1, 3), pair(1, 3)
    padding = pair(0, 3), pair(0, 3)
    least = [max(1, dilation[a] * (kernel[a] - 1) + 1 - sum(padding[a])) for a in range(2)]
    h, width = (least[a] + data.draw(st.integers(0, 17)) for a in range(2))
    case = ((data.draw(st.integers(1, 3)), c_group * groups, h, width), (o_group * groups, c_group, *kernel))
    settings = (stride, padding, dilation, groups)
    check(*drawn(*case, *settings, np.random.default_rng(0)), *settings)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("case", ["3×3", "stem 7×7", "groups of 4", "depthwise 3×3"])
def test_nan_and_infinity_pass_through(case, value, rng):
    x, w, b, dy = drawn(*CASES[case], rng)
    settings = CASES[case][2:]
    x[1, 0, 3, 4] = dy[0, 0, 2, 1] = value
    with np.errstate(invalid="ignore"):
        exact = all_passes(textbook, x, w, b, dy, *settings)
    for name, result in all_passes(FAST, x, w, b, dy, *settings).items():
        np.testing.assert_array_equal(np.isfinite(result), np.isfinite(exact[name]), err_msg=name)
        np.testing.assert_array_equal(np.isnan(result), np.isnan(exact[name]), err_msg=name)


@pytest.mark.parametrize("case", ["3×3", "1×1, stride 2", "Winograd", "groups of 4", "depthwise 5×5"])
def test_the_same_bits_again_and_with_two_python_threads(case, rng):
    x, w, b, dy = drawn(*CASES[case], rng)
    first = all_passes(FAST, x, w, b, dy, *CASES[case][2:])
    results = []

    def again():
        for _ in range(20):
            results.append(all_passes(FAST, x, w, b, dy, *CASES[case][2:]))

    threads = [threading.Thread(target=again) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        for name, array in result.items():
            np.testing.assert_array_equal(array, first[name], err_msg=name)
    assert len(results) == 40


@pytest.mark.parametrize("case", ["3×3", "1×1", "Winograd", "groups of 16", "depthwise 3×3"])
def test_any_number_of_threads(case, rng):
    before = minidl.get_num_threads()
    try:
        for threads in range(1, before + 1):
            minidl.set_num_threads(threads)
            check(*drawn(*CASES[case], rng), *CASES[case][2:])
    finally:
        minidl.set_num_threads(before)


def test_float64_and_empty_batches_are_left_to_the_textbook(rng):
    x, w, b, dy = drawn(*CASES["3×3"], rng)
    settings = CASES["3×3"][2:]
    for arrays in ([a.astype(np.float64) for a in (x, w, b, dy)], [x[:0], w, b, dy[:0]]):
        assert all(result is NotImplemented for result in all_passes(FAST, *arrays, *settings).values())


@pytest.mark.parametrize("case", ["3×3, stride 2", "stem 11×11", "groups of 16", "Winograd", "wide picture"])
def test_the_workspace_can_be_small_and_does_not_grow_with_the_batch(case, rng, monkeypatch):
    from minidl.kernels.cpu.memory import workspace

    lent = []
    original = workspace.POOL.empty
    monkeypatch.setattr(
        workspace.POOL, "empty", lambda shape, dtype: lent.append(np.prod(shape)) or original(shape, dtype)
    )
    monkeypatch.setenv("MINIDL_WORKSPACE", "1")
    x, w, b, dy = drawn(*CASES[case], rng)
    amounts = []
    for times in (16, 32):
        many_x, many_dy = (channels_last(np.repeat(a, times, axis=0)) for a in (x, dy))
        FAST.conv2d(many_x, w, b, *sized(*CASES[case]))  # compiles, if it must
        lent.clear()
        FAST.conv2d_dw(many_dy, many_x, w.shape, *CASES[case][2:])
        amounts.append(sum(lent))
    check(x, w, b, dy, *CASES[case][2:])
    assert amounts[0] == amounts[1]
    assert amounts[0] * 4 <= 2**20 + 8 * w.nbytes + 4 * dy[0].nbytes


@pytest.mark.parametrize("activation", [None, "relu", "relu6", "silu", "hardswish"])
@pytest.mark.parametrize("case", ["3×3, stride 2", "1×1", "groups of 4", "depthwise 5×5", "Winograd", "wide picture"])
def test_fused_equals_the_textbook(case, activation, rng):
    check_fused(CASES[case], activation, rng)


@pytest.mark.parametrize("activation", [None, "relu6", "silu"])
@pytest.mark.parametrize("case", ["1×1", "5×5", "two groups", "several pictures"])
def test_fused_with_channels_in_several_parts(case, activation, rng, monkeypatch):
    monkeypatch.setattr(blocking, "TILE", 600)
    monkeypatch.setattr(direct, "LARGEST", 600)
    monkeypatch.setattr(blocking, "ENOUGH", 200 if case == "several pictures" else 30)
    check_fused((CASES | AREAS)[case], activation, rng)


def check_fused(case, activation, rng):
    x, w, b, dy = drawn(*case, rng)
    for bias, residual in ((b, None), (b, dy), (None, dy)):
        exact = [None if a is None else a.astype(np.float64) for a in (x, w, bias, residual)]
        expected = textbook.conv2d_fused(*exact, activation, *sized(*case))
        result = FAST.conv2d_fused(x, w, bias, residual, activation, *sized(*case))
        assert relative_error(result, expected) <= TOLERANCE


def until_both_are_done(costs):
    """Return for how long two threads work on pieces, one from the front and one from the back."""
    left, ends = list(costs), [0, 0]
    while left:
        free = ends.index(min(ends))
        ends[free] += left.pop(-free)
    return max(ends)


@pytest.mark.parametrize("side", [7, 13, 14, 28])
@pytest.mark.parametrize("o", [16, 24, 32, 48, 64, 96, 112, 128, 160, 192, 208, 320])
def test_two_threads_are_done_at_the_same_time(o, side):
    """Outputs that do not go round, as 96 (three pairs of vectors), make no thread wait for the other."""
    sizes = geometry.measure((1, 512, side, side), (o, 512, 1, 1), (1, 1), ((0, 0),) * 2, (1, 1), 1, (side, side))
    row, blocks = sizes.as_one_row(), packing.blocks_of(o)
    (_, _, strip, _), (_, parts, in_place, pieces), _ = direct.shared(1, 512, o, row.forward(), 1, 2, limit())
    assert in_place
    ends = [pixels.first_block.py_func(part, parts, blocks, pixels.VECTORS) for part in range(parts + 1)]
    assert ends[0] == 0
    assert ends[-1] == blocks
    areas = [min(strip, side**2 - first) for first in range(0, side**2, strip)]
    costs = [area * (end - begin) for area in areas for begin, end in pairwise(ends)]
    shared = [sum(costs[it * len(costs) // pieces : (it + 1) * len(costs) // pieces]) for it in range(pieces)]
    assert until_both_are_done(shared) <= 1.25 * sum(costs) / 2


WEIGHTS = {"1×1": (512, 512, 1, 1), "two groups": (512, 256, 1, 1), "Winograd": (64, 64, 3, 3)}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_cannot_change_take_memory_once_and_only_while_they_live(case, rng):
    o, inputs, size, _ = WEIGHTS[case]
    groups = 2 if case == "two groups" else 1
    x, w = rng.standard_normal((1, inputs * groups, 14, 14), dtype=np.float32), single(rng, *WEIGHTS[case])
    b, pad = single(rng, o), ((size // 2, size // 2),) * 2
    settings = (1, 1), pad, (1, 1), groups, (14, 14)
    expected = FAST.conv2d(x, w, b, *settings)
    w, fixed, before = constant(w), constant(b), POOL.lent_bytes
    np.testing.assert_allclose(FAST.conv2d(x, w, fixed, *settings), expected, atol=1e-3)
    taken = POOL.lent_bytes
    assert taken > before
    for bias in (b, fixed, b):
        np.testing.assert_allclose(FAST.conv2d(x, w, bias, *settings), expected, atol=1e-3)
    b += 1  # a bias that can change is read each time
    np.testing.assert_allclose(FAST.conv2d(x, w, b, *settings), expected + 1, atol=1e-3)
    np.testing.assert_allclose(FAST.conv2d(x, w, fixed, *settings), expected, atol=1e-3)
    assert POOL.lent_bytes == taken
    del w
    assert POOL.lent_bytes == before


def test_weights_that_cannot_change_serve_pictures_of_all_sizes_and_take_no_more_memory(rng):
    w, x = single(rng, 64, 128, 3, 3), single(rng, 1, 128, 3, 4)
    FAST.conv2d(x, w, None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1, (1, 2))  # a Python thread keeps some scratch memory
    w, before = constant(w), POOL.lent_bytes
    for size in range(3, 43):
        x = single(rng, 1, 128, size, 4)
        equal("conv2d", x, w, None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1, (size - 2, 2))
        equal("conv2d", x, w, None, (2, 1), ((0, 0), (0, 0)), (1, 1), 1, ((size - 1) // 2, 2))
        del x
        assert POOL.lent_bytes <= before + 6 * w.nbytes  # packed, and four times as many numbers for Winograd's way
    with kernels.use("cpu", conv="im2col"):
        x = single(rng, 1, 128, 5, 4)
        assert FAST.conv2d(x, w, None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1, (3, 2)) is NotImplemented


@pytest.mark.parametrize("algorithm", ["1×1", "Winograd"])
def test_weights_that_are_read_only_for_a_while_are_never_served_stale(algorithm, rng):
    x, w, *_ = drawn(*CASES[algorithm], rng)
    w.flags.writeable = False
    before = FAST.conv2d(x, w, None, *sized(*CASES[algorithm]))
    w.flags.writeable = True
    w *= 2
    w.flags.writeable = False
    np.testing.assert_allclose(FAST.conv2d(x, w, None, *sized(*CASES[algorithm])), 2 * before, atol=1e-4)


def test_a_read_only_view_of_weights_that_can_change_is_not_kept(rng):
    x, w, *_ = drawn(*CASES["1×1"], rng)
    view = w[:]
    view.flags.writeable = False
    first = FAST.conv2d(x, view, None, *sized(*CASES["1×1"]))
    w *= 2
    np.testing.assert_allclose(FAST.conv2d(x, view, None, *sized(*CASES["1×1"])), 2 * first, rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 5, 4, 7), (2, 64, 9, 9), (1, 1, 1, 1), (2, 17, 33, 31)])
def test_channel_sums(shape, rng):
    dy = rng.standard_normal(shape).astype(np.float32)
    for order in memory_orders(dy):
        assert relative_error(FAST.channel_sums(order), dy.sum(axis=(0, 2, 3), dtype=np.float64)) <= TOLERANCE


@pytest.mark.parametrize("activation", ["relu", "relu6", "silu", "hardswish"])
@pytest.mark.parametrize("shape", [(3, 5, 4, 7), (2, 64, 9, 9), (2, 17, 33, 31)])
def test_gradients_before_an_activation_and_their_sums(shape, activation, rng):
    dy, z = single(rng, *shape), 4 * single(rng, *shape)
    equal_in_every_order("conv2d_fused_grads", dy, z, activation)
