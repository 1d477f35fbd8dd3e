"""`minidl report`: write the plots of a run and its report.html again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minidl.cli._out import say


def report(
    run: Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")],
    data: Annotated[str | None, typer.Option(help="Where its data set is now.", show_default="where it was")] = None,
) -> None:
    """Draw what a run has learnt, finished or not, and write report.html, one page with all of it.

    For example:

      minidl report runs/resnet18-pets-1
    """
    from minidl.cli._progress import showing
    from minidl.training import report_run

    with showing() as (_, callbacks):
        page = report_run(run, data=data, callbacks=callbacks)
    drawn = sorted(file.name for file in page.parent.iterdir() if file.suffix == ".png")
    say(page, f"{run}: {' '.join([page.name, *drawn])}")
