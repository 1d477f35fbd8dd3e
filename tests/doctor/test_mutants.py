"""The mutants that the library is tested with, shown to the doctor: it has not been written with them in mind.

Each was looked at by hand: what the doctor says of it is right. None stands for those that it does not recognise.
"""

import pytest

from minidl.proof.student.examine import KNOWN, examine
from tests.kernels.twins import sized
from tests.mutations import conv_pool, elementwise, norm, reached_for, shape_loss

MODULES = (conv_pool, elementwise, norm, shape_loss, reached_for)
MUTANTS = {m.name: m for module in MODULES for m in module.MUTANTS if getattr(m.plant, "kernel", None) in KNOWN}
UNSEEN = "batch_norm: variance in one pass"  # which is wrong only where the mean is 10,000 times the deviation
SAYS = {
    "conv2d: scaled by 1.001": "a constant factor: y is 1.001 times the right result",
    "conv2d: kernel flipped": "the kernel is turned by 180°, as in mathematics (networks do not)",
    "conv2d: bias forgotten": "the bias is not added",
    "conv2d: groups mixed": "the groups are taken in reverse order",
    "conv2d: padding on the wrong side": "the padding at the end is put in front and the other way round",
    "conv2d: strides swapped": None,  # it raises
    "conv2d: dilations swapped": "rows and columns of the dilation are exchanged",
    "conv2d: changes its input": "the argument x is changed in place",
    "conv2d dx: scaled by 1.001": "a constant factor: dx is 1.001 times the right result",
    "conv2d dx: sign": "the sign: -dx is right",
    "conv2d dx: kernel flipped": "the kernel is turned by 180°, as in mathematics (networks do not)",
    "conv2d dx: rows for columns": "dx would be right for another dy: dy.transpose(0, 1, 3, 2)",
    "conv2d dx: groups mixed": "dx would be right for another dy: np.roll(dy, 3, axis=1) (gr",
    "conv2d dx: changes dy": "the argument dy is changed in place",
    "conv2d dw: scaled by 1.001": "a constant factor: dw is 1.001 times the right result",
    "conv2d dw: rows for columns": "dw would be right for another dy: dy.transpose(0, 1, 3, 2)",
    "conv2d dw: transposed": "the axes are mixed up: dw.transpose(0, 1, 3, 2) is right",
    "conv2d dw: only the first picture": "only picture 0 of y is counted (axis 0): a sum is missing, o",
    "conv2d dw: mean of the pictures": "the pictures are averaged, not added up",
    "conv2d db: the mean": "the pictures are averaged, not added up",
    "conv_transpose2d: kernel flipped": "the kernel is turned by 180°, as in mathematics (networks do not)",
    "conv_transpose2d: off by one row": "mixed up along axis 2: row 0, 1, … of dx are those of row 2,",
    "conv_transpose2d dx: not the adjoint": "the kernel is turned by 180°, as in mathematics (networks do not)",
    "conv_transpose2d dw: transposed": "the axes are mixed up: dw.transpose(0, 1, 3, 2) is right",
    "im2col: taps in the wrong order": "the order is reversed along axis 2: np.flip(cols, (2,)) is right",
    "im2col dx: = for +=": "a pixel keeps the number of the last tap (`=` stands for `+=`)",
    "col2im: = for +=": "a pixel keeps the number of the last tap (`=` stands for `+=`)",
    "col2im: padding not cropped": "the padding in front is forgotten, or cut off at the wrong e",
    "max_pool2d: winner last instead of first": "the padding in front is forgotten for the rows",
    "max_pool2d: border of zeros": "the maximum begins with 0, where it must begin with -inf",
    "max_pool2d: winners transposed": "the tap is numbered by columns, j·KH + i, not i·KW + j",
    "max_pool2d: dilation ignored": "the dilation is forgotten (the taps lie next to each other)",
    "max_pool2d dx: mask forgotten": "every tap of a window gets its dy, not the winner alone",
    "max_pool2d dx: = for +=": "every element holds only the share of the last output that u",
    "max_pool2d dx: off by one row": None,
    "global_avg_pool2d dx: all of it in one corner": "dy goes to one pixel only",
    "linear: dw of the mean over the rows": "the rows are averaged, not added up",
    "linear: the weights of the output beside it": None,
    "avg_pool2d dx: not divided": "dy is not divided by the number of pixels",
    "avg_pool2d dx: scaled by 1.001": "a constant factor: dx is 1.001 times the right result",
    "relu: mask forgotten": "the mask is forgotten",
    "relu: mask of dy": "the mask is that of dy",
    "relu: x is overwritten": "the argument x is changed in place",
    "relu: dy is overwritten": "the argument dy is changed in place",
    "softmax: mean term forgotten": "the sum is forgotten: dy·y",
    "softmax: dx along the last axis": "the sum runs over axis 1",
    "softmax: largest not taken off": "the largest number is not taken off before exp, which overflows",
    "dropout: scale forgotten": "scale is forgotten: in training the mean shrinks",
    "dropout: mask inverted": "keep is read the other way round: what is kept is dropped",
    "batch_norm dx: scaled by 1.001": "a constant factor: dx is 1.001 times the right result",
    "batch_norm dx: mean term dropped": "the mean's term, db / M, is forgotten",
    "batch_norm dx: variance term dropped": "the variance's term, x̂·dw / M, is forgotten",
    "batch_norm dx: times 3": "a constant factor: dx is 3 times the right result",
    "batch_norm dx: weight forgotten": "the weight w is forgotten",
    "batch_norm: dw and db swapped": "dw and db are exchanged",
    "batch_norm: unbiased variance for normalising": "the variance is divided by M - 1 (ddof=1); the batch's own i",
    "batch_norm: eps outside the root": "eps stands outside of the root: 1 / (√var + eps)",
    "batch_norm: eval normalises by the batch": "the statistics of the batch are taken, not the given ones",
    "lrn: alpha divided by size": "alpha is divided by the window size, another convention",
    "lrn: window one channel short": "the last channel of the window is left out (range stops before it)",
    "lrn: window not clipped": "the window goes on at the other end of the channels (np.roll)",
    "lrn: k forgotten": "k is taken as 1",
    "lrn dx: neighbours forgotten": "the second term is forgotten: scale is taken for a constant",
    "lrn dx: factor 2 forgotten": "the 2 of the square is forgotten",
    "lrn dx: sign of the neighbours": "the second term is added, not taken away",
    "lrn dx: window not mirrored": "the sum runs over the window, which must be mirrored",
    "lrn dx: scale with the wrong exponent": None,
    "add relu: mask forgotten": "the mask is forgotten",
    "cross_entropy: N forgotten": "/ N is missing: the loss is a mean over the rows",
    "cross_entropy: sign": "the sign: t - p",
    "cross_entropy: t forgotten in the gradient": "t is not taken away",
    "cross_entropy: Σt taken for 1": "p - t, though t does not add up to 1: p·Σt - t",
    "cross_entropy: dy forgotten": "dy is forgotten",
    "cross_entropy: sum for mean": "the losses are added up, not averaged: / N is missing",
    "cross_entropy: overflows": "the largest number is not taken off before exp, which overflows or leaves log 0",
}


def examined(mutant):
    """Examine the kernel of a mutant, under the names of its parameters."""
    name, broken = mutant.plant.kernel, mutant.plant.broken
    if name == "conv2d":
        return examine(name, lambda x, w, b, *rest: broken(x, w, b, *sized(x.shape, w.shape, *rest)), seed=2)
    if name == "im2col":
        return examine(name, lambda x, k, *rest: broken(x, k, *_sized(x, k, *rest)), seed=2)
    parameters = KNOWN[name].parameters
    return examine(name, eval(f"lambda {parameters}: _mutant({parameters})", {"_mutant": broken}), seed=2)


def _sized(x, kernel_size, *rest):
    *settings, _, out_size = sized(x.shape, (1, 1, *kernel_size), *rest, 1)
    return (*settings, out_size)


def test_all_are_here():
    assert set(SAYS) == set(MUTANTS) - {UNSEEN}


@pytest.mark.parametrize("name", SAYS)
def test_what_is_said_of_a_mutant(name):
    found = examined(MUTANTS[name])
    assert found is not None
    if SAYS[name] is None:
        assert found.named == ()
    else:
        assert found.named[0].startswith(SAYS[name])


def test_nine_in_ten_are_recognised():
    assert len([text for text in SAYS.values() if text]) >= 0.9 * len(SAYS) >= 60
