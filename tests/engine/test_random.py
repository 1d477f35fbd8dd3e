"""Random numbers: seeded, saved, restored, addressed."""

import json

import numpy as np

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


def test_neighbouring_addresses_do_not_overlap():
    long = _random.addressed(0, "augment", 0, 0).random(10_000)
    other = _random.addressed(0, "augment", 0, 1).random(100)
    assert not np.isin(other, long).any()
