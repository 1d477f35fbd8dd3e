"""The parts that the pages of all runs share: where the run is, its curves, its settings, how it goes on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl._files import atomic_write
from minidl._html import Html, element, join
from minidl._version import __version__
from minidl.nn import Module
from minidl.training.run_folder import _report_page as _page
from minidl.training.run_folder._report_page import Section
from minidl.training.run_folder.folder import RunFolder
from minidl.training.state import State
from minidl.viz._figure import to_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.html"
SETTINGS = "What was trained on what"
Cards = Sequence[tuple[str, str, str]]
Plotted = Callable[[str], "Figure"]


def write(run: RunFolder, state: State, title: str, cards: Html, sections: Sequence[Section]) -> Path:
    """Write report.html, completely or not at all.

    Args:
        run: the folder.
        state: the training.
        title: of the page.
        cards: the large numbers at the top.
        sections: the parts below, in their order.
    """
    words = _page.fill(title=title, state=where(run, state), figures=cards, sections=sections)
    page = run.path / REPORT
    with atomic_write(page) as temporary:
        temporary.write_text(words, encoding="utf-8", newline="")
    return page


def where(run: RunFolder, state: State) -> str:
    """Say where the run is."""
    done = f"{state.epoch} of {state.config.epochs} epochs are done"
    if state.step:
        done += f", and {state.step} steps of the next"
    ended = run.read_times().get(state.epoch, (0.0, ""))[1]
    when = f" (the last on {ended[:10]})" if ended else ""
    about = "All figures are those of the weights as they are now."
    return f"{run.path}: {done}{when}; drawn by minidl {__version__}. {about}"


def cards(run: RunFolder, state: State) -> Cards:
    """Return the large numbers that every run has: best epoch, parameters and time."""
    kind, found = state.kind, [("parameters", f"{count(state.net):,}", state.config.model)]
    if state.best is not None:
        best = together(kind.show(kind.best, state.best[kind.best]))
        found.insert(0, ("best epoch", best, f"{kind.label}, after epoch {state.best['epoch']}"))
    seconds = sum(seconds for seconds, _ in run.read_times().values())
    if seconds:
        found.append(("time", duration(seconds), f"{state.epoch} epoch{'s' * (state.epoch != 1)}"))
    return found


def curves(run: RunFolder, state: State, title: str, plotted: Plotted) -> Html:
    """Return a plot of each panel of the kind, and the numbers of all epochs."""
    history = state.history
    if not history:
        return element("p", "There is no curve yet: no epoch is done.")
    first, last = history[0], history[-1]
    plates = []
    for panel, names in state.kind.panels.items():
        columns = [name for name in names if name in last]
        if not columns:
            continue
        told = "; ".join(f"{name} from {first[name]:.4g} to {last[name]:.4g}" for name in columns)
        alt = f"{panel} over {len(history)} epochs: {told}"
        plates.append(_page.plate(to_page(plotted(panel), panel, alt)))
    columns = list(last)
    rows = [[_number(row[name]) for name in columns] for row in history]
    shares = "; accuracies are shares of 1" if state.kind.shares else ""
    numbers = _page.table(f"Every epoch{shares}", columns, rows, numbers=range(len(columns)))
    dotted = f"The dotted line marks the best epoch, {state.kind.marked}."
    return join(
        element("div", join(*plates), class_="panels"),
        element("p", dotted),
        element("details", element("summary", "The numbers of every epoch"), numbers),
    )


def settings(state: State, about: Mapping[str, str]) -> Html:
    """Return what was trained on what, and all settings."""
    config = state.config.to_dict()
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in config.items()}
    return join(
        _page.definitions(SETTINGS, about),
        element(
            "details", element("summary", "All settings"), _page.definitions("The resolved configuration", written)
        ),
    )


def on(run: RunFolder, state: State) -> Html:
    """Return the commands that go on from here."""
    again = shlex.quote(str(run.path))
    more = "" if state.epoch < state.config.epochs else f" --epochs {2 * state.config.epochs}"
    commands = [
        f"minidl train --resume {again}{more}",
        f"minidl eval {again}",
        f"minidl eval {again} --checkpoint best",
    ]
    words = (
        "The first command goes on where the training stopped, the second repeats the accuracy, the third that of the "
        "best epoch."
    )
    if state.kind.ends and state.finished:
        commands, words = commands[1:], "The first command repeats the accuracy, the second that of the best epoch."
    return join(element("p", words), element("pre", element("code", "\n".join(commands))))


# Numbers


def count(net: Module) -> int:
    """Return how many parameters a network has."""
    return sum(int(np.prod(parameter.shape)) for parameter in net.parameters())


def share(share: float) -> str:
    """Write a share as a percentage on one line."""
    return together(f"{100 * share:.1f} %")


def together(words: str) -> str:
    """Keep words on one line."""
    return words.replace(" ", "\u00a0")


def whole(words: str) -> str:
    """Keep a number and its percent sign on one line."""
    return words.replace(" %", "\u00a0%")


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def duration(seconds: float) -> str:
    """Return a time in its two largest units.

    Example:
        >>> duration(8), duration(226), duration(7380)
        ('8 s', '3 min 46 s', '2 h 3 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
