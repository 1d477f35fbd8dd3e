"""The explorer of a whole network: its layers from left to right on one picture, forward and backward.

How it is made:

- `subject.py` opens what is explored: a run, a network with or without weights, and the picture as the network sees it.
- `trace.py` sends the picture through and the gradient of a loss back, and keeps what the observer sees.
- `graph.py` makes layers of the operations: who reads whom, in which column, in which lane.
- `windows.py` cuts out what made one number of one map, small enough for the explorer of operations.
- `gather.py` puts all of it together, and chooses what is embedded; `encode.py` writes that as JSON.
- `terminal.py` shows the same in a terminal, layer by layer.
- `page.py` joins the pieces to one HTML file. `page/` holds the style and the scripts, a panel a file, joined in the
  order of `page.SCRIPTS`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from minidl.models._registry import ENTRIES
from minidl.teach.explorer.exploration import Exploration
from minidl.teach.explorer.network.gather import Portrait, portrait
from minidl.teach.explorer.network.page import write_page
from minidl.teach.explorer.network.subject import subject

__all__ = ["explore_network", "is_network", "portrait_of"]


def __dir__() -> list[str]:
    return [*__all__]


def is_network(what: str) -> bool:
    """Tell whether a word names a network or a run, and no operation."""
    return what in ENTRIES or os.path.isdir(what) or os.sep in what


def portrait_of(
    what: Any,
    image: Any,
    *,
    weights_file: str | os.PathLike[str] | None = None,
    size: int | None = None,
    of: Sequence[int | str] = (),
) -> Portrait:
    """Return all numbers of a network on a picture, for `terminal.walk`; arguments and errors as `explore_network`."""
    _check_image(what, image)
    return portrait(subject(what, image, weights_file=weights_file, size=size), classes=of)


def _check_image(what: Any, image: Any) -> None:
    if image is None:
        name = what if isinstance(what, str) else type(what).__name__
        raise ValueError(f"explore: {name} needs a picture to look at: minidl explore {name} IMAGE")


def explore_network(
    what: Any,
    image: Any,
    *,
    lang: str = "en",
    weights_file: str | os.PathLike[str] | None = None,
    epochs: bool = False,
    size: int | None = None,
    of: Sequence[int | str] = (),
    refused: Sequence[str] = (),
) -> Exploration:
    """Show a network on a picture; see `minidl.teach.explore`.

    Args:
        what: the folder of a run, the name of a network, or a network.
        image: a picture file, the number of a validation picture of the run, or an array (C, H, W).
        lang: "en" or "ko".
        weights_file: of a network by name.
        epochs: whether all checkpoints of a run are shown.
        size: the side of the picture.
        of: classes whose loss goes back, besides the answer.
        refused: settings of operations that were given, too.

    Raises:
        ValueError: if there is no such run or network, or the picture is none.
        OSError: if a file cannot be read.
    """
    if refused:
        raise ValueError(f"explore: a network has settings of its own; received {', '.join(refused)}; leave them out")
    _check_image(what, image)
    found = subject(what, image, weights_file=weights_file, epochs=epochs, size=size)
    html, shown = write_page(found, lang, tuple([of] if isinstance(of, (str, int)) else of))
    left = f", {shown.left_out:,} of {sum(shown.counts):,} maps left out" if shown.left_out else ""
    return Exploration(f"{found.name} on {found.title}{left}", html, shown)
