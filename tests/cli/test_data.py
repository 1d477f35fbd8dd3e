"""`minidl data`, typed as a user types it."""

import json
import os
import sys

import pytest

from minidl import cli
from tests.data_sets.makers import bomb, class_folders, tiny_imagenet, train_and_val


def info(capsys, *arguments):
    """Run `minidl data info` and return its status, lines and error lines."""
    status = cli.run(["data", "info", *map(str, arguments)])
    shown = capsys.readouterr()
    return status, shown.out.splitlines(), shown.err.splitlines()


def test_what_is_told(tmp_path, capsys):
    status, lines, errors = info(capsys, tiny_imagenet(tmp_path / "tiny"))
    assert (status, errors) == (0, [])
    assert lines[:4] == [
        f"{tmp_path / 'tiny'}: Tiny-ImageNet, 3 classes",
        "training: train/, validation: val/",
        "training            9 pictures, 3×8×8 (9)",
        "validation          6 pictures, 3×8×8 (6)",
    ]
    assert [line.split()[0] for line in lines[4:6]] == ["mean", "deviation"]
    assert lines[7:] == [
        "class  training  validation  name",
        "n01           3           2  goldfish",
        "n02           3           2  king penguin",
        "n03           3           2  orange",
        "",
        "no broken files",
    ]


def test_json(tmp_path, capsys):
    status, lines, _ = info(capsys, tiny_imagenet(tmp_path / "tiny"), "--json", "--classes", "n01,orange")
    found = json.loads("\n".join(lines))
    assert status == 0
    assert [one["name"] for one in found["classes"]] == ["goldfish", "orange"]
    assert found["n"] == {"train": 6, "val": 4}
    assert (found["kind"], found["path"]) == ("Tiny-ImageNet", str(tmp_path / "tiny"))


def test_a_seed_for_the_split(tmp_path, capsys):
    status, lines, _ = info(capsys, class_folders(tmp_path), "--seed", "3")
    assert (status, lines[1]) == (0, "validation: 20% of every class, drawn with seed 3")


def test_a_name(capsys):
    status, lines, _ = info(capsys, "digits", "--classes", "2")
    assert (status, lines[0]) == (0, "digits: 2 classes")
    assert "mean" in lines[3]
    assert "-0.0000" not in lines[3]


def test_broken_files_are_named_and_are_a_status(tmp_path, capsys):
    folder = train_and_val(tmp_path / "pets")
    (folder / "train" / "cat" / "0.png").write_bytes(b"")
    bomb(folder / "val" / "dog" / "1.png")
    status, lines, errors = info(capsys, folder)
    assert (status, errors) == (1, [])
    assert lines[-2] == f"broken: {folder / 'train' / 'cat' / '0.png'}: not a picture: the file is empty"
    assert lines[-1].startswith(f"broken: {folder / 'val' / 'dog' / '1.png'}: ")
    status, lines, _ = info(capsys, folder, "--json")
    assert status == 1
    assert len(json.loads("\n".join(lines))["broken"]) == 2


def test_many_sizes_are_summed_up(tmp_path, capsys):
    for i in range(7):
        class_folders(tmp_path / "train" / "deep" / str(i), size=(8 + i, 9))
    class_folders(tmp_path / "train" / "other", ("a",))
    class_folders(tmp_path / "val", ("deep", "other"), n=1)
    status, lines, _ = info(capsys, tmp_path)
    assert status == 0
    assert lines[2].startswith("training           75 pictures, 3×8×9 (10), ")
    assert lines[2].endswith(" and 3 more sizes")


@pytest.mark.parametrize(
    "make, line",
    [
        (lambda folder: folder.mkdir(), "pets: the folder is empty; expected train/CLASS/*.jpg"),
        (
            lambda folder: class_folders(folder, ("cat",)),
            "pets: there must be two classes or more to tell apart, here is 1",
        ),
        (lambda folder: None, "pets: there is no such folder; expected a folder or one of the names: digits"),
    ],
)
def test_what_is_no_data_set_is_one_line(make, line, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "pets")
    status, lines, errors = info(capsys, "pets")
    assert (status, lines) == (1, [])
    assert len(errors) == 1
    assert errors[0].startswith(f"minidl: {line}")


def test_a_folder_that_may_not_be_read_is_one_line(tmp_path, capsys, monkeypatch):
    def refuse(path):  # root may read everything, so it is played
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    status, _, errors = info(capsys, tmp_path)
    assert (status, errors) == (1, [f"minidl: {tmp_path}: Permission denied; make it readable: chmod -R u+rX"])


def test_names_that_cannot_be_shown(tmp_path, launch, environment):
    class_folders(tmp_path / "pets", ("Übergröße", "猫"))
    os.mkdir(os.fsencode(tmp_path / "pets") + b"/caf\xe9\n")
    for i in range(2):
        os.rename(tmp_path / "pets" / "猫" / f"{i}.png", os.fsencode(tmp_path / "pets") + b"/caf\xe9\n/%d.png" % i)
    process = launch("data", "info", "pets")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert r"caf\udce9\n" in out
    environment["PYTHONIOENCODING"] = "ascii"
    process = launch("data", "info", "pets")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert r"\xdcbergr\xf6\xdfe" in out


def test_without_a_verb_there_is_help(capsys):
    assert cli.run(["data"]) == 0
    assert "info" in capsys.readouterr().out
    assert cli.run(["data", "info", "--help"]) == 0
    assert "minidl data info tiny-imagenet-200 --classes 10" in capsys.readouterr().out


def test_a_bar_on_a_terminal(tmp_path, capsys, monkeypatch):
    class_folders(tmp_path)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    status, lines, _ = info(capsys, tmp_path)
    assert status == 0
    assert lines[-1] == "no broken files"


def test_real_pictures(minidl_data, capsys):
    status, lines, _ = info(capsys, minidl_data / "cifar-10-batches-bin")
    assert status == 0
    assert lines[2] == "training        8,000 pictures, 3×32×32 (8,000)"
