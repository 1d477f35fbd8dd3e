"""What a kernel set is, and which one is in use.

A set is a module of array functions under the agreed names. One that comes into play by itself is a `KernelSet`: it
brings a rule for each kernel that says which calls are worth its while, and a reason why it cannot be used here, where
there is one. Nothing here knows any of them.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from minidl._log import log
from minidl._looks import Brief

in_use: ContextVar[Any] = ContextVar("kernels_in_use", default=None)  # what `kernels.use` named: a set, or None
options: ContextVar[dict[str, Any]] = ContextVar("kernels_options", default={})  # noqa: B039 - it is never changed

Rule = Callable[..., bool]
SETS: dict[str, Any] = {}  # by the names that `kernels.use` knows


class CannotRun(RuntimeError):
    """A kernel of a set cannot be compiled or started here; the message says why."""


class KernelSet(Brief):
    """A set of kernels, imported when a call is worth its while; without its module, it has no functions.

    The module has some of the agreed names, and may have `prepare_<name>` (see `kernels.plan`), `explain_conv2d` and
    `CONV_ALGORITHMS` (see `kernels.explain` and `kernels.use`), and `COMPILED` (see `kernels.warmup`).

    Args:
        name: what `kernels.use` calls it.
        module: where its functions are.
        called: what messages call its kernels.
        worth: for each kernel that it serves by itself, whether a call with these arguments is large enough for it.
        serves: says why it does not serve an array, however large, or "".
        lack: says what is missing for it on this machine, or "".
    """

    def __init__(
        self,
        name: str,
        module: str,
        *,
        called: str,
        worth: Mapping[str, Rule],
        serves: Callable[[Any], str] = lambda array: "",
        lack: Callable[[], str] = lambda: "",
    ):
        self.name, self.module, self.called = name, module, called
        self.worth, self._serves, self._lack = dict(worth), serves, lack
        self._closed = ""  # why it does not serve any more
        self._functions: Any = None

    def _words(self) -> list[str]:
        return [self.module]

    @property
    def is_open(self) -> bool:
        """Whether its module has been imported, because a call was worth its while."""
        return self._functions is not None

    def lack(self) -> str:
        """Say why it cannot be used here, or ""."""
        return self._closed or self._lack()

    def close(self, reason: str) -> None:
        """Leave everything to the textbook from now on, with one warning that says why."""
        if not self._closed:
            self._closed, self._functions = reason, None
            log("kernels: %s: closed: %s", self.name, reason)
            warnings.warn(
                f"kernels: {self.called} cannot be used ({reason}); the textbook's serve, several times slower",
                RuntimeWarning,
                stacklevel=5,
            )

    def opened(self) -> Any:
        """Return its module, or None where it cannot be used."""
        if self._closed:
            return None
        if self._functions is None:
            if reason := self.lack():
                self.close(reason)
            else:
                self._functions = importlib.import_module(self.module)
                log("kernels: the set %s is open", self.module)
        return self._functions

    def offers(self, name: str) -> Any:
        """Return a function, or something else, of its module; None if it has none, or cannot be used."""
        return getattr(self._functions or self.opened(), name, None)

    def run(self, name: str, arguments: tuple[Any, ...], over: bool = False) -> Any:
        """Run a kernel, which may write over its first array if it can; NotImplemented where it does not."""
        function = self.offers(name)
        if function is None:
            return NotImplemented
        try:
            if over and getattr(function, "takes_over", False):
                return function(*arguments, over=True)
            return function(*arguments)
        except CannotRun as reason:
            self.close(str(reason))
            return NotImplemented

    def is_worth_it(self, name: str, arguments: tuple[Any, ...]) -> bool:
        """Tell whether it serves a call by itself, however anybody chose."""
        return name in self.worth and self.worth[name](*arguments)

    def why_not(self, name: str, arguments: tuple[Any, ...], *, asked: bool) -> str:
        """Say why a call goes elsewhere, or ""; `asked` tells that somebody wants this set, however small a call is."""
        if reason := self._serves(arguments[0]):
            return reason
        if not asked and not self.is_worth_it(name, arguments):
            return f"too small for {self.called}"
        return f"{self.called} cannot be used: {reason}" if (reason := self.lack()) else ""

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("_") else self.offers(name)
        if found is None:
            raise AttributeError(
                f"kernels: {self.module} has no {name}{'; it cannot be used here' * bool(self._closed)}"
            )
        return found


def every() -> dict[str, Any]:
    """Return all kernels that are compiled, of every set, by their names.

    Raises:
        RuntimeError: if the fast kernels cannot be used here; the message says why.
    """
    found: dict[str, Any] = {}
    for kernel_set in SETS.values():
        if isinstance(kernel_set, KernelSet):
            if reason := kernel_set.lack():
                raise RuntimeError(f"warmup: {kernel_set.called} cannot be used here: {reason}")
            found.update(kernel_set.offers("COMPILED") or {})
    return found
