"""Every command against every kind of terminal and stream: no traceback, no number cut, no work lost.

A pseudo-terminal has a width; a screen that shows a line in two rows has cut it, so no line may be wider. Every number
that a pipe gets must be there whole. Commands run in children that are forked from one process which has loaded
everything, because to start Python takes longer than most commands: what a child had to load, it loads for the next.
"""

import contextlib
import functools
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import minidl
from minidl import cli, models, weights
from minidl._text import fitted, wide
from minidl.cli import _app
from minidl.cli._out import READER_GONE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals and fork")
ROOT = Path(minidl.__file__).parents[1]

# A row for each command that the application has: what is typed, and whether its numbers are the same every time.
COMMANDS = {
    "train": (["train", "lenet5_modern", "--epochs", "1", "--batch-size", "256"], False),
    "eval": (["eval", "kept/run"], True),
    "report": (["report", "kept/run"], True),
    "predict": (["predict", "고양이.png", "--weights", "cifar.safetensors"], True),
    "generate": (["generate", "--help"], True),
    "export": (["export", "kept/run", "--out", "net.safetensors"], True),
    "models": (["models", "--family", "VGG"], True),
    "summary": (["summary", "lenet5_modern"], True),
    "compare": (["compare", "lenet5", "lenet5_modern"], True),
    "gradcheck": (["gradcheck", "conv2d"], False),
    "warmup": (["warmup", "--help"], True),
    "doctor": (["doctor"], False),
    "data info": (["data", "info", "pets"], True),
    "data convert": (["data", "convert", "--help"], True),
    "explore": (["explore", "--help"], True),
    "check": (["check", "VGG-16 has 138M weights", "AlexNet의 파라미터는 6천만 개"], True),
    **{
        f"rcnn {stage}": (["rcnn", stage, "--help"], True)
        for stage in ("propose", "features", "finetune", "svm", "boxes", "eval", "predict", "train")
    },
    "learn list": (["learn", "list"], True),
    "learn start": (["learn", "start", "--help"], True),
    "learn check": (["learn", "check", "--help"], True),
    "learn predict": (["learn", "predict", "--help"], True),
    "learn watch": (["learn", "watch", "--help"], True),
    "learn hint": (["learn", "hint", "--help"], True),
    "learn reset": (["learn", "reset", "--help"], True),
    "learn solution": (["learn", "solution", "--help"], True),
    "learn report": (["learn", "report", "--help"], True),
    "learn new": (["learn", "new", "--help"], True),
    "learn prove": (["learn", "prove", "--help"], True),
    "learn train": (["learn", "train", "--help"], True),
}
MORE = {
    "export to ONNX": (["export", "kept/run", "--out", "net.onnx"], True),  # without onnx it says what is missing
    "models NAME": (["models", "vgg16"], True),
    "data": (["data"], True),
    "nothing": ([], True),
    "an unknown step": (["learn", "check", "im2cool"], True),
    "a mistake": (["train", "--epochs", "0"], True),
    "a run that is not there": (["eval", "kept/lenet5_modern-digits-1234567"], True),
    "version": (["--version"], True),
}
WIDTHS = (40, 80, 200)

# kind of stream -> the environment, and what stands for the standard output and error: a terminal, a pipe ...
PLACES = {
    "terminal": ({"TERM": "xterm-256color"}, "terminal"),
    "without colour": ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "terminal"),
    "dumb": ({"TERM": "dumb"}, "terminal"),
    "of Windows": ({"TERM": "xterm", "PYTHONIOENCODING": "cp1252"}, "terminal"),
    "ascii": ({"TERM": "xterm", "LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, "terminal"),
    "read-only home": ({"TERM": "xterm", "HOME": "/proc/nowhere", "MPLCONFIGDIR": "/proc/nowhere"}, "terminal"),
}

# Reads lines of JSON: arguments, environment, width, and what the streams are; runs the command in a child.
NURSERY = r"""
import contextlib, fcntl, importlib, io, json, os, pty, struct, sys, termios
import matplotlib.backends.backend_agg, matplotlib.backends.backend_svg, matplotlib.figure, mpl_toolkits.mplot3d
import rich.progress, rich.table, safetensors.numpy
import minidl.export, minidl.kernels.cpu, minidl.predict, minidl.proof.runner, minidl.training.run_folder.report
from minidl import cli

with contextlib.suppress(ModuleNotFoundError):
    import onnx

def streams(kind, width):
    if kind == "closed":
        for number in (1, 2):
            os.close(number)
        sys.stdout = sys.stderr = None
        return
    if kind == "output":
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if kind == "full":
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, 1)
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), encoding=encoding, write_through=True)
    sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), encoding=encoding, errors="backslashreplace")

def learn(names):
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)

cli._app._command()
loaded = {*sys.modules}
for line in sys.stdin:
    arguments, environment, width, kind = json.loads(line)
    near, far = os.pipe()
    ear, mouth = os.pipe()
    if kind == "terminal":
        os.close(near), os.close(far)
        near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    if kind == "gone":
        os.close(near)
    child = os.fork()
    if child == 0:
        status = 99
        try:
            os.environ.update(environment)
            for number in (1, 2):
                os.dup2(far, number)
            sys.__stdout__ = None
            streams(kind, width)
            sys.__stdout__ = sys.stdout
            status = cli.run(arguments)
        except BaseException:
            import traceback
            with open("traceback", "w") as file:
                traceback.print_exc(file=file)
        finally:
            os.write(mouth, " ".join(name for name in sys.modules if name not in loaded).encode())
            os._exit(status)
    os.close(far)
    shown = b""
    if kind != "gone":
        while True:
            try:
                piece = os.read(near, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.close(near)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(mouth)
    learn(os.read(ear, 1 << 20).decode().split())
    os.close(ear)
    loaded |= {*sys.modules}
    print(json.dumps([status, shown.decode("utf-8", "replace")]), flush=True)
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a run, a data set, a network and a picture; and a function that runs a command there."""
    folder, rng = tmp_path_factory.mktemp("streams"), np.random.default_rng(0)
    with contextlib.chdir(folder), open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        for part, n in (("train", 4), ("val", 2)):
            for name in ("고양이", "a dog with a name of some length"):
                (folder / "pets" / part / name).mkdir(parents=True)
                for i in range(n):
                    pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / "pets" / part / name / f"{i}.png")
        assert cli.run(["train", "lenet5_modern", "--data", "pets", "--epochs", "1", "--out", "kept/run"]) == 0
        net = models.get_model("resnet20_cifar", num_classes=3)
        weights.save("cifar.safetensors", net.state_dict(), model="resnet20_cifar")
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save("고양이.png")
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", "MPLBACKEND": "agg"}
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
    )

    def start(arguments, environment=(), width=80, kind="pipe"):
        print(json.dumps([arguments, dict(environment), width, kind]), file=nursery.stdin, flush=True)
        status, shown = json.loads(nursery.stdout.readline())
        trouble = folder / "traceback"
        assert not trouble.exists(), trouble.read_text()
        assert "Traceback" not in shown, shown
        return status, shown

    start.folder = folder
    yield start
    nursery.kill()
    nursery.communicate()


@pytest.fixture(scope="module")
def piped(world):
    """A function that tells what a command writes into a pipe: (status, text); `left` are the files it has written."""

    def files():
        return {path: path.stat().st_mtime_ns for path in world.folder.rglob("*") if path.is_file()}

    @functools.cache
    def run(name):
        before = files()
        result = world((COMMANDS | MORE)[name][0])
        run.left[name] = {path.name for path, time in files().items() if before.get(path) != time}
        return result

    run.left = {}
    return run


def registered(app, front=""):
    """The names of all commands of an application."""
    for command in app.registered_commands:
        yield front + (command.name or command.callback.__name__)
    for group in app.registered_groups:
        yield from registered(group.typer_instance, f"{group.name} ")


def test_every_command_has_a_row():
    assert isinstance(_app.app, typer.Typer)
    assert set(registered(_app.app)) == set(COMMANDS)


@pytest.mark.parametrize("name", [*COMMANDS, *MORE])
def test_the_last_line_names_all_that_a_command_leaves(piped, name):
    last = piped(name)[1].splitlines()[-1]
    left = {file for file in piped.left[name] if not file.startswith(".")}
    assert left <= set(re.split(r"[\s:/]+", last)), last
    assert bool(left) == (name in ("train", "report", "export")) or name == "export to ONNX", left


def lines_of(shown):
    """The lines that a terminal has shown, without colours; a bar that is drawn again and again is many lines."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07", "", shown)
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain)]


def numbers_in(text):
    """All numbers, as they are written; in 3x32x32, as ASCII spells it, are three."""
    return re.findall(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\d])", re.sub(r"(?<=\d)x(?=\d)", "×", text))


def check(world, piped, name, width, place):
    arguments, same = (COMMANDS | MORE)[name]
    environment, kind = PLACES[place]
    status, shown = world(arguments, environment, width, kind)
    expected, text = piped(name)
    assert status == expected, shown
    lines = lines_of(shown)
    for line in lines:
        assert wide(line) <= width, (wide(line), line)
    found = numbers_in("\n".join(lines))
    if same:
        wanted = numbers_in(text)
        for number in set(wanted):
            assert found.count(number) >= wanted.count(number), (number, shown)
    elif name == "train":
        assert [n for n in numbers_in(text) if n in ("61,706", "1,438", "359")][:3] == ["61,706", "1,438", "359"]
        assert {"61,706", "1,438", "359"} <= set(found)


# Each command meets the terminal in one width and two other places in the other widths (one, if it is slow); the mark
# `slow` has all of them.
NAMES = [*COMMANDS, *MORE]
SLOW = ("train", "report")
HELP = [name for name, (arguments, _) in COMMANDS.items() if "--help" in arguments]  # below, in all widths
OTHERS = [place for place in PLACES if place != "terminal"]
PAIRS = [(name, WIDTHS[i % 3], "terminal") for i, name in enumerate(NAMES)]
PAIRS += [
    (name, WIDTHS[(i + j) % 3], OTHERS[(2 * i + j) % 5])
    for i, name in enumerate(NAMES)
    if name not in HELP
    for j in ((1,) if name in SLOW else (1, 2))
]
ALL = [
    pytest.param(*row, marks=() if row in PAIRS else pytest.mark.slow)
    for row in itertools.product(NAMES, WIDTHS, PLACES)
    if row in PAIRS or row[0] not in HELP
]


@pytest.mark.parametrize(("name", "width", "place"), ALL)
def test_every_command_in_every_terminal(world, piped, name, width, place):
    check(world, piped, name, width, place)


@pytest.mark.parametrize("name", [*COMMANDS, "nothing"])
def test_every_help_fits(world, name):
    arguments = [*(name.split() if name != "nothing" else []), "--help"]
    status, text = world(arguments)
    assert status == 0
    for width in WIDTHS:
        status, shown = world(arguments, {"TERM": "xterm"}, width, "terminal")
        assert status == 0
        for line in lines_of(shown):
            assert wide(line) <= width, line
        assert set(numbers_in(text)) <= set(numbers_in(shown))


@pytest.mark.parametrize("name", NAMES)
def test_closed_streams_end_nothing(world, piped, name):
    status, shown = world((COMMANDS | MORE)[name][0], kind="closed")
    assert (status, shown) == (piped(name)[0], "")


@pytest.mark.parametrize("name", [*COMMANDS, "models NAME"])
def test_a_reader_that_has_gone_ends_it_quietly(world, name):
    status, _ = world(COMMANDS.get(name, MORE.get(name))[0], kind="gone")
    assert status == READER_GONE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_an_output_that_is_full_is_an_error_but_ends_no_training(world):
    status, shown = world(["models"], kind="full")
    assert (status, shown) == (1, "minidl: standard output: No space left on device\n")
    status, shown = world(["train", "--epochs", "1", "--batch-size", "256", "--out", "full"], kind="full")
    assert status == 0
    assert shown == "minidl: standard output: No space left on device; the training goes on without a word\n"
    assert world(["eval", "full"])[0] == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("name", ["predict", "data info", "models NAME"])
def test_json_is_json_in_every_encoding(world, name, encoding):
    arguments = (COMMANDS | MORE)[name][0]
    status, shown = world([*arguments, "--json"], {"PYTHONIOENCODING": encoding}, kind="output")
    assert status == 0
    found = json.loads(shown)
    if name == "predict":
        assert found[0]["file"] == "고양이.png"


@pytest.mark.parametrize("room", [20, 21, 33, 40, 79])
def test_lines_are_broken_at_blanks_and_seams_and_nothing_is_lost(room):
    line = "    settings  mean=[0.485,0.456,0.406] runs/resnet18-pets-1/last.safetensors 138,357,544 1e-05 고양이 " * 3
    pieces = list(fitted(line, room))
    assert all(wide(piece) <= room for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(line.split())
    assert [n for piece in pieces for n in numbers_in(piece)].count("138,357,544") == 3
    assert sum("1e-05" in piece for piece in pieces) == 3
