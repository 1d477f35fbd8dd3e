"""The formulas of the cells in the numbers of a layer, and the numbers that the usual slips lead to.

Each function returns the formula as text, and pairs: what was done, and the value that comes out of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from minidl.cost.field import Field
from minidl.teach.learn.prediction.answers import Value, written
from minidl.teach.strings.learn import prediction as words
from minidl.tensor import Event

Pair = tuple[int, int]
Slips = tuple[tuple[str, Value], ...]
Worked = tuple[str, Slips]


@dataclass(frozen=True)
class Window:
    """A convolution or a pooling: its sizes and settings."""

    c: int
    o: int
    kernel: Pair
    stride: Pair
    padding: tuple[Pair, Pair]
    dilation: Pair
    groups: int
    bias: bool
    before: Pair
    after: Pair
    ceil: bool

    def size(self, axis: int, **changed: int) -> int:
        """Work out the number of windows along an axis, with some of the numbers changed."""
        front, back = self.padding[axis]
        front, back = changed.get("front", front), changed.get("back", back)
        k, s, d = self.kernel[axis], changed.get("s", self.stride[axis]), changed.get("d", self.dilation[axis])
        span = changed.get("span", d * (k - 1) + 1)
        rest = self.before[axis] + front + back - span
        up = changed.get("up", int(self.ceil))
        return (-(-rest // s) if up else rest // s) + changed.get("one", 1)


def window_of(event: Event) -> Window:
    """Return the window of a convolution or a pooling."""
    x, of = event.inputs[0], event.settings
    kernel = of.get("kernel_size") or event.inputs[1].shape[2:]  # type: ignore[union-attr]
    after = event.output.shape[2:]
    plain = Window(
        x.shape[1],  # type: ignore[union-attr]
        event.output.shape[1],
        tuple(kernel),
        of["stride"],
        of["padding"],
        of.get("dilation", (1, 1)),
        of.get("groups", 1),
        event.op == "conv2d" and event.inputs[2] is not None,
        tuple(x.shape[2:]),  # type: ignore[union-attr]
        after,
        ceil=False,
    )
    is_up = after != (plain.size(0), plain.size(1))
    return Window(**{**plain.__dict__, "ceil": is_up})


def output(w: Window) -> Worked:
    """C×OH×OW."""
    lines = [words.CHANNELS.format(value=w.o)]
    for axis, name in enumerate(("OH", "OW")):
        if axis and (w.before[0], w.kernel[0], w.stride[0], w.padding[0], w.dilation[0]) == (
            w.before[1],
            w.kernel[1],
            w.stride[1],
            w.padding[1],
            w.dilation[1],
        ):
            continue
        (front, back), form = w.padding[axis], words.SIZE_UP if w.ceil else words.SIZE
        numbers = {"n": w.before[axis], "front": front, "back": back, "d": w.dilation[axis], "k": w.kernel[axis]}
        lines.append(form.format(o=name, **numbers, s=w.stride[axis], value=w.after[axis]))
    return "; ".join(lines), tuple(_outputs(w))


def _outputs(w: Window) -> Iterator[tuple[str, Value]]:
    single = {
        (words.ROUNDED_DOWN if w.ceil else words.ROUNDED_UP): {"up": int(not w.ceil)},
        words.NO_ONE: {"one": 0},
        words.NO_PADDING: {"front": 0, "back": 0},
        words.ONE_SIDE: {"back": 0},
        words.NO_STRIDE: {"s": 1},
        words.NO_DILATION: {"d": 1},
        words.NO_KERNEL: {"span": 1},
    }
    for what, changed in single.items():
        yield what, (w.o, w.size(0, **changed), w.size(1, **changed))
    whole = [w.size(axis, span=w.dilation[axis] * w.kernel[axis]) for axis in range(2)]
    yield words.WHOLE_KERNEL, (w.o, *whole)
    yield words.CHANNELS_IN, (w.c, *w.after)
    yield words.TURNED, (w.o, w.after[1], w.after[0])
    yield words.CHANNEL_LAST, (*w.after, w.o)
    for (one, a), (two, b) in itertools.combinations(single.items(), 2):
        changed = {**b, **a}
        yield words.AND.format(first=one, second=two), (w.o, w.size(0, **changed), w.size(1, **changed))


def _weights(w: Window) -> dict[str, int]:
    """The weights of a convolution, right under "", and with slips."""
    (kh, kw), each = w.kernel, w.c // w.groups
    found = {"": w.o * each * kh * kw}
    if w.groups > 1:
        found[words.NO_GROUPS] = w.o * w.c * kh * kw
        found[words.GROUPS_TWICE] = w.o // w.groups * each * kh * kw
    if (kh, kw) != (1, 1):
        found[words.ONE_WAY] = w.o * each * kh
    if each > 1:
        found[words.NO_INPUTS] = w.o * kh * kw
    found[words.NO_OUTPUTS] = each * kh * kw
    return found


def _biases(has: bool, o: int, m: int) -> dict[str, int]:
    """How many biases are added, right under "", and with slips."""
    if not has:
        return {"": 0, words.BIAS_COUNTED: o}
    return {"": o, words.NO_BIAS_COUNTED: 0, words.ONE_BIAS: 1, words.BIAS_IN: m}


def _both(first: dict[str, int], second: dict[str, int], times: bool = False) -> Iterator[tuple[str, Value]]:
    """Join the slips of two parts: each alone, then both together."""
    pairs = sorted(itertools.product(first.items(), second.items()), key=lambda pair: bool(pair[0][0] and pair[1][0]))
    for (one, a), (two, b) in pairs:
        if one or two:
            what = words.AND.format(first=one, second=two) if one and two else one or two
            yield what, a * b if times else a + b


def _plus(has: bool) -> str:
    return " + O" if has else ""


def conv_parameters(w: Window) -> Worked:
    """O · C/G · KH · KW, and O biases."""
    weights, bias = _weights(w), f" + {w.o}" if w.bias else ""
    numbers = {"o": w.o, "c": w.c, "g": w.groups, "kh": w.kernel[0], "kw": w.kernel[1]}
    value = weights[""] + (w.o if w.bias else 0)
    text = words.CONV_PARAMETERS.format(plus=_plus(w.bias), **numbers, bias=bias, value=written(value))
    found = [*_both(weights, _biases(w.bias, w.o, w.c)), (words.IS_MACS, weights[""] * prod(w.after))]
    return text, tuple(found)


def conv_macs(w: Window) -> Worked:
    """Every weight meets one pixel for every place of the window."""
    weights, (oh, ow) = _weights(w), w.after
    numbers = {"o": w.o, "c": w.c, "g": w.groups, "kh": w.kernel[0], "kw": w.kernel[1], "oh": oh, "ow": ow}
    text = words.CONV_MACS.format(**numbers, value=written(weights[""] * oh * ow))
    places = {"": oh * ow, words.FLOPS: 2 * oh * ow, words.SIZE_BEFORE: prod(w.before)}
    places |= {words.NO_PLACES: 1, words.ONE_PLACE: oh}
    found = list(_both(weights, places, times=True))
    found.insert(1, (words.WITH_BIAS, (weights[""] + w.o) * oh * ow))
    return text, (
        *found,
        (words.AND.format(first=words.FLOPS, second=words.WITH_BIAS), 2 * weights[""] * oh * ow + w.o * oh * ow),
    )


def linear_parameters(event: Event, flat: tuple[int, ...] | None) -> Worked:
    """O · M, and O biases; flat is the map that became the row of M numbers."""
    (o, m), has = event.inputs[1].shape, event.inputs[2] is not None  # type: ignore[union-attr]
    value = o * m + (o if has else 0)
    bias = f" + {o}" if has else ""
    text = words.LINEAR_PARAMETERS.format(plus=_plus(has), o=o, m=m, bias=bias, value=written(value))
    return text, tuple(_both(_linear(o, m, flat), _biases(has, o, m)))


def _linear(o: int, m: int, flat: tuple[int, ...] | None) -> dict[str, int]:
    found = {"": o * m}
    if flat is not None and flat[0] != m:
        found[words.NOT_FLAT] = o * flat[0]
    return found | {words.NO_INPUTS: o, words.NO_OUTPUTS: m}


def linear_macs(event: Event, flat: tuple[int, ...] | None) -> Worked:
    """O · M, for each of L tokens."""
    (o, m), tokens = event.inputs[1].shape, prod(event.output.shape[1:-1])  # type: ignore[union-attr]
    form = words.LINEAR_MACS if event.output.ndim == 2 else words.LINEAR_MACS_OF_TOKENS
    text = form.format(o=o, m=m, count=tokens, value=written(tokens * o * m))
    found = _both(_linear(o, m, flat), {"": tokens, words.FLOPS: 2 * tokens}, times=True)
    return text, (*found, (words.WITH_BIAS, tokens * (o * m + o)))


def norm_parameters(event: Event) -> Worked:
    """2·C."""
    c, places = event.inputs[0].shape[1], prod(event.inputs[0].shape[2:])  # type: ignore[union-attr]
    slips = (words.RUNNING, 4 * c), (words.ONE_EACH, c), (words.EACH_PLACE, 2 * c * places)
    return words.NORM_PARAMETERS.format(c=c, value=written(2 * c)), slips


def memory(out: tuple[int, ...], before: int, weights: int) -> Worked:
    """Four bytes for each number of the result."""
    n = prod(out)
    text = words.MEMORY_OF.format(shape=" · ".join(map(str, out)), value=written(4 * n))
    return text, (
        (words.NUMBERS, n),
        (words.BYTES_8, 8 * n),
        (words.BYTES_2, 2 * n),
        (words.INPUT_TOO, 4 * (n + before)),
        (words.INPUT_ALONE, 4 * before),
        (words.WEIGHTS_TOO, 4 * (n + weights)),
        (words.WEIGHTS_ALONE, 4 * weights),
    )


def field(w: Window, before: Field) -> Worked:
    """The field before, and d·(K - 1) jumps."""
    texts = []
    for axis in range(1 if before.size[0] == before.size[1] and w.kernel[0] == w.kernel[1] else 2):
        value = before.size[axis] + w.dilation[axis] * (w.kernel[axis] - 1) * before.stride[axis]
        numbers = {"d": w.dilation[axis], "k": w.kernel[axis], "jump": before.stride[axis], "value": value}
        texts.append(words.FIELD_OF.format(before=before.size[axis], **numbers))
    return "; ".join(texts), tuple((what, (pair[0], pair[1])) for what, pair in _fields(w, before))


def _fields(w: Window, before: Field) -> Iterator[tuple[str, list[int]]]:
    ways = list(zip(before.size, before.stride, w.kernel, w.stride, w.dilation, strict=True))
    yield words.NO_JUMP, [n + d * (k - 1) for n, _, k, _, d in ways]
    yield words.OWN_JUMP, [n + d * (k - 1) * j * s for n, j, k, s, d in ways]
    yield words.K_JUMPS, [n + d * k * j for n, j, k, _, d in ways]
    yield words.OWN_STRIDE, [n + d * (k - 1) * s for n, _, k, s, d in ways]
    yield words.NO_DILATION, [n + (k - 1) * j for n, j, k, _, _ in ways]
    yield words.ALONE, [d * (k - 1) + 1 for _, _, k, _, d in ways]
    yield words.STAYS, [n for n, *_ in ways]
    yield words.TWICE_BEFORE, [n * k for n, _, k, _, _ in ways]


def global_output(event: Event) -> Worked:
    """One number for each channel."""
    c, *sizes = event.inputs[0].shape[1:]  # type: ignore[union-attr]
    return words.GLOBAL_OF.format(value=c), ((words.NOT_AVERAGED, (c, *sizes)),)


def concat_output(event: Event) -> Worked:
    """The channels are added up."""
    channels = [array.shape[1] for array in event.inputs if array is not None]
    sizes = tuple(event.output.shape[2:])
    text = words.CONCAT_OF.format(sum=" + ".join(map(str, channels)), value=sum(channels))
    return text, tuple((words.LARGEST, (c, *sizes)) for c in channels)
