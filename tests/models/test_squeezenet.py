"""SqueezeNet: Table 1 and the figures of its title."""

import numpy as np
import pytest

from minidl import Tensor, cost, models, ops
from minidl.models.squeezenet import Fire
from tests.models.walk import count, depth, dropouts, macs_by_layer, output_of, unfilled, walk


def test_shape_trail():
    events = walk(unfilled("squeezenet1_0"))
    channels = {3: 128, 4: 128, 5: 256, 7: 256, 8: 384, 9: 384, 10: 512, 12: 512}  # Fire modules; 2, 6, 11 are poolings
    sides = {0: 109, 2: 54, 5: 54, 6: 27, 10: 27, 11: 13, 12: 13}
    assert {place: output_of(events, f"features.{place}")[0] for place in channels} == channels
    assert {place: output_of(events, f"features.{place}")[1] for place in sides} == sides
    assert output_of(events, "classifier.1") == (1000, 13, 13)
    later = walk(unfilled("squeezenet1_1"))
    assert [output_of(later, f"features.{place}")[1] for place in (0, 2, 5, 8, 12)] == [111, 55, 27, 13, 13]


def test_18_layers_and_no_linear_one():
    for name in ("squeezenet1_0", "squeezenet1_1"):
        events = walk(unfilled(name))
        assert depth(events, "conv2d", "linear") == 2 + 8 * 2
        assert not any(event.op == "linear" for event in events)
        assert [event.op for event in events][-3:] == ["conv2d", "relu", "global_avg_pool2d"]
        assert dropouts(unfilled(name)) == [(0.5, (512, 13, 13))]


def test_fifty_times_fewer_parameters_than_alexnet():
    """The title's 50x is rounded: 49 times, 5 MB in float32."""
    parameters = count(unfilled("squeezenet1_0"))
    assert round(count(unfilled("alexnet")) / parameters, 1) == 48.8
    assert round(count(unfilled("alexnet_owt")) / parameters, 1) == 48.9
    assert round(parameters * 4 / 1e6, 1) == 5.0


def test_the_later_network_costs_2_point_3_times_less():
    first, later = (cost.count(unfilled(name)).macs for name in ("squeezenet1_0", "squeezenet1_1"))
    assert round(first / later, 1) == 2.3
    assert sum(macs_by_layer(walk(unfilled("squeezenet1_1"))).values()) == later


def test_a_fire_module_puts_its_windows_side_by_side(rng):
    fire = Fire(5, 3, 4)
    x = Tensor(rng.standard_normal((2, 5, 6, 6)).astype(np.float32))
    y, squeezed = fire(x).data, ops.relu(fire.squeeze(x))
    assert y.shape == (2, 8, 6, 6)
    np.testing.assert_array_equal(y[:, :4], ops.relu(fire.expand1x1(squeezed)).data)
    np.testing.assert_array_equal(y[:, 4:], ops.relu(fire.expand3x3(squeezed)).data)


def test_a_picture_too_small_is_refused_with_the_sides_it_would_have():
    for name, size, sides in (
        ("squeezenet1_0", 20, "20 → 7 → 3 → 1 → 0"),
        ("squeezenet1_1", 16, "16 → 7 → 3 → 1 → 0"),
    ):
        with pytest.raises(ValueError, match=rf"^{name}: .*at least {size + 1} .*{sides}, and 1 must be left$"):
            unfilled(name)(Tensor(np.zeros((1, 3, size, size), dtype=np.float32)))


def test_weights_start_as_described():
    net = models.squeezenet1_0(rng=np.random.default_rng(0))
    last = net.classifier[1].weight.data
    assert abs(last.std() / 0.01 - 1) < 0.02
    inside = net.features[12].expand3x3.weight.data
    bound = np.sqrt(6 / (64 * 9))  # He's variance, drawn evenly
    assert abs(abs(inside).max() / bound - 1) < 1e-3
    assert abs(inside.std() / (bound / np.sqrt(3)) - 1) < 0.02
    assert not any(layer.bias.data.any() for layer in (net.features[0], net.features[12].squeeze, net.classifier[1]))
