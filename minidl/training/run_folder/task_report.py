"""The page of a run that is no classification: what all have in common, around the sections that a task brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minidl._names import printable
from minidl.models._learners import LEARNERS
from minidl.training.run_folder import _report_page as _page
from minidl.training.run_folder import _report_parts as parts
from minidl.training.run_folder._report_page import Section
from minidl.training.run_folder.folder import RunFolder
from minidl.training.state import State
from minidl.viz._figure import save
from minidl.viz.curves import plot_figures


def write_task_report(
    run: RunFolder,
    state: State,
    *,
    cards: Sequence[tuple[str, str, str]],
    sections: Sequence[Section],
    about: Mapping[str, str] | None = None,
) -> Path:
    """Write report.html and curves.png.

    Args:
        run: the folder.
        state: the training.
        cards: large numbers for the top: what, the number, a word about it; best epoch, parameters and time follow.
        sections: those of the task, which come after the curves.
        about: what else should be said of network and data, by name.

    Returns:
        The page.

    Raises:
        OSError: if something cannot be written; each file is written whole or not at all.
    """
    title = f"{state.config.model} on {printable(Path(state.config.data).name)}"

    def plotted(panels: Mapping[str, Sequence[str]], title: str = "") -> Any:
        return plot_figures(state.history, panels, shares=state.kind.shares, best=state.best, title=title)

    panels = state.kind.panels
    if state.history:
        save(plotted(panels, title), run.path / "curves.png")
    curves = parts.curves(run, state, title, lambda panel: plotted({panel: panels[panel]}))
    known = {
        "network": f"{state.config.model}: {LEARNERS[state.config.model].paper.citation}",
        "parameters": f"{parts.count(state.net):,}",
        "data": state.config.data,
    }
    whole = [
        Section("curves", "Curves", "Curves", curves),
        *sections,
        Section("settings", "Settings", parts.SETTINGS, parts.settings(state, known | dict(about or {}))),
        Section("on", "How to go on", "How to go on", parts.on(run, state)),
    ]
    return parts.write(run, state, title, _page.figures([*cards, *parts.cards(run, state)]), whole)
