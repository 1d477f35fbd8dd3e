"""Names in all scripts, with and without a font that has them."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from minidl import viz
from minidl.viz import _fonts
from minidl.viz._figure import to_page
from minidl.viz._fonts import BOX, Lettering
from minidl.viz.confusion import plot_confusion

NAMES = ("고양이", "개 & <b>", "$x_1$ & <b>")


@pytest.fixture
def only_dejavu(monkeypatch):
    """A system that has no font but matplotlib's own."""
    from matplotlib import font_manager

    fonts = [font for font in font_manager.fontManager.ttflist if font.name.startswith(("DejaVu", "Last Resort"))]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    _fonts._choose.cache_clear()
    yield
    _fonts._choose.cache_clear()


def test_latin_needs_no_other_font():
    lettering = Lettering(["Größe", "café", "Ελλάδα"])
    assert (lettering.families, lettering.missing) == (["DejaVu Sans"], frozenset())


@pytest.mark.usefixtures("only_dejavu")
def test_letters_that_no_font_has_become_boxes():
    lettering = Lettering(NAMES)
    assert lettering.families == ["DejaVu Sans"]
    assert lettering.show("고양이 1") == f"{BOX * 3} 1"


def test_a_font_that_has_the_letters_is_found(monkeypatch):
    from matplotlib import font_manager

    class Font:
        def __init__(self, name, style="normal", weight=400):
            self.name, self.fname, self.style, self.weight = name, f"{name}.ttf", style, weight

    letters = {
        "some.ttf": "고",
        "all.ttf": "고양이",
        "slanted.ttf": "고양이漢",
        "Last Resort.ttf": "고양이漢",
        "han.ttf": "漢",
    }
    fonts = [Font("some"), Font("all"), Font("slanted", "italic"), Font("Last Resort"), Font("han")]
    found = font_manager.findfont("DejaVu Sans")
    real = _fonts._letters_of
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    monkeypatch.setattr(_fonts, "_letters_of", lambda file: real(file) if file == found else frozenset(letters[file]))
    _fonts._choose.cache_clear()
    try:
        assert Lettering(["고양이", "漢字"]).families == ["DejaVu Sans", "all", "han"]
        assert Lettering(["고양이", "漢字"]).missing == {"字"}
    finally:
        _fonts._choose.cache_clear()


def test_a_file_that_is_no_font_has_no_letters(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert _fonts._letters_of(str(tmp_path / "broken.ttf")) == frozenset()
    assert _fonts._letters_of(str(tmp_path / "missing.ttf")) == frozenset()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a" * 24, "a" * 24),
        ("a" * 25, "a" * 23 + "…"),
        ("two\nlines\tand  more", "two lines and more"),
        ("bell\a", f"bell{BOX}"),
        ("$5", r"\$5"),
        ("", ""),
    ],
)
def test_names_are_brought_into_a_line(name, shown):
    assert Lettering([name]).show(name) == shown


def test_wide_letters_count_twice():
    assert Lettering([]).cut("고" * 12) == "고" * 12
    assert Lettering([]).cut("고" * 13) == "고" * 11 + "…"


@pytest.mark.usefixtures("only_dejavu")
def test_every_script_can_be_drawn_without_a_warning(tmp_path):
    names = ("고양이", "漢字", "ไทย", "हिन्दी", "عربى", "🐱", "\U0010ffff", "\ud800", "$\\frac$", "a" * 500, "")
    counts = np.arange(len(names) ** 2).reshape(len(names), -1)
    viz.draw_confusion(tmp_path / "confusion.png", counts, names)
    assert (tmp_path / "confusion.png").stat().st_size > 10_000


@pytest.mark.usefixtures("only_dejavu")
def test_words_on_a_page_have_their_true_letters():
    text = to_page(plot_confusion(np.eye(3, dtype=int), NAMES), "x", "")
    root = ElementTree.fromstring(re.sub("xlink:", "", text))
    words = [(element.text or "").strip() for element in root.iter() if element.tag.endswith("text")]
    for name in NAMES:
        assert words.count(name) == 2, (name, words)  # a row and a column
    assert BOX not in text
