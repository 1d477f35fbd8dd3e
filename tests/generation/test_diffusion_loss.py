"""The loss of diffusion as loops and by hand, and the moving average of weights."""

import math

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn
from minidl.generation import Averaged, Diffusion, denoising_loss, drop, linear, loss_at

PROCESS = Diffusion(linear(20))


def test_the_loss_is_the_mean_square_of_what_is_missed_as_loops(rng):
    x0, noise, t = rng.standard_normal((3, 1, 2, 2)), rng.standard_normal((3, 1, 2, 2)), np.array([0, 4, 19])
    seen = []

    def net(x, steps, y):
        seen.append((x.data, steps.tolist(), y))
        return x * 0.5

    loss = loss_at(net, PROCESS.spaced(20), x0, [1, 2, 3], t, noise).item()
    total = 0.0
    for n, c, i, j in np.ndindex(x0.shape):
        bar = math.prod(1 - PROCESS.betas[: t[n] + 1])
        x = math.sqrt(bar) * x0[n, c, i, j] + math.sqrt(1 - bar) * noise[n, c, i, j]
        assert seen[0][0][n, c, i, j] == pytest.approx(x)
        total += (noise[n, c, i, j] - 0.5 * x) ** 2
    assert loss == pytest.approx(total / 12)
    assert seen[0][1:] == ([0, 4, 19], [1, 2, 3])


def test_a_perfect_network_has_no_loss_and_a_blind_one_has_one(rng):
    x0 = rng.standard_normal((8, 1, 16, 16))
    known = lambda x, t, y: Tensor(PROCESS.noise_in(x.data, t, x0))  # noqa: E731
    assert denoising_loss(known, PROCESS, x0, None, rng).item() < 1e-20
    assert denoising_loss(lambda x, t, y: x * 0.0, PROCESS, x0, None, rng).item() == pytest.approx(1, abs=0.1)


def test_steps_are_drawn_evenly_and_noise_from_the_generator(rng):
    seen = []
    net = lambda x, t, y: seen.extend(t.tolist()) or x  # noqa: E731
    for _ in range(20):
        denoising_loss(net, PROCESS, np.zeros((100, 1, 1, 1)), None, rng)
    counts = np.bincount(seen, minlength=20)
    assert len(counts) == 20
    assert np.abs(counts - 100).max() < 50
    first, second = (denoising_loss(lambda x, t, y: x, PROCESS, np.ones((4, 1, 2, 2)), None).item() for _ in range(2))
    minidl.manual_seed(0)
    assert denoising_loss(lambda x, t, y: x, PROCESS, np.ones((4, 1, 2, 2)), None).item() == first != second


def test_the_bound_is_the_divergence_of_two_normals_by_hand(rng):
    """One number, at step 5: KL(N(μ̃, β̃) ‖ N(μ̂, Σ)) in bits, times 0.001 · T, beside the mean square."""
    x0, noise, t, told, v = 0.4, -1.1, 5, 0.3, 0.2
    loss = loss_at(
        lambda x, *_: Tensor(np.array([told, v]).reshape(1, 2, 1, 1)),
        PROCESS,
        *(np.full((1, 1, 1, 1), x0), None, np.array([t]), np.full((1, 1, 1, 1), noise)),
    ).item()
    bar, beta = PROCESS.alpha_bars[t], PROCESS.betas[t]
    narrow = beta * (1 - PROCESS.alpha_bars[t - 1]) / (1 - bar)
    sigma = math.exp((v + 1) / 2 * math.log(beta) + (1 - v) / 2 * math.log(narrow))
    apart = beta / math.sqrt(1 - bar) / math.sqrt(1 - beta) * (noise - told)  # of the means, by algorithm 2
    divergence = 0.5 * (math.log(sigma / narrow) + (narrow + apart**2) / sigma - 1)
    assert loss == pytest.approx((noise - told) ** 2 + 0.001 * 20 * divergence / math.log(2))


def test_at_the_first_step_the_bound_is_the_likelihood_of_the_picture():
    """The mean is the picture that the network means, and Σ between β and the second step's β̃."""
    answer = np.array([0.3, 1.0]).reshape(1, 2, 1, 1)  # v = 1: Σ = β
    x0, noise = np.full((1, 1, 1, 1), 0.4), np.full((1, 1, 1, 1), -1.1)
    loss = loss_at(lambda x, *_: Tensor(answer), PROCESS, x0, None, np.array([0]), noise).item()
    beta = PROCESS.betas[0]
    apart = math.sqrt(beta / (1 - beta)) * (-1.1 - 0.3)
    likelihood = 0.5 * (math.log(2 * math.pi * beta) + apart**2 / beta)
    assert loss == pytest.approx(1.4**2 + 0.001 * 20 * likelihood / math.log(2))


def test_the_error_of_a_velocity_is_that_of_the_noise_over_what_is_left_of_the_picture(rng):
    x0, noise, t = rng.standard_normal((3, 1, 2, 2)), rng.standard_normal((3, 1, 2, 2)), np.array([4, 4, 4])
    answer = rng.standard_normal((3, 1, 2, 2))
    told = PROCESS.noise_of(PROCESS.noised(x0, t, noise), t, answer)
    losses = [
        loss_at(lambda *_, said=said: Tensor(said), PROCESS, x0, None, t, noise, velocity=velocity).item()
        for said, velocity in ((answer, True), (told, False))
    ]
    assert losses[0] == pytest.approx(losses[1] / PROCESS.alpha_bars[4])
    scatter = rng.uniform(-1, 1, (3, 1, 2, 2))  # and the bound is that of the noise that it means
    bounds = [
        loss_at(
            lambda *_, said=said: Tensor(np.concatenate([said, scatter], 1)), PROCESS, x0, None, t, noise, **how
        ).item()
        for said, how in ((answer, {"velocity": True}), (told, {}))
    ]
    assert bounds[0] - losses[0] == pytest.approx(bounds[1] - losses[1])


def test_gradients_of_the_loss_and_none_of_the_bound_to_the_mean(rng):
    x0, noise, t = rng.standard_normal((3, 1, 2, 2)), rng.standard_normal((3, 1, 2, 2)), np.array([0, 3, 19])
    told, scatter = rng.standard_normal((3, 1, 2, 2)), rng.uniform(-1, 1, (3, 1, 2, 2))

    def loss(told, scatter):
        return loss_at(lambda *_: minidl.ops.concat([told, scatter], 1), PROCESS, x0, None, t, noise)

    report = minidl.gradcheck(lambda scatter: loss(Tensor(told), scatter), [scatter], mode="elements")
    assert report.verdict == "ok"
    answer = Tensor(told, requires_grad=True)
    loss(answer, Tensor(scatter)).backward()
    np.testing.assert_allclose(answer.grad, 2 * (told - noise) / told.size)  # of the mean square alone


def test_an_answer_of_other_channels_is_refused():
    with pytest.raises(ValueError, match="its answer has 3; x0.shape=\\(2, 1, 2, 2\\)"):
        denoising_loss(lambda x, t, y: minidl.ops.concat([x] * 3, 1), PROCESS, np.zeros((2, 1, 2, 2)), None)


def test_some_classes_are_not_shown(rng):
    y = np.arange(10_000) % 10
    shown = drop(y, 0.1, 10, rng)
    hidden = shown == 10
    assert 800 < hidden.sum() < 1200
    assert (shown[~hidden] == y[~hidden]).all()
    assert (drop(y, 0.0, 10, rng) == y).all()
    assert (drop(y, 1.0, 10, rng) == 10).all()
    with pytest.raises(ValueError, match="share"):
        drop(y, 1.5, 10, rng)


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter([0.0])
        self.register_buffer("running", np.zeros(1, "float32"))

    def forward(self, x):
        return x * self.w


@pytest.mark.parametrize("decay", [0.9999, 0.25])
def test_the_average_follows_its_formula(decay, rng):
    both, mean = Averaged(Line(), decay), 0.0
    for n in range(1, 12):
        both.net.w.data, both.net.running = np.array([n**2], "float32"), np.array([n], "float32")
        both.update()
        d = min(decay, (1 + n) / (10 + n))
        mean = d * mean + (1 - d) * n**2
        assert both.average.w.item() == pytest.approx(mean, rel=1e-5)
        assert both.average.running.item() == n
    assert both.updates.tolist() == [11]


def test_the_average_is_asked_in_eval_and_never_trained():
    both = Averaged(Line(), 0.5)
    both.net.w.data = np.array([2.0], "float32")
    x = Tensor([3.0])
    assert (both.train()(x).item(), both.eval()(x).item()) == (6.0, 0.0)
    both.train()(x).sum().backward()
    assert both.net.w.grad is not None
    assert not any(p.requires_grad for p in both.average.parameters())
    assert not both.train().average.training
    assert [name for name, _ in both.named_parameters()] == ["net.w"]  # what learns, and what is counted
    assert len(list(both.parameters())) == 1
    other = Averaged(Line(), 0.5)
    both.update()
    other.load_state_dict(both.state_dict())
    both.update(), other.update()
    assert other.average.w.item() == both.average.w.item()
    assert set(both.state_dict()) == {"net.w", "net.running", "average.w", "average.running", "updates"}
