"""`minidl gradcheck`: are the gradients right?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minidl.cli._out import say

if TYPE_CHECKING:
    from minidl.proof.runner import Row
    from minidl.proof.student import Result

ERROR = "worst relative error"


def gradcheck(
    target: Annotated[
        str | None,
        typer.Argument(
            help="An operation (conv2d), a layer (Conv2d), or a file of your own functions (mine.py, mine.py::conv2d).",
            metavar="[OP|LAYER|FILE.py]",
            show_default="every operation and layer",
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Element by element, not along a random direction.")] = False,
) -> int:
    """Check gradients against finite differences; a file of your own also against nested loops.

    The functions in a file are named like minidl's kernels: conv2d, conv2d_dx, im2col, max_pool2d ... The exit status
    is 1 if anything is wrong or not written yet.

    Examples:
      minidl gradcheck

      minidl gradcheck conv2d --full

      minidl gradcheck docs/exercises/convolution.py::im2col
    """
    if target is None:
        return _everything(full)
    file, _, only = target.partition("::")
    if file.endswith(".py") or only or Path(file).is_file():
        return _own_file(Path(file), only or None, full)
    return _one(target, full)


def _everything(full: bool) -> int:
    from minidl.proof import runner

    rows = (runner.check(name, full=full) for name in runner.names())
    return _show(rows, "operation", "operations and layers")


def _one(name: str, full: bool) -> int:
    from minidl.proof import runner

    return _show(runner.check_cases(name, full=full), f"case of {name}", f"cases of {name}")


def _show(rows: Iterator[Row], title: str, what: str) -> int:
    """Print a row for each operation or case as it is done, then what is wrong with them."""
    from minidl.cli._table import table

    done: list[Row] = []
    with table([title, "cases", ERROR, "time", "verdict"], [34, -5, -20, -7, 7]) as add:
        for row in rows:
            done.append(row)
            add(row.name, str(row.cases), f"{row.worst:.1e}", f"{row.seconds:.2f} s", row.verdict)
    for trouble in (text for row in done for text in row.trouble):
        say("", *trouble.splitlines())
    wrong = [row.name for row in done if row.verdict in ("FAIL", "ERROR")]
    seconds = f"{sum(row.seconds for row in done):.1f} s"
    if wrong:
        say("", f"{len(wrong)} of {len(done)} {what} wrong: {', '.join(wrong)}; {seconds}")
        return 1
    worst = max(done, key=lambda row: row.worst)
    say("", f"all {len(done)} {what} right; {ERROR} {worst.worst:.1e} ({worst.name}); {seconds}")
    return 0


def _own_file(path: Path, only: str | None, full: bool) -> int:
    """Print a row for each check of each function in a file, then what is wrong with them."""
    from minidl.cli._table import table
    from minidl.proof.student import check_file

    results = check_file(path, only, full=full)
    results = itertools.chain(
        [next(results)], results
    )  # the file is imported here, or the error comes before the table
    done: list[Result] = []
    with table(["function", "check", "cases", ERROR, "time", "verdict"], [14, 26, -5, -20, -8, 15]) as add:
        for result in results:
            done.append(result)
            if result.verdict != "missing":
                error = f"{result.worst:.1e}" if result.cases or result.verdict == "FAIL" else "-"
                add(result.function, result.check, str(result.cases), error, f"{result.seconds:.2f} s", result.verdict)
    for result in done:
        if result.verdict in ("FAIL", "ERROR") and result.trouble:
            say("", *result.trouble.splitlines())
    return _close(done)


def _close(done: list[Result]) -> int:
    """Print which functions are right, wrong, not written and missing; return the exit status."""
    verdicts: dict[str, set[str]] = {}
    for result in done:
        verdicts.setdefault(result.function, set()).add(result.verdict)
    wrong = {name for name, found in verdicts.items() if found & {"FAIL", "ERROR"}}
    unwritten = {r.function: r.trouble for r in done if r.verdict == "not written yet" and r.function not in wrong}
    right = [name for name, found in verdicts.items() if found == {"ok"}]
    say("")
    for word, names in (("right", right), ("wrong", [name for name in verdicts if name in wrong])):
        if names:
            say(f"{word}: {', '.join(names)}")
    for name, why in unwritten.items():
        say(f"not written yet: {name}" + f" ({why})" * bool(why))
    missing = [name for name, found in verdicts.items() if found == {"missing"}]
    if missing:
        say(f"missing: {', '.join(missing)}")
    return 0 if right and not wrong and not unwritten else 1
