"""What all plots share: colours, and how a figure becomes a file or a part of a page.

Figures are made without pyplot, so that no window opens and nothing is shared with the user's own figures. Everything
but the data is drawn in one colour, `INK`, faint things in the same colour with more transparency. So a page can put
its own text colour there, and the plot suits it by day and by night.
"""

from __future__ import annotations

import io
import os
import re
import threading
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np

from minidl._checks import check_path, shown
from minidl._files import atomic_write
from minidl._names import printable
from minidl.viz._fonts import NAME, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#24292f"
# Blue and orange (after Okabe and Ito) can be told apart by every eye, and stand out on white and on black.
BLUE = "#2470ad"
ORANGE = "#c25400"
FAINT = 0.18  # opacity of lines that only guide the eye
SMALL = 8.0  # points
FORMATS = (".png", ".svg")
TITLE = 11  # letters of a title in an inch
DPI = 144  # pixels of an inch
TOP = 44  # pixels that a title takes

PIXELS = "image-rendering:crisp-edges;image-rendering:pixelated"  # as matplotlib writes it
_settings = threading.Lock()  # matplotlib's SVG writer takes two of its settings from a table of the whole process


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """Return an empty figure of that size in inches, on white."""
    from matplotlib.figure import Figure

    room_for(title)
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    if title:
        write(figure.suptitle("", color=INK, fontsize=10), title, int(TITLE * width))
    return figure


def new_sheet(width: int, height: int, title: str = "") -> Figure:
    """Return an empty figure of so many pixels, in which `put` finds its own places; a title takes `TOP` of them."""
    from matplotlib.figure import Figure

    room_for(title)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    if title:
        place = {"y": 1 - TOP / 2 / height, "va": "center"}
        write(figure.suptitle("", color=INK, fontsize=10, **place), title, TITLE * width // DPI)
    return figure


def put(figure: Figure, image: np.ndarray, left: int, top: int) -> Axes:
    """Draw an image pixel for pixel: its left upper corner lies so many pixels from that of the figure."""
    width, height = (round(inches * DPI) for inches in figure.get_size_inches())
    h, w = image.shape[:2]
    axes = figure.add_axes((left / width, 1 - (top + h) / height, w / width, h / height))
    bare(axes)
    axes.imshow(image, interpolation="none", aspect="auto")
    return axes


def room_for(title: str) -> float:
    """Return the inches that a title needs above the plot."""
    if not isinstance(title, str):
        raise TypeError(f"viz: title must be a str; received title={shown(title)}")
    return 0.3 if title else 0.0


def top_for(title: str) -> int:
    """Return the pixels that a title needs above a sheet."""
    return TOP if room_for(title) else 0


def ink(axes: Axes) -> None:
    """Draw frame, ticks and words of axes in ink, on the figure's own ground."""
    axes.set_facecolor("none")
    axes.tick_params(which="both", color=INK, labelcolor=INK, labelsize=SMALL)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_color(INK)
        spine.set_alpha(0.5)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(INK)
        text.set_fontsize(SMALL + 1)


def bare(axes: Axes) -> None:
    """Leave nothing of axes but what is drawn in them."""
    axes.set_facecolor("none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def check_format(op: str, path: str | os.PathLike[str]) -> None:
    """Refuse a file name that does not say which kind of plot it shall be, before any work is done.

    Raises:
        ValueError: if the path ends neither in .png nor in .svg.
    """
    check_path(op, path)
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(
            f"{op}: path must end in {' or '.join(FORMATS)}, it ends in {suffix!r}; path={os.fspath(path)}"
        )


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure into a file, whole or not at all; equal figures give equal bytes.

    Raises:
        OSError: if the file cannot be written.
    """
    content = _svg(figure).encode() if Path(path).suffix.lower() == ".svg" else _png(figure)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def to_page(figure: Figure, name: str, alt: str) -> str:
    """Return a figure as an <svg> element for a page.

    Its ground is transparent and its ink the colour of the text around it. Ids begin with `name`, so that plots on
    one page do not take each other's.

    Args:
        figure: the figure.
        name: a word that no other plot of the page has.
        alt: what there is to see, for those who do not see it.
    """
    figure.patch.set_visible(False)
    try:
        text = _svg(figure)
    finally:
        figure.patch.set_visible(True)
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(url\(|href=")#', rf"\1#{name}-", text)
    text = text.replace(INK, "currentColor")
    text = text.replace(PIXELS, "")  # at the width that the page has, smooth squares are more equal than sharp ones
    head, rest = text.split(">", 1)
    view = re.search(r'viewBox="[^"]+"', head)
    box = view.group() if view else ""
    return f'<svg {box} role="img" aria-label="{escape(printable(alt))}">{rest}'


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    _settle(figure)
    FigureCanvasAgg(figure).print_png(content)
    return content.getvalue()


def _settle(figure: Figure) -> None:
    """Find the layout and keep it. It depends on the tick labels, and these on the layout, so it takes two rounds."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        engine.execute(figure)
        figure.set_layout_engine("none")


def _svg(figure: Figure) -> str:
    """Return the text of an SVG file, in which words stay words: to be searched, and shown in the reader's fonts."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    content = io.StringIO()
    _settle(figure)
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # a date would make every file another one
    with _settings, rc_context({"svg.fonttype": "none", "svg.hashsalt": "minidl"}):
        FigureCanvasSVG(figure).print_svg(content, metadata=nothing)
    text = re.sub(r"<!--.*?-->\s*", "", content.getvalue(), flags=re.DOTALL)
    return re.sub(rf'<g id="{NAME}([^"]*)">(\s*<text[^>]*>)[^<]*', _put_name_back, text)


def _put_name_back(match: re.Match[str]) -> str:
    return f"<g>{match[2]}{escape(unquote(match[1]), quote=False)}"
