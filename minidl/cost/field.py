"""Receptive fields: which pixels of the picture one number of a map depends on.

Along each axis, number i of a map sees the pixels from i·j + low to i·j + high, where the jump j is the product of all
strides before. A window of k taps that are d apart, with stride s and p places of padding in front, makes of this

    low + (-p)·j        high + (d·(k - 1) - p)·j        j·s

so that the size, high - low + 1, grows by d·(k - 1)·j: a layer counts the more, the more strides lie before it. Where
branches meet, the field reaches from the smallest low to the largest high. Pixels outside of the picture count: it is
the size that papers tell. After a global average every number sees the whole picture, and so does all that it scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from minidl._checks import shown
from minidl._looks import Brief, sides
from minidl.tensor import Event

WINDOWS = ("conv2d", "conv2d_fused", "max_pool2d", "avg_pool2d")
GLOBAL = ("global_avg_pool2d", "linear", "matmul", "softmax", "log_softmax")
REDUCTIONS = ("sum", "mean", "max", "var")
UNKNOWN = ("conv_transpose2d", "interpolate", "im2col", "col2im")
Pair = tuple[int, int]


@dataclass(frozen=True)
class Field(Brief):
    """The receptive field of every number of a map, along (H, W).

    Attributes:
        size: how many pixels it reaches over; as many as the picture has, if it is the whole one.
        stride: how many pixels the field moves from one number to the next; 0 where all see the whole picture.
        offset: the first pixel that number 0 sees; negative where it lies in the padding.
        axes: the axes of the array along which it moves.
    """

    size: Pair
    stride: Pair
    offset: Pair
    axes: Pair = (2, 3)

    @property
    def is_whole(self) -> bool:
        """Whether every number sees the whole picture."""
        return self.stride == (0, 0)

    def __str__(self) -> str:
        """Write the size as tables have it.

        Example:
            >>> print(Field((212, 212), (32, 32), (-90, -90)), Field((11, 7), (1, 1), (0, 0)))
            212 11×7
        """
        if self.is_whole:
            return "whole picture"
        return str(self.size[0]) if self.size[0] == self.size[1] else sides(self.size)

    def _words(self) -> list[str]:
        return [f"{self.size[0]}×{self.size[1]}", f"stride {self.stride}", f"offset {self.offset}"]


def receptive_fields(events: Sequence[Event]) -> list[Field | None]:
    """Return the receptive field of the result of every operation; None where there is no rule, or no picture.

    Args:
        events: those of `walk`.

    Raises:
        TypeError: if these are no events.

    Example:
        >>> from minidl import cost, models, nn
        >>> with nn.init.unfilled():
        ...     events = cost.walk(models.vgg16())
        >>> pools = [field for event, field in zip(events, receptive_fields(events)) if event.op == "max_pool2d"]
        >>> [field.size[0] for field in pools], pools[-1].stride
        ([6, 16, 44, 100, 212], (32, 32))
    """
    if not isinstance(events, (list, tuple)) or not all(isinstance(event, Event) for event in events):
        raise TypeError(f"receptive_fields: expects the events of cost.walk(net); received {shown(events)}")
    known: dict[int, Field | None] = {}
    picture: Pair | None = None
    found = []
    for event in events:
        seen = []
        for array in event.inputs:
            if array is None or not array.shape or array.shape[0] != 0:
                continue  # weights, and numbers
            if id(array) not in known:  # the picture itself
                picture = picture or (array.shape[2:] if array.ndim == 4 else None)
                known[id(array)] = None if picture is None else Field((1, 1), (1, 1), (0, 0))
            seen.append(known[id(array)])
        field = None if picture is None or not seen or None in seen else _after(event, seen, picture)
        known[id(event.output)] = field
        found.append(field)
    return found


def _after(event: Event, seen: list[Any], picture: Pair) -> Field | None:
    """Return the field of a result from those of its inputs."""
    first, whole = seen[0], Field(picture, (0, 0), (0, 0))
    if event.op in UNKNOWN:
        return None
    if event.op in GLOBAL or any(field.is_whole for field in seen):
        return whole
    if event.op in WINDOWS:
        return _window(event, first)
    if event.op == "adaptive_avg_pool2d":
        return _adaptive(event, first, whole)
    if event.op == "pad":
        (top, _), (left, _) = event.settings["padding"]
        return replace(
            first, offset=tuple(o - p * j for o, p, j in zip(first.offset, (top, left), first.stride, strict=True))
        )
    if event.op == "index":
        return _picked(event, first)
    if event.op == "transpose":
        axes = [range(len(event.output.shape))[axis] for axis in event.settings["axes"]]
        return replace(first, axes=(axes.index(first.axes[0]), axes.index(first.axes[1])))
    if event.op == "reshape":
        return _reshaped(event, first, whole)
    if event.op in REDUCTIONS:
        return first if set(first.axes).isdisjoint(_axes(event)) and event.settings.get("keepdims") else whole
    return _joined(seen)


def _window(event: Event, field: Field) -> Field | None:
    if field.axes != (2, 3):
        return None
    of = event.settings
    kernel = of.get("kernel_size") or event.inputs[1].shape[2:]  # type: ignore[union-attr]
    reach = [d * (k - 1) for d, k in zip(of.get("dilation", (1, 1)), kernel, strict=True)]
    size = tuple(n + r * j for n, r, j in zip(field.size, reach, field.stride, strict=True))
    offset = tuple(o - p[0] * j for o, p, j in zip(field.offset, of["padding"], field.stride, strict=True))
    stride = tuple(j * s for j, s in zip(field.stride, of["stride"], strict=True))
    return Field(size, stride, offset)


def _adaptive(event: Event, field: Field, whole: Field) -> Field | None:
    """Windows of one size, if the result divides the map."""
    before, after = event.inputs[0].shape[2:], event.output.shape[2:]  # type: ignore[union-attr]
    if after == (1, 1):
        return whole
    if any(long % short for long, short in zip(before, after, strict=True)):
        return None
    times = [long // short for long, short in zip(before, after, strict=True)]
    size = tuple(n + (k - 1) * j for n, k, j in zip(field.size, times, field.stride, strict=True))
    stride = tuple(j * k for j, k in zip(field.stride, times, strict=True))
    return Field(size, stride, field.offset)


def _picked(event: Event, field: Field) -> Field | None:
    """Rows and columns from slices: they begin later, and may leave some out."""
    key = event.settings["key"]
    key = key if isinstance(key, tuple) else (key,)
    if any(part is None or part is Ellipsis or isinstance(part, int) for part in key) or field.axes != (2, 3):
        return None
    stride, offset = list(field.stride), list(field.offset)
    for axis, part in enumerate(key[2:4]):
        if not isinstance(part, slice) or (part.step or 1) < 0:
            return None
        start, _, step = part.indices(event.inputs[0].shape[2 + axis])  # type: ignore[union-attr]
        offset[axis] += start * stride[axis]
        stride[axis] *= step
    return Field(field.size, (stride[0], stride[1]), (offset[0], offset[1]))


def _reshaped(event: Event, field: Field, whole: Field) -> Field:
    """The maps stay maps if the last two axes do; else all their numbers stand in one row."""
    before, after = event.inputs[0].shape, event.output.shape  # type: ignore[union-attr]
    kept = field.axes == (len(before) - 2, len(before) - 1) and before[-2:] == after[-2:]
    return replace(field, axes=(len(after) - 2, len(after) - 1)) if kept else whole


def _axes(event: Event) -> tuple[int, ...]:
    axes, ndim = event.settings.get("axes"), len(event.inputs[0].shape)  # type: ignore[union-attr]
    return tuple(range(ndim)) if axes is None else tuple(range(ndim)[axis] for axis in axes)


def _joined(seen: list[Field]) -> Field | None:
    """The field of branches that meet, which move alike."""
    first = seen[0]
    if any((field.stride, field.axes) != (first.stride, first.axes) for field in seen):
        return None
    low = [min(field.offset[axis] for field in seen) for axis in range(2)]
    high = [max(field.offset[axis] + field.size[axis] for field in seen) for axis in range(2)]
    return Field((high[0] - low[0], high[1] - low[1]), first.stride, (low[0], low[1]), first.axes)
