"""A run keeps the names of its pictures: whatever happens to the folder, none that it learnt from is examined."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from minidl import data
from minidl.training.run_folder import split_record
from minidl.training.run_folder.split_record import (
    UNKNOWN,
    read_record,
    record_split,
    recorded_split,
    recorded_validation,
    write_record,
)
from tests.data_sets.makers import class_folders, mnist, noise, tiny_imagenet, train_and_val


@pytest.fixture
def flat(tmp_path):
    """Ten pictures of each of two classes, not divided, and what a run keeps of them."""
    folder = class_folders(tmp_path / "pets", n=10)
    return folder, through_file(tmp_path, record_split(data.open_dataset(folder)))


def through_file(tmp_path, kept):
    write_record(tmp_path / "pictures.json", kept)
    read = read_record(tmp_path / "pictures.json")
    assert read == kept
    return read


def examine(kept, folder):
    val, notes = recorded_validation(kept, data.open_dataset(folder, val_share=None))
    return [os.path.relpath(val.name(i), folder) for i in range(len(val))], notes


def resume(kept, folder):
    train, val, notes = recorded_split(kept, data.open_dataset(folder, val_share=None))
    return *([os.path.relpath(part.name(i), folder) for i in range(len(part))] for part in (train, val)), notes


def names(kept, part):
    return list(kept.class_of(part))


def changes():
    """What people do to a folder of pictures, and what is said of it."""
    yield "nothing", lambda folder, kept: None, None
    yield (
        "one more",
        lambda folder, kept: noise(folder / "cat" / "00.png", seed=99),
        "new, and left out: 1 (cat/00.png)",
    )
    yield "many more", lambda folder, kept: [noise(folder / "dog" / f"a{i}.png", i) for i in range(9)], "left out: 9 ("
    yield (
        "a name",
        lambda folder, kept: os.rename(folder / names(kept, "train")[0], folder / "cat" / "x.png"),
        "new, and",
    )
    yield "one gone", lambda folder, kept: os.remove(folder / names(kept, "val")[0]), "gone, which the run was examined"
    yield (
        "a text",
        lambda folder, kept: (folder / "cat" / "a.txt").write_text(""),
        "left out: 1 file that is no picture",
    )


@pytest.mark.parametrize("what, change, said", [*changes()], ids=[what for what, *_ in changes()])
def test_a_split_that_was_drawn_stays(flat, what, change, said):
    folder, kept = flat
    change(folder, kept)
    examined, notes = examine(kept, folder)
    assert examined == [name for name in names(kept, "val") if (folder / name).exists()]
    assert not set(examined) & set(names(kept, "train"))
    assert notes[0] == f"validation: the {len(examined)} pictures that the run keeps for it"
    assert said is None or any(said in note for note in notes)
    if all((folder / name).exists() for name in kept.class_of("train", "val")):
        train, val, notes = resume(kept, folder)
        assert (train, val) == (names(kept, "train"), names(kept, "val"))
        assert notes[0] == "training: the 16 pictures that the run keeps for it, validation: 4"
    else:
        with pytest.raises(
            ValueError, match="are not those that the run began with: 1 gone .*; put them back or begin"
        ):
            resume(kept, folder)


def test_drawing_again_would_examine_what_was_learnt_from(flat):
    """That the names are needed: the same folder with one picture more is divided in another way."""
    folder, kept = flat
    noise(folder / "cat" / "00.png", seed=99)
    drawn = data.open_dataset(folder).val
    now = {os.path.relpath(drawn.name(i), folder) for i in range(len(drawn))}
    assert now & set(names(kept, "train"))


def test_a_picture_in_another_class(flat):
    folder, kept = flat
    name = next(name for name in names(kept, "train") if name.startswith("cat/"))
    os.rename(folder / name, folder / "dog" / "new.png")
    with pytest.raises(ValueError, match=rf"1 gone \({name}\); put"):
        resume(kept, folder)


def test_a_folder_that_moved(flat, tmp_path):
    folder, kept = flat
    folder.rename(tmp_path / "elsewhere")
    assert examine(kept, tmp_path / "elsewhere")[0] == names(kept, "val")
    assert resume(kept, tmp_path / "elsewhere")[:2] == (names(kept, "train"), names(kept, "val"))


@pytest.mark.parametrize("same_names", [True, False])
def test_a_folder_of_test_pictures_is_examined_whole(flat, tmp_path, same_names):
    _, kept = flat
    for number, name in enumerate(("cat", "dog")):
        for i in range(5):
            noise(tmp_path / "test" / name / f"{'' if same_names else 't'}{i}.png", seed=500 + 10 * number + i)
    examined, notes = examine(kept, tmp_path / "test")
    assert len(examined) == 10
    assert notes[-1] == "validation: all 10 pictures, because none of them is one of the run's"


def test_a_test_picture_a_class_is_enough(flat, tmp_path):
    _, kept = flat
    for number, name in enumerate(("cat", "dog")):
        noise(tmp_path / "new" / "test_set" / name / "only.png", seed=number + 70)
    assert len(examine(kept, tmp_path / "new")[0]) == 2
    with pytest.raises(ValueError, match="no folder of pictures to learn from"):
        data.open_dataset(tmp_path / "new")


def test_a_folder_with_parts_of_other_pictures(flat, tmp_path):
    _, kept = flat
    for part in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            noise(tmp_path / "new" / part / name / "only.png", seed=number + 70)
    examined, notes = examine(kept, tmp_path / "new")
    assert examined == ["test/cat/only.png", "test/dog/only.png"]
    assert notes == [
        "training: train/, validation: test/",
        "validation: 2 pictures, because none of them is one of the run's",
    ]


def test_the_training_pictures_are_not_examined_under_another_root(tmp_path):
    folder = train_and_val(tmp_path / "pets", n=6)
    for name in ("cat", "dog"):
        for i in range(2):
            (folder / "val" / name / f"{i}.png").rename(folder / "val" / name / f"v{i}.png")
    kept = record_split(data.open_dataset(folder))
    with pytest.raises(ValueError, match=r"no picture is left to evaluate the network with: it has learnt from 12 of"):
        examine(kept, folder / "train")
    assert len(examine(kept, folder / "val")[0]) == 4


def test_parts_that_are_given(tmp_path):
    folder = train_and_val(tmp_path / "pets", n=6)
    kept = through_file(tmp_path, record_split(data.open_dataset(folder)))
    examined, notes = examine(kept, folder)
    assert (len(examined), notes) == (4, ["training: train/, validation: val/"])
    noise(folder / "val" / "cat" / "new.png", seed=60)
    (folder / "train" / "dog" / "5.png").rename(folder / "val" / "dog" / "5.png")
    (folder / "val" / "cat" / "1.png").unlink()
    examined, notes = examine(kept, folder)
    assert examined == ["val/cat/0.png", "val/cat/new.png", "val/dog/0.png", "val/dog/1.png"]
    assert notes[1:] == [
        "pictures that are gone, which the run was examined with: 1 (val/cat/1.png)",
        "pictures that are moved here from training, and left out: 1 (val/dog/5.png)",
        "pictures that are new, and examined, too: 1 (val/cat/new.png)",
    ]
    with pytest.raises(ValueError, match=r"2 gone \(train/dog/5.png, val/cat/1.png\)"):
        resume(kept, folder)


def test_labels_that_changed(tmp_path):
    folder = tiny_imagenet(tmp_path / "tiny")
    kept = record_split(data.open_dataset(folder))
    labels = folder / "val" / "val_annotations.txt"
    labels.write_text(labels.read_text().replace("val_0.JPEG\tn01", "val_0.JPEG\tn02"))
    with pytest.raises(ValueError, match=r"1 in other classes \(val/images/val_0.JPEG\)"):
        resume(kept, folder)


def test_other_contents_under_the_same_names(flat):
    folder, kept = flat
    noise(folder / names(kept, "val")[0], seed=1234)
    assert examine(kept, folder)[1][-1].startswith("other contents under the same names: 1 of 20 that were looked into")
    assert resume(kept, folder)[2][-1].startswith("other contents under the same names: 1 of 20")
    for seed, name in enumerate(kept.class_of("train", "val")):
        noise(folder / name, seed=1000 + seed)
    assert len(examine(kept, folder)[0]) == 20
    with pytest.raises(ValueError, match=r"are not those that the run began with: 20 gone"):
        resume(kept, folder)


def test_pictures_in_one_array(tmp_path):
    mnist(tmp_path / "mnist")
    found = data.open_dataset(tmp_path / "mnist")
    kept = through_file(tmp_path, record_split(found))
    assert recorded_split(kept, found)[2] == list(found.notes)
    assert recorded_validation(kept, found)[1] == list(found.notes)
    found = replace(found, train=found.train.take(slice(None, None, -1)))
    with pytest.raises(ValueError, match="the pixels or labels are others; put them back or begin anew"):
        recorded_split(kept, found)
    assert recorded_validation(kept, found)[1][-1] == "validation: other pictures than those of the run"


def test_runs_from_before_cannot_tell(flat):
    folder, _ = flat
    found = data.open_dataset(folder)
    val, notes = recorded_validation(None, found)
    assert (val, notes[-1]) == (found.val, UNKNOWN)
    assert recorded_split(None, found)[2][-1] == UNKNOWN


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "nix": 3}', b"\xff"])
def test_a_list_that_is_damaged(tmp_path, content):
    file = tmp_path / "pictures.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"pictures\.json cannot be read \(.*\); put a copy there, or remove it to go"):
        read_record(file)
    assert read_record(tmp_path / "none.json") is None


def test_a_byte_order_mark_and_names_that_are_no_text(flat, tmp_path):
    folder, _ = flat
    shutil.copy(folder / "cat" / "0.png", os.fsencode(folder / "cat") + b"/caf\xe9.png")
    kept = through_file(tmp_path, record_split(data.open_dataset(folder)))
    file = tmp_path / "pictures.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read_record(file) == kept
    assert len(examine(kept, folder)[0]) == 4
    assert np.all(np.isin(list(kept.looked), names(kept, "train") + names(kept, "val")))
    assert json.loads(file.read_text(encoding="utf-8-sig"))["format"] == split_record.FORMAT
