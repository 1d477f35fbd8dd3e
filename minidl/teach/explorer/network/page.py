"""The page of a network, put together from its pieces; it never becomes larger than it may."""

from __future__ import annotations

import string
from typing import Any

from minidl._html import Html, element, image, join
from minidl._page import joined, look, piece, script_data
from minidl.teach.explorer.network.encode import encode
from minidl.teach.explorer.network.gather import Portrait, portrait
from minidl.teach.explorer.network.subject import Subject
from minidl.teach.explorer.page import assets
from minidl.teach.explorer.words import words

PLACE = "minidl.teach.explorer.network"
SCRIPTS = ("data", "paint", "flow", "window", "sum", "layer", "answer", "gradients", "network")
MOST_BYTES = 4_000_000
TABLES = {"network.": "", "network_op.": "op.", "network_made.": "made."}
MOST_ANSWERS = 5


def write_page(subject: Subject, lang: str = "en", classes: Any = ()) -> tuple[str, Portrait]:
    """Return the page of a network on a picture, and what it was made of.

    Raises:
        ValueError: as `portrait` does, or if even the least of it is too large.
    """
    said = words(lang)
    frame = len(_page(said, lang, "", {}).encode())
    budget = MOST_BYTES - frame
    found = portrait(subject, classes=classes, budget=budget)
    while True:
        html = _page(said, lang, _picture(found, said), encode(found))
        over = len(html.encode()) - MOST_BYTES
        if over <= 0:
            return html, found
        budget = int(budget * 0.9) - over // 2
        if not found.fit(budget):
            raise ValueError(
                f"explore: the page of {subject.name} on a picture of {'×'.join(map(str, subject.x.shape))} would take "
                f"{(over + MOST_BYTES) / 1e6:.1f} MB; the most is {MOST_BYTES / 1e6:.0f}; take a smaller picture or "
                f"fewer checkpoints"
            )


def _page(said: dict[str, str], lang: str, picture: str, state: dict[str, Any]) -> str:
    style = look() + piece(PLACE, "page/network.css")
    own = {
        TABLES[table] + key.removeprefix(table): text
        for key, text in said.items()
        for table in TABLES
        if key.startswith(table)
    }
    code = joined(PLACE, (f"page/{name}.js" for name in SCRIPTS))
    return string.Template(piece(PLACE, "page/page.html")).substitute(
        lang=Html.of(lang),
        title=Html.of(state["name"] if state else ""),
        style=style,
        operations=_operations(lang),
        script=f'const minidlNetwork = (() => {{\n"use strict";\nconst WORDS = {script_data(own)};\n{code}\n}})();',
        state=script_data(state),
        picture=picture,
    )


def _operations(lang: str) -> str:
    """Return the script of the explorer of operations with its style, which belongs into each shadow root."""
    return assets(lang).script


def _picture(found: Portrait, said: dict[str, str]) -> Html:
    """Return what those see who run no script: the picture, the layers and the answer."""
    subject, way = found.subject, found.moments[-1].way
    logits = way.heads["main"]
    best = [int(index) for index in (-logits).argsort(kind="stable")[:MOST_ANSWERS]]
    rows = (
        element("tr", *(element("td", text) for text in (layer.path, layer.op, _shape(way.steps[layer.step].output))))
        for layer in found.layers
    )
    return join(
        element("p", said["page.no_script"]),
        image(subject.picture, subject.title),
        element("table", *rows),
        element("p", said["network.answer"], ": ", "; ".join(f"{subject.classes[n]} {logits[n]:.4g}" for n in best)),
    )


def _shape(array: Any) -> str:
    return "×".join(map(str, array.shape[1:])) or "1"
