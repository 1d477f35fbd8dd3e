"""The fast room for the CPU: the names of the book, compiled with Numba, on channels-last memory.

Every function here equals its twin in `kernels/textbook/`, which derives it; a function that is not here, or that
declines its arguments with NotImplemented (float64, no elements), is done by the textbook. Read `layout.py`,
`compile.py` and `vector.py` first, then any kernel: each stands alone.
"""

from minidl.kernels.cpu.conv import conv2d, conv2d_dw, conv2d_dx
from minidl.kernels.cpu.elementwise import relu, relu_dx

__all__ = ["conv2d", "conv2d_dw", "conv2d_dx", "relu", "relu_dx"]
