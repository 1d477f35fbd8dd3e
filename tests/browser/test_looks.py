"""What the page looks like: legible, nothing over something else, nothing cut off; and axe finds nothing."""

from pathlib import Path

import pytest

from tests.browser import scenes

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
WIDTHS = (375, 768, 1440)

SHOW = """(view) => {
  explorer.view(view);
  explorer.select(view === "forward" ? "y" : view, 0);
  explorer.complete();
}"""
FAULTS = (HERE / "faults.js").read_text(encoding="utf-8")

CASES = {
    **{op: {} for op in scenes.OPS},
    "12x12": {"input": (3, 12, 12), "padding": 1},
    "groups": {"input": (6, 16, 16), "groups": 3, "filters": 6, "stride": 2},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_nothing_overlaps_and_nothing_is_cut_off(watched, case, lang):
    op = case if case in scenes.OPS else "conv"
    tab = watched.show(op, lang=lang, **CASES[case])
    found = {}
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 2400})
        tab.evaluate('document.getElementById("explorer").shadowRoot.querySelector("details").open = true')
        for view in ("forward", "dx", "dw") if "conv" in op or op == "depthwise" else ("forward", "dx"):
            tab.evaluate(SHOW, view)
            if faults := tab.evaluate(FAULTS):
                found[width, view] = faults
    assert found == {}


CONTRAST = (HERE / "contrast.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_stand_out_from_their_tints(watched, scheme):
    watched.tab.emulate_media(color_scheme=scheme)
    found = watched.show("conv").evaluate(CONTRAST)
    assert {kind: ratio for kind, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("op", scenes.OPS)
def test_axe_finds_nothing(watched, op):
    axe = pytest.importorskip("axe_core_python.base", reason="the extra `browser` is not installed")
    for scheme in ("light", "dark"):
        watched.tab.emulate_media(color_scheme=scheme)
        tab = watched.show(op, lang="en" if scheme == "light" else "ko")
        tab.evaluate(axe.AXE_SCRIPT)
        tab.check(".switch input") if scheme == "dark" else tab.evaluate('explorer.select("y", 0)')
        found = tab.evaluate("axe.run().then((all) => all.violations.map((one) => [one.id, one.nodes[0].html]))")
        assert found == []


def test_parts_are_told_apart_without_colour(watched):
    tab = watched.show("max-pool")
    tab.evaluate('explorer.select("y", 0)')
    styles = tab.evaluate("""() => ["self", "from", "to", "won"].map((part) => {
      const style = getComputedStyle(document.getElementById("explorer").shadowRoot.querySelector(`.legend i.${part}`));
      return [style.outlineStyle, style.outlineWidth];
    })""")
    assert len({tuple(one) for one in styles}) == 4


def test_nothing_moves_by_itself(watched):
    watched.tab.emulate_media(reduced_motion="reduce")
    tab = watched.show("conv")
    tab.evaluate('explorer.select("y", 15)')
    moving = """() => [...document.getElementById("explorer").shadowRoot.querySelectorAll("*")].filter((one) => {
      const style = getComputedStyle(one);
      return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none" ||
        style.scrollBehavior === "smooth";
    }).length + document.getAnimations().length"""
    assert tab.evaluate(moving) == 0
