"""A subject of one picture on others, without training: its tokens take the places of those that are there.

    X̂ = X · (1 - M) + X_ref · M            M: the tokens of a region

The idea is that of "Personalize anything for free with diffusion transformer" (Feng et al., arXiv:2503.12590). A
picture is followed to its noise (`invert`), and the tokens that a transformer makes of it on the way are kept. Then
other pictures are made, and in the early, noisy steps, which decide what is where, the tokens of the region are
exchanged for those of the reference: where they enter, as patches of x_t, and before every block. Later they are let
go, and the network makes one picture of both.

Tokens carry their place (it was added at the entrance), so a token that moves has the old place taken off and the new
one added. Which token goes where is one table, `places` (N, L): the reference's token for each token of each picture,
or -1 where the picture keeps its own. For variety, the region's tokens are shuffled a little, and its edge is moved.

Not as in the paper: in the late steps its tokens still look at the reference's, by attention over both; here they are
left alone. And its transformer is told texts, this one classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import _random
from minidl._backend import Array, array_module, device_of, to_device
from minidl._checks import check_fraction, shown, to_int
from minidl._looks import Brief
from minidl.generation.guidance import denoiser
from minidl.generation.process import Diffusion
from minidl.generation.samplers import Range, ddim, invert
from minidl.tensor import Tensor, no_grad

NONE = -1  # in a table of places: the picture keeps its own token


@dataclass(frozen=True)
class Reference(Brief):
    """What is kept of a picture: x at the beginning of every step (1, C, H, W), and its tokens before every block."""

    way: list[Array]
    tokens: list[list[Array]]


def remember(
    net: Any, process: Diffusion, picture: Array, label: int, *, rounds: int = 5, velocity: bool = False
) -> Reference:
    """Follow a picture to its noise, and keep the tokens that a network makes of it at every step.

    Args:
        net: a `DiT`, in eval.
        process: the steps that samples will be made with.
        picture: (C, H, W), in the numbers of the training pictures.
        label: what is on it: a class, or `net.no_class`.
        rounds: see `invert`.
        velocity: whether the network tells velocities.
    """
    y = np.array([label])
    way = invert(denoiser(net, y, velocity=process if velocity else None), process, picture[None], rounds=rounds)[1:]
    tokens: list[list[Array]] = []
    for t, x in enumerate(way):
        kept: list[Array] = []

        def keep(number: int, x: Tensor, kept: list[Array] = kept) -> Tensor:
            kept.append(x.data[0])
            return x

        with no_grad():
            net(Tensor(x), process.timesteps[[t]], y, edit=keep)
        tokens.append(kept)
    return Reference(way, tokens)


def region_mask(region: Any, size: int, patch: int) -> np.ndarray:
    """Return the tokens (side, side) whose patches a region of pixels touches.

    Args:
        region: (x0, y0, x1, y1), of which the last two are outside, as in a crop.
        size: side of the pictures.
        patch: side of a patch.

    Raises:
        ValueError: if the region is empty or leaves the picture.

    Example:
        >>> from minidl.generation import region_mask
        >>> region_mask((0, 4, 5, 8), 8, 4).astype(int).tolist()
        [[0, 0], [1, 1]]
    """
    if not isinstance(region, (tuple, list)) or len(region) != 4:
        raise ValueError(f"region: expects four numbers x0, y0, x1, y1; received region={shown(region)}")
    x0, y0, x1, y1 = (to_int("region", name, value, least=0) for name, value in zip(("x0", "y0", "x1", "y1"), region))
    if not (x0 < x1 <= size and y0 < y1 <= size):
        raise ValueError(
            f"region: expects 0 <= x0 < x1 <= {size} and 0 <= y0 < y1 <= {size} in pictures of {size}×{size}; "
            f"received x0,y0,x1,y1={x0},{y0},{x1},{y1}"
        )
    mask = np.zeros((size // patch, size // patch), bool)
    mask[y0 // patch : -(-y1 // patch), x0 // patch : -(-x1 // patch)] = True
    return mask


def make_places(
    mask: np.ndarray, n: int, *, window: int = 1, edge: float = 0.0, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return which token of the reference each token of n pictures takes, (n, L); -1: none.

    Args:
        mask: the tokens of the region, (side, side).
        n: how many pictures.
        window: tokens are shuffled within squares of that side; 1 (default) leaves them where they are.
        edge: chance of each token at the region's edge, inside or outside of it, to change sides.
        rng: generator of both; None (default) takes the one of `minidl.manual_seed`.
    """
    window = to_int("make_places", "window", window, least=1)
    check_fraction("make_places", "edge", edge)
    rng = _random.to_generator("make_places", rng)
    own = np.arange(mask.size).reshape(mask.shape)
    border = np.zeros_like(mask)
    for axis in (0, 1):
        differs = np.diff(mask, axis=axis)
        ahead, behind = (np.pad(differs, [(0, 0)] * axis + [pad] + [(0, 0)] * (1 - axis)) for pad in ((0, 1), (1, 0)))
        border |= ahead | behind
    places = np.full((n, mask.size), NONE)
    for one in places:
        found = own.copy()
        for top in range(0, len(mask), window):
            for left in range(0, len(mask), window):
                square = found[top : top + window, left : left + window]
                inside = mask[top : top + window, left : left + window]
                square[inside] = rng.permutation(square[inside])
        taken = mask ^ (border & (rng.random(mask.shape) < edge))
        one[taken.reshape(-1)] = found[taken]
    return places


def with_tokens(
    net: Any,
    process: Diffusion,
    x: Array,
    y: Any,
    reference: Reference,
    places: np.ndarray,
    *,
    share: float = 0.5,
    guidance: float = 1.0,
    clip: Range = None,
    velocity: bool = False,
) -> Array:
    """Return pictures made of noise by DDIM, with the reference's tokens in their places in the early steps.

    Args:
        net: a `DiT`, in eval.
        process: the steps that the reference was remembered with.
        x: where to begin: noise (N, C, H, W).
        y: the class of each picture, (N,).
        reference: see `remember`.
        places: see `make_places`.
        share: of the steps, the first, noisy ones, in which tokens are replaced; then they are let go.
        guidance: see `denoiser`.
        clip: see `ddim`.
        velocity: whether the network tells velocities.
    """
    check_fraction("with_tokens", "share", share)
    early = len(process) - round(share * len(process))  # steps are counted down: t >= early
    step = [len(process)]
    index = to_device(np.where(places == NONE, 0, places), device_of(x))
    taken = to_device(places != NONE, device_of(x))

    def edit(block: int, tokens: Tensor) -> Tensor:
        if step[0] < early:
            return tokens
        xp, times = array_module(x), len(tokens.data) // len(x)  # guidance asks for all of them twice
        places_of, chosen = (xp.concatenate([one] * times) for one in (index, taken[:, :, None]))
        free = reference.tokens[step[0]][block] - net.pos_embed[0]
        return Tensor(xp.where(chosen, free[places_of] + net.pos_embed, tokens.data))

    def between(t: int, x: Array) -> Array:
        step[0] = t
        if t < early:
            return x
        own, theirs = (_patches(one, net.patch_size) for one in (x, reference.way[t]))
        chosen = array_module(x).where(taken[:, :, None], theirs[0][index], own)
        return _pictures(chosen, x.shape, net.patch_size)

    ask = denoiser(net, y, guidance, velocity=process if velocity else None, edit=edit)
    return ddim(ask, process, x, clip=clip, between=between)


def _patches(x: Array, p: int) -> Array:
    """(N, C, H, W) -> (N, L, C·p·p)."""
    n, c, h, width = x.shape
    return x.reshape(n, c, h // p, p, width // p, p).transpose(0, 2, 4, 1, 3, 5).reshape(n, -1, c * p * p)


def _pictures(patches: Array, shape: tuple[int, ...], p: int) -> Array:
    """(N, L, C·p·p) -> (N, C, H, W), the inverse of `_patches`."""
    n, c, h, width = shape
    return patches.reshape(n, h // p, width // p, c, p, p).transpose(0, 3, 1, 4, 2, 5).reshape(shape)
