"""A folded network, planned as a whole: what it starts for a kind of pictures is noted, and repeated for the next ones.

A look at one picture is a hundred short kernels, between which Python asks what it has asked before: a quarter of the
time. So when pictures of the same shape come again, what the network starts is noted (`kernels/_launches.py`); from
then on that is all that is done. The network must do the same for all pictures, and nothing that a note does not know:

- All its modules are minidl's own, in evaluation: their `forward` never looks at a number to decide what comes next.
- Nobody observes, or wants a gradient, or has chosen other kernels.
- A trial: two random pictures, for which the script must give the very bits that the network gives, in memory that was
  filled with NaN before. What the notes have left out, such as a sum of NumPy's, would show.
- What is read cannot change. A folded network's arrays are constants (`prepare`); whether its modules, arrays and
  settings are still the same ones is asked whenever there was a change (`nn/_watched.py`), and where they are not,
  everything is noted anew.

Else the network is run as it stands.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import kernels
from minidl._backend import constant, is_constant, outer_first
from minidl._log import log
from minidl._looks import Brief
from minidl._threads import get_num_threads
from minidl.folding._layers import CHANGEABLE, FoldedConv2d, FoldedSqueezeExcitation, PostponedConv2d
from minidl.kernels._launches import CannotRepeat, is_noting, noted
from minidl.kernels._script import MOST_KEPT, Script
from minidl.kernels._sets import in_use, options
from minidl.nn import Module
from minidl.nn._watched import Holdings, is_own
from minidl.tensor import Tensor, is_observed, is_recording

AFTER = 2  # runs with pictures of a kind; the next one is noted
MOST = 8  # kinds of pictures that a network remembers, and changes after which nothing is noted any more
LARGEST = MOST_KEPT // 8  # bytes of pictures; results are several times as large
FOLDED = (FoldedConv2d, FoldedSqueezeExcitation, PostponedConv2d)  # of which only `CHANGEABLE` can change

Plain = Callable[[Tensor], Any]


class Scripts(Brief):
    """The scripts of one network, by the kind of its pictures."""

    def __init__(self, net: Module):
        self._changes = 0
        self._look(net)

    def __len__(self) -> int:
        return sum(isinstance(it, Script) for it in self._known.values())

    def _words(self) -> list[str]:
        return [f"{len(self)} kinds of pictures"]

    def _look(self, net: Module) -> None:
        """See what the network holds, and whether it can be repeated."""
        self._holdings = Holdings(net, lambda module, name: name in CHANGEABLE or not isinstance(module, FOLDED))
        self._known: dict[Any, Script | int | None] = {}  # a script; how often it was seen; None where it has none
        held = [it for _, _, it in self._holdings.held]
        self._data = [(it, it._data) for it in held if isinstance(it, Tensor)]
        arrays = [it for it in held if isinstance(it, np.ndarray)] + [array for _, array in self._data]
        self._may = all(map(is_constant, arrays)) and all(_is_known(module) for module in net.modules())

    def _is_the_same(self) -> bool:
        """Tell whether the network still holds what it held."""
        for parameter, array in self._data:
            if parameter._data is not array:
                return False
        return self._holdings.are_the_same()

    def run(self, net: Module, plain: Plain, x: Tensor) -> Any:
        """Return the result for x, by a script if there is one; `plain` runs the network as it stands."""
        if self._changes < MOST and not self._is_the_same():
            self._changes += 1
            self._look(net)
        if not self._may or self._changes == MOST or x._data.nbytes > LARGEST:
            return plain(x)
        kind = x.shape, get_num_threads(), options.get().get("conv")
        known = self._known.get(kind, 0)
        if isinstance(known, Script):
            y = known.run(x._data)
            return plain(x) if y is NotImplemented else Tensor(y)
        if known is None or (known == 0 and len(self._known) >= MOST):
            return plain(x)
        if known < AFTER:
            self._known[kind] = known + 1
            return plain(x)
        self._known[kind] = None
        kept = sum(it.nbytes for it in self._known.values() if isinstance(it, Script))
        y, self._known[kind] = _made(plain, x._data, MOST_KEPT - kept)
        return y


_scripts: weakref.WeakKeyDictionary[Module, Scripts] = weakref.WeakKeyDictionary()


def prepare(net: Module) -> None:
    """Let a folded network be repeated, if all of it may be: its arrays become constants."""
    if not all(_is_known(module) for module in net.modules()):
        return
    for module in net.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                parameter._data = _constant(parameter._data)
        for name, array in module._buffers.items():
            module._buffers[name] = _constant(array)


def run(net: Module, plain: Plain, x: Any) -> Any:
    """Run a folded network, by a script where it may be.

    Args:
        net: the network.
        plain: runs it as it stands.
        x: what it is given.
    """
    if not _may_be_repeated(x):
        return plain(x)
    scripts = _scripts.get(net)
    if scripts is None:
        scripts = _scripts[net] = Scripts(net)
    return scripts.run(net, plain, x)


def _may_be_repeated(x: Any) -> bool:
    """Tell whether a call leaves no other traces than its result, and is one of the fast kernels."""
    if type(x) is not Tensor or is_recording() or is_observed() or is_noting() is not None:
        return False
    return type(x._data) is np.ndarray and x._data.dtype == np.float32 and in_use.get() is kernels.SETS["cpu"]


def _is_known(module: Module) -> bool:
    """Tell whether a module is one of minidl's own that does what its class does, in evaluation."""
    return is_own(module) and not module.training


def _made(plain: Plain, x: np.ndarray, most: int) -> tuple[Any, Script | None]:
    """Run the network and return its result, with the script of what it did; None where it cannot be repeated.

    Args:
        plain: runs the network as it stands.
        x: its pictures.
        most: bytes that the script may keep.
    """
    x = np.array(x, order="C")
    with noted() as launches:
        y = plain(Tensor(x))
    try:
        if type(y) is not Tensor:
            raise CannotRepeat("the result is no tensor")
        fast = kernels.SETS["cpu"]
        if not fast.is_open:
            raise CannotRepeat("the fast kernels cannot be used")
        script = Script(fast.offers("shortened")(launches), x, y._data, most, fast.offers("in_sequence"))
        del launches
        _try(script, plain, x)
    except (CannotRepeat, MemoryError) as reason:
        log("fuse: the network is not planned as a whole: %s", reason)
        return y, None
    log("fuse: the network is planned as a whole: %d launches, %d bytes", len(script), script.nbytes)
    return y, script


def _try(script: Script, plain: Plain, x: np.ndarray) -> None:
    """Compare a script with the network on random pictures.

    Raises:
        CannotRepeat: if a bit differs.
    """
    rng = np.random.default_rng(0)
    for _ in range(2):
        other = rng.standard_normal(x.shape, dtype=np.float32)
        y, expected = script.run(other), plain(Tensor(other))._data
        if y is NotImplemented or y.dtype != expected.dtype or y.shape != expected.shape:
            raise CannotRepeat("it gives another kind of result")
        if y.tobytes() != expected.tobytes():
            raise CannotRepeat("something is computed in between that leaves no note")


def _constant(array: Any) -> Any:
    """Return an array that nobody can change, in the same memory order; CuPy's as they are."""
    if not isinstance(array, np.ndarray) or not array.flags.writeable or not array.size:
        return array
    order = outer_first(array)
    back = np.argsort(order)
    return constant(array.transpose(order)).transpose(back)
