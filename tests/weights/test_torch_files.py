"""PyTorch's two formats, written by our own small writer: what a legal file may contain."""

from pathlib import Path

import numpy as np
import pytest

from minidl import weights
from tests.weights.writer import (
    STORAGE,
    Call,
    Name,
    Reference,
    Storages,
    parameter,
    pickled,
    window,
    write_old,
    write_zip,
)

WRITERS = pytest.mark.parametrize("write", [write_zip, write_old])


def same(found: dict, expected: dict) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


@WRITERS
@pytest.mark.parametrize("kind", [kind for kind in STORAGE if kind != "bfloat16"])
def test_each_type_is_kept(write, kind, tmp_path):
    storages = Storages()
    array = np.array([[0, 1, 1], [0, 0, 1]], kind) if kind == "bool" else np.arange(6).reshape(2, 3).astype(kind)
    path = write(tmp_path / "w.pth", {"w": storages.tensor(array)}, storages)
    same(weights.load(path), {"w": array})


@WRITERS
def test_bfloat16_is_the_upper_half_of_float32(write, tmp_path):
    storages = Storages()
    array = np.array([1.0, -2.5, 0.0, 3.140625, np.inf], np.float32)
    upper = (array.view(np.uint32) >> 16).astype(np.uint16)
    path = write(tmp_path / "w.pth", {"w": storages.tensor(upper, "bfloat16")}, storages)
    same(weights.load(path), {"w": array})


@WRITERS
def test_windows_on_one_storage(write, tmp_path):
    storages = Storages()
    run = np.arange(24, dtype=np.float32)
    shared = storages.add(run)
    state = {
        "whole": window(shared, 0, (2, 3, 4), (12, 4, 1)),
        "transposed": window(shared, 0, (4, 3, 2), (1, 4, 12)),
        "part": window(shared, 5, (2, 2), (4, 2)),
        "last": window(shared, 23, (), ()),
        "row": window(shared, 3, (5,), (0,)),
        "empty": window(shared, 24, (0, 3), (3, 1)),
    }
    loaded = weights.load(write(tmp_path / "w.pth", state, storages))
    block = run.reshape(2, 3, 4)
    expected = {
        "whole": block,
        "transposed": block.transpose(2, 1, 0),
        "part": np.array([[5, 7], [9, 11]], np.float32),
        "last": np.array(23, np.float32),
        "row": np.full(5, 3, np.float32),
        "empty": np.empty((0, 3), np.float32),
    }
    same(loaded, expected)
    assert np.shares_memory(loaded["whole"], loaded["part"])
    assert loaded["whole"].flags.writeable


@WRITERS
def test_parameters_and_numbers_and_order(write, tmp_path):
    storages = Storages()
    values = {
        "z": parameter(storages.tensor(np.ones((2, 2), np.float32))),
        "count": storages.tensor(np.array(7)),
        "a": Call("torch.nn.parameter.Parameter", (storages.tensor(np.zeros(3)),), state=(True, False, None)),
        "epoch": 3,
        "rate": 0.5,
        "best": Call("numpy.core.multiarray.scalar", (Call("numpy.dtype", ("f8", False, True)), b"\0" * 6 + b"\xf0?")),
    }
    expected = {
        "z": np.ones((2, 2), np.float32),
        "count": np.array(7),
        "a": np.zeros(3),
        "epoch": np.array(3),
        "rate": np.array(0.5),
        "best": np.array(1.0),
    }
    same(weights.load(write(tmp_path / "w.pth", values, storages)), expected)


@WRITERS
def test_ordered_dict_with_metadata_as_nn_module_writes_it(write, tmp_path):
    storages = Storages()
    pairs = [["w", storages.tensor(np.ones(2))], ["b", storages.tensor(np.zeros(2))]]
    state = Call("collections.OrderedDict", (pairs,), state={"_metadata": Call("collections.OrderedDict")})
    same(weights.load(write(tmp_path / "w.pth", state, storages)), {"w": np.ones(2), "b": np.zeros(2)})


@WRITERS
@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_checkpoints_are_unwrapped_and_module_goes(write, wrapper, tmp_path):
    storages = Storages()
    state = {"module.w": storages.tensor(np.ones(2)), "module.module.b": storages.tensor(np.zeros(2))}
    moments = {
        "state": {0: {"momentum_buffer": storages.tensor(np.ones(2))}},
        "param_groups": [{"lr": 0.1, "params": [0]}],
    }
    checkpoint = {"epoch": 3, "arch": "net", "best": None, wrapper: state, "optimizer": moments}
    path = write(tmp_path / "w.pth", checkpoint, storages)
    same(weights.load(path), {"w": np.ones(2), "module.b": np.zeros(2)})


def test_module_stays_when_only_some_have_it(tmp_path):
    storages = Storages()
    state = {"module.w": storages.tensor(np.ones(2)), "b": storages.tensor(np.zeros(2))}
    assert list(weights.load(write_zip(tmp_path / "w.pth", state, storages))) == ["module.w", "b"]


@WRITERS
def test_an_empty_state_dict(write, tmp_path):
    assert weights.load(write(tmp_path / "w.pth", {})) == {}


@pytest.mark.parametrize("kind", ["float32", "float16", "int64", "bool", "uint8"])
def test_big_endian_archive(kind, tmp_path):
    storages = Storages()
    array = np.array([0, 1, 1], kind)
    path = write_zip(tmp_path / "w.pth", {"w": storages.tensor(array, big_endian=True)}, storages, byteorder="big")
    same(weights.load(path), {"w": array})


def test_archive_without_byteorder_is_little_endian(tmp_path):
    storages = Storages()
    path = write_zip(tmp_path / "w.pth", {"w": storages.tensor(np.arange(3))}, storages, byteorder=None)
    same(weights.load(path), {"w": np.arange(3)})


def test_types_without_a_storage_of_their_own(tmp_path):
    storages = Storages()
    array = np.arange(6, dtype=np.uint16).reshape(2, 3)
    storages.add(array.view(np.uint8), "uint8")
    untyped = Reference(("storage", Name("torch.storage.UntypedStorage"), "0", "cpu", 12))
    arguments = (untyped, 0, (2, 3), (3, 1), False, Call("collections.OrderedDict"), Name("torch.uint16"))
    state = {"w": Call("torch._utils._rebuild_tensor_v3", arguments)}
    same(weights.load(write_zip(tmp_path / "w.pth", state, storages)), {"w": array})


def test_tensor_with_python_attributes(tmp_path):
    storages = Storages()
    storage = storages.add(np.arange(2.0))
    arguments = (storage, 0, (2,), (1,), False, Call("collections.OrderedDict"))
    wrapped = (Name("torch._utils._rebuild_tensor_v2"), Name("torch.Tensor"), arguments, {"note": "x"})
    state = {"w": Call("torch._tensor._rebuild_from_type_v2", wrapped)}
    same(weights.load(write_zip(tmp_path / "w.pth", state, storages)), {"w": np.arange(2.0)})


def test_oldest_tensor_and_view_of_a_storage(tmp_path):
    storages = Storages()
    storages.add(np.arange(10, dtype=np.float32))
    view = Reference(("storage", Name("torch.FloatStorage"), "0", "cuda:0", 10, ("77", 4, 3)))
    state = {"w": Call("torch._utils._rebuild_tensor", (view, 1, (2,), (1,)))}
    same(weights.load(write_old(tmp_path / "w.pth", state, storages)), {"w": np.array([5, 6], np.float32)})


def test_sizes_may_be_saved_beside_the_state(tmp_path):
    storages = Storages()
    checkpoint = {"state_dict": {"w": storages.tensor(np.ones(2))}, "input": Call("torch.Size", ((3, 224, 224),))}
    assert list(weights.load(write_zip(tmp_path / "w.pth", checkpoint, storages))) == ["w"]


def test_only_the_storages_of_the_state_are_read(tmp_path):
    storages = Storages()
    state = {"w": storages.tensor(np.ones(2))}
    storages.counts["9"] = 5
    missing = window(Reference(("storage", Name("torch.FloatStorage"), "9", "cpu", 5)), 0, (5,), (1,))
    path = write_zip(tmp_path / "w.pth", {"state_dict": state, "optimizer": [missing]}, storages)
    same(weights.load(path), {"w": np.ones(2)})


def test_suffix_does_not_matter(tmp_path):
    storages = Storages()
    path = write_old(tmp_path / "weights.safetensors", {"w": storages.tensor(np.ones(2))}, storages)
    same(weights.load(str(path)), {"w": np.ones(2)})


def test_the_writer_itself_writes_pickles(tmp_path: Path):
    import pickle

    value = {"a": (1, -3, 2**40, 0.5), "b": [None, True, False, "text", b"bytes"]}
    assert pickle.loads(pickled(value)) == value
