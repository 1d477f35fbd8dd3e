"""Inception with batch norm: Figure 5, Table 1, torchvision's network, and the auxiliary head."""

import numpy as np
import pytest

from minidl import Tensor, cost, models
from minidl.models.inception import Conv, InceptionOutput, Mixed, Pool
from minidl.nn import init
from tests.models.narrow import narrow
from tests.models.walk import count, depth, dropouts, macs_by_layer, output_of, shapes, unfilled, walk

FIGURE_5 = """
    conv1 64 112    pool1 64 56    conv3 192 56    pool2 192 28
    inception3a 256 28    inception3b 320 28    inception3c 576 14
    inception4a 576 14    inception4b 576 14    inception4c 576 14    inception4d 576 14    inception4e 1024 7
    inception5a 1024 7    inception5b 1024 7
"""
TABLE_1 = """
    Conv2d_1a_3x3 32 149    Conv2d_2a_3x3 32 147    Conv2d_2b_3x3 64 147    maxpool1 64 73
    Conv2d_3b_3x3 80 71    Conv2d_4a_3x3 192 35    Conv2d_4b_3x3 288 35
    Mixed_5b 288 35    Mixed_5c 288 35    Mixed_5d 288 35
    Mixed_6a 768 17    Mixed_6b 768 17    Mixed_6c 768 17    Mixed_6d 768 17    Mixed_6e 768 17    Mixed_6f 768 17
    Mixed_7a 1280 8    Mixed_7b 2048 8    Mixed_7c 2048 8
"""
TORCHVISION = """
    Conv2d_1a_3x3 32 149    Conv2d_2a_3x3 32 147    Conv2d_2b_3x3 64 147    maxpool1 64 73
    Conv2d_3b_1x1 80 73    Conv2d_4a_3x3 192 71    maxpool2 192 35
    Mixed_5b 256 35    Mixed_5c 288 35    Mixed_5d 288 35
    Mixed_6a 768 17    Mixed_6b 768 17    Mixed_6c 768 17    Mixed_6d 768 17    Mixed_6e 768 17
    Mixed_7a 1280 8    Mixed_7b 2048 8    Mixed_7c 2048 8
"""


@pytest.mark.parametrize(
    ("name", "table"), [("bn_inception", FIGURE_5), ("inception_v2", TABLE_1), ("inception_v3", TORCHVISION)]
)
def test_shape_trail(name, table):
    words = table.split()
    places = {place: (int(c), int(side), int(side)) for place, c, side in zip(words[::3], words[1::3], words[2::3])}
    events = walk(unfilled(name))
    assert {place: output_of(events, place) for place in places} == places
    assert shapes(events, "global_avg_pool2d", "linear") == [(int(words[-2]),), (1000,)]


def test_two_3x3_for_a_5x5_add_a_layer_a_module():
    """1502.03167: 9 weight layers more than GoogLeNet's 22; then a tenth module of 3, and a first layer of two."""
    googlenet = depth(walk(unfilled("googlenet")), "conv2d", "linear")
    assert depth(walk(unfilled("bn_inception")), "conv2d", "linear") == googlenet + 9 + 3 + 1


def test_figures_of_the_papers():
    """1512.00567's abstract: less than 25 million parameters, 5 billion multiply-adds; 5.7 as torchvision has it."""
    bare = unfilled("inception_v3", aux_logits=False)
    assert count(bare) == 23_834_568
    assert round(cost.count(bare).macs / 1e9, 1) == 5.7
    googlenet = cost.count(unfilled("googlenet")).macs
    assert round(cost.count(unfilled("inception_v2")).macs / googlenet, 1) == 4.1
    # 1502.03167: "computational cost by about 30%"
    assert round(cost.count(unfilled("bn_inception")).macs / googlenet, 2) == 1.22


def test_factorising_saves_what_the_paper_says():
    """Section 3.1: two 3×3 for a 5×5 save 28 %. Section 3.2: 3×1 and 1×3 for a 3×3 save 33 %."""

    def weights(*windows):
        layers = [Conv(8, window) for window in windows]
        with init.unfilled():
            module = Mixed(8, {"branch": tuple(layers)})
        return sum(parameter.numel() for path, parameter in module.named_parameters() if path.endswith("conv.weight"))

    assert 1 - weights(3, 3) / weights(5) == pytest.approx(0.28)
    assert 1 - weights((3, 1), (1, 3)) / weights(3) == pytest.approx(1 / 3)


def test_the_first_convolution_of_bn_inception_is_separable():
    windows, mix = unfilled("bn_inception").conv1
    assert (windows.weight.shape, windows.groups, windows.stride, windows.bias) == ((24, 1, 7, 7), 3, 2, None)
    assert mix.conv.weight.shape == (64, 24, 1, 1)


def test_which_poolings_stand_where():
    """Figure 5: averages, but the largest in the last module and where the stride is 2."""
    net = unfilled("bn_inception")
    kinds = {name: type(getattr(net, name).pool).__name__ for name in net.trunk if name.startswith("inception")}
    assert [name[-2:] for name, kind in kinds.items() if kind == "MaxPool2d"] == ["3c", "4e", "5b"]
    poolings = [event.op[:3] for event in walk(unfilled("inception_v3")) if event.op.endswith("_pool2d")]
    assert " ".join(poolings) == "max max avg avg avg max avg avg avg avg max avg avg glo"


def test_branches_stand_side_by_side(rng):
    """In the order of the table; a pair ends its branch."""
    pair = Conv(3, (1, 3)), Conv(2, (3, 1))
    module = Mixed(4, {"wide": (Conv(5), pair), "kept": (Pool("max"),)}).eval()
    assert module.out_channels == 3 + 2 + 4
    x = Tensor(rng.standard_normal((2, 4, 6, 6)).astype(np.float32))
    y, narrow = module(x).data, module.wide_1(x)
    np.testing.assert_array_equal(y[:, :3], module.wide_2a(narrow).data)
    np.testing.assert_array_equal(y[:, 3:5], module.wide_2b(narrow).data)
    np.testing.assert_array_equal(y[:, 5:], module.pool(x).data)


def test_dropout_is_torchvisions_and_averages_count_their_padding():
    for name in ("bn_inception", "inception_v2", "inception_v3"):
        assert dropouts(unfilled(name)) == ([] if name == "bn_inception" else [(0.5, (2048,))])
        averages = [event.settings for event in walk(unfilled(name)) if event.op == "avg_pool2d"]
        assert averages
        assert all(settings["count_include_pad"] for settings in averages)


# ---------------------------------------------------------------------- the auxiliary head


def test_the_head_sees_17x17_and_counts_3_million_parameters():
    net = unfilled("inception_v3")
    assert count(net.AuxLogits) == 27_161_264 - 23_834_568 == 3_326_696
    with_head = macs_by_layer(walk(net, training=True))
    assert with_head["AuxLogits.conv0.conv"] == 128 * 768 * 5 * 5  # (17 - 5) / 3 + 1 = 5
    assert with_head["AuxLogits.conv1.conv"] == 768 * 128 * 5 * 5  # 1×1 is left
    assert not any(path.startswith("AuxLogits") for path in macs_by_layer(walk(net)))


def test_the_head_hangs_behind_mixed_6e(rng):
    """It does not see what comes later, and in evaluation it does not run."""
    net = narrow("inception_v3", rng)
    x = rng.standard_normal((2, 3, 299, 299))
    out = net(Tensor(x))
    assert isinstance(out, InceptionOutput)
    assert out._fields == ("main", "aux")
    assert out.main.shape == out.aux.shape == (2, 3)
    out.aux.sum().backward()
    reached = {path.split(".")[0] for path, parameter in net.named_parameters() if parameter.grad is not None}
    before = [name for name in net.trunk if not name.startswith(("maxpool", "Mixed_7"))]
    assert reached == {*before, "AuxLogits"}
    assert isinstance(net.eval()(Tensor(x[:, :, :80, :80])), Tensor)


def test_sizes_that_do_not_fit_are_refused_with_the_sides():
    small = Tensor(np.zeros((1, 3, 128, 128), dtype=np.float32))
    message = r"^inception_v3: .*at least 299 .*128 → 63 → 61 → 30 → 28 → 13 → 6; or build .*aux_logits=False$"
    with pytest.raises(ValueError, match=message):
        unfilled("inception_v3")(small)
    for net in (unfilled("inception_v3", aux_logits=False), unfilled("inception_v3").eval(), unfilled("inception_v2")):
        assert net.legal_sizes() == (75, None)
        with pytest.raises(
            ValueError, match=rf"^{net.name}: .*at least 75 .*74 → 36 → .* → 2 → 0, and 1 must be left$"
        ):
            net(Tensor(np.zeros((1, 3, 74, 74), dtype=np.float32)))


def test_weights_start_as_torchvisions():
    net = models.inception_v3(num_classes=4, rng=np.random.default_rng(0))
    for layer, std in (
        (net.Mixed_6e.branch7x7dbl_3.conv, 0.1),
        (net.AuxLogits.conv1.conv, 0.01),
        (net.AuxLogits.fc, 0.001),
        (net.fc, 0.1),
    ):
        assert abs(layer.weight.data.std() / std - 1) < 0.03
    assert not net.fc.bias.data.any()
