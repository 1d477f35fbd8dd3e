"""What a training needs compiled is compiled before its first step, and is told; the rehearsal leaves no trace."""

import contextlib

import numpy as np
import pytest

from minidl import _random, kernels, nn, optim, training
from minidl.kernels._warmup import rehearsal
from minidl.training.dry_run import Samples, compile_ahead
from minidl.training.state import State
from tests.training import tiny

compile = pytest.importorskip("minidl.kernels.cpu.simd.compile")
pytestmark = pytest.mark.skipif(bool(kernels.SETS["cpu"].lack()), reason="no fast set here")
ONE = np.random.default_rng(0).random((1, 1, 8, 8), dtype=np.float32)


class Net(nn.Module):
    """All that a step may change: norms, dropout with draws of its own, a buffer that is replaced, modes."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 4, 3, rng=np.random.default_rng(0)), nn.BatchNorm2d(4, activation="relu")
        self.dropout, self.other = nn.Dropout(0.5), nn.Dropout(0.5, rng=np.random.default_rng(3))
        self.fc = nn.Linear(4, 3, rng=np.random.default_rng(1))
        self.register_buffer("calls", np.zeros(1, np.float32))
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        self.calls = self.calls + 1
        x = self.dropout(self.other(self.pool(self.bn(self.conv(x)))))
        return self.fc(x.reshape(len(x.data), 4))


class Told(training.Callback):
    def __init__(self):
        self.totals = []

    def on_compile(self, total):
        self.totals.append(total)


def state_of(optimizer=optim.SGD, **settings):
    net = Net()
    rule = optimizer(net.parameters(), lr=0.1)
    return State(net, rule, training.Config(model="mine", batch_size=8, **settings))


def everything(state):
    """All that a step changes, as it is now."""
    draws = [module.rng.bit_generator.state for module in state.net.modules() if getattr(module, "rng", None)]
    arrays = {name: array.copy() for name, array in state.net.named_buffers()}
    arrays |= {name: p.data.copy() for name, p in state.net.named_parameters()}
    versions = [p._version for p in state.net.parameters()]
    grads = [p.grad for p in state.net.parameters()]
    modes = [module.training for module in state.net.modules()]
    slots = state.optimizer.state_dict()["state"]
    return arrays, (versions, grads, modes, draws, _random.get_state(), slots, state.step, state.epoch)


@pytest.mark.parametrize("mixup", [0.0, 0.4])
@pytest.mark.parametrize("optimizer", [optim.SGD, optim.RMSprop, optim.AdamW])
def test_a_rehearsal_leaves_no_trace(optimizer, mixup, unloaded):
    state, told = state_of(optimizer, mixup=mixup), Told()
    state.net.bn.running_mean[...] = 0.25
    before, rest = everything(state)
    with kernels.use("cpu"):
        compile_ahead(state, Samples(ONE, ONE), 37, [told])
    after, other = everything(state)
    assert rest == other
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name], err_msg=name)
    assert len(unloaded) == len(set(unloaded)) > 5
    rule = optimizer.__name__.lower().removesuffix("w")
    assert {"norm._normalise", f"update._{rule}"} <= set(unloaded)
    missing = [number for number, key in enumerate(compile.ALL) if key in unloaded and not number % 2]
    assert told.totals == [len(missing)]


def test_a_step_needs_nothing_that_was_not_rehearsed(unloaded):
    """Every kernel of two real epochs, their short last batches and examinations was compiled ahead."""
    state = state_of(epochs=2)
    x = np.random.default_rng(1).random((37, 1, 8, 8), dtype=np.float32)
    with kernels.use("cpu"):
        compile_ahead(state, Samples(ONE, ONE), 37, [])
        ahead = set(unloaded)
        with rehearsal() as needed, np.errstate(all="ignore"):
            with contextlib.suppress(training.NonFiniteError):  # zeros stand for what the kernels write
                training.fit(state, (x, np.arange(37) % 3), (x, np.arange(37) % 3))
    assert set(needed) == ahead


def test_a_room_without_a_compiler_has_nothing_to_tell(unloaded):
    state, told = state_of(), Told()
    with kernels.use("textbook"):
        compile_ahead(state, Samples(ONE, ONE), 37, [told])
    assert (told.totals, unloaded) == ([], [])


def test_what_is_wrong_is_left_to_the_first_step(unloaded):
    state, told = state_of(), Told()
    wrong = np.zeros((1, 3, 8, 8), np.float32)
    with kernels.use("cpu"):
        compile_ahead(state, Samples(wrong, wrong), 37, [told])
    assert (told.totals, unloaded) == ([], [])


def test_a_run_has_the_same_bits_and_tells_in_order(monkeypatch, tmp_path):
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: None)
    tiny.register(monkeypatch.setitem)
    config = training.Config(**{**tiny.SETTINGS, "epochs": 1})
    said = []

    class Order(training.Callback):
        def on_run(self, run, state, train, val):
            said.append("run")

        def on_compile(self, total):
            said.append(total)

        def on_epoch_begin(self, state, steps):
            said.append("epoch")

        def on_draw(self, run):
            said.append("draw")

    monkeypatch.setattr("minidl.kernels._ahead._start", lambda names: [])
    with kernels.use("cpu"):
        training.train(config, out=tmp_path / "plain", parts=tiny.parts())
        for kernel in compile.ALL.values():
            loaded = kernel._run
            if loaded is not None:  # once more as in a fresh process
                monkeypatch.setattr(kernel, "is_kept", lambda: False)
                monkeypatch.setattr(kernel, "compile_if_free", lambda: True)
                monkeypatch.setattr(kernel, "compile", lambda k=kernel, run=loaded: setattr(k, "_run", run))
                monkeypatch.setattr(kernel, "_run", None)
        training.train(config, out=tmp_path / "fresh", parts=tiny.parts(), callbacks=[Order()])
    assert [word for word in said if isinstance(word, str)] == ["run", "epoch", "draw"]
    assert said[0] == "run"
    assert said[1] > 5
    plain, fresh = ((tmp_path / name / "last.safetensors").read_bytes() for name in ("plain", "fresh"))
    assert plain == fresh
