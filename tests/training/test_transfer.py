"""Beginning with weights that were learnt elsewhere, and freezing all but the head."""

from dataclasses import replace

import numpy as np
import pytest

from minidl import models, training, weights
from minidl.training.transfer import freeze_body


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def learnt(tmp_path):
    """A network of seven classes for grey pictures, with batch norm, as a file."""
    net = models.get_model("resnet20_cifar", num_classes=7, in_channels=1)
    path = tmp_path / "seven.safetensors"
    weights.save(path, net.state_dict())
    return path


@pytest.fixture
def config(learnt):
    return training.Config(model="resnet20_cifar", weights=str(learnt), freeze=True, epochs=1, batch_size=16)


def test_only_the_head_learns_and_batch_norm_keeps_its_statistics(config, learnt, parts):
    outcome = training.train(config, parts=parts)
    before, after = weights.load(learnt), outcome.state.net.state_dict()
    assert {name for name in after if not np.array_equal(before[name], after[name])} == {"fc.weight", "fc.bias"}
    assert (outcome.state.net.load_report.missing, after["fc.weight"].shape) == (["fc.weight", "fc.bias"], (10, 64))


def test_without_freeze_everything_learns(config, learnt, parts):
    state = training.train(replace(config, freeze=False), parts=parts).state
    before, after = weights.load(learnt), state.net.state_dict()
    assert not any(np.array_equal(before[name], array) for name, array in after.items())


def test_a_frozen_run_goes_on_to_the_bit_without_the_file(config, learnt, parts):
    straight = training.train(replace(config, epochs=2), parts=parts)
    halfway = training.train(config, parts=parts)
    learnt.unlink()
    gone_on = training.resume(halfway.run.path, epochs=2, parts=parts)
    assert gone_on.run.last.read_bytes() == straight.run.last.read_bytes()


def test_a_checkpoint_serves_as_a_file_of_weights(parts):
    first = training.train(training.Config(epochs=1), parts=parts)
    second = training.train(training.Config(epochs=1, weights=str(first.run.last)), parts=parts)
    assert second.state.net.load_report.missing == []


def test_freeze_needs_weights():
    with pytest.raises(
        ValueError, match="train: freeze keeps what was learnt elsewhere; it needs a file: weights=FILE"
    ):
        training.Config(freeze=True)


def test_a_network_without_a_head_has_nothing_left_to_learn():
    with pytest.raises(ValueError, match="train: lenet5 has no head of its own to learn; leave freeze out"):
        freeze_body(models.get_model("lenet5"), "lenet5")  # it answers with distances to fixed bitmaps
