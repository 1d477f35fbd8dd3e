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


def ways(rng, sizes, activation="relu", of="norm", after=None):
    """The launches of both ways, all arrays that are read, and the results: y and dw.

    Args:
        sizes: see SIZES.
        activation: of the norm.
        of: what is read through: a norm or a scale.
        after: what is done with x and z between both ways.
    """
    n, h, width, c, every, o = sizes
    x, w, b, s = block(rng, n, h, width, every), never_zero(rng, c), never_zero(rng, c), never_zero(rng, n, c)
    weights, dy = never_zero(rng, o, c, 1, 1), seen(block(rng, n, h, width, o))

    def map_it():
        part = seen(x)[:, :c]
        if of == "scale":
            return cpu.scale_channels(part, s)
        return cpu.batch_norm_fused(part, w, b, 1e-5, activation, None)[0]

    with kernels.use("cpu"):
        for _ in range(2):
            with noted() as there:
                z = map_it()
                y = cpu.conv2d(z, weights, None, *ONE, (h, width))
                if after is not None:
                    after(x, z)
            with noted() as back:
                dw = cpu.conv2d_dw(dy, z, weights.shape, *ONE)
    return [*there], [*back], z, y, dw


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
    there, back, _, *results = ways(rng, PLAIN, after=lambda x, z: kernels.copy_to(seen(x) * 2, seen(x)))
    assert left_alone(there, back, results)


@pytest.mark.parametrize(("first", "may"), [(64, True), (63, False), (0, False), (200, True)])
def test_channels_beside_may_be_written(rng, first, may):
    def grow(x, z):
        part = seen(x)[:, first : first + 32]
        cpu.copy_to(seen(block(np.random.default_rng(1), *x.shape[:3], 32)), part)

    there, back, z, *results = ways(rng, FIRST, after=grow)
    assert "_runs" in names(there)
    assert left_alone(there, back, results) is not may
    if may:
        expected = [array.copy() for array in results]
        for found, right in zip(run_again(*read_through(there, back, results), z, *results), expected, strict=True):
            assert found.tobytes() == right.tobytes()


def test_few_channels_whose_gradient_has_no_planes_are_left_alone(rng):
    there, back, _, *results = ways(rng, (2, 14, 14, 7, 7, 64))
    assert "_direct_dw" in names(back)
    assert left_alone(there, back, results)
    there, back, _, *results = ways(rng, (2, 14, 14, 8, 8, 64))
    assert not left_alone(there, back, results)
