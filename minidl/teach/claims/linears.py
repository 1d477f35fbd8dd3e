"""Claims about linear layers that are described: one by itself, behind a map, and the two of squeeze-and-excitation."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

from minidl.teach.claims.judging import Claim
from minidl.teach.claims.ledger import Ledger, linear
from minidl.teach.claims.parts import Parts, counted, pairs
from minidl.teach.claims.readings import SLIP, Reading
from minidl.teach.claims.unclear import Unclear


def dense(text: str, parts: Parts) -> list[Claim]:
    """A linear layer: from a row of numbers, or from a map that is flattened, to so many outputs."""
    is_gap = "gap" in parts.things
    if not {"linear", "gap"} & set(parts.things) or set(parts.things) - {"linear", "gap", "conv"}:
        return []
    shape: tuple[int, ...] = parts.sizes[0].value if parts.sizes else ()
    numbers = list(parts.numbers)
    c, o = parts.features.get("arrow") or (None, None)
    if len(shape) == 3 and o is None:
        o = _outputs(parts, numbers)
    if shape and c is None:
        c = shape[-1] if is_gap else prod(shape)
    if c is None or o is None:
        c = c if c is not None else (parts.features.get("inputs") or (None,))[0]
        o = o if o is not None else (parts.features.get("filters") or (None,))[0]
    if c is None or o is None:
        raise Unclear(
            "from how many numbers to how many? Say it as: linear 2048->512, or: linear from 7x7x1024 to 1000"
        )
    out = []
    for token, quantity in pairs(numbers, parts.quantities):
        ledger = Ledger(f"linear {c}→{o}", (linear("linear", c, o, bias=quantity in ("parameters", "weights")),))
        claim = counted(text, ledger, quantity, token, parts.said)
        more = []
        if shape and not is_gap and quantity in ("parameters", "weights", "macs"):
            how = "the map not flattened: its channels alone counted"
            more.append(Reading(Fraction(shape[-1] * o), SLIP, how, how, (f"{shape[-1]} · {o} = {shape[-1] * o:,}",)))
        readings_ = tuple(sorted((*claim.readings, *more), key=lambda one: one.tier))
        out.append(Claim(text, claim.about, claim.number, readings_, "equal", claim.unit, claim.subjects))
    return out


def _outputs(parts: Parts, numbers: list[Any]) -> int | None:
    """Take the number of outputs from behind a map: the plain number that is no claim."""
    if "filters" in parts.features:
        return parts.features["filters"][0]
    plain = [token for token in numbers if not token.unit and not token.value.scale]
    if len(numbers) == 2 and plain:
        numbers.remove(plain[0])
        return int(plain[0].value.value)
    return None


def squeeze(text: str, parts: Parts) -> list[Claim]:
    """Squeeze-and-excitation: two linear layers, from C to C / r and back."""
    if "se" not in parts.things:
        return []
    c = next((parts.features[name][0] for name in ("channels", "inputs") if name in parts.features), None)
    r = parts.features.get("reduction")
    if c is None or r is None:
        raise Unclear("with how many channels, and which reduction? Say it as: SE block with 512 channels and r=16")
    if c % r[0]:
        raise Unclear(f"{c} channels cannot be reduced by {r[0]}")
    small = c // r[0]
    out = []
    for token, quantity in pairs(parts.numbers, parts.quantities or ["weights"]):
        rows = tuple(
            linear(name, a, b, bias=quantity in ("parameters", "weights"))
            for name, a, b in (("squeeze", c, small), ("excite", small, c))
        )
        out.append(counted(text, Ledger(f"SE, {c} channels, r = {r[0]}", rows), quantity, token, parts.said))
    return out
