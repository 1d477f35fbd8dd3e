"""Tools of the model tests: what `minidl.cost.walk` met on its way, and networks with quick weights."""

import math

import numpy as np

import minidl
from minidl import nn
from minidl.cost import depth, macs, walk

__all__ = [
    "count",
    "depth",
    "dropouts",
    "fill",
    "macs",
    "macs_by_layer",
    "output_of",
    "shapes",
    "unfilled",
    "unfilled_from",
    "walk",
]


def unfilled(name, **settings):
    """Build a network whose weights take no memory."""
    with nn.init.unfilled():
        return minidl.models.get_model(name, **settings)


def unfilled_from(builder, **settings):
    """Build what is no row of the registry, likewise."""
    with nn.init.unfilled():
        return builder(**settings)


def dropouts(net, size=None):
    """Return (probability, shape of one picture) of every dropout, in order."""
    return [
        (event.settings["p"], event.output.shape[1:])
        for event in walk(net, size, training=True)
        if event.op == "dropout"
    ]


def macs_by_layer(events):
    """Return layer -> multiply-accumulates."""
    found = {}
    for event in events:
        if macs(event):
            found[event.module] = found.get(event.module, 0) + macs(event)
    return found


def shapes(events, *ops):
    """Return the shapes of one picture after the named operations, in order."""
    return [event.output.shape[1:] for event in events if event.op in ops]


def output_of(events, module):
    """Return the shape of one picture after a module: that of the last operation under its path."""
    inside = [event for event in events if event.module == module or event.module.startswith(f"{module}.")]
    return inside[-1].output.shape[1:]


def count(net):
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in net.parameters())


def fill(net, rng):
    """Write random weights of He's size into a network, from a small stock of draws: quick even for VGG."""
    for module in net.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.ndim < 2:
                continue
            fan_in = math.prod(parameter.shape[1:])
            stock = rng.standard_normal(min(parameter.numel(), 65_521), dtype=np.float32) * np.float32(
                (2 / fan_in) ** 0.5
            )
            getattr(module, name).data = np.resize(stock, parameter.shape)
        bias = dict(module.named_parameters(recurse=False)).get("bias")
        if bias is not None and not isinstance(module, nn.BatchNorm2d):
            bias.data = rng.uniform(-0.1, 0.1, bias.shape).astype(np.float32)
    return net
