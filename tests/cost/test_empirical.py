"""The pixels that a gradient reaches, against the receptive fields that are counted."""

import copy
import pickle

import numpy as np
import pytest

from minidl import cost, models, nn
from tests.models.narrow import narrow

QUICK = ("lenet5", "alexnet_owt", "vgg11_lrn", "resnet18", "plain20_cifar", "squeezenet1_1", "se_resnet50")


def side_of(net):
    side = 32 if "cifar" in net.name or net.name.startswith(("lenet", "cnn")) else max(net.smallest or 32, 64)
    return min(side, net.largest or side)


def last_that_fits(net, shape):
    """The last layer whose field is not larger than the picture."""
    modules, side = dict(net.named_modules()), shape[1]
    fit = [
        row.path
        for row in cost.count(net, shape).layers
        if row.path in modules and row.field and not row.field.is_whole and max(row.field.size) <= side
    ]
    return fit[-1]


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in models.list_models()]
)
def test_it_is_the_theoretical_one_with_positive_weights_and_never_larger(name, rng):
    net = narrow(name, rng)
    shape = (net.in_channels, side_of(net), side_of(net))
    layer = last_that_fits(net, shape)
    for asked in (layer, None):
        found = cost.empirical_field(net, shape, asked, positive=True)
        assert found.box == found.expected, asked
        assert found.is_within
    found = cost.empirical_field(net, shape, layer)
    assert found.is_within
    assert found.field == cost.empirical_field(net, shape, layer, positive=True).field


def with_the_stride_first(net):
    """The paper's ResNet-50: the stride of a bottleneck stands on its first convolution."""
    for layer in (net.layer2, net.layer3, net.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    return net


@pytest.mark.parametrize(
    ("name", "change", "layer", "side", "size"),
    [
        ("alexnet", None, "pool", 227, 195),
        pytest.param("vgg16", None, "features.30", 256, 212, marks=pytest.mark.slow),
        pytest.param("resnet50", None, "layer4", 448, 427, marks=pytest.mark.slow),
        pytest.param("resnet50", with_the_stride_first, "layer4", 512, 483, marks=pytest.mark.slow),
    ],
)
def test_the_numbers_that_are_known_are_reached(name, change, layer, side, size, rng):
    net = narrow(name, rng)
    net = change(net) if change else net
    found = cost.empirical_field(net, side, layer, positive=True)
    assert found.field.size == (size, size)
    assert [len(axis) for axis in found.box] == [size, size]


def test_a_path_leads_to_the_field(rng):
    net = narrow("googlenet", rng)
    fields = [row.field for row in cost.count(net, 224).layers if row.field]
    assert str(fields[-1]) == "whole picture"
    path = [field for field in fields if not field.is_whole][-1].path
    assert path[:3] == ("conv1.conv", "pool", "conv3.conv")
    assert all("branch3" in part for part in path if "inception" in part)  # the 5×5 of every module
    gated = cost.count(narrow("se_resnet50", rng), 64).layers[-1].field
    assert gated.path[-1].endswith("se_module")  # from there on every number sees everything
    assert cost.Field((3, 3), (1, 1), (0, 0)).path == ()


def test_many_layers_have_a_path_and_can_be_copied(rng):
    net = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1) for _ in range(300)])
    field = cost.count(net, (1, 8, 8)).layers[-1].field
    assert field.size == (601, 601)
    assert len(field.path) == 300
    for same in (copy.deepcopy(field), pickle.loads(pickle.dumps(field))):
        assert (same, same.path) == (field, field.path)


def test_the_network_is_left_as_it_was(rng):
    net = narrow("lenet5_modern", rng).train()
    net.conv1.weight.requires_grad = False
    net.conv1.bias.grad = np.ones_like(net.conv1.bias.data)
    before = {key: value.copy() for key, value in net.state_dict().items()}
    cost.empirical_field(net, 32, "conv2", unit=(3, 4))
    cost.empirical_field(net, 32, "conv2", positive=True)
    assert net.training
    assert net.conv2.training
    assert [p.requires_grad for p in net.parameters()].count(False) == 1
    assert all((value == before[key]).all() for key, value in net.state_dict().items())
    assert (net.conv1.bias.grad == 1).all()
    assert net.conv2.weight.grad is None
    assert "forward" not in vars(net.conv2)


def test_what_it_refuses(rng):
    net = narrow("lenet5_modern", rng)
    with pytest.raises(ValueError, match=r"no layer 'conv3'; did you mean conv2 or conv1 or fc3\?"):
        cost.empirical_field(net, 32, "conv3")
    with pytest.raises(ValueError, match="the map has 10×10 units; received unit=\\(10, 0\\)"):
        cost.empirical_field(net, 32, "conv2", unit=(10, 0))
    with pytest.raises(TypeError, match="unit must be a pair \\(row, column\\) of ints; received unit=3"):
        cost.empirical_field(net, 32, "conv2", unit=3)
    with pytest.raises(ValueError, match="the result is no map"):
        cost.empirical_field(net, 32, unit=(0, 0))
    with pytest.raises(ValueError, match="expects pictures"):
        cost.empirical_field(nn.Linear(4, 3), (4,))
    two = nn.Sequential(nn.Conv2d(1, 1, 3))
    two.forward = lambda x: (x, x)
    with pytest.raises(TypeError, match="the network must give one tensor; it gives a tuple"):
        cost.empirical_field(two, (1, 8, 8))
    net.conv1.weight.data[...] = np.nan
    with pytest.raises(ValueError, match="the gradient is not finite; give the network weights"):
        cost.empirical_field(net, 32, "conv2")


def test_the_rounding_of_fast_kernels_is_no_part_of_it():
    """Winograd's convolutions leave about 1e-8 around a gradient that is 0 there."""
    layers = [nn.Conv2d(3, 64, 3, padding=1), *(nn.Conv2d(64, 64, 3, padding=1) for _ in range(2))]
    found = cost.empirical_field(nn.Sequential(*layers), (3, 56, 56))
    assert found.box == found.expected == (range(25, 32), range(25, 32))
