"""Words that hands know from PyTorch and NumPy, and what becomes of each here: data, and nothing else.

A word **works**, is **answered** with minidl's way, which its error names in one line (code, and a remark behind a
semicolon), or is **refused** with the reason, because nothing here does the same. Errors are made from these tables by
`_values.py`, `_numpy.py` and `_answers.py`, the page docs/from-pytorch.md lists them, and the tests walk them.

    tensor.py    methods and attributes of a tensor; operators
    numpy.py     NumPy's functions, called with a tensor
    modules.py   torch.nn, its functional, init and utils; methods of a module; names of arguments
    optim.py     torch.optim, its schedules; methods of an optimiser; torch.utils.data
    torch.py     torch itself
"""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """What becomes of a word, and how it is written here (or why it is refused)."""

    fate: str
    way: str


Words = dict[str, Word]
FATES = WORKS, ANSWERED, REFUSED = "works", "answered", "refused"


def same(fate: str, words: dict[str, str]) -> Words:
    """Return words of one fate."""
    return {name: Word(fate, way) for name, way in words.items()}


def alike(fate: str, way: str, names: str) -> Words:
    """Return words that share one fate and one way, in which NAME stands for the word."""
    return {name: Word(fate, way.replace("NAME", name)) for name in names.split()}


def nearest(what: str, words: dict[str, str]) -> Words:
    """Return words that are refused because there is only something near."""
    return {name: Word(REFUSED, f"no such {what}; the nearest one is {near}") for name, near in words.items()}


def flat(way: str, stems: str) -> Words:
    """Return the words for one and for three axes of what is there for pictures; NAME stands for the picture's."""
    return {
        f"{stem}{rank}d": Word(ANSWERED, way.replace("NAME", f"{stem}2d")) for stem in stems.split() for rank in (1, 3)
    }
