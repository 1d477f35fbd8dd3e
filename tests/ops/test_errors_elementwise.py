"""Every refusal of the elementwise, shape, reduction and loss operations, by its text."""

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


CASES = [
    # activations and softmax
    (lambda: ops.relu(np.ones(2)), TypeError, "relu: x must be a Tensor, it is a ndarray; wrap it: Tensor(x)"),
    (lambda: ops.relu(Tensor(np.arange(3))), TypeError, "relu: x must be float32 or float64, it is int64"),
    (
        lambda: ops.leaky_relu(t(2), -0.1),
        ValueError,
        "leaky_relu: negative_slope must be from 0 to 1; received negative_slope=-0.1",
    ),
    (lambda: ops.softmax(t(2, 3), 2), ValueError, "softmax: axis must be an int from -2 to 1; received axis=2"),
    (
        lambda: ops.softmax(t(2, 0)),
        ValueError,
        "softmax: there is nothing to choose from along axis 1; x.shape=(2, 0)",
    ),
    (
        lambda: ops.log_softmax(t(0, 2), 0),
        ValueError,
        "log_softmax: there is nothing to choose from along axis 0; x.shape=(0, 2)",
    ),
    # dropout
    (lambda: ops.dropout(t(2), 1.5, training=True), ValueError, "dropout: p must be from 0 to 1; received p=1.5"),
    (lambda: ops.dropout(t(2), -0.1, training=False), ValueError, "dropout: p must be from 0 to 1; received p=-0.1"),
    (
        lambda: ops.dropout(t(2), float("nan"), training=True),
        ValueError,
        "dropout: p must be from 0 to 1; received p=nan",
    ),
    (
        lambda: ops.stochastic_depth(t(2), 2, training=True),
        ValueError,
        "stochastic_depth: p must be from 0 to 1; received p=2",
    ),
    (
        lambda: ops.stochastic_depth(t(2), 0.5, training=True, mode="column"),
        ValueError,
        "stochastic_depth: mode must be one of 'row', 'batch'; received mode='column'",
    ),
    (
        lambda: ops.stochastic_depth(t(), 0.5, training=True),
        ValueError,
        "stochastic_depth: x must have an axis of pictures (N, ...); x.shape=()",
    ),
    # elementwise
    (
        lambda: ops.clip(t(2), "0", 1),
        TypeError,
        "clip: low must be a plain number or None; received a str",
    ),
    (
        lambda: ops.clip(t(2), high=t(2)),
        TypeError,
        "clip: high must be a plain number or None; received a Tensor",
    ),
    (lambda: ops.clip(t(2)), ValueError, "clip: expects at least one bound; received low=None, high=None"),
    (lambda: ops.clip(t(2), 2, 1), ValueError, "clip: low must be at most high; received low=2, high=1"),
    (
        lambda: ops.where([True], t(1), t(1)),
        TypeError,
        "where: condition must be an array or Tensor of bools; received a list",
    ),
    (
        lambda: ops.where(np.array([1, 0]), t(2), t(2)),
        TypeError,
        "where: condition must be an array or Tensor of bools; received int64",
    ),
    (
        lambda: ops.where(np.array([True]), 1.0, 2.0),
        TypeError,
        "where: at least one operand must be a Tensor; received a float and a float",
    ),
    (
        lambda: ops.where(np.array([True, False, True]), t(2), t(2)),
        ValueError,
        "where: the shapes (3,) and (2,) and (2,) do not broadcast: from the right, sizes must be equal or 1",
    ),
    (
        lambda: ops.where(FakeDevice(np.array([True])), t(1), t(1)),
        TypeError,
        "where: condition is on cuda but a and b on cpu; move one of them",
    ),
    # arithmetic
    (
        lambda: t(2, 3) + t(2),
        ValueError,
        "add: the shapes (2, 3) and (2,) do not broadcast: from the right, sizes must be equal or 1",
    ),
    (lambda: t(2) - t(3), ValueError, "subtract: the shapes (2,) and (3,) do not broadcast"),
    (lambda: t(2) * t(3), ValueError, "multiply: the shapes (2,) and (3,) do not broadcast"),
    (lambda: t(2) / t(3), ValueError, "divide: the shapes (2,) and (3,) do not broadcast"),
    (
        lambda: t(2) * t(2, dtype="float64"),
        TypeError,
        "multiply: all operands must have one dtype, but x is float32, y is float64",
    ),
    (lambda: t(2) + "1", TypeError, "add: y must be a Tensor, it is a str"),
    (
        lambda: ops.add(1, 2.0),
        TypeError,
        "add: at least one operand must be a Tensor; received a int and a float",
    ),
    (lambda: t(2) ** t(2), TypeError, "power: exponent must be a plain number; received a Tensor"),
    (lambda: ops.power(np.ones(2), 2), TypeError, "power: x must be a Tensor, it is a ndarray"),
    # linear and matmul
    (
        lambda: ops.linear(t(2, 3), t(4, 5)),
        ValueError,
        "linear: x has 3 features but w expects 5 (w.shape[1]); x.shape=(2, 3), w.shape=(4, 5)",
    ),
    (lambda: ops.linear(t(), t(4, 3)), ValueError, "linear: x must be rows of features (N, M), it is one number"),
    (
        lambda: ops.linear(t(2, 3, 4), t(5, 12)),
        ValueError,
        "linear: x has 4 features but w expects 12 (w.shape[1]); x.shape=(2, 3, 4), w.shape=(5, 12); flatten it first",
    ),
    (lambda: ops.linear(t(2, 3), t(3)), ValueError, "linear: w must have 2 axes (O, M), it has 1"),
    (
        lambda: ops.linear(t(2, 3), t(4, 3), t(3)),
        ValueError,
        "linear: b must have one number for each output, shape (4,); b.shape=(3,)",
    ),
    (
        lambda: t(2, 3) @ t(2, 3),
        ValueError,
        "matmul: expects (..., N, M) @ (..., M, O) with equal M; a.shape=(2, 3), b.shape=(2, 3)",
    ),
    (lambda: t(3) @ t(2, 3), ValueError, "matmul: expects (..., N, M) @ (..., M, O) with equal M; a.shape=(3,)"),
    (
        lambda: t(2, 3, 4) @ t(5, 4, 3),
        ValueError,
        "matmul: the shapes (2,) and (5,) do not broadcast: from the right, sizes must be equal or 1",
    ),
    # shape
    (
        lambda: t(2, 3).reshape(4, -1),
        ValueError,
        "reshape: the sizes must multiply to the 6 elements of x (one may be -1); "
        "received shape=(4, -1), x.shape=(2, 3)",
    ),
    (lambda: t(2, 3).reshape(-1, -1), ValueError, "reshape: the sizes must multiply to the 6 elements of x"),
    (lambda: t(2, 3).reshape(2.0, 3), ValueError, "reshape: the sizes must multiply to the 6 elements of x"),
    (lambda: ops.flatten(t(2, 3), 2), ValueError, "flatten: axis must be an int from -2 to 1; received axis=2"),
    (
        lambda: ops.transpose(t(2, 3), 0, 2),
        ValueError,
        "transpose: axes must be an order of (0, 1); received axes=(0, 2)",
    ),
    (lambda: ops.transpose(t(2, 3), 0), ValueError, "transpose: axes must be an order of (0, 1); received axes=(0,)"),
    (
        lambda: ops.transpose(t(2, 3), 0, 1, -1),
        ValueError,
        "transpose: axes must be an order of (0, 1); received axes=(0, 1, -1)",
    ),
    (
        lambda: ops.transpose(t(2, 3), "x", None),
        ValueError,
        "transpose: axes must be an order of (0, 1); received axes=('x', None)",
    ),
    (lambda: t(2, 3)[2], IndexError, "index: index 2 is out of bounds for axis 0 with size 2; x.shape=(2, 3)"),
    (lambda: t(2, 3)[0, 0, 0], IndexError, "index: too many indices for array"),
    (lambda: t(2, 3)["a"], IndexError, "index: only integers, slices"),
    (lambda: t(2, 3)[1.5], IndexError, "index: only integers, slices"),
    (lambda: t(2, 3)[np.ones(2)], IndexError, "index: arrays used as indices must be of integer (or boolean) type"),
    (lambda: t(2, 3)[[True]], IndexError, "index: boolean index did not match"),
    (
        lambda: t(2, 3)[FakeDevice(np.array([1]))],
        TypeError,
        "index: x is on cpu but an array of the key on cuda; move one of them",
    ),
    (lambda: ops.concat(t(2), 0), TypeError, "concat: tensors must be a list or tuple of Tensors; received a Tensor"),
    (
        lambda: ops.concat([t(2), None], 0),
        TypeError,
        "concat: tensors must be a list or tuple of Tensors; received a list with None",
    ),
    (lambda: ops.concat([t(2), np.ones(2)], 0), TypeError, "concat: tensors[1] must be a Tensor, it is a ndarray"),
    (
        lambda: ops.concat([t(2), t(2, dtype="float64")], 0),
        TypeError,
        "concat: all operands must have one dtype, but tensors[0] is float32, tensors[1] is float64",
    ),
    (lambda: ops.concat([], 0), ValueError, "concat: expects at least one tensor; received none"),
    (lambda: ops.concat([t(2, 3)], 2), ValueError, "concat: axis must be an int from -2 to 1; received axis=2"),
    (
        lambda: ops.concat([t(2, 3), t(3, 3)], 1),
        ValueError,
        "concat: all sizes but that of axis 1 must be equal; received shapes [(2, 3), (3, 3)]",
    ),
    (
        lambda: ops.concat([t(2, 3), t(2)], 1),
        ValueError,
        "concat: all sizes but that of axis 1 must be equal; received shapes [(2, 3), (2,)]",
    ),
    (lambda: ops.split(t(2, 3), 2, 3), ValueError, "split: axis must be an int from -2 to 1; received axis=3"),
    (lambda: ops.split(t(2, 3), 0, 1), ValueError, "split: sizes_or_count must be an int >= 1"),
    (
        lambda: ops.split(t(2, 3), 2, 1),
        ValueError,
        "split: x.shape[1] must be divisible by sizes_or_count; received x.shape[1]=3, sizes_or_count=2 (3 % 2 = 1)",
    ),
    (
        lambda: ops.split(t(2, 3), [1, 1], 1),
        ValueError,
        "split: the sizes must be ints that sum to x.shape[1] = 3; received sizes_or_count=[1, 1]",
    ),
    (lambda: ops.split(t(2, 3), [4, -1], 1), ValueError, "split: the sizes must be ints that sum to x.shape[1] = 3"),
    (lambda: ops.split(t(2, 3), "12", 1), ValueError, "split: the sizes must be ints that sum to x.shape[1] = 3"),
    (lambda: ops.pad(t(3), 1), ValueError, "pad: x must have at least two axes (..., H, W); x.shape=(3,)"),
    (lambda: ops.pad(t(2, 3), -1), ValueError, "pad: padding must be an int, (ph, pw)"),
    (lambda: ops.pad(t(2, 3), "same"), ValueError, "received padding='same'"),
    (
        lambda: ops.channel_shuffle(t(2, 4, 3), 2),
        ValueError,
        "channel_shuffle: x must have 4 axes (N, C, H, W), it has 3; x.shape=(2, 4, 3)",
    ),
    (lambda: ops.channel_shuffle(t(1, 4, 1, 1), 0), ValueError, "channel_shuffle: groups must be an int >= 1"),
    (
        lambda: ops.channel_shuffle(t(1, 4, 1, 1), 3),
        ValueError,
        "channel_shuffle: x.shape[1] must be divisible by groups; received x.shape[1]=4, groups=3 (4 % 3 = 1)",
    ),
    # reductions
    (lambda: t(2, 3).sum(2), ValueError, "sum: axis must be an int from -2 to 1; received axis=2"),
    (lambda: t(2, 3).sum((0, -2)), ValueError, "sum: every axis may be named once; received axis=(0, -2)"),
    (
        lambda: t(2, 0).mean(1),
        ValueError,
        "mean: there is nothing to average; x.shape=(2, 0), axis=1",
    ),
    (lambda: t(0).max(), ValueError, "max: there is nothing to compare; x.shape=(0,), axis=None"),
    (
        lambda: t(2, 1).var(1),
        ValueError,
        "var: needs more than 1 elements for each result (it divides by M - correction = 1 - 1); "
        "x.shape=(2, 1), axis=1; correction=0 needs only one",
    ),
    (lambda: t(2).var(correction=-1), ValueError, "var: correction must be >= 0; received correction=-1"),
    # losses
    (
        lambda: ops.cross_entropy(t(3), 1),
        ValueError,
        "cross_entropy: logits must have 2 axes (N, M), it has 1; logits.shape=(3,)",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 1], label_smoothing=1.5),
        ValueError,
        "cross_entropy: label_smoothing must be from 0 to 1; received label_smoothing=1.5",
    ),
    (
        lambda: ops.cross_entropy(t(0, 3), np.zeros(0, dtype=int)),
        ValueError,
        "cross_entropy: expects at least one row and one class; logits.shape=(0, 3)",
    ),
    (
        lambda: ops.cross_entropy(t(1, 3), FakeDevice(np.array([1]))),
        TypeError,
        "cross_entropy: logits are on cpu but labels on cuda; move one of them",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0.0, 1.0]),
        ValueError,
        "cross_entropy: labels that are floats are probabilities and must have the shape of logits; labels.shape=(2,), "
        "logits.shape=(2, 3); are they class indices? labels.astype('int64')",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), np.ones((2, 3))),
        TypeError,
        "cross_entropy: all operands must have one dtype, but logits is float32, labels is float64",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [True, False]),
        TypeError,
        "cross_entropy: labels must be integers (class indices) or floats (probabilities); received labels.dtype=bool",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 1, 2]),
        ValueError,
        "cross_entropy: labels must have one class index for each row of logits, shape (2,); labels.shape=(3,), "
        "logits.shape=(2, 3)",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3, 4, 5), np.zeros((2, 4, 4), int)),
        ValueError,
        "cross_entropy: labels must have one class index for each place of logits (N, M, ...), shape (2, 4, 5); "
        "labels.shape=(2, 4, 4), logits.shape=(2, 3, 4, 5)",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [5, 5], ignore_index=5),
        ValueError,
        "cross_entropy: there is nothing to average: none of the 2 labels counts, each is ignore_index=5 or of w",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [1, 1], [1.0, 0.0, 1.0]),
        ValueError,
        "cross_entropy: there is nothing to average: none of the 2 labels counts, each is ignore_index=-100 or of wei",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 1], ignore_index=0.0),
        ValueError,
        "cross_entropy: ignore_index must be an int; received ignore_index=0.0",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 1], [1.0, 2.0]),
        ValueError,
        "cross_entropy: weight must have one number for each class, (M,) = 3; weight.shape=(2,)",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 1], [1.0, -2.0, 1.0]),
        ValueError,
        "cross_entropy: weight must be >= 0 and finite; received from -2.0 to 1.0",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 1], "abc"),
        TypeError,
        "cross_entropy: weight must be numbers, one for each class; received dtype=<U3",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [0, 3]),
        ValueError,
        "cross_entropy: labels must be from 0 to 2 (logits have 3 classes); received labels from 0 to 3",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [-1, 2]),
        ValueError,
        "cross_entropy: labels must be from 0 to 2 (logits have 3 classes); received labels from -1 to 2",
    ),
    (
        lambda: ops.mse_loss(t(2, 3), t(3)),
        ValueError,
        "mse_loss: x and target must have one shape; x.shape=(2, 3), target.shape=(3,)",
    ),
    (lambda: ops.mse_loss(t(0), t(0)), ValueError, "mse_loss: there is nothing to average; x.shape=(0,)"),
    (lambda: ops.mse_loss(t(2), 1.0), TypeError, "mse_loss: target must be a Tensor, it is a float"),
    (
        lambda: ops.mse_loss(t(2), np.ones(2)),
        TypeError,
        "mse_loss: all operands must have one dtype, but x is float32, target is float64",
    ),
    # what is no number, no tensor, no generator
    (
        lambda: Tensor([[1, 2], [3]]),
        ValueError,
        "Tensor: array must be numbers in rows of one length; received array=[[1, 2], [3]]",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), [[1], [2, 3]]),
        ValueError,
        "cross_entropy: labels must be numbers in rows of one length; received labels=[[1], [2, 3]]",
    ),
    (
        lambda: ops.cross_entropy(t(2, 3), None),
        TypeError,
        "cross_entropy: labels must be integers (class indices) or floats (probabilities); received labels.dtype=",
    ),
    (
        lambda: ops.to_device(np.zeros(2), "cpu"),
        TypeError,
        "to_device: x must be a Tensor, it is a ndarray; wrap it: Tensor(x)",
    ),
    (lambda: ops.pad(t(2, 2), 1, value=None), TypeError, "pad: value must be a plain number; received a NoneType"),
    (
        lambda: ops.transpose(t(2, 2), [0], [1]),
        ValueError,
        "transpose: axes must be an order of (0, 1); received axes=([0], [1])",
    ),
    (lambda: ops.sum(t(), axis=0), ValueError, "sum: a single number has no axis; received axis=0"),
    (
        lambda: ops.dropout(t(2), 0.5, training=True, rng=0),
        TypeError,
        "dropout: rng must be a numpy.random.Generator or None; received rng=0; make one: numpy.random.default_rng(0)",
    ),
    (
        lambda: ops.stochastic_depth(t(2), 0.5, training=True, rng="a"),
        TypeError,
        "stochastic_depth: rng must be a numpy.random.Generator or None; received rng='a'",
    ),
]


@pytest.mark.parametrize(
    ("call", "error", "text"), CASES, ids=[f"{index}-{case[2][:40]}" for index, case in enumerate(CASES)]
)
def test_refusal(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


def test_a_number_of_numpy_is_a_number():
    assert ops.dropout(t(4), np.float32(0), training=True).shape == (4,)
    assert ops.leaky_relu(t(4), np.float32(0.5)).dtype == np.float32
    assert ops.local_response_norm(t(1, 1, 1, 1), alpha=np.float32(1), k=np.int64(1)).item() == pytest.approx(2**-0.75)
