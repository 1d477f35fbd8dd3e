"""Random numbers: seeded, saved, restored, addressed."""

import json
import threading

import numpy as np
import pytest

import minidl
from minidl import _random, nn


def test_the_same_seed_gives_the_same_weights():
    minidl.manual_seed(5)
    first = nn.Linear(3, 4).state_dict()
    minidl.manual_seed(5)
    second = nn.Linear(3, 4).state_dict()
    minidl.manual_seed(6)
    third = nn.Linear(3, 4).state_dict()
    np.testing.assert_array_equal(first["weight"], second["weight"])
    assert (first["weight"] != third["weight"]).any()


def test_an_rng_of_its_own_leaves_the_default_generator_alone(rng):
    before = _random.get_state()
    nn.Conv2d(3, 4, 3, rng=rng)
    assert _random.get_state() == before


def test_a_state_survives_json_and_goes_on_exactly():
    generator = _random.default_generator()
    generator.random(7, dtype=np.float32)  # an odd number leaves half a word behind
    state = json.loads(json.dumps(_random.get_state()))
    expected = generator.standard_normal(5)
    _random.set_state(state)
    np.testing.assert_array_equal(generator.standard_normal(5), expected)


def test_addressed_draws_depend_on_the_address_alone():
    draws = {
        address: tuple(_random.addressed(*address).random(4))
        for address in [
            (0, "augment", 1, 2),
            (0, "augment", 2, 1),
            (0, "shuffle", 1, 2),
            (1, "augment", 1, 2),
            (0, "augment", 1),
        ]
    }
    assert len(set(draws.values())) == 5
    assert tuple(_random.addressed(0, "augment", 1, 2).random(4)) == draws[0, "augment", 1, 2]


def test_many_numbers_are_the_same_whatever_draws_them(monkeypatch):
    size, threads = 3 * _random.BLOCK + 5, threading.active_count()
    drawn = []
    for processors in (1, 2, 7):
        monkeypatch.setattr("os.cpu_count", lambda processors=processors: processors)
        drawn.append(_random.draw("standard_normal", (1, size), np.random.default_rng(3)))
    assert drawn[0].shape == (1, size)
    assert drawn[0].dtype == np.float32
    assert np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2])
    blocks = [drawn[0][0, start : start + _random.BLOCK] for start in range(0, size - 5, _random.BLOCK)]
    assert all(abs(block.mean()) < 0.01 and abs(block.std() - 1) < 0.01 for block in blocks)
    assert len({block[0] for block in blocks}) == len(blocks)
    assert np.isfinite(drawn[0][0, -5:]).all()
    assert threading.active_count() == threads


def test_many_numbers_follow_the_seed_and_move_the_generator_on():
    drawn = []
    for seed in (1, 1, 2):
        minidl.manual_seed(seed)
        drawn += [_random.draw("random", (2, _random.BLOCK)) for _ in range(2)]
    first, second, again, _, other, _ = drawn
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert 0 <= first.min() < 0.001
    assert 0.999 < first.max() < 1


def test_neighbouring_addresses_do_not_overlap():
    long = _random.addressed(0, "augment", 0, 0).random(10_000)
    other = _random.addressed(0, "augment", 0, 1).random(100)
    assert not np.isin(other, long).any()


@pytest.mark.parametrize("seed", [-1, "a", None, 1.0, True])
def test_what_is_no_seed_is_refused_and_changes_nothing(seed):
    before = _random.get_state()
    with pytest.raises(ValueError, match=f"manual_seed: seed must be an int >= 0; received seed={seed!r}"):
        minidl.manual_seed(seed)
    assert _random.get_state() == before
