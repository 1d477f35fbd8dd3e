"""A checkpoint brings everything back, always has the same bytes, and says what is wrong when it cannot be used."""

import json
import os
import struct

import numpy as np
import pytest

from minidl import _random, optim, training, weights
from minidl.optim._state import flat_slots
from minidl.training import checkpoint
from minidl.training.state import State, build

ARGUMENTS = {"in_channels": 1, "num_classes": 10}


@pytest.fixture
def state(parts):
    state = build(training.Config(epochs=3, seed=4), ARGUMENTS)
    answers = iter([False] * 6)
    training.fit(state, *parts, should_stop=lambda: next(answers, True))  # into the middle of the second epoch
    assert (state.epoch, state.step) == (1, 2)
    _random.default_generator().random(3)
    return state


@pytest.fixture
def file(state, tmp_path):
    path = tmp_path / "last.safetensors"
    training.save_checkpoint(path, state)
    return path


def rewrite(path, change_note=lambda note: None, change_arrays=lambda arrays: None):
    """Write the file again with another note or other arrays."""
    from safetensors.numpy import save

    arrays, note = weights.load(path), json.loads(header(path)["__metadata__"]["minidl"])
    change_note(note)
    change_arrays(arrays)
    note.pop("digest")
    note["digest"] = checkpoint._digest(arrays, note)
    path.write_bytes(save(arrays, metadata={"minidl": json.dumps(note)}))


def header(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


def test_slots_of_any_rule_keep_their_shape(state, tmp_path):
    state.optimizer = optim.Adam(state.net.parameters())
    for parameter in state.net.parameters():
        parameter.grad = np.zeros_like(parameter.data)
    state.optimizer.step()
    training.save_checkpoint(tmp_path / "adam.safetensors", state)
    arrays = weights.load(tmp_path / "adam.safetensors")
    slots = {name.removeprefix("optim/"): array for name, array in arrays.items() if name.startswith("optim/")}
    assert slots["0.step"].shape == ()
    optim.Adam(state.net.parameters()).load_state_dict(slots)


def test_everything_comes_back(state, file):
    generator = _random.get_state()
    _random.default_generator().random(5)
    again = training.load_checkpoint(file)
    assert _random.get_state() == generator
    for name in ("config", "arguments", "epoch", "step", "seen", "loss_sum", "correct", "history"):
        assert getattr(again, name) == getattr(state, name), name
    slots = [flat_slots(one.optimizer.state_dict()) for one in (state, again)]
    for before, after in ((state.net.state_dict(), again.net.state_dict()), slots):
        assert list(before) == list(after)
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])
            assert before[name].dtype == after[name].dtype


def test_the_same_state_has_the_same_bytes_and_no_clock(state, file, monkeypatch):
    first = file.read_bytes()
    monkeypatch.setattr("time.time", lambda: 0.0)
    training.save_checkpoint(file, state)
    assert file.read_bytes() == first
    training.save_checkpoint(file, training.load_checkpoint(file))
    assert file.read_bytes() == first


def test_weights_have_their_names_and_slots_stand_apart(state, file):
    names = set(header(file)) - {"__metadata__"}
    assert {name for name in names if not name.startswith("optim/")} == set(state.net.state_dict())
    assert {name for name in names if name.startswith("optim/")} == {f"optim/{i}.velocity" for i in range(10)}
    assert weights.read_metadata(file) == {"model": "lenet5_modern", "arguments": ARGUMENTS}
    note = header(file)["__metadata__"]
    assert list(note) == ["minidl"]
    assert list(json.loads(note["minidl"])) == sorted(json.loads(note["minidl"]))


def test_epochs_can_be_changed_on_the_way(file):
    assert training.load_checkpoint(file, epochs=9).config.epochs == 9
    with pytest.raises(ValueError, match="^train: epochs must be an int >= 1; received epochs=0"):
        training.load_checkpoint(file, epochs=0)


@pytest.mark.parametrize("left", [0, 5, 8, 300, 2000, -1])
def test_a_file_that_is_cut_short_is_named(file, left):
    content = file.read_bytes()
    file.write_bytes(content[:left])
    size = len(content[:left])
    with pytest.raises(ValueError, match=rf"checkpoint: .*last.safetensors \({size:,} bytes\) is cut short"):
        training.load_checkpoint(file)


def test_other_files_are_no_checkpoints(file, tmp_path):
    file.write_text("hello, this is a text, not a checkpoint")
    with pytest.raises(ValueError, match=r"\(39 bytes\) is cut short or no checkpoint"):
        training.load_checkpoint(file)
    weights.save(file, {"fc.weight": np.ones((2, 2), "float32")}, model="lenet5_modern")
    with pytest.raises(ValueError, match="holds 1 arrays but no training; expected a file that `minidl train` wrote"):
        training.load_checkpoint(file)
    with pytest.raises(FileNotFoundError, match=r"nix\.safetensors"):
        training.load_checkpoint(tmp_path / "nix.safetensors")
    with pytest.raises(IsADirectoryError):
        training.load_checkpoint(tmp_path)


def test_a_newer_format_is_told_from_damage(file):
    rewrite(file, lambda note: note.update(format=3))
    with pytest.raises(ValueError, match=r"has format 3, this minidl reads format 2; update it: pip install --upgrade"):
        training.load_checkpoint(file)
    rewrite(file, lambda note: note.update(format=1))
    with pytest.raises(ValueError, match=r"has format 1, this .* reads format 2; begin anew .*: --weights .*t"):
        training.load_checkpoint(file)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.8, 0.999])
def test_a_changed_bit_is_found_and_the_file_named(file, share):
    content = bytearray(file.read_bytes())
    content[int(share * len(content))] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^checkpoint: .*last\.safetensors"):
        training.load_checkpoint(file)


def test_a_changed_weight_is_found_by_the_digest(file):
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"last.safetensors is damaged: its contents have changed since .* the other"):
        training.load_checkpoint(file)


def test_a_changed_number_of_the_note_is_found_by_the_digest(file):
    content = file.read_bytes()
    file.write_bytes(content.replace(b'\\"seed\\": 4', b'\\"seed\\": 5'))
    assert file.read_bytes() != content
    with pytest.raises(ValueError, match=r"last.safetensors is damaged: its contents have changed"):
        training.load_checkpoint(file)


def test_weights_of_another_network_are_refused(file):
    rewrite(file, lambda note: note.update(config=note["config"] | {"model": "lenet5"}))
    with pytest.raises(ValueError, match=r"does not hold what it says: .* not fit LeNet5; .*missing: "):
        training.load_checkpoint(file)


def test_weights_of_another_size_are_refused(file):
    rewrite(file, lambda note: note.update(arguments=ARGUMENTS | {"num_classes": 7}))
    with pytest.raises(ValueError, match=r"wrong shape: .*fc3.weight is \(10, 84\), expected \(7, 84\)"):
        training.load_checkpoint(file)


OWN = {
    "SGD": {"momentum": 0.8, "nesterov": True},
    "RMSprop": {"momentum": 0.5, "eps_inside": True},
    "Adam": {"betas": (0.8, 0.95)},
    "AdamW": {"eps": 1e-4},
}


@pytest.mark.parametrize("rule", OWN)
def test_groups_of_an_optimiser_of_ones_own_come_back(rule, parts, tmp_path):
    """A training that is stopped, put away and taken up again makes the same steps with each group's own settings."""

    def begun():
        net = build(training.Config(seed=4, lr=0.02), ARGUMENTS).net
        last, *others = list(net.parameters())[::-1]
        groups = [{"params": others, "weight_decay": 0.1}, {"params": [last], "lr": 0.002, **OWN[rule]}]
        optimizer = getattr(optim, rule)(groups, lr=0.02)
        config = training.Config(epochs=2, seed=4, lr=0.02, schedule={"name": "cosine"})
        return State(net, optimizer, config, ARGUMENTS)

    whole, half = begun(), begun()
    training.fit(whole, *parts)
    answers = iter([False] * 3)
    training.fit(half, *parts, should_stop=lambda: next(answers, True))
    training.save_checkpoint(tmp_path / "half.safetensors", half)
    again = training.load_checkpoint(tmp_path / "half.safetensors")
    assert type(again.optimizer) is type(half.optimizer)
    for mine, theirs in zip(half.optimizer.param_groups, again.optimizer.param_groups, strict=True):
        assert {**mine, "params": 0} == {**theirs, "params": 0}
        assert [p.shape for p in mine["params"]] == [p.shape for p in theirs["params"]]
    training.fit(again, *parts)
    for name, array in whole.net.state_dict().items():
        np.testing.assert_array_equal(array, again.net.state_dict()[name])


def test_a_checkpoint_without_groups_is_read_as_its_settings_say(state, file):
    rewrite(file, lambda note: note.pop("optimizer"))
    again = training.load_checkpoint(file)
    for mine, theirs in zip(state.optimizer.param_groups, again.optimizer.param_groups, strict=True):
        assert {**mine, "params": 0, "lr": 0} == {**theirs, "params": 0, "lr": 0}
    for name, slot in flat_slots(state.optimizer.state_dict()).items():
        np.testing.assert_array_equal(slot, flat_slots(again.optimizer.state_dict())[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept.update(rule="Mine"), "its update rule Mine is none of SGD, RMSprop, Adam, AdamW"),
        (
            lambda kept: kept["groups"][0]["params"].append("conv9.weight"),
            "a group has a parameter that the network has not: 'conv9.weight'",
        ),
        (lambda kept: kept["groups"][0].update(lr=-1), "SGD: lr must be >= 0; received lr=-1"),
        (
            lambda kept: kept["groups"][0].update(moment=1),
            "SGD: a group has no setting 'moment'; did you mean momentum",
        ),
    ],
)
def test_groups_that_do_not_fit_are_named_with_the_file(change, message, file):
    rewrite(file, lambda note: change(note["optimizer"]))
    with pytest.raises(ValueError, match=f"last.safetensors does not hold what it says: {message}"):
        training.load_checkpoint(file)


def test_slots_of_another_optimiser_are_refused(file):
    rewrite(file, change_arrays=lambda arrays: arrays.update({"optim/0.square": arrays["optim/0.velocity"]}))
    with pytest.raises(ValueError, match=r"SGD: the state has an entry that belongs to no parameter: '0.square'"):
        training.load_checkpoint(file)


def test_an_unknown_network_or_setting_is_named_with_the_file(file):
    rewrite(file, lambda note: note.update(config=note["config"] | {"model": "lenet6"}))
    with pytest.raises(ValueError, match=r"last.safetensors does not hold .* get_model: there is no network 'lenet6'"):
        training.load_checkpoint(file)
    rewrite(file, lambda note: note.update(config=note["config"] | {"speed": 3}))
    with pytest.raises(ValueError, match=r"last.safetensors does not hold .* there is no setting 'speed'"):
        training.load_checkpoint(file)


@pytest.mark.parametrize("name", ["config", "arguments", "epoch", "history", "generator"])
def test_a_missing_entry_is_named(file, name):
    rewrite(file, lambda note: note.pop(name))
    with pytest.raises(ValueError, match=rf"the header of .*last.safetensors is damaged \(KeyError: '{name}'\)"):
        training.load_checkpoint(file)


def test_a_note_that_is_no_json_is_named(file):
    from safetensors.numpy import save

    file.write_bytes(save(weights.load(file), metadata={"minidl": "{"}))
    with pytest.raises(ValueError, match=r"the header of .*last.safetensors is damaged: Expecting property name"):
        training.load_checkpoint(file)


def test_a_write_that_fails_leaves_the_old_file(state, file, monkeypatch):
    before = file.read_bytes()
    state.epoch += 1

    def full(descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*last.safetensors'"):
        training.save_checkpoint(file, state)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["last.safetensors"]
