"""What operations keep for the backward pass, in bytes."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, ops

SHAPE = (4, 6, 5, 5)
SIZE = 4 * 6 * 5 * 5  # elements of x; a float32 takes four bytes
FULL = SIZE * 4


def x(*shape, wanted=True):
    return Tensor(np.full(shape or SHAPE, 0.5, dtype=np.float32), requires_grad=wanted)


def saved(f, *tensors):
    """The bytes that the operations of f keep, each once, and the arrays that they are."""
    events = []
    with minidl.observe(events.append):
        y = f(*tensors)
    return sum(event.saved_bytes for event in events), y


class TestKeepsItsResult:
    """The next layer keeps the same array anyway: no new memory."""

    @pytest.mark.parametrize(
        "f",
        [
            ops.relu,
            ops.leaky_relu,
            ops.relu6,
            ops.sigmoid,
            ops.tanh,
            ops.scaled_tanh,
            ops.hardsigmoid,
            ops.elu,
            ops.softmax,
            ops.log_softmax,
            ops.exp,
            ops.sqrt,
            lambda t: ops.clip(t, 0, 1),
        ],
    )
    def test_one_array_which_is_the_result(self, f):
        size, y = saved(f, x())
        assert size == FULL
        (kept,) = y._node.ctx._saved
        assert kept is y._data


class TestKeepsItsInput:
    @pytest.mark.parametrize(
        "f", [ops.silu, ops.hardswish, ops.gelu, ops.softplus, ops.log, ops.abs, lambda t: ops.power(t, 3)]
    )
    def test_one_array_which_is_the_input(self, f):
        given = x()
        size, y = saved(f, given)
        assert size == FULL
        (kept,) = y._node.ctx._saved
        assert kept is given._data

    def test_var_keeps_the_means_too(self):
        assert saved(lambda t: ops.var(t, axis=(0, 2, 3)), x())[0] == FULL + 6 * 8


class TestKeepsNothing:
    @pytest.mark.parametrize(
        "f",
        [
            lambda t: t + t,
            lambda t: t - t,
            lambda t: t + 1.0,
            lambda t: ops.concat([t, t], axis=1),
            lambda t: ops.split(t, 2, axis=1)[1],
            lambda t: ops.pad(t, 2),
            lambda t: ops.channel_shuffle(t, 3),
            lambda t: t[1:, ..., ::2],
            lambda t: t.reshape(4, -1),
            lambda t: t.permute(3, 2, 1, 0),
            lambda t: t.flatten(1),
            lambda t: t.sum(axis=1),
            lambda t: t.mean(),
            lambda t: ops.dropout(t, 0.5, training=False),
            lambda t: ops.dropout(t, 0.0, training=True),
            lambda t: ops.stochastic_depth(t, 0.5, training=False),
        ],
    )
    def test_no_byte(self, f):
        assert saved(f, x())[0] == 0


class TestKeepsAMask:
    def test_dropout_one_byte_for_each_element(self):
        assert saved(lambda t: ops.dropout(t, 0.5, training=True), x())[0] == SIZE

    def test_dropout2d_one_byte_for_each_channel(self):
        assert saved(lambda t: ops.dropout2d(t, 0.5, training=True), x())[0] == 4 * 6

    @pytest.mark.parametrize(("mode", "size"), [("row", 4), ("batch", 1)])
    def test_stochastic_depth_one_byte_for_each_draw(self, mode, size):
        assert saved(lambda t: ops.stochastic_depth(t, 0.5, training=True, mode=mode), x())[0] == size

    def test_where_the_condition(self):
        condition = np.ones(SHAPE, dtype=bool)
        assert saved(lambda t: ops.where(condition, t, 0.0), x())[0] == SIZE

    @pytest.mark.parametrize(("elements", "size"), [(256, 1), (257, 2), (2**16, 2), (2**16 + 1, 8)])
    def test_max_the_smallest_integer_that_counts_the_elements(self, elements, size):
        assert saved(lambda t: t.max(axis=1), x(3, elements))[0] == 3 * size

    def test_index_the_arrays_of_the_key(self):
        rows = np.array([0, 3, 3], dtype=np.int32)
        assert saved(lambda t: t[rows, 1:3], x())[0] == 3 * 4


class TestKeepsOperands:
    def test_multiply_keeps_the_partner_of_whoever_wants_a_gradient(self):
        a, b = x(), x(5)
        assert saved(ops.multiply, a, b)[0] == FULL + 5 * 4
        assert saved(ops.multiply, a, x(5, wanted=False))[0] == 5 * 4
        assert saved(ops.multiply, x(wanted=False), b)[0] == FULL
        assert saved(lambda t: t * 2.0, a)[0] == 4
        assert saved(ops.negative, a)[0] == 4

    def test_divide_keeps_the_dividend_only_for_the_divisor(self):
        assert saved(ops.divide, x(), x(5))[0] == FULL + 5 * 4
        assert saved(ops.divide, x(), x(5, wanted=False))[0] == 5 * 4

    def test_linear_and_matmul(self):
        assert saved(ops.linear, x(8, 20), x(10, 20), x(10))[0] == (8 * 20 + 10 * 20) * 4
        assert saved(ops.matmul, x(8, 20), x(20, 10))[0] == (8 * 20 + 20 * 10) * 4


class TestLosses:
    def test_cross_entropy_keeps_log_p_and_the_targets(self):
        assert saved(lambda t: ops.cross_entropy(t, np.zeros(8, dtype=int)), x(8, 10))[0] == 2 * 8 * 10 * 4

    def test_mse_keeps_the_difference(self):
        assert saved(ops.mse_loss, x(), x(wanted=False))[0] == FULL

    def test_differences_keep_both_operands(self):
        for loss in (ops.l1_loss, ops.smooth_l1_loss, ops.binary_cross_entropy_with_logits):
            assert saved(loss, x(), x(wanted=False))[0] == 2 * FULL

    def test_nll_keeps_the_targets_alone(self):
        assert saved(lambda t: ops.nll_loss(t, np.zeros(8, dtype=int)), x(8, 10))[0] == 8 * 10 * 4
