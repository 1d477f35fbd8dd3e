"""Step c3: conv2d_dx."""

TITLE = "The gradient of the picture"

TASK = """
y = w @ cols is linear in cols, and so dcols = wᵀ @ dy. What remains is the way
from dcols back to the pixels, and you have that: it is the adjoint of im2col.

Nothing needs to be flipped here. (Those who write dx as a convolution of dy
must turn the kernel by 180°; as a matrix product it turns by itself.)

Leave the two lines about the groups as they are: they wait for step c5.
"""

PICTURE = """
    forward     x ──im2col──> cols ──w @──>  y
    backward    dx <─col2im── dcols <─wᵀ @── dy
"""

FORMULA = """
    dcols[n] = w.reshape(O, K).T @ dy[n].reshape(O, P)
    dx       = col2im(dcols)
"""

SKELETON = '''
import numpy as np
from b2_col2im import col2im  # your own


def conv2d_dx(dy, w, x_shape, stride, padding, dilation, groups):
    """dx (N, C, H, W) of dy (N, O, OH, OW) and w (O, C, KH, KW)."""
    if groups != 1:
        raise NotImplementedError("groups come in step c5")
    raise NotImplementedError("back through the product, then to the pixels")
'''

HINTS = (
    "Backward of a product with w is a product with what?",
    "Two lines: a product with wᵀ, and `col2im`. The columns must have their six axes again before col2im takes them. "
    "And mind the `.T`: the numbers of w.reshape(K, O) stand in another order.",
    "dcols = w.reshape(o, k).T @ dy.reshape(n, o, p)",
)

SOLUTION = '''
import numpy as np
from b2_col2im import col2im


def conv2d_dx(dy, w, x_shape, stride, padding, dilation, groups):
    """dx (N, C, H, W) of dy (N, O, OH, OW) and w (O, C, KH, KW)."""
    if groups != 1:
        raise NotImplementedError("groups come in step c5")
    n, o, oh, ow = dy.shape
    dcols = w.reshape(o, -1).T @ dy.reshape(n, o, oh * ow)
    dcols = dcols.reshape(n, *w.shape[1:], oh, ow)
    return col2im(dcols, x_shape, stride, padding, dilation)
'''

WRONG = {
    "the kernel is turned by 180°, as in mathematics (networks do not)": (
        "w.reshape(o, -1).T @",
        "w[:, :, ::-1, ::-1].reshape(o, -1).T @",
    ),
    "w is reshaped where it must be transposed: w.reshape(-1, O) is not w.reshape(O, -1).T": (
        "w.reshape(o, -1).T @",
        "w.reshape(-1, o) @",
    ),
    "dy is reshaped to (N·P, O), where its axes must be moved": (
        "@ dy.reshape(n, o, oh * ow)",
        "@ dy.reshape(n, oh * ow, o).swapaxes(1, 2)",
    ),
    "the stride is forgotten (each window begins one pixel after the last)": (
        "col2im(dcols, x_shape, stride,",
        "col2im(dcols, x_shape, (1, 1),",
    ),
    "the dilation is forgotten (the taps lie next to each other)": (
        "x_shape, stride, padding, dilation)",
        "x_shape, stride, padding, (1, 1))",
    ),
}

CHECKS = {"conv2d_dx": ("loops", "adjoint identity", "finite differences")}
