"""DiT: Peebles, Xie, "Scalable diffusion models with transformers" (arXiv:2212.09748), Tables 1 and 4.

A network that is shown a noisy picture, and says which noise is in it. It is a vision transformer with two differences:
it answers with a picture, token by token, and it is told how noisy the picture is (t) and what is to be on it (y).

    patches      as in ViT, a convolution whose stride is its kernel; sines and cosines of the place are added, which
                 nobody learns: half of a token's numbers tell its column, the other half its row
    t            256 cosines and sines of it, of ever longer waves, through two linear layers
    y            a row of a table; one more row stands for "no class", which training takes now and then, so that the
                 network can also be asked what it sees without being told (guidance needs both)
    blocks       c = t + y sets the norms of every block by one linear layer behind a SiLU, adaLN: six vectors, for
                 shift, scale and gate of attention and of the two linear layers,
                     x + gate · attention(norm(x) · (1 + scale) + shift)
                 which begins with zeros ("adaLN-Zero"): with gates of 0 every block is the identity at first
    final layer  a norm set by c, and a linear layer that writes p·p pixels of the noise for each token, and as many
                 numbers that say how far the step back may scatter, where that is learnt ("sigma")

Names of parameters are those of the authors' code. `dit_tiny` is minidl's own: the same network for pictures of 32×32
as they are, without an encoder before it and without sigma, small enough to be trained on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import nn, ops
from minidl._backend import device_of, to_device
from minidl._checks import check_divides, check_flag, check_fraction, is_int, to_int
from minidl.generation import Diffuser
from minidl.models._family import Network, Paper
from minidl.models._learners import Learner, named_after
from minidl.nn import init
from minidl.tensor import Tensor

EPS = 1e-6  # of all norms
FREQUENCIES = 256  # numbers that tell t before the first linear layer
LONGEST = 10_000  # of the waves: as many steps

Edit = Callable[[int, Tensor], Tensor]  # (number of the block, its tokens) -> the tokens that it gets


def positions(side: int, width: int) -> np.ndarray:
    """Return the table of places (side·side, width): sines and cosines of the column, then those of the row.

    Each of the two takes half of the width: width/4 sines, width/4 cosines of place / LONGEST^(i / (width/4)).

    Example:
        >>> from minidl.models.dit import positions
        >>> positions(2, 4).round(2)
        array([[0.  , 1.  , 0.  , 1.  ],
               [0.84, 0.54, 0.  , 1.  ],
               [0.  , 1.  , 0.84, 0.54],
               [0.84, 0.54, 0.84, 0.54]])
    """
    rows, columns = np.divmod(np.arange(side * side), side)
    waves = float(LONGEST) ** -(np.arange(width // 4) / (width / 4))
    angles = [place[:, None] * waves for place in (columns, rows)]
    return np.concatenate([half for angle in angles for half in (np.sin(angle), np.cos(angle))], axis=1)


def frequencies(t: Any, numbers: int = FREQUENCIES) -> np.ndarray:
    """Return cosines and then sines of t, of waves that get longer by the same factor: (N,) -> (N, numbers).

    Example:
        >>> from minidl.models.dit import frequencies
        >>> frequencies([0, 1], 4).round(2)
        array([[1.  , 1.  , 0.  , 0.  ],
               [0.54, 1.  , 0.84, 0.01]])
    """
    half = numbers // 2
    angles = np.asarray(t, np.float64)[:, None] * float(LONGEST) ** -(np.arange(half) / half)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


class PatchEmbedder(nn.Module):
    """Patches side by side become tokens: (N, C, H, W) -> (N, L, D)."""

    def __init__(self, patch_size: int, in_channels: int, width: int, *, rng: np.random.Generator | None):
        super().__init__()
        self.proj = nn.Conv2d(in_channels, width, patch_size, stride=patch_size, rng=rng)
        flat = init.glorot_uniform((width, in_channels * patch_size**2), rng)  # as the linear layer that it is
        self.proj.weight.data = flat.reshape(self.proj.weight.shape)
        self.proj.bias.data = init.zeros((width,))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply every patch with the same matrix."""
        return ops.transpose(ops.flatten(self.proj(x), 2), 0, 2, 1)


class TimestepEmbedder(nn.Module):
    """How noisy the picture is, as a vector: (N,) -> (N, D)."""

    def __init__(self, width: int, *, rng: np.random.Generator | None):
        super().__init__()
        self.mlp = nn.Sequential(_linear(FREQUENCIES, width, rng, 0.02), nn.SiLU(), _linear(width, width, rng, 0.02))

    def forward(self, t: Any) -> Tensor:
        """Two linear layers on the cosines and sines of t."""
        weight = self.mlp[0].weight
        return self.mlp(Tensor(to_device(frequencies(t).astype(weight.dtype), weight.device)))


class LabelEmbedder(nn.Module):
    """What is to be on the picture, as a vector: (N,) -> (N, D); the last row of the table stands for no class."""

    def __init__(self, num_classes: int, width: int, dropout: float, *, rng: np.random.Generator | None):
        super().__init__()
        self.num_classes, self.dropout = num_classes, dropout
        self.embedding_table = nn.Embedding(num_classes + (dropout > 0), width, rng=rng)
        self.embedding_table.weight.data = init.normal(self.embedding_table.weight.shape, 0.02, rng)

    def forward(self, y: Any) -> Tensor:
        """Return the rows of the classes."""
        return self.embedding_table(y)


class Attention(nn.Module):
    """Every token looks at every other one; queries, keys and values come from one product."""

    def __init__(self, width: int, heads: int, *, rng: np.random.Generator | None):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = _linear(width, 3 * width, rng), _linear(width, width, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn tokens (N, L, D) into tokens (N, L, D)."""
        each = (self.heads, x.shape[2] // self.heads)
        parts = ops.split(self.qkv(x), 3, axis=2)
        q, k, v = (ops.transpose(ops.unflatten(part, 2, each), 0, 2, 1, 3) for part in parts)  # (N, H, L, D / H)
        y = ops.scaled_dot_product_attention(q, k, v)
        return self.proj(ops.flatten(ops.transpose(y, 0, 2, 1, 3), 2))


class MLP(nn.Module):
    """Two linear layers with a gelu between them, by its formula with tanh."""

    def __init__(self, width: int, hidden: int, *, rng: np.random.Generator | None):
        super().__init__()
        self.fc1, self.fc2 = _linear(width, hidden, rng), _linear(hidden, width, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn each token into another one."""
        return self.fc2(ops.gelu(self.fc1(x), approximate="tanh"))


class DiTBlock(nn.Module):
    """Attention and two linear layers, each behind a norm that c sets and before a gate that c sets."""

    def __init__(self, width: int, heads: int, hidden: int, *, rng: np.random.Generator | None):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, EPS, elementwise_affine=False)
        self.attn = Attention(width, heads, rng=rng)
        self.norm2 = nn.LayerNorm(width, EPS, elementwise_affine=False)
        self.mlp = MLP(width, hidden, rng=rng)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), _zeros(width, 6 * width))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Turn tokens (N, L, D) into tokens (N, L, D), as c (N, D) says."""
        one = ops.unflatten(self.adaLN_modulation(c), 1, (6, 1, x.shape[2]))  # (N, 6, 1, D)
        shift1, scale1, gate1, shift2, scale2, gate2 = (one[:, i] for i in range(6))
        x = x + gate1 * self.attn(_modulate(self.norm1(x), shift1, scale1))
        return x + gate2 * self.mlp(_modulate(self.norm2(x), shift2, scale2))


class FinalLayer(nn.Module):
    """A norm that c sets, and the pixels of every patch."""

    def __init__(self, width: int, pixels: int):
        super().__init__()
        self.norm_final = nn.LayerNorm(width, EPS, elementwise_affine=False)
        self.linear = _zeros(width, pixels)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), _zeros(width, 2 * width))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Turn tokens (N, L, D) into patches (N, L, p·p·C)."""
        one = ops.unflatten(self.adaLN_modulation(c), 1, (2, 1, x.shape[2]))
        return self.linear(_modulate(self.norm_final(x), one[:, 0], one[:, 1]))


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1.0 + scale) + shift


def _linear(into: int, out: int, rng: np.random.Generator | None, deviation: float | None = None) -> nn.Linear:
    """A linear layer with Glorot's weights, or normal ones of a deviation, and biases of 0."""
    layer = nn.Linear(into, out, rng=rng)
    shape = (out, into)
    layer.weight.data = init.glorot_uniform(shape, rng) if deviation is None else init.normal(shape, deviation, rng)
    layer.bias.data = init.zeros((out,))
    return layer


def _zeros(into: int, out: int) -> nn.Linear:
    """A linear layer that begins with zeros."""
    layer = nn.Linear(into, out)
    layer.weight.data, layer.bias.data = init.zeros((out, into)), init.zeros((out,))
    return layer


class DiT(Network):
    """A diffusion transformer: which noise is in a picture x, at step t, of class y.

    Args:
        patch_size: side of a patch, p.
        depth: how many blocks.
        heads: of attention.
        width: numbers of a token, D; divisible by 4 and by the heads.
        mlp_ratio: numbers inside of a block's linear layers, as a multiple of D.
        input_size: side of the pictures (or latents).
        in_channels: of the pictures, C.
        num_classes: how many classes there are.
        class_dropout_prob: how often training shows no class; with 0 there is no such row, and no guidance.
        learn_sigma: whether the answer has C more channels, which say how far a step may scatter.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        x (N, C, H, W), t (N,) steps, y (N,) classes -> (N, C, H, W), or (N, 2C, H, W) with sigma

    Raises:
        ValueError: if patches do not divide the side, heads do not divide the width, or a number is out of range.
    """

    def __init__(
        self,
        patch_size: int = 2,
        depth: int = 12,
        heads: int = 6,
        width: int = 384,
        *,
        mlp_ratio: float = 4.0,
        input_size: int = 32,
        in_channels: int = 4,
        num_classes: int = 1000,
        class_dropout_prob: float = 0.1,
        learn_sigma: bool = True,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        op = "DiT"
        self.patch_size = to_int(op, "patch_size", patch_size, least=1)
        self.input_size = self.smallest = self.largest = to_int(op, "input_size", input_size, least=1)
        self.in_channels = to_int(op, "in_channels", in_channels, least=1)
        self.num_classes = to_int(op, "num_classes", num_classes, least=1)
        check_fraction(op, "class_dropout_prob", class_dropout_prob)
        check_flag(op, "learn_sigma", learn_sigma)
        self.class_dropout_prob, self.learn_sigma = class_dropout_prob, bool(learn_sigma)
        check_divides(op, "patch_size", patch_size, "input_size", input_size)
        check_divides(op, "4", 4, "width", to_int(op, "width", width, least=1))
        check_divides(op, "heads", to_int(op, "heads", heads, least=1), "width", width)
        self.side = input_size // patch_size  # in patches
        self.out_channels = in_channels * (2 if learn_sigma else 1)
        self.x_embedder = PatchEmbedder(patch_size, in_channels, width, rng=rng)
        self.t_embedder = TimestepEmbedder(width, rng=rng)
        self.y_embedder = LabelEmbedder(num_classes, width, class_dropout_prob, rng=rng)
        self.register_buffer("pos_embed", positions(self.side, width)[None].astype(np.float32))
        hidden = int(width * mlp_ratio)
        self.blocks = nn.ModuleList([DiTBlock(width, heads, hidden, rng=rng) for _ in range(depth)])
        self.final_layer = FinalLayer(width, patch_size**2 * self.out_channels)

    @property
    def no_class(self) -> int | None:
        """The number that stands for no class; None if the network was built without."""
        return self.num_classes if self.class_dropout_prob else None

    def explain(self, size: int) -> str:
        """Say how many patches the side of a picture has, and how many the table of places has."""
        patch, whole, over = self.patch_size, size // self.patch_size, size % self.patch_size
        cure = f"resize the pictures to {self.input_size}×{self.input_size}"
        if over:
            return f"patches of {patch}×{patch} do not divide the side: {size} = {whole}·{patch} + {over}; {cure}"
        return f"{size} / {patch} = {whole} patches a side, but there are {self.side} places a side; {cure}"

    def forward(self, x: Tensor, t: Any, y: Any, edit: Edit | None = None) -> Tensor:
        """Tell the noise; L is the number of patches, D the width.

        Args:
            x: pictures (N, C, H, W).
            t: the step of each, (N,): 0 has next to no noise.
            y: the class of each, (N,) whole numbers; `no_class` for none.
            edit: is shown the tokens before every block, as `edit(number of the block, tokens)`, and returns those that
                the block gets; None (default) leaves them.
        """
        self.check_pictures(x)
        t, y = self._check_numbers("t", t, x), self._check_numbers("y", y, x)
        x = self.x_embedder(x) + Tensor(self.pos_embed)  # (N, L, D)
        c = self.t_embedder(t) + self.y_embedder(y)  # (N, D)
        for number, block in enumerate(self.blocks):
            x = block(x if edit is None else edit(number, x), c)
        return self._picture(self.final_layer(x, c))  # (N, L, p·p·C) -> (N, C, H, W)

    def example_inputs(self, n: int, size: Any, rng: np.random.Generator) -> dict[str, Any]:
        """Return what n calls would be given, for `minidl.cost`; the size is the side of the pictures, or (C, H, W)."""
        side: Any = self.input_size if size is None else size
        shape = (self.in_channels, side, side) if is_int(side) else tuple(side)
        pictures = rng.standard_normal((n, *shape)).astype(self.pos_embed.dtype)
        return {
            "picture": Tensor(to_device(pictures, device_of(self.pos_embed))),
            "step": rng.integers(0, LONGEST, n),
            "class": rng.integers(0, self.num_classes, n),
        }

    def _picture(self, x: Tensor) -> Tensor:
        """Lay the patches side by side."""
        p, side = self.patch_size, self.side
        x = ops.reshape(x, x.shape[0], side, side, p, p, self.out_channels)
        x = ops.transpose(x, 0, 5, 1, 3, 2, 4)  # (N, C, side, p, side, p)
        return ops.reshape(x, x.shape[0], self.out_channels, side * p, side * p)

    def _check_numbers(self, name: str, value: Any, x: Tensor) -> np.ndarray:
        found = np.asarray(value)
        if found.shape != (x.shape[0],):
            raise ValueError(
                f"{self.name or 'DiT'}: expects {name} of shape ({x.shape[0]},), one for each picture; "
                f"{name}.shape={found.shape}, x.shape={x.shape}"
            )
        return found


PAPER = Paper("DiT", 2022, "Peebles, Xie, arXiv:2212.09748, Table 1")


def _size(depth: int, heads: int, width: int, **more: Any) -> dict[str, Any]:
    return {"patch_size": 2, "depth": depth, "heads": heads, "width": width, **more}


# Table 1: layers, heads, hidden size D of Small, Base, Large and XLarge; behind the name, the side of the patches.
SIZES: dict[str, dict[str, Any]] = {
    "dit_s_2": _size(12, 6, 384),
    "dit_b_2": _size(12, 12, 768),
    "dit_l_2": _size(24, 16, 1024),
    "dit_xl_2": _size(28, 16, 1152),
    "dit_tiny": _size(4, 4, 128, in_channels=1, num_classes=10, learn_sigma=False) | {"patch_size": 8},
}


def _build(name: str, settings: dict[str, Any]) -> DiT:
    net = DiT(**SIZES[name] | settings)
    net.name = name
    return net


@named_after(DiT, SIZES["dit_s_2"])
def dit_s_2(**settings: Any) -> DiT:
    """Small, patches of 2×2 of latents 4×32×32: 33 million parameters. Settings are those of `DiT`."""
    return _build("dit_s_2", settings)


@named_after(DiT, SIZES["dit_b_2"])
def dit_b_2(**settings: Any) -> DiT:
    """Base, patches of 2×2 of latents 4×32×32: 130 million parameters. Settings are those of `DiT`."""
    return _build("dit_b_2", settings)


@named_after(DiT, SIZES["dit_l_2"])
def dit_l_2(**settings: Any) -> DiT:
    """Large, patches of 2×2 of latents 4×32×32: 458 million parameters. Settings are those of `DiT`."""
    return _build("dit_l_2", settings)


@named_after(DiT, SIZES["dit_xl_2"])
def dit_xl_2(**settings: Any) -> DiT:
    """XLarge, patches of 2×2 of latents 4×32×32: 675 million parameters. Settings are those of `DiT`."""
    return _build("dit_xl_2", settings)


@named_after(DiT, SIZES["dit_tiny"])
def dit_tiny(**settings: Any) -> DiT:
    """Small enough for a CPU: pictures of 32×32 as they are, patches of 8×8, ten classes. Settings as `DiT`."""
    return _build("dit_tiny", settings)


def tiny_diffuser(
    *, steps: int = 1000, schedule: str = "linear", decay: float = 0.99, velocity: bool = True, **settings: Any
) -> Diffuser:
    """A small transformer and its moving average, which learn to make pictures of noise.

    Args:
        steps: of the process.
        schedule: "linear" or "cosine".
        decay: of the average.
        velocity: whether it tells velocities instead of noise, from which small networks learn sooner.
        settings: those of `dit_tiny`.
    """
    return Diffuser(dit_tiny(**settings), steps=steps, schedule=schedule, decay=decay, velocity=velocity)


LEARNERS = {
    "dit_tiny": Learner("diffusion", tiny_diffuser, PAPER, "diffusion transformer: pictures of noise, class by class"),
}
