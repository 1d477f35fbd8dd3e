"""What a check finds out about a learner's file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from minidl._looks import Brief

RIGHT, WRONG, ERROR, UNWRITTEN, MISSING = "right", "wrong", "error", "not written yet", "missing"


@dataclass(frozen=True)
class Verdict(Brief):
    """The verdict on one step: whether it is right, and else the first thing that is not.

    Attributes:
        step: the name of the step.
        state: "right"; "wrong" (what comes out, or what is done with the arguments), "error" (it raised, does not end,
            or cannot be imported), "not written yet" (NotImplementedError), "missing" (no such file or function).
        function: which of the step's functions is meant.
        check: which of its checks failed: "loops", "adjoint identity", "finite differences" …
        mistake: the name of what was done wrong; empty where nothing is wrong, or if it is not recognised.
        case: the smallest failing case, as its name and its sizes.
        text: what is told to the learner, in at most 25 lines; empty where nothing is wrong.
        picture: the failing case drawn with letters; empty where there is none.
        line: the line of the learner's file that is meant.
        seed: what everything was drawn with.
        cases: how many cases passed.
        seconds: how long it took.

    Example:
        >>> Verdict("b1_im2col", "right", seed=3).passed
        True
    """

    step: str
    state: str
    function: str = ""
    check: str = ""
    mistake: str = ""
    case: str = ""
    text: str = ""
    picture: str = ""
    line: int | None = None
    seed: int = 0
    cases: int = 0
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the step is done."""
        return self.state == RIGHT

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, for JSON and for tables of marks."""
        return {**asdict(self), "passed": self.passed}
