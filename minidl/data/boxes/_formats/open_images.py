"""Open Images' layout: train-annotations-bbox.csv, class-descriptions-boxable.csv, and the pictures in train/.

Corners are parts of the picture, from 0 to 1; `IsGroupOf` is kept as a crowd.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from minidl._names import printable
from minidl.data._picture_files import folders_in
from minidl.data.boxes.records import BoxDataset, Drawn, Judge, Record, check_classes, divided, files_by_stem
from minidl.data.formats._layout import role_of
from minidl.data.images import picture_size

KIND = "open-images"
COLUMNS = ("ImageID", "LabelName", "XMin", "YMin", "XMax", "YMax")
SHORT = {"train": "train", "validation": "val", "test": "test"}


def recognise(folder: Path) -> bool:
    """Tell whether a folder looks like it."""
    return bool(_files(folder))


def _files(folder: Path) -> dict[str, Path]:
    """Return the files of boxes by the name of their part."""
    found: dict[str, Path] = {}
    for path in sorted([*folder.glob("*bbox*.csv"), *folder.glob("annotations/*bbox*.csv")]):
        words = next((word for word in path.stem.replace("_", "-").split("-") if role_of(word)), "")
        found.setdefault(SHORT.get(role_of(words) or "", ""), path)
    return found


def read(folder: Path, judge: Judge, seed: int, share: float) -> BoxDataset:
    """Read all annotations of a folder."""
    files, names = _files(folder), _names(folder, judge)
    rows = {part: list(_rows(path, judge)) for part, path in files.items()}
    from collections import Counter

    used = {
        part: Counter(names.get(row["LabelName"], row["LabelName"]) for _, row in some) for part, some in rows.items()
    }
    check_classes(judge, files.get("val", folder), used)
    classes = sorted({name for some in used.values() for name in some if name in set(names.values())})
    numbers = {name: number for number, name in enumerate(classes)}
    found = {part: _records(folder, part, files[part], some, names, judge, numbers) for part, some in rows.items()}
    made, note = divided(found, classes, seed, share)
    return BoxDataset(KIND, str(folder), tuple(classes), made, (note, *judge.notes()), tuple(judge.skipped))


def _names(folder: Path, judge: Judge) -> dict[str, str]:
    """Return the names of the classes by their codes (/m/01g317)."""
    for path in sorted([*folder.glob("*class-descriptions*.csv"), *folder.glob("*/*class-descriptions*.csv")]):
        with open(path, encoding="utf-8-sig", newline="") as stream:
            return {row[0]: row[1] for row in csv.reader(stream) if len(row) > 1 and row[0] != "LabelName"}
    judge.wrong(folder, "there is no class-descriptions-boxable.csv, so classes have no names", "add it")
    return {}


def _rows(path: Path, judge: Judge) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each line as a table, with where it stands."""
    with open(path, encoding="utf-8-sig", newline="", errors="replace") as stream:
        table = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            judge.wrong(f"{printable(path)}, line 1", f"there is no column {missing[0]}", "replace the file")
            return
        for row in table:
            where = f"{printable(path)}, line {table.line_num}"
            if None in row.values() or None in row:
                judge.wrong(where, "it has too few or too many fields", "correct it")
            else:
                yield where, row


def _records(
    folder: Path,
    part: str,
    path: Path,
    rows: list[tuple[str, dict[str, str]]],
    names: dict[str, str],
    judge: Judge,
    numbers: dict[str, int],
) -> list[Record]:
    place = next((name for name in folders_in(folder) if SHORT.get(role_of(name) or "", "-") == part), "images")
    pictures = files_by_stem(folder / place)
    boxes: dict[str, list[tuple[str, dict[str, str]]]] = {name: [] for name in pictures}
    for where, row in rows:
        if row["ImageID"] in boxes:
            boxes[row["ImageID"]].append((where, row))
        else:
            judge.wrong(where, f"there is no picture {place}/{printable(row['ImageID'])}.*", "add it")
    found = []
    for name, some in boxes.items():
        try:
            size = picture_size(pictures[name])
        except ValueError as error:
            judge.wrong(error, "it has boxes", "replace the file")
            continue
        drawn = [one for where, row in some if (one := _drawn(where, row, names, size, judge)) is not None]
        record = judge.record(pictures[name], name, size, drawn, numbers)
        found += [record] if record is not None else []
    return found


def _drawn(where: str, row: dict[str, str], names: dict[str, str], size: tuple[int, int], judge: Judge) -> Drawn | None:
    code = row["LabelName"]
    if code not in names:
        judge.wrong(f"{where}, LabelName", f"class {printable(code)} has no name", "name it in the class descriptions")
        return None
    try:
        x1, y1, x2, y2 = (float(row[side]) for side in ("XMin", "YMin", "XMax", "YMax"))
    except ValueError:
        judge.wrong(where, "its corners are not numbers", "correct it")
        return None
    marks = {
        mark: row.get(column) == "1"
        for mark, column in (("crowd", "IsGroupOf"), ("truncated", "IsTruncated"), ("occluded", "IsOccluded"))
    }
    return Drawn((x1 * size[1], y1 * size[0], x2 * size[1], y2 * size[0]), names[code], where, **marks)
