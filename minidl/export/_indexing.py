"""How an array is indexed, in the words of ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.tensor import Event

if TYPE_CHECKING:
    from minidl.export._graph import Graph

_FAR = np.iinfo(np.int64).max


def index(graph: Graph, event: Event, names: Sequence[Any]) -> str:
    """Slices, single places, one array of places, and new axes."""
    (x,), rank = names, event.inputs[0].ndim  # type: ignore[union-attr]
    key = list(event.settings["key"])
    arrays = [part for part in key if isinstance(part, np.ndarray)]
    if len(arrays) > 1 or (arrays and (arrays[0].dtype.kind not in "iu" or any(map(_is_place, key)))):
        graph.refuse(event, "one array of whole numbers as a key, beside slices")
    used = sum(part is not None and part is not Ellipsis for part in key)
    at = next((place for place, part in enumerate(key) if part is Ellipsis), len(key))
    key[at : at + 1] = [slice(None)] * (rank - used)
    kept = [part for part in key if part is not None]
    for axis, part in enumerate(kept):
        if isinstance(part, slice) and part != slice(None):
            x = graph.node("Slice", [x, *(graph.whole([number]) for number in _slice(part, axis))])
    for axis, part in reversed(list(enumerate(kept))):  # last to first, so that the others keep their numbers
        if not isinstance(part, slice):
            x = graph.node("Gather", [x, graph.whole(part)], axis=axis)
    left = [part for part in key if not _is_place(part)]
    new = [axis for axis, part in enumerate(left) if part is None]
    x = graph.node("Unsqueeze", [x, graph.whole(new)]) if new else x
    return x if x != names[0] else graph.node("Identity", [x])


def _is_place(part: Any) -> bool:
    return isinstance(part, (int, np.integer))


def _slice(part: slice, axis: int) -> tuple[int, int, int, int]:
    """Start, stop, axis, step, where what is left out is as far as it can be."""
    step = 1 if part.step is None else int(part.step)
    start = (0 if step > 0 else _FAR) if part.start is None else int(part.start)
    return start, (_FAR if step > 0 else -_FAR) if part.stop is None else int(part.stop), axis, step
