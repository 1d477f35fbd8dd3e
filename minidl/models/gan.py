"""Adversaries: a network that makes pictures, and one that finds them out (Goodfellow, 2014; Radford, 2015).

A generator turns noise z into pictures; a discriminator says of each picture how sure it is that it was not made so: a
logit, whose sigmoid is D(x). What all such pairs share is in _adversaries.py, how they learn from each other in
minidl/generation/adversaries.py.

`gan` – Goodfellow et al., "Generative adversarial nets", arXiv:1406.2661. The paper leaves the sizes to its code, where
those for MNIST are: 100 normal draws, two layers of 1,200 relus, a sigmoid for each pixel; against it two layers of 240
maxout units of 5 pieces and one logit, with dropout of 0.2 of the pixels and 0.5 of the units. First weights are drawn
evenly from ±0.05 and ±0.005. Deviation: the biases of the pixels are 0; there they begin at the mean of the pictures.

`dcgan` – Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative
adversarial networks", arXiv:1511.06434, Figure 1: 4×4 maps are doubled by transposed convolutions of stride 2 while
their number is halved, and the discriminator goes the same way back with strided ones. No pooling, no hidden linear
layer; batch norm behind every layer but the generator's last and the discriminator's first; relu and a tanh in the
generator, leaky relu of slope 0.2 in the discriminator; weights from N(0, 0.02²). Figure 1 has 1,024 maps of 4×4
(`width` 128) and 5×5 kernels. The authors' second code, and PyTorch's example after it, has `width` 64 and
`kernel_size` 4, whose names of parameters these are. As there (from memory, the paper does not say): no biases but the
norms', and norms' weights from N(1, 0.02²).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from minidl import nn, ops
from minidl._checks import check_fraction, to_int
from minidl.models._adversaries import Adversaries, Discriminator, Generator, Rng
from minidl.models._family import Paper, weighted_layers
from minidl.models._learners import Learner
from minidl.nn import init
from minidl.tensor import Tensor

SLOPE = 0.2  # of the leaky relus
FIRST = 4  # the side of the maps that noise becomes


# --- 2014: layers that see the whole picture


class GANGenerator(Generator):
    """Two layers of relus, and a sigmoid for each pixel; see `gan_generator`."""

    low = 0.0

    def __init__(self, image_size: int, channels: int, latent: int, width: int, *, rng: Rng):
        super().__init__("gan_generator", latent, channels, to_int("gan_generator", "image_size", image_size, least=1))
        width = to_int(self.name, "width", width, least=1)
        self.hidden1 = nn.Linear(latent, width, rng=rng)
        self.hidden2 = nn.Linear(width, width, rng=rng)
        self.pixels = nn.Linear(width, channels * image_size**2, rng=rng)
        _draw_evenly(self, 0.05, rng)

    def forward(self, z: Tensor) -> Tensor:
        """Make pictures (N, C, side, side) from 0 to 1 of noise (N, latent)."""
        self.check_noise(z)
        y = ops.relu(self.hidden2(ops.relu(self.hidden1(z))))
        return ops.sigmoid(self.pixels(y)).reshape(-1, self.channels, self.image_size, self.image_size)


class GANDiscriminator(Discriminator):
    """Two layers of maxout with dropout, and a logit; see `gan_discriminator`."""

    def __init__(self, image_size: int, channels: int, width: int, pieces: int, dropout: float, *, rng: Rng):
        super().__init__("gan_discriminator", channels, to_int("gan_discriminator", "image_size", image_size, least=1))
        width, self.pieces = (to_int(self.name, key, n, least=1) for key, n in (("width", width), ("pieces", pieces)))
        check_fraction(self.name, "dropout", dropout, below_one=True)
        self.hidden1 = nn.Linear(channels * image_size**2, width * pieces, rng=rng)
        self.hidden2 = nn.Linear(width, width * pieces, rng=rng)
        self.real = nn.Linear(width, 1, rng=rng)
        self.drop_pixels, self.drop_units = nn.Dropout(0.4 * dropout), nn.Dropout(dropout)
        _draw_evenly(self, 0.005, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, C, side, side) into logits (N,)."""
        self.check_pictures(x)
        x = self.drop_pixels(ops.flatten(x))
        x = self.drop_units(ops.maxout(self.hidden1(x), self.pieces))
        x = self.drop_units(ops.maxout(self.hidden2(x), self.pieces))
        return self.real(x).reshape(-1)


def _draw_evenly(net: nn.Module, bound: float, rng: Rng) -> None:
    """Draw weights evenly from ±bound; biases are 0."""
    for layer in weighted_layers(net):
        layer.weight.data = init.uniform(layer.weight.shape, bound, rng)
        layer.bias.data = init.zeros(layer.bias.shape)


# --- 2015: convolutions


class DCGANGenerator(Generator):
    """Transposed convolutions from 4×4 to the whole picture; see `dcgan_generator`."""

    def __init__(self, image_size: int, channels: int, latent: int, width: int, kernel_size: int, *, rng: Rng):
        super().__init__("dcgan_generator", latent, channels, image_size)
        maps = _maps(self.name, image_size, width)[::-1]  # for 64×64: 8, 4, 2 and 1 times the width
        padding = _padding(self.name, kernel_size)
        stride: dict[str, Any] = {
            "stride": 2,
            "padding": padding,
            "output_padding": kernel_size % 2,
            "bias": False,
            "rng": rng,
        }
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, maps[0], FIRST, bias=False, rng=rng)]
        for before, after in zip(maps, (*maps[1:], channels)):
            # the relu is in the norm
            layers += [nn.BatchNorm2d(before, activation="relu"), nn.Identity()]
            layers += [nn.ConvTranspose2d(before, after, kernel_size, **stride)]
        self.main = nn.Sequential(*layers, nn.Tanh())
        _draw_normally(self, rng)

    def forward(self, z: Tensor) -> Tensor:
        """Make pictures (N, C, side, side) from -1 to 1 of noise (N, latent)."""
        self.check_noise(z)
        return self.main(z.reshape(-1, self.latent, 1, 1))


class DCGANDiscriminator(Discriminator):
    """Strided convolutions down to 4×4, and a logit; see `dcgan_discriminator`."""

    def __init__(self, image_size: int, channels: int, width: int, kernel_size: int, *, rng: Rng):
        super().__init__("dcgan_discriminator", channels, image_size)
        maps = _maps(self.name, image_size, width)
        stride: dict[str, Any] = {"stride": 2, "padding": _padding(self.name, kernel_size), "bias": False, "rng": rng}
        layers: list[nn.Module] = [nn.Conv2d(channels, maps[0], kernel_size, **stride), nn.LeakyReLU(SLOPE)]
        for before, after in pairwise(maps):
            layers += [nn.Conv2d(before, after, kernel_size, **stride), nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE)]
        self.main = nn.Sequential(*layers, nn.Conv2d(maps[-1], 1, FIRST, bias=False, rng=rng))
        _draw_normally(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, C, side, side) into logits (N,)."""
        self.check_pictures(x)
        return self.main(x).reshape(-1)


def _maps(name: str, image_size: int, width: int) -> tuple[int, ...]:
    """Return the numbers of maps, from those of half the picture's side to those of 4×4.

    Example:
        >>> _maps("dcgan_generator", 64, 128)
        (128, 256, 512, 1024)
    """
    to_int(name, "image_size", image_size, least=2 * FIRST)
    to_int(name, "width", width, least=1)
    times = (image_size // FIRST).bit_length() - 1
    if FIRST << times != image_size:
        raise ValueError(
            f"{name}: image_size must be 4, doubled once or several times by layers of stride 2 "
            f"(8, 16, 32, 64, 128, …); received image_size={image_size}; take {FIRST << times} or {FIRST << times + 1}"
        )
    return tuple(width << level for level in range(times))


def _padding(name: str, kernel_size: int) -> int:
    """Return the border with which a kernel of stride 2 halves a side, and its transpose doubles it.

    A side of 2n becomes (2n + 2·padding - kernel_size) // 2 + 1 = n for padding = (kernel_size - 1) // 2.
    """
    to_int(name, "kernel_size", kernel_size, least=2)
    return (kernel_size - 1) // 2


def _draw_normally(net: nn.Module, rng: Rng) -> None:
    """Draw weights from N(0, 0.02²), and those of norms from N(1, 0.02²)."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.weight.data = init.normal(layer.weight.shape, 0.02, rng)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.weight.data = 1 + init.normal(layer.weight.shape, 0.02, rng)


# --- builders


def gan_generator(
    image_size: int = 28, channels: int = 1, latent: int = 100, width: int = 1200, *, rng: Rng = None
) -> GANGenerator:
    """The generator of 2014, of linear layers: pixels from 0 to 1.

    Args:
        image_size: side of the pictures.
        channels: of the pictures.
        latent: how many numbers of noise.
        width: units of both hidden layers.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Raises:
        ValueError: if a number is below 1.

    Example:
        >>> from minidl import models, nn
        >>> with nn.init.unfilled():
        ...     sum(p.numel() for p in models.gan_generator().parameters())
        2503984
    """
    return GANGenerator(image_size, channels, latent, width, rng=rng)


def gan_discriminator(
    image_size: int = 28,
    channels: int = 1,
    width: int = 240,
    *,
    pieces: int = 5,
    dropout: float = 0.5,
    rng: Rng = None,
) -> GANDiscriminator:
    """The discriminator of 2014: maxout and dropout.

    Args:
        image_size: side of the pictures.
        channels: of the pictures.
        width: maxout units of both hidden layers.
        pieces: straight lines of a unit.
        dropout: share of the units that is left out in training; of the pixels it is 0.4 of that: 0.2, as there.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from minidl import models, nn
        >>> with nn.init.unfilled():
        ...     sum(p.numel() for p in models.gan_discriminator().parameters())
        1231441
    """
    return GANDiscriminator(image_size, channels, width, pieces, dropout, rng=rng)


def gan(
    image_size: int = 28,
    channels: int = 1,
    latent: int = 100,
    width: int = 1200,
    discriminator_width: int = 240,
    *,
    pieces: int = 5,
    dropout: float = 0.5,
    rng: Rng = None,
) -> Adversaries:
    """Both networks of 2014; see `gan_generator` and `gan_discriminator` for the arguments."""
    return Adversaries(
        gan_generator(image_size, channels, latent, width, rng=rng),
        gan_discriminator(image_size, channels, discriminator_width, pieces=pieces, dropout=dropout, rng=rng),
    )


def dcgan_generator(
    image_size: int = 64,
    channels: int = 3,
    latent: int = 100,
    width: int = 128,
    *,
    kernel_size: int = 5,
    rng: Rng = None,
) -> DCGANGenerator:
    """The generator of DCGAN: pixels from -1 to 1.

    Args:
        image_size: side of the pictures: 8, 16, 32, 64, …
        channels: of the pictures.
        latent: how many numbers of noise.
        width: maps of half the pictures' side; each layer before it has twice as many. The paper's is 128.
        kernel_size: of the transposed convolutions: 5 in the paper's figure, 4 in the authors' second code.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Raises:
        ValueError: if image_size is another, or a number is below 1.

    Example:
        >>> from minidl import models, nn
        >>> with nn.init.unfilled():
        ...     sum(p.numel() for p in models.dcgan_generator().parameters())
        18855040
    """
    return DCGANGenerator(image_size, channels, latent, width, kernel_size, rng=rng)


def dcgan_discriminator(
    image_size: int = 64, channels: int = 3, width: int = 128, *, kernel_size: int = 5, rng: Rng = None
) -> DCGANDiscriminator:
    """The discriminator of DCGAN; see `dcgan_generator` for the arguments.

    Example:
        >>> from minidl import models, nn
        >>> with nn.init.unfilled():
        ...     sum(p.numel() for p in models.dcgan_discriminator().parameters())
        17232768
    """
    return DCGANDiscriminator(image_size, channels, width, kernel_size, rng=rng)


def dcgan(
    image_size: int = 64,
    channels: int = 3,
    latent: int = 100,
    width: int = 128,
    *,
    kernel_size: int = 5,
    rng: Rng = None,
) -> Adversaries:
    """Both networks of DCGAN; see `dcgan_generator` for the arguments."""
    return Adversaries(
        dcgan_generator(image_size, channels, latent, width, kernel_size=kernel_size, rng=rng),
        dcgan_discriminator(image_size, channels, width, kernel_size=kernel_size, rng=rng),
    )


LEARNERS = {
    "gan": Learner(
        "gan",
        gan,
        Paper("GAN", 2014, 'Goodfellow et al., "Generative adversarial nets", arXiv:1406.2661'),
        "adversaries of linear layers: relu and sigmoid against maxout",
    ),
    "dcgan": Learner(
        "gan",
        dcgan,
        Paper("DCGAN", 2015, "Radford et al., arXiv:1511.06434, Figure 1"),
        "adversaries of transposed and strided convolutions",
    ),
}
