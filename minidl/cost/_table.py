"""What a network costs as HTML: the sums, a row for each part of the network, and all operations to be unfolded."""

from __future__ import annotations

from typing import Any

from minidl._html import element, faint, folded, grid, heading, or_plain
from minidl._looks import count, listed
from minidl.cost.example import written

MOST = 120  # rows


@or_plain
def table(cost: Any) -> str:
    """Return what a notebook shows of a `Cost`."""
    whole, parts = cost.cells(), cost.at_depth(1).cells()
    title = heading(cost.name, f"one input of {written(cost.input)}, depth {cost.depth}")
    rows = [title, _grid(whole if len(whole) <= len(parts) + 8 else parts)]
    if len(whole) > len(parts) + 8:
        rows.append(folded(faint(f"all {count(len(whole) - 2, 'operation')}"), _grid(whole)))
    if cost.uncounted:
        rows.append(
            element("div", faint(f"MACs and FLOPs are incomplete: there is no rule for {listed(list(cost.uncounted))}"))
        )
    return element("div", *rows)


@or_plain
def conventions_table(found: Any) -> str:
    """Return what a notebook shows of `Conventions`."""
    head, *rows = found.cells()
    title = heading(f"“The FLOPs” of {found.name}", f"one input of {written(found.input)}")
    return element("div", title, grid(head, rows, (2,)))


def _grid(cells: list[tuple[str, ...]]) -> Any:
    head, *rows, total = cells
    shown = rows[:MOST]
    if len(rows) > MOST:
        shown.append((f"… and {len(rows) - MOST} more", *[""] * (len(head) - 1)))
    numbers = tuple(range(len(head) - 4, len(head)))
    return grid(head, [*shown, [element("b", cell) for cell in total]], numbers)


@or_plain
def memory_table(memory: Any) -> str:
    """Return what a notebook shows of a `Memory`."""
    head, *rows, total = memory.cells()
    bold = [element("b", cell) for cell in total]
    title = heading(
        memory.name, f"one training step, {memory.batch} × {written(memory.input)}", memory.dtype, memory.optimizer
    )
    return element(
        "div", title, grid(head, [*rows, bold], (1, 2)), *(element("div", faint(note)) for note in memory.notes())
    )
