"""Run folders: never taken twice, never overwritten, and complete."""

import json
import os
import threading
from pathlib import Path

import pytest

from minidl import training
from minidl.training.run_folder.folder import RunFolder
from minidl.training.state import build


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_folders_are_numbered():
    assert [str(RunFolder.create("net-digits")) for _ in range(3)] == [f"runs/net-digits-{i}" for i in (1, 2, 3)]
    assert str(RunFolder.create("other")) == "runs/other-1"


def test_a_folder_that_another_training_makes_in_between_is_not_taken(monkeypatch):
    make = Path.mkdir

    def late(path, *arguments, **settings):
        if path.name == "net-1":
            make(path)  # the other one is quicker by a moment
        make(path, *arguments, **settings)

    monkeypatch.setattr(Path, "mkdir", late)
    assert RunFolder.create("net").path == Path("runs/net-2")


def test_trainings_that_start_together_get_folders_of_their_own():
    taken, gate = [], threading.Barrier(8)

    def take():
        gate.wait()
        taken.extend(str(RunFolder.create("net")) for _ in range(10))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 80


def test_out_makes_its_parents_and_is_never_overwritten(tmp_path):
    run = RunFolder.create("net", tmp_path / "a" / "b")
    run.config.write_text("mine")
    with pytest.raises(
        FileExistsError, match=r"train: out must be a new folder, .*b exists already; nothing was changed"
    ):
        RunFolder.create("net", tmp_path / "a" / "b")
    assert run.config.read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_train_refuses_what_exists(tmp_path, parts, kind):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
    elif kind == "file":
        out.write_text("mine")
    else:
        out.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match=r"out exists already; nothing was changed; give another name"):
        training.train(training.Config(epochs=1), out=out, parts=parts)
    assert os.listdir(tmp_path) == ["out"]


def test_what_is_no_run_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"^run: nix does not exist$"):
        RunFolder.open("nix")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"^run: empty is no run folder: it has no last.safetensors$"):
        RunFolder.open("empty")
    for _ in range(7):
        RunFolder.create("net").last.write_text("")
    with pytest.raises(ValueError, match=r"runs/net-9 does not exist; there is runs/net-1, .*, runs/net-5, …$"):
        RunFolder.open("runs/net-9")
    with pytest.raises(ValueError, match=r"runs/net-1/last.safetensors is a file, not the folder of a run"):
        RunFolder.open("runs/net-1/last.safetensors")
    with pytest.raises(ValueError, match=r"run: runs/net-1 has no best.safetensors: no epoch was finished yet"):
        RunFolder.open("runs/net-1").checkpoint("best")
    with pytest.raises(ValueError, match=r"run: the checkpoints are 'last' and 'best'; received checkpoint='first'"):
        RunFolder.open("runs/net-1").checkpoint("first")


def test_config_and_history_are_readable(parts):
    state, run = build(training.Config(epochs=2), {"in_channels": 1, "num_classes": 10}), RunFolder.create("net")
    training.fit(state, *parts)
    run.write_config(state)
    run.write_history(state, {2: (0.125, "2026-03-01T12:00:00+00:00")})
    settings = json.loads(run.config.read_text())
    assert settings["epochs"] == 2
    assert settings["arguments"] == {"in_channels": 1, "num_classes": 10}
    lines = run.history.read_bytes().decode().split("\n")
    assert lines[0] == "epoch,step,lr,train_loss,train_top1,val_loss,val_top1,val_top5,seconds,ended"
    *numbers, ended = lines[2].split(",")
    numbers = [float(number) for number in numbers]
    assert numbers == [*state.history[1].values(), 0.125]  # to the last bit
    assert ended == "2026-03-01T12:00:00+00:00"
    assert lines[1].endswith(",,")  # nobody knows
    assert run.read_times() == {2: (0.125, "2026-03-01T12:00:00+00:00")}
    run.history.write_text(run.history.read_text().replace(",ended", "").replace(f",{ended}", ""))  # as of old
    assert run.read_times() == {2: (0.125, "")}
    assert lines[3:] == [""]


def test_sweeping_takes_only_what_a_killed_process_left(tmp_path):
    run = RunFolder.create("net")
    mine = [run.last, run.path / ".notes.txt", run.path / "x.last.safetensors"]
    rest = [run.path / ".last.1a2b3c4d.safetensors", run.path / ".history.00ff00ff.csv"]
    for file in (*mine, *rest):
        file.write_text("")
    run.sweep()
    assert sorted(run.path.iterdir()) == sorted(mine)
