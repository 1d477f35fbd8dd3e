"""The page as a learner uses it: by pointer, keyboard and touch; what it looks like stands in test_looks.py."""

import json

import numpy as np
import pytest

from minidl import teach
from tests.browser import scenes

pytestmark = pytest.mark.browser

VIEWS = """() => [...document.getElementById("explorer").shadowRoot.querySelectorAll(".views button")]
  .map((one) => one.dataset.view)"""
SAID = "() => document.getElementById('explorer').shadowRoot.querySelector('.said').innerText"


def cell(tab, array, flat, panel=None):
    """Return the element of a cell."""
    figure = f'figure[data-id="{panel or array}"]'
    found = tab.evaluate_handle(
        """([figure, flat]) => [...document.getElementById("explorer").shadowRoot.querySelectorAll(`${figure} i`)]
        .find((one) => one.flat === flat)""",
        [figure, flat],
    )
    return found.as_element()


@pytest.mark.parametrize("op", scenes.OPS)
def test_a_page_opens_and_all_its_views_and_steps_work_in_silence(watched, op):
    tab = watched.show(op)
    for view in tab.evaluate(VIEWS):
        tab.evaluate("(view) => explorer.view(view)", view)
        for key in ("next", "next", "back", "first"):
            tab.click(f'button[data-key="{key}"]')
        assert tab.evaluate(SAID).strip()


def test_the_corner_of_the_lecture_is_written_out_with_its_numbers(watched):
    tab = watched.show("conv")
    cell(tab, "y", 0).click()
    said = tab.evaluate(SAID)
    assert "0 · (−1) + 0 · (−1) + 0 · 1 + 0 · 0 + 156 · 1 + 155 · (−1) + 0 · 0 + 153 · 1 + 154 · 1 = 308" in said
    assert "y[0, 0, 0]: 308 − 498 + 164 + 1 = −25" in said


def test_a_pixel_that_is_pointed_at_lights_its_windows_until_the_pointer_has_gone(watched):
    tab = watched.show("conv")
    count = "() => document.getElementById('explorer').shadowRoot.querySelectorAll('figure[data-id=y] i.to').length"
    cell(tab, "x", 14).hover()  # row 2, column 2: seen by nine windows of each of two kernels
    assert tab.evaluate(count) == 18
    tab.mouse.move(2, 2)
    assert tab.evaluate(count) == 0


def test_an_edited_pixel_changes_all_that_hangs_on_it(watched):
    tab = watched.show("conv")
    before = tab.evaluate("explorer.arrays().y")
    cell(tab, "x", 7).click()
    tab.fill(".value input", "157.5")
    after = tab.evaluate("explorer.arrays().y")
    slopes = np.array(after) - np.array(before)
    w = np.array(tab.evaluate("explorer.arrays().w")).reshape(2, 3, 3, 3)
    assert slopes.reshape(2, 4, 4)[0, 0, 0] == 1.5 * w[0, 0, 1, 1]
    assert np.count_nonzero(slopes.reshape(2, 4, 4)[:, 2:]) == 0


def test_the_keyboard_alone_reaches_and_does_everything(watched):
    tab = watched.show("conv", input=(1, 4, 4), filters=1)
    tab.evaluate('explorer.select("x", 5)')
    everything = """() => {
      const all = [...document.getElementById("explorer").shadowRoot.querySelectorAll("*")];
      all.forEach((one, n) => (one.place = n));
      const places = all.filter((one) => one.matches("button, input, select, summary, [tabindex]"));
      return places.filter((one) => one.checkVisibility()).map((one) => one.place);
    }"""
    active = """() => {
      const one = document.getElementById("explorer").shadowRoot.activeElement;
      if (!one) return null;
      const style = getComputedStyle(one);
      const width = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
      return [one.place, width];
    }"""
    places, reached = set(tab.evaluate(everything)), {}
    for _ in range(len(places) + 3):
        tab.keyboard.press("Tab")
        found = tab.evaluate(active)
        if found:
            reached[found[0]] = found[1]
    assert places - set(reached) == set()
    assert min(reached.values()) >= 2
    assert len(places) > 30


def test_arrow_keys_walk_through_an_array_and_digits_change_it(watched):
    tab = watched.show("conv")
    grid = tab.locator('figure[data-id="x"] .cells')
    grid.focus()
    tab.keyboard.press("ArrowRight")
    for key in ("ArrowRight", "ArrowDown", "PageDown"):
        tab.keyboard.press(key)
    assert tab.evaluate(SAID).startswith("x[1, 1, 2]: ")
    tab.keyboard.press("7")
    tab.keyboard.press("5")
    tab.keyboard.press("Enter")
    assert tab.evaluate("explorer.state().x[36 + 6 + 2]") == 75
    tab.keyboard.press("End")
    assert tab.evaluate(SAID).startswith("x[1, 1, 5]: ")


def test_touch_chooses_cells_too(browser, tmp_path):
    context = browser.new_context(viewport={"width": 375, "height": 700}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto(teach.explore("max-pool").save(tmp_path / "page.html").as_uri())
    cell(tab, "y", 4).tap()
    assert tab.evaluate(SAID).startswith("y[0, 1, 1]: ")
    tab.locator("summary").tap()
    tab.locator('fieldset[data-key="stride"] input').first.tap()
    context.close()


def test_playing_goes_by_itself_to_the_end_and_shows_sums_as_they_grow(watched):
    tab = watched.show("conv", input=(1, 3, 3), kernel=2, filters=1)
    tab.evaluate('explorer.view("dx")')
    tab.click('button[data-key="next"]')
    texts = """() => [...document.getElementById("explorer").shadowRoot.querySelectorAll("figure[data-id=dx] i")]
      .map((one) => one.textContent)"""
    first = tab.evaluate("explorer.arrays().dcols[0]")
    assert tab.evaluate(texts)[0] == str(int(first)).replace("-", "−")
    assert set(tab.evaluate(texts)[1:]) == {"0"}
    tab.select_option(".steps select", "fast")
    tab.click('button[data-key="play"]')
    tab.wait_for_function("""() => document.getElementById("explorer").shadowRoot.querySelector("output").value
      .startsWith("16 ")""")
    assert [float(one.replace("−", "-")) for one in tab.evaluate(texts)] == tab.evaluate("explorer.arrays().dx")


def test_a_link_keeps_settings_view_and_edits(watched):
    tab = watched.show("conv")
    tab.evaluate(
        'explorer.change({ stride: [2, 1], padding: [[0, 1], [2, 0]], dilation: [1, 2] }); explorer.view("dw")'
    )
    cell(tab, "dy", 3).click()
    tab.fill(".value input", "-4.5")
    tab.wait_for_function("location.hash.includes('edits=dy')")
    address, state = tab.evaluate("location.href"), tab.evaluate("explorer.state()")
    assert "#" in address
    again = watched.show("conv", fragment=address[address.index("#") :])
    assert again.evaluate("explorer.state()") == state
    assert again.locator('button[data-view="dw"]').get_attribute("aria-pressed") == "true"
    for wrong in ("#stride=x", "#kernel=3", "#input=1.2", "#view=none", "#edits=x~0~1"):
        assert watched.show("conv", fragment=wrong).evaluate("explorer.state().settings.stride") == [1, 1]


@pytest.mark.parametrize("op", scenes.OPS)
def test_the_copied_code_computes_the_same(watched, op):
    tab = watched.show(op)
    names = {}
    exec(tab.evaluate("explorer.code()"), names)
    arrays = tab.evaluate("explorer.arrays()")
    np.testing.assert_allclose(names["y"].numpy().ravel(), arrays["y"], atol=1e-9)
    for name in {"x", "w", "b"} & set(arrays):
        np.testing.assert_allclose(names[name].grad.ravel(), arrays[f"d{name}"], atol=1e-9)


VERDICTS = {
    -25: "✓ Right.",
    25: "sign",
    -26: "The bias is missing: 1.",
    308: "part 1 of 4 alone",
    337: "180°",
    1000: "off by",
}


def test_predictions_hide_results_and_say_what_a_difference_means(watched):
    tab = watched.show("conv")
    tab.check(".switch input")
    assert set(
        tab.evaluate("""() => [...document.getElementById("explorer").shadowRoot
      .querySelectorAll("figure[data-id=y] i, figure[data-id=y-rows] i")].map((one) => one.textContent)""")
    ) == {"?"}
    for guess, meaning in VERDICTS.items():
        tab.uncheck(".switch input")
        tab.check(".switch input")
        cell(tab, "y", 0).click()
        assert "308" not in tab.evaluate(SAID)
        tab.fill(".predict .cell input", str(guess))
        tab.click(".predict .cell button")
        assert meaning in tab.inner_text(".verdict"), guess
        assert cell(tab, "y", 0).inner_text() == "−25"
        assert cell(tab, "y", 1).inner_text() == "?"


SHAPES = {
    (2, 3, 3): "✓",
    (2, 2, 2): "without padding",
    (2, 6, 6): "at stride 1",
    (3, 3, 3): "output channels",
    (2, 9, 1): "It is 2×3×3",
}


@pytest.mark.parametrize("guess, meaning", SHAPES.items())
def test_predicted_shapes_are_judged(watched, guess, meaning):
    tab = watched.show("conv", stride=2, padding=1)
    tab.check(".switch input")
    assert "= 3" not in tab.inner_text(".formula")
    for place, size in zip(tab.locator(".predict .sizes input").all(), guess):
        place.fill(str(size))
    tab.click(".predict .shape button")
    assert meaning in tab.inner_text(".verdict")
    assert "= 3" in tab.inner_text(".formula")


def test_two_explorers_on_one_page_do_not_disturb_each_other(watched):
    tab = watched.show("conv")
    tab.evaluate("""() => {
      const host = document.body.appendChild(document.createElement("div"));
      window.other = minidlExplorer.mount(host, explorer.state());
    }""")
    before = tab.evaluate("explorer.state()")
    tab.evaluate('other.change({ stride: [2, 2] }); other.view("dx"); other.select("dx", 3)')
    assert tab.evaluate("explorer.state()") == before
    assert tab.evaluate(SAID).startswith("Point at a cell")
    tab.evaluate("other.remove()")


def test_two_outputs_of_a_notebook_are_shown_in_frames_as_high_as_they_are(watched):
    pieces = "".join(f"<div>{teach.explore(op)._repr_html_()}</div>" for op in ("lrn", "batch-norm"))
    path = watched.folder / "page.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{pieces}", encoding="utf-8")
    tab = watched.tab
    tab.goto(path.as_uri())
    tab.wait_for_function("() => [...document.querySelectorAll('iframe')].every((one) => one.style.height)")
    first, second = (frame for frame in tab.frames if frame != tab.main_frame)
    first.evaluate("explorer.change({ size: 1 })")
    assert second.evaluate("explorer.state().op") == "batch-norm"
    assert first.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")


def test_without_scripts_the_page_says_so_and_shows_the_forward_pass(browser, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(teach.explore("conv").save(tmp_path / "page.html").as_uri())
    assert "runs no scripts" in tab.inner_text("main")
    assert "−25" in tab.inner_text("main")
    context.close()


def test_an_empty_field_waits_and_an_illegal_one_explains(watched):
    tab = watched.show("conv")
    field = tab.locator('fieldset[data-key="stride"] input').first
    field.fill("")
    assert tab.evaluate("explorer.state().settings.stride") == [1, 1]
    field.fill("0")
    assert tab.inner_text(".refusal") == "conv2d: stride must be an int or a pair of ints >= 1; received stride=(0, 1)"
    field.fill("3")
    assert tab.evaluate("explorer.state().settings.stride") == [3, 1]
    assert tab.locator(".refusal").is_hidden()


def test_korean_pages_speak_korean(watched):
    tab = watched.show("conv", lang="ko")
    tab.evaluate('explorer.select("y", 0)')
    assert "합성곱" in tab.inner_text("h1")
    assert "커널 0의 곱셈 27번" in tab.evaluate(SAID)
    assert json.loads(tab.evaluate("JSON.stringify(explorer.state().settings)"))["groups"] == 1
