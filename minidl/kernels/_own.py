"""Kernel sets that users bring: judged when they are given, and completed.

A function of the set is called by position with the arguments that have no default in the textbook. One that cannot
take so many is answered at once, not in the middle of a network; a convolution may leave out_size out, the last one.
And who brings a plain kernel means it for the fused forms, too: where the set has no such form, it is put together from
its plain one, as the textbook's is from the textbook's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from minidl import _backend
from minidl.kernels import textbook
from minidl.kernels._sets import in_use
from minidl.kernels.textbook.fused import finish, gradient_of_z


class OwnSet:
    """A set as it is called: its functions, and the fused forms of its plain ones."""

    def __init__(self, given: Any):
        self.__name__ = getattr(given, "__name__", type(given).__name__)
        self._given = given

    def __getattr__(self, name: str) -> Any:
        if name == "conv2d_fused_grads" and not hasattr(self._given, name):
            return functools.partial(_conv2d_fused_grads, self)
        plain, form = FORMS.get(name, ("", None))
        if form is None or hasattr(self._given, name) or not hasattr(self._given, plain):
            return _as_called(name, getattr(self._given, name))
        return functools.partial(form, _as_called(plain, getattr(self._given, plain)))


def _as_called(name: str, function: Any) -> Any:
    """Return a function of a set, or where it works its out_size out by itself, one that leaves that away."""
    if name not in SIZED or _takes(function, len(required(name))):
        return function
    return lambda *arguments: function(*arguments[:-1])


def are_own() -> bool:
    """Tell whether somebody's own kernels are in use here."""
    return isinstance(in_use.get(), OwnSet)


def judged(given: Any) -> OwnSet:
    """Return a set as it is called, if its functions take what they are called with.

    Raises:
        ValueError: if one of them cannot be called with as many arguments as that kernel has.
    """
    for name in textbook.__all__:
        function: Any = getattr(given, name, None)
        expected = required(name)
        if any(_takes(function, len(expected) - less) for less in ((0, 1) if name in SIZED else (0,))):
            continue
        form = next((form for form, (plain, _) in FORMS.items() if plain == name), "")
        cure = f"; an activation and a residual are what {form} takes" if form in FUSED_NORMS else ""
        raise ValueError(
            f"kernels.use: {name} is called with {len(expected)} arguments, ({', '.join(expected)}); "
            f"received {name}{inspect.signature(function)}{cure}"
        )
    return OwnSet(given)


def required(name: str) -> tuple[str, ...]:
    """Return the names of the arguments with which the kernel of a given set is called."""
    code, defaults = getattr(textbook, name).__code__, getattr(textbook, name).__defaults__ or ()
    return code.co_varnames[: code.co_argcount - len(defaults)]


def _takes(function: Any, count: int) -> bool:
    """Tell whether a function can be called with so many arguments by position; one that does not say it, can."""
    if function is None:
        return True
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _finished(plain: Callable[..., Any], arguments: tuple[Any, ...], activation: str | None, residual: Any) -> Any:
    """Call a plain kernel, add the residual, and apply the activation."""
    found = plain(*arguments)
    if found is NotImplemented:
        return found
    z, *more = found if isinstance(found, tuple) else (found,)
    y = finish(z if residual is None else _backend.copy(z), activation, residual)  # z may be an array of somebody's
    return (y, *more) if more else y


def _conv2d_fused_grads(own: OwnSet, dy: Any, z: Any, activation: str | None) -> Any:
    """Put together what two plain kernels make, the activation's gradient and its sums, with those that the set has."""
    dz = dy if activation is None else _made_by(own, f"{activation}_dx", dy, z)
    return dz, _made_by(own, "channel_sums", dz)


def _made_by(own: OwnSet, name: str, *arguments: Any) -> Any:
    """Call a kernel of the set, or the textbook's where it has none or declines."""
    found = getattr(own, name)(*arguments) if hasattr(own, name) else NotImplemented
    return getattr(textbook, name)(*arguments) if found is NotImplemented else found


def _norm_grads(plain: Callable[..., Any], *arguments: Any) -> Any:
    """Carry dy back to z, and call the plain kernel of a batch norm's gradients with that."""
    dy, x, w, b, mean, rstd, activation, residual, y = arguments
    found = plain(dz := gradient_of_z(dy, (x, w, b, mean, rstd), activation, residual, y), x, w, mean, rstd)
    return found if found is NotImplemented else (*found, None if residual is y is None else dz)


FORMS: dict[str, tuple[str, Any]] = {  # of each plain kernel: its fused form, and how that is put together
    "add_relu": ("add", lambda plain, a, b: _finished(plain, (a, b), "relu", None)),
    "conv2d_fused": (
        "conv2d",
        lambda plain, x, w, b, residual, activation, *geometry: _finished(
            plain, (x, w, b, *geometry), activation, residual
        ),
    ),
    "batch_norm_fused": (
        "batch_norm",
        lambda plain, x, w, b, eps, activation, residual: _finished(plain, (x, w, b, eps), activation, residual),
    ),
    "batch_norm_eval_fused": (
        "batch_norm_eval",
        lambda plain, *arguments: _finished(plain, arguments[:5], arguments[5], arguments[6]),
    ),
    "batch_norm_fused_grads": ("batch_norm_grads", _norm_grads),
    "batch_norm_eval_fused_grads": ("batch_norm_eval_grads", _norm_grads),
}
SIZED = ("conv2d", "conv2d_fused", "im2col")  # whose last argument, out_size, version 0.1.0 did not have
FUSED_NORMS = tuple(name for name in FORMS if name.startswith("batch_norm"))
