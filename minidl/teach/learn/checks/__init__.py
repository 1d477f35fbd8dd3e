"""Check a learner's file against its step; what is wrong comes back as a verdict, and nothing is raised or printed.

functions.py   a step that is a few functions with known names: the loops, the adjoint identity, finite differences
blocks.py      a step that is a block of layers: its costs, its parameters, its result, its gradients
bugs.py        a step that is code with a bug: which line it is, and whether it is mended
predictions.py a step that is a table: what a small network will cost
picture.py     the smallest case that fails, drawn with letters
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from minidl.teach.learn.checks import blocks, bugs, functions, predictions
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import ERROR, MISSING, Verdict

Kind = Callable[[Step, Path, int], Verdict]
KINDS: dict[str, Kind] = {
    "functions": functions.run,
    "block": blocks.run,
    "bugs": bugs.run,
    "prediction": predictions.run,
}

__all__ = ["KINDS", "check"]


def __dir__() -> list[str]:
    return [*__all__]


def check(step: Step, file: str | Path, seed: int | None = None) -> Verdict:
    """Check one file: the verdict on the first thing that is wrong in it, or that the step is done.

    Args:
        step: what the file shall answer.
        file: the learner's file; running it is running his code.
        seed: of all that is drawn; None (default) draws one, which stands in the verdict.

    Returns:
        The verdict. What the file does wrong, whatever it is, is in it and is not raised.
    """
    path, start = Path(file), time.perf_counter()
    seed = int(np.random.default_rng().integers(1_000_000)) if seed is None else seed
    if not path.is_file():
        text = f"there is no file {path.name} here; begin with: minidl learn start {step.name}"
        return Verdict(step.name, MISSING, text=text, seed=seed)
    try:
        verdict = KINDS[step.kind](step, path, seed)
    except (Exception, SystemExit) as error:
        text = f"{path.name}: {type(error).__name__}: {' '.join(str(error).split())}"
        verdict = Verdict(step.name, ERROR, text=text)
    return replace(verdict, seed=seed, seconds=time.perf_counter() - start)
