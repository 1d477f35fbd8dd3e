"""Step f1: a residual block."""

TITLE = "A residual block, and what it costs"

TASK = """
The basic block of ResNet: two 3×3 convolutions, each with a batch norm, and x
added to what comes out. Where the shape changes, x goes through a 1×1
convolution with the same stride and a batch norm first (`down`).

Costs first: `costs` returns what the block will cost for one picture of h×w,
(parameters, MACs), worked out by you. A batch norm has two parameters a
channel and no MACs; convolutions before it have no bias. Then write the block,
with the names of the skeleton. relu stands behind bn1, and behind the sum.
"""

PICTURE = """
    x ──┬── conv1 3×3, stride ── bn1 ── relu ── conv2 3×3 ── bn2 ── + ── relu
        └───────────── down: 1×1, stride, bn (if needed) ───────────┘
"""

FORMULA = """
    y = relu(bn2(conv2(relu(bn1(conv1(x))))) + down(x))
    a convolution:  O·C·KH·KW parameters,  O·C·KH·KW·OH·OW MACs
"""

SKELETON = '''
from minidl import nn, ops


def costs(in_channels, out_channels, stride, h, width):
    """(parameters, MACs) of the block for one picture of h×width."""
    raise NotImplementedError("costs first: parameters and MACs, by hand")


class Residual(nn.Module):
    """relu(bn2(conv2(relu(bn1(conv1(x))))) + down(x))."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, ...)
        raise NotImplementedError("self.bn1, self.conv2, self.bn2, self.down")

    def forward(self, x):
        raise NotImplementedError("two convolutions, and x added")
'''

HINTS = (
    "How many weights has one 3×3 convolution, and how often is each of them used in one picture of the result?",
    "OH = (h - 1) // stride + 1 with a 3×3 and padding 1, and the same for the 1×1 without padding. `down` is an "
    "nn.Sequential(conv, bn), or nn.Identity() where neither channels nor size change.",
    "return ops.relu(self.bn2(self.conv2(ops.relu(self.bn1(self.conv1(x))))) + self.down(x))",
)

SOLUTION = '''
from minidl import nn, ops


def costs(in_channels, out_channels, stride, h, width):
    """(parameters, MACs) of the block for one picture of h×width."""
    weights = 9 * in_channels * out_channels + 9 * out_channels * out_channels
    norms = 2 * 2 * out_channels
    if stride != 1 or in_channels != out_channels:
        weights += in_channels * out_channels
        norms += 2 * out_channels
    places = ((h - 1) // stride + 1) * ((width - 1) // stride + 1)
    return weights + norms, weights * places


class Residual(nn.Module):
    """relu(bn2(conv2(relu(bn1(conv1(x))))) + down(x))."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.down = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            conv = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.down = nn.Sequential(conv, nn.BatchNorm2d(out_channels))

    def forward(self, x):
        y = ops.relu(self.bn1(self.conv1(x)))
        return ops.relu(self.bn2(self.conv2(y)) + self.down(x))
'''

WRONG = {
    "the parameters of the batch norms are forgotten": ("weights + norms, ", "weights, "),
    "running mean and variance are counted as parameters: they are not learnt": (
        "weights + norms, ",
        "weights + 2 * norms, ",
    ),
    "the shortcut is forgotten in the costs": (
        "        weights += in_channels * out_channels\n        norms += 2 * out_channels\n",
        "        pass\n",
    ),
    "the convolutions are counted with a bias, which the batch norm behind them makes useless": (
        "weights + norms, weights * places",
        "weights + norms + norms // 2, weights * places",
    ),
    "FLOPs are counted, two for each MAC": ("weights * places", "2 * weights * places"),
    "the MACs are those of the picture before the stride": (
        "((h - 1) // stride + 1) * ((width - 1) // stride + 1)",
        "h * width",
    ),
    "x is not added": ("+ self.down(x))", "+ 0 * self.down(x))"),
    "relu stands before the sum, not behind it": (
        "return ops.relu(self.bn2(self.conv2(y)) + self.down(x))",
        "return ops.relu(self.bn2(self.conv2(y))) + self.down(x)",
    ),
    "the last relu is missing": (
        "return ops.relu(self.bn2(self.conv2(y)) + self.down(x))",
        "return self.bn2(self.conv2(y)) + self.down(x)",
    ),
    "the relu behind bn1 is missing": ("y = ops.relu(self.bn1(self.conv1(x)))", "y = self.bn1(self.conv1(x))"),
    "the batch norms are exchanged": ("self.bn1(", "self.bn2("),
    "the batch norm of the shortcut is missing": (
        "self.down = nn.Sequential(conv, nn.BatchNorm2d(out_channels))",
        "self.down = nn.Sequential(conv)",
    ),
    "a convolution before a batch norm has a bias": ("3, padding=1, bias=False)", "3, padding=1)"),
}

CHECKS = {"costs": (), "Residual": ()}
KIND = "block"
BLOCK = "Residual"
CASES = (
    ({"in_channels": 2, "out_channels": 2, "stride": 1}, (2, 2, 3, 4)),
    ({"in_channels": 2, "out_channels": 3, "stride": 1}, (2, 2, 4, 3)),
    ({"in_channels": 2, "out_channels": 4, "stride": 2}, (2, 2, 5, 6)),
)
