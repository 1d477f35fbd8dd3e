"""Claims about the Inception module that lectures work out, with and without bottlenecks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from minidl.teach.claims.judging import Claim, Shape
from minidl.teach.claims.ledger import Ledger, Row, conv
from minidl.teach.claims.number import exact
from minidl.teach.claims.parts import Parts, counted, pairs, ratio_claim
from minidl.teach.claims.readings import SLIP, Reading, readings
from minidl.teach.claims.unclear import Unclear
from minidl.teach.claims.vocabulary import called

# The module that lectures work out: 28×28×256 in, 128 1×1, 192 3×3, 96 5×5; with bottlenecks of 64.
EXAMPLE = (28, 28)


def naive() -> Ledger:
    """Return the Inception module without bottlenecks of the worked example."""
    rows = (
        conv("1×1", (1, 1), 256, 128, EXAMPLE),
        conv("3×3", (3, 3), 256, 192, EXAMPLE),
        conv("5×5", (5, 5), 256, 96, EXAMPLE),
        Row("pool", "pool", numbers=256 * 28 * 28, c=256, o=256, after=EXAMPLE),
    )
    return Ledger("naive inception module, 28×28×256 → 128 1×1, 192 3×3, 96 5×5, pool", rows, (256, 28, 28))


def bottleneck() -> Ledger:
    """Return the Inception module with bottlenecks of the worked example."""
    rows = (
        conv("1×1", (1, 1), 256, 128, EXAMPLE),
        conv("1×1 before 3×3", (1, 1), 256, 64, EXAMPLE),
        conv("the 3×3 branch", (3, 3), 64, 192, EXAMPLE),
        conv("1×1 before 5×5", (1, 1), 256, 64, EXAMPLE),
        conv("the 5×5 branch", (5, 5), 64, 96, EXAMPLE),
        conv("1×1 behind the pooling", (1, 1), 256, 64, EXAMPLE),
    )
    return Ledger("inception module with bottlenecks of 64, 28×28×256 → 128, 192, 96, 64", rows, (256, 28, 28))


MODULES = {"naive": (naive, 128 + 192 + 96 + 256), "bottleneck": (bottleneck, 128 + 192 + 96 + 64)}


def modules(text: str, parts: Parts) -> list[Claim]:
    """Return the claims about an Inception module: its output channels, what it needs, how the two compare."""
    names = [name for name in parts.things if name in MODULES]
    if not names:
        if "module" in parts.things:
            raise Unclear("which inception module? Say the naive one, the one with bottlenecks, or GoogLeNet's 3a")
        return []
    if set(parts.things) - {*MODULES, "module", "conv", "pointwise"}:
        raise Unclear("it speaks of an inception module and of something else")
    if len(set(names)) == 2:
        return _two_modules(text, parts, names)
    make, depth = MODULES[names[0]]
    ledger = make()
    for token in [*parts.sizes, *(token for _, token in parts.kernels)]:
        if token.value[:2] != EXAMPLE and token.value not in ((1, 1), (3, 3), (5, 5)):
            raise Unclear(f"the module that is worked out here has an input of 28×28×256, not {token.text}")
    if not parts.numbers and any(len(token.value) == 3 and token.value[2] != 256 for token in parts.sizes):
        token = next(token for token in parts.sizes if len(token.value) == 3 and token.value[2] != 256)
        return [_depth_of(text, ledger, depth, Shape(token.text, token.value))]
    out = []
    quantities = parts.quantities
    for token, quantity in pairs(parts.numbers, quantities or ["depth"]):
        if quantity in ("depth", "output"):
            out.append(_depth_of(text, ledger, depth, exact(token.text, int(token.value.value))))
        else:
            out.append(counted(text, ledger, quantity, token, parts.said))
    return out


def _depth_of(text: str, ledger: Ledger, depth: int, number: Any) -> Claim:
    branches = [row.o for row in ledger.rows if "before" not in row.name]
    line = f"{' + '.join(map(str, branches))} = {depth} channels"
    value: Any = (depth, *EXAMPLE) if isinstance(number, Shape) else Fraction(depth)
    everything = sum(row.o for row in ledger.rows)
    found = [Reading(value, lines=(line,), name=ledger.name)]
    if everything != depth and not isinstance(number, Shape):
        found.append(Reading(Fraction(everything), SLIP, "bottlenecks", "the bottlenecks counted as output, too"))
    return Claim(text, f"{ledger.name}: output channels", number, tuple(found), subjects=(ledger.name,))


def _two_modules(text: str, parts: Parts, names: Sequence[str]) -> list[Claim]:
    if len(parts.numbers) != 1 or parts.numbers[0].unit not in ("times", "%"):
        raise Unclear("it compares two inception modules; say how many times, or by how many percent")
    token = parts.numbers[0]
    quantity = (parts.quantities or ["macs"])[0]
    quantity = "macs" if quantity == "operations" else quantity
    pair = [readings(MODULES[name][0](), quantity, parts.said) for name in names]
    return [ratio_claim(text, pair, token, parts, f"{names[0]} to {names[1]} inception module: {called(quantity)}")]
