"""What completion shows: the names that a package offers, and nothing that it happens to import."""

import inspect
import subprocess
import sys

import pytest

from minidl import nn
from tests.looks import samples

PACKAGES = samples.packages()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_shows_what_it_offers(name):
    module = PACKAGES[name]
    shown = [one for one in dir(module) if not one.startswith("_")]
    assert shown == sorted(module.__all__)
    assert all(hasattr(module, one) for one in shown)
    offered = [one for one in shown if inspect.ismodule(getattr(module, one))]
    assert [one for one in offered if not getattr(module, one).__name__.startswith("minidl.")] == []


@pytest.mark.parametrize("name", [name for name, module in PACKAGES.items() if not hasattr(module, "__path__")])
def test_a_module_offers_all_public_functions_that_are_written_in_it(name):
    own = [it for it in vars(PACKAGES[name]).values() if inspect.isfunction(it) and it.__module__ == name]
    assert {it.__name__ for it in own if not it.__name__.startswith("_")} <= set(PACKAGES[name].__all__)


def test_names_are_offered_before_they_are_loaded():
    shown = "import minidl; print(*dir(minidl))"
    found = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout.split()
    assert {"nn", "gradcheck", "fuse", "__version__"} <= set(found)
    assert not {"np", "math", "tensor", "importlib"} & set(found)


def test_a_module_shows_its_layers_parameters_and_buffers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.scale = nn.Parameter([1.0])
            self.register_buffer("mean", None)

    assert {"conv", "scale", "mean", "forward", "parameters", "training"} <= set(dir(Net()))
    assert {"weight", "bias", "running_mean"} <= set(dir(nn.BatchNorm2d(3)))
    assert "0" not in dir(nn.Sequential(nn.ReLU()))
