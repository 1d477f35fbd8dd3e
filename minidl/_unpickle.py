"""A pickle reader that builds data and can do nothing else.

A pickle is a program for a small stack machine: push a number, make a dict, *import that function and call it*. The
last is why loading somebody's pickle may run anything. This reader asks the standard library for the opcodes
(``pickletools.genops`` only decodes them) and interprets those that data needs:

    numbers, strings, tuples, lists, dicts     built as they are
    GLOBAL, STACK_GLOBAL                       become a `Global`, a mere name; nothing is imported
    REDUCE, NEWOBJ                             look that name up in ``builders`` and call our function
    BUILD                                      goes to ``set_state``, which accepts what it knows
    every other opcode                         refused by name, unless a subclass lists it in ``more_opcodes``

So the worst that a file can do is to be refused. It cannot exhaust the machine either: opcodes are counted, what our
builders allocate is charged against ``budget``, and keys that are slow to hash are no keys. (`Opaque` stands for what
a subclass lets pass; this reader makes none.)

`Unpickler` reads dicts and numbers, `ArrayUnpickler` also NumPy arrays (data sets are distributed so). The opcodes are
described in Python's ``Lib/pickletools.py``.
"""

import math
import pickletools
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, ClassVar

import numpy as np

_PLAIN_DTYPE = re.compile(r"[<>=|]?[biufc][0-9]{1,2}")


def shorten(value: object, limit: int = 60) -> str:
    r"""Show a value from a file in one short line of plain ASCII.

    Args:
        value: anything that `Unpickler` builds; strings and names appear in quotes.
        limit: the largest number of characters.

    Example:
        >>> shorten("a\nb")
        "'a\\nb'"
        >>> shorten([1, 2]), shorten("x" * 100, limit=12)
        ('a list', "'xxxxxxxx...")
    """
    if isinstance(value, (str, bytes)):
        text = ascii(value[:limit])
    elif value is None or isinstance(value, (bool, int, float, Global, Opaque)):
        text = repr(value)
    else:
        text = f"a {type(value).__name__.strip('_').lower()}"
    return text if len(text) <= limit else text[: limit - 3] + "..."


class Global:
    """The name of a function or class in a pickle, and nothing more: it cannot be called.

    Example:
        >>> Global("os.system")
        os.system
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return ascii(self.name)[1:-1]


class Opaque:
    """An object of a class that nobody looked up: of all that the pickle says of it, the name of its class.

    Example:
        >>> Opaque("argparse.Namespace")
        an object of argparse.Namespace
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"an object of {ascii(self.name)[1:-1]}"


class Unpickler:
    """Reads one pickle of dicts, lists, tuples, strings, bytes and numbers; refuses everything else.

    A subclass allows more names by adding to ``builders``: the function that answers a call of that name, or None for a
    name that may be mentioned but not called.

    Args:
        stream: binary file; it is left behind the pickle's last byte.
        budget: bytes that builders may allocate in all; four times the file's size is ample for an honest one.
        steps: the largest number of opcodes.

    Example:
        >>> import io, pickle
        >>> Unpickler(io.BytesIO(pickle.dumps({"epoch": 3, "lr": 0.1})), budget=0).load()
        {'epoch': 3, 'lr': 0.1}
    """

    cure = ""  # what a subclass adds to the refusal of a name
    more_opcodes: ClassVar[dict[str, Callable[[Any, Any], None]]] = {}  # those that a subclass understands besides

    def __init__(self, stream: BinaryIO, *, budget: int, steps: int = 1_000_000) -> None:
        self.builders: dict[str, Callable[..., Any] | None] = {
            "collections.OrderedDict": self._ordered_dict,
            "_codecs.encode": self._encode,
            "numpy.dtype": _DType,
            "numpy.core.multiarray.scalar": _scalar,
            "numpy._core.multiarray.scalar": _scalar,
        }
        self._stream, self._budget, self._steps = stream, budget, steps
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each open MARK
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Interpret the pickle.

        Returns:
            The object it describes.

        Raises:
            ValueError: with one line that says what was found and, where there is one, at which byte.
        """
        position = 0
        try:
            for step, (opcode, argument, at) in enumerate(_operations(self._stream)):
                position = at or 0
                if step >= self._steps:
                    raise ValueError(f"the pickle has more than {self._steps:,} steps, too many for weights or labels")
                act = _ACTIONS.get(opcode.name) or self.more_opcodes.get(opcode.name)
                if act is None:
                    raise ValueError(f"the pickle uses the opcode {opcode.name}, which plain data never needs")
                act(self, argument)
            return self._stack.pop()
        except (LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"the pickle is damaged at byte {position}: {type(error).__name__}") from error

    def persistent_load(self, identifier: Any) -> Any:
        """Answer a reference to something outside the pickle; the plain reader knows none."""
        raise ValueError(f"the pickle refers to {shorten(identifier)} outside of itself")

    def set_state(self, target: Any, state: Any) -> None:
        """Answer BUILD: give `state` to `target`, of which only an ordered dict and a dtype may have one."""
        if isinstance(target, _DType):
            target.set_state(state)
        elif not isinstance(target, dict):  # an ordered dict's attributes, such as PyTorch's _metadata, are not data
            raise ValueError(f"the pickle sets the state of {shorten(target)}, which has none")

    def call(self, function: Any, arguments: Any) -> Any:
        """Answer REDUCE: call our own builder of that name."""
        builder = self.builders.get(function.name) if isinstance(function, Global) else None
        if builder is None:
            raise ValueError(
                f"the pickle calls {shorten(function)}, which is not a function of the short list; nothing was "
                f"executed{self.cure}"
            )
        if not isinstance(arguments, tuple):
            raise ValueError(f"the pickle calls {function} with {shorten(arguments)} instead of a tuple of arguments")
        return builder(*arguments)

    def construct(self, kind: Any, arguments: Any) -> Any:
        """Answer NEWOBJ, an object of a class without its ``__init__``: here as a call of the class."""
        return self.call(kind, arguments)

    def mention(self, name: str) -> Global:
        """Answer GLOBAL: the name, if it may be mentioned; nothing is imported."""
        if name not in self.builders:
            raise ValueError(
                f"the pickle asks for {shorten(Global(name))}, which is not on the short list of what data needs; "
                f"nothing was executed{self.cure}"
            )
        return Global(name)

    def to_key(self, key: Any) -> Any:
        """Judge a key: str, bytes, int. Tuples of tuples of tuples could take for ever to hash, huge ints collide."""
        if not is_quick_to_hash(key):
            raise ValueError(f"the pickle has {shorten(key)} as a key, expected a string or a small integer")
        return key

    def spend(self, count: int) -> None:
        """Charge `count` bytes to the budget before they are allocated."""
        self._budget -= count
        if self._budget < 0:
            raise ValueError(f"the pickle builds more data than its file can hold (another {count:,} bytes)")

    def _encode(self, text: str, encoding: str = "latin1") -> bytes:
        """How Python 3 writes bytes for Python 2: as text whose code points are the bytes."""
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise ValueError(f"the pickle encodes {shorten(text)} as {shorten(encoding)}, expected text as 'latin1'")
        self.spend(len(text))
        return text.encode("latin1")

    def _ordered_dict(self, items: Any = ()) -> dict[Any, Any]:
        """A dict, which keeps its order as well; Python 2 passed the items as a list of pairs."""
        self.spend(8 * len(items))  # or one list could be made into dicts again and again
        if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in items):
            raise ValueError(f"the pickle makes an ordered dict of {shorten(items)}, expected a list of pairs")
        return self._pairs([key for key, _ in items], [value for _, value in items])

    def _pairs(self, keys: list[Any], values: list[Any]) -> dict[Any, Any]:
        if len(keys) != len(values):
            raise ValueError(f"the pickle has {len(keys)} keys for {len(values)} values")
        return dict(zip(map(self.to_key, keys), values))

    def _push(self, value: Any) -> None:  # not self._stack.append as an argument is found: it may pop the stack itself
        if isinstance(value, int) and value.bit_length() > 127:
            raise ValueError(f"the pickle holds an integer of {value.bit_length():,} bits")
        self._stack.append(value)

    def _to_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._outer.pop()
        return items

    def _mark(self, _: None) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _discard(self, _: None) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    def _stack_global(self, _: None) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError(
                f"the pickle names a global by {shorten(module)} and {shorten(name)}, expected two strings"
            )
        self._stack.append(self.mention(f"{module}.{name}"))

    def _reduce(self, _: None) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(self.call(function, arguments))

    def _new(self, _: None) -> None:
        arguments, kind = self._stack.pop(), self._stack.pop()
        self._stack.append(self.construct(kind, arguments))

    def _build(self, _: None) -> None:
        state = self._stack.pop()
        self.set_state(self._stack[-1], state)

    def _tuple(self, size: int) -> None:
        if len(self._stack) < size:
            raise IndexError("the tuple has more elements than the stack")
        self._stack[len(self._stack) - size :] = [tuple(self._stack[len(self._stack) - size :])]

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise ValueError(f"the pickle appends to {shorten(target)}, expected a list")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise ValueError(f"the pickle sets items of {shorten(target)}, expected a dict")
        target.update(self._pairs(items[0::2], items[1::2]))

    def _memoize(self, index: int | None) -> None:
        # a dict, not a list: an index of 2**32 costs one entry
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]


_PUSH = """INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE
    BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8"""
_ACTIONS: dict[str, Callable[[Any, Any], None]] = {
    **dict.fromkeys(_PUSH.split(), Unpickler._push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Unpickler._memoize),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, index: machine._push(machine._memo[index])),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    "NONE": lambda machine, _: machine._push(None),
    "NEWTRUE": lambda machine, _: machine._push(True),
    "NEWFALSE": lambda machine, _: machine._push(False),
    "EMPTY_DICT": lambda machine, _: machine._push({}),
    "EMPTY_LIST": lambda machine, _: machine._push([]),
    "EMPTY_TUPLE": lambda machine, _: machine._push(()),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "TUPLE": lambda machine, _: machine._push(tuple(machine._to_mark())),
    "LIST": lambda machine, _: machine._push(machine._to_mark()),
    "DICT": lambda machine, _: machine._push(machine._pairs((items := machine._to_mark())[0::2], items[1::2])),
    "APPEND": lambda machine, _: machine._append([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._to_mark()),
    "SETITEM": lambda machine, _: machine._set_items([machine._stack.pop(), machine._stack.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine._set_items(machine._to_mark()),
    "MARK": Unpickler._mark,
    "POP": Unpickler._discard,
    "POP_MARK": lambda machine, _: machine._to_mark(),
    "DUP": lambda machine, _: machine._push(machine._stack[-1]),
    "GLOBAL": lambda machine, name: machine._push(machine.mention(name.replace(" ", "."))),
    "STACK_GLOBAL": Unpickler._stack_global,
    "REDUCE": Unpickler._reduce,
    "NEWOBJ": Unpickler._new,
    "BUILD": Unpickler._build,
    "BINPERSID": lambda machine, _: machine._push(machine.persistent_load(machine._stack.pop())),
}


def _operations(stream: BinaryIO) -> Iterator[tuple[Any, Any, int | None]]:
    """The opcodes of one pickle with their arguments and positions."""
    try:
        yield from pickletools.genops(stream)
    except ValueError as error:  # only what genops itself raises comes here
        raise ValueError(f"the pickle is cut off or damaged before byte {stream.tell():,}: {error}") from error


def is_quick_to_hash(key: Any) -> bool:
    """Tell whether `key` may be the key of a dict: a string, bytes, or an integer of at most 60 bits."""
    return isinstance(key, (str, bytes)) or (isinstance(key, int) and key.bit_length() <= 60)


def is_shape(sizes: Any) -> bool:
    """Whether `sizes` is a tuple of at most 32 integers from 0 to 2**63 - 1, which is what a shape may be.

    Example:
        >>> is_shape((2, 3)), is_shape((-1,)), is_shape([2])
        (True, False, False)
    """
    plain = isinstance(sizes, tuple) and len(sizes) <= 32
    return plain and all(type(size) is int and 0 <= size < 2**63 for size in sizes)


class _DType:
    """A NumPy dtype under construction: a name such as "f4", then, by BUILD, its byte order."""

    __slots__ = ("dtype",)

    def __init__(self, name: str, align: Any = False, copy: Any = True) -> None:
        if not isinstance(name, str) or not _PLAIN_DTYPE.fullmatch(name):
            raise ValueError(
                f"the pickle asks for the dtype {shorten(name)}, expected plain numbers such as 'f4' or 'u1'"
            )
        try:
            self.dtype = np.dtype(name)
        except TypeError as error:
            raise ValueError(f"the pickle asks for the dtype {shorten(name)}, which NumPy does not have") from error

    def set_state(self, state: Any) -> None:
        """`state` is NumPy's (version, byte order, subdtype, names, fields, item size, alignment, flags)."""
        plain = isinstance(state, tuple) and len(state) >= 5 and state[2:5] == (None, None, None)
        if not plain or not isinstance(state[1], str) or state[1] not in ("<", ">", "=", "|"):
            raise ValueError("the pickle builds a dtype with fields or an unknown byte order, expected plain numbers")
        self.dtype = self.dtype.newbyteorder(state[1])  # type: ignore[arg-type]


def _scalar(kind: Any, raw: Any) -> Any:
    """One NumPy number from its bytes, with the dtype of `kind`."""
    if not isinstance(kind, _DType) or not isinstance(raw, (bytes, str)) or len(raw) != kind.dtype.itemsize:
        raise ValueError(f"the pickle makes a NumPy number of {shorten(kind)} and {shorten(raw)}, which do not fit")
    return np.frombuffer(raw.encode("latin1") if isinstance(raw, str) else raw, kind.dtype)[0]


class ArrayUnpickler(Unpickler):
    """An `Unpickler` that also builds NumPy arrays of plain numbers; an array of objects is refused.

    Strings that Python 2 wrote (its bytes) arrive as str, one character a byte.

    Args:
        stream: binary file; it is left behind the pickle's last byte.
        budget: bytes that builders may allocate in all; four times the file's size is ample for an honest one.
        steps: the largest number of opcodes.

    Example:
        >>> import io, pickle
        >>> file = io.BytesIO(pickle.dumps({"data": np.arange(3, dtype="u1")}))
        >>> ArrayUnpickler(file, budget=100).load()["data"]
        array([0, 1, 2], dtype=uint8)
    """

    def __init__(self, stream: BinaryIO, *, budget: int, steps: int = 1_000_000) -> None:
        super().__init__(stream, budget=budget, steps=steps)
        self.builders["numpy.ndarray"] = None
        self.builders["numpy.core.multiarray._reconstruct"] = self._reconstruct
        self.builders["numpy._core.multiarray._reconstruct"] = self._reconstruct

    def set_state(self, target: Any, state: Any) -> None:
        """Answer BUILD for arrays too; NumPy's state is (version, shape, dtype, Fortran order, bytes)."""
        if not isinstance(target, np.ndarray):
            super().set_state(target, state)
            return
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _DType):
            raise ValueError(
                f"the pickle fills an array from {shorten(state)}, expected (version, shape, dtype, order, bytes)"
            )
        _, shape, kind, fortran, raw = state
        if not is_shape(shape):
            raise ValueError(
                f"the pickle gives an array the shape {shorten(shape)}, expected a tuple of at most 32 sizes"
            )
        if isinstance(raw, str):  # Python 2 wrote its bytes as a string
            self.spend(len(raw))
            raw = raw.encode("latin1")
        expected = math.prod(shape) * kind.dtype.itemsize
        if not isinstance(raw, bytes) or len(raw) != expected:
            found = f"{len(raw):,} bytes" if isinstance(raw, bytes) else shorten(raw)
            raise ValueError(
                f"the pickle gives an array of shape {shape} and dtype {kind.dtype} {found}, "
                f"expected {math.prod(shape):,} * {kind.dtype.itemsize} = {expected:,} bytes"
            )
        self.spend(len(raw))
        target.__setstate__((1, shape, kind.dtype, bool(fortran), raw))  # type: ignore[arg-type]

    def _reconstruct(self, kind: Any, shape: Any, code: Any) -> np.ndarray:
        """An empty array for BUILD to fill."""
        if not isinstance(kind, Global) or kind.name != "numpy.ndarray":
            raise ValueError(f"the pickle reconstructs {shorten(kind)}, expected numpy.ndarray")
        return np.empty(0, np.uint8)
