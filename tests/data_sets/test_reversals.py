"""Strings to be written backwards: the same for the same address, and never one on both sides."""

import itertools
import re

import pytest

from minidl.data.reversals import LETTERS, is_held_out, reversals


def test_an_address_has_its_strings():
    assert reversals(5, 1, 2, seed=3) == reversals(5, 1, 2, seed=3)
    others = [
        reversals(5, 1, 2, seed=4),
        reversals(5, 2, 1, seed=3),
        reversals(5, 1, seed=3),
        reversals(5, 1, 3, seed=3),
    ]
    assert all(other != reversals(5, 1, 2, seed=3) for other in others)
    assert reversals(9, 1, 2, seed=3) != reversals(5, 1, 2, seed=3, held_out=True)
    assert reversals(0) == []


def test_what_they_are():
    found = reversals(400, shortest=3, longest=6, symbols="xyz")
    assert {len(text) for text, _ in found} == {3, 4, 5, 6}
    assert set("".join(text for text, _ in found)) == set("xyz")
    assert all(target == text[::-1] for text, target in found)
    assert {len(text) for text, _ in reversals(20, shortest=20)} == {20}
    assert len({text for text, _ in reversals(500, shortest=20)}) == 500


def test_no_string_is_on_both_sides_however_few_there_are():
    """All 84 strings of up to three of four symbols: each side has some, and both together have all."""
    sizes = {"symbols": "abcd", "longest": 3}
    sides = [{text for step in range(20) for text, _ in reversals(64, step, held_out=held, **sizes)} for held in (0, 1)]
    every = {"".join(text) for n in (1, 2, 3) for text in itertools.product("abcd", repeat=n)}
    assert sides[0] | sides[1] == every
    assert not sides[0] & sides[1]
    assert sides[1] == {text for text in every if is_held_out(text)}


def test_about_one_in_ten_is_held_out():
    texts = ["".join(text) for text in itertools.product(LETTERS[:20], repeat=3)]
    assert sum(map(is_held_out, texts)) / len(texts) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"n": -1}, "reversals: n must be an int >= 0; received n=-1"),
        ({"shortest": 0}, "reversals: shortest must be an int >= 1; received shortest=0"),
        ({"shortest": 5, "longest": 4}, "reversals: longest must be an int >= 5; received longest=4"),
        ({"symbols": ""}, "reversals: symbols must be at least one character; received symbols=''"),
        (
            {"symbols": "a", "longest": 1, "held_out": True},
            "reversals: of strings of 1 to 1 of 1 symbols too few are held out; take longer ones; received symbols='a'",
        ),
    ],
)
def test_what_is_refused(settings, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        reversals(**{"n": 3, **settings})
