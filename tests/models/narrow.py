"""Narrow relatives: every network again with the structure of its table and few channels, for checks in float64.

`NARROW` says for each network which entries of its table to replace; a network that is small anyway replaces none. A
network that is not listed is missing, and the tests say so.
"""

import numpy as np

from minidl import nn
from minidl.models import (
    densenet,
    efficientnet,
    inception,
    mobilenet_v3,
    nasnet,
    preact_resnet,
    resnet,
    resnet_cifar,
    senet,
    squeezenet,
    vgg,
    vit,
)
from minidl.models._registry import ENTRIES


def _thin(column, factor=16):
    return tuple(entry if isinstance(entry, str) else entry // factor for entry in column)


def _vgg(table):
    return {"column": _thin(table["column"]), "hidden": 12}


def _googlenet(table):
    cells = dict.fromkeys(("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a"), (2, 3, 4, 3, 2, 3))
    return {"stem": (3, 2, 4), "cells": {**cells, "5b": (4, 3, 5, 3, 4, 6)}, "head": (4, 24)}


def _inception(table):
    def thin(step):
        """Three or four kernels, more in wider layers."""
        if isinstance(step, dict):
            return {name: tuple(map(thin, steps)) for name, steps in step.items()}
        if isinstance(step, inception.Pool):
            return step
        if not isinstance(step, inception.Conv):
            return tuple(map(thin, step))
        return step._replace(out_channels=3 + step.out_channels // 200, depthwise=step.depthwise // 4)

    head = {"head": (table["head"][0], (3, 4))} if "head" in table else {}
    return {"trunk": {name: thin(entry) for name, entry in table["trunk"].items()}, **head}


def _resnet(table):
    groups = {"groups": 2, "group_width": 32} if "groups" in table else {}
    return {"widths": (4, 4, 6, 6), **groups}


def _preact_resnet(table):
    depths = [min(depth, 36) for depth in table["depths"]]  # a thousand layers blow rounding up to 1e-5
    return {"depths": depths, "widths": (3, 4, 6, 6)[: len(depths)], "stem": 3}


def _senet(table):
    stem = (4,) if "stem" not in table else (3, 4, 5)
    depths = [min(depth, 6) for depth in table["depths"]]
    return {
        "depths": depths,
        "widths": (4, 6, 6, 8),
        "stem": stem,
        "reduction": 2,
        "groups": min(2, table.get("groups", 1)),
    }


def _squeezenet(table):
    fires = tuple(entry if isinstance(entry, str) else (entry[0] // 8, entry[1] // 16) for entry in table["fires"])
    return {"stem": (5, table["stem"][1]), "fires": fires}


def _efficientnet(table):
    """B3's depth is enough; deeper ones repeat the same blocks."""
    return {"width": 0.1 * table.get("width", 1.0), "depth": min(1.4, table.get("depth", 1.0)), "last": 120}


def _yolo_classifier(table):
    return {"rows": tuple(row if isinstance(row, int) else (3 + row[0] // 200, *row[1:]) for row in table["rows"])}


NARROW = {
    "lenet5": lambda table: {},
    "lenet5_modern": lambda table: {},
    "cnn_deep": lambda table: {"blocks": ((3, 4), (4, 3, 5), (4, 4, 4)), "hidden": 6},
    "alexnet": lambda table: {"kernels": (4, 6, 6, 4, 6), "hidden": 12},
    "alexnet_owt": lambda table: {"kernels": (4, 6, 5, 4, 6), "hidden": 12},
    "zfnet": lambda table: {"kernels": (4, 6, 5, 4, 6), "hidden": 12},
    "zfnet_512": lambda table: {"kernels": (4, 6, 5, 8, 5), "hidden": 12},
    "nin_cifar": lambda table: {"widths": ((6, 5, 4), (5, 6, 5), (6, 5))},
    **dict.fromkeys(vgg.VARIANTS, _vgg),
    **dict.fromkeys(("googlenet", "googlenet_bn"), _googlenet),
    **dict.fromkeys(inception.VARIANTS, _inception),
    **dict.fromkeys(resnet.VARIANTS, _resnet),
    **dict.fromkeys(resnet_cifar.VARIANTS, lambda table: {"widths": (3, 4, 6)}),
    **dict.fromkeys(preact_resnet.VARIANTS, _preact_resnet),
    **dict.fromkeys(densenet.VARIANTS, lambda table: {"growth": 2, "depths": (3, 4, 3, 2)}),
    **dict.fromkeys(nasnet.VARIANTS, lambda table: {"width": 4, "n": 2, "stem": 3}),
    "mobilenet_v1": lambda table: {"width_mult": 0.05},
    "mobilenet_v2": lambda table: {"width_mult": 0.1, "last": 12},
    "shufflenet_v2_x1_0": lambda table: {"widths": (4, 8, 10, 12, 16)},
    "mnasnet1_0": lambda table: {"width_mult": 0.1, "last": 12},
    **dict.fromkeys(mobilenet_v3.VARIANTS, lambda table: {"width_mult": 0.1}),
    **dict.fromkeys(senet.VARIANTS, _senet),
    **dict.fromkeys(squeezenet.VARIANTS, _squeezenet),
    "xception": lambda table: {"stem": (3, 4), "entry": (4, 5, 6), "middle": 3, "leave": (6, 7, 8)},
    **dict.fromkeys(efficientnet.VARIANTS, _efficientnet),
    "yolo_v1_classifier": _yolo_classifier,
    **dict.fromkeys(vit.VARIANTS, lambda table: {"depth": 2, "heads": 2, "width": 6, "hidden": 10}),
}


def narrow(name, rng):
    """Build the narrow relative with random parameters in float64, three classes and its usual channels."""
    variant = ENTRIES[name].variant
    table = {**variant.table, **NARROW[name](variant.table)}
    net = variant.network(**table, num_classes=3, in_channels=variant.in_channels)
    net.name, net.in_channels = name, variant.in_channels
    net.smallest, net.largest = variant.smallest, variant.largest
    return randomise(net, rng)


def randomise(net, rng):
    """Give every parameter random float64 values of a size that lets the signal through; buffers become float64."""
    for module in net.modules():
        for attribute, parameter in module.named_parameters(recurse=False):
            if parameter.ndim > 1:
                fan_in = max(1, int(np.prod(parameter.shape[1:])))
                values = rng.normal(0, (2 / fan_in) ** 0.5, parameter.shape)
            else:
                centre = 1.0 if attribute == "weight" else 0.1  # the scale of a norm; biases that keep relus alive
                values = rng.normal(centre, 0.2, parameter.shape)
            setattr(module, attribute, nn.Parameter(values))
        for attribute, buffer in module.named_buffers(recurse=False):
            setattr(module, attribute, buffer.astype(np.float64))
    return net


def single(net):
    """Make single precision of a network, which the fast kernels serve."""
    for parameter in net.parameters():
        parameter._data = parameter._data.astype(np.float32)
    for module in net.modules():
        for name, array in module._buffers.items():
            if array is not None and array.dtype == np.float64:
                setattr(module, name, array.astype(np.float32))
    return net
