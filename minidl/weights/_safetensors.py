"""safetensors: a header in JSON, then the arrays one after the other; nothing in it can be executed.

Format: the README of github.com/huggingface/safetensors. The library writes it and judges a header; the arrays
are read here, because its NumPy side does not know bfloat16.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl._checks import shown
from minidl._files import atomic_write
from minidl._unpickle import shorten
from minidl.weights._reader import ITEMSIZE, Reader, check_size, decode, fill

_KINDS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
}  # fmt: skip
_METADATA_KEY = "minidl"  # one key: the library writes several in random order


def read(file: Reader) -> dict[str, np.ndarray]:
    """Read all arrays of a safetensors file; bfloat16 becomes float32."""
    import safetensors

    header, start = _read_header(file)
    try:
        with safetensors.safe_open(file.name, framework="numpy"):
            pass  # the library judges the header: names, shapes, and that the arrays fill the file without a gap
    except safetensors.SafetensorError as error:
        raise ValueError(f"this is a damaged safetensors file: {error}") from error
    state = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in _KINDS:
            raise ValueError(f"the file stores {shorten(name)} as {entry['dtype']}, expected one of {' '.join(_KINDS)}")
        begin, end = entry["data_offsets"]
        file.seek(start + begin)
        state[name] = decode(fill(file, end - begin), _KINDS[entry["dtype"]]).reshape(entry["shape"])
    return state


def is_ours(file: Reader) -> bool:
    """Tell whether `save`, or a training, wrote the file."""
    metadata = _read_header(file)[0].get("__metadata__")
    return isinstance(metadata, dict) and _METADATA_KEY in metadata


def read_network(file: Reader) -> tuple[str | None, dict[str, Any]]:
    """Read the name and the arguments that `save` wrote; (None, {}) where there are none."""
    metadata = _read_header(file)[0].get("__metadata__")
    note = metadata.get(_METADATA_KEY) if isinstance(metadata, dict) else None
    if note is None:
        return None, {}
    try:
        match json.loads(note):
            case {"model": str() | None as model, "arguments": dict(arguments)}:
                return model, arguments
    except (TypeError, ValueError):
        pass
    raise ValueError(f"the note on the network is {shorten(note)}, expected its model and arguments in JSON")


def _read_header(file: Reader) -> tuple[dict[str, Any], int]:
    """The header, and where the data starts, once the file is as long as the header says."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    check_size("the safetensors header", length, 1, file.size - 8, "follow its length")
    try:
        header = json.loads(file.read(length))
    except ValueError as error:
        raise ValueError(f"the safetensors header is not JSON: {error}") from error
    needed = max(map(_end, header.values()), default=0)
    check_size("the safetensors data", needed, 1, file.size - 8 - length, f"follow the header of 8 + {length:,}")
    return header, 8 + length


def _end(entry: Any) -> int:
    """Where an array's bytes end, counted from the end of the header."""
    match entry:
        case {"data_offsets": [_, int(end)]}:
            return end
    return 0


def save(
    path: str | os.PathLike[str],
    state: Mapping[str, np.ndarray],
    *,
    model: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Write weights as safetensors, complete or not at all; the same weights always give the same bytes.

    Args:
        path: the file, ending in ``.safetensors``; one that exists is replaced.
        state: name → array of numbers, as ``net.state_dict()`` gives it.
        model: the network's name for ``models.get_model``.
        arguments: what it was built with, such as ``{"num_classes": 10}``: anything that JSON can hold (a tuple comes
            back as a list).

    Raises:
        TypeError: when `state` holds something else than arrays of numbers, or `arguments` is not JSON.
        ValueError: when `path` has another suffix.
        OSError: when the file cannot be written; what was there before is untouched.

    Example:
        >>> import os, tempfile
        >>> from minidl import weights
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> weights.save(path, {"fc.weight": np.ones((2, 3), np.float32)}, model="lenet5_modern")
        >>> weights.load(path)["fc.weight"].shape, weights.read_metadata(path)
        ((2, 3), {'model': 'lenet5_modern', 'arguments': {}})
    """
    import safetensors.numpy

    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"weights.save: path, which comes first, must be a str or a Path; received {shown(path)}")
    if not isinstance(state, Mapping):
        cure = "; give its numbers: net.state_dict()" if hasattr(state, "state_dict") else ""
        raise TypeError(f"weights.save: state must be a dict of name -> array; received a {type(state).__name__}{cure}")
    if not isinstance(arguments, (Mapping, type(None))) or not isinstance(model, (str, type(None))):
        found = f"model={shown(model)}, arguments={shown(arguments)}"
        raise TypeError(f"weights.save: model must be a name, arguments a dict, either may be None; received {found}")
    if os.path.splitext(path)[1] != ".safetensors":
        raise ValueError(
            f"weights.save: writes safetensors, so path must end in .safetensors; path={os.fspath(path)!r}"
        )
    arrays = {}
    for name, array in state.items():
        kind = array.dtype.name if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
        if not isinstance(name, str) or kind not in ITEMSIZE:
            known = ", ".join(ITEMSIZE)
            raise TypeError(f"weights.save: state must map names to NumPy arrays of {known}; state[{name!r}] is {kind}")
        # the library takes C-ordered memory as it finds it; np.ascontiguousarray would make () into (1,)
        arrays[name] = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    try:
        note = json.dumps({"arguments": dict(arguments or {}), "model": model}, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise TypeError(f"weights.save: arguments must be what JSON can hold; {error}") from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(safetensors.numpy.save(arrays, metadata={_METADATA_KEY: note}))
