"""What PyTorch pickles: tensors as windows on storages, and everything else as `_companions` lets it pass.

A PyTorch tensor is a window on a *storage*, a flat run of elements: offset, shape and stride (in elements) say which.
Two tensors may look at the same storage. The pickle holds these numbers; the storages lie outside of it, see `_torch`.
Names: ``torch/_utils.py`` and ``torch/serialization.py`` of PyTorch.
"""

import math
from dataclasses import dataclass
from typing import Any, BinaryIO

from minidl._unpickle import Global, Opaque, is_shape, shorten
from minidl.weights._companions import CheckpointUnpickler
from minidl.weights._reader import ITEMSIZE

_LARGEST_REPEAT = 1 << 26  # bytes: how large a tensor may be that repeats its elements (stride 0)

# How PyTorch builds tensors that are no windows on a storage.
UNREADABLE = frozenset(
    f"torch._utils._rebuild_{what}"
    for what in (
        "sparse_tensor", "sparse_csr_tensor", "qtensor", "meta_tensor_no_storage", "nested_tensor", "wrapper_subclass",
        "device_tensor_from_numpy", "device_tensor_from_cpu_tensor", "tensor_v3",
    )
)  # fmt: skip

# bytes of an element, also of types that NumPy does not have: their tensors may lie beside the weights
SIZES = ITEMSIZE | {
    "complex128": 16, "complex64": 8, "complex32": 4, "qint32": 4, "qint8": 1, "quint8": 1,
    **dict.fromkeys(("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"), 1),
}  # fmt: skip

_STORAGES = {
    "torch.DoubleStorage": "float64", "torch.FloatStorage": "float32", "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16", "torch.BoolStorage": "bool", "torch.LongStorage": "int64",
    "torch.IntStorage": "int32", "torch.ShortStorage": "int16", "torch.CharStorage": "int8",
    "torch.ComplexDoubleStorage": "complex128", "torch.ComplexFloatStorage": "complex64",
    "torch.QInt32Storage": "qint32", "torch.QInt8Storage": "qint8", "torch.QUInt8Storage": "quint8",
    "torch.ByteStorage": "uint8", "torch.storage.UntypedStorage": "uint8", "torch.UntypedStorage": "uint8",
}  # fmt: skip


@dataclass
class Storage:
    """A run of `count` elements of the type `kind`, known in the file by `key`."""

    key: str
    kind: str
    count: int


@dataclass
class Tensor:
    """A window on a storage, or on a part of it that starts at `offset`."""

    storage: Storage
    kind: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class TorchUnpickler(CheckpointUnpickler):
    """Builds tensors, parameters, dicts, numbers and NumPy's arrays; companions pass as `Opaque`.

    Args:
        stream: binary file; it is left behind the pickle's last byte.
        size: of the whole file in bytes, which bounds what may be built and how many steps that may take.
    """

    cure = "; save the weights alone: torch.save(net.state_dict(), path)"

    def __init__(self, stream: BinaryIO, *, size: int) -> None:
        super().__init__(stream, budget=4 * size, steps=max(1_000_000, size // 64))
        self.storages: dict[str, Storage] = {}
        self.recorded |= {"torch.device", "torch.serialization._get_layout", *UNREADABLE}
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

    def persistent_load(self, identifier: Any) -> Any:
        """A storage and the first element that counts, from ("storage", type, key, device, count[, view])."""
        match identifier:
            case ("storage", Global(name=name), str(key), str(), int(count)) if name in _STORAGES:
                view = None
            case ("storage", Global(name=name), str(key), str(), int(count), view) if name in _STORAGES:
                pass
            case ("module", Global() as kind, *_):  # a class of layers, with its source as text
                return kind
            case _:
                return super().persistent_load(identifier)
        storage = self.storages.setdefault(key, Storage(key, _STORAGES[name], count))
        if storage != Storage(key, _STORAGES[name], count) or count < 0:
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
        if not isinstance(target, Tensor):
            super().set_state(target, state)

    def _tensor(self, storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> Tensor:
        """PyTorch's (storage, offset, size, stride, requires_grad, hooks, metadata)."""
        match storage:
            case (Storage(kind=kind), int()):
                return self._window(storage, kind, offset, shape, stride, *rest[2:])
        raise ValueError(f"a tensor is built on {shorten(storage)}, expected a storage")

    def _tensor_of_kind(self, storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> Any:
        """The same for types that have no storage of their own: (…, requires_grad, hooks, dtype, metadata)."""
        match storage, rest:
            case (Storage(kind="uint8"), int()), (_, _, Global(name=name), *metadata) if name[6:] in SIZES:
                return self._window(storage, name[6:], offset, shape, stride, *metadata)
        raise ValueError(f"a tensor is built on {shorten(storage)}, expected a storage of bytes and a type of numbers")

    def _window(self, base: Any, kind: str, offset: Any, shape: Any, stride: Any, metadata: Any = None) -> Tensor:
        storage, start = base
        if not is_shape(shape) or not is_shape(stride) or not is_shape((offset,)) or len(shape) != len(stride):
            raise ValueError("a tensor's offset, shape and stride are not integers from 0 to 2**63 - 1, one an axis")
        if metadata:
            raise ValueError(f"a tensor of shape {shape} carries a conjugate or negative bit; save tensor.clone()")
        tensor = Tensor(storage, kind, start + offset, shape, stride)
        _check_window(tensor)
        return tensor

    def _from_type(self, function: Any, kind: Any, arguments: Any, state: Any) -> Tensor | Opaque:
        """A tensor that has Python attributes, which are not data."""
        return _parameter(self.call(function, arguments))


def _parameter(tensor: Any, *rest: Any) -> Tensor | Opaque:
    """A parameter is a tensor that wants a gradient."""
    if not isinstance(tensor, (Tensor, Opaque)):
        raise ValueError(f"a parameter is built on {shorten(tensor)}, expected a tensor")
    return tensor


def _size(sizes: Any) -> tuple[int, ...]:
    if not is_shape(sizes):
        raise ValueError(f"torch.Size is built on {shorten(sizes)}, expected a tuple of sizes")
    return sizes


def _check_window(tensor: Tensor) -> None:
    """Refuse a tensor that looks beyond its storage, or that repeats a few elements absurdly often."""
    itemsize = SIZES[tensor.kind]
    held = tensor.storage.count * SIZES[tensor.storage.kind] // itemsize
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
