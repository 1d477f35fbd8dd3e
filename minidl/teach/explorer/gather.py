"""Numbers for a page, from the engine: what an operation is given, what it answers, and the way back.

What nobody has given comes from a fixed seed: whole numbers, because sums of them can be followed by eye. The worked
example of the lecture is one corner of the convolution that is shown where nothing else is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import ops
from minidl._looks import Brief
from minidl.teach.explorer.settings import OPERATIONS, Settings, check_cells
from minidl.tensor import Event, Tensor, observe

SEED = 0
DIGITS = 9  # of the numbers that a page compares its own with
COPIES = ("cols", "dycols")  # what is only copied, and need not be compared
LECTURE_X = [
    [[0, 0, 0], [0, 156, 155], [0, 153, 154]],
    [[0, 0, 0], [0, 167, 166], [0, 164, 165]],
    [[0, 0, 0], [0, 163, 162], [0, 160, 161]],
]
LECTURE_W = [
    [[-1, -1, 1], [0, 1, -1], [0, 1, 1]],
    [[1, 0, 0], [1, -1, -1], [1, 0, -1]],
    [[0, 1, 1], [0, 1, 0], [1, -1, 1]],
]
LECTURE_B = 1


@dataclass
class Scene(Brief):
    """What one page of an operation shows.

    Attributes:
        op: the operation's name.
        settings: all of its settings, in the form of a page.
        numbers: its operands by name (x, w, b, labels), and dy; without the batch axis where there is one picture.
        engine: what the engine makes of them: y, dx, dw, db, and cols, winners or scale.
        printed: of which operands a leading block is the lecture's, and its size; all else comes from a seed.
        note: a sentence about where the numbers come from, or "".
    """

    op: str
    settings: Settings
    numbers: dict[str, np.ndarray]
    engine: dict[str, np.ndarray] = field(default_factory=dict)
    printed: dict[str, tuple[int, ...]] = field(default_factory=dict)
    note: str = ""

    def state(self) -> dict[str, Any]:
        """Return it as the page reads it: arrays are flat lists, their shapes follow from the settings."""
        flat = {name: _plain(array) for name, array in self.numbers.items()}
        return {
            "op": self.op,
            "settings": self.settings,
            **flat,
            "engine": {name: _plain(array, DIGITS) for name, array in self.engine.items() if name not in COPIES},
            "printed": {name: list(size) for name, size in self.printed.items()},
            "note": self.note,
        }


def _plain(array: np.ndarray, digits: int = 17) -> list[float | int | None]:
    """Return numbers as JSON writes them shortly, 3 for 3.0; it knows no infinite ones, which are None."""
    flat = zip(array.ravel().tolist(), np.isfinite(array).ravel().tolist())
    return [None if not ok else int(one) if float(one).is_integer() else float(f"{one:.{digits}g}") for one, ok in flat]


def gather(name: str, settings: Settings, given: Mapping[str, Any] | None = None, seed: int = SEED) -> Scene:
    """Run an operation once, forward and backward, and return all that a page shows of it.

    Args:
        name: one of OPERATIONS.
        settings: all of its settings, as `complete` returns them.
        given: operands by name, instead of those from the seed.
        seed: where all other numbers come from.

    Raises:
        ValueError: if the engine refuses the settings, or there is more than can be drawn.

    Example:
        >>> from minidl.teach.explorer.settings import complete
        >>> scene = gather("conv", complete("conv", {}))
        >>> float(scene.engine["y"][0, 0, 0])  # 308 - 498 + 164 + 1
        -25.0
    """
    scene = start(name, settings, seed)
    for one, array in (given or {}).items():
        scene.numbers[one] = np.asarray(array, "int64" if one == "labels" else "float64").reshape(
            OPERATIONS[name].shapes(settings)[one]
        )
    run(scene, np.random.default_rng(seed + 1))
    return scene


def start(name: str, settings: Settings, seed: int = SEED) -> Scene:
    """Return the operands of an operation, and the lecture's numbers among them where they fit."""
    rng = np.random.default_rng(seed)
    shapes = OPERATIONS[name].shapes(settings)
    scene = Scene(name, settings, {one: draw(rng, name, one, shape, settings) for one, shape in shapes.items()})
    size = tuple(shapes["x"])
    if name == "conv" and len(size) == 3 and size[0] == 3 and min(size[1:]) >= 3 and shapes["w"][1:] == (3, 3, 3):
        scene.numbers["x"] = rng.integers(0, 200, size).astype("float64")
        scene.numbers["x"][:, :3, :3] = LECTURE_X
        scene.numbers["w"][0] = LECTURE_W
        scene.numbers["b"][0] = LECTURE_B
        scene.printed = {"x": (3, 3, 3), "w": (1, 3, 3, 3), "b": (1,)}
    return scene


def draw(rng: np.random.Generator, op: str, name: str, shape: tuple[int, ...], s: Settings) -> np.ndarray:
    """Draw an operand: numbers that are easily followed by eye."""
    if name == "labels":
        return rng.integers(0, s["classes"], shape)
    if op == "softmax-cross-entropy":
        return rng.integers(-30, 31, shape) / 10
    if op == "lrn":
        return rng.integers(0, 100, shape).astype("float64")
    low, high = {"x": (0, 9), "w": (-2, 2), "b": (-2, 2)}[name]
    if op == "batch-norm" and name == "w":
        low, high = 1, 3
    return rng.integers(low, high + 1, shape).astype("float64")


def run(scene: Scene, rng: np.random.Generator) -> None:
    """Let the engine work on the operands of a scene, and keep what an observer sees of it."""
    operation, s = OPERATIONS[scene.op], scene.settings
    batched = scene.op in ("batch-norm", "softmax-cross-entropy")
    tensors = {
        name: Tensor(array[None] if name == "x" and not batched else array, requires_grad=name != "labels")
        for name, array in scene.numbers.items()
        if name != "dy"
    }
    events: list[Event] = []
    with observe(events.append):
        y = operation.call(tensors, s)
        _check_cells(scene, y.shape)
        dy = scene.numbers.get("dy")
        if dy is None:
            dy = np.ones(()) if y.ndim == 0 else rng.integers(-2, 3, y.shape).astype("float64")
            scene.numbers["dy"] = dy if batched or y.ndim == 0 else dy[0]
        y.backward(dy.reshape(y.shape))
    forward = next(event for event in events if event.phase == "forward")
    drop = (lambda array: array) if batched else (lambda array: array[0])
    scene.engine["y"] = drop(y.numpy()) if y.ndim else y.numpy()
    gradients = {f"d{name}": t.grad for name, t in tensors.items() if t.requires_grad}
    scene.engine |= {**gradients, "dx": drop(gradients["dx"])}
    if scene.op == "max-pool":
        scene.engine["winners"] = drop(np.asarray(forward.choices))
    if "filters" in s or "multiplier" in s:
        geometry = {one: tuple(s[one]) for one in ("stride", "dilation")} | {"padding": tuple(map(tuple, s["padding"]))}
        seen = tensors["x"] if scene.op != "conv-transpose" else Tensor(dy.reshape(y.shape))
        name = "dycols" if scene.op == "conv-transpose" else "cols"
        scene.engine[name] = ops.im2col(seen, tuple(s["kernel"]), **geometry).numpy()[0]


def _check_cells(scene: Scene, y_shape: tuple[int, ...]) -> None:
    """Refuse what has more cells than can be seen."""
    s = scene.settings
    if "padding" not in s:
        return
    c, h, width = s["input"]
    (top, bottom), (left, right) = s["padding"]
    check_cells("y", *y_shape[1:])
    if scene.op == "conv-transpose":
        check_cells("the matrix of columns", y_shape[1] * s["kernel"][0] * s["kernel"][1], h * width)
        return
    check_cells("x with its padding", c, h + top + bottom, width + left + right)
    check_cells("the matrix of columns", c * s["kernel"][0] * s["kernel"][1], y_shape[2] * y_shape[3])
