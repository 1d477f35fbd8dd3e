"""The explorer in a terminal: cell by cell, with what goes into each and the sum with its numbers.

What goes into a cell is asked of the engine: where the gradient of that one number is not 0. The parts of a sum are the
engine's too, a product of `ops` each, so that there is no second arithmetic here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import ops
from minidl._text import draws
from minidl.teach.explorer.gather import Scene
from minidl.teach.explorer.picture import short
from minidl.teach.explorer.settings import OPERATIONS
from minidl.teach.explorer.words import words
from minidl.tensor import Tensor

BATCHED = ("batch-norm", "softmax-cross-entropy")


@dataclass(frozen=True)
class Step:
    """One cell: which array and where, what is said of it, and which cells go into it, by array.

    Attributes:
        array: "y" forward, "dx" backward.
        flat: the cell's place in the flat array.
        lines: what is said: first the cell and its value, then the calculation.
        lit: places of the cells that go into it, by array.
    """

    array: str
    flat: int
    lines: tuple[str, ...]
    lit: Mapping[str, frozenset[int]]


def steps(scene: Scene, lang: str = "en") -> Iterator[Step]:
    """Yield every cell of the result, and then every cell of the gradient of the input.

    Example:
        >>> from minidl.teach.explorer.gather import gather
        >>> from minidl.teach.explorer.settings import complete
        >>> first = next(steps(gather("conv", complete("conv", {}))))
        >>> print(first.lines[0], first.lines[-1], sep="; ")
        y[0, 0, 0] = −25; 308 − 498 + 164 + 1 = −25
    """
    said, reach = words(lang), Reach(scene)
    for flat in range(scene.engine["y"].size):
        lit = {"x": reach.of(flat)}
        lines = [cell("y", scene.engine["y"], flat), said["text.from"].format(count=len(lit["x"]), array="x")]
        yield Step("y", flat, (*lines, *sums(scene, flat)), lit)
    for flat in range(scene.engine["dx"].size):
        lit = {"dy": reach.back(flat)}
        lines = [cell("dx", scene.engine["dx"], flat), said["text.from"].format(count=len(lit["dy"]), array="dy")]
        yield Step("dx", flat, tuple(lines), lit)


def cell(name: str, array: np.ndarray, flat: int) -> str:
    """Write a cell with its place and its value."""
    index = ", ".join(str(one) for one in np.unravel_index(flat, array.shape)) if array.ndim else ""
    return f"{name}[{index}] = {short(array.ravel()[flat])}" if index else f"{name} = {short(array.ravel()[flat])}"


class Reach:
    """Which pixels a result depends on, as the engine's gradients tell: for weights and inputs that hide nothing."""

    def __init__(self, scene: Scene):
        self.scene, self.found = scene, dict[int, frozenset[int]]()
        self.count = scene.engine["y"].size

    def of(self, flat: int) -> frozenset[int]:
        """Return the pixels of x that a result depends on."""
        if flat not in self.found:
            scene, batched = self.scene, self.scene.op in BATCHED
            arrays = {name: array for name, array in scene.numbers.items() if name != "dy"}
            if "w" in arrays:
                arrays["w"] = np.ones_like(arrays["w"])
            tensors = {name: Tensor(array) for name, array in arrays.items()}
            x = arrays["x"] if batched else arrays["x"][None]
            tensors["x"] = Tensor(x, requires_grad=True)
            y = OPERATIONS[scene.op].call(tensors, scene.settings)
            dy = np.zeros(y.shape)
            dy.reshape(-1)[flat] = 1
            y.backward(dy)
            self.found[flat] = frozenset(int(one) for one in np.flatnonzero(tensors["x"].grad))
        return self.found[flat]

    def back(self, flat: int) -> frozenset[int]:
        """Return the results that depend on a pixel: whose dy comes back to it."""
        return frozenset(one for one in range(self.count) if flat in self.of(one))


def sums(scene: Scene, flat: int) -> Iterator[str]:
    """Yield the sum of a convolution's result, channel by channel; other operations have none that fits a line."""
    if scene.op not in ("conv", "depthwise"):
        return
    o, p = divmod(flat, scene.engine["y"][0].size)
    w, b = scene.numbers["w"][o], float(scene.numbers["b"][o])
    each = len(scene.numbers["w"]) // (len(scene.numbers["x"]) // len(w))
    first = o // each * len(w)
    rows = scene.engine["cols"].reshape(len(scene.numbers["x"]), w[0].size, -1)[first : first + len(w), :, p]
    parts = ops.sum(ops.multiply(Tensor(rows), Tensor(w.reshape(rows.shape))), axis=1).numpy()
    for c, (seen, kernel, part) in enumerate(zip(rows, w.reshape(rows.shape), parts), first):
        products = " + ".join(f"{short(x)}·{bracketed(weight)}" for x, weight in zip(seen, kernel))
        yield f"c = {c}: {products} = {short(part)}"
    yield f"{signed([*parts, b])} = {short(scene.engine['y'].ravel()[flat])}"


def bracketed(value: float) -> str:
    """Write a factor; a negative one in brackets."""
    return f"({short(value)})" if value < 0 else short(value)


def signed(values: list[float]) -> str:
    """Write a sum with its signs: 308 − 498 + 164."""
    text = short(values[0])
    for value in values[1:]:
        text += f" − {short(-value)}" if value < 0 else f" + {short(value)}"
    return text


def walk(scene: Scene, lang: str = "en", ask: Callable[[str], str] = input) -> Iterator[Any]:
    """Yield what a terminal prints: at one, a picture a step, as fast as the reader asks; else a line a cell.

    At a terminal the reader types Enter for the next cell, b for the one before, a number for that step, q for the end.

    Raises:
        ValueError: if it is no operation that is shown.
    """
    if not isinstance(scene, Scene):
        raise ValueError("explore: --text steps through an operation; of a network there is a page: leave --text out")
    found = list(steps(scene, lang))
    if not draws():
        for step in found:
            yield "; ".join(step.lines)
        return
    said, now = words(lang), 0
    while 0 <= now < len(found):
        yield from drawn(scene, found[now])
        try:
            typed = ask(said["text.keys"].format(now=now + 1, all=len(found)) + " ").strip().lower()
        except EOFError:
            return
        if typed == "q":
            return
        now = max(now - 1, 0) if typed == "b" else max(int(typed) - 1, 0) if typed.isdecimal() else now + 1


def drawn(scene: Scene, step: Step) -> Iterator[Any]:
    """Yield the arrays of a step as tables, the cells that go into it in brackets and bold, and its lines."""
    from rich.columns import Columns

    arrays = {"x": scene.numbers["x"], "dy": scene.numbers["dy"], "y": scene.engine["y"], "dx": scene.engine["dx"]}
    for name in ("x", "y") if step.array == "y" else ("dy", "dx"):
        lit = frozenset({step.flat}) if name == step.array else step.lit.get(name, frozenset())
        yield Columns([f"{name} ", *planes(arrays[name], lit, name == step.array)])
    yield from step.lines


def planes(array: np.ndarray, lit: frozenset[int], chosen: bool) -> Iterator[Any]:
    """Yield each plane of an array as one text; lit cells stand in brackets, so that they show without colour."""
    from rich.text import Text

    whole = array.reshape(-1, *array.shape[-2:]) if array.ndim >= 2 else array.reshape(1, 1, -1)
    texts = [short(one) for one in whole.ravel()]
    wide = max(map(len, texts))
    rows, columns = whole.shape[1:]
    for plane in range(len(whole)):
        text = Text()
        for row in range(rows):
            for column in range(columns):
                flat = (plane * rows + row) * columns + column
                marks = "[]" if flat in lit else "  "
                style = ("bold reverse" if chosen else "bold blue") if flat in lit else ""
                text.append(f"{marks[0]}{texts[flat]:>{wide}}{marks[1]}", style)
            text.append("\n" if row < rows - 1 else "")
        yield text
