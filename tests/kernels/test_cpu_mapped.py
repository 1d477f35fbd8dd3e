"""A norm, or a scale, and the 1×1 convolution behind it, in one kernel: the bits of the two."""

import numpy as np
import pytest

from minidl import kernels
from minidl._backend import constant
from minidl.kernels import cpu
from minidl.kernels._launches import noted
from minidl.kernels._script import Script
from minidl.kernels.cpu.conv import mapped
from minidl.kernels.cpu.conv.shortened import shortened

ONE = (1, 1), ((0, 0), (0, 0)), (1, 1), 1
SIZES = [  # pictures, their size, channels, all channels of the map that they are a part of, outputs
    pytest.param((1, 14, 14, 256, 256, 128), id="DenseNet"),
    pytest.param((2, 9, 11, 96, 160, 128), id="a part of a wider map"),
    pytest.param((3, 7, 7, 37, 37, 20), id="no whole vectors"),
    pytest.param((2, 16, 16, 24, 24, 72), id="rows of several pixels"),
    pytest.param((1, 1, 5, 64, 64, 48), id="fewer than a turn"),
    pytest.param((2, 33, 30, 130, 136, 33), id="several areas, long sums"),
    pytest.param((1, 3, 40, 700, 700, 16), id="one vector of outputs"),
]


def block(rng, n, h, width, c):
    """Pictures as they lie in memory."""
    return rng.standard_normal((n, h, width, c), dtype=np.float32)


def seen(x):
    return x.transpose(0, 3, 1, 2)


def never_zero(rng, *shape):
    return constant(rng.uniform(0.5, 2, shape).astype(np.float32) * rng.choice([-1, 1], shape).astype(np.float32))


def layers(rng, c, o):
    """Weights and bias of a norm, mean and rstd, and the weights and bias of a convolution: nobody can change them."""
    doubles = constant(rng.standard_normal(c)), constant(rng.uniform(0.5, 2, c))
    return never_zero(rng, c), never_zero(rng, c), *doubles, never_zero(rng, o, c, 1, 1), never_zero(rng, o)


def normed(x, given, activations, shortcut=None):
    """What a part of x becomes that has as many channels as the norm."""
    w, b, mean, rstd, weights, bias = given
    with kernels.use("cpu"):
        z = cpu.batch_norm_eval_fused(seen(x)[:, : len(w)], w, b, mean, rstd, activations[0], None)
        return z, cpu.conv2d_fused(z, weights, bias, shortcut, activations[1], *ONE, x.shape[1:3])


def scaled(x, s, given, activation):
    with kernels.use("cpu"):
        z = cpu.scale_channels(seen(x), s)
        return z, cpu.conv2d_fused(z, *given[4:], None, activation, *ONE, x.shape[1:3])


def launches_of(run, *given):
    run(*given)  # weights are put in order once
    with noted() as launches:
        z, y = run(*given)
    return [*launches], z, y


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("activations", [("relu", "relu"), (None, None), ("silu", "hardswish")])
def test_the_bits_of_a_norm_and_a_convolution(rng, sizes, activations):
    n, h, width, c, every, o = sizes
    x, given = block(rng, n, h, width, every), layers(rng, c, o)
    launches, _, y = launches_of(normed, x, given, activations)
    *before, joined = shortened(launches)
    assert joined.run is cpu.COMPILED["mapped._mapped"]
    assert before == launches[:-2]
    script = Script([*before, joined], x, y)
    for _ in range(2):
        other = block(rng, n, h, width, every)
        assert script.run(other).tobytes() == normed(other, given, activations)[1].tobytes()


@pytest.mark.parametrize("sizes", SIZES)
def test_the_bits_of_a_scale_and_a_convolution(rng, sizes):
    n, h, width, c, _, o = sizes
    x, given = block(rng, n, h, width, c), layers(rng, c, o)
    x[..., ::3], x[..., 1::5] = 0, -0.0
    s = never_zero(rng, n, c)
    launches, _, y = launches_of(scaled, x, s, given, "relu")
    (joined,) = shortened(launches)
    assert joined.run is cpu.COMPILED["mapped._mapped"]
    y[...] = np.nan
    joined.run(*joined.arguments)
    assert y.tobytes() == scaled(x, s, given, "relu")[1].tobytes()


def test_minus_zero_stays_what_it_is(rng):
    """A sum that begins with -0 is -0 only where all products are."""
    x, s, one = block(rng, 2, 4, 4, 1), never_zero(rng, 2, 1), constant(np.ones((32, 1, 1, 1), np.float32))
    x[:, ::2], x[:, 1::2] = -0.0, 0.0  # 32 outputs: with a single vector AVX-512 begins with 0
    launches, _, y = launches_of(scaled, x, s, (*[None] * 4, one, constant(np.full(32, -0.0, np.float32))), None)
    expected = y.copy()
    assert 0 < np.signbit(expected).sum() < expected.size
    (joined,) = shortened(launches)
    joined.run(*joined.arguments)
    assert y.tobytes() == expected.tobytes()


def run_of(rng, settings=ONE, size=(12, 12), groups=1, residual=None):
    """Launches of a norm and of a convolution with other settings."""
    x, (w, b, mean, rstd, weights, bias) = block(rng, 1, 12, 12, 32), layers(rng, 32, 32)
    weights = constant(weights[:, : 32 // groups])
    if settings[1] != ONE[1]:
        weights = constant(rng.standard_normal((32, 32, 3, 3), dtype=np.float32))
    x = seen(x)
    with kernels.use("cpu", conv="direct"):
        for _ in range(2):
            with noted() as launches:
                z = cpu.batch_norm_eval_fused(x, w, b, mean, rstd, "relu", x if residual else None)
                cpu.conv2d_fused(z, weights, bias, None, None, *settings[:3], groups, size)
    return [*launches]


@pytest.mark.parametrize(
    "given",
    [
        {"settings": ((2, 2), *ONE[1:]), "size": (6, 6)},
        {"settings": ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)},
        {"groups": 2},
        {"residual": True},
    ],
    ids=["a stride", "several taps", "groups", "a residual"],
)
def test_other_pairs_are_left_alone(rng, given):
    launches = run_of(rng, **given)
    assert shortened(launches) == launches
    assert len(shortened(run_of(rng))) == len(run_of(rng)) - 1


def test_what_lies_between_is_not_lost_to_others(rng):
    x, given = block(rng, 1, 12, 12, 64), layers(rng, 64, 32)
    normed(x, given, ("relu", None))
    with noted() as launches:
        z, _ = normed(x, given, ("relu", None))
        with kernels.use("cpu"):
            kernels.add(z, z)
    assert shortened([*launches]) == [*launches]


def test_a_shortcut_behind_the_convolution_is_added(rng):
    x, given = block(rng, 2, 9, 9, 48), layers(rng, 48, 64)
    shortcut = seen(block(rng, 2, 9, 9, 64))
    launches, _, y = launches_of(normed, x, given, ("relu", "relu"), shortcut)
    *before, joined = shortened(launches)
    assert joined.run is mapped._mapped
    script, other = Script([*before, joined], x, y), block(rng, 2, 9, 9, 48)
    assert script.run(other).tobytes() == normed(other, given, ("relu", "relu"), shortcut)[1].tobytes()
