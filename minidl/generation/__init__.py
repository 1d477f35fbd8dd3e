"""What networks that make pictures need beside their layers: losses, processes, samplers, and how good they are."""

from minidl.generation.adversaries import (
    adversarial_step,
    discriminator_loss,
    generator_loss,
    sample,
)
from minidl.generation.average import Averaged
from minidl.generation.contract import generate
from minidl.generation.diffuser import Diffuser
from minidl.generation.frechet import frechet_distance
from minidl.generation.guidance import denoiser
from minidl.generation.loss import denoising_loss, drop, loss_at
from minidl.generation.process import Diffusion
from minidl.generation.replacing import Reference, make_places, region_mask, remember, with_tokens
from minidl.generation.samplers import ddim, ddpm, invert
from minidl.generation.schedules import SCHEDULES, cosine, linear, make_betas

__all__ = [
    "SCHEDULES",
    "Averaged",
    "Diffuser",
    "Diffusion",
    "Reference",
    "adversarial_step",
    "cosine",
    "ddim",
    "ddpm",
    "denoiser",
    "denoising_loss",
    "discriminator_loss",
    "drop",
    "frechet_distance",
    "generate",
    "generator_loss",
    "invert",
    "linear",
    "loss_at",
    "make_betas",
    "make_places",
    "region_mask",
    "remember",
    "sample",
    "with_tokens",
]


def __dir__() -> list[str]:
    return [*__all__]
