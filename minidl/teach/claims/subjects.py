"""Readings of what a claim is about: a network, some of its layers, a share of it, and the ratio of two."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

from minidl import cost
from minidl.models._elsewhere import TORCHVISION
from minidl.teach.claims.ledger import Ledger, Row
from minidl.teach.claims.networks import COMPARED, ERRATA, PRINTED, Meant, built, ledger_of, meanings, walked
from minidl.teach.claims.readings import (
    CONVENTION,
    LAYER_SLIP,
    PLAIN,
    SLIP,
    Reading,
    Said,
    plainly,
    readings,
    slips_of_scale,
)
from minidl.teach.claims.vocabulary import called
from minidl.teach.strings import claims as words

COUNTS = ("depth", "conv_layers", "fc_layers", "inception_modules")
PARTS: dict[str, Callable[[Row], bool]] = {
    "conv_layers": lambda row: row.op == "conv",
    "fc_layers": lambda row: row.op == "linear",
    "pointwise_layers": lambda row: row.op == "conv" and row.kernel == (1, 1),
    "depthwise_layers": lambda row: row.op == "conv" and row.groups == row.c == row.o and row.groups > 1,
    "pool_layers": lambda row: "pool" in row.op,
}
TORCHVISIONS = {"alexnet": "alexnet_owt", "googlenet": "googlenet_bn"}


@dataclass(frozen=True)
class Subject:
    """A network of the zoo, or a part of it.

    Attributes:
        network: its name in the registry.
        layers: names of layers; () means all of it.
        part: a kind of layers, as in `PARTS`; "" means all.
        size: side of the pictures; None means the network's own.
    """

    network: str
    layers: tuple[str, ...] = ()
    part: str = ""
    size: int | None = None

    def __str__(self) -> str:
        more = ", ".join(self.layers) or called(self.part)
        return f"{self.network}{' ' + more if more else ''}" + (f" on pictures of {self.size}" if self.size else "")

    def keeps(self, row: Row) -> bool:
        """Tell whether a row belongs to it."""
        if self.part:
            return PARTS[self.part](row)
        return not self.layers or any(is_of(row.name, layer) for layer in self.layers)


def is_of(name: str, layer: str) -> bool:
    """Tell whether a row belongs to a layer, or a block, of that name."""
    return name == layer or name.startswith(f"{layer}.")


def meant_by(subject: Subject, said: Said) -> list[Meant]:
    """Return the networks that may be meant: all that the name may mean, or the one that is told apart."""
    if "torchvision" in said and subject.network not in {*TORCHVISIONS, *TORCHVISION.values()}:
        raise ValueError(f"torchvision has no {subject.network}")
    if "torchvision" in said:
        return [Meant(TORCHVISIONS.get(subject.network, subject.network), size=subject.size)]
    if "no_groups" in said:
        return [Meant(subject.network, words.UNGROUPED, groups=False, size=subject.size)]
    found = meanings(subject.network)
    return [Meant(subject.network, size=subject.size)] if subject.size else found


@cache
def of_network(subject: Subject, quantity: str, said: Said, deep: bool = False) -> tuple[Reading, ...]:
    """Return the readings of a quantity; `deep` also those of a slip in what the name means besides."""
    if quantity == "field":
        return tuple(field_of(subject))
    found: list[Reading] = []
    for i, meant in enumerate(meant_by(subject, said)):
        ledger = ledger_of(meant)
        part = _part(ledger, subject)
        if i == 1 and subject == Subject(subject.network) and not said.qualifiers:
            found += _printed(subject.network, quantity, deep)
        if not part.rows:
            if i == 0:
                known = ", ".join(dict.fromkeys(row.name for row in ledger.rows if row.is_weighted))
                what = ", ".join(subject.layers) or called(subject.part)
                raise ValueError(f"{subject.network} has no layer {what}; there are {_short(known)}")
            continue
        is_aux = all(not row.is_run for row in part.rows)
        asked = replace(said, qualifiers=said.qualifiers | {"aux"}) if is_aux else said
        for one in readings(part, quantity, asked):
            if i == 0:
                found.append(one)
            elif one.tier <= (LAYER_SLIP if deep else CONVENTION):
                found.append(_besides(meant, one))
    if len(meant_by(subject, said)) == 1 and subject == Subject(subject.network) and not said.qualifiers:
        found += _printed(subject.network, quantity, deep)
    if subject.network == "alexnet" and not said.qualifiers and not subject.size:
        found += _at_224(subject, quantity, said)
    errata = ERRATA.get((subject.network, subject.layers, quantity))
    if errata:
        found.append(Reading(errata[0], SLIP, "erratum", errata[1], (), str(subject)))
    if len(subject.layers) == 1:
        found += _of_other_layers(subject, quantity, ledger_of(meant_by(subject, said)[0]))
    return tuple(sorted(found, key=lambda one: one.tier))


def _of_other_layers(subject: Subject, quantity: str, ledger: Ledger) -> Iterator[Reading]:
    """The numbers of the other layers: a row of a table too high or too low."""
    for row in ledger.rows:
        value = {"parameters": row.parameters, "weights": row.weights, "macs": row.macs}.get(quantity)
        if value and row.is_weighted and row.is_run and not subject.keeps(row):
            yield Reading(Fraction(value), LAYER_SLIP, "other layer", words.OF_LAYER.format(name=row.name))


def _at_224(subject: Subject, quantity: str, said: Said) -> list[Reading]:
    """What AlexNet would have on the pictures of 224 that its paper prints."""
    found = []
    how = words.SIZE_FOR_SIZE.format(wrong=224, right=227)
    for which in ("all", "conv1"):
        part = _part(ledger_of(Meant("alexnet", at_224=which)), subject)
        found += [one for one in readings(part, quantity, said) if one.tier == PLAIN] if part.rows else []
    return [replace(one, tier=SLIP, key=how, how=how) for one in found]


def _besides(meant: Meant, one: Reading) -> Reading:
    how = words.AND.format(first=meant.how, second=one.how) if one.how else meant.how
    return replace(
        one, tier=max(one.tier, CONVENTION), key=f"{one.key} of {meant.how}".strip(), how=how, variants=(meant.how,)
    )


def _part(ledger: Ledger, subject: Subject) -> Ledger:
    if not subject.layers and not subject.part:
        return ledger
    kept = ledger.only(subject.keeps, str(subject))
    return Ledger(kept.name, kept.rows, (), ledger.depth)


def _short(text: str) -> str:
    return text if len(text) < 160 else text[:160].rpartition(",")[0] + " …"


def _printed(name: str, quantity: str, deep: bool) -> list[Reading]:
    """Return what the paper itself prints, and its powers of ten; some figures stand in its comparisons only."""
    quantity = {"weights": "parameters", "operations": "macs", "flops": "macs"}.get(quantity, quantity)
    table = PRINTED | COMPARED if deep else PRINTED
    if (name, quantity) not in table:
        return []
    value, where = table[name, quantity]
    how = words.PRINTED.format(where=where)
    one = Reading(value, CONVENTION, "printed", how, (), name)
    powers = [replace(power, how=f"{power.how}; {how}") for power in slips_of_scale(one)]
    return [one, *([] if deep else powers)]


def field_of(subject: Subject) -> list[Reading]:
    """Return the receptive field of a layer, or of the last map that does not see the whole picture by itself."""
    meant = meanings(subject.network)[0]
    events = walked(meant.name, subject.size)
    fields = cost.receptive_fields(events)
    rows = ledger_of(replace(meant, size=subject.size)).rows
    places = [
        i
        for i, (event, one) in enumerate(zip(events, fields, strict=True))
        if one is not None and not one.is_whole and (not subject.layers or is_of(rows[i].name, subject.layers[-1]))
    ]
    if not places:
        raise ValueError(f"{subject}: there is no layer of that name that has a receptive field")
    at = places[-1]
    found: Any = fields[at]
    lines = [f"{rows[at].name}: {found.size[0]} pixels, stride {found.stride[0]}"]
    out = [Reading(found.size[0], lines=tuple(lines), name=str(subject))]
    others: dict[int, str] = {}
    for row, one in zip(rows, fields, strict=False):
        if one is not None and (row.is_weighted or row.op == "pool") and one.size[0] != found.size[0]:
            others.setdefault(one.size[0], row.name)
    out += [
        Reading(size, SLIP, f"field of {name}", words.THAT_OF.format(name=name), (f"{name}: {size} pixels",))
        for size, name in others.items()
    ]
    if re.fullmatch(r"resnet(50|101|152)", subject.network):
        jumps = {2: 4, 3: 8, 4: 16}
        stage = int(rows[at].name[5]) if rows[at].name.startswith("layer") else 1
        more = sum(2 * jumps[n] for n in range(2, stage + 1))
        line = (
            f"{found.size[0]} + {' + '.join(str(2 * jumps[n]) for n in range(2, stage + 1))} = {found.size[0] + more}"
        )
        if more:
            out.append(Reading(Fraction(found.size[0] + more), CONVENTION, "stride", words.STRIDE_ON_1X1, (line,)))
    return out


def share_of(subject: Subject, quantity: str, said: Said) -> list[Reading]:
    """Return which share of a network's quantity lies in a part of it, in percent."""
    found, quantity = [], "macs" if quantity == "operations" else quantity
    for i, meant in enumerate(meant_by(subject, said)):
        whole = ledger_of(meant)
        part = _part(whole, subject)
        if not part.rows:
            continue
        tops = {one.key: one for one in reversed(readings(part, quantity, said)) if one.tier <= CONVENTION}
        for all_of_it in readings(whole, quantity, said):
            if all_of_it.tier > CONVENTION or not all_of_it.value:
                continue
            top = replace(
                tops.get(all_of_it.key) or tops[""], key=all_of_it.key, how=all_of_it.how, tier=all_of_it.tier
            )
            value = Fraction(top.value) / all_of_it.value * 100
            line = f"{int(top.value):,} / {int(all_of_it.value):,} = {float(value):.4g} %"
            tier = top.tier if i == 0 else CONVENTION
            how = "; ".join(filter(None, (meant.how, top.how)))
            found.append(Reading(value, tier, top.key, how, (line,), str(subject)))
    if not found:
        raise ValueError(f"{subject}: there are no such layers")
    return sorted(found, key=lambda one: one.tier)


def side_of(subject: Subject) -> list[Reading]:
    """Return the shape of a layer's map, or that of the picture."""
    found = []
    for i, meant in enumerate(meant_by(subject, Said())):
        ledger = ledger_of(meant)
        rows = [row for row in ledger.rows if subject.keeps(row) and row.is_run and row.numbers]
        if subject.layers and not rows:
            if i == 0:
                raise ValueError(f"{subject.network} has no layer {', '.join(subject.layers)}")
            continue
        weighted = [row for row in rows if row.is_weighted]
        last = (weighted or rows)[-1] if subject.layers else None
        if last is not None and "inception" in subject.layers[0]:
            last = rows[-1]
        shape = (last.o, *last.after) if last is not None else ledger.picture
        line = _side_line(last) if last is not None else f"picture {'×'.join(map(str, shape))}"
        tier = PLAIN if i == 0 else CONVENTION
        found.append(Reading(shape, tier, meant.how, meant.how, (line,), str(subject)))
    if not subject.layers:
        return found
    first = found[0].value
    others = {(row.o, *row.after): row.name for row in reversed(ledger_of(meanings(subject.network)[0]).rows)
              if row.is_run and (row.is_weighted or row.op == "pool")}  # fmt: skip
    found += [
        Reading(
            shape, SLIP, f"map of {name}", words.THAT_OF.format(name=name), (f"{name}: {'×'.join(map(str, shape))}",)
        )
        for shape, name in others.items()
        if shape != first
    ]
    if subject.network == "alexnet":
        how = words.SIZE_FOR_SIZE.format(wrong=224, right=227)
        rows = [row for row in ledger_of(Meant("alexnet", at_224="all")).rows if subject.keeps(row) and row.is_run]
        found += [Reading((row.o, *row.after), SLIP, how, how) for row in rows if row.is_weighted or row.op == "pool"]
    return found


def _side_line(row: Row) -> str:
    kernel = f", kernel {'×'.join(map(str, row.kernel))}" if row.kernel else ""
    before = f"{'×'.join(map(str, (row.c, *row.before)))} → " if row.c else ""
    return f"{row.name}: {before}{'×'.join(map(str, (row.o, *row.after)))}{kernel}"


def ratio(first: Sequence[Reading], second: Sequence[Reading], kind: str) -> list[Reading]:
    """Return the readings of a ratio of two things.

    Args:
        first: the readings of the one.
        second: those of the other.
        kind: "times", first / second; "fewer times", the other way round; "percent", 100 · first / second;
            "percent fewer" and "percent more", by how much.
    """
    found = []
    for a in first:
        for b in second:
            tier = _tier(a, b)
            if tier is None or not a.value or not b.value:
                continue
            how = "; ".join(f"{one.name}: {one.how}" for one in (a, b) if one.key)
            slip = a if a.tier >= SLIP else b
            other = b if slip is a else a
            rest = f"{other.name}: {other.how}" if other.key else ""
            key = f"{slip.key} @ {rest}" if slip.tier >= SLIP else " and ".join(filter(None, (a.key, b.key)))
            line = f"{plainly(a.value)} / {plainly(b.value)} = {float(Fraction(a.value) / b.value):.4g}"
            lines = (*(a.lines[-1:] if a.tier >= SLIP else ()), *(b.lines[-1:] if b.tier >= SLIP else ()), line)
            value, variants = (
                _valued(Fraction(a.value) / b.value, kind),
                (*(a.variants or ("",)), *(b.variants or ("",))),
            )
            found.append(Reading(value, tier, key, how, lines, slip.name, slip.layers, slip.verb, variants))
    found.sort(key=lambda one: one.tier)
    return found + _slips_of_ratio(found, kind)


def _tier(a: Reading, b: Reading) -> int | None:
    """Return the tier of a ratio: at most one of its two sides may hold a slip."""
    low, high = sorted((a.tier, b.tier))
    if high <= CONVENTION:
        is_same = a.key == b.key or not a.key or not b.key
        is_variant = " of " in f"{a.key}{b.key}" or "printed" in (a.key, b.key)
        return high if is_same or (is_variant and "printed" not in (a.key, b.key)) else None
    if low >= SLIP:
        return high if a.key == b.key and a.key.startswith("power") is False and low == SLIP and a.key == "" else None
    return high


def _valued(value: Fraction, kind: str) -> Fraction:
    return {
        "times": value,
        "fewer times": 1 / value,
        "percent": 100 * value,
        "percent fewer": 100 * (1 - value),
        "percent more": 100 * (value - 1),
    }[kind]


def _slips_of_ratio(found: Sequence[Reading], kind: str) -> list[Reading]:
    more = []
    for one in found:
        if one.tier > CONVENTION:
            continue
        value, how = one.value, f"; {one.how}" if one.how else ""
        if kind.startswith("percent") and kind != "percent":
            times = 1 - Fraction(value) / 100 if kind == "percent fewer" else 1 + Fraction(value) / 100
            if times > 0:
                turned = 1 / times if kind == "percent fewer" else times
                line = f"{float(turned):.4g} times, which is {float(value):.3g} %"
                more.append(Reading(turned, SLIP, "percent", words.PERCENT_FOR_TIMES + how, (*one.lines, line)))
                if one.tier == PLAIN:
                    more.append(Reading(100 * times, SLIP, "share", words.LEFT_FOR_SAVED, one.lines))
        elif value and kind != "percent":
            more.append(Reading(100 * (value - 1), SLIP, "times for %", words.TIMES_FOR_PERCENT + how, one.lines))
            if kind == "fewer times" and value > 1:
                share = 100 * (1 - 1 / Fraction(value))
                more.append(Reading(share, SLIP, "times for %", words.TIMES_FOR_PERCENT + how, one.lines))
            if one.tier == PLAIN:
                more += [ten for ten in slips_of_scale(one) if ten.value != one.value]
            line = f"1 / {float(value):.4g} = {float(1 / Fraction(value)):.4g}"
            more.append(Reading(1 / Fraction(value), SLIP, "other way", words.OTHER_WAY + how, (*one.lines, line)))
    return more


def check_size(network: str, size: int) -> None:
    """Refuse a size of pictures that a network cannot take.

    Raises:
        ValueError: with the network's own words.
    """
    net: Any = built(network)
    low, high = net.legal_sizes()
    if size < low or (high is not None and size > high):
        legal = f"at least {low}" if high is None else f"{low} to {high}"
        why = net.explain(size)
        raise ValueError(f"{network} takes pictures of {legal} pixels a side, not {size}" + (f"; {why}" if why else ""))
