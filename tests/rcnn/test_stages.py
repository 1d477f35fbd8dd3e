"""The stages of R-CNN: each by itself, and as a chain that refuses what is stale and goes on where it was stopped."""

import json
import shutil

import numpy as np
import pytest

from minidl import cli, rcnn
from minidl.data.boxes import open_boxes
from minidl.detection import decode_boxes
from minidl.predict._finder import Finding
from minidl.rcnn import _boxes, _features, _svm
from minidl.rcnn._files import Folder
from minidl.rcnn._svm import mine
from tests.detection.test_precision import overlap
from tests.rcnn.conftest import HOW, MOST

FILES = ("proposals", "features-train", "features-test", "svm", "boxes")


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def contents(run):
    return {file.name: file.read_bytes() for file in run.glob("*.safetensors")}


def refused(message, function, *arguments, **settings):
    with pytest.raises(ValueError, match=message) as caught:
        function(*arguments, **settings)
    assert "\n" not in str(caught.value)


def test_all_stages_by_one_command(data, weights_file, whole, capsys, monkeypatch):
    """The command makes what the functions make; asked again it does nothing. It answers as it was evaluated."""
    monkeypatch.setattr("minidl.rcnn.write_report", lambda run, results: Folder(run).report.touch())
    how = ["--weights", weights_file, "--size", 24, "--context", 4, "--method", "grid", "--most", MOST]
    command = list(map(str, ["rcnn", "train", data, "--out", "run", "--features", "patches", *how]))
    assert cli.run(command) == 0
    first, made = capsys.readouterr().out, contents(Folder("run").path)
    alike = contents(whole)
    assert [name for name in FILES[:3] if made[f"{name}.safetensors"] != alike[f"{name}.safetensors"]] == []
    assert cli.run(command) == 0
    again = capsys.readouterr().out
    assert contents(Folder("run").path) == made
    assert [line for line in again.splitlines() if "already" not in line] == first.splitlines()
    assert again.count("there already") == 5
    assert cli.run(["rcnn", "eval", "run", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures == json.loads(Folder("run").results.read_text())
    assert 250 < figures["proposals"] / 2 <= MOST
    picture = data / "JPEGImages" / "e.jpg"
    ask = ["rcnn", "predict", "run", str(picture), "--weights", str(weights_file), "--score", "-9", "--json"]
    assert cli.run(ask) == 0
    (said,) = json.loads(capsys.readouterr().out)
    found = rcnn.evaluate_rcnn("run").found[0]
    sure = found.scores >= -9
    np.testing.assert_allclose([one["box"] for one in said["boxes"]], found.boxes[sure], atol=1e-3)
    np.testing.assert_allclose([one["score"] for one in said["boxes"]], found.scores[sure], atol=1e-4)


def test_machines_of_random_features_find_rectangles_and_the_page_shows_them(run, weights_file, data, monkeypatch):
    results = rcnn.evaluate_rcnn(run)
    monkeypatch.setattr("minidl.rcnn._report.SHOWN", 1)
    monkeypatch.setattr("minidl.training.run_folder.detection_report.SHOWN", 1)
    page = rcnn.write_report(run, results).read_text()
    assert min(results.best.voc2010) > 0.5
    assert results.part == "test"
    for words in ("Recall of the proposals", "regression", "cat", "windows of 24×24", "grid"):
        assert words in page
    assert {"proposals.png", "precision.png", "worst.png"} <= {file.name for file in run.iterdir()}
    finder = rcnn.Finder(run, weights_file)
    (one,) = finder.answer([data / "JPEGImages" / "e.jpg"], -9.0)
    assert isinstance(one, Finding)
    assert {finder.classes[label] for label in one.found.labels} == {"cat", "dog"}
    (gone,) = finder.answer(["gone.jpg"], 0.0)
    assert "gone.jpg" in gone.error


def _features_of(run, weights_file, shape="warp", **more):
    return rcnn.make_features(run, rcnn.Look(weights=weights_file, shape=shape, **HOW), workers=0, **more)


def make(run, weights_file, name, changed):
    """Make a file with its usual settings, or with others."""
    folder = Folder(run)
    if name == "proposals":
        where = folder.need("test", name).more["data"]
        return rcnn.propose(where, run, method="grid", most=30 if changed else MOST)
    if name.startswith("features"):
        return _features_of(run, weights_file, shape="bare" if changed else "warp")
    return rcnn.train_svm(run, c=2.0 if changed else 1.0) if name == "svm" else rcnn.train_boxes(run, strength=1.0)


LATER = {  # file: who reads it, and whose file is stale when another one is there
    "proposals": {"features-train": ("svm", "boxes", "eval", "predict"), "svm": ()},
    "features-train": {"svm": ("eval", "predict")},
}
READERS = {
    "svm": lambda run: rcnn.train_svm(run),
    "boxes": lambda run: rcnn.train_boxes(run),
    "eval": lambda run: rcnn.evaluate_rcnn(run),
    "predict": lambda run: rcnn.Finder(run),
}


@pytest.mark.parametrize("changed", LATER)
def test_what_was_made_from_something_else_is_refused(changed, run, weights_file):
    make(run, weights_file, changed, True)
    for stale, readers in LATER[changed].items():
        for reader in readers:
            command = {"features-train": "features"}.get(stale, stale)
            refused(
                rf"^rcnn {reader}: .*{stale}.safetensors was made from a {changed}.safetensors that has changed since; "
                rf"make it again: minidl rcnn {command} ",
                READERS[reader],
                run,
            )


def test_the_same_again_is_not_stale(run, weights_file):
    """Proposals that were lost and made again are the same, so nothing behind them has to be."""
    before = contents(run)
    Folder(run).file("proposals").unlink()
    refused("has no proposals.safetensors; begin with: minidl rcnn propose DATA --out", rcnn.train_svm, run)
    shutil.copytree(run, run.with_name("whole"))
    (run / "svm.safetensors").rename(run.with_name("svm"))
    for name in ("features-train", "features-test", "boxes"):
        Folder(run).file(name).rename(run.with_name(name))
    rcnn.propose(rcnn_data(before), run, method="grid", most=MOST)
    for name in ("svm", "features-train", "features-test", "boxes"):
        run.with_name(name).rename(run / f"{name}.safetensors")
    rcnn.evaluate_rcnn(run)
    assert contents(run) == before


def rcnn_data(files):
    """Return where the pictures are, as the proposals say."""
    head = files["proposals.safetensors"]
    note = json.loads(head[8 : 8 + int.from_bytes(head[:8], "little")])["__metadata__"]["minidl"]
    return json.loads(note)["more"]["data"]


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_or_damaged_is_named_with_its_command(name, run, weights_file):
    command = {"proposals": "propose", "svm": "svm", "boxes": "boxes"}.get(name, "features")
    file = Folder(run).file(name)
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"{}" * 40):
        file.write_bytes(content)
        refused(rf"{name}.safetensors: damaged \(.*; make it again: minidl rcnn {command} ",
                rcnn.evaluate_rcnn, run)  # fmt: skip
    file.unlink()
    if name == "boxes":  # which may be left out
        assert rcnn.evaluate_rcnn(run).moved is None
    else:
        refused(
            rf"(is not there; make it|is gone; make it again|begin with): minidl rcnn {command} ",
            rcnn.evaluate_rcnn,
            run,
        )
    if name not in ("proposals",):
        make(run, weights_file, name, False)
        assert file.read_bytes() == whole


def test_features_go_on_where_they_were_stopped(run, weights_file, monkeypatch):
    monkeypatch.setattr(_features, "PIECE", 1)
    whole = contents(run)
    for name in ("features-train", "features-test"):
        Folder(run).file(name).unlink()
    looked = []

    def stop(done, total):
        looked.append(done)
        if done > 2 * total / 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _features_of(run, weights_file, progress=stop)
    pieces = sorted(file.name for file in run.glob("*.piece*"))
    assert pieces[0] == "features-train.piece00000.safetensors"
    assert not Folder(run).file("features-train").exists()
    before = looked[-1]
    looked.clear()
    _features_of(run, weights_file, progress=lambda done, total: looked.append((done, total)))
    assert looked[0][0] > before / 2  # what was done is not done again
    assert looked[-1][0] == looked[-1][1]
    assert contents(run) == whole


def test_pictures_that_have_changed_are_refused(data, run, tmp_path):
    moved = shutil.copytree(data, tmp_path / "moved")
    rcnn.train_svm(run, data=moved, c=3.0)  # the same pictures elsewhere
    file = moved / "Annotations" / "a.xml"
    file.write_text(file.read_text().replace("<xmax>40</xmax>", "<xmax>39</xmax>"))
    refused(
        "^rcnn svm: the pictures or the boxes in .*moved have changed since their proposals were made; "
        "make these again: minidl rcnn propose ",
        rcnn.train_svm,
        run,
        data=moved,
    )


def test_hard_negatives_lead_to_the_machine_of_all_negatives(rng):
    """Easy negatives do not matter to the machine, so few rounds with the hard ones end where all of them do."""
    x = np.concatenate([rng.normal(2, 1, (40, 6)), rng.normal(-1, 1.5, (3000, 6))])
    right, wrong = np.arange(40), np.arange(40, 3040)
    fit = lambda rows: _svm._fit(_svm.machine(), x, right, rows, 0.01, print)  # noqa: E731
    w, b, (rounds, kept, hard) = mine(fit, x, wrong, wrong[:60], 20)
    everything = fit(wrong)
    assert hard == 0
    assert 1 < rounds < 20
    assert kept < 2000
    np.testing.assert_allclose(np.append(w, b), np.append(*everything), atol=0.02)
    first = fit(wrong[:60])
    assert np.abs(np.append(*first) - np.append(*everything)).max() > 0.05


def test_who_teaches_what_is_as_loops_say(run, data):
    split = open_boxes(data).train
    features = _features.read(Folder(run), "test", "train")
    overlaps = _svm.best_overlaps(split, features)
    rows, targets, labels = _boxes.pairs(split, features, 0.3)
    taught = dict(zip(rows.tolist(), zip(targets, labels)))
    for row, (picture, box) in enumerate(zip(features.pictures, features.boxes.tolist())):
        truth = split.records[picture].boxes
        every = [overlap(one.tolist(), box) for one in truth.boxes]
        for label in range(2):
            best = max([one for one, kind in zip(every, truth.labels) if kind == label], default=0)
            assert overlaps[label, row] == pytest.approx(best)
        teaches = features.labels[row] < 0 and max(every) >= 0.3
        assert teaches == (row in taught)
        if teaches:
            offsets, label = taught[row]
            goal = int(np.argmax(every))
            assert label == truth.labels[goal]
            np.testing.assert_allclose(decode_boxes([offsets], [box])[0], truth.boxes[goal], atol=1e-9)
    assert taught


def test_a_class_that_nobody_shows_is_told_and_never_answered(data, run, tmp_path, weights_file):
    only = shutil.copytree(data, tmp_path / "only")
    for name in "abcd":
        file = only / "Annotations" / f"{name}.xml"
        file.write_text(file.read_text().replace("<name>dog</name>", "<name>dog</name><difficult>1</difficult>"))
    told = []
    rcnn.propose(only, "new", method="grid", most=40)
    _features_of("new", weights_file)
    rcnn.train_svm("new", tell=told.append)
    rcnn.train_boxes("new", tell=told.append)
    assert "note: dog cannot be learnt: there is not one box" in told
    assert "note: boxes of dog stay as proposed: no proposal overlaps one by 0.6" in told
    assert all((one.labels == 0).all() for one in rcnn.evaluate_rcnn("new").found)
