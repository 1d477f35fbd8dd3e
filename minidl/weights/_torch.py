"""PyTorch's files, read without PyTorch: one pickle of names and geometry, and the bytes of each storage.

A PyTorch tensor is a window on a *storage*, a flat run of elements: offset, shape and stride (in elements) say which.
Two tensors may look at the same storage. The pickle holds these numbers; the storages lie outside of it:

    zip format (since 2020)    NAME/data.pkl, NAME/data/KEY one member a storage, NAME/byteorder "little" or "big"
    old format (before)        five pickles in a row: magic number, protocol, machine, object, list of keys;
                               then, for each key, the number of elements (8 bytes) and the elements, little-endian

Layout and names: ``torch/serialization.py`` and ``torch/_utils.py`` of PyTorch. Arrays are windows too, on storages
that the file really holds, so no number in the pickle decides how much memory is used.
"""

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from minidl._unpickle import Global, Unpickler, is_shape, shorten
from minidl.weights._reader import ITEMSIZE, Reader, check_size, decode, fill

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # where training scripts keep the state_dict in a checkpoint
_LARGEST_REPEAT = 1 << 26  # bytes: how large a tensor may be that repeats its elements (stride 0)

_STORAGES = {
    "torch.DoubleStorage": "float64", "torch.FloatStorage": "float32", "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16", "torch.BoolStorage": "bool", "torch.LongStorage": "int64",
    "torch.IntStorage": "int32", "torch.ShortStorage": "int16", "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8", "torch.storage.UntypedStorage": "uint8", "torch.UntypedStorage": "uint8",
}  # fmt: skip


@dataclass
class _Storage:
    """A run of `count` elements of the type `kind`, known in the file by `key`."""

    key: str
    kind: str
    count: int


@dataclass
class _Tensor:
    """A window on a storage, or on a part of it that starts at `offset`."""

    storage: _Storage
    kind: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _TorchUnpickler(Unpickler):
    """Builds tensors, parameters, ordered dicts and numbers."""

    cure = "; of a whole network, save net.state_dict() instead"

    def __init__(self, stream: BinaryIO, *, budget: int) -> None:
        super().__init__(stream, budget=budget)
        self.storages: dict[str, _Storage] = {}
        mentioned = [*_STORAGES, *(f"torch.{kind}" for kind in ITEMSIZE), "torch.Tensor"]
        self.builders.update(dict.fromkeys(mentioned))
        self.builders |= {
            "torch.Size": _size,
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_tensor_v3": self._tensor_of_kind,
            "torch._utils._rebuild_parameter": _parameter,
            "torch._utils._rebuild_parameter_with_state": _parameter,
            "torch.nn.parameter.Parameter": _parameter,
            "torch._tensor._rebuild_from_type_v2": self._from_type,
        }

    def persistent_load(self, identifier: Any) -> tuple[_Storage, int]:
        """A storage and the first element that counts, from ("storage", type, key, device, count[, view])."""
        match identifier:
            case ("storage", Global(name=name), str(key), str(), int(count)) if name in _STORAGES:
                view = None
            case ("storage", Global(name=name), str(key), str(), int(count), view) if name in _STORAGES:
                pass
            case _:
                return super().persistent_load(identifier)
        storage = self.storages.setdefault(key, _Storage(key, _STORAGES[name], count))
        if storage != _Storage(key, _STORAGES[name], count) or count < 0:
            raise ValueError(
                f"the storage {shorten(key)} is {storage.count} elements of {storage.kind} "
                f"and {count} of {_STORAGES[name]}, which cannot both be"
            )
        if view is None:
            return storage, 0
        match view:  # the files of 2016 could name a part of a storage: (key, offset, count)
            case (str(), int() as offset, int() as part) if 0 <= offset <= offset + part <= count:
                return storage, offset
        raise ValueError(f"a view of the storage {shorten(key)} reaches beyond its {count} elements")

    def set_state(self, target: Any, state: Any) -> None:
        """A parameter of before 2018 has a state, its requires_grad and hooks, which are not data."""
        if not isinstance(target, _Tensor):
            super().set_state(target, state)

    def _tensor(self, storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> _Tensor:
        """PyTorch's (storage, offset, size, stride, requires_grad, hooks, metadata)."""
        match storage:
            case (_Storage(kind=kind), int()):
                return self._window(storage, kind, offset, shape, stride, *rest[2:])
        raise ValueError(f"a tensor is built on {shorten(storage)}, expected a storage")

    def _tensor_of_kind(self, storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> _Tensor:
        """The same for types that have no storage of their own: (…, requires_grad, hooks, dtype, metadata)."""
        match storage, rest:
            case (_Storage(kind="uint8"), int()), (_, _, Global(name=name), *metadata) if name[6:] in ITEMSIZE:
                return self._window(storage, name[6:], offset, shape, stride, *metadata)
        raise ValueError(f"a tensor is built on {shorten(storage)}, expected a storage of bytes and a type of numbers")

    def _window(self, base: Any, kind: str, offset: Any, shape: Any, stride: Any, metadata: Any = None) -> _Tensor:
        storage, start = base
        if not is_shape(shape) or not is_shape(stride) or not is_shape((offset,)) or len(shape) != len(stride):
            raise ValueError("a tensor's offset, shape and stride are not integers from 0 to 2**63 - 1, one an axis")
        if metadata:
            raise ValueError(f"a tensor of shape {shape} carries a conjugate or negative bit; save tensor.clone()")
        tensor = _Tensor(storage, kind, start + offset, shape, stride)
        _check_window(tensor)
        return tensor

    def _from_type(self, function: Any, kind: Any, arguments: Any, state: Any) -> _Tensor:
        """A tensor that has Python attributes, which are not data."""
        return _parameter(self.call(function, arguments))


def _parameter(tensor: Any, *rest: Any) -> _Tensor:
    """A parameter is a tensor that wants a gradient."""
    if not isinstance(tensor, _Tensor):
        raise ValueError(f"a parameter is built on {shorten(tensor)}, expected a tensor")
    return tensor


def _size(sizes: Any) -> tuple[int, ...]:
    if not is_shape(sizes):
        raise ValueError(f"torch.Size is built on {shorten(sizes)}, expected a tuple of sizes")
    return sizes


def _check_window(tensor: _Tensor) -> None:
    """Refuse a tensor that looks beyond its storage, or that repeats a few elements absurdly often."""
    itemsize = ITEMSIZE[tensor.kind]
    held = tensor.storage.count * ITEMSIZE[tensor.storage.kind] // itemsize
    if 0 in tensor.shape:
        count, end = math.prod(max(1, size) for size in tensor.shape), 0
    else:
        count = math.prod(tensor.shape)
        end = tensor.offset + 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride))
    where = f"a tensor of shape {tensor.shape}, stride {tensor.stride} and offset {tensor.offset}"
    if end > held:
        raise ValueError(
            f"{where} needs 1 + offset + sum((shape - 1) * stride) = {end:,} elements, "
            f"but its storage {shorten(tensor.storage.key)} has {held:,}"
        )
    if count > held and count * itemsize > _LARGEST_REPEAT:
        raise ValueError(f"{where} repeats the {held:,} elements of its storage to {count * itemsize:,} bytes")


def read_zip(archive: zipfile.ZipFile, size: int) -> dict[str, np.ndarray]:
    """Read the state_dict out of the zip format.

    Args:
        archive: with exactly one member ``NAME/data.pkl``.
        size: of the file in bytes.
    """
    members = {member.filename: member for member in archive.infolist()}
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"this archive has {len(pickles)} members data.pkl, expected 1")
    if pickles[0].replace("data.pkl", "constants.pkl") in members:
        raise ValueError("this archive is a TorchScript program, expected weights: torch.save(net.state_dict(), path)")
    folder = pickles[0].removesuffix("data.pkl")
    unpickler = _TorchUnpickler(io.BytesIO(archive.read(pickles[0])), budget=4 * size)
    state = _state(unpickler.load())
    order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in members else b"little"
    if order not in (b"little", b"big"):
        raise ValueError(f"the archive's byteorder is {shorten(order)}, expected 'little' or 'big'")

    def read_storage(storage: _Storage) -> np.ndarray:
        name = f"{folder}data/{storage.key}"
        if name not in members:
            raise ValueError(f"the archive lacks {shorten(name)}, the storage of {storage.count:,} elements")
        needed, found = storage.count * ITEMSIZE[storage.kind], members[name].file_size
        check_size(f"{shorten(name)}", storage.count, ITEMSIZE[storage.kind], found, "are in the archive")
        if found != needed:
            raise ValueError(f"{shorten(name)} has {found:,} bytes, expected {needed:,}")
        with archive.open(name) as member:
            return fill(member, needed)

    return _arrays(state, read_storage, big_endian=order == b"big")


def read_old(file: Reader) -> dict[str, np.ndarray]:
    """Read the state_dict out of the format of before 2020."""
    budget = 4 * file.size
    magic = _TorchUnpickler(file, budget=budget).load()
    if magic != _MAGIC:
        raise ValueError(
            f"this pickle starts with {shorten(magic)}, expected PyTorch's magic number 0x{_MAGIC:x}; "
            "was it written by torch.save?"
        )
    protocol = _TorchUnpickler(file, budget=budget).load()
    if protocol != _PROTOCOL:
        raise ValueError(f"the protocol is {shorten(protocol)}, expected {_PROTOCOL}")
    _TorchUnpickler(file, budget=budget).load()  # the machine that wrote it; the elements are little-endian on all
    unpickler = _TorchUnpickler(file, budget=budget)
    state = _state(unpickler.load())
    keys = _TorchUnpickler(file, budget=budget).load()
    places = _find_storages(file, keys, unpickler.storages)

    def read_storage(storage: _Storage) -> np.ndarray:
        file.seek(places[storage.key])
        return file.take(storage.count, ITEMSIZE[storage.kind], f"the storage {shorten(storage.key)}")

    return _arrays(state, read_storage, big_endian=False)


def _find_storages(file: Reader, keys: Any, storages: dict[str, _Storage]) -> dict[str, int]:
    """Where in the file the elements of each storage begin; `keys` gives their order."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or set(keys) != set(storages):
        raise ValueError(f"the list of storages does not name the {len(storages)} that the tensors use")
    places = {}
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(file.take(8, 1, f"the length of the storage {shorten(key)}").tobytes(), "little")
        if count != storage.count:
            raise ValueError(
                f"the storage {shorten(key)} has {count:,} elements, but its tensors expect {storage.count:,}"
            )
        places[key] = file.tell()
        itemsize = ITEMSIZE[storage.kind]
        check_size(f"the storage {shorten(key)}", count, itemsize, file.size - places[key], "are left in the file")
        file.seek(places[key] + count * itemsize)
    return places


def _state(found: Any) -> dict[str, Any]:
    """The state_dict in what was saved: itself, or one entry of a checkpoint; DataParallel's ``module.`` goes."""
    if isinstance(found, dict):
        found = next((found[name] for name in _WRAPPERS if isinstance(found.get(name), dict)), found)
    if not isinstance(found, dict):
        raise ValueError(f"this file holds {shorten(found)}, expected a state_dict: torch.save(net.state_dict(), path)")
    for name, value in found.items():
        number = isinstance(value, (int, float, np.generic)) and not (
            isinstance(value, int) and value.bit_length() > 63
        )
        if not isinstance(name, str) or not (number or isinstance(value, _Tensor)):
            raise ValueError(
                f"the entry {shorten(name)} is {shorten(value)}, not a tensor; expected a state_dict, "
                f"or a dict that has one under {', '.join(map(repr, _WRAPPERS))}"
            )
    if all(name.startswith("module.") for name in found):
        found = {name.removeprefix("module."): value for name, value in found.items()}
    return found


def _arrays(
    state: dict[str, Any], read_storage: Callable[[_Storage], np.ndarray], *, big_endian: bool
) -> dict[str, np.ndarray]:
    """Read each storage once and lay the tensors' windows on it; a number becomes an array of shape ()."""
    raw: dict[str, np.ndarray] = {}
    elements: dict[tuple[str, str], np.ndarray] = {}
    arrays = {}
    for name, tensor in state.items():
        if not isinstance(tensor, _Tensor):
            arrays[name] = np.asarray(tensor)
            continue
        key, kind = tensor.storage.key, tensor.kind
        if key not in raw:
            raw[key] = read_storage(tensor.storage)
        if (key, kind) not in elements:
            whole = len(raw[key]) // ITEMSIZE[kind] * ITEMSIZE[kind]
            elements[key, kind] = decode(raw[key][:whole], kind, big_endian=big_endian)
        arrays[name] = _lay_window(elements[key, kind], tensor)
    return arrays


def _lay_window(elements: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """The array of the tensor's shape; NumPy counts strides in bytes and checks once more that they stay inside."""
    if 0 in tensor.shape:
        return np.empty(tensor.shape, elements.dtype)
    size = elements.itemsize
    return np.ndarray(
        tensor.shape, elements.dtype, elements, tensor.offset * size, tuple(step * size for step in tensor.stride)
    )
