"""What networks that make pictures need beside their layers: losses, processes, samplers, and how good they are."""

from minidl.generation.adversaries import (
    adversarial_step,
    discriminator_loss,
    generator_loss,
    sample,
)
from minidl.generation.frechet import frechet_distance

__all__ = [
    "adversarial_step",
    "discriminator_loss",
    "frechet_distance",
    "generator_loss",
    "sample",
]


def __dir__() -> list[str]:
    return [*__all__]
