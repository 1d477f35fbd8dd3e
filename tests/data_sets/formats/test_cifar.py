"""CIFAR-10 and CIFAR-100, in both formats, and what may be wrong with their files."""

import pickle

import numpy as np
import pytest

from minidl import data
from tests.data_sets.makers import cifar_binary, cifar_python


def refuses(folder, message):
    with pytest.raises(ValueError, match=message) as caught:
        data.open_dataset(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [cifar_binary, cifar_python])
@pytest.mark.parametrize("classes", [10, 100])
def test_pictures_labels_and_names(make, classes, tmp_path):
    x, labels = make(tmp_path, classes=classes)
    found = data.open_dataset(tmp_path)
    assert found.kind == f"CIFAR-{classes}"
    assert found.classes == tuple(f"class {i}" for i in range(classes))
    np.testing.assert_array_equal(found.train.x, x)
    np.testing.assert_array_equal(found.train.labels, labels)
    np.testing.assert_array_equal(found.train.read(3), x[3])
    assert len(found.val) == 4


def test_pixels_are_rows_of_planes(tmp_path):
    """Byte 1 + 1024·c + 32·h + w of a record is channel c, row h, column w."""
    cifar_binary(tmp_path)
    record = np.fromfile(tmp_path / "data_batch_1.bin", np.uint8)[:3073]
    found = data.open_dataset(tmp_path).train
    assert found.labels[0] == record[0]
    for c, h, w in ((0, 0, 1), (1, 2, 3), (2, 31, 30)):
        assert found.x[0, c, h, w] == record[1 + 1024 * c + 32 * h + w]


def test_pictures_are_named_by_their_file_also_in_a_part(tmp_path):
    x, labels = cifar_binary(tmp_path)
    train = data.open_dataset(tmp_path).train
    assert train.name(0) == f"{tmp_path / 'data_batch_1.bin'}, picture 0"
    assert train.name(4) == f"{tmp_path / 'data_batch_2.bin'}, picture 0"
    part = train.take([19, 4]).take(slice(1))
    assert part.name(0) == f"{tmp_path / 'data_batch_5.bin'}, picture 3"
    np.testing.assert_array_equal(part.read(0), x[19])
    assert part.labels.tolist() == [labels[19]]


def test_some_classes_are_numbered_anew(tmp_path):
    x, labels = cifar_python(tmp_path, n=40)
    found = data.open_dataset(tmp_path, ["class 7", "class 2"])
    assert found.ids == found.classes == ("class 2", "class 7")
    chosen = np.flatnonzero((labels == 2) | (labels == 7))
    np.testing.assert_array_equal(found.train.x, x[chosen])
    np.testing.assert_array_equal(found.train.labels, labels[chosen] == 7)


@pytest.mark.parametrize("as_bytes", [True, False])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_every_pickle_of_it(as_bytes, protocol, tmp_path):
    x, _ = cifar_python(tmp_path, as_bytes=as_bytes)
    for file in tmp_path.iterdir():
        file.write_bytes(pickle.dumps(pickle.loads(file.read_bytes()), protocol=protocol))
    np.testing.assert_array_equal(data.open_dataset(tmp_path).train.x, x)


def test_names_may_be_missing(tmp_path):
    cifar_binary(tmp_path)
    (tmp_path / "batches.meta.txt").unlink()
    assert data.open_dataset(tmp_path).classes == tuple("0123456789")


# What is refused


def test_a_truncated_batch(tmp_path):
    cifar_binary(tmp_path)
    file = tmp_path / "data_batch_3.bin"
    file.write_bytes(file.read_bytes()[:-100])
    refuses(
        tmp_path,
        r"data_batch_3.bin: expected records of 1 \+ 3·32·32 = 3,073 bytes; received 12,192 bytes = "
        r"3 · 3,073 \+ 2,973; the file is cut short or no CIFAR-10 file: get it again",
    )
    file.write_bytes(b"")
    refuses(tmp_path, r"data_batch_3.bin: .*received 0 bytes = 0 · 3,073 \+ 0")


def test_cifar_100_has_two_labels_for_each_picture(tmp_path):
    cifar_binary(tmp_path, n=3, classes=100)
    file = tmp_path / "test.bin"
    file.write_bytes(file.read_bytes()[:-1])
    refuses(tmp_path, r"test.bin: expected records of 2 \+ 3·32·32 = 3,074 bytes; .*9,221 bytes = 2 · 3,074 \+ 3,073")


def test_a_file_is_missing(tmp_path):
    cifar_binary(tmp_path)
    (tmp_path / "data_batch_2.bin").unlink()
    refuses(tmp_path, r"CIFAR-10 has 6 files of pictures here, data_batch_2.bin is missing; unpack the archive again")
    (tmp_path / "test_batch.bin").unlink()
    refuses(tmp_path, r"data_batch_2.bin, test_batch.bin are missing")


def test_a_label_out_of_range(tmp_path):
    cifar_binary(tmp_path)
    file = tmp_path / "test_batch.bin"
    content = bytearray(file.read_bytes())
    content[3073 * 2] = 10
    file.write_bytes(content)
    refuses(tmp_path, r"test_batch.bin: picture 2 has the label 10, expected 0 to 9; the file is damaged")


def change(file, **changes):
    found = pickle.loads(file.read_bytes())
    found.update({key.encode(): value for key, value in changes.items()})
    file.write_bytes(pickle.dumps({key: value for key, value in found.items() if value is not None}, protocol=2))


def test_a_truncated_pickle(tmp_path):
    cifar_python(tmp_path)
    file = tmp_path / "data_batch_2"
    file.write_bytes(file.read_bytes()[:-500])
    refuses(tmp_path, r"data_batch_2: the pickle is cut off or damaged before byte .*; get the file again")


def test_a_pickle_that_would_run_something(tmp_path):
    cifar_python(tmp_path)
    (tmp_path / "data_batch_4").write_bytes(b"cos\nsystem\n(S'echo'\ntR.")
    refuses(tmp_path, r"data_batch_4: the pickle asks for os.system, .*nothing was executed")


@pytest.mark.parametrize(
    "changes",
    [
        {"data": None},
        {"data": np.zeros((4, 3071), np.uint8)},
        {"data": np.zeros((4, 3072), np.int16)},
        {"labels": None},
        {"labels": [0, 1, 2, "3"]},
        {"labels": "0123"},
    ],
)
def test_a_pickle_of_something_else(changes, tmp_path):
    cifar_python(tmp_path)
    change(tmp_path / "data_batch_1", **changes)
    refuses(tmp_path, r"data_batch_1: expected a dict with 'data', an uint8 array \(N, 3·32·32 = 3,072\), and 'labels'")


def test_a_pickle_of_no_dict(tmp_path):
    cifar_python(tmp_path)
    (tmp_path / "test_batch").write_bytes(pickle.dumps([1]))
    refuses(tmp_path, r"test_batch: expected a pickle of a dict, it holds a list")


def test_numbers_of_pictures_and_labels_differ(tmp_path):
    cifar_python(tmp_path)
    change(tmp_path / "data_batch_1", labels=[1, 2, 3])
    refuses(tmp_path, r"data_batch_1: there are 4 pictures, but 3 labels")


def test_huge_and_negative_labels(tmp_path):
    cifar_python(tmp_path)
    change(tmp_path / "data_batch_1", labels=[1, 2, 3, 2**70])
    refuses(tmp_path, r"data_batch_1: a label has more than 63 bits; the file is damaged")
    change(tmp_path / "data_batch_1", labels=[1, 2, 3, -1])
    refuses(tmp_path, r"data_batch_1: picture 3 has the label -1, expected 0 to 9")


def test_wrong_names(tmp_path):
    cifar_binary(tmp_path / "a")
    (tmp_path / "a" / "batches.meta.txt").write_text("cat\ndog\n")
    refuses(tmp_path / "a", r"batches.meta.txt: expected the names of the 10 classes of CIFAR-10, received 2")
    cifar_python(tmp_path / "b", classes=100)
    change(tmp_path / "b" / "meta", fine_label_names=7)
    refuses(tmp_path / "b", r"meta: expected the names of the 100 classes of CIFAR-100, received no")


def test_the_reader_itself_refuses_other_folders(tmp_path):
    from minidl.data.formats import cifar

    with pytest.raises(ValueError, match="there are no files of CIFAR-10 or CIFAR-100"):
        cifar.read(tmp_path, None, 0, 0.2)


def test_real_pictures(minidl_data):
    found = data.open_dataset(minidl_data / "cifar-10-batches-bin")
    assert (found.kind, len(found.train), len(found.val)) == ("CIFAR-10", 8000, 2000)
    assert found.classes[:3] == ("airplane", "automobile", "bird")
    statistics = data.measure(found.train)
    np.testing.assert_allclose(statistics.mean, [0.491, 0.482, 0.447], atol=0.01)  # of all of CIFAR-10
    np.testing.assert_allclose(statistics.std, [0.247, 0.243, 0.262], atol=0.01)
