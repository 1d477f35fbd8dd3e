"""Residual networks against torchvision's with the same random weights, in training and in evaluation."""

import pytest

from tests.peers.twins import check_outputs, check_step, twins

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2"])
def test_outputs_gradients_and_statistics(name):
    torch.manual_seed(0)
    pair = twins(name, getattr(torchvision.models, name)(weights=None), 64)
    check_outputs(pair)
    check_step(pair, training=False)
    check_step(pair)
