"""What the engine refuses, the page refuses in the same words."""

import pytest

from tests.browser import scenes

pytestmark = pytest.mark.browser

READ = """(all) => all.map((settings) => {
  explorer.change(settings);
  const root = document.getElementById("explorer").shadowRoot;
  const said = root.querySelector(".refusal");
  return [said.hidden ? "" : said.textContent, root.querySelector(".drawn-area").hidden];
})"""


@pytest.mark.parametrize("op", scenes.OPS)
def test_an_illegal_setting_is_explained_in_the_words_of_the_engine_instead_of_drawn(watched, op):
    cases = scenes.illegal(op, 100)
    said = watched.show(op).evaluate(READ, [settings for settings, _ in cases])
    wrong = [(settings, words, found) for (settings, words), found in zip(cases, said) if found != [words, True]]
    assert wrong == []
    assert len({words.split(";")[0] for _, words in cases}) > 3
