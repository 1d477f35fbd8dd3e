"""Whatever goes wrong, the user gets one line on stderr and a status, and never a traceback unless asked for."""

import os
import sys

import pytest

from minidl import cli, data, training, weights
from minidl.cli import _app


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIDL_TRACEBACK", raising=False)


@pytest.fixture
def run(tmp_path):
    """A finished run of one epoch with a few pictures."""
    parts = tuple(part.take(slice(0, 24)) for part in data.open_dataset("digits"))
    return training.train(training.Config(epochs=1), out=tmp_path / "run", parts=parts).run


def fails(capsys, status, *arguments):
    """Run a command that fails, and return its line."""
    assert cli.run(arguments) == status
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("minidl: ")
    return error.removeprefix("minidl: ").rstrip("\n")


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("train --epochs 0", "train: epochs must be an int >= 1; received epochs=0"),
        ("train --batch-size 0", "train: batch_size must be an int >= 1; received batch_size=0"),
        ("train --lr -0.1", "train: lr must be a finite number > 0; received lr=-0.1"),
        ("train --lr nan", "train: lr must be a finite number > 0; received lr=nan"),
        ("train --seed -1", "train: seed must be an int >= 0; received seed=-1"),
        ("train --device tpu", "train: device must be one of 'cpu', 'cuda'; received device='tpu'"),
        ("train lenet5_modem", "get_model: there is no network 'lenet5_modem'; did you mean lenet5_modern"),
        ("train --out .", "train: out must be a new folder, . exists already; nothing was changed; give another name"),
        ("train --resume nix", "run: nix does not exist"),
        ("train --resume .", "run: . is no run folder: it has no last.safetensors"),
        ("eval nix", "run: nix does not exist"),
        ("eval .", "run: . is no run folder: it has no last.safetensors"),
    ],
)
def test_wrong_values(capsys, tmp_path, arguments, line):
    assert fails(capsys, 1, *arguments.split()).startswith(line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("tran", "No such command 'tran'"),
        ("train --epocs 3", "No such option: --epocs"),
        ("train --epochs three", "Invalid value for '--epochs'"),
        ("train lenet5 vgg16", "Got unexpected extra argument"),
        (
            "train --resume x --lr 3",
            "Invalid value: --resume takes all settings from the run; only --epochs, --data, --wor",
        ),
        (
            "train --resume x --out y",
            "Invalid value: --resume takes all settings from the run; only --epochs, --data, --wor",
        ),
        ("eval", "Missing argument 'RUN'"),
    ],
)
def test_command_lines_that_cannot_be_read(capsys, arguments, line):
    error = fails(capsys, 2, *arguments.split())
    assert error.startswith(line)
    verb = "minidl" if arguments == "tran" else f"minidl {arguments.split()[0]}"
    assert error.endswith(f"(see: {verb} --help)")


def test_cuda_that_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    line = fails(capsys, 1, "train", "--device", "cuda")
    assert line.startswith("to: CUDA is not available: CuPy cannot be imported")
    assert line.endswith("pip install 'minidl[cuda]'")


def test_scikit_learn_that_is_missing(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert fails(capsys, 1, "train").endswith("install it with: pip install 'minidl[demo]'")


def test_checkpoints_that_cannot_be_used(capsys, run):
    assert fails(capsys, 1, "eval", "run", "--checkpoint", "first").startswith(
        "run: the checkpoints are 'last' and 'best'"
    )
    whole = run.last.read_bytes()
    run.last.write_bytes(whole[:1000])
    line = r"checkpoint: run/last.safetensors (1,000 bytes) is cut short or no checkpoint"
    assert fails(capsys, 1, "eval", "run").startswith(line)
    assert fails(capsys, 1, "train", "--resume", "run", "--epochs", "2").startswith(line)
    weights.save(run.last, weights.load(run.best), model="lenet5_modern")
    assert "no training; expected a file that `minidl train` wrote" in fails(capsys, 1, "eval", "run")
    run.last.write_bytes(whole.replace(b'\\"model\\": \\"lenet5_modern\\"', b'\\"model\\": \\"lenet5\\"       '))
    assert "run/last.safetensors is damaged: its contents have changed" in fails(capsys, 1, "eval", "run")
    line = fails(capsys, 1, "train", "lenet5", "--weights", "run/best.safetensors")
    assert line.startswith("lenet5: ")
    assert "run/best.safetensors: load_state_dict: the weights do not fit LeNet5" in line
    run.last.write_bytes(whole.replace(b'\\"format\\": 2', b'\\"format\\": 9'))
    assert "has format 9, this minidl reads format 2; update it" in fails(capsys, 1, "eval", "run")
    assert fails(capsys, 1, "train", "--out", "run").endswith("go on with that run: --resume run")


def test_a_folder_that_cannot_be_written(capsys, monkeypatch, tmp_path):
    def forbidden(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "mkdir", forbidden)  # the administrator, who may run this, is never refused for real
    assert fails(capsys, 1, "train", "--out", "mine") == "mine: Permission denied"
    assert fails(capsys, 1, "train") == "runs: Permission denied"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert fails(capsys, 1, "train", "--out", "file/run") in ("file: File exists", "file/run: Not a directory")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_that_is_full(launch, tmp_path):
    """A limit on the size of files makes a write really fail."""
    resource = pytest.importorskip("resource")
    process = launch(
        "train", "--out", "run", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    )
    assert process.communicate()[1] == "minidl: run/last.safetensors: File too large\n"
    assert process.returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error, status, line",
    [
        (OSError(28, "No space left on device", "a/b"), 1, "a/b: No space left on device"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (OSError("strange"), 1, "strange"),
        (MemoryError(), 1, "MemoryError"),
        (RuntimeError("two\nlines"), 1, "two lines"),
        (TypeError("conv2d: no"), 1, "conv2d: no"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_every_error_of_the_library_is_one_line(capsys, monkeypatch, error, status, line):
    def broken(arguments):
        raise error

    monkeypatch.setattr(_app, "_run", broken)
    assert fails(capsys, status, "train") == line


def test_a_mistake_in_the_library_is_not_hidden(monkeypatch):
    def broken(arguments):
        raise KeyError("x")

    monkeypatch.setattr(_app, "_run", broken)
    with pytest.raises(KeyError, match="x"):
        cli.run(["train"])


def test_the_traceback_is_there_for_those_who_ask(monkeypatch):
    monkeypatch.setenv("MINIDL_TRACEBACK", "1")
    with pytest.raises(ValueError, match="epochs must be"):
        cli.run(["train", "--epochs", "0"])
