"""The same three pictures with boxes in every layout, made up."""

import json

from PIL import Image

SIZE = (60, 80)  # H, W
CLASSES = ("cat", "dog")
BOXES = {  # x1, y1, x2, y2, class
    "a": [(0, 0, 40, 30, "cat"), (10, 20, 80, 60, "dog")],
    "b": [(5, 6, 25, 46, "dog")],
    "c": [],
}


def pictures(folder, ending="png", names=BOXES):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", SIZE[::-1], (40 * number, 100, 200)).save(folder / f"{name}.{ending}")


def thing(box, more=""):
    x1, y1, x2, y2, name = box
    sides = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return f"<object><name>{name}</name>{more}<bndbox>{sides}</bndbox></object>"


def annotation(things):
    return f"<annotation><size><width>80</width><height>60</height></size>{''.join(things)}</annotation>"


def voc(folder, boxes=BOXES):
    pictures(folder / "JPEGImages", "jpg", boxes)
    (folder / "Annotations").mkdir()
    for name, some in boxes.items():
        (folder / "Annotations" / f"{name}.xml").write_text(annotation(map(thing, some)))
    main = folder / "ImageSets" / "Main"
    main.mkdir(parents=True)
    (main / "train.txt").write_text("a\n")
    (main / "val.txt").write_text("b\nc\n")
    return folder


def coco(folder, boxes=BOXES, **changes):
    (folder / "annotations").mkdir(parents=True)
    for part, names in (("train", "a"), ("val", "bc")):
        pictures(folder / part, "jpg", names)
        rows = [
            {"id": 1, "image_id": name, "category_id": 7 + CLASSES.index(label), "bbox": [x1, y1, x2 - x1, y2 - y1],
             "iscrowd": 0, "area": (x2 - x1) * (y2 - y1)}
            for name in names
            for x1, y1, x2, y2, label in boxes[name]
        ]  # fmt: skip
        table = {
            "images": [{"id": name, "file_name": f"{name}.jpg", "height": 60, "width": 80} for name in names],
            "annotations": rows,
            "categories": [{"id": 7 + at, "name": name} for at, name in enumerate(CLASSES)],
        }
        (folder / "annotations" / f"instances_{part}2017.json").write_text(json.dumps(table | changes))
    return folder


def kitti(folder, boxes=BOXES, more=""):
    pictures(folder / "training" / "image_2")
    (folder / "training" / "label_2").mkdir()
    for name, some in boxes.items():
        lines = [f"{label} 0.0 0 0 {x1} {y1} {x2} {y2} 0 0 0 0 0 0 0\n" for x1, y1, x2, y2, label in some]
        (folder / "training" / "label_2" / f"{name}.txt").write_text("".join(lines) + more)
    return folder


def open_images(folder, boxes=BOXES, marks="0,0,0,0,0"):
    header = (
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
    )
    folder.mkdir(exist_ok=True)
    (folder / "class-descriptions-boxable.csv").write_text("/m/1,cat\n/m/2,dog\n")
    for part, names in (("train", "a"), ("validation", "bc")):
        pictures(folder / part, "jpg", names)
        lines = [
            f"{name},x,/m/{1 + CLASSES.index(label)},1,{x1 / 80},{x2 / 80},{y1 / 60},{y2 / 60},{marks}"
            for name in names
            for x1, y1, x2, y2, label in boxes[name]
        ]
        (folder / f"{part}-annotations-bbox.csv").write_text("\n".join([header, *lines, ""]))
    return folder


def yolo(folder, boxes=BOXES):
    for part, names in (("train", "a"), ("val", "bc")):
        pictures(folder / "images" / part, "jpg", names)
        (folder / "labels" / part).mkdir(parents=True)
        for name in names:
            lines = [
                f"{CLASSES.index(label)} {(x1 + x2) / 160} {(y1 + y2) / 120} {(x2 - x1) / 80} {(y2 - y1) / 60}\n"
                for x1, y1, x2, y2, label in boxes[name]
            ]
            (folder / "labels" / part / f"{name}.txt").write_text("".join(lines))
    (folder / "data.yaml").write_text("names:\n  0: cat\n  1: dog\n")
    return folder


MAKERS = {"voc": voc, "coco": coco, "kitti": kitti, "open-images": open_images, "yolo": yolo}
