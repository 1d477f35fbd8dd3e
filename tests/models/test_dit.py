"""The diffusion transformer: the paper's counts as sums over parts, its tables by hand, and the manners of the zoo."""

import math

import numpy as np
import pytest

import minidl
from minidl import Tensor, models, nn, no_grad
from minidl.models.dit import SIZES, DiT, frequencies, positions
from tests.models.walk import count

MILLIONS = {"dit_s_2": 33, "dit_b_2": 130, "dit_l_2": 458, "dit_xl_2": 675}  # Table 1
TINY = {"patch_size": 2, "depth": 2, "heads": 2, "width": 8, "input_size": 4, "in_channels": 2, "num_classes": 3}


def build(name, **settings):
    with nn.init.unfilled():
        return getattr(models, name)(**settings)


def awake(rng, **settings):
    """A narrow one whose zeros have been left: every gate is open."""
    net = DiT(**TINY | settings, rng=rng)
    for parameter in net.parameters():
        parameter.data = parameter.data + 0.3 * rng.standard_normal(parameter.shape).astype(parameter.dtype)
    return net


def asked(net, rng, n=2, dtype="float32"):
    x = rng.standard_normal((n, net.in_channels, net.input_size, net.input_size)).astype(dtype)
    return Tensor(x), np.arange(n) * 7, np.arange(n) % (net.num_classes + 1)


def linear(into, out):
    return into * out + out


@pytest.mark.parametrize("name", SIZES)
def test_parameters_are_the_sum_over_the_parts_and_the_paper_s(name):
    net, size = build(name), SIZES[name]
    d, depth, patch = size["width"], size["depth"], size["patch_size"]
    c, classes = size.get("in_channels", 4), size.get("num_classes", 1000)
    answer = c * (2 if size.get("learn_sigma", True) else 1)
    block = linear(d, 3 * d) + linear(d, d) + linear(d, 4 * d) + linear(4 * d, d) + linear(d, 6 * d)
    parts = {
        "x_embedder": linear(patch**2 * c, d),
        "t_embedder": linear(256, d) + linear(d, d),
        "y_embedder": (classes + 1) * d,
        "blocks": depth * block,
        "final_layer": linear(d, patch**2 * answer) + linear(d, 2 * d),
    }
    assert {part: count(getattr(net, part)) for part in parts} == parts
    assert count(net) == sum(parts.values())
    if name in MILLIONS:  # the table of places, which nobody learns, is not among them
        assert round(count(net) / 1e6) == MILLIONS[name]


def test_names_are_those_of_the_authors_code():
    keys = list(build("dit_s_2").state_dict())
    block = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "adaLN_modulation.1"]
    named = ["x_embedder.proj", "t_embedder.mlp.0", "t_embedder.mlp.2"]
    named += [f"blocks.{i}.{part}" for i in range(12) for part in block]
    named += ["final_layer.linear", "final_layer.adaLN_modulation.1"]
    expected = [f"{name}.{kind}" for name in named for kind in ("weight", "bias")]
    assert sorted(keys) == sorted([*expected, "y_embedder.embedding_table.weight", "pos_embed"])


def test_latents_come_out_with_twice_the_channels():
    net = models.dit_s_2(depth=1, width=8, heads=1)
    with no_grad():
        assert net.eval()(Tensor(np.zeros((1, 4, 32, 32), "float32")), [0], [0]).shape == (1, 8, 32, 32)
    assert build("dit_xl_2", depth=0).out_channels == 8
    assert build("dit_tiny").out_channels == 1


def test_places_are_sines_and_cosines_of_column_and_row_as_loops():
    side, width = 3, 12
    table = positions(side, width)
    for token in range(side * side):
        row, column = divmod(token, side)
        for axis, place in enumerate((column, row)):
            for i in range(width // 4):
                angle = place / 10_000 ** (i / (width / 4))
                start = axis * width // 2
                assert table[token, start + i] == pytest.approx(math.sin(angle))
                assert table[token, start + width // 4 + i] == pytest.approx(math.cos(angle))
    assert len({tuple(row) for row in table.round(9)}) == 9  # every place its own


def test_steps_are_cosines_and_sines_as_loops():
    table = frequencies([0, 3, 999])
    assert table.shape == (3, 256)
    for n, t in enumerate((0, 3, 999)):
        for i in range(128):
            angle = t * math.exp(-math.log(10_000) * i / 128)
            assert table[n, i] == pytest.approx(math.cos(angle))
            assert table[n, 128 + i] == pytest.approx(math.sin(angle))


def test_at_first_every_block_is_the_identity_and_the_answer_is_0(rng):
    net, seen = DiT(**TINY, rng=rng), []
    x, t, y = asked(net, rng)
    assert (net(x, t, y, edit=lambda _, tokens: seen.append(tokens.data) or tokens).data == 0).all()
    assert len(seen) == 2
    assert (seen[0] == seen[1]).all()


def test_patches_come_out_where_they_went_in(rng):
    """With the final layer as the inverse of the patches, and tokens that are their pixels, the picture comes out."""
    net = DiT(2, 0, 1, 8, input_size=6, in_channels=2, learn_sigma=False, num_classes=1, rng=rng)
    x = rng.standard_normal((2, 2, 6, 6)).astype("float32")
    tokens = x.reshape(2, 2, 3, 2, 3, 2).transpose(0, 2, 4, 3, 5, 1).reshape(2, 9, 8)  # rows, columns, channels
    assert (net._picture(Tensor(tokens)).data == x).all()


def test_the_smallest_input_gives_every_parameter_a_gradient(rng):
    net = awake(rng, input_size=2)
    x, t, _ = asked(net, rng, n=4)
    (net(x, t, np.arange(4)) * Tensor(rng.standard_normal((4, 4, 2, 2)).astype("float32"))).sum().backward()
    without = {name for name, p in net.named_parameters() if p.grad is None or not np.abs(p.grad).max() > 0}
    # one token looks at nobody but itself: queries and keys have no say, which is two thirds of qkv
    assert without == set()
    assert (net.blocks[0].attn.qkv.weight.grad[: 2 * 8] == 0).all()
    net = awake(rng)
    x, t, y = asked(net, rng, n=4)
    (net(x, t, y) * Tensor(rng.standard_normal((4, 4, 4, 4)).astype("float32"))).sum().backward()
    assert all(np.abs(p.grad).max() > 0 for p in net.parameters())


def test_asked_twice_it_says_the_same(rng):
    net = awake(rng).eval()
    x, t, y = asked(net, rng, n=3)
    with no_grad():
        first, second = net(x, t, y).data, net(x, t, y).data
    assert (first == second).all()
    with no_grad():  # and every picture for itself
        alone = net(Tensor(x.data[1:2]), t[1:2], y[1:2]).data
    np.testing.assert_allclose(alone, first[1:2], rtol=1e-4, atol=1e-5)


def test_gradients_of_the_whole_network(rng):
    net = awake(rng, depth=1)
    net.pos_embed = net.pos_embed.astype("float64")
    named = dict(net.named_parameters())
    x, t, y = asked(net, rng, dtype="float64")

    def answer(x, *values):
        for (name, _), value in zip(named.items(), values, strict=True):
            module, _, attribute = name.rpartition(".")
            owner = net
            for part in module.split("."):
                owner = owner[int(part)] if part.isdigit() else getattr(owner, part)
            owner._parameters[attribute] = value
        return net(x, t, y)

    inputs = [x.data, *(p.data.astype("float64") for p in named.values())]
    assert minidl.gradcheck(answer, inputs).verdict == "ok"


def test_tokens_can_be_exchanged_before_any_block(rng):
    net = awake(rng).eval()
    x, t, y = asked(net, rng)
    plain = net(x, t, y).data
    assert (net(x, t, y, edit=lambda _, tokens: tokens).data == plain).all()
    for block in range(2):
        changed = net(x, t, y, edit=lambda i, tokens, block=block: tokens * 2.0 if i == block else tokens).data
        assert np.abs(changed - plain).max() > 1e-3


WRONG = {
    "patches": ({"patch_size": 3}, "input_size must be divisible by patch_size; received input_size=4, patch_size=3"),
    "heads": ({"heads": 3}, "width must be divisible by heads; received width=8, heads=3 \\(8 % 3 = 2\\)"),
    "width": ({"width": 6}, "width must be divisible by 4; received width=6"),
    "dropout": ({"class_dropout_prob": 2}, "class_dropout_prob"),
    "classes": ({"num_classes": 0}, "num_classes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_built(case):
    settings, said = WRONG[case]
    with pytest.raises(ValueError, match=said):
        DiT(**TINY | settings)


def test_what_cannot_be_asked(rng):
    net = models.dit_tiny(depth=1, width=8, heads=1)
    x = Tensor(np.zeros((2, 1, 32, 32), "float32"))
    with pytest.raises(ValueError, match=r"dit_tiny: expects t of shape \(2,\), one for each picture; t.shape=\(3,\)"):
        net(x, [1, 2, 3], [0, 0])
    with pytest.raises(ValueError, match="an index 11; weight.shape"):
        net(x, [1, 2], [0, 11])
    with pytest.raises(ValueError, match="patches of 8×8 do not divide the side: 30 = 3·8 \\+ 6; resize the pictures"):
        net(Tensor(np.zeros((1, 1, 30, 30), "float32")), [1], [0])
    with pytest.raises(ValueError, match="24 / 8 = 3 patches a side, but there are 4 places a side"):
        net(Tensor(np.zeros((1, 1, 24, 24), "float32")), [1], [0])
    with pytest.raises(ValueError, match="expects pictures with 1 channels, these have 3"):
        net(Tensor(np.zeros((1, 3, 32, 32), "float32")), [1], [0])
