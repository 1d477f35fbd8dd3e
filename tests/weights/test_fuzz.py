"""Damaged files of every format: the arrays of before, or one line, and nothing else."""

import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import weights
from tests.weights.writer import Storages, parameter, window, write_old, write_zip

FOLDER = tempfile.TemporaryDirectory()
WHERE = Path(FOLDER.name)
MEMORY = 20e6  # bytes; the files have some 1,500


def legal_files() -> dict[str, bytes]:
    """The same state in each format."""
    storages = Storages()
    shared = storages.add(np.arange(12, dtype=np.float16))
    state = {
        "module.weight": parameter(storages.tensor(np.arange(12, dtype=np.float32).reshape(3, 4))),
        "module.bias": storages.tensor(np.arange(4.0)),
        "module.half": storages.tensor(np.arange(3, dtype=np.uint16), "bfloat16"),
        "module.count": storages.tensor(np.array(3)),
        "module.part": window(shared, 1, (2, 3), (1, 4)),
        "module.mask": storages.tensor(np.array([True, False])),
    }
    files = {"zip": write_zip(WHERE / "zip", state, storages).read_bytes()}
    files["old"] = write_old(WHERE / "old", {"state_dict": state}, storages).read_bytes()
    arrays = weights.load(WHERE / "zip")
    np.savez(WHERE / "a.npz", **arrays)
    np.savez_compressed(WHERE / "b.npz", **arrays)
    weights.save(WHERE / "c.safetensors", arrays, model="net", arguments={"num_classes": 10})
    for name, file in [("npz", "a.npz"), ("npz, compressed", "b.npz"), ("safetensors", "c.safetensors")]:
        files[name] = (WHERE / file).read_bytes()
    return files


FILES = legal_files()
STATE = weights.load(WHERE / "zip")
CHECKED = ("zip", "npz", "npz, compressed")  # these have checksums, so that damage to an array cannot go unseen
EACH_FORMAT = pytest.mark.parametrize("name", FILES)


def judge(name: str, content: bytes) -> None:
    path = WHERE / "damaged"
    path.write_bytes(content)
    found: dict[str, np.ndarray] = {}
    refusal = ValueError(f"weights.load: {path}: none")
    tracemalloc.start()
    try:
        found = weights.load(path)
    except ValueError as error:
        refusal = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MEMORY
    assert type(refusal) is ValueError
    assert str(refusal).startswith(f"weights.load: {path}: ")
    assert "\n" not in str(refusal)
    assert len(str(refusal)) < 1000
    assert all(type(key) is str and type(array) is np.ndarray for key, array in found.items())
    if name in CHECKED:  # a name in a zip directory has no checksum of its own
        assert all(np.array_equal(array, STATE[key]) for key, array in found.items() if key in STATE)


@EACH_FORMAT
def test_the_legal_files_agree(name):
    (WHERE / "legal").write_bytes(FILES[name])
    found = weights.load(WHERE / "legal")
    assert set(found) == set(STATE)
    for key, array in STATE.items():
        np.testing.assert_array_equal(found[key], array, strict=True)


@EACH_FORMAT
def test_truncations_are_refused(name):
    whole = len(FILES[name])
    for length in [*range(0, whole - 30, 7), *range(whole - 30, whole)]:
        (WHERE / "short").write_bytes(FILES[name][:length])
        with pytest.raises(ValueError, match=r"^weights\.load: [^\n]*$") as caught:
            weights.load(WHERE / "short")
        assert type(caught.value) is ValueError


@EACH_FORMAT
@settings(max_examples=150, deadline=None, database=None)
@given(data=st.data())
def test_changed_bytes(name, data):
    content = bytearray(FILES[name])
    changes = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(changes, min_size=1, max_size=4)):
        content[place] = value
    judge(name, bytes(content))


@EACH_FORMAT
@settings(max_examples=100, deadline=None, database=None)
@given(data=st.data())
def test_cut_out_and_put_in(name, data):
    content = FILES[name]
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, min(len(content), start + 12)))
    judge(name, content[:start] + data.draw(st.binary(max_size=12)) + content[stop:])


@EACH_FORMAT
@settings(max_examples=50, deadline=None, database=None)
@given(tail=st.binary(max_size=200))
def test_garbage_behind_a_plausible_start(name, tail):
    for length in (4, 9, 40):
        judge(name, FILES[name][:length] + tail)


@pytest.mark.parametrize("head", ["", "old"])
@settings(max_examples=200, deadline=None, database=None)
@given(program=st.binary(max_size=60))
def test_random_pickles(head, program):
    """Random opcodes, also behind the old format's first three pickles."""
    start = FILES["old"][: FILES["old"].index(b"type_sizes")] if head else b"\x80\x02"
    judge("pickle", start + program + b".")
