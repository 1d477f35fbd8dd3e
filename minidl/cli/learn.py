"""`minidl learn`: exercises, each checked, each usual mistake named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minidl.cli._help import Command, Group
from minidl.cli._out import put, say, say_json

if TYPE_CHECKING:
    from minidl.teach.learn.folder import Folder
    from minidl.teach.learn.steps import Step

app = typer.Typer(
    cls=Group,
    help="Learn to write a network's array operations: exercises, checked in your own folder.",
    rich_markup_mode=None,
)

Dir = Annotated[Path | None, typer.Option("--dir", help="Work in this folder, not in the current one.")]
Name = Annotated[str | None, typer.Argument(help="A step: c2, conv2d, or c2_conv2d.", show_default="where you are")]
One = Annotated[str, typer.Argument(help="A step: c2, conv2d, or c2_conv2d.")]
Seed = Annotated[int | None, typer.Option(min=0, help="What is drawn; without it, new numbers each time.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        say(*context.get_help().splitlines())


def _open(dir: Path | None, name: str | None, verb: str) -> tuple[Folder, Step]:
    """Return the folder and the step that is meant."""
    from minidl.teach.learn.folder import Folder
    from minidl.teach.learn.steps import get_step
    from minidl.teach.strings.learn import words

    folder = Folder(dir)
    step = get_step(name) if name is not None else folder.here()
    if step is None:
        raise ValueError(words.ALL_DONE.format(verb=verb))
    return folder, step


@app.command("list", cls=Command)
def list_(dir: Dir = None) -> int:
    """Show the units and their steps, what is done, and where you are.

    Example:
      minidl learn list
    """
    from minidl.teach.learn import telling
    from minidl.teach.learn.folder import Folder

    say(*telling.course(Folder(dir)))
    return 0


@app.command(cls=Command)
def start(
    name: Name = None,
    notebook: Annotated[bool, typer.Option("--notebook", help="As a notebook, NAME.ipynb.")] = False,
    dir: Dir = None,
) -> int:
    """Write the skeleton of a step into the folder; never over a file.

    Example:
      minidl learn start b1
    """
    from minidl.teach.strings.learn import words

    folder, step = _open(dir, name, "start")
    file = folder.start(step, notebook)
    say(f"{step.number}: {step.title}", words.WRITTEN.format(file=file.name, number=step.number))
    return 0


@app.command(cls=Command)
def check(
    name: Name = None,
    seed: Seed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    dir: Dir = None,
) -> int:
    """Check your file of a step, and name what is wrong. This runs the file: check only code that you trust.

    Fresh random numbers are drawn each time; --seed draws those of an earlier check again. The exit status is 1 if the
    step is not right.

    Example:
      minidl learn check b1
    """
    from minidl.teach.learn import telling

    folder, step = _open(dir, name, "check")
    verdict, printed = folder.check(step, seed)
    if as_json:
        say_json({**verdict.to_dict(), "printed": printed})
    else:
        say(*telling.verdict_of(folder, step, verdict, printed))
    return 0 if verdict.passed else 1


@app.command(cls=Command)
def watch(dir: Dir = None) -> int:
    """Check at every save, and show the one next thing to do. This runs the files of the folder that you save.

    When a step is right, the skeleton of the next is written. Ctrl-C ends.

    Example:
      minidl learn watch
    """
    from minidl.teach.learn.folder import Folder
    from minidl.teach.learn.watching import watched
    from minidl.teach.strings.learn import words

    folder = Folder(dir)
    say(words.WATCHING.format(folder=folder.path.resolve()))
    try:
        for lines in watched(folder):
            say("", *lines)
    except KeyboardInterrupt:
        say("")
    return 0


@app.command(cls=Command)
def hint(
    which: Annotated[
        int | None, typer.Argument(help="1, a question; 2, an idea; 3, the line.", show_default="the next")
    ] = None,
    of: Annotated[str | None, typer.Option(help="The step, if not the one where you are.")] = None,
    dir: Dir = None,
) -> int:
    """Give a hint: a question, an idea, or the line.

    Example:
      minidl learn hint 1
    """
    folder, step = _open(dir, of, "hint --of")
    number, text = folder.hint(step, which)
    say(f"{step.number}, hint {number} of {len(step.hints)}:", f"  {text}")
    return 0


@app.command(cls=Command)
def reset(name: One, dir: Dir = None) -> int:
    """Write the skeleton of a step anew; your file stays beside it under another name.

    Example:
      minidl learn reset b1
    """
    from minidl.teach.strings.learn import words

    folder, step = _open(dir, name, "reset")
    file, kept = folder.reset(step)
    say(words.KEPT.format(file=kept.name), words.WRITTEN.format(file=file.name, number=step.number))
    return 0


@app.command(cls=Command)
def solution(
    name: One,
    give_up: Annotated[bool, typer.Option("--give-up", help="Before the step is right; it is remembered.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Put it in your folder; your file stays beside it.")] = False,
    dir: Dir = None,
) -> int:
    """Show the reference solution of a step that you have done.

    Example:
      minidl learn solution b1 --give-up
    """
    from minidl.teach.strings.learn import words

    folder, step = _open(dir, name, "solution")
    text = folder.solution(step, give_up)
    if not write:
        say(*text.splitlines())
        return 0
    kept = folder.put(step, text)
    say(words.SOLUTION_FILE.format(file=step.file), *([words.KEPT.format(file=kept.name)] if kept else []))
    return 0


@app.command(cls=Command)
def predict(
    target: Annotated[str, typer.Argument(help="A network (vgg16), or FILE.py:NAME.", metavar="MODEL|FILE.py:NAME")],
    size: Annotated[str | None, typer.Option(help="The side of a picture, or one input: 3,32,32.")] = None,
    layers: Annotated[int, typer.Option(min=1, help="How many layers are asked for.")] = 12,
    first: Annotated[int, typer.Option(min=1, help="The first of them.")] = 1,
    cells: Annotated[str | None, typer.Option(help="Some of: output,parameters,MACs,memory,field.")] = None,
    answers: Annotated[Path | None, typer.Option(help="Take the answers from a file, one a line.")] = None,
) -> int:
    """Predict what a network costs, layer by layer, before it is shown; FILE.py is run.

    A wrong answer gets the formula in the numbers of the layer, and the usual slip that leads to just this answer. An
    empty answer shows the cell. The exit status is 1 if not all answers were right.

    For example:

      minidl learn predict lenet5_modern

      minidl learn predict net.py:Net --size 3,32,32
    """
    from minidl.proof.student.network import network
    from minidl.teach.learn import prediction
    from minidl.teach.learn.prediction.quiz import chosen, from_file, head

    wanted, given = chosen(cells), None if answers is None else from_file(answers)
    net, shape = network("learn", target, "--size", size)
    every = prediction.rows(net, shape)
    rows = every[first - 1 : first - 1 + layers]
    say(*head(target, net, shape, len(every), first, len(rows)))

    def ask(prompt: str) -> str | None:
        if given is not None:
            said = next(given, None)
            say(prompt if said is None else f"{prompt}{said}")
            return said
        put(prompt)
        try:
            return input()
        except (EOFError, KeyboardInterrupt):
            say("")
            return None

    score = prediction.ask(rows, ask, say, wanted, first=first)
    say("", str(score))
    return 0 if score.is_all_right else 1


@app.command(cls=Command)
def train(
    epochs: Annotated[int, typer.Option(min=1, help="Times that all training pictures are seen.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and order.")] = 0,
    dir: Dir = None,
) -> int:
    """Train LeNet-5 on the digits with all your functions that pass. This runs the files of the folder.

    What you have not written yet comes from minidl's textbook; the table at the end says which kernels were yours.

    Example:
      minidl learn train
    """
    from minidl.cli._table import show
    from minidl.teach.learn import training
    from minidl.teach.learn.folder import Folder
    from minidl.teach.strings.learn import words

    folder = Folder(dir)
    own = training.own_kernels(folder)
    say(*(words.LEFT_OUT.format(number=number, state=state) for number, state in own.left_out.items()))
    say(words.TRAINING.format(count=len(own.functions), names=", ".join(own.functions)))
    state = training.train(folder, own, say, epochs=epochs, seed=seed)
    say("")
    show(("kernel", "calls", "whose"), training.used(own), numbers=("calls",))
    say("", training.summary(own, state))
    return 0


@app.command(cls=Command)
def report(
    folder: Annotated[Path, typer.Argument(help="A folder that holds one for each student.", metavar="DIR")],
    out: Annotated[Path, typer.Option(help="The table of marks, CSV.")] = Path("marks.csv"),
    html: Annotated[bool, typer.Option("--html", help="Write an overview of the mistakes, too.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="What is drawn, for all.", show_default="of the term")] = None,
    only: Annotated[str | None, typer.Option(help="Some steps: a1,b2, or units: a,b.", show_default="all")] = None,
) -> int:
    """Mark a class: a row a student, a column a step. This runs all students' code, each in a process of its own.

    The processes have limits and little to reach; which protection held is said at the end. What is marked is kept in
    OUT.part until all are: after a stop, the same command goes on.

    Example:
      minidl learn report class/ --out marks.csv --html
    """
    from minidl._names import printable
    from minidl.cli._table import counting
    from minidl.teach.learn.marking import mark_class, selection, term
    from minidl.teach.strings.learn import words

    chosen, seed = selection(only), term() if seed is None else seed
    with counting(words.MARKED) as tell:
        marked = mark_class(folder, out, seed=seed, names=chosen, html=html, tell=tell)
    count = len(marked.students)
    say(words.MARKING.format(students=count, folder=printable(folder), steps=len(chosen), seed=seed))
    say(words.WALLS.format(walls=", ".join(marked.walls) or words.NO_WALLS))
    say(words.WRITTEN_MARKS.format(files=", ".join(printable(file) for file in marked.files)))
    return 0


@app.command(cls=Command)
def new(
    name: Annotated[str, typer.Argument(help="A letter, a number, what it is about: h1_my_step.")],
    dir: Annotated[Path, typer.Option("--dir", help="The folder of your steps.")] = Path("."),
) -> int:
    """Write the file of a new exercise: a small example that works, to be changed. For teachers.

    Example:
      minidl learn new h1_my_step
    """
    from minidl._names import printable
    from minidl.teach.learn.writing import new_step
    from minidl.teach.strings.learn import words

    file = new_step(name, dir)
    say(words.NEW_STEP.format(file=printable(file)))
    say("  " + words.HOW_TO_TRY.format(folder=printable(dir), number=name.partition("_")[0]))
    return 0


@app.command(cls=Command)
def prove(name: One, seeds: Annotated[int, typer.Option(min=1, help="How often, with other numbers.")] = 5) -> int:
    """Try an exercise in every way that it knows: skeleton, solution, and each planted wrong answer. For teachers.

    The exit status is 1 if one of them does not get the verdict that it must.

    Example:
      minidl learn prove c2
    """
    from minidl.teach.learn.steps import get_step
    from minidl.teach.learn.writing import proved
    from minidl.teach.strings.learn import words

    step = get_step(name)
    found = proved(step.name, seeds)
    say(*found or [words.PROVED.format(name=step.name, wrong=len(step.wrong), seeds=seeds)])
    return 1 if found else 0
