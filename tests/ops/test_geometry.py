"""Every operation that slides a window, over geometries that nobody chose: drawn by hypothesis.

Odd sizes, stride larger than the kernel, uneven padding, dilation, groups, one picture, one channel, kernel = input.
Each operation is put through its whole contract (oracle, finite differences to 1e-6, memory orders, …) on at least 20
of them; what must hold exactly is tested with small integers, so that there is no tolerance to argue about.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minidl import Tensor, kernels, ops, proof
from minidl.kernels import textbook
from minidl.kernels.textbook import windows
from tests import oracles
from tests.contract import check_function, relative_error

LEAST = 20  # geometries for each operation


class Eighths:
    """A generator of multiples of 1/8: in float32, too, their products and sums are exact.

    A gradient that is one number, a sum in which much cancels, would otherwise differ between float32 and float64 by
    more than the contract allows, with nobody at fault.
    """

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def standard_normal(self, shape):
        return np.round(self.rng.standard_normal(shape) * 8) / 8


@dataclass(frozen=True)
class Geometry:
    """A window on a picture, with all that belongs to it."""

    n: int
    c_group: int
    o_group: int
    groups: int
    size: tuple
    kernel_size: tuple
    stride: tuple
    padding: tuple
    dilation: tuple
    out_size: tuple
    seed: int

    @property
    def x_shape(self):
        return (self.n, self.c_group * self.groups, *self.size)

    @property
    def w_shape(self):
        return (self.o_group * self.groups, self.c_group, *self.kernel_size)

    @property
    def y_shape(self):
        return (self.n, self.o_group * self.groups, *self.out_size)

    @property
    def window(self):
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    @property
    def conv(self):
        return {**self.window, "groups": self.groups}

    def normal(self, *shapes):
        rng = Eighths(self.seed)
        return [rng.standard_normal(shape) for shape in shapes]

    def integers(self, *shapes):
        rng = np.random.default_rng(self.seed)
        return [rng.integers(-4, 5, shape).astype(float) for shape in shapes]

    def check(self, function, oracle, arrays, settings):
        check_function(function, oracle, arrays, settings, rng=Eighths(self.seed + 1))


@st.composite
def geometries(draw, dilations=3, paddings=3, groups=3, windows=4):
    """Draw the window and how often it fits, and from these the size of the picture."""
    sides = []
    for _ in range(2):
        kernel, stride, dilation = (draw(st.integers(1, most)) for most in (4, 4, dilations))
        front, back = (draw(st.integers(0, paddings)) for _ in range(2))
        count, extra = draw(st.integers(1, windows)), draw(st.integers(0, stride - 1))
        span = dilation * (kernel - 1) + 1
        size = (count - 1) * stride + span + extra - front - back
        if size < 1:  # all padding: a picture of one pixel then, with as many windows as that gives
            size, count = 1, (1 + front + back - span) // stride + 1
        sides.append((size, kernel, stride, (front, back), dilation, count))
    size, kernel_size, stride, padding, dilation, out_size = zip(*sides, strict=True)
    numbers = [draw(st.integers(1, most)) for most in (2, 3, 3, groups)]
    return Geometry(*numbers, size, kernel_size, stride, padding, dilation, out_size, draw(st.integers(0, 99)))


def on_many(strategy):
    """Run the test on what the strategy draws, and see to it that there are enough different geometries."""

    def decorate(test):
        def test_on_many():
            seen = set()

            @given(strategy)
            def one(drawn):
                test(drawn)
                seen.add(drawn)

            one()
            assert len(seen) >= LEAST

        return test_on_many

    return decorate


def table(op):
    found = proof.tables()[op]
    return found.function, found.oracle


# ---------------------------------------------------------------------------------------- the contract, everywhere


@on_many(geometries())
def test_conv2d(g):
    g.check(*table("conv2d"), g.normal(g.x_shape, g.w_shape, g.w_shape[:1]), g.conv)


@on_many(geometries(windows=3))
def test_depthwise_conv2d(g):
    channels = g.c_group * g.groups
    w_shape = (channels * g.o_group, 1, *g.kernel_size)
    g.check(*table("conv2d"), [*g.normal(g.x_shape, w_shape), None], {**g.window, "groups": channels})


@on_many(geometries(paddings=0, dilations=2))
def test_conv2d_same(g):
    """With "same" the output has ceil(H / stride) rows, whatever the kernel."""
    settings = {"stride": g.stride, "dilation": g.dilation, "padding": "same", "groups": g.groups}
    x, w = g.normal(g.x_shape, g.w_shape)
    g.check(*table("conv2d"), (x, w, None), settings)
    y = ops.conv2d(Tensor(x), Tensor(w), **settings)
    assert y.shape[2:] == tuple(-(-size // step) for size, step in zip(g.size, g.stride, strict=True))


@on_many(geometries())
def test_conv_transpose2d(g):
    """The picture of the convolution is the output: its size and output_padding follow from the geometry."""
    output_padding, left = transposed(g)
    assume(left)
    x, w, b = g.normal(g.y_shape, g.w_shape, (g.c_group * g.groups,))
    settings = {**g.conv, "output_padding": output_padding}
    g.check(*table("conv_transpose2d"), (x, w, b), settings)
    assert ops.conv_transpose2d(Tensor(x), Tensor(w), **settings).shape == g.x_shape


def transposed(g):
    """Return the output_padding that gives the picture its size, and whether it is one that is allowed."""
    spans = [d * (k - 1) + 1 for d, k in zip(g.dilation, g.kernel_size, strict=True)]
    least = [(g.out_size[a] - 1) * g.stride[a] + spans[a] - sum(g.padding[a]) for a in range(2)]
    more = tuple(g.size[a] - least[a] for a in range(2))
    return more, all(0 <= more[a] < max(g.stride[a], g.dilation[a]) for a in range(2))


@on_many(geometries())
def test_im2col(g):
    g.check(*table("im2col"), g.normal(g.x_shape), {"kernel_size": g.kernel_size, **g.window})


@on_many(geometries())
def test_col2im(g):
    cols_shape = (g.n, g.x_shape[1] * np.prod(g.kernel_size), np.prod(g.out_size))
    settings = {"output_size": g.size, "kernel_size": g.kernel_size, **g.window}
    g.check(*table("col2im"), g.normal(cols_shape), settings)


def pooled(g, dilation, ceil_mode):
    """Return the settings of a pooling, its padding cut to half the kernel, or skip if no window fits."""
    padding = tuple(
        tuple(min(side, kernel // 2) for side in sides) for sides, kernel in zip(g.padding, g.kernel_size, strict=True)
    )
    spans = [dilation[a] * (g.kernel_size[a] - 1) + 1 for a in range(2)]
    assume(all(g.size[a] + sum(padding[a]) >= spans[a] for a in range(2)))
    return {"kernel_size": g.kernel_size, "stride": g.stride, "padding": padding, "ceil_mode": ceil_mode}


@on_many(st.tuples(geometries(dilations=2, groups=1), st.booleans()))
def test_max_pool2d(drawn):
    g, ceil_mode = drawn
    settings = {**pooled(g, g.dilation, ceil_mode), "dilation": g.dilation}
    function, oracle = table("max_pool2d")
    x = np.random.default_rng(g.seed).permutation(np.prod(g.x_shape)).reshape(g.x_shape) + 0.5
    assume(np.isfinite(oracle(x, **settings)).all())  # with dilation a window may see nothing but padding: -inf
    g.check(function, oracle, (x,), settings)


@on_many(st.tuples(geometries(dilations=1, groups=1), st.booleans(), st.booleans()))
def test_avg_pool2d(drawn):
    g, ceil_mode, count_include_pad = drawn
    settings = {**pooled(g, (1, 1), ceil_mode), "count_include_pad": count_include_pad}
    g.check(*table("avg_pool2d"), g.normal(g.x_shape), settings)


@on_many(st.tuples(geometries(groups=1), st.integers(1, 9), st.integers(1, 9)))
def test_adaptive_avg_pool2d(drawn):
    g, *output_size = drawn
    g.check(*table("adaptive_avg_pool2d"), g.normal(g.x_shape), {"output_size": tuple(output_size)})


@on_many(st.tuples(st.integers(1, 9), st.integers(1, 8), st.integers(0, 99)))
def test_local_response_norm(drawn):
    size, channels, seed = drawn
    rng = np.random.default_rng(seed)
    x, settings = rng.standard_normal((2, channels, 2, 1)), {"size": size, "alpha": rng.uniform(0, 2), "k": 0.7}
    check_function(*table("local_response_norm"), (x,), settings, rng=rng)


# ---------------------------------------------------------------------------------------- what holds exactly


@given(geometries())
def test_col2im_is_the_adjoint_of_im2col(g):
    """<im2col(x), c> = <x, col2im(c)>."""
    geometry = (g.stride, g.padding, g.dilation)
    x, c = g.integers(g.x_shape, (*g.x_shape[:2], *g.kernel_size, *g.out_size))
    cols = textbook.im2col(x, g.kernel_size, *geometry, g.out_size)
    assert (cols * c).sum() == (x * textbook.col2im(c, x.shape, *geometry)).sum()


@given(geometries())
def test_the_three_convolutions_are_adjoint(g):
    """<conv2d(x, w), dy> = <x, conv2d_dx(dy, w)> = <w, conv2d_dw(dy, x)>."""
    geometry = (g.stride, g.padding, g.dilation, g.groups)
    x, w, dy = g.integers(g.x_shape, g.w_shape, g.y_shape)
    product = (textbook.conv2d(x, w, None, *geometry, g.out_size) * dy).sum()
    assert product == (x * textbook.conv2d_dx(dy, w, x.shape, *geometry)).sum()
    assert product == (w * textbook.conv2d_dw(dy, x, w.shape, *geometry)).sum()


@given(geometries())
def test_conv_transpose2d_is_the_adjoint_of_conv2d(g):
    output_padding, allowed = transposed(g)
    assume(allowed)
    x, w, y = g.integers(g.x_shape, g.w_shape, g.y_shape)
    back = ops.conv_transpose2d(Tensor(y), Tensor(w), output_padding=output_padding, **g.conv)
    assert (ops.conv2d(Tensor(x), Tensor(w), **g.conv).data * y).sum() == (x * back.data).sum()


@given(geometries())
def test_the_sum_of_a_pooled_gradient_is_the_sum_of_dy(g):
    """Pooling hands dy on and loses none of it (where no padding takes a share)."""
    settings = pooled(g, (1, 1), False) | {"padding": 0}
    assume(all(size >= kernel for size, kernel in zip(g.size, g.kernel_size, strict=True)))
    (x,) = g.integers(g.x_shape)
    for pool in (ops.max_pool2d, ops.avg_pool2d):
        tensor = Tensor(x, requires_grad=True)
        y = pool(tensor, **settings)
        (dy,) = g.integers(y.shape)
        y.backward(dy)
        assert tensor.grad.sum() == pytest.approx(dy.sum(), abs=1e-9)


@given(geometries())
def test_groups_are_convolutions_side_by_side(g):
    x, w = g.integers(g.x_shape, g.w_shape)
    y = ops.conv2d(Tensor(x), Tensor(w), **g.conv).data
    parts = [
        ops.conv2d(Tensor(x_part), Tensor(w_part), **g.window).data
        for x_part, w_part in zip(np.split(x, g.groups, axis=1), np.split(w, g.groups), strict=True)
    ]
    np.testing.assert_array_equal(y, np.concatenate(parts, axis=1))


@given(geometries())
def test_a_1x1_convolution_is_a_matrix_product(g):
    x, w = g.integers(g.x_shape, (5, g.x_shape[1], 1, 1))
    np.testing.assert_array_equal(ops.conv2d(Tensor(x), Tensor(w)).data, np.einsum("oc,nchw->nohw", w[:, :, 0, 0], x))


@given(geometries())
def test_a_point_shows_the_kernel(g):
    """A picture with one 1 gives the kernel turned over by conv2d, and the kernel itself by conv_transpose2d."""
    (kh, kw), (_, w) = g.kernel_size, g.integers((), (1, 1, *g.kernel_size))
    x = np.zeros((1, 1, 2 * kh - 1, 2 * kw - 1))
    x[0, 0, kh - 1, kw - 1] = 1
    np.testing.assert_array_equal(ops.conv2d(Tensor(x), Tensor(w)).data, w[:, :, ::-1, ::-1])
    point = Tensor(np.ones((1, 1, 1, 1)))
    np.testing.assert_array_equal(ops.conv_transpose2d(point, Tensor(w)).data, w)


@given(geometries())
def test_coverage_counts_the_windows_of_each_pixel(g):
    """col2im(im2col(1)): how many windows see each pixel."""
    settings = {"kernel_size": g.kernel_size, **g.window}
    coverage = ops.col2im(ops.im2col(Tensor(np.ones((1, 1, *g.size))), **settings), g.size, **settings)
    counts = np.zeros(g.size)
    for _, _, inside in oracles.windows((1, 1, *g.size), g.kernel_size, g.stride, g.padding, g.dilation, g.out_size):
        for _, _, row, column in inside:
            counts[row, column] += 1
    np.testing.assert_array_equal(coverage.data[0, 0], counts)


@pytest.mark.parametrize("kernel_set", kernels.SETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(g=geometries(windows=9))
def test_every_kernel_set_convolves_like_the_textbook(kernel_set, dtype, g):
    geometry = (g.stride, g.padding, g.dilation, g.groups)
    x, w, b, dy = (array.astype(dtype) for array in g.normal(g.x_shape, g.w_shape, g.w_shape[:1], g.y_shape))
    calls = {
        "conv2d": (x, w, b, *geometry, g.out_size),
        "conv2d_dx": (dy, w, x.shape, *geometry),
        "conv2d_dw": (dy, x, w.shape, *geometry),
    }
    with kernels.use(kernel_set):
        results = {name: getattr(kernels, name)(*arguments) for name, arguments in calls.items()}
    for name, arguments in calls.items():
        error = relative_error(results[name], getattr(textbook, name)(*arguments))
        assert error <= {"float32": 1e-5, "float64": 1e-12}[dtype], name


# ---------------------------------------------------------------------------------------- contents, not only shapes


def coded(shape):
    """A picture whose every number says where it stands: n·1000 + c·100 + row·10 + column."""
    n, c, row, column = np.indices(shape)
    return n * 1000.0 + c * 100 + row * 10 + column + 1  # 0 is left for the padding


@given(geometries(paddings=2))
def test_im2col_puts_every_number_where_it_belongs(g):
    assume(max(g.size) <= 10)
    cols = textbook.im2col(coded(g.x_shape), g.kernel_size, g.stride, g.padding, g.dilation, g.out_size)
    for n, c, i, j, oh, ow in np.ndindex(cols.shape):
        row = oh * g.stride[0] + i * g.dilation[0] - g.padding[0][0]
        column = ow * g.stride[1] + j * g.dilation[1] - g.padding[1][0]
        inside = 0 <= row < g.size[0] and 0 <= column < g.size[1]
        assert cols[n, c, i, j, oh, ow] == (n * 1000 + c * 100 + row * 10 + column + 1 if inside else 0)


@given(geometries(paddings=2, dilations=2), st.data())
def test_a_kernel_with_one_weight_picks_one_number(g, data):
    """conv2d with a single 1 at (o, c, i, j) copies what tap (i, j) sees of its group's channel c."""
    assume(max(g.size) <= 10)
    place = tuple(data.draw(st.integers(0, size - 1)) for size in g.w_shape)
    w = np.zeros(g.w_shape)
    w[place] = 1
    o, c, i, j = place
    y = ops.conv2d(Tensor(coded(g.x_shape)), Tensor(w), **g.conv).data
    cols = textbook.im2col(coded(g.x_shape), g.kernel_size, g.stride, g.padding, g.dilation, g.out_size)
    expected = np.zeros(g.y_shape)
    expected[:, o] = cols[:, o // g.o_group * g.c_group + c, i, j]
    np.testing.assert_array_equal(y, expected)


@given(geometries(dilations=1, groups=1, paddings=1))
def test_max_pool2d_finds_the_code_of_the_last_pixel_inside(g):
    """The codes grow along both axes, so the largest of a window is its last pixel inside the picture."""
    settings = pooled(g, (1, 1), False)
    assume(max(g.size) <= 10)
    y = ops.max_pool2d(Tensor(coded(g.x_shape)), **settings).data
    (top, _), (left, _) = settings["padding"]
    for n, c, oh, ow in np.ndindex(y.shape):
        row = min(oh * g.stride[0] + g.kernel_size[0] - 1 - top, g.size[0] - 1)
        column = min(ow * g.stride[1] + g.kernel_size[1] - 1 - left, g.size[1] - 1)
        assert y[n, c, oh, ow] == n * 1000 + c * 100 + row * 10 + column + 1


@pytest.mark.parametrize("ceil_mode", [False, True])
@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 5),
    front=st.integers(0, 2),
    back=st.integers(0, 2),
    dilation=st.integers(1, 3),
)
def test_output_size_counts_the_windows(ceil_mode, size, kernel, stride, front, back, dilation):
    """The formula against walking along the axis; ceil_mode is for pooling: padding is at most half the kernel."""
    if ceil_mode:
        front, back = min(front, kernel // 2), min(back, kernel // 2)
    counted = oracles.out_size(size, kernel, stride, (front, back), dilation, ceil_mode)
    formula = windows.output_size(size, kernel, stride, (front, back), dilation, ceil_mode)
    assert max(0, formula) == counted


def test_a_window_of_nothing_but_padding_gives_minus_infinity_and_no_gradient():
    """Only dilation can leave a window without a pixel: taps at -1 and 1 of a picture of one pixel."""
    x = Tensor(np.ones((1, 1, 1, 1)), requires_grad=True)
    y = ops.max_pool2d(x, 2, padding=1, dilation=2)
    assert y.item() == -np.inf
    y.backward()
    assert x.grad.item() == 0
