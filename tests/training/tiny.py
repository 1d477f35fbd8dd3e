"""A network so small that a step takes a millisecond, with all that makes resuming hard: batch norm and dropout."""

import numpy as np

from minidl import nn, ops
from minidl.data import Pictures
from minidl.models._family import Network, Paper, Variant, build
from minidl.models._registry import ENTRIES, Entry


class Tiny(Network):
    def __init__(self, *, num_classes=3, in_channels=1, rng=None):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 4, 3, rng=rng)
        self.bn = nn.BatchNorm2d(4, activation="relu")
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(4, num_classes, rng=rng)

    def forward(self, x):
        self.check_pictures(x)
        return self.fc(self.dropout(ops.global_avg_pool2d(self.bn(self.conv(x)))))


VARIANTS = {"tiny": Variant(Tiny, Paper("Tiny", 2020, "none"), {}, input_size=8, smallest=3, num_classes=3)}


def register(setitem):
    """Make `get_model("tiny")` work; a test gives monkeypatch's `setitem`, and the network leaves with the test."""
    entry = Entry("tiny", lambda **settings: build(VARIANTS, "tiny", settings), VARIANTS["tiny"])
    setitem(ENTRIES, "tiny", entry)


def parts():
    """(training, validation): 37 and 9 pictures of noise, brighter for higher classes."""
    rng = np.random.default_rng(0)
    labels = np.arange(46) % 3
    x = rng.random((46, 1, 8, 8), dtype=np.float32) + labels[:, None, None, None].astype("float32") / 2
    names = ("low", "middle", "high")
    return Pictures(x[:37], labels[:37], names), Pictures(x[37:], labels[37:], names)


SETTINGS = {
    "model": "tiny",
    "batch_size": 8,
    "optimizer": "adam",
    "lr": 0.01,
    "transforms": [{"name": "shift", "pixels": 1}, {"name": "flip"}, {"name": "cutout", "size": 2}],
    "test_transforms": [],
    "mixup": 0.4,
    "label_smoothing": 0.1,
    "clip_norm": 2.0,
    "accumulate": 2,
}
