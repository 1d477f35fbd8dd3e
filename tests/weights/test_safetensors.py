"""safetensors: reading, writing, and what is wrong with a file."""

import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from minidl import weights


def write(path, entries: dict, data: bytes):
    header = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return path


STATE = {
    "z.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.weight": np.linspace(0, 1, 4).reshape(2, 2).T,
    "half": np.array([1, 2], np.float16),
    "count": np.array(7),
    "mask": np.array([[True], [False]]),
    "bytes": np.arange(5, dtype=np.uint8)[::2],
    "big": np.arange(3, dtype=">i4"),
    "empty": np.zeros((0, 3), np.float32),
}


def test_round_trip(tmp_path):
    path = tmp_path / "net.safetensors"
    weights.save(path, STATE)
    found = weights.load(path)
    assert set(found) == set(STATE)
    for name, array in STATE.items():
        np.testing.assert_array_equal(found[name], array.astype(array.dtype.newbyteorder("=")), strict=True)
        assert found[name].flags.writeable
    for name, array in safetensors.numpy.load_file(path).items():
        np.testing.assert_array_equal(array, STATE[name])


def test_the_same_weights_give_the_same_bytes(tmp_path):
    """Two processes, whose hashes differ, and another order of the arguments."""
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path, arguments in zip(paths, ("{'a': 1, 'b': [2]}", "{'b': [2], 'a': 1}")):
        program = f"""
import numpy as np
from minidl import weights
state = {{f"layer{{i}}": np.full((i, 2), i, np.float32) for i in range(9)}}
weights.save({str(path)!r}, state, model="net", arguments={arguments})
"""
        subprocess.run([sys.executable, "-c", program], check=True)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_note(tmp_path):
    path = tmp_path / "net.safetensors"
    weights.save(path, STATE, model="resnet18", arguments={"num_classes": 10, "sizes": [1, 2]})
    assert weights.read_metadata(path) == {"model": "resnet18", "arguments": {"num_classes": 10, "sizes": [1, 2]}}
    weights.save(path, STATE)
    assert weights.read_metadata(path) == {"model": None, "arguments": {}}


def test_files_without_a_note(tmp_path):
    safetensors.numpy.save_file({"w": np.ones(1)}, tmp_path / "a.safetensors", metadata={"format": "pt"})
    safetensors.numpy.save_file({"w": np.ones(1)}, tmp_path / "b.safetensors")
    np.savez(tmp_path / "c.npz", w=np.ones(1))
    for name in ("a.safetensors", "b.safetensors", "c.npz"):
        assert weights.read_metadata(tmp_path / name) == {"model": None, "arguments": {}}


def test_a_damaged_note(tmp_path):
    path = write(tmp_path / "a.safetensors", {"__metadata__": {"minidl": "{"}}, b"")
    with pytest.raises(
        ValueError, match=r"^weights\.read_metadata: .*a\.safetensors: the note on the network is '{', expected"
    ):
        weights.read_metadata(path)
    write(path, {"__metadata__": {"minidl": '{"model": "a"}'}}, b"")
    with pytest.raises(ValueError, match="the note on the network is "):
        weights.read_metadata(path)
    write(path, {"__metadata__": {"minidl": 3}}, b"")
    with pytest.raises(ValueError, match="the note on the network is 3, expected its model and arguments in JSON"):
        weights.read_metadata(path)
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        weights.read_metadata(tmp_path / "none")


@pytest.mark.parametrize("length", [0x80, 0x180, 0x8080])
def test_a_header_whose_length_begins_like_a_pickle(length, tmp_path):
    """A header of 128 bytes, or of 384, is no pickle, which begins with \\x80, too."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).ljust(length).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<f", 7))
    assert weights.load(path)["w"] == [7]


def test_bfloat16_becomes_float32(tmp_path):
    data = np.array([0x3F80, 0xC020, 0x7F80], "<u2").tobytes()
    path = write(tmp_path / "a.safetensors", {"w": {"dtype": "BF16", "shape": [3, 1], "data_offsets": [0, 6]}}, data)
    np.testing.assert_array_equal(weights.load(path)["w"], np.array([[1.0], [-2.5], [np.inf]], np.float32), strict=True)


def test_a_type_that_numpy_does_not_have(tmp_path):
    path = write(tmp_path / "a.safetensors", {"w": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"\0")
    with pytest.raises(ValueError, match="stores 'w' as F8_E4M3, expected one of F64 F32 F16 BF16"):
        weights.load(path)


ENTRY = {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (struct.pack("<Q", 99) + b"{}", "the safetensors header needs 99 * 1 = 99 bytes, but 2 follow its length"),
        (struct.pack("<Q", 3) + b"{}}", "the safetensors header is not JSON: Extra data"),
        (struct.pack("<Q", 8) + b'{"w": 3}', "this is a damaged safetensors file: Error while deserializing"),
    ],
)
def test_damaged_headers(content, words, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"weights.load: {path}: {words}")):
        weights.load(path)


def test_sizes_that_do_not_match(tmp_path):
    path = write(tmp_path / "a.safetensors", {"w": ENTRY}, bytes(10))
    words = r"the safetensors data needs 12 \* 1 = 12 bytes, but 10 follow the header of 8 \+ 62: 2 bytes are missing"
    with pytest.raises(ValueError, match=words):
        weights.load(path)
    for entry, data in [
        (ENTRY, bytes(13)),
        ({**ENTRY, "shape": [2]}, bytes(12)),
        ({**ENTRY, "shape": [2**62] * 2}, bytes(12)),
    ]:
        write(path, {"w": entry}, data)
        with pytest.raises(ValueError, match="this is a damaged safetensors file: Error while deserializing"):
            weights.load(path)


def test_nested_header(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 200_005) + b'{"a":' + b"[" * 200_000)
    with pytest.raises(ValueError, match=r"the file is damaged \(RecursionError: maximum recursion depth exceeded"):
        weights.load(path)


@pytest.mark.parametrize("array", [[1.0], None, np.array(["a"]), np.array([None]), np.zeros(2, complex)])
def test_only_arrays_of_numbers_are_saved(array, tmp_path):
    with pytest.raises(
        TypeError, match=r"^weights\.save: state must map names to NumPy arrays of float64, .*; state\['w'\] is "
    ):
        weights.save(tmp_path / "a.safetensors", {"w": array})
    assert os.listdir(tmp_path) == []


def test_names_are_strings(tmp_path):
    with pytest.raises(TypeError, match=r"state must map names to NumPy arrays of .*; state\[3\] is float64"):
        weights.save(tmp_path / "a.safetensors", {3: np.ones(1)})


def test_arguments_are_json(tmp_path):
    for arguments in ({"rng": np.random.default_rng()}, {"a": 1, 2: 3}):
        with pytest.raises(TypeError, match=r"^weights\.save: arguments must be what JSON can hold; "):
            weights.save(tmp_path / "a.safetensors", {}, arguments=arguments)


def test_the_suffix_is_honest(tmp_path):
    with pytest.raises(
        ValueError, match=r"^weights\.save: writes safetensors, so path must end in \.safetensors; path='a\.pth'$"
    ):
        weights.save("a.pth", {})


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    weights.save(path, {"w": np.ones(3)})
    content = path.read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(OSError, match=rf"^\[Errno \d+\] File too large: '{re.escape(str(path))}'$"):
            weights.save(path, {"w": np.ones(3000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["a.safetensors"]


def test_any_bit_makes_a_bool_true(tmp_path):
    path = write(tmp_path / "a.safetensors", {"w": {"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}}, b"\0\1\2")
    np.testing.assert_array_equal(weights.load(path)["w"].view(np.uint8), [0, 1, 1])


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"runs/a\.safetensors"):
        weights.save(tmp_path / "runs" / "a.safetensors", {})
