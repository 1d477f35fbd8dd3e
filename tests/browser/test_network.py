"""The page of a network in a browser: its numbers against the engine, by keyboard alone, at three widths."""

import json
import re

import numpy as np
import pytest

from minidl import models
from minidl.teach import explore
from minidl.teach.explorer.network.windows import as_maps

pytestmark = pytest.mark.browser

READ = """(points) => JSON.stringify(points.map(([layer, channel, at]) => {
  network.show(layer, channel, at);
  const rows = [...document.querySelectorAll(".told tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  const formula = document.querySelector(".told code");
  return [document.getElementById("map-number").textContent, rows, formula && formula.textContent];
}))"""

WHERE = """(({ classList, tagName, parentElement }) => [...classList, tagName, parentElement.className])
  (document.activeElement)"""
CUT = """[...document.querySelectorAll('.cell .op')].filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.textContent)"""


def number(text):
    return float(text.replace("−", "-"))


def network(name, rng, side):
    net = getattr(models, name)(num_classes=10, rng=rng).eval()
    for path, buffer in net.named_buffers():
        if "running" in path:
            buffer[...] = rng.uniform(0.5, 1.5, buffer.shape)
    return net, rng.standard_normal((net.in_channels, side, side)).astype("float32")


def shown(watched, name, rng, side=32):
    """Open the page of a network; returns the tab, and what the page was made of."""
    net, x = network(name, rng, side)
    page = explore(net, x)
    watched.tab.goto(page.save(watched.folder / "page.html").as_uri())
    return watched.tab, page.scene


def computed(formula):
    """Return what stands before the last = of a line, computed, and what stands behind it."""
    left, right = re.sub("[−]", "-", formula).rsplit(" = ", 1)
    left = left.replace(" · ", " * ").replace("²", "**2").replace("^", "**")
    names = {"max": max, "relu": lambda x: max(0.0, x), "scaled_tanh": lambda x: 1.7159 * np.tanh(2 / 3 * x)}
    return eval(left, {"__builtins__": {}}, names), float(right)


@pytest.mark.parametrize(("name", "count"), [("lenet5_modern", 300), ("lenet5", 200), ("resnet20_cifar", 100)])
def test_every_printed_number_is_the_engines(name, count, watched, rng):
    tab, scene = shown(watched, name, rng)
    layers, steps = scene.layers, scene.moments[0].way.steps
    points = []
    for _ in range(count):
        layer = int(rng.integers(len(layers)))
        y = as_maps(steps[layers[layer].step].output)
        channel, *at = (int(rng.integers(size)) for size in y.shape)
        points.append([layer, channel, at])
    for layer in range(len(layers)):
        kept = scene.windows(scene.moments[0], layer)
        rows = as_maps(steps[layers[layer].step].output).shape[1]
        edge = [one for one in kept if one.at[0] in (0, rows - 1)]  # where a crop is padded
        points += [[layer, one.channel, list(one.at)] for one in (*edge[:2], *kept[:1])]
    told = 0
    for (layer, channel, at), (readout, rows, formula) in zip(points, json.loads(tab.evaluate(READ, points))):
        whole = as_maps(steps[layers[layer].step].output)
        y, scale = whole[channel][tuple(at)], np.abs(whole).max()
        exact = "≈" not in readout
        found = number(readout.rsplit(" ", 1)[1])
        assert abs(found - y) <= (1e-5 if exact else 0.01) * scale, (layer, channel, at)
        if rows:
            *parts, total = [number(row[1]) for row in rows[1:]]
            assert abs(sum(parts) - y) <= 1e-5 * max(scale, np.abs(parts).max()) * len(parts)
            assert abs(total - y) <= 1e-5 * scale
        if formula:
            left, right = computed(formula)
            assert abs(right - y) <= 1e-5 * scale
            assert abs(left - y) <= 2e-3 * scale  # of four digits
        told += bool(rows or formula)
    assert told > count / 2


def test_the_answer_and_the_way_back_are_the_engines(watched, rng):
    tab, scene = shown(watched, "lenet5_modern", rng)
    moment = scene.moments[0]
    logits = moment.way.heads["main"]
    p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    for back in moment.backs:
        tab.evaluate("(label) => { network.choose({ back: true }); network.answer(label, 'main'); }", back.label)
        read = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
        rows = tab.locator("#answer-title ~ .sum tbody tr").evaluate_all(read)
        for label, z, _, _, share, dz in rows[:-1]:
            label = int(label.removeprefix("class "))
            expected = [logits[label], p[label], p[label] - (label == back.label)]
            np.testing.assert_allclose([number(z), number(share), number(dz)], expected, rtol=1e-4)
        bars = tab.locator(".bars button").evaluate_all("(bars) => bars.map((bar) => bar.getAttribute('aria-label'))")
        norms = [np.sqrt((back.way.dw[name] ** 2).sum()) for name in (bar.rsplit(" ", 1)[0] for bar in bars)]
        np.testing.assert_allclose([number(bar.rsplit(" ", 1)[1]) for bar in bars], norms, rtol=6e-3)


def test_all_of_it_is_reached_by_keyboard(watched, rng):
    tab, _ = shown(watched, "lenet5_modern", rng)
    tab.keyboard.press("Tab")
    tab.keyboard.press("ArrowRight")  # from forward to backward
    assert tab.locator(".bars").is_visible()
    reached = set()
    for _ in range(80):
        tab.keyboard.press("Tab")
        here = set(tab.evaluate(WHERE))
        if "cell" in here and "cell" not in reached:
            tab.keyboard.press("ArrowRight")
            tab.keyboard.press("ArrowRight")
            assert tab.locator("#layer-title").inner_text() == "pool1: max_pool2d"
        if "CANVAS" in here and "CANVAS" not in reached:
            before = tab.locator("#map-number").inner_text()
            tab.keyboard.press("ArrowLeft")
            tab.keyboard.press("ArrowUp")
            assert tab.locator("#map-number").inner_text() != before
        reached |= here
    assert reached >= {"cell", "SELECT", "CANVAS", "grid", "plot"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_three_widths(scheme, watched, rng):
    tab, _ = shown(watched, "resnet20_cifar", rng, 16)
    tab.emulate_media(color_scheme=scheme)
    for width in (375, 768, 1440):
        tab.set_viewport_size({"width": width, "height": 900})
        for back in ("false", "true"):
            tab.evaluate(f"network.choose({{ back: {back} }})")
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert tab.evaluate(CUT) == []


def test_axe_finds_nothing(watched, rng):
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="the extra `browser` is not installed").Axe()
    tab, _ = shown(watched, "resnet20_cifar", rng, 16)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        for back in ("false", "true"):
            tab.evaluate(f"network.choose({{ back: {back} }})")
            found = axe.run(tab)["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]][:2]) for one in found] == []
