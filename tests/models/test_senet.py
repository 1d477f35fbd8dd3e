"""SENet: depths, where the stride sits, and what squeeze-and-excitation adds."""

import numpy as np
import pytest

from minidl import Tensor, models, nn, no_grad
from minidl.models.senet import SEBottleneck
from tests.models.walk import count, depth, dropouts, output_of, unfilled, walk


def test_shape_trail():
    for name, first in (("se_resnet50", 64), ("se_resnext50_32x4d", 64), ("senet154", 128)):
        events = walk(unfilled(name))
        shapes = [output_of(events, place) for place in ("layer0", "pool0", "layer1", "layer2", "layer3", "layer4")]
        assert shapes == [
            *((first, 112, 112), (first, 56, 56), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7)),
        ]


def test_154_layers_without_those_of_the_modules():
    layers = [
        path
        for path, layer in unfilled("senet154").named_modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and "downsample" not in path and "se_module" not in path
    ]
    assert len(layers) == 154
    # On the longest path every block has its module's two convolutions as well.
    assert depth(walk(unfilled("senet154")), "conv2d", "linear") == 154 + 2 * (3 + 8 + 36 + 3)


def test_what_squeeze_and_excitation_adds():
    """2/16 · Σ depth · C² weights (the paper's formula), here with biases; a tenth more parameters than ResNet-50."""
    stages = ((3, 256), (4, 512), (6, 1024), (3, 2048))
    weights = sum(2 * depth * c * c // 16 for depth, c in stages)
    biases = sum(depth * (c // 16 + c) for depth, c in stages)
    assert weights == 2_514_944
    assert count(unfilled("se_resnet50")) - count(unfilled("resnet50")) == weights + biases == 2_530_992
    assert count(unfilled("se_resnext50_32x4d")) - count(unfilled("resnext50_32x4d")) == weights + biases


def test_where_the_stride_sits():
    strides = {
        name: [getattr(unfilled(name).layer2[0], conv).stride for conv in ("conv1", "conv2", "conv3")]
        for name in ("se_resnet50", "se_resnext50_32x4d", "senet154")
    }
    assert strides == {"se_resnet50": [2, 1, 1], "se_resnext50_32x4d": [1, 2, 1], "senet154": [1, 2, 1]}


def test_shortcuts_of_senet154_are_3x3_but_the_first():
    net = unfilled("senet154")
    assert [stage[0].downsample[0].kernel_size for stage in (net.layer1, net.layer2, net.layer3, net.layer4)] == [
        *((1, 1), (3, 3), (3, 3), (3, 3)),
    ]
    assert dropouts(net) == [(0.2, (2048,))]
    assert unfilled("se_resnet50").dropout.p == 0


def test_the_module_stands_before_the_sum(rng):
    """Gates that are shut leave the shortcut alone; gates that are open leave the block what it was."""
    block = SEBottleneck(8, (4, 4, 8), 1, groups=1, reduction=2, early=False, shortcut=1).eval()
    x = Tensor(rng.standard_normal((2, 8, 5, 5)).astype(np.float32))
    gate = block.se_module.fc2
    gate.weight.data = np.zeros_like(gate.weight.data)
    gate.bias.data = np.full_like(gate.bias.data, -1e4)
    with no_grad():
        np.testing.assert_array_equal(block(x).data, np.maximum(x.data, 0))
        gate.bias.data = np.full_like(gate.bias.data, 1e4)
        f = block.bn3(block.conv3(block.bn2(block.conv2(block.bn1(block.conv1(x))))))
        np.testing.assert_allclose(block(x).data, np.maximum(x.data + f.data, 0), rtol=1e-6)


def test_a_picture_too_small_is_refused_with_the_sides_it_would_have():
    for name in ("se_resnet50", "senet154"):
        with pytest.raises(ValueError, match=rf"^{name}: .*at least 3 .*2×2.*2 → 1 → 0, and 1 must be left$"):
            unfilled(name)(Tensor(np.zeros((1, 3, 2, 2), dtype=np.float32)))


def test_weights_start_with_hes_variance():
    net = models.se_resnet50(num_classes=4, rng=np.random.default_rng(0))
    for conv in (net.layer0.conv1, net.layer3[2].conv2, net.layer4[0].se_module.fc1):
        fan_out = conv.weight.shape[0] * conv.weight.shape[2] * conv.weight.shape[3]
        assert abs(conv.weight.data.std() / np.sqrt(2 / fan_out) - 1) < 0.03
    assert not net.layer4[0].se_module.fc1.bias.data.any()
