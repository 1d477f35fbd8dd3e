"""How a training shows its progress: a bar on a terminal or in a notebook, and a line an epoch.

fit(…)                    at a terminal and in a notebook a bar; in scripts whose output goes elsewhere, nothing
fit(…, progress=True)     there, too: a plain line an epoch
fit(…, progress=False)    nothing anywhere

lines       a plain line an epoch
pace        what every bar has to know: how fast it goes, and how long the rest will take
bar         a bar on a terminal
notebook    a bar and a table in a notebook
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minidl._checks import shown
from minidl._deprecated import lookup
from minidl._text import columns, draws
from minidl.training.callback import Callback
from minidl.training.progress.lines import Lines


def check_progress(progress: object) -> None:
    """Refuse what says neither yes nor no."""
    if progress is not None and not isinstance(progress, bool):
        raise TypeError(f"fit: progress must be True, False or None; received progress={shown(progress)}")


@contextmanager
def progress_callbacks(progress: bool | None) -> Iterator[Sequence[Callback]]:
    """Give the callbacks that show a training where somebody looks.

    Args:
        progress: None shows it where output is seen at once, at a terminal and in a notebook; True everywhere; False
            nowhere.
    """
    from minidl.training.progress.notebook import Page, in_notebook

    if progress is False:
        yield ()
    elif in_notebook():
        with Page() as page:
            yield (page,)
    elif draws():
        from minidl.training.progress.bar import Bar

        with Bar() as bar:
            yield (Lines(), bar)
    elif progress or columns() is not None:
        yield (Lines(),)
    else:
        yield ()


if not TYPE_CHECKING:  # a type checker would believe every name
    __getattr__ = lookup("minidl.training.progress")


__all__: list[str] = []


def __dir__() -> list[str]:
    return []
