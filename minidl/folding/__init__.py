"""Folding: batch norm, activation and shortcut become part of the convolution before them, for inference.

In evaluation a batch norm is an affine map of each channel, and a convolution followed by one is a convolution again:

    norm(conv(x))[o] = s[o] · (Σ w[o] · x + b[o] - mean[o]) + shift[o]        s = weight · rstd

    w'[o] = s[o] · w[o]        b'[o] = s[o] · (b[o] - mean[o]) + shift[o]

So the norm costs nothing, and neither do the passes over memory for the norm, the activation and the sum with a
shortcut: they are done to each tile of the result while it is still in the processor's cache.

The folded layer stands where the norm was, because only there the shortcut is known. Where the convolution was, x is
handed on inside of a `Promise`, which nobody but that layer can read. A run that is watched tells what could be folded
(`_plan`), and a trial whether it may be (`_trial`): where a promise is read, returned or kept, or a number differs, the
layers stay as they are.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from typing import Any

from minidl import kernels
from minidl._log import log
from minidl.cost.example import input_shape
from minidl.folding import _plan, _scripts, _trial
from minidl.folding._layers import FoldedConv2d
from minidl.nn import Module
from minidl.nn._watched import plain_class

__all__ = ["FoldedConv2d", "fuse"]


def __dir__() -> list[str]:
    return [*__all__]


def fuse(model: Module, size: int | Sequence[int] | None = None) -> Module:
    """Return a copy of a network that is quicker at inference: what can be folded into a convolution is.

    The copy computes in evaluation what the model does, up to rounding, and takes the fast kernels for all of it,
    however small a batch is. It cannot be trained: its folded layers have no parameters, and stay in evaluation. The
    model itself is left as it is.

    Only what nobody else can tell is folded: a result of a convolution that is also returned, kept, or read by
    anything but the norm behind it stays. The copy is compared with the model on random numbers before it is returned,
    which takes some runs. A later way on which the result of a folded convolution is read is an error.

    If all modules are minidl's own, pictures of a shape that comes for the third time under `no_grad` are planned as a
    whole: what the kernels were given is noted, tried, and repeated to the bit, without Python in between. Nobody can
    change the copy's arrays in place then; one that is assigned is seen. Plans keep up to 64 MiB.

    Args:
        model: any module of one input, which gives the same for the same pictures in evaluation.
        size: the side of its pictures, or the shape of one input, as `cost.walk` takes it; None (default) means the
            size that a network of `minidl.models` has from its paper.

    Raises:
        ValueError: if the size is missing or does not fit, or the model gives something else every time.
        TypeError: if model is no module.
        RuntimeError: if the model has kept a result with a graph behind it, which cannot be copied.

    Example:
        >>> import minidl
        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8, activation="relu"))
        >>> minidl.fuse(net, size=(3, 32, 32))
        Sequential(
          (0): PostponedConv2d()
          (1): FoldedConv2d(3, 8, kernel_size=(3, 3), activation='relu')
        )
    """
    if not isinstance(model, Module):
        raise TypeError(f"fuse: expects a module; received a {type(model).__name__}; build one: models.get_model(name)")
    shape = input_shape(model, size)
    base = copy.deepcopy(model)
    base.eval()
    x, watcher = _trial.pictures(base, shape), _plan.Watcher()
    expected = _trial.run(_trial.twin(base), x, watcher)

    def works(chosen: Sequence[_plan.Step]) -> bool:
        try:
            traces = _trial.run(_folded(_trial.twin(base), chosen), x)
        except MemoryError:
            raise
        except Exception:  # whatever a promise that somebody read has led to
            return False
        return _trial.difference(traces, expected) <= _trial.tolerance(x)

    found = _plan.steps(base, watcher)
    chosen = _plan.largest(found, works)
    convolutions = dict(base.named_modules())
    left = [_plan.alone(step.conv, convolutions[step.conv]) for step in found if step not in chosen and step.follower]
    chosen += _plan.largest(left, works, chosen)
    if not chosen and not works([]):
        raise ValueError(
            f"fuse: {type(model).__name__} gives other numbers when it is run again on the same pictures in "
            f"evaluation, so nobody can tell whether it is folded rightly; let its forward draw nothing at random"
        )
    log("fuse: %d of %d convolutions took in what is behind them", len(chosen), len(found))
    made = _folded(base, chosen)
    _scripts.prepare(made)
    return made


def fuse_if_possible(model: Module, size: Sequence[int]) -> Module:
    """Return `fuse(model, size)`; or the model itself, where it cannot be folded, or pictures of that size do not fit.

    Args:
        model: as for `fuse`.
        size: the shape of one input.
    """
    try:
        return fuse(model, size)
    except (ValueError, TypeError, RuntimeError, MemoryError) as error:
        log("fuse: the network is taken as it is: %s", error)
        return model


def _folded(net: Module, chosen: Sequence[_plan.Step]) -> Module:
    """Fold a network in its place, and make it run with the fast kernels."""
    _plan.apply(net, chosen)
    if not getattr(type(net), "_is_folded", False):
        object.__setattr__(net, "__class__", _quick(plain_class(net)))  # past the module's own, which keeps values
    return net


@functools.lru_cache(maxsize=64)
def _quick(kind: Any) -> Any:
    """Return a class that runs all of its operations, however small, with the fast kernels, if nobody chose others."""

    def forward(self: Module, *inputs: Any, **settings: Any) -> Any:
        with kernels.prefer("cpu"):
            if len(inputs) != 1 or settings:
                return kind.forward(self, *inputs, **settings)
            return _scripts.run(self, functools.partial(kind.forward, self), inputs[0])

    def reduce(self: Module) -> tuple[Any, ...]:
        return _made_again, (kind,), self.__getstate__()

    own = {"forward": forward, "__reduce__": reduce, "__doc__": kind.__doc__, "_stands_for": kind, "_is_folded": True}
    return type(kind.__name__, (kind,), own)


def _made_again(kind: Any) -> Any:
    """Return an instance without a state, for `copy` and `pickle`, which know only classes that have a name."""
    fast = _quick(kind)
    return fast.__new__(fast)
