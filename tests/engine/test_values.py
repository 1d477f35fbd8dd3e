"""A tensor among Python's values: comparisons, conversions, loops, changes in place."""

import copy
import math
import operator
import pickle
import re

import numpy as np
import pytest

import minidl
from minidl import Tensor, ops
from minidl._values import COMPARISONS
from minidl.nn import Parameter

OPERATORS = {name: getattr(operator, short) for name, short in zip(COMPARISONS, ("eq", "ne", "lt", "le", "gt", "ge"))}


def leaf(*numbers, dtype="float64"):
    return Tensor(np.array(numbers, dtype=dtype), requires_grad=True)


# Comparisons


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("wanted", [False, True], ids=["", "wanted"])
def test_comparisons_go_element_by_element(name, wanted, rng):
    a, b = rng.integers(0, 3, (4, 1)).astype(np.float32), rng.integers(0, 3, (1, 5))
    x, compare = Tensor(a, requires_grad=wanted), OPERATORS[name]
    cases = {
        "tensor": (compare(x, Tensor(b)), getattr(np, name)(a, b)),
        "array": (compare(x, b), getattr(np, name)(a, b)),
        "array on the left": (compare(b, x), getattr(np, name)(b, a)),
        "float64 array": (compare(x, b.astype(np.float64)), getattr(np, name)(a, b)),
        "int": (compare(x, 1), getattr(np, name)(a, 1)),
        "float on the left": (compare(1.0, x), getattr(np, name)(1.0, a)),
        "NumPy's number on the left": (compare(np.float64(1), x), getattr(np, name)(1.0, a)),
        "bool": (compare(x, True), getattr(np, name)(a, 1)),
        "NumPy's function": (getattr(np, name)(x, b), getattr(np, name)(a, b)),
    }
    for case, (found, expected) in cases.items():
        assert isinstance(found, Tensor), case
        assert (found.dtype, found.requires_grad) == (np.bool_, False), case
        np.testing.assert_array_equal(found.data, expected, err_msg=case)


def test_predictions_are_compared_with_labels():
    logits = Tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], requires_grad=True)
    labels = np.array([1, 1, 1])
    assert np.mean(logits.argmax(axis=1) == labels) == pytest.approx(2 / 3)
    assert (logits.argmax(axis=1) == labels).sum().item() == 2
    assert (logits.argmax(1) == Tensor(labels)).mean().item() == pytest.approx(2 / 3)
    correct = 0
    correct += (logits.argmax(1) == labels).sum()
    assert int(correct) == 2


def test_a_number_is_compared_in_the_dtype_of_the_tensor_or_exactly():
    assert Tensor([0.1]) == 0.1
    assert Tensor([0.1]) == np.float64(0.1)
    assert Tensor([0.1]) != np.array([0.1])
    assert Tensor([1.0]) < 10**400
    assert Tensor([math.inf]) != 1e300
    assert Tensor(np.array([2])) != 2.5
    assert Tensor([math.nan]) != math.nan


def test_what_is_no_number_is_never_equal_and_has_no_order():
    x = Tensor([1.0, 2.0])
    for stranger in (None, "a", {}, object()):
        assert (x == stranger) is False
        assert (x != stranger) is True
        with pytest.raises(TypeError, match=r"<: expects Tensors, arrays or plain numbers; received a "):
            x < stranger  # noqa: B015
    for rows in ([1.0, 2.0], (1.0, 2.0)):
        with pytest.raises(TypeError, match=r"==: expects Tensors, arrays or plain numbers; received .*; wrap it"):
            x == rows  # noqa: B015
    with pytest.raises(TypeError, match="==: expects numbers; received dtype=<U1"):
        x == np.array(["a", "b"])  # noqa: B015
    with pytest.raises(TypeError, match="==: expects Tensors, arrays or plain numbers; received a complex"):
        x == 1j  # noqa: B015
    with pytest.raises(ValueError, match=r"==: the shapes \(2,\) and \(3,\) do not broadcast"):
        x == np.zeros(3)  # noqa: B015


def test_identity_is_what_dicts_sets_and_weak_references_go_by():
    x, y = Parameter(np.ones(2)), Parameter(np.ones(2))
    assert hash(x) != hash(y)
    assert len({x, y, x}) == 2
    assert {x: 1, y: 2}[y] == 2


def test_in_asks_for_an_equal_element():
    x = leaf(1.0, 2.0)
    assert 1.0 in x
    assert 3 not in x
    assert Tensor(2.0) in Tensor([[1.0, 2.0]])
    with pytest.raises(TypeError, match="in: expects Tensors, arrays or plain numbers; received a str"):
        "a" in x  # noqa: B015


def test_masks_are_combined():
    x = leaf(-1.0, 0.5, 2.0)
    assert ((x > 0) & (x < 1)).data.tolist() == [False, True, False]
    assert ((x < 0) | (x.data > 1)).data.tolist() == [True, False, True]
    assert (np.array([True, True, False]) ^ (x > 0)).data.tolist() == [True, False, True]
    assert (~(x > 0)).data.tolist() == [True, False, False]
    assert (True & (x > 0)).data.tolist() == [False, True, True]
    assert (~Tensor(np.array([0, 1]))).data.tolist() == [-1, -2]
    assert (x * (x > 0)).data.tolist() == [0, 0.5, 2]
    for wrong in (lambda: x & (x > 0), lambda: (x > 0) | 1.0, lambda: ~x, lambda: np.zeros(3) & (x > 0)):
        with pytest.raises(TypeError, match=r"expects bools on both sides; received .*float.*need parentheses"):
            wrong()


def test_whole_numbers_have_no_gradient_and_are_counted():
    x = Tensor(np.array([1, 2, 3]))
    mask = x > 1
    assert (x + 1).data.tolist() == [2, 3, 4]
    assert (x - x.data).data.tolist() == [0, 0, 0]
    assert (mask + mask).data.tolist() == [0, 2, 2]
    assert (1 - mask).data.tolist() == [1, 0, 0]
    assert (mask.sum().dtype, mask.sum().item(), mask.mean().item()) == (np.int64, 2, pytest.approx(2 / 3))
    assert x.reshape(3, 1).T[0, 1:].max().item() == 3
    assert [bool(one) for one in mask] == [False, True, True]
    with pytest.raises(TypeError, match="divide: x must be float32 or float64, it is int64"):
        x / 2


# Conversions


def test_one_element_converts():
    x = leaf(2.5)
    assert (float(x), int(x), round(x), round(x, 1), complex(x)) == (2.5, 2, 2, 2.5, 2.5)
    assert (math.floor(x), math.ceil(x), math.trunc(x), math.sqrt(Tensor(4.0))) == (2, 3, 2, 2.0)
    assert f"{x:.3f}|{x:>8.1e}|{Tensor(np.array(3)):04d}" == "2.500| 2.5e+00|0003"
    assert f"{x}" == str(x)
    assert [10, 20, 30][Tensor(np.array(1))] == 20
    assert list(range(Tensor(np.array([2])))) == [0, 1]


WORDS = {
    "float": float,
    "int": int,
    "bool": bool,
    "round": round,
    "format": lambda x: f"{x:.1f}",
    "item": lambda x: x.item(),
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("shape", [(2,), (0,), (2, 1)], ids=str)
def test_several_elements_do_not_convert(word, shape):
    with pytest.raises(ValueError, match=rf"^{word}: the tensor must have one element, it has {math.prod(shape)}; sh"):
        WORDS[word](Tensor(np.zeros(shape)))


@pytest.mark.parametrize(
    ("convert", "error", "message"),
    [
        (lambda: int(Tensor(math.nan)), ValueError, "int: nan cannot be converted"),
        (lambda: round(Tensor(math.inf)), ValueError, "round: inf cannot be converted"),
        (lambda: f"{Tensor(1.0):d}", ValueError, "format: a float has no format 'd'"),
        (
            lambda: [1, 2][Tensor(1.0)],
            TypeError,
            "index: only a tensor of one whole number counts pl",
        ),
        (
            lambda: range(Tensor(np.array([1, 2]))),
            TypeError,
            r"index: .*shape=\(2,\)",
        ),
        (lambda: range(Tensor(True) > 0), TypeError, "index: only a tensor of one whole number .*dtype=bool"),
        (lambda: len(Tensor(1.0)), TypeError, "len: the tensor has no axis, it is one number; .*shape=\\(\\)"),
        (lambda: list(Tensor(1.0)), TypeError, "iter: the tensor has no axis to go along, it is one number: x.item()"),
        (lambda: reversed(Tensor(1.0)), TypeError, "reversed: the tensor has no axis to go along"),
    ],
)
def test_what_does_not_convert_says_so(convert, error, message):
    with pytest.raises(error, match=message):
        convert()


def test_loops_go_along_the_first_axis_and_keep_the_graph():
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    np.testing.assert_array_equal(x.grad, x.data[::-1])
    assert [row.data.tolist() for row in reversed(x)] == [[3, 4, 5], [0, 1, 2]]
    assert max(leaf(1.0, 3.0, 2.0)).item() == 3
    assert sum(leaf(1.0, 3.0)).item() == 4
    assert list(Tensor(np.zeros((0, 2)))) == []


def test_signs_and_finding():
    x = Tensor(np.array([[1.0, -3.0], [2.0, 0.0]]), requires_grad=True)
    abs(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [[1, -1], [1, 0]])
    assert +x is x
    for name in ("argmax", "argmin", "any", "all"):
        for axis in (None, 0, 1, -1):
            for keepdims in (False, True):
                found = getattr(x, name)(axis, keepdims=keepdims)
                np.testing.assert_array_equal(found.data, getattr(x.data, name)(axis, keepdims=keepdims))
                assert not found.requires_grad
    assert x.all(axis=(0, 1)).shape == ()
    with pytest.raises(ValueError, match=r"argmax: takes one axis, or None for all; received axis=\(0, 1\)"):
        x.argmax(axis=(0, 1))
    with pytest.raises(ValueError, match=r"argmin: there is nothing to compare; x.shape=\(0, 2\), axis=0"):
        Tensor(np.zeros((0, 2))).argmin(0)
    with pytest.raises(ValueError, match="any: axis must be an int from -2 to 1; received axis=2"):
        x.any(2)


def test_copies_are_tensors_of_their_own():
    x = leaf(1.0, 2.0)
    for twin in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        with minidl.no_grad():
            twin += 1
        assert (twin.data.tolist(), x.data.tolist()) == ([2, 3], [1, 2])


# Changes in place

IN_PLACE = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "**=": operator.ipow,
}


@pytest.mark.parametrize("symbol", IN_PLACE)
def test_a_leaf_changes_in_place_under_no_grad_only(symbol):
    change, plain = IN_PLACE[symbol], leaf(4.0, 9.0)
    alias = plain
    before = plain.data
    with minidl.no_grad():
        plain = change(plain, 2.0)
    assert plain is alias
    assert plain.requires_grad
    assert plain._version == 1
    np.testing.assert_array_equal(plain.data, change(before.copy(), 2.0))
    assert before.tolist() == [4, 9]  # whoever holds the array keeps it
    with pytest.raises(RuntimeError, match=f"^{re.escape(symbol)}: this would change a leaf"):
        change(plain, 2.0)


def test_the_first_loop_that_everybody_writes_trains():
    w, x = leaf(0.0, 0.0), np.array([[1.0, 2.0], [3.0, -1.0]])
    for _ in range(200):
        w.grad = None
        loss = ((Tensor(x) @ w.reshape(2, 1) - np.array([[5.0], [1.0]])) ** 2).mean()
        loss.backward()
        with minidl.no_grad():
            for p in [w]:
                p -= 0.1 * p.grad
    np.testing.assert_allclose(w.data, [1.0, 2.0], atol=1e-6)


def test_slots_of_a_hand_written_optimiser_change_in_place():
    velocity = Tensor(np.zeros(2))
    for v in [velocity]:
        v *= 0.9
        v += np.array([1.0, 2.0])
    assert velocity.data.tolist() == [1, 2]
    assert velocity._version == 2


def test_a_changed_leaf_makes_older_graphs_stale():
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    with minidl.no_grad():
        w *= 2.0
    with pytest.raises(RuntimeError, match="multiply: a tensor of shape .* was changed after the forward pass"):
        loss.backward()


def test_with_recording_on_a_result_changes_under_all_of_its_names_and_its_history_goes_on():
    x, total = leaf(1.0, 2.0), Tensor(np.zeros(2))
    alias = total
    for _ in range(3):
        total += x * x
    assert alias is total
    hidden = ops.relu(x)  # saves its result, which stays what it was
    kept = hidden
    hidden *= x
    assert kept is hidden
    (total.sum() + hidden.sum()).backward()
    np.testing.assert_allclose(x.grad, 6 * x.data + 2 * x.data)


def test_a_change_keeps_shape_and_dtype():
    x = Tensor([1.0, 2.0])
    with pytest.raises(
        ValueError, match=r"\+=: result must have the tensor's shape \(2,\); received result.shape=\(3, 2\)"
    ):
        x += np.zeros((3, 2), np.float32)
    mask = x > 1
    with pytest.raises(TypeError, match=r"\+=: result must be bool on cpu like the tensor; received int64 on cpu"):
        mask += 1
    mask &= x < 2
    assert mask.data.tolist() == [False, False]


# Elements


def test_elements_are_written_where_nobody_wants_a_gradient():
    x, array = Tensor(np.zeros((2, 3))), np.arange(3.0)
    held = x.data
    x[0] = array
    x[1, 1:] = 7
    x[x > 6] = -1.0
    x[[0], Tensor(np.array([2]))] = Tensor(np.array([9.0]))
    assert x.data.tolist() == [[0, 1, 9], [0, -1, -1]]
    assert (x._version, held.any()) == (4, False)
    w = leaf(1.0, 2.0)
    with minidl.no_grad():
        w[...] = 0
        w[0] -= 3
    assert (w.data.tolist(), w.requires_grad) == ([-3, 0], True)
    whole = Tensor(np.array([1, 2]))
    whole[0] = 5
    assert whole.data.tolist() == [5, 2]


def write(x, key, value):
    x[key] = value


W = Tensor(np.zeros((2, 3)), requires_grad=True)
X = Tensor(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda: write(W, ..., 1), RuntimeError, r"x\[…\] =: this would change a leaf that wants a gradient, and the"),
        (lambda: write(W * 2, 0, 1.0), RuntimeError, r"x\[…\] =: writing into a tensor would cut its history"),
        (lambda: write(X, 0, W[0]), RuntimeError, r"x\[…\] =: writing into a tensor would cut its history"),
        (
            lambda: write(X, 0, [1, 2, 3]),
            TypeError,
            r"x\[…\] =: expects Tensors, arrays or plain numbers; r",
        ),
        (
            lambda: write(X, 0, np.zeros(3, np.float32)),
            TypeError,
            r"the value must be float64 as the tensor",
        ),
        (lambda: write(X, 0, np.zeros(2)), ValueError, r"value has shape \(2,\), the places have \(3,\)"),
        (lambda: write(X, 5, 1.0), IndexError, r"x\[…\] =: index 5 is out of bounds .*; x.shape=\(2, 3\)"),
        (
            lambda: write(Tensor(np.array([1])), 0, 1.5),
            TypeError,
            "must be a whole number, the tensor is int",
        ),
        (lambda: X.__delitem__(0), TypeError, r"del x\[…\]: elements of a tensor cannot be deleted; take the others"),
    ],
)
def test_what_cannot_be_written(function, error, message):
    with pytest.raises(error, match=message):
        function()


@pytest.mark.parametrize(
    "view",
    [lambda x: x.reshape(-1), lambda x: x.T, lambda x: x.flatten(0), lambda x: x.detach().reshape(4, 3), Tensor.detach],
)
@pytest.mark.parametrize(
    "change",
    [operator.iadd, operator.isub, operator.imul, operator.itruediv, lambda x, y: write(x, 0, y), Tensor.fill_],
)
def test_a_view_is_not_changed_alone_because_the_whole_would_not_change_with_it(view, change):
    x = Tensor(np.ones((3, 4), np.float32))
    part = view(x)
    with pytest.raises(RuntimeError, match="the tensor is a view .* what it looks into would not change with it; "):
        change(part, 2.0)
    del x
    change(part, 2.0)  # now nobody else looks there


def test_results_that_lie_in_memory_like_their_inputs_are_no_views(rng):
    x = Tensor(rng.standard_normal((2, 4, 5, 3), dtype=np.float32).transpose(0, 3, 1, 2), requires_grad=True)
    for make in (ops.relu, lambda x: x * 2.0, lambda x: ops.concat([x, x], axis=1), ops.silu, lambda x: x[:, 1:]):
        y = make(x)
        before = y.numpy()
        y += 1.0
        np.testing.assert_array_equal(y.data, before + 1.0)
