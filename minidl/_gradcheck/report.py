"""What a gradient check found: the numbers of every argument, and how they are put into at most 25 lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from minidl._gradcheck.evidence import Pattern
from minidl._looks import Brief

LINES = 25  # the longest verdict; nobody scrolls back to find the first error
DETAILED = 2  # arguments that are shown in full
LISTED = 7  # arguments that get a line


@dataclass
class ArgumentReport(Brief):
    """The verdict on one argument: "ok", "FAIL" or "KINK", and the numbers behind it.

    Attributes:
        argument: its place among the inputs.
        shape: its shape.
        verdict: "ok"; "FAIL"; "KINK" where f has a corner, so that there is no slope to compare with.
        error: max |dx - slope| / max |slope|; along a direction |<dx, u> - slope| / max(|<dx, u>|, |slope|, |dx|).
        analytic: what backward says, at the worst element or along the direction.
        numeric: what finite differences say there.
        where: the worst element, if elements were compared.
        kinks: the number of elements (or directions) that could not be judged.
        name: its name.
        wrong: the number of wrong elements among those that were compared.
        compared: the number of elements that were compared, 0 if there was only a direction.
        pattern: the mistake that explains the gradient, if it is a known one.
        dx: the whole gradient that backward left.
        slope: the slope of every element, if all were compared.
    """

    argument: int
    shape: tuple[int, ...]
    verdict: str
    error: float
    analytic: float
    numeric: float
    where: tuple[int, ...] | None = None
    kinks: int = 0
    name: str = ""
    wrong: int = 0
    compared: int = 0
    pattern: Pattern | None = None
    notes: list[str] = field(default_factory=list)
    dx: np.ndarray | None = field(default=None, repr=False)
    slope: np.ndarray | None = field(default=None, repr=False)

    def _words(self) -> list[str]:
        kinks = [f"{self.kinks} of {self.compared or 1} at a kink"] if self.kinks else []
        pattern = [f"pattern {self.pattern.name}: {self.pattern.text}"] if self.pattern else []
        error = f"relative error {self.error:.2e}"
        return [self.label, f"shape={tuple(self.shape)}", self.verdict, error, *kinks, *pattern]

    @property
    def ratio(self) -> float:
        """Backward's value over that of finite differences."""
        return self.analytic / self.numeric if self.numeric else float("inf") if self.analytic else 1.0

    @property
    def label(self) -> str:
        """The name, or the place if it has no name."""
        return self.name or f"argument {self.argument}"

    def details(self) -> list[str]:
        """Return the lines that explain a failure."""
        place = "along a random direction"
        if self.where is not None:
            place = (
                f"worst at {self.label}[{', '.join(str(i) for i in self.where)}]" if self.where else "its one number"
            )
        lines = [
            f"{self.label}, {place}:",
            f"  backward says           {self.analytic: .10g}",
            f"  finite differences say  {self.numeric: .10g}",
            f"  ratio                   {self.ratio: .7g}",
        ]
        if self.compared:
            lines.append(f"  wrong in {self.wrong} of {self.compared} elements compared")
        if self.pattern:
            lines.append(f"  pattern ({self.pattern.name}): {self.pattern.text}")
        elif self.compared:
            lines.append("  pattern: none of the usual ones")
        return [*lines, *(f"  {note}" for note in self.notes)]


@dataclass
class GradcheckReport(Brief):
    """The verdict on a function: one entry for each argument that was checked. Printed, it takes at most 25 lines."""

    mode: str
    seed: int
    arguments: list[ArgumentReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def _words(self) -> list[str]:
        """Return the verdict, then what was found of each argument, the worst first; `str()` has the details."""
        rows = sorted(self.arguments, key=lambda a: (a.verdict != "FAIL", -a.error))
        return [self.verdict, f"{self.mode}, seed {self.seed}", *(", ".join(a._words()) for a in rows), *self.notes]

    @property
    def worst(self) -> float:
        """The largest relative error of all arguments."""
        return max((argument.error for argument in self.arguments), default=0.0)

    @property
    def verdict(self) -> str:
        """FAIL if any argument fails, else KINK if any could not be judged everywhere, else ok."""
        verdicts = {argument.verdict for argument in self.arguments}
        return "FAIL" if "FAIL" in verdicts else "KINK" if "KINK" in verdicts else "ok"

    @property
    def failed(self) -> list[ArgumentReport]:
        """The arguments with a wrong gradient, the worst first."""
        return sorted((a for a in self.arguments if a.verdict == "FAIL"), key=lambda a: -a.error)

    def _repr_html_(self) -> str:
        from minidl._gradcheck._table import table

        return table(self)

    def __str__(self) -> str:
        """Return the verdict in words: a line for each argument, then what is known about the wrong ones."""
        shown = sorted(self.arguments, key=lambda a: a.verdict != "FAIL")[:LISTED]
        shown.sort(key=lambda a: a.argument)
        wide = max((len(a.label) for a in shown), default=0), max((len(str(a.shape)) for a in shown), default=0)
        lines = [f"gradcheck ({self.mode}, seed {self.seed}): {self.verdict}"]
        for a in shown:
            kinks = f", {a.kinks} of {a.compared or 1} at a kink" if a.kinks else ""
            row = f"  {a.label:{wide[0]}}  {a.shape!s:{wide[1]}}  {a.verdict:4}"
            lines.append(f"{row}  relative error {a.error:.2e}{kinks}")
        if len(self.arguments) > len(shown):
            lines.append(f"  … and {len(self.arguments) - len(shown)} more")
        for a in self.failed[:DETAILED]:
            lines += a.details()
        return "\n".join([*lines[: LINES - len(self.notes)], *self.notes])


class GradientError(Brief, AssertionError):
    """A gradient is wrong; `.report` carries the numbers.

    Example:
        >>> import numpy as np
        >>> import minidl
        >>> class Square(minidl.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save(x)
        ...         return x * x
        ...
        ...     @staticmethod
        ...     def backward(ctx, dy):
        ...         return ctx.saved[0] * dy
        >>> try:
        ...     minidl.gradcheck(lambda x: Square.apply(x), [np.array([1.0, -2.0, 3.0])], mode="elements")
        ... except minidl.GradientError as error:
        ...     print(error.report.arguments[0].pattern.text)
        a constant factor: dx is 1/2 times the slope
    """

    def __init__(self, report: GradcheckReport):
        super().__init__(str(report))
        self.report = report
