"""Notes of cameras, right and wrong: blocks of EXIF, and files of every format that hold one."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIZES = {0: 1, 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 99: 1}
COUNTS = (0, 1, 1, 1, 2, 3, 5, 1 << 16, 1 << 31, (1 << 32) - 1)
# camera, resolution, its unit, date, directories of EXIF, place and interoperability, the maker's own, thumbnail, XMP …
TAGS = (271, 272, 282, 283, 296, 306, 315, 0x8769, 0x8825, 0xA005, 0x927C, 0x829A, 0x201, 0x202, 700, 0x83BB, 0x8649)
COLOURS = np.zeros((8, 16, 3), dtype=np.uint8)
COLOURS[:4, :8] = 255, 0, 0


def entry(rng, order, tag, heap, base):
    """Return an entry of a directory with any type, count and value; what is longer than four bytes goes to `heap`."""
    kind, count = int(rng.choice(list(SIZES))), int(rng.choice(COUNTS))
    size = SIZES[kind] * count
    raw = rng.bytes(min(size, 40)) if rng.random() < 0.7 else b"\xff" * min(size, 4) + b"\0" * min(size, 36)
    if (kind, count) == (10, 1):
        raw = struct.pack(order + "ii", -1, 0)
    value = raw[:4].ljust(4, b"\0")
    if size > 4:
        place = base + len(heap) if rng.random() < 0.8 else int(rng.choice([0, 1, 8, 1 << 31, (1 << 32) - 1]))
        value = struct.pack(order + "I", place)
        heap += raw
    return struct.pack(order + "HHI", tag, kind, count) + value


def directory(rng, order, right, start, wrong):
    """Return a directory that begins at `start`: the right entries, and others with these tags."""
    heap, base = bytearray(), start + 2 + 12 * (len(right) + len(wrong)) + 4
    entries = {tag: struct.pack(order + "HHI", tag, kind, n) + value for tag, (kind, n, value) in right.items()}
    entries |= {tag: entry(rng, order, tag, heap, base) for tag in wrong}
    body = b"".join(entries[tag] for tag in sorted(entries))
    return struct.pack(order + "H", len(entries)) + body + bytes(4) + bytes(heap)


def head(order, start):
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)


def wrong_tags(rng):
    tags = {
        int(rng.choice(TAGS)) if rng.random() < 0.9 else int(rng.integers(40000, 65536)) for _ in range(rng.integers(9))
    }
    return tags - {274}


def short(order, number):
    return 3, 1, struct.pack(order + "HH", number, 0)


def exif(rng):
    """Return a block of EXIF, and the orientation that it tells; None where the directory itself is damaged."""
    order, orientation = str(rng.choice(["<", ">"])), int(rng.choice([1, 3, 6, 8]))
    right = {274: short(order, orientation)}
    block = b"Exif\0\0" + head(order, 8) + directory(rng, order, right, 8, wrong_tags(rng))
    damage = rng.random()
    if damage < 0.25:
        changed = bytearray(block)
        for place in rng.integers(0, len(block), 4):
            changed[place] = rng.integers(256)
        return bytes(changed), None
    if damage < 0.35:
        return block[: rng.integers(len(block))], None
    if damage < 0.4:
        return rng.bytes(int(rng.integers(60))), None
    return block, orientation


def jpeg(rng):
    block, orientation = exif(rng)
    plain = _saved("JPEG", quality=95)
    place = int(rng.choice([2, 20]))  # before or behind JFIF's own segment, which tells the resolution
    return plain[:place] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[place:], orientation


def several(rng):
    """Return a JPEG whose index of further pictures is damaged."""
    block = b"MPF\0" + exif(rng)[0].removeprefix(b"Exif\0\0")
    plain = _saved("JPEG", quality=95)
    return plain[:20] + b"\xff\xe2" + struct.pack(">H", len(block) + 2) + block + plain[20:], 1


def png(rng):
    block, orientation = exif(rng)
    plain, block = _saved("PNG"), block.removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    return plain[:33] + chunk + plain[33:], orientation


def webp(rng):
    block, orientation = exif(rng)
    return _saved("WEBP", exif=block, lossless=True), orientation


def avif(rng):
    """Return an AVIF, where the orientation is kept elsewhere and EXIF is only read."""
    notes = Image.Exif()
    notes[274], notes[271], notes[272], notes[282] = 6, "Maker", "Model 3", 72.0
    content = bytearray(_saved("AVIF", exif=notes.tobytes(), quality=100))
    start = content.find(b"MM\0*")
    for _ in range(rng.integers(1, 8)):
        content[start + rng.integers(0, 54)] = rng.integers(256)
    return bytes(content), 6


def tiff(rng):
    """Return a TIFF in whose directory all is right that pixels depend on, and nothing else."""
    order, orientation = str(rng.choice(["<", ">"])), int(rng.choice([1, 3, 6, 8]))
    pixels = COLOURS.tobytes()
    numbers = {256: 16, 257: 8, 258: 8, 259: 1, 262: 2, 273: 8, 274: orientation, 277: 3, 278: 8, 279: len(pixels)}
    right = {tag: short(order, number) for tag, number in numbers.items()}
    start = 8 + len(pixels)
    wrong = wrong_tags(rng) - {0x201, 0x202}
    return head(order, start) + pixels + directory(rng, order, right, start, wrong), orientation


def _saved(kind, **settings):
    stream = io.BytesIO()
    Image.fromarray(COLOURS).save(stream, kind, **settings)
    return stream.getvalue()


FORMATS = {"jpeg": jpeg, "several": several, "png": png, "webp": webp, "avif": avif, "tiff": tiff}
