"""NASNet: cells that do not make sense are named, cells that do become the network; its small parts alone."""

import dataclasses

import numpy as np
import pytest

from minidl import no_grad, ops
from minidl.models.nasnet import NORMAL, REDUCTION, Cell, CellTable, Halving, NASNet, Pool, Separable
from minidl.tensor import Tensor
from tests.models.walk import output_of, unfilled, walk


def changed(table, **blocks):
    return dataclasses.replace(table, blocks={**table.blocks, **blocks})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            changed(NORMAL, b=(("separable 4", "here"), ("identity", "a"))),
            "block 'b' asks for 'separable 4'; the operations are 'identity', 'average 3', 'max 3', 'separable 3', "
            "'separable 5', 'separable 7'",
        ),
        (
            changed(NORMAL, b=(("max 3", "there"), ("identity", "a"))),
            "block 'b' reads 'there', which is nothing here; there are 'here', 'before', 'a', 'b', 'c', 'd', 'e'",
        ),
        (
            changed(NORMAL, b=(("max 3", "here"), ("identity", "d"))),
            "block 'b' (number 2) reads 'd' (number 4), a loop: 4 >= 2; a block reads only those above it",
        ),
        (
            changed(NORMAL, c=(("identity", "c"), ("identity", "a"))),
            "block 'c' (number 3) reads 'c' (number 3), a loop: 3 >= 3; a block reads only those above it",
        ),
        (
            changed(REDUCTION, d=(("identity", "here"), ("identity", "a"))),
            "block 'd' passes 'here' on as it is, where stride 2 must halve it",
        ),
        (
            dataclasses.replace(NORMAL, output=("a", "z")),
            "the output asks for 'z', which is nothing here; there are 'here', 'before', 'a', 'b', 'c', 'd', 'e'",
        ),
    ],
)
def test_a_cell_that_makes_no_sense_is_named(table, message):
    settings = {"normal": table} if table.stride == 1 else {"reduction": table}
    with pytest.raises(ValueError, match="^cell: ") as error:
        NASNet(width=4, n=1, stem=3, skips=False, **settings)
    assert str(error.value) == f"cell: {message}"


def test_a_cell_is_what_its_table_says(rng):
    """With projections that are known, a cell of poolings and identities can be worked out by hand."""
    table = CellTable(
        {"p": (("max 3", "here"), ("identity", "before")), "q": (("average 3", "p"), ("identity", "p"))}, ("q", "p")
    )
    cell = Cell(table, 2, 2, 2, halved=False).eval()
    here, before = (abs(rng.standard_normal((1, 2, 4, 5))).astype(np.float32) for _ in range(2))
    for projection in (cell.here, cell.before):
        projection.conv.load_state_dict({"weight": np.eye(2, dtype=np.float32).reshape(2, 2, 1, 1)})
        projection.norm.eps = 0.0
    with no_grad():
        y = cell(Tensor(here), Tensor(before)).data
        p = Pool("max", 1)(Tensor(here)).data + before
        q = Pool("avg", 1)(Tensor(p)).data + p
    np.testing.assert_array_equal(y, np.concatenate([q, p], axis=1))


def test_the_average_counts_padding_only_where_it_strides():
    ones = Tensor(np.ones((1, 1, 4, 4), dtype=np.float32))
    np.testing.assert_array_equal(Pool("average", 1)(ones).data, np.ones((1, 1, 4, 4)))
    sixths = [[1, 2 / 3], [2 / 3, 4 / 9]]  # "same" puts the odd pixel of padding at the end
    np.testing.assert_allclose(Pool("average", 2)(ones).data[0, 0], sixths, rtol=1e-6)
    np.testing.assert_array_equal(Pool("max", 2)(-1 * ones).data, -np.ones((1, 1, 2, 2)))


@pytest.mark.parametrize(("h", "width"), [(4, 6), (5, 7)])
def test_halving_looks_at_every_pixel_that_has_a_place(h, width, rng):
    """One half of its channels sees the even rows and columns, the other the odd ones, with zeros beyond the end."""
    layer = Halving(1, 2).eval()
    layer.norm.eps = 0.0
    layer.even.load_state_dict({"weight": np.ones((1, 1, 1, 1), dtype=np.float32)})
    layer.odd.load_state_dict({"weight": np.ones((1, 1, 1, 1), dtype=np.float32)})
    x = rng.standard_normal((1, 1, h, width)).astype(np.float32)
    with no_grad():
        y = layer(Tensor(x)).data
    odd = np.zeros_like(y[0, 0])
    seen = x[0, 0, 1::2, 1::2]
    odd[: seen.shape[0], : seen.shape[1]] = seen
    np.testing.assert_array_equal(y[0], [x[0, 0, ::2, ::2], odd])


def test_a_picture_that_is_halved_below_two_is_refused_with_the_arithmetic():
    with pytest.raises(ValueError, match=r"the last halving needs 2 pixels a side: 18 → 8 → 4 → 2 → 1$"):
        unfilled("nasnet_a_mobile")(Tensor(np.zeros((1, 3, 18, 18), dtype=np.float32)))
    with pytest.raises(ValueError, match=r"^Halving: .*; x.shape=\(1, 2, 1, 4\)$"):
        Halving(2, 2)(Tensor(np.zeros((1, 2, 1, 4), dtype=np.float32)))


@pytest.mark.parametrize(
    ("name", "cells", "last"), [("nasnet_a_mobile", 2 + 4 + 1 + 4 + 1 + 4, 1056), ("nasnet_a_large", 22, 4032)]
)
def test_the_plan(name, cells, last):
    """Stem, N normal cells, reduction, N, reduction, N; the last map has 24 times F channels, halved five times."""
    net = unfilled(name)
    assert len(net.cells) == cells
    reductions = [place for place, cell in enumerate(net.cells) if cell.table is REDUCTION]
    n = (cells - 4) // 3
    assert reductions == [0, 1, 2 + n, 3 + 2 * n]
    assert net.fc.in_features == last
    assert output_of(walk(net), f"cells.{cells - 1}") == (last, 7, 7) if "mobile" in name else (last, 11, 11)


def test_what_the_cell_behind_a_reduction_reads_before_it():
    """In the large network what the reduction read (channels of cell 4), in the mobile one what it was made of."""
    large, mobile = unfilled("nasnet_a_large"), unfilled("nasnet_a_mobile")
    assert isinstance(large.cells[9].before, Halving)
    assert isinstance(mobile.cells[7].before, Halving)
    assert [place for place, skips in enumerate(large.skips) if skips] == [8, 15]
    assert not any(mobile.skips)


# The cells as the authors' own program has them: an operation and an index for each branch, two branches a block. The
# states are numbered: 0 and 1 are the two inputs, the last result and the one before it; 2 to 6 the blocks.
AUTHORS = {
    "normal": (
        NORMAL,
        "separable 5, separable 3, separable 5, separable 3, average 3, identity, average 3, average 3, separable 3, "
        "identity",
        (0, 1, 1, 1, 0, 1, 1, 1, 0, 0),
        {1, 2, 3, 4, 5, 6},
    ),
    "reduction": (
        REDUCTION,
        "separable 5, separable 7, max 3, separable 7, average 3, separable 5, identity, average 3, separable 3, max 3",
        (0, 1, 0, 1, 0, 1, 3, 2, 2, 0),
        {3, 4, 5, 6},
    ),
}


@pytest.mark.parametrize("cell", AUTHORS)
def test_the_cells_are_the_authors(cell):
    table, operations, sources, output = AUTHORS[cell]
    states = ["here", "before", *"abcde"]
    branches = [(operation, states[source]) for operation, source in zip(operations.split(", "), sources, strict=True)]
    pairs = zip(branches[::2], branches[1::2], strict=True)
    assert {name: set(pair) for name, pair in table.blocks.items()} == {
        name: set(pair) for name, pair in zip("abcde", pairs, strict=True)
    }
    assert set(table.output) == {states[index] for index in output}


@pytest.mark.parametrize(("name", "place", "source"), [("nasnet_a_large", 9, 6), ("nasnet_a_mobile", 7, 5)])
def test_what_is_read_behind_the_first_reduction(name, place, source):
    """Its own result, and of the maps that are twice as large the one of the cell `source`."""
    net, seen, made = unfilled(name), {}, {}

    def watch(index, forward):
        def run(here, before):
            seen[index], made[index] = (here, before), forward(here, before)
            return made[index]

        return run

    for index, cell in enumerate(net.cells):
        cell.forward = watch(index, cell.forward)
    walk(net)
    assert seen[place][0] is made[place - 1]
    assert seen[place][1] is made[source]
    assert seen[place + 1][1] is made[place - 1]
    assert seen[0][1] is None
    assert seen[1][1] is seen[0][0]


def test_a_relu_stands_between_the_two_halves_of_a_separable_convolution_and_behind_the_last_cell(rng):
    layer = Separable(3, 4, 3, 2).eval()
    x = Tensor(rng.standard_normal((1, 3, 7, 7)).astype(np.float32))
    with no_grad():
        first = ops.relu(layer.norm1(layer.pointwise1(layer.depthwise1(x))))
        expected = layer.norm2(layer.pointwise2(layer.depthwise2(first))).data
        np.testing.assert_array_equal(layer(x).data, expected)
    assert (layer.norm1.activation, layer.norm2.activation) == ("relu", None)
    names = [event.op for event in walk(unfilled("nasnet_a_mobile"))]
    assert names[-4:] == ["concat", "relu", "global_avg_pool2d", "linear"]
