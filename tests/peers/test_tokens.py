"""What a transformer is made of, against PyTorch: results and all gradients, over many combinations of arguments."""

import itertools

import numpy as np
import pytest

from minidl import Tensor, nn, ops
from tests.contract import relative_error

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers


@pytest.fixture(autouse=True, scope="module")
def _alone():
    """Arrays as small as these are slower in several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def compare(ours, theirs, arrays):
    """Compare a function of these arrays in float64, and all gradients for a random one from above; integers stay."""
    tensors = [Tensor(a, requires_grad=True) if a.dtype.kind == "f" else a for a in arrays]
    peers = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    y, expected = ours(*tensors), theirs(*peers)
    dy = np.asarray(np.random.default_rng(1).standard_normal(expected.shape))
    y.backward(dy)
    expected.backward(torch.tensor(dy))
    assert relative_error(y.data, expected.detach().numpy()) <= 1e-10
    for array, tensor, peer in zip(arrays, tensors, peers, strict=True):
        if array.dtype.kind == "f":
            error = np.abs(tensor.grad - peer.grad.numpy()).max(initial=0)
            assert error <= 1e-10 * max(1, np.abs(peer.grad.numpy()).max(initial=0))


LEADING = ((), (3,), (2, 3))
SIZES = tuple(itertools.product((1, 4), (1, 5), (1, 3), (2,)))  # L, S, D, E


@pytest.mark.parametrize("kind", ["none", "bools", "added"])
def test_attention(kind, rng):
    """180 combinations of axes, sizes and masks; every second mask of bools hides all keys from a query."""
    tried = 0
    for before, (n, s, d, e) in itertools.product(LEADING, SIZES):
        arrays = [rng.standard_normal((*before, *shape)) * 2 for shape in ((n, d), (s, d), (s, e))]
        shapes = [(n, s), (1, s), (n, 1), (*before, n, s)] if kind != "none" else [()]
        for number, shape in enumerate(shapes):
            more = []
            if kind == "bools":
                more = [rng.random(shape) < 0.7]
                more[0][..., 0, :] &= number % 2 == 0
            if kind == "added":
                more = [rng.standard_normal(shape)]
            compare(
                ops.scaled_dot_product_attention,
                lambda q, k, v, mask=None: F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
                [*arrays, *more],
            )
            tried += 1
    assert tried == len(LEADING) * len(SIZES) * (1 if kind == "none" else 4)


def test_minus_infinity_hides_a_key(rng):
    arrays = [rng.standard_normal(shape) for shape in ((2, 4, 3), (2, 5, 3), (2, 5, 2))]
    mask = np.where(rng.random((4, 5)) < 0.5, 0.0, -np.inf)
    mask[1] = -np.inf
    compare(
        lambda q, k, v: ops.scaled_dot_product_attention(q, k, v, mask),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=torch.tensor(mask)),
        arrays,
    )


def test_embedding(rng):
    for shape, rows, width in itertools.product(((), (7,), (3, 4), (0,)), (1, 5, 30), (1, 4)):
        compare(ops.embedding, F.embedding, [rng.integers(0, rows, shape), rng.standard_normal((rows, width))])


def test_maxout(rng):
    for shape, pieces, axis in itertools.product(((2, 12), (2, 12, 3, 4)), (1, 2, 3, 4, 6, 12), (1, -1, 0)):
        if shape[axis] % pieces:
            continue
        compare(
            lambda x, p=pieces, a=axis: ops.maxout(x, p, a),
            lambda x, p=pieces, a=axis: x.unflatten(a, (-1, p)).amax(a + 1 if a >= 0 else a),
            [rng.standard_normal(shape)],
        )


def test_linear_layers_of_tokens(rng):
    for before, bias in itertools.product(((), (3,), (2, 3), (2, 1, 3), (0, 3)), (True, False)):
        line = [rng.standard_normal(5)] if bias else []
        compare(ops.linear, F.linear, [rng.standard_normal((*before, 4)), rng.standard_normal((5, 4)), *line])


def test_products_of_batches(rng):
    for a, b in itertools.product(((4,), (3, 4), (2, 3, 4), (5, 2, 3, 4), (5, 1, 3, 4)), ((4,), (4, 6), (2, 4, 6))):
        compare(ops.matmul, torch.matmul, [rng.standard_normal(a), rng.standard_normal(b)])


# ------------------------------------------------------------------------------------------------------------- layers


def twins(kind, rng, *args, **settings):
    """Return our layer and PyTorch's with the same numbers, in float64."""
    ours, theirs = getattr(nn, kind)(*args, **settings), getattr(torch.nn, kind)(*args, **settings).double()
    assert {key: value.shape for key, value in ours.state_dict().items()} == {
        key: tuple(value.shape) for key, value in theirs.state_dict().items()
    }
    state = {key: rng.standard_normal(value.shape) / 2 for key, value in ours.state_dict().items()}
    for path, owner in ours.named_modules():
        for name in [name for name, _ in owner.named_parameters(recurse=False)]:
            setattr(owner, name, nn.Parameter(state[f"{path}.{name}" if path else name]))
    theirs.load_state_dict({key: torch.tensor(value) for key, value in state.items()})
    return ours, theirs


def compare_layers(ours, theirs, inputs, masks, **settings):
    """Compare results and the gradients of inputs and parameters; masks by their names."""
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    peers = [torch.tensor(x, requires_grad=True) for x in inputs]
    if len(inputs) == 1 and isinstance(ours, nn.MultiheadAttention):
        tensors, peers = tensors * 3, peers * 3
    y = ours(*tensors, **masks, **settings)
    expected = theirs(*peers, **{name: torch.tensor(mask) for name, mask in masks.items()}, **settings)
    pairs = list(zip(y, expected, strict=True)) if isinstance(y, tuple) else [(y, expected)]
    losses = []
    for one, other in pairs:
        assert (one is None) == (other is None)
        if one is not None:
            assert relative_error(one.data, other.detach().numpy()) <= 1e-10
            dy = np.random.default_rng(1).standard_normal(one.shape)
            losses.append(((one * dy).sum(), (other * torch.tensor(dy)).sum()))
    sum((loss for loss, _ in losses[1:]), losses[0][0]).backward()
    sum(loss for _, loss in losses).backward()
    own = dict(ours.named_parameters())
    grads = [(x.grad, p.grad.numpy()) for x, p in zip(tensors, peers)]
    grads += [(own[name].grad, p.grad.numpy()) for name, p in theirs.named_parameters()]
    for gradient, right in grads:
        assert np.abs(gradient - right).max() <= 1e-10 * max(1, np.abs(right).max())


def masks_of(rng, n, heads, queries, keys):
    """Every kind of mask; the first key is always to be seen."""
    hidden = rng.random((queries, keys)) < 0.4
    of_heads, padding = rng.random((n * heads, queries, keys)) < 0.4, rng.random((n, keys)) < 0.4
    for mask in (hidden, of_heads, padding):
        mask[..., 0] = False
    numbers = rng.standard_normal((queries, keys))
    yield {}
    yield {"attn_mask": hidden}
    yield {"attn_mask": numbers}
    yield {"attn_mask": of_heads}
    yield {"key_padding_mask": padding}
    yield {"key_padding_mask": padding, "attn_mask": hidden}
    yield {"key_padding_mask": np.where(padding, -np.inf, 0.0), "attn_mask": numbers}


@pytest.mark.parametrize("bias", [True, False])
def test_multihead_attention(bias, rng):
    ours, theirs = twins("MultiheadAttention", rng, 6, 3, 0.0, bias, batch_first=True)
    for masks, wanted in itertools.product(masks_of(rng, 2, 3, 4, 5), ({}, {"average_attn_weights": False}, None)):
        inputs = [rng.standard_normal((2, n, 6)) for n in (4, 5, 5)]
        compare_layers(ours, theirs, inputs, masks, **({"need_weights": False} if wanted is None else wanted))
    compare_layers(ours, theirs, inputs[:1], {}, need_weights=False)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_an_encoder_layer(norm_first, activation, rng):
    for bias in (True, False):
        settings = {"batch_first": True, "norm_first": norm_first, "bias": bias}
        ours, theirs = twins("TransformerEncoderLayer", rng, 6, 2, 8, 0.0, activation, **settings)
        for masks in masks_of(rng, 2, 2, 4, 4):
            words = {"attn_mask": "src_mask", "key_padding_mask": "src_key_padding_mask"}
            masks = {words[name]: mask for name, mask in masks.items()}
            compare_layers(ours, theirs, [rng.standard_normal((2, 4, 6))], masks)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_decoder_layer(norm_first, activation, rng):
    """Every kind of mask for its own tokens beside every kind for the others."""
    own = {"attn_mask": "tgt_mask", "key_padding_mask": "tgt_key_padding_mask"}
    other = {"attn_mask": "memory_mask", "key_padding_mask": "memory_key_padding_mask"}
    for bias in (True, False):
        settings = {"batch_first": True, "norm_first": norm_first, "bias": bias}
        ours, theirs = twins("TransformerDecoderLayer", rng, 6, 2, 8, 0.0, activation, **settings)
        for one, two in zip(masks_of(rng, 2, 2, 4, 4), [*masks_of(rng, 2, 2, 4, 5)][::-1], strict=True):
            masks = {own[name]: mask for name, mask in one.items()} | {other[name]: mask for name, mask in two.items()}
            compare_layers(ours, theirs, [rng.standard_normal((2, n, 6)) for n in (4, 5)], masks)
