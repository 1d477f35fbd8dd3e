"""Bad data and bad settings on the command line: one line with the file and the cure, and nothing is left behind."""

import os
import re
import struct
import zlib

import pytest

from minidl import cli, models, training, weights
from tests.cli.test_errors import fails
from tests.data_sets.makers import cifar_binary, class_folders, noise, picture, tiny_imagenet, train_and_val
from tests.training import tiny


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIDL_TRACEBACK", raising=False)
    tiny.register(monkeypatch.setitem)


@pytest.fixture
def pets(tmp_path):
    return train_and_val(tmp_path / "pets")


TRAIN = ("train", "tiny", "--data", "pets", "--epochs", "1")


def chunk(kind, content):
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def one_line(capsys, *more):
    """Run a training that fails, and return its line; no run folder is left."""
    line = fails(capsys, 1, *TRAIN, *more)
    assert not os.path.exists("runs") or os.listdir("runs") == []
    return line


def test_folders_that_are_no_data_set(capsys, tmp_path):
    (tmp_path / "pets").mkdir()
    assert "pets: the folder is empty; expected train/CLASS" in one_line(capsys)
    class_folders(tmp_path / "pets", names=("cat",))
    assert "there must be two classes or more to tell apart, here is 1, cat" in one_line(capsys)
    assert "there is no such folder" in fails(capsys, 1, "train", "tiny", "--data", "nix")


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "not a picture: the file is empty"),
        (b"hello, I am a text", "not a picture: it looks like text"),
        ("truncated", "the picture is broken"),
        ("bomb", "too large for a picture"),
    ],
)
def test_broken_pictures_end_or_are_left_out(capsys, pets, content, reason):
    file = pets / "train" / "cat" / "2.png"
    if content == "truncated":
        content = noise(file, size=(30, 30)) is not None and file.read_bytes()[:900]
    if content == "bomb":
        head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
        content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    file.write_bytes(content)
    line = one_line(capsys)
    assert "pets/train/cat/2.png: " in line
    assert reason in line
    assert cli.run([*TRAIN, "--on-error", "skip"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^1 picture cannot be read and was left out: .*pets/train/cat/2\.png$", out, re.M)
    state = training.load_checkpoint("runs/tiny-pets-1/last.safetensors")
    assert state.pictures == [8, 4]
    assert state.history[0]["step"] == 1


def test_a_picture_of_one_pixel_is_brought_to_size(capsys, pets):
    picture(pets / "train" / "cat" / "dot.png", size=(1, 1))
    assert cli.run(list(TRAIN)) == 0
    assert training.load_checkpoint("runs/tiny-pets-1/last.safetensors").config.picture_size == 64


def test_names_of_all_kinds(capsys, pets):
    noise(pets / "train" / "cat" / "кот 猫 é.png")
    noise(pets / "train" / "cat" / f"{'long' * 60}.png")
    assert cli.run(list(TRAIN)) == 0
    assert training.load_checkpoint("runs/tiny-pets-1/last.safetensors").pictures == [10, 4]


def test_links_in_a_circle(capsys, pets):
    (pets / "train" / "cat" / "round").symlink_to(pets / "train")
    (pets / "train" / "cat" / "self.png").symlink_to("self.png")
    status = cli.run(list(TRAIN))
    assert status in (0, 1)  # left out, or named; never for ever, never a traceback
    assert capsys.readouterr().err.count("\n") == status


def test_a_file_that_may_not_be_read(capsys, pets, monkeypatch):
    forbidden, real = os.path.join("pets", "val", "dog", "1.png"), open

    def guard(file, *arguments, **settings):
        if str(file) == forbidden:
            raise PermissionError(13, "Permission denied", file)
        return real(file, *arguments, **settings)

    monkeypatch.setattr("builtins.open", guard)  # the administrator, who may run this, is never refused for real
    assert "val/dog/1.png: Permission denied" in one_line(capsys)


def test_labels_that_are_missing(capsys, tmp_path):
    folder = tiny_imagenet(tmp_path / "pets")
    labels = folder / "val" / "val_annotations.txt"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[1:]))
    line = one_line(capsys)
    assert "val_annotations.txt" in line
    assert "val_0.JPEG" in line


def test_validation_of_other_classes(capsys, pets):
    (pets / "val" / "cat").rename(pets / "val" / "catfish")
    assert "its classes are not those of train/" in one_line(capsys)


def test_a_batch_of_cifar_that_is_cut_short(capsys, tmp_path):
    cifar_binary(tmp_path / "pets")
    file = tmp_path / "pets" / "data_batch_2.bin"
    file.write_bytes(file.read_bytes()[:-100])
    assert "data_batch_2.bin" in one_line(capsys)


def test_a_gz_that_is_none(capsys, tmp_path):
    (tmp_path / "pets").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "pets" / f"{name}-ubyte.gz").write_bytes(b"this is no gz")
    assert "ubyte.gz" in one_line(capsys)


def test_recipes_and_settings_with_mistakes(capsys, pets, tmp_path):
    (tmp_path / "mine.toml").write_text("epocs = 3\n")
    assert "mine.toml: there is no setting 'epocs'; did you mean epochs" in one_line(capsys, "--recipe", "mine.toml")
    (tmp_path / "mine.toml").write_text("epochs = 3\nlr = \n")
    assert "mine.toml, line 2" in one_line(capsys, "--recipe", "mine.toml")
    assert "recipe: there is no 'fsat'; did you mean fast" in one_line(capsys, "--recipe", "fsat")
    assert "did you mean weight_decay" in one_line(capsys, "--set", "wieght_decay=0.1")
    assert "there is no 'filp'; did you mean flip" in one_line(capsys, "--set", 'transforms=[{name="filp"}]')
    assert "there is no class 'dgo'; did you mean dog?" in one_line(capsys, "--classes", "cat,dgo")
    assert "which network? give its name" in fails(capsys, 1, "train", "--data", "pets")


def test_pictures_that_the_network_cannot_take(capsys, pets):
    line = fails(capsys, 1, "train", "cnn_deep", "--data", "pets", "--set", "picture_size=20")
    assert line.startswith("cnn_deep: expects pictures of 32 to 39 pixels a side, these are 20×20")
    assert not os.path.exists("runs")


def test_a_learning_rate_that_is_too_large(capsys, pets):
    line = fails(capsys, 1, *TRAIN, "--lr", "1e30", "--set", "clip_norm=none", "--batch-size", "2")
    assert "train: in epoch 1, step " in line
    assert "comes from " in line or "is not finite" in line
    assert line.endswith("the last good checkpoint is runs/tiny-pets-1/last.safetensors")
    assert training.load_checkpoint("runs/tiny-pets-1/last.safetensors").epoch == 0


def test_two_classes_for_weights_of_a_thousand(capsys, pets):
    net = models.get_model("resnet20_cifar", num_classes=1000)
    weights.save("thousand.safetensors", net.state_dict(), model="resnet20_cifar")
    assert cli.run(["train", "resnet20_cifar", *TRAIN[2:], "--weights", "thousand.safetensors", "--freeze"]) == 0
    out = capsys.readouterr().out
    assert "arrays from thousand.safetensors; new: fc.weight, fc.bias" in out
    assert "frozen but for 130 parameters of the head" in out
    state = training.load_checkpoint("runs/resnet20_cifar-pets-1/last.safetensors")
    assert state.net.fc.weight.shape == (2, 64)


def test_eval_refuses_other_classes_and_takes_other_pictures(capsys, pets, tmp_path):
    assert cli.run(list(TRAIN)) == 0
    train_and_val(tmp_path / "birds", names=("crow", "dog"))
    line = fails(capsys, 1, "eval", "runs/tiny-pets-1", "--data", "birds")
    assert "birds: the classes must be those of the training, in their order; unknown: crow; missing: cat" in line
    train_and_val(tmp_path / "more", n=6)
    assert cli.run(["eval", "runs/tiny-pets-1", "--data", "more", "--json"]) == 0
    assert '"n": 4,' in capsys.readouterr().out


def test_a_data_set_that_has_changed_is_not_gone_on_with(capsys, pets):
    assert cli.run(list(TRAIN)) == 0
    (pets / "train" / "cat" / "0.png").rename("0.png")
    line = fails(capsys, 1, "train", "--resume", "runs/tiny-pets-1", "--epochs", "2")
    assert "are not those that the run began with: 1 gone (train/cat/0.png); put them back or begin anew" in line
    os.rename("0.png", pets / "train" / "cat" / "0.png")
    pets.rename("elsewhere")
    for arguments in (("train", "--epochs", "2", "--resume"), ("eval",), ("report",)):
        line = fails(capsys, 1, *arguments, "runs/tiny-pets-1")
        assert "pets: there is no such folder" in line
        assert line.endswith("; the run's data set was there; if it is elsewhere now: --data DIR")
    assert cli.run(["train", "--resume", "runs/tiny-pets-1", "--epochs", "2", "--data", "elsewhere"]) == 0
    assert training.load_checkpoint("runs/tiny-pets-1/last.safetensors").epoch == 2
