"""Run the proof: check the gradients of every case of an operation or a layer, and sum up in a row."""

from __future__ import annotations

import difflib
import functools
import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minidl._gradcheck import GradcheckReport, GradientError, gradcheck
from minidl.proof import tables
from minidl.proof.layers import LAYERS, LayerCase, as_function
from minidl.proof.table import Case, Table

Check = tuple[str, Callable[[], GradcheckReport]]  # the name of a case, and what checks it
VERDICTS = ("ERROR", "FAIL", "KINK", "ok")  # the worst first


@dataclass(frozen=True)
class Row:
    """What was found out about one case, or about all cases of one operation or layer.

    Attributes:
        name: of the case, or of the operation or layer.
        cases: how many were run.
        worst: the largest relative error of all cases and arguments.
        seconds: how long it took.
        verdict: "ok", "KINK", "FAIL", or "ERROR" if a case could not be run.
        trouble: for each case that is not right, what is wrong, with the verdict of the gradient checker.
    """

    name: str
    cases: int
    worst: float
    seconds: float
    verdict: str
    trouble: tuple[str, ...] = ()


def names() -> list[str]:
    """Return what can be checked: all operations, then all layers."""
    return [*tables(), *LAYERS]


def check(name: str, *, full: bool = False, seed: int = 0) -> Row:
    """Check the gradients of one operation or layer in all its cases.

    Args:
        name: as in `minidl.ops` or `minidl.nn`.
        full: element by element instead of along a random direction.
        seed: of all that is drawn.

    Raises:
        ValueError: if there is no such operation or layer; the message says which one is near.

    Example:
        >>> from minidl.proof import runner
        >>> row = runner.check("relu")
        >>> row.verdict, row.worst < 1e-6
        ('ok', True)
    """
    return sum_up(name, list(check_cases(name, full=full, seed=seed)))


def check_cases(name: str, *, full: bool = False, seed: int = 0) -> Iterator[Row]:
    """Check the gradients of one operation or layer and give a row for each case as it is done; see `check`."""
    mode, found = "elements" if full else "direction", tables()
    if name in found:
        checks = _of_operation(found[name], mode, seed)
    elif name in LAYERS:
        checks = _of_layer(name, mode, seed)
    else:
        raise ValueError(unknown("operation, layer or file", name, names()))
    return (_row(name, case, run) for case, run in checks)


def sum_up(name: str, rows: Sequence[Row]) -> Row:
    """Put the rows of all cases into one."""
    verdicts = {row.verdict for row in rows}
    return Row(
        name,
        len(rows),
        max((row.worst for row in rows), default=0.0),
        sum(row.seconds for row in rows),
        next((word for word in VERDICTS if word in verdicts), "ok"),
        tuple(text for row in rows for text in row.trouble),
    )


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """Say that there is no such name, and which ones are near."""
    alike: dict[str, list[str]] = {}
    for other in known:
        alike.setdefault(other.lower(), []).append(other)
    near = [
        other for lower in difflib.get_close_matches(name.lower(), alike, n=2, cutoff=0.5) for other in alike[lower]
    ]
    guess = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
    return f"gradcheck: there is no {kind} {name!r}; {guess}"


def _of_operation(table: Table, mode: str, seed: int) -> Iterator[Check]:
    for case in table.cases:
        yield case.name, functools.partial(_check_case, table, case, mode, seed)


def _check_case(table: Table, case: Case, mode: str, seed: int) -> GradcheckReport:
    inputs = list(case.draw(np.random.default_rng(seed)))
    return gradcheck(functools.partial(table.function, **case.settings), inputs, mode=mode, seed=seed)


def _of_layer(name: str, mode: str, seed: int) -> Iterator[Check]:
    for case in LAYERS[name]:
        yield case.name, functools.partial(_check_layer, case, mode, seed)


def _check_layer(case: LayerCase, mode: str, seed: int) -> GradcheckReport:
    rng = np.random.default_rng(seed)
    module, inputs = case.build(), list(case.draw(rng))
    f, parameters, arrays = as_function(module, len(inputs), rng)
    given = list(inspect.signature(module.forward).parameters)[: len(inputs)]
    return gradcheck(f, [*inputs, *arrays], mode=mode, seed=seed, names=[*given, *parameters])


def _row(name: str, case: str, run: Callable[[], GradcheckReport]) -> Row:
    """Run one check; an error in it does not keep the others from running."""
    start = time.perf_counter()
    try:
        report = run()
    except GradientError as error:
        report = error.report
    except Exception as error:
        text = f"{name}, case {case!r}: {type(error).__name__}: {error}"
        return Row(case, 1, float("inf"), time.perf_counter() - start, "ERROR", (text,))
    trouble = () if report.verdict == "ok" else (f"{name}, case {case!r}:\n{report}",)
    return Row(case, 1, report.worst, time.perf_counter() - start, report.verdict, trouble)
