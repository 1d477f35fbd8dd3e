"""Initial weights: functions that draw arrays, and the same in PyTorch's words, which fill a tensor.

`he_normal(shape)` returns an array, from which a parameter is made; `kaiming_normal_(layer.weight)` gives a tensor that
there is already new numbers of its shape and dtype. PyTorch's Kaiming is He, its Xavier is Glorot: first names there,
surnames here.
"""

from minidl.nn.init._draws import (
    default_uniform,
    fans,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    normal,
    ones,
    truncated_normal,
    unfilled,
    uniform,
    zeros,
)
from minidl.nn.init._fill import (
    calculate_gain,
    constant_,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)

__all__ = [
    "calculate_gain",
    "constant_",
    "default_uniform",
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones",
    "ones_",
    "trunc_normal_",
    "truncated_normal",
    "unfilled",
    "uniform",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros",
    "zeros_",
]
