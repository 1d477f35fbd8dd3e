"""The transformer: Vaswani et al., "Attention is all you need" (arXiv:1706.03762), section 3 and Table 3.

One sentence becomes another one. The encoder turns each token of the source over, six times, while all of them look at
each other; the decoder does so with the tokens that are written already, looks at what the encoder made of the source,
and says what comes next.

    tokens       a row of E for each, times √D, plus where it stands: E[token]·√D + PE(place)         section 3.4, 3.5
    encoder      N layers of attention and two linear layers, each step norm(x + step(x))             section 3.1
    decoder      N layers that have a second attention, to the encoder's result; no token sees those behind it
    logits       states · Eᵀ: the same matrix as on both ways in, so that a token looks like itself   section 3.4

**Places.** Attention does not see where a token stands, so every place has numbers of its own, pairs of sine and cosine
with wave lengths from 2π to 10000·2π:

    ωᵢ = 10000^(-2i/D)        PE(p)₂ᵢ = sin(ωᵢ p)        PE(p)₂ᵢ₊₁ = cos(ωᵢ p)

A place k further on is the same place turned, pair by pair, by an angle that only k decides. From
sin(a + b) = sin a cos b + cos a sin b and cos(a + b) = cos a cos b - sin a sin b, with a = ωᵢp and b = ωᵢk:

    [PE(p + k)₂ᵢ  ]   [ cos ωᵢk   sin ωᵢk] [PE(p)₂ᵢ  ]
    [PE(p + k)₂ᵢ₊₁] = [-sin ωᵢk   cos ωᵢk] [PE(p)₂ᵢ₊₁]

So one matrix, learnt once, finds "k to the left" from everywhere; and since turning changes no length, how alike two
places are depends on their distance alone: PE(p) · PE(q) = Σᵢ sin ωᵢp sin ωᵢq + cos ωᵢp cos ωᵢq = Σᵢ cos ωᵢ(p - q).

Names of parameters are those of `torch.nn.Transformer`, which has one more norm behind encoder and decoder; here that
norm is there with `norm_first` only, where nothing else would norm the sum. `transformer_tiny` is minidl's own, for
toys that a CPU learns in minutes: two layers, and the norms first, with which it learns sooner.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import _backend, nn, ops
from minidl._backend import Array
from minidl._checks import check_flag, check_fraction, from_numbers, is_int, shown, to_int
from minidl.models import decoding
from minidl.models._family import Paper
from minidl.models._learners import Learner, named_after
from minidl.models.alphabet import PADDING, RESERVED
from minidl.nn import init
from minidl.nn.attention import attention_weights
from minidl.tensor import Event, Tensor, no_grad, observe

TOKENS = 20  # of a sentence whose length nobody tells, where the network is counted


def positions(length: int, width: int) -> np.ndarray:
    """Return sine and cosine of every place, (length, width) in float64; see above.

    Example:
        >>> positions(3, 4).round(2)
        array([[ 0.  ,  1.  ,  0.  ,  1.  ],
               [ 0.84,  0.54,  0.01,  1.  ],
               [ 0.91, -0.42,  0.02,  1.  ]])
    """
    angles = np.arange(length)[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)  # (length, width / 2)
    return np.stack((np.sin(angles), np.cos(angles)), axis=2).reshape(length, -1)[:, :width]


def causal_mask(length: int) -> np.ndarray:
    """Return where a token may not look, at those behind it: bools (length, length), a row for each that looks.

    Example:
        >>> causal_mask(3).astype(int)
        array([[0, 1, 1],
               [0, 0, 1],
               [0, 0, 0]])
    """
    return np.triu(np.ones((length, length), dtype=bool), 1)


class Stack(nn.Module):
    """Layers of one kind, one behind the other, and a norm where nothing else norms the last sum."""

    kind: Any  # of layer

    def __init__(self, depth: int, width: int, heads: int, hidden: int, dropout: float, norm_first: bool, *, rng: Any):
        super().__init__()
        settings: dict[str, Any] = {"batch_first": True, "norm_first": norm_first, "rng": rng}
        self.layers = nn.ModuleList([self.kind(width, heads, hidden, dropout, **settings) for _ in range(depth)])
        self.norm = nn.LayerNorm(width) if norm_first else nn.Identity()


class Encoder(Stack):
    """Layers in which all tokens of the source see each other."""

    kind = nn.TransformerEncoderLayer

    def forward(self, x: Tensor, padding: Any = None) -> Tensor:
        """Turn tokens (N, S, D) into what the decoder shall look at, (N, S, D)."""
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=padding)
        return self.norm(x)


class Decoder(Stack):
    """Layers in which a token sees those before it, and the source."""

    kind = nn.TransformerDecoderLayer

    def forward(self, x: Tensor, memory: Tensor, mask: Any, padding: Any = None) -> Tensor:
        """Turn tokens (N, L, D) and the encoder's (N, S, D) into (N, L, D)."""
        for layer in self.layers:
            x = layer(x, memory, mask, memory_key_padding_mask=padding)
        return self.norm(x)


class Transformer(nn.Module):
    """Encoder and decoder with everything around them: from tokens to the logits of the next ones.

    Args:
        vocabulary: how many tokens there are, V, with `PADDING`, `START` and `END` among them: 0, 1 and 2.
        depth: layers of the encoder, and as many of the decoder.
        width: numbers of a token, D.
        heads: of every attention; they divide the width.
        hidden: numbers between the two linear layers.
        dropout: share that is dropped in training.
        norm_first: whether norms come before each step, and once more at the end, and not behind each sum.
        tied: whether one matrix serves both sentences and the logits; without, there are three.
        longest: the most tokens that a sentence may have; None (default) for any number, as the places go on.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        source (N, S), target (N, L), whole numbers from 0 to V - 1 -> logits (N, L, V)

    Raises:
        ValueError: if a number is out of range, or the heads do not divide the width.

    Example:
        >>> net = Transformer(12, 1, 8, 2, 16)
        >>> net([[3, 4, 5, 2]], [[1, 5, 4]]).shape
        (1, 3, 12)
    """

    def __init__(
        self,
        vocabulary: int,
        depth: int,
        width: int,
        heads: int,
        hidden: int,
        dropout: float = 0.1,
        *,
        norm_first: bool = False,
        tied: bool = True,
        longest: int | None = None,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        name = "Transformer"
        self.name = name
        self.vocabulary = to_int(name, "vocabulary", vocabulary, least=RESERVED + 1)
        self.width = to_int(name, "width", width, least=1)
        self.longest = None if longest is None else to_int(name, "longest", longest, least=1)
        to_int(name, "depth", depth, least=1)
        check_fraction(name, "dropout", dropout)
        check_flag(name, "norm_first", norm_first)
        check_flag(name, "tied", tied)
        self.tied = bool(tied)
        for one in ("embedding",) if tied else ("embedding", "target_embedding", "head"):
            setattr(self, one, nn.Embedding(vocabulary, width, rng=rng))
            getattr(self, one).weight.data = init.normal((vocabulary, width), width**-0.5, rng)
        self.encoder = Encoder(depth, width, heads, hidden, dropout, norm_first, rng=rng)
        self.decoder = Decoder(depth, width, heads, hidden, dropout, norm_first, rng=rng)
        self.dropout = nn.Dropout(dropout)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.data = init.glorot_uniform(layer.weight.shape, rng)

    def forward(self, source: Any, target: Any, *, source_padding: Any = None) -> Tensor:
        """Return what is said of the token behind each of the target, having seen those up to it, and the source.

        Args:
            source: whole numbers (N, S).
            target: whole numbers (N, L); in training the right ones, one place later: `START`, then the words.
            source_padding: bools (N, S), true for tokens that nobody may look at; None (default) hides `PADDING`.
        """
        source, target = self._tokens("source", source), self._tokens("target", target)
        padding = self.padding(source, source_padding)
        return self.logits(self.decode(target, self.encode(source, padding), padding))

    def padding(self, source: Array, given: Any = None) -> Array:
        """Return which tokens of the source are hidden, bools (N, S), or judge those that are given."""
        if given is None:
            return source == PADDING
        mask = given._data if isinstance(given, Tensor) else given
        if not _backend.is_array(mask) or mask.dtype != bool:
            raise TypeError(
                f"{self.name}: source_padding must be an array of bools, true for tokens that nobody may look at; "
                f"received {shown(given)}"
            )
        if mask.shape != source.shape:
            raise ValueError(
                f"{self.name}: source_padding must say it of each token of the source; source.shape={source.shape}, "
                f"source_padding.shape={mask.shape}"
            )
        return mask

    def encode(self, source: Array, padding: Array) -> Tensor:
        """Return what the encoder makes of a source (N, S) with that padding: (N, S, D)."""
        return self.encoder(self._placed("source", source, self.embedding), padding)

    def decode(self, target: Array, memory: Tensor, padding: Array) -> Tensor:
        """Return the decoder's states (N, L, D), each of which has seen the target up to its own token."""
        if len(target) != len(memory):
            raise ValueError(
                f"{self.name}: expects a target for each source; received {len(memory)} sources, "
                f"target.shape={target.shape}"
            )
        mask = _backend.to_device(causal_mask(target.shape[1]), memory.device)
        table = self.embedding if self.tied else self.target_embedding
        return self.decoder(self._placed("target", target, table), memory, mask, padding)

    def logits(self, states: Tensor) -> Tensor:
        """Return how much each token of the vocabulary looks like a state: (..., D) -> (..., V)."""
        return ops.linear(states, (self.embedding if self.tied else self.head).weight)

    def example_inputs(self, n: int, size: Any, rng: np.random.Generator) -> dict[str, Array]:
        """Return n sentences of each side, for `minidl.cost`.

        Args:
            n: how many.
            size: tokens of a sentence, or of source and target; None means 20, or the most that there may be.
            rng: what draws them; none is `PADDING`, which nobody would look at.
        """
        size = min(TOKENS, self.longest or TOKENS) if size is None else size
        lengths = (size, size) if is_int(size) else tuple(size)
        lengths = lengths * 2 if len(lengths) == 1 else lengths
        if len(lengths) != 2:
            raise ValueError(
                f"{self.name}: size must be how many tokens a sentence has, or the source and the target; "
                f"received size={tuple(size)}"
            )
        return {
            name: rng.integers(RESERVED, self.vocabulary, (n, length))
            for name, length in zip(("source", "target"), lengths)
        }

    def greedy(self, source: Any, *, longest: int | None = None) -> np.ndarray:
        """Write the likeliest token, again and again; see `minidl.models.decoding.greedy`.

        Args:
            source: whole numbers (N, S).
            longest: when to stop where no `END` comes; None (default) stops 50 tokens behind the source's length.

        Returns:
            The tokens (N, T) behind `START`, up to `END`, and `PADDING` behind it.
        """
        step, n, longest = self._step(source, longest)
        return decoding.greedy(step, n, longest)

    def beam(self, source: Any, *, beams: int = 4, alpha: float = 0.6, longest: int | None = None) -> np.ndarray:
        """Follow several sentences at a time and keep the best; see `minidl.models.decoding.beam`.

        Args:
            source: whole numbers (N, S).
            beams: how many sentences are followed; 4 is the paper's.
            alpha: how much longer sentences are favoured; 0.6 is the paper's.
            longest: when to stop where no `END` comes; None (default) stops 50 tokens behind the source's length.

        Returns:
            The tokens (N, T) behind `START`, up to `END`, and `PADDING` behind it.
        """
        step, n, longest = self._step(source, longest)
        found = [decoding.beam(step, row, longest, beams=beams, alpha=alpha)[0] for row in range(n)]
        return decoding.padded(found)

    def looks(self, source: Any, target: Any) -> np.ndarray:
        """Return how much each token of the target looks at each of the source, in every layer and head.

        Args:
            source: whole numbers (N, S).
            target: whole numbers (N, L), as `forward` takes them.

        Returns:
            Shares (depth, N, H, L, S), each row of which sums to 1.
        """
        found: list[list[Any]] = []

        def watch(event: Event) -> None:
            if event.op == "scaled_dot_product_attention" and event.module.endswith(".multihead_attn"):
                found.append([None if one is None else Tensor(one) for one in event.inputs])

        with no_grad(), self.modes_kept(), observe(watch):
            self.eval()(source, target)
        with no_grad():
            return np.stack([_backend.to_numpy(attention_weights(q, k, mask)._data) for q, k, _, mask in found])

    def _step(self, source: Any, longest: int | None) -> tuple[decoding.Step, int, int]:
        """Return what says the next token, of how many sources, and how many tokens may be written.

        Every call runs the decoder over all tokens so far: nothing is kept from one to the next but the encoder's
        result, which does not depend on them.
        """
        tokens = self._tokens("source", source)
        most = tokens.shape[1] + 50 if longest is None else to_int(self.name, "longest", longest, least=1)
        most = most if self.longest is None else min(most, self.longest)
        padding = self.padding(tokens)
        with no_grad(), self.modes_kept():
            self.eval()
            memory = self.encode(tokens, padding)

        def step(prefixes: np.ndarray, rows: np.ndarray) -> np.ndarray:
            with no_grad(), self.modes_kept():
                self.eval()
                rows = _backend.to_device(rows, memory.device)
                target = _backend.to_device(prefixes, memory.device)
                states = self.decode(target, Tensor(memory._data[rows]), padding[rows])
                return _backend.to_numpy(ops.log_softmax(self.logits(states[:, -1]))._data)

        return step, len(tokens), most

    def _tokens(self, name: str, given: Any) -> Array:
        """Judge tokens (N, L), and bring them to where the weights are."""
        array = given._data if isinstance(given, Tensor) else given
        array = array if _backend.is_array(array) else from_numbers(self.name, name, array)
        if array.ndim != 2 or not array.shape[1]:
            one = f"; one sentence? give it a batch axis: {name}[None]" if array.ndim == 1 else ""
            raise ValueError(
                f"{self.name}: {name} must be tokens (N, L), L at least 1; {name}.shape={array.shape}{one}"
            )
        if self.longest is not None and array.shape[1] > self.longest:
            raise ValueError(
                f"{self.name}: a sentence may have longest={self.longest} tokens, {name} has {array.shape[1]}; "
                f"{name}.shape={array.shape}; cut it, or build the network with longest={array.shape[1]}"
            )
        return _backend.to_device(array, self.embedding.weight.device)

    def _placed(self, name: str, tokens: Array, table: nn.Embedding) -> Tensor:
        """E[token]·√D + PE(place): (N, L) -> (N, L, D)."""
        x = table(tokens) * math.sqrt(self.width)
        places = positions(tokens.shape[1], self.width).astype(x.dtype)
        return self.dropout(x + Tensor(_backend.to_device(places, x.device)))


def _row(depth: int, width: int, heads: int, hidden: int, dropout: float, **more: bool) -> dict[str, Any]:
    return {"depth": depth, "width": width, "heads": heads, "hidden": hidden, "dropout": dropout, **more}


# Table 3: N, d_model, h, d_ff and P_drop.
SIZES: dict[str, dict[str, Any]] = {
    "transformer_base": _row(6, 512, 8, 2048, 0.1),
    "transformer_big": _row(6, 1024, 16, 4096, 0.3),
    "transformer_tiny": _row(2, 64, 4, 128, 0.0, norm_first=True),
}


def _build(name: str, vocabulary: int, settings: dict[str, Any]) -> Transformer:
    net = Transformer(vocabulary, **{**SIZES[name], **settings})
    net.name = name
    return net


@named_after(Transformer, SIZES["transformer_base"])
def transformer_base(vocabulary: int = 37_000, **settings: Any) -> Transformer:
    """Six layers, 512 wide; with the 37,000 tokens of English and German 63 million parameters."""
    return _build("transformer_base", vocabulary, settings)


@named_after(Transformer, SIZES["transformer_big"])
def transformer_big(vocabulary: int = 37_000, **settings: Any) -> Transformer:
    """Six layers, 1024 wide; with the 37,000 tokens of English and German 214 million parameters."""
    return _build("transformer_big", vocabulary, settings)


@named_after(Transformer, SIZES["transformer_tiny"])
def transformer_tiny(vocabulary: int = 29, **settings: Any) -> Transformer:
    """Two layers, 64 wide, for toys: 26 letters and three tokens that are none."""
    return _build("transformer_tiny", vocabulary, settings)


PAPER = Paper("Transformer", 2017, "Vaswani et al., arXiv:1706.03762, Table 3")
# What `minidl train` knows: the toy by the paper's name.
LEARNERS = {
    "transformer": Learner(
        "sequence", transformer_tiny, PAPER, "two layers, 64 wide: learns to write strings backwards"
    ),
    "transformer_base": Learner("sequence", transformer_base, PAPER, "the paper's base: six layers, 512 wide"),
    "transformer_big": Learner("sequence", transformer_big, PAPER, "the paper's big one: six layers, 1024 wide"),
}
