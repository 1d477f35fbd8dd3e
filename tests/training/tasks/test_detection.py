"""Trainings of networks that find things: resumed to the bit, evaluated, asked, and what they refuse."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import cli, training
from minidl.training import make_config
from minidl.training.tasks.detection import DetectionTask
from tests.data_sets.boxes.makers import BOXES, annotation, thing, voc
from tests.data_sets.makers import class_folders
from tests.training.test_runs import Pressing, contents

SMALL = {"options.cells": 2, "options.image_size": 8, "options.width": 1, "epochs": 2, "batch_size": 2, "threads": 1}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, usual_signals):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four pictures to learn from, one to validate with and one to test with."""
    boxes = {**BOXES, "c": [(3, 3, 50, 50, "cat")], "d": [(0, 0, 20, 30, "dog")], "e": BOXES["a"], "f": BOXES["a"]}
    made = voc(tmp_path_factory.mktemp("boxes") / "set", boxes)
    for part, names in (("train", "abcd"), ("val", "e"), ("test", "f")):
        (made / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names))
    return made


def config_of(folder, **settings):
    return make_config("yolo_tiny", data=str(folder), **SMALL | settings)


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(DetectionTask, "draw", lambda self, run, state, val: run.report.touch())


@pytest.mark.usefixtures("undrawn")
def test_ctrl_c_in_the_middle_of_epochs_changes_nothing(folder):
    """Two epochs of two steps, in one go and stopped after the first and the third: equal bytes in every file."""
    straight = training.train(config_of(folder))
    pressing = Pressing(1, 3)
    outcome = training.train(config_of(folder), callbacks=[pressing])
    for _ in range(2):
        assert not outcome.finished
        outcome = training.resume(outcome.run.path, callbacks=[pressing])
    assert outcome.finished
    assert contents(straight.run) == contents(outcome.run)
    assert set(outcome.state.history[0]) == {*outcome.state.columns}
    assert json.loads(outcome.run.pictures.read_text()) == {"classes": ["cat", "dog"], "train": [*"abcd"], "val": ["e"]}


def test_the_commands(folder, capsys):
    settings = [f"--set={name}={value}" for name, value in SMALL.items() if name not in ("epochs", "batch_size")]
    assert cli.run(["train", "yolo_tiny", "--data", str(folder), "--epochs", "1", "--batch-size", "2", *settings]) == 0
    shown = capsys.readouterr().out
    assert "2 classes of things, 4 pictures to learn from, 1 to validate with" in shown
    (run,) = Path("runs").iterdir()
    page = (run / "report.html").read_text()
    for words in ("Average precision", "right class, badly placed", "worst", "2×2, 2 boxes each"):
        assert words in page
    assert {"curves.png", "precision.png", "worst.png"} <= {file.name for file in run.iterdir()}
    assert cli.run(["eval", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"map_voc2007", "map_voc2010", "map_coco", "loss"} <= found.keys()
    assert [one["n"] for one in found["classes"]] == [1, 1]
    assert cli.run(["eval", str(run), "--data", str(folder)]) == 0
    assert "evaluated with its part test: 1 pictures" in capsys.readouterr().out
    picture = folder / "JPEGImages" / "a.jpg"
    assert cli.run(["predict", str(run), str(picture), "gone.jpg", "--score", "0", "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert first["boxes"]
    assert {box["class"] for box in first["boxes"]} <= {"cat", "dog"}
    assert all(0 <= side <= 80 for box in first["boxes"] for side in box["box"])
    assert second["boxes"] == []
    assert "gone.jpg" in second["error"]
    assert cli.run(["predict", str(run), str(picture), "--score", "0.0", "--out", "drawn"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "drawn: drawn: 1 pictures"
    assert Path("drawn/a.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixup": 0.2}, "train: yolo_tiny finds things, for which there is no mixup; received mixup=0.2"),
        ({"classes": 2}, "train: yolo_tiny finds things, for which there is no classes; received classes=2"),
        (
            {"test_transforms": [{"name": "letterbox", "size": 9}]},
            "train: test_transforms must end in a resize or letterbo",
        ),
        (
            {"transforms": [{"name": "jiter"}]},
            "transforms: pictures with boxes have no step 'jiter'; did you mean jitter",
        ),
        ({"options.image_size": 9}, "yolo_tiny: image_size must be cells"),
        ({"model": "yolo_v1", "options.image_size": 64}, "train: yolo_v1 has no width; leave options.width out"),
    ],
)
def test_what_is_refused(settings, message, folder):
    with pytest.raises(ValueError, match=f"^{message}"):
        training.train(make_config(**{"model": "yolo_tiny", "data": str(folder)} | SMALL | settings))


def test_data_of_another_kind(folder, tmp_path, capsys):
    with pytest.raises(
        ValueError, match=r"^train: yolo_tiny learns from a folder of pictures with boxes: --data DIR; rec"
    ):
        training.train(config_of("digits"))
    assert cli.run(["predict", "a.jpg", "--out", "drawn"]) == 1
    assert "predict: --out draws boxes, and this network finds none; leave it out" in capsys.readouterr().err
    with pytest.raises(ValueError, match="there are no boxes; expected Annotations"):
        training.train(config_of(class_folders(tmp_path / "pets")))
    with pytest.raises(
        ValueError, match="these are pictures with boxes .voc., and a network for classes wants one class"
    ):
        training.train(make_config("lenet5", data=str(folder)))


@pytest.mark.usefixtures("undrawn")
def test_a_run_whose_pictures_have_changed(folder, tmp_path):
    outcome = training.train(config_of(folder, epochs=1))
    other = voc(tmp_path / "other", {**BOXES, "c": [(3, 3, 50, 50, "cat")]})
    with pytest.raises(
        ValueError, match="2 pictures of its train part are not in|1 pictures of its train part are not in"
    ):
        training.resume(outcome.run.path, epochs=2, data=str(other))
    (other / "Annotations" / "a.xml").write_text(annotation([thing((0, 0, 9, 9, "emu")), thing((0, 0, 9, 9, "dog"))]))
    (other / "Annotations" / "c.xml").write_text(annotation([]))
    with pytest.raises(ValueError, match="eval: the network knows the classes cat, dog, .* has dog, emu"):
        training.evaluate_run(outcome.run.path, data=str(other))


@pytest.mark.usefixtures("undrawn")
def test_nan_is_traced(folder):
    """To the layer, with the last good checkpoint kept."""

    class Spoil(training.Callback):
        def on_step(self, state, loss):
            state.net.head.weight.data = np.full_like(state.net.head.weight.data, np.nan)

    with pytest.raises(
        training.NonFiniteError, match="in epoch 1, step 2, the loss is nan: parameter head.weight is not"
    ):
        training.train(config_of(folder), callbacks=[Spoil()])


# Imports once, and then, for each line it reads, forks a child that trains, and kills it after so many steps of its own
# and a moment more.
NURSERY = """
import json, os, signal, sys, time
from minidl import training
from minidl.training.tasks.detection import DetectionTask

DetectionTask.draw = lambda self, run, state, val: run.report.touch()
settings = json.loads(sys.argv[1])

class Say(training.Callback):
    def on_step(self, state, loss):
        os.write(pipe, b".")

for line in sys.stdin:
    path, steps, moment = line.split()
    ear, pipe = os.pipe()
    child = os.fork()
    if child == 0:
        if os.path.exists(path):
            training.resume(path, callbacks=[Say()])
        else:
            training.train(training.make_config("yolo_tiny", **settings), out=path, callbacks=[Say()])
        os._exit(0)
    for _ in range(int(steps)):
        os.read(ear, 1)
    time.sleep(float(moment))
    os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os.close(ear), os.close(pipe)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.usefixtures("undrawn")
def test_killed_twenty_times(folder, tmp_path):
    path, dice = tmp_path / "killed", random.Random(0)
    steady = {"schedule": {"name": "constant"}}  # whatever the number of epochs
    settings = {**SMALL, **steady, "epochs": 10_000, "data": str(folder)}
    environment = os.environ | {"PYTHONPATH": str(Path(minidl.__file__).parents[1])}
    command = [sys.executable, "-c", NURSERY, json.dumps(settings)]
    nursery = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    for _ in range(20):
        print(path, dice.randint(1, 5), dice.uniform(0, 0.02), file=nursery.stdin, flush=True)
        assert int(nursery.stdout.readline()) == -signal.SIGKILL
        reached = training.load_checkpoint(path / "last.safetensors").epoch
    nursery.communicate("")
    assert reached >= 5
    outcome = training.resume(path, epochs=reached + 1)
    straight = training.train(config_of(folder, epochs=reached + 1, **steady), out=tmp_path / "straight")
    assert outcome.finished
    assert (path / "last.safetensors").read_bytes() == (straight.run.path / "last.safetensors").read_bytes()
    assert outcome.state.history == straight.state.history


def test_layers_that_a_classifier_has_learnt(folder, tmp_path, capsys):
    """The detector begins with what has the same name and shape, and says so; a file with nothing of it is refused."""
    learnt = minidl.models.yolo_tiny(num_classes=5, cells=4, image_size=16, width=1, rng=np.random.default_rng(3))
    minidl.weights.save(tmp_path / "learnt.safetensors", learnt.state_dict())
    config, task, told = config_of(folder, weights=str(tmp_path / "learnt.safetensors")), DetectionTask(), []
    found = task.open(config, None)
    config = task.resolve(config, found, told.append)
    net = task.begin(config, found, task.batches(config, found.train, found.val), told.append).net
    assert any(
        line.endswith("arrays from learnt.safetensors, those of features; new: head.weight, head.bias") for line in told
    )
    own, given = net.state_dict(), learnt.state_dict()
    assert all((own[name] == given[name]).all() for name in own if name.startswith("features"))
    assert own["head.weight"].shape != given["head.weight"].shape
    other = minidl.models.lenet5_modern()
    minidl.weights.save(tmp_path / "other.safetensors", other.state_dict())
    for file, words in (
        ("other.safetensors", "nothing in other.safetensors fits"),
        ("none.safetensors", "none.safetensors"),
        ("demo", "demo"),
    ):
        assert cli.run(["train", "yolo_tiny", "--data", str(folder), "--weights", file]) != 0
        said = capsys.readouterr().err
        assert words in said
        assert "Traceback" not in said


def test_the_classifier_of_the_paper_is_the_beginning_of_the_detector():
    with minidl.nn.init.unfilled():
        classifier, detector = minidl.models.yolo_v1_classifier(), minidl.models.yolo_v1()
    shapes = {name: array.shape for name, array in detector.state_dict().items()}
    features = {name: array.shape for name, array in classifier.state_dict().items() if not name.startswith("fc.")}
    assert len(features) == 2 * 20  # weights and biases of 20 convolutions
    assert features.items() <= shapes.items()
