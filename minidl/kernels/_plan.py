"""Calls that come again: with the same weights and other pictures of the same kind, as at inference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minidl._looks import Brief
from minidl._threads import get_num_threads
from minidl.kernels import textbook
from minidl.kernels._dispatch import KERNELS, by_position
from minidl.kernels._sets import CannotRun, KernelSet, in_use, options

MOST = 32  # kinds of calls that a plan remembers


class _Known(NamedTuple):
    """How a kind of call is done: by a function of x and the residual, as long as it is these weights and this set."""

    w: Any
    b: Any
    kernel_set: Any
    run: Callable[[Any, Any], Any]


class Plan(Brief):
    """What is known of the calls of one kernel that were judged before: they run without being judged again.

    A set may offer `prepare_<name>`, which takes what the kernel takes and returns a function of x and the residual for
    arrays of these shapes and weights that cannot change, or NotImplemented; else the kernel itself is remembered. A
    copy of a plan knows nothing.
    """

    def __init__(self, name: str):
        self._name = name
        self._known: dict[Any, _Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __reduce__(self) -> Any:
        return Plan, (self._name,)

    def _words(self) -> list[str]:
        return [self._name, f"{len(self)} kinds of calls"]

    def run(self, x: Any, w: Any, b: Any, residual: Any) -> Any:
        """Return the result; NotImplemented where such a call has not been judged under the kernels now in use."""
        known = self._known.get(_kind(x, residual))
        if known is None or known.w is not w or known.b is not b or known.kernel_set is not in_use.get():
            return NotImplemented
        try:
            return known.run(x, residual)
        except CannotRun as reason:
            known.kernel_set.close(str(reason))
            return NotImplemented

    def learn(self, x: Any, w: Any, b: Any, residual: Any, *settings: Any, **named: Any) -> None:
        """Remember a call with these arguments of the kernel, which have been judged."""
        chosen, kernel = in_use.get(), KERNELS[self._name]
        settings = by_position(getattr(textbook, self._name), (x, w, b, residual, *settings), named)[4:]
        prepare = chosen.offers if isinstance(chosen, KernelSet) else lambda name: getattr(chosen, name, None)
        made = prepare(f"prepare_{self._name}")
        run = NotImplemented if made is None else made(x, w, b, residual, *settings)
        if run is NotImplemented:

            def run(x: Any, residual: Any) -> Any:
                return kernel(x, w, b, residual, *settings)

        if len(self._known) >= MOST:
            self._known.clear()
        self._known[_kind(x, residual)] = _Known(w, b, chosen, run)


def plan(name: str) -> Plan:
    """Return a plan for calls of a kernel whose weights stay while pictures change; it has yet to `learn`.

    Args:
        name: that of a kernel of x, w, b, a residual and settings: "conv2d_fused".

    Example:
        >>> import numpy as np
        >>> from minidl import kernels
        >>> x, w = np.ones((1, 1, 1, 2), np.float32), np.full((1, 1, 1, 1), 3, np.float32)
        >>> known = kernels.plan("conv2d_fused")
        >>> known.run(x, w, None, None)
        NotImplemented
        >>> known.learn(x, w, None, None, "relu", (1, 1), ((0, 0), (0, 0)), (1, 1), 1, (1, 2))
        >>> known.run(5 * x, w, None, None)
        array([[[[15., 15.]]]], dtype=float32)
    """
    return Plan(name)


def _kind(x: Any, residual: Any) -> Any:
    """Return all that decides how a call is served, besides weights and the set: what was judged, and the switches."""
    kinds = (type(x), x.dtype, x.shape), None if residual is None else (type(residual), residual.dtype, residual.shape)
    return *kinds, options.get().get("conv"), get_num_threads()
