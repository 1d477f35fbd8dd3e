"""What a module keeps as what: parameters, buffers and modules under names that are judged once."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

import numpy as np

from minidl import _backend
from minidl._checks import shown
from minidl.tensor import Tensor

STORES = {"_parameters": "parameter", "_buffers": "buffer", "_modules": "module"}
RESERVED = (*STORES, "_unsaved", "_told", "_run", "training")
HOLDING = (list, tuple, dict, set, frozenset)
MANY = 1000  # of what lies in a plain list, this many are looked at
_changes = itertools.count(1)
latest_change = [0]  # a number that no change before has had
_looking: ContextVar[bool] = ContextVar("looking", default=False)


def note_change() -> None:
    """Note, when it is done, that something of a module has been changed: who planned by it asks again."""
    latest_change[0] = next(_changes)


def joined(*parts: str) -> str:
    """Return the path made of parts, of which some may be empty."""
    return ".".join(filter(None, parts))


def keep(module: Any, store: str, name: str, value: Any) -> None:
    """Put a value under a name into a store; it takes the place of what had that name there, and only of that."""
    _check_name(module, name)
    if store == "_modules" and value is not None and _holds(value, module):
        raise ValueError(
            f"{type(module).__name__}: {name} contains this module itself, and a tree has no circles; what a child "
            f"needs of its owner is an argument of its forward"
        )
    own = module.__dict__
    for other in STORES:
        if other != store:
            own[other].pop(name, None)
    own.pop(name, None)
    if store != "_buffers":
        module._unsaved.discard(name)
    own[store][name] = value


def _holds(value: Any, module: Any) -> bool:
    """Tell whether a module is this value or stands below it."""
    waiting, seen = [value], set()
    while waiting:
        it = waiting.pop()
        if it is module:
            return True
        if id(it) not in seen:
            seen.add(id(it))
            waiting += [child for child in it._modules.values() if child is not None]
    return False


def register(module: Any, store: str, name: str, value: Any, expected: type | None = None) -> None:
    """Put a value, or None for a place without one, under a name that nothing else has; a buffer may be any array."""
    if not isinstance(name, str):
        raise TypeError(f"{type(module).__name__}: a name must be a string; received {shown(name)}")
    _check_name(module, name)
    if name not in module.__dict__[store] and hasattr(module, name):
        kind = next((STORES[it] for it in STORES if name in module.__dict__[it]), "plain attribute")
        raise ValueError(
            f"{type(module).__name__}: {name} cannot be a {STORES[store]}, it is a {kind} already; choose another "
            f"name, or say del .{name} first"
        )
    if value is not None and store == "_buffers":
        value = _to_buffer(module, name, value)
    elif value is not None and expected is not None and not isinstance(value, expected):
        raise TypeError(
            f"{type(module).__name__}: {name} must be an nn.{expected.__name__} or None; received a "
            f"{type(value).__name__}"
        )
    keep(module, store, name, value)


def judged(module: Any, store: str, name: str, value: Any) -> Any:
    """Return what a name of a store holds from now on, or say why it cannot be this value."""
    kind, found = type(module).__name__, type(value).__name__
    if store == "_parameters":
        raise TypeError(
            f"{kind}: {name} is a parameter; received a {found}, which would not be learnt; change its numbers: "
            f".{name}.data = array, or give another nn.Parameter"
        )
    if store == "_modules":
        raise TypeError(
            f"{kind}: {name} is a module; received a {found}, whose parameters nobody would find; give another "
            f"nn.Module or None, or say del .{name} first"
        )
    return _to_buffer(module, name, value)


def _to_buffer(module: Any, name: str, value: Any) -> Any:
    """Return the array that a buffer holds."""
    kind, found = type(module).__name__, type(value).__name__
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise TypeError(
                f"{kind}: {name} is a buffer; received a {found} through which a gradient flows, which a buffer would "
                f"cut off; keep its array: value.data"
            )
        value = value.data
    array = np.asarray(value) if isinstance(value, np.generic) else value
    if not _backend.is_array(array):
        cure = f"np.asarray(value, dtype={getattr(getattr(module, name, None), 'dtype', 'float32')})"
        raise TypeError(f"{kind}: {name} is a buffer, an array or None; received a {found}; give {cure}")
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{kind}: {name} is a buffer, an array of numbers; received one of {array.dtype}")
    return array


def _check_name(module: Any, name: str) -> None:
    """Refuse a name that makes no path, or that would hide something."""
    kind = type(module).__name__
    if not name or "." in name:
        raise ValueError(f"{kind}: a name must not be empty, contain a dot or hide a method; received {name!r}")
    if name in RESERVED or hasattr(type(module), name):
        raise ValueError(
            f"{kind}: a name must not be empty, contain a dot or hide a method; received {name!r}, which the class "
            f"{kind} has already; choose another one"
        )


# ------------------------------------------------------------------ layers that nobody finds


@contextmanager
def looked_through(module: Any, kinds: tuple[type, ...]) -> Iterator[None]:
    """Warn of layers (`kinds`) in plain lists, seen from the module that somebody asks, and from no other."""
    token = _looking.set(True) if not _looking.get() else None
    try:
        yield
        if token is not None:
            _warn_of_strays(module, kinds)
    finally:
        if token is not None:
            _looking.reset(token)


def _warn_of_strays(module: Any, kinds: tuple[type, ...]) -> None:
    """Warn once of each attribute that holds modules or parameters which are not in the tree."""
    tree = list(module.modules())
    known = functools.cache(lambda: {id(it) for it in _all(tree)})  # asked for by few, so made for the first of them
    for owner in tree:
        held = [(name, value) for name, value in vars(owner).items() if isinstance(value, HOLDING)]
        told = (*RESERVED, *owner.__dict__.get("_told", ()))
        for name, value in held:
            stray = None if name in told else _stray(value, kinds, known)
            if stray is None:
                continue
            owner.__dict__["_told"] = (*told, name)
            kind, plain_kind = type(stray).__name__, type(value).__name__
            cure = f"self.{name} = nn.{'ModuleDict' if isinstance(value, dict) else 'ModuleList'}(…)"
            if isinstance(stray, Tensor):
                cure = "self.register_parameter(name, parameter) for each"
            warnings.warn(
                f"{type(owner).__name__}: {name} is a plain {plain_kind} with a {kind}, which is therefore not among "
                f"parameters(): it is not learnt, saved or moved; write {cure}",
                UserWarning,
                stacklevel=5,
            )


def _all(tree: list[Any]) -> Iterator[Any]:
    """Yield the modules and all that is registered with them."""
    for module in tree:
        yield module
        yield from module._parameters.values()


def _stray(value: Any, kinds: tuple[type, ...], known: Callable[[], set[int]], depth: int = 3) -> Any:
    """Return the first module or parameter in a value, a list or dict, that is not known; None if there is none."""
    if isinstance(value, kinds):
        return None if id(value) in known() else value
    if depth and isinstance(value, HOLDING):
        inside = value.values() if isinstance(value, Mapping) else value
        found = (_stray(it, kinds, known, depth - 1) for it in islice(inside, MANY))
        return next((it for it in found if it is not None), None)
    return None
