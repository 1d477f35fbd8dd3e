"""The functions that can be checked: their parameters, which are those of the kernels, and what is checked of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minidl.proof.student import batch_norm, checks, counting, lessons, lrn, rows, simple
from minidl.proof.student.cases import DILATED_POOLS, GROUPS, POOLS, WINDOWS, Case
from minidl.proof.student.kinds import Subject


@dataclass(frozen=True)
class Check:
    """One way to check a function, on some cases."""

    name: str
    cases: tuple[Case, ...]
    run: Callable[[Subject, Any], float]


@dataclass(frozen=True)
class Claim:
    """A function: its name, its parameters, and what is checked of it.

    Of a family of functions a file has all or none: one that lacks beside others is said to be missing.
    """

    name: str
    parameters: str
    checks: tuple[Check, ...]
    family: str = "windows"


LOOPS, FORMULA, ADJOINT, DIFFERENCES = "loops", "formula", "adjoint identity", "finite differences"
LAYOUT = "stride, padding, dilation"

WINDOW_CLAIMS = (
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
LARGE_OUT = rows.ENTROPIES[:-2]  # the gradients take log p, which does not overflow any more
LAYER_CLAIMS = (
    Claim("linear", "x, w, b", (Check(LOOPS, rows.LINEARS, rows.linear_loops),), "linear"),
    Claim(
        "linear_dx",
        "dy, w",
        (Check(LOOPS, rows.LINEARS, rows.linear_dx_formula), Check(ADJOINT, rows.LINEARS, rows.linear_dx_adjoint)),
        "linear",
    ),
    Claim(
        "linear_dw",
        "dy, x",
        (Check(LOOPS, rows.LINEARS, rows.linear_dw_formula), Check(ADJOINT, rows.LINEARS, rows.linear_dw_adjoint)),
        "linear",
    ),
    Claim("channel_sums", "dy", (Check(LOOPS, rows.MAPS, rows.channel_sums_loops),), "sums"),
    Claim(
        "global_avg_pool2d", "x", (Check(LOOPS, simple.MAPS, simple.global_avg_pool2d_loops),), "global average pooling"
    ),
    Claim(
        "global_avg_pool2d_dx",
        "dy, x_shape",
        (
            Check(FORMULA, simple.MAPS, simple.global_avg_pool2d_dx_formula),
            Check(ADJOINT, simple.MAPS, simple.global_avg_pool2d_dx_adjoint),
        ),
        "global average pooling",
    ),
    Claim("lrn", "x, size, alpha, beta, k", (Check(LOOPS, lrn.LRNS, lrn.lrn_loops),), "lrn"),
    Claim(
        "lrn_dx",
        "dy, x, scale, size, alpha, beta",
        (
            Check(FORMULA, lrn.LRNS, lrn.lrn_dx_formula),
            Check(DIFFERENCES, lrn.LRNS[1:4], lrn.lrn_dx_differences),
        ),
        "lrn",
    ),
    Claim(
        "batch_norm",
        "x, w, b, eps",
        (Check(LOOPS, batch_norm.NORMS, batch_norm.batch_norm_loops),),
        "batch norm",
    ),
    Claim(
        "batch_norm_grads",
        "dy, x, w, mean, rstd",
        (
            Check(FORMULA, batch_norm.NORMS, batch_norm.batch_norm_grads_formula),
            Check(DIFFERENCES, batch_norm.NORMS[1:3], batch_norm.batch_norm_grads_differences),
        ),
        "batch norm",
    ),
    Claim(
        "batch_norm_eval",
        "x, w, b, mean, rstd",
        (Check(LOOPS, batch_norm.NORMS, batch_norm.batch_norm_eval_loops),),
        "batch norm",
    ),
    Claim(
        "running_statistics",
        "x, mean, var, momentum",
        (Check(LOOPS, batch_norm.NORMS, batch_norm.running_loops),),
        "running statistics",
    ),
    Claim("softmax", "x, axis", (Check(FORMULA, rows.SOFTMAXES, rows.softmax_loops),), "softmax"),
    Claim(
        "softmax_dx",
        "dy, y, axis",
        (
            Check(FORMULA, rows.SOFTMAXES[:5], rows.softmax_dx_formula),
            Check(DIFFERENCES, rows.SOFTMAXES[1:5], rows.softmax_dx_differences),
        ),
        "softmax",
    ),
    Claim("cross_entropy", "x, t", (Check(FORMULA, rows.ENTROPIES, rows.cross_entropy_loops),), "cross-entropy"),
    Claim(
        "cross_entropy_dx",
        "dy, log_p, t",
        (
            Check(FORMULA, LARGE_OUT, rows.cross_entropy_dx_formula),
            Check(DIFFERENCES, LARGE_OUT, rows.cross_entropy_dx_differences),
        ),
        "cross-entropy",
    ),
    Claim("dropout", "x, keep, scale", (Check(FORMULA, simple.DROPOUTS, simple.dropout_loops),), "dropout"),
    Claim(
        "sgd",
        "p, g, velocity, lr, momentum, weight_decay, nesterov",
        (Check(FORMULA, simple.STEPS, simple.sgd_loops),),
        "sgd",
    ),
)  # fmt: skip
LESSON_CLAIMS = (
    Claim(
        "out_size",
        "size, kernel, stride, padding, dilation",
        (Check(LOOPS, counting.SIZES, counting.out_size_loops),),
        "out_size",
    ),
    Claim(
        "same_padding",
        "size, kernel, stride, dilation",
        (Check(FORMULA, counting.SIZES, counting.same_padding_loops),),
        "same_padding",
    ),
    Claim("window", f"x, oh, ow, kernel_size, {LAYOUT}", (Check(LOOPS, WINDOWS, lessons.window_loops),), "window"),
    Claim(
        "adjoint_gap",
        "f, g, x, c",
        (Check(FORMULA, lessons.PAIRS, lessons.adjoint_gap_formula),),
        "adjoint",
    ),
    Claim(
        "is_adjoint",
        "f, g, x_shape, c_shape, rng",
        (Check("judgement", lessons.PAIRS, lessons.is_adjoint_judges),),
        "adjoint",
    ),
    Claim("depthwise", f"x, w, {LAYOUT}", (Check(LOOPS, WINDOWS, lessons.depthwise_loops),), "depthwise"),
    Claim(
        "depthwise_dx",
        f"dy, w, x_shape, {LAYOUT}",
        (Check(LOOPS, WINDOWS, lessons.depthwise_dx_loops), Check(ADJOINT, WINDOWS, lessons.depthwise_dx_adjoint)),
        "depthwise",
    ),
    Claim(
        "depthwise_dw", f"dy, x, w_shape, {LAYOUT}", (Check(LOOPS, WINDOWS, lessons.depthwise_dw_loops),), "depthwise"
    ),
    Claim(
        "conv_transpose2d",
        "x, w, b, stride, padding, output_padding",
        (
            Check(LOOPS, lessons.UPWARD, lessons.conv_transpose2d_loops),
            Check(ADJOINT, lessons.UPWARD, lessons.conv_transpose2d_adjoint),
        ),
        "transposed",
    ),
)
CLAIMS = (*WINDOW_CLAIMS, *LAYER_CLAIMS, *LESSON_CLAIMS)
