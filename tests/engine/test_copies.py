"""Tensors go through `copy` and `pickle`: leaves with all that they are, and no others."""

import copy
import pickle

import numpy as np
import pytest

from minidl import Tensor, nn, no_grad

DEEP = {
    "deepcopy": copy.deepcopy,
    **{f"pickle {p}": lambda it, p=p: pickle.loads(pickle.dumps(it, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)},
}
ALL = {"copy": copy.copy, **DEEP}


def arrays(rng):
    block = rng.standard_normal((4, 3, 5, 2))
    return {
        "C order": block,
        "channels-last": block.transpose(0, 3, 1, 2),
        "a slice": block[:, ::2],
        "read backwards": block[::-1],
        "broadcast": np.broadcast_to(block[0], (3, 3, 5, 2)),
        "a number": np.array(2.5, dtype="float32"),
        "nothing": np.zeros((0, 3), dtype="float32"),
        "integers": np.arange(6).reshape(2, 3),
    }


@pytest.mark.parametrize("copied", ALL.values(), ids=ALL)
def test_a_leaf_comes_with_its_numbers_its_gradient_and_its_kind(copied, rng):
    for kind in (Tensor, nn.Parameter):
        for name, array in arrays(rng).items():
            if kind is nn.Parameter and name == "integers":
                continue
            leaf = kind(array)
            if array.dtype.kind == "f":
                leaf.requires_grad = name != "a slice"
                leaf.grad = np.array(rng.standard_normal(array.shape), dtype=array.dtype)
            twin = copied(leaf)
            assert type(twin) is kind
            assert (twin.requires_grad, twin.dtype) == (leaf.requires_grad, leaf.dtype)
            np.testing.assert_array_equal(twin.data, leaf.data)
            if leaf.grad is None:
                assert twin.grad is None
            else:
                np.testing.assert_array_equal(twin.grad, leaf.grad)
            if name in ("C order", "channels-last"):
                assert twin.data.strides == leaf.data.strides
            assert np.shares_memory(twin.data, leaf.data) == (copied is copy.copy and array.size > 0)


@pytest.mark.parametrize("copied", DEEP.values(), ids=DEEP)
def test_what_is_shared_stays_shared_and_can_be_learnt(copied):
    w = Tensor([1.0, 2.0], requires_grad=True)
    (a, b), other = copied([w, w]), copied(w)
    assert a is b is not w
    (other * other).sum().backward()
    assert other.grad.tolist() == [2, 4]
    assert w.grad is None


class Named(nn.Parameter):
    """A parameter with an attribute of its own."""


@pytest.mark.parametrize("copied", ALL.values(), ids=ALL)
def test_attributes_of_a_subclass_come_along(copied):
    w = Named(np.ones(2))
    w.name = "w"
    assert (copied(w).name, type(copied(w))) == ("w", Named)


@pytest.mark.parametrize("copied", ALL.values(), ids=ALL)
def test_what_has_a_graph_is_refused_in_a_line(copied):
    w = Tensor(np.ones((2, 3)), requires_grad=True)
    y = w * 2.0
    with pytest.raises(
        RuntimeError, match=r"^copy: a tensor with a graph .* of multiply, shape=\(2, 3\); .*detach\(\)$"
    ):
        copied(y)
    with pytest.raises(RuntimeError, match="only leaves can"):
        copied({"kept": [y]}) if copied is not copy.copy else copied(y)
    y.backward(np.ones((2, 3)))
    with pytest.raises(RuntimeError, match="only leaves can"):
        copied(y)  # its graph is freed, but it is no leaf
    np.testing.assert_array_equal(copied(y.detach()).data, y.data)
    with no_grad():
        np.testing.assert_array_equal(copied(w * 2.0).data, y.data)
