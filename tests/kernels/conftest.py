"""What tests of kernels share."""

import sys

import pytest


@pytest.fixture(autouse=True)
def planned_anew():
    """Let no plan of a convolution from before serve a test, and none of it a later one; a call forgets once more.

    Tests change by what numbers work is divided, which is no circumstance that a plan hangs on.
    """

    def forget():
        if algorithms := sys.modules.get("minidl.kernels.cpu.conv.algorithms"):
            algorithms._planned.cache_clear()

    forget()
    yield forget
    forget()


@pytest.fixture
def compiled(monkeypatch):
    """What makes a kernel of a function and its signature, which is kept nowhere."""
    from minidl.kernels.cpu.simd import compile

    monkeypatch.setattr(compile, "ALL", {})

    def make(function, signature):
        made = compile.Kernel(function, signature)
        monkeypatch.setitem(vars(made), "_files", None)
        return made

    return make


@pytest.fixture
def careful(compiled):
    """A kernel that writes a size into y, once for each thread, and fails in all of them where y is shorter."""
    from numba import prange

    def careful(y, size, threads):
        for thread in prange(threads):
            if size > y.shape[0]:
                raise ValueError("too many")
            y[thread] = size

    return compiled(careful, "void(w1, i, i)")
