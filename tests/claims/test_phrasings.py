"""The same things in many words, and what looks like them, but must not be judged."""

from pathlib import Path

import pytest
import yaml

from minidl.teach.claims import check

SENTENCES = yaml.safe_load((Path(__file__).parent / "phrasings.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("verdict", SENTENCES)
def test_every_sentence_has_its_verdict(verdict):
    found = {text: {answer.verdict for answer in check(text)} for text in SENTENCES[verdict]}
    assert {text: verdicts for text, verdicts in found.items() if verdicts != {verdict}} == {}
