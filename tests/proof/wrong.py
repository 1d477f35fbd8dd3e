"""Wrong files of functions: the solution with one mistake in it, and what must be said about it."""

from dataclasses import dataclass
from pathlib import Path

SOLUTION = Path(__file__).with_name("solution.py").read_text(encoding="utf-8")


@dataclass
class Wrong:
    function: str  # the one that is reported
    old: str
    new: str
    says: tuple[str, ...]  # words that must stand in the message
    verdict: str = "FAIL"

    @property
    def source(self):
        begin = SOLUTION.index(f"def {self.function}(") if f"def {self.function}(" in SOLUTION else 0
        head, body = SOLUTION[:begin], SOLUTION[begin:]
        if self.old not in body:
            raise LookupError(self.old)
        return head + body.replace(self.old, self.new, 1)

    def write(self, folder):
        """Write the wrong answer into a folder and return the file."""
        file = folder / "wrong_answer.py"
        file.write_text(self.source, encoding="utf-8")
        return file


def exactly(mistake):
    return f"exactly this comes out if {mistake}"


COLUMNS = "left + j * dilation[1]"
WRONG = {
    # conv2d_loops
    "stride forgotten": Wrong(
        "conv2d_loops",
        "row * stride[0], column * stride[1]",
        "row, column",
        ("case 'stride'", exactly("the stride is forgotten")),
    ),
    "dilation forgotten": Wrong(
        "conv2d_loops",
        "top + i * dilation[0], left + j * dilation[1]",
        "top + i, left + j",
        ("case 'dilation'", exactly("the dilation is forgotten (the taps lie next to each other)")),
    ),
    "kernel turned": Wrong(
        "conv2d_loops",
        "w[o, c, i, j]",
        "w[o, c, kh - 1 - i, kw - 1 - j]",
        ("case 'the smallest'", exactly("the kernel is turned by 180°")),
    ),
    "bias forgotten": Wrong("conv2d_loops", "+= b[o]", "+= 0", (exactly("the bias is not added"),)),
    "bias in the channel loop": Wrong(
        "conv2d_loops",
        "                    if b is not None:\n",
        "                    y[n, o, row, column] += (w.shape[1] - 1) * (0 if b is None else b[o])\n"
        "                    if b is not None:\n",
        ("case 'pictures and channels, not square'", exactly("the bias is added once for every channel")),
    ),
    "first channel only": Wrong(
        "conv2d_loops", "range(w.shape[1])", "range(1)", (exactly("only the first channel is counted"),)
    ),
    "= for +=": Wrong(
        "conv2d_loops",
        "y[n, o, row, column] += w[",
        "y[n, o, row, column] = w[",
        (exactly("only the last tap is counted (`=` stands for `+=`)"),),
    ),
    "index out of range": Wrong(
        "conv2d_loops",
        "range(kh)",
        "range(kh + 1)",
        ("wrong_answer.py:", ": IndexError: index 2 is out of bounds", "+= w[o, c, i, j] * pixel"),
        "ERROR",
    ),
    "wrong number of windows": Wrong(
        "conv2d_loops",
        "oh, ow = sizes(x.shape, (kh, kw), stride, padding, dilation)",
        "oh, ow = x.shape[2] - kh, x.shape[3] - kw",
        (
            "must return (N, O, OH, OW) = (1, 1, 2, 2); it returned the shape (1, 1, 1, 1)",
            "OH = (H + p - d * (KH - 1) - 1) // s + 1 = (3 + 0 - 1 * (2 - 1) - 1) // 1 + 1 = 2",
        ),
    ),
    "float64 for float32": Wrong(
        "conv2d_loops",
        "dtype=x.dtype",
        "dtype=float",
        ("case 'float32'", "must return float32 for float32 arguments; it returned float64 (make results with"),
    ),
    "return forgotten": Wrong(
        "conv2d_loops", "    return y\n", "\n", ("conv2d_loops returned None; is the return statement missing?",)
    ),
    "a list": Wrong("conv2d_loops", "return y\n", "return y.tolist()\n", ("must return an array; it returned a list",)),
    "argument changed": Wrong(
        "conv2d_loops", "    padded = pad(", "    x *= 2\n    padded = pad(", ("changes its argument x; work",)
    ),
    "wrong parameters": Wrong(
        "conv2d_loops",
        "(x, w, b, stride, padding, dilation, groups)",
        "(x, w, b)",
        ("conv2d_loops must take (x, w, b, stride, padding, dilation, groups), by position; it takes (x, w, b)",),
    ),
    "calls exit": Wrong("conv2d_loops", "kh, kw = w", "raise SystemExit(3); kh, kw = w", ("SystemExit: 3",), "ERROR"),
    "dilation of the rows only": Wrong(
        "conv2d_loops",
        "left + j * dilation[1]",
        "left + j",
        ("case 'dilation'", exactly("the dilation is forgotten for the columns, dilation[1]")),
    ),
    "dilation of the columns only": Wrong(
        "conv2d_loops",
        "top + i * dilation[0]",
        "top + i",
        ("case 'dilation'", exactly("the dilation is forgotten for the rows, dilation[0]")),
    ),
    "stride of the rows for both": Wrong(
        "conv2d_loops",
        "column * stride[1]",
        "column * stride[0]",
        ("case 'stride'", exactly("the stride of the rows, stride[0], is taken for the columns, too")),
    ),
    "windows without + 1": Wrong(
        "conv2d_loops",
        "oh, ow = sizes(x.shape, (kh, kw), stride, padding, dilation)",
        "oh, ow = (it - 1 for it in sizes(x.shape, (kh, kw), stride, padding, dilation))",
        ("exactly this shape comes out if the + 1 at the end of OH is forgotten",),
    ),
    "windows without padding": Wrong(
        "im2col",
        "oh, ow = sizes(x.shape, kernel_size, stride, padding, dilation)",
        "oh, ow = sizes(x.shape, kernel_size, stride, ((0, 0), (0, 0)), dilation)",
        ("case 'padding'", "exactly this shape comes out if OH is worked out without the padding"),
    ),
    # im2col
    "padding at the wrong end": Wrong(
        "im2col",
        "padded = pad(x, padding)",
        "padded = pad(x, [side[::-1] for side in padding])",
        ("case 'uneven padding'", exactly("the padding at the end is put in front and the other way round")),
    ),
    "edge repeated": Wrong(
        "im2col",
        "padded = pad(x, padding)",
        "padded = np.pad(x, ((0, 0), (0, 0), *padding), mode='edge')",
        ("case 'padding'", exactly("the padding repeats the edge of the picture instead of being 0")),
    ),
    "taps exchanged": Wrong(
        "im2col", "cols[:, :, i, j] =", "cols[:, :, j % kh, i % kw] =", (exactly("the taps i and j are exchanged"),)
    ),
    # conv2d
    "groups dealt out": Wrong(
        "conv2d",
        "w.reshape(groups, o // groups, -1) @",
        "w.reshape(o // groups, groups, -1).swapaxes(0, 1) @",
        ("loops, groups, case 'two groups'", exactly("the kernels are read as (O/G, G), but they lie as (G, O/G)")),
    ),
    "kernels read as (K, O)": Wrong(
        "conv2d",
        "w.reshape(groups, o // groups, -1) @",
        "w.reshape(groups, -1, o // groups).swapaxes(1, 2) @",
        (exactly("w is reshaped where it must be transposed: w.reshape(-1, O) is not w.reshape(O, -1).T"),),
    ),
    "result (N, OH, OW, O) reshaped": Wrong(
        "conv2d",
        "y = y.reshape(n, o, oh, ow)",
        "y = y.reshape(n, o, -1).swapaxes(1, 2).reshape(n, o, oh, ow)",
        (exactly("the result is reshaped between (N, O, OH, OW) and (N, OH, OW, O), where its axes must be moved"),),
    ),
    "windows in one row": Wrong(
        "conv2d",
        "y = y.reshape(n, o, oh, ow)\n    return y if b is None else y + b[:, None, None]",
        "y = y.reshape(n, o, -1)\n    return y if b is None else y + b[:, None]",
        ("exactly this shape comes out if the windows still stand in one row, (N, O, P); reshape it to",),
    ),
    # col2im
    "border cut off with [p:-p] in col2im": Wrong(
        "col2im",
        "return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "return x[:, :, top:-bottom, left:-right]",
        (
            "case 'the smallest'",
            "exactly this shape comes out if the border is cut off with [p:-p], which leaves nothing where p is 0",
        ),
    ),
    "as much cut off behind as in front": Wrong(
        "col2im",
        "return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "return x[:, :, top : x.shape[2] - top, left : x.shape[3] - left]",
        ("case 'uneven padding'", "exactly this shape comes out if as much is cut off at the end as in front"),
    ),
    "col2im assigns": Wrong(
        "col2im",
        "x[:, :, rows, columns] +=",
        "x[:, :, rows, columns] =",
        ("col2im, loops, case 'the smallest'", exactly("a pixel keeps the number of the last tap (`=` stands")),
    ),
    "padding not cropped": Wrong(
        "col2im",
        "return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "return x",
        (
            "col2im must return (N, C, H, W) = (1, 2, 4, 5); it returned the shape (1, 2, 6, 7)",
            "exactly this shape comes out if the border of the padding is not cut off",
        ),
    ),
    "padding cropped at the wrong side": Wrong(
        "col2im",
        "return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "return x[:, :, : x_shape[2], : x_shape[3]]",
        ("case 'padding'", exactly("the padding in front is forgotten, or cut off at the wrong end")),
    ),
    # conv2d_dx
    "w not transposed in time": Wrong(
        "conv2d_dx",
        "dcols = w_mat.swapaxes(1, 2) @",
        "dcols = 2 * w_mat.swapaxes(1, 2) @",
        ("pattern (scaled): a constant factor: dx is 2 times the right result",),
    ),
    "kernel turned in dx": Wrong(
        "conv2d_dx",
        "w_mat = w.reshape(",
        "w_mat = w[:, :, ::-1, ::-1].reshape(",
        (exactly("the kernel is turned by 180°, as in mathematics (networks do not)"),),
    ),
    "w reshaped, not transposed": Wrong(
        "conv2d_dx",
        "w_mat.swapaxes(1, 2) @",
        "w.reshape(groups, -1, o // groups) @",
        (
            "case 'pictures and channels, not square'",
            exactly("w is reshaped where it must be transposed: w.reshape(-1, O) is not w.reshape(O, -1).T"),
        ),
    ),
    "dy reshaped to rows": Wrong(
        "conv2d_dx",
        "@ dy.reshape(n, groups, o // groups, oh * ow)",
        "@ dy.reshape(n, oh * ow, groups, o // groups).transpose(0, 2, 3, 1)",
        (exactly("dy is reshaped to (N·P, O), where its axes must be moved"),),
    ),
    # conv2d_dw
    "product reshaped, not transposed": Wrong(
        "conv2d_dw",
        "dw.sum(axis=0)",
        "dw.sum(axis=0).swapaxes(1, 2)",
        (exactly("the product is cols @ dyᵀ, (K, O), and is reshaped where it must be transposed"),),
    ),
    "dy read as (O, N·P)": Wrong(
        "conv2d_dw",
        "dy.reshape(n, groups, o // groups, oh * ow)",
        "dy.reshape(o, n, oh * ow).swapaxes(0, 1).reshape(n, groups, o // groups, oh * ow)",
        (exactly("dy is reshaped to (O, N·P), where its axes must be moved"),),
    ),
    "windows averaged": Wrong(
        "conv2d_dw",
        "dw.sum(axis=0)",
        "(dw.sum(axis=0) / (oh * ow))",
        (exactly("the windows are averaged, not added up"),),
    ),
    "dw turned": Wrong(
        "conv2d_dw",
        "reshape(w_shape)",
        "reshape(w_shape)[:, :, ::-1, ::-1]",
        (exactly("the result is turned by 180°"),),
    ),
    "pictures not summed": Wrong(
        "conv2d_dw",
        "dw.sum(axis=0).reshape(w_shape)",
        "dw.reshape(n, *w_shape)",
        (
            "must return (O, C/G, KH, KW) = (1, 1, 2, 2); it returned the shape (1, 1, 1, 2, 2)",
            "exactly this shape comes out if the pictures are not added up: sum over the first axis",
        ),
    ),
    "last picture only": Wrong(
        "conv2d_dw", "dw.sum(axis=0)", "dw[-1]", (exactly("only the last picture is counted (`=` stands for `+=`"),)
    ),
    "mean over the batch": Wrong(
        "conv2d_dw", "dw.sum(axis=0)", "dw.mean(axis=0)", (exactly("the pictures are averaged, not added up"),)
    ),
    "groups mixed in dw": Wrong(
        "conv2d_dw",
        "return dw.sum(axis=0)",
        "return dw[:, ::-1].sum(axis=0)",
        ("conv2d_dw, loops, groups", "case 'two groups'"),
    ),
    # max_pool2d
    "padding of 0": Wrong(
        "max_pool2d", ", -np.inf)", ", 0)", ("case 'padding'", exactly("the padding counts as 0; as -inf it"))
    ),
    "minimum": Wrong("max_pool2d", "taps.max(axis=2)", "taps.min(axis=2)", (exactly("the smallest number is taken"),)),
    "last of several": Wrong(
        "max_pool2d",
        "taps.argmax(axis=2)",
        "kh * kw - 1 - taps[:, :, ::-1].argmax(axis=2)",
        ("max_pool2d, winners", exactly("of several largest numbers the last one wins, not the first")),
    ),
    "winners are no integers": Wrong(
        "max_pool2d",
        "taps.argmax(axis=2)",
        "taps.argmax(axis=2) * 1.0",
        ("must return winners as an integer array; it returned float64",),
    ),
    "no winners": Wrong(
        "max_pool2d",
        "return taps.max(axis=2), taps.argmax(axis=2)",
        "return taps.max(axis=2)",
        ("max_pool2d must return (y, winners); it returned a ndarray",),
    ),
    "every tap gets dy": Wrong(
        "max_pool2d_dx",
        "np.where(winners == i * kw + j, dy, 0)",
        "dy",
        (exactly("every tap of a window gets its dy, not the winner alone"),),
    ),
    "winner taken apart by columns": Wrong(
        "max_pool2d_dx",
        "winners == i * kw + j",
        "winners == j * kh + i",
        (exactly("the winner is taken apart by columns, not by rows (i = winner // KW, j = winner % KW)"),),
    ),
    "border cut off with [p:-p]": Wrong(
        "max_pool2d_dx",
        "(top, _), (left, _) = cover\n    return dx[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "(top, bottom), (left, right) = cover\n    return dx[:, :, top:-bottom, left:-right]",
        (
            "case '2×2'",
            "exactly this shape comes out if the border is cut off with [p:-p], which leaves nothing where p is 0",
        ),
    ),
    "max pooling assigns": Wrong(
        "max_pool2d_dx",
        "dx[:, :, rows, columns] += np.where(winners == i * kw + j, dy, 0)",
        "dx[:, :, rows, columns] = np.where(winners == i * kw + j, dy, 0)",
        ("case 'overlapping'", exactly("a pixel keeps the number of the last tap")),
    ),
}
