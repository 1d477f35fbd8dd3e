"""What an operation moves: every operand read once, and the result written once.

It is the least that any machine must move between its memory and its processor, and what it is divided by for the
arithmetic intensity, FLOPs a byte. An operation whose intensity is less than what a machine computes while one byte
comes is bound by the memory, however fast the processor: a depthwise convolution, a norm, an addition.
"""

from __future__ import annotations

import math

from minidl.cost.rules import VIEWS, activation_bytes, elements
from minidl.tensor import Event


def moved_bytes(event: Event) -> tuple[int, int]:
    """Return the bytes that an operation reads and writes for each picture, and those that it reads once for all.

    Example:
        >>> from minidl import cost, nn
        >>> (event,) = cost.walk(nn.Linear(100, 10), (100,))
        >>> moved_bytes(event)  # 100 numbers and 10; 1,000 weights and 10 biases
        (440, 4040)
    """
    if event.op in VIEWS:
        return 0, 0
    operands = {id(array): array for array in event.inputs if array is not None}
    if event.op == "append_channels" and activation_bytes(event) < elements(event) * event.output.dtype.itemsize:
        del operands[id(event.inputs[0])]  # it is there already, and is not moved
    fixed = sum(array.nbytes for array in operands.values())  # what has an axis of 0 has none
    shapes = [(array.shape[1:], array.dtype.itemsize) for array in operands.values() if 0 in array.shape]
    return activation_bytes(event) + sum(math.prod(shape) * size for shape, size in shapes), fixed
