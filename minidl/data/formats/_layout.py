"""What the folders of a data set mean: which are classes, and which hold a part of the pictures each.

One table of names for all formats. A name is taken apart at blanks, points, hyphens and underscores; what `FILLERS`
lists, and numbers such as the years of a contest, says nothing; what is left must be one word of `ROLES`, in any case:

    train    training_set    seg_train    1.Training    train2017    trainset    ILSVRC2012_img_train
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minidl._names import normal, printable, some
from minidl.data._picture_files import entries, folders_in, holds_runs, is_folder, is_picture

TRAIN, VALIDATION, TEST = "train", "validation", "test"

ROLES: dict[str, tuple[str, ...]] = {
    TRAIN: ("train", "training", "trn", "trainval"),
    VALIDATION: (
        *("val", "valid", "validation", "validate", "validating"),
        *("dev", "devel", "eval", "evaluate", "evaluation", "holdout"),
    ),
    TEST: ("test", "testing", "tst"),
}
FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "split", "part", "subset", "folder", "dir", "seg", "the", "my"),
        *("image", "images", "img", "imgs", "picture", "pictures", "pic", "pics", "photo", "photos", "ilsvrc"),
    )
)
GLUED = ("set", "data", "split", "dir", "images", "imgs", "img")  # without anything between: trainset, traindata
_ROLE_OF = {word: role for role, words in ROLES.items() for word in words}
_ROLE_OF |= {word + end: role for word, role in _ROLE_OF.items() for end in GLUED}


def role_of(name: str) -> str | None:
    """Tell which part of a data set a folder of that name holds; None if it names none, as that of a class.

    Example:
        >>> [role_of(name) for name in ("Train", "seg_test", "validation_set", "dev", "trainset", "2.Validation")]
        ['train', 'test', 'validation', 'validation', 'train', 'validation']
        >>> [role_of(name) for name in ("cat", "train station", "images", "contest", "train_test")]
        [None, None, None, None, None]
    """
    words = [re.sub(r"\d+$", "", word) for word in re.split(r"[\s._-]+", name.casefold())]
    telling = [word for word in words if word and word not in FILLERS]
    return _ROLE_OF.get(telling[0]) if len(telling) == 1 else None


@dataclass(frozen=True)
class Layout:
    """Where the pictures lie.

    Args:
        train: the folder of the classes.
        val: the same for validation; None if there is none.
        runs: folders that hold runs of minidl.
        aside: folders of which nothing is taken.
    """

    train: Path
    val: Path | None
    runs: tuple[str, ...]
    aside: tuple[str, ...]

    def note(self, folder: Path, drawn: str | None) -> str:
        """Say in a line what was taken as what; `drawn` says how pictures for validation are drawn, None: all are."""
        root = "" if self.train == folder else _below(self.train, folder)
        rest = f"; not used: {some(f'{name}/' for name in self.aside)}" if self.aside else ""
        if self.val is not None:
            return f"training: {root}, validation: {_below(self.val, folder)}{rest}"
        if drawn is None:
            return f"validation: all pictures{' in ' * bool(root)}{root}{rest}"
        return f"{'training: ' * bool(root)}{root}{', ' * bool(root)}validation: {drawn}{rest}"


def _below(path: Path, folder: Path) -> str:
    return f"{printable(path.relative_to(folder).as_posix())}/"


def find_layout(folder: Path, asked: Sequence[str] = (), *, to_learn: bool = True) -> Layout:
    """Find the folders of training and validation by their names; where there are none, every folder is a class.

    A folder named train that holds pictures and no folders, beside others that are not named as parts, is a class:
    trains beside cars and planes. So is every folder that the user names as one.

    Args:
        folder: the data set.
        asked: the classes that the user named.
        to_learn: whether there must be pictures to learn from; if not, a folder named as a part is enough.

    Raises:
        ValueError: if the names can be understood in two ways, or there is nothing to learn from.
    """
    runs = [name for name in folders_in(folder) if holds_runs(folder / name)]
    present = [name for name in folders_in(folder) if name not in runs]
    meant = {name: role_of(name) if normal(name) not in asked else None for name in present}
    others = [name for name in present if meant[name] is None]
    train, val, test = (
        _only(folder, [name for name in present if meant[name] == role], role) for role in (TRAIN, VALIDATION, TEST)
    )
    val = val or test
    if train is None and val is None:
        return Layout(folder, None, tuple(runs), ())
    if train is None and val is not None and not others and not to_learn:
        aside = tuple(name for name in present if name != val)
        return Layout(_innermost(folder / val, meant[val]), None, tuple(runs), aside)
    if train is None:
        raise ValueError(_nothing_to_learn(folder, [name for name in present if meant[name]], others))
    if val is None and others and not folders_in(folder / train):
        return Layout(folder, None, tuple(runs), ())
    aside = tuple(name for name in present if name not in (train, val))
    inner = _innermost(folder / train, TRAIN)
    return Layout(inner, None if val is None else _innermost(folder / val, meant[val]), tuple(runs), aside)


def _only(folder: Path, names: list[str], role: str) -> str | None:
    """Return the one folder that holds a part, if there is one.

    Raises:
        ValueError: if there are several.
    """
    if len(names) > 1:
        raise ValueError(
            f"{printable(folder)}: {some(f'{name}/' for name in names)} could each hold the pictures of {role}; "
            f"which is meant? rename the others, or move them away"
        )
    return names[0] if names else None


def _innermost(folder: Path, role: str | None) -> Path:
    """Go down where a part holds nothing but a folder of the same meaning: seg_train/seg_train/."""
    while True:
        inside = entries(folder)
        folders = [entry.name for entry in inside if is_folder(entry)]
        pictures = any(is_picture(entry.path, entry.name) for entry in inside if not is_folder(entry))
        if len(folders) != 1 or pictures or role_of(folders[0]) != role:
            return folder
        folder = folder / folders[0]


def _nothing_to_learn(folder: Path, parts: list[str], others: list[str]) -> str:
    here, named = printable(folder), some(f"{name}/" for name in parts)
    if others:
        return (
            f"{here}: {named} beside {some(f'{name}/' for name in others)}: a part of the data set, or a class? move "
            f"the classes to learn from into {here}/train/, or name all that are classes: "
            f"--classes {printable(','.join([*others, *parts][:4]))}"
        )
    return (
        f"{here}: there is {named}, but no folder of pictures to learn from; name it train/ (also known: "
        f"{', '.join(ROLES[TRAIN][1:])}, train_set and the like); to examine a network with a folder, name that: "
        f"{printable(folder / parts[0])}"
    )


def check_classes(root: Path, names: Sequence[str]) -> None:
    """Refuse "classes" that all hold the same folders: then those are the classes, or a part of every class.

    Raises:
        ValueError: if all of two or more folders hold the same two or more.
    """
    shared: set[str] | None = None
    for name in names:
        inside = {normal(inner).casefold() for inner in folders_in(root / name)}
        shared = inside if shared is None else shared & inside
        if len(shared) < 2:
            return
    if shared is None or len(names) < 2:
        return
    inner = [name for name in folders_in(root / names[0]) if normal(name).casefold() in shared]
    parts = [name for name in inner if role_of(name)]
    what = (
        f"the parts of a data set lie above its classes: {printable(root)}/{printable(parts[0])}/CLASS/*.jpg"
        if parts
        else f"if these are the classes, name one of the folders, or call them train and val: "
        f"{printable(root / names[0])}; if not, let every class have the pictures of one of them only"
    )
    raise ValueError(
        f"{printable(root)}: {some(names)} cannot be classes, because each of them holds the folders "
        f"{some(inner)}; {what}"
    )


def spellings(root: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the folder of each class by its one spelling (NFC), under which classes are compared.

    Raises:
        ValueError: if two folders differ in nothing else.
    """
    found: dict[str, str] = {}
    for name in names:
        if normal(name) in found:
            raise ValueError(
                f"{printable(root)}: two folders are called '{printable(normal(name))}', once in letters that are "
                f"written together (NFC), once apart (NFD, as macOS does); move the pictures of one into the other"
            )
        found[normal(name)] = name
    return found
