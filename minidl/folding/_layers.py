"""The layers of a folded network: a convolution with all that followed it, and what stands where it used to be."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from minidl import kernels, ops
from minidl._backend import Array, constant
from minidl.kernels import in_use
from minidl.nn import BatchNorm2d, Conv2d, Module, Parameter
from minidl.ops.conv import convolution_sizes
from minidl.tensor import Tensor, _observers, _recording

CALLS = 32  # kinds of input that a layer remembers
CHANGEABLE = ("weight", "bias", "training")
given: ContextVar[list[Any] | None] = ContextVar("given", default=None)  # weak references to promises, in a trial


class Promise(Tensor):
    """What a postponed convolution gives out: its input, for the layer that computes both.

    It has no numbers. Whoever else asks for some, in whatever way, is refused, so that nobody can take one thing for
    the other.
    """

    __slots__ = ("seal", "x")

    def __init__(self, x: Tensor, seal: object):
        self.x, self.seal = x, seal

    def __repr__(self) -> str:
        return "Promise()"


def _refuse(promise: Promise, value: Any = None) -> Any:
    raise RuntimeError(
        "fuse: the result of a convolution was asked for that is only computed together with the layer behind it; with "
        "the pictures of fuse(model, size) nobody had asked; fold it again with such as these, or take the model itself"
    )


for _slot in Tensor.__slots__:
    if _slot != "__weakref__":
        setattr(Promise, _slot, property(_refuse, _refuse))


class PostponedConv2d(Module):
    """Keeps the place of a convolution that the layer behind it computes, too."""

    def __init__(self, seal: object):
        super().__init__()
        self.__dict__.update(seal=seal, training=False)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "training":
            raise AttributeError(f"PostponedConv2d: there is no {name} to set; change the model and fold it again")
        super().__setattr__(name, value)

    def forward(self, x: Tensor) -> Tensor:
        """Hand x on."""
        promise, noted = Promise(x, self.seal), given.get()
        if noted is not None:
            noted.append(weakref.ref(promise))
        return promise


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
        seal: that of the `PostponedConv2d` whose promises it keeps; None (default) for a layer that reads pictures.

    Raises:
        RuntimeError: if it is given something else than such a promise.
        TypeError: if a parameter is assigned: it learns nothing.
        AttributeError: if anything but its weight and bias is assigned.
    """

    weight: Any
    bias: Any

    def __init__(self, conv: Conv2d, norm: BatchNorm2d | None = None, activation: str | None = None, seal: Any = None):
        super().__init__()
        self.geometry = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups")}
        self.activation, self.training = activation, False
        self._calls: dict[Any, _Known] = {}  # by the kinds of x and residual, and what else decides
        weight, bias = folded(conv, norm)
        self.register_buffer("weight", _constant(weight, conv.weight.dtype))
        self.register_buffer("bias", None if bias is None else _constant(bias, conv.weight.dtype))
        self.seal = seal  # from now on nothing else can be set

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            raise TypeError(f"FoldedConv2d: a folded network learns nothing; received a Parameter for {name}")
        if name not in CHANGEABLE and "seal" in self.__dict__:
            cure = "change the model and fold it again"
            raise AttributeError(f"FoldedConv2d: only weight and bias can be changed; received {name}; {cure}")
        super().__setattr__(name, value)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Convolve, add, activate."""
        if self.seal is not None:
            x = _redeemed(x, self.seal)
        given = self._buffers["weight"], self._buffers["bias"], in_use.get()
        call = None if _leave_traces(x, residual) else (_kind(x), _kind(residual), *kernels.choices())
        known = self._calls.get(call)
        if known is not None and all(map(operator.is_, known.given, given)):
            y = known.run(x._data, None if residual is None else residual._data)
            if y is not NotImplemented:
                return Tensor(y)
        return self._judged(x, residual, call, *given)

    def _judged(self, x: Tensor, residual: Tensor | None, call: Any, weight: Array, bias: Any, chosen: Any) -> Tensor:
        """Convolve as the operation does, which judges what it is given, and remember how."""
        w, b = Tensor(weight), None if bias is None else Tensor(bias)
        y = ops.conv2d_fused(x, w, b, residual, activation=self.activation, **self.geometry)
        if call is not None:
            sizes, _ = convolution_sizes("conv2d_fused", x, w, b, *self.geometry.values())
            arrays = x._data, weight, bias, None if residual is None else residual._data
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


def _redeemed(promise: Any, seal: Any) -> Tensor:
    """Return what a postponed convolution was given."""
    if type(promise) is not Promise or promise.seal is not seal:
        raise RuntimeError(
            "fuse: a folded layer expects the result of the convolution before it, and received another; the model "
            "takes another way here than with the pictures of fuse(model, size); take the model itself"
        )
    return promise.x


def _leave_traces(*tensors: Tensor | None) -> bool:
    """Tell whether somebody observes, or wants the gradient of an operation on these tensors."""
    return bool(_observers.get()) or (_recording.get() and any(getattr(x, "requires_grad", False) for x in tensors))


def _kind(x: Tensor | None) -> Any:
    """Return what an operation judges of x."""
    if not isinstance(x, Tensor):
        return type(x)
    array = x._data
    return type(array), array.dtype, array.shape


def folded(conv: Conv2d, norm: BatchNorm2d | None) -> tuple[Array, Array | None]:
    """Return the weights and biases, in float64, of the convolution that does what conv and norm do."""
    weight = conv.weight._data.astype(np.float64)
    bias = None if conv.bias is None else conv.bias._data.astype(np.float64)
    if norm is None:
        return weight, bias
    scale = (norm.running_var.astype(np.float64) + norm.eps) ** -0.5
    shift: Any = 0.0
    if norm.weight is not None and norm.bias is not None:
        scale, shift = scale * norm.weight._data, norm.bias._data.astype(np.float64)
    centred = (0.0 if bias is None else bias) - norm.running_mean
    return weight * scale[:, None, None, None], shift + scale * centred


def _constant(array: np.ndarray, dtype: Any) -> np.ndarray:
    """Return a copy that nobody can change; kernels lie channels-last."""
    array = array.astype(dtype)
    return constant(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if array.ndim == 4 else constant(array)
