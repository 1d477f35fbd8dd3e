"""What pages and the terminal say, in the reader's language: one table of strings a language, with the same keys.

Engine's errors are not in the tables: they are the engine's own words, in every language.
"""

from __future__ import annotations

import tomllib
from functools import cache

from minidl._checks import check_choice
from minidl._page import piece

LANGUAGES = ("en", "ko")


@cache
def words(language: str) -> dict[str, str]:
    """Return all strings of a language by "table.key".

    Raises:
        ValueError: if there is no such language.

    Example:
        >>> words("en")["view.forward"], words("ko")["view.forward"]
        ('Forward', '순전파')
    """
    check_choice("explore", "lang", language, LANGUAGES)
    tables = tomllib.loads(piece("minidl.teach", f"strings/{language}.toml"))
    return {f"{table}.{key}": text for table, entries in tables.items() for key, text in entries.items()}
