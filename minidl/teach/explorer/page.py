"""Put a page together from its pieces: style, script, strings, the state, and a picture for those without a script."""

from __future__ import annotations

import string
from dataclasses import dataclass

from minidl._html import Html, element
from minidl._page import joined, look, piece, script_data
from minidl.teach.explorer.gather import Scene
from minidl.teach.explorer.picture import picture
from minidl.teach.explorer.words import words

PLACE = "minidl.teach.explorer"
STYLES = ("explorer", "cells", "controls")
# Joined in this order: what a file uses when it is loaded stands before it.
SCRIPTS = (
    "arrays", "words", "judge", "windows", "light", "model",
    "convolution", "conv", "pool", "lrn", "batch_norm", "cross_entropy",
    "grid", "controls", "explanation", "steps", "predict", "share", "mount",
)  # fmt: skip


@dataclass(frozen=True)
class Assets:
    """What a page needs to show operations: the text of one <style> and of one <script>.

    The script defines `minidlExplorer` and shows nothing by itself.
    """

    style: str
    script: str


def assets(lang: str = "en") -> Assets:
    """Return the style and the script of the explorer, with the strings of a language."""
    style = look() + joined(PLACE, (f"page/css/{name}.css" for name in STYLES))
    strings = {key: text for key, text in words(lang).items() if not key.startswith("network")}
    shared = script_data({"lang": lang, "strings": strings})
    code = joined(PLACE, (f"page/js/{name}.js" for name in SCRIPTS))
    data = f"const LANGUAGE = {shared};\nconst STYLE = {script_data(style)};"
    script = f'const minidlExplorer = (() => {{\n"use strict";\n{data}\n{code}\n}})();'
    return Assets(look() + piece(PLACE, "page/css/page.css"), script)


def write_page(scene: Scene, lang: str = "en") -> str:
    """Return the page of one operation, complete in itself."""
    said, parts = words(lang), assets(lang)
    template = string.Template(piece(PLACE, "page/page.html"))
    return template.substitute(
        lang=Html.of(lang),
        title=Html.of(said[f"title.{scene.op}"]),
        style=parts.style,
        script=parts.script,
        state=script_data(scene.state()),
        picture=element("p", said["page.no_script"], class_="notice") + picture(scene, said),
    )
