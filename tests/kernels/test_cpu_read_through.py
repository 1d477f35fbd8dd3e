"""A norm, or a scale, that is never written: its convolution and the gradient of the weights read through it."""

import numpy as np
import pytest

from minidl import kernels
from minidl.kernels import cpu
from minidl.kernels._launches import noted
from minidl.kernels.cpu.conv import direct_dw
from minidl.kernels.cpu.conv.shortened import read_through
from tests.kernels.test_cpu_mapped import ONE, block, never_zero, seen

SIZES = [  # pictures, their size, channels, all channels of the map that they are a part of, outputs
    pytest.param((2, 15, 14, 64, 256, 128), id="DenseNet"),
    pytest.param((2, 14, 14, 160, 256, 96), id="more channels than outputs"),
    pytest.param((3, 9, 11, 48, 48, 192), id="ResNet"),
    pytest.param((2, 13, 12, 37, 37, 20), id="no whole vectors"),
    pytest.param((2, 12, 12, 20, 24, 50), id="no whole vectors of a wider map"),
    pytest.param((2, 17, 30, 600, 600, 40), id="each thread has its part of the weights"),
    pytest.param((5, 7, 9, 13, 13, 13), id="rows of several pixels, pictures of part of an area"),
]


def ways(rng, sizes, activation="relu", of="norm", after=None, first=0, before=None, twice=False):
    """Return the launches of both ways, z, and the results: y and dw.

    Args:
        sizes: see SIZES.
        activation: of the norm.
        of: what is read through: a norm or a scale.
        after: what is done with x and z at the end of the way there.
        first: the first channel of the map that is looked at.
        before: what is done with x at the beginning of the way back.
        twice: whether a second convolution of the same z is a result, too.
    """
    n, h, width, c, every, o = sizes
    given, w, b, s = seen(block(rng, n, h, width, every)), never_zero(rng, c), never_zero(rng, c), never_zero(rng, n, c)
    weights, others, dy = never_zero(rng, o, c, 1, 1), never_zero(rng, 48, c, 1, 1), seen(block(rng, n, h, width, o))
    with kernels.use("cpu"):
        for _ in range(2):
            with noted() as there:
                x = cpu.silu(given)  # made on the way, as x is in a network
                part = x[:, first : first + c]
                if of == "scale":
                    z = cpu.scale_channels(part, s)
                else:
                    z = cpu.batch_norm_fused(part, w, b, 1e-5, activation, None)[0]
                results = [cpu.conv2d(z, weights, None, *ONE, (h, width))]
                if twice:
                    results.append(cpu.conv2d(z, others, None, *ONE, (h, width)))
                if after is not None:
                    after(x, z)
            with noted() as back:
                if before is not None:
                    before(x)
                results.append(cpu.conv2d_dw(dy, z, weights.shape, *ONE))
    return [*there], [*back], z, *results


def run_again(there, back, z, *results):
    """Return the results of launches in memory that was filled with NaN; all of z but of what is made stays NaN."""
    for array in (z, *results):
        array[...] = np.nan
    for launch in [*there, *back]:
        launch.run(*launch.arguments)
    return [array.copy() for array in results]


def names(launches):
    return [launch.run.key.split(".")[-1] for launch in launches]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("activation", ["relu", None, "silu"])
def test_the_bits_of_both_ways_without_what_lies_between(rng, sizes, activation):
    there, back, z, *results = ways(rng, sizes, activation)
    expected = [array.copy() for array in results]
    shorter, rest = read_through(there, back, results)
    assert "_mapped" in names(shorter)
    assert not {"_normalise", "_direct"} & {*names(shorter)}
    for found, right in zip(run_again(shorter, rest, z, *results), expected, strict=True):
        assert found.tobytes() == right.tobytes()
    assert np.isnan(z).all()


@pytest.mark.parametrize("sizes", [it for it in SIZES if it.values[0][3] == it.values[0][4]])
def test_the_bits_of_both_ways_of_a_scale(rng, sizes):
    there, back, z, *results = ways(rng, sizes, of="scale")
    expected = [array.copy() for array in results]
    shorter, rest = read_through(there, back, results)
    assert "_mapped" in names(shorter)
    assert "_scale" not in names(shorter)
    for found, right in zip(run_again(shorter, rest, z, *results), expected, strict=True):
        assert found.tobytes() == right.tobytes()
    assert np.isnan(z).all()


@pytest.mark.parametrize("small", [1, 2**16], ids=["a part of the weights each", "a part of the areas each"])
@pytest.mark.parametrize("enough", [5, 30, 196])
def test_areas_of_any_size(rng, monkeypatch, enough, small):
    monkeypatch.setattr(direct_dw, "ENOUGH", enough)
    monkeypatch.setattr(direct_dw, "SMALL", small)
    for of in ("norm", "scale"):
        there, back, z, *results = ways(rng, (3, 10, 11, 40, 40, 70), of=of)
        expected = [array.copy() for array in results]
        shorter, rest = read_through(there, back, results)
        assert "_mapped" in names(shorter)
        for found, right in zip(run_again(shorter, rest, z, *results), expected, strict=True):
            assert found.tobytes() == right.tobytes()


def left_alone(there, back, kept):
    shorter, rest = read_through(there, back, kept)
    return shorter == there and rest == back


FIRST, PLAIN = SIZES[0].values[0], SIZES[2].values[0]


def test_a_map_that_is_a_result_is_written(rng):
    there, back, z, *results = ways(rng, PLAIN)
    assert left_alone(there, back, [*results, z])
    assert not left_alone(there, back, results)


def test_a_map_that_others_read_is_written(rng):
    there, back, _, *results = ways(rng, PLAIN, after=lambda x, z: kernels.add(z, z))
    assert left_alone(there, back, results)


def test_x_must_stay_what_it_is(rng):
    there, back, _, *results = ways(rng, PLAIN, after=lambda x, z: kernels.copy_to(x * 2, x))
    assert left_alone(there, back, results)


@pytest.mark.parametrize(("first", "may"), [(64, True), (63, False), (0, False), (200, True)])
def test_channels_beside_may_be_written(rng, first, may):
    def grow(x, z):
        n, _, h, width = x.shape
        cpu.copy_to(seen(block(np.random.default_rng(1), n, h, width, 32)), x[:, first : first + 32])

    there, back, z, *results = ways(rng, FIRST, after=grow)
    assert "_runs" in names(there)
    assert left_alone(there, back, results) is not may
    if may:
        expected = [array.copy() for array in results]
        for found, right in zip(run_again(*read_through(there, back, results), z, *results), expected, strict=True):
            assert found.tobytes() == right.tobytes()


def test_x_must_stay_what_it_is_on_the_way_back(rng):
    there, back, _, *results = ways(rng, PLAIN, before=lambda x: kernels.copy_to(x * 2, x))
    assert left_alone(there, back, results)


def test_x_of_somebody_else_may_be_changed_before_the_way_back(rng):
    there, back, _, *results = ways(rng, PLAIN)
    (made, *rest) = there
    assert made.run.key.startswith("elementwise")
    assert left_alone(rest, back, results)


def test_two_convolutions_of_one_map(rng):
    there, back, z, *results = ways(rng, PLAIN, twice=True)
    expected = [array.copy() for array in results]
    shorter, rest = read_through(there, back, results)
    assert names(shorter).count("_mapped") == 2
    for found, right in zip(run_again(shorter, rest, z, *results), expected, strict=True):
        assert found.tobytes() == right.tobytes()


def test_channels_that_are_not_the_first_of_a_map(rng):
    """The last pixel of the map would end behind its memory."""
    there, back, _, *results = ways(rng, (2, 14, 14, 64, 256, 128), first=64)
    assert left_alone(there, back, results)


def test_a_convolution_that_also_adds_the_map_is_left_alone(rng):
    x, w, b = seen(block(rng, 2, 9, 9, 32)), never_zero(rng, 32), never_zero(rng, 32)
    with kernels.use("cpu"):
        for _ in range(2):
            with noted() as there:
                z = cpu.batch_norm_fused(cpu.silu(x), w, b, 1e-5, "relu", None)[0]
                y = cpu.conv2d_fused(z, never_zero(rng, 32, 32, 1, 1), None, z, None, *ONE, (9, 9))
    assert left_alone([*there], [], [y])


def test_few_channels_whose_gradient_has_no_planes_are_left_alone(rng):
    there, back, _, *results = ways(rng, (2, 14, 14, 7, 7, 64))
    assert "_direct_dw" in names(back)
    assert left_alone(there, back, results)
    there, back, _, *results = ways(rng, (2, 14, 14, 8, 8, 64))
    assert not left_alone(there, back, results)
