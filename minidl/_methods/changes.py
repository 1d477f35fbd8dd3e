"""Methods that change what a tensor is: its dtype and place, whether it wants a gradient, and its numbers in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend
from minidl._checks import check_flag, check_number, to_shape
from minidl._methods.makers import array_of, changed, converted
from minidl._random import default_generator
from minidl._values import Values, operation

DEVICES = ("cpu", "cuda")


class Changes(Values):
    """Conversions, changes in place, and new tensors that are like x."""

    __slots__ = ()

    # ------------------------------------------------------------------ dtype and device

    def to(self, *args: Any, device: Any = None, dtype: Any = None, non_blocking: Any = False) -> Any:
        """Return x on "cpu" or "cuda", or in another dtype; what it is already, it is itself.

        Args:
            args: a device, a dtype, both, or a tensor that has both.
            device: "cpu" or "cuda"; gradients flow through the move.
            dtype: float32, float64, bool, or of whole numbers.
            non_blocking: has no meaning here.
        """
        for given in args:
            if isinstance(given, Values):
                device, dtype = given.device, given.dtype
            elif isinstance(given, str) and not hasattr(np, given):
                device = given
            else:
                dtype = given
        x = self if dtype is None else converted("to", self, dtype)
        return x if device is None else operation("to_device")(x, device)

    def type(self, dtype: Any) -> Any:
        """Return x in another dtype; see `to`."""
        return converted("type", self, dtype)

    def type_as(self, other: Any) -> Any:
        """Return x in the dtype of another tensor."""
        return converted("type_as", self, array_of("type_as", other).dtype)

    def float(self) -> Any:
        """Return x as float32."""
        return converted("float", self, np.float32)

    def double(self) -> Any:
        """Return x as float64."""
        return converted("double", self, np.float64)

    def long(self) -> Any:
        """Return x as int64, without a gradient; fractions are cut off."""
        return converted("long", self, np.int64)

    def int(self) -> Any:
        """Return x as int32, without a gradient; fractions are cut off."""
        return converted("int", self, np.int32)

    def byte(self) -> Any:
        """Return x as uint8, without a gradient; fractions are cut off."""
        return converted("byte", self, np.uint8)

    def bool(self) -> Any:
        """Return where x is not 0."""
        return converted("bool", self, np.bool_)

    def cpu(self) -> Any:
        """Return x on the CPU."""
        return operation("to_device")(self, "cpu")

    def cuda(self) -> Any:
        """Return x on the GPU."""
        return operation("to_device")(self, "cuda")

    # ------------------------------------------------------------------ in place

    add_, sub_, mul_, div_, pow_ = (changed(name) for name in ("add", "sub", "mul", "div", "pow"))
    clamp_, clip_, clamp_min_, clamp_max_ = (changed(name) for name in ("clamp", "clip", "clamp_min", "clamp_max"))
    exp_, log_, sqrt_, abs_, neg_ = (changed(name) for name in ("exp", "log", "sqrt", "abs", "neg"))
    relu_, sigmoid_, tanh_, square_ = (changed(name) for name in ("relu", "sigmoid", "tanh", "square"))
    reciprocal_, masked_fill_, round_, floor_ = (
        changed(name) for name in ("reciprocal", "masked_fill", "round", "floor")
    )

    def fill_(self: Any, value: Any) -> Any:
        """Write one number to all places of x, and return x."""
        self[...] = value
        return self

    def zero_(self: Any) -> Any:
        """Write 0 to all places of x, and return x."""
        return self.fill_(0)

    def copy_(self: Any, other: Any) -> Any:
        """Write the numbers of another tensor or array to x, in the dtype of x, and return x."""
        array = array_of("copy_", other)
        if array.dtype != self.dtype:
            array = array.astype(self.dtype)
        if isinstance(other, Values) and other._is_wanted():
            array = other  # refused below: the copy would have no history
        self[...] = array
        return self

    def uniform_(self: Any, low: Any = 0.0, high: Any = 1.0) -> Any:
        """Write numbers to x that are drawn evenly from low to high, and return x."""
        draws = default_generator().uniform(low, high, self.shape).astype(self.dtype)
        return self.copy_(_backend.to_device(draws, self.device))

    def normal_(self: Any, mean: Any = 0.0, std: Any = 1.0) -> Any:
        """Write numbers to x that are drawn around a mean, and return x."""
        draws = default_generator().normal(mean, std, self.shape).astype(self.dtype)
        return self.copy_(_backend.to_device(draws, self.device))

    def requires_grad_(self: Any, requires_grad: Any = True) -> Any:
        """Want a gradient of x, a leaf, from now on, or want none; and return x."""
        check_flag("requires_grad_", "requires_grad", requires_grad)
        if requires_grad and self.dtype not in _backend.FLOATS:
            raise TypeError(f"requires_grad_: only float32 and float64 have gradients; received dtype={self.dtype}")
        if self._node is not None and not requires_grad:
            raise RuntimeError(
                "requires_grad_: x is the result of an operation; x.detach() is the same without history"
            )
        self.requires_grad = requires_grad in (True, 1)
        return self

    # ------------------------------------------------------------------ new ones like x

    def new_full(self, size: Any, fill_value: Any) -> Any:
        """Return a tensor of that shape full of one number, with the dtype and device of x."""
        check_number("new_full", "fill_value", fill_value)
        array = _backend.full(to_shape("new_full", size), fill_value, self.dtype, like=self._data)
        return self._wrap(array, False)

    def new_zeros(self, *size: Any) -> Any:
        """Return a tensor of zeros of that shape, with the dtype and device of x."""
        return self.new_full(size[0] if size and not isinstance(size[0], np.integer | int) else size, 0)

    def new_ones(self, *size: Any) -> Any:
        """Return a tensor of ones of that shape, with the dtype and device of x."""
        return self.new_full(size[0] if size and not isinstance(size[0], np.integer | int) else size, 1)
