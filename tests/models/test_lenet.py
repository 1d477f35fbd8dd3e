"""LeNet-5 of 1998: Table I, the trainable subsampling, the bitmaps, and the counts that the paper prints."""

import math
from itertools import pairwise

import numpy as np
import pytest

from minidl import Tensor, models, no_grad, ops
from minidl.models.lenet import TABLE_I, Subsampling, TableConvolution, bitmaps
from tests import oracles
from tests.models.walk import count, macs_by_layer, output_of, shapes, unfilled, walk


def test_parameters_by_layer_are_those_of_the_text():
    net = models.lenet5()
    assert [count(layer) for layer in (net.c1, net.s2, net.c3, net.s4, net.c5, net.f6)] == [
        156,
        12,
        1_516,
        32,
        48_120,
        10_164,
    ]
    assert count(net) == 60_000


def test_connections_are_those_of_the_text():
    """A connection is a weight or bias in use at one place: C1 122,304, S2 5,880, C3 151,600, S4 2,000, C5 48,120."""
    macs = macs_by_layer(walk(unfilled("lenet5")))
    assert macs["c1"] + 6 * 28 * 28 == 122_304
    assert sum(value for layer, value in macs.items() if layer.startswith("c3.")) + 16 * 10 * 10 == 151_600
    assert macs["c5"] + 120 == 48_120
    assert macs["f6"] + 84 == 10_164
    assert [maps * side * side * (4 + 1) for maps, side in ((6, 14), (16, 5))] == [5_880, 2_000]


def test_shape_trail():
    events = walk(unfilled("lenet5"))
    assert [output_of(events, layer) for layer in ("c1", "s2", "c3", "s4", "c5", "f6")] == [
        (6, 28, 28),
        (6, 14, 14),
        (16, 10, 10),
        (16, 5, 5),
        (120, 1, 1),
        (84,),
    ]
    assert events[-1].output.shape[1:] == (10,)
    assert shapes(walk(unfilled("lenet5_modern")), "conv2d", "max_pool2d", "linear") == [
        *((6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)),
        *((120,), (84,), (10,)),
    ]


def test_table_i_has_six_times_three_nine_times_four_and_one_of_all():
    assert [len(inputs) for inputs in TABLE_I] == [3] * 6 + [4] * 9 + [6]
    assert len({frozenset(inputs) for inputs in TABLE_I}) == 16
    # Each map of S2 is seen by ten maps of C3: the table has ten crosses in each of its six rows.
    assert [sum(feature in inputs for inputs in TABLE_I) for feature in range(6)] == [10] * 6
    assert all(len({(b - a) % 6 for a, b in pairwise(inputs)}) == 1 for inputs in TABLE_I[:12])
    assert all({(b - a) % 6 for a, b in pairwise(inputs)} == {1, 2} for inputs in TABLE_I[12:15])


def test_the_table_convolution_is_a_full_one_whose_other_kernels_are_zero(rng):
    layer = TableConvolution(TABLE_I, 5, rng=rng)
    x = rng.standard_normal((2, 6, 8, 9)).astype(np.float32)
    dense = np.zeros((16, 6, 5, 5), dtype=np.float32)
    for place, (conv, inputs) in enumerate(zip(layer.maps, TABLE_I)):
        dense[place, list(inputs)] = conv.weight.data[0]
    bias = np.array([conv.bias.data[0] for conv in layer.maps])
    expected = oracles.conv2d(x, dense, bias)
    np.testing.assert_allclose(layer(Tensor(x)).data, expected, rtol=1e-5, atol=1e-5)


def test_subsampling_adds_four_scales_shifts_and_squashes(rng):
    layer = Subsampling(2, rng=rng)
    x = rng.standard_normal((1, 2, 4, 4)).astype(np.float32)
    total = x[:, :, ::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, ::2] + x[:, :, 1::2, 1::2]
    expected = 1.7159 * np.tanh(2 / 3 * (total * layer.weight.data + layer.bias.data))
    np.testing.assert_allclose(layer(Tensor(x)).data, expected, rtol=1e-6)


def test_weights_start_evenly_within_two_point_four_over_fan_in():
    net = models.lenet5(rng=np.random.default_rng(0))
    for layer, fan_in in ((net.c1, 25), (net.c5, 400), (net.f6, 120), (net.c3.maps[15], 150)):
        bound = 2.4 / fan_in
        assert 0.9 * bound < abs(layer.weight.data).max() <= bound
        assert abs(layer.weight.data.std() / (bound / math.sqrt(3)) - 1) < 0.15
        assert abs(layer.bias.data).max() <= bound


def test_the_bitmaps_are_ten_different_pictures_of_plus_and_minus_one():
    pixels = bitmaps()
    assert pixels.shape == (10, 7 * 12)
    assert set(np.unique(pixels)) == {-1, 1}
    apart = ((pixels[:, None] - pixels) ** 2).sum(axis=2)
    assert (apart + 1000 * np.eye(10)).min() >= 4 * 4  # any two digits differ in at least four pixels
    assert not any(name == "bitmaps" for name, _ in models.lenet5().named_parameters())
    assert np.array_equal(models.lenet5().state_dict()["bitmaps"], pixels)


def test_the_output_is_minus_the_squared_distance(rng):
    net = models.lenet5().eval()
    x = Tensor(rng.standard_normal((3, 1, 32, 32)).astype(np.float32))
    net.f6.weight.data = np.zeros_like(net.f6.weight.data)
    inverse = np.arctanh(bitmaps()[7] / 1.7159) * 1.5  # the sum whose f is exactly the bitmap of 7
    net.f6.bias.data = inverse.astype(np.float32)
    with no_grad():
        y = net(x).data
    expected = -((bitmaps()[7] - bitmaps()) ** 2).sum(axis=1)
    assert expected[7] == 0
    np.testing.assert_allclose(y, np.tile(expected, (3, 1)), atol=1e-3)


def test_a_step_down_the_gradient_of_cross_entropy_lowers_it(rng):
    net = models.lenet5(rng=rng)
    x, labels = Tensor(rng.standard_normal((8, 1, 32, 32)).astype(np.float32)), np.arange(8)
    losses = []
    for _ in range(5):
        net.zero_grad()
        loss = ops.cross_entropy(net(x), labels)
        loss.backward()
        losses.append(loss.item())
        for parameter in net.parameters():
            parameter.data = parameter.data - np.float32(1e-3) * parameter.grad
    assert losses == sorted(losses, reverse=True)


def test_there_are_bitmaps_for_ten_digits_only():
    with pytest.raises(
        ValueError, match=r"^lenet5: there are bitmaps for 10 digits; num_classes=11; try lenet5_modern$"
    ):
        models.lenet5(num_classes=11)


@pytest.mark.parametrize("name", ["lenet5", "lenet5_modern"])
def test_another_size_is_refused_with_the_arithmetic(name):
    net = models.get_model(name)
    with pytest.raises(ValueError, match=r"28×28; .*must leave 5: \(\(28 - 4\) // 2 - 4\) // 2 = 4$"):
        net(Tensor(np.zeros((1, 1, 28, 28), dtype=np.float32)))
    assert net.legal_sizes() == (32, 35)
