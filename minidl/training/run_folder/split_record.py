"""Which pictures a run learns from and is evaluated with: recorded by their names, so that the split never moves.

A split that is drawn over the names in a folder is another one as soon as a file is added: pictures that were learnt
from would be evaluated, and the accuracy would mean nothing. So a run writes pictures.json when it begins:

    ids       how the files call the classes
    train     the names of the pictures of each class, from the folder of the data set on
    val       the same
    looked    check sums of some of the files: pictures of the same names may be others
    size      height and width of those for validation, if they all have one and no transform gives them another
    sums      in place of names, where all pictures lie in one array, as MNIST's: check sums of both
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minidl._files import atomic_write
from minidl._names import normal, printable, some
from minidl.data import Dataset, Split

FORMAT = 1
LOOKED = 16  # files of each part that are looked into
UNKNOWN = "the run keeps no names of its pictures (an older minidl made it), so it cannot tell if they are the same"
Names = dict[str, list[str]]  # of the pictures of each class


@dataclass(frozen=True)
class SplitRecord:
    """The pictures of a run; see above."""

    ids: list[str]
    train: Names = field(default_factory=dict)
    val: Names = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    sums: list[int] | None = None
    size: list[int] | None = None
    format: int = FORMAT

    def class_of(self, *parts: str) -> dict[str, str]:
        """Return the class of each picture of some parts, in their order."""
        return {name: known for part in parts for known, names in getattr(self, part).items() for name in names}


@dataclass(frozen=True)
class _There:
    """The pictures that are in a folder now: all in one split, their names, and where those for validation begin."""

    whole: Split
    names: list[str]
    begin: int
    ids: tuple[str, ...]

    @classmethod
    def of(cls, found: Dataset) -> _There | None:
        """Return them; None if they do not lie in files."""
        root = Path(found.where)
        train, val = found.train.names_below(root), found.val.names_below(root)
        if train is None or val is None:
            return None
        return cls(found.train.join(found.val), [*train, *val], len(train), found.ids)

    def class_of(self, index: int) -> str:
        return self.ids[self.whole.labels[index]]

    def tail(self, index: int) -> tuple[str, str]:
        return _tail(self.class_of(index), self.names[index])

    def look(self, index: int) -> int | None:
        """Return the check sum of a file; None if it cannot be read."""
        try:
            return zlib.crc32(Path(self.whole.name(index)).read_bytes())
        except OSError:
            return None


def record_split(found: Dataset, size: list[int] | None = None) -> SplitRecord:
    """Note the pictures of a data set, and the size that those for validation have, if they have one.

    Example:
        >>> from minidl import data
        >>> record = record_split(data.open_dataset("digits"))
        >>> record.ids[:3], record.val, len(record.sums)
        (['0', '1', '2'], {}, 2)
    """
    there = _There.of(found)
    if there is None:
        return SplitRecord(list(found.ids), sums=_sums(found), size=size)
    parts: tuple[Names, Names] = ({name: [] for name in found.ids}, {name: [] for name in found.ids})
    for index, name in enumerate(there.names):
        parts[index >= there.begin][there.class_of(index)].append(name)
    ends = (0, there.begin), (there.begin, len(there.names))
    places = sorted({int(place) for a, b in ends for place in np.linspace(a, b - 1, LOOKED) if b > a})
    looked = {there.names[place]: value for place in places if (value := there.look(place)) is not None}
    return SplitRecord(list(found.ids), *parts, looked, size=size)


def write_record(path: Path, record: SplitRecord) -> None:
    """Write pictures.json.

    Raises:
        OSError: if it cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(asdict(record), indent=0) + "\n", encoding="utf-8")


def read_record(path: Path) -> SplitRecord | None:
    """Read pictures.json; None if there is none.

    Raises:
        ValueError: if it is damaged, or a newer minidl wrote it.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
        if found["format"] != FORMAT:
            raise ValueError(f"it has format {found['format']}, this minidl reads format {FORMAT}")
        return SplitRecord(**found)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f"run: {printable(path)} cannot be read ({type(error).__name__}: {error}); put a copy there, or remove it "
            f"to go on without the names of the pictures"
        ) from None


def recorded_split(record: SplitRecord | None, found: Dataset) -> tuple[Split, Split, list[str]]:
    """Return the training and the validation pictures of a run, as they were, and what to say.

    Args:
        record: as for `recorded_validation`.
        found: the same.

    Raises:
        ValueError: if some of them are not there any more.
    """
    if record is None:
        return found.train, found.val, [*found.notes, UNKNOWN]
    there = _There.of(found)
    if there is None or record.sums is not None:
        if there is not None or _sums(found) != record.sums:
            raise ValueError(_not_the_same("the pixels or labels are others", found))
        return found.train, found.val, list(found.notes)
    pairs, changed = _match(record, there)
    class_of = record.class_of("train", "val")
    gone = [name for name in class_of if name not in pairs]
    others = [name for name, index in pairs.items() if normal(there.class_of(index)) != normal(class_of[name])]
    wrong = [f"{len(names):,} {what} ({some(names)})" for names, what in ((gone, "gone"), (others, "in other classes"))]
    if gone or others:
        raise ValueError(_not_the_same(", ".join(wrong[not gone : 1 + bool(others)]), found))
    known = set(pairs.values())
    new = [name for index, name in enumerate(there.names) if index not in known]
    train, val = ([pairs[name] for name in record.class_of(part)] for part in ("train", "val"))
    own = f"training: the {len(train):,} pictures that the run keeps for it, validation: {len(val):,}"
    notes = [*_notes(found, own), *changed]
    if new:
        notes.append(f"pictures that are new, and left out: {len(new):,} ({some(new)})")
    return there.whole.take(train), there.whole.take(val), notes


def recorded_validation(record: SplitRecord | None, found: Dataset) -> tuple[Split, list[str]]:
    """Return the pictures to evaluate the network of a run with, and what to say about them.

    Never one that the run has learnt from: those for validation are known by the names that the run keeps. Where none
    of its pictures are, all are new to the network, and of a folder without parts all are taken.

    Args:
        record: the pictures of the run; None if it keeps none.
        found: what `open_dataset` returned, with val_share=None where the run keeps names.

    Raises:
        ValueError: if only pictures are there that the run has learnt from.
    """
    if record is None:
        return found.val, [*found.notes, UNKNOWN]
    there = _There.of(found)
    if there is None or record.sums is not None:
        same = there is None and _sums(found) == record.sums
        return found.val, [*found.notes, *([] if same else ["validation: other pictures than those of the run"])]
    pairs, changed = _match(record, there)
    if not pairs:
        why = "because none of them is one of the run's"
        notes = _notes(found, f"validation: all {len(found.val):,} pictures, {why}")
        return found.val, [*notes, *([] if found.drawn else [f"validation: {len(found.val):,} pictures, {why}"])]
    learnt = {pairs[name] for name in record.class_of("train") if name in pairs} | _moved(record, pairs, there)
    if found.drawn:
        chosen = [pairs[name] for name in record.class_of("val") if name in pairs]
    else:
        chosen = [index for index in range(there.begin, len(there.names)) if index not in learnt]
    if not chosen:
        raise ValueError(
            f"{printable(found.where)}: no picture is left to evaluate the network with: it has learnt from "
            f"{len(learnt):,} of those here ({some(there.names[index] for index in sorted(learnt))}); name the folder "
            f"of others: --data DIR"
        )
    notes = _notes(found, f"validation: the {len(chosen):,} pictures that the run keeps for it")
    return there.whole.take(chosen), [*notes, *_differences(record, found, there, pairs, learnt), *changed]


def _notes(found: Dataset, own: str) -> list[str]:
    """Return what a data set says; where it says how all pictures were taken, `own` instead, and what is not used."""
    if not found.drawn:
        return list(found.notes)
    _, semicolon, rest = found.notes[0].partition("; not used: ")
    return [f"{own}{semicolon}{rest}", *found.notes[1:]]


def _differences(
    record: SplitRecord, found: Dataset, there: _There, pairs: dict[str, int], learnt: set[int]
) -> list[str]:
    """Say which pictures are new, gone or moved since the run began."""
    known = learnt | set(pairs.values())
    gone = [name for name in record.class_of("val") if name not in pairs]
    first = 0 if found.drawn else there.begin
    moved = [there.names[index] for index in sorted(learnt) if index >= there.begin and not found.drawn]
    new = [there.names[index] for index in range(first, len(there.names)) if index not in known]
    groups = (
        (gone, "gone, which the run was examined with"),
        (moved, "moved here from training, and left out"),
        (new, "new, and left out" if found.drawn else "new, and examined, too"),
    )
    return [f"pictures that are {what}: {len(names):,} ({some(names)})" for names, what in groups if names]


def _match(record: SplitRecord, there: _There) -> tuple[dict[str, int], list[str]]:
    """Return where the pictures of a run are now, and what to say of those looked into that have other contents.

    Names decide; but if all that are looked into are others, it is another data set whose files happen to be called the
    same. If no name is found, the folder may be a part of the data set, where names begin elsewhere: then class and
    file name decide, if the contents of one that is looked into agree.
    """
    class_of = record.class_of("train", "val")
    now = _unique((normal(name), index) for index, name in enumerate(there.names))
    now |= {name: index for index, name in enumerate(there.names)}  # where both spellings are there
    pairs = {name: index for name in class_of if (index := now.get(name, now.get(normal(name)))) is not None}
    by_name = bool(pairs)
    if not by_name:
        tails = _unique((there.tail(index), index) for index in range(len(there.names)))
        wanted = _unique((_tail(known, name), name) for name, known in class_of.items())
        pairs = {name: tails[tail] for tail, name in wanted.items() if tail in tails}
    same = {name: there.look(pairs[name]) == value for name, value in record.looked.items() if name in pairs}
    if not any(same.values()) and (same or not by_name):
        return {}, []
    others = [name for name, is_same in same.items() if not is_same]
    what = f"other contents under the same names: {len(others):,} of {len(same):,} that were looked into"
    return pairs, [f"{what} ({some(others)})"] if others else []


def _moved(record: SplitRecord, pairs: dict[str, int], there: _There) -> set[int]:
    """Return the validation pictures with class and file name of a training picture that is gone: they were moved."""
    known = set(pairs.values())
    gone = {_tail(known, name) for name, known in record.class_of("train").items() if name not in pairs}
    return {i for i in range(there.begin, len(there.names)) if i not in known and there.tail(i) in gone}


def _tail(known: str, name: str) -> tuple[str, str]:
    """Return class and file name of a picture."""
    return normal(known), normal(name.rpartition("/")[2])


def _unique(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a dict without what is there twice."""
    found: dict[Any, Any] = {}
    twice = set()
    for key, value in pairs:
        if key in found:
            twice.add(key)
        found[key] = value
    return {key: value for key, value in found.items() if key not in twice}


def _sums(found: Dataset) -> list[int]:
    """Return a check sum of pixels, or else names, and labels of each part."""
    return [_sum(part) for part in (found.train, found.val)]


def _sum(part: Split) -> int:
    labels = zlib.crc32(part.labels.astype("<i8").tobytes())
    if part.x is not None:
        return zlib.crc32(np.ascontiguousarray(part.x).data.cast("B"), labels)
    return zlib.crc32("\n".join(map(part.name, range(len(part)))).encode("utf-8", "surrogateescape"), labels)


def _not_the_same(why: str, found: Dataset) -> str:
    return (
        f"resume: the pictures in {printable(found.where)} are not those that the run began with: {why}; put them back "
        f"or begin anew: --config RUN/config.json"
    )
