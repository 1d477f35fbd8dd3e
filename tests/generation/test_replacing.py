"""Tokens of a reference in other pictures: regions, places, what is replaced when; and what generators are asked."""

import numpy as np
import pytest

from minidl import Tensor, models, no_grad
from minidl.generation import (
    Diffuser,
    Diffusion,
    ddim,
    denoiser,
    generate,
    linear,
    make_places,
    region_mask,
    remember,
    with_tokens,
)
from minidl.generation.replacing import _patches, _pictures

TINY = {"patch_size": 2, "depth": 2, "heads": 1, "width": 8, "input_size": 8, "num_classes": 3}


@pytest.fixture
def net(rng):
    net = models.dit_tiny(**TINY, rng=rng)
    for parameter in net.parameters():
        parameter.data = parameter.data + 0.05 * rng.standard_normal(parameter.shape).astype("float32")
    return net.eval()


def drawn(rng, n=2):
    return rng.standard_normal((n, 1, 8, 8)).astype("float32")


def test_a_region_is_every_patch_that_it_touches():
    for region in [(0, 0, 1, 1), (1, 1, 3, 8), (2, 4, 6, 6), (0, 0, 8, 8), (7, 7, 8, 8)]:
        x0, y0, x1, y1 = region
        touched = np.zeros((4, 4), bool)
        for y in range(y0, y1):
            for x in range(x0, x1):
                touched[y // 2, x // 2] = True
        assert (region_mask(region, 8, 2) == touched).all()


@pytest.mark.parametrize("region", [(0, 0, 9, 8), (4, 4, 4, 8), (5, 0, 3, 8), (0, 0, 8, 9)])
def test_a_region_outside_of_the_picture_is_refused(region):
    said = "0 <= x0 < x1 <= 8 and 0 <= y0 < y1 <= 8 in pictures of 8×8; received x0,y0,x1,y1=" + ",".join(
        map(str, region)
    )
    with pytest.raises(ValueError, match=said):
        region_mask(region, 8, 2)
    with pytest.raises(ValueError, match="expects four numbers x0, y0, x1, y1"):
        region_mask((1, 2, 3), 8, 2)


def test_patches_and_pictures(rng):
    x = drawn(rng)
    patches = _patches(x, 2)
    assert (patches[1, 5].reshape(2, 2) == x[1, 0, 2:4, 2:4]).all()  # row 1, column 1
    assert (_pictures(patches, x.shape, 2) == x).all()


def test_places_without_perturbation_are_the_region():
    mask = region_mask((2, 0, 6, 4), 8, 2)
    places = make_places(mask, 3)
    assert (places == np.where(mask.reshape(-1), np.arange(16), -1)).all()
    assert places.shape == (3, 16)


def test_shuffled_tokens_stay_in_their_square_and_in_the_region(rng):
    mask = region_mask((0, 0, 6, 8), 8, 2)
    places = make_places(mask, 50, window=2, rng=rng)
    for one in places.reshape(50, 4, 4):
        assert ((one >= 0) == mask).all()
        for top in (0, 2):
            for left in (0, 2):
                inside = mask[top : top + 2, left : left + 2]
                square = one[top : top + 2, left : left + 2][inside]
                own = np.arange(16).reshape(4, 4)[top : top + 2, left : left + 2][inside]
                assert sorted(square) == sorted(own)
    assert len({tuple(one) for one in places}) > 40


def test_only_the_edge_of_the_region_moves(rng):
    mask = region_mask((0, 0, 4, 8), 8, 2)  # columns 0 and 1; 1 and 2 are at the edge
    places = make_places(mask, 200, edge=0.3, rng=rng).reshape(200, 4, 4)
    taken = (places >= 0).mean(axis=(0, 1))
    assert taken[0] == 1
    assert taken[3] == 0
    assert abs(taken[1] - 0.7) < 0.06
    assert abs(taken[2] - 0.3) < 0.06
    assert ((places == -1) | (places == np.arange(16).reshape(4, 4))).all()


def test_all_tokens_at_every_step_give_the_reference(net, rng):
    """With the whole picture replaced until the end, any noise and any class becomes the reference."""
    process = Diffusion(linear(100)).spaced(10)
    picture = np.tanh(drawn(rng, 1)[0])
    reference = remember(net, process, picture, net.no_class, rounds=20)
    assert [len(reference.way), len(reference.tokens), len(reference.tokens[0])] == [10, 10, 2]
    places = make_places(np.ones((4, 4), bool), 2)
    made = with_tokens(net, process, drawn(rng), [0, 1], reference, places, share=1.0, guidance=1.0)
    np.testing.assert_allclose(made[0, 0], made[1, 0], atol=0.15)  # the classes still set the last layer
    with no_grad():
        again = ddim(denoiser(net, [net.no_class]), process, reference.way[-1])
    np.testing.assert_allclose(again[0], picture, atol=1e-3)
    assert np.abs(made - picture).mean() < 0.15 * np.abs(picture).mean()


def test_no_tokens_or_no_steps_are_plain_sampling(net, rng):
    process, x = Diffusion(linear(100)).spaced(6), drawn(rng)
    reference = remember(net, process, drawn(rng, 1)[0], 0)
    plain = ddim(denoiser(net, [0, 1], 2.0), process, x, clip=(-1.0, 1.0))
    none, some = make_places(np.zeros((4, 4), bool), 2), make_places(region_mask((0, 0, 4, 4), 8, 2), 2)
    for places, share in ((none, 1.0), (some, 0.0)):
        made = with_tokens(net, process, x, [0, 1], reference, places, share=share, guidance=2.0, clip=(-1.0, 1.0))
        np.testing.assert_allclose(made, plain, atol=1e-5)
    made = with_tokens(net, process, x, [0, 1], reference, some, share=0.5, guidance=2.0, clip=(-1.0, 1.0))
    assert np.abs(made - plain).max() > 0.05


def test_tokens_are_replaced_in_the_early_steps_alone_and_lose_their_place(rng):
    """A network that only writes down what its blocks get: the reference's token with the place of its new home."""
    written = []

    class Writer:
        patch_size, no_class, pos_embed = 2, None, rng.standard_normal((1, 16, 4)).astype("float32")

        def __call__(self, x, t, y, edit):
            tokens = Tensor(np.full((len(x.data), 16, 4), 100.0 + t[0], "float32") + self.pos_embed)
            written.append((int(t[0]), edit(0, tokens).data, x.data))
            return x * 0.0

    net, process = Writer(), Diffusion(linear(4))
    net_tokens = [[np.full((16, 4), t, "float32") + net.pos_embed[0]] for t in range(4)]
    way = [np.full((1, 1, 8, 8), t, "float32") for t in range(4)]
    places = make_places(region_mask((0, 0, 2, 4), 8, 2), 1)
    places[0, [0, 4]] = places[0, [4, 0]]  # two tokens, exchanged
    from minidl.generation import Reference

    with_tokens(net, process, drawn(rng, 1), [0], Reference(way, net_tokens), places, share=0.5)
    assert [t for t, _, _ in written] == [3, 2, 1, 0]
    for t, tokens, x in written:
        without = tokens[0] - net.pos_embed[0]
        replaced = np.isclose(without, t, atol=1e-4).all(axis=1)
        if t >= 2:
            assert replaced.nonzero()[0].tolist() == [0, 4]
            assert (x[0, 0, :4, :2] == t).all()
        else:
            assert not replaced.any()
        assert np.isclose(without[~replaced], 100 + t, atol=1e-4).all()


class Thrower:
    """A generator that takes nothing."""

    takes, num_classes = frozenset(), None

    def sample(self, n, *, rng):
        return np.zeros((n, 1, 2, 2), "float32")


def test_what_a_generator_is_asked(rng):
    diffuser = Diffuser(models.dit_tiny(**TINY), steps=10)
    known = Diffuser(models.dit_tiny(**TINY, class_dropout_prob=0.0), steps=10)
    picture = drawn(rng, 1)[0]
    for generator, settings, said in (
        (diffuser, {"classes": 3}, "knows 3 classes, 0 to 3 - 1 = 2; received class 3"),
        (diffuser, {"classes": [0, -1]}, "received class -1"),
        (diffuser, {"classes": [0, 1, 2]}, "one class, or one for each of 2 pictures"),
        (diffuser, {"steps": 11}, "was trained with 10 steps; received steps=11"),
        (diffuser, {"steps": 0}, "steps"),
        (diffuser, {"guidance": -1.0}, "guidance"),
        (known, {"guidance": 2.0}, "never was; received guidance=2"),
        (diffuser, {"like": picture}, "like needs region as well"),
        (diffuser, {"region": (0, 0, 2, 2)}, "region needs like as well"),
        (diffuser, {"like": picture, "region": (0, 0, 9, 2)}, "in pictures of 8×8"),
        (Thrower(), {"steps": 3}, "no use for steps: it makes a picture in one step; leave it out"),
        (Thrower(), {"classes": 0}, "no use for classes: it was trained without classes"),
        (Thrower(), {"size": 0}, "no use for size: it takes none"),
    ):
        with pytest.raises(ValueError, match=said):
            generate(generator, 2, **settings)
    with pytest.raises(TypeError, match="a network that makes pictures; received a Tensor"):
        generate(Tensor([0.0]), 2)
    assert generate(Thrower(), 2, steps=None).shape == (2, 1, 2, 2)
    assert generate(known, 2, steps=2).shape == (2, 1, 8, 8)  # without guidance, which it could not give


def test_a_diffuser_makes_the_same_of_the_same(rng):
    diffuser = Diffuser(models.dit_tiny(**TINY, rng=rng), steps=10)
    for parameter in diffuser.average.parameters():
        parameter.data = parameter.data + 0.05 * rng.standard_normal(parameter.shape).astype("float32")
    draws = [generate(diffuser, 3, steps=3, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert np.abs(draws[0] - draws[2]).max() > 0.1
    assert all(0 <= made.min() <= made.max() <= 1 for made in draws)
    like = rng.random((1, 8, 8)).astype("float32")
    made = generate(diffuser, 3, steps=3, rng=np.random.default_rng(1), like=like, region=(0, 0, 8, 4))
    assert np.abs(made - draws[0]).max() > 0.01


def test_a_diffuser_learns_in_numbers_from_minus_one_to_one(rng):
    diffuser = Diffuser(models.dit_tiny(**TINY), steps=10)
    x = rng.uniform(-3, 5, (4, 1, 8, 8)).astype("float32")
    diffuser.fit_range(x)
    inside = diffuser.inside(x)
    assert (inside.min(), inside.max()) == (pytest.approx(-1), pytest.approx(1))
    assert inside.dtype == np.float32
    loss = diffuser.train().loss(x, np.array([0, 1, 2, 0]), rng)
    assert loss.item() == pytest.approx(1, abs=0.3)  # the first answer is 0, and the noise has variance 1
    loss.backward()
    assert diffuser.net.final_layer.linear.weight.grad is not None
    with pytest.raises(ValueError, match="the training pictures have one grey value, 1; there is nothing to learn"):
        diffuser.fit_range(np.ones((2, 1, 8, 8)))
