"""Whatever a file system can call a thing can be trained on, shown and reported."""

import csv
import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from minidl import cli, training, viz
from minidl._html import Html
from minidl._names import printable
from minidl.training.run_folder.folder import folder_name
from tests.training import tiny

DRAWS = True  # the page is looked at

AWKWARD = {
    "a formula": "$x_1$ and $y",
    "half a formula": "5$",
    "a broken formula": r"$\frac{1$",
    "a command": r"\alpha{}_^%#~&",
    "two lines": "chat\nnoir\r\t",
    "control characters": "bell\a\x1b[31m\x7f\x85",
    "Korean": "고양이",
    "Korean, decomposed": "\u1100\u1169\u110b\u1163\u11bc",
    "right to left": "\u0642\u0637\u0629 \u05d7\u05ea\u05d5\u05dc",
    "turned round": "gpj.\u202eexe",
    "of another encoding": os.fsdecode("고양이".encode("cp949")),
    "HTML": "<script>alert('1')</script>&amp;\"".replace("/", ""),
    "JSON": '{"a": [null]}',
    "markup of a terminal": "[bold red]cat[",
    "format": "{0} {name} %s %(x)s",
    "emoji": "👩\u200d👧🐱",
    "not assigned": "\U0010ffff\ue000\ufffe",
    "an option": "--help",
    "blanks": "a   b",
    "very long": "long " * 40,
    "very long in Korean": "고" * 80,
}
NAMES = pytest.mark.parametrize("name", AWKWARD.values(), ids=list(AWKWARD))
posix = pytest.mark.skipif(sys.platform != "linux", reason="other systems forbid some of these names")


class Words(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.words, self.tags = "", []
        self.feed(text)

    def handle_data(self, data):
        self.words += data

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    tiny.register(monkeypatch.setitem)


def write_data(folder, classes, n=3):
    """Two pictures or more for each class, called like the class."""
    rng = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            file = os.fsencode(folder / name) + b"/" + os.fsencode(name)[:200] + f"{i}.png".encode()
            with open(file, "wb") as target:
                Image.fromarray(pixels).save(target, "PNG")
    return folder


def run(capsys, *arguments, status=0):
    """Run a command, and return its lines, all of which a terminal can show."""
    assert cli.run(arguments) == status
    shown = capsys.readouterr()
    assert shown.err == ""
    for line in shown.out.splitlines():
        assert line == printable(line)
        line.encode()
    return shown.out


@pytest.mark.slow
@posix
def test_every_command_with_classes_and_files_of_all_names(capsys, tmp_path):
    names = [name for kind, name in AWKWARD.items() if kind != "Korean, decomposed"]  # which is the same name
    write_data(tmp_path / "all", names)
    options = ("--data", "all", "--epochs", "1", "--set", "picture_size=8", "--set", "val_share=0.34")
    run(capsys, "train", "tiny", *options, "--out", "run")
    state = training.load_checkpoint("run/last.safetensors")
    assert set(state.classes) == set(names)
    shown = run(capsys, "eval", "run")
    for name in names:
        assert printable(name).split("  ")[0].strip() in shown
    found = json.loads(run(capsys, "eval", "run", "--json"))
    assert len(found["per_class"]) == len(names)
    run(capsys, "data", "info", "all")
    assert len(json.loads(run(capsys, "data", "info", "all", "--json"))["classes"]) == len(names)
    page, left = run(capsys, "report", "run").splitlines()[-2:]
    assert (page, left.split()[:3]) == ("run/report.html", ["run:", "report.html", "confusion.png"])
    page = Words((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    for name in names:
        shown = str(Html.of(name))
        assert Words(shown).words in page.words, name


@pytest.mark.slow
@posix
def test_every_command_with_a_folder_of_an_awkward_name(capsys, tmp_path):
    name = r"$x_1$ \frac{ 고<b>" + "\n\x1b[31m%s{0}&" + AWKWARD["of another encoding"] + "$"
    write_data(tmp_path / name, ["cat", "dog"])
    options = ("--epochs", "1", "--set", "picture_size=8", "--set", "val_share=0.34")
    run(capsys, "train", "tiny", "--data", name, *options)
    (folder,) = (tmp_path / "runs").iterdir()
    assert printable(folder.name) == folder.name
    shown = run(capsys, "eval", str(folder))
    assert printable(name) in shown
    assert json.loads(run(capsys, "eval", str(folder), "--json"))["n"] == 2
    run(capsys, "report", str(folder))
    assert printable(name) in Words((folder / "report.html").read_text(encoding="utf-8")).words
    run(capsys, "data", "info", name)
    json.loads(run(capsys, "data", "info", name, "--json"))
    run(capsys, "train", "tiny", "--config", str(folder / "config.json"), "--out", name + "-run")
    assert json.loads((folder / "config.json").read_text())["data"] == str(tmp_path / name)
    run(capsys, "eval", name + "-run")


@posix
@NAMES
def test_a_run_folder_can_be_made_for_every_data_set(name, tmp_path):
    made = folder_name("efficientnet_lite0", name)
    (tmp_path / made).mkdir()
    assert printable(made) == made
    assert len(made.encode()) < 200
    assert not set(made) & set('/\\$:"<>|?*\n')


@NAMES
@pytest.mark.parametrize("kind", ["svg", pytest.param("png", marks=pytest.mark.slow)])
def test_every_title_and_name_can_be_drawn(name, kind, tmp_path, rng):
    row = {"epoch": 1, "train_loss": 2.0, "val_loss": 1.0, "train_top1": 0.3, "val_top1": 0.6, "lr": 0.1}
    viz.draw_curves(tmp_path / f"curves.{kind}", [row], title=f"tiny on {name}", panels=["lr"])
    maps = {name: rng.standard_normal((2, 4, 4))}
    viz.draw_feature_maps(tmp_path / f"maps.{kind}", maps, title=f"{name}\n{name}")
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    pictures = np.zeros((2, 3, 8, 8), dtype="uint8")
    labels = np.array([1, 1])
    viz.draw_mistakes(tmp_path / f"m.{kind}", pictures.__getitem__, p, labels, (name, "b"), title=name)
    viz.draw_confusion(tmp_path / f"confusion.{kind}", np.eye(2, dtype=int), (name, "b"), title=name)
    for path in tmp_path.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        ElementTree.fromstring(text)  # whatever is in it, it is XML
        assert "tiny on" in text or path.name != "curves.svg"


@NAMES
def test_every_name_survives_config_and_history(name, tmp_path, monkeypatch):
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: None)
    pictures, val = tiny.parts()
    classes = (name, "b", "c")
    parts = tuple(type(part)(part.x, part.labels, classes) for part in (pictures, val))
    config = training.Config(**tiny.SETTINGS, epochs=1, data=f"/{name}", workers=0)
    outcome = training.train(config, parts=parts)
    assert training.load_checkpoint(outcome.run.last).classes == list(classes)
    assert training.make_config(config=outcome.run.config).data == os.path.abspath(f"/{name}")
    with open(outcome.run.history, newline="") as file:
        assert len(list(csv.DictReader(file))) == 1
