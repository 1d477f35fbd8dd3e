"""A network that tells noise, together with all that turns it into pictures: what a training of diffusion trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _random, nn
from minidl._backend import Array, array_module, device_of, to_device
from minidl._checks import check_flag, to_int
from minidl.generation.average import Averaged
from minidl.generation.guidance import denoiser
from minidl.generation.loss import denoising_loss, drop
from minidl.generation.process import Diffusion
from minidl.generation.replacing import make_places, region_mask, remember, with_tokens
from minidl.generation.samplers import ddim
from minidl.generation.schedules import make_betas
from minidl.tensor import Tensor

STEPS = 50  # of the sampler, unless asked for another number, or the process has fewer
CHUNK = 64  # pictures that are made at a time
CLIP = (-1.0, 1.0)
EDGE = 0.25  # chance of a token at the edge of a region to change sides, for variety
GUIDANCE = 3.0  # unless asked for, where the network was now and then shown no class


class Diffuser(Averaged):
    """A network and its moving average, the process that it was trained with, and the range of its pictures.

    The network sees numbers from -1 to 1, whatever those of the training pictures were: their range, `low` to `high`,
    is in two buffers.

    Args:
        net: a `DiT`, or what is called alike.
        steps: of the process, T.
        schedule: "linear" or "cosine".
        decay: of the average.
        velocity: whether the network tells velocities instead of noise, see `Diffusion.velocity`.

    Example:
        >>> import numpy as np
        >>> from minidl import models
        >>> from minidl.generation import Diffuser, generate
        >>> net = models.dit_tiny(depth=1, width=8, heads=1)
        >>> pictures = generate(Diffuser(net, steps=10), 3, classes=[0, 1, 2], steps=2, rng=np.random.default_rng(0))
        >>> pictures.shape
        (3, 1, 32, 32)
    """

    takes = frozenset({"classes", "steps", "guidance", "like", "region"})

    def __init__(
        self,
        net: nn.Module,
        *,
        steps: int = 1000,
        schedule: str = "linear",
        decay: float = 0.9999,
        velocity: bool = False,
    ):
        super().__init__(net, decay)
        self.name = getattr(net, "name", "")
        check_flag("Diffuser", "velocity", velocity)
        self.velocity = bool(velocity)
        self.process = Diffusion(make_betas(schedule, steps))
        self.low: Array
        self.high: Array
        self.register_buffer("low", np.full(1, -1.0))
        self.register_buffer("high", np.full(1, 1.0))
        self.num_classes: int = net.num_classes

    def fit_range(self, x: Array) -> None:
        """Take the range of training pictures for what is -1 and 1 inside."""
        low, high = float(x.min()), float(x.max())
        if not low < high:
            raise ValueError(f"Diffuser: the training pictures have one grey value, {low:g}; there is nothing to learn")
        self.low, self.high = (to_device(np.full(1, end), device_of(self.low)) for end in (low, high))

    def loss(self, x: Array, y: Any, rng: np.random.Generator | None = None) -> Tensor:
        """Return the loss on pictures (N, C, H, W) of classes y (N,), some of which are not shown."""
        rng = _random.to_generator("Diffuser", rng)
        if self.net.no_class is not None:
            y = drop(y, self.net.class_dropout_prob, self.net.no_class, rng)
        return self._loss_of(self.net, x, y, rng)

    def loss_of_average(self, x: Array, y: Any, rng: np.random.Generator | None = None) -> Tensor:
        """Return the loss of the average of the weights, which is shown all classes."""
        return self._loss_of(self.average, x, y, rng)

    def _loss_of(self, net: Any, x: Array, y: Any, rng: np.random.Generator | None) -> Tensor:
        return denoising_loss(net, self.process, self.inside(x), y, rng, velocity=self.velocity)

    def sample(
        self,
        n: int,
        *,
        rng: np.random.Generator,
        classes: Any = None,
        steps: int | None = None,
        guidance: float | None = None,
        like: Array | None = None,
        region: Any = None,
    ) -> Array:
        """Return n pictures (n, C, H, W) from 0 to 1, by DDIM, of the average of the weights.

        Args:
            n: how many.
            rng: generator of the noise.
            classes: of each, (n,); None (default) takes all of them in turn.
            steps: of the sampler; None (default) means 50.
            guidance: how much the class matters; None (default) means 3 where the network was shown no class at times.
            like: a picture (C, H, W), from 0 to 1, whose tokens are taken in the region.
            region: (x0, y0, x1, y1) in pixels.

        Raises:
            ValueError: if there are more steps than the process has, a network that always knew the class is to be
                guided, the region leaves the picture, or only one of `like` and `region` is given.
        """
        net: Any = self.average
        if (like is None) != (region is None):
            there, missing = ("like", "region") if region is None else ("region", "like")
            raise ValueError(f"generate: {there} needs {missing} as well: whose tokens, and where")
        steps = min(STEPS, len(self.process)) if steps is None else to_int("generate", "steps", steps, least=1)
        if steps > len(self.process):
            raise ValueError(
                f"generate: this network was trained with {len(self.process)} steps; received steps={steps}"
            )
        if guidance is None:
            guidance = 1.0 if net.no_class is None else GUIDANCE
        classes = np.arange(n) % self.num_classes if classes is None else np.asarray(classes)
        process, side = self.process.spaced(steps), net.input_size
        make = self._plain if like is None else self._like(process, like, region, n, rng)
        noise = _random.draw("standard_normal", (n, net.in_channels, side, side), rng)
        x = to_device(noise.astype(net.pos_embed.dtype), device_of(net.pos_embed))
        parts = [slice(start, start + CHUNK) for start in range(0, n, CHUNK)]
        made = [make(process, x[part], classes[part], part, guidance) for part in parts]
        return (array_module(x).concatenate(made).clip(-1.0, 1.0) + 1) / 2

    def _plain(self, process: Diffusion, x: Array, classes: Any, part: slice, guidance: float) -> Array:
        ask = denoiser(self.average, classes, guidance, velocity=process if self.velocity else None)
        return ddim(ask, process, x, clip=CLIP)

    def _like(self, process: Diffusion, like: Array, region: Any, n: int, rng: np.random.Generator) -> Any:
        """Return what makes pictures with the tokens of another one in a region."""
        net: Any = self.average
        expected = (net.in_channels, net.input_size, net.input_size)
        if like.shape != expected:
            raise ValueError(f"generate: like must be a picture {expected}; like.shape={like.shape}")
        places = make_places(region_mask(region, net.input_size, net.patch_size), n, edge=EDGE, rng=rng)
        label = self.num_classes - 1 if net.no_class is None else net.no_class
        picture = to_device(like.astype(net.pos_embed.dtype), device_of(net.pos_embed)) * 2 - 1
        reference = remember(net, process, picture, label, velocity=self.velocity)

        def make(process: Diffusion, x: Array, classes: Any, part: slice, guidance: float) -> Array:
            settings: Any = {"guidance": guidance, "clip": CLIP, "velocity": self.velocity}
            return with_tokens(net, process, x, classes, reference, places[part], **settings)

        return make

    def inside(self, x: Array) -> Array:
        """Return pictures as the network sees them, from -1 to 1."""
        low, high = float(self.low[0]), float(self.high[0])
        return (x - x.dtype.type(low)) * x.dtype.type(2 / (high - low)) - x.dtype.type(1)
