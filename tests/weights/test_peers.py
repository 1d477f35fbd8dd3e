"""PyTorch writes, minidl reads: all that a state_dict may be, in both formats."""

import collections
import warnings
import zipfile

import numpy as np
import pytest

from minidl import weights

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])


def as_array(tensor) -> np.ndarray:
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def compare(state, value, path, *, zipped=True, **settings) -> dict[str, np.ndarray]:
    """Save `value` by PyTorch and expect the tensors of `state`."""
    torch.save(value, path, _use_new_zipfile_serialization=zipped, **settings)
    found = weights.load(path)
    assert list(found) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], as_array(tensor), strict=True)
    return found


def tensors() -> dict:
    torch.manual_seed(0)
    base = torch.randn(4, 3, 5)
    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16]
    kinds += [torch.int8, torch.uint8, torch.bool]
    state = {str(kind): (torch.randn(3, 2) * 50).abs().to(kind) for kind in kinds}
    return state | {
        "base": base,
        "transposed": base.permute(2, 0, 1),
        "every second": base[:, :, 1::2],
        "row": base[2],
        "one": base[1, 2, 3],
        "expanded": torch.arange(3.0).expand(4, 3),
        "channels last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "diagonal": torch.randn(4, 4).diagonal(),
        "empty": torch.empty(0, 3),
        "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "frozen": torch.nn.Parameter(torch.randn(2), requires_grad=False),
        "bfloat16 view": torch.randn(6).bfloat16()[1::2],
    }


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, bias=False)
        self.bn = torch.nn.BatchNorm2d(8)
        self.head = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8, 4))
        self.head[1].weight = torch.nn.Parameter(torch.randn(4, 8).half())
        self.scale = torch.nn.Buffer(torch.ones(2))


@FORMATS
def test_all_tensors(zipped, tmp_path):
    state = tensors()
    found = compare(state, state, tmp_path / "w.pth", zipped=zipped)
    assert np.shares_memory(found["base"], found["row"])


@FORMATS
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol(zipped, protocol, tmp_path):
    state = tensors()
    compare(state, state, tmp_path / "w.pth", zipped=zipped, pickle_protocol=protocol)


@FORMATS
def test_a_networks_state_dict(zipped, tmp_path):
    state = Net().state_dict()
    assert hasattr(state, "_metadata")
    compare(state, state, tmp_path / "w.pth", zipped=zipped)


@FORMATS
def test_a_training_checkpoint(zipped, tmp_path):
    net = Net().float()
    optimizer = torch.optim.Adam(net.parameters())
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    parallel = collections.OrderedDict((f"module.{name}", tensor) for name, tensor in net.state_dict().items())
    for wrapper in ("state_dict", "model_state_dict", "model"):
        checkpoint = {
            "epoch": 3,
            "best": torch.tensor(0.7),
            "score": np.float64(0.5),
            wrapper: parallel,
            "optimizer": optimizer.state_dict(),
            "scheduler": {
                key: value for key, value in schedule.state_dict().items() if isinstance(value, (int, float))
            },
            "size": torch.Size([3, 224, 224]),
            "dtype": torch.float32,
        }
        compare(net.state_dict(), checkpoint, tmp_path / "w.pth", zipped=zipped)


@FORMATS
def test_shared_weights(zipped, tmp_path):
    net = Net()
    state = {"a": net.conv.weight, "b": net.conv.weight, "c": net.conv.weight.detach()}
    found = compare(state, state, tmp_path / "w.pth", zipped=zipped)
    assert np.shares_memory(found["a"], found["b"])
    assert np.shares_memory(found["a"], found["c"])


@FORMATS
def test_tensors_with_attributes(zipped, tmp_path):
    state = {"a": torch.ones(2), "b": torch.nn.Parameter(torch.ones(3))}
    state["a"].note = "text"
    state["b"].note = 3
    compare(state, state, tmp_path / "w.pth", zipped=zipped)


@FORMATS
def test_unsigned_types(zipped, tmp_path):
    state = {str(kind): torch.arange(5).to(kind)[1:] for kind in (torch.uint16, torch.uint32, torch.uint64)}
    compare(state, state, tmp_path / "w.pth", zipped=zipped)


def test_big_endian(tmp_path):
    """The zip format says which byte order it has; here a little-endian file is made into the other."""
    state = {"a": torch.arange(3.0), "b": torch.arange(4), "c": torch.ones(2, dtype=torch.bfloat16)}
    torch.save(swapped(state), tmp_path / "w.pth")
    with zipfile.ZipFile(tmp_path / "w.pth") as old, zipfile.ZipFile(tmp_path / "big.pth", "w") as new:
        for member in old.infolist():
            new.writestr(member, b"big" if member.filename.endswith("/byteorder") else old.read(member))
    found, peer = weights.load(tmp_path / "big.pth"), torch.load(tmp_path / "big.pth")
    for name, tensor in state.items():
        np.testing.assert_array_equal(found[name], as_array(tensor), strict=True)
        np.testing.assert_array_equal(found[name], as_array(peer[name]), strict=True)


def swapped(state: dict) -> dict:
    """The same tensors with the bytes of each element reversed."""
    return {
        name: tensor.view(torch.uint8)
        .reshape(tensor.numel(), -1)
        .flip(1)
        .contiguous()
        .view(tensor.dtype)
        .reshape(tensor.shape)
        for name, tensor in state.items()
    }


@FORMATS
def test_what_is_not_weights_is_named(zipped, tmp_path):
    path = tmp_path / "w.pth"
    cases = [
        (Net(), r"this file holds an object of .*Net, expected a state_dict: torch.save\(net.state_dict\(\), path\)"),
        ({"a": torch.eye(2).to_sparse()}, r"the entry 'a' is an object of torch\._utils\._rebuild_sparse_tensor"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, r"the entry 'a' has the type complex64, expected one of float64"),
        ({"a": torch.ones(2).to(torch.float8_e4m3fn)}, r"the entry 'a' has the type float8_e4m3fn"),
        ([torch.ones(2)], "this file holds a list, expected a state_dict"),
        (torch.ones(2), "this file holds a tensor, expected a state_dict"),
        ({"a": torch.ones(2).untyped_storage()}, "the entry 'a' is a tuple, not a tensor"),
    ]
    for value, words in cases:
        torch.save(value, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(ValueError, match=words):
            weights.load(path)


def test_torchscript_is_named(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), tmp_path / "w.pt")
    with pytest.raises(ValueError, match="this archive is a TorchScript program, expected weights"):
        weights.load(tmp_path / "w.pt")


def test_the_demo_weights(tmp_path):
    path = weights.demo_path("efficientnet_lite0")
    found, peer = weights.load(path), torch.load(path, weights_only=True)
    assert list(found) == list(peer)
    for name, tensor in peer.items():
        np.testing.assert_array_equal(found[name], as_array(tensor), strict=True)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.bool])
def test_safetensors_of_pytorch(kind, tmp_path):
    from safetensors.torch import save_file

    state = {"w": (torch.randn(4, 3) * 3).to(kind)}
    save_file(state, tmp_path / "w.safetensors", metadata={"format": "pt"})
    np.testing.assert_array_equal(weights.load(tmp_path / "w.safetensors")["w"], as_array(state["w"]), strict=True)


def test_our_safetensors_in_pytorch(tmp_path):
    from safetensors.torch import load_file

    state = {name: as_array(tensor) for name, tensor in tensors().items()}
    weights.save(tmp_path / "w.safetensors", state)
    for name, tensor in load_file(tmp_path / "w.safetensors").items():
        np.testing.assert_array_equal(as_array(tensor), state[name], strict=True)
