"""Claims about a stack of small kernels against one large one: weights with C channels, receptive fields."""

from __future__ import annotations

from fractions import Fraction

from minidl.teach.claims.judging import Claim
from minidl.teach.claims.ledger import Ledger, conv
from minidl.teach.claims.number import Number, exact
from minidl.teach.claims.parts import Parts, counted, ratio_claim
from minidl.teach.claims.readings import CONVENTION, PLAIN, SLIP, Reading, Said, readings
from minidl.teach.claims.subjects import ratio
from minidl.teach.claims.unclear import Unclear
from minidl.teach.claims.vocabulary import SUMS, called
from minidl.teach.strings import claims as words


def stacks(text: str, parts: Parts) -> list[Claim]:
    """Return the claims about one or two stacks: their weights, their receptive field, how they compare."""
    if not parts.kernels or set(parts.things) - {"conv", "ordinary", "replace"}:
        return []
    if "groups" in parts.features:
        return []
    if "field" in parts.quantities:
        return [_field(text, parts)]
    if parts.sizes:
        return []
    if parts.polynomials:
        return _polynomials(text, parts)
    if len(parts.kernels) != 2 or "arrow" in parts.features:
        return []
    quantity = next((one for one in parts.quantities if one in SUMS), "weights")
    if quantity == "memory":
        return [_memory(text, parts)]
    pair = [_stack(times, token.value, 1) for times, token in parts.kernels]
    named = [readings(ledger, "weights", Said(frozenset({"no_bias"}))) for ledger in pair]
    about = f"{pair[0].name} to {pair[1].name}: {called(quantity)}"
    if parts.reference == 0:
        named.reverse()
    if "replace" in parts.things:  # what replaces is spoken of
        named.reverse()
        parts.ways.add("fewer")
    if len(parts.numbers) == 1 and parts.numbers[0].unit in ("times", "%"):
        return [ratio_claim(text, named, parts.numbers[0], parts, about)]
    if not parts.numbers and parts.ways & {"fewer", "more"}:
        is_more = "more" in parts.ways
        tiny = Fraction(1, 10**9)
        number = Number("more" if is_more else "fewer", 1 + tiny if is_more else 1 - tiny, Fraction(1))
        found = [one for one in ratio(named[0], named[1], "times") if one.tier == PLAIN]
        return [Claim(text, about, number, tuple(found), "least" if is_more else "most", "times")]
    if len(parts.numbers) == 2 and "channels" not in parts.features:
        return [
            counted(text, _stack(times, token.value, 1), "weights", number, Said(frozenset({"no_bias"}), True))
            for (times, token), number in zip(parts.kernels, parts.numbers, strict=True)
        ]
    return []


def _memory(text: str, parts: Parts) -> Claim:
    """Less memory: that of the weights, while one more map is kept for each layer more."""
    (n, small), (m, large) = parts.kernels
    weights = Fraction(n * small.value[0] ** 2, m * large.value[0] ** 2)
    line = f"weights {n} · {small.value[0] ** 2} C² against {m} · {large.value[0] ** 2} C²; maps kept {n} against {m}"
    kinds = (("weights", weights, words.WEIGHTS_MEANT), ("maps", Fraction(n, m), words.ACTIVATIONS_MEANT))
    found = tuple(Reading(value, CONVENTION, key, how, (line,)) for key, value, how in kinds)
    if parts.numbers or len(parts.ways & {"fewer", "more"}) != 1:
        raise Unclear("memory of a stack: of its weights, or of its maps?")
    is_more = "more" in parts.ways
    number = Number("more" if is_more else "less", Fraction(1), Fraction(1))
    relation = "least" if is_more else "most"
    return Claim(text, "memory of the one stack to that of the other", number, found, relation, "times")


def _stack(times: int, kernel: tuple[int, int], c: int, after: tuple[int, ...] = ()) -> Ledger:
    name = f"{times} × {kernel[0]}×{kernel[1]}" if times > 1 else f"{kernel[0]}×{kernel[1]}"
    rows = tuple(conv(f"{kernel[0]}×{kernel[1]} number {i + 1}", kernel, c, c, after, bias=False) for i in range(times))
    return Ledger(name, rows)


def _polynomials(text: str, parts: Parts) -> list[Claim]:
    """27C² against 49C²: weights for C channels in and out."""
    if parts.numbers:
        raise Unclear(f"what is {parts.numbers[0].text}?")
    if len(parts.polynomials) != len(parts.kernels):
        raise Unclear(f"which of {len(parts.polynomials)} numbers belongs to which of {len(parts.kernels)} stacks?")
    out = []
    for (times, token), said in zip(parts.kernels, parts.polynomials, strict=True):
        kh, kw = token.value
        value = times * kh * kw
        line = f"{times} · {kh} · {kw} · C · C = {value} C²" if times > 1 else f"{kh} · {kw} · C · C = {value} C²"
        found = [Reading(Fraction(value), lines=(line,))]
        for wrong, how in (
            (kh * kw, "the weights of one layer of the stack"),
            (times * kh, "the kernel counted along one side only"),
            ((times + 1) * kh * kw, words.ONE_LAYER_MORE),
            ((times - 1) * kh * kw, words.ONE_LAYER_LESS),
        ):
            if wrong not in (value, 0):
                found.append(Reading(Fraction(wrong), SLIP, how, how))
        name = _stack(times, token.value, 1).name
        number = exact(said.text, said.value)
        out.append(Claim(text, f"{name} with C channels: weights", number, tuple(found), "equal", "C^2"))
    return out


def _field(text: str, parts: Parts) -> Claim:
    times, token = parts.kernels[0]
    if "filters" in parts.features:
        raise Unclear("are these filters side by side in one layer, or layers one behind the other?")
    claimed = [*(token for _, token in parts.kernels[1:]), *parts.sizes]
    if len(claimed) == 1 and not parts.numbers:
        number = exact(claimed[0].text, claimed[0].value[0])
    elif not claimed and len(parts.numbers) == 1 and not parts.numbers[0].unit:
        number = exact(parts.numbers[0].text, int(parts.numbers[0].value.value))
    else:
        raise Unclear("the receptive field of which stack, and how many pixels?")
    stride = (parts.features.get("stride") or (1,))[0]
    k, size, jump, lines = token.value[0], 1, 1, []
    wrong_jump = 1
    for i in range(times):
        lines.append(f"layer {i + 1}: {size} + ({k} - 1) · {jump} = {size + (k - 1) * jump}")
        size, jump = size + (k - 1) * jump, jump * stride
        wrong_jump += k - 1
    found = [Reading(Fraction(size), lines=tuple(lines))]
    for wrong, how in (
        (times * k, "kernels added up: the 1 that each adds too much"),
        (k**times, "kernels multiplied"),
        (size + (k - 1) * jump, words.ONE_LAYER_MORE),
        (size - (k - 1) * jump // stride, words.ONE_LAYER_LESS),
        (wrong_jump, "strides forgotten"),
    ):
        if wrong not in (size, 1):
            found.append(Reading(Fraction(wrong), SLIP, how, how))
    name = _stack(times, token.value, 1).name
    return Claim(text, f"{name}: receptive field", number, tuple(found))
