"""The transformer of 2017: its sizes part by part, who sees whom, and both ways to write a sentence."""

import itertools
import math
import re

import numpy as np
import pytest

import minidl
from minidl import Tensor, cost, models, nn, ops
from minidl.models import decoding
from minidl.models.alphabet import END, PADDING, START, Alphabet
from minidl.models.transformer import Transformer, causal_mask, positions
from minidl.proof.layers import as_function
from tests.contract import relative_error
from tests.models.walk import count


def small(rng=None, **settings):
    """Two layers, 6 wide, in float64, with numbers in every bias and norm."""
    net = Transformer(9, 2, 6, 2, 5, 0.0, **settings, rng=rng)
    rng = rng or np.random.default_rng(0)
    for owner in net.modules():
        for name, parameter in [*owner.named_parameters(recurse=False)]:
            setattr(owner, name, nn.Parameter(parameter.data + 0.3 * rng.standard_normal(parameter.shape)))
    return net


# ---------------------------------------------------------------------------------------------------------------- sizes


def parts(vocabulary, depth, width, hidden, tied=True):
    """The paper's table as a sum: embeddings, and in each layer attentions, linear layers and norms."""
    attention = 4 * (width * width + width)
    linear = 2 * width * hidden + hidden + width
    encoder, decoder = attention + linear + 2 * 2 * width, 2 * attention + linear + 3 * 2 * width
    return (1 if tied else 3) * vocabulary * width + depth * (encoder + decoder)


@pytest.mark.parametrize(
    ("name", "sizes", "millions"),
    [("transformer_base", (37_000, 6, 512, 2048), 65), ("transformer_big", (37_000, 6, 1024, 4096), 213)],
)
def test_parameters_are_the_sum_over_the_parts(name, sizes, millions):
    """Table 3 says 65 and 213 million, without saying how many tokens the vocabulary has to a hundred."""
    with nn.init.unfilled():
        net, apart = getattr(models, name)(), getattr(models, name)(1000, tied=False)
    assert count(net) == parts(*sizes)
    assert count(apart) == parts(1000, *sizes[1:], tied=False)
    assert count(net) / 1e6 == pytest.approx(millions, rel=0.04)


def test_the_tiny_one():
    net = models.transformer_tiny()
    assert count(net) == parts(29, 2, 64, 128) + 2 * 2 * 64  # norms at the end, since they come first elsewhere


class Sentences(nn.Module):
    """A transformer as `cost` asks it: with one input (N, 2·L), source and target side by side."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        tokens = x.data.astype("int64")
        half = tokens.shape[1] // 2
        return self.net(tokens[:, :half], tokens[:, half:])


def test_multiply_adds_by_hand():
    """L tokens on either side: products of each attention, its scores and what they weigh, two linear layers."""
    n, width, hidden, depth = 20, 512, 2048, 6
    with nn.init.unfilled():
        found = cost.count(Sentences(models.transformer_base(1000)), (2 * n,))
    attention, linear = n * 4 * width**2 + 2 * n * n * width, n * 2 * width * hidden
    assert found.macs == depth * ((attention + linear) + (2 * attention + linear)) + n * width * 1000
    assert found.parameters == parts(1000, depth, width, hidden)


# --------------------------------------------------------------------------------------------------------------- places


def test_a_place_further_on_is_the_same_place_turned():
    pe, i = positions(40, 6), np.arange(3)
    for k in (1, 7, 30):
        angle = k * 10000 ** (-2 * i / 6)
        sin, cos = pe[:-k, ::2], pe[:-k, 1::2]
        assert relative_error(pe[k:, ::2], np.cos(angle) * sin + np.sin(angle) * cos) < 1e-12
        assert relative_error(pe[k:, 1::2], np.cos(angle) * cos - np.sin(angle) * sin) < 1e-12
    products = pe @ pe.T
    for k in range(40):
        assert np.ptp(np.diagonal(products, k)) < 1e-12


def test_an_uneven_width_has_one_cosine_less():
    assert positions(4, 5).shape == (4, 5)
    assert positions(4, 5)[0].tolist() == [0, 1, 0, 1, 0]
    assert np.array_equal(positions(4, 1)[:, 0], np.sin(np.arange(4)))


# -------------------------------------------------------------------------------------------------------- who sees whom


@pytest.mark.parametrize("norm_first", [False, True])
def test_no_token_sees_those_behind_it_and_nobody_sees_padding(norm_first, rng):
    net = small(rng, norm_first=norm_first)
    source, target = rng.integers(3, 9, (3, 5)), rng.integers(3, 9, (3, 4))
    y = net(source, target).data
    for place in range(1, 4):
        later = target.copy()
        later[:, place:] = (later[:, place:] - 3 + 1) % 6 + 3
        changed = net(source, later).data
        assert np.array_equal(changed[:, :place], y[:, :place])
        assert (changed[:, place:] != y[:, place:]).any()
    longer = np.pad(source, ((0, 0), (0, 3)), constant_values=PADDING)
    assert relative_error(net(longer, target).data, y) < 1e-12
    assert (
        relative_error(net(source, np.pad(target, ((0, 0), (0, 2))), source_padding=source == 99).data[:, :4], y)
        < 1e-12
    )
    hidden = rng.integers(3, 9, longer.shape)  # words that a mask of one's own hides
    hidden[:, :5] = source
    mask = np.zeros(hidden.shape, bool)
    mask[:, 5:] = True
    assert relative_error(net(hidden, target, source_padding=mask).data, y) < 1e-12
    assert relative_error(net(hidden, target).data, y) > 1e-3


def test_where_it_looks(rng):
    net = small(rng)
    source, target = np.array([[3, 4, 5, END, PADDING], [5, 6, 7, 8, END]]), np.array([[START, 5], [START, 8]])
    looks = net.looks(source, target)
    assert looks.shape == (2, 2, 2, 2, 5)  # layers, sentences, heads, target, source
    assert np.allclose(looks.sum(axis=-1), 1)
    assert not looks[:, 0, ..., 4].any()
    assert looks[:, 1].all()
    assert net.training


# ------------------------------------------------------------------------------------------------- there and back again


@pytest.mark.parametrize("settings", [{}, {"norm_first": True, "tied": False}], ids=str)
def test_the_whole_gradient_is_the_slope(settings, rng):
    net = Transformer(7, 1, 4, 2, 5, 0.2, **settings)
    source, target = np.array([[3, 4, 3, PADDING], [6, 5, 4, 3]]), np.array([[START, 3, 4], [START, 6, 3]])
    call, names, arrays = as_function(net, 0, rng)
    net.forward, forward = None, net.forward
    object.__setattr__(net, "forward", lambda: forward(source, target))
    minidl.gradcheck(lambda *parameters: call(*parameters), arrays, names=names)


@pytest.mark.parametrize("tied", [True, False])
def test_the_smallest_sentences_go_forward_and_back(tied, rng):
    net = Transformer(4, 1, 2, 1, 1, norm_first=True, tied=tied, rng=rng)
    y = net([[3]], [[START]])
    assert y.shape == (1, 1, 4)
    y.backward(rng.standard_normal(y.shape).astype("float32"))
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_parameter_learns(norm_first, rng):
    net = small(rng, norm_first=norm_first)
    y = net(rng.integers(3, 9, (2, 5)), rng.integers(3, 9, (2, 4)))
    y.backward(rng.standard_normal(y.shape))
    for name, parameter in net.named_parameters():
        assert np.abs(parameter.grad).max() > 1e-9, name


def test_evaluated_twice_it_says_the_same(rng):
    net = Transformer(9, 1, 8, 2, 16, 0.5, rng=rng)
    source, target = rng.integers(3, 9, (2, 5)), rng.integers(3, 9, (2, 4))
    assert not np.array_equal(net(source, target).data, net(source, target).data)
    net.eval()
    assert np.array_equal(net(source, target).data, net(source, target).data)


def test_the_one_matrix_gets_the_gradients_of_all_three_uses(rng):
    apart, tied = small(rng, tied=False), small(rng)
    state = apart.state_dict()
    state["target_embedding.weight"][:] = state["head.weight"][:] = state["embedding.weight"]
    apart.load_state_dict(state)
    tied.load_state_dict({key: array for key, array in state.items() if key in tied.state_dict()})
    source, target = rng.integers(3, 9, (2, 5)), rng.integers(3, 9, (2, 4))
    for net in (apart, tied):
        ops.cross_entropy(ops.flatten(net(source, target), 0, 1), target.reshape(-1)).backward()
    three = apart.embedding.weight.grad + apart.target_embedding.weight.grad + apart.head.weight.grad
    assert relative_error(tied.embedding.weight.grad, three) < 1e-12


# -------------------------------------------------------------------------------------------------------------- writing


def said_by(net, source):
    """What comes next, by running the whole network over source and beginning, one sentence at a time."""

    def step(prefixes, rows):
        said = [net(source[[row]], prefix[None]).data[0, -1] for row, prefix in zip(rows, prefixes)]
        return ops.log_softmax(Tensor(np.array(said))).data

    return step


def test_greedy_takes_the_likeliest_word_again_and_again(rng):
    net = small(rng).eval()
    source = np.array([[3, 4, END, PADDING], [5, 6, 7, END], [8, END, PADDING, PADDING]])
    found = net.greedy(source, longest=6)
    step = said_by(net, source)
    for row, sentence in enumerate(found):
        words = []
        while len(words) < 6 and END not in words:
            log_p = step(np.array([[START, *words]]), [row])[0]
            words.append(max(range(END, 9), key=lambda token: log_p[token]))
        assert [*sentence[: len(words)]] == words
        assert not sentence[len(words) :].any()
    assert np.array_equal(
        net.greedy(source[:1, :3], longest=6)[0], found[0, : len(net.greedy(source[:1], longest=6)[0])]
    )


def table(rng, words=3):
    """Log p of the next token for every beginning of three words and an end: made up, but the same each time."""
    memory = {}

    def step(prefixes, rows):
        for prefix in prefixes:
            if tuple(prefix) not in memory:
                p = rng.dirichlet(np.ones(words + 3) / 2)
                memory[tuple(prefix)] = np.log(np.maximum(p, 1e-9))
        return np.array([memory[tuple(prefix)] for prefix in prefixes])

    return step


def every_sentence(step, longest, words=3):
    """Yield all that can be written, with log p: those that end, and those that are cut off."""
    for length in range(1, longest + 1):
        last = [END] if length < longest else [END, *range(3, 3 + words)]
        for begun, end in itertools.product(itertools.product(range(3, 3 + words), repeat=length - 1), last):
            sentence = (*begun, end)
            log_p = sum(step(np.array([[START, *sentence[:i]]]), [0])[0, token] for i, token in enumerate(sentence))
            yield sentence, log_p


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_wide_beam_finds_the_best_of_all_sentences(alpha):
    for seed in range(6):
        step = table(np.random.default_rng(seed))
        best, score = max(
            ((one, log_p / ((5 + len(one)) / 6) ** alpha) for one, log_p in every_sentence(step, 4)), key=lambda x: x[1]
        )
        found, its = decoding.beam(step, 0, 4, beams=27, alpha=alpha)
        assert tuple(found) == best
        assert its == pytest.approx(score, rel=1e-12)
        narrow = decoding.beam(step, 0, 4, beams=1, alpha=alpha)
        assert narrow[1] <= score + 1e-12


def test_longer_sentences_gain_by_the_penalty():
    lengths = {
        alpha: np.mean(
            [len(decoding.beam(table(np.random.default_rng(seed)), 0, 6, beams=9, alpha=alpha)[0]) for seed in range(8)]
        )
        for alpha in (0.0, 3.0)
    }
    assert lengths[0.0] < lengths[3.0]


def test_a_beam_of_the_network_is_no_worse_than_greedy(rng):
    net = small(rng).eval()
    source = rng.integers(3, 9, (4, 5))
    greedy, beam = net.greedy(source, longest=5), net.beam(source, longest=5, beams=36, alpha=0.0)
    step = said_by(net, source)

    def log_p(row, sentence):
        words = [token for token in sentence if token != PADDING]
        return sum(step(np.array([[START, *words[:i]]]), [row])[0, token] for i, token in enumerate(words))

    for row in range(4):
        assert log_p(row, beam[row]) >= log_p(row, greedy[row]) - 1e-12


def test_neither_writes_padding_or_a_start():
    def step(prefixes, rows):
        return np.tile(np.log([0.5, 0.4, 0.06, 0.04]), (len(prefixes), 1))

    assert decoding.greedy(step, 2, 3).tolist() == [[END], [END]]
    assert decoding.beam(step, 0, 3, beams=2, alpha=0)[0].tolist() == [END]


def test_how_long_a_sentence_may_become(rng):
    net = small(rng, longest=7)
    net.embedding.weight.data[END] = -9  # it never ends
    assert net.greedy([[3, 4]]).shape[1] <= 7
    assert net.greedy([[3, 4]], longest=2).shape[1] <= 2
    assert small(rng).greedy([[3, 4]]).shape[1] <= 52


# ------------------------------------------------------------------------------------------------------------- strings


def test_strings_become_tokens_and_strings_again():
    abc = Alphabet("xyzé")
    strings = ["zé", "", "xxyy"]
    assert abc.encode(strings).tolist() == [[5, 6, END, 0, 0], [END, 0, 0, 0, 0], [3, 3, 4, 4, END]]
    assert abc.encode(strings, start=True)[:, 0].tolist() == [START] * 3
    assert abc.decode(abc.encode(strings)) == abc.decode(abc.encode(strings, start=True)) == strings
    assert abc.decode([[3, 4, 4]]) == ["xyy"]
    assert abc.encode([]).shape == (0, 1)


# ------------------------------------------------------------------------------------------------------------ bad input

CASES = [
    (
        lambda: Alphabet("aba"),
        ValueError,
        "Alphabet: symbols must be different characters; received symbols='aba'",
    ),
    (
        lambda: Alphabet("ab").encode(["a", "abc"]),
        ValueError,
        "Alphabet: there is no symbol 'c', only 'ab'; received 'abc'",
    ),
    (
        lambda: Transformer(9, 1, 8, 3, 4),
        ValueError,
        "TransformerEncoderLayer: the heads share the 8 numbers of a token evenly, 8 / 3 leaves 2; received "
        "d_model=8, nhead=3",
    ),
    (
        lambda: Transformer(3, 1, 8, 2, 4),
        ValueError,
        "Transformer: vocabulary must be an int >= 4; received vocabulary=3",
    ),
    (
        lambda: models.transformer_tiny()([[3, 29]], [[1]]),
        ValueError,
        "embedding: the table has 29 rows, so indices go from 0 to 29 - 1 = 28; received an index 29",
    ),
    (
        lambda: models.transformer_tiny(longest=4)([[3] * 5], [[1]]),
        ValueError,
        "transformer_tiny: a sentence may have longest=4 tokens, source has 5; source.shape=(1, 5); cut it, or build",
    ),
    (
        lambda: models.transformer_tiny()([[3, 4]], [[1]], source_padding=np.zeros((2, 1), bool)),
        ValueError,
        "transformer_tiny: source_padding must say it of each token of the source; source.shape=(1, 2), "
        "source_padding.shape=(2, 1)",
    ),
    (
        lambda: models.transformer_tiny()([[3, 4]], [[1]], source_padding=np.zeros((1, 2))),
        TypeError,
        "transformer_tiny: source_padding must be an array of bools, true for tokens that nobody may look at; received",
    ),
    (
        lambda: models.transformer_tiny()([3, 4], [[1]]),
        ValueError,
        "transformer_tiny: source must be tokens (N, L), L at least 1; source.shape=(2,); one sentence? give it",
    ),
    (
        lambda: models.transformer_tiny()([[3, 4]], [[1], [1]]),
        ValueError,
        "transformer_tiny: expects a target for each source; received 1 sources, target.shape=(2, 1)",
    ),
    (lambda: models.transformer_tiny()([[3.0]], [[1]]), TypeError, "embedding: indices must be whole numbers"),
    (
        lambda: models.transformer_tiny().greedy([[3]], longest=0),
        ValueError,
        "transformer_tiny: longest must be an int >= 1; received longest=0",
    ),
    (
        lambda: models.transformer_tiny().beam([[3]], beams=0, longest=2),
        ValueError,
        "beam: beams must be an int >= 1; received beams=0",
    ),
    (
        lambda: models.transformer_tiny().beam([[3]], alpha=-1, longest=2),
        ValueError,
        "beam: alpha must be >= 0; received alpha=-1",
    ),
]


@pytest.mark.parametrize(("call", "kind", "text"), CASES, ids=[text for *_, text in CASES])
def test_what_does_not_fit_is_refused_in_one_line(call, kind, text):
    with pytest.raises(kind, match=re.escape(text)) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_masks_are_square():
    assert [*map(int, causal_mask(4).sum(axis=1))] == [3, 2, 1, 0]
    assert math.isclose(decoding.penalty(1, 0.6), 1)
