"""Step a2: same_padding."""

TITLE = "Padding that keeps the size"

TASK = """
With padding="same", a stride of 1 keeps the size of a picture, and a stride of
s leaves ceil(size / s) windows. How much border does that take?

Return (front, back). Where the number is odd, the pixel more stands at the
end, as TensorFlow does it. Where the windows fit without any border, it is
(0, 0): a border is never negative.
"""

PICTURE = """
    size 5, kernel 3, stride 2       size 6, kernel 3, stride 2
      . x x x x x .                    x x x x x x .
      [   ]                            [   ]
          [   ]                            [   ]
              [   ]                            [   ]
      3 windows, (1, 1)                3 windows, (0, 1)
"""

FORMULA = """
    OH    = ceil(H / s)
    total = max((OH - 1)·s + d·(K - 1) + 1 - H, 0)
    front = total // 2
"""

SKELETON = '''
def same_padding(size, kernel, stride, dilation):
    """(front, back), the border with which ceil(size / stride) windows fit."""
    raise NotImplementedError("how much border does it take?")
'''

HINTS = (
    "If there are OH windows, which pixel does the last one begin at, and at which one does it end?",
    "The last window begins (OH - 1)·s pixels after the first. What it needs beyond the picture is the border, both "
    "ends together.",
    "total = max((windows - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)",
)

SOLUTION = '''
def same_padding(size, kernel, stride, dilation):
    """(front, back), the border with which ceil(size / stride) windows fit."""
    windows = -(-size // stride)
    total = max((windows - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2
'''

WRONG = {
    "the odd pixel stands in front": ("total // 2, total - total // 2", "total - total // 2, total // 2"),
    "the stride is left out: d·(K - 1) is right for a stride of 1 only": (
        "(windows - 1) * stride + dilation * (kernel - 1) + 1 - size",
        "dilation * (kernel - 1)",
    ),
    "the number of windows is rounded down: ceil(size / stride) rounds up": ("-(-size // stride)", "size // stride"),
    "the border is negative where the windows fit without one": (
        "max((windows - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)",
        "(windows - 1) * stride + dilation * (kernel - 1) + 1 - size",
    ),
    "the dilation is forgotten": ("dilation * (kernel - 1) + 1", "kernel"),
    "both ends get half of it, rounded down": ("total // 2, total - total // 2", "total // 2, total // 2"),
}

CHECKS = {"same_padding": ()}
