"""Folding: batch norm, activation and shortcut become part of the convolution before them, for inference.

In evaluation a batch norm is an affine map of each channel, and a convolution followed by one is a convolution again:

    norm(conv(x))[o] = s[o] · (Σ w[o] · x + b[o] - mean[o]) + shift[o]        s = weight · rstd

    w'[o] = s[o] · w[o]        b'[o] = s[o] · (b[o] - mean[o]) + shift[o]

So the norm costs nothing, and neither do the passes over memory for the norm, the activation and the sum with a
shortcut: they are done to each tile of the result while it is still in the processor's cache.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import cost, kernels, ops
from minidl._backend import Array, constant
from minidl.kernels import in_use
from minidl.nn import BatchNorm2d, Conv2d, Identity, Module
from minidl.ops.conv import convolution_sizes
from minidl.ops.norm import ACTIVATIONS
from minidl.tensor import Event, Tensor, _observers, _recording

CALLS = 32  # kinds of input that a layer remembers


class _Known(NamedTuple):
    """How a kind of call is done: given these weights, biases and kernels, by a function of x and the residual."""

    given: tuple[Any, ...]
    run: Callable[..., Any]


class FoldedConv2d(Module):
    """A convolution with everything that followed it: y = activation(conv(x) + b + residual).

    Its weights are buffers that nobody can change, so a kernel may keep what it has computed from them. What has been
    judged once is not judged again for the same kind of input, as long as nobody observes or wants a gradient.

    Args:
        conv: the convolution whose place it takes.
        norm: the batch norm behind it, or None.
        activation: what is applied at the end, or None.
    """

    weight: Any
    bias: Any

    def __init__(self, conv: Conv2d, norm: BatchNorm2d | None = None, activation: str | None = None):
        super().__init__()
        self.geometry = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups")}
        self.activation, self.training = activation, False
        self._calls: dict[Any, _Known] = {}  # by the kinds of x and residual, and what else decides
        weight, bias = folded(conv, norm)
        self.register_buffer("weight", _constant(weight, conv.weight.dtype))
        self.register_buffer("bias", None if bias is None else _constant(bias, conv.weight.dtype))

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Convolve, add, activate."""
        given = self._buffers["weight"], self._buffers["bias"], in_use.get()
        call = None if _leave_traces(x, residual) else (_kind(x), _kind(residual), *kernels.choices())
        known = self._calls.get(call)
        if known is not None and all(map(operator.is_, known.given, given)):
            y = known.run(x.data, None if residual is None else residual.data)
            if y is not NotImplemented:
                return Tensor(y)
        return self._judged(x, residual, call, *given)

    def _judged(self, x: Tensor, residual: Tensor | None, call: Any, weight: Array, bias: Any, chosen: Any) -> Tensor:
        """Convolve as the operation does, which judges what it is given, and remember how."""
        w, b = Tensor(weight), None if bias is None else Tensor(bias)
        y = ops.conv2d_fused(x, w, b, residual, activation=self.activation, **self.geometry)
        if call is not None:
            sizes, _ = convolution_sizes("conv2d_fused", x, w, b, *self.geometry.values())
            arrays = x.data, weight, bias, None if residual is None else residual.data
            run = kernels.prepared("conv2d_fused", *arrays, self.activation, *sizes.values())
            if len(self._calls) >= CALLS:
                self._calls.clear()
            self._calls[call] = _Known((weight, bias, chosen), run)
        return y

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy gets: it has weights of its own, and remembers nothing."""
        return {**self.__dict__, "_calls": {}}

    def extra_repr(self) -> str:
        """Return the channels, the kernel and the activation."""
        o, c, kh, kw = self.weight.shape
        return f"{c * self.geometry['groups']}, {o}, kernel_size=({kh}, {kw}), activation={self.activation!r}"


def _leave_traces(*tensors: Tensor | None) -> bool:
    """Tell whether somebody observes, or wants the gradient of an operation on these tensors."""
    return bool(_observers.get()) or (_recording.get() and any(getattr(x, "requires_grad", False) for x in tensors))


def _kind(x: Tensor | None) -> Any:
    """Return what an operation judges of x."""
    if not isinstance(x, Tensor):
        return type(x)
    array = x.data
    return type(array), array.dtype, array.shape


def folded(conv: Conv2d, norm: BatchNorm2d | None) -> tuple[Array, Array | None]:
    """Return the weights and biases, in float64, of the convolution that does what conv and norm do."""
    weight = conv.weight.data.astype(np.float64)
    bias = None if conv.bias is None else conv.bias.data.astype(np.float64)
    if norm is None:
        return weight, bias
    scale = (norm.running_var.astype(np.float64) + norm.eps) ** -0.5
    shift: Any = 0.0
    if norm.weight is not None and norm.bias is not None:
        scale, shift = scale * norm.weight.data, norm.bias.data.astype(np.float64)
    centred = (0.0 if bias is None else bias) - norm.running_mean
    return weight * scale[:, None, None, None], shift + scale * centred


def fuse(model: Module, size: int | Sequence[int] | None = None) -> Module:
    """Return a copy of a network that is quicker at inference: what can be folded into a convolution is.

    The copy computes in evaluation what the model does, up to rounding, and takes the fast kernels for all of it,
    however small a batch is. It cannot be trained: its folded layers have no parameters, and stay in evaluation. The
    model itself is left as it is.

    Args:
        model: any module; what it is made of is found by a walk of no pictures through it.
        size: the side of its pictures, or the shape of one input, as `cost.walk` takes it; None (default) means the
            size that a network of `minidl.models` has from its paper.

    Raises:
        ValueError: if the size is missing or does not fit.
        TypeError: if model is no module.

    Example:
        >>> import minidl
        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8, activation="relu"))
        >>> minidl.fuse(net, size=(3, 32, 32))
        Sequential(
          (0): Identity()
          (1): FoldedConv2d(3, 8, kernel_size=(3, 3), activation='relu')
        )
    """
    events = cost.walk(model, size)
    model = copy.deepcopy(model).eval()
    object.__setattr__(model, "__class__", _in_the_fast_room(type(model)))  # past the module's own, which keeps values
    modules = dict(model.named_modules())
    runs: dict[str, int] = {}
    readers: dict[int, list[Event]] = {}
    for event in events:
        runs[event.module] = runs.get(event.module, 0) + 1
        for array in event.inputs:
            readers.setdefault(id(array), []).append(event)
    for event in events:
        conv = modules[event.module]
        if event.op != "conv2d" or type(conv) is not Conv2d or runs[event.module] > 1:
            continue
        after = readers.get(id(event.output), [])
        follower = modules[after[0].module] if len(after) == 1 and runs[after[0].module] == 1 else None
        if isinstance(follower, BatchNorm2d) and follower.track_running_stats:
            _put(modules, after[0].module, FoldedConv2d(conv, follower, follower.activation))
            _put(modules, event.module, Identity())
        elif follower is not None and not list(follower.children()) and after[0].op in ACTIVATIONS:
            _put(modules, after[0].module, FoldedConv2d(conv, None, after[0].op))
            _put(modules, event.module, Identity())
        else:
            _put(modules, event.module, FoldedConv2d(conv))
    return model


def _in_the_fast_room(kind: type[Module]) -> type[Module]:
    """Return a class that runs all of its operations, however small, with the fast kernels, if nobody chose others."""

    def forward(self: Module, *inputs: Any) -> Any:
        if in_use.get() is not None:
            return kind.forward(self, *inputs)
        with kernels.use("cpu"):
            return kind.forward(self, *inputs)

    return type(kind.__name__, (kind,), {"forward": forward, "__doc__": kind.__doc__})


def _put(modules: dict[str, Module], path: str, module: Module) -> None:
    """Put a module into the place of another; the order of its neighbours stays."""
    parents, _, name = path.rpartition(".")
    modules[parents]._modules[name] = module


def _constant(array: np.ndarray, dtype: Any) -> np.ndarray:
    """Return a copy that nobody can change; kernels lie channels-last."""
    array = array.astype(dtype)
    return constant(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if array.ndim == 4 else constant(array)
