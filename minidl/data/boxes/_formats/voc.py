"""PASCAL VOC's layout: Annotations/NAME.xml, JPEGImages/NAME.jpg, ImageSets/Main/train.txt.

Its pixels are counted from 1, and the largest corner belongs to the box: xmin = 1, xmax = W is the whole width. So x1 =
xmin - 1 and x2 = xmax, and a box is as wide as it has pixels. A box whose xmin is its xmax would be one pixel wide; it
is a slip of the hand, and counts as one of no size.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from minidl._names import printable
from minidl.data._picture_files import read_lines
from minidl.data.boxes.records import BoxDataset, Drawn, Judge, Record, check_classes, divided, files_by_stem

KIND = "voc"
SIDES = ("xmin", "ymin", "xmax", "ymax")
PARTS = ("train", "val", "test", "trainval")


def recognise(folder: Path) -> bool:
    """Tell whether a folder looks like it."""
    return (folder / "Annotations").is_dir() and any((folder / "Annotations").glob("*.xml"))


def read(folder: Path, judge: Judge, seed: int, share: float) -> BoxDataset:
    """Read all annotations of a folder."""
    pictures = files_by_stem(folder / "JPEGImages")
    parts = _parts(folder, judge)
    files = {path.stem: path for path in sorted((folder / "Annotations").glob("*.xml"))}
    for name in sorted(files.keys() | pictures.keys()):
        if name not in pictures:
            judge.wrong(files[name], f"there is no picture JPEGImages/{printable(name)}.*", "add it")
        elif name not in files:
            judge.wrong(pictures[name], f"there is no Annotations/{printable(name)}.xml", "add one, or remove it")
    drawn = {name: _of(files[name], judge) for name in sorted(files.keys() & pictures.keys())}
    known = {name: found for name, found in drawn.items() if found is not None}
    classes = sorted({box.name for boxes, _ in known.values() for box in boxes})
    numbers = {name: number for number, name in enumerate(classes)}
    records = {name: judge.record(pictures[name], name, size, boxes, numbers) for name, (boxes, size) in known.items()}
    used = {
        part: Counter(box.name for one in some for box in known.get(one, ((), None))[0]) for part, some in parts.items()
    }
    check_classes(judge, folder / "ImageSets" / "Main" / "val.txt", used)
    found: dict[str, list[Record]] = {}
    for part, listed in (parts or {"": list(records)}).items():
        for name in listed:
            if name not in files:
                where = folder / "ImageSets" / "Main" / f"{part}.txt"
                judge.wrong(where, f"it names {printable(name)!r}, which is not there", "remove the line")
            elif (record := records.get(name)) is not None:
                found.setdefault(part, []).append(record)
    made, note = divided(found, classes, seed, share)
    return BoxDataset(KIND, str(folder), tuple(classes), made, (note, *judge.notes()), tuple(judge.skipped))


def _parts(folder: Path, judge: Judge) -> dict[str, list[str]]:
    """Return which names each part lists."""
    found: dict[str, list[str]] = {}
    for part in PARTS:
        path = folder / "ImageSets" / "Main" / f"{part}.txt"
        if path.is_file():
            found[part] = [line.split()[0] for line in read_lines(path) if line.strip()]
    return found


def _of(path: Path, judge: Judge) -> tuple[list[Drawn], tuple[int, int] | None] | None:
    """Read one annotation: its boxes, and the size of its picture; None if it cannot be read."""
    root = parsed(path, judge)
    if root is None:
        return None
    boxes = []
    for number, thing in enumerate(root.findall("object"), 1):
        where = f"{printable(path)}, object {number}"
        name = (thing.findtext("name") or "").strip()
        if not name:
            judge.wrong(where, "it has no <name>", "name its class")
            continue
        sides = [_number(thing.findtext(f"bndbox/{side}")) for side in SIDES]
        if None in sides:
            missing = SIDES[sides.index(None)]
            given = thing.findtext(f"bndbox/{missing}")
            judge.wrong(f"{where}, bndbox/{missing}", f"expects a number; received {given!r}", "correct it")
            continue
        xmin, ymin, xmax, ymax = (float(side) for side in sides)  # type: ignore[arg-type]
        # min = max is a slip: no size. All others begin a pixel earlier, see above.
        corners = (xmin - (xmin != xmax), ymin - (ymin != ymax), xmax, ymax)
        marks = {mark: (thing.findtext(mark) or "0").strip() == "1" for mark in ("difficult", "truncated", "occluded")}
        boxes.append(Drawn(corners, name, where, **marks))
    sides = [_number(root.findtext(f"size/{side}")) for side in ("height", "width")]
    size = None if None in sides else (int(sides[0] or 0), int(sides[1] or 0))
    return boxes, size


def parsed(path: Path, judge: Judge) -> Any:
    """Return the tree of an XML file, None if it is none; what XML can do besides holding text is refused.

    Entities can be worth gigabytes (a bomb) or the contents of other files; no annotation needs them.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import parse

    try:
        root = parse(path).getroot()
    except DefusedXmlException as error:
        judge.wrong(path, f"it defines entities, which no annotation needs ({type(error).__name__})", "do not trust it")
    except ParseError as error:
        judge.wrong(path, f"not XML, or cut short: {error}", "replace the file")
    except (OSError, UnicodeError, LookupError, ValueError) as error:
        judge.wrong(path, f"it cannot be read: {error}", "replace the file")
    else:
        if root.tag == "annotation":
            return root
        judge.wrong(path, f"expects <annotation>; received <{printable(str(root.tag))}>", "replace the file")
    return None


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
