"""The commands, typed as a user types them."""

import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys

import pytest

import minidl
from minidl import cli, data, training

DRAWS = True  # the page is looked at

EPOCH_LINE = re.compile(
    r"epoch +(\d+)/(\d+)  train loss \d\.\d{4} accuracy +[\d.]+ %  val loss \d\.\d{4} accuracy +([\d.]+) %"
    r"  lr 0\.02  \d+\.\d s"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """`minidl train --epochs 2 --batch-size 64`, run in this process: (folder, lines)."""
    folder, text = tmp_path_factory.mktemp("trained"), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(text):
        assert cli.run(["train", "--epochs", "2", "--batch-size", "64"]) == 0
    # Where kernels have not been compiled yet, one line more says so.
    return folder, [line for line in text.getvalue().splitlines() if not line.startswith("compiling ")]


def test_training_prints_plain_lines(trained):
    folder, lines = trained
    assert lines[0] == "minidl train: setting up"
    pictures = "10 classes, 1,438 pictures to learn from, 359 to validate with"
    assert lines[1] == f"lenet5_modern, 61,706 parameters, on digits: {pictures}"
    rows = [line.split() for line in lines[2:5]]
    assert rows == [["setting", "value", "default"], ["epochs", "2", "16"], ["batch_size", "64", "16"]]
    assert lines[5] == "all other settings have their defaults (--verbose shows them)"
    run = os.path.join("runs", "lenet5_modern-digits-1")
    assert lines[6] == f"run folder {run}"
    epochs = [EPOCH_LINE.fullmatch(line) for line in lines[7:9]]
    assert [match.group(1, 2) for match in epochs] == [("1", "2"), ("2", "2")]
    assert lines[9] == "drawing the report …"
    assert lines[10].startswith(f"accuracy in validation {epochs[-1].group(3)} % after epoch 2 (best: ")
    assert lines[11] == f"look again: minidl eval {run}"
    named = lines[12].removeprefix(f"{run}: ").split(" ")
    there = {name for name in os.listdir(folder / run) if not name.startswith(".")}
    assert (len(lines), sorted(named)) == (13, sorted(there))
    assert {"last.safetensors", "report.html", "confusion.png", "mistakes.png"} <= there


def test_verbose_shows_all_settings_as_they_may_follow_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: None)
    command = ["train", "--epochs", "1", "--batch-size", "256", "--verbose", "--out", str(tmp_path / "run")]
    assert cli.run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    titles = next(number for number, line in enumerate(lines) if line.startswith("setting"))
    end = next(number for number, line in enumerate(lines) if line.startswith("run folder"))
    found = dict(line.split(None, 1) for line in lines[titles + 1 : end])
    config = training.load_checkpoint(tmp_path / "run" / "last.safetensors").config.to_dict()
    assert list(found) == list(config)
    for name, text in found.items():
        value = re.split(r" {2,}", text)[0]
        assert training.parse_setting(f"{name}={value}")[1] == config[name], name


def test_options_reach_the_training(trained):
    settings = json.loads((trained[0] / "runs" / "lenet5_modern-digits-1" / "config.json").read_text())
    assert (settings["epochs"], settings["batch_size"], settings["lr"]) == (2, 64, training.Config.lr)


@pytest.mark.parametrize("which", ["last", "best"])
def test_eval_repeats_the_accuracy_exactly(trained, capsys, which):
    run = trained[0] / "runs" / "lenet5_modern-digits-1"
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    row = rows[-1] if which == "last" else max(rows, key=lambda row: float(row["val_top1"]))
    assert cli.run(["eval", str(run), "--json", "--checkpoint", which]) == 0
    found = json.loads(capsys.readouterr().out)
    score = training.evaluate_run(run, checkpoint=which)[0]
    assert {name: found.pop(name) for name in ("per_class", "top5")} == {
        "per_class": {str(digit): pytest.approx(score.per_class[digit]) for digit in range(10)},
        "top5": float(row["val_top5"]),
    }
    assert found == {
        "n": 359,
        "correct": round(359 * float(row["val_top1"])),
        "loss": float(row["val_loss"]),
        "top1": float(row["val_top1"]),
        "checkpoint": str(run / f"{which}.safetensors"),
        "epoch": int(row["epoch"]),
        "step": 0,
        "notes": [],
        "left_out": [],
    }
    assert cli.run(["eval", str(run), "--checkpoint", which]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{run / which}.safetensors: lenet5_modern after epoch {row['epoch']}, on digits"
    assert lines[1].startswith(f"accuracy {100 * found['top1']:.2f} % ({found['correct']} of 359), among the first")
    assert [line.split()[0] for line in lines[2:]] == ["class", *(str(digit) for digit in range(10))]


def test_resuming_a_finished_run_says_so(trained, capsys):
    run = str(trained[0] / "runs" / "lenet5_modern-digits-1")
    assert cli.run(["train", "--resume", run]) == 0
    done, more, left = capsys.readouterr().out.splitlines()[-3:]
    assert left.startswith(f"{run}: last.safetensors best.safetensors ")
    assert re.fullmatch(r"all 2 epochs are done \(accuracy .* %\); go further:", done)
    assert more == f"minidl train --resume {run} --epochs 4"


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_ends_with_the_same_bits(trained, launch, tmp_path):
    """A real process, a real signal, in the second epoch."""
    arguments = ("train", "--epochs", "2", "--batch-size", "64", "--out", "my run")
    # a shell that starts jobs in the background lets them ignore Ctrl-C, and the children inherit it
    process = launch(*arguments, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("epoch 1/2"):
            process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert process.stderr.read() == ""
    stopped = re.fullmatch(r"stopped in epoch 2 after step (\d+); go on from there:\n", lines[-3])
    assert lines[-2] == "minidl train --resume 'my run'\n"
    assert lines[-1] == "my run: last.safetensors best.safetensors history.csv config.json pictures.json\n"
    state = training.load_checkpoint(tmp_path / "my run" / "last.safetensors")
    assert (state.epoch, state.step) == (1, int(stopped.group(1)))
    process = launch("train", "--resume", "my run")
    out, error = process.communicate()
    assert (process.returncode, error) == (0, "")
    assert "accuracy in validation" in out
    straight = trained[0] / "runs" / "lenet5_modern-digits-1"
    for name in sorted(set(os.listdir(straight)) - {"history.csv", "report.html"}):  # which hold the seconds
        assert (tmp_path / "my run" / name).read_bytes() == (straight / name).read_bytes(), name


def test_ctrl_c_before_the_training_is_one_line(monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "open_dataset", interrupted)
    assert cli.run(["train"]) == 130


def test_nan_is_one_line_and_status_1(launch, tmp_path):
    process = launch("train", "--lr", "1e30", "--epochs", "1", "--batch-size", "256")
    error = process.communicate()[1]
    assert process.returncode == 1
    assert re.fullmatch(
        r"minidl: train: in epoch 1, step \d, the loss is nan: .*the first output that is not finite comes from \w+ "
        r"\(\w+\); try a smaller learning rate \(lr=1e\+30 now\); the last good checkpoint is runs/.*last\.s.*\n",
        error,
    )
    assert cli.run(["eval", str(tmp_path / "runs" / "lenet5_modern-digits-1")]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_bar(launch, environment):
    import pty

    master, slave = pty.openpty()
    environment |= {"TERM": "xterm-256color", "COLUMNS": "120"}
    process = launch("train", "--epochs", "1", "--batch-size", "64", stdout=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # Linux reports the end of a terminal so
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert (process.wait(), process.stderr.read()) == (0, "")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "━" in text
    seen = r"epoch 1/1 .* \d+/23 loss \d\.\d{4} accuracy [\d.]+ % [\d,]+ pictures/s 0:0\d left"
    assert re.search(seen, text)
    assert EPOCH_LINE.search(text)
    assert "accuracy in validation" in text


def test_a_reader_that_leaves_ends_the_run_quietly(launch):
    process = launch("train", "--epochs", "1", "--batch-size", "256")
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 141)


def test_the_path_of_the_main_command_is_light(tmp_path, environment):
    """No Numba, no scikit-learn, no SciPy; matplotlib only when the curves are drawn."""
    program = """
import sys
from minidl import cli
HEAVY = {"numba", "sklearn", "scipy", "cupy", "torch"}
def check(*_):
    assert not {"matplotlib", "PIL"} & set(sys.modules)
import minidl.cli._progress as progress
show = progress.Lines.show
ending = ("accuracy in", "runs/", "look again")  # by then the report has been drawn
progress.Lines.show = lambda self, line: (line.startswith(ending) or check(), show(self, line))
assert cli.run(["train", "--epochs", "1"]) == 0
assert "matplotlib" in sys.modules
print(sorted(HEAVY & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_is_plain_and_shows_the_defaults(capsys):
    assert cli.run(["--help"]) == 0
    assert re.search(r"train +Train a network", capsys.readouterr().out)
    assert cli.run(["train", "--help"]) == 0
    text = capsys.readouterr().out
    for name in ("MODEL", "epochs", "batch_size", "lr", "seed", "device"):
        words = " ".join(text.replace("batch-size", "batch_size").split())
        assert re.search(rf"{name} <\w+> [^[]*\[default: \({getattr(training.Config, name.lower())}\)\]", words), name
    assert "--set <NAME=VALUE>" in words or "--set NAME=VALUE" in words
    assert "minidl train --resume" in text
    assert cli.run(["eval", "-h"]) == 0
    assert "--json" in capsys.readouterr().out


def test_help_needs_no_heavy_library(environment, tmp_path):
    program = "import sys; from minidl import cli; cli.run(['--help']); print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"minidl.training", "minidl.models"}
    assert not loaded & {"matplotlib", "numba", "scipy", "sklearn", "safetensors", "PIL", "cupy", "threadpoolctl"}


def test_no_argument_is_a_question_for_help(capsys):
    assert cli.run([]) == 0
    assert capsys.readouterr().out.startswith("Usage: minidl")


def test_version(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"minidl {minidl.__version__}\n"


def test_the_door_of_the_installed_command(monkeypatch, capsys):
    from minidl.__main__ import main

    monkeypatch.setattr(sys, "argv", ["minidl", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("minidl ")


@pytest.mark.parametrize("command", ["train", "eval", "predict"])
def test_help_shows_an_example_on_a_line_of_its_own(command, capsys):
    assert cli.run([command, "--help"]) == 0
    assert re.search(rf"For example:\n\n +minidl {command}", capsys.readouterr().out)
