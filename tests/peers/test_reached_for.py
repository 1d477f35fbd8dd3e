"""Layers and losses that people reach for first, against PyTorch: results, all gradients, both types, `state_dict`."""

import itertools
import math

import numpy as np
import pytest

from minidl import Tensor, nn, ops
from tests.contract import relative_error

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
REDUCTIONS = ("mean", "sum", "none")
WEIGHT = [0.5, 2.0, 0.0, 1.5]


@pytest.fixture(autouse=True, scope="module")
def _alone():
    """Arrays as small as these are slower in several threads, and much slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def compare(ours, theirs, arrays, dtype):
    """Compare the result of a function of these arrays, and their gradients for a random one from above."""
    arrays = [np.array(array, dtype) for array in arrays]
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    peers = [torch.tensor(array, requires_grad=True) for array in arrays]
    y, expected = ours(*tensors), theirs(*peers)
    dy = np.asarray(np.random.default_rng(1).standard_normal(expected.shape), dtype)
    y.backward(dy)
    expected.backward(torch.tensor(dy))
    assert y.dtype == dtype
    assert relative_error(y.data, expected.detach().numpy()) <= TOLERANCE[dtype]
    for tensor, peer in zip(tensors, peers, strict=True):
        assert relative_error(tensor.grad, peer.grad.numpy()) <= TOLERANCE[dtype]


@pytest.fixture(params=TOLERANCE)
def dtype(request):
    return request.param


def test_activations(dtype, rng):
    pairs = {
        "gelu": (ops.gelu, F.gelu),
        "gelu, tanh": (lambda x: ops.gelu(x, "tanh"), lambda x: F.gelu(x, approximate="tanh")),
        "elu": (ops.elu, F.elu),
        "elu 0.3": (lambda x: ops.elu(x, 0.3), lambda x: F.elu(x, 0.3)),
        "softplus": (ops.softplus, F.softplus),
        "softplus 3": (lambda x: ops.softplus(x, 3, 2), lambda x: F.softplus(x, 3, 2)),
        "softplus 0.2": (lambda x: ops.softplus(x, 0.2), lambda x: F.softplus(x, 0.2)),
    }
    for (ours, theirs), scale in itertools.product(pairs.values(), (0.01, 1, 5, 40)):
        compare(ours, theirs, [scale * rng.standard_normal((3, 50))], dtype)
    for ours, theirs in (pairs["elu"], pairs["elu 0.3"], pairs["gelu"], pairs["gelu, tanh"]):
        compare(ours, theirs, [np.array([-2.0, -0.0, 0.0, 1.0])], dtype)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(3, 6), (2, 6, 5), (3, 6, 4, 5)], ids=str)
def test_norms_of_a_picture(shape, affine, dtype, rng):
    line = [rng.standard_normal(6), rng.standard_normal(6)] if affine else []
    for groups, eps in itertools.product((1, 2, 3, 6) if len(shape) > 2 else (1, 2), (1e-5, 0.1)):
        compare(
            lambda x, *wb, g=groups, e=eps: ops.group_norm(x, g, *wb, eps=e),
            lambda x, *wb, g=groups, e=eps: F.group_norm(x, g, *wb, eps=e),
            [3 * rng.standard_normal(shape) + 2, *line],
            dtype,
        )
    for axes, eps in itertools.product(range(1, len(shape)), (1e-5, 0.1)):
        rest = shape[-axes:]
        compare(
            lambda x, *wb, r=rest, e=eps: ops.layer_norm(x, r, *wb, eps=e),
            lambda x, *wb, r=rest, e=eps: F.layer_norm(x, r, *wb, eps=e),
            [3 * rng.standard_normal(shape) + 2, *(rng.standard_normal(rest) for _ in line)],
            dtype,
        )


@pytest.mark.parametrize("settings", [{}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True}], ids=str)
def test_pictures_in_another_size(settings, dtype, rng):
    sizes = [{"size": (h, w)} for h, w in itertools.product((1, 2, 5, 7, 12), (1, 3, 4, 9, 20))]
    factors = [{"scale_factor": f} for f in (2, 3, 0.5, 1.5, (2, 0.6), (1.3, 2.7))]
    for how in [*sizes, *factors]:
        x = rng.standard_normal((2, 3, 5, 4))
        compare(
            lambda x, how=how: ops.interpolate(x, **how, **settings),
            lambda x, how=how: F.interpolate(x, **how, **settings),
            [x],
            dtype,
        )


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_of_differences(name, reduction, dtype, rng):
    more = [{"beta": beta} for beta in (1.0, 0.3, 0.0)] if name == "smooth_l1_loss" else [{}]
    for shape, settings in itertools.product([(), (7,), (3, 4), (2, 3, 4, 5)], more):
        x, target = np.asarray(rng.standard_normal(shape)), np.asarray(rng.standard_normal(shape))
        target = np.where(rng.random(shape) < 0.2, x, target)  # at a difference of 0, too
        compare(
            lambda x, t, s=settings: getattr(ops, name)(x, t, reduction=reduction, **s),
            lambda x, t, s=settings: getattr(F, name)(x, t, reduction=reduction, **s),
            [x, target],
            dtype,
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy(reduction, dtype, rng):
    name = "binary_cross_entropy_with_logits"
    for shape, scale in (((), 3), ((5, 4), 1), ((5, 4), 50), ((2, 3, 5, 4), 3)):
        row = WEIGHT if shape else 0.5
        for weight, pos_weight in ((None, None), (None, row), (row, None), (2.5, row), (row, 2.5)):
            x, target = np.asarray(scale * rng.standard_normal(shape)), np.asarray(rng.random(shape).round(1))
            kind = getattr(torch, dtype)
            wanted = [None if w is None else torch.tensor(w, dtype=kind) for w in (weight, pos_weight)]
            compare(
                lambda x, t, w=weight, p=pos_weight: getattr(ops, name)(x, t, w, reduction=reduction, pos_weight=p),
                lambda x, t, w=wanted: getattr(F, name)(x, t, w[0], reduction=reduction, pos_weight=w[1]),
                [x, target],
                dtype,
            )


@pytest.mark.parametrize("size", [(), (4, 3)], ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_of_classes(reduction, size, dtype, rng):
    """The mean of the cross-entropy is compared in every way in test_loss.py."""
    for weight, ignored, smoothing in ((None, -100, 0.0), (WEIGHT, 2, 0.1), (WEIGHT, -100, 0.0), (None, 2, 0.1)):
        x, labels = rng.standard_normal((6, 4, *size)) * 3, rng.integers(0, 4, (6, *size))
        labels[::3] = ignored
        given = None if weight is None else torch.tensor(weight, dtype=getattr(torch, dtype))
        settings = {"ignore_index": ignored, "reduction": reduction}
        compare(
            lambda x, w=weight, s=settings, t=labels: ops.nll_loss(ops.log_softmax(x, 1), t, w, **s),
            lambda x, w=given, s=settings, t=labels: F.nll_loss(F.log_softmax(x, 1), torch.tensor(t), w, **s),
            [x],
            dtype,
        )
        settings = {**settings, "label_smoothing": smoothing}
        compare(
            lambda x, w=weight, s=settings, t=labels: ops.cross_entropy(x, t, w, **s),
            lambda x, w=given, s=settings, t=labels: F.cross_entropy(x, torch.tensor(t), w, **s),
            [x],
            dtype,
        )
        settings = {"reduction": reduction, "label_smoothing": smoothing}
        compare(
            lambda x, t, w=weight, s=settings: ops.cross_entropy(x, t, w, **s),
            lambda x, t, w=given, s=settings: F.cross_entropy(x, t, w, **s),
            [x, rng.random(x.shape)],
            dtype,
        )


LAYERS = [  # with the same positional arguments
    (lambda lib: lib.GroupNorm(2, 6), (3, 6, 4, 5)),
    (lambda lib: lib.GroupNorm(3, 6, 0.1, False), (3, 6)),
    (lambda lib: lib.LayerNorm(5), (3, 6, 4, 5)),
    (lambda lib: lib.LayerNorm((6, 4, 5), 0.1), (3, 6, 4, 5)),
    (lambda lib: lib.LayerNorm([4, 5], 1e-5, True, False), (3, 6, 4, 5)),
    (lambda lib: lib.LayerNorm(5, 1e-5, False), (3, 5)),
    (lambda lib: lib.GELU(), (3, 5)),
    (lambda lib: lib.GELU("tanh"), (3, 5)),
    (lambda lib: lib.ELU(0.5), (3, 5)),
    (lambda lib: lib.Softplus(2, 1), (3, 5)),
    (lambda lib: lib.Softmax(dim=1), (3, 5, 2)),
    (lambda lib: lib.LogSoftmax(dim=0), (3, 5, 2)),
    (lambda lib: lib.Upsample(7), (2, 3, 4, 5)),
    (lambda lib: lib.Upsample(None, 2, "bilinear", True), (2, 3, 4, 5)),
    (lambda lib: lib.Upsample(scale_factor=(2, 1.5), mode="bilinear"), (2, 3, 4, 5)),
    (lambda lib: lib.ZeroPad2d(2), (2, 3, 4, 5)),
    (lambda lib: lib.ZeroPad2d((1, 2, 0, 3)), (2, 3, 4, 5)),
    (lambda lib: lib.Flatten(1, 2), (2, 3, 4, 5)),
    (lambda lib: lib.Flatten(start_dim=0), (2, 3, 4, 5)),
    (lambda lib: lib.Unflatten(1, (2, 3)), (2, 6, 4)),
    (lambda lib: lib.Unflatten(dim=-1, unflattened_size=(2, -1)), (2, 3, 4)),
    (lambda lib: lib.Dropout2d(0.0), (2, 3, 4, 5)),
]


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_layers_equal_pytorchs(number, rng):
    build, shape = LAYERS[number]
    ours, theirs = build(nn), build(torch.nn)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for name, tensor in state.items():  # as they begin
        np.testing.assert_array_equal(ours.state_dict()[name], tensor.numpy())
    drawn = {name: rng.standard_normal(tensor.shape).astype("float32") for name, tensor in state.items()}
    ours.load_state_dict(drawn)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in drawn.items()})
    compare(ours, theirs, [rng.standard_normal(shape)], "float32")


LOSSES = [
    ("CrossEntropyLoss", {"weight": WEIGHT, "ignore_index": 1, "reduction": "sum", "label_smoothing": 0.1}),
    ("NLLLoss", {"weight": WEIGHT, "ignore_index": 1, "reduction": "none"}),
    ("MSELoss", {"reduction": "sum"}),
    ("L1Loss", {"reduction": "none"}),
    ("SmoothL1Loss", {"reduction": "sum", "beta": 0.5}),
    ("BCEWithLogitsLoss", {"weight": WEIGHT, "pos_weight": WEIGHT, "reduction": "none"}),
    *((name, {}) for name in ("NLLLoss", "MSELoss", "L1Loss", "SmoothL1Loss", "BCEWithLogitsLoss")),
]


@pytest.mark.parametrize(("name", "settings"), LOSSES, ids=str)
def test_losses_as_layers(name, settings, rng):
    given = {key: torch.tensor(value) if isinstance(value, list) else value for key, value in settings.items()}
    ours, theirs = getattr(nn, name)(**settings), getattr(torch.nn, name)(**given)
    assert set(ours.state_dict()) == set(theirs.state_dict())
    t = rng.random((5, 4)).astype("float32")
    if name in ("CrossEntropyLoss", "NLLLoss"):
        t = np.array([0, 1, 2, 3, 3])
    compare(lambda x: ours(x, t), lambda x: theirs(x, torch.tensor(t)), [rng.standard_normal((5, 4))], "float32")


@pytest.mark.parametrize("p", [0.25, 1.0])
def test_values_that_can_come_out_of_dropout2d(p):
    x = np.ones((40, 8, 3, 3), "float32")
    ours, theirs = nn.Dropout2d(p)(Tensor(x)).data, torch.nn.Dropout2d(p)(torch.tensor(x)).numpy()
    np.testing.assert_array_equal(np.unique(ours), np.unique(theirs))
    for y in (ours, theirs):
        assert (y == y[:, :, :1, :1]).all()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("kaiming_normal_", {}),
        ("kaiming_normal_", {"a": 0.4, "mode": "fan_out"}),
        ("kaiming_uniform_", {"a": math.sqrt(5)}),
        ("kaiming_uniform_", {"nonlinearity": "relu", "mode": "fan_out"}),
        ("kaiming_uniform_", {"nonlinearity": "tanh"}),
        ("xavier_normal_", {"gain": 2}),
        ("xavier_uniform_", {}),
        ("normal_", {"mean": 0.5, "std": 0.2}),
        ("uniform_", {"a": -1, "b": 3}),
        ("trunc_normal_", {"std": 0.7, "a": -0.2, "b": 1}),
        ("constant_", {"val": 0.3}),
        ("zeros_", {}),
        ("ones_", {}),
    ],
    ids=str,
)
def test_filled_tensors_have_pytorchs_spread(name, settings):
    torch.manual_seed(0)
    w = getattr(torch.nn.init, name)(torch.empty(60, 40, 3, 3), **settings).numpy()
    ours = getattr(nn.init, name)(nn.Parameter(np.zeros(w.shape, "float32")), **settings).data
    assert abs(ours.std() - w.std()) <= 0.02 * w.std()
    assert abs(ours.mean() - w.mean()) <= 0.02 * abs(w).max()
    for known in ("linear", "sigmoid", "tanh", "relu", "selu", "conv2d"):
        assert nn.init.calculate_gain(known) == torch.nn.init.calculate_gain(known)
    assert nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
