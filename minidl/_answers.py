"""How the tables of words become errors and methods: the one place that turns data into answers.

A missing name of a module of minidl is answered by the `__getattr__` that `answering` makes. An argument that only
PyTorch has is answered by `judge_settings`, and `dim` and `keepdim` are read as `axis` and `keepdims` by `spelled`.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from minidl._words import ANSWERED, WORKS, Word, Words

Function = TypeVar("Function", bound=Callable[..., Any])

TAKES_ANY = 0x08  # the flag of a function with **settings
SPELLINGS = {"dim": "axis", "keepdim": "keepdims"}


def answer(owner: str, name: str, word: Word) -> str:
    """Return the one line that says what stands in the place of a name."""
    return f"{owner} has no .{name}; {'use ' * (word.fate == ANSWERED)}{word.way}"


def spelled(function: Function) -> Function:
    """Let a function take `dim` and `keepdim`, PyTorch's spelling of `axis` and `keepdims`.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=1, keepdim=True).shape
        (2, 1)
    """

    @functools.wraps(function)
    def call(*args: Any, **settings: Any) -> Any:
        for theirs, ours in SPELLINGS.items() if settings else ():
            if theirs in settings:
                if ours in settings:
                    raise TypeError(f"{function.__name__}: {theirs} and {ours} are two words for one thing; say one")
                settings[ours] = settings.pop(theirs)
        return function(*args, **settings)

    return call  # type: ignore[return-value]


def answering(
    module: str, table: str, *, look: Callable[[str], Any] | None = None, else_say: str = ""
) -> Callable[[str], Any]:
    """Make the `__getattr__` of a module: what works elsewhere is handed out, all else is answered from a table.

    Args:
        module: the name of the module.
        table: where the words are, such as "modules.NN"; loaded when a name is missing.
        look: finds what a module has without holding it, or raises KeyError.
        else_say: what is said of a name that is no word.
    """

    def find(name: str) -> Any:
        if look is not None and not name.startswith("__"):
            try:
                return look(name)
            except KeyError:
                pass
        text = f"{module} has no attribute {name!r}{else_say}"
        if not name.startswith("__"):
            place, _, words = table.partition(".")
            tables = importlib.import_module(f"minidl._words.{place}")
            forms = (word for form, word in getattr(tables, "FORMS", ()) if re.fullmatch(form, name))
            word = getattr(tables, words).get(name) or next(forms, None)
            text = answer(module, name, word) if word else text
        raise (ImportError if _imported_from() else AttributeError)(text)

    return find


def _imported_from() -> bool:
    """Tell whether `from module import name` asks, which would put a text of its own in an AttributeError's place."""
    frame: Any = sys._getframe(2)
    from opcode import opname

    return opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"


def judge_settings(kind: type, settings: dict[str, Any]) -> None:
    """Refuse an argument that PyTorch's class of this name has and this one has not, with minidl's way."""
    made = next(vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base))
    code = getattr(made, "__code__", None)
    if code is None or code.co_flags & TAKES_ANY:
        return
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    missing = [name for name in settings if name not in known]
    if missing:
        from minidl._words.modules import ARGUMENTS

        for name in missing:
            if name in ARGUMENTS:
                raise TypeError(f"{kind.__name__}: takes no {name}; {ARGUMENTS[name].way}")


class Absent:
    """A name that a class does not have; asking for it says what stands in its place."""

    __slots__ = ("_name", "_owner", "_word")

    def __init__(self, owner: str, name: str, word: Word):
        self._owner, self._name, self._word = owner, name, word

    def __get__(self, one: Any, kind: type) -> Any:
        raise AttributeError(answer(self._owner, self._name, self._word))


def answer_in(kind: type, owner: str, words: Words) -> None:
    """Let a class answer the words that it does not have: without `__getattr__`, which slows what it has."""
    for name, word in words.items():
        if word.fate != WORKS:
            setattr(kind, name, Absent(owner, name, word))


def words_of_modules() -> Words:
    """Return what becomes of the methods of PyTorch's modules."""
    from minidl._words.modules import MODULE

    return MODULE


class SignatureOfInit:
    """The signature of a class that has a `__new__` for errors alone: that of its `__init__`."""

    def __get__(self, one: Any, kind: type) -> Any:
        if one is not None:  # a module is called like its forward
            raise AttributeError("__signature__")
        import inspect

        whole = inspect.signature(vars(kind).get("__init__", kind.__init__))  # type: ignore[misc]
        return whole.replace(parameters=list(whole.parameters.values())[1:])
