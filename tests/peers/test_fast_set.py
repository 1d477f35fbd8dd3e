"""Whole networks in the fast set, in float32, against PyTorch with the same weights.

The other comparisons of networks are made with pictures so small that much of the work is the textbook's. Here every
convolution, norm and pooling must have been the fast set's, and the maps are large enough for all its algorithms but
that of small maps, which wants eight pictures.
"""

from collections import Counter

import pytest

from minidl import kernels, nn
from minidl.kernels.cpu.conv import conv2d
from tests.kernels.twins import counted
from tests.models.walk import unfilled
from tests.peers.twins import check_gradients, check_outputs, twins

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
timm = pytest.importorskip("timm")
pytestmark = pytest.mark.peers

SIDE, BATCH = 96, 4
TILED, NARROW = {"direct", "winograd"}, {"direct", "grouped"}
CASES = {
    "resnet18": TILED,
    "resnet50": TILED,
    "resnext50_32x4d": NARROW,
    "vgg11": TILED,
    "googlenet_bn": TILED,
    "densenet121": TILED,
    "mobilenet_v2": NARROW,
    "efficientnet_lite0": NARROW,
}


def theirs(name):
    if name == "efficientnet_lite0":
        return timm.create_model("tf_efficientnet_lite0")
    if name == "googlenet_bn":
        return torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False)
    return torchvision.models.get_model(name, weights=None)


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_pytorchs(name, monkeypatch):
    torch.manual_seed(0)
    pair = twins(unfilled(name, aux_logits=False), theirs(name), SIDE, BATCH)
    layers = [layer for layer in pair.ours.modules() if isinstance(layer, nn.Conv2d)]
    chosen, plan = Counter(), conv2d.plan
    monkeypatch.setattr(conv2d, "plan", lambda *call: chosen.update([plan(*call).algorithm.name]) or plan(*call))
    with kernels.use("cpu"), counted() as (served, declined):
        check_outputs(pair)
        check_gradients(pair)
    assert served["conv2d"] + served["conv2d_fused"] >= 2 * len(layers)
    assert served["conv2d_dw"] >= len(layers)
    assert set(chosen) - {"small"} == CASES[name]  # small: where registers are short, four pictures are enough
    assert set(declined) <= {"copy_to"}  # small arrays are copied by NumPy
