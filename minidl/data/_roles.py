"""What folders are called that are no classes: the parts of a data set, and what systems and file servers leave behind.

One table for all layouts. A name is taken apart at blanks, points, hyphens and underscores; what `FILLERS` lists, and
numbers such as the years of a contest, says nothing; what is left must be one word of `ROLES`, in any case:

    train    training_set    seg_train    1.Training    train2017    trainset    ILSVRC2012_img_train
"""

from __future__ import annotations

import re

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
LEFT_OUT = frozenset(  # besides whatever begins with a point, such as .thumbnails and .ipynb_checkpoints
    (
        *("@eadir", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot"),  # file servers
        *("__macosx", "$recycle.bin", "system volume information", "lost+found", "recycler"),  # systems
        "__pycache__",
    )
)

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


def is_left_out(name: str) -> bool:
    """Tell whether a file or folder of that name is nothing of the user's.

    Example:
        >>> [is_left_out(name) for name in (".thumbnails", "@eaDir", "__MACOSX", "cat")]
        [True, True, True, False]
    """
    return name.startswith(".") or name.casefold() in LEFT_OUT
