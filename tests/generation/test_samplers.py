"""The samplers with predictors whose answer is known: a perfect one, that of a normal cloud, and loops beside them."""

import math

import numpy as np
import pytest

from minidl import Tensor
from minidl.generation import Diffusion, cosine, ddim, ddpm, denoiser, invert, linear
from minidl.generation.loss import log_variance

PROCESS = Diffusion(np.linspace(0.01, 0.1, 30))  # something of the picture is left at the end: rounding does not grow


def perfect(process, x0):
    """The predictor that knows the picture: the noise in x is whatever is not x_0."""
    step = {int(number): t for t, number in enumerate(process.timesteps)}
    return lambda x, number: process.noise_in(x, step[number], x0)


def smooth(x, t):
    """A predictor that is a curve of x and of t, as a network is."""
    return np.sin(1.3 * x + 0.05 * t) * 0.8 + 0.1 * x.mean(axis=(2, 3), keepdims=True)


@pytest.mark.parametrize("betas", [linear(1000), cosine(1000)], ids=["linear", "cosine"])
@pytest.mark.parametrize("steps", [1, 2, 9, 50])
def test_a_perfect_predictor_gives_the_picture_from_any_noise(betas, steps, rng):
    process = Diffusion(betas).spaced(steps)
    x0, noise = rng.standard_normal((2, 1, 4, 4)), rng.standard_normal((2, 1, 4, 4))
    for made in (
        ddim(perfect(process, x0), process, noise),
        ddim(perfect(process, x0), process, noise, eta=1.0, rng=rng),
        ddpm(perfect(process, x0), process, noise, rng=rng),
    ):
        np.testing.assert_allclose(made, x0, rtol=1e-7, atol=1e-9)


def test_ddpm_is_algorithm_2_as_loops():
    """x_{t-1} = (x_t - β_t / √(1 - ᾱ_t) · ε̂) / √α_t + √β_t z, number by number, and no z at the last step."""
    start = np.random.default_rng(1).standard_normal((2, 1, 2, 2))
    made = ddpm(smooth, PROCESS, start, rng=np.random.default_rng(2))
    rng, x = np.random.default_rng(2), start.copy()
    for t in reversed(range(30)):
        noise = smooth(x, t)
        z = rng.standard_normal(x.shape, dtype=np.float32).astype(float) if t else np.zeros(x.shape)
        beta, bar = PROCESS.betas[t], math.prod(1 - PROCESS.betas[: t + 1])
        following = np.empty_like(x)
        for i in np.ndindex(x.shape):
            mean = (x[i] - beta / math.sqrt(1 - bar) * noise[i]) / math.sqrt(1 - beta)
            following[i] = mean + math.sqrt(beta) * z[i]
        x = following
    np.testing.assert_allclose(made, x, rtol=1e-9)


def test_ddim_is_equation_12_as_loops():
    start = np.random.default_rng(1).standard_normal((2, 1, 2, 2))
    for eta in (0.0, 0.4, 1.0):
        process = PROCESS.spaced(7)
        made = ddim(smooth, process, start, eta=eta, rng=np.random.default_rng(2))
        rng, x = np.random.default_rng(2), start.copy()
        bars = [math.prod(1 - PROCESS.betas[: number + 1]) for number in process.timesteps]
        for t in reversed(range(7)):
            noise, bar, before = smooth(x, process.timesteps[t]), bars[t], bars[t - 1] if t else 1.0
            sigma = eta * math.sqrt((1 - before) / (1 - bar)) * math.sqrt(1 - bar / before)
            z = rng.standard_normal(x.shape, dtype=np.float32).astype(float) if sigma else np.zeros(x.shape)
            following = np.empty_like(x)
            for i in np.ndindex(x.shape):
                x0 = (x[i] - math.sqrt(1 - bar) * noise[i]) / math.sqrt(bar)
                following[i] = math.sqrt(before) * x0 + math.sqrt(1 - before - sigma**2) * noise[i] + sigma * z[i]
            x = following
        np.testing.assert_allclose(made, x, rtol=1e-9)


def test_ddim_that_draws_all_its_noise_is_ddpm_with_the_posterior_s_variance():
    """With eta=1 the step is the posterior's: told that Σ = β̃ (an answer of -1), ddpm makes the same picture."""
    start = np.random.default_rng(1).standard_normal((2, 1, 2, 2))
    whole = ddim(smooth, PROCESS, start, eta=1.0, rng=np.random.default_rng(2))

    def narrow(x, t):
        noise = smooth(x, t)
        return np.concatenate([noise, np.full_like(noise, -1.0)], axis=1)

    np.testing.assert_allclose(ddpm(narrow, PROCESS, start, rng=np.random.default_rng(2)), whole, rtol=1e-9)


def test_an_answer_of_one_scatters_by_beta():
    start = np.random.default_rng(1).standard_normal((2, 1, 2, 2))
    wide = lambda x, t: np.concatenate([smooth(x, t), np.ones_like(x)], axis=1)  # noqa: E731
    plain = ddpm(smooth, PROCESS, start, rng=np.random.default_rng(2))
    np.testing.assert_allclose(ddpm(wide, PROCESS, start, rng=np.random.default_rng(2)), plain, rtol=1e-9)
    t, half = np.array([9]), np.zeros((1, 1, 1, 1))  # in the middle of the logarithms: the root of the product
    middle = math.sqrt(PROCESS.betas[9] * PROCESS.posterior_variances[9])
    assert math.exp(log_variance(PROCESS, t, half).item()) == pytest.approx(middle)
    assert math.exp(log_variance(PROCESS, t, Tensor(half)).item()) == pytest.approx(middle)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_a_normal_cloud_is_drawn_as_it_is(sampler, rng):
    """Pictures of one pixel from N(2, 0.5²): E[x_0 | x_t] is known by Bayes' rule, and so is the best predictor."""
    mean, variance, process = 2.0, 0.25, Diffusion(linear(200))

    def best(x, t):
        bar = process.alpha_bars[t]
        x0 = mean + np.sqrt(bar) * variance / (bar * variance + 1 - bar) * (x - np.sqrt(bar) * mean)
        return process.noise_in(x, t, x0)

    noise = rng.standard_normal((20_000, 1, 1, 1))
    made = ddpm(best, process, noise, rng=rng) if sampler == "ddpm" else ddim(best, process, noise)
    assert abs(made.mean() - mean) < 0.02
    assert abs(made.std() - 0.5) < 0.02


def test_the_way_back_and_forth_returns_the_picture(rng):
    """With rounds enough exactly; with one, the error of a step falls with its length."""
    x0 = rng.standard_normal((2, 1, 4, 4))
    process = Diffusion(linear(1000))
    errors = []
    for steps in (25, 50, 100):
        few = process.spaced(steps)
        errors.append(np.abs(ddim(smooth, few, invert(smooth, few, x0)[-1]) - x0).max())
    assert errors[0] > 1.5 * errors[1] > 1.5**2 * errors[2]
    few = process.spaced(50)
    way = invert(smooth, few, x0, rounds=60)
    assert len(way) == 51
    np.testing.assert_allclose(ddim(smooth, few, way[-1]), x0, atol=1e-9)
    back = []
    ddim(smooth, few, way[-1], between=lambda t, x: back.append(x) or x)
    np.testing.assert_allclose(np.array(back[::-1]), np.array(way[1:]), atol=1e-8)  # the same way, step by step


def test_guesses_outside_of_the_range_are_moved_to_its_end(rng):
    x0 = np.full((1, 1, 2, 2), 3.0)
    process = PROCESS.spaced(5)
    for sampler in (ddpm, ddim):
        made = sampler(perfect(process, x0), process, rng.standard_normal(x0.shape), clip=(-1.0, 1.0), rng=rng)
        np.testing.assert_allclose(made, 1.0)


class Asked:
    """As a network: callable, with its number for no class."""

    def __init__(self, answers, no_class):
        self.answers, self.no_class, self.asked = answers, no_class, []

    def __call__(self, x, t, y):
        self.asked.append((np.asarray(t).tolist(), np.asarray(y).tolist()))
        return Tensor(np.stack([np.full((2, *x.shape[2:]), self.answers[int(label)]) for label in y]))


def test_guidance_goes_on_from_no_class_through_the_class(rng):
    """5 + 3·(1 - 5) = -7 and 5 + 3·(2 - 5) = -4; what is said of sigma stays that of the class."""
    net = Asked({0: 1.0, 1: 2.0, 9: 5.0}, no_class=9)
    x = rng.standard_normal((2, 1, 2, 2))
    answer = denoiser(net, [0, 1], guidance=3.0)(x, 4)
    assert answer[:, :, 0, 0].tolist() == [[-7.0, 1.0], [-4.0, 2.0]]
    assert net.asked == [([4, 4, 4, 4], [0, 1, 9, 9])]
    assert denoiser(net, [0, 1], guidance=0.0)(x, 4)[:, 0, 0, 0].tolist() == [5.0, 5.0]
    assert denoiser(net, [0, 1])(x, 4)[:, 0, 0, 0].tolist() == [1.0, 2.0]
    assert net.asked[-1] == ([4, 4], [0, 1])  # guidance 1 is the class alone, asked once


def test_a_network_of_velocities_is_asked_for_the_noise(rng):
    """A perfect one leads to the picture, over some of the steps; with guidance, the velocities are combined."""
    process, x0 = Diffusion(linear(100)), rng.standard_normal((2, 1, 2, 2))
    few = process.spaced(9)

    class Perfect:
        no_class = 1

        def __call__(self, x, t, y):
            noise = process.noise_in(x.data, t, np.resize(x0, x.shape))
            return Tensor(process.velocity(np.resize(x0, x.shape), t, noise) + np.reshape(y, (-1, 1, 1, 1)))

    made = ddim(denoiser(Perfect(), [0, 0], velocity=few), few, rng.standard_normal(x0.shape))
    np.testing.assert_allclose(made, x0, atol=1e-9)
    x, t = rng.standard_normal(x0.shape), int(few.timesteps[4])
    noise = process.noise_in(x, t, x0)
    for guidance in (1.0, 3.0):  # no class is one more than the class: 1 + 3·(0 - 1) = -2
        velocity = process.velocity(x0, t, noise) + (1 - guidance)
        found = denoiser(Perfect(), [0, 0], guidance, velocity=few)(x, t)
        np.testing.assert_allclose(found, process.noise_of(x, t, velocity), atol=1e-9)


def test_guidance_of_a_network_that_always_knew_the_class_is_refused():
    with pytest.raises(
        ValueError, match="this one never was; received guidance=2; take 1, or train with class_dropout"
    ):
        denoiser(Asked({}, no_class=None), [0], guidance=2.0)
