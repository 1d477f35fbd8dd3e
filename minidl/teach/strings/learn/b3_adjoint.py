"""Step b3: the adjoint identity."""

TITLE = "Is it the adjoint? A test for every pair"

TASK = """
A linear map f has exactly one adjoint g: the map with <f(x), c> = <x, g(c)>
for all x and c, where <a, b> is the sum of all products of their elements.
Backward of a linear layer is the adjoint of its forward, so this finds nearly
every wrong gradient, and needs no right answer to compare with.

Write the difference of the two sides, and in `is_adjoint` try it a few times
with whole random numbers: then it is exactly 0, or the pair is wrong.
"""

PICTURE = """
      x  ──f──>  f(x)                <f(x), c>
                  |                     =
     g(c) <──g──  c                  <x, g(c)>
"""

FORMULA = """
    gap = Σ f(x) · c  -  Σ x · g(c)
"""

SKELETON = '''
import numpy as np


def adjoint_gap(f, g, x, c):
    """<f(x), c> - <x, g(c)>, a number; f and g are functions of an array."""
    raise NotImplementedError("one sum of products less another")


def is_adjoint(f, g, x_shape, c_shape, rng):
    """Whether the gap is 0 in three trials.

    x and c are whole numbers as float64: rng.integers(-4, 5, shape) draws them.
    """
    raise NotImplementedError("draw x and c, and look at the gap")
'''

HINTS = (
    "What shapes do f(x) and c have? And x and g(c)?",
    "Both sides are numbers: multiply element by element and sum up everything. With whole numbers there is nothing "
    "to round, so compare with 0. A single trial can be right by chance.",
    "return float((f(x) * c).sum() - (x * g(c)).sum())",
)

SOLUTION = '''
import numpy as np


def adjoint_gap(f, g, x, c):
    """<f(x), c> - <x, g(c)>, a number; f and g are functions of an array."""
    return float((f(x) * c).sum() - (x * g(c)).sum())


def is_adjoint(f, g, x_shape, c_shape, rng):
    """Whether the gap is 0 in three trials."""
    for _ in range(3):
        x = rng.integers(-4, 5, x_shape).astype(np.float64)
        c = rng.integers(-4, 5, c_shape).astype(np.float64)
        if adjoint_gap(f, g, x, c) != 0:
            return False
    return True
'''

WRONG = {
    "g is given f(x), not c": ("(x * g(c)).sum()", "(x * g(f(x))).sum()"),
    "means are compared, which divide the two sides by different numbers": (
        "float((f(x) * c).sum() - (x * g(c)).sum())",
        "float((f(x) * c).mean() - (x * g(c)).mean())",
    ),
    "the two sides are added, not subtracted": ("- (x *", "+ (x *"),
    "the absolute values of the products are summed up": (
        "float((f(x) * c).sum() - (x * g(c)).sum())",
        "float(abs(f(x) * c).sum() - abs(x * g(c)).sum())",
    ),
    "is_adjoint calls a wrong pair right": ("            return False", "            return True"),
    "is_adjoint calls a right pair wrong": ("    return True", "    return False"),
}

CHECKS = {"adjoint_gap": (), "is_adjoint": ()}
