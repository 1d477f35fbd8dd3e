"""Writes files in PyTorch's two formats, legal and illegal, without PyTorch: pickles are assembled opcode by opcode."""

import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import weights

MAGIC = 0x1950A86A20F9469CFC6C
STORAGE = {
    "float64": "DoubleStorage", "float32": "FloatStorage", "float16": "HalfStorage", "bfloat16": "BFloat16Storage",
    "bool": "BoolStorage", "int64": "LongStorage", "int32": "IntStorage", "int16": "ShortStorage",
    "int8": "CharStorage", "uint8": "ByteStorage",
}  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A global, ``module.name``."""

    name: str


@dataclass
class Call:
    """``name(*arguments)``, then BUILD with `state`."""

    name: str
    arguments: Any = ()
    state: Any = None


@dataclass
class Made:
    """An object of a class, made without its code: NEWOBJ, its `items`, then BUILD with `state`."""

    name: str
    state: Any = None
    arguments: Any = ()
    items: Any = None


@dataclass
class Raw:
    """Opcodes as they are."""

    program: bytes


@dataclass
class Reference:
    """A persistent id."""

    identifier: Any


def opcodes(value: Any) -> bytes:
    """The protocol-2 opcodes that push `value`."""
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(raw)]) + raw
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        case bytes():
            return b"B" + struct.pack("<I", len(value)) + value
        case tuple():
            return b"(" + b"".join(map(opcodes, value)) + b"t"
        case list():
            return b"(" + b"".join(map(opcodes, value)) + b"l"
        case dict():
            return b"}(" + b"".join(opcodes(key) + opcodes(item) for key, item in value.items()) + b"u"
        case Name(name):
            module, _, attribute = name.rpartition(".")
            return b"c" + f"{module}\n{attribute}\n".encode()
        case Call(name, arguments, state):
            call = opcodes(Name(name)) + opcodes(arguments) + b"R"
            return call if state is None else call + opcodes(state) + b"b"
        case Made(name, state, arguments, items):
            made = opcodes(Name(name)) + opcodes(arguments) + b"\x81"
            made += b"" if items is None else b"(" + b"".join(map(opcodes, sum(items.items(), ()))) + b"u"
            return made if state is None else made + opcodes(state) + b"b"
        case Reference(identifier):
            return opcodes(identifier) + b"Q"
        case Raw(program):
            return program
    raise TypeError(value)


def pickled(value: Any) -> bytes:
    return b"\x80\x02" + opcodes(value) + b"."


class Storages:
    """The storages of one file, and the tensors that look at them."""

    def __init__(self) -> None:
        self.raw: dict[str, bytes] = {}
        self.counts: dict[str, int] = {}

    def add(self, array: np.ndarray, kind: str | None = None, *, big_endian: bool = False) -> Reference:
        """A storage of the flat elements of `array` (bfloat16: of the upper halves, as uint16)."""
        kind, key = kind or array.dtype.name, str(len(self.raw))
        self.raw[key] = array.astype(array.dtype.newbyteorder(">" if big_endian else "<")).tobytes()
        self.counts[key] = array.size
        return Reference(("storage", Name(f"torch.{STORAGE[kind]}"), key, "cpu", array.size))

    def tensor(self, array: np.ndarray, kind: str | None = None, **settings: Any) -> Call:
        """A contiguous tensor on a storage of its own."""
        stride = tuple(step // array.itemsize for step in np.empty(array.shape, array.dtype).strides)
        return window(self.add(array, kind, **settings), 0, array.shape, stride)


def window(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> Call:
    arguments = (storage, offset, shape, stride, False, Call("collections.OrderedDict"), *rest)
    return Call("torch._utils._rebuild_tensor_v2", arguments)


def parameter(tensor: Call) -> Call:
    return Call("torch._utils._rebuild_parameter", (tensor, True, Call("collections.OrderedDict")))


def write_zip(path: Path, value: Any, storages: Storages | None = None, *, byteorder: str | None = "little") -> Path:
    """The format since 2020."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(value))
        if byteorder is not None:
            archive.writestr("archive/byteorder", byteorder)
        for key, raw in (storages or Storages()).raw.items():
            archive.writestr(f"archive/data/{key}", raw)
        archive.writestr("archive/version", "3\n")
    return path


def write_old(path: Path, value: Any, storages: Storages | None = None) -> Path:
    """The format of before 2020; there a persistent id has a sixth entry, the view."""
    storages = storages or Storages()
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(map(pickled, (MAGIC, 1001, machine, _with_view(value), list(storages.raw))))
    body = b"".join(struct.pack("<q", storages.counts[key]) + raw for key, raw in storages.raw.items())
    path.write_bytes(head + body)
    return path


def _with_view(value: Any) -> Any:
    match value:
        case Reference(tuple(identifier)) if len(identifier) == 5:
            return Reference((*identifier, None))
        case Call(name, arguments, state):
            return Call(name, _with_view(arguments), state)
        case Made(name, state, arguments, items):
            return Made(name, _with_view(state), _with_view(arguments), _with_view(items))
        case tuple() | list():
            return type(value)(map(_with_view, value))
        case dict():
            return {key: _with_view(item) for key, item in value.items()}
    return value


def refuse(path: Path, words: str) -> None:
    """`weights.load` says `words` in one line that names the file."""
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        weights.load(path)
    message = str(caught.value)
    assert type(caught.value) is ValueError
    assert message.startswith(f"weights.load: {path}: ")
    assert "\n" not in message
    assert len(message) < 1000
