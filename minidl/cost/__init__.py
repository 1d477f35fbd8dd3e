"""Counting without computing: parameters, multiply-adds, operations and bytes of every layer.

Four words that are easily taken for each other:

    parameters   numbers that are learnt
    MACs         multiply-accumulates: a pair of one multiplication and one addition, in convolutions and products
    FLOPs        floating-point operations: additions and multiplications counted each once, hence 2 a MAC, and those of
                 norms, activations and averages besides; `rules.py` has the list
    activations  bytes of the results of all layers for one picture

`receptive_fields` tells which pixels each result depends on, `empirical_field` on which it does so in a real network,
`memory` what a step of training holds, and when, `difference` what changes from one network to another, `conventions`
what everybody calls the FLOPs of a network.

Many a paper and many a tool write FLOPs and mean MACs. (FLOPS with a capital S is a speed: operations a second.)
"""

from minidl.cost.conventions import Convention, Conventions, conventions
from minidl.cost.difference import Change, Difference, difference
from minidl.cost.empirical import Reached, empirical_field
from minidl.cost.field import Field
from minidl.cost.field_walk import receptive_fields
from minidl.cost.machine import Machine, this_machine
from minidl.cost.measured import Measured, Pass, Timed, measure
from minidl.cost.memory import Memory, Moment, memory
from minidl.cost.parts import parts
from minidl.cost.rules import flops, macs
from minidl.cost.table import Cost, Layer, count
from minidl.cost.trail import depth, walk

__all__ = [
    "Change",
    "Convention",
    "Conventions",
    "Cost",
    "Difference",
    "Field",
    "Layer",
    "Machine",
    "Measured",
    "Memory",
    "Moment",
    "Pass",
    "Reached",
    "Timed",
    "conventions",
    "count",
    "depth",
    "difference",
    "empirical_field",
    "flops",
    "macs",
    "measure",
    "memory",
    "parts",
    "receptive_fields",
    "this_machine",
    "walk",
]


def __dir__() -> list[str]:
    return [*__all__]
