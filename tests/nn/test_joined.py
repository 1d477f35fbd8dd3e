"""A convolution and relu behind it run as one operation where nobody looks, and nobody can tell."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidl import Tensor, kernels, manual_seed, models, nn, observe
from minidl.nn import _joined


def step(net, x, dy=None, served=None):
    """Return the result, and the gradients of x and of all parameters."""
    x = Tensor(x, requires_grad=True)
    for parameter in net.parameters():
        parameter.grad = None
    with kernels.prefer("cpu") if served is None else kernels.use(served):
        y = net(x)
        y.backward(np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype) if dy is None else dy)
    return [y.data, x.grad, *(parameter.grad for parameter in net.parameters())]


def operations(net, x):
    """Return the names of the operations of a look, read off the graph: nobody observes."""
    y = net(Tensor(x, requires_grad=True))
    found, node = [], y._node
    while isinstance(node, type(y._node)):
        found.append(node.function.op)
        node = node.parents[0]
    return found[::-1]


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 16, 12, 12), dtype=np.float32)


def apart(monkeypatch):
    monkeypatch.setattr(_joined, "ACTIVATIONS", {})


LAYERS = {
    "direct": (16, 24, 5),
    "winograd": (16, 32, 3, 1, 1),
    "pixels": (16, 40, 1),
    "strided": (16, 24, 3, 2, 1),
    "groups": (16, 16, 3, 1, 1, 1, 4),
    "depthwise": (16, 16, 3, 1, 1, 1, 16),
}


@pytest.mark.parametrize("served", ["cpu", "textbook"])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6])
@pytest.mark.parametrize("layer", LAYERS)
def test_the_numbers_are_the_same_bits(layer, activation, served, x, monkeypatch):
    net = nn.Sequential(nn.Conv2d(*LAYERS[layer]), activation())
    assert operations(net, x) == ["conv2d_fused"]
    found = step(net, 3 * x, served=served)
    apart(monkeypatch)
    assert operations(net, x) == ["conv2d", activation.__name__.lower()]
    same(found, step(net, 3 * x, served=served))


def test_small_networks_stay_with_the_book_as_before(monkeypatch):
    x = np.random.default_rng(0).standard_normal((1, 3, 24, 24), dtype=np.float32)
    net, served = nn.Sequential(nn.Conv2d(3, 24, 3), nn.ReLU()), []
    monkeypatch.setattr(kernels.SETS["cpu"], "run", lambda name, *others: served.append(name) or NotImplemented)
    net(Tensor(x))  # 313,632 multiply-adds: a folded network would be served, and wait for the compiler
    assert served == []


def test_a_step_of_a_network_is_the_same(monkeypatch):
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 64), dtype=np.float32)
    results = []
    for _ in range(2):
        manual_seed(0)
        results.append(step(models.squeezenet1_1(num_classes=10), x))
        apart(monkeypatch)
    same(*results)


def test_whoever_observes_sees_both(x):
    net, seen = nn.Sequential(nn.Conv2d(16, 8, 3), nn.ReLU()), []
    with observe(lambda event: seen.append((event.op, event.module))):
        net(Tensor(x))
    assert seen == [("conv2d", "0"), ("relu", "1")]


def test_somebodys_own_kernels_are_both_asked(x):
    net, calls = nn.Sequential(nn.Conv2d(16, 8, 3), nn.ReLU()), []
    book = kernels.SETS["textbook"]
    names = ("conv2d", "relu", "relu_dx", "channel_sums")
    own = {name: lambda *a, name=name: calls.append(name) or getattr(book, name)(*a) for name in names}
    step(net, x, served=SimpleNamespace(**own))
    assert calls == list(names)


class Loud(nn.ReLU):
    """Says so."""

    def forward(self, x):
        return super().forward(x) + 1.0


def test_modules_that_do_something_else_are_asked(x):
    conv, relu = nn.Conv2d(16, 8, 3), nn.ReLU()
    assert operations(nn.Sequential(conv, Loud()), x)[:2] == ["conv2d", "relu"]
    relu.forward = lambda x: x * 5.0
    assert operations(nn.Sequential(conv, relu), x) == ["conv2d", "multiply"]
    conv.forward = lambda x: x
    assert operations(nn.Sequential(conv, nn.ReLU()), x) == ["relu"]
    fire = models.squeezenet1_1(num_classes=3).features[3]
    fire.squeeze_activation = nn.Tanh()
    fire.squeeze = nn.Conv2d(16, 16, 1)
    assert "tanh" in operations(fire, x)


def test_pairs_are_found_wherever_they_stand(x):
    conv, same_size = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 3, padding=1)
    middle = conv, conv, nn.ReLU(), nn.ReLU(), same_size, nn.BatchNorm2d(16)
    net = nn.Sequential(nn.ReLU(), *middle, nn.ReLU6(), same_size)
    expected = ["relu", "conv2d", "conv2d_fused", "relu", "conv2d", "batch_norm", "relu6", "conv2d"]
    assert operations(net, x) == expected
    block = nn.Conv2dNormActivation(16, 8, norm_layer=None, activation="relu")
    assert operations(block, x) == ["conv2d_fused"]


def test_errors_speak_of_a_convolution(x):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    with pytest.raises(ValueError, match="^conv2d: x has 16 channels but w expects 3"):
        net(Tensor(x))
    with pytest.raises(TypeError, match="^conv2d: .*float64"):
        nn.Sequential(nn.Conv2d(16, 8, 3), nn.ReLU())(Tensor(x.astype("float64")))
