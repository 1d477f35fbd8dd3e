"""Ask about the GPU: `minidl.cuda.is_available()`.

minidl runs on an NVIDIA GPU through CuPy (`pip install 'minidl[cuda]'`). Nothing moves there by itself: `Tensor.to` and
`Module.to` move, and an operation on operands from two devices is an error. See docs/gpu.md.
"""

from __future__ import annotations

from minidl._answers import answering
from minidl._backend import CudaStatus, cuda_status

__all__ = ["CudaStatus", "is_available"]


def __dir__() -> list[str]:
    return [*__all__]


def is_available() -> CudaStatus:
    """Tell whether an NVIDIA GPU can be used, and in `.reason` why, or why not. The first call imports CuPy.

    Returns:
        A status that is true or false, so that it can stand in an `if`.

    Example:
        >>> import minidl
        >>> status = minidl.cuda.is_available()
        >>> device = "cuda" if status else "cpu"
        >>> minidl.Tensor([1.0, 2.0]).to(device).device == device
        True
        >>> "GPU" in status.reason or "CuPy" in status.reason
        True
    """
    return cuda_status()


__getattr__ = answering("minidl.cuda", "torch.CUDA", else_say="; see docs/gpu.md")
