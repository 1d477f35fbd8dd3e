"""Fine-tuning: what its batches hold, how it goes on where it was stopped, and who takes its network then."""

import dataclasses
import inspect
import shutil

import numpy as np
import pytest

from minidl import models, rcnn, weights
from minidl.cli import rcnn as cli
from minidl.rcnn import _finetune
from minidl.rcnn._eye import Eye
from minidl.rcnn._files import Folder
from minidl.rcnn._finetune import Windows
from minidl.rcnn._propose import load
from tests.detection.test_precision import overlap

WINDOWS = {"size": 24, "context": 2}
HOW = {"share": (4, 12), "steps": 2, "lr": 0.05}


@pytest.fixture
def run(whole, tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(whole / "proposals.safetensors", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def tiny_file(tmp_path):
    """Weights of the network that has batch norm and dropout."""
    net = models.get_model("tiny", in_channels=3, rng=np.random.default_rng(0))
    weights.save(tmp_path / "tiny.safetensors", net.state_dict(), model="tiny", arguments={"in_channels": 3})
    return tmp_path / "tiny.safetensors"


def looking(file):
    return rcnn.Look("tiny", file, **WINDOWS)


def test_a_batch_holds_a_quarter_of_things(run, tiny_file):
    """32 : 96, each window of the class of the box that it overlaps by half, or of background."""
    folder = Folder(run)
    proposed, eye = load(folder, "test"), Eye(looking(tiny_file))
    windows = Windows(eye, proposed, "train", 3, seed=1)
    assert windows.share == (32, 96)
    batches = list(windows.epoch(0))
    assert [len(labels) for _, labels in batches] == [128] * 3
    for (x, labels), (same, _) in zip(batches, windows.epoch(0)):
        assert (labels < 2).sum() == 32
        assert (labels == 2).sum() == 96
        assert x.shape == (128, 3, 24, 24)
        np.testing.assert_array_equal(x, same)
    np.testing.assert_array_equal(batches[2][0], next(windows.epoch(0, 2))[0])
    assert (batches[0][0] != next(windows.epoch(1))[0]).any()
    for row, (picture, label) in enumerate(zip(windows.pictures, windows.labels)):
        box = windows.rows[picture][row - windows.starts[picture]].tolist()
        truth = proposed.dataset.train.records[picture].boxes
        every = [overlap(one.tolist(), box) for one in truth.boxes]
        assert label == (truth.labels[int(np.argmax(every))] if max(every) >= 0.5 else 2)


def test_a_stopped_one_goes_on_to_the_same_bits(run, tiny_file, monkeypatch):
    straight = shutil.copytree(run, run.with_name("straight"))
    told = []
    rcnn.finetune(straight, looking(tiny_file), epochs=3, tell=told.append, **HOW)
    assert len(told) == 3
    assert told[2].startswith("epoch 3 of 3: loss ")
    saved = []

    def stopping(path, state, save=_finetune.save_checkpoint):
        save(path, state)
        saved.append(state.epoch)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(_finetune, "save_checkpoint", stopping)
    with pytest.raises(KeyboardInterrupt):
        rcnn.finetune(run, looking(tiny_file), epochs=3, **HOW)
    assert not Folder(run).file("network").exists()
    about = rcnn.finetune(run, looking(tiny_file), epochs=3, **HOW)
    assert saved == [1, 2, 3]
    assert Folder(run).file("network").read_bytes() == Folder(straight).file("network").read_bytes()
    assert not list(run.glob("*.part-*"))
    assert about.more["classes"] == ["cat", "dog", "background"]
    assert rcnn.finetune(run, looking(tiny_file), epochs=3, tell=told.append, **HOW).digest == about.digest
    assert told[-1] == "network.safetensors is there already"


def test_features_are_of_the_tuned_network_until_it_is_another_one(run, tiny_file):
    rcnn.finetune(run, looking(tiny_file), epochs=1, **HOW)
    (train, _) = rcnn.make_features(run, rcnn.Look(**WINDOWS), workers=0)
    assert train.settings["model"] == "tiny"
    assert "network" in train.made_from
    tuned = models.get_model("tiny", num_classes=3, in_channels=3, weights=Folder(run).file("network"))
    assert (tuned.state_dict()["fc.weight"] != weights.load(tiny_file)["fc.weight"]).any()
    rcnn.finetune(run, looking(tiny_file), epochs=1, **HOW | {"lr": 0.01})
    with pytest.raises(ValueError, match=r"^rcnn svm: .*features-train.safetensors was made from a network.safetensors "
                       r"that has changed since; make it again: minidl rcnn features "):  # fmt: skip
        rcnn.train_svm(run)


def test_windows_of_one_kind_alone_are_refused(run, tiny_file, data):
    rcnn.propose(data, run, method="grid", most=1)
    with pytest.raises(
        ValueError, match=r"^rcnn finetune: there is not one window that overlaps a box by 0.5 in test; take more"
    ):
        rcnn.finetune(run, looking(tiny_file), epochs=1, **HOW)


def test_a_batch_is_learnt_in_pieces(run, tiny_file, monkeypatch):
    """So many windows at a time, and a step of the optimiser for all of them."""
    seen = []
    monkeypatch.setattr(_finetune, "fit", lambda state, train, val, **_: seen.append((state.config, train, val)))
    rcnn.finetune(run, looking(tiny_file), steps=3, pieces=2, share=(4, 12))
    [(config, train, val)] = seen
    assert (config.batch_size, config.accumulate, len(train), len(val)) == (8, 2, 6, 4)
    assert [np.bincount(labels, minlength=3)[2] for _, labels in train.epoch(0)] == [6] * 6
    with pytest.raises(ValueError, match=r"^rcnn finetune: positive must be divisible by pieces; "):
        rcnn.finetune(run, looking(tiny_file), pieces=2, share=(5, 12))


def test_the_commands_have_the_defaults_of_the_functions():
    look = {one.name: one.default for one in dataclasses.fields(rcnn.Look)}
    for command, function in ((cli.finetune, rcnn.finetune), (cli.features, rcnn.make_features), (cli.train, None)):
        said = {name: one.default for name, one in inspect.signature(command).parameters.items()}
        known = look | ({} if function is None else _defaults(function))
        changed = {"network", "data", "weights"} | ({"tune"} if function is None else set())
        for name in said.keys() & known.keys() - changed:
            assert said[name] == known[name], (command.__name__, name)
        assert said.keys() >= look.keys() - {"model"} | {"network"}


def _defaults(function):
    return {name: one.default for name, one in inspect.signature(function).parameters.items()}
