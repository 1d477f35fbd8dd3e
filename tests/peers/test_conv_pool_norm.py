"""Convolution, pooling, normalisation and the fused forms against PyTorch: forward, all gradients, both dtypes.

A combination is one call with one set of arguments. Each is compared in float64 (to 1e-10) and in float32 (to 1e-5).
"""

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest

from minidl import Tensor, nn, ops
from tests.contract import relative_error

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


@dataclass(frozen=True)
class Combination:
    name: str
    shapes: tuple
    ours: object
    theirs: object
    settings: dict = field(default_factory=dict)


def describe(settings):
    return ",".join(f"{key}={value}" for key, value in settings.items())


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def fits(size, kernel, padding, dilation):
    return all(size[a] + 2 * pair(padding)[a] >= pair(dilation)[a] * (pair(kernel)[a] - 1) + 1 for a in range(2))


def product(**options):
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True))


# ---------------------------------------------------------------------------------------------------- convolution


def torch_conv2d(x, w, b, padding=0, **settings):
    """PyTorch's conv2d with our forms of padding: uneven and "same" by F.pad."""
    stride, dilation = pair(settings.get("stride", 1)), pair(settings.get("dilation", 1))
    if padding == "same" and stride == (1, 1):
        return F.conv2d(x, w, b, padding="same", **settings)
    if padding == "same":
        padding = []
        for a in range(2):
            size, span = x.shape[2 + a], dilation[a] * (w.shape[2 + a] - 1) + 1
            total = max(0, (-(-size // stride[a]) - 1) * stride[a] + span - size)
            padding.append((total // 2, total - total // 2))
    if isinstance(padding, (tuple, list)) and isinstance(padding[0], tuple):
        (top, bottom), (left, right) = padding
        return F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, **settings)
    return F.conv2d(x, w, b, padding=padding, **settings)


def conv2d_combinations():
    size, channels = (8, 9), 4
    groups, bias = itertools.cycle((1, 2, 4)), itertools.cycle((True, True, False))
    grid = list(product(stride=(1, 2, (3, 1)), padding=(0, 1, (2, 1)), dilation=(1, 2, (1, 2))))
    for kernel in ((1, 1), (3, 3), (3, 2), (5, 4)):
        for settings in grid:
            if fits(size, kernel, settings["padding"], settings["dilation"]):
                yield conv2d_combination(size, channels, kernel, {**settings, "groups": next(groups)}, next(bias))
    uneven = (((0, 1), (2, 0)), ((3, 0), (0, 0)), ((1, 2), (0, 3)))
    for settings in product(padding=(*uneven, "same"), stride=(1, 2, 3), dilation=(1, 2)):
        yield conv2d_combination(size, channels, (3, 2), {**settings, "groups": next(groups)}, True)
    for kernel in ((1, 4), (2, 2), (5, 3)):
        for settings in product(padding=("same",), stride=(1, 2, (1, 3))):
            yield conv2d_combination((7, 6), 3, kernel, settings, True)
    yield conv2d_combination((4, 3), 2, (4, 3), {}, True)  # kernel = input
    yield conv2d_combination((5, 5), 1, (2, 2), {"stride": 3}, True)  # stride > kernel


def conv2d_combination(size, channels, kernel, settings, bias):
    groups = settings.get("groups", 1)
    shapes = ((2, channels, *size), (8 if groups > 1 else 5, channels // groups, *kernel))
    shapes += ((shapes[1][0],) if bias else None,)
    return Combination(f"conv2d {kernel} {describe(settings)}", shapes, ops.conv2d, torch_conv2d, settings)


def conv_transpose2d_combinations():
    groups, bias = itertools.cycle((1, 2, 4)), itertools.cycle((True, True, False))
    grid = product(
        kernel=((1, 1), (3, 2), (2, 4)),
        stride=(1, 2, (3, 1)),
        padding=(0, (1, 0)),
        output_padding=(0, 1, (2, 0)),
        dilation=(1, 2, (1, 3)),
    )
    for settings in grid:
        kernel = settings.pop("kernel")
        stride, dilation, more = (pair(settings[name]) for name in ("stride", "dilation", "output_padding"))
        if any(more[a] >= max(stride[a], dilation[a]) for a in range(2)):
            continue
        settings["groups"] = next(groups)
        o_group = 2 if settings["groups"] > 1 else 3
        b_shape = (o_group * settings["groups"],) if next(bias) else None
        shapes = ((2, 4, 4, 3), (4, o_group, *kernel), b_shape)
        name = f"conv_transpose2d {kernel} {describe(settings)}"
        yield Combination(name, shapes, ops.conv_transpose2d, F.conv_transpose2d, settings)


def columns_combinations():
    size = (6, 7)
    for settings in product(
        kernel_size=((1, 1), (2, 3), (3, 3)), stride=(1, 2, (3, 1)), padding=(0, (2, 1)), dilation=(1, 2)
    ):
        if not fits(size, settings["kernel_size"], settings["padding"], settings["dilation"]):
            continue
        yield Combination(f"im2col {describe(settings)}", ((2, 3, *size),), ops.im2col, F.unfold, settings)
        windows = F.unfold(torch.zeros(1, 1, *size), **settings).shape[2]
        taps = settings["kernel_size"][0] * settings["kernel_size"][1]
        settings = {"output_size": size, **settings}
        yield Combination(f"col2im {describe(settings)}", ((2, 3 * taps, windows),), ops.col2im, F.fold, settings)


# ---------------------------------------------------------------------------------------------------- pooling


def pool_combinations():
    size = (7, 8)
    for settings in product(
        kernel_size=(2, 3, (3, 2)),
        stride=(None, 1, 2, (4, 3)),
        padding=(0, 1),
        dilation=(1, 2),
        ceil_mode=(False, True),
    ):
        yield Combination(f"max_pool2d {describe(settings)}", ((2, 3, *size),), ops.max_pool2d, F.max_pool2d, settings)
    for settings in product(
        kernel_size=(2, 3, (3, 2)),
        stride=(None, 1, 2, (4, 3)),
        padding=(0, 1),
        ceil_mode=(False, True),
        count_include_pad=(True, False),
    ):
        yield Combination(f"avg_pool2d {describe(settings)}", ((2, 3, *size),), ops.avg_pool2d, F.avg_pool2d, settings)
    # A kernel larger than the padded input: with ceil_mode and a stride that reaches over, one window is left.
    for size, kernel, stride, padding in (((3, 3), 4, 2, 0), ((2, 5), 4, 3, 0), ((3, 2), (7, 5), 4, (1, 1))):
        settings = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": True}
        shapes = ((2, 2, *size),)
        yield Combination(f"max_pool2d {size} {describe(settings)}", shapes, ops.max_pool2d, F.max_pool2d, settings)
        for counted in (True, False):
            more = {**settings, "count_include_pad": counted}
            yield Combination(f"avg_pool2d {size} {describe(more)}", shapes, ops.avg_pool2d, F.avg_pool2d, more)
    sizes = ((5, 7), (6, 4), (1, 1), (13, 2))
    outputs = (1, (2, 3), (5, 7), 7, (9, 16), (None, 3), (4, None))
    for size, output_size in itertools.product(sizes, outputs):
        yield Combination(
            f"adaptive_avg_pool2d {size} -> {output_size}",
            ((2, 3, *size),),
            ops.adaptive_avg_pool2d,
            F.adaptive_avg_pool2d,
            {"output_size": output_size},
        )
    for size in sizes:
        yield Combination(
            f"global_avg_pool2d {size}", ((2, 3, *size),), ops.global_avg_pool2d, lambda x: x.mean(dim=(2, 3))
        )


# ---------------------------------------------------------------------------------------------------- normalisation


def torch_activation(y, activation):
    return y if activation is None else getattr(F, activation)(y)


def running(x):
    """A running mean and variance that differ in every channel, as arrays of the kind of x."""
    channels = x.shape[1]
    mean, var = np.linspace(-1, 2, channels), np.linspace(0.3, 4, channels)
    if isinstance(x, Tensor):
        return mean.astype(x.dtype), var.astype(x.dtype)
    return torch.tensor(mean, dtype=x.dtype), torch.tensor(var, dtype=x.dtype)


def our_batch_norm(x, w, b, **settings):
    return ops.batch_norm(x, w, b, *running(x), **settings)


def torch_batch_norm(x, w, b, activation=None, **settings):
    return torch_activation(F.batch_norm(x, *running(x), w, b, **settings), activation)


def torch_lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0, convention="paper"):
    return F.local_response_norm(x, size, alpha * size if convention == "paper" else alpha, beta, k)


def torch_add(a, b, activation=None):
    return torch_activation(a + b, activation)


def norm_combinations():
    affine = itertools.cycle((((3,), (3,)), ((3,), None), (None, (3,)), ((3,), (3,)), (None, None)))
    for settings in product(
        training=(True, False), activation=(None, "relu", "relu6", "silu", "hardswish"), eps=(1e-5, 0.1)
    ):
        for shape in ((4, 3, 3, 2), (7, 3), (1, 3, 5, 4)):
            w, b = next(affine)
            name = f"batch_norm {shape} {describe(settings)} {'w' * (w is not None)}{'b' * (b is not None)}"
            yield Combination(name, (shape, w, b), our_batch_norm, torch_batch_norm, settings)
    for settings in product(size=(1, 2, 3, 4, 5, 9), alpha=(1e-4, 2.0), convention=("paper", "torch")):
        settings |= {"beta": 0.5, "k": 1.0} if settings["size"] % 3 == 0 else {}
        name = f"local_response_norm {describe(settings)}"
        yield Combination(name, ((2, 7, 3, 2),), ops.local_response_norm, torch_lrn, settings)
    shapes = (((2, 3, 4, 5), (2, 3, 4, 5)), ((2, 3, 4, 5), (3, 1, 1)), ((4, 1), (3, 1, 5)), ((3, 4), ()))
    for operands, activation in itertools.product(shapes, (None, "relu")):
        name = f"add {operands} {activation}"
        yield Combination(name, operands, ops.add, torch_add, {"activation": activation})
    for s_shape in ((2, 3), (2, 3, 1, 1)):
        yield Combination(
            f"scale_channels {s_shape}",
            ((2, 3, 4, 5), s_shape),
            ops.scale_channels,
            lambda x, s: x * s.reshape(2, 3, 1, 1),
        )


COMBINATIONS = [
    *conv2d_combinations(),
    *conv_transpose2d_combinations(),
    *columns_combinations(),
    *pool_combinations(),
    *norm_combinations(),
]


def draw(combination, dtype, rng):
    return [None if shape is None else rng.standard_normal(shape).astype(dtype) for shape in combination.shapes]


@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda combination: combination.name)
def test_equals_pytorch(combination, rng):
    for dtype, tolerance in TOLERANCE.items():
        arrays = draw(combination, dtype, rng)
        ours = [None if array is None else Tensor(array, requires_grad=True) for array in arrays]
        theirs = [None if array is None else torch.tensor(array, requires_grad=True) for array in arrays]
        y, expected = (
            combination.ours(*ours, **combination.settings),
            combination.theirs(*theirs, **combination.settings),
        )
        assert relative_error(y.data, expected.detach().numpy()) <= tolerance
        dy = np.asarray(rng.standard_normal(y.shape)).astype(dtype)
        y.backward(dy)
        expected.backward(torch.tensor(dy))
        for index, (tensor, peer) in enumerate(zip(ours, theirs, strict=True)):
            if tensor is not None:
                assert relative_error(tensor.grad, peer.grad.numpy()) <= tolerance, f"gradient {index} in {dtype}"


def test_there_are_enough_combinations():
    assert len({combination.name for combination in COMBINATIONS}) == len(COMBINATIONS) >= 450


@pytest.mark.parametrize("momentum", [0.1, 0.01, 1.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_running_statistics_over_several_steps(dtype, momentum, rng):
    mean, var = np.zeros(3, dtype), np.ones(3, dtype)
    their_mean, their_var = torch.zeros(3, dtype=getattr(torch, dtype)), torch.ones(3, dtype=getattr(torch, dtype))
    for step in range(6):
        training = step != 3  # one step of evaluation in between changes nothing
        x = (rng.standard_normal((4, 3, 5, 2)) * (step + 1) + step).astype(dtype)
        y = ops.batch_norm(Tensor(x), None, None, mean, var, training=training, momentum=momentum)
        expected = F.batch_norm(torch.tensor(x), their_mean, their_var, training=training, momentum=momentum)
        assert relative_error(y.data, expected.numpy()) <= TOLERANCE[dtype]
        assert relative_error(mean, their_mean.numpy()) <= TOLERANCE[dtype]
        assert relative_error(var, their_var.numpy()) <= TOLERANCE[dtype]


LAYERS = [
    (lambda lib: lib.Conv2d(4, 6, 3, 2, 1, 1, 2), (2, 4, 7, 6)),
    (lambda lib: lib.Conv2d(4, 6, (3, 1), bias=False), (2, 4, 7, 6)),
    (lambda lib: lib.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, True, 1), (2, 4, 4, 3)),
    (lambda lib: lib.BatchNorm2d(4), (3, 4, 5, 2)),
    (lambda lib: lib.BatchNorm2d(4, 0.1, 0.5, True, True), (3, 4, 5, 2)),
    (lambda lib: lib.BatchNorm2d(4, affine=False), (3, 4, 5, 2)),
    (lambda lib: lib.BatchNorm2d(4, track_running_stats=False), (3, 4, 5, 2)),
    (lambda lib: lib.BatchNorm1d(4, momentum=0.3), (6, 4)),
    (
        lambda lib: lib.LocalResponseNorm(5, 1e-4, 0.75, 2.0, **({"convention": "torch"} if lib is nn else {})),
        (2, 7, 2, 3),
    ),
    (lambda lib: lib.MaxPool2d(3, 2, 1, 1, ceil_mode=True), (2, 3, 8, 7)),
    (lambda lib: lib.AvgPool2d(3, 2, 1, True, False), (2, 3, 8, 7)),
    (lambda lib: lib.AdaptiveAvgPool2d((3, None)), (2, 3, 8, 7)),
    (lambda lib: lib.Unfold(3, 2, 1, 1), (2, 3, 8, 7)),
    (lambda lib: lib.Fold((8, 7), 3, 1, 1, 2), (2, 18, 16)),
]


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_layers_equal_pytorch(number, rng):
    """Same positional arguments, same names in the state_dict, same numbers in training and in evaluation."""
    build, shape = LAYERS[number]
    ours, theirs = build(nn), build(torch.nn)
    state = {name: array.numpy() for name, array in theirs.state_dict().items()}
    assert set(ours.state_dict()) == {name for name in state if name != "num_batches_tracked"}
    ours.load_state_dict(state)
    for mode in (True, True, False):
        ours.train(mode)
        theirs.train(mode)
        x = rng.standard_normal(shape).astype("float32")
        y, expected = ours(Tensor(x)), theirs(torch.tensor(x))
        assert relative_error(y.data, expected.detach().numpy()) <= 1e-5
    for name, array in theirs.state_dict().items():
        if name != "num_batches_tracked":
            assert relative_error(ours.state_dict()[name], array.numpy()) <= 1e-5


@pytest.mark.parametrize("layer", ["Conv2d", "ConvTranspose2d"])
def test_first_weights_have_pytorchs_bound(layer):
    ours, theirs = (getattr(lib, layer)(64, 256, 3, groups=2) for lib in (nn, torch.nn))  # enough draws to see it
    for name, array in theirs.state_dict().items():
        largest, mine = float(array.abs().max()), float(abs(ours.state_dict()[name]).max())
        assert mine == pytest.approx(largest, rel=0.15)
