"""What writes docs/zoo.md and its family tree; see `__main__.py`."""

from __future__ import annotations

from pathlib import Path

from docs.zoo import sheet, tree
from docs.zoo.figures import HERE


def outputs() -> dict[Path, str]:
    """Return what the two files should hold."""
    return {HERE.parent / "zoo.md": sheet.page(), HERE / "family-tree.svg": tree.picture()}
