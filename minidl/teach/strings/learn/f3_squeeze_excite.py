"""Step f3: squeeze-and-excitation."""

TITLE = "Squeeze-and-excitation, and what it costs"

TASK = """
Each map is squeezed into its mean; two small linear layers turn the C means
into C numbers between 0 and 1, and each map is multiplied with its own. So a
network can turn maps up and down by what is in the picture.

Costs first: `costs` returns (parameters, MACs) for one picture of h×w, worked
out by you; both layers have a bias, and the narrow place has C // reduction
numbers. The means and the multiplication of the maps are no MACs of a
convolution or a product. Then write the block, with the skeleton's names.
"""

PICTURE = """
    x (N, C, H, W) ──┬── mean of each map ── fc1 ── relu ── fc2 ── sigmoid ── s
                     └──────────────────────────────────────────── × ── y
"""

FORMULA = """
    s = sigmoid(fc2(relu(fc1(mean(x)))))          (N, C)
    y[n, c] = x[n, c] · s[n, c]
"""

SKELETON = '''
from minidl import nn, ops


def costs(channels, reduction, h, width):
    """(parameters, MACs) of the block for one picture of h×width."""
    raise NotImplementedError("costs first: parameters and MACs, by hand")


class SqueezeExcite(nn.Module):
    """x, each map times a number between 0 and 1."""

    def __init__(self, channels, reduction):
        super().__init__()
        raise NotImplementedError("self.fc1 and self.fc2, of nn.Linear")

    def forward(self, x):
        raise NotImplementedError("squeeze, excite, scale")
'''

HINTS = (
    "The linear layers see one vector for each picture. Does the size of the picture play a part in their MACs?",
    "ops.global_avg_pool2d(x) is (N, C), and ops.scale_channels(x, s) multiplies each map with its number. The layers "
    "go from C to C // reduction and back.",
    "s = ops.sigmoid(self.fc2(ops.relu(self.fc1(ops.global_avg_pool2d(x)))))",
)

SOLUTION = '''
from minidl import nn, ops


def costs(channels, reduction, h, width):
    """(parameters, MACs) of the block for one picture of h×width."""
    narrow = channels // reduction
    weights = 2 * channels * narrow
    return weights + narrow + channels, weights


class SqueezeExcite(nn.Module):
    """x, each map times a number between 0 and 1."""

    def __init__(self, channels, reduction):
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)

    def forward(self, x):
        s = ops.sigmoid(self.fc2(ops.relu(self.fc1(ops.global_avg_pool2d(x)))))
        return ops.scale_channels(x, s)
'''

WRONG = {
    "the biases are forgotten": ("weights + narrow + channels, ", "weights, "),
    "both biases are counted with C numbers": ("weights + narrow + channels, ", "weights + 2 * channels, "),
    "the MACs are multiplied with the places of the picture: the layers see one vector": (
        "channels, weights",
        "channels, weights * h * width",
    ),
    "the multiplication of the maps is counted as MACs": (
        "channels, weights",
        "channels, weights + channels * h * width",
    ),
    "FLOPs are counted, two for each MAC": ("channels, weights", "channels, 2 * weights"),
    "only one of the two layers is counted": ("weights = 2 * channels * narrow", "weights = channels * narrow"),
    "the relu between the layers is missing": (
        "ops.relu(self.fc1(ops.global_avg_pool2d(x)))",
        "self.fc1(ops.global_avg_pool2d(x))",
    ),
    "relu and sigmoid are exchanged": (
        "ops.sigmoid(self.fc2(ops.relu(",
        "ops.relu(self.fc2(ops.sigmoid(",
    ),
    "the sigmoid is missing": ("ops.sigmoid(self.fc2(", "(self.fc2("),
    "s is added, not multiplied": ("ops.scale_channels(x, s)", "x + s.reshape(*s.shape, 1, 1)"),
    "x is added once more, as in a residual block": ("ops.scale_channels(x, s)", "ops.scale_channels(x, s) + x"),
    "the largest number of a map is taken, not its mean": (
        "ops.global_avg_pool2d(x)",
        "ops.max(x, axis=(2, 3))",
    ),
}

CHECKS = {"costs": (), "SqueezeExcite": ()}
KIND = "block"
BLOCK = "SqueezeExcite"
CASES = (
    ({"channels": 2, "reduction": 1}, (1, 2, 2, 2)),
    ({"channels": 6, "reduction": 2}, (3, 6, 3, 4)),
)
