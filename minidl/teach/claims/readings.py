"""All that a quantity of a thing may be, in the order of how likely it is meant: plain, by a convention, by a slip.

A reading is a value with the words that tell how it comes about. Where a claim's number is a plain reading, the claim
is right; where it is that of a convention, it depends; where it is that of a slip, it is wrong, and one knows why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Any

from minidl.teach.claims.ledger import Ledger, Row
from minidl.teach.strings import claims as words

PLAIN, CONVENTION, SLIP, LAYER_SLIP, TWO_SLIPS = range(5)
BYTES = {"float8": 1, "float16": 2, "float32": 4, "float64": 8}


@dataclass(frozen=True)
class Reading:
    """A value that a quantity may have.

    Attributes:
        value: the number, an int or a Fraction; of a map its shape.
        tier: PLAIN, CONVENTION, SLIP, LAYER_SLIP or TWO_SLIPS.
        key: a short name of the convention or slip; "" for a plain one. Readings with one key are one slip.
        how: the same in words.
        lines: the arithmetic.
        name: of the thing.
        layers: which ones a slip may have left out or counted twice, all of one size; `verb` says which.
        variants: how each network of a claim is meant.
    """

    value: Any
    tier: int = PLAIN
    key: str = ""
    how: str = ""
    lines: tuple[str, ...] = ()
    name: str = ""
    layers: tuple[str, ...] = ()
    verb: str = ""
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """What a claim says of the way in which it counts."""

    qualifiers: frozenset[str] = frozenset()
    is_described: bool = False  # a layer or a module, whose biases nobody counts unless they are named

    def __contains__(self, name: str) -> bool:
        return name in self.qualifiers

    @property
    def dtype(self) -> str | None:
        """The type of number that is named."""
        return next((name for name in BYTES if name in self), None)


Of = Callable[[Row], int]


def plainly(value: Fraction | int) -> str:
    """Write a number: whole ones with all digits."""
    return f"{int(value):,}" if value.denominator == 1 else f"{float(value):,.6g}"


def readings(ledger: Ledger, quantity: str, said: Said) -> list[Reading]:
    """Return all readings of a quantity, the likeliest first."""
    found = sorted(QUANTITIES[quantity](ledger, said), key=lambda one: one.tier)
    return [replace(one, name=one.name or ledger.name) for one in found]


def _sum(
    ledger: Ledger, of: Of, kind: str, tier: int = PLAIN, key: str = "", how: str = "", factor: int = 1
) -> Reading:
    lines = ledger.lines(kind, of)
    total = ledger.sum(of)
    lines = [*lines, f"sum  {total:,}"] if len(lines) > 1 else lines
    lines += [f"{total:,} · {factor} = {total * factor:,}"] if factor != 1 else []
    return Reading(total * factor, tier, key, how, tuple(lines))


def _asked(ledger: Ledger, said: Said) -> Ledger:
    """Return the rows that a claim asks for."""
    found = ledger if "aux" in said else ledger.only(lambda row: row.is_run)
    if "no_fc" in said:
        last = [row for row in found.rows if row.op == "linear" and row.is_run][-1:]
        found = found.only(lambda row: row not in last)
    return found


def _layers(ledger: Ledger, of: Of, kind: str, factor: int = 1) -> Iterator[Reading]:
    """Each layer left out, and each counted twice; those of one size are one slip."""
    total, sizes = ledger.sum(of), {}  # type: ignore[var-annotated]
    for row in ledger.rows:
        if row.is_weighted and of(row):
            sizes.setdefault(of(row), []).append(row)
    parts = [(tuple(row.name for row in rows), size) for size, rows in sizes.items()]
    for names, size in parts:
        called = names[-1] if len(names) == 1 else words.ONE_OF.format(names=_listed(names))
        for sign, form in ((-1, words.LEFT_OUT), (1, words.TWICE)):
            value = (total + sign * size) * factor
            how, mark = form.format(name=called), "−" if sign < 0 else "+"
            line = f"{total:,} {mark} {size:,}" + (f" = {total + sign * size:,}; · {factor}" if factor != 1 else "")
            if value:
                verb = "left out" if sign < 0 else "twice"
                yield Reading(
                    value, LAYER_SLIP, f"{verb} {'|'.join(names)}", how, (f"{line} = {value:,}",), "", names, verb
                )
    if kind == "macs" and not ledger.depth:
        yield from _widths(ledger, of, total, factor)
    for name, rows in _branches(ledger).items():
        size = sum(map(of, rows))
        if len(rows) > 1 and size not in sizes:
            for sign, form in ((-1, words.LEFT_OUT), (1, words.BRANCH_TWICE)):
                value = (total + sign * size) * factor
                mark, verb = ("−", "left out") if sign < 0 else ("+", "twice")
                line = f"{total:,} {mark} {size:,} = {value:,}"
                yield Reading(value, LAYER_SLIP, f"{verb} {name}", form.format(name=name), (line,))


def _widths(ledger: Ledger, of: Of, total: int, factor: int) -> Iterator[Reading]:
    """Each convolution of a described module with one of its two widths in place of the other: 96 · 96 for 64 · 96."""
    for row in ledger.rows:
        for wrong, right in ((row.o, row.c), (row.c, row.o)):
            if not row.is_weighted or wrong == right or len(ledger.rows) < 2:
                continue
            value = (total + of(row) * wrong // right - of(row)) * factor
            how = f"{words.SIZE_FOR_SIZE.format(wrong=wrong, right=right)} in {row.name}"
            yield Reading(value, LAYER_SLIP, f"{wrong} for {right} in {row.name}", how, (f"{value:,}",))


def _branches(ledger: Ledger) -> dict[str, list[Row]]:
    """Rows of a described module that are one branch: their names begin alike, up to a colon."""
    found: dict[str, list[Row]] = {}
    for row in ledger.rows:
        if ": " in row.name:
            found.setdefault(row.name.split(": ")[0], []).append(row)
    return found


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:6])} and {len(names) - 6} more"


def slips_of_scale(one: Reading) -> Iterator[Reading]:
    """Return ten, a hundred and a thousand times a reading, and as many parts of it."""
    for n in (1, 2, 3):
        for value, form in ((one.value * 10**n, words.POWER), (Fraction(one.value, 10**n), words.POWER_DOWN)):
            how = form.format(times=f"{10**n:,}")
            yield Reading(value, SLIP, "power of ten", how, one.lines, one.name)


def _groups_forgotten(ledger: Ledger, of: Of, change: Of, kind: str) -> Iterator[Reading]:
    if any(row.groups > 1 for row in ledger.rows):
        lines = tuple(
            f"{row.name}  {row.arithmetic(kind)} = {of(row):,}; without groups {change(row):,}"
            for row in ledger.rows
            if row.groups > 1
        )[:8]
        yield Reading(ledger.sum(change), SLIP, "groups forgotten", words.GROUPS_FORGOTTEN, lines)


def _parameters(ledger: Ledger, said: Said) -> Iterator[Reading]:
    """With biases or without, with auxiliary heads or without; in a described layer nobody counts biases."""
    rows = _asked(ledger, said)
    biases, others = rows.sum(lambda row: row.biases), rows.sum(lambda row: row.others)
    bare: Of = lambda row: row.weights + row.others  # noqa: E731
    of: Of = bare if "no_bias" in said else lambda row: row.parameters
    plain = _sum(rows, of, "weights" if "no_bias" in said else "parameters")
    yield plain
    if biases and "no_bias" in said:
        yield _sum(rows, lambda row: row.parameters, "parameters", SLIP, "biases in", words.WITH_BIASES)
    elif biases:
        tier = SLIP if "bias" in said else CONVENTION
        yield _sum(rows, bare, "weights", tier, "biases out", words.NO_BIASES)
        if others:
            yield _sum(rows, lambda row: row.weights, "weights", tier, "norms out", words.NO_OTHERS)
    elif others:
        yield _sum(rows, lambda row: row.weights, "weights", CONVENTION, "norms out", words.NO_OTHERS)
    yield from _of_heads(ledger, rows, said, of)
    change: Of = lambda row: of(row) + row.weights * (row.groups - 1)  # noqa: E731
    yield from _groups_forgotten(rows, of, change, "parameters")
    yield from slips_of_scale(plain)
    norms = rows.sum(lambda row: row.others if row.op.startswith("batch_norm") else 0)
    if norms:
        line = f"{plain.value:,} + {norms:,} = {plain.value + norms:,}"
        yield Reading(plain.value + norms, SLIP, "running", words.RUNNING, (line,))
    linears = [row for row in rows.rows if row.op == "linear" and of(row) and row.is_run]
    if linears and len(linears) < len([row for row in rows.rows if row.is_weighted]):
        last = linears[-1]
        yield _sum(rows.only(lambda row: row is not last), of, "parameters", SLIP, "no fc", words.NO_FC)
        if len(linears) > 1:
            kept = rows.only(lambda row: row not in linears)
            yield _sum(kept, of, "parameters", SLIP, "convs alone", words.CONVS_ALONE)
            alone = rows.only(lambda row: row in linears)
            yield _sum(alone, of, "parameters", SLIP, "linears alone", words.LINEARS_ALONE)
    yield Reading(plain.value * 4, SLIP, "bytes", words.BYTES_FOR_NUMBERS, (f"{plain.value:,} · 4",))
    if macs := rows.sum(lambda row: row.macs):
        yield Reading(macs, SLIP, "macs", words.MACS_FOR_PARAMETERS, (f"{macs:,} MACs",))
    yield from _layers(rows, of, "parameters")


def _of_heads(ledger: Ledger, rows: Ledger, said: Said, of: Of) -> Iterator[Reading]:
    if all(row.is_run for row in ledger.rows):
        return
    if "aux" in said:
        kept = rows.only(lambda row: row.is_run)
        yield _sum(kept, of, "parameters", SLIP, "aux out", words.NO_AUX)
    else:
        tier = SLIP if "no_aux" in said else CONVENTION
        yield _sum(ledger, of, "parameters", tier, "aux in", words.WITH_AUX)


def _weights(ledger: Ledger, said: Said) -> Iterator[Reading]:
    """Weights in the strict sense, without biases; or, as most people speak, all parameters."""
    if said.is_described and not said.qualifiers & {"bias", "no_bias"}:
        for one in _parameters(ledger, replace(said, qualifiers=said.qualifiers | {"no_bias"})):
            yield replace(one, tier=CONVENTION) if one.key == "biases in" else one
        return
    rows = _asked(ledger, said)
    biases = rows.sum(lambda row: row.biases + row.others)
    for one in _parameters(ledger, said):
        if one.key not in ("biases out", "norms out"):
            yield one
    if biases and not said.qualifiers & {"bias", "no_bias"}:
        yield _sum(rows, lambda row: row.weights, "weights", PLAIN, "biases out", words.NO_BIASES)


def _macs(ledger: Ledger, said: Said, tier: int = PLAIN, how: str = "") -> Iterator[Reading]:
    rows = _asked(ledger, said).only(lambda row: row.is_run)
    of: Of = lambda row: row.macs  # noqa: E731
    plain = _sum(rows, of, "macs", tier, "macs" if how else "", how)
    yield plain
    if tier == PLAIN:
        line = (*plain.lines, f"2 · {plain.value:,} = {2 * plain.value:,}")
        yield Reading(2 * plain.value, SLIP, "flops for macs", words.FLOPS_FOR_MACS, line)
        flops = rows.sum(lambda row: row.flops)
        if flops != 2 * plain.value:
            lines = (f"{flops:,} FLOPs in all",)
            yield Reading(flops, SLIP, "flops for macs", words.FLOPS_FOR_MACS, lines)
    yield from _slips_of_macs(rows, plain)


def _slips_of_macs(rows: Ledger, plain: Reading, factor: int = 1) -> Iterator[Reading]:
    of: Of = lambda row: row.macs * factor  # noqa: E731
    change: Of = lambda row: row.macs * row.groups * factor  # noqa: E731
    yield from _groups_forgotten(rows, of, change, "macs")
    yield from slips_of_scale(replace(plain, value=rows.sum(of)))
    biases = rows.sum(lambda row: row.biases and prod((row.o, *row.after)))
    if biases and factor == 1:
        line = f"{plain.value:,} + {biases:,} = {plain.value + biases:,}"
        yield Reading(plain.value + biases, SLIP, "bias additions", words.BIAS_ADDITIONS, (line,))
    linears = [row for row in rows.rows if row.op == "linear" and row.macs]
    if linears and len(linears) < len([row for row in rows.rows if row.is_weighted]):
        kept = rows.only(lambda row: row.op != "linear")
        yield _sum(kept, of, "macs", SLIP, "convs alone", words.CONVS_ALONE)
        alone = rows.only(lambda row: row.op == "linear")
        yield _sum(alone, of, "macs", SLIP, "linears alone", words.LINEARS_ALONE)
    if rows.sum(of) != rows.sum(lambda row: row.parameters):
        parameters = rows.sum(lambda row: row.parameters)
        yield Reading(parameters, SLIP, "parameters", words.PARAMETERS_FOR_MACS, (f"{parameters:,}",))
    yield from _layers(rows, of, "macs")


def _flops(ledger: Ledger, said: Said) -> Iterator[Reading]:
    rows = _asked(ledger, said).only(lambda row: row.is_run)
    macs, flops = rows.sum(lambda row: row.macs), rows.sum(lambda row: row.flops)
    counted = _sum(rows, lambda row: row.macs, "macs")
    line = (*counted.lines, f"2 · {macs:,} = {2 * macs:,}")
    yield Reading(2 * macs, PLAIN, "", words.TWO_A_MAC, line)
    if flops != 2 * macs:
        yield Reading(flops, PLAIN, "", words.ALL_FLOPS, (f"{flops:,} with norms and activations",))
    yield replace(counted, tier=CONVENTION, key="macs for flops", how=words.MACS_FOR_FLOPS)
    yield from _slips_of_macs(rows, Reading(2 * macs, lines=line), 2)
    for one in _layers(rows, lambda row: row.macs, "macs"):
        how = words.AND.format(first=words.MACS_FOR_FLOPS, second=one.how)
        yield replace(one, tier=TWO_SLIPS, key=f"macs for flops, {one.key}", how=how)


def _operations(ledger: Ledger, said: Said) -> Iterator[Reading]:
    """Nobody knows what an operation is: each of the two may be meant."""
    yield from _macs(ledger, said, CONVENTION, words.MACS_MEANT)
    for one in _flops(ledger, said):
        if one.tier == PLAIN:
            yield replace(one, tier=CONVENTION, key="flops", how=words.FLOPS_MEANT)


def _bytes(ledger: Ledger, said: Said, counted: Iterable[Reading]) -> Iterator[Reading]:
    """The bytes of numbers that are counted in several ways."""
    right = said.dtype or "float32"
    first: Reading | None = None
    for one in counted:
        if one.key in ("bytes", "macs"):
            continue
        if one.key == "running":  # they are in every file of weights
            one = replace(one, tier=CONVENTION, how=words.RUNNING_KEPT)
        of = one.value * BYTES[right]
        found = replace(
            one, value=of, lines=(*one.lines, f"{plainly(one.value)} · {BYTES[right]} bytes = {plainly(of)} bytes")
        )
        if one.tier == PLAIN and first is None:
            first = one
        yield found
    if first is None:
        return
    for dtype, size in BYTES.items():
        if dtype == right or (said.dtype and dtype == "float8"):  # which is as many bytes as there are numbers
            continue
        tier, value = SLIP if said.dtype else CONVENTION, first.value * size
        how = (words.OTHER_DTYPE if said.dtype else words.IN_DTYPE).format(dtype=dtype, right=right)
        yield Reading(value, tier, dtype, how, (f"{first.value:,} · {size} bytes = {value:,} bytes",))
    yield Reading(first.value, SLIP, "numbers", words.NUMBERS_FOR_BYTES, (f"{first.value:,} numbers",))
    bits = first.value * BYTES[right] * 8
    yield Reading(bits, SLIP, "bits", words.BITS_FOR_BYTES, (f"{first.value:,} · {BYTES[right] * 8} bits",))


def _weight_bytes(ledger: Ledger, said: Said) -> Iterator[Reading]:
    counted = _parameters(ledger, said)
    if said.is_described and not said.qualifiers & {"bias", "no_bias"}:  # with biases or without: both are right
        counted = (replace(one, tier=PLAIN) if one.key == "biases in" else one for one in _weights(ledger, said))
    yield from _bytes(ledger, said, counted)


def _activations(ledger: Ledger, said: Said) -> Iterator[Reading]:
    """The results of convolutions and linear layers, each with its activation; poolings by a convention."""
    rows = _asked(ledger, said).only(lambda row: row.is_run)
    kept = rows.only(lambda row: row.is_weighted) if any(row.is_weighted for row in rows.rows) else rows
    of: Of = lambda row: row.numbers  # noqa: E731
    plain = _sum(kept, of, "numbers")
    yield plain
    if len(kept.rows) != len(rows.rows):
        pooled = rows.only(lambda row: row.is_weighted or ("pool" in row.op and row.before != row.after))
        yield _sum(pooled, of, "numbers", CONVENTION, "pools", words.WITH_POOLS)
        views = rows.only(lambda row: row.op not in ("reshape", "transpose"))
        yield _sum(views, of, "numbers", CONVENTION, "every result", words.EVERY_RESULT)
        if ledger.picture:
            value = pooled.sum(of) + prod(ledger.picture)
            line = f"{pooled.sum(of):,} + {prod(ledger.picture):,} = {value:,}"
            yield Reading(value, SLIP, "input and pools", words.INPUT_AND_POOLS, (line,))
    if ledger.picture:
        value = plain.value + prod(ledger.picture)
        line = f"{plain.value:,} + {' · '.join(map(str, ledger.picture))} = {value:,}"
        yield Reading(value, SLIP, "input", words.INPUT_COUNTED, (*plain.lines, line))
    yield from slips_of_scale(plain)
    yield from _layers(kept, of, "numbers")


def _activation_bytes(ledger: Ledger, said: Said) -> Iterator[Reading]:
    yield from _bytes(ledger, said, _activations(ledger, said))


def _memory(ledger: Ledger, said: Said) -> Iterator[Reading]:
    """Nobody says of what: each may be meant."""
    for of, how in ((_weight_bytes, words.WEIGHTS_MEANT), (_activation_bytes, words.ACTIVATIONS_MEANT)):
        for one in of(ledger, said):
            more = how if not one.how else words.AND.format(first=how, second=one.how)
            key = f"{of.__name__[1:]} {one.key}".strip()
            yield replace(one, tier=max(one.tier, CONVENTION), key=key, how=more)


def _count(ledger: Ledger, *ways: tuple[int, str, str, str]) -> Iterator[Reading]:
    for tier, name, key, how in ways:
        value = ledger.depth if name == "depth" else ledger.further[name]()
        yield Reading(value, tier, key, how, (f"{name}: {value}",))


def _depth(ledger: Ledger, said: Said) -> Iterator[Reading]:
    """Weight layers on the longest way."""
    if "with_pools" in said:
        yield from _count(ledger, (PLAIN, "with pools", "", ""), (SLIP, "depth", "pools left out", words.ON_THE_WAY))
        return
    ways = [(PLAIN, "depth", "", words.ON_THE_WAY), (CONVENTION, "with pools", "pools", words.POOLS_COUNT)]
    yield from _count(ledger, *ways)
    if "convs on the way" in ledger.further:
        yield from _count(ledger, (SLIP, "convs on the way", "convs alone", words.CONVS_ALONE))
        every = ledger.further["convs"]() + ledger.further["linear on the way"]()
        if every != ledger.depth:
            yield Reading(every, CONVENTION, "all convs", words.SHORTCUTS_COUNT, (f"all convolutions: {every}",))
    for one, key, how in ((1, "twice a layer", words.ONE_LAYER_MORE), (-1, "left out a layer", words.ONE_LAYER_LESS)):
        yield Reading(ledger.depth + one, LAYER_SLIP, key, how, (f"{ledger.depth} {one:+}",))


def _conv_layers(ledger: Ledger, said: Said) -> Iterator[Reading]:
    ways = [(PLAIN, "convs on the way", "", words.ON_THE_WAY), (CONVENTION, "convs", "all convs", words.ALL_CONVS)]
    yield from _count(ledger, *ways, (SLIP, "depth", "all layers", "linear layers counted, too"))


def _fc_layers(ledger: Ledger, said: Said) -> Iterator[Reading]:
    yield from _count(ledger, (PLAIN, "linear on the way", "", ""))


def _inception_modules(ledger: Ledger, said: Said) -> Iterator[Reading]:
    yield from _count(ledger, (PLAIN, "inception modules", "", ""))


QUANTITIES: dict[str, Callable[[Ledger, Said], Iterator[Reading]]] = {
    "parameters": _parameters,
    "weights": _weights,
    "macs": _macs,
    "flops": _flops,
    "operations": _operations,
    "weight_bytes": _weight_bytes,
    "activation_bytes": _activation_bytes,
    "memory": _memory,
    "activations": _activations,
    "depth": _depth,
    "conv_layers": _conv_layers,
    "fc_layers": _fc_layers,
    "inception_modules": _inception_modules,
}
