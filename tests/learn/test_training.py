"""`minidl learn train`: the learner's functions train LeNet-5, and everybody sees which ones are his."""

import re

import pytest

from minidl import data
from minidl.teach.learn import get_step, steps
from minidl.teach.learn.folder import Folder
from minidl.teach.learn.training import EPOCHS, own_kernels, summary, train
from minidl.teach.strings.learn import words
from tests.learn.answers import write_answers


@pytest.fixture
def few_digits(monkeypatch):
    few = [part.take(slice(0, 32)) for part in data.open_dataset("digits")]
    monkeypatch.setattr(data, "open_dataset", lambda name: few)


@pytest.mark.usefixtures("few_digits")
def test_what_passes_is_used_and_said_to_be_the_learners(learner):
    write_answers(learner.folder, ["b1_im2col", "b2_col2im", "c2_conv2d", "d1_max_pool2d"])
    learner.write("c3", get_step("c3").handout())
    done = learner("train", "--epochs", 1)
    assert (done.status, done.err) == (0, "")
    assert "left out: c3 (not written yet)\n" in done.out
    assert "with 4 functions of yours: im2col, col2im, conv2d, max_pool2d\n" in done.out
    whose = dict(re.findall(r"^(\w+) +\d+  (.*)$", done.out, re.M))
    assert whose["conv2d"] == "yours (c2)"
    assert whose["max_pool2d"] == "yours (d1)"
    assert whose["conv2d_dx"] == whose["sgd"] == "minidl's"
    assert "2 of the 14 kernels that this network needs are yours" in done.out


@pytest.mark.usefixtures("few_digits")
def test_the_last_step_counts_where_several_have_a_function(learner):
    write_answers(learner.folder, ["b1_im2col", "b2_col2im", "c2_conv2d", "c5_groups"])
    own = own_kernels(Folder(learner.folder))
    assert own.source["conv2d"].number == "c5"
    lines = []
    train(Folder(learner.folder), own, lines.append, epochs=1)
    assert len(lines) == 1
    assert own.calls["conv2d"] == 2 * 2  # two layers, one batch to learn from and one to examine


@pytest.mark.usefixtures("few_digits")
def test_a_function_that_raises_in_the_training_is_told_with_its_line(learner):
    """It passes the checks, which are small, and trips over what is larger."""
    learner.write("b1", get_step("b1").answer())
    step = get_step("c2")
    text = step.answer().replace(
        "    cols =", "    if x.size > 4000:\n        raise ZeroDivisionError('too large')\n    cols ="
    )
    file = learner.write("c2", text).file
    told = learner("train", "--epochs", 1)
    assert told.status == 1
    assert re.search(rf"minidl: learn: {file}:\d+: ZeroDivisionError: too large raise ", told.err)


def test_nothing_to_train_with(learner):
    told = learner("train")
    assert (told.status, told.err) == (1, f"minidl: {words.NOTHING_PASSES}\n")


@pytest.mark.slow
def test_the_reference_solutions_train_lenet5(tmp_path):
    folder = Folder(write_answers(tmp_path, steps()))
    own = own_kernels(folder)
    state = train(folder, own, print, epochs=EPOCHS)
    assert state.history[-1]["val_top1"] >= 0.97
    assert own.calls.keys() <= own.functions.keys()
    assert "every array operation of this network is yours" in summary(own, state)
