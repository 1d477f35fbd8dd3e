"""The walk back: what it adds up, what it frees, what it refuses."""

import gc
import weakref

import numpy as np
import pytest

from minidl import Function, Tensor, _sharing, no_grad, ops
from tests.contract import assert_close


def leaf(rng, *shape, dtype=np.float64):
    return Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)


class Double(Function):
    """A student's operation."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, dy):
        return dy * 2


def test_a_chain_of_ten_thousand_operations_needs_no_recursion(rng):
    x = leaf(rng, 3)
    y = x
    for _ in range(10_000):
        y = y + 1.0
    dy = rng.standard_normal(3)
    y.backward(dy)
    np.testing.assert_array_equal(x.grad, dy)


def test_a_long_chain_that_is_never_walked_is_freed_without_recursion(rng):
    y = leaf(rng, 3)
    for _ in range(10_000):
        y = y + 1.0
    alive = weakref.ref(y)
    del y
    assert alive() is None


def test_a_diamond_adds_up_both_ways(rng):
    x = leaf(rng, 4)
    shared = x * 3.0
    dy = rng.standard_normal(4)
    (shared * shared + shared).backward(dy)
    assert_close(x.grad, dy * (2 * 9 * x.data + 3))


def test_each_node_is_visited_once_after_all_its_uses(rng):
    visits = []

    class Counted(Function):
        @staticmethod
        def forward(ctx, x):
            return x.copy()

        @staticmethod
        def backward(ctx, dy):
            visits.append(dy.copy())
            return dy

    x = leaf(rng, 2)
    middle = Counted.apply(x)
    (middle + ops.relu(middle * 2.0) + middle).sum().backward()
    assert len(visits) == 1
    assert_close(x.grad, visits[0])


def test_two_backward_calls_add_up_in_grad(rng):
    x = leaf(rng, 3)
    first, second = rng.standard_normal(3), rng.standard_normal(3)
    (x * 2.0).backward(first)
    kept = x.grad
    before = kept.copy()
    (x * 2.0).backward(second)
    assert_close(x.grad, 2 * (first + second))
    np.testing.assert_array_equal(kept, before)  # an array that somebody holds is not changed under his hands


def test_backward_on_a_leaf_is_its_own_gradient(rng):
    x, dy = leaf(rng, 3), rng.standard_normal(3)
    x.backward(dy)
    np.testing.assert_array_equal(x.grad, dy)
    assert not np.shares_memory(x.grad, dy)


def test_gradients_on_leaves_share_memory_with_nothing(rng):
    x, y = leaf(rng, 3), leaf(rng, 3)
    dy = rng.standard_normal(3)
    (x + y).backward(dy)  # both branches are handed the same array
    arrays = [x.grad, y.grad, dy, x.data, y.data]
    for index, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[index + 1 :])


@pytest.mark.parametrize("what", ["dy", "saved", "attribute", "view", "a list of the caller's"])
def test_a_gradient_that_somebody_still_holds_is_copied(what, rng):
    held = {}

    class Greedy(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save(x * 1.0)
            ctx.kept = x * 1.0
            return x * 1.0

        @staticmethod
        def backward(ctx, dy):
            kept = {"dy": dy, "saved": ctx.saved[0], "attribute": ctx.kept, "view": ctx.kept[::1]}
            held["array"] = kept.get(what, dy * 2.0)
            return held["array"]

    x = leaf(rng, 3)
    Greedy.apply(x).backward(rng.standard_normal(3))
    assert not np.shares_memory(x.grad, held["array"])


@pytest.mark.parametrize("whole", [True, False])
def test_a_gradient_on_memory_of_its_own_is_not_copied(whole, rng):
    made = []

    class Transposed(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

        @staticmethod
        def backward(ctx, dy):
            block = np.repeat(dy.T.copy(), 1 if whole else 2, axis=0)  # a part would keep the rest alive
            made.append(block.__array_interface__["data"][0])  # where it lies: who holds the array itself is counted
            return block[: dy.shape[1]].T

    x = leaf(rng, 3, 4)
    Transposed.apply(x).backward(rng.standard_normal((3, 4)))
    assert (x.grad.__array_interface__["data"][0] == made[0]) is whole
    assert (x.grad.nbytes == _sharing.owner(x.grad).nbytes) is True


def test_a_gradient_handed_to_two_inputs_is_copied(rng):
    class Twice(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, dy):
            both = dy * 1.0
            return both, both[:]

    x, y = leaf(rng, 3), leaf(rng, 3)
    Twice.apply(x, y).backward(rng.standard_normal(3))
    assert not np.shares_memory(x.grad, y.grad)


def test_the_walk_adds_only_into_its_own_arrays(rng):
    handed = []

    class Recorded(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

        @staticmethod
        def backward(ctx, dy):
            gradient = dy * 1.0
            handed.append((gradient, gradient.copy()))
            return gradient

    x = leaf(rng, 3)
    (Recorded.apply(x) + Recorded.apply(x) + Recorded.apply(x)).backward(rng.standard_normal(3))
    for gradient, before in handed:
        np.testing.assert_array_equal(gradient, before)


def test_the_graph_is_freed_while_it_is_walked(rng):
    x = leaf(rng, 3)
    middle = x * 2.0
    saved = weakref.ref(middle._node.ctx)
    y = middle * middle
    y.backward(rng.standard_normal(3))
    gc.collect()
    assert saved() is None
    assert y._node.parents == ()


def test_a_second_backward_is_an_error(rng):
    y = (leaf(rng, 3) * 2.0).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"sum: backward through a graph that an earlier backward\(\) has freed"):
        y.backward()


def test_a_second_backward_through_a_shared_part_is_an_error(rng):
    shared = leaf(rng, 3) * 2.0
    first, second = shared.sum(), (shared * 3.0).sum()
    first.backward()
    with pytest.raises(RuntimeError, match="multiply: backward through a graph"):
        second.backward()


def test_only_what_is_needed_is_asked_for(rng):
    asked = []

    class Asked(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, dy):
            asked.append(ctx.needs)
            return None, dy

    x, y = Tensor(rng.standard_normal(3)), leaf(rng, 3)
    Asked.apply(x, y).backward(rng.standard_normal(3))
    assert asked == [(False, True)]
    assert x.grad is None


def test_no_col2im_for_a_first_layer(rng, monkeypatch):
    from minidl.kernels import textbook

    monkeypatch.setattr(textbook, "conv2d_dx", lambda *_: pytest.fail("dx was computed for the picture"))
    w = leaf(rng, 2, 1, 3, 3)
    ops.conv2d(Tensor(rng.standard_normal((1, 1, 5, 5))), w).backward(rng.standard_normal((1, 2, 3, 3)))
    assert w.grad.shape == (2, 1, 3, 3)


def test_no_grad_keeps_no_graph(rng):
    x = leaf(rng, 3)
    with no_grad():
        y = x * 2.0
    assert not y.requires_grad
    assert y._node is None
    with pytest.raises(RuntimeError, match="backward: the tensor has no history to walk back"):
        y.sum().backward()


def test_no_grad_is_a_decorator_and_ends_after_an_error(rng):
    @no_grad()
    def fails(x):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails(None)
    assert (leaf(rng, 2) * 2.0).requires_grad


def test_operations_on_plain_tensors_keep_no_graph(rng):
    y = Tensor(rng.standard_normal(3)) * 2.0
    assert y._node is None


class TestDy:
    def test_is_needed_for_more_than_one_element(self, rng):
        with pytest.raises(
            ValueError, match=r"backward: dy may be left out only for .* this one has 6; shape=\(2, 3\)"
        ):
            (leaf(rng, 2, 3) * 2.0).backward()

    def test_may_be_left_out_for_one_element_of_any_rank(self, rng):
        x = leaf(rng, 1, 1)
        (x * 3.0).backward()
        np.testing.assert_array_equal(x.grad, [[3.0]])

    def test_must_be_an_array(self, rng):
        y = leaf(rng, 2) * 2.0
        with pytest.raises(TypeError, match="backward: dy must be a plain array like the tensor; received a list"):
            y.backward([1.0, 1.0])

    def test_must_have_the_shape(self, rng):
        y = leaf(rng, 2) * 2.0
        with pytest.raises(ValueError, match=r"dy must have the tensor's shape \(2,\); received dy.shape=\(3,\)"):
            y.backward(np.ones(3))

    def test_must_have_the_dtype(self, rng):
        y = leaf(rng, 2) * 2.0
        with pytest.raises(TypeError, match="dy must be float64 on cpu like the tensor; received float32 on cpu"):
            y.backward(np.ones(2, dtype=np.float32))


class TestVersions:
    """A tensor that backward needs must not have changed since forward."""

    def test_a_changed_input_is_named(self, rng):
        x, w = leaf(rng, 2, 3), leaf(rng, 4, 3)
        y = ops.linear(x, w)
        w.data = w.data * 2
        with pytest.raises(
            RuntimeError, match=r"linear: a tensor of shape \(4, 3\) .* was changed .* version 1, 0 was used"
        ):
            y.backward(rng.standard_normal((2, 4)))

    def test_a_changed_result_is_named(self, rng):
        y = ops.relu(leaf(rng, 3))
        z = y * y
        y.data = y.data * 2
        with pytest.raises(RuntimeError, match=r"multiply: a tensor of shape \(3,\)"):
            z.backward(rng.standard_normal(3))
        fresh = ops.relu(leaf(rng, 3))
        fresh.data = fresh.data * 2
        with pytest.raises(RuntimeError, match=r"relu: a tensor of shape \(3,\)"):
            fresh.backward(rng.standard_normal(3))

    def test_a_change_of_what_is_not_needed_is_fine(self, rng):
        x, y = leaf(rng, 3), leaf(rng, 3)
        z = x + y
        x.data = x.data * 2
        z.backward(rng.standard_normal(3))
        assert x.grad is not None

    def test_an_optimiser_step_counts_as_a_change(self, rng):
        from minidl import nn, optim

        layer = nn.Linear(3, 2)
        x = Tensor(rng.standard_normal((4, 3)).astype(np.float32), requires_grad=True)
        first, second = layer(x).sum(), layer(x).sum()
        first.backward()
        optim.SGD(layer.parameters(), lr=0.1).step()
        with pytest.raises(RuntimeError, match="linear: a tensor of shape"):
            second.backward()


class TestStudentFunctions:
    def test_apply_needs_tensors(self):
        with pytest.raises(
            TypeError, match=r"double: inputs must be Tensors, received a ndarray; wrap it: Tensor\(array\)"
        ):
            Double.apply(np.ones(2))

    def test_forward_must_return_an_array(self):
        class Lazy(Function):
            @staticmethod
            def forward(ctx, x):
                return None

        with pytest.raises(TypeError, match="lazy: forward must return an array; it returned a NoneType"):
            Lazy.apply(Tensor(np.ones(2)))

    @pytest.mark.parametrize(
        ("gradient", "error", "message"),
        [
            (lambda dy: (dy, dy), ValueError, r"wrong: backward must return one gradient .* 1 inputs; it returned 2"),
            (lambda dy: dy[:1], ValueError, r"for input 0 a gradient float64 \(3,\); it returned float64 \(1,\)"),
            (lambda dy: dy.astype(np.float32), ValueError, r"it returned float32 \(3,\)"),
            (lambda dy: [1.0], TypeError, "wrong: backward must return arrays; for input 0 it is a list"),
        ],
    )
    def test_backward_is_judged(self, gradient, error, message, rng):
        class Wrong(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 1.0

            @staticmethod
            def backward(ctx, dy):
                return gradient(dy)

        with pytest.raises(error, match=message):
            Wrong.apply(leaf(rng, 3)).backward(np.ones(3))

    def test_numpy_numbers_count_as_arrays(self, rng):
        class Total(Function):
            @staticmethod
            def forward(ctx, x):
                return x.sum()

            @staticmethod
            def backward(ctx, dy):
                return dy[()] * 1.0

        x = Tensor(np.float64(3.0), requires_grad=True)
        Total.apply(x).backward()
        assert x.grad.shape == ()

    def test_operations_are_named_after_their_class(self):
        class MaxPool2d(Function):
            pass

        class SiLU(Function):
            pass

        assert (Double.op, MaxPool2d.op) == ("double", "max_pool2d")

    def test_unwritten_halves_say_so(self):
        with pytest.raises(NotImplementedError):
            Function.forward(None)
        with pytest.raises(NotImplementedError):
            Function.backward(None, None)
