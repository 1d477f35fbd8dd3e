"""What lies in a checkpoint beside the weights, as inert data: options, counters, paths, the state of an optimiser.

A companion must not keep the weights from being read, and must not do anything either. Nothing is imported, looked up
or called, whatever a file says; an object becomes an `Opaque`, which keeps the name of its class and nothing else. On
top of that, what no data needs is refused, and the file with it. The line:

    a name       may be mentioned, but of Python's own library only those of `LIBRARY`, and none that leads through a
                 module such as os or subprocess (`FORBIDDEN`), whoever is said to have imported it
    an object    of a class that may be mentioned, made without its code (NEWOBJ, copyreg): an `Opaque`
    a call       of a name that `builders` answers; or one that is recorded as an `Opaque`: the names of `recorded`, and
                 a class with one plain value, which is how pickle writes the member of an enumeration
    the rest     refused: a call of os.system, eval, torch.load or anybody's function

An `Opaque` cannot be called, has no entries, and is never an array.
"""

import sys
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar

import numpy as np

from minidl._unpickle import ArrayUnpickler, Global, Opaque, is_quick_to_hash, shorten

_PATHS = "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"
_BUILTINS = """object dict list tuple set frozenset int long float complex bool str unicode bytes bytearray slice range
    xrange Ellipsis"""

# What holds data in Python's own library: classes, and the few functions that pickle calls to make one.
_LIBRARY_NAMES = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,  # the same in protocol 2
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "collections": "Counter deque UserDict UserList ChainMap",
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,
    "datetime": "date time datetime timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "functools": "partial",
    "ipaddress": "IPv4Address IPv6Address",
    "logging": "Logger getLogger",
    "random": "Random",
    "re": "_compile",
    "time": "struct_time",
    "uuid": "UUID SafeUUID",
    "zoneinfo": "ZoneInfo._unpickle",
}
LIBRARY = frozenset(f"{module}.{name}" for module, names in _LIBRARY_NAMES.items() for name in names.split())
_ANNOTATIONS = ("typing.", "collections.abc.")  # mentioned by options that know their types

# Modules that no data needs: no part of a name may be one of them.
FORBIDDEN = frozenset((
    "__builtin__", "asyncio", "builtins", "code", "codeop", "commands", "ctypes", "imp", "importlib", "marshal",
    "multiprocessing", "nt", "os", "pdb", "pickle", "popen2", "posix", "pty", "runpy", "shutil", "signal", "socket",
    "subprocess", "sys", "webbrowser",
))  # fmt: skip


class Array:
    """A NumPy array under construction; `value` stays None where it is not of plain numbers."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: np.ndarray | None = None


class CheckpointUnpickler(ArrayUnpickler):
    """Reads dicts, numbers and NumPy's arrays (as `Array`), and lets companions pass as `Opaque`.

    Args:
        stream: binary file; it is left behind the pickle's last byte.
        budget: bytes that builders may allocate in all.
        steps: the largest number of opcodes.

    Example:
        >>> import argparse, io, pickle
        >>> saved = pickle.dumps({"epoch": 3, "args": argparse.Namespace(lr=0.1)})
        >>> CheckpointUnpickler(io.BytesIO(saved), budget=0).load()
        {'epoch': 3, 'args': an object of argparse.Namespace}
    """

    more_opcodes: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        "NEWOBJ_EX": lambda machine, _: machine._new_by_names(),
        "EMPTY_SET": lambda machine, _: machine._push(Opaque("builtins.set")),
        "ADDITEMS": lambda machine, _: machine._append(machine._to_mark()),
        "FROZENSET": lambda machine, _: machine._frozen_set(machine._to_mark()),
        "BYTEARRAY8": lambda machine, content: machine._push(bytes(content)),
    }

    def __init__(self, stream: BinaryIO, *, budget: int, steps: int = 1_000_000) -> None:
        super().__init__(stream, budget=budget, steps=steps)
        self.recorded = {
            *LIBRARY,
            *(f"numpy.random._pickle.__{what}_ctor" for what in ("bit_generator", "generator", "randomstate")),
            "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
            "numpy.ma.core._mareconstruct",
        }
        self._plain_dtype: Any = self.builders["numpy.dtype"]
        self._plain_number: Any = self.builders["numpy.core.multiarray.scalar"]
        for module in ("copyreg", "copy_reg"):
            self.builders[f"{module}.__newobj__"] = self._object
            self.builders[f"{module}.__newobj_ex__"] = self._object
            self.builders[f"{module}._reconstructor"] = self._object
        for module in ("builtins", "__builtin__"):
            self.builders[f"{module}.getattr"] = self._attribute
        for module in ("numpy.core", "numpy._core"):
            self.builders[f"{module}.multiarray.scalar"] = self._number
            self.builders[f"{module}.numeric._frombuffer"] = self._from_buffer
        self.builders["numpy.dtype"] = self._dtype
        self.builders["collections.defaultdict"] = self._default_dict

    def mention(self, name: str) -> Global:
        """Let the names of foreign classes and functions pass, as names; of Python's library only those of data."""
        parts = name.split(".")
        ours = name in self.builders or name in self.recorded or name.startswith(_ANNOTATIONS)
        foreign = parts[0] not in sys.stdlib_module_names and FORBIDDEN.isdisjoint(parts)
        if not all(map(str.isidentifier, parts)) or not (ours or foreign):
            return super().mention(name)
        return Global(name)

    def call(self, function: Any, arguments: Any) -> Any:
        """Call our builder of that name, or record that the pickle would have made an object."""
        unknown = isinstance(function, Global) and isinstance(arguments, tuple) and not self.builders.get(function.name)
        if unknown and (function.name in self.recorded or _makes_a_member(function.name, arguments)):
            return Opaque(function.name)
        return super().call(function, arguments)

    def construct(self, kind: Any, arguments: Any) -> Any:
        """Make an `Opaque` of any class, because the pickle does not call it."""
        if isinstance(kind, Global) and not self.builders.get(kind.name):
            return self._object(kind, arguments)
        return super().construct(kind, arguments)

    def set_state(self, target: Any, state: Any) -> None:
        """Forget the state of what is opaque, and fill arrays of plain numbers."""
        if isinstance(target, Array):
            opaque = isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], Opaque)
            target.value = None if opaque else self._filled(state)
        elif not isinstance(target, Opaque):
            super().set_state(target, state)

    def to_key(self, key: Any) -> Any:
        """Keep what is quick to hash; any other key is only there, and is nobody's name."""
        return key if is_quick_to_hash(key) else Opaque(type(key).__name__.strip("_").lower())

    def _object(self, kind: Any, *arguments: Any) -> Opaque:
        if not isinstance(kind, Global) or self.builders.get(kind.name):
            raise ValueError(f"the pickle makes an object of {shorten(kind)}, expected the name of a class")
        return Opaque(kind.name)

    def _new_by_names(self) -> None:
        *_, kind, arguments, names = self._stack
        if not isinstance(arguments, tuple) or not isinstance(names, dict):
            raise ValueError(f"the pickle makes an object of {shorten(kind)} with {shorten(names)}, expected a dict")
        self._stack[-3:] = [self._object(kind)]

    def _frozen_set(self, items: list[Any]) -> None:
        self._push(Opaque("builtins.frozenset"))

    def _attribute(self, owner: Any, name: Any) -> Opaque:
        """How some versions of Python write the member of an enumeration, and a bound method."""
        if not isinstance(owner, (Global, Opaque)) or not isinstance(name, str) or name.startswith("__"):
            raise ValueError(
                f"the pickle asks for the attribute {shorten(name)} of {shorten(owner)}, which is not data"
            )
        return Opaque(self.mention(f"{owner.name}.{name}").name)

    def _default_dict(self, factory: Any = None, *items: Any) -> dict[Any, Any]:
        """A dict, without what it would make of a missing key."""
        return self._ordered_dict(*items)

    def _append(self, items: list[Any]) -> None:
        if not isinstance(self._stack[-1], Opaque):
            super()._append(items)

    def _set_items(self, items: list[Any]) -> None:
        if not isinstance(self._stack[-1], Opaque):
            super()._set_items(items)

    # NumPy: dtypes, numbers and arrays that are not of plain numbers are companions

    def _dtype(self, name: Any, *rest: Any) -> Any:
        try:
            return self._plain_dtype(name, *rest)
        except ValueError:
            return Opaque("numpy.dtype")

    def _number(self, kind: Any, *raw: Any) -> Any:
        return Opaque("numpy.generic") if isinstance(kind, Opaque) else self._plain_number(kind, *raw)

    def _reconstruct(self, kind: Any, shape: Any, code: Any) -> Any:
        if isinstance(kind, Global) and kind.name != "numpy.ndarray":
            return Opaque(kind.name)  # a subclass of NumPy's array
        super()._reconstruct(kind, shape, code)
        return Array()

    def _from_buffer(self, raw: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> Array:
        """How protocol 5 writes an array: its bytes first."""
        array = Array()
        if isinstance(kind, Opaque) or order not in ("C", "F"):
            return array
        array.value = self._filled((1, shape, kind, order == "F", raw))
        return array

    def _filled(self, state: Any) -> np.ndarray:
        array = np.empty(0, np.uint8)
        super().set_state(array, state)
        return array


def _makes_a_member(name: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether a call is that of a class with one plain value: a member of an enumeration.

    Classes of the libraries that the weights come from do things with a text, and open files; only numbers are plain to
    them.
    """
    root, last = name.split(".")[0], name.split(".")[-1].lstrip("_")
    plain: tuple[type, ...] = (int,) if root in ("numpy", "torch") else (int, float, str, bytes)
    foreign = root not in sys.stdlib_module_names and last[:1].isupper()
    return foreign and len(arguments) == 1 and isinstance(arguments[0], plain)
