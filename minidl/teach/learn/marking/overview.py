"""The overview of a class as one page: how each step went, and which mistakes are common."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from minidl._files import atomic_write
from minidl._html import Html, element, join
from minidl._page import look, piece
from minidl.teach.learn.marking.student import Marks
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import MISSING, RIGHT
from minidl.teach.strings.learn import words

NAMES = 8  # students that are named at a mistake


def page(path: Path, marks: list[Marks], steps: list[Step], seed: int, walls: tuple[str, ...]) -> None:
    """Write the page."""
    style = look() + piece("minidl.teach.learn.marking", "overview.css")
    held = ", ".join(walls) or words.NO_WALLS
    body = join(
        element("h1", words.OVERVIEW.format(students=len(marks))),
        element("p", words.OVERVIEW_NOTE.format(steps=len(steps), seed=seed, walls=held), class_="quiet"),
        *(_step(step, marks) for step in steps),
        element("h2", words.ALL_MARKS),
        element("div", _table(marks, steps), class_="scroll", tabindex="0", role="region", aria_label=words.ALL_MARKS),
    )
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", words.OVERVIEW.format(students=len(marks))),
        element("style", Html(style)),
    )
    whole = element("html", element("head", head), element("body", element("main", body)), lang="en")
    with atomic_write(path) as temporary:
        temporary.write_text(f"<!doctype html>\n{whole}\n", encoding="utf-8")


def _step(step: Step, marks: list[Marks]) -> Html:
    """Return one step: how many have it right, and what the others did, the commonest first."""
    states = Counter(one.states[step.name] for one in marks)
    cells = Counter(one.cells[step.name] for one in marks if one.states[step.name] not in (RIGHT, MISSING))
    share = f"{states[RIGHT] / len(marks):.1%}"
    bar = element("div", element("div", style=f"width:{share}"), class_="bar", aria_hidden="true")
    said = words.STEP_RIGHT.format(right=states[RIGHT], all=len(marks), missing=states[MISSING])
    common = [
        element("li", element("b", count), " ", cell, " ", element("span", _who(cell, step, marks), class_="quiet"))
        for cell, count in sorted(cells.items(), key=lambda item: (-item[1], item[0]))
    ]
    title = element("h2", element("code", step.number), " ", step.title)
    return element("section", title, element("p", said), bar, element("ul", *common) if common else "")


def _who(cell: str, step: Step, marks: list[Marks]) -> str:
    names = [one.name for one in marks if one.cells[step.name] == cell]
    more = len(names) - NAMES
    return ", ".join(names[:NAMES]) + f" … (+{more})" * (more > 0)


def _table(marks: list[Marks], steps: list[Step]) -> Html:
    head = element(
        "tr", element("th", words.STUDENT, scope="col"), *(element("th", s.number, scope="col") for s in steps)
    )
    rows = []
    for one in marks:
        cells = []
        for step in steps:
            state, word = one.states[step.name], one.cells[step.name]
            sign = {RIGHT: "✓", MISSING: "·"}.get(state, "✗")
            kind = {RIGHT: "right", MISSING: "quiet"}.get(state, "wrong")
            cells.append(element("td", sign, class_=kind, title=word or words.NOT_THERE))
        rows.append(element("tr", element("th", one.name, scope="row"), *cells))
    return element("table", element("thead", head), element("tbody", *rows))
