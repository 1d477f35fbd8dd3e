"""Tables of results: printed, and written with the machine on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._machine import describe

RESULTS = Path(__file__).parent / "results"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table; numbers to the right."""
    texts = [[cell if isinstance(cell, str) else f"{cell:.2f}" for cell in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(columns, *texts)]
    lines = ["| " + " | ".join(name.ljust(width) for name, width in zip(columns, widths)) + " |"]
    lines.append("|" + "|".join("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)) + "|")
    for row in texts:
        cells = [text.rjust(width) if i else text.ljust(width) for i, (text, width) in enumerate(zip(row, widths))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def publish(name: str, title: str, body: str) -> None:
    """Print a result and write it to results/NAME.md."""
    text = f"# {title}\n\n```\n" + "\n".join(describe()) + f"\n```\n\nMeasured by `{command(name)}`.\n\n{body}\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(f"\n{text}", flush=True)


def command(name: str) -> str:
    """Return what has to be typed for that result."""
    return f"python -m benchmarks.{name.partition('-')[0]}"
