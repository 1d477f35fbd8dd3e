"""The transformer of 2017 against `torch.nn.Transformer` with the same weights: results, gradients, and its size."""

import math

import numpy as np
import pytest

from minidl import models, nn
from minidl.models.transformer import Transformer, causal_mask, positions
from tests.contract import relative_error

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")]


def twin(ours, heads, hidden):
    """Return PyTorch's encoder and decoder of the same sizes, with our weights; final norms only where we have them."""
    depth = len(ours.encoder.layers)
    first = isinstance(ours.encoder.norm, nn.LayerNorm)
    theirs = torch.nn.Transformer(ours.width, heads, depth, depth, hidden, 0.0, batch_first=True, norm_first=first)
    if not first:
        theirs.encoder.norm = theirs.decoder.norm = None
    state = {key: torch.tensor(array) for key, array in ours.state_dict().items() if key.startswith(("enc", "dec"))}
    theirs.double().load_state_dict(state)
    return theirs


def in_their_words(theirs, ours, source, target, padding):
    """Return logits by PyTorch: rows of the table times √D, places, encoder and decoder, and the table again."""
    table = torch.tensor(ours.embedding.weight.data.astype(np.float64), requires_grad=True)

    def placed(tokens):
        places = torch.tensor(positions(tokens.shape[1], ours.width))
        return table[torch.tensor(tokens)] * math.sqrt(ours.width) + places

    hidden = torch.tensor(padding)
    states = theirs(
        placed(source),
        placed(target),
        tgt_mask=torch.tensor(causal_mask(target.shape[1])),
        src_key_padding_mask=hidden,
        memory_key_padding_mask=hidden,
    )
    return states @ table.T, table


@pytest.mark.parametrize("norm_first", [False, True])
def test_results_and_gradients_are_pytorchs(norm_first, rng):
    ours = Transformer(11, 2, 12, 3, 20, 0.0, norm_first=norm_first, rng=rng)
    for owner in ours.modules():
        for name, one in [*owner.named_parameters(recurse=False)]:
            setattr(owner, name, nn.Parameter(one.data + 0.2 * rng.standard_normal(one.shape)))
    theirs = twin(ours, 3, 20)
    source, target = rng.integers(3, 11, (3, 6)), rng.integers(1, 11, (3, 5))
    source[0, 4:] = source[2, 2:] = 0
    expected, table = in_their_words(theirs, ours, source, target, source == 0)
    y = ours(source, target)
    assert relative_error(y.data, expected.detach().numpy()) < 1e-10
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    expected.backward(torch.tensor(dy))
    pairs = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    pairs["embedding.weight"] = table.grad.numpy()
    own = dict(ours.named_parameters())
    assert set(own) == set(pairs)
    for name, right in pairs.items():
        assert np.abs(own[name].grad - right).max() <= 1e-7 * max(1, np.abs(right).max()), name
    single = Transformer(11, 2, 12, 3, 20, 0.0, norm_first=norm_first)
    single.load_state_dict({key: array.astype("float32") for key, array in ours.state_dict().items()})
    assert relative_error(single(source, target).data, expected.detach().numpy()) < 1e-4


@pytest.mark.parametrize("name", ["transformer_base", "transformer_big"])
def test_as_many_parameters_as_pytorchs_less_its_two_final_norms(name):
    with nn.init.unfilled():
        ours = getattr(models, name)(50)
    heads, hidden = ours.encoder.layers[0].self_attn.num_heads, ours.encoder.layers[0].linear1.out_features
    with torch.device("meta"):
        theirs = torch.nn.Transformer(ours.width, heads, 6, 6, hidden, batch_first=True)
    shapes = {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
    final = {key: shapes.pop(key) for key in [*shapes] if key.startswith(("encoder.norm", "decoder.norm"))}
    assert len(final) == 4
    own = {key: array.shape for key, array in ours.state_dict().items()}
    assert own.pop("embedding.weight") == (50, ours.width)
    assert own == shapes
    counted = sum(parameter.numel() for parameter in theirs.parameters()) - 4 * ours.width
    assert sum(parameter.numel() for parameter in ours.parameters()) - 50 * ours.width == counted
