"""Pieces of HTML: every text that goes in is escaped here, and nothing refers to anything outside of the piece.

Pages (a run's report) bring a style sheet of their own. What stands in a notebook has none, nor a script: its few
styles are written at the elements, its colours are the reader's own, light or dark, with more or less opacity.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from minidl._names import printable

LINE = "1px solid rgba(128,128,128,.35)"
FAINT = "opacity:.7"
GOOD, BAD = "36,112,173", "194,84,0"  # blue and orange, as in all pictures: every eye tells them apart


class Html(str):
    """Text that is HTML already. All other text is escaped before it becomes part of a page.

    Example:
        >>> Html.of("<b>"), Html.of(Html("<b>"))
        ('&lt;b&gt;', '<b>')
    """

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> Html:
        """Return a value as HTML; letters that no page can show become escapes."""
        if isinstance(value, cls):
            return value
        return cls(escape("".join(one if one in "\n\t\u00a0" else printable(one) for one in str(value))))


def element(tag: str, *content: object, **attributes: object) -> Html:
    """Return an element; `class_` stands for class, and an attribute that is None is left out.

    Example:
        >>> element("p", "2 < 3", class_="quiet", id=None)
        '<p class="quiet">2 &lt; 3</p>'
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{Html.of(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{given}>{''.join(map(Html.of, content))}</{tag}>")


def join(*pieces: object) -> Html:
    """Put pieces one below the other."""
    return Html("\n".join(Html.of(piece) for piece in pieces if piece != ""))


def image(rgb: np.ndarray, alt: str, *, width: int | None = None, height: int | None = None, **more: object) -> Html:
    """Return pixels (H, W, 3), uint8, as an <img> that holds them itself, shown in their own size or another one."""
    from PIL import Image

    used, places = np.unique(rgb.astype(np.int64) @ (1, 256, 65536), return_inverse=True)
    drawn = Image.fromarray(rgb)
    if len(used) <= 256:  # a third of the bytes
        drawn = Image.fromarray(places.reshape(rgb.shape[:2]).astype(np.uint8), "P")
        drawn.putpalette((used[:, None] >> (0, 8, 16) & 255).astype(np.uint8).tobytes())
    content = io.BytesIO()
    drawn.save(content, "PNG", optimize=True)
    return png(content.getvalue(), alt, width=width or rgb.shape[1], height=height or rgb.shape[0], **more)


def png(content: bytes, alt: str, **more: object) -> Html:
    """Return the bytes of a PNG file as an <img> that holds them itself."""
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return Html(element("img", src=source, alt=alt, **more).removesuffix("</img>"))


# For notebooks


def or_plain(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """Make a `_repr_html_` show the plain repr where it would fail."""

    @functools.wraps(show)
    def shown(self: Any) -> str:
        try:
            return show(self)
        except Exception:
            return pre(repr(self))

    return shown


def pre(text: str) -> Html:
    """Return text as it stands, line for line."""
    return element(
        "pre", text, style="font-family:monospace;margin:0;padding:0;background:none;color:inherit;overflow-x:auto"
    )


def heading(name: str, *words: str) -> Html:
    """Return a name in bold, and words behind it."""
    return element("span", element("b", name), " " if words else "", ", ".join(words))


def faint(*content: object) -> Html:
    """Return content that stands back."""
    return element("span", *content, style=FAINT)


def folded(title: object, content: object, *, is_open: bool = False) -> Html:
    """Return content that unfolds under its title."""
    opened = {"open": ""} if is_open else {}
    return element("details", element("summary", title, style="cursor:pointer"), content, **opened)


def grid(head: Sequence[object], rows: Iterable[Sequence[object]], numbers: Sequence[int] = ()) -> Html:
    """Return a table that scrolls where it is too wide; the columns `numbers` are set to the right."""

    def row(tag: str, cells: Sequence[object]) -> Html:
        sides = ("right" if column in numbers else "left" for column in range(len(cells)))
        shown = (element(tag, one, style=f"text-align:{side}") for one, side in zip(cells, sides))
        return element("tr", *shown, style=f"border-bottom:{LINE};background:none")

    style = "border-collapse:collapse;margin:.3em 0;color:inherit;font-variant-numeric:tabular-nums"
    whole = element("table", row("th", head), *(row("td", cells) for cells in rows), cellpadding=5, style=style)
    return element("div", whole, style="overflow-x:auto;max-width:100%")


def verdict(word: str, good: bool) -> Html:
    """Return a word on blue or orange."""
    ground = f"background:rgba({GOOD if good else BAD},.3)"
    return element("span", word, style=f"{ground};border-radius:.3em;padding:0 .4em")
