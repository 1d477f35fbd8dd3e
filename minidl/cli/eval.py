"""`minidl eval`: examine the network of a run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from minidl.cli._text import percent


def evaluate(
    run: Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")],
    data: Annotated[
        str | None, typer.Option(help="Another data set with the same classes.", show_default="that of the run")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="last or best.")] = "last",
    device: Annotated[str | None, typer.Option(help="cpu or cuda.", show_default="that of the run")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Build the network of a run from its checkpoint and examine it with the pictures for validation.

    For example:

      minidl eval runs/lenet5_modern-digits-1 --json
    """
    from minidl.cli._progress import Lines, Notes
    from minidl.data._scan import quoted
    from minidl.training import evaluate_run

    notes = Notes()
    told = [notes] if as_json else [notes, Lines()]
    score, state, file = evaluate_run(run, checkpoint=checkpoint, data=data, device=device, watchers=told)
    correct = int(score.confusion.trace())
    if as_json:
        where = {"checkpoint": str(file), "epoch": state.epoch, "step": state.step, "notes": notes.notes}
        print(json.dumps(score.to_dict(state.classes) | {"correct": correct} | where))
        return
    place = f"after epoch {state.epoch}" + (f" and {state.step} steps" if state.step else "")
    print(f"{file}: {state.config.model} {place}, on {state.config.data}")
    print(
        f"accuracy {percent(score.top1)} ({correct} of {score.n}), among the first five {percent(score.top5)}, "
        f"loss {score.loss:.4f}"
    )
    names = [quoted(name) for name in state.classes]
    width = max(map(len, names))
    for name, share, n in zip(names, score.per_class, score.confusion.sum(axis=1)):
        print(f"{name:{width}}  {percent(share) if n else '-':>8}  of {n:,}")
