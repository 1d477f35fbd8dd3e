"""AlexNet, VGG and GoogLeNet against torchvision's with the same random weights, dropout off."""

import pytest

from minidl.training.loss import objective
from tests.peers.twins import check_outputs, check_step, twins

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers

BEFORE_A_NORM = {f"features.{place}.bias" for place in (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)}  # vgg16_bn
CASES = [
    # name here, name there, side, parameters without a gradient: the norm takes the bias off again
    ("alexnet_owt", "alexnet", 96, ()),
    ("vgg11", "vgg11", 64, ()),
    ("vgg16_bn", "vgg16_bn", 64, BEFORE_A_NORM),
    ("googlenet_bn", "googlenet", 96, ()),
]


def their_loss(outputs, labels):
    """Sum up the losses; torchvision names its heads in another order: logits, aux_logits2, aux_logits1."""
    cross_entropy = torch.nn.functional.cross_entropy
    if isinstance(outputs, torch.Tensor):
        return cross_entropy(outputs, labels)
    aux = cross_entropy(outputs.aux_logits1, labels) + cross_entropy(outputs.aux_logits2, labels)
    return cross_entropy(outputs.logits, labels) + 0.3 * aux


@pytest.mark.parametrize(("name", "name_there", "size", "nothing"), CASES, ids=[case[0] for case in CASES])
def test_outputs_gradients_and_statistics(name, name_there, size, nothing):
    torch.manual_seed(0)
    heads = {"init_weights": False, "aux_logits": True} if name_there == "googlenet" else {}
    pair = twins(name, torchvision.models.get_model(name_there, weights=None, **heads), size, batch=4)
    check_outputs(pair)
    check_step(pair, objective, their_loss, within=1e-8, nothing=nothing)
