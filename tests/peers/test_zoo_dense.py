"""DenseNet, SqueezeNet, Inception-v3, SENet and Xception against torchvision's and timm's with the same weights."""

from functools import partial

import pytest

from minidl.training.loss import objective
from tests.peers.twins import check_outputs, check_step, twins

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers


@pytest.mark.parametrize(("name", "size"), [("densenet121", 64), ("squeezenet1_1", 48)])
def test_as_torchvision(name, size):
    torch.manual_seed(0)
    pair = twins(name, torchvision.models.get_model(name, weights=None), size)
    check_outputs(pair)
    check_step(pair)


def test_inception_v3_with_its_auxiliary_head():
    """The head needs 17×17 maps, and so 299×299 pictures."""
    torch.manual_seed(0)
    pair = twins("inception_v3", torchvision.models.inception_v3(weights=None, init_weights=False), 299)
    check_outputs(pair)
    their_loss = torch.nn.functional.cross_entropy
    check_step(
        pair,
        partial(objective, aux_weight=0.4),
        lambda out, labels: their_loss(out.logits, labels) + 0.4 * their_loss(out.aux_logits, labels),
    )


@pytest.mark.parametrize(
    ("name", "name_there", "size"), [("se_resnet50", "legacy_seresnet50", 48), ("xception", "legacy_xception", 40)]
)
def test_as_timm(name, name_there, size):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    pair = twins(name, timm.create_model(name_there, drop_rate=0.0), size)
    check_outputs(pair)
    check_step(pair)
    assert list(pair.ours.state_dict()) == [key for key in pair.theirs.state_dict() if "num_batches" not in key]
