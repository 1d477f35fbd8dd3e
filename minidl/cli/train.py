"""`minidl train`: train a network, or go on with a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, BadParameter, Exit, Option

from minidl.cli._text import left_out

if TYPE_CHECKING:
    from minidl.training import Outcome


def _option(text: str, default: str | None = None) -> Any:
    """Describe an option. Its value is None where it is not given; the default stands in `minidl.training.Config`."""
    return Option(help=text, show_default=default or False)


def train(
    model: Annotated[str | None, Argument(help="The network.", metavar="MODEL", show_default="lenet5_modern")] = None,
    data: Annotated[str | None, _option("The folder of a data set, or a name.", "digits")] = None,
    recipe: Annotated[
        str | None, _option("A name (fast, head, cifar, paper), or a file.", "fast, or what fits")
    ] = None,
    config: Annotated[Path | None, _option("Repeat a run: its config.json.")] = None,
    classes: Annotated[str | None, _option("Only these: a number, or names with commas.")] = None,
    epochs: Annotated[int | None, _option("Times that all training pictures are seen.", "16")] = None,
    batch_size: Annotated[int | None, _option("Pictures in one batch.", "16")] = None,
    lr: Annotated[float | None, _option("Learning rate that the schedule begins with.", "0.02")] = None,
    settings: Annotated[
        list[str] | None,
        Option("--set", help="Any other setting: name=value.", metavar="NAME=VALUE", show_default=False),
    ] = None,
    seed: Annotated[int | None, _option("Where all random numbers start.", "0")] = None,
    device: Annotated[str | None, _option("cpu or cuda.", "cpu")] = None,
    workers: Annotated[int | None, _option("Threads that prepare pictures.", "one for each core")] = None,
    on_error: Annotated[str | None, _option("A picture that cannot be read: raise or skip.", "raise")] = None,
    weights: Annotated[Path | None, _option("To begin with: a file (.safetensors, .npz, .pth), or demo.")] = None,
    freeze: Annotated[bool, Option("--freeze", help="Learn only the head; needs --weights.")] = False,
    out: Annotated[Path | None, _option("The run folder; it must be new.", "runs/MODEL-DATA-1, -2, ...")] = None,
    resume: Annotated[Path | None, _option("Go on with the run in this folder.")] = None,
    verbose: Annotated[bool, Option("--verbose", help="Show all settings, not only those that differ.")] = False,
) -> None:
    """Train a network on a folder of pictures, or on 1,797 real handwritten digits; Ctrl-C stops it, --resume goes on.

    A recipe has other defaults than those below. All settings: docs/training.md.

    For example:

      minidl train

      minidl train resnet18 --data pets --epochs 20 --set weight_decay=0.0005

      minidl train --resume runs/resnet18-pets-1 --epochs 40

      minidl train --config runs/resnet18-pets-1/config.json --seed 1
    """
    from minidl.cli._progress import showing
    from minidl.training import make_config, parse_setting
    from minidl.training import resume as go_on
    from minidl.training import train as begin

    always = _given(epochs=epochs, device=device, data=data, workers=workers)
    once = _given(classes=classes, batch_size=batch_size, lr=lr, seed=seed, on_error=on_error, freeze=freeze or None)
    once |= _given(weights=None if weights is None else str(weights)) | dict(map(parse_setting, settings or ()))
    starts = _given(model=model, recipe=recipe, config=config)
    if resume is not None and (once or starts or out is not None):
        raise BadParameter(
            "--resume takes all settings from the run; only --epochs, --data, --workers and --device may be given too"
        )
    asked = None if resume is not None else make_config(**starts, **once, **always)  # judged before anything else
    with showing(verbose=verbose) as (lines, callbacks):
        lines.show(f"minidl train: {'setting up' if resume is None else f'going on with {resume}'}")
        if resume is None:
            outcome = begin(asked, out=out, callbacks=callbacks)
        else:
            outcome = go_on(resume, **always, callbacks=callbacks)
    for line in [left_out(outcome.left_out)] * bool(outcome.left_out) + _ending(outcome):
        lines.show(line)
    if not outcome.finished:
        raise Exit(128 + (outcome.signal or SIGINT))


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _ending(outcome: Outcome) -> list[str]:
    """Say how it ended; a command to go on with stands on a line of its own, which fits most terminals."""
    run, state, again = outcome.run, outcome.state, shlex.quote(str(outcome.run))
    left = f"{run}: {' '.join(run.files())}"
    if not outcome.finished:
        place = f"stopped in epoch {state.epoch + 1} after step {state.step}"
        return [f"{place}; go on from there:", f"minidl train --resume {again}", left]
    last, best, kind = state.history[-1], state.best or {}, state.kind
    now, then = (kind.show(kind.best, row[kind.best]) for row in (last, best))
    if outcome.new_epochs == 0 and kind.ends:
        return [
            f"all {state.epoch} epochs are done ({kind.label.partition(' ')[0]} {now}), and there are no more",
            left,
        ]
    if outcome.new_epochs == 0:
        more = f"minidl train --resume {again} --epochs {2 * state.epoch}"
        return [f"all {state.epoch} epochs are done ({kind.label.partition(' ')[0]} {now}); go further:", more, left]
    return [
        f"{kind.label} {now} after epoch {last['epoch']} (best: {then} after epoch {best['epoch']})",
        f"look again: minidl eval {again}",
        left,
    ]
