"""What two adversaries share: a network that makes pictures, one that finds them out, and both in one module.

A family file, such as gan.py, derives its networks from these. How they learn is in minidl/generation/adversaries.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import nn
from minidl._backend import device_of, to_device
from minidl._checks import check_alike, to_int
from minidl.generation.adversaries import sample
from minidl.models._family import Network
from minidl.nn import init
from minidl.tensor import Tensor

Rng = np.random.Generator | None


class Generator(nn.Module):
    """Base of the generators: from noise (N, latent) to pictures (N, C, side, side), pixels from low to high."""

    low, high = -1.0, 1.0
    name = "generator"

    def __init__(self, name: str, latent: int, channels: int, image_size: int):
        super().__init__()
        self.name = name
        self.latent = to_int(name, "latent", latent, least=1)
        self.channels = to_int(name, "channels", channels, least=1)
        self.image_size = image_size

    def check_noise(self, z: Tensor) -> None:
        """Refuse what is no batch of noise of the right length."""
        check_alike(self.name, z=z)
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ValueError(f"{self.name}: expects noise (N, {self.latent}); z.shape={z.shape}")


class Discriminator(Network):
    """Base of the discriminators: from pictures (N, C, side, side) to logits (N,) of being real."""

    def __init__(self, name: str, channels: int, image_size: int):
        super().__init__()
        self.name, self.image_size = name, image_size
        self.in_channels = to_int(name, "channels", channels, least=1)
        self.input_size = self.smallest = self.largest = image_size

    def explain(self, size: int) -> str:
        """Say what to do: the sizes of both networks are chosen when they are built."""
        return f"the networks were built for image_size={self.image_size}; resize the pictures, or build others"


class Adversaries(nn.Module):
    """A generator and its discriminator in one module, so that one file and one optimiser hold both.

    Real pictures have pixels of their own, from black to white: `span` holds both numbers, and `scaled` brings such
    pictures to what the generator makes.

    Args:
        generator: from noise (N, latent) to pictures.
        discriminator: from pictures to logits (N,).

    Example:
        >>> from minidl import models
        >>> net = models.dcgan(image_size=16, channels=1, width=4, latent=8)
        >>> net(net.noise(2)).shape
        (2, 1, 16, 16)
        >>> net.discriminator(net(net.noise(2))).shape
        (2,)
    """

    takes: frozenset[str] = frozenset()  # of what pictures can be asked for: nothing
    num_classes = None

    def __init__(self, generator: Generator, discriminator: Discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.register_buffer("span", np.array([generator.low, generator.high], dtype=np.float32))

    def noise(self, n: int, rng: Rng = None) -> Tensor:
        """Draw noise for n pictures, (n, latent), from N(0, 1).

        Args:
            n: how many.
            rng: from where; None (default) is minidl's own generator.
        """
        return Tensor(init.normal((to_int("noise", "n", n, least=1), self.generator.latent), 1.0, rng))

    def scaled(self, x: Tensor) -> Tensor:
        """Bring the pixels of real pictures to the range of made ones."""
        black, white = map(float, self.span)
        low, high = self.generator.low, self.generator.high
        return (x - black) * ((high - low) / (white - black)) + low

    def unit(self, x: np.ndarray) -> np.ndarray:
        """Bring the pixels of real pictures to 0 to 1, as `generation.sample` makes them."""
        black, white = map(float, self.span)
        return ((x - black) / (white - black)).clip(0, 1).astype(np.float32)

    def forward(self, z: Tensor) -> Tensor:
        """Make pictures (N, C, side, side) of noise (N, latent)."""
        return self.generator(z)

    def as_counted(self) -> nn.Module:
        """Return one behind the other, pictures and what is said of them: what `minidl.cost` counts."""
        both: Any = nn.Sequential({"generator": self.generator, "discriminator": self.discriminator})
        both.name = f"{self.generator.name} → {self.discriminator.name}"
        return both

    def example_inputs(self, n: int, size: Any, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return noise for n pictures, for `minidl.cost`; its length is that of the generator."""
        latent, dtype = self.generator.latent, self.span.dtype
        if size not in (None, latent, (latent,)):
            raise ValueError(
                f"{self.generator.name}: the size of its input is that of the noise, {latent}; received size={size}; "
                f"build the network with latent={size}"
            )
        noise = rng.standard_normal((n, latent)).astype(dtype)
        return {"noise": Tensor(to_device(noise, device_of(self.span)))}

    def sample(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Make n pictures (n, C, side, side), from 0 to 1; see `generation.Generator`."""
        return sample(self, n, rng)
