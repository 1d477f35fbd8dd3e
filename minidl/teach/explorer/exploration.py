"""What `explore` returns: a page that can be saved, opened, and shown in a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from minidl._checks import check_path
from minidl._files import atomic_write
from minidl._html import element, or_plain
from minidl._looks import Brief

FRAME_HEIGHT = 900  # pixels of a page in a notebook, until it has said how high it is


class Exploration(Brief):
    """A page that is complete in itself: it asks for nothing from outside, and keeps what it shows.

    In a notebook it is shown in a frame of its own, so that several do not disturb each other.

    Args:
        title: what it shows, in a few words.
        html: the whole page.
        scene: what the page was made of.
    """

    def __init__(self, title: str, html: str, scene: Any = None):
        self.title, self.html, self.scene = title, html, scene

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, completely or not at all, and return its path.

        Raises:
            TypeError: if `path` names no file.
            OSError: if it cannot be written.
        """
        check_path("explore", path)
        with atomic_write(path) as temporary:
            temporary.write_text(self.html, encoding="utf-8")
        return Path(path)

    @or_plain
    def _repr_html_(self) -> str:
        frame = {"width": "100%", "height": FRAME_HEIGHT, "style": "border:0"}
        return element("iframe", srcdoc=self.html, title=self.title, **frame)

    def _words(self) -> list[str]:
        return [self.title, f"a page of {len(self.html.encode()) / 1000:.0f} kB"]
