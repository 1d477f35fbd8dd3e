"""A step that is a block of layers, written with `minidl.nn`: its costs first, then its parameters, result, gradients.

The reference is the step's own solution, and the mistakes that can be named are its planted wrong answers: each is
built with the learner's weights, and where one of them leads to just the learner's numbers, it is named. The step says

    BLOCK = "Residual"           the class; `costs(…)` takes the same arguments, then the height and width of a picture
    CASES = (({…}, (N, C, H, W)), …)   the arguments of the class and the shape of x, the smallest first
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from minidl import cost, nn
from minidl._random import manual_seed
from minidl.proof.student.watch import Wrong, loaded, place_of, where
from minidl.teach.learn.checks.functions import broken
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import ERROR, MISSING, RIGHT, UNWRITTEN, WRONG, Verdict
from minidl.teach.strings.learn import words
from minidl.tensor import Tensor

RTOL = 1e-4  # float32, through a few layers
Case = tuple[dict[str, Any], tuple[int, ...]]


class Block:
    """The learner's block, or the reference, or a wrong one: `costs` and the class, from a module."""

    def __init__(self, module: Any, name: str):
        self.costs: Callable[..., Any] = module.costs
        self.make: Callable[..., nn.Module] = getattr(module, name)

    def built(self, case: Case, weights: dict[str, Any] | None = None) -> nn.Module:
        """Return the block for a case, with these weights; as for training, so that statistics are those of x."""
        net = self.make(**case[0])
        if weights is not None:
            net.load_state_dict(weights)
        return net


@cache
def _known(name: str, wrong: str = "") -> Block:
    """Return the reference block of a step, or the one with a planted mistake."""
    from minidl.teach.learn.steps import get_step

    step = get_step(name)
    text = step.planted(wrong) if wrong else step.answer()
    namespace: dict[str, Any] = {"__name__": step.name}
    exec(compile(text, step.file, "exec"), namespace)  # the step's own text, not the learner's
    return Block(SimpleNamespace(**namespace), step.extra["BLOCK"])


def run(step: Step, path: Path, seed: int) -> Verdict:
    """Check costs, parameters, result and gradients of a block, up to the first that is wrong."""
    name, passed = step.extra["BLOCK"], 0
    check, function = "", "costs"

    def verdict(state: str, text: str, mistake: str = "", case: str = "") -> Verdict:
        lines = "\n".join([part for line in text.splitlines() for part in broken(line)][:25])
        return Verdict(step.name, state, function, check, mistake, case, lines, line=_line(text, path), cases=passed)

    try:
        with loaded(path) as module:
            for needed in ("costs", name):
                if not callable(getattr(module, needed, None)):
                    return verdict(MISSING, words.NO_FUNCTION.format(file=path.name, name=needed))
            mine = Block(module, name)
            for check, function, examine in (
                ("costs", "costs", _costs),
                ("parameters", name, _parameters),
                ("result", name, _result),
                ("gradients", name, _gradients),
            ):
                for case in [step.extra["CASES"]] if examine is _costs else [[case] for case in step.extra["CASES"]]:
                    try:
                        examine(step, mine, case, seed)
                    except Wrong as wrong:
                        said = ", or if ".join(wrong.named)
                        return verdict(WRONG, f"{_place(module, function, check)}, {wrong}", said, _said(case[0]))
                    passed += 1
    except NotImplementedError as error:
        return verdict(UNWRITTEN, str(error))
    except (Exception, SystemExit) as error:
        return verdict(ERROR, where(error, path, pointed=True))
    return Verdict(step.name, RIGHT, cases=passed)


def _place(module: Any, function: str, check: str) -> str:
    """Return "file:line: function, check", as the first words of what is wrong."""
    place = place_of(getattr(module, function).__init__ if function != check else getattr(module, function))
    return f"{place}: {function}" + (f", {check}" if function != check else "")


def _line(text: str, path: Path) -> int | None:
    number = text.partition(f"{path.name}:")[2].partition(":")[0]
    return int(number) if number.isdigit() else None


def _said(case: Case) -> str:
    return ", ".join([*(f"{name}={value}" for name, value in case[0].items()), f"x.shape={case[1]}"])


def _exactly(named: list[str]) -> str:
    return f"\n  exactly this comes out if {', or if '.join(named)}" if named else ""


# ------------------------------------------------------------------ costs


def _costs(step: Step, mine: Block, cases: list[Case], seed: int) -> None:
    """Compare (parameters, MACs) with those that minidl counts, on the cases of the step and on drawn sizes."""
    rng = np.random.default_rng(seed)
    calls = [(case, case[1][2:]) for case in cases]
    calls += [(case, tuple(int(side) for side in rng.integers(6, 40, 2))) for case in cases]
    right = [_counted(step, case, size) for case, size in calls]
    told = [_pair(mine.costs(**case[0], h=size[0], width=size[1])) for case, size in calls]
    for (case, size), ours, theirs in zip(calls, right, told):
        for index, what in enumerate(("parameters", "MACs")):
            if ours[index] == theirs[index]:
                continue
            named = [wrong for wrong in step.wrong if _also(step, wrong, calls, told, index)]
            said = ", ".join([*(f"{name}={value}" for name, value in case[0].items()), f"h={size[0]}, width={size[1]}"])
            ratio = f"\n  ratio  {theirs[index] / ours[index]:.6g}" if ours[index] else ""
            raise Wrong(
                f"case {said}:\n{what}\n  yours  {theirs[index]:,}\n  right  {ours[index]:,}{ratio}{_exactly(named)}",
                1.0,
                tuple(named),
            )


def _pair(told: Any) -> tuple[int, int]:
    if not isinstance(told, tuple) or len(told) != 2 or not all(isinstance(n, (int, np.integer)) for n in told):
        raise Wrong(f"costs must return two whole numbers, (parameters, macs); it returned {told!r:.60}")
    return int(told[0]), int(told[1])


def _counted(step: Step, case: Case, size: tuple[int, ...]) -> tuple[int, int]:
    found = cost.count(_known(step.name).built(case), size=(case[1][1], *size))
    return found.parameters, found.macs


def _also(step: Step, wrong: str, calls: list[Any], told: list[tuple[int, int]], index: int) -> bool:
    """Tell whether a planted mistake leads to all the numbers that the learner's costs gave."""
    other = [_known(step.name, wrong).costs(**case[0], h=size[0], width=size[1]) for case, size in calls]
    return [pair[index] for pair in other] == [pair[index] for pair in told]


# ------------------------------------------------------------------ the block itself


def _parameters(step: Step, mine: Block, cases: list[Case], seed: int) -> None:
    """Compare names and shapes of all that the block remembers with the reference's."""
    net = mine.built(cases[0])
    if not isinstance(net, nn.Module):
        raise Wrong(f"{step.extra['BLOCK']} must be a subclass of nn.Module; it is a {type(net).__name__}")
    ours = {key: np.shape(value) for key, value in _known(step.name).built(cases[0]).state_dict().items()}
    theirs = {key: np.shape(value) for key, value in net.state_dict().items()}
    lines = [f"  {key} {shape} is missing" for key, shape in ours.items() if key not in theirs]
    lines += [f"  {key} {shape} is one too many" for key, shape in theirs.items() if key not in ours]
    lines += [
        f"  {key} must be {shape}; it is {theirs[key]}"
        for key, shape in ours.items()
        if key in theirs and theirs[key] != shape
    ]
    if lines:
        named = [wrong for wrong in step.wrong if _shapes_of(step, wrong, cases[0]) == theirs]
        raise Wrong("\n".join([f"case {_said(cases[0])}:", *lines[:12]]) + _exactly(named), named=tuple(named))


def _shapes_of(step: Step, wrong: str, case: Case) -> dict[str, tuple[int, ...]]:
    return {key: np.shape(value) for key, value in _known(step.name, wrong).built(case).state_dict().items()}


def _drawn(step: Step, mine: Block, case: Case, seed: int) -> tuple[nn.Module, nn.Module, np.ndarray]:
    """Return the learner's block and the reference with the same weights, and a picture."""
    rng = np.random.default_rng(seed)
    manual_seed(seed)
    reference = _known(step.name).built(case)
    weights = {
        key: value if "num_batches" in key else _like(key, value, rng) for key, value in reference.state_dict().items()
    }
    reference.load_state_dict(weights)
    return mine.built(case, weights), reference, rng.standard_normal(case[1]).astype("float32")


def _like(key: str, value: Any, rng: np.random.Generator) -> Any:
    drawn = rng.standard_normal(np.shape(value)).astype("float32")
    return np.abs(drawn) + 0.5 if key.endswith("running_var") else drawn


def _result(step: Step, mine: Block, cases: list[Case], seed: int) -> None:
    """Compare y with the reference's, with the same weights."""
    net, reference, x = _drawn(step, mine, cases[0], seed)
    weights = {key: np.array(value) for key, value in reference.state_dict().items()}
    y, right = _called(step, net, x), reference(Tensor(x)).data
    if y.shape != right.shape:
        named = [w for w in step.wrong if _shape_of(step, w, cases[0], weights, x) == y.shape]
        raise Wrong(
            f"case {_said(cases[0])}:\nmust return {right.shape}; it returned the shape {y.shape}{_exactly(named)}",
            named=tuple(named),
        )
    if _near(y, right):
        return
    named = [w for w in step.wrong if _near(y, _by_mistake(step, w, cases[0], weights, x))]
    worst = tuple(int(i) for i in np.unravel_index(np.abs(y - right).argmax(), right.shape))
    raise Wrong(
        f"case {_said(cases[0])}:\ny, worst at y[{', '.join(map(str, worst))}]:\n  yours  {y[worst]: .6g}\n"
        f"  right  {right[worst]: .6g}{_exactly(named)}",
        1.0,
        tuple(named),
    )


def _called(step: Step, net: nn.Module, x: np.ndarray) -> np.ndarray:
    before = x.copy()
    y = net(Tensor(x))
    if not isinstance(y, Tensor):
        raise Wrong(f"{step.extra['BLOCK']} must return a tensor; it returned a {type(y).__name__}")
    if not np.array_equal(before, x):
        raise Wrong(f"{step.extra['BLOCK']} changes its argument x", named=("x is changed in place",))
    return y.data


def _by_mistake(step: Step, wrong: str, case: Case, weights: dict[str, Any], x: np.ndarray) -> np.ndarray | None:
    """Return what a block with a planted mistake gives for the same weights; None if it does not take them."""
    try:
        return _known(step.name, wrong).built(case, weights)(Tensor(x)).data
    except (ValueError, TypeError):
        return None


def _shape_of(step: Step, wrong: str, case: Case, weights: dict[str, Any], x: np.ndarray) -> tuple[int, ...] | None:
    return getattr(_by_mistake(step, wrong, case, weights, x), "shape", None)


def _near(a: np.ndarray, b: np.ndarray | None) -> bool:
    return b is not None and a.shape == b.shape and float(np.abs(a - b).max()) <= RTOL * float(np.abs(b).max())


def _gradients(step: Step, mine: Block, cases: list[Case], seed: int) -> None:
    """Compare the gradients of x and of all parameters: a graph that is cut shows here."""
    net, reference, x = _drawn(step, mine, cases[0], seed)
    found = []
    for each in (net, reference):
        leaf = Tensor(x, requires_grad=True)
        y = each(leaf)
        y.backward(np.random.default_rng(seed + 1).standard_normal(y.shape).astype("float32"))
        found.append({"x": leaf.grad, **{key: p.grad for key, p in each.named_parameters()}})
    for key, right in _pairs(found[1]):
        got = found[0].get(key)
        if got is None:
            text = f"{key} gets no gradient: the graph to it is cut (.data, .detach, NumPy)"
            raise Wrong(f"case {_said(cases[0])}:\n{text}", named=("the graph is cut: a gradient is missing",))
        if float(np.abs(got - right).max()) > 20 * RTOL * max(float(np.abs(right).max()), 1e-3):
            raise Wrong(f"case {_said(cases[0])}:\nthe gradient of {key} is another one than the reference's")


def _pairs(gradients: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, right) for key, right in gradients.items() if right is not None)
