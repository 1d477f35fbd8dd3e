"""Names of all the world in a plot: fonts that have their letters, or else a box for each letter that none has.

matplotlib's own font, DejaVu Sans, has Latin, Greek, Cyrillic, Arabic and more, but neither Hangul nor Chinese
characters. Where a system has a font with them, it is found here. Where it has none, the plot shows boxes; the text
of an SVG file keeps the true letters, because its reader may have the font.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from matplotlib.text import Text

FIRST = "DejaVu Sans"  # comes with matplotlib
BOX = "□"
MOST_LETTERS = 24
NAME = "name:"  # begins the id of a text whose letters may have been replaced, see `Lettering.mark`


class Lettering:
    """How a number of names is written: the fonts, and the letters that no font has.

    Args:
        names: all names that the plot will show.
        most: wider names are cut off there, with "…" at the end; Hangul and Chinese characters are twice as wide as
            Latin letters.

    Example:
        >>> lettering = Lettering(["cat", "dog"])
        >>> lettering.families, lettering.show("cat")
        (['DejaVu Sans'], 'cat')
        >>> Lettering([], most=8).show("a very long name")
        'a very …'
    """

    def __init__(self, names: Sequence[str], most: int = MOST_LETTERS):
        self.most = most
        letters = frozenset("".join(self.cut(name) for name in names))
        self.families, self.missing = _choose(letters)

    def cut(self, name: str) -> str:
        """Bring a name into one line of limited length; what cannot be printed becomes a box."""
        name = " ".join(str(name).split())
        name = "".join(letter if letter.isprintable() else BOX for letter in name)
        if columns(name) <= self.most:
            return name
        while columns(name) >= self.most:
            name = name[:-1]
        return name + "…"

    def show(self, name: str) -> str:
        """Return a name as matplotlib can write it with these fonts."""
        text = "".join(BOX if letter in self.missing else letter for letter in self.cut(name))
        return text.replace("$", r"\$")  # a dollar would begin a formula

    def mark(self, texts: Sequence[Text], names: Sequence[str]) -> None:
        """Give texts their fonts; where letters are missing, also the id that carries the true name into an SVG."""
        for text, name in zip(texts, names):
            text.set_fontfamily(self.families)
            if self.missing.intersection(name):
                text.set_gid(NAME + quote(self.cut(name)))


def write(text: Text, words: str, most: int = MOST_LETTERS) -> None:
    """Put words that may hold names into a text, line by line; nothing in them is read as a formula.

    Args:
        text: a title, or the label of an axis.
        words: what stands there.
        most: as for `Lettering`, of each line.
    """
    lines = words.split("\n")
    lettering = Lettering(lines, most)
    text.set_text("\n".join(map(lettering.show, lines)))
    if len(lines) == 1:
        lettering.mark([text], lines)
    else:
        text.set_fontfamily(lettering.families)


def columns(name: str) -> int:
    """Return the width of a name in Latin letters."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)


@functools.lru_cache(maxsize=16)
def _choose(letters: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Return font families that have the letters between them, and the letters that none has."""
    from matplotlib import font_manager

    families = [FIRST]
    missing = letters - _letters_of(font_manager.findfont(FIRST))
    while missing:
        best, gain = "", 0
        for font in sorted(font_manager.fontManager.ttflist, key=lambda font: (font.name, font.fname)):
            if _is_plain(font) and (found := len(missing & _letters_of(font.fname))) > gain:
                best, gain, covered = font.name, found, _letters_of(font.fname)
        if not gain:
            break
        families.append(best)
        missing -= covered
    return families, missing


def _is_plain(font: object) -> bool:
    """Tell whether a font is upright, of usual weight, and has outlines of its own for its letters."""
    name = getattr(font, "name", "")
    upright = getattr(font, "style", "") == "normal" and str(getattr(font, "weight", "")) in (
        "400",
        "normal",
        "regular",
    )
    return upright and "Emoji" not in name and not name.startswith("Last Resort")  # which has boxes for everything


@functools.cache
def _letters_of(file: str) -> frozenset[str]:
    """Return the letters of a font file; none if it cannot be read or has pixels only."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(file)
        return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
    except (OSError, RuntimeError):
        return frozenset()
