"""A map that is widened for a depthwise convolution, in one kernel: the bits of the two, for every geometry."""

import numpy as np
import pytest

from minidl import kernels
from minidl._backend import constant
from minidl.kernels import cpu
from minidl.kernels._launches import noted
from minidl.kernels._script import Script
from minidl.kernels.cpu.conv import widened
from minidl.kernels.cpu.conv.shortened import shortened

ONE = (1, 1), ((0, 0), (0, 0)), (1, 1), 1
SIZES = [  # of the picture, its channels and the wide ones, taps, stride, padding, dilation
    pytest.param(((2, 19, 23), 16, 96, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)), id="MobileNetV2"),
    pytest.param(((1, 20, 24), 24, 144, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)), id="an odd number of vectors"),
    pytest.param(((1, 15, 15), 40, 40, (5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1)), id="half a vector"),
    pytest.param(((3, 14, 14), 8, 32, (3, 3), (2, 2), ((0, 1), (0, 1)), (1, 1)), id="padded at one end"),
    pytest.param(((1, 112, 31), 5, 37, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)), id="several bands"),
    pytest.param(((1, 90, 41), 7, 64, (5, 3), (3, 2), ((0, 2), (1, 0)), (1, 1)), id="bands with strides"),
    pytest.param(((2, 17, 29), 12, 48, (3, 3), (1, 2), ((2, 2), (3, 1)), (2, 3)), id="dilated"),
    pytest.param(((1, 16, 18), 9, 64, (2, 2), (3, 3), ((0, 0), (0, 0)), (1, 1)), id="pixels that nobody sees"),
    pytest.param(((1, 3, 40), 200, 33, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1)), id="one tap, long sums"),
    pytest.param(((2, 2, 16), 6, 32, (3, 3), (1, 1), ((4, 4), (4, 4)), (1, 1)), id="more padding than picture"),
]


def picture(rng, n, h, width, c):
    return rng.standard_normal((n, c, h, width), dtype=np.float32)


def layers(rng, c, o, taps):
    """Two convolutions' weights and biases, which nobody can change."""
    shapes = (o, c, 1, 1), (o,), (o, 1, *taps), (o,)
    return [constant(rng.standard_normal(shape, dtype=np.float32)) for shape in shapes]


def both(x, weights, size, settings, activations):
    w1, b1, w2, b2 = weights
    with kernels.use("cpu"):
        wide = cpu.conv2d_fused(x, w1, b1, None, activations[0], *ONE, x.shape[2:])
        return wide, cpu.conv2d_fused(wide, w2, b2, None, activations[1], *settings, size)


def noted_run(x, *given):
    both(x, *given)  # weights are put in order once
    with noted() as launches:
        wide, y = both(x, *given)
    return [*launches], wide, y


def case(rng, shape, c, o, taps, stride, padding, dilation, activations=("relu6", "relu6")):
    size = tuple(
        (shape[1 + axis] + sum(padding[axis]) - dilation[axis] * (taps[axis] - 1) - 1) // stride[axis] + 1
        for axis in range(2)
    )
    x = picture(rng, *shape, c)
    return x, (layers(rng, c, o, taps), size, (stride, padding, dilation, o), activations)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("activations", [("relu6", "relu6"), ("silu", None), (None, "relu")])
def test_the_bits_of_two_kernels(rng, sizes, activations):
    x, given = case(rng, *sizes, activations)
    launches, _, y = noted_run(x, *given)
    *before, joined = shortened(launches)
    assert joined.run is cpu.COMPILED["widened._widened"]
    assert before == launches[:-2]  # how the picture is turned
    script = Script([*before, joined], x, y)
    for _ in range(2):
        other = picture(rng, *x.transpose(0, 2, 3, 1).shape)
        assert script.run(other.copy()).tobytes() == both(other, *given)[1].tobytes()


FIRST = SIZES[0].values[0]


def test_what_lies_between_is_not_lost_to_others(rng):
    x, given = case(rng, *FIRST)
    both(x, *given)
    with noted() as launches:
        wide, _ = both(x, *given)
        kernels.copy_to(wide, np.empty_like(wide))
        with kernels.use("cpu"):
            kernels.add(wide, wide)
    assert shortened([*launches]) == [*launches]


@pytest.mark.parametrize("which", [0, 1])
def test_a_shortcut_is_added_by_the_kernels_themselves(rng, which):
    x, ((w1, b1, w2, b2), size, settings, _) = case(rng, *FIRST)
    block = np.ones((x.shape[0], *x.shape[2:], len(w1)), np.float32).transpose(0, 3, 1, 2)
    shortcuts = [block if which == place else None for place in range(2)]
    for _ in range(2):  # weights are put in order once
        with kernels.use("cpu"), noted() as launches:
            wide = cpu.conv2d_fused(x, w1, b1, shortcuts[0], None, *ONE, x.shape[2:])
            cpu.conv2d_fused(wide, w2, b2, shortcuts[1], None, *settings, size)
    assert [it.run for it in launches[-2:]] == [widened._direct, widened._grouped]
    assert shortened([*launches]) == [*launches]


def test_a_row_that_is_too_short_for_a_turn_is_left_alone(rng):
    x, given = case(rng, (1, 9, 5), *FIRST[1:])
    launches, _, _ = noted_run(x, *given)
    assert shortened(launches) == launches
