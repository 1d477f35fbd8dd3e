"""The slow, obvious versions that tests compare with; those that users need too live in minidl/proof/oracles.py."""

from minidl.proof.oracles import (
    avg_pool2d,
    col2im,
    conv2d,
    conv2d_dw,
    conv2d_dx,
    im2col,
    max_pool2d,
    out_size,
    windows,
)

__all__ = [
    "avg_pool2d",
    "col2im",
    "conv2d",
    "conv2d_dw",
    "conv2d_dx",
    "im2col",
    "max_pool2d",
    "out_size",
    "windows",
]
