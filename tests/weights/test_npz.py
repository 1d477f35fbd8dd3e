"""NumPy's archives, of plain numbers."""

import io
import re
import struct
import zipfile

import numpy as np
import pytest

from minidl import weights

STATE = {
    "conv.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "count": np.array(7),
    "big": np.arange(3, dtype=">f4"),
    "mask": np.array([True, False]),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_round_trip(write, tmp_path):
    path = tmp_path / "net.npz"
    write(path, **STATE)
    found = weights.load(path)
    assert list(found) == list(STATE)
    for name, array in STATE.items():
        np.testing.assert_array_equal(found[name], array.astype(array.dtype.newbyteorder("=")), strict=True)


def test_an_empty_archive(tmp_path):
    np.savez(tmp_path / "net.npz")
    assert weights.load(tmp_path / "net.npz") == {}


def member(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode()
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text + data


def objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}, None]), allow_pickle=True)
    return file.getvalue()


FLOATS = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (objects(), "the member 'w.npy' has the dtype object, expected plain numbers; objects are not read"),
        (
            member("{'descr': '<U3', 'fortran_order': False, 'shape': (), }", bytes(12)),
            "has the dtype <U3, expected plain",
        ),
        (
            member("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }", bytes(4)),
            "has the dtype [('a', '<f4')]",
        ),
        (
            member(FLOATS % "(3,)", bytes(10)),
            "'w.npy' of shape (3,) needs 3 * 4 = 12 bytes, but 10 follow its header: 2 ",
        ),
        (member(FLOATS % "(3,)", bytes(16)), "the member 'w.npy' has 16 bytes, expected 3 * 4"),
        (member(FLOATS % f"({2**40}, {2**40})", bytes(8)), "but 8 follow its header"),
        (member(FLOATS % "(-1,)", bytes(8)), "has the shape a tuple, expected at most 32 sizes"),
        (member(FLOATS % "(3,)", bytes(12), (3, 0)), "has version (3, 0) of NumPy's format, expected (1, 0) or (2, 0)"),
        (member("{'descr': '<f4'}"), "Header does not contain the correct keys"),
        (member("(" * 5000), "weights.load: "),
        (member("-" * 9000 + "1"), "the header of the member 'w.npy' is nested too deeply"),
        (b"text", "EOF: reading magic string, expected 8 bytes got 4"),
        (b"", "EOF: reading magic string"),
    ],
)
def test_members_that_are_not_arrays_of_numbers(content, words, tmp_path):
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", content)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        weights.load(path)
    message = str(caught.value)
    assert message.startswith(f"weights.load: {path}: ")
    assert "\n" not in message
    assert len(message) < 1000


def test_version_2_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("w.npy", member(FLOATS % "(2,)", np.array([1, 2], "<f4").tobytes(), (2, 0)))
    np.testing.assert_array_equal(weights.load(tmp_path / "net.npz")["w"], np.array([1, 2], np.float32), strict=True)


def test_a_header_that_python_2_wrote(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("w.npy", member(FLOATS % "(2L,)", bytes(8)))
    np.testing.assert_array_equal(weights.load(tmp_path / "net.npz")["w"], np.zeros(2, np.float32), strict=True)


def test_a_checksum_that_fails(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, w=np.full(100, 7, np.uint8))
    path.write_bytes(path.read_bytes().replace(bytes([7] * 100), bytes([7] * 99 + [8])))
    with pytest.raises(ValueError, match=r"the file is damaged \(BadZipFile: Bad CRC-32 for file 'w\.npy'\)"):
        weights.load(path)
