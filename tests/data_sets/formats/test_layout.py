"""What folders mean: the names of the parts, what is left out, and what is refused because it could mean two things."""

import os
import unicodedata

import pytest

from minidl import data
from minidl.data import _picture_files
from minidl.data.formats import _layout
from tests.data_sets.makers import class_folders, mnist, noise, picture, tiny_imagenet, train_and_val

KOREAN = "고양이"
APART = unicodedata.normalize("NFD", KOREAN)

PARTS = [
    ("train", "val"),
    ("Train", "Valid"),
    ("training", "validation"),
    ("training_set", "test_set"),
    ("train_data", "test_data"),
    ("train", "testing"),
    ("train", "eval"),
    ("train", "dev"),
    ("train", "validate"),
    ("train", "holdout"),
    ("trainset", "testset"),
    ("TRAIN IMAGES", "TEST IMAGES"),
    ("1.Training", "2.Validation"),
    ("train2017", "val2017"),
    ("ILSVRC2012_img_train", "ILSVRC2012_img_val"),
    ("seg_train/seg_train", "seg_test/seg_test"),
    ("train/train", "val/val"),
]


def refuses(folder, message, **settings):
    with pytest.raises(ValueError, match=message) as caught:
        data.open_dataset(folder, **settings)
    assert "\n" not in str(caught.value)


def names(split):
    return sorted(os.path.basename(os.path.dirname(split.name(i))) for i in range(len(split)))


@pytest.mark.parametrize("train, val", PARTS)
def test_parts_are_known_by_many_names(tmp_path, train, val):
    class_folders(tmp_path / train, n=4)
    class_folders(tmp_path / val, n=2)
    found = data.open_dataset(tmp_path)
    assert (found.classes, len(found.train), len(found.val), found.drawn) == (("cat", "dog"), 8, 4, False)
    assert found.notes == (f"training: {train}/, validation: {val}/",)


@pytest.mark.parametrize("train", sorted({train for train, _ in PARTS}))
def test_a_part_to_learn_from_alone_is_divided(tmp_path, train):
    class_folders(tmp_path / train)
    found = data.open_dataset(tmp_path)
    assert (found.classes, len(found.train), len(found.val), found.drawn) == (("cat", "dog"), 8, 2, True)
    assert found.notes == (f"training: {train}/, validation: 20% of every class, drawn with seed 0",)


@pytest.mark.parametrize("val", sorted({val for _, val in PARTS}))
def test_a_part_to_be_examined_with_alone_is_refused(tmp_path, val):
    outer = val.split("/")[0]
    class_folders(tmp_path / val)
    refuses(tmp_path, rf"there is .*{outer}/.*, but no folder of pictures to learn from; name it train/")
    class_folders(tmp_path, ("car", "plane"))
    refuses(tmp_path, rf"{outer}.* beside car/, plane/: a part of the data set, or a class\? move the classes")


def test_validation_and_test_without_training(tmp_path):
    class_folders(tmp_path / "val")
    class_folders(tmp_path / "test")
    refuses(tmp_path, "there is test/, val/, but no folder of pictures to learn from; name it train/")


def test_a_word_that_is_meant_as_a_class_can_be_named(tmp_path):
    class_folders(tmp_path, ("control", "test"))
    refuses(tmp_path, "test/ beside control/: a part of the data set, or a class.*--classes control,test")
    assert data.open_dataset(tmp_path, "control,test").classes == ("control", "test")


def test_two_folders_for_one_part(tmp_path):
    train_and_val(tmp_path)
    class_folders(tmp_path / "valid")
    refuses(tmp_path, "val/, valid/ could each hold the pictures of validation; which is meant")


def test_what_is_not_used_is_said(tmp_path):
    train_and_val(tmp_path)
    class_folders(tmp_path / "test")
    picture(tmp_path / "seg_pred" / "1.jpg")
    assert data.open_dataset(tmp_path).notes == ("training: train/, validation: val/; not used: seg_pred/, test/",)


@pytest.mark.parametrize("outer", [("first", "second"), ("훈련", "검증"), ("a", "b", "c")])
def test_classes_that_all_hold_the_same_folders_are_refused(tmp_path, outer):
    for name in outer:
        class_folders(tmp_path / name)
    refuses(tmp_path, "cannot be classes, because each of them holds the folders cat, dog; if these are the classes")
    picture(tmp_path / outer[0] / "emu" / "1.jpg")
    refuses(tmp_path, "cannot be classes, because each of them holds the folders cat, dog;")


def test_parts_below_the_classes_are_refused(tmp_path):
    for name in ("cat", "dog"):
        class_folders(tmp_path / name, ("train", "test"))
    refuses(tmp_path, "the folders test, train; the parts of a data set lie above its classes: .*/test/CLASS")


def test_one_folder_inside_every_class_is_no_reason_to_refuse(tmp_path):
    for name in ("cat", "dog"):
        class_folders(tmp_path / name, ("images",))
    assert data.open_dataset(tmp_path).classes == ("cat", "dog")


# What is left out


@pytest.mark.parametrize("name", ["@eaDir", ".thumbnails", "__MACOSX", ".ipynb_checkpoints", ".hidden", "#recycle"])
def test_what_systems_leave_behind_is_left_out_everywhere(tmp_path, name):
    for root in (tmp_path / "flat", tmp_path / "split" / "train", tmp_path / "split" / "val"):
        class_folders(root, n=3)
        noise(root / name / "0.png")
        noise(root / name / "cat" / "0.png")
        noise(root / "cat" / name / "0.png")
        noise(root / "cat" / "deeper" / name / "0.png.jpg")
    for folder in ("flat", "split"):
        found = data.open_dataset(tmp_path / folder)
        assert found.classes == ("cat", "dog")
        assert set(names(found.train)) | set(names(found.val)) == {"cat", "dog"}
        assert len(found.train) + len(found.val) == (6 if folder == "flat" else 12)


def make_run(folder):
    picture(folder / "curves.png")
    (folder / "config.json").write_text("{}")
    (folder / "last.safetensors").write_bytes(b"")


def test_runs_are_left_out_and_said(tmp_path):
    class_folders(tmp_path)
    make_run(tmp_path / "runs" / "tiny-pets-1")
    make_run(tmp_path / "runs" / "tiny-pets-2")
    (tmp_path / "runs" / "notes.txt").write_text("")
    make_run(tmp_path / "mine")
    make_run(tmp_path / "cat" / "run")
    found = data.open_dataset(tmp_path)
    assert found.classes == ("cat", "dog")
    assert len(found.train) + len(found.val) == 10
    assert found.notes[1] == "left out: cat/run/, mine/, runs/ (runs of minidl, no pictures to learn from)"
    noise(tmp_path / "runs" / "0.png")  # a class of this name is one
    noise(tmp_path / "runs" / "1.png")
    assert data.open_dataset(tmp_path).classes == ("cat", "dog", "runs")


def test_a_folder_called_as_a_data_set_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert data.open_dataset("digits").notes == ()
    class_folders(tmp_path / "digits", ("0", "1"))
    (note,) = data.open_dataset("digits").notes
    assert note == "digits: the data set of this name that comes with minidl, not the folder here: that is ./digits"
    assert data.open_dataset("./digits").kind == "picture folders"


# Endings


@pytest.mark.parametrize("ending", [".jpg", ".JFIF", ".jpe", ".avif", ".jp2", ".webp", ".tga", ".qoi", "", ".0001"])
def test_every_ending_that_pillow_reads_is_read(tmp_path, ending):
    class_folders(tmp_path)
    form = {".jfif": "JPEG", "": "PNG", ".0001": "JPEG"}.get(ending.lower())
    from PIL import Image

    for name in ("cat", "dog"):
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / f"more{ending}", form)
    found = data.open_dataset(tmp_path)
    assert len(found.train) + len(found.val) == 12
    assert len(found.notes) == 1
    assert not data.describe(found).broken


def test_every_ending_of_pillow_is_known_but_for_formats_it_hands_on():
    from PIL import Image

    Image.init()
    for ending, form in Image.registered_extensions().items():
        expected = form in Image.OPEN and form not in _picture_files.UNREADABLE
        assert (ending in _picture_files.endings()) == expected, ending


def test_what_is_no_picture_is_counted(tmp_path):
    class_folders(tmp_path)
    for name in ("a.heic", "b.HEIC", "notes.txt", "README", "movie.mpg"):
        (tmp_path / "cat" / name).write_text("BMW, not a picture")
    notes = data.open_dataset(tmp_path).notes
    assert notes[1].startswith("left out: 5 files that are no pictures Pillow can read: .heic (2), ")
    assert "no ending (1)" in notes[1]
    assert ".mpg (1)" in notes[1]


# Spellings


def test_two_spellings_of_a_name_are_one_class(tmp_path):
    class_folders(tmp_path / "train", (APART, "dog"), n=4)
    class_folders(tmp_path / "val", (KOREAN, "dog"), n=2)
    found = data.open_dataset(tmp_path, f"{KOREAN},dog")
    assert (found.classes, len(found.train), len(found.val)) == (("dog", KOREAN), 8, 4)
    assert data.open_dataset(tmp_path, f"{APART},dog").classes == found.classes


def test_two_spellings_side_by_side_are_refused(tmp_path):
    class_folders(tmp_path, (APART, KOREAN, "dog"))
    refuses(tmp_path, f"two folders are called '{KOREAN}', once in letters that are written together")


def test_blanks_at_the_end_of_a_name_are_read_and_shown(tmp_path):
    class_folders(tmp_path / "train", ("cat ", "dog"))
    class_folders(tmp_path / "val", ("cat ", "dog"))
    assert data.open_dataset(tmp_path).classes == ("cat ", "dog")
    assert data.open_dataset(tmp_path, "cat ,dog").classes == ("cat ", "dog")
    (tmp_path / "val" / "cat ").rename(tmp_path / "val" / "cat")
    refuses(tmp_path, "cat only in val/; 'cat ' only in train/")


# Names


def cranes(folder):
    class_folders(folder, ("n01", "n02", "n03"))
    (folder / "words.txt").write_text("n01\tcrane, a bird\nn02\tcrane, a machine\nn03\tdog\n", encoding="utf-8-sig")
    return folder


@pytest.mark.parametrize("make", [cranes, tiny_imagenet])
def test_classes_of_one_name_go_by_their_ids(tmp_path, make):
    folder = make(tmp_path / "pets")
    (folder / "words.txt").write_text("n01\tcrane, a bird\nn02\tcrane, a machine\nn03\tdog\n", encoding="utf-8-sig")
    found = data.open_dataset(folder)
    assert found.classes == ("n01", "n02", "dog")
    assert found.notes[-1] == "two or more classes are called crane (n01, n02): they go by their ids"
    refuses(folder, "2 classes are called crane; give the id: n01, n02", classes="crane,dog")
    assert data.open_dataset(folder, "n02,dog").classes == ("n02", "dog")


def test_a_class_that_validation_lacks_is_no_matter_if_it_is_not_wanted(tmp_path):
    class_folders(tmp_path / "train", ("cat", "dog", "emu"))
    class_folders(tmp_path / "val", ("cat", "dog"))
    refuses(tmp_path, "emu only in train/")
    assert data.open_dataset(tmp_path, "cat,dog").classes == ("cat", "dog")
    assert data.open_dataset(tmp_path, 2).classes == ("cat", "dog")


# Archives that were unpacked in other ways


def sort_validation(folder, below="", keep_labels=True):
    """Move the validation pictures into folders, as a well-known script does."""
    labels = folder / "val" / "val_annotations.txt"
    for line in labels.read_text().splitlines():
        name, label, *_ = line.split("\t")
        place = folder / "val" / label / below
        place.mkdir(parents=True, exist_ok=True)
        (folder / "val" / "images" / name).rename(place / name)
    (folder / "val" / "images").rmdir()
    if not keep_labels:
        labels.unlink()


@pytest.mark.parametrize("below", ["", "images"])
@pytest.mark.parametrize("keep_labels", [True, False])
def test_a_validation_set_that_was_sorted(tmp_path, below, keep_labels):
    folder = tiny_imagenet(tmp_path / "tiny")
    before = data.open_dataset(folder)
    sort_validation(folder, below, keep_labels)
    after = data.open_dataset(folder)
    assert (after.kind, after.classes, after.val.counts().tolist()) == (before.kind, before.classes, [2, 2, 2])
    assert after.notes == ("training: train/, validation: val/, sorted into folders",)
    (folder / "val" / "images").mkdir()  # an empty one stays with some scripts
    assert len(data.open_dataset(folder).val) == 6


def test_a_validation_set_that_was_sorted_wrongly_or_in_part(tmp_path):
    folder = tiny_imagenet(tmp_path / "tiny")
    sort_validation(folder)
    (folder / "val" / "n02" / "val_1.JPEG").rename(folder / "val" / "n01" / "val_1.JPEG")
    refuses(folder, r"n01/val_1.JPEG: val_annotations.txt says that its class is 'n02'; move it there")
    (folder / "val" / "images").mkdir()
    (folder / "val" / "n01" / "val_1.JPEG").rename(folder / "val" / "images" / "val_1.JPEG")
    refuses(folder, r"val: sorted in part: 1 pictures lie in .*images \(val_1.JPEG\), others in folders")


@pytest.mark.parametrize("inside, packed", [("-", False), (".", False), ("-", True)])
def test_mnist_unpacked_into_folders(tmp_path, inside, packed):
    x, labels = mnist(tmp_path / "plain", packed=packed)
    for file in list((tmp_path / "plain").iterdir()):
        (tmp_path / "folders" / file.name).mkdir(parents=True)
        file.rename(tmp_path / "folders" / file.name / file.name.replace("-idx", f"{inside}idx"))
    found = data.open_dataset(tmp_path / "folders")
    assert (found.kind, found.train.labels.tolist()) == ("MNIST", labels.tolist())
    assert (found.train.x[:, 0] == x).all()


def test_the_table_says_every_word_once():
    words = [word for known in _layout.ROLES.values() for word in known]
    assert len(words) == len(set(words))
    assert not set(words) & _layout.FILLERS
