"""ViT: Dosovitskiy et al., "An image is worth 16x16 words" (arXiv:2010.11929), Table 1.

A picture becomes a line of tokens, and from there on nothing knows that it was a picture: every token may look at every
other one, from the first layer on.

    patches      squares of P×P pixels side by side, each multiplied with the same matrix: D numbers. That is a
                 convolution whose stride is its kernel, and so it is written, as in torchvision
    tokens       one for each patch and one more, which begins the same for every picture; what has been learnt of each
                 place is added, for attention does not see where a token stands
    blocks       x + attention(norm(x)), then x + mlp(norm(x)): the norms come first, and the sum passes all of them
    head         a linear layer of the one token that was no patch

Names of parameters are torchvision's. Deviations, all as torchvision: no dropout, where the paper trains with 0.1; the
head is one linear layer, as in the paper's fine-tuning. `vit_tiny_cifar` is minidl's own: patches of 4×4 of pictures of
32×32, six blocks, four heads, 128 wide and 256 inside, small enough to be trained on a CPU.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build
from minidl.nn import init
from minidl.tensor import Tensor

EPS = 1e-6  # of all norms


class EncoderBlock(nn.Module):
    """Attention and two linear layers, each behind a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, rng: np.random.Generator | None):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, EPS)
        self.self_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True, rng=rng)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(width, EPS)
        self.mlp = nn.Sequential(
            _linear(width, hidden, rng),
            nn.GELU(),
            nn.Dropout(dropout),
            _linear(hidden, width, rng),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x + attention(norm(x)), then x + mlp(norm(x))."""
        y = self.ln_1(x)
        y, _ = self.self_attention(y, y, y, need_weights=False)
        x = x + self.dropout(y)
        return x + self.mlp(self.ln_2(x))


def _linear(into: int, out: int, rng: np.random.Generator | None) -> nn.Linear:
    """A linear layer with Glorot's weights, as the authors begin, and biases next to 0."""
    layer = nn.Linear(into, out, rng=rng)
    layer.weight.data = init.glorot_uniform((out, into), rng)
    layer.bias.data = init.normal((out,), 1e-6, rng)
    return layer


class Encoder(nn.Module):
    """What has been learnt of every place is added, then come the blocks and a last norm."""

    def __init__(self, tokens: int, depth: int, width: int, heads: int, hidden: int, dropout: float, *, rng: Any):
        super().__init__()
        self.pos_embedding = nn.Parameter(init.normal((1, tokens, width), 0.02, rng))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            {f"encoder_layer_{i}": EncoderBlock(width, heads, hidden, dropout, rng=rng) for i in range(depth)}
        )
        self.ln = nn.LayerNorm(width, EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Turn tokens (N, L, D) into tokens (N, L, D)."""
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class VisionTransformer(Network):
    """A row of Table 1: patches, the encoder, one linear layer."""

    def __init__(
        self,
        patch_size: int,
        depth: int,
        heads: int,
        width: int,
        hidden: int,
        *,
        image_size: int = 224,
        dropout: float = 0.0,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.patch_size, self.image_size = patch_size, image_size
        if image_size % patch_size:
            raise ValueError(f"VisionTransformer: {self.explain(image_size)}")
        fan_in = in_channels * patch_size**2
        self.conv_proj = nn.Conv2d(in_channels, width, patch_size, stride=patch_size, rng=rng)
        self.conv_proj.weight.data = init.truncated_normal(self.conv_proj.weight.shape, fan_in**-0.5, rng)
        self.conv_proj.bias.data = init.zeros((width,))
        self.class_token = nn.Parameter(init.zeros((1, 1, width)))
        tokens = (image_size // patch_size) ** 2 + 1
        self.encoder = Encoder(tokens, depth, width, heads, hidden, dropout, rng=rng)
        self.heads = nn.Sequential({"head": nn.Linear(width, num_classes)})
        self.heads.head.weight.data = init.zeros((num_classes, width))
        self.heads.head.bias.data = init.zeros((num_classes,))

    def explain(self, size: int) -> str:
        """Say how many patches the side of a picture has, and how many places were learnt."""
        patch, whole, over = self.patch_size, size // self.patch_size, size % self.patch_size
        places = self.image_size // patch
        cure = f"resize the pictures to {self.image_size}×{self.image_size}"
        if over:
            near = patch * max(1, round(size / patch)) if size == self.image_size else 0
            cure = f"take an image_size of {near}" if near else cure
            return f"patches of {patch}×{patch} do not divide the side: {size} = {whole}·{patch} + {over}; {cure}"
        return f"{size} / {patch} = {whole} patches a side, but {places} places a side have been learnt; {cure}"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); D is the width, L - 1 the number of patches."""
        self.check_pictures(x)
        if any(size != self.image_size for size in x.shape[2:]):
            wrong = next(size for size in x.shape[2:] if size != self.image_size)
            raise ValueError(f"{self.name or 'VisionTransformer'}: {self.explain(wrong)}; x.shape={x.shape}")
        x = self.conv_proj(x)  # (N, D, 14, 14)
        x = ops.transpose(ops.flatten(x, 2), 0, 2, 1)  # (N, L - 1, D)
        x = ops.pad(x, ((1, 0), (0, 0))) + ops.pad(self.class_token, ((0, x.shape[1]), (0, 0)))  # (N, L, D)
        x = self.encoder(x)
        return self.heads(x[:, 0])  # (N, D) -> (N, 1000)


VIT = Paper("ViT", 2020, "Dosovitskiy et al., arXiv:2010.11929, Table 1")
HEAD = ("heads",)


def _row(patch_size: int, depth: int, heads: int, width: int, hidden: int, **more: int) -> dict[str, int]:
    return {"patch_size": patch_size, "depth": depth, "heads": heads, "width": width, "hidden": hidden, **more}


# Table 1: layers, heads, hidden size D and MLP size of Base and Large; the number behind the name is the patches' side.
VARIANTS = {
    "vit_b_16": Variant(VisionTransformer, VIT, _row(16, 12, 12, 768, 3072), 224, 224, 224, head=HEAD),
    "vit_b_32": Variant(VisionTransformer, VIT, _row(32, 12, 12, 768, 3072), 224, 224, 224, head=HEAD),
    "vit_l_16": Variant(VisionTransformer, VIT, _row(16, 24, 16, 1024, 4096), 224, 224, 224, head=HEAD),
    "vit_tiny_cifar": Variant(
        VisionTransformer, VIT, _row(4, 6, 4, 128, 256, image_size=32), 32, 32, 32, num_classes=10, head=HEAD
    ),
}


def vit_b_16(**settings: Unpack[Settings]) -> Network:
    """Base, patches of 16×16: 86,567,656 parameters."""
    return build(VARIANTS, "vit_b_16", settings)


def vit_b_32(**settings: Unpack[Settings]) -> Network:
    """Base, patches of 32×32: 88,224,232 parameters."""
    return build(VARIANTS, "vit_b_32", settings)


def vit_l_16(**settings: Unpack[Settings]) -> Network:
    """Large, patches of 16×16: 304,326,632 parameters."""
    return build(VARIANTS, "vit_l_16", settings)


def vit_tiny_cifar(**settings: Unpack[Settings]) -> Network:
    """Six small blocks for pictures of 32×32, patches of 4×4: 811,146 parameters."""
    return build(VARIANTS, "vit_tiny_cifar", settings)
