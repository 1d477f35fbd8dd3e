"""Step c6: depthwise convolution."""

TITLE = "One kernel a channel"

TASK = """
A depthwise convolution has one kernel for each channel, and adds nothing up
over channels: w is (C, 1, KH, KW), and y is (N, C, OH, OW). As a product with
groups it would be C products of 1×K matrices: slow, since there is nothing to
share. Write it with the columns and a sum over the taps, and so both gradients.

There is no bias here.
"""

PICTURE = """
    x  channel 0   channel 1   channel 2
          │ w[0]      │ w[1]      │ w[2]
    y  channel 0   channel 1   channel 2         C·KH·KW weights, not C·C·KH·KW
"""

FORMULA = """
    y[n, c, oh, ow]           = Σ_i Σ_j w[c, 0, i, j] · cols[n, c, i, j, oh, ow]
    dcols[n, c, i, j, oh, ow] = w[c, 0, i, j] · dy[n, c, oh, ow]
    dw[c, 0, i, j]            = Σ_n Σ_oh Σ_ow
                                dy[n, c, oh, ow] · cols[n, c, i, j, oh, ow]
"""

SKELETON = '''
import numpy as np
from b1_im2col import im2col  # your own
from b2_col2im import col2im


def depthwise(x, w, stride, padding, dilation):
    """y (N, C, OH, OW) of x (N, C, H, W) and w (C, 1, KH, KW)."""
    raise NotImplementedError("a sum over the taps")


def depthwise_dx(dy, w, x_shape, stride, padding, dilation):
    """dx (N, C, H, W) of dy (N, C, OH, OW) and w (C, 1, KH, KW)."""
    raise NotImplementedError("the columns of dx, then back to the pixels")


def depthwise_dw(dy, x, w_shape, stride, padding, dilation):
    """dw (C, 1, KH, KW) of dy (N, C, OH, OW) and x (N, C, H, W)."""
    raise NotImplementedError("a sum over pictures and windows")
'''

HINTS = (
    "The columns are (N, C, KH, KW, OH, OW). With which axes must w be laid over them, and which ones are summed?",
    "w[:, 0] is (C, KH, KW): two more axes at the end let it be multiplied with the columns. For the gradients put dy "
    "where it belongs with two axes in its middle: dy[:, :, None, None].",
    "return (cols * w[:, 0, :, :, None, None]).sum(axis=(2, 3))",
)

SOLUTION = '''
import numpy as np
from b1_im2col import im2col
from b2_col2im import col2im


def depthwise(x, w, stride, padding, dilation):
    """y (N, C, OH, OW) of x (N, C, H, W) and w (C, 1, KH, KW)."""
    cols = im2col(x, w.shape[2:], stride, padding, dilation)
    return (cols * w[:, 0, :, :, None, None]).sum(axis=(2, 3))


def depthwise_dx(dy, w, x_shape, stride, padding, dilation):
    """dx (N, C, H, W) of dy (N, C, OH, OW) and w (C, 1, KH, KW)."""
    dcols = dy[:, :, None, None] * w[:, 0, :, :, None, None]
    return col2im(dcols, x_shape, stride, padding, dilation)


def depthwise_dw(dy, x, w_shape, stride, padding, dilation):
    """dw (C, 1, KH, KW) of dy (N, C, OH, OW) and x (N, C, H, W)."""
    cols = im2col(x, w_shape[2:], stride, padding, dilation)
    return (dy[:, :, None, None] * cols).sum(axis=(0, 4, 5)).reshape(w_shape)
'''

WRONG = {
    "the kernel is turned by 180°": ("(cols * w[:, 0, :, :, None, None])", "(cols * w[:, 0, ::-1, ::-1, None, None])"),
    "every channel is multiplied with the kernel of the first": (
        "(cols * w[:, 0, :, :, None, None])",
        "(cols * w[:1, 0, :, :, None, None])",
    ),
    "the channels are added up, as in an ordinary convolution": (
        "    return (cols * w[:, 0, :, :, None, None]).sum(axis=(2, 3))",
        "    y = (cols * w[:, 0, :, :, None, None]).sum(axis=(1, 2, 3))\n    return np.stack([y] * len(w), axis=1)",
    ),
    "the stride is forgotten (each window begins one pixel after the last)": (
        "    return col2im(dcols, x_shape, stride, padding",
        "    return col2im(dcols, x_shape, (1, 1), padding",
    ),
    "the pictures are averaged, not added up": (
        ".sum(axis=(0, 4, 5))",
        ".sum(axis=(4, 5)).mean(axis=0)",
    ),
}

CHECKS = {"depthwise": (), "depthwise_dx": (), "depthwise_dw": ()}
