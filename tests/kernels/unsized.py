"""The textbook's convolution as learners write it, and as kernel sets of version 0.1.0 had it: without out_size."""

from minidl.kernels import textbook
from tests.kernels.twins import sized


def conv2d(x, w, b, stride, padding, dilation, groups):
    return textbook.conv2d(x, w, b, *sized(x.shape, w.shape, stride, padding, dilation, groups))


def im2col(x, kernel_size, stride, padding, dilation):
    *_, out_size = sized(x.shape, (1, 1, *kernel_size), stride, padding, dilation, 1)
    return textbook.im2col(x, kernel_size, stride, padding, dilation, out_size)
