"""What minidl does unasked, told to Python's `logging` under the one name "minidl"."""

from __future__ import annotations

import sys
from typing import Any

NAME = "minidl"


def log(message: str, *values: Any, detail: bool = False) -> None:
    """Tell it to whoever listens: as INFO, a detail as DEBUG.

    Nobody can listen in a process that has not imported `logging`, and to import it for nobody would cost time.

    Example:
        >>> import logging
        >>> with_handler = logging.getLogger("minidl")
        >>> log("weights: %d arrays", 3)  # nothing is shown unless somebody has asked for it
    """
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger(NAME).log(logging.DEBUG if detail else logging.INFO, message, *values)
