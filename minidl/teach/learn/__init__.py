'''The exercises: short steps from the windows of a convolution to networks, each checked, each usual mistake named.

    steps.py     finds the steps: `steps()`, `get_step("c2")`
    verdict.py   what a check finds out: `Verdict`
    checks/      checks a learner's file: `check(step, file, seed)`, a verdict
    folder.py    a working folder: the learner's files, and what is remembered there
    notebook.py  the same steps as notebooks
    training.py  LeNet-5 on the digits, with the learner's functions

**A step is one Python file** in `minidl/teach/strings/learn/`, found by its name: a letter for the unit, a number for
its place, and what it is about (`b1_im2col.py`: the step "b1_im2col", also called "b1" and "im2col"). Nothing else has
to be told of it. The file holds plain data, no functions, so that it is the step's English table of strings:

    TITLE     = "Windows become columns"        at most 45 letters
    TASK      = """…"""                         what is wanted, in about ten lines of at most 80 columns
    PICTURE   = """…"""                         drawn with letters, at most 80 columns
    FORMULA   = """…"""                         in the letters of docs/architecture.md, section 6
    SKELETON  = """…"""                         the learner's file: imports, signatures, docstrings; the bodies end in
                                                `raise NotImplementedError("…what to do…")`
    HINTS     = ("…?", "…", "…")                three: a question, an idea, the line
    SOLUTION  = """…"""                         the skeleton with its bodies written
    WRONG     = {"name": ("old", "new"), …}     at least three planted wrong answers: the solution with the first `old`
                                                replaced by `new`. The name is what the learner must be told:
                                                `Verdict.mistake` holds it, or begins with it; no two names are the same
    CHECKS    = {"im2col": ()}                  what is checked: functions, in this order, each with the names of its
                                                checks, or () for all that are known of it
    KIND      = "functions"                     (default) who checks: a name in `checks.KINDS`
    KERNELS   = ("im2col",)                     (default: all of CHECKS that kernels.NAMES has) which functions `learn
                                                train` may take into the engine from it

A kind may have fields of its own (`step.extra["LINE"]`): everything else in capitals that the file defines.

The learner's file has the name of the step (`b1_im2col.py`). It begins with a docstring of title, task, picture and
formula, and then the skeleton. A later step uses an earlier one's functions by importing the learner's own file, as in
`from b1_im2col import im2col`; `step.needs` names those that the solution imports.

**A check** is `check(step, file, seed=None) -> Verdict`: it never raises for what is in the file, and never prints. It
stops at the first thing that is wrong, the smallest failing case. `checks.KINDS` maps the name of a kind to
`run(step, path, seed) -> Verdict`; the modules of `checks/` add theirs. What is drawn comes from `seed` alone; without
one, `check` draws a seed, which stands in the verdict.
'''

from minidl.teach.learn.checks import check
from minidl.teach.learn.steps import Step, get_step, steps
from minidl.teach.learn.verdict import Verdict

__all__ = ["Step", "Verdict", "check", "get_step", "steps"]


def __dir__() -> list[str]:
    return [*__all__]
