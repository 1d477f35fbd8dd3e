"""Sheets of what a network makes, epoch by epoch from the same noise, in the folder of a run and on its page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from minidl._files import atomic_write
from minidl._html import Html, element, join, png
from minidl.training.run_folder._report_page import Section
from minidl.training.run_folder.folder import RunFolder
from minidl.viz.samples import sheet

FOLDER = "samples"
MOST = 12  # sheets of a run, about
COUNT = 64  # pictures of a sheet


def is_kept(epoch: int, epochs: int) -> bool:
    """Tell whether an epoch leaves a sheet: the first and the last do, and every few of those between.

    Example:
        >>> [epoch for epoch in range(1, 31) if is_kept(epoch, 30)]
        [1, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    """
    return epoch in (1, epochs) or epoch % -(-epochs // MOST) == 0


def keep_samples(run: RunFolder, epoch: int, pictures: Any, columns: int | None = None) -> Path:
    """Write the sheet of an epoch into the folder, whole or not at all; equal pictures give equal bytes.

    Args:
        run: the folder.
        epoch: how many are done.
        pictures: (N, C, H, W), from 0 to 1.
        columns: pictures in a row; None (default) makes the sheet about as wide as high.

    Raises:
        OSError: if it cannot be written.
    """
    from PIL import Image

    file = run.path / FOLDER / f"epoch-{epoch:04}.png"
    file.parent.mkdir(exist_ok=True)
    drawn = np.rint(255 * sheet(pictures, columns)).astype(np.uint8)
    with atomic_write(file) as temporary:
        Image.fromarray(drawn).save(temporary, "PNG", optimize=True)
    return file


def sample_sections(run: RunFolder, words: str, epochs: int) -> list[Section]:
    """Return the parts of the page that show them: those of the last epoch, and how they came to be.

    Args:
        run: the folder.
        words: what the pictures are.
        epochs: how many are done: what is left of later ones, of a run that was stopped between, is not shown.
    """
    found = []
    for file in sorted((run.path / FOLDER).glob("epoch-*.png")):
        number = re.fullmatch(r"epoch-(\d+)", file.stem)
        if number and int(number[1]) <= epochs:
            found.append((int(number[1]), file))
    if not found:
        return [Section("samples", "Samples", "Samples", element("p", "There is nothing yet: no epoch is done."))]
    shown = [_figure(epoch, file) for epoch, file in found]
    last = join(element("p", words), shown[-1])
    sections = [Section("samples", "Samples", f"Samples after epoch {found[-1][0]}", last)]
    if len(shown) > 1:
        told = "The same draws of noise after each of these epochs: a place on the sheet is one draw."
        earlier = join(element("p", told), element("div", join(*shown[:-1]), class_="panels"))
        sections.append(Section("epochs", "Over the epochs", "How they came to be", earlier))
    return sections


def _figure(epoch: int, file: Path) -> Html:
    """Return a sheet as the page holds it; its gaps are the page's own ground, in light and in dark."""
    alt = f"pictures that the network made after epoch {epoch}"
    drawn = png(file.read_bytes(), alt, class_="sheet")
    return element("figure", drawn, element("figcaption", f"epoch {epoch}"))
