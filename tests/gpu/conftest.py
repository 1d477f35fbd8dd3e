"""The GPU of these tests: a strict stand-in for CuPy everywhere, and CUDA wherever there is one."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import minidl
from tests import strict_cupy
from tests.contract import assert_close


@dataclass
class Gpu:
    """`cupy` is the array module; `moves` counts what crosses to and from the device (None: nobody counts on CUDA)."""

    cupy: Any
    moves: Any

    def put(self, value):
        """Return value with all NumPy arrays in it on the device."""
        if isinstance(value, np.ndarray):
            return self.cupy.asarray(value)
        if isinstance(value, dict):
            return {key: self.put(one) for key, one in value.items()}
        return type(value)(self.put(one) for one in value) if isinstance(value, (list, tuple)) else value

    def assert_same(self, device, host, what="result"):
        """Fail unless a device array equals a NumPy array as well as the dtype allows: float64 to 1e-12."""
        assert isinstance(device, self.cupy.ndarray), f"{what} is a {type(device)}"
        assert device.dtype == host.dtype
        if host.dtype.kind == "f":
            assert_close(device.get(), host, host.dtype, what)
        else:
            np.testing.assert_array_equal(device.get(), host, err_msg=what)


@pytest.fixture(params=["strict", pytest.param("cuda", marks=pytest.mark.gpu)])
def gpu(request, monkeypatch):
    if request.param == "strict":
        monkeypatch.setitem(sys.modules, "cupy", strict_cupy.cupy)
        strict_cupy.moves.clear()
        return Gpu(strict_cupy.cupy, strict_cupy.moves)
    status = minidl.cuda.is_available()
    if not status:
        pytest.skip(f"no CUDA here: {status.reason}")
    return Gpu(sys.modules["cupy"], None)
