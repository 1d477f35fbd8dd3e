"""Step g8: find the bug."""

TITLE = "Weights from elsewhere, and nothing works"

TASK = """
Weights of a published network with grouped convolutions are loaded. All shapes
fit, no error, and the accuracy is that of guessing. Trained from the beginning,
the same code works as well as any other.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    6 kernels, 3 groups of 2 channels        kernel   0 1   2 3   4 5
                                             group    0 0   1 1   2 2
"""

FORMULA = """
    kernel o sees the channels of group o // (O / G)
    y[n, o] = b[o] + sum over these channels, i and j of w · x
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def conv2d(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW)."""
    o, c, kh, kw = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), *padding))                    # (1)
    oh = (padded.shape[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1 # (2)
    ow = (padded.shape[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1 # (3)
    y = np.zeros((len(x), o, oh, ow), dtype=x.dtype)
    for kernel in range(o):
        group = kernel % groups                                       # (4)
        channels = padded[:, group * c : (group + 1) * c]             # (5)
        for i, j in np.ndindex(kh, kw):
            rows = i * dilation[0] + stride[0] * np.arange(oh)        # (6)
            columns = j * dilation[1] + stride[1] * np.arange(ow)     # (7)
            seen = channels[:, :, rows[:, None], columns]             # (8)
            share = np.einsum("c,nchw->nhw", w[kernel, :, i, j], seen) # (9)
            y[:, kernel] += share                                     # (10)
    return y if b is None else y + b[:, None, None]                   # (11)
'''

HINTS = (
    "To which group does kernel 1 of 6 belong, if there are 3 groups?",
    "Neighbouring kernels belong together: the first O / G of them are group 0.",
    "group = kernel // (o // groups)",
)

SOLUTION = '''
import numpy as np

LINE = 4  # the number of the line with the bug


def conv2d(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW)."""
    o, c, kh, kw = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), *padding))                    # (1)
    oh = (padded.shape[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1 # (2)
    ow = (padded.shape[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1 # (3)
    y = np.zeros((len(x), o, oh, ow), dtype=x.dtype)
    for kernel in range(o):
        group = kernel // (o // groups)                               # (4)
        channels = padded[:, group * c : (group + 1) * c]             # (5)
        for i, j in np.ndindex(kh, kw):
            rows = i * dilation[0] + stride[0] * np.arange(oh)        # (6)
            columns = j * dilation[1] + stride[1] * np.arange(ow)     # (7)
            seen = channels[:, :, rows[:, None], columns]             # (8)
            share = np.einsum("c,nchw->nhw", w[kernel, :, i, j], seen) # (9)
            y[:, kernel] += share                                     # (10)
    return y if b is None else y + b[:, None, None]                   # (11)
'''

WRONG = {
    "the kernels are dealt out to the groups one by one (kernel o to group o % G)": (
        "group = kernel // (o // groups)                               # (4)",
        "group = kernel % groups                                       # (4)",
    ),
    "line 5 is right": ("LINE = 4", "LINE = 5"),
    "line 1 is right": ("LINE = 4", "LINE = 1"),
    "the groups are taken in reverse order": (
        "group = kernel // (o // groups)",
        "group = groups - 1 - kernel // (o // groups)",
    ),
}

CHECKS = {"conv2d": ()}
KIND = "bugs"
KERNELS = ()
BUG = 4
INNOCENT = {
    5: "a group's channels lie next to each other",
    1: "zeros around the picture",
}
