"""Folding changes no result."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl import Tensor, _threads, kernels, models, nn, no_grad
from minidl.folding import FoldedConv2d
from minidl.kernels import _plan, _sets
from minidl.kernels.cpu import door
from minidl.kernels.cpu.conv import algorithms, conv2d
from minidl.kernels.cpu.simd import compile
from tests.contract import assert_close
from tests.models.narrow import narrow


def settled(net, rng):
    """Give the running statistics values that matter."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = rng.normal(0, 0.5, module.running_mean.shape).astype(module.running_mean.dtype)
            module.running_var = rng.uniform(0.5, 2, module.running_var.shape).astype(module.running_var.dtype)
    return net.eval()


def folded_layers(net):
    return [module for module in net.modules() if isinstance(module, FoldedConv2d)]


@pytest.mark.parametrize("name", models.list_models())
def test_every_network_gives_the_same(name, rng):
    net = settled(narrow(name, rng), rng)
    size = net.smallest
    fused = minidl.fuse(net, size)
    x = Tensor(rng.standard_normal((2, net.in_channels, size, size)))
    with no_grad():
        assert_close(fused(x).data, net(x).data)
    assert folded_layers(fused)
    norms = [module for module in fused.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) < len([m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]) or not norms


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "vgg11_bn", "efficientnet_lite0"])
def test_nothing_stays_behind_a_convolution(name, rng):
    net = narrow(name, rng)
    fused = minidl.fuse(net, net.smallest)
    assert not [module for module in fused.modules() if isinstance(module, (nn.BatchNorm2d, nn.Conv2d))]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", [None, "relu", "relu6", "silu"])
def test_one_convolution_and_norm(affine, bias, activation, rng):
    net = nn.Sequential(
        nn.Conv2d(4, 6, 3, 2, padding=1, groups=2, bias=bias),
        nn.BatchNorm2d(6, affine=affine, activation=activation),
    )
    settled(net, rng)
    fused = minidl.fuse(net, size=(4, 9, 7))
    x = Tensor(rng.standard_normal((3, 4, 9, 7)).astype(np.float32))
    for kernel_set in kernels.SETS:
        with no_grad(), kernels.use(kernel_set):
            assert_close(fused(x).data, net(x).data, "float32")


def test_the_model_itself_stays_as_it_is(rng):
    net = narrow("resnet18", rng).train()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    minidl.fuse(net, net.smallest)
    assert net.training
    assert list(net.state_dict()) == list(before)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_weights_of_a_folded_layer_cannot_change(rng):
    fused = minidl.fuse(nn.Sequential(nn.Conv2d(2, 3, 3)), size=(2, 5, 5))
    (layer,) = folded_layers(fused)
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[...] = 0
    with pytest.raises(ValueError, match="read-only"):
        layer.weight.base[...] = 0


def test_a_layer_that_is_used_twice_is_left_alone(rng):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

        def forward(self, x):
            return self.norm(self.conv(self.norm(self.conv(x))))

    net = settled(Twice(), rng)
    fused = minidl.fuse(net, size=(3, 4, 4))
    assert not folded_layers(fused)


def test_a_result_that_two_read_keeps_its_norm(rng):
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    net = settled(Fork(), rng)
    fused = minidl.fuse(net, size=(3, 4, 4))
    x = Tensor(rng.standard_normal((1, 3, 4, 4)).astype(np.float32))
    with no_grad():
        assert_close(fused(x).data, net(x).data, "float32")
    assert isinstance(fused.norm, nn.BatchNorm2d)


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match="expects a module; received a str"):
        minidl.fuse("resnet18")
    with pytest.raises(ValueError, match="does not tell the size of its input; give size=224"):
        minidl.fuse(nn.Sequential(nn.Conv2d(3, 4, 3)))


def test_a_copy_of_a_fused_network_works(rng):
    fused = copy.deepcopy(minidl.fuse(nn.Sequential(nn.Conv2d(2, 3, 3)), size=(2, 5, 5)))
    assert fused(Tensor(np.ones((1, 2, 5, 5), np.float32))).shape == (1, 3, 3, 3)


def test_a_fused_network_stays_in_the_fast_room_unless_told_otherwise(monkeypatch):
    ran = []
    kernel_set = kernels.SETS["cpu"].opened()
    original = kernel_set.max_pool2d
    monkeypatch.setattr(kernel_set, "max_pool2d", lambda *args: ran.append(args[0].shape) or original(*args))
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2))
    x = Tensor(np.ones((1, 2, 6, 6), np.float32))
    fused = minidl.fuse(net, size=(2, 6, 6))
    ran.clear()  # folding tries it
    net(x)
    with kernels.use("textbook"):
        fused(x)
    assert not ran
    fused(x)
    assert ran == [(1, 3, 4, 4)]
    assert _sets.in_use.get() is None


def test_a_folded_layer_judges_every_new_kind_of_input_and_weights(rng):
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU())
    layer = FoldedConv2d(net[0], None, "relu")
    x = Tensor(rng.standard_normal((1, 2, 5, 5)).astype(np.float32))
    residual = Tensor(rng.standard_normal((1, 3, 5, 5)).astype(np.float32))
    for _ in range(2):
        assert_close(layer(x).data, net(x).data, "float32")
        assert_close(layer(x, residual).data, np.maximum(net[0](x).data + residual.data, 0), "float32")
        with pytest.raises(ValueError, match="x has 3 channels but w expects 2"):
            layer(residual)
        with pytest.raises(ValueError, match="residual must have the shape of the result"):
            layer(x, x)
        with pytest.raises(TypeError, match="all operands must have one dtype"):
            layer(Tensor(x.data.astype(np.float64)))
        with pytest.raises(TypeError, match="x must be a Tensor"):
            layer(x.data)
    layer.load_state_dict({"weight": 2 * layer.weight, "bias": 2 * layer.bias})
    assert_close(layer(x).data, 2 * net(x).data, "float32")
    layer.weight *= np.float32(0)
    assert_close(layer(x).data, np.maximum(np.broadcast_to(layer.bias[:, None, None], (1, 3, 5, 5)), 0), "float32")
    layer.weight = layer.weight[:2]
    with pytest.raises(ValueError, match="b must have one number for each kernel"):
        layer(x)


def test_a_folded_layer_remembers_a_limited_number_of_kinds(rng):
    (layer,) = folded_layers(minidl.fuse(nn.Sequential(nn.Conv2d(2, 3, 1)), size=(2, 5, 5)))
    for width in range(1, _plan.MOST + 3):
        assert layer(Tensor(np.ones((1, 2, 1, width), np.float32))).shape == (1, 3, 1, width)
        assert len(layer._plan) <= _plan.MOST


def test_a_folded_layer_that_knows_its_input_still_tells_observers_and_hands_gradients_back(rng):
    fused = minidl.fuse(nn.Sequential(nn.Conv2d(2, 3, 3, bias=False)), size=(2, 5, 5))
    array = rng.standard_normal((1, 2, 5, 5)).astype(np.float32)
    fused(Tensor(array))
    seen = []
    with minidl.observe(lambda event: seen.append((event.op, event.module))):
        fused(Tensor(array))
    assert seen == [("conv2d_fused", "0")]
    x, dy = Tensor(array, requires_grad=True), rng.standard_normal((1, 3, 3, 3)).astype(np.float32)
    fused(x).backward(dy)
    (layer,) = folded_layers(fused)
    settings = (1, 1), ((0, 0), (0, 0)), (1, 1), 1
    assert_close(x.grad, kernels.conv2d_dx(dy, layer.weight, x.shape, *settings), "float32")


class Doubling:
    """A set of kernels of one's own."""

    @staticmethod
    def conv2d_fused(x, w, b, residual, activation, *settings):
        return 2 * kernels.textbook.conv2d_fused(x, w, b, residual, activation, *settings)


def test_a_folded_layer_that_knows_its_input_asks_for_the_kernels_in_use_each_time(rng, monkeypatch):
    def noted(algorithm):
        def forward(sizes):
            prepared, threads = algorithm.forward(sizes), minidl.get_num_threads()

            def with_weights(*given):
                run = prepared(*given)
                return lambda *arrays: ran.append((algorithm.name, threads)) or run(*arrays)

            return with_weights

        return algorithm._replace(forward=forward)

    ran = []
    monkeypatch.setattr(algorithms, "ALGORITHMS", tuple(noted(it) for it in algorithms.ALGORITHMS))
    net = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())
    layer = FoldedConv2d(net[0], None, "relu")
    x = Tensor(rng.standard_normal((1, 16, 16, 16)).astype(np.float32))
    expected, most = net(x).data, minidl.get_num_threads()
    for _ in range(3):
        ran.clear()
        for algorithm, threads in (("auto", most), ("direct", most), ("im2col", most), ("auto", 1)):
            monkeypatch.setattr(_threads, "_number", threads)
            with kernels.use("cpu", conv=algorithm):
                assert_close(layer(x).data, expected, "float32")
        with kernels.use("textbook"):
            assert_close(layer(x).data, expected, "float32")
        with kernels.use(Doubling):
            assert_close(layer(x).data, 2 * expected, "float32")
        monkeypatch.setattr(_threads, "_number", most)
        assert ran == [("winograd", most), ("direct", most), ("winograd", 1)]


def test_a_folded_layer_that_knows_its_input_notices_that_its_process_has_no_threads(rng, monkeypatch):
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())
    layer = FoldedConv2d(net[0], None, "relu")
    x = Tensor(rng.standard_normal((1, 2, 5, 5)).astype(np.float32))
    with kernels.use("cpu"):
        for _ in range(2):
            assert_close(layer(x).data, net(x).data, "float32")
        monkeypatch.setattr(compile.Kernel, "__call__", lambda *arguments: pytest.fail("there are no threads"))
        for module in (door, conv2d):
            monkeypatch.setattr(module, "forked", [True])
        monkeypatch.setattr(door, "warn_forked", door.warn_forked.__wrapped__)  # it warns once in a process
        with pytest.warns(RuntimeWarning, match="was forked from one that had run fast kernels"):
            y = layer(x)
    with kernels.use("textbook"):
        assert_close(y.data, net(x).data, "float32")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_of_a_folded_layer_that_knows_its_input_has_weights_of_its_own(copied, rng):
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())
    layer = FoldedConv2d(net[0], None, "relu")
    x = Tensor(rng.standard_normal((1, 2, 5, 5)).astype(np.float32))
    with kernels.use("cpu"):
        y = layer(x).data
        other = copied(layer)
        np.testing.assert_array_equal(other(x).data, y)
        other.load_state_dict({name: 2 * array for name, array in other.state_dict().items()})
        for _ in range(2):
            assert_close(other(x).data, 2 * y, "float32")
        other.weight *= np.float32(0.5)
        other.bias *= np.float32(0.5)
        np.testing.assert_array_equal(other(x).data, y)
        np.testing.assert_array_equal(layer(x).data, y)
