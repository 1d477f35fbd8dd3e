"""What every network of the registry must do; a new network is tested by being registered (and by a narrow table)."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, kernels, nn, ops
from minidl.kernels import textbook
from minidl.models._registry import ENTRIES
from tests.models.narrow import NARROW, narrow
from tests.models.walk import count, fill, unfilled, walk

every_network = pytest.mark.parametrize("name", ENTRIES)
# Of these, smaller relatives take each step of theirs, too.
HEAVY = {
    *("resnet101", "resnet152", "resnext101_32x8d", "wide_resnet50_2", "preact_resnet101", "preact_resnet152"),
    *("preact_resnet1001_cifar", "zfnet_512"),
    *("inception_v3", "nasnet_a_large", "senet154", "densenet161", "densenet201", "efficientnet_b6", "efficientnet_b7"),
    *("vit_b_16", "vit_l_16"),
}
NORMS = (nn.BatchNorm2d, nn.BatchNorm1d)


def pictures(name, size, rng, batch=1, dtype=np.float32):
    return rng.standard_normal((batch, ENTRIES[name].variant.in_channels, size, size)).astype(dtype)


def batch_for(net):
    """One picture will do, but not where a norm looks at the batch, because that may be all that is left to look at."""
    if not any(isinstance(module, NORMS) for module in net.modules()):
        return 1
    # Many where there are a thousand layers, or where stochastic depth may leave blocks out; few where they are large.
    return 8 if count(net) < 20_000_000 or net.smallest < 32 else 3


def outputs_of(net, x):
    out = net(x)
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in HEAVY else ()) for name in ENTRIES]
)
def test_the_smallest_picture_goes_forward_and_back(name, rng):
    net = fill(unfilled(name, num_classes=7), rng)
    x = pictures(name, ENTRIES[name].smallest, rng, batch_for(net))
    outputs = outputs_of(net, Tensor(x))
    assert {out.shape for out in outputs} == {(len(x), 7)}
    assert len(outputs) == 1 + len(ENTRIES[name].variant.aux)
    losses = [ops.cross_entropy(out, np.arange(len(x)) % 7) for out in outputs]
    sum(losses[1:], losses[0]).backward()
    for path, parameter in net.named_parameters():
        assert parameter.grad is not None, path
        assert np.isfinite(parameter.grad.sum()), path
        assert parameter.grad.any(), path
    with minidl.no_grad():
        first, second = (outputs_of(net.eval(), Tensor(x[:1])) for _ in range(2))
    assert len(first) == 1
    assert np.isfinite(first[0].data).all()
    assert np.array_equal(first[0].data, second[0].data)


@every_network
def test_the_limits_are_where_they_are_said_to_be(name):
    """One pixel less is refused by the network, and would not have worked."""
    net = unfilled(name)
    for mode in (True, False):
        smallest, largest = net.train(mode).legal_sizes()
        assert smallest <= ENTRIES[name].input_size <= (largest or ENTRIES[name].input_size)
        for size in (smallest, largest or smallest):
            net.check_pictures(Tensor(np.zeros((1, net.in_channels, size, size), dtype=np.float32)))
            assert pass_through(net, size)
        for size in (smallest - 1, *([largest + 1] if largest else [])):
            with pytest.raises(
                ValueError, match=rf"^{name}: expects pictures of (at least )?{smallest}.*{size}×{size}"
            ):
                net(Tensor(np.zeros((1, net.in_channels, size, size), dtype=np.float32)))
            assert not pass_through(net, size)


def pass_through(net, size):
    """Tell whether no pictures of that size get through the layers, whatever the network says of them."""
    net.check_pictures = lambda x: None
    try:
        walk(net, size, training=net.training)
    except ValueError:
        return False
    finally:
        del net.check_pictures
    return True


@every_network
def test_pictures_that_do_not_fit_are_refused_by_name(name):
    net = unfilled(name)
    channels, size = net.in_channels, ENTRIES[name].input_size
    with pytest.raises(
        ValueError,
        match=rf"^{name}: expects pictures with {channels} channels, these have {channels + 1}; .*in_channels",
    ):
        net(Tensor(np.zeros((1, channels + 1, size, size), dtype=np.float32)))
    with pytest.raises(
        ValueError, match=rf"^{name}: expects pictures \(N, C, H, W\); x.shape=\(.*batch axis: x\[None\]"
    ):
        net(Tensor(np.zeros((channels, size, size), dtype=np.float32)))
    with pytest.raises(ValueError, match=rf"^{name}: expects pictures \(N, C, H, W\); x.shape=\(2, 5\)$"):
        net(Tensor(np.zeros((2, 5), dtype=np.float32)))
    with pytest.raises(TypeError, match=rf"^{name}: x must be a Tensor, it is a ndarray"):
        net(np.zeros((1, channels, size, size), dtype=np.float32))


@every_network
def test_classes_and_channels_are_as_asked(name):
    net = unfilled(name, num_classes=5, in_channels=2)
    smallest, _ = net.eval().legal_sizes()
    assert walk(net, smallest)[-1].output.shape == (0, 5)


def test_every_network_has_a_narrow_relative():
    assert set(NARROW) == set(ENTRIES)


def check_slope(net, x, rng):
    """Compare backward with the slope of forward in one random direction through the picture and every parameter.

    In training: batch statistics, auxiliary heads, dropout with the same masks each time. The direction is scaled so
    that every parameter has an equal say: each adds about 1 to the square of the slope.
    """
    leaves = [x, *net.parameters()]
    starts = [leaf.data for leaf in leaves]
    upstream = None

    def run():
        """Return the loss, and what every operation with a kink chose on the way."""
        nonlocal upstream
        choices = []
        minidl.manual_seed(1)
        with minidl.observe(lambda event: choices.append(event.choices) if event.choices is not None else None):
            outputs = outputs_of(net, x)
        upstream = upstream or [rng.standard_normal(out.shape) for out in outputs]
        return sum((out * dy).sum() for out, dy in zip(outputs, upstream)), choices

    def loss_at(step):
        for leaf, start, direction in zip(leaves, starts, directions):
            leaf.data = start + step * direction
        loss, choices = run()
        return loss.item(), choices

    run()[0].backward()
    lengths = [np.linalg.norm(leaf.grad) for leaf in leaves]
    names = ["x", *dict(net.named_parameters())]
    assert not [name for name, length in zip(names, lengths) if length == 0]
    # What a norm takes off again, such as the bias before it, has no gradient but rounding.
    directions = [rng.standard_normal(leaf.shape) / max(length, 1e-3) for leaf, length in zip(leaves, lengths)]
    shares = [(leaf.grad * direction).sum() for leaf, direction in zip(leaves, directions)]
    h = 1e-6
    for _ in range(12):
        (above, chosen_above), (below, chosen_below) = loss_at(h), loss_at(-h)
        if all(np.array_equal(a, b) for a, b in zip(chosen_above, chosen_below, strict=True)):
            break
        h /= 2
    else:
        pytest.fail(f"at h={h} the choices still differ")
    slope = (above - below) / (2 * h)
    assert abs(sum(shares) - slope) <= 1e-5 * np.linalg.norm(shares), (sum(shares), slope, h)


def narrow_with_pictures(name, rng):
    """Return them at the smallest legal size, but large enough for a 3×3 window to see something."""
    net = narrow(name, rng)
    x = pictures(name, max(17, ENTRIES[name].smallest), rng, max(2, batch_for(net)), np.float64)
    return net, Tensor(x, requires_grad=True)


@every_network
def test_the_gradient_is_the_slope_along_a_random_direction(name, rng):
    check_slope(*narrow_with_pictures(name, rng), rng)


class OneKernelOff:
    """Wrong by a thousandth, for one layer of many."""

    @staticmethod
    def conv2d_dw(dy, x, w_shape, *geometry):
        dw = textbook.conv2d_dw(dy, x, w_shape, *geometry)
        return dw * 1.001 if w_shape == (3, 4, 3, 3) else dw


def test_the_slope_shows_a_gradient_that_is_wrong_in_one_layer(rng):
    net, x = narrow_with_pictures("cnn_deep", rng)
    with kernels.use(OneKernelOff), pytest.raises(AssertionError):
        check_slope(net, x, rng)
