"""A walk through a network that computes nothing: a batch of *no* pictures meets every layer and has every shape.

With weights that nobody has written to (`nn.init.unfilled`), VGG-16 is walked in hundredths of a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_flag, shown
from minidl._random import default_generator
from minidl.cost.example import arrays, as_counted, examples, shape_of
from minidl.nn import BatchNorm1d, BatchNorm2d, Module
from minidl.tensor import Event, no_grad, observe

WEIGHTED = ("conv2d", "conv2d_fused", "conv_transpose2d", "linear")


def walk(net: Module, size: int | Sequence[int] | None = None, *, training: bool = False) -> list[Event]:
    """Send no pictures through a network, and return the events of the operations that they met.

    Shapes of the events begin with the 0 of an empty batch, which must stay the first axis on the whole way. Norms use
    their running statistics even in training, because no pictures have none; one that keeps none is lent some.

    Args:
        net: any module; its modes are put back afterwards.
        size: the side of the pictures, or the shape of one input, such as (3, 224, 224) or (784,); None (default) means
            the size that a network of `minidl.models` has from its paper. What is called with several arrays tells
            them itself, see `example.py`.
        training: whether to walk as in training, through dropout and auxiliary heads.

    Raises:
        ValueError: if the size does not fit the network, or is missing and the network does not know its own.
        TypeError: if net is no module.

    Example:
        >>> from minidl import models
        >>> [event.output.shape[1:] for event in walk(models.lenet5_modern()) if event.op == "max_pool2d"]
        [(6, 14, 14), (16, 5, 5)]
    """
    with no_grad():
        return send(net, size, training=training).events


class Sent(NamedTuple):
    """What came of an empty batch: the events, the batch itself, and what the network made of it."""

    events: list[Event]
    batch: list[Array]
    input: tuple[int, ...] | dict[str, tuple[int, ...]]  # the shape of one, see `example.shape_of`
    result: Any


def send(net: Module, size: int | Sequence[int] | None, *, training: bool) -> Sent:
    """Send no pictures through a network as `walk` does; where gradients are recorded, the result has its graph."""
    counted = as_counted(net)
    check_flag("cost", "training", training)
    inputs = examples(net, size, 0)
    first: Any = next(counted.parameters(), None)
    like = np.zeros((), dtype=np.float32) if first is None else first._data
    events: list[Event] = []
    with _left_as_it_is(counted, like), kernels.use("textbook"), observe(events.append):  # nothing is compiled for it
        for module in counted.modules():
            module.training = training and not isinstance(module, (BatchNorm1d, BatchNorm2d))
        try:
            return Sent(events, arrays(inputs), shape_of(inputs), counted(*inputs.values()))
        except ValueError as error:
            events.clear()
            raise ValueError(f"{error}{_way(counted, inputs, events)}") from error


def check_first_axes(events: Sequence[Event]) -> None:
    """Refuse what an empty batch would count wrongly, in silence: places of a picture that lie among the pictures."""
    for event in events:
        before, after = getattr(event.inputs[0], "shape", ()), event.output.shape
        if event.op not in ("reshape", "transpose") or before[:1] != (0,):
            continue
        if after[:1] != (0,) or math.prod(before[1:]) != math.prod(after[1:]):
            one, where = ", ".join(map(str, ("N", *before[1:]))), event.module or "the network"
            raise ValueError(
                f"cost: {event.op} in {where} lays other axes of ({one}) among the pictures, and an empty batch does "
                "not tell how many numbers that makes; keep N the first axis, as ops.matmul(x, w) does for places"
            )


@contextmanager
def _left_as_it_is(net: Module, like: Array) -> Iterator[None]:
    """Put modes and generators back when the block ends; norms without running statistics have some meanwhile."""
    modules, bare = [*net.modules()], []
    drawing = {id(one): one for module in modules for one in vars(module).values() if _draws(one)}
    states = [(one, one.bit_generator.state) for one in (default_generator(), *drawing.values())]
    for module in modules:
        if isinstance(module, (BatchNorm1d, BatchNorm2d)) and not module.track_running_stats:
            bare.append(module)
            module.track_running_stats = True
            for name, value in (("running_mean", 0), ("running_var", 1)):
                setattr(module, name, _backend.full((module.num_features,), value, like.dtype, like=like))
    try:
        with net.modes_kept():
            yield
    finally:
        for module in bare:
            module.track_running_stats, module.running_mean, module.running_var = False, None, None
        for generator, state in states:
            generator.bit_generator.state = state


def _draws(value: Any) -> bool:
    return isinstance(value, np.random.Generator)


def _way(net: Module, inputs: Mapping[str, Any], events: list[Event]) -> str:
    """Say how the maps shrink, layer by layer, on the way to the one that cannot take them; "" where they do not.

    A network that judges its pictures at the door is entered past the door, for its layers to show what is missing.
    """
    x, *others = inputs.values()
    if len(x.shape) != 4 or others:
        return ""
    judged = vars(net).get("check_pictures")
    if hasattr(net, "check_pictures"):
        net.check_pictures = lambda x: None
    try:
        net(x)
        return ""  # it is too small for training alone
    except ValueError as error:
        where, ended = _module_of(net, error), "larger than the padded input" in str(error)
    finally:
        vars(net).pop("check_pictures", None)
        if judged is not None:
            net.check_pictures = judged
    steps = [f"{x.shape[2]}×{x.shape[3]}"]
    for event in events:
        shape = event.output.shape
        side = "×".join(map(str, shape[2:]))
        if len(shape) == 4 and side != steps[-1].rpartition(" ")[2]:
            steps.append(f"{event.module or event.op} {side}")
    if len(steps) == 1 and not ended:
        return ""
    last = f"{where or 'the next'} {'leaves nothing' if ended else 'needs another size'}"
    return f"; layer by layer: {', '.join(steps)}, and {last}"


def _module_of(net: Module, error: BaseException) -> str:
    """Return the path of the layer in which an error came up."""
    paths = {id(module): path for path, module in net.named_modules()}
    found, frames = "", error.__traceback__
    while frames is not None:
        found = paths.get(id(frames.tb_frame.f_locals.get("self")), found)
        frames = frames.tb_next
    return found


def depth(events: Sequence[Event], *ops: str) -> int:
    """Return the largest number of the named operations on any way from the input to the last output.

    Args:
        events: those of `walk`.
        ops: names of operations; none means those with weights, convolutions and linear layers. It is what papers call
            the depth of a network: poolings and norms do not count, and of parallel branches the longest does.

    Example:
        >>> from minidl import models
        >>> depth(walk(models.lenet5_modern()))
        5
    """
    if not isinstance(events, (list, tuple)) or not all(isinstance(event, Event) for event in events):
        raise TypeError(f"depth: expects the events of cost.walk(net); received {shown(events)}")
    if not all(isinstance(op, str) for op in ops):
        raise TypeError(f"depth: expects names of operations, such as 'conv2d'; received {shown(ops)}")
    counted = ops or WEIGHTED
    reached: dict[int, int] = {}
    for event in events:
        before = max((reached.get(id(array), 0) for array in event.inputs if array is not None), default=0)
        reached[id(event.output)] = before + (event.op in counted)
    return reached[id(events[-1].output)] if events else 0
