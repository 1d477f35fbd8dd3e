"""The networks of the zoo's second half against torchvision's and timm's with the same weights."""

import pytest

from tests.peers.twins import check_outputs, check_step, twins

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers

# name here, side of the pictures
TORCHVISION = [("densenet121", 64)]


@pytest.mark.parametrize(("name", "size"), TORCHVISION)
def test_as_torchvision(name, size):
    torch.manual_seed(0)
    pair = twins(name, torchvision.models.get_model(name, weights=None), size)
    check_outputs(pair)
    check_step(pair)
