"""The choice between kernel sets."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from minidl.kernels import textbook
from tests import oracles


def test_a_students_convolution_serves_a_network(rng):
    calls = []

    def conv2d(x, w, b, stride, padding, dilation, groups):
        calls.append(x.shape)
        return oracles.conv2d(x, w, b, stride, padding, dilation, groups)

    x, w = Tensor(rng.standard_normal((1, 2, 4, 4))), Tensor(rng.standard_normal((3, 2, 3, 3)), requires_grad=True)
    with kernels.use(SimpleNamespace(conv2d=conv2d)):
        y = ops.conv2d(x, w)
        y.backward(rng.standard_normal((1, 3, 2, 2)))  # conv2d_dw is not in the set: the textbook has it
    assert calls == [(1, 2, 4, 4)]
    np.testing.assert_allclose(y.data, ops.conv2d(x, w).data)


def test_sets_nest_and_end_after_an_error():
    mine = SimpleNamespace(relu=lambda x: x * 0)
    x = Tensor([1.0])
    with pytest.raises(KeyError), kernels.use(mine):
        with kernels.use("textbook"):
            assert ops.relu(x).item() == 1
        assert ops.relu(x).item() == 0
        raise KeyError
    assert ops.relu(x).item() == 1


def test_unknown_sets_are_refused():
    with (
        pytest.raises(ValueError, match=r"kernels.use: the sets are 'textbook'.*; received 'fast'"),
        kernels.use("fast"),
    ):
        pass
    with pytest.raises(ValueError, match=r"kernels.use: expects a set name or an object with at least one of "):
        with kernels.use(SimpleNamespace(convolution=None)):
            pass


def test_unknown_kernels_are_named():
    with pytest.raises(AttributeError, match="kernels: there is no kernel 'conv3d'; the kernels are .*avg_pool2d, "):
        kernels.conv3d  # noqa: B018


@pytest.mark.parametrize("name", kernels.NAMES)
def test_the_textbook_has_every_kernel_under_its_own_name(name):
    assert getattr(kernels, name).__name__ == getattr(textbook, name).__name__ == name
    assert getattr(kernels, name).__doc__
