"""Layers: they own parameters and defaults and compute nothing themselves; `minidl.ops` does."""

from minidl.nn import init
from minidl.nn.activation import ReLU
from minidl.nn.container import Sequential
from minidl.nn.conv import Conv2d, ConvTranspose2d, Fold, Unfold
from minidl.nn.linear import Linear
from minidl.nn.module import LoadReport, Module, Parameter
from minidl.nn.norm import BatchNorm1d, BatchNorm2d, LocalResponseNorm
from minidl.nn.pool import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "Fold",
    "GlobalAvgPool2d",
    "Linear",
    "LoadReport",
    "LocalResponseNorm",
    "MaxPool2d",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Unfold",
    "init",
]
