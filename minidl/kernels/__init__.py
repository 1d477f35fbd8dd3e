"""Rooms with the same furniture: sets of array functions with agreed names, and the choice between them.

`kernels.conv2d(...)` runs the function of the set in use: the one that `with kernels.use(...)` named, else the fast
set where the call is large enough for it (`_rooms.py`), else the textbook. A set may leave functions out, and a
function may decline its arguments by returning NotImplemented; the textbook has and takes them all. Any module or
object with the agreed names will do, so that a student's own `conv2d` can train a network; it is called with the
arguments that have no default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from minidl._checks import check_choice, shown
from minidl._threads import get_num_threads
from minidl.kernels import textbook
from minidl.kernels._explain import explain as explain
from minidl.kernels._own import judged
from minidl.kernels._rooms import Room, in_use, is_worth_it, options
from minidl.kernels._warmup import kept_in as kept_in
from minidl.kernels._warmup import warmup as warmup

SETS: dict[str, Any] = {"textbook": textbook, "cpu": Room("minidl.kernels.cpu")}
NAMES: tuple[str, ...] = tuple(textbook.__all__)


__all__ = ["NAMES", "SETS", "explain", "use", "warmup", *NAMES]


def __dir__() -> list[str]:
    return [*__all__]


@contextmanager
def use(kernel_set: Any, *, conv: str = "auto") -> Iterator[Any]:
    """Run operations with one set of kernels: "textbook", "cpu", a module, or an object with some of the names.

    "cpu" takes the fast kernels for every call that they can serve, however small.

    Args:
        kernel_set: which one.
        conv: the algorithm of its convolutions: "auto" (default) lets the table in `kernels/cpu/conv/algorithms.py`
            choose, other names are those of the table, and "im2col", the textbook's. Where the named one cannot serve
            a call, the one that serves every convolution does. MINIDL_WINOGRAD=0 in the environment switches that one
            off.

    Raises:
        ValueError: if no set has that name, if the object offers none of the agreed functions, or if one of its
            functions cannot take the arguments it is called with.

    Example:
        >>> from minidl import Tensor, kernels, ops
        >>> import numpy as np
        >>> class Mine:
        ...     @staticmethod
        ...     def conv2d(x, w, b, stride, padding, dilation, groups):
        ...         return np.full((1, 1, 2, 2), 7.0)
        >>> with kernels.use(Mine):
        ...     ops.conv2d(Tensor(np.ones((1, 1, 3, 3))), Tensor(np.ones((1, 1, 2, 2)))).data.max()
        np.float64(7.0)
    """
    if isinstance(kernel_set, str):
        if kernel_set not in SETS:
            known = ", ".join(repr(name) for name in SETS)
            raise ValueError(f"kernels.use: the sets are {known}; received {shown(kernel_set)}")
        kernel_set = SETS[kernel_set]
    elif hasattr(kernel_set, "dtype") or not any(hasattr(kernel_set, name) for name in NAMES):
        raise ValueError(
            f"kernels.use: expects a set name or an object with at least one of {', '.join(NAMES)}; "
            f"received {shown(kernel_set)}"
        )
    if not isinstance(conv, str) or conv != "auto":
        _check_algorithm(kernel_set, conv)
    served = kernel_set if any(kernel_set is one for one in SETS.values()) else judged(kernel_set)
    tokens = in_use.set(served), options.set({**options.get(), "conv": conv})
    try:
        yield kernel_set
    finally:
        in_use.reset(tokens[0])
        options.reset(tokens[1])


def _check_algorithm(kernel_set: Any, conv: str) -> None:
    if not isinstance(kernel_set, Room):
        raise ValueError(f'kernels.use: conv={shown(conv)} chooses among the algorithms of "cpu"; received another set')
    from minidl.kernels.cpu.conv.algorithms import CHOICES

    check_choice("kernels.use", "conv", conv, CHOICES)


def _dispatched(name: str) -> Callable[..., Any]:
    """Make the function that runs the kernel of that name from the set in use."""
    fallback, fast = getattr(textbook, name), SETS["cpu"]
    optional, own = len(fallback.__defaults__ or ()), tuple(SETS.values())
    required = fallback.__code__.co_argcount - optional

    def run(*args: Any) -> Any:
        kernel_set = in_use.get()
        if kernel_set is None:
            if not is_worth_it(name, args):
                return fallback(*args)
            kernel_set = fast
        known = args if not optional or kernel_set in own else args[:required]
        result = getattr(kernel_set, name, fallback)(*known)
        return fallback(*args) if result is NotImplemented else result

    run.__name__, run.__doc__ = name, fallback.__doc__
    run.__dict__["__wrapped__"] = fallback  # whose arguments `help` shows
    return run


# Every agreed name becomes a function of this module.
globals().update({name: _dispatched(name) for name in NAMES})


def choices() -> tuple[Any, ...]:
    """Return what decides how the set in use serves a call, besides its arguments: the algorithm, and the threads."""
    return options.get().get("conv"), get_num_threads()


def prepared(name: str, x: Any, w: Any, b: Any, residual: Any, *settings: Any) -> Callable[[Any, Any], Any]:
    """Return a kernel as a function of x and residual, for arrays like these, as long as all `choices` stay.

    A set may offer `prepare_<name>`, which takes what the kernel takes and returns such a function, or NotImplemented;
    else it is the kernel itself. The function may decline, too.
    """
    prepare = getattr(in_use.get(), f"prepare_{name}", None)
    run = NotImplemented if prepare is None else prepare(x, w, b, residual, *settings)
    if run is not NotImplemented:
        return run
    kernel = globals()[name]
    return lambda x, residual: kernel(x, w, b, residual, *settings)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"kernels: there is no kernel {name!r}; the kernels are {', '.join(NAMES)}")
