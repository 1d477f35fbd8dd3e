"""One look for every page that minidl writes: colours, sizes of type and spacing, and how a page is put together.

`look.css` holds CSS variables, light and dark and print, and what all pages have in common. A page is one file: its
style, its script and its data stand inside of it, and nothing in it refers to anything outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any


@cache
def look() -> str:
    """Return the style sheet that all pages share."""
    return piece("minidl._page", "look.css")


def piece(package: str, name: str) -> str:
    """Return the text of a file that is installed with the package, such as a style sheet or a script."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def joined(package: str, names: Iterable[str]) -> str:
    """Return the text of several such files, one after the other."""
    return "\n".join(piece(package, name).strip("\n") for name in names)


def script_data(value: Any) -> str:
    r"""Return a value as JSON that may stand inside of a <script>: nothing in it can end the element.

    Example:
        >>> script_data({"a": "</script>"})
        '{"a":"\\u003c/script>"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
