"""`cost.conventions` against the tools that it speaks of, number for number."""

import importlib
import sys
import types
import warnings

import numpy as np
import pytest

from minidl import cost, models, nn, ops
from minidl.models._elsewhere import TORCHVISION

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers

QUICK = ("resnet18", "alexnet_owt", "squeezenet1_0")
SLOW = (
    *("vgg16", "googlenet_bn", "mobilenet_v2"),
    *("resnet50", "densenet121", "mobilenet_v3_large", "efficientnet_b0", "shufflenet_v2_x1_0", "mnasnet1_0"),
    *("inception_v3", "vgg11_bn"),
)
NETWORKS = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
SIDE = 64  # where PyTorch has to compute


@pytest.fixture(scope="module")
def tools():
    """The four tools; calflops without its two parts about transformers, which need a library that it does not name."""
    for part, name in (("flops_counter_hf", "calculate_flops_hf"), ("estimate", "create_empty_model")):
        module = types.ModuleType(f"calflops.{part}")
        setattr(module, name, None)
        sys.modules.setdefault(f"calflops.{part}", module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            name: importlib.import_module(name) if importlib.util.find_spec(name.split(".")[0]) else None
            for name in ("torchinfo", "fvcore.nn", "ptflops", "calflops")
        }


def their(tools, net, shape, who):
    """What a tool says of one input of this shape."""
    x = torch.zeros(1, *shape, device=next(net.parameters()).device)
    counter = importlib.import_module("torch.utils.flop_counter").FlopCounterMode(display=False)
    tool = tools.get("fvcore.nn" if who == "fvcore" else who)
    if tool is None and who != "PyTorch's FlopCounterMode":
        pytest.skip(f"{who} is not installed")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if who == "torchinfo":
            return tool.summary(net, input_data=x, verbose=0, device=x.device).total_mult_adds
        if who == "fvcore":
            found = tool.FlopCountAnalysis(net, x)
            return int(found.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
        if who == "ptflops":
            return tool.get_model_complexity_info(net, shape, as_strings=False, print_per_layer_stat=False)[0]
        if who == "calflops":
            return tool.calculate_flops(net, (1, *shape), print_results=False, output_as_string=False)[0]
        with counter:
            net(x)
        return counter.get_total_flops()


COMPUTE = (
    "fvcore",
    "ptflops",
)  # one traces; the other would see how PyTorch puts a linear layer without numbers together
WHO = ("torchinfo", "fvcore", "ptflops", "calflops", "PyTorch's FlopCounterMode")


def twin(name, device):
    """Torchvision's network without weights; only shapes matter."""
    settings = {"init_weights": False} if name in ("googlenet_bn", "inception_v3") else {}
    with torch.device("meta"):
        net = getattr(torchvision.models, TORCHVISION[name])(weights=None, **settings)
    return (net if device == "meta" else net.to_empty(device=device)).eval()


def functions(name, who, events):
    """By how much less a tool counts because torchvision's network calls a function where a layer could stand.

    ptflops counts layers twice, themselves and their function, and a function once; `x.mean` counts nothing anywhere.
    """
    relus = {"googlenet_bn": None, "inception_v3": None, "densenet121": "features.norm5"}
    pools = {
        "inception_v3": ("max_pool2d", "avg_pool2d"),
        **dict.fromkeys(("densenet121", "mobilenet_v2"), ("global_avg_pool2d",)),
    }
    averages = sum(int(np.prod(event.inputs[0].shape[1:])) for event in events if event.op == "global_avg_pool2d")
    if name in ("mnasnet1_0", "shufflenet_v2_x1_0"):
        return {"fvcore": averages, "ptflops": 2 * averages, "calflops": averages}.get(who, 0)
    if who != "ptflops":
        return 0
    less = 0
    for event in events:
        if name in relus and "relu" in (event.op, event.settings.get("activation")):
            less += int(np.prod(event.output.shape[1:])) * (relus[name] in (None, event.module))
        if event.op in pools.get(name, ()) and not event.module.startswith("maxpool"):
            less += int(np.prod(event.inputs[0].shape[1:]))
    return less


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_number_of_every_tool(tools, name, who):
    device = "cpu" if who in COMPUTE else "meta"
    net = twin(name, device)
    with nn.init.unfilled():
        ours = models.get_model(name)
    shape = (3, *[max(SIDE, ours.smallest or 0) if device == "cpu" else ours.input_size] * 2)
    found = cost.conventions(ours, shape)[who].number
    assert found - their(tools, net, shape, who) == functions(name, who, cost.walk(ours, shape))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_number_on_torchvisions_page(name):
    """It stands beside the weights, in billions with three places."""
    with nn.init.unfilled():
        net = models.get_model(name)
    weights = torchvision.models.get_model_weights(TORCHVISION[name])["IMAGENET1K_V1"]
    (size,) = (weights.transforms.keywords["crop_size"],)
    number = cost.conventions(net, size)["torchvision's page"].number
    assert round(number / 1e9, 3) == weights.meta["_ops"]


def layers(of):
    """One of each layer that the tools treat in a way of its own."""
    return (
        of.Conv2d(3, 8, 3, padding=1),
        of.GroupNorm(2, 8),
        of.LeakyReLU(0.1),
        of.Conv2d(8, 12, 3, padding=1, groups=2, bias=False),
        of.BatchNorm2d(12),
        of.GELU(),
        of.LocalResponseNorm(5, **({"convention": "torch"} if of is nn else {})),
        of.MaxPool2d(2),
        of.ELU(),
        of.ConvTranspose2d(12, 8, 3, stride=2),
        of.SiLU(),
        of.ReLU6(),
        of.Upsample(scale_factor=2),
        of.AvgPool2d(3),
        of.Tanh(),
        of.Hardswish(),
        of.Dropout(0.5),
        of.AdaptiveAvgPool2d(2),
        of.Flatten(),
        of.LayerNorm(32),
        of.Linear(32, 10),
        of.ReLU(),
        of.Linear(10, 4, bias=False),
        of.Softmax(1),
    )


def few(of):
    """Groups of a transposed convolution without bias, and a size instead of a factor."""
    upwards = of.ConvTranspose2d(4, 6, 3, stride=2, groups=2, bias=False)
    return upwards, of.Upsample((40, 40), mode="bilinear"), of.Conv2d(6, 2, 1)


@pytest.mark.parametrize("who", WHO)
def test_layers_that_the_tools_treat_in_their_own_ways(tools, who):
    for some, channels in ((layers, 3), (few, 4)):
        shape = (channels, 14, 14)
        found = cost.conventions(nn.Sequential(*some(nn)), shape)
        number = their(tools, torch.nn.Sequential(*some(torch.nn)).eval(), shape, who)
        if who == "calflops" and some is few:  # a size counts as rows times columns, whatever the channels
            number += 6 * 29 * 29 - 40 * 40
        assert found.uncounted == ()
        assert found[who].number == number


class Product(nn.Module):
    def forward(self, x):
        return ops.matmul(x, ops.transpose(x, 0, 1, 3, 2))


class TheirProduct(torch.nn.Module):
    def forward(self, x):
        return torch.matmul(x, x.transpose(2, 3))


@pytest.mark.parametrize("who", WHO)
def test_a_product_of_two_results(tools, who):
    """It is no layer: torchinfo does not see it."""
    ours, theirs = nn.Sequential(nn.Conv2d(1, 2, 3), Product()), [torch.nn.Conv2d(1, 2, 3), TheirProduct()]
    found = cost.conventions(ours, (1, 9, 6))[who].number
    assert found == their(tools, torch.nn.Sequential(*theirs).eval(), (1, 9, 6), who)
