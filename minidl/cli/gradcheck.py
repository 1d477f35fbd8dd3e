"""`minidl gradcheck`: are the gradients right?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl.cli._out import say, say_json

if TYPE_CHECKING:
    from minidl.proof.runner import Row
    from minidl.proof.student import Result

ERROR = "worst relative error"
WRONG = ("FAIL", "ERROR")


def gradcheck(
    target: Annotated[
        str | None,
        typer.Argument(
            help="An operation (conv2d), a layer (Conv2d), or a file of your own (mine.py, mine.py::conv2d).",
            metavar="[OP|LAYER|FILE.py]",
            show_default="every operation and layer",
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Element by element, not along a random direction.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Check gradients against finite differences; kernels of your own also against nested loops.

    In a file of your own are checked: functions with the names of minidl's kernels (conv2d, conv2d_dx, im2col,
    max_pool2d ...), subclasses of Function, and functions of tensors that are annotated to return a Tensor or asked for
    by name. INPUTS = {"Scale": [(2, 3, 4, 4), (2, 3)]} in the file says what they are called with; else it is guessed.

    The exit status is 1 if anything is wrong or not written yet.

    For example:

      minidl gradcheck

      minidl gradcheck conv2d --full

      minidl gradcheck my_convolution.py::im2col
    """
    if target is None:
        return _everything(full, as_json)
    file, _, only = target.partition("::")
    if file.endswith(".py") or only or Path(file).is_file():
        return _own_file(Path(file), only or None, full, as_json)
    return _one(target, full, as_json)


def _everything(full: bool, as_json: bool) -> int:
    from minidl.proof import runner

    rows = (runner.check(name, full=full) for name in runner.names())
    return _json_of_rows(rows) if as_json else _show(rows, "operation", "operations and layers")


def _one(name: str, full: bool, as_json: bool) -> int:
    from minidl.proof import runner

    rows = runner.check_cases(name, full=full)
    return _json_of_rows(rows) if as_json else _show(rows, f"case of {name}", f"cases of {name}")


def _json_of_rows(rows: Iterator[Row]) -> int:
    """Print what `_show` shows as one JSON object."""
    found = [
        {
            "name": row.name,
            "cases": row.cases,
            "worst": _number(row.worst),
            "seconds": row.seconds,
            "verdict": row.verdict,
            "trouble": list(row.trouble),
        }
        for row in rows
    ]
    wrong = [row["name"] for row in found if row["verdict"] in WRONG]
    say_json({"right": not wrong, "wrong": wrong, "rows": found})
    return 1 if wrong else 0


def _number(value: float) -> float | None:
    """Return a number that JSON has; it has no inf and no nan."""
    return value if math.isfinite(value) else None


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
    wrong = [row.name for row in done if row.verdict in WRONG]
    seconds = f"{sum(row.seconds for row in done):.1f} s"
    if wrong:
        say("", f"{len(wrong)} of {len(done)} {what} wrong: {', '.join(wrong)}; {seconds}")
        return 1
    worst = max(done, key=lambda row: row.worst)
    say("", f"all {len(done)} {what} right; {ERROR} {worst.worst:.1e} ({worst.name}); {seconds}")
    return 0


def _own_file(path: Path, only: str | None, full: bool, as_json: bool) -> int:
    """Print a row for each check of each function in a file, then what is wrong with them."""
    from minidl.cli._table import table
    from minidl.proof.student import check_file, known_in

    results = check_file(path, only, full=full)
    if as_json:
        return _json_of_file(path, list(results))
    results = itertools.chain(
        [next(results)], results
    )  # the file is imported here, or the error comes before the table
    done: list[Result] = []
    wide = max(14, *map(len, known_in(path)), 0)
    with table(["function", "check", "cases", ERROR, "time", "verdict"], [wide, 26, -5, -20, -8, 15]) as add:
        for result in results:
            done.append(result)
            if result.verdict != "missing":
                error = f"{result.worst:.1e}" if result.cases or result.verdict == "FAIL" else "-"
                add(result.function, result.check, str(result.cases), error, f"{result.seconds:.2f} s", result.verdict)
    for result in done:
        if result.verdict in (*WRONG, "KINK") and result.trouble:
            say("", *result.trouble.splitlines())
    return _close(done)


def _json_of_file(path: Path, done: list[Result]) -> int:
    """Print what is found out about a file as one JSON object; `place` is the file and the line to look at."""
    right, wrong, unwritten, missing = _sorted(done)
    checks: list[dict[str, Any]] = [
        {
            "function": result.function,
            "check": result.check,
            "cases": result.cases,
            "worst": _number(result.worst),
            "seconds": result.seconds,
            "verdict": result.verdict,
            "place": result.place and {"file": result.place[0], "line": result.place[1]},
            "trouble": result.trouble,
        }
        for result in done
        if result.verdict != "missing"
    ]
    names = {"right": right, "wrong": wrong, "not_written_yet": unwritten, "missing": missing}
    say_json({"file": path.name, **names, "checks": checks})
    return _status(right, wrong, unwritten)


def _sorted(done: list[Result]) -> tuple[list[str], list[str], dict[str, str], list[str]]:
    """Return which functions are right, wrong, not written yet (and what they say), and missing."""
    verdicts: dict[str, set[str]] = {}
    for result in done:
        verdicts.setdefault(result.function, set()).add(result.verdict)
    wrong = [name for name, found in verdicts.items() if found & set(WRONG)]
    unwritten = {r.function: r.trouble for r in done if r.verdict == "not written yet" and r.function not in wrong}
    right = [name for name, found in verdicts.items() if found <= {"ok", "KINK"}]
    return right, wrong, unwritten, [name for name, found in verdicts.items() if found == {"missing"}]


def _status(right: list[str], wrong: list[str], unwritten: dict[str, str]) -> int:
    return 0 if right and not wrong and not unwritten else 1


def _close(done: list[Result]) -> int:
    """Print which functions are right, wrong, not written and missing; return the exit status."""
    right, wrong, unwritten, missing = _sorted(done)
    say("")
    for word, names in (("right", right), ("wrong", wrong)):
        if names:
            say(f"{word}: {', '.join(names)}")
    for name, why in unwritten.items():
        say(f"not written yet: {name}" + f" ({why})" * bool(why))
    if missing:
        say(f"missing: {', '.join(missing)}")
    return _status(right, wrong, unwritten)
