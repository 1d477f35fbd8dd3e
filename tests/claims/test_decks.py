"""Two hundred made-up sentences of decks: right numbers, planted slips, and sentences that cannot be read."""

from collections import Counter

import pytest

from minidl.teach.claims import check
from tests.claims.decks import Maker, alexnet, vgg16


def test_the_hand_made_tables_are_those_of_the_papers():
    assert alexnet("parameters") == 60_965_224
    assert vgg16("parameters") == 138_357_544
    assert vgg16("macs") == 15_470_264_320


def walk(seed):
    """Check a deck, and count what becomes of its sentences; every mistake that must not be is an error."""
    found = Counter()
    for sentence in Maker(seed).deck(200):
        answers = check(sentence.text)
        verdicts = {answer.verdict for answer in answers}
        keys = [answer.key for answer in answers if answer.key]
        if sentence.slip is None:
            assert verdicts == {"NOT READ"}, sentence
            found["not read"] += 1
        elif not sentence.slip:
            assert verdicts == {"RIGHT"}, sentence
            found["right"] += 1
        else:
            assert "RIGHT" not in verdicts, sentence
            assert all(key.startswith(sentence.slip) for key in keys), (sentence, keys)  # none is named falsely
            found["slips"] += 1
            found["named"] += bool(keys)
    return found


@pytest.mark.parametrize("seed", [pytest.param(0), *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 12))])
def test_no_sentence_of_a_deck_gets_a_wrong_verdict(seed):
    found = walk(seed)
    assert min(found["right"], found["slips"], found["not read"]) >= 25
    assert found["named"] >= 0.9 * found["slips"]
