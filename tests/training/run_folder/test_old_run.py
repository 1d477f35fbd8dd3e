"""A run that version 0.1.0 left, stopped in its third epoch: it is loaded, evaluated, reported, and goes on."""

import json
import shutil
from pathlib import Path

import pytest

from minidl import cli, predict, training
from tests.training import tiny

DRAWS = True  # the page is looked at

OLD = Path(__file__).parents[2] / "data" / "run_0.1.0"
PICTURES = OLD / "pictures"
EXPECTED = json.loads((OLD / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    tiny.register(monkeypatch.setitem)
    shutil.copytree(OLD / "run", tmp_path / "run")
    return tmp_path / "run"


def same(found, expected):
    """Compare figures, whose last digits are those of another machine."""
    for name, value in expected.items():
        assert found[name] == (value if isinstance(value, dict) else pytest.approx(value, rel=1e-3)), name


def test_its_checkpoints_are_loaded(run):
    last, best = (training.load_checkpoint(run / f"{name}.safetensors") for name in ("last", "best"))
    assert (last.epoch, last.step, best.epoch, best.step) == (2, 1, 2, 0)
    assert last.history == EXPECTED["history"][:2]
    assert last.classes == ["dark", "light"]
    assert last.config.schedule == {"name": "cosine", "warmup": 1}


def test_it_is_evaluated(run):
    for name in ("last", "best"):
        score, state, _ = training.evaluate_run(run, checkpoint=name, data=PICTURES)
        same(score.to_dict(state.classes), EXPECTED[name])


def test_it_goes_on_as_if_it_had_never_stopped(run):
    outcome = training.resume(run, data=PICTURES)
    assert (outcome.finished, outcome.new_epochs) == (True, 2)
    for found, expected in zip(outcome.state.history, EXPECTED["history"], strict=True):
        same(found, expected)
    assert sorted(outcome.run.files()) == sorted(
        ["last.safetensors", "best.safetensors", "history.csv", "config.json", "pictures.json", "report.html"]
        + [f"{name}.png" for name in ("curves", "confusion", "mistakes", "filters", "feature_maps")]
    )


def test_it_is_reported_on_and_predicts(run, capsys, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "minidl.training.run_folder.report.write_report", lambda run, state, val: drawn.append(len(val)) or run.report
    )
    training.report_run(run, data=PICTURES)
    assert drawn == [8]
    assert cli.run(["eval", str(run), "--data", str(PICTURES), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top1"] == EXPECTED["last"]["top1"]
    answers = list(predict.predict([PICTURES / "val" / "light" / "0.png"], run=run))
    assert {guess.name for guess in answers[0].top} == {"dark", "light"}
