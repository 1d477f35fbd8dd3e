"""What R-CNN refuses: a line each, with the cure; and what it does where libraries are missing."""

import shutil
import sys

import numpy as np
import pytest

from minidl import cli, models, nn, rcnn, weights
from minidl.rcnn._eye import _cut
from minidl.rcnn._files import Folder
from tests.data_sets.makers import class_folders
from tests.rcnn.conftest import HOW, MOST


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def refusal(capsys, *arguments):
    """Return the line with which a command ends."""
    assert cli.run(list(map(str, arguments))) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("minidl: ")
    return said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["propose", "gone", "--out", "new"], "gone: there is no such folder"),
        (["propose", "classes", "--out", "new"], "classes: there are no boxes; expected Annotations/*.xml (VOC)"),
        (["propose", "DATA", "--out", "new", "--method", "best"], "rcnn propose: method must be one of"),
        (["propose", "DATA", "--out", "new", "--most", "0"], "rcnn propose: most must be"),
        (["propose", "DATA", "--out", "new", "--width", "-1"], "rcnn propose: width must be"),
        (["propose", "DATA", "--out", "new", "--seed", "-1"], "rcnn propose: seed must be"),
        (["propose", "DATA", "--out", "other"], "rcnn: other holds something else; take another folder: --out NEW"),
        (["features", "gone"], "rcnn: gone does not exist; begin with: minidl rcnn propose DATA --out gone"),
        (["features", "classes"], "rcnn: classes has no proposals.safetensors; begin with: minidl rcnn propose DATA"),
        (["svm", "gone"], "rcnn: gone does not exist; begin with"),
        (["boxes", "gone"], "rcnn: gone does not exist; begin with"),
        (["finetune", "gone"], "rcnn: gone does not exist; begin with"),
        (["eval", "gone"], "rcnn: gone does not exist; begin with"),
        (["predict", "gone", "a.png"], "rcnn: gone does not exist; begin with"),
        (["features", "run", "--network", "alexnet"], "no weights are known for alexnet; give a file: --weights FILE"),
        (["features", "run", "--network", "alexnte"], "did you mean alexnet"),
        (["features", "run", "--weights", "W", "--size", "20"], "2 * context must be less than size, 2 * 16 < 20"),
        (["features", "run", "--weights", "W", "--size", "24", "--shape", "round"], "shape must be one of"),
        (["svm", "run", "--c", "0"], "rcnn svm: c must be"),
        (["svm", "run", "--rounds", "0"], "rcnn svm: rounds must be"),
        (["boxes", "run", "--strength", "-1"], "rcnn boxes: strength must be"),
        (["finetune", "run", "--weights", "W", "--size", "40", "--epochs", "0"], "rcnn finetune: epochs must be"),
        (["predict", "run", "a.png"], "no weights are known for patches; give a file: --weights FILE"),
        (
            ["predict", "run", "a.png", "--weights", "others.safetensors"],
            "the features of run are of patches with other weights",
        ),
        (["predict", "run", "a.png", "--weights", "W", "--score", "nan"], "rcnn predict: score must be"),
    ],
)
def test_every_mistake_is_a_line(arguments, message, run, data, weights_file, capsys, monkeypatch, tmp_path):
    class_folders(tmp_path / "classes", n=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "last.safetensors").touch()
    others = models.get_model("patches", rng=np.random.default_rng(9))
    weights.save("others.safetensors", others.state_dict(), model="patches")
    known = {"DATA": data, "W": weights_file}
    before = sorted(file.name for file in run.iterdir())
    assert message in refusal(capsys, "rcnn", *(known.get(one, one) for one in arguments))
    assert sorted(file.name for file in run.iterdir() if not file.name.startswith(".")) == before


def test_without_opencv_there_is_a_grid_and_it_is_said(data, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert cli.run(["rcnn", "propose", str(data), "--out", "new", "--most", "20"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("note: a grid of windows is taken: selective search is that of OpenCV's contributed")
    assert said[0].endswith("pip install 'minidl[detect]'")
    assert "proposals of train: 20 of a picture, grid" in said or "grid" in "".join(said)
    for mode in ("fast", "quality"):
        wrong = refusal(capsys, "rcnn", "propose", data, "--out", "new", "--method", mode)
        assert "pip install 'minidl[detect]', or take a grid of windows: --method grid" in wrong


def test_without_scikit_learn_the_cure_is_named(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    assert refusal(capsys, "rcnn", "svm", run) == (
        "minidl: rcnn svm: scikit-learn is not installed: pip install 'minidl[detect]'\n"
    )


def test_a_network_without_a_last_linear_layer_is_refused():
    with nn.init.unfilled():
        net = models.get_model("squeezenet1_1", num_classes=2).eval()
    for parameter in net.parameters():
        parameter.data[...] = 0
    with pytest.raises(
        ValueError, match=r"^rcnn: features are what the last linear layer .*; squeezenet1_1 does not end"
    ):
        _cut(net, "squeezenet1_1", 32)


def test_features_made_by_other_settings_than_those_learnt_are_refused(run, weights_file):
    """The file of one part is put beside that of another one by hand."""
    other = shutil.copytree(run, run.with_name("other"))
    rcnn.make_features(other, rcnn.Look(weights=weights_file, shape="square", **HOW), workers=0)
    shutil.copy(Folder(other).file("features-test"), run)
    with pytest.raises(ValueError, match=r"^rcnn eval: features-test and features-train were made by other settings"):
        rcnn.evaluate_rcnn(run)


def test_a_run_of_yolo_is_no_folder_of_rcnn_and_the_other_way_round(run, capsys, tmp_path):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "config.json").write_text('{"task": "detection"}')
    assert "rcnn: yolo has no proposals.safetensors" in refusal(capsys, "rcnn", "eval", "yolo")
    for command in ("eval", "report"):
        assert "is no run folder: it has no last.safetensors" in refusal(capsys, command, run)


def test_proposals_are_made_anew_where_settings_differ(data, run):
    told = []
    rcnn.propose(data, run, method="grid", most=MOST, tell=told.append)
    assert told[-1] == "the proposals are there already"
    found = rcnn.propose(data, run, method="grid", most=10, tell=told.append)
    assert max(map(len, found.boxes["train"])) <= 10
