"""Is there a GPU, and if not, why not?"""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import minidl
from minidl import Tensor, _backend


def pretend(monkeypatch, count):
    """Install a `cupy` whose driver answers with `count`, or raises it."""

    def get_device_count():
        pretended.asked += 1
        if isinstance(count, Exception):
            raise count
        return count

    pretended = ModuleType("cupy")
    pretended.asked = 0
    pretended.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=get_device_count))
    monkeypatch.setitem(sys.modules, "cupy", pretended)
    return pretended


def test_available(gpu):
    status = minidl.cuda.is_available()
    assert status
    assert repr(status).startswith("True (")
    assert "NVIDIA GPU" in status.reason


@pytest.mark.parametrize(("count", "reason"), [(1, "1 NVIDIA GPU"), (4, "4 NVIDIA GPUs")])
def test_the_reason_counts_the_gpus(count, reason, monkeypatch):
    pretend(monkeypatch, count)
    assert repr(minidl.cuda.is_available()) == f"True ({reason})"


def test_cupy_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # what makes `import cupy` fail
    status = minidl.cuda.is_available()
    assert not status
    assert status.reason.startswith("CuPy cannot be imported (import of cupy halted")
    assert status.reason.endswith("install it with: pip install 'minidl[cuda]'")
    with pytest.raises(RuntimeError, match=r"to: CUDA is not available: CuPy cannot be imported"):
        Tensor([1.0]).to("cuda")
    with pytest.raises(RuntimeError, match=r"to: CUDA is not available: CuPy cannot be imported"):
        minidl.nn.Linear(2, 2).to("cuda")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ImportError()", "ImportError"),
        ("raise AttributeError('numpy has no attribute row_stack')", "numpy has no attribute row_stack"),
        (
            "try:\n    raise OSError('libcudart.so.13: cannot open shared object file')\n"
            "except OSError as error:\n    raise ImportError('\\n=====\\nFailed to import CuPy.\\n=====') from error",
            "libcudart.so.13: cannot open shared object file",
        ),
    ],
)
def test_cupy_cannot_be_imported(code, reason, monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text(code, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert minidl.cuda.is_available().reason.startswith(f"CuPy cannot be imported ({reason});")


def test_no_driver(monkeypatch):
    error = RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")
    pretended = pretend(monkeypatch, error)
    for asked in (1, 2):
        status = minidl.cuda.is_available()
        assert not status
        assert status.reason == f"CuPy is installed but finds no usable driver ({error})"
        assert pretended.asked == asked  # an error is not remembered
    with pytest.raises(RuntimeError, match=r"to: CUDA is not available: CuPy is installed but finds no usable driver"):
        Tensor([1.0]).to("cuda")


def test_no_gpu(monkeypatch):
    pretend(monkeypatch, 0)
    assert repr(minidl.cuda.is_available()) == "False (CuPy is installed but no NVIDIA GPU was found)"


def test_the_driver_is_asked_once(monkeypatch):
    pretended = pretend(monkeypatch, 1)
    assert minidl.cuda.is_available()
    assert minidl.cuda.is_available()
    assert pretended.asked == 1


def test_a_cupy_that_is_just_being_imported_has_no_arrays(monkeypatch):
    """Another thread may be in the middle of `import cupy`: the module is there, its array class is not."""
    monkeypatch.setitem(sys.modules, "cupy", ModuleType("cupy"))
    assert not _backend.is_array([1.0])
    assert _backend.array_module(1.0) is np
    assert (Tensor([1.0]) + 1).device == "cpu"


def test_other_devices_have_no_name(gpu):
    with pytest.raises(ValueError, match='to: device must be "cpu" or "cuda"; received device=\'cuda:1\''):
        Tensor(gpu.put(np.ones(2))).to("cuda:1")
