"""What these operations keep for the backward pass, in bytes, and what they allocate on the way."""

import tracemalloc

import numpy as np
import pytest

import minidl
from minidl import Tensor, ops
from minidl._memory import POOL
from minidl.kernels import textbook
from minidl.kernels.textbook import conv

N, C, H, WIDTH, KERNELS = 2, 8, 12, 10, 6
REGIONS = [[[0, 0, 4, 4], [1, 1, 9, 9]], [[2, 2, 6, 3]]]
X_BYTES = N * C * H * WIDTH * 4
CHANNEL_BYTES = C * 4
STATISTICS = 2 * C * 8  # mean and rstd, in float64


def tensor(*shape):
    return Tensor(np.random.default_rng(0).standard_normal(shape).astype("float32"), requires_grad=True)


def saved_bytes(function, *tensors, **settings):
    seen = []
    with minidl.observe(lambda event: seen.append(event.saved_bytes)):
        y = function(*tensors, **settings)
        y.backward(np.ones_like(y.data))
    forward, backward = seen
    assert forward == backward
    return forward


def batch_norm(x, w, b, residual=None, **settings):
    running = np.zeros(C, "float32"), np.ones(C, "float32")
    return ops.batch_norm(x, w, b, *running, residual=residual, **settings)


def batch_norm_cases():
    parts = X_BYTES + 2 * CHANNEL_BYTES + STATISTICS  # x, w, b, mean, rstd
    for training in (True, False):
        for activation in (None, "relu", "relu6", "silu", "hardswish"):
            settings = {"training": training, "activation": activation}
            shapes = [(N, C, H, WIDTH), (C,), (C,)]
            yield f"batch_norm {settings}", batch_norm, shapes, settings, parts
            joined, extra = [*shapes, (N, C, H, WIDTH)], X_BYTES if activation else 0  # the result, or the residual
            yield f"batch_norm {settings} with a residual", batch_norm, joined, settings, parts + extra


CASES = [
    # name, function, shapes, settings, bytes
    (
        "conv2d: x and w",
        ops.conv2d,
        [(N, C, H, WIDTH), (KERNELS, C, 3, 3), (KERNELS,)],
        {"padding": 1},
        X_BYTES + KERNELS * C * 9 * 4,
    ),
    ("conv2d 1x1: x and w", ops.conv2d, [(N, C, H, WIDTH), (KERNELS, C, 1, 1)], {}, X_BYTES + KERNELS * C * 4),
    (
        "conv_transpose2d: x and w",
        ops.conv_transpose2d,
        [(N, C, H, WIDTH), (C, KERNELS, 3, 3)],
        {},
        X_BYTES + KERNELS * C * 9 * 4,
    ),
    ("im2col: nothing", ops.im2col, [(N, C, H, WIDTH)], {"kernel_size": 3}, 0),
    ("col2im: nothing", ops.col2im, [(N, C * 9, 80)], {"output_size": (H, WIDTH), "kernel_size": 3}, 0),
    ("max_pool2d: a byte each", ops.max_pool2d, [(N, C, H, WIDTH)], {"kernel_size": 2}, N * C * 6 * 5),
    ("max_pool2d 12x10: a byte", ops.max_pool2d, [(N, C, H, WIDTH)], {"kernel_size": (12, 10)}, N * C),
    ("max_pool2d of 289: two bytes", ops.max_pool2d, [(1, 1, 17, 34)], {"kernel_size": 17}, 2 * 2),
    ("max_pool2d of 256: still one", ops.max_pool2d, [(1, 1, 16, 32)], {"kernel_size": 16}, 2 * 1),
    ("avg_pool2d: nothing", ops.avg_pool2d, [(N, C, H, WIDTH)], {"kernel_size": 2}, 0),
    ("adaptive_avg_pool2d: nothing", ops.adaptive_avg_pool2d, [(N, C, H, WIDTH)], {"output_size": 7}, 0),
    ("global_avg_pool2d: nothing", ops.global_avg_pool2d, [(N, C, H, WIDTH)], {}, 0),
    ("local_response_norm: x and scale", ops.local_response_norm, [(N, C, H, WIDTH)], {}, 2 * X_BYTES),
    (
        "group_norm: x, w, mean and rstd",
        lambda x, w, b: ops.group_norm(x, 4, w, b),
        [(N, C, H, WIDTH), (C,), (C,)],
        {},
        X_BYTES + CHANNEL_BYTES + 2 * N * 4 * 8,
    ),
    (
        "layer_norm: x, w, mean and rstd",
        lambda x, w, b: ops.layer_norm(x, (H, WIDTH), w, b),
        [(N, C, H, WIDTH), (H, WIDTH), (H, WIDTH)],
        {},
        X_BYTES + H * WIDTH * 4 + 2 * N * C * 8,
    ),
    (
        "attention: its operands, its result, and a number for each row",
        ops.scaled_dot_product_attention,
        [(2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)],
        {"mask": np.ones((5, 7), bool)},
        (2 * 3 * (5 * 4 + 7 * 4 + 7 * 6 + 5 * 6) + 2 * 3 * 5) * 4 + 5 * 7,
    ),
    ("embedding: the indices", lambda w: ops.embedding([0, 1, 1], w), [(4, 5)], {}, 3 * 8),
    ("roi_pool: a pixel for each number", lambda x: ops.roi_pool(x, REGIONS, 2), [(N, C, H, WIDTH)], {}, 3 * C * 4 * 8),
    (
        "roi_align: what each bin takes of rows and columns",
        lambda x: ops.roi_align(x, REGIONS, 2),
        [(N, C, H, WIDTH)],
        {},
        3 * 2 * (H + WIDTH) * 4,
    ),
    ("interpolate: nothing", ops.interpolate, [(N, C, H, WIDTH)], {"scale_factor": 2}, 0),
    ("add: nothing", ops.add, [(N, C, H, WIDTH)] * 2, {}, 0),
    ("add relu: the result", ops.add, [(N, C, H, WIDTH)] * 2, {"activation": "relu"}, X_BYTES),
    ("scale_channels: x and s", ops.scale_channels, [(N, C, H, WIDTH), (N, C)], {}, X_BYTES + N * C * 4),
    *batch_norm_cases(),
]


@pytest.mark.parametrize(
    ("name", "function", "shapes", "settings", "expected"), CASES, ids=lambda it: it if isinstance(it, str) else ""
)
def test_saved_bytes(name, function, shapes, settings, expected):
    assert saved_bytes(function, *(tensor(*shape) for shape in shapes), **settings) == expected


@pytest.fixture
def no_reuse(monkeypatch):
    """Let every array be NumPy's, whose memory Python counts."""
    monkeypatch.setattr(POOL, "enabled", False)


def peak(function):
    """Return the bytes that were allocated at most at one time, the result among them."""
    function()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_attention_needs_a_tenth_of_the_plain_formula_s_memory_where_the_line_is_long(no_reuse):
    """Beyond what goes in and comes out, there and back; at 4,096 tokens, the plain one has 16.8 million scores."""
    q, k, v = (tensor(1, 4096, 4) for _ in range(3))
    dy = np.ones((1, 4096, 4), "float32")

    def plain(q, k, v):
        return ops.softmax(q @ ops.transpose(k, 0, 2, 1) * 0.5) @ v

    def working(function):
        for it in (q, k, v):
            it.grad = None
        tracemalloc.start()
        try:
            function(q, k, v).backward(dy)
            return tracemalloc.get_traced_memory()[1] - 4 * dy.nbytes  # the result and three gradients
        finally:
            tracemalloc.stop()

    needed, before = working(ops.scaled_dot_product_attention), working(plain)
    assert before > 4 * 4096**2
    assert needed <= before / 10


def test_a_convolution_needs_its_input_its_output_and_the_columns_of_one_picture(no_reuse):
    """8×64×56×56, 64 kernels of 3×3: the columns of all pictures would be 9 times the input."""
    x, w = tensor(8, 64, 56, 56).data, tensor(64, 64, 3, 3).data
    columns = 64 * 9 * 56 * 56 * 4
    allocated = peak(lambda: textbook.conv2d(x, w, None, (1, 1), ((1, 1), (1, 1)), (1, 1), 1, x.shape[2:]))
    assert allocated + x.nbytes <= 1.3 * (x.nbytes + x.nbytes + columns)


@pytest.mark.parametrize("name", ["conv2d_dx", "conv2d_dw"])
def test_the_gradients_of_a_convolution_need_no_more(name, no_reuse):
    x, dy, w = tensor(8, 64, 56, 56).data, tensor(8, 64, 56, 56).data, tensor(64, 64, 3, 3).data
    columns = 64 * 9 * 56 * 56 * 4
    first, shape = (w, x.shape) if name == "conv2d_dx" else (x, w.shape)
    allocated = peak(lambda: getattr(textbook, name)(dy, first, shape, (1, 1), ((1, 1), (1, 1)), (1, 1), 1))
    assert allocated + dy.nbytes <= 1.3 * (x.nbytes + dy.nbytes + columns)


def test_a_1x1_convolution_makes_no_columns(monkeypatch, no_reuse):
    """The pictures are the columns already: nothing but the result, and of a block of it the product, is allocated."""

    def no_columns(*args):
        raise AssertionError("im2col was called")

    monkeypatch.setattr(conv, "im2col", no_columns)
    x, w = tensor(8, 64, 28, 28).data, tensor(64, 64, 1, 1).data
    allocated = peak(lambda: textbook.conv2d(x, w, None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1, x.shape[2:]))
    assert allocated <= 2.1 * x.nbytes


def test_vggs_second_layer_is_done_picture_by_picture(monkeypatch, no_reuse):
    """64×224×224 with 64 kernels of 3×3: the columns of one picture are 116 MB, nine times the picture."""
    pictures = []

    def counting(x, *args):
        pictures.append(len(x))
        return im2col(x, *args)

    im2col = conv.im2col
    monkeypatch.setattr(conv, "im2col", counting)
    x, w = np.ones((2, 64, 224, 224), "float32"), np.ones((64, 64, 3, 3), "float32")
    tracemalloc.start()
    try:
        textbook.conv2d(x, w, None, (1, 1), ((1, 1), (1, 1)), (1, 1), 1, x.shape[2:])
        allocated = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    columns = 64 * 9 * 224 * 224 * 4
    assert pictures == [1, 1]
    assert allocated + x.nbytes <= 1.3 * (x.nbytes + x.nbytes + columns)


def test_blocks_cover_every_picture_once():
    for n, size in ((1, 1), (7, 10**6), (5, 10**9), (300, 40_000), (0, 5)):
        covered = [picture for block in conv.blocks(n, size) for picture in range(block.start, block.stop)]
        assert covered == list(range(n))
