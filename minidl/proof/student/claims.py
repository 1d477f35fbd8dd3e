"""The functions that can be checked: their parameters, which are those of the kernels, and what is checked of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minidl.proof.student import checks
from minidl.proof.student.cases import DILATED_POOLS, GROUPS, POOLS, WINDOWS, Geometry
from minidl.proof.student.kinds import Subject


@dataclass(frozen=True)
class Check:
    """One way to check a function, on some geometries."""

    name: str
    cases: tuple[Geometry, ...]
    run: Callable[[Subject, Geometry], float]


@dataclass(frozen=True)
class Claim:
    """A function: its name, its parameters, and what is checked of it."""

    name: str
    parameters: str
    checks: tuple[Check, ...]


LOOPS, ADJOINT, DIFFERENCES = "loops", "adjoint identity", "finite differences"
LAYOUT = "stride, padding, dilation"

CLAIMS = (
    Claim(
        "conv2d_loops",
        f"x, w, b, {LAYOUT}, groups",
        (Check(LOOPS, WINDOWS, checks.conv2d_loops),),
    ),
    Claim(
        "im2col",
        f"x, kernel_size, {LAYOUT}",
        (Check(LOOPS, WINDOWS, checks.im2col_loops),),
    ),
    Claim(
        "conv2d",
        f"x, w, b, {LAYOUT}, groups",
        (Check(LOOPS, WINDOWS, checks.conv2d_loops), Check("loops, groups", GROUPS, checks.conv2d_loops)),
    ),
    Claim(
        "col2im",
        f"cols, x_shape, {LAYOUT}",
        (
            Check(LOOPS, WINDOWS, checks.col2im_loops),
            Check(ADJOINT, WINDOWS, checks.col2im_adjoint),
            Check(DIFFERENCES, WINDOWS, checks.col2im_differences),
        ),
    ),
    Claim(
        "conv2d_dx",
        f"dy, w, x_shape, {LAYOUT}, groups",
        (
            Check(LOOPS, WINDOWS, checks.conv2d_dx_loops),
            Check(ADJOINT, WINDOWS, checks.conv2d_dx_adjoint),
            Check(DIFFERENCES, WINDOWS, checks.conv2d_dx_differences),
            Check("loops, groups", GROUPS, checks.conv2d_dx_loops),
            Check("finite differences, groups", GROUPS, checks.conv2d_dx_differences),
        ),
    ),
    Claim(
        "conv2d_dw",
        f"dy, x, w_shape, {LAYOUT}, groups",
        (
            Check(LOOPS, WINDOWS, checks.conv2d_dw_loops),
            Check(ADJOINT, WINDOWS, checks.conv2d_dw_adjoint),
            Check(DIFFERENCES, WINDOWS, checks.conv2d_dw_differences),
            Check("loops, groups", GROUPS, checks.conv2d_dw_loops),
            Check("finite differences, groups", GROUPS, checks.conv2d_dw_differences),
        ),
    ),
    Claim(
        "max_pool2d",
        f"x, kernel_size, {LAYOUT}, out_size",
        (
            Check(LOOPS, DILATED_POOLS, checks.max_pool2d_loops),
            Check("winners", DILATED_POOLS, checks.max_pool2d_winners),
        ),
    ),
    Claim(
        "max_pool2d_dx",
        f"dy, winners, x_shape, kernel_size, {LAYOUT}",
        (
            Check(LOOPS, DILATED_POOLS, checks.max_pool2d_dx_loops),
            Check(ADJOINT, DILATED_POOLS, checks.max_pool2d_dx_adjoint),
            Check(DIFFERENCES, DILATED_POOLS, checks.max_pool2d_dx_differences),
        ),
    ),
    Claim(
        "avg_pool2d",
        "x, kernel_size, stride, padding, out_size, count_include_pad",
        (Check(LOOPS, POOLS, checks.avg_pool2d_loops),),
    ),
    Claim(
        "avg_pool2d_dx",
        "dy, x_shape, kernel_size, stride, padding, out_size, count_include_pad",
        (
            Check(LOOPS, POOLS, checks.avg_pool2d_dx_loops),
            Check(ADJOINT, POOLS, checks.avg_pool2d_dx_adjoint),
            Check(DIFFERENCES, POOLS, checks.avg_pool2d_dx_differences),
        ),
    ),
    Claim("relu", "x", (Check(LOOPS, WINDOWS[1:2], checks.relu_loops),)),
    Claim(
        "relu_dx",
        "dy, y",
        (
            Check(LOOPS, WINDOWS[1:2], checks.relu_dx_loops),
            Check(DIFFERENCES, WINDOWS[1:2], checks.relu_dx_differences),
        ),
    ),
)  # fmt: skip
