"""Indexing: what comes out, that it is a copy, and what the gradient does with places taken twice."""

import numpy as np
import pytest

from minidl import Tensor, ops

KEYS = [
    0,
    -1,
    np.int64(1),
    slice(1, None),
    (slice(None), 2),
    (..., 0),
    (None, 1),
    (slice(None, None, -2), None, slice(0, 0)),
    (),
    [0, 2],
    [0, 0, 0],
    np.array(1),
    np.array([[0, 1], [2, 0]]),
    (np.array([0, 2]), slice(None), [1, 1]),
    ([0], None, [3]),
    [True, False, True],
    True,
    np.array([False, False, False]),
    (slice(None), np.array([True, False, True, True])),
    (np.array([True, False, True]), [1, 1]),
    [],
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_as_numpy_and_counted_gradients(key, rng):
    x = rng.standard_normal((3, 4, 2))
    t = Tensor(x, requires_grad=True)
    y = t[key]
    np.testing.assert_array_equal(y.data, x[key])
    assert not np.shares_memory(y.data, x)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    expected = np.zeros_like(x)
    np.add.at(expected, key, dy)
    np.testing.assert_allclose(t.grad, expected, rtol=1e-12, atol=1e-15)


def test_tensors_as_keys(rng):
    x = Tensor(rng.standard_normal((3, 4)))
    rows = Tensor(np.array([2, 0]))
    np.testing.assert_array_equal(x[rows].data, x.data[[2, 0]])
    np.testing.assert_array_equal(x[rows, 1].data, x.data[[2, 0], 1])


def test_the_key_may_change_afterwards():
    x, key = Tensor(np.arange(4.0), requires_grad=True), np.array([0, 1])
    y = x[key]
    key[...] = 3
    y.backward(np.ones(2))
    np.testing.assert_array_equal(x.grad, [1, 1, 0, 0])


def test_a_result_does_not_follow_its_source():
    array = np.arange(4.0)
    y = Tensor(array)[1:]
    parts = ops.split(Tensor(array), 2, axis=0)
    array[...] = 0
    np.testing.assert_array_equal(y.data, [1, 2, 3])
    np.testing.assert_array_equal(parts[1].data, [2, 3])


def test_loops_end():
    assert [row.item() for row in Tensor([1.0, 2.0])] == [1, 2]
