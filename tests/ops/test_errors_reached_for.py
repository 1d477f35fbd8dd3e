"""Every refusal of gelu and its like, group and layer norm, interpolation, and the losses of elements, by its text."""

import re

import numpy as np
import pytest

from minidl import Tensor, ops


def t(*shape, dtype="float32"):
    return Tensor(np.ones(shape, dtype=dtype))


class FakeDevice(Tensor):
    """A tensor that says it is on the GPU."""

    __slots__ = ()
    device = "cuda"


BCE = "binary_cross_entropy_with_logits"
bce = ops.binary_cross_entropy_with_logits
CASES = [
    (
        lambda: ops.gelu(t(2), "erf"),
        ValueError,
        "gelu: approximate must be one of 'none', 'tanh'; received approximate",
    ),
    (lambda: ops.elu(t(2), -1), ValueError, "elu: alpha must be >= 0; received alpha=-1"),
    (lambda: ops.softplus(t(2), 0), ValueError, "softplus: beta must be > 0; received beta=0"),
    (lambda: ops.softplus(t(2), 1, None), TypeError, "softplus: threshold must be a plain number; received a NoneType"),
    # norms
    (lambda: ops.group_norm(t(2), 1), ValueError, "group_norm: x must be (N, C) or (N, C, H, W); x.shape=(2,)"),
    (
        lambda: ops.group_norm(t(1, 6, 2, 2), 4),
        ValueError,
        "group_norm: x.shape[1] must be divisible by num_groups; received x.shape[1]=6, num_groups=4 (6 % 4 = 2)",
    ),
    (
        lambda: ops.group_norm(t(2, 4), 4),
        ValueError,
        "group_norm: a group must have more than one value to be normalised, it has 1: x minus its mean would be 0 "
        "whatever it is; x.shape=(2, 4)",
    ),
    (
        lambda: ops.group_norm(t(1, 4, 2, 2), 2, t(3)),
        ValueError,
        "group_norm: weight must have one number for each channel of x, shape (4,); weight.shape=(3,), x.shape=(1, 4,",
    ),
    (lambda: ops.group_norm(t(1, 4, 2, 2), 2, eps=-1), ValueError, "group_norm: eps must be >= 0; received eps=-1"),
    (
        lambda: ops.layer_norm(t(2, 3), 2),
        ValueError,
        "layer_norm: x must end in normalized_shape; normalized_shape=(2,), x.shape=(2, 3)",
    ),
    (
        lambda: ops.layer_norm(t(3), (2, 3)),
        ValueError,
        "layer_norm: x must end in normalized_shape; normalized_shape=(2, 3), x.shape=(3,)",
    ),
    (
        lambda: ops.layer_norm(t(2, 3), (3,), t(3), t(2, 3)),
        ValueError,
        "layer_norm: bias must have normalized_shape, shape (3,); bias.shape=(2, 3), x.shape=(2, 3)",
    ),
    (lambda: ops.layer_norm(t(3, 1), 1), ValueError, "layer_norm: normalized_shape must have more than one value"),
    (
        lambda: ops.layer_norm(t(2, 3), ()),
        ValueError,
        "layer_norm: normalized_shape must be an int or a tuple of ints >= 1; received normalized_shape=()",
    ),
    # tokens
    (
        lambda: ops.scaled_dot_product_attention(t(2, 3, 4), t(2, 5, 6), t(2, 5, 6)),
        ValueError,
        "scaled_dot_product_attention: a query is multiplied with every key, so both need as many numbers; q has 4, k "
        "has 6; q.shape=(2, 3, 4), k.shape=(2, 5, 6), v.shape=(2, 5, 6)",
    ),
    (
        lambda: ops.scaled_dot_product_attention(t(2, 3, 4), t(2, 5, 4), t(2, 6, 4)),
        ValueError,
        "scaled_dot_product_attention: every key needs a value; there are 5 keys, 6 values; q.shape=",
    ),
    (
        lambda: ops.scaled_dot_product_attention(t(2, 3, 4), t(3, 4), t(3, 4)),
        ValueError,
        "scaled_dot_product_attention: expects q (..., L, D), k (..., S, D), v (..., S, E), the same axes before; q",
    ),
    (
        lambda: ops.scaled_dot_product_attention(t(3, 4), t(0, 4), t(0, 4)),
        ValueError,
        "scaled_dot_product_attention: there must be at least one key, and a number in it; q.shape=(3, 4), k.shape=(0,",
    ),
    (
        lambda: ops.scaled_dot_product_attention(t(3, 4), t(5, 4), t(5, 4), np.ones((5, 3), bool)),
        ValueError,
        "scaled_dot_product_attention: mask must be for each of the 3 queries and 5 keys: shape (3, 5), or what can be "
        "broadcast to it, such as (3, 5); mask.shape=(5, 3)",
    ),
    (
        lambda: ops.scaled_dot_product_attention(t(3, 4), t(5, 4), t(5, 4), np.ones((3, 5), int)),
        TypeError,
        "scaled_dot_product_attention: mask must be an array or Tensor of bools, or of float32 as what it masks; rec",
    ),
    # pictures
    (lambda: ops.interpolate(t(2, 3, 4), 2), ValueError, "interpolate: x must have 4 axes (N, C, H, W), it has 3;"),
    (
        lambda: ops.interpolate(t(1, 1, 2, 2), 4, scale_factor=2),
        ValueError,
        "interpolate: expects either size or scale_factor; received size=4, scale_factor=2",
    ),
    (
        lambda: ops.interpolate(t(1, 1, 2, 2), scale_factor=0.4),
        ValueError,
        "interpolate: the result must have at least one row and one column, it would have (0, 0) (floor(size * "
        "scale_factor)); x.shape=(1, 1, 2, 2), scale_factor=0.4",
    ),
    (
        lambda: ops.interpolate(t(1, 1, 2, 2), scale_factor=(1, 0)),
        ValueError,
        "interpolate: scale_factor must be a number or a pair of numbers > 0; received scale_factor=(1, 0)",
    ),
    (lambda: ops.interpolate(t(1, 1, 0, 2), 4), ValueError, "interpolate: x must have at least one pixel; x.shape="),
    (lambda: ops.dropout2d(t(2, 3), training=True), ValueError, "dropout2d: x must have 4 axes (N, C, H, W), it has 2"),
    (
        lambda: ops.flatten(t(2, 3, 4), 2, 1),
        ValueError,
        "flatten: end_axis must not lie before start_axis; received start_axis=2, end_axis=1, x.shape=(2, 3, 4)",
    ),
    (
        lambda: ops.unflatten(t(2, 6), 1, (4, -1)),
        ValueError,
        "unflatten: the sizes must multiply to x.shape[1] = 6 (one may be -1); received sizes=(4, -1), x.shape=(2, 6)",
    ),
    (lambda: ops.unflatten(t(2, 6), 1, (-1, -1)), ValueError, "unflatten: the sizes must multiply to x.shape[1] = 6"),
    (lambda: ops.unflatten(t(2, 6), 2, (2, 3)), ValueError, "unflatten: axis must be an int from -2 to 1; received"),
    # losses
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 1], reduction="batchmean"),
        ValueError,
        "cross_entropy: reduction must be one of 'mean', 'sum', 'none'; received reduction='batchmean'",
    ),
    (
        lambda: ops.nll_loss(t(2, 3), t(2, 3)),
        TypeError,
        "nll_loss: labels must be integers (class indices); received labels.dtype=float32",
    ),
    (
        lambda: ops.nll_loss(t(2, 3), [0, 3]),
        ValueError,
        "nll_loss: labels must be from 0 to 2 (log_p have 3 classes); received labels from 0 to 3",
    ),
    (
        lambda: ops.nll_loss(t(2, 3), [-100, -100]),
        ValueError,
        "nll_loss: there is nothing to average: none of the 2 labels counts",
    ),
    (lambda: ops.l1_loss(t(2), t(3)), ValueError, "l1_loss: x and target must have one shape; x.shape=(2,), target."),
    (lambda: ops.l1_loss(t(0), t(0)), ValueError, "l1_loss: there is nothing to average; x.shape=(0,)"),
    (
        lambda: ops.smooth_l1_loss(t(2), t(2), beta=-1),
        ValueError,
        "smooth_l1_loss: beta must be >= 0; received beta=-1",
    ),
    (
        lambda: bce(t(2), Tensor(np.array([0, 9], "float32"))),
        ValueError,
        f"{BCE}: target must be from 0 (no) to 1 (yes); received from 0.0 to 9.0; of classes, use cross_entropy",
    ),
    (
        lambda: bce(t(2, 3), t(2, 3), pos_weight=[1.0, 2.0]),
        ValueError,
        f"{BCE}: the shapes (2, 3) and (2,) do not broadcast: from the right, sizes must be equal or 1",
    ),
    (
        lambda: bce(t(3), t(3), np.ones((2, 3))),
        ValueError,
        f"{BCE}: weight must broadcast to the shape of x; weight.shape=(2, 3), x.shape=(3,)",
    ),
    (
        lambda: bce(t(3), t(3), pos_weight=-1.0),
        ValueError,
        f"{BCE}: pos_weight must be >= 0 and finite; received from -1.0 to -1.0",
    ),
    (
        lambda: bce(FakeDevice(np.ones(2)), FakeDevice(np.ones(2)), np.ones(2)),
        TypeError,
        f"{BCE}: x are on cuda but weight on cpu; move one of them",
    ),
]


@pytest.mark.parametrize(
    ("call", "error", "text"), CASES, ids=[f"{index}-{case[2][:40]}" for index, case in enumerate(CASES)]
)
def test_refusal(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


def test_sums_of_nothing_are_0():
    assert ops.mse_loss(t(0), t(0), reduction="sum").item() == 0
    assert ops.nll_loss(t(2, 3), [-100, -100], reduction="sum").item() == 0
    assert ops.cross_entropy(t(2, 3), [-100, -100], reduction="none").data.tolist() == [0, 0]
