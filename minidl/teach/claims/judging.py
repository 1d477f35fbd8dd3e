"""The verdict on a claim: its number against all readings of what it speaks of, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from minidl._looks import Brief
from minidl.teach.claims.number import Number
from minidl.teach.claims.readings import CONVENTION, LAYER_SLIP, PLAIN, SLIP, TWO_SLIPS, Reading, plainly
from minidl.teach.strings import claims as words

ROUGH = Fraction(1, 20)  # how far a number of one digit may be off before it is called rough
FEW = 3  # digits that a number needs before one layer among many is blamed for it
SURE = (
    "power of ten",
    "no fc, cut",
    "flops for macs",
    "macs for flops",
    "groups forgotten",
    "percent",
    "other way",
    "aux in",
    "aux out",
    "numbers",
    "bits",
)


SENSES = {"macs", "flops", "weight_bytes", "activation_bytes"}  # what operations, or memory, may mean


@dataclass(frozen=True)
class Shape:
    """The sides of a map, as a claim tells them: they agree whole or not at all, channels first or last."""

    text: str
    sides: tuple[int, ...]
    step: Fraction = Fraction(1)
    digits: int = 9

    def agrees(self, x: tuple[int, ...]) -> bool:
        """Tell whether a map (C, H, W) has these sides."""
        c, *sides = x
        if len(self.sides) == 1:  # 55 pixels a side, or 1000 numbers
            return self.sides[0] == (sides[0] if sides else c) and len(set(sides)) < 2
        return self.sides in (tuple(x), (*sides, c), tuple(sides))

    def is_cut(self, x: Any) -> bool:
        """Sides are never cut off."""
        return False


@dataclass(frozen=True)
class Claim:
    """One statement of a sentence.

    Attributes:
        text: the sentence.
        about: what it speaks of, in words: "vgg16, parameters".
        number: what it says of that: a `Number` or a `Shape`.
        relation: "equal", "least" or "most".
        readings: all that may be meant.
        unit: in which the number is: "bytes", "%", "times" or "".
        subjects: what it is about, without the quantity; claims about the same are looked at together.
    """

    text: str
    about: str
    number: Any
    readings: tuple[Reading, ...]
    relation: str = "equal"
    unit: str = ""
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer(Brief):
    """What is said of a claim.

    Attributes:
        text: the claim.
        verdict: RIGHT, WRONG, DEPENDS or NOT READ.
        about: what it was read as.
        said: the number of the claim.
        right: the right number, as it is written; "" where there is none.
        why: the convention, the slip, or the reason why it cannot be read.
        key: a short name of the convention or slip.
        lines: the arithmetic.
        line: number of its line in a file.
    """

    text: str
    verdict: str
    about: str = ""
    said: str = ""
    right: str = ""
    why: str = ""
    key: str = ""
    lines: tuple[str, ...] = ()
    line: int | None = None
    candidates: tuple[Reading, ...] = field(default=(), repr=False)
    subjects: tuple[str, ...] = field(default=(), repr=False)

    def _words(self) -> list[str]:
        return [self.text, self.verdict, *([self.why] if self.why else [])]

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        found: dict[str, Any] = {"claim": self.text, "verdict": self.verdict, "about": self.about, "said": self.said}
        found |= {"right": self.right, "why": self.why, "slip": self.key, "arithmetic": list(self.lines)}
        return found if self.line is None else found | {"line": self.line}


def judge(claim: Claim) -> Answer:
    """Return the verdict on a claim.

    Plain readings make it RIGHT, conventions make it depend; else it is wrong, and the slip is named that alone gives
    its number.
    """
    number, plain = claim.number, [one for one in claim.readings if one.tier == PLAIN]
    first = plain[0] if plain else claim.readings[0]
    about = Answer(claim.text, words.WRONG, claim.about, number.text, written(first, claim), subjects=claim.subjects)
    if claim.relation != "equal":
        return _bounded(claim, about, plain)
    for one in plain:
        if number.agrees(one.value) and not _is_rough(number, one):
            return _found(claim, about, one, words.RIGHT, one.how, one.key)
    for one in claim.readings:
        if one.tier == CONVENTION and number.agrees(one.value) and not _is_rough(number, one):
            return _found(claim, about, one, words.DEPENDS, one.how, one.key)
    if claim.unit == "bytes" and not number.binary:
        for one in plain:
            if number.in_binary().agrees(one.value):
                return _found(claim, about, one, words.DEPENDS, words.BINARY, "binary")
    for one in plain:
        if number.is_cut(one.value):
            why = words.AND.format(first=words.CUT, second=one.how) if one.how else words.CUT
            return _found(claim, about, one, words.DEPENDS, why, "cut")
    for one in plain:
        if number.agrees(one.value):
            off = _percent(abs(number.off(one.value)))
            return _found(claim, about, one, words.DEPENDS, words.ROUGH.format(off=off), "rough")
    for one in claim.readings:
        if one.tier == CONVENTION and number.is_cut(one.value):
            why = words.AND.format(first=one.how, second=words.CUT)
            return _found(claim, about, one, words.DEPENDS, why, f"{one.key}, cut")
    return _wrong(claim, about)


def _is_rough(number: Any, one: Reading) -> bool:
    """Whether a number of one digit is so far off that it says little."""
    return bool(number.digits == 1 and number.step != 1 and abs(number.off(one.value)) > ROUGH)


def _bounded(claim: Claim, about: Answer, plain: Sequence[Reading]) -> Answer:
    """Judge `at least` and `at most`."""
    number = claim.number
    holds = [
        one
        for one in claim.readings
        if one.tier <= CONVENTION
        and (one.value >= number.value if claim.relation == "least" else one.value <= number.value)
    ]
    if plain and plain[0] in holds:
        return _found(claim, about, plain[0], words.RIGHT, plain[0].how, plain[0].key)
    if holds:
        return _found(claim, about, holds[0], words.DEPENDS, holds[0].how, holds[0].key)
    first = plain[0] if plain else claim.readings[0]
    return _found(claim, about, first, words.WRONG, "", "")


def _found(claim: Claim, about: Answer, one: Reading, verdict: str, why: str, key: str) -> Answer:
    has_plain = any(other.tier == PLAIN for other in claim.readings)
    right = about.right if has_plain and one.tier != PLAIN else written(one, claim)
    return replace(about, verdict=verdict, why=why, key=key, right=right, lines=(*one.lines, *_distance(claim, one)))


def _distance(claim: Claim, one: Reading) -> list[str]:
    """Say how far the number of a claim is off."""
    number = claim.number
    if isinstance(number, Shape) or number.value == one.value or not one.value:
        return []
    off = number.off(one.value)
    side = "more" if off > 0 else "less"
    return [f"{written(one, claim)}; the claim says {number.text}, {_percent(abs(off))} {side}"]


def _percent(share: Fraction) -> str:
    value = float(share) * 100
    return f"{value:.2g} %" if value < 10 else f"{value:,.0f} %"


def _wrong(claim: Claim, about: Answer) -> Answer:
    """Look for the one slip that gives exactly the number."""
    number, plain = claim.number, [one for one in claim.readings if one.tier == PLAIN]
    first = plain[0] if plain else claim.readings[0]
    base = _found(claim, about, first, words.WRONG, "", "")
    if not plain:
        meant = [one for one in claim.readings if set(one.key.split(" and ")) <= SENSES and not any(one.variants)]
        ways = [f"{written(one, claim)} {one.how}" for one in meant]
        base = replace(
            base, right=" or ".join(dict.fromkeys(written(one, claim) for one in meant[:2])), lines=tuple(ways)
        )
    found: list[Reading] = []
    for tier in (SLIP, LAYER_SLIP, TWO_SLIPS):
        here = [one for one in claim.readings if one.tier == tier and number.agrees(one.value)]
        found += {one.key: one for one in reversed(here) if one.key not in {other.key for other in found}}.values()
        if tier == SLIP:
            found += _other_scales(claim)
            found += _cut_without_head(claim) if not found else []
        sure = [one for one in found if _is_sure(number, one)]
        if len(sure) == 1:
            one = sure[0]
            lines = (*base.lines, *(line for line in one.lines if line not in base.lines))
            return replace(base, why=one.how, key=one.key, lines=lines, candidates=(one,))
        if sure:
            return replace(base, candidates=tuple(sure))
    return replace(base, candidates=tuple(found))


def _is_sure(number: Any, one: Reading) -> bool:
    """Tell whether a number has so many digits that it cannot be the slip's by chance."""
    if isinstance(number, Shape):
        return True
    off = abs(number.off(one.value))
    if one.key in ("no fc, cut", "1024", "1000") or one.key.endswith(" a layer"):
        return True
    if one.tier == SLIP:
        is_sure = one.key in SURE or number.step == 1  # a whole number, exact
        return off <= Fraction(1, 20) and (is_sure or number.digits >= FEW)
    return number.digits >= FEW


def _cut_without_head(claim: Claim) -> list[Reading]:
    """A number of parameters without the last layer, whose further digits are cut off."""
    number = claim.number
    if isinstance(number, Shape):
        return []
    here = [
        one for one in claim.readings if one.key == "no fc" and number.value <= one.value < number.value + number.step
    ]
    return [replace(one, key="no fc, cut", how=words.NO_FC_CUT) for one in here]


def _other_scales(claim: Claim) -> list[Reading]:
    """A number whose G, M or K is 1024³, 1024² or 1024."""
    number = claim.number
    if isinstance(number, Shape) or not number.scale or claim.unit in ("%", "times"):
        return []
    plain = [one for one in claim.readings if one.tier == PLAIN]
    plain = plain or [one for one in claim.readings if one.tier == CONVENTION]
    for one in plain:
        if claim.unit != "bytes" and number.digits > 2 and number.in_binary().agrees(one.value):
            unit = {1: "K", 2: "M", 3: "G", 4: "T"}[number.scale]
            divided = float(Fraction(one.value) / 1024**number.scale)
            line = f"{int(one.value):,} / 1024^{number.scale} = {divided:.4g}"
            how = words.IN_1024.format(unit=unit, n=number.scale)
            return [Reading(one.value, SLIP, "1024", how, (line,))]
        if number.binary and Number.agrees(number.times(Fraction(1000, 1024) ** number.scale), one.value):
            return [Reading(one.value, SLIP, "1000", words.FROM_1024)]
    return []


def written(one: Reading, claim: Claim) -> str:
    """Write the value of a reading in the unit of the claim."""
    value = one.value
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    if claim.unit == "bytes":
        size, unit = (1024, "iB") if getattr(claim.number, "binary", False) else (1000, "B")
        scale = claim.number.scale if claim.number.scale else 0
        letter = (" KMGT" if size == 1024 else " kMGT")[scale].strip()
        return f"{float(value) / size**scale:,.6g} {letter}{unit}" if scale else f"{plainly(value)} bytes"
    mark = {"%": " %", "times": "×", "C^2": "C²"}.get(claim.unit, "")
    if value.denominator == 1:
        return f"{int(value):,}{mark}"
    return f"{float(value):,.4g}{mark}"


def together(answers: Sequence[Answer]) -> list[Answer]:
    """Name the slip that several wrong claims about the same things have in common, where each alone allows several."""
    found = list(answers)
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, answer in enumerate(found):
        if answer.verdict == words.WRONG and answer.subjects and answer.candidates:
            groups.setdefault(answer.subjects, []).append(i)
    for places in groups.values():
        if len(places) < 2:
            continue
        common = _common([found[i].candidates for i in places])
        if common is None:
            continue
        key, how = common
        for i in places:
            one = next(one for one in found[i].candidates if key in _keys(one))
            lines = (*found[i].lines, *(line for line in one.lines if line not in found[i].lines))
            found[i] = replace(found[i], why=how, key=" ".join(key[:2]).strip(), lines=lines)
    return found


def _keys(one: Reading) -> dict[tuple[str, ...], str]:
    """Return each single layer that a reading may leave out or count twice, with the networks that are meant."""
    if not one.layers:
        return {(one.key, "", *one.variants): one.how}
    return {(f"{one.verb} {one.name}", layer, *one.variants): layer for layer in one.layers}


def _common(candidates: Sequence[Sequence[Reading]]) -> tuple[tuple[str, ...], str] | None:
    """Return the slip that is among all candidates; of layers of one size the last is named.

    A layer that is left out is likelier than one that is counted twice; what would fit as well is said.
    """
    sets = [dict(pair for one in many for pair in _keys(one).items()) for many in candidates]
    groups: dict[tuple[str, ...], list[str]] = {}
    for key in sets[0]:
        if all(key in other for other in sets[1:]):
            groups.setdefault((key[0], *key[2:]), []).append(key[1])
    likely = [group for group in groups if group[0].startswith("left out")] if len(groups) > 1 else list(groups)
    if len(likely) != 1:
        return None
    first = likely[0]
    told = [_in_words(group, groups[group]) for group in (first, *(group for group in groups if group != first))]
    also = f"; it would fit as well: {', or '.join(told[1:])}" if told[1:] else ""
    layer = groups[first][-1]
    return (first[0], layer, *first[1:]), (told[0] if layer else sets[0][first[0], "", *first[1:]]) + also


def _in_words(group: tuple[str, ...], layers: Sequence[str]) -> str:
    verb, _, whose = group[0].rpartition(" ")
    form = words.LEFT_OUT if verb == "left out" else words.TWICE
    others = f" (or {', '.join(layers[:-1])}, of the same size)" if layers[:-1] else ""
    return "; ".join([f"{whose}: {form.format(name=layers[-1])}{others}", *filter(None, group[1:])])
