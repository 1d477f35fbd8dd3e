"""How a tensor is copied and pickled: what it is made again from, and why a graph does not come along."""

from __future__ import annotations

from typing import Any

from minidl._backend import Array, unadorned


def reduced(tensor: Any) -> tuple[Any, ...]:
    """Return what Python's `copy` and `pickle` make a tensor again from (this is `Tensor.__reduce__`).

    A leaf comes with its numbers, in the memory order that they have, and its gradient; with `copy.copy` they share
    memory with the original. Attributes of a subclass come along. A tensor that an operation has made is refused, as
    PyTorch refuses it: its copy would be cut off from everything that it was computed from.

    Raises:
        RuntimeError: if the tensor has a graph behind it.
    """
    if tensor._node is not None:
        raise RuntimeError(
            f"copy: a tensor with a graph behind it cannot be copied or pickled, only leaves can; received the result "
            f"of {tensor._node.function.op}, shape={tensor.shape}; take its numbers alone: y.detach()"
        )
    array, axes = tensor._data, tuple(range(tensor.ndim))
    outer_first = sorted(axes, key=lambda axis: -abs(array.strides[axis]))
    if not array.flags.c_contiguous and array.transpose(outer_first).flags.c_contiguous:
        # Pickle would lose the order of channels-last weights.
        array, axes = array.transpose(outer_first), tuple(map(outer_first.index, axes))
    made_of = type(tensor), array, axes, tensor.requires_grad, unadorned(tensor.grad)
    return restored, made_of, getattr(tensor, "__dict__", None)


def restored(kind: Any, array: Array, axes: tuple[int, ...], requires_grad: bool, grad: Array | None) -> Any:
    """Make the tensor again that `reduced` has taken apart."""
    tensor: Any = kind.__new__(kind)
    tensor._data = array if axes == tuple(range(array.ndim)) else array.transpose(axes)
    tensor._node, tensor._grad, tensor._version = None, None, 0
    tensor.requires_grad, tensor.grad = requires_grad, grad
    return tensor
