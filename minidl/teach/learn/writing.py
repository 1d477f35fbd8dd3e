"""A new step: its file, with everything in it that a step needs, as a small example that works."""

from __future__ import annotations

import re
from pathlib import Path

from minidl._files import atomic_write
from minidl._names import printable
from minidl.teach.learn.steps import NAME, steps
from minidl.teach.strings.learn import words

# The example is checked against a function that minidl knows: a step of one's own may ask for any of them.
EXAMPLE = '''"""Step {number}: {about}."""

TITLE = "What this step is called"  # at most 45 letters

TASK = """
What is wanted, in about ten lines of at most 80 columns. This example asks for
relu: every number below 0 becomes 0.
"""

PICTURE = """
    x   -2  -1   0   1   2
    y    0   0   0   1   2
"""

FORMULA = """
    y = max(x, 0)
"""

SKELETON = \'\'\'
import numpy as np


def relu(x):
    """Every number below 0 becomes 0."""
    raise NotImplementedError("let nothing below 0 through")
\'\'\'

HINTS = (
    "A question: what does NumPy have that compares two arrays number by number?",
    "An idea: the larger one of x and 0.",
    "return np.maximum(x, 0)",
)

SOLUTION = \'\'\'
import numpy as np


def relu(x):
    """Every number below 0 becomes 0."""
    return np.maximum(x, 0)
\'\'\'

# Wrong answers: the solution with the first text replaced by the second. A name is what the learner must be told.
WRONG = {{
    "negative numbers keep their size": ("np.maximum(x, 0)", "np.abs(x)"),
}}

CHECKS = {{"relu": ()}}  # functions that minidl knows; () stands for all of their checks
'''


def new_step(name: str, folder: Path) -> Path:
    """Write the file of a new step, never over one; return where it is.

    Args:
        name: a letter for the unit, a number for its place, what it is about: "h1_my_relu".
        folder: where it goes: the one that `MINIDL_STEPS` names.

    Raises:
        ValueError: if the name is none, or taken.
    """
    if not NAME.fullmatch(name):
        raise ValueError(words.NO_NAME.format(name=printable(repr(name))))
    taken = {step.number: step.name for step in steps().values()}
    number, _, about = name.partition("_")
    if number in taken:
        raise ValueError(words.TAKEN.format(number=number, name=taken[number], free=_free(number[0])))
    goal = folder / f"{name}.py"
    if goal.exists():
        raise ValueError(words.STEP_THERE.format(file=printable(goal)))
    with atomic_write(goal) as temporary:
        temporary.write_text(EXAMPLE.format(number=number, about=about), encoding="utf-8")
    return goal


def _free(unit: str) -> str:
    """Return the next number of a unit."""
    used = [int(found[1]) for step in steps() if (found := re.match(rf"{unit}(\d+)_", step))]
    return f"{unit}{max(used, default=0) + 1}"


def proved(name: str, seeds: int = 5) -> list[str]:
    """Try a step as a learner would, in every way that it knows; return what is wrong with it, a line each.

    The skeleton must not be right, the solution must be, and each planted answer must get its name, with every seed.
    """
    import tempfile

    from minidl.teach.learn.checks import check
    from minidl.teach.learn.steps import get_step

    step, found = get_step(name), []
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / step.file
        for need in step.needs:
            (Path(place) / steps()[need].file).write_text(steps()[need].answer(), encoding="utf-8")

        def tell(text: str, seed: int) -> tuple[str, str]:
            file.write_text(text, encoding="utf-8")
            verdict = check(step, file, seed)
            return verdict.state, verdict.mistake or " ".join(verdict.text.split())[:100]

        for seed in range(seeds):
            if (said := tell(step.handout(), seed))[0] == "right":
                found.append(words.SKELETON_RIGHT.format(seed=seed))
            if (said := tell(step.answer(), seed))[0] != "right":
                found.append(words.SOLUTION_WRONG.format(seed=seed, said=": ".join(said)))
            for mistake in step.wrong:
                if not (said := tell(step.planted(mistake), seed))[1].startswith(mistake) or said[0] == "right":
                    found.append(words.NOT_NAMED.format(mistake=mistake, seed=seed, said=": ".join(said)))
    return found
