"""From a sentence to its claims; what is ambiguous, or holds a word that nobody knows, is refused with the reason."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from minidl.teach.claims import described, networks
from minidl.teach.claims.arithmetic import arithmetic
from minidl.teach.claims.judging import Claim, Shape
from minidl.teach.claims.number import Number, exact
from minidl.teach.claims.readings import CONVENTION, PLAIN, Reading, Said
from minidl.teach.claims.refusing import near_networks, refuse_unknown, trimmed
from minidl.teach.claims.rules import rule
from minidl.teach.claims.scanning import Token, normalised, spelled, tokens
from minidl.teach.claims.subjects import (
    COUNTS,
    Subject,
    check_size,
    of_network,
    share_of,
    side_of,
)
from minidl.teach.claims.unclear import Unclear
from minidl.teach.claims.vocabulary import DESCRIBING, SUMS, called
from minidl.teach.strings import claims as words

OF_THEM = tuple(["of", one] for one in ("its", "the", "their", "these", "those"))
JOINING = frozenset(["and", ",", "와", "과", "&", "+", "the", "및"])
LONGEST = 1000
LARGEST_PICTURE = 10_000
PARTS = ("pool_layers", "conv_layers", "fc_layers", "pointwise_layers", "depthwise_layers")
BYTES = ("memory", "weight_bytes", "activation_bytes")


def understand(text: str) -> list[Claim]:
    """Return the claims of a sentence.

    Raises:
        Unclear: if it cannot be read without a guess; the message says why.

    Example:
        >>> [(claim.about, int(claim.number.value)) for claim in understand("VGG-16 has 138M weights")]
        [('vgg16: weights', 138000000)]
    """
    if len(text) > LONGEST:
        raise Unclear(f"it is too long for one statement: {len(text)} letters")
    plain = normalised(text)
    if sum_of_numbers := arithmetic(text, plain):
        return [sum_of_numbers]
    if rule_of_thumb := rule(text, plain):
        return [rule_of_thumb]
    found = trimmed(tokens(plain, normalised(text, keep_case=True)))
    refuse_unknown(found)
    names = list(dict.fromkeys(token.value for token in found if token.kind == "network"))
    if any(token.kind == "family" for token in found):
        family = next(token.text for token in found if token.kind == "family")
        raise Unclear(f"which network is {family}? {near_networks(family)}")
    clauses = _apart(found) if len(names) > 1 else []
    if len(names) > 2 and not clauses:
        raise Unclear(f"it mixes several networks: {', '.join(names)}; claim something of each, or compare two")
    try:
        if clauses:
            return [claim for clause in clauses for claim in _of_one(text, clause, _network(clause))]
        if len(names) == 2:
            return _comparing(text, found)
        return _of_one(text, found, names[0]) if names else described.claims(text, found)
    except ValueError as error:
        raise Unclear(str(error)) from None


def _completed(clause: list[Token], first: Sequence[Token]) -> list[Token]:
    """Read "AlexNet 61M" behind "VGG-16 has 138M parameters": the same quantity, of about the same size."""
    numbers = [[token for token in one if token.kind == "number"] for one in (first, clause)]
    quantity = [token for token in first if token.kind == "quantity"]
    if len(quantity) != 1 or any(token.kind in ("quantity", "size", "layer") for token in clause):
        return clause
    if any(len(one) != 1 or one[0].unit or one[0].value.value < 10_000 for one in numbers):
        return clause
    return [*clause, quantity[0]]


def _network(found: Sequence[Token]) -> str:
    return str(next(token.value for token in found if token.kind == "network"))


def _apart(found: Sequence[Token]) -> list[list[Token]]:
    """Split a sentence of several whole statements, each with its network, numbers and quantities; [] if it is none."""
    if any(token.kind in ("comparing", "fraction") or token.unit in ("times", "%") for token in found):
        return []
    clauses: list[list[Token]] = [[]]
    for token in found:
        if token.kind == "network" and {one.value for one in clauses[-1] if one.kind == "network"} - {token.value}:
            clauses.append([])
        clauses[-1].append(token)
    clauses = [clauses[0], *(_completed(clause, clauses[0]) for clause in clauses[1:])]
    for clause in clauses:
        kinds = [token.kind for token in clause if token.kind in ("network", "number", "quantity", "size")]
        if kinds[0] != "network" or not {"number", "quantity"} <= set(kinds):
            return []
    return clauses


def said_of(found: Sequence[Token]) -> Said:
    """Return what a claim says of the way in which it counts."""
    return Said(frozenset(token.value for token in found if token.kind == "qualifier"))


def _of_one(text: str, found: list[Token], name: str) -> list[Claim]:
    """Claims about one network: each of its numbers with the quantity that belongs to it."""
    if any(token.kind in ("polynomial", "fraction") for token in found):
        raise Unclear("of a network it must say how many, in numbers")
    has_layers = any(token.kind in ("layer", "ordinal") for token in found)
    found = [_of_network(token, has_layers) for token in found]
    if things := [
        token.text for token in found if token.kind == "thing" and token.value not in ("conv", "pool", "ordinary")
    ]:
        raise Unclear(f"is it about {name} or about {things[0]}? Say one of them")
    widths = [token for token in found if token.kind == "feature" and token.value[0] in ("channels", "filters")]
    bad = [token.text for token in found if token.kind == "feature" and token.value[0] not in ("rgb", "at")]
    if bad and not (has_layers and len(bad) == len(widths) == 1):
        raise Unclear(f"what does {bad[0]!r} mean for {name}? Its layers are known as they are")
    _refuse_leftovers(found, name)
    said = said_of(found)
    layers = tuple(dict.fromkeys(token.value for token in found if token.kind == "layer"))
    layers += tuple(_ordinal(name, *token.value) for token in found if token.kind == "ordinal")
    sizes = [token for token in found if token.kind == "size"]
    numbers = _numbers(found)
    quantities = _quantities(found, len(numbers))
    ways = [token for token in found if token.kind == "comparing"]
    turning = ("줄", "감소", "늘", "작은", "적은")
    if any(
        token.value == "than" or token.text.isascii() or token.text.startswith(turning)
        for token in ways
        if token.text != "as"
    ):
        raise Unclear("more or fewer than what? It names one network only")
    if has_layers and not numbers and not sizes and len(widths) == 1:
        return [_of_channels(text, Subject(name, layers), widths[0])]
    if not numbers:
        return [_of_sizes(text, found, name, layers, sizes, quantities)]
    if layers and any(token.value == "input" for token in found):
        raise Unclear(f"the input of {layers[0]}? Name the layer before it, and its output")
    size = _picture(name, sizes, found)
    spelled_layer = any(token.kind == "spelled" and token.value == 1 for token in numbers)
    if spelled_layer and set(quantities) & set(SUMS):
        raise Unclear("one layer: which one?")
    claims = []
    if pools := _with_pools(found, numbers, quantities):
        return [_claim(text, found, Subject(name, size=size), "depth", number, Said(said)) for number, said in pools]
    part = next((one for one in quantities if one in PARTS), "") if len(quantities) > len(numbers) else ""
    if part:
        _refuse_behind(found, numbers, part)
        quantities.remove(part)
    if layers and not part and len(quantities) > 1 and "output" in quantities:
        quantities.remove("output")
    if "input" in quantities and len(quantities) > len(numbers):
        quantities.remove("input")
    subject = Subject(name, layers, part, size)
    for number, quantity in _paired(numbers, quantities, found):
        claim = _claim(text, found, subject, quantity, number, said)
        if quantity in SUMS and subject == Subject(name, size=size):
            counted = [replace(subject, part=one) for one in quantities if one in PARTS]
            claim = replace(claim, readings=claim.readings + tuple(_of_parts(counted, quantity, said)))
        claims.append(claim)
    return claims


def _of_parts(parts: Sequence[Subject], quantity: str, said: Said) -> Iterator[Reading]:
    """What "13 convolutional layers with 14.7M parameters" may mean besides the whole network."""
    for part in parts:
        how = words.PART_MEANT.format(part=called(part.part))
        for one in of_network(part, quantity, said):
            if one.tier == PLAIN:
                yield replace(one, tier=CONVENTION, key="part", how=how)


def _refuse_behind(found: Sequence[Token], numbers: Sequence[Token], part: str) -> None:
    """Refuse "138M parameters, most of them in the fully connected layers": is it said of these?"""
    at = next(i for i, token in enumerate(found) if token.value == part)
    first = next(i for i, token in enumerate(found) if token is numbers[0])
    if any(token.kind == "break" and token.value in (",", ";", "(", "-") for token in found[first:at]):
        raise Unclear(f"is {numbers[0].text} said of the {called(part)}, or of the whole network?")


def _refuse_leftovers(found: Sequence[Token], name: str) -> None:
    """Refuse what is harmless in other sentences, but may mean a part of a network, or several of them."""
    claimed = _numbers(found)
    for i, token in enumerate(found):
        describes = token.kind == "word" and token.value in DESCRIBING
        before = found[i - 1] if i else None
        if describes and not (before is not None and before.kind in ("layer", "ordinal", "qualifier")):
            raise Unclear(f"what is {token.text!r} of {name}? Name the layer")
        after = [one.text for one in found[i + 1 : i + 3]]
        if token.kind == "number" and token.unit != "%" and after in OF_THEM:
            raise Unclear(f"{token.text} {' '.join(after)}: of some of them, or of all?")
        if token.kind == "spelled" and token.value != 1 and token not in claimed:
            raise Unclear(f"what does {token.text!r} count?")
    at = [i for i, token in enumerate(found) if token.kind == "layer"]
    for one, other in itertools.pairwise(at):
        joined = [token.text for token in found[one + 1 : other] if token.text not in JOINING]
        if joined:
            raise Unclear(f"which layers are meant from {found[one].text} to {found[other].text}? Name each of them")


def _of_channels(text: str, subject: Subject, token: Token) -> Claim:
    """A claim of how many channels the map of a layer has."""
    number = exact(token.text, token.value[1])
    found = tuple(replace(one, value=one.value[0]) for one in side_of(subject))
    return Claim(text, f"{subject}: channels of the output", number, found)


def _of_network(token: Token, has_layers: bool) -> Token:
    """Read "3 fully connected" and "9 Inception modules" of a network as what it has."""
    counted = {"linear": "fc_layers", "module": "inception_modules"}
    counted |= {} if has_layers else {"conv": "conv_layers"}
    if token.kind == "thing" and token.value in counted:
        return replace(token, kind="quantity", value=counted[token.value])
    return token


def _ordinal(name: str, nth: int, kind: str) -> str:
    """Return the name of a network's first, second or last layer of a kind."""
    rows = networks.ledger_of(networks.meanings(name)[0]).rows
    kept = [row.name for row in rows if row.is_weighted and row.is_run and kind in ("any", row.op)]
    if not -len(kept) <= nth < len(kept):
        raise Unclear(f"{name} has {len(kept)} such layers")
    return kept[nth]


def _with_pools(
    found: Sequence[Token], numbers: Sequence[Token], quantities: Sequence[str]
) -> list[tuple[Token, frozenset[str]]]:
    """Read "22 layers, 27 with pooling layers" as two numbers of layers."""
    at = [i for i, token in enumerate(found) if token.kind == "qualifier" and token.value == "with_pools"]
    if len(numbers) != 2 or set(quantities) != {"depth"} or len(at) != 1:
        return []
    places = [next(i for i, one in enumerate(found) if one is number) for number in numbers]
    nearest = min(range(2), key=lambda i: abs(places[i] - at[0]))
    return [(one, frozenset({"with_pools"} if i == nearest else ())) for i, one in enumerate(numbers)]


def _claim(text: str, found: Sequence[Token], subject: Subject, quantity: str, token: Token, said: Said) -> Claim:
    number: Any = token.value if isinstance(token.value, Number) else spelled(token)
    unit = token.unit if token.unit in ("bytes", "%", "times") else ""
    about = f"{subject}: {called(quantity)}"
    relation = _relation(found, token)
    if unit == "times":
        raise Unclear(f"{token.text} what? It names one network only")
    if unit == "%":
        if quantity not in SUMS or not (subject.layers or subject.part):
            raise Unclear(f"{token.text} of what? It must name layers: the fc layers hold 96 % of AlexNet's parameters")
        return Claim(text, f"{about}, share", number, tuple(share_of(subject, quantity, said)), relation, "%")
    if quantity in (*COUNTS, "field", "input", "output") and (number.value > LARGEST_PICTURE or number.value % 1):
        raise Unclear(f"{token.text} is no number of {called(quantity)}")
    if quantity in SUMS and not unit and number.value % 1:
        raise Unclear(f"{token.text} is no number of {called(quantity)}")
    if quantity == "input":
        number = Shape(token.text, (int(number.value),))
        return Claim(text, about, number, tuple(side_of(replace(subject, layers=()))))
    if quantity == "output":
        if not subject.layers:
            raise Unclear("the output of which layer?")
        return Claim(text, about, Shape(token.text, (int(number.value),)), tuple(side_of(subject)))
    if quantity in COUNTS or quantity == "field":
        if subject.part or (subject.layers and quantity != "field"):
            raise Unclear(f"how can {subject} have a number of {called(quantity)}?")
        number = exact(number.text, int(number.value))
    if "aux" in said and quantity not in ("parameters", "weights", "weight_bytes"):
        raise Unclear(f"{called(quantity)} are counted in evaluation, where auxiliary heads do not run")
    if unit == "bytes" and quantity not in BYTES:
        raise Unclear(f"bytes are no unit of {called(quantity)}")
    if not unit and quantity in BYTES:
        raise Unclear(f"in which unit is {token.text}? Memory is in bytes, kB, MB, MiB …")
    if quantity not in (*SUMS, *COUNTS, "field"):
        raise Unclear(f"how many {called(quantity)} are not counted here")
    readings = tuple(of_network(subject, quantity, said))
    return Claim(text, about, number, readings, relation, unit, (str(subject),))


def _numbers(found: Sequence[Token]) -> list[Token]:
    """Return the numbers that claim something; a written one only where it counts layers."""
    out = []
    for i, token in enumerate(found):
        if token.kind == "number":
            out.append(token)
        if token.kind == "spelled":
            after = next((one for one in found[i + 1 :] if one.kind not in ("word",)), None)
            if after is not None and after.kind == "quantity" and after.value in (*COUNTS, *PARTS):
                out.append(token)
    return out


def _quantities(found: Sequence[Token], n_numbers: int) -> list[str]:
    """Return the quantities in their order; words for the same one are one where there is one number."""
    names = [token.value for token in found if token.kind == "quantity"]
    units = {token.unit for token in found if token.kind == "number"}
    if "bytes" in units and n_numbers == 1:
        names = [_of_bytes(names, found)]
    if n_numbers <= 1:
        names = list(dict.fromkeys(names))
        specific = {"macs", "flops"} & set(names)
        if specific and "operations" in names:
            names.remove("operations")
        if {"flops", "macs"} <= set(names):
            names.remove("flops")
        if {"weights", "parameters"} <= set(names):
            names.remove("weights")
        if "depth" in names and len(names) > 1:
            names.remove("depth")
        for vague in ("input", "output"):
            if vague in names and len([one for one in names if one in SUMS or one == "field"]) == 1:
                names.remove(vague)
    return names


def _of_bytes(names: Sequence[str], found: Sequence[Token]) -> str:
    known = [name for name in names if name in ("weight_bytes", "activation_bytes")]
    if known:
        return known[0]
    if any(name in names for name in ("weights", "parameters")):
        return "weight_bytes"
    if "activations" in names or "output" in names:
        return "activation_bytes"
    others = [name for name in names if name not in ("memory", "input")]
    if others:
        raise Unclear(f"bytes are no unit of {called(others[0])}")
    return "memory"


def _paired(numbers: Sequence[Token], quantities: Sequence[str], found: Sequence[Token]) -> list[tuple[Token, str]]:
    bare = [number for number in numbers if number.unit == "bytes"]
    if bare and len(numbers) == len(quantities) + len(bare) and not set(quantities) & set(BYTES):
        rest = [number for number in numbers if number.unit != "bytes"]
        return [*zip(rest, quantities, strict=True), *((number, "memory") for number in bare)]
    if not quantities:
        raise Unclear(f"{numbers[0].text} of what? It names no quantity that is counted here")
    if len(numbers) != len(quantities):
        written = ", ".join(one.text for one in numbers)
        named = ", ".join(called(one) for one in quantities)
        raise Unclear(
            f"which number belongs to what? It has {len(numbers)} numbers ({written}) and {len(quantities)} quantities "
            f"({named})"
        )
    return list(zip(numbers, quantities, strict=True))


def _relation(found: Sequence[Token], token: Token) -> str:
    """Return at least, at most or equal: what stands right before a number, or in Korean right behind it."""
    at = next(i for i, one in enumerate(found) if one is token)
    near = [one for one in found[:at] if one.kind not in ("word", "spelled")][-1:]
    behind = [one for one in found[at + 1 :] if one.kind not in ("word",)][:2]
    behind = [one for one in behind if not one.text.strip().isascii() or one.text.strip() in ("+", "or more")]
    for one in (*near, *behind):
        if one.kind == "relation" and one.value != "equal":
            return str(one.value)
    return "equal"


def _of_sizes(
    text: str,
    found: Sequence[Token],
    name: str,
    layers: tuple[str, ...],
    sizes: Sequence[Token],
    quantities: Sequence[str],
) -> Claim:
    """A claim whose number is a size: the map of a layer, the picture, a receptive field."""
    if len(sizes) != 1:
        raise Unclear(
            "it has no number that could be checked" if not sizes else "it has several sizes: which is claimed?"
        )
    subject, sides = Subject(name, layers), sizes[0].value
    if "field" in quantities:
        number = exact(sizes[0].text, sides[0])
        return Claim(text, f"{subject}: receptive field", number, tuple(of_network(subject, "field", Said())))
    if not layers and "input" not in quantities:
        raise Unclear(f"{sizes[0].text} of what? It names no layer")
    shape = Shape(sizes[0].text, sides)
    about = f"{subject}: {'output' if layers else 'picture'}"
    return Claim(text, about, shape, tuple(side_of(subject)))


def _picture(name: str, sizes: Sequence[Token], found: Sequence[Token]) -> int | None:
    """Return the side of the pictures that a claim names; None where it is the network's own."""
    if not sizes:
        return None
    if len(sizes) > 1:
        raise Unclear("it has several sizes: which one are the pictures'?")
    sides = [side for side in sizes[0].value if side > 3]
    if len(set(sides)) != 1:
        raise Unclear(f"pictures of {sizes[0].text}: only square ones are counted here")
    if sides[0] > LARGEST_PICTURE:
        raise Unclear(f"pictures of {sides[0]} pixels a side are none")
    if sides[0] == networks.built(name).input_size:
        return None
    check_size(name, sides[0])
    return int(sides[0])


def _comparing(text: str, found: list[Token]) -> list[Claim]:
    """Claims about two networks: how many times, or by how many percent, one has more or less than the other."""
    from minidl.teach.claims.comparing import compared

    return compared(text, found, _quantities, _relation)
