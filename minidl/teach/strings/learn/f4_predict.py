"""Step f4: predict, then run."""

TITLE = "Predict what a network costs"

TASK = """
Before a network runs, know what it costs. Replace each None: the shape of the
output as (C, H, W), the parameters, the MACs (a bias adds none), the memory of
the output in float32 in bytes, and the receptive field in pixels.

The input is (3, 64, 64), one picture. Layer 2 has two groups and no bias,
layer 3 a dilation of 2; `//` rounds down. More of this, with any network of
minidl's or one of your own: minidl learn predict resnet18.
"""

PICTURE = """
    0  Conv2d(3, 16, 7, stride=2, padding=3)
    1  MaxPool2d(3, stride=2)
    2  Conv2d(16, 32, 3, padding=1, groups=2, bias=False)
    3  Conv2d(32, 8, 3, dilation=2)
    4  Flatten()
    5  Linear(8·11·11, 10)
"""

FORMULA = """
    OH = (H + 2·p - d·(K - 1) - 1) // s + 1       numbers · 4 bytes
    parameters  O · C/G · KH · KW + O             MACs  weights · OH · OW
    field = field before + d·(K - 1) · jump       jump: the strides before
"""

SKELETON = """
PREDICTIONS = {
    "0": {
        "output": None, "parameters": None, "MACs": None,
        "memory": None, "field": None,
    },
    "1": {
        "output": None,
        "memory": None, "field": None,
    },
    "2": {
        "output": None, "parameters": None, "MACs": None,
        "memory": None, "field": None,
    },
    "3": {
        "output": None, "parameters": None, "MACs": None,
        "memory": None, "field": None,
    },
    "5": {"parameters": None, "MACs": None},
}
"""

HINTS = (
    "How many windows of 7 pixels begin in 64 + 3 + 3 of them, two apart?",
    "Every weight is used once for each place of the result; that gives the MACs. The field grows by K - 1 jumps; "
    "the jump is the product of the strides of all layers before, not of this one.",
    '"0": (16, 32, 32), 16·3·7·7 + 16, 16·3·7·7 · 32·32, 16·32·32 · 4, 7;   "1" begins with (16, 15, 15)',
)

SOLUTION = """
PREDICTIONS = {
    "0": {
        "output": (16, 32, 32), "parameters": 2368, "MACs": 2408448,
        "memory": 65536, "field": 7,
    },
    "1": {
        "output": (16, 15, 15),
        "memory": 14400, "field": 11,
    },
    "2": {
        "output": (32, 15, 15), "parameters": 2304, "MACs": 518400,
        "memory": 28800, "field": 19,
    },
    "3": {
        "output": (8, 11, 11), "parameters": 2312, "MACs": 278784,
        "memory": 3872, "field": 35,
    },
    "5": {"parameters": 9690, "MACs": 9680},
}
"""

WRONG = {
    "the division is rounded up; // rounds down": ("(16, 15, 15)", "(16, 16, 16)"),
    "the bias is forgotten": ("2368", "2352"),
    "FLOPs are counted, two for each MAC": ("2408448", "4816896"),
    "the numbers are counted, not their bytes": ("65536", "16384"),
    "the groups are forgotten": ("2304", "4608"),
    "a bias is counted; there is none": ("2304", "2336"),
    "the dilation is forgotten": ("(8, 11, 11)", "(8, 13, 13)"),
    "the stride of this layer is in the jump; it counts for the layers behind": ('"field": 11', '"field": 15'),
    "the strides before are forgotten (jump 1)": ('"field": 35', '"field": 23'),
    "the map is not flattened: the channels alone are counted": ("9690", "90"),
}

CHECKS = {"PREDICTIONS": ()}
KIND = "prediction"
KERNELS = ()
NETWORK = (
    "nn.Sequential(nn.Conv2d(3, 16, 7, stride=2, padding=3), nn.MaxPool2d(3, stride=2), "
    "nn.Conv2d(16, 32, 3, padding=1, groups=2, bias=False), nn.Conv2d(32, 8, 3, dilation=2), nn.Flatten(), "
    "nn.Linear(8 * 11 * 11, 10))"
)
SIZE = (3, 64, 64)
