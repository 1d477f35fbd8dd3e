"""What each operation makes of receptive fields.

A window of k taps that are d apart, with stride s and p places of padding in front, makes of low, high and jump j

    low + (-p)·j        high + (d·(k - 1) - p)·j        j·s

so that the size, high - low + 1, grows by d·(k - 1)·j: a layer counts the more, the more strides lie before it. Where
branches meet, the field reaches from the smallest low to the largest high. An average over an axis, and a norm that
takes its statistics there, sees all of that axis.

A transposed convolution of stride 1 is a convolution whose window begins d·(k - 1) - p places earlier. With a larger
stride its numbers see unequally many pixels, and so do those between two pixels of `interpolate`: there is no one field
of all numbers, and nothing is said. Neither is it of operations that are not listed here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from minidl.cost.field import Field, Pair
from minidl.ops.interpolate import places
from minidl.tensor import Event

Found = Field | None

# Every number is made of those in its own place; concat, grow and append lay channels behind each other.
IN_PLACE = frozenset(
    (
        *("abs", "clip", "exp", "log", "sqrt", "power", "power_of", "add", "subtract", "multiply", "divide", "where"),
        *("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh", "scaled_tanh"),
        *("hardsigmoid", "hardswish", "dropout", "dropout2d", "stochastic_depth", "batch_norm_eval", "add_relu"),
        *("local_response_norm", "channel_shuffle", "scale_channels", "concat", "append_channels", "reserve_channels"),
        "to_device",
    )
)
ALONG_CHANNELS = (
    "append_channels",
    "channel_shuffle",
    "local_response_norm",
    "reserve_channels",
    "scale_channels",
)  # axis 1


# Numbers that see unequally many pixels, or are unevenly far from each other: no one field, but they see all together.
UNEVEN = Field((0, 0), (-1, -1), (0, 0))


def after(event: Event, seen: Sequence[Found], picture: Pair) -> tuple[Found, Found]:
    """Return the field of a result, and of which of its inputs' fields it was made: the largest."""
    source = largest([field for field in seen if field is not None and field is not UNEVEN])
    of_all = event.op == "linear" if seen[0] is UNEVEN else False
    if of_all or event.op == "global_avg_pool2d" or (event.op == "adaptive_avg_pool2d" and _is_one(event)):
        return _over(Field(picture, (1, 1), (0, 0)), (2, 3), picture), source
    if event.op in IN_PLACE:
        return _in_place(event, seen, picture), source
    if seen[0] is None or event.op not in RULES:
        return None, None
    if UNEVEN in seen:
        return UNEVEN if event.op in KEEP_ALL else None, None
    field = seen[0] if seen[0].is_whole else RULES[event.op](event, seen[0], picture)
    if event.op == "conv2d_fused" and len(seen) > 1:  # the residual
        source = source if field is None else seen[0] if largest([field, seen[1] or field]) is field else seen[1]
        return _joined([field, seen[1]], picture), source
    if event.op in ("matmul", "scaled_dot_product_attention") and len(seen) > 1:
        field = field if field is not None and field.is_whole else None
    return field, source


def _is_one(event: Event) -> bool:
    return bool(event.output.shape[2:] == (1, 1))


def largest(fields: Sequence[Field]) -> Found:
    """Return the first that is the whole picture, else the first of the largest."""
    return max(fields, key=lambda field: (field.is_whole, math.prod(field.size)), default=None)


def _over(field: Field, axes: Collection[int], picture: Pair) -> Field:
    """Return the field of numbers that see all places along some axes of the array."""
    rows, columns = (axis in axes for axis in field.axes)

    def pair(new: Pair, old: Pair) -> Pair:
        return new[0] if rows else old[0], new[1] if columns else old[1]

    return Field(pair(picture, field.size), pair((0, 0), field.stride), pair((0, 0), field.offset), field.axes)


def _in_place(event: Event, seen: Sequence[Found], picture: Pair) -> Found:
    """Join what meets in one place, if channels stay channels and nothing is repeated along the map."""
    known = [field for field in seen if field is not None]
    if any(field.is_whole for field in known):
        return _over(known[0], known[0].axes, picture)
    if UNEVEN in known:
        return UNEVEN if len(known) == len(seen) else None
    across = (1,) if event.op in ALONG_CHANNELS else (event.settings["axis"],) if event.op == "concat" else ()
    if len(known) < len(seen) or any(axis in field.axes for field in known for axis in across):
        return None
    if event.op != "concat" and any(_is_repeated(event, axis) for axis in known[0].axes):
        return None
    return _joined(known, picture)


def _is_repeated(event: Event, axis: int) -> bool:
    """Tell whether broadcasting repeats an input that depends on the picture along an axis."""
    return any(
        array.ndim == event.output.ndim and array.shape[axis] != event.output.shape[axis]
        for array in event.inputs
        if array is not None and array.shape and array.shape[0] == 0
    )


def _joined(fields: Sequence[Found], picture: Pair) -> Found:
    """Return the field of branches that meet, which move alike; whoever meets the whole sees the whole."""
    if any(field is None for field in fields):
        return None
    first, *others = known = [field for field in fields if field is not None]
    if any(field.axes != first.axes for field in others):
        return None
    size, stride, offset = [0, 0], [0, 0], [0, 0]
    for axis in range(2):
        strides = {field.stride[axis] for field in known}
        if 0 in strides:
            size[axis] = picture[axis]
            continue
        if len(strides) > 1:
            return None
        offset[axis] = min(field.offset[axis] for field in known)
        size[axis] = max(field.offset[axis] + field.size[axis] for field in known) - offset[axis]
        stride[axis] = first.stride[axis]
    return Field((size[0], size[1]), (stride[0], stride[1]), (offset[0], offset[1]), first.axes)


def _window(event: Event, field: Field, picture: Pair) -> Found:
    of = event.settings
    kernel = of.get("kernel_size") or event.inputs[1].shape[2:]  # type: ignore[union-attr]
    return _windows(field, kernel, of["stride"], [front for front, _ in of["padding"]], of.get("dilation", (1, 1)))


def _windows(
    field: Field, kernel: Sequence[int], stride: Sequence[int], front: Sequence[int], dilation: Sequence[int] = (1, 1)
) -> Found:
    """Return the field of windows over a map that lies as (N, C, H, W)."""
    if field.axes != (2, 3):
        return None
    (h, width), (jh, jw), (top, left) = field.size, field.stride, field.offset
    (kh, kw), (dh, dw) = kernel, dilation
    return Field(
        (h + dh * (kh - 1) * jh, width + dw * (kw - 1) * jw),
        (jh * stride[0], jw * stride[1]),
        (top - front[0] * jh, left - front[1] * jw),
    )


def _transposed(event: Event, field: Field, picture: Pair) -> Found:
    """With stride 1, a convolution over what lies behind as well as before."""
    of = event.settings
    if tuple(of["stride"]) != (1, 1):
        return UNEVEN
    kernel = event.inputs[1].shape[2:]  # type: ignore[union-attr]
    front = [d * (k - 1) - p[0] for d, k, p in zip(of["dilation"], kernel, of["padding"], strict=True)]
    return _windows(field, kernel, (1, 1), front, of["dilation"])


def _resized(event: Event, field: Field, picture: Pair) -> Found:
    """A window, where every number of the result lies alike between those of the map: if it shrinks to a whole part."""
    of, found = event.settings, []
    for size, out_size, step in zip(event.inputs[0].shape[2:], of["out_size"], of["step"], strict=True):  # type: ignore[union-attr]
        rows = [
            (low, high if share else low)
            for low, high, share in places(size, out_size, step, of["mode"], of["align_corners"])
        ]
        jumps = {(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(rows)} or {(1, 1)}
        jump, again = next(iter(jumps))
        if len(jumps) > 1 or jump != again or jump < 1:
            return UNEVEN
        found.append((rows[0][1] - rows[0][0] + 1, jump, -rows[0][0]))
    kernel, stride, front = zip(*found, strict=True)
    return _windows(field, kernel, stride, front)


def _adaptive(event: Event, field: Field, picture: Pair) -> Found:
    """Windows of one size, if the result divides the map."""
    before, after = event.inputs[0].shape[2:], event.output.shape[2:]  # type: ignore[union-attr]
    if any(long % short for long, short in zip(before, after, strict=True)):
        return UNEVEN
    times = [long // short for long, short in zip(before, after, strict=True)]
    return _windows(field, times, times, (0, 0))


def _padded(event: Event, field: Field, picture: Pair) -> Found:
    """The last two axes become longer, whatever they are: if they are rows and columns, all of them move."""
    last = event.output.ndim - 2
    front = [event.settings["padding"][axis - last][0] if axis >= last else 0 for axis in field.axes]
    moved = [o - p * j for o, p, j in zip(field.offset, front, field.stride, strict=True)]
    return replace(field, offset=(moved[0], moved[1]))


def _picked(event: Event, field: Field, picture: Pair) -> Found:
    """Rows and columns from slices: they begin later, and may leave some out; channels may be chosen."""
    key = event.settings["key"]
    key = key if isinstance(key, tuple) else (key,)
    if any(part is None or part is Ellipsis for part in key):
        return None
    stride, offset, gone = list(field.stride), list(field.offset), []
    for axis, part in enumerate(key):
        if axis not in field.axes:
            if _is_place(part):
                gone.append(axis)
            elif not isinstance(part, slice) and (getattr(part, "ndim", 0) != 1 or any(map(_is_place, key))):
                return None
            continue
        if not isinstance(part, slice) or (part.step or 1) < 0:
            return None
        place, (start, _, step) = field.axes.index(axis), part.indices(event.inputs[0].shape[axis])  # type: ignore[union-attr]
        offset[place] += start * stride[place]
        stride[place] *= step
    if event.output.ndim != event.inputs[0].ndim - len(gone):  # type: ignore[union-attr]
        return None
    axes = [axis - sum(other < axis for other in gone) for axis in field.axes]
    return Field(field.size, (stride[0], stride[1]), (offset[0], offset[1]), (axes[0], axes[1]))


def _is_place(part: object) -> bool:
    return isinstance(part, int)


def _turned(event: Event, field: Field, picture: Pair) -> Found:
    axes = [range(len(event.output.shape))[axis] for axis in event.settings["axes"]]
    return replace(field, axes=(axes.index(field.axes[0]), axes.index(field.axes[1])))


def _reshaped(event: Event, field: Field, picture: Pair) -> Found:
    """Rows and columns may stay axes of their own; else all numbers stand in one row, which sees everything."""
    before, after = event.inputs[0].shape, event.output.shape  # type: ignore[union-attr]
    if math.prod(before[1:]) != math.prod(after[1:]):  # places lie among the pictures
        return None
    axes = []
    for axis in field.axes:
        place = (before[axis], math.prod(before[axis + 1 :]))
        kept = [new for new in range(1, len(after)) if (after[new], math.prod(after[new + 1 :])) == place]
        axes.append(kept[-1] if kept else 0)
    if 0 in axes or axes[0] == axes[1]:
        return _over(field, field.axes, picture)
    return replace(field, axes=(axes[0], axes[1]))


def _reduced(event: Event, field: Field, picture: Pair) -> Found:
    ndim = len(event.inputs[0].shape)  # type: ignore[union-attr]
    gone = {range(ndim)[axis] for axis in event.settings["axes"]}
    found = _over(field, gone, picture)
    if event.settings["keepdims"] or found.is_whole:
        return found
    if not gone.isdisjoint(field.axes):
        return None  # one axis of the map is left, which has no pair
    axes = [axis - sum(other < axis for other in gone) for axis in field.axes]
    return replace(found, axes=(axes[0], axes[1]))


def _last(event: Event, field: Field, picture: Pair) -> Found:
    """A product sums up over the last axis; rows of a linear layer have no map."""
    return field if event.inputs[0].ndim - 1 not in field.axes else None  # type: ignore[union-attr]


def _compared(event: Event, field: Field, picture: Pair) -> Found:
    return _over(field, (event.settings["axis"] % event.output.ndim,), picture)


def _line(event: Event, field: Field, picture: Pair) -> Found:
    """A layer norm takes its statistics over as many of the last axes as its weight has."""
    ndim = event.output.ndim
    return _over(field, range(ndim - event.inputs[1].ndim, ndim), picture)  # type: ignore[union-attr]


def _mixed(event: Event, field: Field, picture: Pair) -> Found:
    """Every query sees all keys, along the last axis but one."""
    return _over(field, (event.output.ndim - 2,), picture)


def _all(event: Event, field: Field, picture: Pair) -> Found:
    return _over(field, field.axes, picture)


KEEP_ALL = ("conv2d", "max_pool2d", "avg_pool2d", "conv_transpose2d", "interpolate", "adaptive_avg_pool2d", "reshape")
RULES: dict[str, Callable[[Event, Field, Pair], Found]] = {
    **dict.fromkeys(("conv2d", "conv2d_fused", "max_pool2d", "avg_pool2d"), _window),
    **dict.fromkeys(("sum", "mean", "max", "var"), _reduced),
    **dict.fromkeys(("linear", "matmul"), _last),
    **dict.fromkeys(("softmax", "log_softmax"), _compared),
    **dict.fromkeys(("group_norm", "batch_norm"), _all),
    "conv_transpose2d": _transposed,
    "interpolate": _resized,
    "adaptive_avg_pool2d": _adaptive,
    "pad": _padded,
    "index": _picked,
    "transpose": _turned,
    "reshape": _reshaped,
    "layer_norm": _line,
    "scaled_dot_product_attention": _mixed,
}
