"""The pages of docs/derivations show the code as it is, and their links lead somewhere.

The examples on the pages are doctests; pytest runs them because of `--doctest-glob=*.md`.
"""

import re

import pytest

from tests.docs.pages import DOCS, ROOT, blocks, broken_links, drifted

DERIVATIONS = sorted((DOCS / "derivations").glob("*.md"))
ALL_PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def name(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", DERIVATIONS, ids=name)
def test_code_on_the_page_stands_in_the_source(page):
    assert drifted(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", [page for page in DERIVATIONS if page.name != "README.md"], ids=name)
def test_page_ends_in_code_and_checks_itself(page):
    found = blocks(page.read_text(encoding="utf-8"))
    assert any(block.source for block in found)
    assert any(block.text.startswith(">>>") for block in found)


@pytest.mark.parametrize("page", DERIVATIONS, ids=name)
def test_page_is_short_enough_to_be_read(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 250
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


def test_the_index_names_every_page():
    index = (DOCS / "derivations" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DERIVATIONS if page.name != "README.md" and f"]({page.name})" not in index] == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=name)
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


def test_pages_that_the_source_mentions_exist():
    """Every name.md in minidl/ is the name of a page, with its folder from the root or without."""
    known = {name(page) for page in ALL_PAGES} | {page.name for page in ALL_PAGES}
    known |= {"FILE.md", "notes.md"}  # a user's own
    mentioned = {
        (file.relative_to(ROOT).as_posix(), page)
        for file in (ROOT / "minidl").rglob("*.py")
        for page in re.findall(r"[\w/-]+\.md\b", file.read_text(encoding="utf-8"))
    }
    assert len(mentioned) >= 4
    assert {(file, page) for file, page in mentioned if page not in known} == set()


# The test of the test

PAGE = "Text.\n\nFrom `code.py`:\n\n```python\n{block}\n```\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "code.py").write_text("def f(x):\n    y = x + 1\n    return y\n")
    return tmp_path


@pytest.mark.parametrize("block", ["def f(x):\n    y = x + 1", "    return y"])
def test_code_as_it_is_passes(root, block):
    assert drifted(PAGE.format(block=block), root) == []


@pytest.mark.parametrize(
    "block",
    ["def f(x):\n    y = x + 2", "def f(x):\n    return y", "y = x + 1", "def f", "    y = x + 1\n\n    return y"],
)
def test_drifted_code_is_found(root, block):
    assert drifted(PAGE.format(block=block), root) == ["line 5: does not stand in code.py like this"]


def test_code_from_nowhere_is_found(root):
    assert drifted(PAGE.format(block="x").replace("code.py", "gone.py"), root) == ["line 5: there is no file gone.py"]
    assert drifted("Text.\n\n```python\nx = 1\n```\n", root) == [
        'line 3: no doctest, and no line "From `file`:" above it'
    ]
    assert drifted("From `code.py`:\n\nText.\n\n```python\nx = 1\n```\n", root) != []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[a](page.md) [b](gone.md#x) [c](https://example.org) [d](#here)\n")
    assert broken_links(page) == ["gone.md"]
