"""Whatever a file notes about itself, its picture is read, and turned as it says."""

import os
import struct

import numpy as np
import pytest
from PIL import Image, features

from minidl.data.images import open_picture
from tests.data_sets.notes import COLOURS, FORMATS, head

RED = (255, 0, 0)
N = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "intense" else 120  # files of each format
TURNED = {1: (0, 0), 3: (15, 7), 6: (7, 0), 8: (0, 15)}  # where the red corner comes to lie


@pytest.mark.parametrize("kind", FORMATS)
def test_an_intact_picture_is_never_refused(kind, tmp_path, rng):
    if kind == "avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    path = tmp_path / "a.bin"
    for _ in range(N):
        content, orientation = FORMATS[kind](rng)
        path.write_bytes(content)
        picture = open_picture(path)
        if orientation is not None:
            assert picture.size == ((16, 8) if orientation in (1, 3) else (8, 16))
            assert np.abs(np.subtract(picture.getpixel(TURNED[orientation]), RED)).max() < 60, orientation


def with_exif(path, block):
    Image.fromarray(COLOURS).save(path, exif=b"Exif\0\0" + block)
    return path


def test_a_rational_of_minus_one_over_nothing(tmp_path):
    entries = struct.pack("<HHIHH", 274, 3, 1, 6, 0) + struct.pack("<HHII", 282, 10, 1, 38)
    block = head("<", 8) + struct.pack("<H", 2) + entries + bytes(4) + struct.pack("<ii", -1, 0)
    assert open_picture(with_exif(tmp_path / "a.jpg", block)).size == (8, 16)


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_what_pillow_makes_of_it(orientation, tmp_path):
    from PIL import ImageOps

    notes = Image.Exif()
    notes[274] = orientation
    path = tmp_path / "a.png"
    Image.fromarray(COLOURS).save(path, exif=notes)
    np.testing.assert_array_equal(open_picture(path), ImageOps.exif_transpose(Image.open(path)))


@pytest.mark.parametrize(("kind", "code"), [(1, "B3x"), (3, "H2x"), (4, "I")])
@pytest.mark.parametrize("order", "<>")
def test_the_orientation_in_any_whole_number(kind, code, order, tmp_path):
    entry = struct.pack(order + "HHI" + code, 274, kind, 1, 8)
    block = head(order, 8) + struct.pack(order + "H", 1) + entry + bytes(4)
    assert open_picture(with_exif(tmp_path / "a.jpg", block)).size == (8, 16)


@pytest.mark.parametrize("words", ['tiff:Orientation="6"', "<tiff:Orientation>6</tiff:Orientation>"])
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
def test_the_orientation_in_xmp(words, kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    xmp = f"<x:xmpmeta {words}/>".encode()
    if kind == "png":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        Image.fromarray(COLOURS).save(path, pnginfo=text)
    elif kind == "tiff":
        Image.fromarray(COLOURS).save(path, tiffinfo={700: xmp})
    else:
        Image.fromarray(COLOURS).save(path, xmp=xmp)
    assert open_picture(path).size == (8, 16)


@pytest.mark.parametrize("digits", ["49492a0008000000010012010300010000000600000000000000", "zz", "4"])
def test_the_orientation_in_exif_written_as_text(digits, tmp_path):
    from PIL.PngImagePlugin import PngInfo

    text, path = PngInfo(), tmp_path / "a.png"
    text.add_text("Raw profile type exif", f"\nexif\n      26\n{digits}\n")
    Image.fromarray(COLOURS).save(path, pnginfo=text)
    assert open_picture(path).size == ((8, 16) if len(digits) > 2 else (16, 8))


def test_a_file_that_is_opened_a_second_time_is_turned_too(tmp_path):
    """Pillow divides the resolution of this one, a single number, and takes it for no picture."""
    entries = b"".join(struct.pack("<HHIHH", *numbers) for numbers in ((274, 3, 1, 6, 0), (296, 3, 1, 2, 0)))
    entries += struct.pack("<HHII", 282, 2, 1, 0)  # letters
    block = head("<", 8) + struct.pack("<H", 3) + entries + bytes(4)
    path = tmp_path / "a.jpg"
    plain = Image.fromarray(COLOURS)
    plain.save(path, quality=95)
    content = path.read_bytes()
    noted = b"Exif\0\0" + block
    path.write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(noted) + 2) + noted + content[2:])
    with pytest.raises(Image.UnidentifiedImageError):
        Image.open(path)
    assert open_picture(path).size == (8, 16)
