"""Pieces of a page: every text that goes in is escaped here, and nothing refers to anything outside the page."""

from __future__ import annotations

import base64
import io
import string
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources

import numpy as np

from minidl._names import printable


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


def fill(**parts: str) -> str:
    """Put parts into the places of report.html.

    Raises:
        KeyError: if a place has no part.
    """
    template = resources.files("minidl.training").joinpath("report.html").read_text(encoding="utf-8")
    return string.Template(template).substitute({name: Html.of(part) for name, part in parts.items()})


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


def table(caption: object, head: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[int] = ()) -> Html:
    """Return a table in a box that scrolls; the first column names the row, `numbers` are set to the right."""

    def cell(tag: str, column: int, content: object, scope: str | None = None) -> Html:
        return element(tag, content, scope=scope, class_="number" if column in numbers else None)

    top = element("tr", *(cell("th", column, name, "col") for column, name in enumerate(head)))
    body = [
        element("tr", cell("th", 0, row[0], "row"), *(cell("td", column, one) for column, one in enumerate(row[1:], 1)))
        for row in rows
    ]
    whole = element("table", element("caption", caption), element("thead", top), element("tbody", join(*body)))
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def figures(pairs: Iterable[tuple[str, str, str]]) -> Html:
    """Return the large numbers at the top: what, the number, a word about it."""
    cards = [
        element("div", element("dt", what), element("dd", number, element("small", more) if more else ""))
        for what, number, more in pairs
    ]
    return element("dl", join(*cards), class_="figures")


def plate(svg: str, caption: object = "", kind: str | None = None) -> Html:
    """Return a picture with its caption; a kind "wide" scrolls where the screen is narrow."""
    scrolls = {"tabindex": "0", "role": "group", "aria_label": "picture, scrolls sideways"} if kind == "wide" else {}
    words = element("figcaption", caption) if caption else ""
    return element("figure", element("div", Html(svg), class_=kind, **scrolls), words)


def image(rgb: np.ndarray, alt: str) -> Html:
    """Return pixels (H, W, 3), uint8, as an <img> that holds them itself."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(rgb).save(content, "PNG", optimize=True)
    h, width = rgb.shape[:2]
    data = base64.b64encode(content.getvalue()).decode()
    kind = "pixels" if max(h, width) <= 64 else None
    source = f"data:image/png;base64,{data}"
    return Html(element("img", src=source, alt=alt, width=width, height=h, class_=kind).removesuffix("</img>"))


def definitions(caption: str, settings: Mapping[str, object]) -> Html:
    """Return names and values as a table of two columns."""
    return table(caption, ("name", "value"), settings.items())
