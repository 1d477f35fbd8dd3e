"""Step e3: local response norm."""

TITLE = "Local response norm, AlexNet's"

TASK = """
Divide each number by the activity of the channels around it, at the same
pixel. The window of channel c has `size` channels, from c - size // 2 to
c + (size - 1) // 2; beyond the first and the last there are none. Return y and
scale: backward needs it.

x moves its own y, and through scale those of all channels whose window holds
it. With an even size, that is not the same window, but its mirror image.
alpha is taken as it is (elsewhere it is divided by size).
"""

PICTURE = """
    size = 5, seven channels    . . . . . . .       channel 3 looks at 1 to 5
                                  [ . x . ]         channel 0 looks at 0 to 2
                                0 1 2 3 4 5 6       no wrapping round
"""

FORMULA = """
    scale[c] = k + alpha · sum of x[j]² over the window of c
    y = x · scale^(-beta)
    dx[j] = dy[j] · scale[j]^(-beta)
            - 2 · alpha · beta · x[j] · sum of dy[c] · x[c] · scale[c]^(-beta-1)
              over all c whose window holds j
"""

SKELETON = '''
import numpy as np


def lrn(x, size, alpha, beta, k):
    """y and scale, both like x (N, C, H, W)."""
    raise NotImplementedError("lrn: scale first, then y")


def lrn_dx(dy, x, scale, size, alpha, beta):
    """dx like x."""
    raise NotImplementedError("lrn_dx: two terms")
'''

HINTS = (
    "Which channels does channel 0 look at, and which channels look at channel 0?",
    "A function that sums the channels from c + low to c + high serves both: forward with low = -(size // 2) and "
    "high = (size - 1) // 2, backward with the mirrored window, -high and -low.",
    "rest = 2 * alpha * beta * x * window(dy * x * scale ** (-beta - 1), -high, -low)",
)

SOLUTION = '''
import numpy as np


def window(v, low, high):
    """Sum the channels from c + low to c + high of every channel c."""
    total = np.zeros_like(v)
    for c in range(v.shape[1]):
        first, end = max(0, c + low), min(v.shape[1], c + high + 1)
        total[:, c] = v[:, first:end].sum(axis=1)
    return total


def lrn(x, size, alpha, beta, k):
    """y and scale, both like x (N, C, H, W)."""
    low, high = -(size // 2), (size - 1) // 2
    scale = k + alpha * window(x * x, low, high)
    return x * scale**-beta, scale


def lrn_dx(dy, x, scale, size, alpha, beta):
    """dx like x."""
    low, high = -(size // 2), (size - 1) // 2
    seen = window(dy * x * scale ** (-beta - 1), -high, -low)
    return dy * scale**-beta - 2 * alpha * beta * x * seen
'''

WRONG = {
    "the window reaches size channels to each side, not size // 2": (
        "low, high = -(size // 2), (size - 1) // 2\n    scale",
        "low, high = -size, size\n    scale",
    ),
    "the last channel of the window is left out (range stops before it)": ("c + high + 1)", "c + high)"),
    "alpha is divided by the window size, another convention": ("k + alpha *", "k + alpha / size *"),
    "x is multiplied with scale^beta, not divided": ("x * scale**-beta, scale", "x * scale**beta, scale"),
    "the second term is forgotten: scale is taken for a constant": (
        "dy * scale**-beta - 2 * alpha * beta * x * seen",
        "dy * scale**-beta",
    ),
    "the 2 of the square is forgotten": ("- 2 * alpha", "- alpha"),
    "the sum runs over the window, which must be mirrored": ("-high, -low)", "low, high)"),
    "only the channel's own share is counted: no sum over the window": (
        "window(dy * x * scale ** (-beta - 1), -high, -low)",
        "dy * x * scale ** (-beta - 1)",
    ),
}

CHECKS = {"lrn": (), "lrn_dx": ()}
