"""Step a3: window."""

TITLE = "What one window sees"

TASK = """
Return what window (oh, ow) sees of every picture and every channel: an array
(N, C, KH, KW), with zeros where a tap lies outside of the picture. The result
has the dtype of x, and is an array of its own.

The windows are dilated: neighbouring taps lie `dilation` pixels apart. Padding
is ((top, bottom), (left, right)); row 0 of the picture is row `top` of the
picture with its border.
"""

PICTURE = """
    x              padding ((1, 1), (1, 1)), kernel 2×2, dilation 2
    1 2 3            window (0, 0)        window (1, 1)
    4 5 6            0 . 0 . .            . . . . .
    7 8 9            . . . . .            . 1 . 3 .
                     0 . 5 . .            . . . . .
                     . . . . .            . 7 . 9 .
                     . . . . .            . . . . .
"""

FORMULA = """
    window[n, c, i, j] = x[n, c, oh·s + i·d - top, ow·s + j·d - left]
    and 0 where that row or column does not exist
"""

SKELETON = '''
import numpy as np


def window(x, oh, ow, kernel_size, stride, padding, dilation):
    """(N, C, KH, KW): what window (oh, ow) of x (N, C, H, W) sees.

    kernel_size, stride and dilation are pairs (rows, columns),
    padding is ((top, bottom), (left, right)).
    """
    raise NotImplementedError("which pixel does each tap meet?")
'''

HINTS = (
    "In which row of the picture with its border does tap i of window oh lie?",
    "Put the zeros around the picture once, with `np.pad`. Then the row is oh·s + i·d, without the padding, and every "
    "tap meets a pixel. Without `np.pad` mind that x[-1] is the last row, not a zero.",
    "padded[:, :, oh * s : oh * s + d * (kh - 1) + 1 : d, …].copy()",
)

SOLUTION = '''
import numpy as np


def window(x, oh, ow, kernel_size, stride, padding, dilation):
    """(N, C, KH, KW): what window (oh, ow) of x (N, C, H, W) sees."""
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    top, left = oh * stride[0], ow * stride[1]
    bottom = top + dilation[0] * (kernel_size[0] - 1) + 1
    right = left + dilation[1] * (kernel_size[1] - 1) + 1
    return padded[:, :, top : bottom : dilation[0], left : right : dilation[1]].copy()
'''

WRONG = {
    "the stride is forgotten (each window begins one pixel after the last)": (
        "top, left = oh * stride[0], ow * stride[1]",
        "top, left = oh, ow",
    ),
    "the padding at the end is put in front and the other way round": (
        "*padding))",
        "*(side[::-1] for side in padding)))",
    ),
    "a row or column below 0 is read from the other end of the picture (x[-1] is the last)": (
        "    padded = np.pad(x, ((0, 0), (0, 0), *padding))",
        "    padded = np.pad(x, ((0, 0), (0, 0), *padding), mode='wrap')",
    ),
    "the padding repeats the edge of the picture instead of being 0": ("*padding))", "*padding), mode='edge')"),
    "oh and ow are exchanged": (
        "    padded",
        "    oh, ow = (ow, oh) if oh != ow else (oh, ow)\n    padded",
    ),
}

CHECKS = {"window": ()}
