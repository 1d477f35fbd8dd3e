"""What a network is called with where it is counted, walked or measured.

Most take one array, whose shape is told by a size. Two methods, both of which are optional, say it of others:

    example_inputs(n, size, rng)   takes several arrays: n examples of each, by name and in the order of the call. The
                                   size is what the user asks for, None, an int or a tuple; the numbers that rng draws
                                   are such as the network could be given in earnest.
    as_counted()                   is more than a network from its inputs to a result, such as two that learn from each
                                   other: the module that is counted for it, which takes what example_inputs gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from minidl import _backend
from minidl._checks import is_int, shown, to_int
from minidl._looks import listed, sides
from minidl.nn import Module
from minidl.tensor import Tensor

ONE = "x"  # what the input of a network is called that has but one
Size = int | Sequence[int] | None
Shape = tuple[int, ...]


def as_counted(net: Any) -> Module:
    """Return what is counted of a network: itself, unless it says otherwise.

    Raises:
        TypeError: if it is no module.
    """
    if not isinstance(net, Module):
        found = type(net).__name__
        raise TypeError(f"cost: expects a module; received a {found}; build one: models.get_model(name)")
    return net.as_counted() if _tells(net, "as_counted") else net


def takes_several(net: Module) -> bool:
    """Tell whether a network says itself what it is called with."""
    return any(_tells(one, "example_inputs") for one in (net, as_counted(net)))


def name_of(net: Module) -> str:
    """Return what a network is called."""
    return getattr(net, "name", "") or type(net).__name__


def examples(net: Module, size: Size, n: int, rng: np.random.Generator | None = None) -> dict[str, Any]:
    """Return what a network is called with for n inputs, by name: normal numbers, if it does not say anything else.

    Args:
        net: any module.
        size: the side of the pictures, the shape of one input, or what the network takes for one; None means its own.
        n: how many; 0 of them draw no numbers.
        rng: where numbers come from; None (default) begins one with the seed 0.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    for one in (net, as_counted(net)):
        if _tells(one, "example_inputs"):
            check_size(size)
            return one.example_inputs(n, size, rng)
    first: Any = next(net.parameters(), None)
    like = np.zeros((), dtype=np.float32) if first is None else first._data
    shape = (n, *input_shape(net, size))
    if not n:
        return {ONE: Tensor(_backend.empty(shape, like.dtype, like=like))}
    return {ONE: Tensor(_backend.to_device(rng.standard_normal(shape).astype(like.dtype), _backend.device_of(like)))}


def arrays(inputs: Mapping[str, Any]) -> list[Any]:
    """Return the arrays of inputs."""
    return [one._data if isinstance(one, Tensor) else one for one in inputs.values()]


def shape_of(inputs: Mapping[str, Any]) -> Shape | dict[str, Shape]:
    """Return the shape of one input without the batch axis, or where there are several, that of each by its name.

    Example:
        >>> shape_of({"x": np.zeros((8, 3, 32, 32))}), shape_of({"source": np.zeros((8, 20)), "step": np.zeros(8)})
        ((3, 32, 32), {'source': (20,), 'step': ()})
    """
    shapes = {name: tuple(one.shape[1:]) for name, one in inputs.items()}
    return shapes[ONE] if list(shapes) == [ONE] else shapes


def written(shape: Shape | Mapping[str, Shape]) -> str:
    """Write what `shape_of` returns.

    Example:
        >>> written((3, 32, 32)), written({"source": (20,), "step": ()})
        ('3×32×32', 'source 20, step')
    """
    if not isinstance(shape, Mapping):
        return sides(shape)
    return ", ".join(f"{name} {sides(one)}".strip() for name, one in shape.items())


def is_picture(shape: Shape | Mapping[str, Shape]) -> TypeGuard[Shape]:
    """Tell whether one input is a picture and nothing else."""
    return not isinstance(shape, Mapping) and len(shape) == 3


def input_shape(net: Module, size: Size) -> Shape:
    """Return the shape of one input, without the batch axis, of a network that takes one array."""
    name = name_of(net)
    if takes_several(net):
        takes = listed([*examples(net, None, 0)])
        raise ValueError(f"cost: {name} is called with {takes}; this asks for a network that takes pictures alone")
    given: Any = getattr(net, "input_size", None) if size is None else size
    if given is None:
        raise ValueError(f"cost: {name} does not tell the size of its input; give size=224, or size=(3, 224, 224)")
    check_size(given)
    if not is_int(given):
        return tuple(given)
    side, channels = int(given), getattr(net, "in_channels", None)
    if channels is None:
        shape = (3, side, side)
        raise ValueError(f"cost: {name} does not tell its in_channels; give the shape of one input, size={shape}")
    return channels, side, side


def check_size(size: Any) -> None:
    """Refuse what is no size."""
    if size is None:
        return
    if is_int(size):
        to_int("cost", "size", size, least=1)
    elif not isinstance(size, (tuple, list)) or not size or not all(is_int(one) and one > 0 for one in size):
        raise ValueError(
            f"cost: size must be the side of the pictures or the shape of one input without its batch axis, with "
            f"ints >= 1; received size={shown(size)}"
        )


def _tells(net: Module, method: str) -> bool:
    return callable(getattr(type(net), method, None))
