"""Counting without computing: parameters, multiply-adds, operations and bytes of every layer.

Four words that are easily taken for each other:

    parameters   numbers that are learnt
    MACs         multiply-accumulates: a pair of one multiplication and one addition, in convolutions and products
    FLOPs        floating-point operations: additions and multiplications counted each once, hence 2 a MAC, and those of
                 norms, activations and averages besides; `rules.py` has the list
    activations  bytes of the results of all layers for one picture

`receptive_fields` tells which pixels each result depends on, `memory` what a step of training holds, and when,
`difference` what changes from one network to another.

Many a paper and many a tool write FLOPs and mean MACs. (FLOPS with a capital S is a speed: operations a second.)
"""

from minidl.cost.difference import Change, Difference, difference
from minidl.cost.field import Field, receptive_fields
from minidl.cost.memory import Memory, Moment, memory
from minidl.cost.rules import flops, macs
from minidl.cost.table import Cost, Layer, count
from minidl.cost.trail import depth, walk

__all__ = [
    "Change",
    "Cost",
    "Difference",
    "Field",
    "Layer",
    "Memory",
    "Moment",
    "count",
    "depth",
    "difference",
    "flops",
    "macs",
    "memory",
    "receptive_fields",
    "walk",
]


def __dir__() -> list[str]:
    return [*__all__]
