"""Why a convolution goes where it goes: the kernel set, the algorithm, and the reason, for each of its three passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import Padding, check_choice, shown, to_int, to_padding, to_pair
from minidl._looks import Brief, unfailing
from minidl.kernels import _dispatch, _sets
from minidl.kernels.textbook.windows import output_size, same_padding

PASSES = ("forward", "dx", "dw")
TEXTBOOK = "im2col and matrix product"


@dataclass(frozen=True)
class Route(Brief):
    """Who does one pass: the kernel set, the algorithm, and why. `room` is the old name of `kernel_set`."""

    kernel_set: str
    algorithm: str
    why: str

    room = property(lambda self: self.kernel_set)


@dataclass(frozen=True, repr=False)
class Explanation:
    """The routes of the three passes of a convolution; its repr tells them in a line each."""

    forward: Route
    dx: Route
    dw: Route

    @unfailing
    def __repr__(self) -> str:
        rows = [(name, getattr(self, name)) for name in PASSES]
        return "\n".join(f"{name:8} {one.kernel_set}: {one.algorithm} ({one.why})" for name, one in rows)


def explain(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    dtype: Any = "float32",
) -> Explanation:
    """Say which algorithm serves a convolution under the kernels now in use, and why.

    Args:
        x_shape: of the pictures, (N, C, H, W).
        w_shape: of the kernels, (O, C/G, KH, KW).
        stride: step of the window.
        padding: as for `ops.conv2d`.
        dilation: distance between the taps.
        groups: groups of channels that only see each other.
        dtype: "float32" or "float64".

    Raises:
        ValueError: if a number is out of range, or the shapes do not fit.

    Example:
        >>> from minidl import kernels
        >>> kernels.explain((1, 6, 14, 14), (16, 6, 5, 5))
        forward  textbook: im2col and matrix product (too small for the fast kernels)
        dx       textbook: im2col and matrix product (too small for the fast kernels)
        dw       textbook: im2col and matrix product (too small for the fast kernels)
    """
    _check_shapes(x_shape, w_shape, groups := to_int("explain", "groups", groups, least=1))
    known = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", None) or getattr(dtype, "name", None)
    check_choice("explain", "dtype", known, ("float32", "float64"))
    steps, spacing = (to_pair("explain", n, v, least=1) for n, v in (("stride", stride), ("dilation", dilation)))
    settings = (steps, _padding(padding, x_shape, w_shape, steps, spacing), spacing, groups)
    rows, columns = (
        output_size(x_shape[2 + a], w_shape[2 + a], steps[a], settings[1][a], spacing[a]) for a in range(2)
    )
    out = rows, columns
    if min(out) < 1:
        raise ValueError(
            f"explain: the kernel is larger than the padded input; x_shape={x_shape}, w_shape={w_shape}, "
            f"padding={settings[1]}"
        )
    x, w, dy = (_nothing(shape, known) for shape in (x_shape, w_shape, (x_shape[0], w_shape[0], *out)))
    calls = {
        "forward": (x, w, None, *settings, out),
        "dx": (dy, w, x.shape, *settings),
        "dw": (dy, x, w.shape, *settings),
    }
    return Explanation(**{step: _route(step, call, x, w, (*settings, out)) for step, call in calls.items()})


def _check_shapes(x_shape: Any, w_shape: Any, groups: int) -> None:
    """Refuse what are no shapes of pictures and kernels that fit each other."""
    for name, shape in (("x_shape", x_shape), ("w_shape", w_shape)):
        if not isinstance(shape, (tuple, list)) or len(shape) != 4:
            raise ValueError(f"explain: {name} must have four sizes; received {name}={shown(shape)}")
        for size in shape:
            to_int("explain", name, size, least=1)
    if x_shape[1] != w_shape[1] * groups or w_shape[0] % groups:
        raise ValueError(
            f"explain: x has {x_shape[1]} channels but w expects {w_shape[1] * groups} (w_shape[1] * groups = "
            f"{w_shape[1]} * {groups}), and groups must divide w_shape[0]; x_shape={x_shape}, w_shape={w_shape}"
        )


def _padding(value: Any, x_shape: Any, w_shape: Any, stride: Any, dilation: Any) -> Padding:
    if isinstance(value, str) and value == "same":
        rows, columns = (same_padding(x_shape[2 + a], w_shape[2 + a], stride[a], dilation[a]) for a in range(2))
        return rows, columns
    return to_padding("explain", value, same=True)


def _nothing(shape: Any, dtype: Any) -> np.ndarray:
    """Return an array of that shape without its memory."""
    return np.broadcast_to(np.zeros((), dtype), tuple(shape))


def _route(step: str, call: tuple[Any, ...], x: np.ndarray, w: np.ndarray, settings: tuple[Any, ...]) -> Route:
    kernel = "conv2d" if step == "forward" else f"conv2d_{step}"
    chosen = _sets.in_use.get()
    if chosen is not None and not isinstance(chosen, _sets.KernelSet):
        own = getattr(chosen, "__name__", type(chosen).__name__)
        if hasattr(chosen, kernel) and not own.endswith("textbook"):
            return Route("your own", own, "kernels.use says so")
        return Route("textbook", TEXTBOOK, "kernels.use says so")
    reasons = []
    for kernel_set in [it for _, it in _dispatch.RULES[kernel]] if chosen is None else [chosen]:
        why_not = kernel_set.why_not(kernel, call, asked=chosen is not None)
        if not why_not:
            tell = kernel_set.offers("explain_conv2d")
            algorithm, why = tell(step, x.shape, w.shape, *settings) if tell else ("its own", "large enough")
            return Route(kernel_set.name if algorithm else "textbook", algorithm or TEXTBOOK, why)
        reasons.append(why_not)
    return Route("textbook", TEXTBOOK, "; ".join(dict.fromkeys(reasons)))
