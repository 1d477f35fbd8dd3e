"""Layers of convolution, pooling and normalisation: what they keep, what they say, what they warn of."""

import warnings

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn


def test_a_layer_forgotten_in_training_mode_is_told_once_per_place():
    layer, x = nn.BatchNorm2d(3), Tensor(np.zeros((2, 3, 2, 2), "float32"))
    with minidl.no_grad(), pytest.warns(UserWarning, match=r"BatchNorm2d: in training mode under no_grad; .*eval\(\)"):
        layer(x)
    with minidl.no_grad(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            layer(x)
    assert len(caught) == 1


def test_no_warning_where_training_mode_is_meant():
    layer, x = nn.BatchNorm2d(3), Tensor(np.zeros((2, 3, 2, 2), "float32"))
    layer(x)  # training
    with minidl.no_grad():
        layer.eval()(x)  # evaluation
        nn.BatchNorm2d(3, track_running_stats=False)(x)  # the same in both modes
        with minidl.observe(lambda event: None):
            nn.BatchNorm2d(3)(x)  # a gradient check, or somebody else who watches


def test_a_layer_keeps_and_loads_its_running_statistics(rng):
    x = rng.standard_normal((4, 3, 2, 2)).astype("float32")
    layer, other = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    layer(Tensor(x))
    assert (layer.running_mean != 0).all()
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(layer.eval()(Tensor(x)).data, other.eval()(Tensor(x)).data)
    assert [name for name, _ in layer.named_buffers()] == ["running_mean", "running_var"]
    assert not np.shares_memory(layer.running_mean, other.running_mean)


def test_a_layer_without_running_statistics_uses_the_batch_in_both_modes(rng):
    x = Tensor(rng.standard_normal((4, 3)).astype("float32"))
    layer = nn.BatchNorm1d(3, affine=False, track_running_stats=False)
    np.testing.assert_array_equal(layer(x).data, layer.eval()(x).data)
    assert layer.state_dict() == {}
    assert list(layer.parameters()) == []


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.BatchNorm2d(8), "BatchNorm2d(8)"),
        (nn.BatchNorm2d(8, eps=0.001, affine=False), "BatchNorm2d(8, eps=0.001, affine=False)"),
        (nn.BatchNorm1d(8, track_running_stats=False), "BatchNorm1d(8, track_running_stats=False)"),
        (
            nn.LocalResponseNorm(3, k=1.0, convention="paper"),
            "LocalResponseNorm(3, alpha=0.0001, beta=0.75, k=1.0, convention='paper')",
        ),
        (nn.Conv2d(3, 8, 3, padding="same"), "Conv2d(3, 8, kernel_size=(3, 3), padding='same')"),
        (
            nn.ConvTranspose2d(4, 8, 3, 2, 1, 1, 2, False, 1),
            "ConvTranspose2d(4, 8, kernel_size=(3, 3), stride=2, padding=1, output_padding=1, groups=2, bias=False)",
        ),
        (nn.Unfold((2, 3), stride=2), "Unfold(kernel_size=(2, 3), stride=2)"),
        (nn.Fold(4, 2), "Fold(output_size=4, kernel_size=2)"),
        (nn.MaxPool2d(3, 2, ceil_mode=True), "MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)"),
        (
            nn.AvgPool2d(3, padding=1, count_include_pad=False),
            "AvgPool2d(kernel_size=3, padding=1, count_include_pad=False)",
        ),
        (nn.AdaptiveAvgPool2d((1, None)), "AdaptiveAvgPool2d(output_size=(1, None))"),
        (nn.GlobalAvgPool2d(), "GlobalAvgPool2d()"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_reprs(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize(
    ("layer", "shape", "out"),
    [
        (nn.ConvTranspose2d(3, 4, 2, 2), (2, 3, 4, 5), (2, 4, 8, 10)),
        (nn.Unfold(3), (2, 3, 4, 5), (2, 27, 6)),
        (nn.Fold((4, 5), 3), (2, 27, 6), (2, 3, 4, 5)),
        (nn.MaxPool2d(2), (2, 3, 4, 5), (2, 3, 2, 2)),
        (nn.AvgPool2d(2, stride=1), (2, 3, 4, 5), (2, 3, 3, 4)),
        (nn.AdaptiveAvgPool2d(7), (2, 3, 4, 5), (2, 3, 7, 7)),
        (nn.GlobalAvgPool2d(), (2, 3, 4, 5), (2, 3)),
        (nn.LocalResponseNorm(convention="paper"), (2, 3, 4, 5), (2, 3, 4, 5)),
    ],
    ids=lambda it: repr(it) if isinstance(it, nn.Module) else "",
)
def test_layers_run(layer, shape, out, rng):
    x = Tensor(rng.standard_normal(shape).astype("float32"), requires_grad=True)
    y = layer(x)
    assert y.shape == out
    y.backward(np.ones_like(y.data))
    assert x.grad.shape == shape
    assert all(parameter.grad is not None for parameter in layer.parameters())
