"""A whole training step of a deep network in both kernel sets.

With relu the two can differ by 1e-1 and be right: a relu whose input is within rounding of 0 falls on one side or the
other, and one of ten million that does changes every gradient below it (docs/performance.md). With silu in its place
nothing is chosen, and what is left is rounding.
"""

import numpy as np

import minidl
from minidl import Tensor, kernels, models, nn, ops
from tests.contract import relative_error
from tests.kernels.twins import counted


def smooth_resnet18():
    minidl.manual_seed(0)
    net = models.resnet18()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.activation == "relu":
            module.activation = "silu"
    return net


def step(net, x, labels):
    """Return the loss and the gradients of one training step."""
    net.zero_grad()
    loss = ops.cross_entropy(net(Tensor(x)), labels)
    loss.backward()
    return loss.item(), {path: parameter.grad for path, parameter in net.named_parameters()}


def test_a_smooth_network_gets_the_same_gradients(rng):
    x, labels = rng.standard_normal((8, 3, 64, 64), dtype=np.float32), rng.integers(0, 1000, 8)
    net = smooth_resnet18()
    assert sum(getattr(module, "activation", None) == "silu" for module in net.modules()) == 17
    with kernels.use("textbook"):
        expected, gradients = step(net, x, labels)
    with kernels.use("cpu"), counted() as (served, declined):
        loss, found = step(net, x, labels)
    assert served["conv2d"] == served["conv2d_dw"] == 20
    assert not declined
    assert abs(loss - expected) <= 1e-5 * expected
    for path, gradient in gradients.items():
        assert relative_error(found[path], gradient) <= 1e-4, path
