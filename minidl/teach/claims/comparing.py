"""Claims about two networks: how many times, or by how many percent, one has more or less than the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from minidl.teach.claims.judging import Claim
from minidl.teach.claims.number import Number
from minidl.teach.claims.readings import CONVENTION, PLAIN, Reading, Said
from minidl.teach.claims.scanning import Token, spelled
from minidl.teach.claims.subjects import Subject, of_network, ratio
from minidl.teach.claims.unclear import Unclear
from minidl.teach.claims.vocabulary import DESCRIBING, called

COMPARED = ("parameters", "weights", "macs", "flops", "operations", "weight_bytes", "activation_bytes", "memory",
            "activations", "depth", "conv_layers", "field")  # fmt: skip
TURNING = {"least": "more", "most": "fewer"}  # "more than AlexNet" compares, "more than 5" does not


def compared(
    text: str,
    found: list[Token],
    quantities_of: Callable[[Sequence[Token], int], list[str]],
    relation_of: Callable[[Sequence[Token], Token], str],
) -> list[Claim]:
    """Return the claims of a sentence that compares two networks."""
    found = _turned(found)
    if bad := [
        token.text for token in found if token.kind in ("layer", "ordinal", "feature", "thing", "polynomial", "size")
    ]:
        raise Unclear(f"two networks are compared as wholes; what does {bad[0]!r} mean for both?")
    if odd := [
        token.text
        for token in found
        if (token.kind == "word" and token.value in DESCRIBING) or (token.kind == "spelled" and token.value != 1)
    ]:
        raise Unclear(f"what is {odd[0]!r} of two networks?")
    mixed = [
        token.value for token in found if token.kind == "qualifier" and token.value not in ("float32", "per_picture")
    ]
    if mixed:
        raise Unclear("for which of the two networks is that said? Compare them without it")
    numbers = [token for token in found if token.kind in ("number", "fraction")]
    if not any(token.kind == "comparing" for token in found) and not all(
        token.kind == "fraction" or token.unit in ("times", "%") for token in numbers
    ):
        raise Unclear(
            "it mixes two networks; claim something of each, or compare them: A has 2.3 times the weights of B"
        )
    first, second = _order(found)
    quantities = quantities_of([token for token in found if token.unit != "bytes"], len(numbers) or 1)
    if not quantities and any("deep" in token.text or "깊" in token.text for token in found):
        quantities = ["depth"]
    if not numbers:
        return [_without_number(text, found, first, second, quantities)]
    if len(numbers) != len(quantities):
        raise Unclear(f"which of {len(numbers)} numbers belongs to which of {len(quantities)} quantities?")
    claims = []
    for token, quantity in zip(numbers, quantities, strict=True):
        number = spelled(token) if token.kind == "fraction" else token.value
        unit = "times" if token.kind == "fraction" else token.unit
        if unit not in ("times", "%"):
            raise Unclear(f"{token.text} is neither a number of times nor a percentage, and there are two networks")
        _check(quantity)
        kind = _kind(found, unit)
        readings = tuple(ratio(*_both(first, second, quantity), kind))
        about = f"{first} to {second}: {called(quantity)}, {kind}"
        relation = relation_of(found, token)
        claims.append(Claim(text, about, number, readings, relation, unit, (first, second)))
    return claims


def _check(quantity: str) -> None:
    if quantity not in COMPARED:
        raise Unclear(f"{called(quantity)} of two networks are not compared here")


def _turned(found: Sequence[Token]) -> list[Token]:
    """Read "more than" before a network as a comparison."""
    out: list[Token] = []
    for i, token in enumerate(found):
        if token.kind == "relation" and token.value in TURNING and token.text.endswith("than"):
            after = next((one for one in found[i + 1 :] if one.kind != "word"), None)
            if after is not None and after.kind == "network":
                out.append(replace(token, kind="comparing", value=TURNING[token.value]))
                out.append(replace(token, kind="comparing", value="than"))
                continue
        out.append(token)
    return out


def _order(found: Sequence[Token]) -> tuple[str, str]:
    """Return the network that is spoken of, and the one that it is compared with."""
    places = [i for i, token in enumerate(found) if token.kind == "network"]
    names = list(dict.fromkeys(found[i].value for i in places))
    first = places[0]
    before = found[first - 1] if first else None
    if before is not None and before.kind == "word" and first > 1:
        before = found[first - 2] if found[first - 2].kind == "comparing" else before
    behind = next((one for one in found[first + 1 :] if one.kind != "word" or one.text in ("의", "에")), None)
    is_reference = (before is not None and before.kind == "comparing" and before.value == "than") or (
        behind is not None
        and behind.kind == "comparing"
        and behind.text in ("보다", "에 비해", "대비", "비하면", "에 비하면")
    )
    return (names[1], names[0]) if is_reference else (names[0], names[1])


def _kind(found: Sequence[Token], unit: str) -> str:
    ways = {token.value for token in found if token.kind == "comparing"}
    if {"fewer", "more"} <= ways:
        raise Unclear("is it more or fewer? It says both")
    if unit == "times":
        return "fewer times" if "fewer" in ways else "times"
    return "percent fewer" if "fewer" in ways else "percent more" if "more" in ways else "percent"


def _both(first: str, second: str, quantity: str) -> tuple[list[Reading], list[Reading]]:
    """Return the readings of both networks; operations are MACs, whose ratio hardly differs from that of FLOPs."""
    quantity = "macs" if quantity == "operations" else quantity
    out = []
    for name in (first, second):
        readings = list(of_network(Subject(name), quantity, Said(), True))
        readings = [one for one in readings if not _is_detail(one.key)]
        if quantity == "macs":  # twice is twice on both sides
            readings = [one for one in readings if one.key != "flops for macs"]
        out.append([replace(one, name=name) for one in readings if not one.key.startswith("power")])
    return out[0], out[1]


def _is_detail(key: str) -> bool:
    """Whether a convention is one that nobody changes between two networks: it would only fit by chance."""
    return any(word in key for word in ("pools", "every result", "float", "biases out", "norms out", "stride"))


def _without_number(text: str, found: Sequence[Token], first: str, second: str, quantities: Sequence[str]) -> Claim:
    ways = {token.value for token in found if token.kind == "comparing"} & {"fewer", "more"}
    if len(quantities) != 1 or len(ways) != 1:
        raise Unclear("it compares two networks, but does not say of what, or how many times")
    _check(quantities[0])
    pair = [[one for one in many if one.tier <= CONVENTION] for many in _both(first, second, quantities[0])]
    readings = ratio(pair[0], pair[1], "times")
    readings = [one for one in readings if one.tier in (PLAIN, CONVENTION)]
    is_more = ways == {"more"}
    tiny = Fraction(1, 10**9)
    number = Number("more" if is_more else "fewer", 1 + tiny if is_more else 1 - tiny, Fraction(1))
    about = f"{first} to {second}: {called(quantities[0])}"
    return Claim(text, about, number, tuple(readings), "least" if is_more else "most", "times", (first, second))
