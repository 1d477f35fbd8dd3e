"""What tests of kernels share."""

import pytest


@pytest.fixture
def planned_anew():
    """Let no plan of a convolution from before serve here, and none from here later; a call forgets all once more."""
    from minidl.kernels.cpu.conv import algorithms, direct, direct_dw

    def forget():
        for plan in (direct.shared, direct_dw.planned, algorithms._chosen):
            plan.cache_clear()

    forget()
    yield forget
    forget()
