"""Step g6: find the bug."""

TITLE = "The picture that changes"

TASK = """
The same picture, evaluated twice, gives two results. The second one is that of
another picture: after the first call the numbers in x are no longer the same.
A reshape costs nothing, because it copies nothing.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    x  --reshape-->  z     two names, one memory: z -= 1 changes x
    x  --  x - 1 -->  z    new memory
"""

FORMULA = """
    y = w · (x - mean) · rstd + b
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def batch_norm_eval(x, w, b, mean, rstd):
    """y like x (N, C, H, W): with a mean and an rstd that are given."""
    n, c, h, width = x.shape                                          # (1)
    z = x.reshape(n, c, h * width)                                    # (2)
    z -= mean[:, None]                                                # (3)
    z *= (w * rstd)[:, None]                                          # (4)
    z += b[:, None]                                                   # (5)
    return z.reshape(n, c, h, width)                                  # (6)
'''

HINTS = (
    "Which arrays share their memory with x?",
    "The lines with -=, *= and += write into z. Where does its memory come from?",
    "z = x.reshape(n, c, h * width).copy()",
)

SOLUTION = '''
import numpy as np

LINE = 2  # the number of the line with the bug


def batch_norm_eval(x, w, b, mean, rstd):
    """y like x (N, C, H, W): with a mean and an rstd that are given."""
    n, c, h, width = x.shape                                          # (1)
    z = x.reshape(n, c, h * width).copy()                             # (2)
    z -= mean[:, None]                                                # (3)
    z *= (w * rstd)[:, None]                                          # (4)
    z += b[:, None]                                                   # (5)
    return z.reshape(n, c, h, width)                                  # (6)
'''

WRONG = {
    "the argument x is changed in place": (
        "z = x.reshape(n, c, h * width).copy()                             # (2)",
        "z = x.reshape(n, c, h * width)                                    # (2)",
    ),
    "line 6 is right": ("LINE = 2", "LINE = 6"),
    "line 4 is right": ("LINE = 2", "LINE = 4"),
    "the bias b is forgotten": ("    z += b[:, None]", "    z += 0 * b[:, None]"),
}

CHECKS = {"batch_norm_eval": ()}
KIND = "bugs"
KERNELS = ()
BUG = 2
INNOCENT = {
    6: "it only shows the result in the shape of x",
    4: "both factors of a channel, in one product",
}
