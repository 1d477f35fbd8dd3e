"""Some classes out of many, as the user names them."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence

from minidl._checks import is_int, shown
from minidl._names import normal, printable, some

ClassesLike = int | str | Sequence[str] | None


def select_classes(where: object, ids: Sequence[str], names: Sequence[str], classes: ClassesLike) -> list[int]:
    """Return the numbers of the classes that are asked for, in the order of the data set.

    Args:
        where: the data set, for messages.
        ids: how its files call the classes.
        names: how people call them.
        classes: None for all; a number (also as text) for the first so many; ids or names, as a list or as one text
            with commas.

    Raises:
        ValueError: if there are not so many classes, or none of that name, or fewer than two are left.

    Example:
        >>> select_classes("pets", ["n1", "n2", "n3"], ["cat", "dog", "emu"], "emu,n1")
        [0, 2]
        >>> select_classes("pets", ["n1", "n2", "n3"], ["cat", "dog", "emu"], 2)
        [0, 1]
    """
    where = printable(where)
    count = _count(classes)
    if classes is None:
        chosen = set(range(len(ids)))
    elif count is not None:
        if not 0 <= count <= len(ids):
            raise ValueError(f"{where}: there are {len(ids)} classes; received classes={count}")
        chosen = set(range(count))
    else:
        chosen = {_find(where, ids, names, one) for one in named(classes)}
    if len(chosen) < 2:
        only = f", {printable(names[next(iter(chosen))])}" if chosen else ""
        raise ValueError(
            f"{where}: there must be two classes or more to tell apart, here {'is' if chosen else 'are'} "
            f"{len(chosen)}{only}; the pictures of each class belong in a folder of its own, named as the class"
            if classes is None
            else f"{where}: there must be two classes or more to tell apart; received classes={classes!r}, "
            f"which leaves {len(chosen)}{only}"
        )
    return sorted(chosen)


def named(classes: ClassesLike) -> list[str]:
    """Return the ids or names that are asked for; none where all classes are, or a number of them.

    Example:
        >>> named("cat, dog"), named(["cat"]), named("10"), named(None)
        (['cat', ' dog'], ['cat'], [], [])
    """
    if classes is None or _count(classes) is not None:
        return []
    if not isinstance(classes, (str, list, tuple)) or not all(isinstance(one, str) for one in classes):
        raise TypeError(f"data: classes must be names, or a number of classes; received classes={shown(classes)}")
    wanted = classes.split(",") if isinstance(classes, str) else list(classes)
    return [normal(one) for one in wanted if one.strip()]


def distinct(ids: Sequence[str], names: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return names that are all different: the id, where several classes have one name; and what to say about it.

    Example:
        >>> distinct(["n1", "n2", "n3"], ["crane", "crane", "dog"])
        (['n1', 'n2', 'dog'], ('two or more classes are called crane (n1, n2): they go by their ids',))
    """
    count = Counter(names)
    alike = [name for name in count if count[name] > 1]
    found = [known if name in alike else name for known, name in zip(ids, names)]
    if len(set(found)) < len(found):  # an id is the name of another class
        found = list(ids)
    groups = [f"{name} ({some([i for i, own in zip(ids, names) if own == name], 5)})" for name in alike]
    note = f"two or more classes are called {some(groups) if len(groups) > 1 else printable(''.join(groups))}"
    return found, (f"{note}: they go by their ids",) if alike else ()


def _count(classes: ClassesLike) -> int | None:
    """Return how many classes are asked for, if a number is."""
    if is_int(classes):
        return int(classes)  # type: ignore[arg-type]
    if isinstance(classes, str) and classes.strip().isdecimal():
        return int(classes)
    return None


def _find(where: str, ids: Sequence[str], names: Sequence[str], wanted: str) -> int:
    for spelling in (wanted, wanted.strip()):
        for known in ([normal(one) for one in ids], [normal(one) for one in names]):
            if spelling not in known:
                continue
            if known.count(spelling) > 1:
                alike = [one for one, name in zip(ids, known) if name == spelling]
                raise ValueError(
                    f"{where}: {len(alike)} classes are called {printable(spelling)}; give the id: {some(alike, 5)}"
                )
            return known.index(spelling)
    wanted = wanted.strip()
    near = difflib.get_close_matches(wanted, list(dict.fromkeys([*ids, *names])), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(printable, near))}?" if near else f"there are {some(list(names))}"
    raise ValueError(f"{where}: there is no class {wanted!r}; {hint}")
