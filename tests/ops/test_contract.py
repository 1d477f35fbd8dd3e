"""Every case of every proof table keeps the whole contract: in the book, and in float32 in the fast set.

The fast set serves float32 alone. So in float64 there is one set of kernels, the book, and gradients are proved there;
in float32 each case that has a fast kernel goes through the same contract again, and that kernel may not have declined.
"""

import numpy as np
import pytest

from minidl import Tensor, kernels, ops, proof
from tests.contract import check_function, check_single
from tests.kernels.twins import FAST, counted

CASES = {f"{table.op}-{case.name}": (table, case) for table in proof.tables().values() for case in table.cases}

# Operations of which the fast set has no kernel, or only that which copies: in it they are what they are in the book.
PLAIN = {
    "im2col",
    "col2im",
    "group_norm",
    "elu",
    "softplus",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "power",
    "exp",
    "log",
    "sqrt",
    "abs",
    "clip",
    "where",
    "reshape",
    "flatten",
    "unflatten",
    "transpose",
    "index",
    "reserve_channels",
    "append_channels",
    "split",
    "pad",
    "interpolate",
    "channel_shuffle",
    "sum",
    "mean",
    "max",
    "var",
    "nll_loss",
    "l1_loss",
    "smooth_l1_loss",
    "binary_cross_entropy_with_logits",
    "embedding",
    "maxout",
    "roi_align",
    "roi_pool",
    "to_device",
}
# What the fast set declines, though it has the kernel.
SMOOTHED = (
    "probabilities, smoothed",
    "probabilities, weights of classes, smoothing",
    "sum, probabilities, smoothed, weights",
    "none, probabilities, smoothed, weights",
)
BROADCAST = ("a row", "a column", "both repeated", "one number")
ADDED_MASKS = ("added for all", "added for heads", "added for keys", "added to every score")  # which want a gradient
DECLINED = {
    **{f"add-{name}": {"add"} for name in BROADCAST},
    **{f"add-relu, {name}": {"add_relu"} for name in BROADCAST},
    "softmax-first axis": {"softmax", "softmax_dx"},
    "log_softmax-first axis": {"log_softmax", "log_softmax_dx"},
    **{f"dropout2d-{name}": {"dropout"} for name in ("pictures", "p = 0.1", "p = 1")},  # its mask is one for each map
    **{f"concat-{name}": {"concat"} for name in ("rows", "last axis", "one tensor", "an empty one")},
    **{f"cross_entropy-{name}": {"add"} for name in SMOOTHED},  # the uniform part of the labels is one number
    **{f"scaled_dot_product_attention-{name}": {"attention_grads"} for name in ADDED_MASKS},
    "cross_entropy-a label for each place of a line": {"cross_entropy", "cross_entropy_dx"},
}
# What takes gradients and parts of a wider block to their places is no operation's own kernel: few numbers, and what
# lies in pieces, are NumPy's (tests/kernels/test_cpu_copies.py).
CARRIERS = {"copy_to", "add_to"}


@pytest.mark.parametrize("name", CASES)
def test_contract(name, rng):
    table, case = CASES[name]
    with kernels.use("textbook"):
        check_function(table.function, table.oracle, case.draw(rng), case.settings, rng=rng, views=table.views)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", [name for name, (table, _) in CASES.items() if table.op not in PLAIN])
def test_contract_in_the_fast_set(name, rng):
    table, case = CASES[name]
    with counted() as (served, declined):
        check_single(
            table.function, table.oracle, case.draw(rng), case.settings, rng=rng, kernel_set="cpu", views=table.views
        )
    declined = set(declined) - CARRIERS
    assert declined == DECLINED.get(name, set()), f"declined {declined}, served {set(served)}"
    assert set(served) - CARRIERS or declined, "no kernel of the fast set was asked: is the operation PLAIN?"


def test_operations_without_fast_kernels_are_named_as_such():
    assert not PLAIN & set(FAST.opened().__all__)
    assert set(ops.__all__) >= PLAIN
    assert {name for name in DECLINED if name not in CASES} == set()


def test_a_kernel_that_declines_is_noticed():
    with kernels.use("cpu"), counted() as (served, declined):
        ops.relu(Tensor(np.ones(3)))
        ops.relu(Tensor(np.ones(3, np.float32)))
    assert (dict(served), dict(declined)) == ({"relu": 1}, {"relu": 1})


def test_every_operation_has_a_table():
    assert set(ops.__all__) - {"to_device"} == set(proof.tables())
