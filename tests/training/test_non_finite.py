"""NaN and infinities stop a training with the place where they come from."""

import numpy as np
import pytest

from minidl import _random, nn, ops, optim, training
from minidl.tensor import Tensor
from minidl.training.state import build

ARGUMENTS = {"in_channels": 1, "num_classes": 10}
HUGE = np.float32(1e38)


class Net(nn.Module):
    """Pictures to logits, with a layer to be broken."""

    def __init__(self, broken):
        super().__init__()
        self.pool = nn.AvgPool2d(8)
        self.broken = broken
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(ops.flatten(self.broken(self.pool(x))))


class Overflow(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.ReLU(), nn.ReLU())

    def forward(self, x):
        return self.inner(x * HUGE * HUGE)


class Dice(nn.Module):
    """Gives infinities whenever the generator says so."""

    def forward(self, x):
        lost = self.training and _random.default_generator().random() < 0.1
        return x * np.float32(np.inf if lost else 1)


def state_of(net, **settings):
    config = training.Config(model="net", epochs=50, **settings)
    return training.State(net, optim.SGD(net.parameters(), lr=config.lr), config)


def test_the_layer_is_named_with_epoch_step_and_cure(parts):
    with pytest.raises(
        training.NonFiniteError,
        match=r"^train: in epoch 1, step 1, the loss is nan: the first output that is not finite comes from "
        r"broken \(multiply\); try a smaller learning rate \(lr=0.02 now\)$",
    ):
        training.fit(state_of(Net(Overflow())), *parts)


def test_a_path_below_the_first_level_is_named(parts):
    net = Net(nn.Sequential(nn.ReLU(), Overflow()))
    with pytest.raises(training.NonFiniteError, match=r"comes from broken\.1 \(multiply\)"):
        training.fit(state_of(net), *parts)


def test_an_operation_outside_of_all_layers_is_named(parts):
    net = Net(nn.ReLU())
    net.forward = lambda x: net.fc(ops.flatten(net.pool(x)) / np.float32(0))
    with pytest.raises(training.NonFiniteError, match=r"comes from divide of the network itself"):
        training.fit(state_of(net), *parts)


def test_random_layers_repeat_their_draws_in_the_search(parts):
    with pytest.raises(training.NonFiniteError, match=r"in epoch 10, step 1, .* comes from broken \(multiply\)"):
        training.fit(state_of(Net(Dice())), *parts)


def test_a_learning_rate_that_is_too_large_is_found_out(parts):
    state = build(training.Config(lr=1e30), ARGUMENTS)
    with pytest.raises(training.NonFiniteError, match=r"step [23], the loss is nan: .*smaller .*\(lr=1e\+30 now\)"):
        training.fit(state, *parts)


def test_a_parameter_that_is_not_finite_already_is_named(parts):
    state = build(training.Config(), ARGUMENTS)
    weight = state.net.conv2.weight
    weight.data = np.where(weight.data > 0.05, np.float32(np.nan), weight.data)
    with pytest.raises(
        training.NonFiniteError,
        match=r"parameter conv2.weight is not finite and the first output that .* comes from conv2 \(conv2d\)",
    ):
        training.fit(state, *parts)


def test_a_parameter_that_no_loss_shows_is_found_before_a_checkpoint(parts):
    """Minus infinity before a relu is a zero behind it: the loss stays finite."""
    state = build(training.Config(epochs=1, weight_decay=0), ARGUMENTS)
    state.net.conv1.bias.data = np.array([-np.inf, 0, 0, 0, 0, 0], dtype="float32")
    seen = []
    callback = training.Callback()
    callback.on_epoch_end = callback.on_stop = lambda state: seen.append(state)
    with pytest.raises(training.NonFiniteError, match=r"train: after epoch 1: parameter conv1.bias is not finite; try"):
        training.fit(state, *parts, callbacks=[callback])
    with pytest.raises(training.NonFiniteError, match=r"train: in epoch 1, after step 3: parameter conv1.bias is"):
        training.fit(state, *parts, callbacks=[callback], should_stop=lambda: True)
    assert seen == []


def test_a_buffer_that_is_not_finite_is_named(parts):
    net = Net(nn.ReLU())
    net.register_buffer("mean", np.array([np.nan], dtype="float32"))
    with pytest.raises(training.NonFiniteError, match=r"after epoch 1: buffer mean is not finite"):
        training.fit(state_of(net), *parts)


def test_pictures_that_are_not_finite_are_named(parts):
    train, test = parts
    x = train.x.copy()
    x[7, 0, 3, 3] = np.nan
    with pytest.raises(training.NonFiniteError, match=r"the loss is nan: the pictures of this batch are not finite"):
        training.fit(state_of(Net(nn.ReLU())), type(train)(x, train.labels, train.classes), test)
    x = test.x.copy()
    x[-1, 0, 3, 3] = np.inf
    with pytest.raises(training.NonFiniteError, match=r"after epoch 1 the loss in validation is nan: the pictures"):
        training.fit(state_of(Net(nn.ReLU())), train, type(train)(x, test.labels, test.classes))


def test_a_layer_that_only_fails_in_evaluation_is_named(parts):
    class Moody(nn.Module):
        def forward(self, x):
            return x if self.training else x * HUGE * HUGE

    with pytest.raises(training.NonFiniteError, match=r"after epoch 1 the loss in validation .* comes from broken"):
        training.fit(state_of(Net(Moody())), *parts)


def test_a_failure_that_does_not_repeat_is_said_to_be_one(parts):
    class Flaky(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * np.float32(np.inf if self.calls == 2 else 1)

    with pytest.raises(training.NonFiniteError, match=r"step 2, .* is nan: a second look finds all outputs fin"):
        training.fit(state_of(Net(Flaky())), *parts)


def test_the_search_finds_nothing_in_a_healthy_network(parts):
    net = build(training.Config(), ARGUMENTS).net
    assert training.non_finite.explain(net, parts[0].x, parts[0].labels) == ""
    assert training.non_finite.bad_state(net) is None
    assert isinstance(net(Tensor(parts[0].x)), Tensor)
