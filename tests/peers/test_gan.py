"""DCGAN against the same network in PyTorch with the same weights: outputs, gradients, and a step of both."""

from itertools import pairwise

import numpy as np
import pytest

from minidl import Tensor, models, no_grad, optim
from minidl.generation import adversarial_step, frechet_distance
from tests.contract import relative_error
from tests.peers.twins import to_float64

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers
functional = torch.nn.functional


def theirs(image_size, channels, latent, width, kernel_size):
    """As one writes DCGAN in PyTorch: (generator, discriminator)."""
    half = {"stride": 2, "padding": (kernel_size - 1) // 2, "bias": False}
    maps = [width * 2**level for level in range((image_size // 4).bit_length() - 1)]
    up, down = (
        [torch.nn.ConvTranspose2d(latent, maps[-1], 4, bias=False)],
        [
            torch.nn.Conv2d(channels, width, kernel_size, **half),
            torch.nn.LeakyReLU(0.2),
        ],
    )
    for before, after in zip(maps[::-1], [*maps[-2::-1], channels]):
        up += [torch.nn.BatchNorm2d(before), torch.nn.ReLU()]
        up += [torch.nn.ConvTranspose2d(before, after, kernel_size, output_padding=kernel_size % 2, **half)]
    for before, after in pairwise(maps):
        down += [torch.nn.Conv2d(before, after, kernel_size, **half), torch.nn.BatchNorm2d(after)]
        down += [torch.nn.LeakyReLU(0.2)]
    down += [torch.nn.Conv2d(maps[-1], 1, 4, bias=False), torch.nn.Flatten(0)]
    nets = (torch.nn.Sequential(*up, torch.nn.Tanh()), torch.nn.Sequential(*down))
    for net in nets:
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, float(parameter.ndim == 1), 0.2 if parameter.ndim == 1 else 0.1)
    return nets


def pair(sizes, double=False):
    torch.manual_seed(0)
    up, down = theirs(*sizes)
    image_size, channels, latent, width, kernel_size = sizes
    ours = models.dcgan(image_size, channels, latent, width, kernel_size=kernel_size)
    for part, net in ((ours.generator, up), (ours.discriminator, down)):
        state = {f"main.{key}": tensor.numpy() for key, tensor in net.state_dict().items()}
        assert not part.load_state_dict(state).missing  # the names are PyTorch's, too
    return (to_float64(ours), up.double(), down.double()) if double else (ours, up, down)


SIZES = [(32, 1, 6, 3, 4), (64, 3, 5, 2, 5), (16, 2, 3, 4, 3)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outputs(sizes, rng):
    ours, up, down = pair(sizes)
    z = rng.standard_normal((3, sizes[2])).astype(np.float32)
    with no_grad(), torch.no_grad():
        x, y = ours.eval()(Tensor(z)), up.eval()(torch.tensor(z)[:, :, None, None])
        assert relative_error(x.data, y.numpy()) < 1e-4
        assert relative_error(ours.discriminator(x).data, down.eval()(y).numpy()) < 1e-4


@pytest.mark.parametrize("kind", ["non_saturating", "minimax"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_two_steps_of_both(sizes, kind, rng):
    """In float64: losses, every gradient, and after Adam every weight and running statistic."""
    ours, up, down = pair(sizes, double=True)
    optimizer = optim.Adam(ours.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizers = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (up, down)]
    for _ in range(2):
        x, z = rng.uniform(-1, 1, (4, sizes[1], sizes[0], sizes[0])), rng.standard_normal((4, sizes[2]))
        found = adversarial_step(ours, optimizer, Tensor(x), Tensor(z), kind=kind)
        made = up(torch.tensor(z)[:, :, None, None])
        real, fake = down(torch.tensor(x)), down(made.detach())
        ones = torch.ones_like(real)
        logits = functional.binary_cross_entropy_with_logits
        d_loss = logits(real, ones) + logits(fake, 0 * ones)
        down.zero_grad()
        d_loss.backward()
        optimizers[1].step()
        fooled = down(made)
        g_loss = logits(fooled, ones) if kind == "non_saturating" else -logits(fooled, 0 * ones)
        up.zero_grad()
        g_loss.backward()
        gradients = [parameter.grad.numpy() for parameter in up.parameters()]
        for (path, parameter), gradient in zip(ours.generator.named_parameters(), gradients, strict=True):
            assert relative_error(parameter.grad, gradient) < 1e-7, path
        optimizers[0].step()
        means = [torch.sigmoid(each).mean().item() for each in (real, fake)]
        assert list(found.values()) == pytest.approx([d_loss.item(), g_loss.item(), *means], rel=1e-9)
    for part, net in ((ours.generator, up), (ours.discriminator, down)):
        for key, array in part.state_dict().items():
            assert relative_error(array, net.state_dict()[key.removeprefix("main.")].numpy()) < 1e-7, key


def test_the_distance_with_the_root_of_a_library(rng):
    """scipy's root of the product of both covariances; features that lie in a plane, where they have no inverse."""
    from scipy.linalg import sqrtm

    for rows, columns, flat in ((40, 5, False), (200, 12, False), (7, 4, True)):
        a, b = (
            rng.standard_normal((rows, columns)),
            rng.standard_normal((rows + 9, columns)) @ rng.random((columns, columns)),
        )
        if flat:
            a[:, 0], b[:, 0] = a[:, 1], b[:, 1]
        s_a, s_b = np.cov(a.T), np.cov(b.T)
        root = sqrtm(s_a @ s_b + 1e-12 * np.eye(columns)).real
        want = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(s_a + s_b - 2 * root)
        assert frechet_distance(a, b) == pytest.approx(want, rel=1e-5)
