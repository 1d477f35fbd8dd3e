"""PyTorch and its neighbours write checkpoints as people do, minidl finds the weights in them."""

import argparse
import collections
import copy
import datetime
import decimal
import enum
import functools
import pathlib
import random
import types
import uuid
import warnings

import numpy as np
import pytest

from minidl import weights

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
PROTOCOLS = pytest.mark.parametrize("protocol", [2, 3, 4, 5])


class Mode(enum.Enum):
    TRAIN = "train"
    TEST = 2


class Precision(enum.StrEnum):
    HALF = "16"


class Settings(dict):
    """A kind of dict, as many libraries have one."""


Point = collections.namedtuple("Point", "x y")


class Slotted:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 1


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(4, 2)
    )


def halved(epoch):
    return 0.5**epoch


def companions():
    """What training scripts have put beside their weights."""
    net = network()
    optimiser = torch.optim.AdamW(net.parameters())
    net[3](torch.ones(1, 4)).sum().backward()
    optimiser.step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such tensors are going out of use, but not out of files
        quantised = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    named = argparse.Namespace(lr=0.1, out=pathlib.Path("runs/1"), mode=Mode.TRAIN, device=torch.device("cpu"))
    return {
        "args": named,
        "modes": [Mode.TEST, Precision.HALF, {Mode.TRAIN: 1}],
        "simple": types.SimpleNamespace(a=1, b=[1, 2]),
        "counts": collections.Counter("abca"),
        "defaults": collections.defaultdict(list, {"a": [1]}),
        "nested defaults": collections.defaultdict(dict, {0.5: {(1, 2): None}}),
        "paths": [pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("b")],
        "sets": [{1, 2}, frozenset("ab"), set()],
        "queue": collections.deque([1, 2], maxlen=3),
        "bytes": [b"a", bytearray(b"b"), 1j, slice(1, 2), range(3)],
        "torch": [torch.device("cuda:0"), torch.float16, torch.Size([1, 2]), torch.float8_e4m3fn, torch.strided],
        "numpy": [np.arange(3), np.float32(1), np.dtype("f4"), np.float64, np.array(["a"]), np.array([None, {}])],
        "numpy too": [np.str_("a"), np.datetime64("2020-01-01"), np.zeros(2, [("a", "f4")]), np.ma.array([1, 2])],
        "random": [np.random.default_rng(0), np.random.RandomState(0), random.getstate(), random.Random(1)],
        "random of torch": torch.get_rng_state(),
        "times": [datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(1), datetime.date(2026, 1, 1)],
        "numbers": [decimal.Decimal("1.5"), uuid.UUID(int=3), 2**100, float("nan")],
        "partial": functools.partial(torch.nn.LayerNorm, eps=1e-6),
        "functions": [torch.nn.functional.relu, network],
        "objects": [Settings(a=1), Point(1, 2), Slotted()],
        "network": net,
        "optimiser": optimiser,
        "optimiser's state": optimiser.state_dict(),
        "schedule": torch.optim.lr_scheduler.LambdaLR(optimiser, halved).state_dict(),
        "schedule itself": torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, 10),
        "scaler": torch.amp.GradScaler("cpu").state_dict(),
        "sparse": torch.eye(2).to_sparse(),
        "complex": torch.ones(2, dtype=torch.complex64),
        "float8": torch.ones(2).to(torch.float8_e4m3fn),
        "quantised": quantised,
        "meta": torch.ones(2, device="meta"),
        "epoch": 3,
        "none": None,
    }


def same(found, net):
    state = net.state_dict()
    assert list(found) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], tensor.numpy(), strict=True)


@FORMATS
@PROTOCOLS
def test_companions_of_all_kinds(zipped, protocol, tmp_path):
    net = network()
    for name, value in companions().items():
        saved = {"state_dict": net.state_dict(), name: value}
        torch.save(saved, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
        loaded = weights.load(tmp_path / "a.pth")
        same(loaded, net)
        assert loaded.notes == ["took the entry 'state_dict'", f"left out {name!a}".replace("\\'", "'")], name
    torch.save(
        companions() | {"net": net.state_dict()},
        tmp_path / "a.pth",
        _use_new_zipfile_serialization=zipped,
        pickle_protocol=protocol,
    )
    same(weights.load(tmp_path / "a.pth"), net)


class Parallel(torch.nn.Module):
    """DataParallel and DistributedDataParallel keep the network under this name."""

    def __init__(self, module):
        super().__init__()
        self.module = module


def compiled(net):
    return torch.compile(net, backend="eager")


WRAPPED = {
    "parallel": Parallel,
    "data parallel": torch.nn.DataParallel,
    "compiled": compiled,
    "parallel, compiled": lambda net: compiled(Parallel(net)),
    "compiled, parallel": lambda net: Parallel(compiled(net)),
    "averaged": torch.optim.swa_utils.AveragedModel,
    "averaged of parallel": lambda net: torch.optim.swa_utils.AveragedModel(Parallel(net)),
    "averaged of compiled": lambda net: torch.optim.swa_utils.AveragedModel(compiled(net)),
    "compiled average": lambda net: compiled(torch.optim.swa_utils.AveragedModel(net)),
    "averaged with buffers": lambda net: torch.optim.swa_utils.AveragedModel(net, use_buffers=True),
}


@FORMATS
@pytest.mark.parametrize("wrapper", WRAPPED)
def test_wrappers(zipped, wrapper, tmp_path):
    from safetensors.torch import save_file

    net = network()
    state = WRAPPED[wrapper](copy.deepcopy(net)).state_dict()
    assert list(state) != list(net.state_dict())
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    same(weights.load(tmp_path / "a.pth"), net)
    torch.save({"net": state}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    same(weights.load(tmp_path / "a.pth"), net)
    save_file(state, tmp_path / "a.safetensors")
    np.savez(tmp_path / "a.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    for name in ("a.safetensors", "a.npz"):
        found = weights.load(tmp_path / name)
        same({key: found[key] for key in net.state_dict()}, net)
        assert len(found) == len(net.state_dict())


def test_a_part_that_is_compiled(tmp_path):
    net = network()
    whole = torch.nn.Sequential(compiled(net[0]), *net[1:])
    torch.save(whole.state_dict(), tmp_path / "a.pth")
    same(weights.load(tmp_path / "a.pth"), net)


@FORMATS
def test_moving_averages_as_timm_keeps_them(zipped, tmp_path):
    timm = pytest.importorskip("timm")
    net = network()
    average = timm.utils.ModelEmaV3(net, decay=0.5)
    with torch.no_grad():
        net[3].weight += 1
    average.update(net)
    saved = {"epoch": 3, "arch": "a", "args": argparse.Namespace(lr=1), "state_dict": net.state_dict()}
    saved |= {"state_dict_ema": average.module.state_dict()}
    torch.save(saved, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    loaded = weights.load(tmp_path / "a.pth")
    same(loaded, net)
    assert loaded.notes[0] == "took the entry 'state_dict', not 'state_dict_ema' (entry=… takes it)"
    same(weights.load(tmp_path / "a.pth", entry="state_dict_ema"), average.module)
    torch.save({"model_ema": average.state_dict()}, tmp_path / "b.pth", _use_new_zipfile_serialization=zipped)
    same(weights.load(tmp_path / "b.pth"), average.module)


def test_torchvisions_own_training_script(tmp_path):
    net = network()
    optimiser = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    checkpoint = {
        "model": net.state_dict(),
        "optimizer": optimiser.state_dict(),
        "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimiser, 30).state_dict(),
        "epoch": 3,
        "args": argparse.Namespace(data_path="/data", lr=0.1),
        "model_ema": torch.optim.swa_utils.AveragedModel(net).state_dict(),
        "scaler": torch.amp.GradScaler("cpu").state_dict(),
    }
    torch.save(checkpoint, tmp_path / "a.pth")
    same(weights.load(tmp_path / "a.pth"), net)
    same(weights.load(tmp_path / "a.pth", entry="model_ema"), net)
