"""Compiling ahead: helpers take what the process that asks has not come to, and nothing hangs on them."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minidl import Tensor, models, ops, optim
from minidl.kernels import _ahead, _sets, _warmup
from minidl.kernels.cpu.simd import compile


class Fake:
    """A kernel that notes who compiles it, and of which another process may have the lock."""

    def __init__(self, name, said, kept=False, taken=False):
        self.name, self.said, self.kept, self.taken = name, said, kept, taken

    def is_kept(self):
        return self.kept

    def compile_if_free(self):
        self.said.append((self.name, "tried"))
        return not self.taken

    def compile(self):
        self.said.append((self.name, "there"))


@pytest.fixture
def helpers(monkeypatch):
    """Commands of helpers that would have been started, on a machine of four processors."""
    commands = []

    class Helper:
        def __init__(self, command, **settings):
            commands.append((command[-1], settings["env"]))

        def terminate(self):
            commands.append("ended")

        def wait(self):
            pass

    monkeypatch.setattr(_ahead, "_asked", [False])
    monkeypatch.setattr(_ahead._threads, "available", lambda: 4)
    monkeypatch.setattr(subprocess, "Popen", Helper)
    return commands


def test_what_others_compile_comes_last(helpers):
    said = []
    kernels = {name: Fake(name, said, kept=name == "a", taken=name == "b") for name in "abc"}
    assert list(_ahead.compiled(kernels)) == ["a", "c", "b"]
    assert said == [("b", "tried"), ("c", "tried"), ("a", "there"), ("c", "there"), ("b", "there")]
    assert helpers == []  # two kernels are not worth a helper


def test_every_helper_begins_at_another_place_and_is_ended(helpers):
    names = [str(number) for number in range(9)]
    with pytest.raises(KeyError), _ahead.helped(names):
        raise KeyError
    assert helpers[3:] == ["ended"] * 3
    orders = [eval(code.partition("help(")[2].rstrip(")")) for code, _ in helpers[:3]]
    assert [order[0] for order in orders] == ["8", "2", "5"]
    assert all(sorted(order) == names for order in orders)


def test_help_is_asked_for_once_and_by_no_helper(helpers, monkeypatch):
    ended = []
    monkeypatch.setattr(_ahead.atexit, "register", lambda *call: ended.append(call))
    _ahead.ask_once("elementwise._activate")
    assert helpers == []
    for _ in range(2):
        _ahead.ask_once(_ahead.BEGINS)
    assert len(helpers) == 3
    assert len(ended) == 1
    helpers.clear()
    monkeypatch.setattr(_sets, "every", dict)
    _ahead._asked[0] = False
    _ahead.help(["a"])
    _ahead.ask_once(_ahead.BEGINS)
    assert helpers == []


def test_where_no_process_can_be_started_none_is(helpers, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    assert _ahead._start(["a"] * 9) == []
    monkeypatch.setattr(sys, "executable", "/none")

    def fails(*arguments, **settings):
        raise PermissionError

    monkeypatch.setattr(subprocess, "Popen", fails)
    assert _ahead._start(["a"] * 9) == []


def test_a_step_is_written_in_the_names_of_kernels():
    assert set(_ahead.STEP) <= set(compile.ALL)
    assert len(set(_ahead.STEP)) == len(_ahead.STEP)


def test_a_step_of_training_waits_for_no_kernel_that_helpers_were_not_told_of(monkeypatch):
    net = models.get_model("resnet18", num_classes=10)
    optimiser = optim.SGD(net.parameters(), lr=0.1)
    for kernel in compile.ALL.values():
        monkeypatch.setattr(kernel, "_run", None)
    with _warmup.rehearsal() as needed, np.errstate(all="ignore"):  # which writes zeros
        ops.cross_entropy(net(Tensor(np.zeros((8, 3, 224, 224), np.float32))), np.zeros(8, int)).backward()
        optimiser.step()
    assert {"direct._direct", "update._sgd"} <= set(needed) <= set(_ahead.STEP)


def test_a_helper_compiles_what_nobody_has(tmp_path):
    code = _ahead.PROGRAM.format(path=sys.path, names=["no such kernel", "elementwise._scale_pictures"])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    names = {path.name.partition(".cpython")[0] for path in tmp_path.rglob("*.kernel")}
    assert {name for name in names if not name.startswith("crew.")} == {"elementwise._scale_pictures"}
