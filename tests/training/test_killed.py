"""A process that is killed at any moment leaves a checkpoint that loads, and the training ends with the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import minidl
from minidl import data, training

EPOCHS = 20
SCRIPT = f"""
import os, sys
from minidl import data, training

class Say(training.Watcher):
    def on_epoch_end(self, state):
        print(state.epoch, flush=True)

parts = tuple(part.take(slice(0, 24)) for part in data.digits())
path = sys.argv[1]
if os.path.exists(path):
    training.resume(path, parts=parts, watchers=[Say()])
else:
    training.train(training.Config(epochs={EPOCHS}), out=path, parts=parts, watchers=[Say()])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill a process on the spot")
def test_kill_at_random_moments(tmp_path):
    parts = tuple(part.take(slice(0, 24)) for part in data.digits())
    straight = training.train(training.Config(epochs=EPOCHS), out=tmp_path / "straight", parts=parts)
    path, dice, killed = tmp_path / "killed", random.Random(0), 0
    for goal in (1, 7, 13):
        command = [sys.executable, "-c", SCRIPT, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(minidl.__file__).parents[1])
        for line in process.stdout:
            if int(line) >= goal:
                time.sleep(dice.uniform(0, 0.05))  # into a step, the evaluation, or the writing of a file
                process.kill()
        process.stdout.close()
        killed += process.wait() == -signal.SIGKILL
        for name in ("last", "best"):
            training.load_checkpoint(path / f"{name}.safetensors")
    assert killed >= 2
    assert training.resume(path, parts=parts).finished
    for name in sorted(os.listdir(path)):
        assert (path / name).read_bytes() == (straight.run.path / name).read_bytes(), name
    assert len(os.listdir(path)) == 5
