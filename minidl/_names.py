"""How names are shown and compared: whatever a file system can call a thing has a form that every terminal can show."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

JOINERS = "\u200c\u200d"  # no sign of their own, but Persian and the emoji are spelled with them


def printable(text: object) -> str:
    r"""Write a name so that it can be shown: what cannot be printed appears as an escape.

    That are control characters, which would move a terminal's cursor or end a line, marks that turn the direction of
    writing round, and bytes of a file name that are no UTF-8.

    Example:
        >>> printable("chat\nnoir"), printable("Übergröße"), printable("\udcb0")
        ('chat\\nnoir', 'Übergröße', '\\udcb0')
    """
    return "".join(
        letter if letter.isprintable() or letter in JOINERS else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )


def quoted(name: str, *, always: bool = False) -> str:
    """Write a name so that it can be shown, in quotes where a blank at an end would not be seen, or always.

    Example:
        >>> quoted("cat"), quoted("cat "), quoted("king penguin"), quoted("cat", always=True)
        ('cat', "'cat '", 'king penguin', "'cat'")
    """
    shown = printable(name)
    return f"'{shown}'" if always or not shown or shown != shown.strip() else shown


def some(names: Iterable[str], most: int = 3) -> str:
    """List a few of many names; those with blanks or commas stand in quotes.

    Example:
        >>> some(["a", "b", "c d", "d", "e"])
        "a, b, 'c d' and 2 more"
    """
    names = list(names)
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(quoted(name, always=" " in name or "," in name) for name in names[:most]) + rest


def normal(name: str) -> str:
    """Return the one spelling under which names are compared (NFC).

    macOS writes the letters of 고양이 apart (NFD), others together: the same name, of other characters.
    """
    return unicodedata.normalize("NFC", name)
