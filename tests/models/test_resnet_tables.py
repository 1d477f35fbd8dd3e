"""The residual networks: depths, shortcuts, blocks, shapes. Their parameters are added up in `derived.py`."""

import numpy as np

from minidl import Tensor, models, nn, no_grad, ops
from minidl.models.resnet import BasicBlock, ResNet
from minidl.models.resnet_cifar import shortcut_a


def test_depths_are_what_the_names_say():
    """Weight layers on the way from the picture to the logits; shortcuts are not on it."""
    for name in [name for name in models.list_models() if "resne" in name or name.startswith("plain")]:
        depth = int("".join(c for c in name.split("_32x")[0].replace("50_2", "50") if c.isdigit()))
        with nn.init.unfilled():
            net = models.get_model(name)
        layers = [path for path, layer in net.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
        assert len([path for path in layers if "downsample" not in path and "se_module" not in path]) == depth, name


def test_shortcut_a_takes_every_second_pixel_and_adds_zeros(rng):
    x = rng.standard_normal((2, 3, 5, 6))
    y = shortcut_a(Tensor(x), 5, 2).data
    assert y.shape == (2, 5, 3, 3)
    np.testing.assert_array_equal(y[:, :3], x[:, :, ::2, ::2])
    np.testing.assert_array_equal(y[:, 3:], 0)
    assert shortcut_a(Tensor(x), 3, 1).data.shape == x.shape


def test_a_block_with_nothing_to_add_passes_its_input_on(rng):
    """With F = 0 the block is relu of the identity: what residual learning is about."""
    block = BasicBlock(4, 4, 1, rng=rng, groups=1, group_width=64).eval()
    block.bn2.load_state_dict({**block.bn2.state_dict(), "weight": np.zeros(4)})
    x = rng.standard_normal((1, 4, 5, 5)).astype(np.float32)
    with no_grad():
        np.testing.assert_array_equal(block(Tensor(x)).data, np.maximum(x, 0))


def test_only_preactivation_passes_negative_inputs_on(rng):
    """relu(x + F(x)) cannot be the identity for x < 0; x + F(x) can."""
    from minidl.models.preact_resnet import PreactBlock

    block = PreactBlock(4, 4, 1, expansion=1, first=False, projected=True, rng=rng).eval()
    block.conv2.load_state_dict({"weight": np.zeros((4, 4, 3, 3))})
    x = rng.standard_normal((1, 4, 5, 5)).astype(np.float32)
    with no_grad():
        np.testing.assert_array_equal(block(Tensor(x)).data, x)


def test_halving_the_map_and_doubling_the_channels_costs_the_same():
    """Multiply-adds equal, activations half, parameters four times: why the stages double."""
    h, c = 56, 64
    macs = [9 * c * c * h * h, 9 * (2 * c) * (2 * c) * (h // 2) ** 2]
    assert macs[0] == macs[1]
    assert (2 * c) * (h // 2) ** 2 * 2 == c * h * h


def test_shape_trail(rng):
    """The trail in ResNet.forward, walked with a network an eighth as wide."""
    net = ResNet(BasicBlock, (1, 1, 1, 1), widths=(8, 16, 32, 64), num_classes=10, rng=rng).eval()
    shapes = []
    with no_grad():
        x = net.bn1(net.conv1(Tensor(np.zeros((1, 3, 224, 224), dtype=np.float32))))
        shapes.append(x.shape)
        x = net.maxpool(x)
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
            shapes.append(x.shape)
        shapes.append(net.fc(ops.global_avg_pool2d(x)).shape)
    assert shapes == [(1, 8, 112, 112), (1, 8, 56, 56), (1, 16, 28, 28), (1, 32, 14, 14), (1, 64, 7, 7), (1, 10)]
