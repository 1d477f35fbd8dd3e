"""Picture files, read as a viewer would show them.

A file may hold more than eight-bit RGB: greyscale, a palette, CMYK, 16 bits, transparency, several frames, a note that
the camera was held sideways (EXIF). All of it becomes an upright RGB picture: the first frame, turned as the note says,
transparent pixels on white. What cannot be shown is refused with the name of the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.data._quiet import quiet

if TYPE_CHECKING:
    from PIL.Image import Image


def open_picture(path: str | os.PathLike[str]) -> Image:
    """Read a picture file as an upright RGB picture (Pillow).

    Args:
        path: a file in any format that Pillow reads: JPEG, PNG, GIF, WebP, BMP, TIFF and others.

    Returns:
        A Pillow picture in mode "RGB".

    Raises:
        FileNotFoundError: if there is no such file; IsADirectoryError, PermissionError likewise.
        ValueError: if it is no picture, is cut short or otherwise broken, or has more pixels than Pillow unpacks; in
            one line that names the file.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> path = pathlib.Path(tempfile.mkdtemp(), "grey.png")
        >>> Image.new("L", (4, 3), 128).save(path)
        >>> open_picture(path).mode
        'RGB'
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    file = os.fspath(path)
    with open(file, "rb") as stream:  # raises the system's own errors, which name the file
        try:
            with quiet():  # a viewer says nothing of odd metadata
                picture = Image.open(stream)
                picture.load()
                ImageOps.exif_transpose(picture, in_place=True)
                return as_rgb(picture)
        except UnidentifiedImageError:
            raise ValueError(f"{file}: not a picture: {_content(file)}") from None
        except Image.DecompressionBombError as error:
            raise ValueError(f"{file}: too large for a picture ({_line(error)})") from None
        except (OSError, SyntaxError, EOFError, IndexError, TypeError, ValueError, OverflowError, MemoryError) as error:
            raise ValueError(f"{file}: the picture is broken ({_line(error)})") from None  # as Pillow's decoders say it


def as_rgb(picture: Any) -> Image:
    """Return a Pillow picture of any mode as RGB: 16 bits scaled to 8, transparency on white.

    Raises:
        ValueError: if its numbers have no known range (32-bit floats).
    """
    from PIL import Image

    if picture.mode == "F":
        raise ValueError("its pixels are 32-bit floats, whose range is not known; save it with 8 or 16 bits")
    if picture.mode.startswith("I"):  # 16 bits, kept in 16 or 32
        grey = np.asarray(picture).clip(0, 65535) / 257  # 65535 / 255
        return Image.fromarray(grey.round().astype(np.uint8), "L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def resize_and_crop(picture: Image, resize: int, crop: int) -> np.ndarray:
    """Bring the shorter side to `resize` pixels (bicubic) and cut `crop` × `crop` from the middle.

    Returns:
        The picture as float32 (3, crop, crop), numbers from 0 to 255.

    Example:
        >>> from PIL import Image
        >>> resize_and_crop(Image.new("RGB", (640, 480), "red"), 256, 224)[:, 0, 0]
        array([255.,   0.,   0.], dtype=float32)
    """
    from PIL import Image

    width, h = picture.size
    shorter = min(width, h)
    size = resize * width // shorter, resize * h // shorter
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = round((size[0] - crop) / 2), round((size[1] - crop) / 2)
    pixels = np.asarray(picture.crop((left, top, left + crop, top + crop)), dtype=np.float32)  # (H, W, 3)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


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
