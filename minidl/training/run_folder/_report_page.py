"""Pieces of the page of a run, made of those of `_html`."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from minidl._html import Html, element, image, join

PICTURE = 136  # pixels of a small picture, each of whose own is a square of whole ones


@dataclass(frozen=True)
class Section:
    """A part of the page: its name in the address, its word in the list at the top, its heading, what it holds."""

    name: str
    link: str
    heading: str
    content: Html


def fill(*, title: str, state: str, figures: Html, sections: Sequence[Section]) -> str:
    """Put the parts of a page into the places of report.html."""
    template = resources.files("minidl.training.run_folder").joinpath("report.html").read_text(encoding="utf-8")
    links = [element("li", element("a", one.link, href=f"#{one.name}")) for one in sections]
    parts = {
        "title": title,
        "state": state,
        "figures": figures,
        "links": join(*links),
        "sections": join(
            *(part for one in sections for part in (element("h2", one.heading, id=one.name), one.content))
        ),
    }
    return string.Template(template).substitute({name: Html.of(part) for name, part in parts.items()})


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
    """Return a plot with its caption; a kind "wide" scrolls where the screen is narrow."""
    scrolls = {"tabindex": "0", "role": "group", "aria_label": "picture, scrolls sideways"} if kind == "wide" else {}
    words = element("figcaption", caption) if caption else ""
    return element("figure", element("div", Html(svg), class_=kind, **scrolls), words)


def picture(rgb: np.ndarray, alt: str) -> Html:
    """Return pixels (H, W, 3), uint8, as an <img> that holds them itself."""
    times = PICTURE // max(rgb.shape[:2])
    if times < 2:
        return image(rgb, alt)
    h, width = (times * side for side in rgb.shape[:2])
    return image(rgb, alt, width=width, height=h, class_="pixels", style=f"width:{width}px")


def definitions(caption: str, settings: Mapping[str, object]) -> Html:
    """Return names and values as a table of two columns."""
    return table(caption, ("name", "value"), settings.items())
