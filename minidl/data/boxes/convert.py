"""Write pictures with boxes in another layout: VOC's, COCO's or YOLO's; what a layout cannot say is told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from minidl._checks import check_choice, check_path
from minidl._files import atomic_write
from minidl._names import printable
from minidl.data.boxes.records import BoxDataset, Record, Split

TARGETS = ("voc", "coco", "yolo")
FOLDERS = {"voc": "JPEGImages", "coco": "{part}", "yolo": "images/{part}"}
LOST = {  # what a layout has no word for, by what it is called here
    "voc": ("crowd", "area", "ignored"),
    "coco": ("difficult", "truncated", "occluded", "ignored"),
    "yolo": ("difficult", "crowd", "area", "truncated", "occluded", "ignored"),
}
CALLED = {
    "difficult": "marks of difficult boxes",
    "crowd": "marks of crowds and groups",
    "area": "sizes of outlines",
    "truncated": "marks of truncated things",
    "occluded": "marks of occluded things",
    "ignored": "regions in which nothing is asked for",
}


def convert(
    dataset: BoxDataset,
    to: str,
    where: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """Write a data set of pictures with boxes in another layout; pictures are copied as they are.

    Args:
        dataset: what `open_boxes` returned.
        to: "voc", "coco" or "yolo".
        where: a folder that is not there yet, or empty.
        progress: is called with the number of pictures that were copied and their total.

    Returns:
        A line for each kind of thing that this layout cannot say, with how many there were.

    Raises:
        ValueError: if there is no such layout, the folder is not empty, or two pictures have one name.
    """
    check_choice("convert", "to", to, TARGETS)
    check_path("convert", where)
    folder = Path(where)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"convert: {printable(folder)} is there already; name a folder that is not, or is empty")
    _check_names(dataset, to)
    total, done = sum(map(len, dataset.parts.values())), 0
    for part, split in dataset.parts.items():
        place = folder / FOLDERS[to].format(part=part)
        place.mkdir(parents=True, exist_ok=True)
        for record in split.records:
            shutil.copyfile(record.path, place / record.path.name)
            done += 1
            progress(done, total)
    {"voc": _voc, "coco": _coco, "yolo": _yolo}[to](dataset, folder)
    return _lost(dataset, to)


def _check_names(dataset: BoxDataset, to: str) -> None:
    for split in dataset.parts.values():
        names = [record.path.stem for record in split.records]
        if to == "voc":
            names = [record.path.stem for other in dataset.parts.values() for record in other.records]
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice is not None:
            raise ValueError(f"convert: two pictures are called {printable(twice)}, and {to} knows pictures by name")


def _lost(dataset: BoxDataset, to: str) -> list[str]:
    said = []
    for what in LOST[to]:
        count = sum(_count(record, what) for split in dataset.parts.values() for record in split.records)
        if count:
            said.append(f"{to} has no place for {CALLED[what]}: {count:,} are lost")
    return said


def _count(record: Record, what: str) -> int:
    if what == "ignored":
        return len(record.ignored)
    if what == "area":
        boxes = record.boxes.boxes
        plain = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        return int((abs(record.boxes.area - plain) > 1e-6 * plain).sum())
    return int(getattr(record if what in ("truncated", "occluded") else record.boxes, what).sum())


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def number(value: float) -> str:
    """Write a number as short as it can be read back: whole ones without a point."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _voc(dataset: BoxDataset, folder: Path) -> None:
    (folder / "Annotations").mkdir()
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for part, split in dataset.parts.items():
        for record in split.records:
            _write(folder / "Annotations" / f"{record.path.stem}.xml", _xml(record, split.classes))
        names = "".join(f"{record.path.stem}\n" for record in split.records)
        _write(folder / "ImageSets" / "Main" / f"{part}.txt", names)


def _xml(record: Record, classes: tuple[str, ...]) -> str:
    (h, width), boxes = record.size, record.boxes
    lines = [
        "<annotation>",
        "\t<folder>JPEGImages</folder>",
        f"\t<filename>{escape(record.path.name)}</filename>",
        f"\t<size><width>{width}</width><height>{h}</height><depth>3</depth></size>",
    ]
    for at, (x1, y1, x2, y2) in enumerate(boxes.boxes.tolist()):
        sides = zip(
            ("xmin", "ymin", "xmax", "ymax"), (x1 + 1, y1 + 1, x2, y2)
        )  # counted from 1, the last belongs to it
        lines += [
            "\t<object>",
            f"\t\t<name>{escape(classes[boxes.labels[at]])}</name>",
            f"\t\t<truncated>{int(record.truncated[at])}</truncated>",
            f"\t\t<occluded>{int(record.occluded[at])}</occluded>",
            f"\t\t<difficult>{int(boxes.difficult[at])}</difficult>",
            f"\t\t<bndbox>{''.join(f'<{name}>{number(side)}</{name}>' for name, side in sides)}</bndbox>",
            "\t</object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])


def _coco(dataset: BoxDataset, folder: Path) -> None:
    (folder / "annotations").mkdir()
    for part, split in dataset.parts.items():
        table = {
            "images": [
                {"id": at, "file_name": record.path.name, "height": record.size[0], "width": record.size[1]}
                for at, record in enumerate(split.records, 1)
            ],
            "annotations": _rows(split),
            "categories": [{"id": at, "name": name} for at, name in enumerate(split.classes, 1)],
        }
        _write(folder / "annotations" / f"instances_{part}.json", json.dumps(table))


def _rows(split: Split) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for picture, record in enumerate(split.records, 1):
        found = record.boxes
        for at, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": picture,
                    "category_id": int(found.labels[at]) + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": float(found.area[at]),
                    "iscrowd": int(found.crowd[at]),
                }
            )
    return rows


def _yolo(dataset: BoxDataset, folder: Path) -> None:
    for part, split in dataset.parts.items():
        (folder / "labels" / part).mkdir(parents=True)
        for record in split.records:
            h, width = record.size
            lines = [
                f"{label} {(x1 + x2) / 2 / width!r} {(y1 + y2) / 2 / h!r} {(x2 - x1) / width!r} {(y2 - y1) / h!r}\n"
                for label, (x1, y1, x2, y2) in zip(record.boxes.labels.tolist(), record.boxes.boxes.tolist())
            ]
            _write(folder / "labels" / part / f"{record.path.stem}.txt", "".join(lines))
    names = "".join(f"  {at}: {json.dumps(name, ensure_ascii=False)}\n" for at, name in enumerate(dataset.classes))
    places = "".join(f"{part}: images/{part}\n" for part in dataset.parts)
    _write(folder / "data.yaml", f"{places}names:\n{names}")
