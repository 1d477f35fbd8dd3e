"""Step g3: find the bug."""

TITLE = "AlexNet, three percent worse"

TASK = """
AlexNet is rebuilt from its paper: the window of its norm has 5 channels, two to
each side. It trains, and ends three percent below the paper. The norm is copied
from a page on the net, where `size` was called `radius`.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    size = 5      . . [ . . x . . ] . . .        five channels
    here          [ . . . . . x . . . . ]        eleven
"""

FORMULA = """
    scale[c] = k + alpha · sum of x[j]² for j from c - size // 2
                                               to c + (size - 1) // 2
    y = x · scale^(-beta)
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def lrn(x, size, alpha, beta, k):
    """y and scale, both like x (N, C, H, W)."""
    channels = x.shape[1]                                             # (1)
    low, high = -size, size                                           # (2)
    scale = np.full_like(x, k)                                        # (3)
    for c in range(channels):                                         # (4)
        first = max(0, c + low)                                       # (5)
        end = min(channels, c + high + 1)                             # (6)
        seen = (x[:, first:end] ** 2).sum(axis=1)                     # (7)
        scale[:, c] += alpha * seen                                   # (8)
    return x * scale**-beta, scale                                    # (9)
'''

HINTS = (
    "How many channels does the window of channel 5 hold?",
    "From c - size // 2 to c + (size - 1) // 2 there are size channels, whether size is odd or even.",
    "low, high = -(size // 2), (size - 1) // 2",
)

SOLUTION = '''
import numpy as np

LINE = 2  # the number of the line with the bug


def lrn(x, size, alpha, beta, k):
    """y and scale, both like x (N, C, H, W)."""
    channels = x.shape[1]                                             # (1)
    low, high = -(size // 2), (size - 1) // 2                         # (2)
    scale = np.full_like(x, k)                                        # (3)
    for c in range(channels):                                         # (4)
        first = max(0, c + low)                                       # (5)
        end = min(channels, c + high + 1)                             # (6)
        seen = (x[:, first:end] ** 2).sum(axis=1)                     # (7)
        scale[:, c] += alpha * seen                                   # (8)
    return x * scale**-beta, scale                                    # (9)
'''

WRONG = {
    "the window reaches size channels to each side, not size // 2": (
        "low, high = -(size // 2), (size - 1) // 2                         # (2)",
        "low, high = -size, size                                           # (2)",
    ),
    "line 6 is right": ("LINE = 2", "LINE = 6"),
    "line 5 is right": ("LINE = 2", "LINE = 5"),
    "the last channel of the window is left out (range stops before it)": ("c + high + 1)", "c + high)"),
}

CHECKS = {"lrn": ()}
KIND = "bugs"
KERNELS = ()
BUG = 2
INNOCENT = {
    6: "range and slices stop before their end, so that the + 1 belongs there",
    5: "the window is cut off at the first channel",
}
