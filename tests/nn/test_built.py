"""Every layer judges its settings when it is built, and not when the first picture comes."""

import inspect

import pytest

from minidl import nn

GEOMETRY = ("kernel_size", "stride", "padding", "output_padding", "dilation", "groups", "output_size")
ELSEWHERE = {"num_groups", "ceil_mode", "count_include_pad"}

# What each layer needs, and nothing else; a layer with a setting of windows that is not here is found below.
RIGHT = {
    "Conv2d": {"in_channels": 4, "out_channels": 6, "kernel_size": 3},
    "ConvTranspose2d": {"in_channels": 4, "out_channels": 6, "kernel_size": 3},
    "Conv2dNormActivation": {"in_channels": 4, "out_channels": 6},
    "Unfold": {"kernel_size": 3},
    "Fold": {"output_size": 6, "kernel_size": 3},
    "MaxPool2d": {"kernel_size": 3},
    "AvgPool2d": {"kernel_size": 3},
    "AdaptiveAvgPool2d": {"output_size": 2},
    "ZeroPad2d": {"padding": 1},
    "ChannelShuffle": {"groups": 2},
    "GroupNorm": {"num_groups": 2, "num_channels": 4},
}
ZERO = (0, (1, 0), (0, 1))  # wrong where at least 1 is needed
NO_PAIR = (-1, 1.5, "3", (1,), (1, 2, 3), (1, -1), (1, 1.5), [1, "2"], True, {})
NO_PADDING = (-1, 1.5, "valid", (1,), (1, 2, 3, 4, 5), (1, -1), ((1, 1), (1, -1)), ((1, 1), 1), True, {})
NO_NUMBER = (0, -1, 1.5, "2", (2, 2), None, True)
WRONG = {
    "kernel_size": (*ZERO, *NO_PAIR, None),
    "stride": (*ZERO, *NO_PAIR),
    "dilation": (*ZERO, *NO_PAIR),
    "output_size": (*ZERO, *NO_PAIR),
    "output_padding": NO_PAIR,
    "padding": NO_PADDING,
    "groups": NO_NUMBER,
    "num_groups": NO_NUMBER,
    "ceil_mode": ("yes", 2, None),
    "count_include_pad": ("yes", 2, None),
}


# What the layers without windows need.
OTHERS = {
    "BatchNorm1d": {"num_features": 3},
    "BatchNorm2d": {"num_features": 3},
    "LayerNorm": {"normalized_shape": 4},
    "Embedding": {"num_embeddings": 5, "embedding_dim": 2},
    "Maxout": {"pieces": 2},
    "MultiheadAttention": {"embed_dim": 4, "num_heads": 2, "batch_first": True},
    "TransformerEncoderLayer": {"d_model": 4, "nhead": 2, "batch_first": True},
    "TransformerDecoderLayer": {"d_model": 4, "nhead": 2, "batch_first": True},
    "Linear": {"in_features": 3, "out_features": 2},
    "LocalResponseNorm": {"convention": "paper"},
    "SqueezeExcitation": {"input_channels": 4, "squeeze_channels": 2},
    "StochasticDepth": {"p": 0.5},
    "Unflatten": {"axis": 1, "sizes": (2, 3)},
    "Upsample": {"scale_factor": 2},
}


def layers():
    for name in nn.__all__:
        layer = getattr(nn, name)
        if inspect.isclass(layer) and issubclass(layer, nn.Module):
            yield name, layer


def cases():
    for name, layer in layers():
        for setting in inspect.signature(layer).parameters:
            if setting in WRONG and name in RIGHT:
                yield from ((name, setting, value) for value in WRONG[setting])


def test_every_layer_with_windows_is_among_the_cases():
    found = {name for name, layer in layers() if set(inspect.signature(layer).parameters) & {*GEOMETRY, *ELSEWHERE}}
    assert found == set(RIGHT)


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_built(name):
    getattr(nn, name)(**RIGHT[name])


@pytest.mark.parametrize(("name", "setting", "value"), list(cases()), ids=str)
def test_a_wrong_setting_fails_where_it_is_written(name, setting, value):
    """In one line that names the layer, the setting and what came."""
    if setting == "padding" and value == "valid" and name == "Conv2dNormActivation":
        value = "full"
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(nn, name)(**{**RIGHT[name], setting: value})
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith((f"{name}: ", "Conv2d: " if name == "Conv2dNormActivation" else f"{name}: "))
    assert f"{setting} must" in said
    assert f"{setting}=" in said


def settings():
    for name, layer in layers():
        for setting in inspect.signature(layer).parameters.values():
            if setting.kind not in (setting.VAR_POSITIONAL, setting.VAR_KEYWORD):
                yield name, setting.name


@pytest.mark.parametrize(("name", "setting"), list(settings()))
@pytest.mark.parametrize("value", [object(), float("nan")], ids=["object", "nan"])
def test_no_setting_takes_what_is_neither_number_nor_word(name, setting, value):
    needed = RIGHT.get(name) or OTHERS.get(name) or {}
    getattr(nn, name)(**needed)
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(nn, name)(**{**needed, setting: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (
            lambda: nn.Conv2d(3, 8, 3, stride=0),
            r"Conv2d: stride must be an int or a pair of ints >= 1; received stride=0",
        ),
        (lambda: nn.Conv2d(4, 6, 3, groups=3), r"Conv2d: in_channels must be divisible by groups"),
        (lambda: nn.ConvTranspose2d(4, 6, 3, padding="same"), r"ConvTranspose2d: padding must be"),
        (
            lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=2),
            r"ConvTranspose2d: output_padding must be less than stride or dilation",
        ),
        (lambda: nn.MaxPool2d(3, padding=2), r"MaxPool2d: padding must be at most half the kernel, 3 // 2 = 1"),
        (lambda: nn.AvgPool2d(2, padding=(0, 2)), r"AvgPool2d: padding must be at most half the kernel, 2 // 2 = 1"),
        (lambda: nn.AdaptiveAvgPool2d((None, 0)), r"AdaptiveAvgPool2d: output_size must be"),
    ],
)
def test_what_belongs_together_is_judged_together(build, says):
    with pytest.raises(ValueError, match=says):
        build()


def test_settings_are_kept_as_they_were_written():
    assert nn.Conv2d(3, 8, 3, stride=2, padding="same").stride == 2
    assert repr(nn.MaxPool2d(3, stride=(2, 1), padding=1)) == "MaxPool2d(kernel_size=3, stride=(2, 1), padding=1)"
    assert nn.AdaptiveAvgPool2d((None, 3)).output_size == (None, 3)
