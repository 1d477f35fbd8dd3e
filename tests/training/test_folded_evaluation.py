"""An evaluation goes through the folded network where that pays; figures are the same up to rounding."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, training
from minidl.models._family import build
from minidl.predict._finder import Finder
from minidl.training import evaluation
from minidl.training.evaluation import evaluate, quickest
from minidl.training.tasks.classification import Classification
from minidl.training.tasks.detection import DetectionTask
from tests.data_sets.boxes.makers import BOXES, voc
from tests.training import tiny
from tests.training.tasks.test_detection import config_of


@pytest.fixture
def always(monkeypatch):
    """Folding pays, however small the network is."""
    monkeypatch.setattr(evaluation, "MACS_FOLDED", 0)
    monkeypatch.setattr(evaluation, "FOLDED_FROM", 0)


@pytest.fixture
def net():
    """A network whose norm has seen pictures."""
    net = build(tiny.VARIANTS, "tiny", {"in_channels": 1, "rng": np.random.default_rng(0)})
    net.train()
    net(Tensor(tiny.parts()[0].x))
    return net


def operations(call):
    """Return what a call gives, and the operations that it took."""
    seen = set()
    with minidl.observe(lambda event: seen.add(event.op)):
        result = call()
    return result, seen


@pytest.mark.usefixtures("always")
def test_figures_are_the_same_up_to_rounding(net):
    val = tiny.parts()[1]
    plain, usual = operations(lambda: evaluate(net, val, batch_size=4))
    folded, quick = operations(lambda: evaluate(net, val, batch_size=4, fold=True))
    assert ("conv2d_fused" in quick, "conv2d_fused" in usual) == (True, False)
    assert (folded.n, folded.top1) == (plain.n, plain.top1)
    assert folded.confusion.tolist() == plain.confusion.tolist()
    assert folded.loss == pytest.approx(plain.loss, rel=1e-5)
    assert net.training  # as it was


def test_it_is_folded_where_that_pays_and_can_be_done(net, monkeypatch):
    """By sizes alone: many pictures, many multiply-adds; and never what gives another answer every time."""
    shape = (1, 8, 8)
    monkeypatch.setattr(evaluation, "MACS_FOLDED", 100 * minidl.cost.count(net, shape).macs)
    assert [quickest(net, n, shape) is net for n in (1, 31, 99, 100)] == [True, True, True, False]
    assert quickest(net, 100, (1, 2, 2)) is net  # too small for it: the network says so when it is asked
    rng = np.random.default_rng(0)
    monkeypatch.setattr(tiny.Tiny, "forward", lambda self, x: self.conv(x * float(rng.random())).mean(axis=(2, 3)))
    assert quickest(net, 1000, shape) is net


@pytest.mark.usefixtures("always")
def test_eval_is_folded_for_classes(monkeypatch, tmp_path):
    tiny.register(monkeypatch.setitem)
    monkeypatch.setattr(Classification, "draw", lambda self, run, *_: run.report.touch())
    monkeypatch.chdir(tmp_path)
    parts = tiny.parts()
    config = training.make_config("tiny", data="noise", epochs=1, batch_size=8, threads=1)
    run = training.train(config, parts=parts, out=tmp_path / "run").run.path
    (score, state, _), seen = operations(lambda: training.evaluate_run(run, val=parts[1]))
    assert "conv2d_fused" in seen
    assert score.loss == pytest.approx(state.history[-1]["val_loss"], rel=1e-5)


@pytest.mark.usefixtures("always")
def test_eval_and_predict_are_folded_for_boxes(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    folder = voc(tmp_path / "set", {**BOXES, "c": BOXES["a"], "d": BOXES["a"]})
    monkeypatch.setattr(DetectionTask, "draw", lambda self, run, *_: run.report.touch())
    outcome = training.train(config_of(folder, epochs=1))
    (score, state, _), seen = operations(lambda: training.evaluate_run(outcome.run.path))
    assert "conv2d_fused" in seen
    assert score.loss == pytest.approx(state.history[-1]["val_loss"], rel=1e-5)
    finder = Finder(outcome.run.path)
    _, seen = operations(lambda: list(finder.answer([folder / "JPEGImages" / "a.jpg"], 0.0)))
    assert "conv2d_fused" in seen
