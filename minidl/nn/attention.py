"""Attention as a layer; `minidl.ops` has the arithmetic, and `nn/transformer.py` what is made of it.

Parameters have PyTorch's names. The batch is the first axis, which has to be said, since PyTorch's is the second unless
`batch_first=True`; and a mask of bools is true where a layer may not look, as in PyTorch's layers and other than in the
function `ops.scaled_dot_product_attention`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import check_flag, check_fraction, shown, to_int
from minidl.nn import init
from minidl.nn._repr import changed
from minidl.nn.linear import Linear
from minidl.nn.module import Module, Parameter
from minidl.ops.attention import to_mask
from minidl.tensor import Tensor


class MultiheadAttention(Module):
    """Several heads, each of which looks at its own part of queries, keys and values: Vaswani et al., arXiv:1706.03762.

    Args:
        embed_dim: numbers of a token, E.
        num_heads: H; each head gets E / H of them.
        dropout: share of the weights that are dropped in training; with it all scores are held at a time.
        bias: whether the two linear layers have biases.
        batch_first: must be said to be True: tokens are (N, L, E).
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        query (N, L, E), key (N, S, E), value (N, S, E) -> y (N, L, E), and the weights (N, L, S), if they are wanted

    Raises:
        ValueError: if num_heads does not divide embed_dim, a number is out of range, batch_first is not True, or a mask
            has another shape.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> layer = nn.MultiheadAttention(8, 2, batch_first=True)
        >>> x = Tensor(np.zeros((3, 5, 8), "float32"))
        >>> y, weights = layer(x, x, x)
        >>> y.shape, weights.shape
        ((3, 5, 8), (3, 5, 5))
        >>> list(layer.state_dict())
        ['in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias']
    """

    in_proj_bias: Any

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        batch_first: bool = False,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        name = "MultiheadAttention"
        self.embed_dim = to_int(name, "embed_dim", embed_dim, least=1)
        self.num_heads = to_heads(name, "num_heads", num_heads, "embed_dim", self.embed_dim)
        check_fraction(name, "dropout", dropout)
        check_flag(name, "bias", bias)
        check_batch_first(name, batch_first)
        self.dropout, self.batch_first = dropout, True
        self.in_proj_weight = Parameter(init.glorot_uniform((3 * embed_dim, embed_dim), rng))
        self.register_parameter("in_proj_bias", Parameter(init.zeros((3 * embed_dim,))) if bias else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=rng)
        if bias:
            self.out_proj.bias = Parameter(init.zeros((embed_dim,)))

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """Return what the queries have taken, and with need_weights, from where (averaged over the heads, unless not).

        key_padding_mask (N, S) and attn_mask (L, S) or (N·H, L, S) are true where nobody may look, or numbers that are
        added to the scores. need_weights=False needs no memory for the scores.
        """
        self._check(query, key, value)
        check_flag("MultiheadAttention", "need_weights", need_weights)
        check_flag("MultiheadAttention", "average_attn_weights", average_attn_weights)
        q, k, v = self._projected(query, key, value)
        mask = self._mask(query, key.shape[1], key_padding_mask, attn_mask)
        p = self.dropout if self.training else 0.0
        weights = None
        if need_weights or p:
            weights = attention_weights(q, k, mask)
            y = ops.matmul(ops.dropout(weights, p, training=self.training) if p else weights, v)
        else:
            y = ops.scaled_dot_product_attention(q, k, v, mask)
        y = self.out_proj(ops.flatten(ops.transpose(y, 0, 2, 1, 3), 2))
        if not need_weights:
            return y, None
        return y, ops.mean(weights, 1) if average_attn_weights and weights is not None else weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        given = {"query": query, "key": key, "value": value}
        for name, tensor in given.items():
            if not isinstance(tensor, Tensor):
                raise TypeError(f"MultiheadAttention: {name} must be a Tensor, it is a {type(tensor).__name__}")
            if tensor.ndim != 3 or tensor.shape[2] != self.embed_dim:
                raise ValueError(
                    f"MultiheadAttention: {name} must be (N, L, {self.embed_dim}), the batch first; "
                    f"{name}.shape={tensor.shape}"
                )
        if key.shape != value.shape or key.shape[0] != query.shape[0]:
            found = ", ".join(f"{name}.shape={tensor.shape}" for name, tensor in given.items())
            raise ValueError(
                f"MultiheadAttention: expects as many values as keys, and as many pictures of each; {found}"
            )

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """Return queries, keys and values of each head, (N, H, L, E / H)."""
        w, b = self.in_proj_weight, self.in_proj_bias
        if query is key is value:  # one product for all three
            parts = ops.split(ops.linear(query, w, b), 3, axis=2)
        else:
            biases = [None] * 3 if b is None else ops.split(b, 3, axis=0)
            parts = tuple(map(ops.linear, (query, key, value), ops.split(w, 3, axis=0), biases))
        each = (self.num_heads, self.embed_dim // self.num_heads)
        return [ops.transpose(ops.unflatten(part, 2, each), 0, 2, 1, 3) for part in parts]

    def _mask(self, query: Tensor, keys: int, key_padding_mask: Any, attn_mask: Any) -> Tensor | None:
        """Return both masks as one: bools that are true where a query may look, or numbers to be added."""
        n, queries = query.shape[:2]
        of_heads = getattr(attn_mask, "ndim", 2) == 3
        shape = (n * self.num_heads, queries, keys) if of_heads else (queries, keys)
        attn = to_mask("MultiheadAttention", "attn_mask", attn_mask, query, shape)
        padding = to_mask("MultiheadAttention", "key_padding_mask", key_padding_mask, query, (n, keys))
        for name, mask, right in (("attn_mask", attn, shape), ("key_padding_mask", padding, (n, keys))):
            if mask is not None and mask.shape != right:
                raise ValueError(f"MultiheadAttention: {name} must have shape {right}; {name}.shape={mask.shape}")
        if attn is not None and of_heads:
            attn = ops.reshape(attn, n, self.num_heads, queries, keys)
        masks = [] if attn is None else [attn]
        masks += [] if padding is None else [ops.reshape(padding, n, 1, 1, keys)]
        if not masks:
            return None
        if all(mask.dtype == bool for mask in masks):
            hidden = masks[0] if len(masks) == 1 else masks[0] | masks[1]
            return ~hidden
        first, *rest = (_added(mask, query) for mask in masks)
        return first if not rest else first + rest[0]

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that differ from the defaults."""
        without = ", bias=False" * (self.in_proj_bias is None)
        return f"{self.embed_dim}, {self.num_heads}" + changed(self, dropout=0.0) + without + ", batch_first=True"


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(Q Kᵀ / √D), all of it; a query that may look at no key has weights of 0."""
    scores = ops.matmul(q * (q.shape[-1] ** -0.5), ops.transpose(k, 0, 1, 3, 2))
    if mask is None:
        return ops.softmax(scores)
    if mask.dtype != bool:
        return ops.softmax(scores + mask)
    lowest = float(np.finfo(scores.dtype).min)
    return ops.where(mask, ops.softmax(ops.where(mask, scores, lowest)), 0.0)


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """Return a mask as numbers that are added to scores: -∞ where nobody may look."""
    if mask.dtype != bool:
        return mask
    return ops.where(mask, Tensor(np.full(mask.shape, -math.inf, like.dtype)).to(like.device), 0.0)


def to_heads(name: str, word: str, heads: Any, of: str, width: int) -> int:
    """Judge a number of heads."""
    heads = to_int(name, word, heads, least=1)
    if width % heads:
        fitting = [str(n) for n in range(1, width + 1) if width % n == 0]
        near = fitting if len(fitting) < 9 else [*fitting[:7], "…", fitting[-1]]
        raise ValueError(
            f"{name}: the heads share the {width} numbers of a token evenly, {width} / {heads} leaves {width % heads}; "
            f"received {of}={width}, {word}={heads}; {word} may be {', '.join(near)}"
        )
    return heads


def check_batch_first(name: str, batch_first: Any) -> None:
    """Refuse whatever is not the one order of axes."""
    if batch_first is not True:
        raise ValueError(
            f"{name}: expects batch_first=True, tokens (N, L, E); PyTorch's other order (L, N, E) is not offered; "
            f"received batch_first={shown(batch_first)}"
        )
