"""A gradient check as HTML: the verdict, and a row for each argument."""

from __future__ import annotations

from typing import Any

from minidl._html import element, faint, folded, grid, heading, or_plain, pre, verdict

HEAD = ("argument", "shape", "verdict", "relative error", "mistake")
MOST = 40  # arguments


@or_plain
def table(report: Any) -> str:
    """Return what a notebook shows of a `GradcheckReport`."""
    rows = [
        (
            a.label,
            str(tuple(a.shape)),
            verdict(a.verdict, a.verdict == "ok"),
            f"{a.error:.2e}",
            _mistake(a),
        )
        for a in report.arguments[:MOST]
    ]
    more = len(report.arguments) - len(rows)
    title = heading("gradcheck", f"{report.mode}, seed {report.seed}")
    whole = folded(faint("the numbers"), pre(str(report)), is_open=report.verdict == "FAIL")
    rest = element("div", faint(f"… and {more} more")) if more else ""
    return element(
        "div", verdict(report.verdict, report.verdict == "ok"), " ", title, grid(HEAD, rows, (3,)), rest, whole
    )


def _mistake(a: Any) -> object:
    words = a.pattern.text if a.pattern else f"{a.kinks} of {a.compared or 1} at a kink" if a.kinks else ""
    return element("div", words, style="min-width:14em") if words else ""
