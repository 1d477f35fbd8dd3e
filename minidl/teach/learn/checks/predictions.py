"""A step that is a table to be filled in: what a small network will cost, predicted layer by layer.

Besides what all steps have, its file holds

    NETWORK = "nn.Sequential(…)"     the network, as an expression
    SIZE    = (3, 32, 32)            the shape of one input

The learner's file has PREDICTIONS = {"0": {"output": None, …}, …} for all its layers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from minidl import nn
from minidl.proof.student.watch import loaded, where
from minidl.teach.learn.prediction.answers import Answer
from minidl.teach.learn.prediction.cells import Row, rows
from minidl.teach.learn.prediction.quiz import judge
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import ERROR, RIGHT, UNWRITTEN, WRONG, Verdict
from minidl.teach.strings.learn import prediction as words

TABLE = "PREDICTIONS"


@cache
def _rows(network: str, size: tuple[int, ...]) -> list[Row]:
    with nn.init.unfilled():
        return rows(eval(network, {"nn": nn}), size)  # the step's own text, not the learner's


def run(step: Step, path: Path, seed: int) -> Verdict:
    """Judge the cells in their order, up to the first that is wrong or not filled in."""
    try:
        with loaded(path) as module:
            table: Any = getattr(module, TABLE, None)
    except (Exception, SystemExit) as error:
        return Verdict(step.name, ERROR, text=f"{path.name} cannot be imported: {where(error, path)}")
    if not isinstance(table, dict):
        return Verdict(step.name, WRONG, text=words.NO_TABLE.format(kind=type(table).__name__))
    passed = 0
    for row in _rows(step.extra["NETWORK"], step.extra["SIZE"]):
        names, given = [cell.name for cell in row.cells], table.get(row.path)
        if not isinstance(given, dict) or not set(names) <= set(given):
            found = "none" if given is None else f"{', '.join(map(str, given))}" if isinstance(given, dict) else given
            return Verdict(step.name, WRONG, text=words.NO_ROW.format(layer=row.path, cells=names, found=found))
        for cell in row.cells:
            verdict = _judged(step, row, cell, given[cell.name])
            if verdict is not None:
                return verdict
            passed += 1
    return Verdict(step.name, RIGHT, cases=passed)


def _judged(step: Step, row: Row, cell: Any, answer: Any) -> Verdict | None:
    """Return what is wrong with a cell; None if nothing is."""
    layer = f"{row.path}, {row.what}"
    if answer is None or answer is ...:
        return Verdict(step.name, UNWRITTEN, text=words.NOT_YET.format(cell=cell.name, layer=layer))
    found = Answer(str(answer))
    if found.is_value(cell.value):
        return None
    _, *lines = judge(cell, found.text or "?")  # the learner is to find the value, not to read it
    lines = [words.CELL.format(layer=layer, cell=cell.asked, answer=found.text), *lines[-1:]]
    slips = words.OR.join(cell.slips_to(found))
    return Verdict(step.name, WRONG, row.path, cell.name, slips, layer, "\n".join(lines))
