"""The layers of a folded network: a convolution with all that followed it, and what stands where it used to be."""

from __future__ import annotations

import weakref
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl import kernels, ops
from minidl._backend import Array, constant
from minidl.nn import BatchNorm2d, Conv2d, Module, Parameter, SqueezeExcitation
from minidl.ops.conv import convolution_geometry
from minidl.tensor import Tensor, is_observed

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
        self._plan = kernels.plan("conv2d_fused")
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
        w, b, arrays = self._buffers["weight"], self._buffers["bias"], _arrays(x, residual)
        if arrays is None:
            return self._judged(x, w, b, residual)
        y = self._plan.run(arrays[0], w, b, arrays[1])
        if y is not NotImplemented:
            return Tensor(y)
        made = self._judged(x, w, b, residual)
        geometry = convolution_geometry("conv2d_fused", x, Tensor(w), None, **self.geometry)
        self._plan.learn(arrays[0], w, b, arrays[1], self.activation, **geometry)
        return made

    def _judged(self, x: Tensor, w: Array, b: Array | None, residual: Tensor | None) -> Tensor:
        """Convolve as the operation does, which judges what it is given."""
        bias = None if b is None else Tensor(b)
        return ops.conv2d_fused(x, Tensor(w), bias, residual, activation=self.activation, **self.geometry)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a copy gets, also one that an earlier version has pickled, which has no plan."""
        self.__dict__.update({"_plan": kernels.plan("conv2d_fused"), **state})

    def extra_repr(self) -> str:
        """Return the channels, the kernel and the activation."""
        o, c, kh, kw = self.weight.shape
        return f"{c * self.geometry['groups']}, {o}, kernel_size=({kh}, {kw}), activation={self.activation!r}"


class FoldedSqueezeExcitation(Module):
    """A squeeze-and-excitation whose gates are one call: x · gate(w2 · activation(w1 · average(x) + b1) + b2).

    Its weights are buffers that nobody can change.

    Args:
        block: the block whose place it takes.
        activation: the name of that between its two layers.
        gate: the name of that at its end.
    """

    def __init__(self, block: SqueezeExcitation, activation: str, gate: str):
        super().__init__()
        self.activation, self.gate, self.training = activation, gate, False
        for name, conv in (("1", block.fc1), ("2", block.fc2)):
            weight, dtype = conv.weight._data[:, :, 0, 0], conv.weight.dtype
            weight = constant(weight.T.astype(dtype)).T if name == "2" else _constant(weight, dtype)
            self.register_buffer(f"w{name}", weight)
            self.register_buffer(f"b{name}", None if conv.bias is None else _constant(conv.bias._data, dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of x."""
        held = self._buffers
        weights = held["w1"], held["b1"], held["w2"], held["b2"]
        arrays, c = _arrays(x, None), weights[0].shape[1]
        if arrays is not None and _is_a_map(arrays[0], c) and arrays[0].dtype == weights[0].dtype:
            y = kernels.excite(kernels.global_avg_pool2d(arrays[0]), *weights, self.activation, self.gate)
            return Tensor(kernels.scale_channels(arrays[0], y))
        given: list[Any] = [None if array is None else Tensor(array) for array in weights]
        w1, b1, w2, b2 = given
        s: Any = ops.linear(ops.global_avg_pool2d(x), w1, b1)
        s = getattr(ops, self.gate)(ops.linear(getattr(ops, self.activation)(s), w2, b2))
        return ops.scale_channels(x, s)

    def extra_repr(self) -> str:
        """Return channels, the narrow place, and both activations."""
        m, c = self._buffers["w1"].shape
        return f"{c}, {m}, activation={self.activation!r}, gate={self.gate!r}"


def _is_a_map(x: Any, channels: int) -> bool:
    """Tell whether an array is what a squeeze-and-excitation scales; ops says what is wrong with any other."""
    return x.ndim == 4 and x.shape[1] == channels and x.size > 0


def _redeemed(promise: Any, seal: Any) -> Tensor:
    """Return what a postponed convolution was given."""
    if type(promise) is not Promise or promise.seal is not seal:
        raise RuntimeError(
            "fuse: a folded layer expects the result of the convolution before it, and received another; the model "
            "takes another way here than with the pictures of fuse(model, size); take the model itself"
        )
    return promise.x


def _arrays(x: Any, residual: Any) -> tuple[Array, Array | None] | None:
    """Return the arrays of a call that leaves no traces; None where somebody observes, or wants a gradient of it."""
    for tensor in (x,) if residual is None else (x, residual):
        if not isinstance(tensor, Tensor) or tensor._is_wanted():
            return None
    return None if is_observed() else (x._data, None if residual is None else residual._data)


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
