"""`minidl eval`: examine the network of a run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from minidl.cli._text import percent


def evaluate(
    run: Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")],
    checkpoint: Annotated[str, typer.Option(help="last or best.")] = "last",
    device: Annotated[str | None, typer.Option(help="cpu or cuda.", show_default="that of the run")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Build the network of a run from its checkpoint and repeat the accuracy on the test pictures.

    For example:

      minidl eval runs/lenet5_modern-digits-1 --json
    """
    from minidl.training import evaluate_run

    score, state, file = evaluate_run(run, checkpoint=checkpoint, device=device)
    if as_json:
        found = {"n": score.n, "correct": score.correct, "loss": score.loss, "top1": score.top1}
        print(json.dumps(found | {"checkpoint": str(file), "epoch": state.epoch, "step": state.step}))
        return
    place = f"after epoch {state.epoch}" + (f" and {state.step} steps" if state.step else "")
    print(f"{file}: {state.config.model} {place}")
    print(f"test accuracy {percent(score.top1)} ({score.correct} of {score.n}), loss {score.loss:.4f}")
