"""What the engine says about which numbers belong together: the cells that must light up.

Nothing here knows a formula. A picture whose pixels are their own numbers goes through the engine's im2col, and what
comes out tells where each entry was copied from; what a result depends on is where the engine's gradient is not 0.
"""

import numpy as np

from minidl import Tensor, ops
from minidl.teach.explorer.settings import OPERATIONS

CONVOLUTIONS = ("conv", "depthwise", "conv-transpose")


def sources(shape, s, out):
    """Return for each entry of the columns (rows, windows) the pixel that it was copied from, or -1 for the border.

    Of a transposed convolution with a wide output padding im2col sees more windows than the small picture has: the
    first ones are meant.
    """
    codes = np.arange(1.0, np.prod(shape) + 1).reshape(1, *shape)
    geometry = {one: tuple(s[one]) for one in ("stride", "dilation")} | {"padding": tuple(map(tuple, s["padding"]))}
    cols = ops.im2col(Tensor(codes), tuple(s["kernel"]), **geometry).numpy()[0] - 1
    weights = Tensor(np.ones((1, 1, *s["kernel"])))
    rows, columns = ops.conv2d(Tensor(np.ones((1, 1, *shape[1:]))), weights, **geometry).shape[2:]
    kept = cols.reshape(len(cols), rows, columns)[:, : out[0], : out[1]]
    return kept.reshape(len(cols), -1).astype(int)


def slopes(scene, flat, ones=False):
    """Return the operands that a result depends on: where its gradient is not 0."""
    batched = scene.op in ("batch-norm", "softmax-cross-entropy")
    tensors = {}
    for name, array in scene.numbers.items():
        if name in ("dy", "labels"):
            continue
        array = np.ones_like(array) if ones else array
        tensors[name] = Tensor(array if batched or name != "x" else array[None], requires_grad=True)
    if "labels" in scene.numbers:
        tensors["labels"] = Tensor(scene.numbers["labels"])
    y = OPERATIONS[scene.op].call(tensors, scene.settings)
    dy = np.zeros(y.shape)
    dy.reshape(-1)[flat] = 1
    y.backward(dy)
    return {name: set(np.flatnonzero(t.grad)) for name, t in tensors.items() if name != "labels"}


class Tie:
    """What ties the two pictures of a convolution: groups, rows of the columns, windows, the source of each entry."""

    def __init__(self, scene):
        s = scene.settings
        of = {"x": scene.numbers["x"].shape, "y": scene.engine["y"].shape}
        big, small = ("y", "x") if scene.op == "conv-transpose" else ("x", "y")
        self.groups = s["groups"] if "groups" in s else s["input"][0]
        self.big, self.small = of[big], of[small]
        self.windows = int(np.prod(self.small[1:]))
        self.from_ = sources(self.big, s, self.small[1:])
        self.rows = len(self.from_) // self.groups
        self.each = self.small[0] // self.groups

    def split(self, o):
        """The rows of the columns that belong to the group of a channel of the small picture."""
        group = o // self.each
        return range(group * self.rows, (group + 1) * self.rows)

    def entry(self, row, p):
        """The index of an entry of the columns."""
        return row * self.windows + p

    def windows_of(self, entries):
        """The cells of the small picture whose windows hold these entries, in all channels of their groups."""
        return {o * self.windows + p for row, p in entries for o in range(self.small[0]) if row in self.split(o)}
