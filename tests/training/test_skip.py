"""Pictures that cannot be read are left out, wherever they stand and whenever they break, and told once, at the end."""

import math
import re

import pytest

from minidl import cli, training
from tests.data_sets.makers import train_and_val
from tests.training import tiny


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: None)  # takes a second, and is tested elsewhere
    tiny.register(monkeypatch.setitem)


@pytest.fixture
def pets(tmp_path):
    """14 pictures to learn from and 4 to examine with."""
    train_and_val(tmp_path / "pets", n=7)
    return tmp_path / "pets"


def config(**settings):
    given = {"epochs": 3, "batch_size": 4, "picture_size": 8, "workers": 0, "on_error": "skip", "lr": 0.01}
    return training.make_config("tiny", data="pets", **given | settings)


class Breaking(training.Callback):
    """Remembers the losses of all steps; breaks files when an epoch begins."""

    def __init__(self, break_in=None, files=()):
        self.losses, self.break_in, self.files = [], break_in, files

    def on_epoch_begin(self, state, steps):
        if state.epoch == self.break_in:
            for file in self.files:
                file.write_bytes(b"")

    def on_step(self, state, loss):
        self.losses.append(loss)


def names(folder, *labels):
    return sorted(file for label in labels for file in (folder / "train" / label).iterdir())


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 4, 13])
def test_batches_of_broken_pictures_only_are_steps_that_change_nothing(pets, batch_size, workers):
    for file in names(pets, "cat"):  # half of all, so that whole batches are among them
        file.write_bytes(b"no picture")
    callback = Breaking()
    outcome = training.train(config(batch_size=batch_size, workers=workers), callbacks=[callback])
    steps = -(-14 // batch_size)
    assert outcome.finished
    assert len(callback.losses) == 3 * steps
    assert outcome.state.history[-1]["step"] == 3 * steps
    if batch_size == 1:
        assert sum(map(math.isnan, callback.losses)) == 3 * 7
    assert [name.rpartition("train")[2] for name in outcome.left_out] == [f"/cat/{i}.png" for i in range(7)]


@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_training_goes_on_to_the_bit_with_files_broken_before_and_on_the_way(pets, monkeypatch, workers, accumulate):
    for file in names(pets, "cat")[:5]:
        file.write_bytes(b"")
    settings = {"batch_size": 1, "accumulate": accumulate, "workers": workers, "cache_bytes": 0}
    before = {file: file.read_bytes() for file in names(pets, "cat", "dog")}
    straight = training.train(config(**settings), out="straight", callbacks=[Breaking(2, names(pets, "dog")[:5])])
    whole = straight.run.last.read_bytes()
    for file, content in before.items():  # as they were before the third epoch; now with a stop after every few steps
        file.write_bytes(content)
    stops = iter(range(10**9))
    monkeypatch.setattr("minidl.training.interrupt.Request.__call__", lambda self: next(stops) % 4 == 3)
    outcome = training.train(config(**settings), out="stopped", callbacks=[Breaking(2, names(pets, "dog")[:5])])
    times = 0
    while not outcome.finished:
        times += 1
        outcome = training.resume("stopped", callbacks=[Breaking(2, names(pets, "dog")[:5])])
    assert times > 3
    assert outcome.run.last.read_bytes() == whole


def test_an_epoch_without_one_picture_is_an_error(pets):
    callback = Breaking(1, names(pets, "cat", "dog"))
    with pytest.raises(ValueError, match="train: in epoch 2 not one picture could be read; are the files still there?"):
        training.train(config(cache_bytes=0), callbacks=[callback])
    assert training.load_checkpoint("runs/tiny-pets-1/last.safetensors").epoch == 1


def test_without_one_picture_there_is_no_training(pets, tmp_path):
    for file in names(pets, "cat", "dog"):
        file.write_bytes(b"")
    steps = {"transforms": [], "test_transforms": []}
    with pytest.raises(ValueError, match=r"train: not one of 14 pictures can be read, the first: .*cat/0.png: not "):
        training.train(config(**steps))
    assert not (tmp_path / "runs").exists()


def test_what_was_left_out_is_told_in_a_line(pets, capsys):
    for file in names(pets, "cat")[:4]:
        file.write_bytes(b"")
    (pets / "val" / "dog" / "0.png").write_bytes(b"")
    options = ["--data", "pets", "--epochs", "2", "--batch-size", "1", "--on-error", "skip", "--set", "picture_size=8"]
    assert cli.run(["train", "tiny", *options]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    found = re.findall(
        r"^5 pictures cannot be read and were left out: .*cat/0.png, .*cat/2.png and 2 more$", shown.out, re.M
    )
    assert len(found) == 1
    assert cli.run(["eval", "runs/tiny-pets-1"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert re.search(r"^1 picture cannot be read and was left out: .*val/dog/0.png$", shown.out, re.M)
    score = training.evaluate_run("runs/tiny-pets-1")[0]
    assert (score.n, len(score.left_out)) == (3, 1)
