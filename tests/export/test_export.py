"""`minidl export` and its function, as far as they need no library of ONNX."""

import importlib.util

import numpy as np
import pytest

from minidl import cli, data, export, models, training, weights


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path):
    """A finished run of one epoch with a few pictures."""
    parts = tuple(part.take(slice(0, 24)) for part in data.open_dataset("digits"))
    return training.train(training.Config(epochs=1), out=tmp_path / "run", parts=parts).run


def fails(capsys, status, *arguments):
    assert cli.run(("export", *arguments)) == status
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    return error.removeprefix("minidl: ").rstrip("\n")


def test_the_weights_of_a_run(run, capsys):
    assert cli.run(["export", "run", "--out", "net.safetensors"]) == 0
    assert capsys.readouterr().out == "net.safetensors: lenet5_modern; weights: run/best.safetensors\n"
    best = weights.load(run.best)
    found = weights.load("net.safetensors")
    assert list(found) == [name for name in best if not name.startswith("optim/")]
    assert all(np.array_equal(array, best[name]) for name, array in found.items())
    note = weights.read_metadata("net.safetensors")
    assert (note["model"], note["arguments"]["num_classes"]) == ("lenet5_modern", 10)
    assert models.get_model("lenet5_modern", weights="net.safetensors").load_report.missing == []


def test_another_checkpoint(run, capsys):
    assert cli.run(["export", "run", "--out", "net.safetensors", "--checkpoint", "last"]) == 0
    assert "run/last.safetensors" in capsys.readouterr().out
    assert fails(capsys, 1, "run", "--out", "a.safetensors", "--checkpoint", "first").startswith(
        "run: the checkpoints are 'last' and 'best'"
    )


def test_a_network_by_name(capsys):
    assert cli.run(["export", "lenet5_modern", "--out", "new.safetensors"]) == 0
    assert capsys.readouterr().out.endswith("weights: new, as drawn before the first step\n")
    arrays = {
        f"model.{name}": array for name, array in models.get_model("lenet5_modern", num_classes=3).state_dict().items()
    }
    np.savez("net.npz", **arrays)
    assert cli.run(["export", "lenet5_modern", "--weights", "net.npz", "--out", "net.safetensors"]) == 0
    report = "lenet5_modern: 10 of 10 arrays from net.npz; took 'model.' off the names"
    assert capsys.readouterr().out == f"{report}\nnet.safetensors: lenet5_modern; weights: net.npz\n"
    assert weights.load("net.safetensors")["fc3.weight"].shape == (3, 84)


@pytest.mark.parametrize(
    "arguments, status, line",
    [
        (
            "lenet5_modem --out a.safetensors",
            1,
            "export: there is no run folder and no network 'lenet5_modem'; did you me",
        ),
        (". --out a.safetensors", 1, "run: . is no run folder: it has no last.safetensors"),
        (
            "there.npz --out a.safetensors",
            1,
            "export: there.npz is a file; to export its weights, name their network: MOD",
        ),
        (
            "lenet5_modern --out a.pth",
            1,
            "export: the format must be onnx or safetensors, and out must end in it; receive",
        ),
        ("lenet5_modern --out a --to safetensors", 1, "export: out must end in .safetensors; received out='a'"),
        (
            "lenet5_modern --out a.safetensors --to onnx",
            1,
            "export: the format must be onnx or safetensors, and out must",
        ),
        ("lenet5_modern --out nix/a.safetensors", 1, "nix/a.safetensors: No such file or directory"),
        ("lenet5_modern --out a.safetensors --weights b.pth", 1, "b.pth: No such file or directory"),
        ("lenet5_modern --out a.safetensors --to tflite", 2, "Invalid value for '--to'"),
        ("lenet5_modern --out a.safetensors --size 0", 2, "Invalid value for '--size'"),
        ("lenet5_modern", 2, "Missing option '--out'"),
    ],
)
def test_wrong_values(arguments, status, line, capsys, tmp_path):
    np.savez("there.npz", w=np.ones(1))
    assert fails(capsys, status, *arguments.split()).startswith(line)
    assert [file.name for file in tmp_path.iterdir()] == ["there.npz"]


def test_a_run_has_weights_of_its_own(run, capsys):
    line = fails(capsys, 1, "run", "--weights", "a.npz", "--out", "a.safetensors")
    assert line == "export: a run has weights of its own; received weights='a.npz'"


def test_the_library_that_is_missing(monkeypatch, capsys, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnx" else found(name))
    line = "export: the library that writes ONNX is not installed: pip install 'minidl[onnx]'"
    assert fails(capsys, 1, "lenet5_modern", "--out", "a.onnx") == line
    with pytest.raises(ModuleNotFoundError, match="not installed"):
        export.to_onnx(models.get_model("lenet5_modern"), "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_until_the_end(monkeypatch, tmp_path):
    (tmp_path / "a.safetensors").write_text("mine")
    monkeypatch.setattr("minidl.export._source.models.get_model", lambda name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export.export("lenet5_modern", "a.safetensors")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.safetensors", "mine")]
