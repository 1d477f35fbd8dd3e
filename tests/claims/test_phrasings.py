"""The same things in many words, and what looks like them, but must not be judged."""

from pathlib import Path

import pytest
import yaml

from minidl.teach.claims import check

HERE = Path(__file__).parent
SENTENCES = yaml.safe_load((HERE / "phrasings.yaml").read_text(encoding="utf-8"))
LECTURES = yaml.safe_load((HERE / "lectures.yaml").read_text(encoding="utf-8"))
SEVERAL, SLIPS = LECTURES.pop("SEVERAL"), LECTURES.pop("SLIPS")


@pytest.mark.parametrize("verdict", SENTENCES)
def test_every_sentence_has_its_verdict(verdict):
    found = {text: {answer.verdict for answer in check(text)} for text in SENTENCES[verdict]}
    assert {text: verdicts for text, verdicts in found.items() if verdicts != {verdict}} == {}


@pytest.mark.parametrize("verdicts", LECTURES)
def test_every_sentence_of_a_lecture_has_one_of_its_verdicts(verdicts):
    found = {text: {answer.verdict for answer in check(text)} for text in LECTURES[verdicts]}
    allowed = set(verdicts.split(" OR "))
    assert {text: verdicts for text, verdicts in found.items() if not verdicts <= allowed} == {}


def test_each_statement_of_a_sentence_has_its_verdict():
    assert {text: [answer.verdict for answer in check(text)] for text in SEVERAL} == SEVERAL


def test_planted_slips_are_named():
    assert {text: " ".join(answer.key for answer in check(text)) for text in SLIPS} == SLIPS
