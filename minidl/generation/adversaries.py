"""How a generator and a discriminator learn from each other: two losses, and one step of both.

With a(x) the discriminator's logit, D(x) = σ(a(x)) is how sure it is that x is real, and log D = -softplus(-a),
log(1 - D) = -softplus(a). Goodfellow et al. (arXiv:1406.2661, equation 1) let both fight over one number,

    V = E_x log D(x) + E_z log(1 - D(G(z)))           the discriminator raises it, the generator lowers it

    discriminator       d_loss = -V = E softplus(-a(x)) + E softplus(a(G(z)))
    generator           minimax         g_loss = E log(1 - D(G(z))) = -E softplus(a(G(z)))       d g_loss/da = -D
                        non-saturating  g_loss = -E log D(G(z))     =  E softplus(-a(G(z)))      d g_loss/da = D - 1

Both pull a(G(z)) upwards. But at the beginning every picture of the generator is found out, D(G(z)) ≈ 0, and there the
first has no slope left and the second has all of it: that is why the second is used (section 3 of the paper).
docs/generation.md has the derivation, and what V is at its best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl import ops
from minidl._backend import to_numpy
from minidl._checks import check_choice, check_tensor, to_int
from minidl._random import to_generator
from minidl.nn import Module
from minidl.optim import Optimizer
from minidl.tensor import Tensor, no_grad

LOSSES = ("non_saturating", "minimax")
CHUNK = 64  # so many pictures are made at a time


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return -V: the mean of -log D over real pictures and that of -log(1 - D) over made ones, added.

    Args:
        real: logits of real pictures, any shape.
        fake: logits of made ones, any shape.

    Example:
        >>> loss = discriminator_loss(Tensor([0.0]), Tensor([0.0]))  # it does not know: 2·log 2
        >>> round(loss.item(), 4)
        1.3863
    """
    check_tensor("discriminator_loss", "real", real)
    check_tensor("discriminator_loss", "fake", fake)
    return ops.softplus(-real).mean() + ops.softplus(fake).mean()


def generator_loss(fake: Tensor, kind: str = "non_saturating") -> Tensor:
    """Return what the generator lowers: -log D (non-saturating, default) or log(1 - D) (minimax), on the average.

    Args:
        fake: logits of made pictures, any shape.
        kind: "non_saturating" or "minimax".

    Raises:
        ValueError: if kind is another word.

    Example:
        >>> for kind in LOSSES:  # a picture that is found out for sure: one has all of its slope left, the other none
        ...     fake = Tensor([-9.0], requires_grad=True)
        ...     generator_loss(fake, kind).backward()
        ...     print(kind, fake.grad.round(3))
        non_saturating [-1.]
        minimax [-0.]
    """
    check_tensor("generator_loss", "fake", fake)
    check_choice("generator_loss", "kind", kind, LOSSES)
    return ops.softplus(-fake).mean() if kind == "non_saturating" else -ops.softplus(fake).mean()


def adversarial_step(
    net: Any,
    optimizer: Optimizer,
    x: Tensor,
    z: Tensor,
    *,
    kind: str = "non_saturating",
    judge: Callable[[str, Tensor], Any] = lambda part, loss: None,
) -> dict[str, float]:
    """Let the discriminator learn from real and made pictures, then the generator from the discriminator.

    First the discriminator moves: it sees the made pictures as plain numbers (`detach`), so nothing reaches the
    generator. Then the generator moves: the gradient passes through the discriminator, which is frozen meanwhile. Each
    has gradients only while it is its turn, and an optimiser leaves alone what has none, so one serves both. Both see
    the same pictures; real and made ones go through the discriminator apart, each with the statistics of its own batch.

    Args:
        net: has `generator` and `discriminator`, such as `models.dcgan()`.
        optimizer: of all parameters of the net.
        x: real pictures, scaled as the generator's are.
        z: noise for as many.
        kind: the generator's loss, see `generator_loss`.
        judge: is told the name of the network whose turn it is, and its loss, before each way back.

    Returns:
        d_loss and g_loss; D(x) and D(G(z)), means over the batch, before the discriminator has moved.

    Example:
        >>> from minidl import models, optim
        >>> net = models.dcgan(image_size=8, channels=1, latent=4, width=4)
        >>> optimizer = optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
        >>> x = Tensor(np.zeros((6, 1, 8, 8), dtype=np.float32))
        >>> list(adversarial_step(net, optimizer, x, net.noise(6)))
        ['d_loss', 'g_loss', 'D(x)', 'D(G(z))']
    """
    made = net.generator(z)

    optimizer.zero_grad()
    real, fake = net.discriminator(x), net.discriminator(made.detach())
    d_loss = discriminator_loss(real, fake)
    judge("discriminator", d_loss)
    d_loss.backward()
    optimizer.step()

    optimizer.zero_grad()
    with frozen(net.discriminator):
        g_loss = generator_loss(net.discriminator(made), kind)
        judge("generator", g_loss)
        g_loss.backward()
    optimizer.step()
    with no_grad():
        sure = (ops.sigmoid(real).mean().item(), ops.sigmoid(fake).mean().item())
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item(), "D(x)": sure[0], "D(G(z))": sure[1]}


@contextmanager
def frozen(net: Module) -> Iterator[None]:
    """Let no parameter of a network want a gradient inside the block; those that did do so again behind it.

    Example:
        >>> from minidl import nn
        >>> layer = nn.Linear(2, 1)
        >>> with frozen(layer):
        ...     layer.weight.requires_grad
        False
        >>> layer.weight.requires_grad
        True
    """
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


def sample(net: Any, n: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Make n pictures, in evaluation: (n, C, side, side), float32 from 0 to 1.

    Args:
        net: has `generator` and `noise`, such as `models.dcgan()`; its mode stays what it was.
        n: how many.
        rng: where the noise comes from; None (default) is minidl's own generator.

    Example:
        >>> from minidl import models
        >>> sample(models.dcgan(image_size=8, channels=1, width=4), 3).shape
        (3, 1, 8, 8)
    """
    n, rng = to_int("sample", "n", n, least=1), to_generator("sample", rng)
    return pictures_of(net, net.noise(n, rng))


def pictures_of(net: Any, z: Tensor) -> np.ndarray:
    """Make pictures of noise (N, latent), in evaluation: (N, C, side, side), float32 from 0 to 1."""
    generator = net.generator
    made = []
    with net.modes_kept(), no_grad():
        generator.eval()
        for start in range(0, len(z), CHUNK):
            made.append(to_numpy(generator(z[start : start + CHUNK])._data))
    return ((np.concatenate(made) - generator.low) / (generator.high - generator.low)).clip(0, 1).astype(np.float32)
