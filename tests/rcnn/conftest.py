"""Pictures on which rectangles lie, and a network that sees 6 × 6 patches of colour."""

import numpy as np
import pytest
from PIL import Image

from minidl import models, nn, ops, rcnn, weights
from minidl.models._family import Network, Paper, Variant, build
from minidl.models._registry import ENTRIES, Entry
from tests.data_sets.boxes.makers import voc
from tests.training import tiny

COLOURS = {"cat": (230, 40, 30), "dog": (20, 200, 60)}
BOXES = {  # x1, y1, x2, y2, class
    "a": [(0, 0, 40, 30, "cat"), (41, 30, 79, 58, "dog")],
    "b": [(5, 6, 30, 46, "dog")],
    "c": [(40, 10, 78, 40, "cat")],
    "d": [(10, 10, 50, 45, "cat"), (52, 2, 78, 30, "dog")],
    "e": [(2, 20, 40, 58, "dog"), (45, 5, 79, 30, "cat")],
    "f": [],
}
HOW = {"model": "patches", "size": 24, "context": 4}
MOST = 300


class Patches(Network):
    def __init__(self, *, num_classes=3, in_channels=3, rng=None):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 3, 1, rng=rng)
        self.fc = nn.Linear(108, num_classes, rng=rng)

    def forward(self, x):
        return self.fc(ops.flatten(ops.adaptive_avg_pool2d(self.conv(x), 6)))


VARIANTS = {"patches": Variant(Patches, Paper("Patches", 2020, "none"), {}, input_size=24, smallest=6, num_classes=3)}


def register(setitem):
    """Make `get_model` know both networks."""
    tiny.register(setitem)
    entry = Entry("patches", lambda **settings: build(VARIANTS, "patches", settings), VARIANTS["patches"])
    setitem(ENTRIES, "patches", entry)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Four pictures to learn from, one to validate with and two to test with, one of them empty."""
    folder, rng = voc(tmp_path_factory.mktemp("rcnn") / "set", BOXES), np.random.default_rng(0)
    for name, boxes in BOXES.items():
        pixels = rng.integers(90, 120, (60, 80, 3), dtype=np.uint8)
        for x1, y1, x2, y2, kind in boxes:
            pixels[y1:y2, x1:x2] = COLOURS[kind]
        Image.fromarray(pixels).save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
    for part, names in (("train", "abcd"), ("val", "e"), ("test", "ef")):
        (folder / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names))
    return folder


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIDL_TRACEBACK", raising=False)
    register(monkeypatch.setitem)


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory):
    """A file with the weights of the network: random ones."""
    with pytest.MonkeyPatch.context() as patch:
        register(patch.setitem)
        net = models.get_model("patches", rng=np.random.default_rng(0))
        file = tmp_path_factory.mktemp("weights") / "patches.safetensors"
        weights.save(file, net.state_dict(), model="patches")
    return file


@pytest.fixture(scope="session")
def whole(data, weights_file, tmp_path_factory):
    """A folder with all stages but fine-tuning and evaluation, to be copied."""
    run = tmp_path_factory.mktemp("rcnn") / "run"
    with pytest.MonkeyPatch.context() as patch:
        register(patch.setitem)
        rcnn.propose(data, run, method="grid", most=MOST)
        rcnn.make_features(run, rcnn.Look(weights=weights_file, **HOW), workers=0)
        rcnn.train_svm(run, c=1.0)
        rcnn.train_boxes(run, strength=1.0)
    return run
