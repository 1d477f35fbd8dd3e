"""The layers that the transformer of 2017 is made of: Vaswani et al., arXiv:1706.03762, section 3.1 and Figure 1.

    encoder    every token looks at all of its sentence, then each is turned over by itself
    decoder    every token looks at those before it, then at what the encoder made of the other sentence, then is turned

Each of these steps has a shortcut and a norm. In the paper the norm stands behind the sum, norm(x + step(x)); with
`norm_first` it stands before the step, x + step(norm(x)), as in nearly all that came later. Parameters have PyTorch's
names, and masks are those of `nn.MultiheadAttention`: true where a layer may not look.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import check_choice, check_flag, check_fraction, check_positive, to_int
from minidl.nn._repr import changed
from minidl.nn.attention import MultiheadAttention, check_batch_first, to_heads
from minidl.nn.dropout import Dropout
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.norm import LayerNorm
from minidl.tensor import Tensor

ACTIVATIONS = {"relu": ops.relu, "gelu": ops.gelu}


class _Layer(Module):
    """What both kinds share: attentions, two linear layers, and a norm and a dropout for each of these steps."""

    attentions: tuple[str, ...] = ("self_attn",)

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        name = type(self).__name__
        d_model = to_int(name, "d_model", d_model, least=1)
        to_heads(name, "nhead", nhead, "d_model", d_model)
        to_int(name, "dim_feedforward", dim_feedforward, least=1)
        check_fraction(name, "dropout", dropout)
        check_choice(name, "activation", activation, ACTIVATIONS)
        check_positive(name, "layer_norm_eps", layer_norm_eps, zero=True)
        check_flag(name, "norm_first", norm_first)
        check_flag(name, "bias", bias)
        check_batch_first(name, batch_first)
        self.activation, self.norm_first = activation, bool(norm_first)
        for attention in self.attentions:
            setattr(self, attention, MultiheadAttention(d_model, nhead, dropout, bias, batch_first=True, rng=rng))
        self.linear1 = Linear(d_model, dim_feedforward, bias, rng=rng)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rng=rng)
        steps = range(1, len(self.attentions) + 2)
        for step in steps:
            setattr(self, f"norm{step}", LayerNorm(d_model, layer_norm_eps, bias=bias))
        for step in steps:
            setattr(self, f"dropout{step}", Dropout(dropout))

    def _add(self, step: int, x: Tensor, change: Any) -> Tensor:
        """Add to x what a step makes of it, with the norm of that step before it or behind the sum."""
        norm, dropout = getattr(self, f"norm{step}"), getattr(self, f"dropout{step}")
        if self.norm_first:
            return x + dropout(change(norm(x)))
        return norm(x + dropout(change(x)))

    def _turned(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(ACTIVATIONS[self.activation](self.linear1(x))))

    def extra_repr(self) -> str:
        """Return the settings that its layers do not show and that differ from the defaults."""
        return changed(self, activation="relu", norm_first=False)[2:]


class TransformerEncoderLayer(_Layer):
    """Attention and two linear layers, each with a shortcut and a norm: Vaswani et al., arXiv:1706.03762, section 3.1.

    Args:
        d_model: numbers of a token, E.
        nhead: heads of the attention.
        dim_feedforward: numbers between the two linear layers.
        dropout: share that is dropped in training: of the attention's weights, and three times of what comes out.
        activation: "relu" or "gelu".
        layer_norm_eps: added to the variance in the norms.
        batch_first: must be said to be True: tokens are (N, L, E).
        norm_first: whether the norms come before attention and linear layers, and not behind the sums.
        bias: whether linear layers and norms have biases.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        src (N, L, E) -> y (N, L, E)

    Raises:
        ValueError: if a number is out of range, nhead does not divide d_model, the activation is unknown, or
            batch_first is not True.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> layer(Tensor(np.zeros((3, 5, 8), "float32"))).shape
        (3, 5, 8)
    """

    def forward(self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None) -> Tensor:
        """Let every token look at the others, then turn each over by itself; the masks are `MultiheadAttention`'s."""

        def attended(x: Tensor) -> Tensor:
            return self.self_attn(x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask)[0]

        return self._add(2, self._add(1, src, attended), self._turned)


class TransformerDecoderLayer(_Layer):
    """Attention to the tokens before, attention to another sentence, two linear layers; each with shortcut and norm.

    Vaswani et al., arXiv:1706.03762, section 3.1. Which tokens are before is what tgt_mask says.

    Args:
        d_model: numbers of a token, E.
        nhead: heads of both attentions.
        dim_feedforward: numbers between the two linear layers.
        dropout: share that is dropped in training: of the attentions' weights, and four times of what comes out.
        activation: "relu" or "gelu".
        layer_norm_eps: added to the variance in the norms.
        batch_first: must be said to be True: tokens are (N, L, E).
        norm_first: whether the norms come before attentions and linear layers, and not behind the sums.
        bias: whether linear layers and norms have biases.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        tgt (N, L, E), memory (N, S, E) -> y (N, L, E)

    Raises:
        ValueError: if a number is out of range, nhead does not divide d_model, the activation is unknown, or
            batch_first is not True.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
        >>> later = np.triu(np.ones((5, 5), bool), 1)  # true where a token may not look
        >>> layer(Tensor(np.zeros((3, 5, 8), "float32")), Tensor(np.zeros((3, 7, 8), "float32")), later).shape
        (3, 5, 8)
    """

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
    ) -> Tensor:
        """Look at the own sentence, look at the other one, turn each token over; masks are `MultiheadAttention`'s."""

        def own(x: Tensor) -> Tensor:
            return self.self_attn(x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask)[0]

        def other(x: Tensor) -> Tensor:
            return self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, need_weights=False, attn_mask=memory_mask
            )[0]

        return self._add(3, self._add(2, self._add(1, tgt, own), other), self._turned)
