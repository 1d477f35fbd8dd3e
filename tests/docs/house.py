"""The two pictures of docs/architecture.md, drawn from the code: `python -m tests.docs.house` writes them.

`floors.svg` shows the floors, their places, and which floor imports which, as every import in minidl/ says.
`convolution.svg` shows the way of a picture through `nn.Conv2d` to the product and back, as a run of it went.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from types import FrameType
from typing import Any

import numpy as np

from minidl import Tensor, kernels, manual_seed, nn
from tests.docs.pages import DOCS, ROOT
from tests.test_layering import PAGE, file_of, imports_of, place_of, read_floors

FOLDER = DOCS / "architecture"
STYLE = """\
svg { background: #ffffff; color-scheme: light dark; font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
text { fill: #1f2328; font-size: 13px }
.head { font-weight: 600 }
.quiet { fill: #59636e; font-size: 12px }
.code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace }
.band { fill: #f6f8fa; stroke: #d1d9e0 }
.box { fill: #ffffff; stroke: #57606a }
.line { fill: none; stroke: #0969da; stroke-width: 1.6 }
.dot { fill: #0969da }
.up { stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 }
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .band { fill: #151b23; stroke: #3d444d }
  .box { fill: #0d1117; stroke: #9198a1 }
  .line { stroke: #4493f8 }
  .dot { fill: #4493f8 }
}"""
LETTER = 7.6  # the width of a letter in a box, generously


def drawing(width: int, height: int, title: str, parts: list[str]) -> str:
    """Return an SVG file."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="title">'
    )
    return "\n".join(
        [head, f'<title id="title">{escape(title)}</title>', f"<style>\n{STYLE}\n</style>", *parts, "</svg>\n"]
    )


def words(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    """Return a line of text."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str = "box") -> str:
    """Return a rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" class="{kind}"/>'


# The floors


def relations() -> set[tuple[int, int, bool]]:
    """Return (floor, the floor that it imports from, whether only inside functions), as the files have them."""
    rows = read_floors(PAGE.read_text(encoding="utf-8"))
    found: set[tuple[int, int, bool]] = set()
    for path in sorted((ROOT / "minidl").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        home = place_of(file, rows)
        for one in imports_of(path.read_text(encoding="utf-8"), file):
            there = place_of(file_of(ROOT, one.module), rows) if one.module.split(".")[0] == "minidl" else None
            if home and there and home.floor != there.floor and not one.typing:
                found.add((home.floor, there.floor, not one.top))
    return {(low, high, inside) for low, high, inside in found if not inside or (low, high, False) not in found}


def floors() -> str:
    """Draw the floors, the highest first; a line a floor on the right, with a dot at each floor that it knows."""
    rows = read_floors(PAGE.read_text(encoding="utf-8"))
    levels = sorted({row.floor for row in rows}, reverse=True)
    known, left, most = relations(), 40, 660
    lane = {floor: most + 24 + 20 * place for place, floor in enumerate(levels)}
    parts, middle, y = [], {}, 14
    for floor in levels:
        x, start = left + 10.0, y
        y += 10
        for row in (row for row in rows if row.floor == floor):
            name = row.place.removeprefix("minidl/")
            width = LETTER * len(name) + 16
            if x + width > most - 10:
                x, y = left + 10.0, y + 34
            parts += [box(x, y, width, 26), words(x + 8, y + 18, name, "code")]
            x += width + 8
        y += 36
        parts.insert(0, box(left, start, most - left, y - start, "band"))
        middle[floor] = (start + y) / 2
        parts.append(words(left - 12, middle[floor] + 5, str(floor), "head", "end"))
        y += 12
    for floor in levels:
        for other in sorted(other for high, other, _ in known if high == floor):
            inside = (floor, other, True) in known
            kind = "line up" if inside else "line"
            start = middle[floor] + (12 if other < floor else -12)  # not over the number
            parts.append(f'<path class="{kind}" d="M{lane[floor]} {start:g}V{middle[other]:g}"/>')
            parts.append(f'<circle class="dot" cx="{lane[floor]}" cy="{middle[other]:g}" r="4"/>')
        parts.append(words(lane[floor], middle[floor] + 5, str(floor), "head", "middle"))
    parts.append(
        words(
            left,
            y + 8,
            "On the right, a line a floor: a dot where it imports from. Dashed: only inside functions.",
            "quiet",
        )
    )
    return drawing(
        most + 24 + 20 * len(levels), y + 22, "The floors of minidl, and which floor imports from which", parts
    )


# The way of a picture


@dataclass(frozen=True)
class Step:
    """A function on the way, what it does there, and how many steps above its caller stands."""

    file: str
    name: str
    does: str
    caller: int = 1


FORWARD = [
    Step("minidl/nn/conv.py", "Conv2d.forward", "owns w and b"),
    Step("minidl/ops/conv.py", "conv2d", "judges the arguments, once"),
    Step("minidl/tensor.py", "Function.apply", "joins the result to its inputs"),
    Step("minidl/ops/conv.py", "Conv2d.forward", "saves x and w, never the columns"),
    Step("minidl/kernels/_dispatch.py", "routed.<locals>.run", "chooses the kernel set"),
    Step("minidl/kernels/textbook/conv.py", "conv2d", "multiplies: y = w @ cols + b"),
    Step("minidl/kernels/textbook/conv.py", "columns", "gives the matrices (N, G, K, P)"),
    Step("minidl/kernels/textbook/windows.py", "im2col", "copies every window into a column"),
]
BACKWARD = [
    Step("minidl/tensor.py", "Tensor.backward", "visits each node once, the last first"),
    Step("minidl/tensor.py", "Node.visited", "runs the backward half, and judges it"),
    Step("minidl/ops/conv.py", "Conv2d.backward", "asks only for what is needed"),
    Step("minidl/kernels/textbook/conv.py", "conv2d_dx", "multiplies: dcols = wᵀ @ dy"),
    Step("minidl/kernels/textbook/windows.py", "col2im", "adds every column back: dx"),
    Step("minidl/kernels/textbook/conv.py", "conv2d_dw", "multiplies: dw = dy @ colsᵀ", caller=3),
    Step("minidl/kernels/textbook/conv.py", "channel_sums", "db = Σ dy", caller=4),
]


@dataclass
class Call:
    """A call that a run made: the arrays that it got, and what it returned."""

    file: str
    name: str
    got: str
    gave: str = ""


def shape_of(value: Any) -> str:
    """Return the shape of an array or a tensor, and nothing for other things."""
    return "×".join(map(str, value.shape)) if isinstance(value, (np.ndarray, Tensor)) else ""


def run(work: Any) -> tuple[Any, list[Call]]:
    """Return what work() returned, and the calls inside minidl in their order."""
    calls: list[Call] = []
    open_calls: dict[int, Call] = {}

    def note(frame: FrameType, event: str, value: Any) -> None:
        file = frame.f_code.co_filename
        if not file.startswith(f"{ROOT}/minidl/"):
            return
        if event == "call":
            names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
            got = {name: shape_of(frame.f_locals.get(name)) for name in names}
            told = ", ".join(f"{name} {shape}" for name, shape in got.items() if shape and name != "self")
            calls.append(Call(file[len(f"{ROOT}/") :], frame.f_code.co_qualname, told))
            open_calls[id(frame)] = calls[-1]
        elif event == "return" and id(frame) in open_calls:
            open_calls.pop(id(frame)).gave = shape_of(value)

    sys.setprofile(note)
    try:
        result = work()
    finally:
        sys.setprofile(None)
    return result, calls


def walked() -> tuple[list[Call], list[Call]]:
    """Run a convolution of the book forward and backward; return the calls of both."""
    manual_seed(0)
    layer = nn.Conv2d(3, 2, 3, padding=1)
    x = Tensor(np.ones((1, 3, 6, 6), "float32"), requires_grad=True)
    with kernels.use("textbook"):
        y, forward = run(lambda: layer(x))
        _, backward = run(lambda: y.backward(np.ones(y.shape, "float32")))
    return forward, backward


def followed(steps: list[Step], calls: list[Call]) -> list[Call]:
    """Return the calls of these steps, in the order in which they were made; a step that was not made is an error."""
    found, rest = [], iter(calls)
    for step in steps:
        call = next((call for call in rest if (call.file, call.name) == (step.file, step.name)), None)
        if call is None:
            raise LookupError(f"{step.name} of {step.file} is not called at this place of the way")
        found.append(call)
    return found


def column(x: int, head: str, steps: list[Step], calls: list[Call]) -> list[str]:
    """Draw one way, from the top down."""
    width, height, gap, parts = 340, 82, 26, [words(x, 28, head, "head")]
    for place, (step, call) in enumerate(zip(steps, followed(steps, calls), strict=True)):
        y = 42 + place * (height + gap)
        if place and step.caller == 1:
            parts.append(f'<path class="line" marker-end="url(#tip)" d="M{x + 30} {y - gap}V{y - 7}"/>')
        elif place:
            up = step.caller * (height + gap) - 10
            parts.append(
                f'<path class="line" marker-end="url(#tip)" d="M{x} {y + 41 - up}H{x - 12}V{y + 41}H{x - 7}"/>'
            )
        shapes = call.got + f"  →  {call.gave}" * bool(call.gave)
        parts += [
            box(x, y, width, height),
            words(x + 12, y + 20, step.name.replace(".<locals>", ""), "head code"),
            words(x + 12, y + 38, step.file, "quiet code"),
            words(x + 12, y + 56, step.does),
            words(x + 12, y + 73, shapes, "quiet"),
        ]
    return parts


def convolution() -> str:
    """Draw the way of a picture through a convolution, and of its gradient."""
    forward, backward = walked()
    tip = (
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="3" refY="4" orient="auto">'
        '<path class="dot" d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    parts = [
        tip,
        *column(16, "forward: layer(x)", FORWARD, forward),
        *column(392, "backward: y.backward(dy)", BACKWARD, backward),
    ]
    return drawing(748, 42 + 108 * len(FORWARD), "The way of a picture through nn.Conv2d, and of its gradient", parts)


PICTURES = {"floors.svg": floors, "convolution.svg": convolution}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")
