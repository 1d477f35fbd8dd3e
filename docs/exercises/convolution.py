"""Exercises: convolution from the loops to the gradients. The tasks stand in convolution.md beside this file.

Write the body of each function in place of its last line, `raise NotImplementedError`, and check it as often as you
like:

    minidl gradcheck docs/exercises/convolution.py::conv2d_loops

stride, dilation and kernel_size are pairs (rows, columns); padding is ((top, bottom), (left, right)). No function
changes its arguments; results have the dtype of the arguments.
"""

import numpy as np


def conv2d_loops(x, w, b, stride, padding, dilation, groups):
    """Exercise 1: y (N, O, OH, OW) from x (N, C, H, W), w (O, C, KH, KW), b (O,) or None; groups is 1."""
    raise NotImplementedError("exercise 1, the loops")


def im2col(x, kernel_size, stride, padding, dilation):
    """Exercise 2: cols (N, C, KH, KW, OH, OW), what every window of x (N, C, H, W) sees."""
    raise NotImplementedError("exercise 2, windows become columns")


def conv2d(x, w, b, stride, padding, dilation, groups):
    """Exercises 3 and 7: y (N, O, OH, OW) as a matrix product; w is (O, C/G, KH, KW)."""
    if groups != 1:
        raise NotImplementedError("exercise 7, groups")
    raise NotImplementedError("exercise 3, convolution as a matrix product")


def col2im(cols, x_shape, stride, padding, dilation):
    """Exercise 4: x (N, C, H, W), every entry of cols (N, C, KH, KW, OH, OW) added back to its pixel."""
    raise NotImplementedError("exercise 4, back to the pixels")


def conv2d_dx(dy, w, x_shape, stride, padding, dilation, groups):
    """Exercises 5 and 7: dx (N, C, H, W) from dy (N, O, OH, OW)."""
    if groups != 1:
        raise NotImplementedError("exercise 7, groups")
    raise NotImplementedError("exercise 5, the gradient of the picture")


def conv2d_dw(dy, x, w_shape, stride, padding, dilation, groups):
    """Exercises 6 and 7: dw (O, C/G, KH, KW) from dy (N, O, OH, OW)."""
    if groups != 1:
        raise NotImplementedError("exercise 7, groups")
    raise NotImplementedError("exercise 6, the gradient of the kernels")


def max_pool2d(x, kernel_size, stride, padding, dilation, out_size):
    """Exercise 8: y (N, C, OH, OW) and winners, the tap i·KW + j of each maximum; out_size is (OH, OW)."""
    raise NotImplementedError("exercise 8, the largest of each window")


def max_pool2d_dx(dy, winners, x_shape, kernel_size, stride, padding, dilation):
    """Exercise 8: dx (N, C, H, W), dy (N, C, OH, OW) carried to the winners."""
    raise NotImplementedError("exercise 8, back to the winners")
