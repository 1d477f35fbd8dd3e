"""Linear layers of the fast set against the textbook's."""

import sys

import numpy as np
import pytest

from tests.kernels.twins import FAST, equal, equal_in_every_order, same_bits_every_time, single

SHAPES = [
    (1, 1, 1),
    (8, 70, 33),
    (3, 5, 1),
    (300, 7, 5),
    (128, 40, 40),
    (1, 200, 3),
    (1, 1100, 8),
    (12, 519, 17),
    (13, 30, 9),
]


@pytest.mark.parametrize(("n", "m", "o"), SHAPES)
def test_equals_its_twin_in_every_memory_order(n, m, o, rng):
    x, w, b, dy = single(rng, n, m), single(rng, o, m), single(rng, o), single(rng, n, o)
    equal_in_every_order("linear", x, w, b)
    equal("linear", x, w, None)
    equal_in_every_order("linear_dx", dy, w)
    equal_in_every_order("linear_dw", dy, x)


def test_same_bits_every_time(rng):
    x, w, b = single(rng, 8, 300), single(rng, 100, 300), single(rng, 100)
    same_bits_every_time("linear", x, w, b)
    same_bits_every_time("linear_dw", single(rng, 8, 100), x)


def test_what_is_not_finite_passes_through():
    x, w = np.ones((3, 4), "float32"), np.ones((2, 4), "float32")
    x[1, 2], w[0, 1] = np.nan, np.inf
    equal("linear", x, w, None)
    equal("linear_dw", np.ones((3, 2), "float32"), x)


def test_few_rows_meet_many_weights_in_the_fast_room(rng):
    x, w = single(rng, 2, 512), single(rng, 256, 512)
    dy = single(rng, 2, 256)
    assert FAST.is_worth_it("linear", (x, w, None))
    assert FAST.is_worth_it("linear_dx", (dy, w))
    assert FAST.is_worth_it("linear_dw", (dy, x))
    assert not FAST.is_worth_it("linear", (x, w[:-1], None))
    assert not FAST.is_worth_it("linear_dw", (dy[:, 1:], x))
    many, above = single(rng, 2**12, 128), single(rng, 2**12, 64)
    assert FAST.is_worth_it("linear", (many, w[:64, :128], None))
    assert FAST.is_worth_it("linear_dx", (above, w[:64, :128]))
    assert FAST.is_worth_it("linear_dw", (above, many))
    assert not FAST.is_worth_it("linear", (many[1:], w[:64, :128], None))
    assert not FAST.is_worth_it("linear_dw", (above[1:], many[1:]))
    assert FAST.linear(x.astype("float64"), w.astype("float64"), None) is NotImplemented


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((5, 7), (7, 3)),
        ((2, 3, 5, 7), (2, 3, 7, 4)),
        ((3, 5, 7), (2, 1, 7, 4)),
        ((1, 2, 5, 1), (1, 3)),
        ((9, 2, 5), (5, 1)),
    ],
    ids=str,
)
def test_stacks_of_matrices_in_every_memory_order(a, b, rng):
    a, b = single(rng, *a), single(rng, *b)
    equal_in_every_order("matmul", a, b)
    equal("matmul", a, np.ascontiguousarray(b.swapaxes(-1, -2)).swapaxes(-1, -2))
    equal("matmul", np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2), b)
    equal("matmul", np.broadcast_to(a[..., :1, :], a.shape), b)
    same_bits_every_time("matmul", a, b)


def test_heads_are_multiplied_where_they_lie(rng, monkeypatch):
    monkeypatch.setattr(sys.modules["minidl.kernels.cpu.linear"], "plain", None)  # which would copy
    q, k = (single(rng, 2, 9, 3, 8).transpose(0, 2, 1, 3) for _ in range(2))
    weights = single(rng, 2, 3, 9, 9)
    equal("matmul", q, k.swapaxes(-1, -2))
    equal("matmul", weights, k)
    equal("matmul", weights.swapaxes(-1, -2), q)
    equal("matmul", q[:, :1], k.swapaxes(-1, -2))
    equal("matmul", q, k[1].swapaxes(-1, -2))


def test_which_products_are_served(rng):
    a, b = single(rng, 4, 256, 128), single(rng, 4, 128, 256)
    assert FAST.is_worth_it("matmul", (a, b))
    assert FAST.is_worth_it("matmul", (a[:1], b))
    assert FAST.is_worth_it("matmul", (a, b[0]))
    assert not FAST.is_worth_it("matmul", (a[1:], b[1:]))
    assert FAST.matmul(a, b[:3]) is NotImplemented
    assert FAST.matmul(a, b[:, 1:]) is NotImplemented
    assert FAST.matmul(a[0, 0], b) is NotImplemented
