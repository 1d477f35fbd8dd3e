"""Claims about one layer that is described: a convolution, a pooling, a linear layer, squeeze-and-excitation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Any

from minidl.teach.claims.judging import Claim, Shape
from minidl.teach.claims.ledger import Ledger, conv
from minidl.teach.claims.number import exact
from minidl.teach.claims.parts import Parts, counted, pairs, ratio_claim
from minidl.teach.claims.readings import CONVENTION, PLAIN, SLIP, Reading, Said, readings
from minidl.teach.claims.scanning import Token
from minidl.teach.claims.unclear import Unclear
from minidl.teach.claims.vocabulary import called
from minidl.teach.strings import claims as words

LARGEST_KERNEL = 15
SIZES = {224: 227, 227: 224}


@dataclass(frozen=True)
class Window:
    """A window that slides over a map: sizes and settings, those that are not said None."""

    kernel: tuple[int, int]
    stride: int = 1
    padding: int | None = None
    same: bool = False

    def side(self, n: int, k: int, padding: int, *, up: bool = False, one: int = 1, stride: int | None = None) -> int:
        """Work out the size behind it."""
        rest, s = n + 2 * padding - k, stride or self.stride
        return (-(-rest // s) if up else rest // s) + one

    def sides(self, before: tuple[int, int], padding: int, **changed: Any) -> tuple[int, int]:
        """Work out both sizes."""
        return self.side(before[0], self.kernel[0], padding, **changed), self.side(
            before[1], self.kernel[1], padding, **changed
        )

    def arithmetic(self, n: int, padding: int) -> str:
        """Write the sum for one side."""
        k, value = self.kernel[0], self.side(n, self.kernel[0], padding)
        exact = Fraction(n + 2 * padding - k, self.stride) + 1
        pads = f" + 2 · {padding}" if padding else ""
        shown = f" = {float(exact):g}, so {value}" if exact.denominator != 1 else f" = {value}"
        return f"({n}{pads} - {k}) / {self.stride} + 1{shown}"


def window_of(parts: Parts) -> Window | None:
    """Return the window of a description; None if it names no kernel."""
    if len(parts.kernels) != 1:
        return None
    stride = parts.features.get("stride")
    padding = parts.features.get("padding")
    pad = 0 if "valid" in parts.features else padding[0] if padding else None
    return Window(parts.kernels[0][1].value, stride[0] if stride else 1, pad, "same" in parts.features)


def _readings_of_side(
    w: Window, before: tuple[int, ...], o: int, c: int | None, pools: bool, said: Shape
) -> Iterator[Reading]:
    """The shape behind a window, and those of the usual slips; a side that is not square is worked out for both."""
    h, wide = before[0], before[1]
    same = (w.kernel[0] - 1) // 2
    padding = same if w.same else w.padding or 0

    def shape(sides: tuple[int, int], channels: int = o) -> Any:
        return (channels, *sides)

    yield Reading(shape(w.sides((h, wide), padding)), lines=(w.arithmetic(h, padding),))
    if w.padding is None and not w.same and same and not pools:
        how = f"with padding {same}, which keeps the size at stride 1"
        line = w.arithmetic(h, same)
        yield Reading(shape(w.sides((h, wide), same)), CONVENTION, "same padding", how, (line,))
    up = shape(w.sides((h, wide), padding, up=True))
    if pools and (h + 2 * padding - w.kernel[0]) % w.stride:
        yield Reading(up, CONVENTION, "rounded up", "rounded up", (w.arithmetic(h, padding),))
    slips = {
        "the + 1 forgotten": w.sides((h, wide), padding, one=0),
        "the stride forgotten": w.sides((h, wide), padding, stride=1),
        "rounded up": w.sides((h, wide), padding, up=True),
        "the kernel forgotten": (-(-h // w.stride), -(-wide // w.stride)),
    }
    if padding:
        slips["the padding forgotten"] = w.sides((h, wide), 0)
    if h in SIZES and h == wide:
        other = SIZES[h]
        slips[words.SIZE_FOR_SIZE.format(wrong=h, right=other)] = w.sides((other, other), padding)
        if padding:
            slips["both"] = w.sides((other, other), 0)
    likely = {how: sides for how, sides in slips.items() if how.endswith(str(SIZES.get(h))) and h == wide}
    slips = {how: sides for how, sides in slips.items() if how in likely or sides not in likely.values()}
    for how, sides in slips.items():
        yield Reading(shape(sides), SLIP, how, how, (w.arithmetic(h, padding),))
    if c is not None and c != o:
        how = "channels of the input taken for those of the output"
        yield Reading(shape(w.sides((h, wide), padding), c), SLIP, how, how)


def _before(parts: Parts) -> tuple[tuple[int, int], int | None, list[Any]]:
    """Return the size of the map that a window slides over, its channels, and what is left as the claimed result."""
    sizes = list(parts.sizes)
    plain = [token for token in parts.numbers if not token.unit and token.value.step >= 1]
    if sizes:
        first, rest = sizes[0].value, [*sizes[1:], *plain]
        channels = first[2] if len(first) == 3 else None
        return (first[0], first[1]), channels, rest
    if len(plain) == 2:
        n = int(plain[0].value.value)
        return (n, n), None, plain[1:]
    if "arrow" in parts.features and not plain:
        before, after = parts.features.pop("arrow")
        token = Token("number", exact(str(after), after), str(after), 0)
        return (before, before), None, [token]
    raise Unclear("a map of which size does it slide over? Say it as: on 227x227")


def _shape_claim(text: str, parts: Parts, window: Window, name: str, pools: bool) -> list[Claim]:
    before, channels, rest = _before(parts)
    if odd := [token.text for token in parts.numbers if token.unit or token.value.step < 1]:
        raise Unclear(f"what is {odd[0]}? It is no size")
    if len(rest) != 1:
        raise Unclear("what size does it say comes out?" if not rest else "which of its sizes is claimed?")
    token = rest[0]
    sides: tuple[int, ...] = token.value if token.kind == "size" else (int(token.value.value),)
    said = Shape(token.text, sides)
    c, o = _channels(parts, channels)
    if pools:
        o = c if c is not None else (sides[2] if len(sides) == 3 else 1)
    elif o is None:
        if len(sides) == 3:
            raise Unclear("how many filters does it have?")
        o = 1
    found = tuple(_readings_of_side(window, before, o or 1, c, pools, said))
    behind: Any = found[0].value
    if min(behind[1:]) < 1:
        raise Unclear(f"the window is larger than the map: {found[0].lines[0]}")
    if o == 1 and len(sides) < 3:
        found = tuple(Reading(one.value[1:], one.tier, one.key, one.how, one.lines) if False else one for one in found)
    return [Claim(text, f"{name}: size of the output", said, found)]


def _channels(parts: Parts, of_input: int | None) -> tuple[int | None, int | None]:
    """Return channels in and out, from wherever they are said."""
    c, o = of_input, None
    if "arrow" in parts.features:
        c, o = parts.features["arrow"]
    if "inputs" in parts.features:
        c = parts.features["inputs"][0]
    if "filters" in parts.features:
        o = parts.features["filters"][0]
    if "rgb" in parts.features and c is None:
        c = 3
    if "channels" in parts.features and c is None and o is None:
        c = o = parts.features["channels"][0]
    elif "channels" in parts.features:
        n = parts.features["channels"][0]
        c, o = (n if c is None else c), (n if o is None else o)
    if of_input is not None and c != of_input:
        raise Unclear(f"the input has {of_input} channels, and then {c}: which is it?")
    return c, o


def pooled(text: str, parts: Parts) -> list[Claim]:
    """A pooling: the size that it leaves."""
    if "pool" not in parts.things:
        return []
    if set(parts.things) - {"pool"}:
        raise Unclear("it speaks of a pooling and of something else")
    window = window_of(parts)
    if window is None:
        raise Unclear("a pooling of which size? Say it as: 2x2 max pooling with stride 2")
    if "stride" not in parts.features:
        raise Unclear("a pooling with which stride?")
    k = window.kernel
    return _shape_claim(text, parts, window, f"pooling {k[0]}×{k[1]}, stride {window.stride}", True)


def convolution(text: str, parts: Parts) -> list[Claim]:
    """A convolution: what it has and needs, or the size that it leaves."""
    if len(parts.kernels) == 2 and parts.features.keys() & {"arrow", "inputs", "filters", "channels"}:
        parts.sizes.append(parts.kernels.pop()[1])  # a map as small as a kernel
    if set(parts.things) - {"conv", "pointwise", "depthwise", "ordinary"} or len(parts.kernels) > 1:
        return []
    parts = _whole_kernel(parts)
    if "pointwise" in parts.things and not parts.kernels:
        raise Unclear("write the 1x1")
    window = window_of(parts)
    if window is None:
        return []
    times = parts.kernels[0][0]
    counting = [one for one in parts.quantities if one in ("parameters", "weights", "macs", "flops", "operations",
                "activation_bytes", "weight_bytes", "memory", "activations")]  # fmt: skip
    k = window.kernel
    has_count = any(token.unit or counting for token in parts.numbers)
    if not has_count or (not counting and "output" in parts.quantities):
        if times > 1:
            if "filters" in parts.features:
                raise Unclear("how many filters does it have?")
            parts.features["filters"] = (times,)
        return _shape_claim(text, parts, window, f"{k[0]}×{k[1]} convolution, stride {window.stride}", False)
    of_input = parts.sizes[0].value[2] if parts.sizes and len(parts.sizes[0].value) == 3 else None
    c, o = _channels(parts, of_input)
    if "depthwise" in parts.things:
        c, o = c or o, o or c
    if c is None or o is None:
        raise Unclear("how many channels go in, and how many come out? Say it as 64->192")
    groups = (parts.features.get("groups") or (1,))[0]
    if "depthwise" in parts.things:
        groups = c
    if groups < 1 or c % groups or o % groups:
        raise Unclear(f"{c} and {o} channels cannot be divided into {groups} groups")
    maps = _maps(parts, window)
    out = []
    said = parts.said
    for token, quantity in pairs(parts.numbers, counting):
        ledgers = [
            _one(window, times, c, o, after, groups, "bias" in said or quantity in ("parameters", "weights"))
            for after, _ in maps
        ]
        claim = counted(text, ledgers[0], quantity, token, said)
        more = [
            Reading(one.value, CONVENTION, how, how, one.lines, one.name)
            for (_, how), ledger in zip(maps[1:], ledgers[1:], strict=True)
            for one in readings(ledger, quantity, said)
            if one.tier == PLAIN
        ]
        slips = _slips_of_conv(ledgers[0], quantity, window, times, c, o, groups)
        order = sorted((*claim.readings, *more, *slips), key=lambda one: one.tier)
        out.append(Claim(text, claim.about, claim.number, tuple(order), "equal", claim.unit, claim.subjects))
    return out


def _whole_kernel(parts: Parts) -> Parts:
    """Read 5x5x256x256, and filters of 3x3x64, as a kernel with its channels."""
    for token in list(parts.sizes):
        if len(token.value) == 4 and token.value[0] == token.value[1] and not parts.kernels:
            k, _, c, o = token.value
            parts.sizes.remove(token)
            parts.kernels.append((1, type(token)("size", (k, k), token.text, token.at)))
            parts.features.setdefault("arrow", (c, o))
    if not parts.kernels and len(parts.sizes) == 1:
        token = parts.sizes[0]
        k, *rest = token.value
        if len(rest) == 2 and rest[0] == k <= LARGEST_KERNEL and "inputs" not in parts.features:
            if parts.features.get("arrow", rest[1:])[0] != rest[1]:
                raise Unclear(f"{token.text}: a kernel for {rest[1]} channels, or one of three dimensions?")
            parts.sizes.remove(token)
            parts.kernels.append((1, type(token)("size", (k, k), token.text, token.at)))
            parts.features["inputs"] = (rest[1],)
            parts.features.setdefault("filters", (1,))
    return parts


def _one(window: Window, times: int, c: int, o: int, after: tuple[int, ...], groups: int, bias: bool) -> Ledger:
    k = window.kernel
    rows = [
        conv(f"{k[0]}×{k[1]}" + (f" number {i + 1}" if times > 1 else ""), k, c if i == 0 else o, o, after,
             groups=groups, bias=bias)
        for i in range(times)
    ]  # fmt: skip
    many = f"{times} × " if times > 1 else ""
    more = f", {groups} groups" if groups > 1 else ""
    at = f" @ {after[0]}×{after[1]}" if after else ""
    return Ledger(f"{many}conv {k[0]}×{k[1]} {c}→{o}{more}{at}", tuple(rows))


def _maps(parts: Parts, window: Window) -> list[tuple[tuple[int, ...], str]]:
    """Return the size of the output map, and what it may be besides, with the words for it."""
    if not parts.sizes:
        return [((), "")]
    if len(parts.sizes) == 2:
        return [(parts.sizes[1].value[:2], "")]
    if len(parts.sizes) > 2:
        raise Unclear("it has several sizes: which is the map's?")
    size = parts.sizes[0].value[:2]
    same = tuple(-(-side // window.stride) for side in size)
    if window.padding is not None:
        made: tuple[int, ...] = window.sides(size, window.padding)
        return [(made, "")] + ([(size, "if that is the size of the output")] if made != size else [])
    if window.stride == 1:
        less = window.sides(size, 0)
        return [(size, "")] + ([(less, "without padding")] if less != size and min(less) > 0 else [])
    if window.same:
        return [(same, ""), (size, "if that is the size of the output")]
    bare = window.sides(size, 0)
    ways = [(size, "if that is the size of the output"), (same, "with padding that keeps the size at stride 1")]
    return [(bare, ""), *(way for way in ways if way[0] != bare)]


def _slips_of_conv(
    ledger: Ledger, quantity: str, window: Window, times: int, c: int, o: int, groups: int
) -> Iterator[Reading]:
    """What is forgotten in a product of five numbers."""
    if times > 1 or quantity not in ("parameters", "weights", "macs"):
        return
    k, row = window.kernel, ledger.rows[0]
    places = prod(row.after) if quantity == "macs" else 1
    right = prod(k) * (c // groups) * o * places
    ungrouped = prod(k) * c * o * places
    ways = {
        "the kernel counted along one side only": k[0] * (c // groups) * o * places,
        "the channels of the input forgotten": prod(k) * o * places,
        "the channels of the output forgotten": prod(k) * (c // groups) * places,
        "the channels of the input taken for those of the output": prod(k) * (c // groups) * c * places,
        "the channels of the output taken for those of the input": prod(k) * o * o * places,
    }
    if quantity == "macs" and row.after:
        ways["the map counted along one side only"] = right // row.after[0]
    for how, value in ways.items():
        if value not in (right, ungrouped):
            yield Reading(Fraction(value), SLIP, how, how, (f"{value:,}",), ledger.name)


def separable(text: str, parts: Parts) -> list[Claim]:
    """A depthwise separable convolution, alone or against an ordinary one: 1 / C_out + 1 / k²."""
    if "separable" not in parts.things:
        return []
    window = window_of(parts)
    if window is None:
        raise Unclear("a separable convolution of which kernel?")
    of_input = parts.sizes[0].value[2] if parts.sizes and len(parts.sizes[0].value) == 3 else None
    c, o = _channels(parts, of_input)
    o = o if o is not None else c
    if o is None:
        raise Unclear("with how many output channels?")
    against = len(parts.numbers) == 1 and parts.numbers[0].unit in ("times", "%")
    after = parts.sizes[0].value[:2] if parts.sizes else ((1, 1) if against else ())
    c = c if c is not None else (o if against else None)
    if c is None:
        raise Unclear("with how many input channels?")
    k = window.kernel
    quantity = next((one for one in parts.quantities if one in ("parameters", "weights", "macs", "flops")), "macs")
    has_bias = quantity in ("parameters", "weights") and not against
    rows = (
        conv("depthwise", k, c, c, after, groups=c, bias=has_bias),
        conv("pointwise", (1, 1), c, o, after, bias=has_bias),
    )
    both = Ledger(f"separable {k[0]}×{k[1]} {c}→{o}", rows)
    plain = Ledger(f"ordinary {k[0]}×{k[1]} {c}→{o}", (conv("conv", k, c, o, after),))
    if not against:
        made = [counted(text, both, one, token, parts.said) for token, one in pairs(parts.numbers, parts.quantities)]
        how = "that of an ordinary convolution"
        wrong = [Reading(one.value, SLIP, how, how, one.lines) for one in readings(plain, quantity, parts.said)[:1]]
        return [replace(claim, readings=(*claim.readings, *wrong)) for claim in made]
    said = Said(parts.said.qualifiers | {"no_bias"})
    pair = [[one for one in readings(ledger, quantity, said) if one.tier <= SLIP] for ledger in (both, plain)]
    pair = [[one for one in many if "2 ·" not in one.how] for many in pair]
    names = [name for name in parts.things if name != "conv"]
    if (names[0] == "ordinary") != (parts.reference_thing == 0):
        pair.reverse()
    about = f"separable to ordinary {k[0]}×{k[1]}, {o} output channels: {called(quantity)}"
    return [ratio_claim(text, pair, parts.numbers[0], parts, about)]
