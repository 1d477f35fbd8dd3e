"""The receptive field behind every operation of a walk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl._checks import shown
from minidl.cost.field import Box, Field, Pair, Trail
from minidl.cost.field_rules import UNEVEN, after
from minidl.tensor import Event


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
    trail, found = Trail(), []
    for event in events:
        seen = []
        for array in event.inputs:
            if array is None or not array.shape or array.shape[0] != 0:
                continue  # weights, and numbers
            if id(array) not in known:  # the picture itself, or what the network is told besides
                picture = picture or (array.shape[2:] if array.ndim == 4 else None)
                is_it = picture is not None and array.shape[2:] == picture
                known[id(array)] = Field((1, 1), (1, 1), (0, 0)) if is_it else None
            seen.append(known[id(array)])
        field, source = (None, None) if picture is None or not seen else after(event, seen, picture)
        if field is not None and field is not UNEVEN:
            field = trail.leave(field, event.module or event.op, source)
            object.__setattr__(field, "_reach", _reach(field, event.output.shape, seen, picture))
        known[id(event.output)] = field
        found.append(None if field is UNEVEN else field)
    return found


def _reach(field: Field, shape: Sequence[int], seen: Sequence[Field | None], picture: Any) -> Box:
    """Return which rows and columns of the picture a map sees: those its inputs see, as far as its windows go."""
    sides = []
    for axis in range(2):
        known = [getattr(one, "_reach", None) for one in seen if one is not None]
        before = [range(picture[axis]) if one is None else one[axis] for one in known] or [range(picture[axis])]
        start, stop = min(side.start for side in before), max(side.stop for side in before)
        if field.stride[axis]:
            first, last = field.offset[axis], (shape[field.axes[axis]] - 1) * field.stride[axis]
            start, stop = max(start, first), min(stop, first + last + field.size[axis])
        sides.append(range(start, max(start, stop)))
    return sides[0], sides[1]
