"""The page on the exercises shows what is printed."""

import re

import pytest

from tests.learn import page

TEXT = page.PAGE.read_text(encoding="utf-8")
BLOCKS = list(page.BLOCK.finditer(TEXT))


def numbers(line):
    """Split a line into words and numbers; errors below a millionth count as 0."""
    words = re.split(r"((?<![\w.])-?\d+\.?\d*(?:e[+-]\d+)?(?![\w.]))", line)
    return [" ".join(word.split()) for word in words[::2]], [
        0 if abs(float(word)) < 1e-6 else float(word) for word in words[1::2]
    ]


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{b['about']}" for b in BLOCKS])
def test_the_page_shows_what_is_printed(block, tmp_path):
    shown, printed = block["output"], page.printed(block["about"], block["command"], tmp_path)
    assert shown.count("\n") == printed.count("\n")
    for ours, theirs in zip(shown.splitlines(), printed.splitlines(), strict=True):
        words, values = numbers(ours)
        assert (words, values) == (numbers(theirs)[0], pytest.approx(numbers(theirs)[1], rel=1e-6))


def test_the_page_has_blocks_of_every_kind():
    kinds = {block["about"].partition(" ")[0] for block in BLOCKS}
    assert kinds == {"step", "all", "an"}


def test_the_script_writes_the_page(tmp_path, monkeypatch):
    """What is printed goes where it was, and all else stays; what it is, the test above asks."""
    copy = tmp_path / "learn.md"
    copy.write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", copy)
    monkeypatch.setattr(page, "printed", lambda about, command, folder: f"{about}, {command}\n")
    page.main()
    written = copy.read_text(encoding="utf-8")
    assert [block["output"] for block in page.BLOCK.finditer(written)] == [
        f"{block['about']}, {block['command']}\n" for block in BLOCKS
    ]
    assert page.BLOCK.sub("", written) == page.BLOCK.sub("", TEXT)
