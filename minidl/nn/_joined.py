"""A convolution and the activation behind it as one operation, where nobody looks in between.

The sums of a convolution lie in registers when they are done. An activation that comes later reads them from memory
and writes them again, and one more array lives until then: in networks without norms (AlexNet, VGG, SqueezeNet) that
is up to a tenth of a training step. So a row of modules runs such a pair as `ops.conv2d_fused` does.

The numbers are the same, to the bit. A pair is left as two operations where that could be noticed: while operations are
observed, under kernels that somebody brought, and where a module is not just what its class is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidl import kernels
from minidl._checks import check_alike
from minidl.nn._state import is_plain
from minidl.nn.activation import ReLU, ReLU6
from minidl.nn.conv import Conv2d
from minidl.nn.module import Module
from minidl.ops.conv import convolution_geometry
from minidl.ops.fused import Conv2dFused
from minidl.tensor import Tensor, is_observed

ACTIVATIONS: dict[type[Module], str] = {ReLU: "relu", ReLU6: "relu6"}  # whose slope the result shows


def steps_of(modules: Sequence[Module]) -> Iterator[Callable[[Any], Any]]:
    """Yield what modules do one after the other: each by itself, or two that can join as one."""
    place = 0
    while place < len(modules):
        one, behind = modules[place], modules[place + 1] if place + 1 < len(modules) else None
        two = _can_join(one, behind)
        yield functools.partial(_as_one, one, behind) if two else one
        place += 1 + two


def _can_join(conv: Any, activation: Any) -> bool:
    kind = type(activation)
    return kind in ACTIVATIONS and is_plain(conv, Conv2d) and is_plain(activation, kind)


def joined(conv: Any, activation: Any, x: Tensor) -> Tensor:
    """Return activation(conv(x)) of two modules, as one operation where they can join and nobody would notice.

    Example:
        >>> from minidl import Tensor, nn
        >>> conv = nn.Conv2d(1, 1, 1, bias=False)
        >>> conv.weight.data = conv.weight.data * 0 - 2
        >>> joined(conv, nn.ReLU(), Tensor([[[[1.0, -1.0]]]])).numpy()
        array([[[[0., 2.]]]], dtype=float32)
    """
    return _as_one(conv, activation, x) if _can_join(conv, activation) else activation(conv(x))


def _as_one(conv: Any, activation: Any, x: Tensor) -> Tensor:
    if is_observed() or kernels.are_own():
        return activation(conv(x))
    w, b = conv.weight, conv.bias
    check_alike("conv2d", x=x, w=w, b=b)
    geometry = convolution_geometry("conv2d", x, w, b, conv.stride, conv.padding, conv.dilation, conv.groups)
    return Conv2dFused.apply(x, w, b, None, activation=ACTIVATIONS[type(activation)], **geometry)
