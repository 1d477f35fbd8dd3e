"""The residual networks have the sizes that their papers' tables add up to."""

import numpy as np
import pytest

from minidl import Tensor, models, nn, no_grad, ops
from minidl.models.resnet import BasicBlock, ResNet
from minidl.models.resnet_cifar import shortcut_a


def count(name, **settings):
    with nn.init.unfilled():
        return sum(p.size for p in models.get_model(name, **settings).parameters())


def conv(k, c, o):
    return k * k * c * o


def norm(c):
    return 2 * c


@pytest.mark.parametrize(("n", "printed"), [(3, 269_722), (5, 464_154), (7, 658_586), (9, 853_018), (18, 1_727_962)])
def test_cifar_resnets(n, printed):
    """Section 4.2: 6n convolutions with 16, 32 and 64 channels, one before, one linear layer; shortcuts are free."""
    total = conv(3, 3, 16) + norm(16)
    channels = 16
    for width in (16, 32, 64):
        for _ in range(n):
            total += conv(3, channels, width) + conv(3, width, width) + 2 * norm(width)
            channels = width
    total += 64 * 10 + 10
    assert total == printed
    assert count(f"resnet{6 * n + 2}_cifar") == printed
    if n < 18:
        assert count(f"plain{6 * n + 2}_cifar") == printed


def preact_count(depths, widths, expansion, *, stem, projected, classes):
    """Every block: one norm before each convolution, none before the network's first; one norm at the end."""
    channels = stem[2]
    total = conv(*stem) + norm(channels)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for index in range(depth):
            out = width * expansion
            total += 0 if stage == index == 0 else norm(channels)
            if expansion == 1:
                total += conv(3, channels, width) + norm(width) + conv(3, width, width)
            else:
                total += conv(1, channels, width) + norm(width) + conv(3, width, width) + norm(width)
                total += conv(1, width, out)
            if projected and (channels != out or (stage > 0 and index == 0)):
                total += conv(1, channels, out)
            channels = out
    return total + norm(channels) + channels * classes + classes


IMAGENET = {"widths": (64, 128, 256, 512), "stem": (7, 3, 64), "projected": True, "classes": 1000}
CIFAR = {"widths": (16, 32, 64), "stem": (3, 3, 16), "classes": 10}


@pytest.mark.parametrize(
    ("name", "settings", "printed"),
    [
        ("preact_resnet18", {"depths": (2, 2, 2, 2), "expansion": 1, **IMAGENET}, 11_687_720),
        ("preact_resnet34", {"depths": (3, 4, 6, 3), "expansion": 1, **IMAGENET}, 21_795_880),
        ("preact_resnet50", {"depths": (3, 4, 6, 3), "expansion": 4, **IMAGENET}, 25_549_352),
        ("preact_resnet101", {"depths": (3, 4, 23, 3), "expansion": 4, **IMAGENET}, 44_541_480),
        ("preact_resnet152", {"depths": (3, 8, 36, 3), "expansion": 4, **IMAGENET}, 60_185_128),
        ("preact_resnet110_cifar", {"depths": (18,) * 3, "expansion": 1, "projected": False, **CIFAR}, 1_727_962),
        ("preact_resnet164_cifar", {"depths": (18,) * 3, "expansion": 4, "projected": True, **CIFAR}, 1_703_258),
        ("preact_resnet1001_cifar", {"depths": (111,) * 3, "expansion": 4, "projected": True, **CIFAR}, 10_327_706),
    ],
)
def test_preactivation_resnets(name, settings, printed):
    assert preact_count(**settings) == printed
    assert count(name) == printed


def test_depths_are_what_the_names_say():
    """Weight layers on the way from the picture to the logits; shortcuts are not on it."""
    for name in [name for name in models.list_models() if "resne" in name or name.startswith("plain")]:
        depth = int("".join(c for c in name.split("_32x")[0].replace("50_2", "50") if c.isdigit()))
        with nn.init.unfilled():
            net = models.get_model(name)
        layers = [path for path, layer in net.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
        assert len([path for path in layers if "downsample" not in path]) == depth, name


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
