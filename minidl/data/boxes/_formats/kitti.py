"""KITTI's layout: training/label_2/NAME.txt and training/image_2/NAME.png.

A line is a type, three numbers, the box (left, top, right, bottom, counted from 0), and what 3-D wants. DontCare is a
region in which nothing is asked for.
"""

from __future__ import annotations

from pathlib import Path

from minidl._names import printable
from minidl.data._picture_files import read_lines
from minidl.data.boxes.records import BoxDataset, Drawn, Judge, divided, files_by_stem

KIND = "kitti"
FIELDS = 15  # with a score 16


def recognise(folder: Path) -> bool:
    """Tell whether a folder looks like it."""
    return _root(folder) is not None


def _root(folder: Path) -> Path | None:
    return next((root for root in (folder, folder / "training") if (root / "label_2").is_dir()), None)


def read(folder: Path, judge: Judge, seed: int, share: float) -> BoxDataset:
    """Read all labels of a folder."""
    root = _root(folder) or folder
    pictures = files_by_stem(root / "image_2")
    files = {path.stem: path for path in sorted((root / "label_2").glob("*.txt"))}
    for name in sorted(files.keys() ^ pictures.keys()):
        if name not in pictures:
            judge.wrong(files[name], f"there is no picture image_2/{printable(name)}.*", "add it")
        else:
            judge.wrong(pictures[name], f"there is no label_2/{printable(name)}.txt", "add one, or remove it")
    drawn = {name: _of(files[name], judge) for name in sorted(files.keys() & pictures.keys())}
    classes = sorted({box.name for boxes in drawn.values() for box in boxes if box.name})
    numbers = {name: number for number, name in enumerate(classes)}
    records = [judge.record(pictures[name], name, None, boxes, numbers) for name, boxes in drawn.items()]
    made, note = divided({"": [one for one in records if one is not None]}, classes, seed, share)
    regions = sum(len(one.ignored) for one in records if one is not None)
    more = (f"{regions:,} DontCare regions: answers there are neither right nor wrong",) if regions else ()
    return BoxDataset(KIND, str(folder), tuple(classes), made, (note, *more, *judge.notes()), tuple(judge.skipped))


def _of(path: Path, judge: Judge) -> list[Drawn]:
    boxes = []
    for number, line in enumerate(read_lines(path), 1):
        fields, where = line.split(), f"{printable(path)}, line {number}"
        if not fields:
            continue
        try:
            if len(fields) < FIELDS:
                raise ValueError
            truncated, occluded, _, *corners = map(float, fields[1:8])
        except ValueError:
            what = f"expects a type and {FIELDS - 1} numbers; received {len(fields)} fields: {printable(line[:60])}"
            judge.wrong(where, what, "correct it")
            continue
        name = "" if fields[0] == "DontCare" else fields[0]
        left, top, right, bottom = corners
        boxes.append(
            Drawn((left, top, right, bottom), name, where, truncated=truncated > 0, occluded=occluded in (1, 2))
        )
    return boxes
