"""Files that are not weights, or that want more than to be weights: each gets one line, and nothing happens."""

import os
import re
import struct
import tracemalloc

import numpy as np
import pytest

from minidl import weights
from tests.weights.writer import (
    MAGIC,
    Call,
    Name,
    Reference,
    Storages,
    opcodes,
    pickled,
    refuse,
    window,
    write_old,
    write_zip,
)

WRITERS = pytest.mark.parametrize("write", [write_zip, write_old])


def raw_pickle(tmp_path, program: bytes):
    """A file in the old format whose object is made by these opcodes."""
    path = tmp_path / "raw.pth"
    path.write_bytes(pickled(MAGIC) + pickled(1001) + pickled({}) + b"\x80\x02" + program + b"." + pickled([]))
    return path


STRANGERS = {
    "empty": (b"", "the file is empty (0 bytes)"),
    "html": (b"\r\n<!DOCTYPE html><html><body>404</body></html>", "this is an HTML page ('<!DOCTYPE html><html>"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", "a git-lfs pointer"),
    "text": ("Gewichte für net\n".encode(), "this is text of 18 bytes ('Gewichte f\\xfcr net'), expected weights"),
    "json-like text": (b"weights={1, 2, 3}", "this is text of 17 bytes"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "this is an HDF5 file (Keras, MATLAB), expected"),
    "npy": (b"\x93NUMPY\x01\x00", "a single array without a name (.npy), expected .npz: numpy.savez"),
    "gzip": (b"\x1f\x8b\x08" + bytes(9), "compressed by gzip, expected the file inside"),
    "bzip2": (b"BZh91AY", "compressed by bzip2"),
    "xz": (b"\xfd7zXZ\x00", "compressed by xz"),
    "gguf": (b"GGUF\x03", "a GGUF file"),
    "png": (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0", "a JPEG picture"),
    "pdf": (b"%PDF-1.7", "a PDF document"),
    "tar": (b"storages\0".ljust(257, b"\0") + b"ustar\x0000" + bytes(248), "this is a tar archive"),
    "bytes": (b"\x00\x01\x02\x03\xff\xfe", "the file of 6 bytes starts with 00 01 02 03 ff fe, expected safetensors"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_are_named(name, tmp_path):
    content, words = STRANGERS[name]
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    refuse(path, words)


def test_a_missing_file_stays_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^\[Errno 2\] No such file or directory: '.*net\.pth'$"):
        weights.load(tmp_path / "net.pth")


def test_a_folder_stays_is_a_directory(tmp_path):
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        weights.load(tmp_path)


def test_a_device_is_not_waited_for():
    refuse("/dev/zero", "this is a device or a pipe, expected a file")


ASKED = [  # names that no data mentions
    "os.system", "posix.system", "nt.system", "builtins.eval", "__builtin__.exec", "subprocess.Popen", "runpy.run_path",
    "importlib.import_module", "pickle.loads", "shutil.rmtree", "operator.attrgetter", "types.FunctionType",
    "builtins.type", "collections.namedtuple", "numpy.os.system", "torch.serialization.os.system", "a.subprocess.Popen",
    "__main__.builtins.eval", "commands.getoutput",
]  # fmt: skip
CALLED = [  # names that data may mention, but not call
    "torch.load", "torch.storage._load_from_bytes", "torch.hub.load", "torch.nn.Linear", "torch.FileStorage",
    "torch.ComplexFloatStorage", "numpy.load", "numpy.testing._private.utils.runstring", "numpy.DataSource",
    "__main__.run", "typing.ForwardRef",
]  # fmt: skip
BUILT = {  # names that are called, but not with a command
    "builtins.getattr": "damaged at byte",
    "copyreg._reconstructor": "makes an object of 'touch",
    "copyreg.__newobj__": "makes an object of 'touch",
    "numpy.core.multiarray._reconstruct": "damaged at byte",
    "torch._utils._rebuild_tensor_v2": "damaged at byte",
}
NO_WEIGHTS = ["collections.Counter", "builtins.set", "__main__.Net", "pathlib.PosixPath", "argparse.Namespace"]

AS_WEIGHT_AND_BESIDE = pytest.mark.parametrize("beside", [False, True], ids=["as a weight", "beside the weights"])


def with_a_call(write, path, name, beside, mark):
    """A file that calls `name` with a command, in the place of a weight or beside good ones."""
    storages = Storages()
    call, good = Call(name, (f"touch {mark}",)), {"w": storages.tensor(np.ones(2, np.float32))}
    return write(path, {"state_dict": good, "args": call} if beside else {"w": call}, storages)


@WRITERS
@AS_WEIGHT_AND_BESIDE
@pytest.mark.parametrize("name", ASKED)
def test_a_forbidden_global_is_named_and_not_run(write, beside, name, tmp_path):
    path = with_a_call(write, tmp_path / "w.pth", name, beside, tmp_path / "executed")
    refuse(path, f"the pickle asks for {name}, which is not on the short list of what data needs; nothing was executed")
    assert not (tmp_path / "executed").exists()


@WRITERS
@AS_WEIGHT_AND_BESIDE
@pytest.mark.parametrize("name", CALLED)
def test_a_forbidden_call_is_named_and_not_run(write, beside, name, tmp_path):
    path = with_a_call(write, tmp_path / "w.pth", name, beside, tmp_path / "executed")
    refuse(path, f"the pickle calls {name}, which is not a function of the short list; nothing was executed; save the ")
    assert not (tmp_path / "executed").exists()


@WRITERS
@AS_WEIGHT_AND_BESIDE
@pytest.mark.parametrize("name", BUILT)
def test_what_is_built_by_us_takes_no_command(write, beside, name, tmp_path):
    refuse(with_a_call(write, tmp_path / "w.pth", name, beside, tmp_path / "executed"), BUILT[name])
    assert not (tmp_path / "executed").exists()


@WRITERS
@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_a_companion_is_no_weight(write, name, tmp_path):
    path = with_a_call(write, tmp_path / "w.pth", name, False, tmp_path / "executed")
    refuse(path, f"the entry 'w' is an object of {name}, not a tensor; expected a state_dict")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        # a method of something opaque, and then its call
        (b"c__builtin__\ngetattr\n(c__main__\nNet\n" + opcodes("run") + b"tR)R", "calls an object of __main__.Net.run"),
        (b"c__main__\nNet\n)\x81)R", "calls an object of __main__.Net, which is not a function"),
        # the way from a harmless name to a dangerous one
        (b"c__builtin__\ngetattr\n(c__builtin__\ndict\n" + opcodes("get") + b"tR", "asks for __builtin__.dict.get"),
        (b"c__builtin__\ngetattr\n(c__main__\nos\n" + opcodes("system") + b"tR", "asks for __main__.os"),
        (
            b"c__builtin__\ngetattr\n(cnumpy\nf\n" + opcodes("__globals__") + b"tR",
            "the attribute '__globals__' of numpy.f",
        ),
        (b"ccollections\ndefaultdict\n(cos\nsystem\ntR" + opcodes("ls") + b"Ns", "asks for os.system"),
        (b"cfunctools\npartial\n(cos\nsystem\ntR", "asks for os.system"),
        (
            b"ccopyreg\n_reconstructor\n(ctorch._utils\n_rebuild_parameter\nc__builtin__\nobject\nNtR",
            "makes an object of",
        ),
        (b"c__main__\nNet\n)" + opcodes("x") + b"\x92", "makes an object of __main__.Net with 'x', expected a dict"),
    ],
)
def test_ways_around(program, words, tmp_path):
    refuse(raw_pickle(tmp_path, program), words)


def test_a_name_that_tries_to_leave_its_line(tmp_path):
    program = opcodes("os\nfine\x1b[2J") + opcodes("x" * 500) + b"\x93"
    refuse(raw_pickle(tmp_path, program), r"asks for os\nfine\x1b[2J.xxxx")


LONE = Reference(("storage", Name("torch.FloatStorage"), "0", "cpu", 1))
PROGRAMS = {
    "INST": (b"(ios\nsystem\n", "uses the opcode INST"),
    "OBJ": (b"(cos\nsystem\no", "asks for os.system"),
    "OBJ of an allowed name": (b"(ccollections\nOrderedDict\no", "uses the opcode OBJ"),
    "NEWOBJ": (b"cos\nsystem\n)\x81", "asks for os.system"),
    "NEWOBJ_EX": (b"cos\nsystem\n)}\x92", "asks for os.system"),
    "EXT1": (b"\x82\x01", "uses the opcode EXT1"),
    "a set": (b"\x8f", "this file holds an object of builtins.set, expected a state_dict"),
    "a buffer": (b"\x97", "uses the opcode NEXT_BUFFER"),
    "textual persistent id": (b"Pos.system\n", "uses the opcode PERSID"),
    "calling a type": (opcodes(Call("torch.FloatStorage", ())), "calls torch.FloatStorage, which is not a function"),
    "calling a string": (opcodes("os.system") + b")R", "calls 'os.system', which is not a function"),
    "calling a dict": (b"})R", "calls a dict, which is not a function"),
    "arguments not a tuple": (b"ccollections\nOrderedDict\n]R", "with a list instead of a tuple of arguments"),
    "wrong number of arguments": (opcodes(Call("torch._utils._rebuild_tensor_v2", (1,))), "damaged at byte"),
    "state of a name": (b"ccollections\nOrderedDict\n}b", "sets the state of collections.OrderedDict, which has none"),
    "state of a string": (opcodes("x") + b"}b", "sets the state of 'x', which has none"),
    "state of a list": (b"]}b", "sets the state of a list, which has none"),
    "global of numbers": (b"K\x01K\x02\x93", "names a global by 1 and 2, expected two strings"),
    "persistent id of a file": (opcodes(Reference("/etc/passwd")), "refers to '/etc/passwd' outside of itself"),
    "persistent id of a module": (opcodes(Reference(("module", "Net", "a.py", "code"))), "refers to a tuple outside"),
    "storage of a parameter": (
        opcodes(Reference(("storage", Name("torch.Tensor"), "0", "cpu", 1))),
        "refers to a tuple outside",
    ),
    "storage with a negative size": (
        opcodes(Reference(("storage", Name("torch.FloatStorage"), "0", "cpu", -1))),
        "which cannot both be",
    ),
    "storage of two types": (
        opcodes(LONE) + opcodes(Reference(("storage", Name("torch.LongStorage"), "0", "cpu", 1))),
        "the storage '0' is 1 elements of float32 and 1 of int64, which cannot both be",
    ),
    "view beyond its storage": (
        opcodes(Reference(("storage", Name("torch.FloatStorage"), "0", "cpu", 4, ("1", 3, 2)))),
        "a view of the storage '0' reaches beyond its 4 elements",
    ),
    "tensor on nothing": (opcodes(window(3, 0, (1,), (1,))), "a tensor is built on 3, expected a storage"),
    "bytes of a float storage": (
        opcodes(Call("torch._utils._rebuild_tensor_v3", (LONE, 0, (), (), False, None, Name("torch.uint16")))),
        "expected a storage of bytes and a type of numbers",
    ),
    "tensor of an unknown type": (
        opcodes(Call("torch._utils._rebuild_tensor_v3", (LONE, 0, (), (), False, None, Name("torch.Tensor")))),
        "expected a storage of bytes and a type of numbers",
    ),
    "parameter on nothing": (
        opcodes(Call("torch._utils._rebuild_parameter", ({}, True, None))),
        "a parameter is built on a dict, expected a tensor",
    ),
    "size of text": (
        opcodes(Call("torch.Size", (("a",),))),
        "torch.Size is built on a tuple, expected a tuple of sizes",
    ),
    "negative stride": (opcodes(window(LONE, 0, (1,), (-1,))), "offset, shape and stride are not integers from 0"),
    "stride of another length": (
        opcodes(window(LONE, 0, (1,), (1, 1))),
        "are not integers from 0 to 2**63 - 1, one an",
    ),
    "too large a size": (opcodes(window(LONE, 0, (2**63,), (1,))), "are not integers from 0"),
    "too many axes": (opcodes(window(LONE, 0, (1,) * 33, (1,) * 33)), "are not integers from 0"),
    "offset not an integer": (opcodes(window(LONE, 0.5, (1,), (1,))), "are not integers from 0"),
    "conjugate bit": (
        opcodes(window(LONE, 0, (1,), (1,), {"conj": True})),
        "a tensor of shape (1,) carries a conjugate or negative bit; save tensor.clone()",
    ),
    "huge integer": (b"\x8b" + struct.pack("<i", 4000) + b"\x7f" * 4000, "holds an integer of 31,999 bits"),
    "list of pairs": (
        opcodes(Call("collections.OrderedDict", ([["a"]],))),
        "an ordered dict of a list, expected a list",
    ),
    "tuple as a key": (b"})Ns", "the entry an object of tuple is None, not a tensor"),
    "huge number as a key": (opcodes({2**61 - 1: 1}), "the entry an object of int is 1, not a tensor"),
    "float as a key": (opcodes({0.5: 1}), "the entry an object of float is 1, not a tensor"),
    "key without a value": (b"(" + opcodes("a") + b"d", "has 1 keys for 0 values"),
    "appending to a dict": (b"}Na", "appends to a dict, expected a list"),
    "items of a list": (b"]" + opcodes("a") + b"Ns", "sets items of a list, expected a dict"),
    "empty stack": (b"0", "damaged at byte"),
    "unknown memo": (b"h\x07", "damaged at byte"),
    "short tuple": (b"N\x86", "damaged at byte"),
    "unknown opcode": (b"\xff", "cut off or damaged before byte"),
    "dtype of objects": (
        opcodes(Call("numpy.dtype", ("O8",))),
        "holds an object of numpy.dtype, expected a state_dict",
    ),
    "dtype that is not there": (
        opcodes(Call("numpy.dtype", ("f3",))),
        "holds an object of numpy.dtype, expected a state_dict",
    ),
    "dtype with fields": (
        opcodes(Call("numpy.dtype", ("u1",), state=(3, "|", None, ("a",), {}, -1, -1, 0))),
        "builds a dtype with fields or an unknown byte order",
    ),
    "number of the wrong length": (
        opcodes(Call("numpy.core.multiarray.scalar", (Call("numpy.dtype", ("f8",)), b"123"))),
        "makes a NumPy number of a dtype and b'123', which do not fit",
    ),
    "text in another encoding": (opcodes(Call("_codecs.encode", ("a", "rot13"))), "encodes 'a' as 'rot13', expected"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_are_not_data(name, tmp_path):
    program, words = PROGRAMS[name]
    refuse(raw_pickle(tmp_path, program), words)


def nested_call(depth: int) -> bytes:
    """A tensor of a type whose builder is a tensor of a type whose builder …"""
    name = b"ctorch._tensor\n_rebuild_from_type_v2\n"
    return name + (b"(" + name + b"N") * depth + b")" + b"Nt" * depth + b"R"


BOMBS = {
    # a memo index of 2**32 - 1, for which a list would need 34 GB
    "memo": (b"}r\xff\xff\xff\xff", None),
    "memo, then nothing": (b"}r\xff\xff\xff\xff0h\x00", "damaged at byte"),
    # lengths of 2**40 and 2**31 bytes, of which nothing follows
    "bytes": (b"\x8e" + struct.pack("<Q", 1 << 40) + b"abc", "cut off or damaged before byte"),
    "text": (b"\x8d" + struct.pack("<Q", 1 << 40) + b"abc", "cut off or damaged before byte"),
    "integer": (b"\x8b" + struct.pack("<i", (1 << 31) - 1) + b"abc", "cut off or damaged before byte"),
    # a tuple of two tuples of two tuples …: 2**100 elements to hash
    "hash": (b"}K\x01" + b"2\x86" * 100 + b"Ns", "the entry an object of tuple is None, not a tensor"),
    # one string of 100 kB encoded 10,000 times
    "encode": (
        opcodes("x" * 100_000) + b"q\x00" + (b"c_codecs\nencode\nh\x00\x85R0") * 10_000,
        "builds more data than its file can hold (another 100,000 bytes)",
    ),
    # one list of 10,000 pairs made into 10,000 dicts
    "ordered dicts": (
        opcodes([["a", 1]] * 10_000) + b"q\x00" + b"ccollections\nOrderedDict\nh\x00\x85R0" * 10_000,
        "builds more data than its file can hold",
    ),
    "deep lists": (b"]" * 50_000 + b"a" * 49_999, "this file holds a list, expected a state_dict"),
    # a thousand names for one dict, whose thousand names are for one dict, whose …
    "nests": (
        b"}q\x00"
        + b"".join(
            b"0}q%c(" % (level + 1) + b"".join(opcodes(f"n{i}") + b"h%c" % level for i in range(1000)) + b"u"
            for level in range(6)
        ),
        "the entry 'n0' is a dict, not a tensor",
    ),
    "deep marks": (b"(" * 50_000 + b"}", None),
    "deep calls": (nested_call(3000), "damaged at byte"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_little(name, tmp_path):
    program, words = BOMBS[name]
    path = raw_pickle(tmp_path, program)
    tracemalloc.start()
    try:
        if words is None:
            assert weights.load(path) == {}
        else:
            refuse(path, words)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


@WRITERS
@pytest.mark.parametrize(
    ("offset", "shape", "stride", "words"),
    [
        (1, (2, 3), (3, 1), "needs 1 + offset + sum((shape - 1) * stride) = 7 elements, but its storage '0' has 6"),
        (0, (2, 3), (4, 1), "shape (2, 3), stride (4, 1) and offset 0 needs"),
        (6, (), (), "needs 1 + offset + sum((shape - 1) * stride) = 7 elements"),
        (0, (2**62, 2**62), (1, 2**62), "elements, but its storage '0' has 6"),
        (0, (1 << 40,), (0,), "repeats the 6 elements of its storage to 4,398,046,511,104 bytes"),
        (0, (0, 1 << 40, 1 << 40), (1, 1, 1), "repeats the 6 elements"),
    ],
)
def test_windows_outside_of_their_storage(write, offset, shape, stride, words, tmp_path):
    storages = Storages()
    state = {"w": window(storages.add(np.arange(6, dtype=np.float32)), offset, shape, stride)}
    refuse(write(tmp_path / "w.pth", state, storages), words)


def test_old_file_that_is_cut_off(tmp_path):
    storages = Storages()
    path = write_old(tmp_path / "w.pth", {"w": storages.tensor(np.arange(6, dtype=np.float32))}, storages)
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    refuse(path, "the storage '0' needs 6 * 4 = 24 bytes, but 19 are left in the file: 5 bytes are missing")
    path.write_bytes(content[:-28])
    refuse(path, "the length of the storage '0' needs 8 * 1 = 8 bytes, but 4 are left in the file: 4 bytes are missing")
    path.write_bytes(content[:-100])
    refuse(path, "the pickle is cut off or damaged before byte")


def test_old_file_with_another_count(tmp_path):
    storages = Storages()
    state = {"w": storages.tensor(np.arange(6, dtype=np.float32))}
    storages.counts["0"] = 1 << 50
    refuse(
        write_old(tmp_path / "w.pth", state, storages),
        "the storage '0' has 1,125,899,906,842,624 elements, but its tensors expect 6",
    )


def test_old_file_with_another_list_of_storages(tmp_path):
    storages = Storages()
    state = {"w": storages.tensor(np.arange(6, dtype=np.float32))}
    storages.raw, storages.counts = {"1": b""}, {"1": 0}
    refuse(
        write_old(tmp_path / "w.pth", state, storages), "the list of storages does not name the 1 that the tensors use"
    )


def test_pickles_that_torch_did_not_write(tmp_path):
    path = tmp_path / "w.pkl"
    path.write_bytes(pickled({"w": 1}))
    refuse(path, "this pickle starts with a dict, expected PyTorch's magic number 0x1950a86a20f9469cfc6c")
    path.write_bytes(pickled(MAGIC) + pickled(1002))
    refuse(path, "the protocol is 1002, expected 1001")


@WRITERS
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1, 2], "this file holds a list, expected a state_dict: torch.save(net.state_dict(), path)"),
        ({"nets": {}}, "the entry 'nets' is a dict, not a tensor; expected a state_dict, or a dict that has one under"),
        ({"w": None}, "the entry 'w' is None, not a tensor"),
        ({3: 4}, "the entry 3 is 4, not a tensor"),
        ({"w": 2**64}, "the entry 'w' is 18446744073709551616, not a tensor"),
        ({"w": "text"}, "the entry 'w' is 'text', not a tensor"),
    ],
)
def test_pickles_without_a_state_dict(write, value, words, tmp_path):
    refuse(write(tmp_path / "w.pth", value), words)


@pytest.mark.parametrize("read", [weights.load, weights.read_metadata])
@pytest.mark.parametrize("path", [True, 1, None, b"net.pth"])
def test_what_is_no_path_is_refused_and_closes_nothing(read, path):
    with pytest.raises(
        TypeError, match=f"weights.{read.__name__}: path must be a str or a Path; received path={path!r}"
    ):
        read(path)
    os.fstat(1)
