"""What `minidl models` tells of networks that learn something else than to tell classes apart."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from minidl.cli._cost import at_depth, cost_as_dict, judged, show_cost
from minidl.cli._out import say, say_json

TITLES = ("name", "task", "year", "parameters", "what it is")


def show_learners() -> None:
    """Print a table of them, if there are any."""
    from minidl.cli._table import show
    from minidl.models._learners import LEARNERS

    if not LEARNERS:
        return
    say("", "trained for other tasks, by minidl train NAME:", "")
    rows = [_known(name, _built(name)) for name in LEARNERS]
    cells = [(it["name"], it["task"], str(it["year"]), f"{it['parameters']:,}", it["about"]) for it in rows]
    show(TITLES, cells, numbers=("parameters",))


def show_learner(name: str, *, size: int | None, depth: int | None, as_json: bool, **others: Any) -> None:
    """Print the page of one: its paper, how many parameters each of its parts has, and what each layer costs."""
    from minidl import cost
    from minidl.cli._table import show
    from minidl.models._learners import LEARNERS

    if given := [option for option, value in others.items() if value is not None]:
        raise typer.BadParameter(f"only for networks that tell classes apart: --{given[0]}; leave it out for {name}")
    net = _built(name)
    known, found = _known(name, net), None
    if known["parameters"]:
        with judged():
            found = at_depth(cost.count(net, size), depth)
    if as_json:
        say_json(({} if found is None else cost_as_dict(found)) | known)
        return
    builder = LEARNERS[name].builder
    say(name, *(inspect.getdoc(builder) or "").splitlines(), "")
    say(*(f"{title:10} {known[title]}" for title in ("paper", "task", "about")), "")
    if known["parts"]:
        show(("part", "parameters"), [(part, f"{n:,}") for part, n in known["parts"].items()], numbers=("parameters",))
    if found is not None:
        say("")
        show_cost(found)


def _built(name: str) -> Any:
    import numpy as np

    from minidl.models._learners import LEARNERS
    from minidl.nn import init

    with init.unfilled(), np.errstate(all="ignore"):  # nothing is computed but what is thrown away
        return LEARNERS[name].builder()


def _known(name: str, net: Any) -> dict[str, Any]:
    from minidl.models._learners import LEARNERS

    learner = LEARNERS[name]
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
