"""Activations, arithmetic, shapes, reductions and losses against PyTorch: forward, all gradients, both dtypes.

A combination is one call with one set of arguments. Each is compared in float64 (to 1e-10) and in float32 (to 1e-5).
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, ops
from tests.contract import relative_error

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.peers

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


@dataclass(frozen=True)
class Combination:
    name: str
    draw: object  # of a generator: the operands that get gradients
    ours: object
    theirs: object


def normal(*shapes, scale=1.0):
    return lambda rng: [np.asarray(scale * rng.standard_normal(shape)) for shape in shapes]


def positive(*shapes):
    return lambda rng: [np.asarray(rng.uniform(0.5, 2.5, shape)) for shape in shapes]


def shuffled(shape):
    """No two equal: the winner of a maximum is not in doubt, not even in float32."""
    return lambda rng: [rng.permutation(math.prod(shape)).reshape(shape) / 8 - 3]


def torch_hardsigmoid(x):
    """PyTorch's own takes 1/6 in float32 even for float64: its gradient is off by 3e-8. Its relu6 is exact."""
    return F.hardsigmoid(x) if x.dtype == torch.float32 else F.relu6(x + 3) / 6


SHAPES = [(), (7,), (3, 5), (2, 3, 4), (2, 3, 4, 5)]


def activations():
    pairs = {
        "relu": (ops.relu, F.relu),
        "relu6": (ops.relu6, F.relu6),
        "sigmoid": (ops.sigmoid, torch.sigmoid),
        "tanh": (ops.tanh, torch.tanh),
        "silu": (ops.silu, F.silu),
        "hardsigmoid": (ops.hardsigmoid, torch_hardsigmoid),
        "hardswish": (ops.hardswish, F.hardswish),
        "scaled_tanh": (ops.scaled_tanh, lambda x: 1.7159 * torch.tanh(2 / 3 * x)),
        "abs": (ops.abs, torch.abs),
        "exp": (ops.exp, torch.exp),
        "negative": (ops.negative, torch.neg),
    }
    for (name, (ours, theirs)), shape in itertools.product(pairs.items(), SHAPES):
        yield Combination(f"{name} {shape}", normal(shape, scale=4), ours, theirs)
    for slope, shape in itertools.product((0, 0.01, 0.2, 0.9, 1), SHAPES[2:]):
        yield Combination(
            f"leaky_relu {slope} {shape}",
            normal(shape),
            lambda x, a=slope: ops.leaky_relu(x, a),
            lambda x, a=slope: F.leaky_relu(x, a),
        )
    for name in ("relu", "relu6", "hardsigmoid", "hardswish", "abs"):
        yield Combination(f"{name} on its kinks", lambda rng: [np.arange(-8.0, 9.0)], *pairs[name])


def elementwise():
    for shape in SHAPES[1:]:
        yield Combination(f"log {shape}", positive(shape), ops.log, torch.log)
        yield Combination(f"sqrt {shape}", positive(shape), ops.sqrt, torch.sqrt)
    for exponent in (-2, -0.5, 0, 0.5, 1, 2, 3, 2.5):
        yield Combination(f"power {exponent}", positive((3, 4)), lambda x, k=exponent: x**k, lambda x, k=exponent: x**k)
    for low, high in ((-0.5, 0.5), (None, 0.25), (0, None), (-10, 10), (0.1, 0.1)):
        for shape in SHAPES[2:]:
            yield Combination(
                f"clip {low} {high} {shape}",
                normal(shape),
                lambda x, a=low, b=high: ops.clip(x, a, b),
                lambda x, a=low, b=high: torch.clamp(x, a, b),
            )
    yield Combination(
        "clip on its bounds",
        lambda rng: [np.arange(-4.0, 5.0)],
        lambda x: ops.clip(x, -1, 2),
        lambda x: torch.clamp(x, -1, 2),
    )


BROADCAST = [
    ((2, 3), (2, 3)),
    ((2, 3, 4), (4,)),
    ((3, 1), (2, 3, 4)),
    ((2, 1, 4), (3, 1)),
    ((2, 3), ()),
    ((1,), (5, 1)),
]


def arithmetic():
    pairs = {
        "add": (ops.add, torch.add),
        "subtract": (ops.subtract, torch.sub),
        "multiply": (ops.multiply, torch.mul),
        "divide": (ops.divide, torch.div),
    }
    for (name, (ours, theirs)), shapes in itertools.product(pairs.items(), BROADCAST):
        yield Combination(f"{name} {shapes}", positive(*shapes), ours, theirs)
    for shapes in BROADCAST:
        condition = np.random.default_rng(5).random(np.broadcast_shapes(*shapes)) < 0.5
        yield Combination(
            f"where {shapes}",
            normal(*shapes),
            lambda a, b, c=condition: ops.where(c, a, b),
            lambda a, b, c=condition: torch.where(torch.from_numpy(c), a, b),
        )
    for shapes in (((3, 4), (4, 2)), ((5, 3, 4), (5, 4, 2)), ((5, 3, 4), (4, 2)), ((2, 1, 3, 4), (3, 4, 2))):
        yield Combination(f"matmul {shapes}", normal(*shapes), ops.matmul, torch.matmul)
    for n, m, o, bias in itertools.product((1, 4), (1, 6), (1, 3), (True, False)):
        shapes = ((n, m), (o, m), *[(o,)] * bias)
        yield Combination(f"linear {shapes}", normal(*shapes), ops.linear, F.linear)


def along_an_axis():
    for shape in SHAPES[1:]:
        for axis in range(-1, len(shape)):
            yield Combination(
                f"softmax {shape} {axis}",
                normal(shape, scale=3),
                lambda x, a=axis: ops.softmax(x, a),
                lambda x, a=axis: torch.softmax(x, a),
            )
            yield Combination(
                f"log_softmax {shape} {axis}",
                normal(shape, scale=3),
                lambda x, a=axis: ops.log_softmax(x, a),
                lambda x, a=axis: torch.log_softmax(x, a),
            )


def reductions():
    shape = (2, 3, 4)
    for axis, keepdims in itertools.product((None, 0, 1, -1, (0, 2), (-1, 0, 1)), (False, True)):
        for name in ("sum", "mean"):
            yield Combination(
                f"{name} {axis} {keepdims}",
                normal(shape),
                lambda x, f=name, a=axis, k=keepdims: getattr(ops, f)(x, a, keepdims=k),
                lambda x, f=name, a=axis, k=keepdims: getattr(torch, f)(x, a, keepdim=k),
            )
        yield Combination(
            f"max {axis} {keepdims}",
            shuffled(shape),
            lambda x, a=axis, k=keepdims: ops.max(x, a, keepdims=k),
            lambda x, a=axis, k=keepdims: torch.amax(x, () if a is None else a, keepdim=k),
        )
        for correction in (0, 1):
            yield Combination(
                f"var {axis} {keepdims} {correction}",
                normal(shape),
                lambda x, a=axis, k=keepdims, c=correction: ops.var(x, a, correction=c, keepdims=k),
                lambda x, a=axis, k=keepdims, c=correction: torch.var(x, a, correction=c, keepdim=k),
            )
    yield Combination(
        "max, first of equal ones",
        lambda rng: [np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])],
        lambda x: ops.max(x, 1),
        lambda x: torch.max(x, 1)[0],
    )


def shapes():
    for axis in (0, 1, -1):
        sizes = [
            tuple(size if place != axis % 3 else part for place, size in enumerate((2, 3, 4))) for part in (1, 3, 2)
        ]
        yield Combination(
            f"concat {axis}",
            normal(*sizes),
            lambda *parts, a=axis: ops.concat(parts, a),
            lambda *parts, a=axis: torch.cat(parts, a),
        )
        for part in range(3):
            yield Combination(
                f"split {axis} {part}",
                normal((6, 6, 6)),
                lambda x, a=axis, p=part: ops.split(x, [1, 3, 2], a)[p],
                lambda x, a=axis, p=part: torch.split(x, [1, 3, 2], a)[p],
            )
        yield Combination(
            f"split into three {axis}",
            normal((3, 6, 9)),
            lambda x, a=axis: ops.split(x, 3, a)[1],
            lambda x, a=axis: torch.chunk(x, 3, a)[1],
        )
    for border, value in itertools.product((((1, 1), (1, 1)), ((0, 2), (3, 0)), ((0, 0), (0, 1))), (0.0, -2.5)):
        yield Combination(
            f"pad {border} {value}",
            normal((2, 3, 4, 5)),
            lambda x, b=border, v=value: ops.pad(x, b, v),
            lambda x, b=border, v=value: F.pad(x, (*b[1], *b[0]), value=v),
        )
    for groups in (1, 2, 3, 6):
        yield Combination(
            f"channel_shuffle {groups}",
            normal((2, 6, 3, 2)),
            lambda x, g=groups: ops.channel_shuffle(x, g),
            lambda x, g=groups: F.channel_shuffle(x, g),
        )
    keys = {
        "slices": (slice(1, None), slice(None, 3, 2)),
        "one": (1, -1),
        "new axis": (..., None, 0),
        "rows twice": ([0, 2, 2, 0],),
        "pairs": ([0, 2, 0], [1, 1, 1]),
        "list and slice": (slice(None), [3, 3, 0]),
    }
    for name, key in keys.items():
        yield Combination(f"index {name}", normal((3, 4, 2)), lambda x, k=key: x[k], lambda x, k=key: x[k])
    for order in itertools.permutations(range(3)):
        yield Combination(
            f"transpose {order}",
            normal((2, 3, 4)),
            lambda x, o=order: ops.transpose(x, o),
            lambda x, o=order: torch.permute(x, o),
        )
    for start in range(4):
        yield Combination(
            f"flatten {start}",
            normal((2, 3, 4, 5)),
            lambda x, s=start: ops.flatten(x, s),
            lambda x, s=start: torch.flatten(x, s),
        )


def losses():
    for n, m, smoothing in itertools.product((1, 6), (1, 2, 10), (0.0, 0.1, 1.0)):
        labels = np.random.default_rng(n * m).integers(0, m, n)
        yield Combination(
            f"cross_entropy {n} {m} {smoothing}",
            normal((n, m), scale=5),
            lambda x, t=labels, s=smoothing: ops.cross_entropy(x, t, label_smoothing=s),
            lambda x, t=labels, s=smoothing: F.cross_entropy(x, torch.from_numpy(t), label_smoothing=s),
        )
        yield Combination(
            f"cross_entropy of weights {n} {m} {smoothing}",
            lambda rng, n=n, m=m: [3 * rng.standard_normal((n, m)), rng.uniform(0, 1, (n, m))],
            lambda x, t, s=smoothing: ops.cross_entropy(x, t, label_smoothing=s),
            lambda x, t, s=smoothing: F.cross_entropy(x, t, label_smoothing=s),
        )
    for shape in SHAPES:
        yield Combination(f"mse_loss {shape}", normal(shape, shape), ops.mse_loss, F.mse_loss)


GROUPS = (activations, elementwise, arithmetic, along_an_axis, reductions, shapes, losses)
COMBINATIONS = [combination for group in GROUPS for combination in group()]


def run(combination, arrays, dtype, dy=None):
    """Results and gradients of both; dy is drawn when the shape is known."""
    tensors = [Tensor(np.array(array, dtype=dtype), requires_grad=True) for array in arrays]
    peers = [torch.tensor(array, dtype=getattr(torch, dtype), requires_grad=True) for array in arrays]
    ours, theirs = combination.ours(*tensors), combination.theirs(*peers)
    assert ours.shape == tuple(theirs.shape)
    assert ours.dtype == dtype
    dy = np.asarray(np.random.default_rng(1).standard_normal(ours.shape), dtype=dtype)
    ours.backward(dy)
    theirs.backward(torch.from_numpy(dy))
    nothing = [np.zeros_like(array) for array in arrays]
    yield "result", ours.data, theirs.detach().numpy()
    for index, (tensor, peer, zero) in enumerate(zip(tensors, peers, nothing, strict=True)):
        yield f"gradient {index}", tensor.grad, zero if peer.grad is None else peer.grad.numpy()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda combination: combination.name)
def test_equals_pytorch(combination, dtype):
    arrays = combination.draw(np.random.default_rng(0))
    for what, ours, theirs in run(combination, arrays, dtype):
        error = relative_error(ours, theirs)
        assert error <= TOLERANCE[dtype], f"{what}: relative error {error:.2e}"


def test_there_are_enough_combinations():
    assert len({combination.name for combination in COMBINATIONS}) == len(COMBINATIONS) >= 200


class TestRandom:
    """The draws differ, so the masks cannot be compared; the rules can."""

    @pytest.mark.parametrize("p", [0.0, 0.25, 1.0])
    @pytest.mark.parametrize("mode", ["row", "batch", None])
    def test_values_that_can_come_out(self, p, mode):
        torchvision = pytest.importorskip("torchvision")
        x = np.ones((64, 3), dtype=np.float32)
        minidl.manual_seed(0)
        torch.manual_seed(0)
        if mode is None:
            ours = ops.dropout(Tensor(x), p, training=True).data
            theirs = F.dropout(torch.from_numpy(x), p, training=True).numpy()
        else:
            ours = np.concatenate([ops.stochastic_depth(Tensor(x), p, training=True, mode=mode).data for _ in range(9)])
            draws = [torchvision.ops.stochastic_depth(torch.from_numpy(x), p, mode) for _ in range(9)]
            theirs = torch.cat(draws).numpy()
        np.testing.assert_array_equal(np.unique(ours), np.unique(theirs))
        assert (ours == ours[:, :1]).all() == (theirs == theirs[:, :1]).all()


class TestBlocks:
    def test_squeeze_excitation_takes_torchvisions_weights(self):
        torchvision = pytest.importorskip("torchvision")
        theirs = torchvision.ops.SqueezeExcitation(8, 3, torch.nn.SiLU, torch.nn.Hardsigmoid)
        ours = nn.SqueezeExcitation(8, 3, "silu", "hardsigmoid")
        ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
        x = np.random.default_rng(0).standard_normal((2, 8, 5, 4)).astype(np.float32)
        t, p = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, q = ours(t), theirs(p)
        y.backward(x)
        q.backward(torch.from_numpy(x))
        assert relative_error(y.data, q.detach().numpy()) <= 1e-5
        assert relative_error(t.grad, p.grad.numpy()) <= 1e-5

    @pytest.mark.parametrize(
        ("activation", "layer"), [("relu", "ReLU"), ("silu", "SiLU"), ("hardswish", "Hardswish"), (None, None)]
    )
    @pytest.mark.parametrize("settings", [{}, {"kernel_size": 5, "stride": 2, "groups": 2}, {"dilation": 2}])
    def test_conv_norm_activation_takes_torchvisions_weights(self, activation, layer, settings):
        torchvision = pytest.importorskip("torchvision")
        layer = layer and getattr(torch.nn, layer)
        theirs = torchvision.ops.Conv2dNormActivation(4, 6, **settings, activation_layer=layer)
        ours = nn.Conv2dNormActivation(4, 6, **settings, activation=activation)
        report = ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
        assert not report.missing
        x = np.random.default_rng(0).standard_normal((2, 4, 9, 8)).astype(np.float32)
        for mode in (True, False):
            y, q = ours.train(mode)(Tensor(x)), theirs.train(mode)(torch.from_numpy(x))
            assert relative_error(y.data, q.detach().numpy()) <= 1e-5


class TestInit:
    """The spreads that PyTorch works out, for weights of the same shape."""

    SHAPE = (60, 40, 3, 3)

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            (lambda s: nn.init.he_normal(s), lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu")),
            (
                lambda s: nn.init.he_normal(s, mode="fan_out"),
                lambda w: torch.nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
            ),
            (
                lambda s: nn.init.he_uniform(s, negative_slope=0.3),
                lambda w: torch.nn.init.kaiming_uniform_(w, a=0.3, nonlinearity="leaky_relu"),
            ),
            (lambda s: nn.init.glorot_normal(s, gain=2), lambda w: torch.nn.init.xavier_normal_(w, gain=2)),
            (lambda s: nn.init.glorot_uniform(s), lambda w: torch.nn.init.xavier_uniform_(w)),
            (
                lambda s: nn.init.truncated_normal(s, 0.7, a=-1, b=1),
                lambda w: torch.nn.init.trunc_normal_(w, std=0.7, a=-1, b=1),
            ),
            (lambda s: nn.Conv2d(s[1], s[0], 3).weight.data, lambda w: torch.nn.Conv2d(40, 60, 3).weight),
        ],
    )
    def test_spread(self, ours, theirs):
        torch.manual_seed(0)
        minidl.manual_seed(0)
        w = theirs(torch.empty(self.SHAPE)).detach().numpy()
        assert abs(ours(self.SHAPE).std() / w.std() - 1) < 0.02
