"""The loop shows every picture once an epoch, tells what it does, and can be stopped between any two steps."""

from dataclasses import replace

import numpy as np
import pytest

from minidl import Tensor, _random, models, no_grad, ops, training
from minidl.training.batches import training_batches
from minidl.training.state import build

ARGUMENTS = {"in_channels": 1, "num_classes": 10}
CONFIG = training.Config(epochs=2)


class Diary(training.Callback):
    def __init__(self):
        self.lines = []

    def on_epoch_begin(self, state, steps):
        self.lines.append(f"begin {state.epoch} of {steps} from {state.step}")

    def on_step(self, state, loss):
        self.lines.append(f"step {state.step}")

    def on_epoch_end(self, state):
        self.lines.append(f"end {state.history[-1]['epoch']}")

    def on_stop(self, state):
        self.lines.append(f"stop {state.epoch}.{state.step}")


def test_callbacks_are_told_in_order(parts):
    diary = Diary()
    assert training.fit(build(CONFIG, ARGUMENTS), *parts, callbacks=[training.Callback(), diary]).finished
    epoch = ["step 1", "step 2", "step 3"]
    assert diary.lines == ["begin 0 of 3 from 0", *epoch, "end 1", "begin 1 of 3 from 0", *epoch, "end 2"]


def test_the_history_follows_from_the_steps(parts):
    state, losses = build(CONFIG, ARGUMENTS), []
    callback = training.Callback()
    callback.on_step = lambda state, loss: losses.append(loss)
    training.fit(state, *parts, callbacks=[callback])
    first, second = state.history
    sizes = [16, 16, 12]
    assert first["train_loss"] == pytest.approx(np.dot(losses[:3], sizes) / 44, rel=1e-12)
    assert second["train_loss"] == pytest.approx(np.dot(losses[3:], sizes) / 44, rel=1e-12)
    assert (first["step"], second["step"], first["lr"]) == (3, 6, CONFIG.lr)
    score = training.evaluate(state.net, parts[1], batch_size=16)
    assert (second["val_loss"], second["val_top1"]) == (score.loss, score.top1)
    assert (state.epoch, state.step, state.seen, state.loss_sum, state.correct) == (2, 0, 0, 0.0, 0)


SHIFTED = replace(CONFIG, transforms=[{"name": "shift", "pixels": 1}])


def batches_of(pictures, config, epoch, start=0):
    return list(training_batches(pictures, config).epoch(epoch, start))


def test_an_epoch_has_every_picture_once_in_an_order_of_its_own(parts):
    orders = []
    for epoch in (0, 1, 0):
        batches = batches_of(parts[0], CONFIG, epoch)
        orders.append(np.concatenate([x for x, _ in batches]))
        order = _random.addressed(0, "shuffle", epoch).permutation(44)
        np.testing.assert_array_equal(orders[-1], parts[0].x[order])
        np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), parts[0].labels[order])
    np.testing.assert_array_equal(orders[0], orders[2])
    assert (orders[0] != orders[1]).any()


def test_a_batch_does_not_depend_on_where_the_epoch_was_entered(parts):
    whole = batches_of(parts[0], SHIFTED, 5)
    for first in range(4):
        rest = batches_of(parts[0], SHIFTED, 5, first)
        assert len(rest) == 3 - first
        for (x, labels), (x_again, labels_again) in zip(whole[first:], rest):
            np.testing.assert_array_equal(x, x_again)
            np.testing.assert_array_equal(labels, labels_again)


def test_pictures_are_moved_by_at_most_so_many_pixels_and_differently_each_epoch(parts):
    draws = []
    for epoch in (3, 4):
        order = _random.addressed(0, "shuffle", epoch).permutation(44)
        moved = np.empty_like(parts[0].x)
        moved[order] = np.concatenate([x for x, _ in batches_of(parts[0], SHIFTED, epoch)])
        draws.append([moves_between(original, picture) for original, picture in zip(parts[0].x, moved)])
    for moves in draws:
        assert all(moves)
        assert len(set().union(*moves)) == 9  # up, down, left, right, and all combinations
    assert any(not first & second for first, second in zip(*draws))


def moves_between(original, picture):
    """The steps (down, right) of at most one pixel that make the picture of the original; its border is empty."""
    return {
        (down, right)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if np.array_equal(picture, np.roll(original, (down, right), axis=(1, 2)))
    }


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4, 6])
def test_stopping_between_two_steps_changes_nothing(parts, stop_after):
    straight = build(CONFIG, ARGUMENTS)
    training.fit(straight, *parts)
    state, diary = build(CONFIG, ARGUMENTS), Diary()
    answers = iter([False] * stop_after + [True])
    # fit asks before the first step of an epoch and after every step
    assert not training.fit(state, *parts, callbacks=[diary], should_stop=lambda: next(answers, False)).finished
    assert diary.lines[-1] == f"stop {state.epoch}.{state.step}"
    assert len([line for line in diary.lines if line.startswith("step")]) == stop_after - (stop_after > 3)
    assert training.fit(state, *parts) is state
    assert state.history == straight.history
    for name, array in straight.net.state_dict().items():
        np.testing.assert_array_equal(state.net.state_dict()[name], array)


def test_a_stop_before_the_first_step_does_none(parts):
    state, diary = build(CONFIG, ARGUMENTS), Diary()
    assert not training.fit(state, *parts, callbacks=[diary], should_stop=lambda: True).finished
    assert diary.lines == ["begin 0 of 3 from 0", "stop 0.0"]


def test_the_beginning_depends_on_the_seed_alone():
    first = build(replace(CONFIG, seed=3), ARGUMENTS).net.state_dict()
    _random.default_generator().random(7)
    for name, array in build(replace(CONFIG, seed=3), ARGUMENTS).net.state_dict().items():
        np.testing.assert_array_equal(array, first[name])
    assert (build(CONFIG, ARGUMENTS).net.state_dict()["fc1.weight"] != first["fc1.weight"]).all()


def test_a_finished_training_does_nothing(parts):
    state = build(CONFIG, ARGUMENTS)
    state.epoch = 2
    assert training.fit(state, *parts).finished
    assert state.history == []


def test_the_learning_rate_follows_its_schedule(parts):
    state = build(replace(CONFIG, epochs=4, schedule={"name": "step", "step_size": 2, "gamma": 0.25}), ARGUMENTS)
    training.fit(state, *parts)
    assert [row["lr"] for row in state.history] == [0.02, 0.02, 0.005, 0.005]


def test_training_learns(parts):
    state = build(replace(CONFIG, epochs=15, schedule={"name": "constant"}), ARGUMENTS)
    training.fit(state, *parts)
    assert state.history[-1]["train_loss"] < 0.5 * state.history[0]["train_loss"]
    assert state.history[-1]["train_top1"] > 0.6
    assert state.best["val_top1"] == max(row["val_top1"] for row in state.history)


def test_the_best_epoch_is_the_first_of_equals():
    state = build(CONFIG, ARGUMENTS)
    assert state.best is None
    state.history = [{"epoch": epoch, "val_top1": top1} for epoch, top1 in ((1, 0.5), (2, 0.75), (3, 0.75), (4, 0.5))]
    assert state.best["epoch"] == 2


@pytest.mark.parametrize("mode", [True, False])
def test_evaluate_counts_and_puts_the_mode_back(parts, mode):
    net = build(CONFIG, ARGUMENTS).net.train(mode)
    many = parts[0].take(np.arange(300) % 44)  # more than one batch
    score = training.evaluate(net, many)
    with no_grad():
        logits = net(Tensor(many.x))
    assert score.confusion.trace() == (logits.numpy().argmax(axis=1) == many.labels).sum()
    assert score.loss == pytest.approx(ops.cross_entropy(logits, many.labels).item(), rel=1e-6)
    assert (score.n, score.top1) == (300, score.confusion.trace() / 300)
    assert net.training is mode


def test_empty_parts_are_refused(parts):
    train, test = parts
    nothing = train.take([])
    with pytest.raises(ValueError, match=r"fit: there are no pictures; received len\(train\)=0"):
        training.fit(build(CONFIG, ARGUMENTS), nothing, test)
    with pytest.raises(ValueError, match=r"fit: there are no pictures; received len\(val\)=0"):
        training.fit(build(CONFIG, ARGUMENTS), train, nothing)
    with pytest.raises(ValueError, match=r"evaluate: there are no pictures; received len\(pictures\)=0"):
        training.evaluate(build(CONFIG, ARGUMENTS).net, nothing)


def test_an_examination_leaves_every_module_in_its_mode(parts):
    net = models.get_model("lenet5_modern")
    net.train()
    net.conv1.eval()
    training.evaluate(net, parts[1])
    assert [name for name, module in net.named_modules() if not module.training] == ["conv1"]
