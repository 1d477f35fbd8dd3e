"""`minidl eval`: evaluate the network of a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minidl._text import percent
from minidl.cli._out import say, say_json
from minidl.cli._text import left_out


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
    from minidl.training import evaluate_run

    notes = Notes()
    told = [notes] if as_json else [notes, Lines()]
    score, state, file = evaluate_run(run, checkpoint=checkpoint, data=data, device=device, callbacks=told)
    correct = int(score.confusion.trace())
    if as_json:
        where = {"checkpoint": str(file), "epoch": state.epoch, "step": state.step, "left_out": score.left_out}
        where["notes"] = notes.notes
        say_json(score.to_dict(state.classes) | {"correct": correct} | where, indent=None)
        return
    place = f"after epoch {state.epoch}" + (f" and {state.step} steps" if state.step else "")
    say(f"{file}: {state.config.model} {place}, on {state.config.data}")
    say(
        f"accuracy {percent(score.top1)} ({correct} of {score.n}), among the first five {percent(score.top5)}, "
        f"loss {score.loss:.4f}"
    )
    if score.left_out:
        say(left_out(score.left_out))
    shares = zip(map(quoted, state.classes), score.per_class, score.confusion.sum(axis=1))
    rows = [[name, percent(share) if n else "-", f"{n:,}"] for name, share, n in shares]
    show(("class", "accuracy", "pictures"), rows, numbers=("accuracy", "pictures"))
