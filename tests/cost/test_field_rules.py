"""Receptive fields of every operation there is: no gradient leaves the field, and what has no field is listed."""

import numpy as np
import pytest

from minidl import Function, Tensor, cost, nn, ops, proof

TABLES = proof.tables()
# Operations that take pictures and have no field in some case or other, and why.
NONE = {
    "im2col": "its columns are no map",
    "conv_transpose2d": "with a stride, its numbers see unequally many pixels",
    "interpolate": "numbers between two pixels see more than others",
    "adaptive_avg_pool2d": "windows of several sizes",
    "matmul": "two maps, or along one axis of the map",
    "linear": "along one axis of the map",
    "scaled_dot_product_attention": "what keys and values have seen is not followed",
    "conv2d_fused": "with a stride, what is given beside the picture lies closer together",
    "roi_pool": "regions lie anywhere",
    "roi_align": "regions lie anywhere",
    "scale_channels": "one scale beside the picture belongs to many places",
}


LOSSES = ("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits")
BESIDE = {
    "concat": 0,
    "append_channels": 0,
    "scale_channels": 0,
    "conv2d_fused": 2,
    "scaled_dot_product_attention": 0,
}  # from which on there is one for each picture


class Called(nn.Module):
    """One case of an operation as a network of the first thing that it is given."""

    def __init__(self, table, case, x, others):
        super().__init__()
        self.table, self.case, self.x, self.others = table, case, x, others
        self.dtype = nn.Parameter(np.zeros(1, x.dtype))

    def forward(self, x):
        def given(place, other):
            if not isinstance(other, np.ndarray) or other.dtype.kind not in "fb":
                return other
            shape = other.shape
            of_pictures = place >= BESIDE.get(self.table.op, len(self.others)) and len(other) == len(self.x)
            other = other[: x.shape[0]] if of_pictures else other
            if other.dtype.kind == "b":
                return other
            if shape == self.x.shape and not self.table.op.startswith("conv"):
                return ops.multiply(x, 1.5)
            return Tensor(other)

        others = [given(place, other) for place, other in enumerate(self.others)]
        return self.table.function(x, *others, **self.case.settings)


def cases():
    """All whose first array is pictures, but losses and norms of batches, which want pictures to be there."""
    for name, table in TABLES.items():
        for case in table.cases if name not in LOSSES else ():
            x, *others = case.draw(np.random.default_rng(0))
            if name == "batch_norm" and case.settings["training"]:
                continue
            if isinstance(x, np.ndarray) and x.ndim == 4 and x.dtype.kind == "f":
                yield pytest.param(table, case, x, others, id=f"{name}: {case.name}")


def field_of(net, shape):
    events = cost.walk(net, shape)
    fields = cost.receptive_fields(events)
    return events[-1], fields[-1]


@pytest.mark.parametrize(("table", "case", "x", "others"), list(cases()))
def test_no_gradient_leaves_the_field(table, case, x, others, rng):
    net = Called(table, case, x, others)
    event, field = field_of(net, x.shape[1:])
    if field is None:
        assert table.op in NONE
        return
    for _ in range(3):
        picture = Tensor(x, requires_grad=True)
        y = net(picture)
        place = tuple(int(rng.integers(length)) for length in y.shape)
        if not field.is_whole:
            assert len(y.shape) == event.output.ndim
        dy = np.zeros(y.shape)
        dy[place] = 1.0
        y.backward(dy)
        unit = (0, 0) if field.is_whole else tuple(place[axis] for axis in field.axes)
        for axis, side in enumerate(field.box(unit)):
            others_of = tuple(one for one in range(4) if one != 2 + axis)
            reached = np.flatnonzero((picture.grad != 0).any(axis=others_of))
            assert all(at in side for at in reached), (axis, side, reached)


class Up(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.weight = function, nn.Parameter(np.ones((1, 1, 3, 3), dtype="float32"))

    def forward(self, x):
        return self.function(x, self.weight)


@pytest.mark.parametrize(
    ("function", "field"),
    [
        (lambda x, w: ops.conv_transpose2d(x, w), cost.Field((3, 3), (1, 1), (-2, -2))),
        (lambda x, w: ops.conv_transpose2d(x, w, padding=1, dilation=2), cost.Field((5, 5), (1, 1), (-3, -3))),
        (lambda x, w: ops.interpolate(x, scale_factor=0.5), cost.Field((1, 1), (2, 2), (0, 0))),
        (lambda x, w: ops.interpolate(x, scale_factor=0.5, mode="bilinear"), cost.Field((2, 2), (2, 2), (0, 0))),
        (lambda x, w: ops.interpolate(x, 4, mode="bilinear"), cost.Field((1, 1), (3, 3), (1, 1))),
        (lambda x, w: ops.softmax(x, 1), cost.Field((1, 1), (1, 1), (0, 0))),
        (lambda x, w: ops.softmax(x, 3), cost.Field((1, 12), (1, 0), (0, 0))),
        (lambda x, w: ops.mean(x, 3, keepdims=True), cost.Field((1, 12), (1, 0), (0, 0))),
        (lambda x, w: ops.mean(x, 1), cost.Field((1, 1), (1, 1), (0, 0), axes=(1, 2))),
        (lambda x, w: ops.relu(ops.interpolate(x, scale_factor=2)), None),
        (lambda x, w: ops.conv_transpose2d(x, w, stride=2), None),
        (
            lambda x, w: ops.matmul(ops.transpose(x, 0, 2, 3, 1), w[0, 0, :1]),
            cost.Field((1, 1), (1, 1), (0, 0), (1, 2)),
        ),
        (lambda x, w: ops.matmul(x, ops.reshape(w, -1)[:1].expand(12, 1)), None),
    ],
)
def test_the_field_behind_one_operation(function, field):
    assert field_of(Up(function), (1, 12, 12))[1] == field


def test_attention_sees_all_keys():
    def across(x, w):
        rows = ops.transpose(x, 0, 2, 3, 1)  # (N, H, W, C): every pixel looks at its row
        return ops.scaled_dot_product_attention(rows, rows, rows)

    def all_of_it(x, w):
        tokens = ops.transpose(ops.flatten(x, 2), 0, 2, 1)
        return ops.scaled_dot_product_attention(tokens, tokens, tokens)

    assert field_of(Up(across), (1, 12, 12))[1] is None  # what three different maps have seen is not followed
    assert str(field_of(Up(all_of_it), (1, 12, 12))[1]) == "whole picture"


def test_a_norm_over_the_map_sees_all_of_it():
    """Its mean is made of every pixel, in evaluation, too."""
    for norm in (nn.GroupNorm(1, 2), nn.LayerNorm((2, 8, 8))):
        field = field_of(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), norm), (1, 8, 8))[1]
        assert str(field) == "whole picture", norm


def test_a_global_average_sees_all_even_behind_what_has_no_rule():
    net = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert str(field_of(net, (1, 8, 8))[1]) == "whole picture"


def test_the_table_says_from_where_on_there_is_no_field():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Upsample(scale_factor=2), nn.Conv2d(2, 2, 3))
    note = "receptive field: none from 1 on; the numbers of interpolate see unequally many pixels there"
    assert note in str(cost.count(net, (1, 8, 8)))
    assert "receptive field: none" not in str(cost.count(net[:1], (1, 8, 8)))
    assert "receptive field: none" not in str(cost.count(nn.Linear(4, 3), (4,)))


def test_an_operation_of_ones_own_has_no_field():
    class Shift(Function):
        @staticmethod
        def forward(ctx, x):
            return np.roll(x, 3, axis=2)

        @staticmethod
        def backward(ctx, dy):
            return np.roll(dy, -3, axis=2)

    assert field_of(Up(lambda x, w: ops.relu(Shift.apply(x))), (1, 8, 8))[1] is None


def test_the_shortcut_that_a_fused_convolution_adds_is_a_branch():
    def function(x, w):
        return ops.conv2d_fused(x, w[:, :, 1:2, 1:2], None, ops.conv2d(x, w, padding=1))

    assert field_of(Up(function), (1, 8, 8))[1].size == (3, 3)
