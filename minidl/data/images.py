"""Picture files, read as a viewer would show them.

A file may hold more than eight-bit RGB: greyscale, a palette, CMYK, 16 bits, transparency, several frames, a note that
the camera was held sideways (EXIF). All of it becomes an upright RGB picture: the first frame, turned as the note says,
transparent pixels on white. What cannot be shown is refused with the name of the file.

Notes never keep a picture from being shown: cameras and editors write them wrongly, and no pixel depends on them. Of
all that a file says about itself only the orientation is read, and nothing is written back. Changes of mode go over a
picture in bands of rows, so that they need little more memory than the picture before and the picture after.
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minidl.data._pillow_warnings import quiet
from minidl.data._reduced import REDUCIBLE, Wanted, reduce

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 0x0112  # the tag of EXIF that says how the camera was held
TURNS = {  # its value: what makes the picture upright, in Pillow's words
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
SIDEWAYS = ("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")  # those that swap height and width
REMARKS = (269, 270, 271, 272, 282, 283, 285, 296, 305, 306, 315, 316, 700)  # of a TIFF: title, camera, resolution …
PRIVATE = 0x8000  # the first tag of a TIFF that its decoders do not need
ORDERS = {b"II*\0": "<", b"MM\0*": ">"}  # how EXIF and TIFF begin: the order of their bytes, as `struct` writes it
WHOLE = {1: "B", 3: "H", 4: "I"}  # the types of EXIF that are whole numbers of a fixed width
EXIF = b"Exif\0\0"
FRONT = 1 << 20  # bytes at the beginning of a file, among which its notes are
BAND = 1 << 20  # pixels that change their mode at a time


class Opened(NamedTuple):
    """A picture that may have been decoded smaller than its file is: height and width of that, divided by the scale."""

    picture: Image
    size: tuple[int, int]
    scale: int


class Pixels(NamedTuple):
    """The same as an array (C, H, W)."""

    x: np.ndarray
    size: tuple[int, int]
    scale: int = 1


def open_picture(path: str | os.PathLike[str]) -> Image:
    """Read a picture file as an upright RGB picture (Pillow).

    Args:
        path: a file in any format that Pillow reads: JPEG, PNG, GIF, WebP, BMP, TIFF and others.

    Returns:
        A Pillow picture in mode "RGB".

    Raises:
        FileNotFoundError: if there is no such file; IsADirectoryError, PermissionError likewise.
        ValueError: if it is no picture, is cut short or otherwise broken, has more pixels than Pillow unpacks or than
            memory can hold; in one line that names the file.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> path = pathlib.Path(tempfile.mkdtemp(), "grey.png")
        >>> Image.new("L", (4, 3), 128).save(path)
        >>> open_picture(path).mode
        'RGB'
    """
    return open_reduced(path, None).picture


def open_reduced(path: str | os.PathLike[str], wanted: Wanted | None) -> Opened:
    """Read a picture file for one that will be made smaller: a JPEG is decoded as small as that allows (`_reduced`).

    Args:
        path: as for `open_picture`.
        wanted: is given height and width, and returns those that the picture will be brought to, or None if it is
            needed as it is; None (default) is for what is always read in full.

    Raises:
        OSError: as `open_picture`.
        ValueError: likewise.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> path = pathlib.Path(tempfile.mkdtemp(), "large.jpg")
        >>> Image.new("RGB", (401, 300), "red").save(path)
        >>> found = open_reduced(path, lambda size: (64, 85))
        >>> found.picture.size, found.size, found.scale
        ((201, 150), (300, 401), 2)
    """
    from PIL import Image, UnidentifiedImageError

    file = os.fspath(path)
    with open(file, "rb") as stream:  # raises the system's own errors, which name the file
        try:
            with quiet():  # a viewer says nothing of odd metadata
                picture, turn, size, scale = _loaded(stream, wanted)
                return Opened(as_rgb(_upright(picture, turn)), size, scale)
        except UnidentifiedImageError:
            raise ValueError(f"{file}: not a picture: {_content(file)}") from None
        except Image.DecompressionBombError as error:
            raise ValueError(f"{file}: too large for a picture ({_line(error)})") from None
        except MemoryError:
            raise ValueError(f"{file}: there is not enough memory to unpack the picture") from None
        except Exception as error:  # what decoders raise on garbage has no end
            raise ValueError(f"{file}: the picture is broken ({_line(error)})") from None


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return height and width of a picture file as `open_picture` would read it, from its head alone where that tells.

    Raises:
        ValueError: if it cannot be read; one line that begins with the file.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> path = pathlib.Path(tempfile.mkdtemp(), "wide.png")
        >>> Image.new("L", (4, 3)).save(path)
        >>> picture_size(path)
        (3, 4)
    """
    from PIL import Image

    file = os.fspath(path)
    try:
        with quiet(), Image.open(file) as picture:
            if hasattr(picture, "tag_v2"):  # a TIFF, which Pillow turns itself when it decodes
                raise ValueError
            lies = TURNS.get(_orientation(picture.info, b""), "") in SIDEWAYS
            return picture.size if lies else picture.size[::-1]
    except Exception:  # whoever reads it says what is wrong with it
        return read_pixels(file).shape[1:]


def read_pixels(path: str | os.PathLike[str], channels: int = 3) -> np.ndarray:
    """Read a picture file as an array.

    Args:
        path: see `open_picture`.
        channels: 3 (default) for red, green and blue, 1 for grey.

    Returns:
        The pixels from 0 to 255, uint8 (channels, H, W).

    Raises:
        ValueError: if it cannot be read; one line that begins with the file.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> path = pathlib.Path(tempfile.mkdtemp(), "red.png")
        >>> Image.new("RGB", (4, 3), "red").save(path)
        >>> read_pixels(path).shape, read_pixels(path, channels=1)[0, 0, 0]
        ((3, 3, 4), np.uint8(76))
    """
    return read_reduced(path, None, channels).x


def read_reduced(path: str | os.PathLike[str], wanted: Wanted | None, channels: int = 3) -> Pixels:
    """Read a picture file for one that will be made smaller, as an array; see `open_reduced` and `read_pixels`.

    Raises:
        ValueError: if it cannot be read; one line that begins with the file.
    """
    file = os.fspath(path)
    try:
        picture, size, scale = open_reduced(file, wanted)
        pixels = np.asarray(picture if channels == 3 else picture.convert("L"))
        x = np.ascontiguousarray(pixels.transpose(2, 0, 1)) if channels == 3 else pixels[None]
        return Pixels(x, size, scale)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except MemoryError:
        raise ValueError(f"{file}: there is not enough memory for its pixels") from None


def as_rgb(picture: Any) -> Image:
    """Return a Pillow picture of any mode as RGB: 16 bits scaled to 8, transparency on white.

    Raises:
        ValueError: if its numbers have no known range (32-bit floats).
    """
    if picture.mode == "F":
        raise ValueError("its pixels are 32-bit floats, whose range is not known; save it with 8 or 16 bits")
    if picture.mode.startswith("I"):  # 16 bits, kept in 16 or 32
        return _in_bands(picture, _from_sixteen_bits)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        return _in_bands(picture, _on_white)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _in_bands(picture: Any, change: Callable[[Any], Image]) -> Image:
    """Return an RGB picture whose bands of rows are what `change` made of those of the picture."""
    from PIL import Image

    width, h = picture.size
    rows = max(BAND // width, 1)
    rgb = Image.new("RGB", picture.size)
    for top in range(0, h, rows):
        rgb.paste(change(picture.crop((0, top, width, min(top + rows, h)))), (0, top))
    return rgb


def _from_sixteen_bits(band: Any) -> Image:
    from PIL import Image

    grey = np.asarray(band).clip(0, 65535) / 257  # 65535 / 255
    return Image.fromarray(grey.round().astype(np.uint8), "L").convert("RGB")


def _on_white(band: Any) -> Image:
    from PIL import Image

    rgba = band.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


# How the camera was held


def _loaded(stream: IO[bytes], wanted: Wanted | None) -> tuple[Any, str, tuple[int, int], int]:
    """Return the first frame, how it has to be turned, the size of the file upright, and by what its sides are divided.

    Pillow reads some notes when it opens a file, and takes a picture whose notes it stumbles over for none. Such a file
    is opened again with its notes made unreadable.
    """
    from PIL import Image

    picture: Any
    try:
        picture, exif = Image.open(stream), b""
    except Image.DecompressionBombError:
        raise
    except Exception:
        stream.seek(0)
        front = stream.read(FRONT)
        if EXIF[:4] not in front and front[:4] not in ORDERS:
            raise
        content = front + stream.read()
        picture = Image.open(io.BytesIO(_without_notes(content)))
        exif = content[:FRONT].partition(EXIF)[2] if content.startswith(b"\xff\xd8") else b""
    if hasattr(picture, "tag_v2"):  # Pillow turns a TIFF itself, and reads all its notes on the way: leave it the one
        if not isinstance(picture.info.get("xmp"), bytes):
            picture.info.pop("xmp", None)
        notes = picture.getexif()
        for tag in [tag for tag in notes if tag != ORIENTATION]:
            del notes[tag]
    whole = picture.size
    scale = 1
    if wanted is not None and picture.format in REDUCIBLE:
        turn = _turn(picture, exif)
        scale = reduce(picture, wanted, turned=bool(turn), sideways=turn in SIDEWAYS)
    picture.load()  # which reads the notes of a PNG that stand behind its pixels, and turns a TIFF
    turn = _turn(picture, exif)
    sides = picture.size if scale == 1 else whole
    return picture, turn, sides if turn in SIDEWAYS else sides[::-1], scale


def _without_notes(content: bytes) -> bytes:
    """Return the file with EXIF under a name that nobody knows; of a TIFF, those tags that no pixel depends on."""
    if content[:4] not in ORDERS:
        return content[:FRONT].replace(EXIF[:4], bytes(4)) + content[FRONT:]
    silent = bytearray(content)
    with suppress(struct.error):
        for place, _, tag, _, _ in _entries(content):
            if tag in REMARKS or tag >= PRIVATE:
                silent[place : place + 12] = bytes(12)
    return bytes(silent)


def _turn(picture: Any, exif: bytes) -> str:
    """Say in Pillow's words what makes a picture upright; "" where nothing has to be done."""
    return TURNS.get(_orientation(picture.info, exif), "")


def _upright(picture: Any, turn: str) -> Any:
    """Turn a picture as its notes say."""
    from PIL.Image import Transpose

    return picture.transpose(Transpose[turn]) if turn else picture


def _orientation(info: dict[Any, Any], exif: bytes) -> int:
    """Return the orientation that a file notes: in EXIF, in EXIF written as text, or in XMP; 1 where it does not."""
    exif = info.get("exif") or exif or _from_text(info.get("Raw profile type exif"))
    with suppress(struct.error, TypeError):
        found = _exif_orientation(exif)
        if found is not None:
            return found
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    match = re.search(rb'tiff:Orientation(?:="|>)([0-9])', xmp if isinstance(xmp, bytes) else str(xmp).encode())
    return int(match[1]) if match else 1


def _from_text(profile: Any) -> bytes:
    """Return the EXIF that ImageMagick writes into a PNG: three lines of other things, then hexadecimal digits."""
    with suppress(ValueError, TypeError):
        return bytes.fromhex("".join(str(profile or "").split("\n")[3:]))
    return b""


def _exif_orientation(exif: bytes) -> int | None:
    """Look the orientation up in the first directory of EXIF, past everything else, right or wrong.

    Raises:
        struct.error: if the block is cut short before it.
    """
    while exif.startswith(EXIF):
        exif = exif[len(EXIF) :]
    for place, order, tag, kind, n in _entries(exif):
        if tag == ORIENTATION and n == 1 and kind in WHOLE:
            return int(struct.unpack_from(order + WHOLE[kind], exif, place + 8)[0])
    return None


def _entries(content: bytes) -> Iterator[tuple[int, str, int, int, int]]:
    """Yield place, order of bytes, tag, type and count of each entry of the first directory of EXIF, or of a TIFF.

    A directory begins with the number of its entries; an entry is a tag, a type, a count and a value, in 12 bytes.

    Raises:
        struct.error: where the directory is cut short.
    """
    order = ORDERS.get(content[:4])
    if order is None:
        return
    (start,) = struct.unpack_from(order + "I", content, 4)
    (count,) = struct.unpack_from(order + "H", content, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        yield place, order, *struct.unpack_from(order + "HHI", content, place)


# What is wrong


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _content(file: str) -> str:
    """Say what a file that is no picture seems to hold."""
    with open(file, "rb") as stream:
        head = stream.read(64)
    if not head:
        return "the file is empty"
    if head.lstrip()[:1] == b"<":
        return "it looks like a web page"
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head):
        return "it looks like text"
    return f"it begins with {head[:8].hex(' ')}"
