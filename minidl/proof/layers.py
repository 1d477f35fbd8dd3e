"""Cases of the layers: each is checked through its module, with respect to its inputs and all its parameters.

A layer computes nothing itself, so what can go wrong here is the wiring: a setting that is not passed on, a bias that
is never used, a parameter that gets no gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import _random, nn
from minidl.proof.loss import apart, logits_and_answers, logits_and_labels
from minidl.proof.table import Draw, normal, separated


@dataclass(frozen=True)
class LayerCase:
    """One layer: a name, how to build it, and how to draw its inputs."""

    name: str
    build: Callable[[], nn.Module]
    draw: Draw


PICTURES = normal((2, 4, 5, 6))
APART = separated((2, 4, 5, 6))
ROWS = normal((4, 5))
LINES = normal((2, 3, 4))
TWO_SENTENCES = normal((2, 3, 4), (2, 5, 4))
QUERIES_KEYS_VALUES = normal((2, 3, 4), (2, 5, 4), (2, 5, 4))

LAYERS: dict[str, tuple[LayerCase, ...]] = {
    "Conv2d": (
        LayerCase("plain", lambda: nn.Conv2d(4, 3, (3, 2)), PICTURES),
        LayerCase("no bias", lambda: nn.Conv2d(4, 3, 3, bias=False), PICTURES),
        LayerCase(
            "all settings", lambda: nn.Conv2d(4, 6, 3, stride=(1, 2), padding=2, dilation=(2, 1), groups=2), PICTURES
        ),
        LayerCase('"same"', lambda: nn.Conv2d(4, 3, (2, 3), stride=2, padding="same"), PICTURES),
    ),
    "ConvTranspose2d": (
        LayerCase("plain", lambda: nn.ConvTranspose2d(4, 3, 2), PICTURES),
        LayerCase(
            "all settings",
            lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2),
            PICTURES,
        ),
    ),
    "Unfold": (LayerCase("stride, padding", lambda: nn.Unfold((2, 3), padding=1, stride=2), PICTURES),),
    "Fold": (LayerCase("overlapping", lambda: nn.Fold((5, 6), (2, 3), padding=1, stride=2), normal((2, 12, 9))),),
    "MaxPool2d": (
        LayerCase("plain", lambda: nn.MaxPool2d(2), APART),
        LayerCase("all settings", lambda: nn.MaxPool2d(3, 2, 1, dilation=1, ceil_mode=True), APART),
    ),
    "AvgPool2d": (
        LayerCase("plain", lambda: nn.AvgPool2d(2), PICTURES),
        LayerCase("all settings", lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), PICTURES),
    ),
    "AdaptiveAvgPool2d": (LayerCase("(2, 7)", lambda: nn.AdaptiveAvgPool2d((2, 7)), PICTURES),),
    "GlobalAvgPool2d": (LayerCase("plain", nn.GlobalAvgPool2d, PICTURES),),
    "BatchNorm2d": (
        LayerCase("training", lambda: nn.BatchNorm2d(4), PICTURES),
        LayerCase("evaluation", lambda: nn.BatchNorm2d(4).eval(), PICTURES),
        LayerCase("fused activation", lambda: nn.BatchNorm2d(4, activation="silu"), PICTURES),
        LayerCase("not affine, no running statistics", lambda: nn.BatchNorm2d(4, 1e-3, 0.1, False, False), PICTURES),
    ),
    "BatchNorm1d": (
        LayerCase("training", lambda: nn.BatchNorm1d(5), ROWS),
        LayerCase("evaluation", lambda: nn.BatchNorm1d(5).eval(), ROWS),
    ),
    "GroupNorm": (
        LayerCase("two groups", lambda: nn.GroupNorm(2, 4), PICTURES),
        LayerCase("not affine, eps 1", lambda: nn.GroupNorm(4, 4, 1.0, False), PICTURES),
    ),
    "LayerNorm": (
        LayerCase("pictures", lambda: nn.LayerNorm((4, 5, 6)), PICTURES),
        LayerCase("no bias, eps 1", lambda: nn.LayerNorm(5, 1.0, bias=False), ROWS),
        LayerCase("not affine", lambda: nn.LayerNorm(5, elementwise_affine=False), ROWS),
    ),
    "LocalResponseNorm": (
        LayerCase("of the paper", lambda: nn.LocalResponseNorm(convention="paper"), PICTURES),
        LayerCase("strong, PyTorch's", lambda: nn.LocalResponseNorm(3, 1.0, 0.5, 1.0, "torch"), PICTURES),
    ),
    "Linear": (
        LayerCase("with bias", lambda: nn.Linear(5, 3), ROWS),
        LayerCase("no bias", lambda: nn.Linear(5, 3, bias=False), ROWS),
    ),
    "ReLU": (LayerCase("plain", nn.ReLU, APART),),
    "LeakyReLU": (LayerCase("slope 0.2", lambda: nn.LeakyReLU(0.2), APART),),
    "ReLU6": (LayerCase("plain", nn.ReLU6, APART),),
    "Sigmoid": (LayerCase("plain", nn.Sigmoid, PICTURES),),
    "Tanh": (LayerCase("plain", nn.Tanh, PICTURES),),
    "ScaledTanh": (LayerCase("plain", nn.ScaledTanh, PICTURES),),
    "SiLU": (LayerCase("plain", nn.SiLU, PICTURES),),
    "Hardsigmoid": (LayerCase("plain", nn.Hardsigmoid, APART),),
    "Hardswish": (LayerCase("plain", nn.Hardswish, APART),),
    "GELU": (
        LayerCase("exact", nn.GELU, PICTURES),
        LayerCase("tanh", lambda: nn.GELU("tanh"), PICTURES),
    ),
    "ELU": (LayerCase("alpha 0.5", lambda: nn.ELU(0.5), APART),),
    "Softplus": (LayerCase("all settings", lambda: nn.Softplus(2.0, 1.1), APART),),
    "Softmax": (LayerCase("axis 1", lambda: nn.Softmax(1), PICTURES),),
    "LogSoftmax": (LayerCase("axis 1", lambda: nn.LogSoftmax(1), PICTURES),),
    "Dropout": (
        LayerCase("training", lambda: nn.Dropout(0.4), PICTURES),
        LayerCase("evaluation", lambda: nn.Dropout(0.4).eval(), PICTURES),
    ),
    "Dropout2d": (
        LayerCase("training", lambda: nn.Dropout2d(0.4), PICTURES),
        LayerCase("evaluation", lambda: nn.Dropout2d(0.4).eval(), PICTURES),
    ),
    "StochasticDepth": (LayerCase("training", lambda: nn.StochasticDepth(0.4), normal((6, 2, 2, 2))),),
    "MultiheadAttention": (
        LayerCase("two heads", lambda: nn.MultiheadAttention(4, 2, batch_first=True), QUERIES_KEYS_VALUES),
        LayerCase("dropped", lambda: nn.MultiheadAttention(4, 1, 0.3, False, batch_first=True), QUERIES_KEYS_VALUES),
    ),
    "TransformerEncoderLayer": (
        LayerCase("norms behind", lambda: nn.TransformerEncoderLayer(4, 2, 5, 0.2, "gelu", batch_first=True), LINES),
        LayerCase(
            "norms first",
            lambda: nn.TransformerEncoderLayer(4, 1, 5, 0.0, "gelu", 0.1, True, norm_first=True, bias=False),
            LINES,
        ),
    ),
    "TransformerDecoderLayer": (
        LayerCase(
            "norms behind", lambda: nn.TransformerDecoderLayer(4, 2, 5, 0.2, "gelu", batch_first=True), TWO_SENTENCES
        ),
        LayerCase(
            "norms first",
            lambda: nn.TransformerDecoderLayer(4, 1, 5, 0.0, "gelu", 0.1, True, norm_first=True, bias=False),
            TWO_SENTENCES,
        ),
    ),
    "Embedding": (LayerCase("two of a row", lambda: nn.Embedding(5, 3), lambda rng: (rng.integers(0, 5, (2, 4)),)),),
    "Maxout": (LayerCase("pairs", lambda: nn.Maxout(2), APART),),
    "Identity": (LayerCase("plain", nn.Identity, PICTURES),),
    "Flatten": (
        LayerCase("plain", nn.Flatten, PICTURES),
        LayerCase("two axes", lambda: nn.Flatten(1, 2), PICTURES),
    ),
    "Unflatten": (LayerCase("axis 1", lambda: nn.Unflatten(1, (2, -1)), PICTURES),),
    "ZeroPad2d": (LayerCase("uneven", lambda: nn.ZeroPad2d((1, 0, 2, 3)), PICTURES),),
    "Upsample": (
        LayerCase("nearest", lambda: nn.Upsample(scale_factor=2), PICTURES),
        LayerCase("bilinear", lambda: nn.Upsample((7, 4), mode="bilinear"), PICTURES),
        LayerCase("corners", lambda: nn.Upsample(None, (1.5, 2), "bilinear", True), PICTURES),
    ),
    "ChannelShuffle": (LayerCase("two groups", lambda: nn.ChannelShuffle(2), PICTURES),),
    "Sequential": (LayerCase("two layers", lambda: nn.Sequential(nn.Linear(5, 3), nn.Tanh()), ROWS),),
    "Conv2dNormActivation": (
        LayerCase("relu", lambda: nn.Conv2dNormActivation(4, 3), PICTURES),
        LayerCase("hardswish", lambda: nn.Conv2dNormActivation(4, 4, groups=4, activation="hardswish"), PICTURES),
    ),
    "SqueezeExcitation": (LayerCase("silu", lambda: nn.SqueezeExcitation(4, 2, "silu"), PICTURES),),
    "CrossEntropyLoss": (
        LayerCase("class indices", nn.CrossEntropyLoss, logits_and_labels(4, 5)),
        LayerCase("sum", lambda: nn.CrossEntropyLoss(reduction="sum"), logits_and_labels(4, 5)),
    ),
    "NLLLoss": (
        LayerCase("class indices", nn.NLLLoss, logits_and_labels(4, 5)),
        LayerCase("all settings", lambda: nn.NLLLoss(ignore_index=1, reduction="none"), logits_and_labels(4, 5)),
    ),
    "MSELoss": (
        LayerCase("plain", nn.MSELoss, normal((3, 4), (3, 4))),
        LayerCase("none", lambda: nn.MSELoss(reduction="none"), normal((3, 4), (3, 4))),
    ),
    "L1Loss": (LayerCase("sum", lambda: nn.L1Loss(reduction="sum"), apart((3, 4), (3, 4))),),
    "SmoothL1Loss": (
        LayerCase("all settings", lambda: nn.SmoothL1Loss(reduction="none", beta=0.5), apart((3, 4), (3, 4))),
    ),
    "BCEWithLogitsLoss": (
        LayerCase("plain", nn.BCEWithLogitsLoss, logits_and_answers(3, 4)),
        LayerCase("sum", lambda: nn.BCEWithLogitsLoss(reduction="sum"), logits_and_answers(3, 4)),
    ),
}  # fmt: skip


def as_function(
    module: nn.Module, inputs: int, rng: np.random.Generator
) -> tuple[Callable[..., Any], list[str], list[np.ndarray]]:
    """Return a layer as a function of its inputs and parameters, the names of the parameters, and numbers for them.

    The numbers are random, since a bias of 0 and a weight of 1 would hide a good deal; so are the running statistics.
    Whatever the layer draws, it draws the same in every call. Of several results, the first is taken.
    """
    places = []
    for path, owner in module.named_modules():
        for name, _ in owner.named_parameters(recurse=False):
            places.append((f"{path}.{name}" if path else name, owner._parameters, name))
        for name, buffer in owner.named_buffers(recurse=False):
            drawn = rng.uniform(0.5, 2.5, buffer.shape) if "var" in name else rng.standard_normal(buffer.shape)
            setattr(owner, name, drawn)
    arrays = [rng.standard_normal(parameters[name].shape) for _, parameters, name in places]

    def call(*tensors: Any) -> Any:
        for (_, parameters, name), tensor in zip(places, tensors[inputs:], strict=True):
            parameters[name] = tensor
        state = _random.get_state()
        _random.manual_seed(0)
        try:
            y = module(*tensors[:inputs])
            return y[0] if isinstance(y, tuple) else y
        finally:
            _random.set_state(state)

    return call, [path for path, _, _ in places], arrays
