"""Moving between CPU and GPU: the only operation that moves anything; nothing moves silently."""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array
from minidl.tensor import Context, Function, Tensor


class ToDevice(Function):
    """Saves nothing: the gradient travels the other way."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, device: str) -> Array:
        """The same numbers on another device."""
        ctx.origin = _backend.device_of(x)
        return _backend.to_device(x, device)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The gradient back to where x came from."""
        return _backend.to_device(dy, ctx.origin)


def to_device(x: Tensor, device: str) -> Tensor:
    """Return x on "cpu" or "cuda": itself if it is there already.

    Raises:
        ValueError: if the device has another name.
        TypeError: if x is no tensor.
        RuntimeError: if CUDA is not available; the message says why.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([1.0]).to("cpu").device
        'cpu'
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"to_device: x must be a Tensor, it is a {type(x).__name__}; wrap it: Tensor(x)")
    return x if isinstance(device, str) and x.device == device else ToDevice.apply(x, device=device)
