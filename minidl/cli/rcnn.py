"""`minidl rcnn`: R-CNN, stage by stage, or all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl.cli._help import Command, Group
from minidl.cli._looking import Features, Look, Weights, looking
from minidl.cli._out import say, say_json

if TYPE_CHECKING:
    from minidl.rcnn import Learnt, Proposed, Results

app = typer.Typer(cls=Group, help="Find things by R-CNN, stage by stage: a file each.", rich_markup_mode=None)

Run = Annotated[Path, typer.Argument(help="The folder of this R-CNN.", metavar="RUN")]
Data = Annotated[Path, typer.Argument(help="A folder of pictures with boxes.", metavar="DATA")]
Out = Annotated[Path, typer.Option("--out", help="The folder of this R-CNN.")]
Moved = Annotated[Path | None, typer.Option("--data", help="Where the pictures are now.", show_default="as before")]
Method = Annotated[
    str, typer.Option(help="Selective search or windows.", metavar="auto|fast|quality|grid", show_default="auto")
]
Most = Annotated[int, typer.Option(help="Proposals of a picture, at most.")]
Width = Annotated[int, typer.Option(help="Of the picture that is searched; the paper has 500.")]
Seed = Annotated[int, typer.Option(help="Where all draws start.")]
Epochs = Annotated[int, typer.Option(help="Of fine-tuning.")]
Steps = Annotated[int, typer.Option(help="Batches of an epoch, of 32 windows that show a thing and 96 that do not.")]
Pieces = Annotated[int, typer.Option(help="Parts that a batch is learnt in; more take less memory.")]
Strength = Annotated[float, typer.Option(help="How small weights are held: lambda.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        say(*context.get_help().splitlines())


@app.command(cls=Command)
def propose(
    data: Data,
    out: Out,
    method: Method = "auto",
    most: Most = 200,
    width: Width = 250,
    seed: Seed = 0,
) -> None:
    """Say where things might be, in every picture, and what part of them that meets.

    Example:
      minidl rcnn propose bccd --out cells
    """
    from minidl import rcnn

    with _counting("looking for regions: {done:,} of {all:,} pictures") as progress:
        settings: dict[str, Any] = {"method": method, "most": most, "width": width, "seed": seed}
        found = rcnn.propose(data, out, **settings, tell=say, progress=progress)
    _show_proposals(found)


@app.command(cls=Command)
@looking()
def features(run: Run, look: Look, data: Moved = None) -> None:
    """Let a network look at every proposal, and keep what its last layer is given; goes on where it was stopped.

    Example:
      minidl rcnn features cells --network efficientnet_lite0
    """
    _make_features(run, look, data)


@app.command(cls=Command)
@looking()
def finetune(
    run: Run,
    look: Look,
    epochs: Epochs = 5,
    steps: Steps = 20,
    pieces: Pieces = 4,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = 0.001,
    seed: Seed = 0,
    data: Moved = None,
) -> None:
    """Let the network learn windows of these pictures, before it makes features; this stage may be left out.

    Example:
      minidl rcnn finetune cells --network efficientnet_lite0 --size 128
    """
    _finetune(run, look, data, epochs=epochs, steps=steps, pieces=pieces, lr=lr, seed=seed)


def _finetune(run: Path, look: Look, data: Path | None, **settings: Any) -> None:
    from minidl import rcnn

    about = rcnn.finetune(run, rcnn.Look(**look), **settings, data=data, tell=say)
    say(f"network.safetensors: {about.more['model']}, {len(about.more['classes'])} classes with background")


@app.command(cls=Command)
def svm(
    run: Run,
    c: Annotated[float, typer.Option("--c", help="What an example on the wrong side costs.")] = 0.001,
    rounds: Annotated[int, typer.Option(help="How often hard negatives are looked for, at most.")] = 5,
    seed: Seed = 0,
    data: Moved = None,
) -> None:
    """Train a linear support vector machine for each class, with the negatives that are hard.

    Example:
      minidl rcnn svm cells
    """
    from minidl import rcnn

    _show_learnt(rcnn.train_svm(run, c=c, rounds=rounds, seed=seed, data=data, tell=say)[1])


@app.command(cls=Command)
def boxes(run: Run, strength: Strength = 1000.0, data: Moved = None) -> None:
    """Train a regression for each class, which moves a proposal to where its thing is.

    Example:
      minidl rcnn boxes cells
    """
    from minidl import rcnn

    _show_pairs(rcnn.train_boxes(run, strength=strength, data=data, tell=say)[1])


@app.command("eval", cls=Command)
def evaluate(run: Run, data: Moved = None, as_json: Json = False) -> None:
    """Tell how good it is, with and without corrected boxes; write results.json and report.html.

    Example:
      minidl rcnn eval cells --json
    """
    from minidl import rcnn

    results = rcnn.evaluate_rcnn(run, data=data)
    rcnn.write_report(run, results)
    _show_results(results, run, as_json)


@app.command(cls=Command)
def predict(
    run: Run,
    images: Annotated[list[Path], typer.Argument(help="Pictures: files, folders, patterns.", metavar="IMAGE")],
    weights: Weights = None,
    score: Annotated[float, typer.Option(help="The least distance behind the plane of the machine.")] = 0.0,
    out: Annotated[Path | None, typer.Option(help="A folder for pictures.", show_default="nothing is drawn")] = None,
    as_json: Json = False,
) -> int:
    """Find things in pictures: boxes as a table or as JSON, and drawn.

    Example:
      minidl rcnn predict cells blood.jpg --out drawn
    """
    from minidl import rcnn
    from minidl.cli._finding import find_things

    return find_things(rcnn.Finder(run, weights), images, score, out, as_json=as_json)


@app.command(cls=Command)
@looking(network=(Features, "efficientnet_lite0"))
def train(
    data: Data,
    out: Out,
    look: Look,
    method: Method = "auto",
    most: Most = 200,
    width: Width = 250,
    tune: Annotated[int, typer.Option("--finetune", help="Epochs of fine-tuning; 0 leaves it out.")] = 0,
    steps: Steps = 20,
    pieces: Pieces = 4,
    seed: Seed = 0,
) -> None:
    """Run all stages; what is there already, made of the same by the same settings, stays.

    Example:
      minidl rcnn train bccd --features efficientnet_lite0 --out cells
    """
    propose(data, out, method, most, width, seed)
    if tune:
        _finetune(out, look, data, epochs=tune, steps=steps, pieces=pieces, seed=seed)
        look = look | {"model": None, "weights": None}  # the network of this folder makes the features
    else:
        look = look | {"weights": look["weights"] or "demo"}
    _make_features(out, look, data)
    svm(out, seed=seed, data=data)
    boxes(out, data=data)
    evaluate(out, data=data)


def _counting(text: str) -> Any:
    from minidl.cli._table import counting

    return counting(text)


def _make_features(run: Path, look: Look, data: Path | None) -> None:
    from minidl import rcnn
    from minidl.rcnn._eye import known

    with _counting("looking at windows: {done:,} of {all:,}") as progress:
        made = rcnn.make_features(run, rcnn.Look(**look), data=data, tell=say, progress=progress)
    say(f"features: {known(made[0].settings)}")


def _show_proposals(found: Proposed) -> None:
    from minidl._text import percent
    from minidl.cli._table import show

    for part, some in found.boxes.items():
        mean = sum(map(len, some)) / max(1, len(some))
        say(f"proposals of {part}: {mean:.0f} of a picture, {found.about.settings['method']}")
    rows = [
        [name, f"{n:,}", *(_share(one, percent) for one in shares)] for name, n, *shares in found.recall(found.tested)
    ]
    titles = [f"things of {found.tested}", "number", "met at IoU 0.5", "at 0.7"]
    show(titles, rows, numbers=titles[1:])


def _share(value: float, percent: Any) -> str:
    return "-" if value != value else str(percent(value))


def _show_learnt(learnt: list[Learnt]) -> None:
    from minidl.cli._table import show

    titles = ["machine of", "right", "wrong", "rounds", "kept", "still hard"]
    rows = [
        [one.name, *(f"{n:,}" for n in (one.right, one.candidates, one.rounds, one.kept, one.hard))] for one in learnt
    ]
    show(titles, rows, numbers=titles[1:])


def _show_pairs(pairs: dict[str, int]) -> None:
    from minidl.cli._table import show

    show(["regression of", "pairs"], [[name, f"{count:,}"] for name, count in pairs.items()], numbers=["pairs"])


def _show_results(results: Results, run: Path, as_json: bool) -> None:
    from minidl._text import percent
    from minidl.cli._table import show

    if as_json:
        say_json(results.to_dict(), indent=None)
        return
    scores = [one for one in (results.plain, results.moved) if one is not None]
    titles = ["VOC 2010 at IoU 0.5", "things", "as proposed", "corrected"][: 2 + len(scores)]
    rows = [["mAP", f"{sum(scores[0].totals):,}", *(_share(one.means()["voc2010"], percent) for one in scores)]]
    for label, name in enumerate(results.judges.classes):
        rows.append([name, f"{scores[0].totals[label]:,}", *(_share(one.voc2010[label], percent) for one in scores)])
    show(titles, rows, numbers=titles[1:])
    say(f"{run}: results.json report.html")
