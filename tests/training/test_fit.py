"""`fit` trains any network on any pictures, and a step does what its settings say."""

import math

import numpy as np
import pytest

from minidl import Tensor, data, nn, ops, optim, training
from minidl.training.loss import objective
from tests.training import tiny


class Net(nn.Module):
    """A network of one's own, without batch norm, so that pictures do not see each other."""

    def __init__(self, seed=0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.fc1, self.fc2 = nn.Linear(64, 8, rng=rng), nn.Linear(8, 3, rng=rng)

    def forward(self, x):
        return self.fc2(ops.relu(self.fc1(ops.flatten(x))))


class Heads(Net):
    """Two heads in training, one in evaluation."""

    def forward(self, x):
        logits = super().forward(x)
        return (logits, logits * np.float32(2)) if self.training else logits


class Ready:
    """Batches that somebody made by hand, of epoch 0 and 1."""

    def __init__(self, pictures, size):
        self.pictures, self.size, self.asked = pictures, size, []

    def __len__(self):
        return math.ceil(len(self.pictures) / self.size)

    def epoch(self, number, start_step=0):
        self.asked.append((number, start_step))
        for start in range(start_step * self.size, len(self.pictures), self.size):
            part = self.pictures.take(slice(start, start + self.size))
            yield part.x, part.labels


@pytest.fixture
def pictures():
    return tiny.parts()


def by_hand(net, optimizer, batches, epochs):
    for _ in range(epochs):
        for x, labels in batches:
            loss = ops.cross_entropy(net(Tensor(x)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def assert_same(net, other, **tolerance):
    for (name, p), q in zip(net.named_parameters(), other.parameters(), strict=True):
        if tolerance:
            np.testing.assert_allclose(p.data, q.data, err_msg=name, **tolerance)
        else:
            np.testing.assert_array_equal(p.data, q.data, err_msg=name)


def test_a_training_is_the_loop_written_by_hand(pictures):
    train, val = pictures
    batches = Ready(train, 8)
    one, other = Net(), Net()
    state = training.fit(one, batches, val, epochs=2, lr=0.1, momentum=0.9, nesterov=False, weight_decay=0.01)
    by_hand(other, optim.SGD(other.parameters(), 0.1, 0.9, weight_decay=0.01), list(batches.epoch(0)), 2)
    assert_same(one, other)
    assert (state.finished, state.config.model, [row["step"] for row in state.history]) == (True, "Net", [5, 10])
    assert batches.asked[:2] == [(0, 0), (1, 0)]


def test_an_optimizer_made_before_keeps_its_numbers(pictures):
    train, val = pictures
    batches = Ready(train, 8)
    one, other = Net(), Net()
    rule = optim.Adam(one.parameters(), lr=0.02, betas=(0.7, 0.9))
    assert training.fit(one, batches, val, optimizer=rule, epochs=1).optimizer is rule
    by_hand(other, optim.Adam(other.parameters(), lr=0.02, betas=(0.7, 0.9)), list(batches.epoch(0)), 1)
    assert_same(one, other)


@pytest.mark.parametrize("together", [2, 3, 5])
def test_accumulated_batches_are_one_large_batch(pictures, together):
    train, val = pictures  # 37 pictures: the last batch has 5, and the last group may have fewer batches
    settings = {"epochs": 2, "lr": 0.1, "schedule": {"name": "cosine"}, "clip_norm": 0.5}
    one, other = Net(), Net()
    state = training.fit(one, Ready(train, 8), val, accumulate=together, **settings)
    training.fit(other, Ready(train, 8 * together), val, **settings)
    assert_same(one, other, rtol=1e-4, atol=1e-6)
    assert state.history[0]["step"] == math.ceil(5 / together)
    assert state.history[0]["train_loss"] > 0


def test_a_stop_between_accumulated_steps_changes_nothing(pictures):
    train, val = pictures
    settings = {"epochs": 3, "accumulate": 2, "lr": 0.1}
    straight = training.fit(Net(), Ready(train, 8), val, **settings)
    answers = iter([False] * 6)
    state = training.fit(Net(), Ready(train, 8), val, should_stop=lambda: next(answers, True), **settings)
    assert (state.epoch, state.step, state.finished) == (1, 2, False)
    batches = Ready(train, 8)
    training.fit(state, batches, val)
    assert batches.asked[0] == (1, 4)
    assert_same(state.net, straight.net)
    assert state.history == straight.history


def test_clipping_holds_the_length_of_a_step(pictures):
    train, val = pictures
    net, before = Net(), Net()
    settings = {"epochs": 1, "lr": 1.0, "momentum": 0.0, "weight_decay": 0.0}
    training.fit(net, Ready(train, 37), val, clip_norm=0.01, **settings)
    moved = math.sqrt(sum(((p.data - q.data) ** 2).sum() for p, q in zip(net.parameters(), before.parameters())))
    assert moved == pytest.approx(0.01, rel=1e-3)


def test_auxiliary_heads_count_as_much_as_they_are_told(pictures):
    train, val = pictures
    batch = next(Ready(train, 37).epoch(0))
    net = Heads()
    logits = Net()(Tensor(batch[0]))
    main, other = (ops.cross_entropy(one, batch[1], label_smoothing=0.1).item() for one in (logits, logits * 2.0))
    state = training.fit(net, Ready(train, 37), val, epochs=1, aux_weight=0.25, label_smoothing=0.1, weight_decay=0.0)
    assert state.history[0]["train_loss"] == pytest.approx(main + 0.25 * other, rel=1e-6)
    assert objective(logits, batch[1]).item() == ops.cross_entropy(logits, batch[1]).item()


def test_mixed_labels_count_by_their_larger_share(pictures):
    train, val = pictures
    state = training.fit(Net(), train, val, epochs=1, batch_size=37, mixup=0.5, momentum=0.0)
    (x, p), net = next(training.batches.training_batches(train, state.config).epoch(0)), Net()
    assert p.shape == (37, 3)
    right = (net(Tensor(x)).numpy().argmax(axis=1) == p.argmax(axis=1)).mean()
    assert state.history[0]["train_top1"] == right


@pytest.mark.parametrize("rule", ["sgd", "rmsprop", "adam", "adamw"])
def test_learning_rate_and_momentum_follow_the_schedule_step_by_step(pictures, rule):
    train, val = pictures
    table, seen = {"name": "one_cycle", "base_momentum": 0.5}, []

    class Looking(training.Callback):
        def on_step(self, state, loss):
            optimizer = state.optimizer
            seen.append((optimizer.lr, optimizer.betas[0] if rule.startswith("adam") else optimizer.momentum))

    training.fit(Net(), Ready(train, 8), val, epochs=2, lr=0.01, schedule=table, optimizer=rule, callbacks=[Looking()])
    schedule = optim.make_schedule(table, lr=0.01, epochs=2, steps=5)
    assert seen == [(schedule.lr(e, s), schedule.momentum(e, s)) for e in range(2) for s in range(5)]
    assert len(set(seen)) == 10


def test_a_plateau_sees_the_history(pictures):
    train, val = pictures
    table = {"name": "plateau", "monitor": "val_top5", "patience": 0, "factor": 0.5}  # always 1: three classes
    state = training.fit(Net(), train, val, epochs=4, lr=0.08, schedule=table)
    assert [row["lr"] for row in state.history] == [0.08, 0.08, 0.04, 0.02]


@pytest.mark.parametrize("decay_norms", [True, False])
def test_norms_and_biases_are_left_alone_if_asked(pictures, decay_norms):
    train, val = pictures

    class Still(Net):
        def forward(self, x):
            return super().forward(x) * np.float32(0)  # no gradient: only the decay is left

    net, before = Still(), Still()
    for module in (net, before):
        module.fc1.bias.data = np.ones(8, dtype="float32")
    training.fit(net, train, val, epochs=1, lr=0.1, momentum=0.0, weight_decay=0.5, decay_norms=decay_norms)
    assert (net.fc1.bias.data[0] == 1) == (not decay_norms)
    assert (np.abs(net.fc1.weight.data) < np.abs(before.fc1.weight.data)).all()


def test_pictures_of_bytes_become_shares(pictures):
    train, val = (data.Pictures((part.x * 100).astype("uint8"), part.labels, part.classes) for part in pictures)
    one = training.fit(Net(), train, val, epochs=1)
    floats = [data.Pictures(p.x.astype("float32") / 255, p.labels, p.classes) for p in (train, val)]
    assert one.history == training.fit(Net(), *floats, epochs=1).history


def test_what_is_refused(pictures):
    train, val = pictures
    with pytest.raises(ValueError, match=r"there is no setting 'learning_rate'; did you mean"):
        training.fit(Net(), train, val, learning_rate=0.1)
    with pytest.raises(ValueError, match=r"train: optimizer must be one of 'sgd', .*; received optimizer='lion'"):
        training.fit(Net(), train, val, optimizer="lion")
    state = training.fit(Net(), train, val, epochs=1)
    with pytest.raises(ValueError, match=r"fit: a State goes on with its own settings; received epochs, optimizer as"):
        training.fit(state, train, val, epochs=2, optimizer="sgd")
