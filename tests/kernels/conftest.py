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
