"""Tools of the model tests: walk through a network without computing, count, and make narrow relatives of it.

A batch of *no* pictures goes through every layer and has every shape, and nothing is computed: with weights that
nobody has written to, VGG-16 at 224 is walked in hundredths of a second.
"""

import math

import numpy as np

import minidl
from minidl import Tensor, nn
from minidl.models._registry import ENTRIES

LAYERS = ("conv2d", "linear")


def unfilled(name, **settings):
    """Build a network whose weights take no memory."""
    with nn.init.unfilled():
        return minidl.models.get_model(name, **settings)


def walk(net, size=None, *, training=False):
    """Return the events of the forward pass of no pictures, by default in evaluation and at the paper's size."""
    size = ENTRIES[net.name].input_size if size is None else size
    events = []
    was = net.training
    net.train(training)
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
            module.training = False  # the statistics of no pictures are nothing
    with minidl.no_grad(), minidl.observe(events.append):
        net(Tensor(np.zeros((0, net.in_channels, size, size), dtype=np.float32)))
    net.train(was)
    return events


def dropouts(net, size=None):
    """Return (probability, shape of one picture) of every dropout, in order."""
    return [
        (event.settings["p"], event.output.shape[1:])
        for event in walk(net, size, training=True)
        if event.op == "dropout"
    ]


def macs(event):
    """Return the multiply-accumulates of a convolution or linear layer for one picture; biases do not count."""
    weights = event.inputs[1].size
    return weights * math.prod(event.output.shape[2:])


def macs_by_layer(events):
    """Return layer -> multiply-accumulates."""
    found = {}
    for event in events:
        if event.op in LAYERS:
            found[event.module] = found.get(event.module, 0) + macs(event)
    return found


def shapes(events, *ops):
    """Return the shapes of one picture after the named operations, in order."""
    return [event.output.shape[1:] for event in events if event.op in ops]


def output_of(events, module):
    """Return the shape of one picture after a module: that of the last operation under its path."""
    inside = [event for event in events if event.module == module or event.module.startswith(f"{module}.")]
    return inside[-1].output.shape[1:]


def depth(events, *ops):
    """Return the largest number of the named operations on any path from the picture to the logits."""
    reached = {}
    for event in events:
        before = max(reached.get(id(array), 0) for array in event.inputs if array is not None)
        reached[id(event.output)] = before + (event.op in ops)
    return reached[id(events[-1].output)]


def count(net):
    """Return the number of trainable parameters."""
    return sum(parameter.size for parameter in net.parameters())


def fill(net, rng):
    """Write random weights of He's size into a network, from a small stock of draws: quick even for VGG."""
    for module in net.modules():
        for name, parameter in module._parameters.items():
            if parameter.ndim < 2:
                continue
            fan_in = math.prod(parameter.shape[1:])
            stock = rng.standard_normal(min(parameter.size, 65_521), dtype=np.float32) * np.float32((2 / fan_in) ** 0.5)
            getattr(module, name).data = np.resize(stock, parameter.shape)
        bias = module._parameters.get("bias")
        if bias is not None and not isinstance(module, nn.BatchNorm2d):
            bias.data = rng.uniform(-0.1, 0.1, bias.shape).astype(np.float32)
    return net
