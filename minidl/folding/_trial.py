"""A trial on random pictures: what a network gives, keeps and changes, and whether another does the same."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from minidl import _backend, _random
from minidl.folding._layers import FoldedConv2d, FoldedSqueezeExcitation, PostponedConv2d, Promise, given
from minidl.nn import Module
from minidl.tensor import Event, Tensor, no_grad, observe

PICTURES = 2
DEPTH = 8
Traces = dict[str, list[np.ndarray]]


def pictures(net: Module, shape: tuple[int, ...]) -> Tensor:
    """Return random numbers as the network takes them."""
    first: Any = next(net.parameters(), None)
    like = np.zeros((), dtype=np.float32) if first is None else first._data
    x = np.random.default_rng(0).standard_normal((PICTURES, *shape)).astype(like.dtype)
    return Tensor(_backend.to_device(x, _backend.device_of(like)))


def twin(net: Module) -> Any:
    """Return a copy with a state of its own that shares what is large and does not change: parameters, constants."""
    memo: dict[int, Any] = {}
    for module in net.modules():
        memo.update((id(it), it) for it in module._parameters.values() if it is not None)
        memo.update((id(it), it) for it in module._buffers.values() if it is not None and not it.flags.writeable)
    return copy.deepcopy(net, memo)


def run(net: Module, x: Tensor, watcher: Callable[[Event], None] | None = None) -> Traces:
    """Run a network, and return the numbers that it gives and those that its modules hold afterwards.

    Raises:
        Exception: what the network raises; RuntimeError if somebody still has a promise afterwards.
    """
    state = _random.get_state()
    promises: list[Any] = []
    noting = given.set(promises)
    try:
        with no_grad(), np.errstate(all="ignore"), observe(watcher) if watcher else nullcontext():
            y = net(x)
    finally:
        given.reset(noting)
        _random.set_state(state)  # the next one draws the same numbers
    traces = {"the output": list(_numbers(y))}
    for path, module in net.named_modules():
        if not isinstance(module, (FoldedConv2d, FoldedSqueezeExcitation, PostponedConv2d)):
            held = {name: value for name, value in vars(module).items() if name not in ("_modules", "_parameters")}
            traces[f"what {path or 'it'} holds"] = list(_numbers(held))
    del y
    if any(promise() is not None for promise in promises):
        gc.collect()  # circles of references may keep one for nobody
        if any(promise() is not None for promise in promises):
            raise RuntimeError("fuse: somebody has kept the result of a convolution")
    return traces


def difference(traces: Traces, expected: Traces) -> float:
    """Return the largest relative error of any array, max |a - b| / max |b|; infinite if shapes or places differ."""
    worst = 0.0
    for place, arrays in traces.items():
        others = expected.get(place, [])
        if [it.shape for it in arrays] != [it.shape for it in others]:
            return np.inf
        for a, b in zip(arrays, others, strict=True):
            worst = max(worst, _relative_error(a.astype(np.float64), b.astype(np.float64)))
    return worst


def tolerance(x: Tensor) -> float:
    """Return the largest relative error that rounding explains.

    A folded layer rounds its weights and its sums in another way: one half unit in the last place of the numbers it
    gives, times a small factor for the length of the sums. A hundred layers in a row, and numbers that nearly cancel,
    make some thousand units of it. A layer that is folded wrongly is off by a good part of the result.
    """
    return 2.0**13 * float(np.finfo(x.dtype).eps)


def _relative_error(a: np.ndarray, b: np.ndarray) -> float:
    finite = np.isfinite(b)
    if not (np.isfinite(a) == finite).all():
        return np.inf
    a, b = a[finite], b[finite]
    error = abs(a - b).max(initial=0.0)
    return 0.0 if error == 0 else float(error / max(abs(b).max(), np.finfo(np.float64).tiny))


def _numbers(value: Any, within: tuple[int, ...] = ()) -> Iterator[np.ndarray]:
    """Yield the arrays and numbers in a value, as deep as usual containers and plain objects go."""
    if isinstance(value, Tensor):
        value = value._data
    if isinstance(value, (bool, int, float, np.number)) or (_backend.is_array(value) and value.dtype.kind in "biuf"):
        yield np.array(_backend.to_numpy(value))
        return
    if len(within) == DEPTH or id(value) in within or isinstance(value, (str, bytes)) or callable(value):
        return
    within = (*within, id(value))
    if isinstance(value, (set, frozenset)):  # in no order
        value = [it for it in value if isinstance(it, Promise)]
    inside: Any = value if isinstance(value, (list, tuple)) else getattr(value, "__dict__", ())
    for it in value.values() if isinstance(value, Mapping) else inside.values() if isinstance(inside, dict) else inside:
        yield from _numbers(it, within)
