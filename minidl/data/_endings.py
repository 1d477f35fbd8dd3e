"""Which files are pictures: those whose ending Pillow knows, and those without one that begin as a picture does."""

from __future__ import annotations

import os
import re
from functools import lru_cache

# Pillow recognises these formats, but shows none of their pictures by itself: it hands them to other programs.
UNREADABLE = frozenset(("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"))
BUILT_IN = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}  # formats that Pillow may have been built without
USUAL = (".jpg", ".png", ".webp")  # for messages

BEGINNINGS = (
    re.compile(rb"\xff\xd8\xff"),  # JPEG
    re.compile(rb"\x89PNG\r\n\x1a\n"),
    re.compile(rb"GIF8[79]a"),
    re.compile(rb"RIFF....WEBP", re.DOTALL),
    re.compile(rb"II\*\0|MM\0\*"),  # TIFF
    re.compile(rb"BM....\0\0\0\0", re.DOTALL),  # BMP: after the size, four bytes that must be 0
    re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),  # JPEG 2000
    re.compile(rb"....ftypavi[fs]", re.DOTALL),
)


@lru_cache(maxsize=1)
def endings() -> frozenset[str]:
    """Return the endings of the files that the installed Pillow can read, in small letters.

    Example:
        >>> {".jpg", ".jfif", ".jpe", ".png", ".tif"} <= endings(), ".mpg" in endings()
        (True, False)
    """
    from PIL import Image, features

    known = Image.registered_extensions()  # loads all formats
    missing = {form for form, codec in BUILT_IN.items() if not features.check(codec)}
    readable = set(Image.OPEN) - UNREADABLE - missing
    return frozenset(ending for ending, form in known.items() if form in readable)


def ending_of(name: str) -> str:
    """Return the ending of a file name in small letters; a number is none, as in img.0001.

    Example:
        >>> ending_of("a.JPG"), ending_of("img.0001"), ending_of("cat")
        ('.jpg', '', '')
    """
    ending = os.path.splitext(name)[1].lower()
    return "" if ending[1:].isdigit() or ending == "." else ending


def is_picture(path: str, name: str) -> bool:
    """Tell whether a file is a picture: by its ending, or by its first bytes where it has none."""
    ending = ending_of(name)
    if ending:
        return ending in endings()
    try:
        with open(path, "rb") as stream:
            head = stream.read(16)
    except OSError:
        return False
    return any(beginning.match(head) for beginning in BEGINNINGS)
