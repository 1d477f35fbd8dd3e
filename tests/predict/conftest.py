"""A run on picture files that takes a blink."""

import numpy as np
import pytest
from PIL import Image

from minidl import training
from tests.training import tiny

NAMES = ("cat", "dog", "emu")
COLOURS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))


def picture_folders(folder, size=(14, 18), n=9):
    """Write train/ and val/ with n pictures a class, each of its class's colour and much noise."""
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for name, colour in zip(NAMES, COLOURS):
            (folder / part / name).mkdir(parents=True)
            for i in range(n):
                pixels = np.clip(rng.normal(colour, 60, (*size, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def registered():
    """`get_model("tiny")`, for the whole session of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.register(patch.setitem)
        yield


@pytest.fixture(scope="session")
def pets(tmp_path_factory):
    return picture_folders(tmp_path_factory.mktemp("pets"))


@pytest.fixture(scope="session")
def make_run(registered, pets, tmp_path_factory):
    """Train on the pets, or other pictures, with other settings, and return the run folder."""

    def make(data=pets, **settings):
        out = tmp_path_factory.mktemp("runs") / "run"
        settings = {"model": "tiny", "batch_size": 9, "epochs": 2, "lr": 0.05, "data": str(data)} | settings
        return training.train(training.Config(**settings), out=out).run.path

    return make


@pytest.fixture(scope="session")
def run(make_run):
    """A run whose preparation is nothing like ImageNet's."""
    steps = [{"name": "resize", "size": 12}, {"name": "center_crop", "size": 10}, {"name": "normalize"}]
    return make_run(transforms=steps, test_transforms=steps)
