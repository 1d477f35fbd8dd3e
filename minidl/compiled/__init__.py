"""Networks that learn with hardly any Python between their kernels: see `compile`."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from minidl import kernels
from minidl.compiled._plans import Plans
from minidl.kernels._launches import is_noting
from minidl.kernels._sets import in_use
from minidl.nn import Module
from minidl.tensor import Tensor, is_observed, is_recording

__all__ = ["compile"]

_known: weakref.WeakKeyDictionary[Module, Plans] = weakref.WeakKeyDictionary()


def __dir__() -> list[str]:
    return [*__all__]


def compile(model: Module) -> Module:
    """Let a network learn with hardly any Python between its kernels; return it, the very same one.

    Nothing else changes: results, gradients, running statistics and draws have the same bits as before, and the network
    is used, saved and copied as before. Pictures of a shape that comes again in training are planned: the way forward
    and back is gone through once without computing anything, tried on random numbers, and from then on done by the
    kernels alone, as one operation. That takes two steps' time, and saves 5 to 15 % of each step that follows on
    pictures of 224×224, a quarter on small ones, where the time is Python's.

    All modules must be minidl's own, no parameter may be used twice, and the result is one float32 tensor. Where that
    is not so, where somebody observes or has chosen other kernels, in evaluation, and on a GPU, the network runs as it
    stands. A change of a setting, of a module, or of which parameters want a gradient is seen, and planned anew; after
    eight changes no more. The way back is that of the settings which held on the way forward (threads, kernels), and
    adds up as for a gradient that lies in memory as the result does: losses of minidl give such.

    `training.fit` and `minidl train` do this by themselves. For inference see `minidl.fuse`.

    Args:
        model: any module of one input.

    Raises:
        TypeError: if model is no module.

    Example:
        >>> import minidl
        >>> from minidl import nn, ops
        >>> net = minidl.compile(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)))
        >>> for _ in range(4):
        ...     loss = ops.cross_entropy(net(minidl.ones(5, 3, 2, 2)), [0, 1, 1, 0, 1])
        ...     net.zero_grad()
        ...     loss.backward()
        >>> net[1].weight.grad.shape
        (2, 12)
    """
    if not isinstance(model, Module):
        found = type(model).__name__
        raise TypeError(f"compile: expects a module; received a {found}; build one: models.get_model(name)")
    vars(model)["_run"] = _run
    return model


def run(net: Module, x: Tensor) -> Any:
    """Return net(x), by a plan where there is one.

    Args:
        net: a network, compiled or not.
        x: what it is given.
    """
    if "_run" in vars(net) or type(net).__call__ is not Module.__call__ or is_observed():
        return net(x)
    return _run(net, x)


def _run(net: Module, *inputs: Any, **settings: Any) -> Any:
    """Run forward, by a plan where there is one; see `Module.__call__`."""
    if len(inputs) != 1 or settings or not _may_be_planned(inputs[0]):
        return net.forward(*inputs, **settings)
    plans = _known.get(net)
    if plans is None:
        plans = _known[net] = Plans(net)
    return plans.run(net, inputs[0])


def _may_be_planned(x: Any) -> bool:
    """Tell whether a call is one of a training step that nobody looks at, with nobody's own kernels."""
    if type(x) is not Tensor or not is_recording() or is_observed() or is_noting() is not None:
        return False
    array = x._data
    if type(array) is not np.ndarray or array.dtype != np.float32 or not array.flags.c_contiguous:
        return False
    return array.flags.aligned and in_use.get() in (None, kernels.SETS["cpu"])
