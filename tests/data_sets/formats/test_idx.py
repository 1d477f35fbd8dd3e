"""MNIST and Fashion-MNIST, packed and not, and what may be wrong with their files."""

import gzip

import numpy as np
import pytest

from minidl import data
from minidl.data.formats.idx import read_idx
from tests.data_sets.makers import idx_bytes, mnist


def refuses(folder, message):
    with pytest.raises(ValueError, match=message) as caught:
        data.open_dataset(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dash", "-.")
def test_pictures_and_labels(packed, dash, tmp_path):
    x, labels = mnist(tmp_path, packed=packed, dash=dash)
    found = data.open_dataset(tmp_path)
    assert found.kind == "MNIST"
    assert found.classes == tuple("0123456789")
    np.testing.assert_array_equal(found.train.x, x[:, None])
    np.testing.assert_array_equal(found.train.labels, labels)
    assert found.train.x.dtype == np.uint8
    end = ".gz" if packed else ""
    assert found.val.name(2) == f"{tmp_path / f't10k-images{dash}idx3-ubyte{end}'}, picture 2"


@pytest.mark.parametrize("folder", ["fashion-mnist", "FashionMNIST/raw"])
def test_fashion_mnist_is_told_by_its_folder(folder, tmp_path):
    mnist(tmp_path / folder)
    found = data.open_dataset(tmp_path / folder)
    assert (found.kind, found.classes[9]) == ("Fashion-MNIST", "Ankle boot")
    assert data.open_dataset(tmp_path / folder, "Bag,Coat").classes == ("Coat", "Bag")


def test_some_digits(tmp_path):
    mnist(tmp_path, n=20)
    found = data.open_dataset(tmp_path, "3,5,8")
    assert found.classes == ("3", "5", "8")
    np.testing.assert_array_equal(found.train.labels, [0, 1, 2, 0, 1, 2])
    assert found.train.name(3).endswith("picture 13")
    assert data.open_dataset(tmp_path, "3").classes == ("0", "1", "2")  # a number counts


def test_other_sets_in_the_same_format(tmp_path):
    mnist(tmp_path)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([0, 46, 3, 3, 3, 1])))
    assert len(data.open_dataset(tmp_path).classes) == 47


# What is refused


@pytest.mark.parametrize(
    "content, held", [(b"<html>", "begins with 3c 68"), (b"", "is empty"), (b"\x1f", "begins with 1f")]
)
def test_a_gz_that_is_none(content, held, tmp_path):
    mnist(tmp_path, packed=True)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    refuses(tmp_path, f"train-images-idx3-ubyte.gz: not gzip, which begins with 1f 8b; this file {held}: get it again")


def test_a_gz_that_is_unpacked_already(tmp_path):
    mnist(tmp_path)
    file = tmp_path / "t10k-labels-idx1-ubyte"
    file.rename(f"{file}.gz")
    refuses(tmp_path, "not gzip, .* begins with 00 00: get it again, or take off the .gz if it is unpacked already")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_gz_that_is_cut_short(share, tmp_path):
    mnist(tmp_path, packed=True)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    refuses(tmp_path, r"train-images-idx3-ubyte.gz: the gzip file is damaged \(.+\); get it again")


@pytest.mark.parametrize("place", [0, 100, -3])
def test_a_gz_with_a_flipped_bit(place, tmp_path):
    mnist(tmp_path, packed=True)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    content = bytearray(file.read_bytes())
    content[place] ^= 0x10
    file.write_bytes(content)
    refuses(tmp_path, r"train-images-idx3-ubyte.gz: (the gzip file is damaged|not gzip)")


def test_a_file_is_missing(tmp_path):
    mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    refuses(tmp_path, r"four files are expected, t10k-labels-idx1-ubyte is missing \(each may also end in .gz\)")
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    refuses(tmp_path, "train-labels-idx1-ubyte, t10k-labels-idx1-ubyte are missing")


def test_too_short_and_too_long(tmp_path):
    mnist(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte"
    content = file.read_bytes()
    file.write_bytes(content[:-10])
    refuses(
        tmp_path, r"train-images-idx3-ubyte: its head says 6 · 28 · 28 = 4,704 bytes; there are 4,694; get it again"
    )
    file.write_bytes(content + b"!")
    refuses(tmp_path, r"6 · 28 · 28 = 4,704 bytes; there are more than 4,704; get it again")
    file.write_bytes(content[:10])
    refuses(tmp_path, "train-images-idx3-ubyte: the file ends within its head; get it again")


@pytest.mark.parametrize(
    "content, begins", [(b"hello", "68 65 6c 6c"), (b"", "nothing"), (bytes([0, 0, 13, 1]), "00 00 0d 01"),
                        (bytes([0, 0, 8, 9]), "00 00 08 09")],
)  # fmt: skip
def test_no_idx_file(content, begins, tmp_path):
    mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(content)
    refuses(tmp_path, f"an idx file of bytes begins with 00 00 08 and 01, 02 or 03; this one with {begins}; get it")


def test_a_head_that_lies_does_not_take_the_memory(tmp_path):
    path = tmp_path / "a-idx3-ubyte"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"123")
    with pytest.raises(ValueError, match=r"4,294,967,295 · 4,294,967,295 · .* bytes; there are 3; get it again"):
        read_idx(path)


def test_files_that_are_mixed_up(tmp_path):
    mnist(tmp_path)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    images.write_bytes(labels.read_bytes())
    refuses(tmp_path, r"expected pictures with 3 axes and labels with 1; received shapes \(6,\) and, in .*, \(6,\)")
    mnist(tmp_path)
    labels.write_bytes(idx_bytes(np.zeros(5)))
    refuses(tmp_path, "there are 6 pictures, but 5 labels in train-labels-idx1-ubyte; the files do not belong together")


def test_packed_and_unpacked_are_read_alike(tmp_path):
    content = idx_bytes(np.arange(24).reshape(2, 3, 4))
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), np.arange(24).reshape(2, 3, 4))
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), read_idx(tmp_path / "a"))
