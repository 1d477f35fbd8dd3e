"""How names are shown: whatever a file system can call a thing has a form that every page and terminal can show."""

from __future__ import annotations

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
