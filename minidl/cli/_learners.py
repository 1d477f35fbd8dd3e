"""What `minidl models` tells of networks that learn something else than to tell classes apart."""

from __future__ import annotations

import inspect
from typing import Any

from minidl.cli._out import say, say_json

TITLES = ("name", "task", "year", "parameters", "what it is")


def show_learners() -> None:
    """Print a table of them, if there are any."""
    from minidl.cli._table import show
    from minidl.models._learners import LEARNERS

    if not LEARNERS:
        return
    say("", "trained for other tasks, by minidl train NAME:", "")
    rows = [_known(name) for name in LEARNERS]
    cells = [(it["name"], it["task"], str(it["year"]), f"{it['parameters']:,}", it["about"]) for it in rows]
    show(TITLES, cells, numbers=("parameters",))


def show_learner(name: str, *, as_json: bool) -> None:
    """Print the page of one: its paper, and how many parameters each of its parts has."""
    from minidl.cli._table import show
    from minidl.models._learners import LEARNERS

    known = _known(name)
    if as_json:
        say_json(known)
        return
    builder = LEARNERS[name].builder
    say(name, *(inspect.getdoc(builder) or "").splitlines(), "")
    say(*(f"{title:10} {known[title]}" for title in ("paper", "task", "about")), "")
    if known["parts"]:
        show(("part", "parameters"), [(part, f"{n:,}") for part, n in known["parts"].items()], numbers=("parameters",))


def _known(name: str) -> dict[str, Any]:
    import numpy as np

    from minidl.models._learners import LEARNERS
    from minidl.nn import init

    learner = LEARNERS[name]
    with init.unfilled(), np.errstate(all="ignore"):  # nothing is computed but what is thrown away
        net = learner.builder()
    parts = {part: sum(p.numel() for p in module.parameters()) for part, module in net.named_children()}
    return {
        "name": name,
        "task": learner.task,
        "year": learner.paper.year,
        "paper": f"{learner.paper.citation} ({learner.paper.year})",
        "about": learner.about,
        "parameters": sum(p.numel() for p in net.parameters()),
        "parts": {part: n for part, n in parts.items() if n},
    }
