"""The forward process against noising step by step, Bayes' rule and loops; the schedules against their papers."""

import math

import numpy as np
import pytest

from minidl.generation import Diffusion, cosine, linear, make_betas

BETAS = {"linear": linear(1000), "cosine": cosine(1000), "short": linear(7), "by hand": np.array([0.1, 0.5, 0.3])}


@pytest.fixture(params=BETAS)
def process(request):
    return Diffusion(BETAS[request.param])


def test_at_once_is_step_by_step(process):
    """x_t = √α_t x_{t-1} + √β_t ε: the mean's factor and the variance, followed through all steps."""
    factor, variance, followed = 1.0, 0.0, []
    for beta in process.betas:
        factor, variance = math.sqrt(1 - beta) * factor, (1 - beta) * variance + beta
        followed.append((factor, variance))
    t, one, nothing = np.arange(len(process)), np.ones((len(process), 1)), np.zeros((len(process), 1))
    factors, variances = np.array(followed).T
    np.testing.assert_allclose(process.noised(one, t, nothing)[:, 0], factors, rtol=1e-10)
    np.testing.assert_allclose(process.noised(nothing, t, one)[:, 0] ** 2, variances, rtol=1e-10)


def test_noise_that_is_really_added_step_by_step(rng):
    """The same with numbers that are drawn: a cloud of them has the mean and variance that the formula says."""
    process = Diffusion(linear(50))
    x = np.full(40_000, 0.7)
    for t, beta in enumerate(process.betas):
        x = np.sqrt(1 - beta) * x + np.sqrt(beta) * rng.standard_normal(x.shape)
        if t in (10, 49):
            bar = process.alpha_bars[t]
            assert abs(x.mean() - np.sqrt(bar) * 0.7) < 5 * np.sqrt((1 - bar) / len(x))
            assert abs(x.var() / (1 - bar) - 1) < 5 * np.sqrt(2 / len(x))


def test_each_picture_at_its_own_step_as_loops(rng):
    process, x0, noise = Diffusion(linear(20)), rng.standard_normal((3, 2, 2, 2)), rng.standard_normal((3, 2, 2, 2))
    t = np.array([0, 7, 19])
    x = process.noised(x0, t, noise)
    mean, variance = process.posterior(x0, x, t)
    for n, c, i, j in np.ndindex(x.shape):
        bar = math.prod(1 - beta for beta in process.betas[: t[n] + 1])
        before, beta = bar / (1 - process.betas[t[n]]), process.betas[t[n]]
        value = math.sqrt(bar) * x0[n, c, i, j] + math.sqrt(1 - bar) * noise[n, c, i, j]
        assert x[n, c, i, j] == pytest.approx(value, rel=1e-12)
        first = math.sqrt(before) * beta / (1 - bar) * x0[n, c, i, j]
        second = math.sqrt(1 - beta) * (1 - before) / (1 - bar) * value
        assert mean[n, c, i, j] == pytest.approx(first + second, rel=1e-10, abs=1e-12)
        assert variance[n, 0, 0, 0] == pytest.approx(beta * (1 - before) / (1 - bar), rel=1e-10, abs=1e-15)


def test_the_posterior_is_bayes_rule():
    """q(x_{t-1} | x_t, x_0) ∝ q(x_t | x_{t-1}) · q(x_{t-1} | x_0): the product, added up over a fine grid."""
    process, x0, x = Diffusion([0.1, 0.5, 0.3]), 0.8, -0.4
    grid = np.linspace(-8, 8, 20_001)
    for t in (1, 2):
        bar, beta = process.alpha_bars[t - 1], process.betas[t]
        exponent = (x - np.sqrt(1 - beta) * grid) ** 2 / beta + (grid - np.sqrt(bar) * x0) ** 2 / (1 - bar)
        density = np.exp(-exponent / 2)
        density /= density.sum()
        mean = (density * grid).sum()
        found, variance = process.posterior(np.array([[x0]]), np.array([[x]]), t)
        np.testing.assert_allclose(found, mean, atol=1e-10)
        np.testing.assert_allclose(variance, (density * (grid - mean) ** 2).sum(), rtol=1e-8)


def test_the_posterior_of_the_first_step_is_the_picture(process, rng):
    x0, x = rng.standard_normal((2, 1, 3, 3)), rng.standard_normal((2, 1, 3, 3))
    mean, variance = process.posterior(x0, x, 0)
    np.testing.assert_allclose(mean, x0, atol=1e-12)
    assert variance == 0


def test_picture_and_noise_are_found_again(process, rng):
    x0, noise = rng.standard_normal((2, 1, 3, 3)), rng.standard_normal((2, 1, 3, 3))
    t = np.array([0, len(process) // 2])
    x = process.noised(x0, t, noise)
    np.testing.assert_allclose(process.clean(x, t, noise), x0, rtol=1e-9)
    np.testing.assert_allclose(process.noise_in(x, t, x0), noise, rtol=1e-9)


def test_the_velocity_is_the_slope_of_the_way_and_tells_the_noise(process, rng):
    """x = cos φ · x_0 + sin φ · noise: its slope in φ, by finite differences, and back to the noise."""
    x0, noise = rng.standard_normal((2, 1, 3, 3)), rng.standard_normal((2, 1, 3, 3))
    t = np.array([0, len(process) - 1])
    angle = np.arccos(np.sqrt(process.alpha_bars[t])).reshape(2, 1, 1, 1)
    ahead, behind = (np.cos(angle + h) * x0 + np.sin(angle + h) * noise for h in (1e-6, -1e-6))
    velocity = process.velocity(x0, t, noise)
    np.testing.assert_allclose(velocity, (ahead - behind) / 2e-6, atol=1e-8)
    np.testing.assert_allclose(process.noise_of(process.noised(x0, t, noise), t, velocity), noise, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 10, 999, 1000])
def test_fewer_steps_go_through_the_same_noises(process, steps):
    steps = min(steps, len(process))
    few = process.spaced(steps)
    assert len(few) == steps
    np.testing.assert_allclose(few.alpha_bars, process.alpha_bars[few.timesteps], rtol=1e-9)
    assert few.timesteps[-1] == len(process) - 1
    assert len(set(few.timesteps.tolist())) == steps


def test_dtypes_stay(rng):
    x = rng.standard_normal((2, 1, 2, 2)).astype("float32")
    process = Diffusion(linear(10))
    made = [process.noised(x, np.array([1, 2]), x), process.clean(x, 3, x), process.noise_in(x, 3, x)]
    assert {array.dtype for array in [*made, *process.posterior(x, x, 3)]} == {np.dtype("float32")}


def test_linear_is_that_of_the_paper():
    betas = linear(1000)
    assert (betas[0], betas[-1]) == (1e-4, 0.02)
    np.testing.assert_allclose(np.diff(betas), (0.02 - 1e-4) / 999)
    assert Diffusion(betas).alpha_bars[-1] == pytest.approx(4.036e-5, rel=1e-3)
    assert Diffusion(linear(100)).alpha_bars[-1] < 1e-4  # noise at the end, with fewer steps as well


def test_cosine_is_that_of_the_paper():
    """ᾱ_t = cos²((t/T + 0.008) / 1.008 · π/2) / cos²(0.008 / 1.008 · π/2), but for the steps that are cut to 0.999."""
    betas, bars = cosine(1000), Diffusion(cosine(1000)).alpha_bars
    for t in (1, 250, 500, 990):
        f, start = (math.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2 for share in (t / 1000, 0))
        assert bars[t - 1] == pytest.approx(f / start, rel=1e-9)
    assert betas[-1] == 0.999
    assert bars[500] > 5 * Diffusion(linear(1000)).alpha_bars[500]  # the picture lasts longer


def test_refusals():
    with pytest.raises(ValueError, match="steps must be at most 10, the steps of the process; received steps=11"):
        Diffusion(linear(10)).spaced(11)
    with pytest.raises(ValueError, match="betas must be a line of numbers between 0 and 1"):
        Diffusion([0.1, 1.0])
    with pytest.raises(ValueError, match="schedule"):
        make_betas("cosinus", 10)
    assert make_betas("cosine", 3).tolist() == cosine(3).tolist()
