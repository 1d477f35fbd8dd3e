"""The Neocognitron: its cells as nested loops, its rule by hand, seed cells, stages, recognition and refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest

from minidl import Tensor, models
from minidl.models.lenet import bitmaps
from minidl.models.neocognitron import STAGES, CCells, SCells, Stage, centred, falling, seed_cells

TINY = Stage(3, 3, planes=2, s_window=3, c_window=3, r=2.0, q=4.0, gamma=0.5)


def s_cells_as_loops(u, a, b, c, r, side):
    """The formula of 1980, cell by cell: u (C, H, W), a (K, C, window, window), b (K,), c (window, window)."""
    planes, window = len(a), a.shape[-1]
    start = (u.shape[1] - side - window + 1) // 2  # of the first window: negative where it begins outside
    y = np.zeros((planes, side, side))
    for k in range(planes):
        for row in range(side):
            for column in range(side):
                excitation = squares = 0.0
                for channel in range(len(u)):
                    for i in range(window):
                        for j in range(window):
                            at = start + row + i, start + column + j
                            if min(at) >= 0 and max(at) < u.shape[1]:
                                excitation += a[k, channel, i, j] * u[(channel, *at)]
                                squares += c[i, j] * u[(channel, *at)] ** 2
                ratio = (1 + excitation) / (1 + 2 * r / (1 + r) * b[k] * math.sqrt(squares))
                y[k, row, column] = r * max(0.0, ratio - 1)
    return y


def c_cells_as_loops(s, d, alpha, side):
    window = len(d)
    start = (s.shape[1] - side - window + 1) // 2
    y = np.zeros((len(s), side, side))
    for row in range(side):
        for column in range(side):
            sums = np.zeros(len(s))
            for k in range(len(s)):
                for i in range(window):
                    for j in range(window):
                        at = start + row + i, start + column + j
                        if min(at) >= 0 and max(at) < s.shape[1]:
                            sums[k] += d[i, j] * s[(k, *at)]
            for k in range(len(s)):
                x = (1 + sums[k]) / (1 + sums.sum() / len(s)) - 1
                y[k, row, column] = x / (alpha + x) if x > 0 else 0.0
    return y


GEOMETRIES = [(6, 6, 3), (6, 2, 3), (5, 4, 2), (4, 6, 5), (9, 3, 5), (6, 2, 5)]  # seen, side, window


@pytest.mark.parametrize(("seen", "side", "window"), GEOMETRIES)
def test_s_cells_are_the_formula_cell_by_cell(seen, side, window, rng):
    cells = SCells(3, Stage(side, 1, planes=4, s_window=window, r=2.5, gamma=0.7))
    cells.a, cells.b = rng.random(cells.a.shape), rng.random(4)  # so large that some fire and some do not
    u = rng.random((2, 3, seen, seen))
    c = np.array([[0.7 ** math.dist((i, j), ((window - 1) / 2,) * 2) for j in range(window)] for i in range(window)])
    c /= 3 * c.sum()
    cells.c = np.stack([c] * 3)[None]
    found = cells(Tensor(u)).numpy()
    want = np.stack([s_cells_as_loops(one, cells.a, cells.b, c, 2.5, side) for one in u])
    assert (want > 0).any()
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-12)
    fresh = SCells(3, cells.stage)
    np.testing.assert_allclose(fresh.c[0, 0], c, rtol=1e-6)
    assert fresh.c.sum() == pytest.approx(1)


@pytest.mark.parametrize(("seen", "side", "window"), GEOMETRIES)
def test_c_cells_are_the_formula_cell_by_cell(seen, side, window, rng):
    stage = Stage(seen, side, planes=3, c_window=window, alpha=0.3, delta=0.5)
    cells = CCells(stage)
    s = rng.random((2, 3, seen, seen)) * (rng.random((2, 3, seen, seen)) < 0.5)
    want = np.stack([c_cells_as_loops(one, falling(window, 0.5), 0.3, side) for one in s])
    cells.d = cells.d.astype(np.float64)
    cells.d[:] = falling(window, 0.5)
    np.testing.assert_allclose(cells(Tensor(s)).numpy(), want, rtol=0, atol=1e-12)
    assert (want > 0).any()
    assert (want == 0).any()


def test_the_rule_on_a_picture_of_nine_cells_worked_by_hand():
    """One window of 3×3, γ = ½ and the distance counted as |v| = 0, 1, √2; the pattern is a column of three ones.

    c is (½^√2, ½, ½^√2 | ½, 1, ½ | …) / (3 + 4·½^√2), and ½^√2 = 0.375214…, so the divisor is 4.500857….
    The middle column has ½, 1, ½, of which the squares of the pattern make Σ c·u² = 2 / 4.500857 = 0.444360.
    v = √0.444360 = 0.666603. With q = 4: Δa is 4·½/4.500857 = 0.444360 above and below, 4·1/4.500857 = 0.888720 in the
    middle, 0 elsewhere; Δb = 4/2·0.666603 = 1.333207.
    """
    cells = SCells(1, replace(TINY, s_side=1, column=1))
    cells.a[:] = 0
    cells.a[0, 0, 1, 1] = 0.25  # the first plane fires a little at what lies in the middle, the second at nothing
    pattern = Tensor(np.array([[[[0, 1, 0], [0, 1, 0], [0, 1, 0]]]], dtype=np.float32))
    assert cells(pattern).numpy().reshape(-1).tolist() == [0.5, 0.0]  # r·φ((1 + ¼)/(1 + 0) - 1) = 2·¼
    assert cells.learn(pattern) == 1
    np.testing.assert_allclose(
        cells.a[0, 0], [[0, 0.444360, 0], [0, 0.25 + 0.888720, 0], [0, 0.444360, 0]], rtol=0, atol=1e-5
    )
    assert cells.b[0] == pytest.approx(1.333207, abs=1e-5)
    assert not cells.a[1].any()
    assert cells.b[1] == 0
    # After it: Σ a·u = 0.25 + 4·0.444360 = 2.027440, 2r/(1+r)·b·v = 4/3·1.333207·0.666603 = 1.184960,
    # so that s = 2·(3.027440 / 2.184960 - 1) = 0.771163.
    assert cells(pattern).numpy()[0, 0, 0, 0] == pytest.approx(0.771163, abs=1e-5)


def test_a_second_lesson_adds_and_the_whole_plane_has_learnt():
    """All cells of a plane share a and b: what was learnt at one place is recognised at another."""
    cells = SCells(1, Stage(7, 1, planes=2, s_window=3, column=7, q=100.0), rng=np.random.default_rng(0))
    x = np.zeros((2, 1, 7, 7), dtype=np.float32)
    x[0, 0, 1:4, 1] = x[1, 0, 3:6, 5] = 1  # the same bar at another place
    before = cells.a.copy()
    assert cells.learn(Tensor(x[:1])) == 1
    once = cells.a - before
    s = cells(Tensor(x)).numpy()
    (plane, row, column), moved = (np.unravel_index(one.argmax(), one.shape) for one in s)
    assert moved == (plane, row + 2, column + 4)
    assert s[0].max() == s[1].max() > 0
    assert cells.learn(Tensor(x[1:])) == 1
    np.testing.assert_allclose(cells.a - before, 2 * once, rtol=1e-5, atol=1e-6)
    assert [np.count_nonzero(one) for one in (once, cells.b)] == [3, 1]


@pytest.mark.parametrize("r", [1.0, 4.0])
def test_a_learnt_cell_answers_by_the_cosine(r, rng):
    """After much of one pattern: s = φ((1 + r)·cos - r) in the scalar product that c weights, whatever the strength."""
    cells = SCells(1, replace(TINY, s_side=1, r=r, q=1e6))
    pattern = rng.random((1, 1, 3, 3)).astype(np.float32)
    cells.learn(Tensor(pattern))
    x = rng.random((20, 1, 3, 3)) * pattern ** rng.uniform(0, 2, (20, 1, 1, 1))
    c = cells.c.astype(np.float64)
    cosine = (c * x * pattern).sum((1, 2, 3)) / np.sqrt((c * x * x).sum((1, 2, 3)) * (c * pattern * pattern).sum())
    strongest = cells(Tensor(x)).numpy().max(axis=(1, 2, 3))
    learnt = np.maximum(0, (1 + r) * cosine - r)
    wanted = learnt > 0.05  # below, the first weights of the other plane may be the stronger
    np.testing.assert_allclose(strongest[wanted], learnt[wanted], atol=1e-3)
    assert wanted.any()


def seed_cells_as_loops(s, column):
    planes, h, width = s.shape
    candidates = set()
    for top in range(max(1, h - column + 1)):
        for left in range(max(1, width - column + 1)):
            cells = [
                (s[k, i, j], (k, i, j))
                for i in range(top, min(h, top + column))
                for j in range(left, min(width, left + column))
                for k in range(planes)
            ]
            strongest, where = max(cells, key=lambda cell: cell[0])
            if strongest > 0:
                candidates.add(where)
    best = {}
    for where in sorted(candidates):
        if where[0] not in best or s[where] > s[best[where[0]]]:
            best[where[0]] = where
    return sorted(best.values())


@pytest.mark.parametrize(("shape", "column"), [((4, 7, 7), 3), ((5, 6, 4), 5), ((3, 2, 2), 5), ((6, 9, 9), 1)])
def test_seed_cells_are_those_of_the_loops(shape, column, rng):
    for _ in range(5):
        s = rng.random(shape) * (rng.random(shape) < 0.3)
        assert seed_cells(s, column) == seed_cells_as_loops(s, column)
    assert seed_cells(np.zeros(shape), column) == []


def bars(n, rng):
    """Pictures of 16×16: a bar down, a bar across, or a cross, somewhere; and which."""
    x, labels = np.zeros((n, 1, 16, 16), dtype=np.float32), np.arange(n) % 3
    for one, label in zip(x[:, 0], labels):
        row, column = rng.integers(3, 13, 2)
        if label != 1:
            one[row - 3 : row + 4, column] = 1
        if label != 0:
            one[row, column - 3 : column + 4] = 1
    return Tensor(x), labels


def test_it_learns_without_labels_and_recognises_where_it_has_not_looked(rng):
    shown, labels = bars(36, rng)
    asked, wanted = bars(36, rng)
    net = models.Neocognitron(rng=np.random.default_rng(0)).learn(shown)
    found = net.remember(shown, labels).recognise(asked)
    assert (found == wanted).mean() > 0.75  # one in three by chance
    assert [net.s1.b.shape, net.c3.d.shape] == [(24,), (24, 1, 2, 2)]
    again = models.Neocognitron(rng=np.random.default_rng(0)).learn(shown)
    assert all(np.array_equal(net.state_dict()[name], value) for name, value in again.state_dict().items())


def test_the_experiment_of_1980_five_printed_figures_are_told_apart_wherever_they_stand():
    """With its constants, shown 20 times: what is recognised in the middle is recognised after a move of 2 cells."""
    figures = (np.asarray(bitmaps()).reshape(10, 12, 7)[:5] > 0).astype(np.float32)

    def stand(down, right):
        return Tensor(np.pad(figures, ((0, 0), (2 + down, 2 - down), (4 + right, 5 - right)))[:, None])

    net = models.Neocognitron(rng=np.random.default_rng(0)).learn(stand(0, 0), passes=20)
    net.remember(stand(0, 0), np.arange(5))
    right = [(net.recognise(stand(i, j)) == np.arange(5)).mean() for i in (-2, 0, 2) for j in (-2, 0, 2)]
    assert min(right) == max(right) >= 0.8
    assert 4 <= np.count_nonzero(net.s3.b) <= 5  # nearly every figure has a plane of its own


def test_stages_learn_one_after_the_other(rng, monkeypatch):
    """While a stage learns, those before it stand as they are, and those after it have not begun."""
    shown, _ = bars(6, rng)
    order = []
    learn = SCells.learn
    monkeypatch.setattr(SCells, "learn", lambda cells, u: order.append(cells.in_planes) or learn(cells, u))
    net = models.Neocognitron(stages=(STAGES[0], replace(STAGES[1], planes=5), STAGES[2])).learn(shown, passes=2)
    assert order == [1, 1, 24, 24, 5, 5]
    assert net(shown).shape == (6, 24, 1, 1)


@pytest.mark.parametrize(
    ("stages", "side", "shape"),
    [
        ((Stage(6, 1, planes=3, s_window=3, c_window=6),), 6, (2, 3, 1, 1)),
        ((Stage(8, 4, planes=4), Stage(2, 1, planes=6, c_window=2)), 8, (2, 6, 1, 1)),
        (STAGES, 16, (2, 24, 1, 1)),
        ((Stage(16, 12), *[Stage(12, 8, planes=6), Stage(8, 6, planes=6)], STAGES[2]), 16, (2, 24, 1, 1)),
    ],
    ids="1234",
)
def test_any_number_of_stages(stages, side, shape, rng):
    net = models.Neocognitron(stages, side=side, in_channels=2)
    x = Tensor(rng.random((2, 2, side, side)).astype(np.float32))
    y = net(x)
    assert y.shape == shape
    assert not y.requires_grad
    assert net.learn(x)(x).shape == shape
    assert net.responses is None
    assert np.array_equal(net(x).numpy(), net(x).numpy())
    assert net(Tensor(x.numpy().astype(np.float64))).dtype == np.float64
    assert (net(x).numpy() >= 0).all()
    assert (net(x).numpy() < 1).all()


def test_it_is_no_row_of_the_registry():
    assert "neocognitron" not in models.list_models()
    assert not list(models.Neocognitron().parameters())  # nothing that a loss could train


X = Tensor(np.ones((2, 1, 16, 16), dtype=np.float32))
WRONG = {
    "planes must be at least 2": lambda: Stage(2, 1, planes=1),
    r"Stage: r must be": lambda: Stage(2, 1, r=0),
    r"stages=3": lambda: models.Neocognitron(3),
    r"at least one stage": lambda: models.Neocognitron(()),
    r"stage 1: s_side=15 windows of s_window=5 cover 15 \+ 5 - 1 = 19": lambda: models.Neocognitron((Stage(15, 1),)),
    r"as wide as a window": lambda: models.Neocognitron((Stage(26, 1, c_window=26),)),
    r"x.shape=\(2, 1, 15, 16\)": lambda: models.Neocognitron()(X[:, :, 1:]),
    r"x must have 4 axes": lambda: models.Neocognitron()(X[0]),
    r"the least of x is -1": lambda: models.Neocognitron()(-X),
    r"the least of x is nan": lambda: models.Neocognitron()(X * float("nan")),
    r"no cell of stage 1 fired at any of 2 pictures": lambda: models.Neocognitron().learn(X * 0),
    r"passes": lambda: models.Neocognitron().learn(X, passes=0),
    r"labels.shape=\(3,\)": lambda: models.Neocognitron().remember(X, [1, 2, 3]),
    r"nothing is remembered": lambda: models.Neocognitron().recognise(X),
    r"neocognitron: x must be a Tensor": lambda: models.Neocognitron()(X.numpy()),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_said_in_a_line(message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        WRONG[message]()
    assert "\n" not in str(caught.value)


def test_windows_lie_around_the_centre():
    u = Tensor(np.arange(36.0).reshape(1, 1, 6, 6))
    assert centred(u, 6, 3).numpy()[0, 0, :2, :3].tolist() == [[0, 0, 0], [0, 0, 1]]
    assert centred(u, 2, 3).numpy()[0, 0, 0].tolist() == [7, 8, 9, 10]
