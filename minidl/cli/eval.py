"""`minidl eval`: evaluate the network of a run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl._text import percent
from minidl.cli._out import say, say_json
from minidl.cli._text import left_out

if TYPE_CHECKING:
    from minidl.training import State


def evaluate(
    run: Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")],
    data: Annotated[
        str | None, typer.Option(help="Another data set with the same classes.", show_default="that of the run")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="last or best.")] = "last",
    device: Annotated[str | None, typer.Option(help="cpu or cuda.", show_default="that of the run")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Build the network of a run from its checkpoint and evaluate it with the pictures for validation.

    For example:

      minidl eval runs/lenet5_modern-digits-1 --json
    """
    from minidl._names import quoted
    from minidl.cli._progress import Lines, Notes
    from minidl.cli._table import show
    from minidl.models._learners import CLASSIFICATION
    from minidl.training import evaluate_run

    notes = Notes()
    told = [notes] if as_json else [notes, Lines()]
    score, state, file = evaluate_run(run, checkpoint=checkpoint, data=data, device=device, callbacks=told)
    if state.config.task != CLASSIFICATION:
        _show_figures(score, state, file, notes.notes if as_json else None)
        return
    correct = int(score.confusion.trace())
    if as_json:
        where = {"checkpoint": str(file), "epoch": state.epoch, "step": state.step, "left_out": score.left_out}
        where["notes"] = notes.notes
        say_json(score.to_dict(state.classes) | {"correct": correct} | where, indent=None)
        return
    say(_place(file, state))
    say(
        f"accuracy {percent(score.top1)} ({correct} of {score.n}), among the first five {percent(score.top5)}, "
        f"loss {score.loss:.4f}"
    )
    if score.left_out:
        say(left_out(score.left_out))
    shares = zip(map(quoted, state.classes), score.per_class, score.confusion.sum(axis=1))
    rows = [[name, percent(share) if n else "-", f"{n:,}"] for name, share, n in shares]
    show(("class", "accuracy", "pictures"), rows, numbers=("accuracy", "pictures"))


def _place(file: Path, state: State) -> str:
    place = f"after epoch {state.epoch}" + (f" and {state.step} steps" if state.step else "")
    return f"{file}: {state.config.model} {place}, on {state.config.data}"


def _show_figures(score: Any, state: State, file: Path, notes: list[str] | None) -> None:
    """Print the figures of another task, in the order in which it gives them; as JSON where there are notes for it."""
    from minidl.cli._table import show

    figures = score if isinstance(score, dict) else score.to_dict()
    if notes is not None:
        where = {"checkpoint": str(file), "epoch": state.epoch, "step": state.step, "notes": notes}
        say_json(figures | where, indent=None)
        return
    say(_place(file, state))
    plain = [[name, state.kind.show(name, value)] for name, value in figures.items() if isinstance(value, float)]
    show(("figure", "value"), plain, numbers=("value",))
    if rows := figures.get("classes"):  # of things that are found
        say("")
        titles = [*rows[0]]
        cells = [[_cell(value) for value in row.values()] for row in rows]
        show(titles, cells, numbers=titles[1:])


def _cell(value: Any) -> str:
    """Write a figure of a class: a name, a number of things, a share, or nothing."""
    return percent(value) if isinstance(value, float) else "-" if value is None else str(value)
