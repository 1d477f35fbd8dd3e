"""Squeeze-and-excitation becomes one layer of a folded network, where it is a plain one, and gives the same."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, no_grad
from minidl.folding._layers import FoldedSqueezeExcitation
from tests.contract import assert_close

KINDS = [("relu", "sigmoid"), ("silu", "sigmoid"), ("hardswish", "hardsigmoid"), ("relu6", "hardsigmoid")]


def network(rng, activation="silu", gate="sigmoid", block=nn.SqueezeExcitation):
    return nn.Sequential(
        nn.Conv2d(3, 20, 3, rng=rng), nn.BatchNorm2d(20, activation="relu"), block(20, 6, activation, gate, rng=rng)
    ).eval()


def gates(net):
    return [module for module in net.modules() if isinstance(module, FoldedSqueezeExcitation)]


@pytest.mark.parametrize(("activation", "gate"), KINDS)
def test_it_gives_the_same(activation, gate, rng):
    net = network(rng, activation, gate)
    fused = minidl.fuse(net, (3, 9, 8))
    assert len(gates(fused)) == 1
    assert not [module for module in fused.modules() if isinstance(module, nn.Conv2d)]
    x = Tensor(rng.standard_normal((2, 3, 9, 8)).astype(np.float32))
    for one in (fused, copy.deepcopy(fused), pickle.loads(pickle.dumps(fused))):
        with no_grad():
            assert_close(one(x).data, net(x).data, "float32")
    right, seen = net(x).data, []
    with minidl.observe(lambda event: seen.append(event.op)), no_grad():  # whoever looks sees every step of it
        assert_close(fused(x).data, right, "float32")
    assert seen[1:] == ["global_avg_pool2d", "linear", activation, "linear", gate, "scale_channels"]


def test_a_gradient_of_its_input_is_right(rng):
    net = network(rng)
    fused = minidl.fuse(net, (3, 9, 8))
    x = rng.standard_normal((1, 20, 4, 4)).astype(np.float32)
    dy, found = rng.standard_normal(x.shape).astype(np.float32), []
    for block in (net[2], gates(fused)[0]):
        tensor = Tensor(x, requires_grad=True)
        block(tensor).backward(dy)
        found.append(tensor.grad.data)
    assert_close(found[1], found[0], "float32")


class Doubled(nn.SqueezeExcitation):
    def forward(self, x):
        return 2 * super().forward(x)


def test_what_is_no_plain_one_stays(rng):
    strange = network(rng)
    strange[2].scale_activation = nn.Tanh()
    twice = nn.Sequential(nn.Conv2d(3, 20, 1, rng=rng), *[nn.SqueezeExcitation(20, 6, rng=rng)] * 2).eval()
    for net in (network(rng, block=Doubled), strange, twice):
        fused = minidl.fuse(net, (3, 9, 8))
        assert not gates(fused)
        x = Tensor(rng.standard_normal((2, 3, 9, 8)).astype(np.float32))
        with no_grad():
            assert_close(fused(x).data, net(x).data, "float32")


@pytest.mark.parametrize("shape", [(1, 20, 0, 5), (1, 19, 4, 4), (1, 20, 4), (20,)])
def test_it_refuses_what_the_operations_refuse(shape, rng):
    [gate], x = gates(minidl.fuse(network(rng), (3, 9, 8))), np.ones(shape, np.float32)
    said = []
    for requires_grad in (False, True):  # the one call, and the operations one by one
        with pytest.raises(ValueError, match=r"(global_avg_pool2d|linear): x ") as error:
            gate(Tensor(x, requires_grad=requires_grad))
        said.append(str(error.value).partition("x=")[0])
    assert said[0].partition(";")[0] == said[1].partition(";")[0]
    assert "gufunc" not in said[0]
