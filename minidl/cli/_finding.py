"""What `minidl predict` tells of a run that finds things: boxes, as a table or as JSON, and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidl.cli._out import say, say_json

if TYPE_CHECKING:
    from minidl.predict._finder import Finding, PictureFinder


def is_finding(run: Path | None) -> bool:
    """Tell whether a run has learnt to find things."""
    if run is None:
        return False
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False  # which whoever opens the run says better
    return isinstance(config, dict) and config.get("task") == "detection"


def find_things(finder: PictureFinder, files: Sequence[Path], score: float, out: Path | None, *, as_json: bool) -> int:
    """Tell what is found in pictures, and draw it if there is a folder for that; return the exit status."""
    from minidl.cli._table import show
    from minidl.predict._finder import draw

    failed, items, drawn = False, [], 0
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    for one in finder.answer(files, score):
        items.append(_as_dict(one, finder.classes))
        if one.found is None:
            failed = True
            say(f"minidl: {one.error}", err=True)
            continue
        if out is not None:
            draw(one, finder.classes, out)
            drawn += 1
        if not as_json:
            say(f"{one.file}: {len(one.found):,} found")
            rows = [
                [box["class"], f"{box['score']:.3f}", *(f"{side:.1f}" for side in box["box"])]
                for box in items[-1]["boxes"]
            ]
            if rows:
                show(("class", "score", "x1", "y1", "x2", "y2"), rows, numbers=("score", "x1", "y1", "x2", "y2"))
    if as_json:
        say_json(items)
    elif drawn:
        say(f"drawn: {out}: {drawn:,} pictures")
    return 1 if failed else 0


def _as_dict(one: Finding, classes: Sequence[str]) -> dict[str, Any]:
    if one.found is None:
        return {"file": one.file, "boxes": [], "error": one.error}
    rows = zip(one.found.boxes.tolist(), one.found.labels.tolist(), one.found.scores.tolist())
    boxes = [{"class": classes[label], "score": score, "box": box} for box, label, score in rows]
    return {"file": one.file, "boxes": boxes}
