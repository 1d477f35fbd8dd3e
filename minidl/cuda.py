"""Ask about the GPU: `minidl.cuda.is_available()`."""

from __future__ import annotations

from minidl._backend import CudaStatus
from minidl._backend import cuda_status as is_available

__all__ = ["CudaStatus", "is_available"]
