"""Losses of adversaries by their formulas, what is frozen when, one step by hand, samples."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, models, nn, optim
from minidl.generation import adversarial_step, discriminator_loss, generator_loss, sample
from minidl.generation.adversaries import LOSSES, frozen


def test_losses_are_those_of_the_paper(rng):
    """V = E log D(x) + E log(1 - D(G(z))) with D = σ(a); logits so small that the logarithms can be written out."""
    real, fake = rng.standard_normal((2, 7))
    d_real, d_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    v = np.log(d_real).mean() + np.log(1 - d_fake).mean()
    assert discriminator_loss(Tensor(real), Tensor(fake)).item() == pytest.approx(-v)
    assert generator_loss(Tensor(fake), "minimax").item() == pytest.approx(np.log(1 - d_fake).mean())
    assert generator_loss(Tensor(fake)).item() == pytest.approx(-np.log(d_fake).mean())


def test_slopes(rng):
    """∂/∂a of -log D is D - 1, of log(1 - D) it is -D; at the beginning one is whole and the other nothing."""
    fake = rng.standard_normal(5)
    d = 1 / (1 + np.exp(-fake))
    for kind, want in (("non_saturating", d - 1), ("minimax", -d)):
        a = Tensor(fake, requires_grad=True)
        generator_loss(a, kind).backward()
        np.testing.assert_allclose(5 * a.grad, want, rtol=1e-12)
        assert minidl.gradcheck(lambda a, kind=kind: generator_loss(a, kind), [fake]).verdict == "ok"
    assert minidl.gradcheck(discriminator_loss, [rng.standard_normal(4), rng.standard_normal(3)]).verdict == "ok"


def test_logits_that_are_sure_overflow_nothing():
    sure = Tensor(np.float32([500.0]))
    assert discriminator_loss(sure, -sure).item() == 0
    assert discriminator_loss(-sure, sure).item() == 1000
    assert generator_loss(-sure).item() == 500
    assert generator_loss(sure, "minimax").item() == -500


def test_the_best_discriminator_reaches_the_divergence():
    """Over two pictures with the probabilities p and q the best is D = p / (p + q), and V = 2·JS(p, q) - log 4."""
    p, q = np.array([0.75, 0.25]), np.array([0.5, 0.5])
    a = Tensor(np.zeros(2), requires_grad=True)
    optimizer = optim.SGD([a], lr=2.0)
    for _ in range(200):
        optimizer.zero_grad()
        loss = (Tensor(p) * minidl.ops.softplus(-a) + Tensor(q) * minidl.ops.softplus(a)).sum()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(1 / (1 + np.exp(-a.data)), p / (p + q), rtol=1e-6)
    middle = (p + q) / 2
    divergence = (p * np.log(p / middle) + q * np.log(q / middle)).sum() / 2
    assert -loss.item() == pytest.approx(2 * divergence - np.log(4))


class Line(nn.Module):
    """y = w·x, and nothing else."""

    def __init__(self, w):
        super().__init__()
        self.w = nn.Parameter(np.float32([w]))

    def forward(self, x):
        return x * self.w


class Two(nn.Module):
    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = Line(generator), Line(discriminator)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_step_by_hand(kind):
    """G(z) = g·z, a(x) = d·x, one picture x = 2 and one draw z = 3, g = 0.5, d = 0.1, plain descent with lr 1.

    Discriminator: d_loss = softplus(-d·x) + softplus(d·g·z), whose slope in d is -x·σ(-d·x) + g·z·σ(d·g·z).
    Generator, with the new d: slope of softplus(-d·g·z) in g is -d·z·σ(-d·g·z); of -softplus(d·g·z) it is
    -d·z·σ(d·g·z). Nothing else moves anything.
    """

    def sigma(a):
        return 1 / (1 + np.exp(-a))

    net = Two(0.5, 0.1)
    optimizer = optim.SGD(net.parameters(), lr=1.0)
    seen = []
    found = adversarial_step(
        net,
        optimizer,
        Tensor([2.0]),
        Tensor([3.0]),
        kind=kind,
        judge=lambda part, loss: seen.append((part, loss.item())),
    )
    d = 0.1 + 2 * sigma(-0.2) - 1.5 * sigma(0.15)
    g = 0.5 + d * 3 * (sigma(-d * 1.5) if kind == "non_saturating" else sigma(d * 1.5))
    assert net.discriminator.w.item() == pytest.approx(d, rel=1e-6)
    assert net.generator.w.item() == pytest.approx(g, rel=1e-6)
    assert found["d_loss"] == pytest.approx(np.log(1 + np.exp(-0.2)) + np.log(1 + np.exp(0.15)), rel=1e-6)
    assert found["g_loss"] == pytest.approx(
        np.log(1 + np.exp(-1.5 * d)) if kind == "non_saturating" else -np.log(1 + np.exp(1.5 * d)), rel=1e-6
    )
    assert (found["D(x)"], found["D(G(z))"]) == pytest.approx((sigma(0.2), sigma(0.15)), rel=1e-6)
    assert seen == [("discriminator", found["d_loss"]), ("generator", found["g_loss"])]


def test_each_moves_in_its_own_turn_only():
    """Between both ways back the generator has no gradient and has not moved; after it the discriminator has none."""
    net = models.dcgan(8, 1, 3, 2)
    before = net.state_dict()
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def judge(part, loss):
        moved = {
            name: bool((array != before[name]).any())
            for name, array in net.state_dict().items()
            if "running" not in name
        }
        for name, has_moved in moved.items():
            assert has_moved == (part == "generator" and name.startswith("discriminator")), (part, name)
        assert all(parameter.grad is None for parameter in net.parameters())

    adversarial_step(net, optimizer, Tensor(np.ones((4, 1, 8, 8), dtype=np.float32)), net.noise(4), judge=judge)
    for path, parameter in net.named_parameters():
        assert (parameter.grad is None) == path.startswith("discriminator"), path
        assert parameter.requires_grad, path
        assert (parameter.data != before[path]).any(), path


def test_frozen_leaves_alone_what_was_frozen_before():
    layer = nn.Linear(2, 1)
    layer.bias.requires_grad = False
    with pytest.raises(RuntimeError, match="stop"), frozen(layer):
        assert not layer.weight.requires_grad
        raise RuntimeError("stop")
    assert (layer.weight.requires_grad, layer.bias.requires_grad) == (True, False)


@pytest.mark.parametrize("build", [models.gan, models.dcgan])
def test_samples_are_pictures_and_change_nothing(build):
    net = build(8, 1, 3, 4)
    before = net.state_dict()
    net.discriminator.eval()
    found = sample(net, 70, np.random.default_rng(3))
    assert (found.shape, found.dtype) == ((70, 1, 8, 8), np.float32)
    assert 0 <= found.min() < found.max() <= 1
    assert (found == sample(net, 70, np.random.default_rng(3))).all()
    assert (found[:5] == sample(net, 5, np.random.default_rng(3))).all()
    assert net.generator.training
    assert not net.discriminator.training
    assert all((net.state_dict()[name] == array).all() for name, array in before.items())
    middle = net.generator(net.noise(2)) * 0.0
    net.generator.forward = lambda z: middle[: len(z)]
    unit = -net.generator.low / (net.generator.high - net.generator.low)  # where 0 lies between low and high
    assert sample(net, 2) == pytest.approx(unit)


def test_refusals():
    with pytest.raises(ValueError, match=r"^generator_loss: kind must be .*non_saturating.*minimax"):
        generator_loss(Tensor([0.0]), "hinge")
    with pytest.raises(TypeError, match=r"^discriminator_loss: real must be a Tensor"):
        discriminator_loss(np.zeros(1), Tensor([0.0]))
    with pytest.raises(ValueError, match=r"^sample: n must be an int >= 1"):
        sample(models.dcgan(8, 1, 3, 2), 0)
    with pytest.raises(TypeError, match=r"^sample: rng must be a numpy.random.Generator"):
        sample(models.dcgan(8, 1, 3, 2), 1, 3)
