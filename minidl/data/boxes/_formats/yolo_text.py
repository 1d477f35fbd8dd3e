"""YOLO's layout: images/train/NAME.jpg and labels/train/NAME.txt, or train/images and train/labels; names in data.yaml.

A line is a number of a class, and the centre, width and height of a box as parts of the picture. A picture without a
file of labels is one without boxes: that is how this layout says it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minidl._names import printable
from minidl.data._picture_files import folders_in, read_lines
from minidl.data.boxes.records import BoxDataset, Drawn, Judge, Record, divided, files_by_stem
from minidl.data.formats._layout import role_of
from minidl.data.images import picture_size

KIND = "yolo"
SHORT = {"train": "train", "validation": "val", "test": "test"}
PLACES = 6  # of a pixel's fraction: whole pixels that were divided by a size are whole again
NAMES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "labels/classes.txt")


def recognise(folder: Path) -> bool:
    """Tell whether a folder looks like it."""
    return bool(_parts(folder))


def _parts(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return the folders of pictures and labels of each part, "" where there is one for all."""
    found: dict[str, tuple[Path, Path]] = {}
    images, labels = folder / "images", folder / "labels"
    if images.is_dir() and labels.is_dir():
        for name in folders_in(images):
            if (part := SHORT.get(role_of(name) or "")) and (labels / name).is_dir():
                found[part] = images / name, labels / name
        return found or {"": (images, labels)}
    for name in folders_in(folder) if folder.is_dir() else ():
        part, here = SHORT.get(role_of(name) or ""), folder / name
        if part and (here / "images").is_dir() and (here / "labels").is_dir():
            found[part] = here / "images", here / "labels"
    return found


def read(folder: Path, judge: Judge, seed: int, share: float) -> BoxDataset:
    """Read all labels of a folder."""
    classes = _names(folder, judge)
    numbers = {name: number for number, name in enumerate(classes)}
    found = {
        part: _records(images, labels, judge, classes, numbers) for part, (images, labels) in _parts(folder).items()
    }
    made, note = divided(found, classes, seed, share)
    return BoxDataset(KIND, str(folder), tuple(classes), made, (note, *judge.notes()), tuple(judge.skipped))


def _names(folder: Path, judge: Judge) -> list[str]:
    """Return the names of the classes, in the order of their numbers."""
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        judge.wrong(folder, "there is no data.yaml and no classes.txt, so classes have no names", "add one")
        return []
    if path.suffix != ".yaml":
        return [line.strip() for line in read_lines(path) if line.strip()]
    import yaml

    table: Any = None
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        judge.wrong(path, f"not YAML: {' '.join(str(error).split())[:80]}", "correct it")
    names = table.get("names") if isinstance(table, dict) else None
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        judge.wrong(f"{printable(path)}, names", "expects a list of the names of the classes", "correct it")
        return []
    return [str(name) for name in names]


def _records(images: Path, labels: Path, judge: Judge, classes: list[str], numbers: dict[str, int]) -> list[Record]:
    pictures = files_by_stem(images)
    files = {path.stem: path for path in sorted(labels.glob("*.txt")) if path.name != "classes.txt"}
    for name in sorted(files.keys() - pictures.keys()):
        judge.wrong(files[name], f"there is no picture {images.name}/{printable(name)}.*", "add it")
    found = []
    for name, path in sorted(pictures.items()):
        try:
            size = picture_size(path)
        except ValueError as error:
            judge.wrong(error, "it has boxes", "replace the file")
            continue
        drawn = _of(files[name], size, classes, judge) if name in files else []
        record = judge.record(path, name, size, drawn, numbers)
        found += [record] if record is not None else []
    return found


def _of(path: Path, size: tuple[int, int], classes: list[str], judge: Judge) -> list[Drawn]:
    boxes = []
    for number, line in enumerate(read_lines(path), 1):
        fields, where = line.split(), f"{printable(path)}, line {number}"
        if not fields:
            continue
        try:
            if len(fields) != 5:
                raise ValueError
            label, (x, y, width, height) = int(fields[0]), map(float, fields[1:])
        except ValueError:
            what = f"expects a class and four numbers; received {len(fields)} fields: {printable(line[:60])}"
            judge.wrong(where, what, "correct it")
            continue
        if not 0 <= label < len(classes):
            judge.wrong(where, f"class {label} has no name, there are {len(classes)}", "name it in data.yaml")
            continue
        left, top = (x - width / 2) * size[1], (y - height / 2) * size[0]
        right, bottom = (x + width / 2) * size[1], (y + height / 2) * size[0]
        corners = tuple(round(side, PLACES) for side in (left, top, right, bottom))
        boxes.append(Drawn(corners, classes[label], where))  # type: ignore[arg-type]
    return boxes
