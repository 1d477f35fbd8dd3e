"""Five layouts of pictures with boxes: what is read, what is refused, and what is told of it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from minidl import cli, data
from minidl.data.boxes import kind_of, open_boxes
from tests.data_sets.boxes.makers import BOXES, CLASSES, MAKERS, annotation, coco, kitti, open_images, thing, voc, yolo

BCCD = Path(os.environ.get("MINIDL_DATA", "nowhere"), "bccd")


def contents(found):
    """Every box of a data set, by its picture."""
    return {
        record.path.stem: [
            (*box, found.classes[label]) for box, label in zip(record.boxes.boxes.tolist(), record.boxes.labels)
        ]
        for split in found.parts.values()
        for record in split.records
    }


@pytest.mark.parametrize("kind", MAKERS)
def test_every_layout_says_the_same(kind, tmp_path):
    folder = MAKERS[kind](tmp_path / "set")
    found = open_boxes(folder)
    assert (kind_of(folder), found.kind, found.classes) == (kind, kind, CLASSES)
    boxes = contents(found)
    assert boxes.keys() == BOXES.keys()
    for name, some in BOXES.items():
        assert [box[-1] for box in boxes[name]] == [box[-1] for box in some]
        np.testing.assert_allclose([box[:4] for box in boxes[name]], [box[:4] for box in some], atol=1e-5)
    assert {record.size for split in found.parts.values() for record in split.records} == {(60, 80)}
    if kind != "kitti":  # which has no parts of its own
        assert ([found.train.name(0)], len(found.train), len(found.val)) == (["a"], 1, 2)
    assert found.train.read(0).shape == (3, 60, 80)


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
@pytest.mark.parametrize("kind", MAKERS)
def test_a_layout_can_be_written_as_another(kind, to, tmp_path, capsys):
    source, target = MAKERS[kind](tmp_path / "set"), tmp_path / "new"
    assert cli.run(["data", "convert", str(source), str(target), "--to", to]) == 0
    assert "lost" not in capsys.readouterr().out
    assert kind_of(target) == to
    before, after = open_boxes(source), open_boxes(target)
    assert [[one.path.stem for one in part.records] for part in after.parts.values()] == [
        [one.path.stem for one in part.records] for part in before.parts.values()
    ]
    boxes, others = contents(before), contents(after)
    for name, some in boxes.items():
        assert [box[-1] for box in others[name]] == [box[-1] for box in some]
        np.testing.assert_allclose([box[:4] for box in others[name]], [box[:4] for box in some], atol=1e-5)


def test_what_a_layout_has_no_place_for_is_told(tmp_path, capsys):
    hard = voc(tmp_path / "voc")
    more = "<difficult>1</difficult><truncated>1</truncated>"
    (hard / "Annotations" / "a.xml").write_text(annotation(thing(box, more) for box in BOXES["a"]))
    cli.run(["data", "convert", str(hard), str(tmp_path / "yolo"), "--to", "yolo"])
    lines = capsys.readouterr().out.splitlines()
    assert "yolo has no place for marks of difficult boxes: 2 are lost" in lines
    assert "yolo has no place for marks of truncated things: 2 are lost" in lines
    cli.run(["data", "convert", str(hard), str(tmp_path / "again"), "--to", "voc"])
    kept = open_boxes(tmp_path / "again").train.records[0]
    assert (kept.boxes.difficult.all(), kept.truncated.all(), kept.occluded.any()) == (True, True, False)
    groups = open_boxes(open_images(tmp_path / "open", marks="0,0,1,0,0"))
    assert groups.train.records[0].boxes.crowd.all()
    data.boxes.convert(groups, "coco", tmp_path / "coco")
    assert open_boxes(tmp_path / "coco").train.records[0].boxes.crowd.all()
    region = open_boxes(kitti(tmp_path / "kitti", more="DontCare -1 -1 -10 0 0 9 9 -1 -1 -1 -1000 -1000 -1000 -10\n"))
    assert data.boxes.convert(region, "coco", tmp_path / "other") == [
        "coco has no place for regions in which nothing is asked for: 3 are lost"
    ]
    assert region.train.truth(0).crowd.sum() == len(CLASSES)
    with pytest.raises(ValueError, match="is there already; name a folder that is not, or is empty"):
        data.boxes.convert(region, "coco", tmp_path / "other")


BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><annotation><folder>&y;</folder></annotation>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><folder>&x;</folder></annotation>'


def annotated(path, text):
    (path.parent / "Annotations" / path.name).write_text(text)


def written(path, text):
    path.write_text(text)


WRONG = {
    "XML bomb": (voc, lambda f: annotated(f / "c.xml", BOMB), "Annotations/c.xml: it defines entities"),
    "external entity": (voc, lambda f: annotated(f / "c.xml", OUTSIDE), "c.xml: it defines entities"),
    "cut short": (voc, lambda f: annotated(f / "c.xml", "<annotation><obj"), "not XML, or cut short: unclosed"),
    "another root": (voc, lambda f: annotated(f / "c.xml", "<a/>"), "expects <annotation>; received <a>"),
    "no name": (voc, lambda f: annotated(f / "c.xml", annotation(["<object/>"])), "c.xml, object 1: it has no <name>"),
    "no number": (
        voc,
        lambda f: annotated(f / "a.xml", annotation([thing((0, 0, 9, 9, "cat")).replace(">9<", ">x<")])),
        "a.xml, object 1, bndbox/xmax: expects a number; received 'x'",
    ),
    "swapped": (
        voc,
        lambda f: annotated(f / "a.xml", annotation([thing((30, 0, 9, 9, "cat"))])),
        r"a.xml, object 1: a box has its least and largest corner swapped: \(30, 0, 9, 9\)",
    ),
    "NaN": (
        voc,
        lambda f: annotated(f / "a.xml", annotation([thing((0, 0, "nan", 9, "cat"))])),
        r"a.xml, object 1: a box is not of numbers: \(0, 0, nan, 9\)",
    ),
    "no picture": (
        voc,
        lambda f: (f / "JPEGImages/b.jpg").unlink(),
        "Annotations/b.xml: there is no picture JPEGImages/b",
    ),
    "no annotation": (
        voc,
        lambda f: (f / "Annotations/b.xml").unlink(),
        "JPEGImages/b.jpg: there is no Annotations/b.xml",
    ),
    "a split names more": (
        voc,
        lambda f: written(f / "ImageSets/Main/val.txt", "b\nz\n"),
        "val.txt: it names 'z', which is",
    ),
    "another class in val": (
        voc,
        lambda f: annotated(f / "b.xml", annotation([thing((0, 0, 9, 9, "emu"))])),
        "val.txt: classes that are in val, but not in train: emu",
    ),
    "JSON cut short": (
        coco,
        lambda f: written(f / "annotations/instances_val2017.json", '{"images": ['),
        "not JSON, or cut",
    ),
    "no categories": (
        coco,
        lambda f: written(f / "annotations/instances_val2017.json", '{"images": [], "annotations": []}'),
        'instances_val2017.json: expects an object with a list "categories" of objects',
    ),
    "no such picture": (
        coco,
        lambda f: (f / "val/b.jpg").unlink(),
        r"images\[0\], file_name: there is no picture b.jpg",
    ),
    "a short line": (
        kitti,
        lambda f: written(f / "training/label_2/b.txt", "\ncat 1 2"),
        "b.txt, line 2: expects a type and 14",
    ),
    "no label": (kitti, lambda f: (f / "training/label_2/b.txt").unlink(), "image_2/b.png: there is no label_2/b.txt"),
    "no class": (
        yolo,
        lambda f: written(f / "labels/train/a.txt", "2 .5 .5 .1 .1"),
        "a.txt, line 1: class 2 has no name, ",
    ),
    "a polygon": (
        yolo,
        lambda f: written(f / "labels/train/a.txt", "0 1 2 3 4 5 6"),
        "line 1: expects a class and four numbers",
    ),
    "no names": (yolo, lambda f: (f / "data.yaml").unlink(), "set: there is no data.yaml and no classes.txt"),
    "no code": (
        open_images,
        lambda f: written(f / "class-descriptions-boxable.csv", "/m/2,dog\n"),
        "line 2, LabelName: class /m/1 has no name",
    ),
    "no column": (
        open_images,
        lambda f: written(f / "train-annotations-bbox.csv", "ImageID,XMin\n"),
        "line 1: there is no column",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_and_can_be_left_out(what, tmp_path, capsys):
    make, spoil, message = WRONG[what]
    folder = make(tmp_path / "set")
    spoil(folder)
    with pytest.raises(ValueError, match=message) as caught:
        open_boxes(folder)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("or leave it out: --on-error skip")
    assert str(folder) in str(caught.value)
    if what == "no names":  # without the table no box has a class
        with pytest.raises(ValueError, match="there is not one box in it") as caught:
            open_boxes(folder, on_error="skip")
        assert "\n" not in str(caught.value)
        return
    found = open_boxes(folder, on_error="skip")
    assert found.skipped
    assert any(line.startswith("left out, because wrong") for line in found.notes)


def test_a_shape_that_json_has_and_no_annotation(tmp_path):
    folder = coco(tmp_path / "set")
    path = folder / "annotations" / "instances_train2017.json"
    table = json.loads(path.read_text())
    for change, message in (
        ({"bbox": [1, 2, 3]}, r"annotations\[0\], bbox: expects \[x, y, width, height\]; received \[1, 2, 3\]"),
        ({"image_id": 99}, r"annotations\[0\], image_id: there is no picture 99"),
        ({"category_id": 99}, r"annotations\[0\], category_id: class 99 has no name"),
    ):
        rows = [{**table["annotations"][0], **change}, *table["annotations"][1:]]
        path.write_text(json.dumps({**table, "annotations": rows}))
        with pytest.raises(ValueError, match=message):
            open_boxes(folder)


def test_boxes_that_show_nothing_are_left_out_and_counted(tmp_path):
    boxes = {**BOXES, "b": [(5, 6, 5, 46, "dog"), (90, 0, 99, 9, "cat"), (70, 50, 90, 70, "cat"), (1, 1, 2, 2, "cat")]}
    found = open_boxes(coco(tmp_path / "set", boxes))
    assert found.notes[1:] == (
        "left out: 1 box of no size: b",
        "left out: 1 box outside of their picture: b",
        "1 box reaches over the edge of a picture",
    )
    assert len(contents(found)["b"]) == 2


def test_a_network_for_classes_takes_no_boxes(tmp_path):
    folder = voc(tmp_path / "set")
    with pytest.raises(ValueError, match=r"these are pictures with boxes \(voc\), and a network for classes wants one"):
        data.open_dataset(folder)
    with pytest.raises(ValueError, match=r"there are no boxes; expected Annotations/\*.xml \(VOC\)"):
        open_boxes(tmp_path)


def test_what_info_tells(tmp_path, capsys):
    folder = voc(tmp_path / "set")
    assert cli.run(["data", "info", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{folder}: voc, 2 classes of boxes"
    assert lines[2] == "train          1 pictures, 60×80 (1); 0 without boxes"
    assert lines[-3:] == ["dog        1    1        70×40", "", "no broken files"]
    (folder / "JPEGImages" / "b.jpg").write_bytes(b"no")
    assert cli.run(["data", "info", str(folder), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["without_boxes"] == {"train": 0, "val": 1}
    assert found["broken"][0]["file"] == "b"
    assert cli.run(["data", "info", str(folder), "--classes", "2"]) != 0
    assert "--classes chooses among labels" in capsys.readouterr().err


@pytest.mark.skipif(not BCCD.is_dir(), reason="no MINIDL_DATA")
def test_real_boxes():
    found = open_boxes(BCCD)
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 205, "val": 87, "test": 72}
    assert sum(part.counts().sum() for part in found.parts.values()) == 4888 - 2
    assert found.notes[1] == "left out: 2 boxes of no size: BloodImage_00338, BloodImage_00343"
    assert found.classes == ("Platelets", "RBC", "WBC")
