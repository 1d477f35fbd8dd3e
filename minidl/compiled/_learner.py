"""What a plan has to know of a network, where its arrays lie, and its twin with other arrays."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl._backend import outer_first
from minidl._random import default_generator
from minidl.nn import Module
from minidl.nn._watched import Holdings, is_own, plain_class
from minidl.tensor import Tensor

FLOAT32 = np.dtype(np.float32)


class Learner:
    """A network as it stands, which is `settled` as long as it holds what it held.

    It does not keep the network alive, whose plans would otherwise be kept by what they keep.

    Attributes:
        parameters: each once.
        buffers: where each array stands that is remembered: a dict, and a key.
        generators: from which it may draw, the default one first.
        may: whether all of its modules are minidl's own, and its arrays floats without gaps between them.
    """

    def __init__(self, net: Module):
        self._find, self._holdings = weakref.ref(net), Holdings(net, constant=False)
        held = [it for _, _, it in self._holdings.held]
        self.parameters = list({id(it): it for it in held if isinstance(it, Tensor)}.values())
        self.buffers = [(stored, name) for stored, name, it in self._holdings.held if isinstance(it, np.ndarray)]
        drawn = {id(it): it for it in held if isinstance(it, np.random.Generator)}
        self.generators = [default_generator(), *drawn.values()]
        classes: set[Any] = set(map(plain_class, net.modules()))
        self._code = [(kind, kind.forward, kind.__call__) for kind in classes]
        arrays = self.arrays()
        self._kinds = [(getattr(it, "shape", ()), getattr(it, "strides", ())) for it in arrays]
        self.may = all(map(is_own, net.modules())) and all(map(_is_dense, arrays))

    def arrays(self) -> list[Any]:
        """Return the arrays of parameters and buffers."""
        return [it._data for it in self.parameters] + [stored[name] for stored, name in self.buffers]

    def settled(self) -> list[np.ndarray] | None:
        """Return the same; None where the network holds something else than it held, or one has another order."""
        if not self._holdings.are_the_same():
            return None
        if any(kind.forward is not forward or kind.__call__ is not call for kind, forward, call in self._code):
            return None
        arrays = self.arrays()
        for array, (shape, strides) in zip(arrays, self._kinds):
            if type(array) is not np.ndarray or array.shape != shape or array.dtype != FLOAT32:
                return None
            if not array.flags.behaved or (array.strides != strides and not _lie_alike(shape, array.strides, strides)):
                return None
        return arrays

    def wanted(self, x: Tensor) -> list[Tensor]:
        """Return x and the parameters, as far as they want a gradient."""
        return [it for it in (x, *self.parameters) if it.requires_grad]

    def twin(self, array_for: Callable[[np.ndarray, bool], np.ndarray]) -> Learner:
        """Return the same of a copy of the network, which has other arrays, and draws from the same generators.

        Args:
            array_for: returns the array that stands for one of a buffer (True) or of a parameter, in the same order.
        """
        memo: dict[int, Any] = {id(it): it for it in self.generators}
        for parameter in self.parameters:
            memo[id(parameter)] = new = type(parameter).__new__(type(parameter))
            new._data, new.requires_grad = array_for(parameter._data, False), parameter.requires_grad
            new._grad, new._node, new._version = None, None, 0
        for stored, name in self.buffers:
            memo[id(stored[name])] = array_for(stored[name], True)
        return Twin(copy.deepcopy(self._net(), memo))

    def forward(self, x: Tensor) -> Any:
        """Run the network as it stands."""
        net = self._net()
        return plain_class(net).forward(net, x)

    def _net(self) -> Any:
        return self._find()


class Twin(Learner):
    """A learner that nobody else has, and so keeps."""

    def __init__(self, net: Module):
        super().__init__(net)
        self._kept = net


def _is_dense(array: Any) -> bool:
    """Tell whether an array is of floats that lie without gaps, in whatever order, and may be written."""
    if type(array) is not np.ndarray or array.dtype != FLOAT32 or not array.flags.behaved:
        return False
    return array.transpose(outer_first(array)).flags.c_contiguous


def _lie_alike(shape: tuple[int, ...], one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Tell whether two orders are the same one; along an axis of one number, any step is as good."""
    return all(n == 1 or a == b for n, a, b in zip(shape, one, other))
