"""Modules go through `copy` and `pickle`: every layer, a network of every family, and folded ones."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, no_grad, ops, optim
from minidl._backend import FLOATS
from minidl.models._registry import ENTRIES
from minidl.proof.layers import LAYERS
from tests.models.narrow import narrow

DEEP = {"deepcopy": copy.deepcopy, "pickle": lambda it: pickle.loads(pickle.dumps(it))}
ALL = {"copy": copy.copy, **DEEP}
LAYER_CASES = [pytest.param(case, id=f"{name}-{case.name}") for name, cases in LAYERS.items() for case in cases]
FAMILIES = {entry.variant.paper.family: name for name, entry in reversed(ENTRIES.items())}


def order(array):
    """Strides along the axes that have some."""
    return [stride for n, stride in zip(array.shape, array.strides, strict=True) if n > 1]


def first_of(result):
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("copied", ALL.values(), ids=ALL)
@pytest.mark.parametrize("case", LAYER_CASES)
def test_every_layer(case, copied, rng):
    layer = case.build()
    inputs = [Tensor(it.astype("float32")) if it.dtype in FLOATS else it for it in case.draw(rng)]
    for parameter in layer.parameters():
        parameter.grad = rng.standard_normal(parameter.shape).astype("float32")
    twin = copied(layer)
    assert type(twin) is type(layer)
    assert repr(twin) == repr(layer)
    assert [it.training for it in twin.modules()] == [it.training for it in layer.modules()]
    for (name, a), (other, b) in zip(twin.named_parameters(), layer.named_parameters(), strict=True):
        assert (name, a.requires_grad, type(a)) == (other, b.requires_grad, type(b))
        assert (a is b) == (copied is copy.copy)
        np.testing.assert_array_equal(a.grad, b.grad)
        assert order(a.data) == order(b.data)
    minidl.manual_seed(0)
    y = first_of(layer(*inputs)).data
    minidl.manual_seed(0)
    np.testing.assert_array_equal(first_of(twin(*inputs)).data, y)


@pytest.mark.parametrize("copied", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_of_every_family_and_its_folded_form(family, copied, rng):
    net = narrow(FAMILIES[family], rng).eval()
    x = Tensor(rng.standard_normal((1, net.in_channels, net.smallest, net.smallest)))
    for model in (net, minidl.fuse(net, net.smallest)):
        twin = copied(model)
        with no_grad():
            y = model(x).data
            np.testing.assert_array_equal(twin(x).data, y)
            for (name, a), (other, b) in zip(twin.named_buffers(), model.named_buffers(), strict=True):
                assert name == other
                assert a is not b
            for a, b in zip(twin.parameters(), model.parameters(), strict=True):
                assert not np.shares_memory(a.data, b.data)
                a.data = np.zeros_like(a.data)
            np.testing.assert_array_equal(model(x).data, y)
        again = copied(twin)  # a copy of a copy
        with no_grad():
            np.testing.assert_array_equal(again(x).data, twin(x).data)
        assert copy.copy(model)(x.detach()).shape == y.shape


@pytest.mark.parametrize("copied", DEEP.values(), ids=DEEP)
def test_what_is_shared_stays_shared(copied):
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    net.append(net[0])
    twin = copied(net)
    assert twin[1].weight is twin[0].weight
    assert twin[2] is twin[0] is not net[0]
    twin(Tensor([[1.0, 2.0]])).backward(np.ones((1, 2), "float32"))
    optim.SGD(twin.parameters(), lr=0.1).step()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_shallow_copy_is_a_module_of_its_own_with_the_same_parts():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    twin = copy.copy(net)
    assert twin[0] is net[0]
    twin[0] = nn.ReLU()
    twin.append(nn.Tanh())
    twin.register_buffer("seen", np.ones(1), persistent=False)
    twin.training = False
    assert (len(net), len(twin), net.training) == (2, 3, True)
    assert isinstance(net[0], nn.Linear)
    assert not list(net.named_buffers(recurse=False))
    assert list(net.state_dict())[:2] == ["0.weight", "0.bias"]


class Keeping(nn.Module):
    """Keeps a result, as those do who want to look at it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.kept = None

    def forward(self, x):
        self.kept = self.fc(x)
        return ops.relu(self.kept)


def test_a_kept_result_with_a_graph_is_told_of_in_a_line():
    net, x = Keeping(), Tensor([[1.0, 2.0]])
    net(x)
    for copied in DEEP.values():
        with pytest.raises(RuntimeError, match=r"^copy: a tensor with a graph .* of linear, .*detach\(\)$"):
            copied(net)
    assert copy.copy(net).kept is net.kept
    with no_grad():
        net(x)
    for copied in DEEP.values():
        np.testing.assert_array_equal(copied(net).kept.data, net.kept.data)
