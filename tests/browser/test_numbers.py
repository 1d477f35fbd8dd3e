"""Every number and every lit cell of the page against the engine, for hundreds of random settings of each operation."""

import json
import math

import numpy as np
import pytest

from tests.browser import oracle, scenes

pytestmark = pytest.mark.browser

COUNT = 300
BATCH = 60

# Mount each state, turn to each view, pick the cells that are asked for, and read the page: the text of every cell, and
# which cells wear which part. What is read is the document, not the variables behind it.
READ = """(batch) => JSON.stringify(batch.map(([state, views]) => {
  const host = document.body.appendChild(document.createElement("div"));
  host.style.display = "none"; // nothing is laid out: read are texts and classes
  const explorer = minidlExplorer.mount(host, state);
  const figures = () => [...host.shadowRoot.querySelectorAll("figure.panel")];
  const grids = (figure) => [...figure.querySelectorAll("i")];
  const found = { arrays: explorer.arrays(), note: host.shadowRoot.querySelector(".note").textContent, views: {} };
  for (const [view, cells] of Object.entries(views)) {
    explorer.view(view);
    explorer.complete(); // what is out of sight is made later
    const texts = {};
    for (const figure of figures()) {
      const shown = grids(figure).filter((one) => one.flat !== undefined);
      const [flats, said] = [shown.map((one) => one.flat), shown.map((one) => one.textContent)];
      texts[figure.dataset.id] = [figure.dataset.array, flats, said];
    }
    const lit = cells.map(([array, flat]) => {
      explorer.select(array, flat);
      const parts = {};
      for (const figure of figures()) {
        const here = { border: 0 };
        for (const one of grids(figure)) {
          const part = ["self", "from", "to", "won"].find((name) => one.classList.contains(name));
          if (part && one.flat === undefined) here.border += 1;
          else if (part) (here[part] = here[part] || []).push(one.flat);
        }
        parts[figure.dataset.id] = here;
      }
      const said = [...host.shadowRoot.querySelectorAll(".lines p")].map((one) => one.textContent);
      return [parts, explorer.lines(array, flat), said];
    });
    found.views[view] = [texts, lit];
  }
  explorer.remove();
  host.remove();
  return found;
}))"""

VIEWS = {op: ("forward", "dx", "dw") if op in oracle.CONVOLUTIONS else ("forward", "dx") for op in scenes.OPS}


def number(text):
    return {"−∞": -math.inf, "": math.nan}[text] if text in ("−∞", "") else float(text.replace("−", "-"))


def same(found, expected):
    found = np.array([math.nan if one is None else one for one in found], float)
    expected = np.asarray(expected, float).ravel()
    finite = np.isfinite(expected)
    np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-5, atol=1e-5)
    assert len(found) == len(expected)


def written(texts, values):
    """Every text is its number, in the digits that it has."""
    for array, flats, cells in texts.values():
        for flat, text in zip(flats, cells):
            value = values[array][flat]
            if value is None:  # JSON has no infinity
                assert text == "−∞"
                continue
            digits = abs(number(text)) or abs(value)
            last = 10 ** (math.floor(math.log10(max(digits, 1e-300))) - 3)
            assert abs(number(text) - value) <= 0.5001 * last, (array, flat)
        assert sorted(flats) == list(range(len(values[array])))


def factor(one):
    return one if isinstance(one, (int, float)) else one["value"]


def sums(lines, said, value):
    """Each line is right by itself, the last one ends in the value of the cell, and it is what is written."""
    assert len(lines) == len(said)
    for line, text in zip(lines, said):
        parts = [math.prod(map(factor, factors)) for factors in line["terms"]]
        total = max(parts, default=-math.inf) if line["join"] == "max" else sum(parts)
        value_here = -math.inf if line["value"] is None else line["value"]
        assert total == pytest.approx(value_here, rel=1e-9, abs=1e-9)
        assert number(text.rsplit("= ", 1)[1]) == pytest.approx(value_here, rel=6e-4, abs=1e-12)
    assert lines[-1]["value"] == (None if value is None else pytest.approx(value, rel=1e-5, abs=1e-5))


def asked(scene, rng):
    """Return some cells of each view of a scene."""

    def some(array, size):
        return [array, int(rng.integers(size))]

    y, x = scene.engine["y"].size, scene.numbers["x"].size
    if scene.op in oracle.CONVOLUTIONS:
        tie = oracle.Tie(scene)
        w, db = scene.numbers["w"].size, scene.numbers["b"].size
        if scene.op == "conv-transpose":
            views = {"forward": [some("y", y), some("cols", tie.from_.size), some("x", x)]}
            return views | {"dx": [some("dx", x), some("dy", y)], "dw": [some("dw", w), some("db", db)]}
        views = {"forward": [some("y", y), some("x", x), some("cols", tie.from_.size), some("w", w)]}
        views["dx"] = [some("dx", x), some("dcols", tie.from_.size), some("dy", y)]
        return views | {"dw": [some("dw", w), some("db", db)]}
    if scene.op == "batch-norm":
        return {"forward": [some("y", y)], "dx": [some("dx", x), some("dw", scene.numbers["w"].size)]}
    if scene.op == "softmax-cross-entropy":
        return {"forward": [["y", 0], some("losses", scene.settings["batch"]), some("p", x)], "dx": [some("dx", x)]}
    return {"forward": [some("y", y), some("x", x)], "dx": [some("dx", x)]}


@pytest.fixture(scope="module")
def host(browser, tmp_path_factory):
    """A page on which many explorers are mounted, one after the other."""
    from tests.browser.conftest import Watched

    found = Watched(browser.new_page(), tmp_path_factory.mktemp("host"))
    found.show("conv")
    yield found.tab
    found.tab.close()
    found.check()


@pytest.mark.parametrize("op", scenes.OPS)
def test_every_number_and_every_lit_cell_is_the_engines(host, op):
    rng, all_scenes = np.random.default_rng(1), scenes.legal(op, COUNT)
    for first in range(0, COUNT, BATCH):
        batch = [(scene, asked(scene, rng)) for scene in all_scenes[first : first + BATCH]]
        found = json.loads(host.evaluate(READ, [[scene.state(), views] for scene, views in batch]))
        for (scene, views), page in zip(batch, found):
            judge(scene, views, page)


def judge(scene, views, page):
    assert "disagree" not in page["note"], (scene.op, scene.settings)
    for name, array in {**scene.numbers, **scene.engine}.items():
        if not (name in ("cols", "dycols") and np.size(array) != len(page["arrays"].get(name, ()))):
            same(page["arrays"][name], array)
    for view, cells in views.items():
        texts, lit = page["views"][view]
        written(texts, page["arrays"])
        for (array, flat), (parts, lines, said) in zip(cells, lit):
            try:
                lights(scene, view, array, flat, Lit(parts))
                if lines:
                    sums(lines, said, page["arrays"][array][flat])
            except AssertionError as error:
                raise AssertionError(f"{scene.op} {scene.settings} {view} {array}[{flat}]: {error}") from error


class Lit:
    """Cells that are lit, by the name of the array."""

    def __init__(self, parts):
        self.parts = parts

    def __call__(self, array, *kinds):
        here = self.parts[array]
        return set().union(*(here.get(kind, ()) for kind in kinds or ("self", "from", "to", "won")))

    def border(self, array):
        return self.parts[array]["border"]


def lights(scene, view, array, flat, lit):
    if scene.op in oracle.CONVOLUTIONS:
        return convolution(scene, view, array, flat, lit, oracle.Tie(scene))
    if scene.op.endswith("-pool"):
        return pooling(scene, view, array, flat, lit)
    if scene.op == "lrn":
        return lrn(scene, view, array, flat, lit)
    if scene.op == "batch-norm":
        return batch_norm(scene, view, array, flat, lit)
    return cross_entropy(scene, view, array, flat, lit)


def convolution(scene, view, array, flat, lit, tie):
    transposed = scene.op == "conv-transpose"
    gather = {("forward", False): ("x", "y", "cols"), ("dx", True): ("dy", "dx", "dycols")}.get((view, transposed))
    scatter = {("dx", False): ("dx", "dy", "dcols"), ("forward", True): ("y", "x", "cols")}.get((view, transposed))
    if array == "db":
        each = scene.numbers["dy"][0].size
        assert lit("dy") == set(range(flat * each, (flat + 1) * each))
    elif array == "dw":
        o, k = divmod(flat, tie.rows)
        row = tie.split(o)[k]
        big, small, cols = ("dy", "x", "dycols") if transposed else ("x", "dy", "cols")
        assert lit(f"{cols}-matrix") == {tie.entry(row, p) for p in range(tie.windows)}
        assert lit(small) == lit(f"{small}-rows") == set(range(o * tie.windows, (o + 1) * tie.windows))
        assert lit(big) == {one for one in tie.from_[row] if one >= 0}
        assert lit.border(big) == (tie.from_[row] < 0).sum()
    elif gather:
        gathering(scene, array, flat, lit, tie, *gather)
    else:
        scattering(array, flat, lit, tie, *scatter)


def gathering(scene, array, flat, lit, tie, big, small, cols):
    if array == small:
        o, p = divmod(flat, tie.windows)
        rows = tie.split(o)
        assert lit(small, "self") == lit(f"{small}-rows") == {flat}
        assert lit(f"{cols}-matrix") == {tie.entry(row, p) for row in rows}
        assert lit("w") == lit("w-rows") == set(range(o * tie.rows, (o + 1) * tie.rows))
        assert lit(big) == {tie.from_[row, p] for row in rows} - {-1}
        assert lit.border(big) == sum(tie.from_[row, p] < 0 for row in rows)
        if small == "y":
            assert lit("b") == {o}
            slopes = oracle.slopes(scene, flat, ones=True)
            assert (lit("x"), lit("b")) == (slopes["x"], slopes["b"])
        return
    entries = np.argwhere(tie.from_ == flat) if array == big else [divmod(flat, tie.windows)]
    if array == "w":
        o, k = divmod(flat, tie.rows)
        entries = [(tie.split(o)[k], p) for p in range(tie.windows)]
        assert lit(small) == {o * tie.windows + p for p in range(tie.windows)}
    else:
        assert lit(small) == tie.windows_of(entries)
    assert lit(f"{cols}-matrix") == {tie.entry(*one) for one in entries}


def scattering(array, flat, lit, tie, big, small, cols):
    if array == big:
        entries = [tuple(one) for one in np.argwhere(tie.from_ == flat)]
        assert lit(f"{cols}-matrix") == {tie.entry(*one) for one in entries}
        assert lit(small) == {
            o * tie.windows + p for row, p in entries for o in range(tie.small[0]) if row in tie.split(o)
        }
        assert lit("coverage") == {flat % (tie.big[1] * tie.big[2])}
    elif array == cols:
        row, p = divmod(flat, tie.windows)
        members = [o for o in range(tie.small[0]) if row in tie.split(o)]
        assert lit(small) == lit(f"{small}-rows") == {o * tie.windows + p for o in members}
        assert lit("w-columns") == {o * tie.rows + row % tie.rows for o in members}
        assert (lit(big), lit.border(big)) == (({tie.from_[row, p]}, 0) if tie.from_[row, p] >= 0 else (set(), 1))
    else:
        o, p = divmod(flat, tie.windows)
        rows = tie.split(o)
        assert lit(f"{cols}-matrix") == {tie.entry(row, p) for row in rows}
        assert lit(big) == {tie.from_[row, p] for row in rows} - {-1}
        assert lit.border(big) == sum(tie.from_[row, p] < 0 for row in rows)


def pooling(scene, view, array, flat, lit):
    y = scene.engine["y"]
    windows = [oracle.slopes(scene, one) for one in range(y.size)]
    if scene.op == "avg-pool":
        if view == "dx":
            assert lit("share") == {one for one in range(y.size) if flat in windows[one]["x"]}
        elif array == "y":
            assert lit("x") == windows[flat]["x"]
        else:
            assert lit("y") == {one for one in range(y.size) if flat in windows[one]["x"]}
        return
    won = {one for one in range(y.size) if flat in windows[one]["x"]}
    if view == "dx":
        assert lit("dy") == lit("winners") == won
    elif array == "y":
        assert lit("x", "won") == windows[flat]["x"]
        value = y.ravel()[flat]
        seen = scene.numbers["x"].ravel()[sorted(lit("x"))]
        assert np.isinf(value) or seen.max() == value
        assert lit("winners") == {flat}
    else:
        assert won <= lit("y")


def lrn(scene, view, array, flat, lit):
    others = [oracle.slopes(scene, one)["x"] for one in range(scene.numbers["x"].size)]
    zero = {int(one) for one in np.flatnonzero(scene.numbers["x"] == 0)}  # a 0 takes nothing from its neighbours
    if array == "y":
        assert others[flat] <= lit("x")
        assert flat in zero or lit("x") - others[flat] <= zero
    elif array == "x":
        seen = {one for one in range(len(others)) if flat in others[one]}
        assert seen <= lit("y")
        assert flat in zero or lit("y") - seen <= zero
    else:
        assert flat in lit("ratio")


def batch_norm(scene, view, array, flat, lit):
    n, c, h, width = scene.numbers["x"].shape
    channel = flat if array in ("dw", "db") else flat // (h * width) % c
    members = set(range(n * c * h * width)) if c == 1 else {
        one for one in range(n * c * h * width) if one // (h * width) % c == channel
    }  # fmt: skip
    if array == "dw":
        assert lit("dy") == lit("x_hat") == members
    elif array == "y":
        assert lit("mean") == lit("rstd") == lit("w") == lit("b") == {channel}
        assert lit("x") == {flat}
    else:
        assert lit("direct") == lit("shift") == lit("stretch") == {flat}
        assert lit("dw") == lit("db") == {channel}


def cross_entropy(scene, view, array, flat, lit):
    rows, classes = scene.numbers["x"].shape
    row = flat if array == "losses" else flat // classes
    cells = set(range(row * classes, (row + 1) * classes))
    if array == "y":
        assert lit("losses") == set(range(rows))
    elif array == "losses":
        assert lit("log_p") == lit("t") == cells
    elif array == "p":
        assert lit("x") == lit("powers") == cells
    else:
        assert lit("p") == lit("t") == {flat}
