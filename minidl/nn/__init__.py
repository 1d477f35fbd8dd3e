"""Layers: they own parameters and defaults and compute nothing themselves; `minidl.ops` does."""

from minidl.nn import init
from minidl.nn.activation import (
    Hardsigmoid,
    Hardswish,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from minidl.nn.block import Conv2dNormActivation, SqueezeExcitation
from minidl.nn.container import ModuleDict, ModuleList, Sequential
from minidl.nn.conv import Conv2d, ConvTranspose2d, Fold, Unfold
from minidl.nn.dropout import Dropout, StochasticDepth
from minidl.nn.linear import Linear
from minidl.nn.loss import CrossEntropyLoss, MSELoss
from minidl.nn.module import LoadReport, Module, Parameter
from minidl.nn.norm import BatchNorm1d, BatchNorm2d, LocalResponseNorm
from minidl.nn.pool import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from minidl.nn.shape import ChannelShuffle, Flatten, Identity

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "ChannelShuffle",
    "Conv2d",
    "Conv2dNormActivation",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Fold",
    "GlobalAvgPool2d",
    "Hardsigmoid",
    "Hardswish",
    "Identity",
    "LeakyReLU",
    "Linear",
    "LoadReport",
    "LocalResponseNorm",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ReLU",
    "ReLU6",
    "ScaledTanh",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "SqueezeExcitation",
    "StochasticDepth",
    "Tanh",
    "Unfold",
    "init",
]


def __dir__() -> list[str]:
    return [*__all__]
