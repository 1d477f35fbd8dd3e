"""A process that is killed at any moment leaves a checkpoint that loads, and the training ends with the same bits."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import training, weights
from tests.training import tiny

KILLS = 20
ROOT = Path(minidl.__file__).parents[1]

# Imports once, and then, for each line it reads, forks a child that trains, and kills it: after so many steps of its
# own and a moment more, which falls into a step, an examination, or the writing of a file.
NURSERY = """
import operator, os, signal, sys, time
from minidl import training
from tests.training import tiny

tiny.register(operator.setitem)

class Say(training.Callback):
    def on_step(self, state, loss):
        os.write(pipe, b".")

for line in sys.stdin:
    path, workers, steps, moment = line.split()
    ear, pipe = os.pipe()
    child = os.fork()
    if child == 0:
        settings = {"parts": tiny.parts(), "callbacks": [Say()]}
        if os.path.exists(path):
            training.resume(path, workers=int(workers), **settings)
        else:
            config = training.Config(**tiny.SETTINGS, epochs=10_000, workers=int(workers))
            training.train(config, out=path, **settings)
        os._exit(0)
    for _ in range(int(steps)):
        os.read(ear, 1)
    time.sleep(float(moment))
    os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os.close(ear), os.close(pipe)
"""


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    tiny.register(monkeypatch.setitem)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_killed_twenty_times_and_gone_on_with_any_number_of_workers(tmp_path):
    path, dice = tmp_path / "killed", random.Random(0)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    reached = []
    for kill in range(KILLS):
        steps, moment = dice.randint(1, 7), dice.uniform(0, 0.01)
        print(path, (0, 1, 3)[kill % 3], steps, moment, file=nursery.stdin, flush=True)
        assert int(nursery.stdout.readline()) == -signal.SIGKILL
        state = training.load_checkpoint(path / "last.safetensors")
        reached.append(state.epoch)
        if (path / "best.safetensors").exists():
            assert training.load_checkpoint(path / "best.safetensors").epoch <= state.epoch + 1
    nursery.communicate("")
    assert nursery.returncode == 0
    assert sorted(reached) == reached
    assert reached[-1] >= KILLS // 4  # the training has come on: steps do happen
    outcome = training.resume(path, epochs=2 * reached[-1], workers=2, parts=tiny.parts())
    assert outcome.finished
    config = training.Config(**tiny.SETTINGS, epochs=2 * reached[-1], workers=2)
    straight = training.train(config, out=tmp_path / "straight", parts=tiny.parts())
    assert sorted(os.listdir(path)) == sorted(os.listdir(straight.run.path))  # nothing half-written is left
    for name in ("last.safetensors", "config.json"):
        assert (path / name).read_bytes() == (straight.run.path / name).read_bytes(), name
    one, other = (folder / "best.safetensors" for folder in (path, straight.run.path))
    for key, array in weights.load(one).items():  # its config has other epochs, those of its time
        np.testing.assert_array_equal(array, weights.load(other)[key], err_msg=key)
    assert outcome.state.history == straight.state.history
