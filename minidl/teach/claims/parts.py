"""What described things have in common: their tokens sorted by kind, and the claims that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from minidl.teach.claims.judging import Claim
from minidl.teach.claims.ledger import Ledger
from minidl.teach.claims.readings import CONVENTION, Reading, Said, readings
from minidl.teach.claims.scanning import Token, spelled
from minidl.teach.claims.subjects import ratio
from minidl.teach.claims.unclear import Unclear
from minidl.teach.claims.vocabulary import SUMS, called

LARGEST_KERNEL = 15


@dataclass
class Parts:
    """The tokens of a described thing by their kinds."""

    things: list[str] = field(default_factory=list)
    sizes: list[Token] = field(default_factory=list)
    kernels: list[tuple[int, Token]] = field(default_factory=list)  # how many, which
    numbers: list[Token] = field(default_factory=list)
    polynomials: list[Token] = field(default_factory=list)
    quantities: list[str] = field(default_factory=list)
    features: dict[str, tuple[int, ...]] = field(default_factory=dict)
    ways: set[str] = field(default_factory=set)
    said: Said = field(default_factory=Said)
    reference_thing: int | None = None
    reference: int | None = None  # which of the kernels is the one that the other is compared with


def parts_of(found: Sequence[Token]) -> Parts:
    """Sort the tokens of a described thing; a small odd square is a kernel, and the word before it says how many."""
    parts, times = Parts(), None
    quantities: list[str] = []
    for i, token in enumerate(found):
        if _counts_back(found, i, parts):
            many = token.value if token.kind == "spelled" else int(token.value.value)
            parts.kernels[-1] = (many, parts.kernels[-1][1])
            continue
        if token.kind == "spelled" or (token.kind == "number" and _counts(found, i)):
            times = token.value if token.kind == "spelled" else int(token.value.value)
            continue
        if token.kind == "quantity" and token.text.startswith("1x1"):
            parts.things.append("conv")
            parts.kernels.append((times or 1, replace(token, kind="size", value=(1, 1))))
            continue
        if token.kind == "thing":
            parts.things.append(token.value)
        elif token.kind == "size":
            if min(token.value) < 1:
                raise Unclear(f"{token.text} is no size")
            is_map = bool(parts.kernels) and token.value[0] % 2 == 0
            if _is_kernel(token, found, i) and not is_map:
                parts.kernels.append((times or 1, token))
            else:
                parts.sizes.append(token)
        elif token.kind == "number":
            parts.numbers.append(token)
        elif token.kind == "fraction":
            parts.numbers.append(replace(token, value=spelled(token), unit="times"))
        elif token.kind == "polynomial":
            parts.polynomials.append(token)
        elif token.kind == "quantity":
            quantities.append(token.value)
        elif token.kind == "feature":
            name, *values = token.value
            if name in parts.features and name != "at":
                raise Unclear(f"it says {name} twice")
            if name != "padding" and min(values, default=1) < 1:
                raise Unclear(f"{token.text}: it must be 1 or more")
            parts.features[name] = tuple(values)
        elif token.kind == "comparing":
            parts.ways.add(token.value)
            if token.value == "than":  # before its word in English, behind it in Korean
                parts.reference = len(parts.kernels) - (0 if token.text.isascii() else 1)
                behind = len([one for one in parts.things if one != "conv"]) - (0 if token.text.isascii() else 1)
                parts.reference_thing = behind
        if token.kind not in ("word", "thing"):
            times = None
    parts.quantities = list(dict.fromkeys(quantities))
    parts.said = Said(frozenset(token.value for token in found if token.kind == "qualifier"), True)
    return parts


def _counts_back(found: Sequence[Token], i: int, parts: Parts) -> bool:
    """Whether a number says how many of the kernels before it there are, as Korean has it: 3×3 합성곱 세 개."""
    token, before = found[i], next((one for one in reversed(found[:i]) if one.kind not in ("word",)), None)
    if not parts.kernels or before is None or i + 1 >= len(found) or parts.kernels[-1][0] != 1:
        return False
    is_number = token.kind == "spelled" or (token.kind == "number" and not token.unit and token.value.value < 10)
    is_counted = found[i + 1].text.startswith(("개", "층", "번", "겹", "장", "레이어")) or (
        found[i + 1].kind == "quantity" and found[i + 1].value == "depth" and not found[i + 1].text.isascii()
    )
    is_behind = before.value in ("conv", "conv_layers", "ordinary")
    return is_number and is_counted and (is_behind or (before.kind == "size" and before is parts.kernels[-1][1]))


def _counts(found: Sequence[Token], i: int) -> bool:
    """Whether a bare number says how many kernels follow, as in 3 3×3 convolutions; or in Korean 3×3 합성곱 3개."""
    number, after = found[i].value, found[i + 1] if i + 1 < len(found) else None
    return (
        after is not None
        and after.kind == "size"
        and not found[i].unit
        and number.step == 1
        and number.value < 10
        and len(after.value) == 2
        and after.value[0] <= 11
    )


def _is_kernel(token: Token, found: Sequence[Token], i: int) -> bool:
    sides = token.value
    if len(sides) != 2 or sides[0] > LARGEST_KERNEL:
        return False
    before = next((one for one in reversed(found[:i]) if one.kind not in ("spelled",)), None)
    after = next((one for one in found[i + 1 :]), None)
    marked = before is not None and (
        before.value == ("at",)
        or before.text in ("on", "from", "gives", "yields", "produces", "leaves", "to", "->", "=", "is", "becomes")
    )
    named = after is not None and after.kind in ("thing", "quantity") and after.value in (
        "conv", "conv_layers", "pool", "separable", "depthwise", "pointwise", "ordinary")  # fmt: skip
    if named or (
        after is not None
        and after.text
        in (
            "filter",
            "filters",
            "kernel",
            "kernels",
            "window",
            "conv",
            "필터",
            "커널",
            "one",
            "layers",
            "layer",
            "stack",
        )
    ):
        return True
    return not marked


def ratio_claim(text: str, pair: Sequence[Sequence[Reading]], token: Token, parts: Parts, about: str) -> Claim:
    """A claim of how many times, or by how many percent, the first of two has more or less than the second."""
    if token.unit == "times":
        kind = "fewer times" if "fewer" in parts.ways else "times"
    else:
        kind = "percent fewer" if "fewer" in parts.ways else "percent more" if "more" in parts.ways else "percent"
    kept = [[one for one in many if not one.key.startswith("power")] for many in pair]
    return Claim(text, f"{about}, {kind}", token.value, tuple(ratio(kept[0], kept[1], kind)), "equal", token.unit)


def counted(text: str, ledger: Ledger, quantity: str, token: Token, said: Said) -> Claim:
    """A claim that a described thing has so many of something."""
    unit = token.unit if token.unit in ("bytes", "%", "times") else ""
    if unit in ("%", "times"):
        raise Unclear(f"{token.text} of what, or compared with what?")
    if quantity not in SUMS:
        raise Unclear(f"{called(quantity)} of {ledger.name} are not counted here")
    if unit == "bytes":
        quantity = {"weights": "weight_bytes", "parameters": "weight_bytes", "activations": "activation_bytes",
                    "output": "activation_bytes"}.get(quantity, quantity)  # fmt: skip
    if (unit == "bytes") != (quantity in ("memory", "weight_bytes", "activation_bytes")):
        raise Unclear(f"{token.text} is no number of {called(quantity)}: the unit does not fit")
    found = readings(ledger, quantity, said)
    if not found or not any(one.value for one in found if one.tier <= CONVENTION):
        raise Unclear(f"{called(quantity)} of {ledger.name}: on maps of which size? Say it as @28x28")
    about = f"{ledger.name}: {called(quantity)}"
    return Claim(text, about, token.value, tuple(found), "equal", unit, (ledger.name,))


def pairs(numbers: Sequence[Token], quantities: Sequence[str]) -> list[tuple[Token, str]]:
    """Return each number with its quantity."""
    if len(numbers) == 1:
        wanted = {numbers[0].unit} & {"macs", "flops"}
        named = [one for one in quantities if one in SUMS and one != "operations"]
        specific = named or list(quantities)
        if wanted:
            return [(numbers[0], wanted.pop())]
        if len(set(specific)) == 1 or len(quantities) == 1:
            return [(numbers[0], specific[0])]
    if not numbers:
        raise Unclear("it has no number that could be checked")
    if len(numbers) != len(quantities):
        raise Unclear(f"which of {len(numbers)} numbers belongs to which of {len(quantities)} quantities?")
    return list(zip(numbers, quantities, strict=True))
