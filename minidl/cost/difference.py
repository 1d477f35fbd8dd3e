"""Two networks side by side: which layers differ, and what each difference costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from minidl._checks import to_int
from minidl._looks import Brief, count
from minidl.cost import table
from minidl.cost._alike import Signature, aligned, signature
from minidl.cost._rows import beginning, by_path, ruled
from minidl.cost.table import COLUMNS, NOT_RUN, Cost, Layer
from minidl.cost.trail import walk
from minidl.nn import Module

TITLES = ("layer", "difference", "parameters", "MACs", "FLOPs", "activations")
CHANGED, REMOVED, ADDED, RESIZED, JOINED = "changed", "removed", "added", "resized", "joined"
KINDS = (CHANGED, REMOVED, ADDED, RESIZED)


@dataclass(frozen=True)
class Change(Brief):
    """A layer that is not the same in both networks; the numbers are those of the second minus those of the first.

    Attributes:
        kind: "changed", "removed" (only the first has it), "added" (only the second has it), "resized" for a layer
            without weights that does the same with arrays of another size, or "joined" for several (see `at_depth`).
        path: of the layer; "old → new" if it has another name.
        what: what differs, in words.
        parameters: how many more the second has.
        macs: likewise.
        flops: likewise.
        activation_bytes: likewise.
        joined: the changes that this one stands for, if it is "joined".
    """

    kind: str
    path: str
    what: str
    parameters: int
    macs: int
    flops: int
    activation_bytes: int
    joined: tuple[Change, ...] = ()

    def _words(self) -> list[str]:
        return [f"{self.path}: {self.what}".lstrip(": "), self.kind]


@dataclass(frozen=True)
class Difference(Brief):
    """What makes the second network of the first; `str()` is a table.

    Attributes:
        first: what the first network costs.
        second: what the second network costs.
        changes: layer by layer, in order; together they are exactly the difference of the sums.
        alike: how many layers are the same in both.
    """

    first: Cost
    second: Cost
    changes: tuple[Change, ...]
    alike: int

    def _words(self) -> list[str]:
        return [f"{self.first.name} → {self.second.name}", self.counts()]

    def counts(self) -> str:
        """Say how many layers are alike, changed, removed and added."""
        return f"{count(self.alike, 'layer')} alike, {_counted(self.changes)}".removesuffix(", ")

    def at_depth(self, n: int) -> Difference:
        """Return the same difference with one row for all changes under the first n parts of a path.

        Example:
            >>> from minidl import cost, models, nn
            >>> with nn.init.unfilled():
            ...     found = cost.difference(models.resnet18(), models.resnet34()).at_depth(1)
            >>> [(change.path, change.what) for change in found.changes][:2]
            [('layer1', '4 added'), ('layer2', '8 added')]
        """
        to_int("at_depth", "n", n, least=1)

        def path_of(change: Change) -> str:
            return " → ".join(dict.fromkeys(beginning(part, n) for part in change.path.split(" → ")))

        rows = (
            rows[0] if len(rows) == 1 else _change_of(JOINED, path, _counted(rows), _sums(rows), tuple(rows))
            for path, rows in by_path(self.changes, path_of)
        )
        return replace(self, changes=tuple(rows))

    def cells(self) -> list[tuple[str, ...]]:
        """Return the table as words: the titles, the changes, and the sums; the last four columns are numbers.

        Layers without weights that only meet other sizes share a row at the end.
        """
        rows = [(change.path, change.what, *_signed(change)) for change in self.changes if change.kind != RESIZED]
        resized = [change for change in self.changes if change.kind == RESIZED]
        if resized:
            sums = _change_of(RESIZED, "", "", _sums(resized))
            what = f"{count(len(resized), 'operation')} without weights, the same on arrays of other sizes"
            rows.append(("", what, *_signed(sums)))
        total = _change_of("", "", "", _sums(self.changes))
        return [TITLES, *rows, ("total", self.counts(), *_signed(total))]

    def __str__(self) -> str:
        return "\n".join([f"{self.first.name} → {self.second.name}", "", *ruled(self.cells(), numbers=range(2, 6))])


def difference(
    first: Module,
    second: Module,
    size: int | Sequence[int] | None = None,
    *,
    dtype: str | None = None,
    batch: int = 1,
) -> Difference:
    """Align two networks layer by layer, and return what changes from the first to the second.

    Layers are paired in their order, so that they have as much as possible in common: operation, output, channels,
    window, path.

    Args:
        first: any module.
        second: any other.
        size: as for `count`, for both; None (default) means that each takes its own.
        dtype: as for `Cost.stored`.
        batch: as for `Cost.stored`.

    Raises:
        ValueError: if a size does not fit.
        TypeError: if one is no module.

    Example:
        >>> from minidl import models, nn
        >>> with nn.init.unfilled():
        ...     found = difference(models.alexnet(), models.zfnet())
        >>> found.changes[0].what, found.changes[0].parameters
        ('conv2d: 11×11 stride 4 → 7×7 stride 2, no padding → padding 1, output 96×55×55 → 96×110×110', -20736)
        >>> sum(change.macs for change in found.changes) == found.second.macs - found.first.macs
        True
    """
    costs = [table.count(net, size).stored(dtype, batch=batch) for net in (first, second)]
    mine, theirs = (_signatures(net, size, cost) for net, cost in zip((first, second), costs, strict=True))
    changes, alike = [], 0
    for i, j in aligned(mine, theirs):
        before, after = (None if i is None else costs[0].layers[i]), (None if j is None else costs[1].layers[j])
        if i is not None and j is not None and mine[i].parts == theirs[j].parts and _numbers(before) == _numbers(after):
            alike += 1
        else:
            changes.append(_change(None if i is None else mine[i], None if j is None else theirs[j], before, after))
    return Difference(costs[0], costs[1], tuple(changes), alike)


def _signatures(net: Module, size: int | Sequence[int] | None, cost: Cost) -> list[Signature]:
    """Return what each row of a cost is; those that never run come last, in both."""
    run = [signature(event) for event in walk(net, size)]
    return [*run, *(Signature(row.path, NOT_RUN, {}) for row in cost.layers[len(run) :])]


def _change(mine: Signature | None, theirs: Signature | None, before: Layer | None, after: Layer | None) -> Change:
    """Tell one difference; one of the two layers may be missing."""
    amounts = [b - a for a, b in zip(_numbers(before), _numbers(after), strict=True)]
    if theirs is None:
        return _alone(REMOVED, mine, amounts)
    if mine is None:
        return _alone(ADDED, theirs, amounts)
    path = mine.path if mine.path == theirs.path else f"{mine.path or '(itself)'} → {theirs.path or '(itself)'}"
    names = [name for name in {**mine.parts, **theirs.parts} if mine.parts.get(name) != theirs.parts.get(name)]
    differing = [_told(name, mine.parts.get(name), theirs.parts.get(name)) for name in names if name != "output"]
    resized = names == ["output"] and before is not None and not before.parameters and not before.macs
    if "output" in names:
        differing.append(f"output {mine.parts['output']} → {theirs.parts['output']}")
    what = f"{mine.op}: {', '.join(differing) or 'other parameters'}"
    return _change_of(RESIZED if resized else CHANGED, path, what, amounts)


def _alone(kind: str, layer: Signature | None, amounts: list[int]) -> Change:
    """Tell of a layer that one network has alone."""
    layer = layer or Signature("", "", {})
    result = f", output {layer.parts['output']}" if "output" in layer.parts else ""
    return _change_of(kind, layer.path, f"{kind}: {layer.words}{result}", amounts)


def _change_of(kind: str, path: str, what: str, amounts: Sequence[int], joined: tuple[Change, ...] = ()) -> Change:
    parameters, macs, flops, memory = amounts
    return Change(kind, path, what, parameters, macs, flops, memory, joined)


def _told(name: str, before: str | None, after: str | None) -> str:
    return f"{before or f'no {name}'} → {after or f'no {name}'}"


def _numbers(layer: Layer | None) -> list[int]:
    return [0 if layer is None else getattr(layer, column) for column in COLUMNS]


def _sums(changes: Sequence[Change]) -> list[int]:
    return [sum(getattr(change, column) for change in changes) for column in COLUMNS]


def _counted(changes: Sequence[Change]) -> str:
    """Say how many changes there are of each kind."""
    kinds = [one.kind for change in changes for one in (change.joined or (change,))]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS if kind in kinds)


def _signed(of: Change) -> tuple[str, ...]:
    """Write what is more or less, with its sign."""
    memory = table.bytes_text(abs(of.activation_bytes))
    sign = "-" if of.activation_bytes < 0 else "+" * bool(of.activation_bytes)
    return *(f"{n:+,}" if n else "0" for n in (of.parameters, of.macs, of.flops)), sign + memory
