"""Every command against every kind of folder, ending and name: one table of each, walked by all that read pictures."""

import json
import os
import unicodedata

import pytest
from PIL import Image

from minidl import cli
from tests.cli.test_errors import fails
from tests.data_sets.makers import class_folders, mnist, noise, picture, tiny_imagenet, train_and_val
from tests.training import tiny

KOREAN = "고양이"
APART = unicodedata.normalize("NFD", KOREAN)
TRAIN = ("train", "tiny", "--epochs", "1", "--set", "picture_size=8", "--set", "workers=0")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIDL_TRACEBACK", raising=False)
    tiny.register(monkeypatch.setitem)
    monkeypatch.setattr(
        "minidl.training.run_folder.report.write_report", lambda run, state, val: run.report
    )  # it has its own tests


def done(capsys, *arguments):
    """Run a command that succeeds; return its output."""
    status = cli.run(list(map(str, arguments)))
    shown = capsys.readouterr()
    assert (status, shown.err) == (0, "")
    return shown.out


def walk(capsys, folder, n_train, n_val, files=()):
    """Let every command look at a folder; all must see the same pictures."""
    found = json.loads(done(capsys, "data", "info", folder, "--json"))
    assert found["n"] == {"train": n_train, "val": n_val}
    out = done(capsys, *TRAIN, "--data", folder)
    assert f"{len(found['classes'])} classes, {n_train} pictures to learn from, {n_val} to validate with" in out
    for note in found["notes"]:
        assert note in out.splitlines()
    run = os.path.join("runs", os.listdir("runs")[0])
    score = json.loads(done(capsys, "eval", run, "--json"))
    assert score["n"] == n_val
    assert len(score["per_class"]) == len(found["classes"])
    text = done(capsys, "eval", run)
    for note in score["notes"]:
        assert note in text.splitlines()
    done(capsys, "report", run)
    done(capsys, *TRAIN[:1], "--resume", run, "--epochs", "2")
    if files:
        answers = json.loads(done(capsys, "predict", "--weights", f"{run}/last.safetensors", "--json", *files))
        assert len(answers) == len(files)
        assert all(answer["top"] for answer in answers)
    return found


def parts(train, val):
    return lambda folder: (class_folders(folder / train, n=4), class_folders(folder / val, n=2))


def with_rubbish(folder):
    parts("train", "val")(folder)
    for name in ("@eaDir", ".thumbnails", "__MACOSX", ".ipynb_checkpoints"):
        noise(folder / name / "0.png")
        noise(folder / "train" / "cat" / name / "0.png")
        noise(folder / "val" / name / "0.png")


def spelled_in_two_ways(folder):
    class_folders(folder / "train", (APART, "dog"), n=4)
    class_folders(folder / "val", (KOREAN, "dog"), n=2)


def without_emu(folder):
    class_folders(folder / "train", ("cat ", "dog"), n=4)
    class_folders(folder / "val", ("cat ", "dog"), n=2)


def cranes(folder):
    train_and_val(folder, ("n01", "n02"))
    (folder / "words.txt").write_text("n01\tcrane\nn02\tcrane\n", encoding="utf-8-sig")


def in_folders(folder):
    mnist(folder / "plain")
    for file in list((folder / "plain").iterdir()):
        (folder / file.name).mkdir()
        file.rename(folder / file.name / file.name)
    (folder / "plain").rmdir()


FOLDERS = {
    "flat": (lambda folder: class_folders(folder), 8, 2),
    "train alone": (lambda folder: class_folders(folder / "train"), 8, 2),
    "train, val": (parts("train", "val"), 8, 4),
    "training_set, test_set": (parts("training_set", "test_set"), 8, 4),
    "train_data, valid_data": (parts("train_data", "valid_data"), 8, 4),
    "seg_train/seg_train": (parts("seg_train/seg_train", "seg_test/seg_test"), 8, 4),
    "train, testing": (parts("train", "testing"), 8, 4),
    "train, eval": (parts("train", "eval"), 8, 4),
    "train, dev": (parts("train", "dev"), 8, 4),
    "Train, Validate": (parts("Train", "Validate"), 8, 4),
    "rubbish": (with_rubbish, 8, 4),
    "NFC and NFD": (spelled_in_two_ways, 8, 4),
    "a blank at the end": (without_emu, 8, 4),
    "two cranes": (cranes, 8, 4),
    "Tiny-ImageNet": (tiny_imagenet, 9, 6),
    "MNIST in folders": (in_folders, 6, 6),
}


@pytest.mark.parametrize("what", FOLDERS)
def test_every_command_sees_the_same_in_every_folder(tmp_path, capsys, what):
    make, n_train, n_val = FOLDERS[what]
    make(tmp_path / "pets")
    found = walk(capsys, "pets", n_train, n_val)
    if what == "two cranes":
        assert [one["name"] for one in found["classes"]] == ["n01", "n02"]


REFUSED = {
    "val, test": (parts("val", "test"), "no folder of pictures to learn from"),
    "the same folders in all": (parts("first", "second"), "cannot be classes, because each of them holds the folders"),
    "a part beside classes": (
        lambda folder: class_folders(folder, ("cat", "dog", "test")),
        "a part of the data set, or a class?",
    ),
    "two for one part": (
        lambda folder: [class_folders(folder / name) for name in ("train", "val", "dev")],
        "could each hold the pictures of validation",
    ),
    "other classes": (
        lambda folder: (class_folders(folder / "train"), class_folders(folder / "val", ("cat", "emu"))),
        "its classes are not those of train/",
    ),
    "two spellings": (
        lambda folder: class_folders(folder, (KOREAN, APART)),
        "two folders are called",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_every_command_refuses_what_could_mean_two_things(tmp_path, capsys, what):
    make, message = REFUSED[what]
    make(tmp_path / "bad")
    for arguments in (("data", "info", "bad"), (*TRAIN, "--data", "bad")):
        assert message in fails(capsys, 1, *arguments)
    assert not os.path.exists("runs")
    for number in range(8):
        noise(tmp_path / "pets" / ("cat", "dog")[number % 2] / f"own{number}.png", seed=5000 + number)
    done(capsys, *TRAIN, "--data", "pets", "--out", "run")
    if what == "val, test":  # nothing to learn from, but enough to be examined with
        found = json.loads(done(capsys, "eval", "run", "--data", "bad", "--json"))
        which = "all 8 pictures, because none of them is one of the run's"
        assert found["notes"] == [f"validation: {which}; not used: test/"]
        message = "are not those that the run began with"
    else:
        assert message in fails(capsys, 1, "eval", "run", "--data", "bad")
    assert message in fails(capsys, 1, "train", "--resume", "run", "--data", "bad", "--epochs", "2")


def test_runs_inside_the_data_are_no_class(tmp_path, capsys):
    class_folders(tmp_path)
    for number in (1, 2):
        assert "2 classes, 8 pictures to learn from" in done(capsys, *TRAIN, "--data", ".")
        assert len(os.listdir("runs")) == number
    assert "left out: runs/ (runs of minidl, no pictures to learn from)" in done(capsys, "data", "info", ".")


ENDINGS = (
    ".jpg",
    ".JPEG",
    ".jfif",
    ".jpe",
    ".png",
    ".webp",
    ".avif",
    ".jp2",
    ".gif",
    ".bmp",
    ".tif",
    ".ppm",
    "",
    ".007",
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_command_reads_every_ending(tmp_path, capsys, ending):
    form = {"": "PNG", ".007": "JPEG", ".jfif": "JPEG"}.get(ending)
    for number, name in enumerate(("cat", "dog")):
        for i in range(5):
            picture(tmp_path / "x.png", (40 * i, 90 * number, 200 - 30 * i))
            (tmp_path / "pets" / name).mkdir(parents=True, exist_ok=True)
            with Image.open(tmp_path / "x.png") as image:
                image.save(tmp_path / "pets" / name / f"{i}{ending}", form)
            (tmp_path / "x.png").unlink()
    walk(capsys, "pets", 8, 2, [f"pets/cat/0{ending}"])


def test_every_command_counts_what_is_no_picture(tmp_path, capsys):
    class_folders(tmp_path / "pets")
    (tmp_path / "pets" / "cat" / "a.heic").write_bytes(b"....ftypheic")
    (tmp_path / "pets" / "dog" / "README").write_text("no picture")
    note = "left out: 2 files that are no pictures Pillow can read: .heic (1), no ending (1)"
    assert note in walk(capsys, "pets", 8, 2)["notes"]


NAMES = {
    "plain": "plain",
    "blanks": "two  words",
    "a blank at the end": "end ",
    "a blank in front": " front",
    "NFC": KOREAN,
    "NFD": APART,
    "emoji": "🐈‍⬛",
    "a line": "new\nline",
    "a tab": "tab\tbed",
    "escape": "\x1b[31mred",
    "markup": "[red]<b>&amp;",
    "mathematics": "$x_2$",
    "backslash": "back\\slash",
    "percent": "%d %s {}",
    "quotes": 'it\'s "so"',
    "a dash": "-rf",
    "commas": "a,b",
    "no UTF-8": os.fsdecode(b"\xb0\xed\xbe\xe7"),
    "long": "n" * 200,
}


@pytest.mark.parametrize("what", NAMES)
def test_every_command_takes_every_name_of_a_file(tmp_path, capsys, what):
    class_folders(tmp_path / "pets", n=4)
    files = []
    for number, name in enumerate(("cat", "dog")):
        files.append(tmp_path / "pets" / name / f"{NAMES[what]}.png")
        noise(files[-1], seed=number + 50)
    walk(capsys, "pets", 8, 2, files)


@pytest.mark.parametrize("what", NAMES)
def test_every_command_takes_every_name_of_a_class(tmp_path, capsys, what):
    class_folders(tmp_path / "pets", (NAMES[what], "zebra"))
    found = walk(capsys, "pets", 8, 2)
    assert {unicodedata.normalize("NFC", NAMES[what]), "zebra"} == {one["name"] for one in found["classes"]}
