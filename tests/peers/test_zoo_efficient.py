"""The efficient networks of the zoo against torchvision's and timm's with the same weights."""

import pytest

from minidl import nn
from minidl.models._registry import ENTRIES
from tests.models.walk import unfilled
from tests.peers.twins import check_gradients, check_outputs, check_step, twins

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers

MOBILE = ["mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x1_0", "mnasnet1_0", "efficientnet_b0"]
IN_TIMM = [("mobilenet_v1", "mobilenetv1_100", 64)]


@pytest.mark.parametrize("name", MOBILE)
def test_the_mobile_ones_as_torchvision(name):
    """The shift of a norm without activation goes through a 1×1 into the next norm, which takes it off again.

    The momentum of MnasNet's norms is the paper's here, and not torchvision's.
    """
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name, weights=None)
    for norm in (module for module in theirs.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.momentum = 0.01 if name == "mnasnet1_0" else norm.momentum
    pair = twins(name, theirs, 64, batch=4)
    norms = [(path, layer) for path, layer in pair.ours.named_modules() if isinstance(layer, nn.BatchNorm2d)]
    check_outputs(pair)
    check_gradients(pair)
    check_step(pair, nothing=[f"{path}.bias" for path, norm in norms if norm.activation is None])


@pytest.mark.parametrize(("name", "theirs", "size"), IN_TIMM)
def test_as_timm(name, theirs, size):
    torch.manual_seed(0)
    pair = twins(name, pytest.importorskip("timm").create_model(theirs), size, batch=4)
    check_outputs(pair)
    check_gradients(pair)
    check_step(pair)


@pytest.mark.parametrize("width_mult", [0.35, 1.4])
@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "mnasnet1_0"])
def test_other_widths_have_torchvisions_names_and_shapes(name, width_mult):
    with torch.device("meta"):
        if name == "mnasnet1_0":
            theirs = torchvision.models.MNASNet(width_mult).state_dict()
        else:
            theirs = torchvision.models.get_model(name, weights=None, width_mult=width_mult).state_dict()
    shapes = {path: tuple(value.shape) for path, value in theirs.items() if not path.endswith("num_batches_tracked")}
    assert {path: array.shape for path, array in unfilled(name, width_mult=width_mult).state_dict().items()} == shapes


@pytest.mark.parametrize("size", [43, 64])
def test_a_narrow_nasnet_a_large_as_timm(size):
    """All eighteen cells, with few channels; maps with even and with odd sides are padded differently."""
    torch.manual_seed(0)
    variant = ENTRIES["nasnet_a_large"].variant
    ours = variant.network(**{**variant.table, "width": 8, "stem": 6})
    pair = twins(ours, pytest.importorskip("timm.models.nasnet").NASNetALarge(stem_size=6, num_features=24 * 8), size)
    check_outputs(pair)
    check_gradients(pair)
    check_step(pair)


def test_the_parameters_of_nasnet_a_large_have_timms_order():
    with torch.device("meta"):
        theirs = pytest.importorskip("timm").create_model("nasnetalarge").state_dict()
    shapes = [tuple(value.shape) for path, value in theirs.items() if not path.endswith("num_batches_tracked")]
    assert [array.shape for array in unfilled("nasnet_a_large").state_dict().values()] == shapes
