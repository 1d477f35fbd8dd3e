"""PyTorch's files, read without PyTorch: one pickle of names and geometry, and the bytes of each storage.

    zip format (since 2020)    NAME/data.pkl, NAME/data/KEY one member a storage, NAME/byteorder "little" or "big"
    old format (before)        five pickles in a row: magic number, protocol, machine, object, list of keys;
                               then, for each key, the number of elements (8 bytes) and the elements, little-endian

Layout: ``torch/serialization.py`` of PyTorch. Arrays are windows on storages that the file really holds, so no number
in the pickle decides how much memory is used; storages that the weights do not look at are not read.
"""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl._unpickle import shorten
from minidl.weights._nests import find_state
from minidl.weights._pickled import SIZES, Storage, Tensor, TorchUnpickler
from minidl.weights._reader import ITEMSIZE, Reader, check_size, decode, fill

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_zip(archive: zipfile.ZipFile, size: int, entry: str | None) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the state_dict out of the zip format.

    Args:
        archive: with exactly one member ``NAME/data.pkl``.
        size: of the file in bytes.
        entry: of the checkpoint, as `find_state` takes it.

    Returns:
        The arrays, and the notes of `find_state`.
    """
    members = {member.filename: member for member in archive.infolist()}
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"this archive has {len(pickles)} members data.pkl, expected 1")
    if pickles[0].replace("data.pkl", "constants.pkl") in members:
        raise ValueError("this archive is a TorchScript program, expected weights: torch.save(net.state_dict(), path)")
    folder = pickles[0].removesuffix("data.pkl")
    saved = TorchUnpickler(io.BytesIO(archive.read(pickles[0])), size=size).load()
    state, notes = find_state(saved, entry)
    order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in members else b"little"
    if order not in (b"little", b"big"):
        raise ValueError(f"the archive's byteorder is {shorten(order)}, expected 'little' or 'big'")

    def read_storage(storage: Storage) -> np.ndarray:
        name = f"{folder}data/{storage.key}"
        if name not in members:
            raise ValueError(f"the archive lacks {shorten(name)}, the storage of {storage.count:,} elements")
        needed, found = storage.count * ITEMSIZE[storage.kind], members[name].file_size
        check_size(f"{shorten(name)}", storage.count, ITEMSIZE[storage.kind], found, "are in the archive")
        if found != needed:
            raise ValueError(f"{shorten(name)} has {found:,} bytes, expected {needed:,}")
        with archive.open(name) as member:
            return fill(member, needed)

    return _arrays(state, read_storage, big_endian=order == b"big"), notes


def read_old(file: Reader, entry: str | None) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the state_dict, and the notes of `find_state`, out of the format of before 2020."""
    magic = TorchUnpickler(file, size=file.size).load()
    if magic != _MAGIC:
        raise ValueError(
            f"this pickle starts with {shorten(magic)}, expected PyTorch's magic number 0x{_MAGIC:x}; "
            "was it written by torch.save?"
        )
    protocol = TorchUnpickler(file, size=file.size).load()
    if protocol != _PROTOCOL:
        raise ValueError(f"the protocol is {shorten(protocol)}, expected {_PROTOCOL}")
    TorchUnpickler(file, size=file.size).load()  # the machine that wrote it; the elements are little-endian on all
    unpickler = TorchUnpickler(file, size=file.size)
    state, notes = find_state(unpickler.load(), entry)
    keys = TorchUnpickler(file, size=file.size).load()
    places = _find_storages(file, keys, unpickler.storages)

    def read_storage(storage: Storage) -> np.ndarray:
        file.seek(places[storage.key])
        return file.take(storage.count, ITEMSIZE[storage.kind], f"the storage {shorten(storage.key)}")

    return _arrays(state, read_storage, big_endian=False), notes


def _find_storages(file: Reader, keys: Any, storages: dict[str, Storage]) -> dict[str, int]:
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
        itemsize = SIZES[storage.kind]
        check_size(f"the storage {shorten(key)}", count, itemsize, file.size - places[key], "are left in the file")
        file.seek(places[key] + count * itemsize)
    return places


def _arrays(
    state: dict[str, Any], read_storage: Callable[[Storage], np.ndarray], *, big_endian: bool
) -> dict[str, np.ndarray]:
    """Read each storage once and lay the tensors' windows on it; a number becomes an array of shape ()."""
    raw: dict[str, np.ndarray] = {}
    elements: dict[tuple[str, str], np.ndarray] = {}
    arrays = {}
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
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


def _lay_window(elements: np.ndarray, tensor: Tensor) -> np.ndarray:
    """The array of the tensor's shape; NumPy counts strides in bytes and checks once more that they stay inside."""
    if 0 in tensor.shape:
        return np.empty(tensor.shape, elements.dtype)
    size = elements.itemsize
    return np.ndarray(
        tensor.shape, elements.dtype, elements, tensor.offset * size, tuple(step * size for step in tensor.stride)
    )
