"""Step a1: out_size."""

TITLE = "How many windows fit"

TASK = """
A window of `kernel` taps runs along `size` pixels, `stride` pixels at a time.
`dilation` is the distance of neighbouring taps, and `padding` = (front, back)
is how many pixels of border stand at the two ends. How many windows fit?

A window counts only if all of it lies on the row with its border. What is left
over at the end is not seen by anybody.
"""

PICTURE = """
    size 7, padding (1, 1), kernel 3, stride 3, dilation 1       3 windows
      . x x x x x x x .
      [   ]
            [   ]
                  [   ]
    kernel 3, dilation 2: the taps of a window are  [ . + . ]  5 pixels wide
"""

FORMULA = """
    span = d·(K - 1) + 1                     what one window covers
    OH   = (H + front + back - span) // s + 1
"""

SKELETON = '''
def out_size(size, kernel, stride, padding, dilation):
    """The number of windows; all are integers but padding, (front, back)."""
    raise NotImplementedError("count the windows")
'''

HINTS = (
    "The first window always fits. How many more strides can it go until its end meets the end of the row?",
    "The way is what is left over when one window is taken away; `//` counts the whole strides in it. Then add the "
    "first window.",
    "return (size + front + back - span) // stride + 1",
)

SOLUTION = '''
def out_size(size, kernel, stride, padding, dilation):
    """The number of windows; all are integers but padding, (front, back)."""
    front, back = padding
    span = dilation * (kernel - 1) + 1
    return (size + front + back - span) // stride + 1
'''

WRONG = {
    "the + 1 at the end is forgotten": ("// stride + 1", "// stride"),
    "the stride is forgotten": ("// stride + 1", "+ 1"),
    "the dilation is forgotten": ("dilation * (kernel - 1) + 1", "kernel"),
    "the dilation is multiplied with the kernel, not with the gaps between its taps": (
        "dilation * (kernel - 1) + 1",
        "dilation * kernel",
    ),
    "the padding is counted at one end only": ("front + back", "front"),
    "the quotient is rounded up: `//` rounds down": (
        "(size + front + back - span) // stride + 1",
        "-(-(size + front + back - span) // stride) + 1",
    ),
}

CHECKS = {"out_size": ()}
