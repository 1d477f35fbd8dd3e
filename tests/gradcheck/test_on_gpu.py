"""The checker on arrays of the device: the verdict is the same as on the CPU."""

import numpy as np
import pytest

from minidl import Function, GradientError, gradcheck
from tests.gpu.conftest import gpu  # noqa: F401 - a fixture


class Doubled(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return x * x

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved
        return 4 * x * dy


@pytest.mark.parametrize("shape", [(2, 3), (3, 4, 7, 11), ()])
@pytest.mark.parametrize("mode", ["direction", "elements"])
def test_a_wrong_gradient_is_found_and_named(shape, mode, gpu, rng):  # noqa: F811
    x = np.asarray(rng.standard_normal(shape))
    verdicts = []
    for array in (x, gpu.put(x)):
        with pytest.raises(GradientError) as caught:
            gradcheck(lambda x: Doubled.apply(x), [array], mode=mode)
        verdicts.append(caught.value.report)
    host, device = (report.arguments[0] for report in verdicts)
    assert host.pattern == device.pattern
    assert device.pattern.name == "scaled"
    assert host.where == device.where
    assert device.numeric == pytest.approx(host.numeric, rel=1e-9)
