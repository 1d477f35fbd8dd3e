"""Open pictures with boxes: a folder, which is recognised by what lies in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from minidl._checks import check_fraction, check_path
from minidl._names import printable
from minidl.data.boxes._formats import FORMATS
from minidl.data.boxes.records import BoxDataset, Judge

EXPECTED = (
    "Annotations/*.xml (VOC), annotations/instances_*.json (COCO), label_2/*.txt (KITTI), *-annotations-bbox.csv "
    "(Open Images), or images/ with labels/ (YOLO)"
)


def kind_of(where: str | os.PathLike[str]) -> str | None:
    """Tell which layout of boxes a folder has: "voc", "coco", "kitti", "open-images", "yolo", or None."""
    found = recognised(Path(where))
    return None if found is None else str(found.KIND)


def recognised(folder: Path) -> Any:
    """Return the reader of a folder, or None."""
    return next((one for one in FORMATS if folder.is_dir() and one.recognise(folder)), None)


def open_boxes(
    where: str | os.PathLike[str], *, seed: int = 0, val_share: float = 0.2, on_error: str = "raise"
) -> BoxDataset:
    """Open a data set of pictures with boxes; annotations are read, pictures not yet.

    Boxes of no size, or outside of their picture, are left out and told in `notes`.

    Args:
        where: a folder in the layout of VOC, COCO, KITTI, Open Images or YOLO.
        seed: decides which pictures are for validation where the data set does not say it.
        val_share: the part of the pictures that is drawn for validation then.
        on_error: what happens to an annotation that is wrong: "raise" (default) names it, "skip" leaves it out and
            names it in `skipped`.

    Raises:
        ValueError: if there is none, or something is wrong; the message names the file and the line or field.
        OSError: if something cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("images", "labels"):
        ...     (folder / name).mkdir()
        >>> Image.new("RGB", (40, 30)).save(folder / "images" / "a.png")
        >>> _ = (folder / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.2")
        >>> _ = (folder / "classes.txt").write_text("cell")
        >>> found = open_boxes(folder)
        >>> found.kind, found.classes, found.train.records[0].boxes.boxes
        ('yolo', ('cell',), array([[10., 12., 30., 18.]]))
    """
    check_path("data", where)
    check_fraction("data", "val_share", val_share)
    folder = Path(where)
    if not folder.is_dir():
        raise ValueError(f"{printable(folder)}: there is no such folder; expected one of pictures with boxes")
    known, judge = recognised(folder), Judge(on_error)
    if known is None:
        raise ValueError(f"{printable(folder)}: there are no boxes; expected {EXPECTED}")
    found: BoxDataset = known.read(folder, judge, seed, val_share)
    if not found.classes or not any(len(one.boxes) for part in found.parts.values() for one in part.records):
        raise ValueError(f"{printable(folder)}: there is not one box in it ({found.kind})")
    return found
