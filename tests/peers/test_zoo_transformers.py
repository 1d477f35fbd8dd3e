"""The vision transformer against torchvision's with the same weights, narrow and with small pictures."""

import numpy as np
import pytest

from minidl import Tensor, cost, models, ops, optim
from minidl.models.vit import VisionTransformer
from tests.contract import relative_error
from tests.models.walk import unfilled
from tests.peers.twins import check_gradients, check_outputs, check_step, twins

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers


@pytest.mark.parametrize("sizes", [(8, 2, 2, 12, 20, 32), (4, 3, 3, 24, 48, 16)], ids=str)
def test_narrow_ones_as_torchvision(sizes):
    patch, depth, heads, width, hidden, size = sizes
    torch.manual_seed(0)
    theirs = torchvision.models.VisionTransformer(size, patch, depth, heads, width, hidden, num_classes=1000)
    with torch.no_grad():  # at the beginning the first token, biases and the head are 0, and would hide a good deal
        for parameter in theirs.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    ours = VisionTransformer(patch, depth, heads, width, hidden, image_size=size)
    pair = twins(ours, theirs, size, batch=3)
    check_outputs(pair)
    check_gradients(pair)
    check_step(pair, within=1e-7)


@pytest.mark.parametrize("name", ["vit_b_16", "vit_b_32", "vit_l_16"])
def test_the_large_ones_have_torchvision_s_state_in_its_order(name):
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name, weights=None).state_dict()
    ours = unfilled(name).state_dict()
    assert [(key, array.shape) for key, array in ours.items()] == [(k, tuple(v.shape)) for k, v in theirs.items()]


def test_published_multiply_adds():
    """torchvision's page, in billions: with the products of attention."""
    weights = torchvision.models.get_model_weights
    for name in ("vit_b_16", "vit_b_32", "vit_l_16"):
        published = weights(name).IMAGENET1K_V1.meta["_ops"]
        assert round(cost.count(unfilled(name)).macs / 1e9, 2) == pytest.approx(published, abs=0.0051)


def test_multiply_adds_by_hand():
    """L tokens of D numbers: four products with D·D, two with D·M, the scores and what they weigh; patches; a head."""
    tokens, width, hidden, depth = 8 * 8 + 1, 128, 256, 6
    block = tokens * (4 * width**2 + 2 * width * hidden) + 2 * tokens**2 * width
    assert cost.count(unfilled("vit_tiny_cifar")).macs == 64 * 4 * 4 * 3 * width + depth * block + 10 * width


def test_patches_that_meet_one_matrix_are_a_convolution_whose_stride_is_its_kernel(rng):
    net = models.vit_tiny_cifar(rng=rng)
    x = rng.standard_normal((2, 3, 32, 32)).astype("float32")
    conv = ops.transpose(ops.flatten(net.conv_proj(Tensor(x)), 2), 0, 2, 1).data
    patches = x.reshape(2, 3, 8, 4, 8, 4).transpose(0, 2, 4, 1, 3, 5).reshape(2, 64, 48)
    product = patches @ net.conv_proj.weight.data.reshape(128, 48).T + net.conv_proj.bias.data
    assert relative_error(conv, product) <= 1e-5
    assert np.abs(product).max() > 0.5


def test_the_tiny_one_has_the_losses_of_its_twin_step_by_step(rng):
    """From the same weights, with the same batches and AdamW: within 1e-4 in float32."""
    ours, classes = models.vit_tiny_cifar(rng=rng), 10
    theirs = torchvision.models.VisionTransformer(32, 4, 6, 4, 128, 256, num_classes=classes)
    theirs.load_state_dict({key: torch.from_numpy(array.copy()) for key, array in ours.state_dict().items()})
    rules = (
        optim.AdamW(ours.parameters(), 1e-3, weight_decay=0.05),
        torch.optim.AdamW(theirs.parameters(), 1e-3, weight_decay=0.05),
    )
    losses = []
    for _ in range(5):
        labels = rng.integers(0, classes, 16)
        x = (rng.standard_normal((16, 3, 32, 32)) + labels[:, None, None, None] / 4).astype("float32")
        loss = ops.cross_entropy(ours(Tensor(x)), labels)
        peer = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(x)), torch.from_numpy(labels))
        losses.append((loss.item(), peer.item()))
        for net, rule, each in zip((ours, theirs), rules, (loss, peer), strict=True):
            net.zero_grad()
            each.backward()
            rule.step()
    first, second = np.array(losses).T
    assert np.abs(first - second).max() <= 1e-4
    assert np.ptp(first) > 0.05  # something was learnt, or a step that does nothing would do
