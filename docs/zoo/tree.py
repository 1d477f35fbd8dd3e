"""The family tree as one picture: a line a family, the oldest first, and on the left who comes from whom.

The lines on the left are drawn as a version history is. Every family has a dot in a lane; it stays in the lane of its
first parent if that is free all the way down, or takes the first lane that is. A further parent is joined by a dashed
line, which has a lane of its own on its way. So no line ever runs over the dot of another family.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from docs.zoo.figures import claims, families, learner_families
from minidl import models
from minidl.models._learners import LEARNERS

WIDTH, MARGIN, LANE = 420, 12, 12  # of the drawing, of its border, between lanes
NAME, IDEA = 14.5, 12.5  # font sizes
LETTER = 0.53 * IDEA  # width of a letter, generously
SCALE = 1.6  # drawing to pixels, where there is room for them

STYLE = """\
svg { background: #ffffff; color-scheme: light dark; font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
.name { font-weight: 600; fill: #1f2328 }
.year, .idea { fill: #59636e }
.line { fill: none; stroke-width: 2 }
.also { stroke-dasharray: 2 3; stroke-width: 1.4 }
.c0 { stroke: #57606a } .c1 { stroke: #0969da } .c2 { stroke: #1a7f37 }
.c3 { stroke: #bc4c00 } .c4 { stroke: #8250df } .c5 { stroke: #bf3989 }
.dot { fill: #ffffff; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 }
  .name { fill: #f0f6fc }
  .year, .idea { fill: #9198a1 }
  .c0 { stroke: #9198a1 } .c1 { stroke: #4493f8 } .c2 { stroke: #3fb950 }
  .c3 { stroke: #f0883e } .c4 { stroke: #ab7df8 } .c5 { stroke: #db61a2 }
  .dot { fill: #0d1117 }
}"""
COLOURS = 6


@dataclass(frozen=True)
class Line:
    """A line from a parent to its child, in rows and lanes."""

    parent: int
    child: int
    via: int
    first: bool


@dataclass(frozen=True)
class Family:
    """A row of the picture."""

    name: str
    year: int
    idea: str
    parents: tuple[str, ...]


def rows() -> list[Family]:
    """Return the families, the oldest first; parents that minidl does not have are left out."""
    known, ideas = families() | learner_families(), claims()["family"] | claims()["learner"]
    found = []
    for name, members in known.items():
        what = ideas[name]
        papers = (LEARNERS[one].paper if one in LEARNERS else models.describe(one) for one in members)
        year = min(paper.year for paper in papers)
        found.append(Family(name, year, what["idea"], tuple(one for one in what["from"] if one in known)))
    return sorted(found, key=lambda family: family.year)


def arrange(found: list[Family]) -> tuple[list[int], list[Line]]:
    """Return the lane of every row, and the lines."""
    place = {family.name: row for row, family in enumerate(found)}
    taken: set[tuple[int, int]] = set()  # (row, lane)
    lanes: list[int] = []
    lines: list[Line] = []

    def free(between: Iterable[int], wanted: Iterable[int]) -> int:
        """Return the first of the wanted lanes that is free in all those rows, and take it."""
        cells = list(between)
        lane = next(lane for lane in wanted if not any((row, lane) in taken for row in cells))
        taken.update((row, lane) for row in cells)
        return lane

    for row, family in enumerate(found):
        parents = [place[name] for name in family.parents]
        if any(parent >= row for parent in parents):
            raise ValueError(
                f"{family.name} ({family.year}) stands above a parent of it in {', '.join(family.parents)}"
            )
        start = parents[0] if parents else row - 1
        lane = free(range(start + 1, row + 1), [*(lanes[parent] for parent in parents[:1]), *range(99)])
        lanes.append(lane)
        for parent in parents:
            first = parent == parents[0]
            via = lane if first else free(range(parent + 1, row), [*range(99)])
            lines.append(Line(parent, row, via, first))
    return lanes, lines


def picture() -> str:
    """Draw the tree as SVG."""
    found = rows()
    lanes, lines = arrange(found)
    left = MARGIN + LANE * (max([*lanes, *(line.via for line in lines)]) + 1) + 4
    ideas = [
        textwrap.wrap(family.idea, int((WIDTH - left - MARGIN) / LETTER), break_on_hyphens=False) for family in found
    ]
    heights = [30 + 16 * len(idea) for idea in ideas]
    tops = [MARGIN + sum(heights[:row]) for row in range(len(found) + 1)]
    dots = [(MARGIN + LANE * (lane + 0.5), top + 11) for lane, top in zip(lanes, tops)]
    height = tops[-1] + MARGIN - 8
    body = [*_lines(lines, dots, lanes), *_rows(found, ideas, dots, lanes, tops, left)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH * SCALE:.0f}" '
            f'height="{height * SCALE:.0f}" role="img" aria-labelledby="title">',
            '<title id="title">Family tree of the networks: which idea each of them added</title>',
            f"<style>\n{STYLE}\n</style>",
            *body,
            "</svg>\n",
        ]
    )


def _lines(lines: list[Line], dots: list[tuple[float, float]], lanes: list[int]) -> Iterator[str]:
    """Draw the lines: out of the parent's lane in a bend, straight down, and into the child's lane in another."""
    for line in sorted(lines, key=lambda line: line.first):  # dashed ones below
        (x0, y0), (x1, y1) = dots[line.parent], dots[line.child]
        x, bend = MARGIN + LANE * (line.via + 0.5), 22
        path = f"M{x0:g} {y0:g}"
        if line.child - line.parent > 1 or line.first:
            if x != x0:
                path += f"C{x0:g} {y0 + bend / 2:g} {x:g} {y0 + bend / 2:g} {x:g} {y0 + bend:g}"
            path += f"V{y1 - (bend if x != x1 else 0):g}"
            x0, y0 = x, y1 - bend
        if x != x1 or not line.first:
            middle = (y0 + y1) / 2
            path += f"C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}"
        kind = "line" if line.first else "line also"
        yield f'<path class="{kind} c{lanes[line.child] % COLOURS}" d="{path}"/>'


def _rows(
    found: list[Family],
    ideas: list[list[str]],
    dots: list[tuple[float, float]],
    lanes: list[int],
    tops: list[int],
    left: float,
) -> Iterator[str]:
    for family, idea, (x, y), lane, top in zip(found, ideas, dots, lanes, tops):
        yield f'<circle class="dot c{lane % COLOURS}" cx="{x:g}" cy="{y:g}" r="4.5"/>'
        yield (
            f'<text x="{left:g}" y="{top + 16}" font-size="{NAME}"><tspan class="name">{escape(family.name)}</tspan>'
            f'<tspan class="year" dx="6" font-size="{IDEA}">{family.year}</tspan></text>'
        )
        for index, words in enumerate(idea, start=1):
            yield (
                f'<text class="idea" x="{left:g}" y="{top + 16 + 16 * index}" font-size="{IDEA}">{escape(words)}</text>'
            )
