"""Step f2: an Inception module."""

TITLE = "An Inception module, and what it costs"

TASK = """
GoogLeNet looks at a picture through windows of several sizes at once, and lays
the results side by side. 1×1 convolutions before the large windows make the
module affordable: they reduce the channels first.

Costs first: `costs` returns (parameters, MACs) for one picture of h×w, worked
out by you. Here the convolutions have a bias, and behind each of them stands a
relu. Then write the module, with the names of the skeleton: branch2 and
branch3 are a 1×1 and the window behind it, branch4 is a max pooling of 3×3
with stride 1 and its 1×1. All of them keep the size of the picture.
"""

PICTURE = """
    x ──┬── branch1: 1×1 (c1) ────────────────────────────┐
        ├── branch2: 1×1 (reduce3) ── 3×3 (c3) ───────────┤ side by side,
        ├── branch3: 1×1 (reduce5) ── 5×5 (c5) ───────────┤ along the
        └── branch4: max pooling 3×3 ── 1×1 (pooled) ─────┘ channels
"""

FORMULA = """
    out = c1 + c3 + c5 + pooled
    a convolution:  O·C·KH·KW + O parameters,  O·C·KH·KW·OH·OW MACs
"""

SKELETON = '''
from minidl import nn, ops


def costs(in_channels, c1, reduce3, c3, reduce5, c5, pooled, h, width):
    """(parameters, MACs) of the module for one picture of h×width."""
    raise NotImplementedError("costs first: parameters and MACs, by hand")


class Inception(nn.Module):
    """Four branches, side by side along the channels."""

    def __init__(self, in_channels, c1, reduce3, c3, reduce5, c5, pooled):
        super().__init__()
        self.branch1 = nn.Sequential(nn.Conv2d(in_channels, c1, 1), nn.ReLU())
        raise NotImplementedError("self.branch2, self.branch3, self.branch4")

    def forward(self, x):
        raise NotImplementedError("the four branches, side by side")
'''

HINTS = (
    "Which channels does the 3×3 see: those of x, or those that the 1×1 before it has left?",
    "Write down six convolutions as (C, O, K) and add up O·C·K² of all of them; the biases are all the O. A window of "
    "K keeps the size with padding K // 2. ops.concat lays tensors side by side along an axis.",
    "return ops.concat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], axis=1)",
)

SOLUTION = '''
from minidl import nn, ops


def costs(in_channels, c1, reduce3, c3, reduce5, c5, pooled, h, width):
    """(parameters, MACs) of the module for one picture of h×width."""
    weights = in_channels * (c1 + reduce3 + reduce5 + pooled)
    weights += 9 * reduce3 * c3 + 25 * reduce5 * c5
    biases = c1 + reduce3 + c3 + reduce5 + c5 + pooled
    return weights + biases, weights * h * width


class Inception(nn.Module):
    """Four branches, side by side along the channels."""

    def __init__(self, in_channels, c1, reduce3, c3, reduce5, c5, pooled):
        super().__init__()
        self.branch1 = nn.Sequential(nn.Conv2d(in_channels, c1, 1), nn.ReLU())
        self.branch2 = nn.Sequential(
            nn.Conv2d(in_channels, reduce3, 1), nn.ReLU(), nn.Conv2d(reduce3, c3, 3, padding=1), nn.ReLU()
        )
        self.branch3 = nn.Sequential(
            nn.Conv2d(in_channels, reduce5, 1), nn.ReLU(), nn.Conv2d(reduce5, c5, 5, padding=2), nn.ReLU()
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(in_channels, pooled, 1), nn.ReLU()
        )

    def forward(self, x):
        return ops.concat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], axis=1)
'''

WRONG = {
    "the biases are forgotten": ("weights + biases, ", "weights, "),
    "the large windows are counted on all channels of x, without the reduction": (
        "9 * reduce3 * c3 + 25 * reduce5 * c5",
        "9 * in_channels * c3 + 25 * in_channels * c5",
    ),
    "the 1×1 convolutions that reduce are forgotten": ("(c1 + reduce3 + reduce5 + pooled)", "(c1 + pooled)"),
    "the 1×1 behind the pooling is forgotten": ("(c1 + reduce3 + reduce5 + pooled)", "(c1 + reduce3 + reduce5)"),
    "FLOPs are counted, two for each MAC": ("weights * h * width", "2 * weights * h * width"),
    "a window of K is counted with K weights, not K²": (
        "9 * reduce3 * c3 + 25 * reduce5 * c5",
        "3 * reduce3 * c3 + 5 * reduce5 * c5",
    ),
    "the biases are counted as MACs": ("weights * h * width", "(weights + biases) * h * width"),
    "branch2 and branch3 are laid side by side in the other order": (
        "self.branch2(x), self.branch3(x)",
        "self.branch3(x), self.branch2(x)",
    ),
    "the pooling of branch4 is an average": (
        "nn.MaxPool2d(3, stride=1, padding=1)",
        "nn.AvgPool2d(3, stride=1, padding=1)",
    ),
    "the relu between the two convolutions of branch2 is missing": (
        "nn.Conv2d(in_channels, reduce3, 1), nn.ReLU(), ",
        "nn.Conv2d(in_channels, reduce3, 1), nn.Identity(), ",
    ),
    "branch4 has no relu": (
        "nn.Conv2d(in_channels, pooled, 1), nn.ReLU()",
        "nn.Conv2d(in_channels, pooled, 1), nn.Identity()",
    ),
    "branch4 pools behind its convolution, not before it": (
        "nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(in_channels, pooled, 1), nn.ReLU()",
        "nn.Identity(), nn.Conv2d(in_channels, pooled, 1), nn.MaxPool2d(3, stride=1, padding=1)",
    ),
}

CHECKS = {"costs": (), "Inception": ()}
KIND = "block"
BLOCK = "Inception"
CASES = (
    (
        {"in_channels": 2, "c1": 1, "reduce3": 2, "c3": 3, "reduce5": 1, "c5": 2, "pooled": 1},
        (1, 2, 4, 4),
    ),
    (
        {"in_channels": 3, "c1": 2, "reduce3": 3, "c3": 4, "reduce5": 2, "c5": 5, "pooled": 3},
        (2, 3, 5, 6),
    ),
)
