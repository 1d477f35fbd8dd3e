"""Zip archives that are damaged, absurd, or of something else."""

import struct
import zipfile
import zlib

import numpy as np

from tests.weights.writer import Storages, pickled, refuse, write_zip


def test_archive_storage_of_the_wrong_size(tmp_path):
    for length, words in [
        (20, "needs 6 * 4 = 24 bytes, but 20 are in the archive: 4 bytes are missing"),
        (28, "expected 24"),
    ]:
        storages = Storages()
        state = {"w": storages.tensor(np.arange(6, dtype=np.float32))}
        storages.raw["0"] = bytes(length)
        refuse(write_zip(tmp_path / "w.pth", state, storages), words)


def test_archive_without_a_storage(tmp_path):
    storages = Storages()
    state = {"w": storages.tensor(np.arange(6, dtype=np.float32))}
    storages.raw.clear()
    refuse(write_zip(tmp_path / "w.pth", state, storages), "lacks 'archive/data/0', the storage of 6 elements")


def test_archive_with_an_unknown_byteorder(tmp_path):
    refuse(write_zip(tmp_path / "w.pth", {}, byteorder="middle"), "byteorder is b'middle', expected 'little' or 'big'")


def test_archives_of_something_else(tmp_path):
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    refuse(
        path, "a zip archive with 'word/document.xml' in it, expected members NAME/data.pkl (PyTorch) or only members"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled({}))
        archive.writestr("net/constants.pkl", pickled(()))
    refuse(path, "a TorchScript program, expected weights: torch.save(net.state_dict(), path)")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickled({}))
        archive.writestr("b/data.pkl", pickled({}))
    refuse(path, "this archive has 2 members data.pkl, expected 1")


def test_archive_that_is_cut_off(tmp_path):
    storages = Storages()
    path = write_zip(tmp_path / "w.pth", {"w": storages.tensor(np.arange(6.0))}, storages)
    path.write_bytes(path.read_bytes()[:300])
    refuse(
        path,
        "starts as a zip archive, but the directory at its end is missing or damaged (File is not a zip file); was",
    )


def test_archive_that_would_fill_the_memory(tmp_path):
    path = tmp_path / "w.npz"
    np.savez_compressed(path, w=np.zeros(1000))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 1 << 30)  # the unpacked size in the directory
    path.write_bytes(content)
    refuse(path, "bytes would unpack to 1,073,741,824, more than 268,435,456, the largest plausible size")


def test_archive_compressed_in_a_rare_way(tmp_path):
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("w.npy", b"")
    refuse(path, "member 'w.npy' is compressed by method 12, expected 0 (stored) or 8 (deflated)")


def test_archive_whose_checksum_fails(tmp_path):
    storages = Storages()
    path = write_zip(tmp_path / "w.pth", {"w": storages.tensor(np.full(100, 7, np.uint8))}, storages)
    content = path.read_bytes()
    path.write_bytes(content.replace(bytes([7] * 100), bytes([7] * 99 + [8])))
    refuse(path, "the file is damaged (BadZipFile: Bad CRC-32 for file 'archive/data/0')")


def test_archive_member_outside_of_the_file(tmp_path):
    path = write_zip(tmp_path / "w.pth", {})
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 20 : entry + 24] = struct.pack("<I", 1 << 20)  # the packed size in the directory
    path.write_bytes(content)
    refuse(path, "member 'archive/data.pkl' should lie at byte 0 + 1,048,576 of a file of")


def test_archive_member_that_ends_early(tmp_path):
    storages = Storages()
    path = write_zip(tmp_path / "w.pth", {"w": storages.tensor(np.zeros(100, np.uint8))}, storages)
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"archive/data/0"))
    content[entry + 16 : entry + 24] = struct.pack("<II", zlib.crc32(bytes(60)), 60)  # of what is there
    path.write_bytes(content)
    refuse(path, "the data ends 40 bytes too early")
