"""What comes out if one thing is done wrong: the usual mistakes in functions that slide a window over a picture.

Each function yields pairs: what was done, in words that follow "exactly this comes out if …", and the result. All of
them are built from two loops, `gather` (im2col) and `scatter` (col2im), which take any geometry, the wrong one too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from minidl._checks import Padding, Pair
from minidl.proof import oracles
from minidl.proof.student.cases import NONE, Geometry

Mistake = tuple[str, np.ndarray]
Layout = tuple[Pair, Padding, Pair]  # stride, padding, dilation


def gather(x: np.ndarray, g: Geometry, layout: Layout | None = None, fill: float = 0.0) -> np.ndarray:
    """Return what the windows see, laid out as the geometry says or in another way: cols (N, C, KH, KW, OH, OW)."""
    cols = np.full(g.cols_shape, fill, dtype=x.dtype)
    for oh, ow, inside in oracles.windows(g.x_shape, g.kernel_size, *(layout or right(g)), g.size):
        for i, j, row, column in inside:
            cols[:, :, i, j, oh, ow] = x[:, :, row, column]
    return cols


def scatter(cols: np.ndarray, g: Geometry, layout: Layout | None = None) -> np.ndarray:
    """Add what the windows hold back to the pixels: x (N, C, H, W)."""
    x = np.zeros(g.x_shape, dtype=cols.dtype)
    for oh, ow, inside in oracles.windows(g.x_shape, g.kernel_size, *(layout or right(g)), g.size):
        for i, j, row, column in inside:
            x[:, :, row, column] += cols[:, :, i, j, oh, ow]
    return x


def right(g: Geometry) -> Layout:
    """Return how the windows lie."""
    return g.stride, g.padding, g.dilation


def layouts(g: Geometry) -> Iterator[tuple[str, Layout]]:
    """Yield the wrong ways to lay out the windows."""
    stride, padding, dilation = right(g)
    (top, bottom), (left, side) = padding
    for what, pair in pairs("stride", stride, "each window begins one pixel after the last"):
        yield what, (pair, padding, dilation)
    if top or left:
        forgotten = ((0, bottom), (0, side))
        yield (
            "the padding in front is forgotten, or cut off at the wrong end (row = oh·s + i·d - p)",
            (stride, forgotten, dilation),
        )
    if padding[0] != padding[1]:
        yield "rows and columns of the padding are exchanged", (stride, padding[::-1], dilation)
    if top != bottom or left != side:
        turned = ((bottom, top), (side, left))
        yield "the padding at the end is put in front and the other way round", (stride, turned, dilation)
    if top and left:
        yield "the padding in front is forgotten for the rows", (stride, ((0, bottom), padding[1]), dilation)
        yield "the padding in front is forgotten for the columns", (stride, (padding[0], (0, side)), dilation)
    for what, pair in pairs("dilation", dilation, "the taps lie next to each other"):
        yield what, (stride, padding, pair)


def pairs(name: str, pair: Pair, meaning: str) -> Iterator[tuple[str, Pair]]:
    """Yield the wrong ways to read a pair of numbers that are 1 where nothing is asked for."""
    rows, columns = pair
    if pair != (1, 1):
        yield f"the {name} is forgotten ({meaning})", (1, 1)
    if rows != columns:
        yield f"rows and columns of the {name} are exchanged", (columns, rows)
    if rows > 1 and columns > 1:
        yield f"the {name} is forgotten for the columns, {name}[1]", (rows, 1)
        yield f"the {name} is forgotten for the rows, {name}[0]", (1, columns)
    if rows != columns and rows > 1:
        yield f"the {name} of the rows, {name}[0], is taken for the columns, too", (rows, rows)
    if rows != columns and columns > 1:
        yield f"the {name} of the columns, {name}[1], is taken for the rows, too", (columns, columns)


def of_im2col(x: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong columns."""
    for what, layout in layouts(g):
        yield what, gather(x, g, layout)
    if g.padding != NONE:
        yield "the padding repeats the edge of the picture instead of being 0", of_edge(x, g)
    if g.kernel_size[0] == g.kernel_size[1]:
        yield "the taps i and j are exchanged", gather(x, g).swapaxes(2, 3)


def of_edge(x: np.ndarray, g: Geometry) -> np.ndarray:
    """Return what the windows see where the padding repeats the edge of the picture."""
    edge = np.pad(x, ((0, 0), (0, 0), *g.padding), mode="edge")
    return gather(edge, Geometry(g.name, edge.shape, g.kernel_size, stride=g.stride, dilation=g.dilation))


def of_col2im(cols: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong pictures."""
    for what, layout in layouts(g):
        yield what, scatter(cols, g, layout)
    yield "a pixel keeps the last number only (`=` stands for `+=`)", _assigned(cols, g, lambda windows: windows)
    yield "a pixel keeps the number of the last tap (`=` stands for `+=`)", _assigned(cols, g, _by_taps)
    count = scatter(np.ones_like(cols), g)
    yield (
        "every pixel is divided by how often it was seen: an average, not a sum",
        scatter(cols, g) / np.maximum(count, 1),
    )


Places = list[tuple[int, int, int, int, int, int]]  # oh, ow, i, j, row, column


def _assigned(cols: np.ndarray, g: Geometry, order: Callable[[Places], Places]) -> np.ndarray:
    x = np.zeros(g.x_shape, dtype=cols.dtype)
    windows = oracles.windows(g.x_shape, g.kernel_size, *right(g), g.size)
    for oh, ow, i, j, row, column in order([(oh, ow, *tap) for oh, ow, inside in windows for tap in inside]):
        x[:, :, row, column] = cols[:, :, i, j, oh, ow]
    return x


def _by_taps(places: Places) -> Places:
    return sorted(places, key=lambda place: place[2:4])


def multiply(cols: np.ndarray, w: np.ndarray, g: Geometry, group_of: Callable[[int], int] | None = None) -> np.ndarray:
    """Multiply every kernel with the columns of its group's channels: y (N, O, OH, OW)."""
    group_of, c = group_of or (lambda o: o // (g.kernels // g.groups)), w.shape[1]
    return np.stack(
        [
            np.einsum("cij,ncijhw->nhw", w[o], cols[:, group_of(o) * c : (group_of(o) + 1) * c])
            for o in range(g.kernels)
        ],
        axis=1,
    )


def spread(dy: np.ndarray, w: np.ndarray, g: Geometry, group_of: Callable[[int], int] | None = None) -> np.ndarray:
    """The adjoint of `multiply` in cols: dcols (N, C, KH, KW, OH, OW)."""
    group_of, c = group_of or (lambda o: o // (g.kernels // g.groups)), w.shape[1]
    dcols = np.zeros(g.cols_shape, dtype=dy.dtype)
    for o in range(g.kernels):
        dcols[:, group_of(o) * c : (group_of(o) + 1) * c] += np.einsum("cij,nhw->ncijhw", w[o], dy[:, o])
    return dcols


def collect(dy: np.ndarray, cols: np.ndarray, g: Geometry, group_of: Callable[[int], int] | None = None) -> np.ndarray:
    """The adjoint of `multiply` in w: dw (O, C/G, KH, KW)."""
    group_of, c = group_of or (lambda o: o // (g.kernels // g.groups)), g.w_shape[1]
    return np.stack(
        [
            np.einsum("nhw,ncijhw->cij", dy[:, o], cols[:, group_of(o) * c : (group_of(o) + 1) * c])
            for o in range(g.kernels)
        ]
    )


def groupings(g: Geometry) -> Iterator[tuple[str, Callable[[int], int]]]:
    """Yield the wrong groups for a kernel."""
    if g.groups > 1:
        yield "every kernel sees the channels of the first group", lambda o: 0
        yield "the kernels are dealt out to the groups one by one (kernel o to group o % G)", lambda o: o % g.groups
        yield "the groups are taken in reverse order", lambda o: g.groups - 1 - o // (g.kernels // g.groups)


def kernels(w: np.ndarray, groups: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield wrong kernels."""
    if w.shape[2:] != (1, 1):
        yield "the kernel is turned by 180°, as in mathematics (networks do not)", w[:, :, ::-1, ::-1]
    if w.shape[2] == w.shape[3] > 1:
        yield "rows and columns of the kernel are exchanged", w.swapaxes(2, 3)
    if w.shape[1] > 1:
        first = np.zeros_like(w)
        first[:, 0] = w[:, 0]
        yield "only the first channel is counted", first
    last = np.zeros_like(w)
    last[:, -1, -1, -1] = w[:, -1, -1, -1]
    yield "only the last tap is counted (`=` stands for `+=`)", last
    o, k = len(w) // groups, w[0].size
    if o > 1 and k > 1:
        reshaped = w.reshape(groups, k, o).swapaxes(1, 2).reshape(w.shape)
        yield "w is reshaped where it must be transposed: w.reshape(-1, O) is not w.reshape(O, -1).T", reshaped
    if 1 < groups < len(w):
        dealt = w.reshape(-1, groups, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)
        yield "the kernels are read as (O/G, G), but they lie as (G, O/G)", dealt


def of_conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong convolutions."""
    bias = 0 if b is None else b[:, None, None]
    cols = gather(x, g)
    if b is not None:
        yield "the bias is not added", multiply(cols, w, g)
        yield "the bias is added once for every channel", multiply(cols, w, g) + w.shape[1] * bias
    for what, layout in layouts(g):
        yield what, multiply(gather(x, g, layout), w, g) + bias
    for what, kernel in kernels(w, g.groups):
        yield what, multiply(cols, kernel, g) + bias
    for what, group_of in groupings(g):
        yield what, multiply(cols, w, g, group_of) + bias
    if g.groups > 1:
        every = np.sum([multiply(cols, w, g, lambda o, k=k: k) for k in range(g.groups)], axis=0)  # type: ignore[misc]
        yield "the channels of all groups are added up", every + bias
    if g.padding != NONE:
        yield "the padding repeats the edge of the picture instead of being 0", multiply(of_edge(x, g), w, g) + bias
    for what, y in reshaped_maps(multiply(cols, w, g), "the result"):
        yield what, y + bias


def reshaped_maps(y: np.ndarray, name: str) -> Iterator[Mistake]:
    """Yield maps (N, O, OH, OW) whose numbers lay in another order, and were reshaped where axes must be moved."""
    if y.shape[1] > 1 and y.shape[2:] != (1, 1):
        yield (
            f"{name} is reshaped between (N, O, OH, OW) and (N, OH, OW, O), where its axes must be moved",
            y.transpose(0, 2, 3, 1).reshape(y.shape),
        )
    if y.shape[0] > 1 and y.shape[1] > 1:
        yield (
            f"{name} is reshaped between (N, O, OH, OW) and (O, N, OH, OW), where its axes must be moved",
            y.transpose(1, 0, 2, 3).reshape(y.shape),
        )


def misread_maps(dy: np.ndarray) -> Iterator[Mistake]:
    """Yield what (N, O, OH, OW) is taken for, if it is reshaped where its axes must be moved: the other way round."""
    n, o, oh, ow = dy.shape
    if o > 1 and (oh, ow) != (1, 1):
        yield "dy is reshaped to (N·P, O), where its axes must be moved", dy.reshape(n, oh, ow, o).transpose(0, 3, 1, 2)
    if n > 1 and o > 1:
        yield "dy is reshaped to (O, N·P), where its axes must be moved", dy.reshape(o, n, oh, ow).swapaxes(0, 1)


def of_conv2d_dx(dy: np.ndarray, w: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong gradients of the picture."""
    for what, layout in layouts(g):
        yield what, scatter(spread(dy, w, g), g, layout)
    for what, kernel in kernels(w, g.groups):
        yield what, scatter(spread(dy, kernel, g), g)
    for what, group_of in groupings(g):
        yield what, scatter(spread(dy, w, g, group_of), g)
    for what, x in of_col2im(spread(dy, w, g), g):
        yield what, x
    if len(dy) > 1:
        yield "the pictures are averaged: dx is divided by N", scatter(spread(dy, w, g), g) / len(dy)
    for what, other in misread_maps(dy):
        yield what, scatter(spread(other, w, g), g)


def of_conv2d_dw(dy: np.ndarray, x: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong gradients of the kernels."""
    for what, layout in layouts(g):
        yield what, collect(dy, gather(x, g, layout), g)
    for what, group_of in groupings(g):
        yield what, collect(dy, gather(x, g), g, group_of)
    if len(dy) > 1:
        last = np.zeros_like(dy)
        last[-1] = dy[-1]
        yield "only the last picture is counted (`=` stands for `+=` over the batch)", collect(last, gather(x, g), g)
        yield "the pictures are averaged, not added up", collect(dy, gather(x, g), g) / len(dy)
    dw, o, k = collect(dy, gather(x, g), g), g.kernels // g.groups, int(np.prod(g.w_shape[1:]))
    if g.kernel_size != (1, 1):
        yield "the result is turned by 180°", dw[:, :, ::-1, ::-1]
    if o > 1 and k > 1:
        product = dw.reshape(g.groups, o, k).swapaxes(1, 2).reshape(g.w_shape)
        yield "the product is cols @ dyᵀ, (K, O), and is reshaped where it must be transposed", product
    if g.size != (1, 1):
        yield "the windows are averaged, not added up", dw / (g.size[0] * g.size[1])
    for what, other in misread_maps(dy):
        yield what, collect(other, gather(x, g), g)


def of_max_pool2d(x: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong poolings."""
    seen = gather(x, g, fill=-np.inf)
    yield "the padding counts as 0; as -inf it can never win", gather(x, g).max(axis=(2, 3))
    yield "the maximum begins with 0, where it must begin with -inf", np.maximum(seen.max(axis=(2, 3)), 0)
    yield "the smallest number is taken", gather(x, g, fill=np.inf).min(axis=(2, 3))
    yield "the average is taken", gather(x, g).mean(axis=(2, 3))
    yield "the largest absolute value is taken", np.abs(np.where(np.isinf(seen), 0, seen)).max(axis=(2, 3))
    for what, layout in layouts(g):
        yield what, gather(x, g, layout, fill=-np.inf).max(axis=(2, 3))


def winners_of(x: np.ndarray, g: Geometry) -> np.ndarray:
    """Return which tap i·KW + j of each window is the first of the largest ones: (N, C, OH, OW)."""
    seen = gather(x, g, fill=-np.inf)
    return seen.reshape(*g.x_shape[:2], -1, *g.size).argmax(axis=2)


def of_winners(x: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong winners."""
    seen, (kh, kw) = gather(x, g, fill=-np.inf).reshape(*g.x_shape[:2], -1, *g.size), g.kernel_size
    first = seen.argmax(axis=2)
    yield "of several largest numbers the last one wins, not the first", kh * kw - 1 - seen[:, :, ::-1].argmax(axis=2)
    yield "the tap is numbered by columns, j·KH + i, not i·KW + j", first % kw * kh + first // kw
    rows = np.arange(g.size[0])[:, None] * g.stride[0] - g.padding[0][0] + first // kw * g.dilation[0]
    columns = np.arange(g.size[1])[None, :] * g.stride[1] - g.padding[1][0] + first % kw * g.dilation[1]
    yield "the place in the picture is given, not the tap i·KW + j", rows * g.x_shape[3] + columns


def tapped(dy: np.ndarray, winners: np.ndarray, g: Geometry) -> np.ndarray:
    """Put dy where the winner of each window sits: dcols (N, C, KH, KW, OH, OW)."""
    taps = np.arange(g.kernel_size[0] * g.kernel_size[1]).reshape(1, 1, *g.kernel_size, 1, 1)
    return np.where(winners[:, :, None, None] == taps, dy[:, :, None, None], 0)


def of_max_pool2d_dx(dy: np.ndarray, winners: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong gradients of max pooling."""
    (kh, kw), dcols = g.kernel_size, tapped(dy, winners, g)
    rows, by_columns = "(i = winner // KW, j = winner % KW)", winners % kh * kw + winners // kh
    yield f"the winner is taken apart by columns, not by rows {rows}", scatter(tapped(dy, by_columns, g), g)
    yield (
        "every tap of a window gets its dy, not the winner alone",
        scatter(np.broadcast_to(dy[:, :, None, None], g.cols_shape).copy(), g),
    )
    for what, layout in layouts(g):
        yield what, scatter(dcols, g, layout)
    for what, x in of_col2im(dcols, g):
        yield what, x


def counts(g: Geometry, include_pad: bool) -> np.ndarray:
    """Return by how many pixels each window of an average pooling divides: (OH, OW)."""
    if not include_pad:
        return gather(np.ones(g.x_shape), g)[0, 0].sum(axis=(0, 1))
    (top, bottom), (left, side) = g.padding
    whole = (1, 1, g.x_shape[2] + top + bottom, g.x_shape[3] + left + side)
    padded = Geometry(g.name, whole, g.kernel_size, stride=g.stride)
    cols = np.zeros((1, 1, *g.kernel_size, *g.size))
    for oh, ow, inside in oracles.windows(padded.x_shape, g.kernel_size, g.stride, NONE, (1, 1), g.size):
        for i, j, _, _ in inside:
            cols[0, 0, i, j, oh, ow] = 1
    return cols[0, 0].sum(axis=(0, 1))


def of_avg_pool2d(x: np.ndarray, g: Geometry, include_pad: bool) -> Iterator[Mistake]:
    """Yield wrong averages."""
    total, taps = gather(x, g).sum(axis=(2, 3)), g.kernel_size[0] * g.kernel_size[1]
    yield f"count_include_pad is read as {not include_pad}", total / counts(g, not include_pad)
    yield "every window is divided by KH·KW, also where it reaches over the end", total / taps
    yield "the sum is taken, not the average", total
    for what, layout in layouts(g):
        yield what, gather(x, g, layout).sum(axis=(2, 3)) / counts(g, include_pad)


def of_avg_pool2d_dx(dy: np.ndarray, g: Geometry, include_pad: bool) -> Iterator[Mistake]:
    """Yield wrong gradients of average pooling."""

    def shared(count: np.ndarray | float) -> np.ndarray:
        return np.broadcast_to((dy / count)[:, :, None, None], g.cols_shape).astype(dy.dtype)

    yield f"count_include_pad is read as {not include_pad}", scatter(shared(counts(g, not include_pad)), g)
    yield "dy is not divided by the number of pixels", scatter(shared(1.0), g)
    yield "every window is divided by KH·KW", scatter(shared(float(g.kernel_size[0] * g.kernel_size[1])), g)
    for what, layout in layouts(g):
        yield what, scatter(shared(counts(g, include_pad)), g, layout)
    for what, x in of_col2im(shared(counts(g, include_pad)), g):
        yield what, x
