"""Picture files of every kind come out as a viewer would show them, or are refused by name."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from minidl.data import images
from minidl.data.images import open_picture, read_pixels

RED, WHITE = (255, 0, 0), (255, 255, 255)


def pixel(path, place=(0, 0)):
    return open_picture(path).getpixel(place)


def saved(picture, path, **settings):
    picture.save(path, **settings)
    return path


def test_greyscale(tmp_path):
    assert pixel(saved(Image.new("L", (4, 3), 100), tmp_path / "a.png")) == (100, 100, 100)


def test_black_and_white(tmp_path):
    assert pixel(saved(Image.new("1", (4, 3), 1), tmp_path / "a.png")) == WHITE


def test_palette(tmp_path):
    assert pixel(saved(Image.new("RGB", (4, 3), RED).convert("P"), tmp_path / "a.png")) == RED


def test_a_transparent_palette_is_laid_on_white(tmp_path):
    picture = Image.new("P", (4, 3), 0)
    picture.putpalette([255, 0, 0] * 256)
    assert pixel(saved(picture, tmp_path / "a.png", transparency=0)) == WHITE


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (255, 0, 0, 0)), ("LA", (0, 0))])
def test_transparent_pixels_are_laid_on_white(mode, colour, tmp_path):
    assert pixel(saved(Image.new(mode, (4, 3), colour), tmp_path / "a.png")) == WHITE


def test_half_transparent_pixels_are_mixed_with_white(tmp_path):
    red, green, blue = pixel(saved(Image.new("RGBA", (4, 3), (255, 0, 0, 128)), tmp_path / "a.png"))
    assert (red, green, blue) == (255, 127, 127)


def test_cmyk(tmp_path):
    red, green, blue = pixel(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "a.jpg", quality=100))
    assert red > 200
    assert max(green, blue) < 60


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    deep = Image.fromarray(np.full((3, 4), 128 * 257, dtype=np.uint16))
    assert pixel(saved(deep, tmp_path / "a.png")) == (128, 128, 128)
    assert pixel(saved(deep, tmp_path / "a.tiff")) == (128, 128, 128)


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in (RED, WHITE)]
    assert pixel(saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])) == RED


def test_a_picture_that_was_held_sideways_is_turned(tmp_path):
    picture = Image.new("RGB", (6, 2), WHITE)
    picture.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned to the left: show the picture turned to the right
    path = saved(picture, tmp_path / "a.png", exif=exif)
    assert open_picture(path).size == (2, 6)
    assert pixel(path, (1, 0)) == RED


def test_floats_are_refused(tmp_path):
    path = saved(Image.fromarray(np.zeros((3, 4), dtype=np.float32)), tmp_path / "a.tiff")
    with pytest.raises(ValueError, match=r"a.tiff: the picture is broken \(its pixels are 32-bit floats"):
        open_picture(path)


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_bands_change_nothing(rows, tmp_path, rng, monkeypatch):
    """Changes of mode go over a picture in bands; how high they are is seen nowhere."""
    whole = [
        Image.fromarray(rng.integers(0, 65536, (13, 10), dtype=np.uint16)),
        Image.fromarray(rng.integers(0, 256, (13, 10, 4), dtype=np.uint8)),
        Image.fromarray(rng.integers(0, 256, (13, 10, 2), dtype=np.uint8), "LA"),
    ]
    wanted = [np.asarray(images.as_rgb(picture)) for picture in whole]
    grey = np.asarray(whole[0]) / 257
    np.testing.assert_array_equal(wanted[0], np.repeat(grey.round()[..., None], 3, axis=2))
    alpha = np.asarray(whole[1])[..., 3:] / 255
    mixed = np.asarray(whole[1])[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(wanted[1] - mixed).max() <= 1
    monkeypatch.setattr(images, "BAND", rows * 10)
    for picture, expected in zip(whole, wanted):
        np.testing.assert_array_equal(images.as_rgb(picture), expected)


def test_a_palette_keeps_its_transparency_in_bands(monkeypatch):
    picture = Image.new("P", (4, 6), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0] + [0] * 762)
    picture.paste(1, (0, 3, 4, 6))
    picture.info["transparency"] = 0
    monkeypatch.setattr(images, "BAND", 4)
    rgb = images.as_rgb(picture)
    assert (rgb.getpixel((0, 0)), rgb.getpixel((0, 5))) == (WHITE, (0, 255, 0))


def test_too_little_memory_is_told_by_name(tmp_path, monkeypatch):
    path = saved(Image.new("RGB", (4, 3), RED), tmp_path / "a.png")

    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(images, "as_rgb", greedy)
    with pytest.raises(ValueError, match=r"a\.png: there is not enough memory to unpack the picture"):
        open_picture(path)


def test_grey_pixels(tmp_path):
    path = saved(Image.new("RGB", (4, 3), RED), tmp_path / "a.png")
    assert read_pixels(path, channels=1).tolist() == [[[76] * 4] * 3]
    assert read_pixels(path).shape == (3, 3, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.jpg: not a picture: the file is empty"),
        (b"<html>404</html>", "a.jpg: not a picture: it looks like a web page"),
        (b"hello", "a.jpg: not a picture: it looks like text"),
        (b"\x00\x01\x02\x03", "a.jpg: not a picture: it begins with 00 01 02 03"),
    ],
)
def test_what_is_no_picture(content, message, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        open_picture(path)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tiff", "webp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_short(kind, share, tmp_path, rng):
    path = saved(Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), tmp_path / f"a.{kind}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=rf"a\.{kind}: (the picture is broken|not a picture)"):
        open_picture(path)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)))
    with pytest.raises(ValueError, match=r"bomb.png: too large for a picture \(.*400000000 pixels"):
        open_picture(path)


def test_missing_files_are_the_systems_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_picture(tmp_path / "none.jpg")
    with pytest.raises(IsADirectoryError):
        open_picture(tmp_path)
