"""MS COCO's layout: annotations/instances_train2017.json, and the pictures in train2017/.

Also train/_annotations.coco.json beside its pictures, and one file of that kind in the folder. A box is x, y, width,
height, counted from 0; `iscrowd` and `area` are kept.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from minidl._names import printable
from minidl.data._picture_files import folders_in
from minidl.data.boxes.records import BoxDataset, Drawn, Judge, Record, check_classes, divided
from minidl.data.formats._layout import role_of

KIND = "coco"
SHORT = {"train": "train", "validation": "val", "test": "test"}


def recognise(folder: Path) -> bool:
    """Tell whether a folder looks like it."""
    return bool(_files(folder))


def _files(folder: Path) -> dict[str, Path]:
    """Return the files by the name of their part, "" where it has none."""
    found: dict[str, Path] = {}
    for path in sorted(
        [*folder.glob("annotations/*.json"), *folder.glob("*.json"), *folder.glob("*/_annotations.coco.json")]
    ):
        name = path.parent.name if path.name == "_annotations.coco.json" else path.stem
        if re.match(r"(captions|person_keypoints|stuff|panoptic|image_info)", name) or not _begins_right(path):
            continue
        words = re.sub(r"^_?(instances|annotations)[_.]?", "", name)
        part = SHORT.get(role_of(words) or "", "")
        found.setdefault(part, path)
    return found


def _begins_right(path: Path) -> bool:
    """Tell whether a file speaks of pictures and boxes, from its beginning or its end."""
    with open(path, "rb") as stream:
        front = stream.read(1 << 16)
        stream.seek(max(0, path.stat().st_size - (1 << 16)))
        text = front + stream.read()
    return b'"images"' in text or b'"annotations"' in text or b'"bbox"' in text


def read(folder: Path, judge: Judge, seed: int, share: float) -> BoxDataset:
    """Read all annotations of a folder."""
    files = _files(folder)
    tables = {part: table for part, path in files.items() if (table := _table(path, judge)) is not None}
    names: dict[str, Counter[str]] = {}
    classes: list[str] = []
    for part, table in tables.items():
        of = {row.get("id"): str(row.get("name")) for row in table["categories"]}
        classes += [name for _, name in sorted(of.items(), key=lambda it: str(it[0]).zfill(9)) if name not in classes]
        names[part] = Counter(of.values())
    check_classes(judge, files.get("val", folder), names)
    numbers = {name: number for number, name in enumerate(classes)}
    found = {part: _records(folder, files[part], table, judge, numbers) for part, table in tables.items()}
    made, note = divided(found, classes, seed, share)
    return BoxDataset(KIND, str(folder), tuple(classes), made, (note, *judge.notes()), tuple(judge.skipped))


def _table(path: Path, judge: Judge) -> dict[str, list[dict[str, Any]]] | None:
    """Return the three lists of a file, None if it has another shape."""
    try:
        table = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        judge.wrong(path, f"not JSON, or cut short: {error}", "replace the file")
        return None
    for name in ("images", "annotations", "categories"):
        rows = table.get(name) if isinstance(table, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            judge.wrong(path, f'expects an object with a list "{name}" of objects', "replace the file")
            return None
    return table


def _records(
    folder: Path, path: Path, table: dict[str, list[dict[str, Any]]], judge: Judge, numbers: dict[str, int]
) -> list[Record]:
    of_class = {row.get("id"): str(row.get("name")) for row in table["categories"]}
    drawn: dict[Any, list[Drawn]] = {row.get("id"): [] for row in table["images"]}
    for number, row in enumerate(table["annotations"]):
        where = f"{printable(path)}, annotations[{number}]"
        box = row.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(isinstance(side, (int, float)) for side in box):
            judge.wrong(f"{where}, bbox", f"expects [x, y, width, height]; received {str(box)[:60]}", "correct it")
        elif row.get("image_id") not in drawn:
            judge.wrong(f"{where}, image_id", f"there is no picture {row.get('image_id')}", "correct it")
        elif row.get("category_id") not in of_class:
            judge.wrong(f"{where}, category_id", f"class {row.get('category_id')} has no name", "name it in categories")
        else:
            x, y, width, height = map(float, box)
            area = row.get("area")
            drawn[row["image_id"]].append(
                Drawn(
                    (x, y, x + width, y + height),
                    of_class[row["category_id"]],
                    where,
                    crowd=bool(row.get("iscrowd", 0)),
                    area=float(area) if isinstance(area, (int, float)) else None,
                )
            )
    found = []
    places = [path.parent, folder, *(folder / name for name in folders_in(folder))]
    places += (
        [folder / "images" / name for name in folders_in(folder / "images")] if (folder / "images").is_dir() else []
    )
    for number, row in enumerate(table["images"]):
        name = str(row.get("file_name"))
        place = next((here / name for here in places if (here / name).is_file()), None)
        if place is None:
            where = f"{printable(path)}, images[{number}], file_name"
            judge.wrong(where, f"there is no picture {printable(name)}", "add it")
            continue
        size = (row.get("height"), row.get("width"))
        known = (int(size[0]), int(size[1])) if all(isinstance(side, int) for side in size) else None  # type: ignore[arg-type]
        record = judge.record(place, Path(name).stem, known, drawn[row.get("id")], numbers)
        found += [record] if record is not None else []
    return found
