"""What is checked of each function: one function here for each, which puts the arguments together.

Every check runs one function on one geometry and returns a relative error, or raises `Wrong`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.proof import oracles
from minidl.proof.student import mistakes
from minidl.proof.student.cases import Geometry
from minidl.proof.student.kinds import Linear, Subject, adjoint, against_loops, arithmetic, finite_differences
from minidl.proof.student.shapes import wrong_shapes
from minidl.proof.student.watch import Wrong, check_form, compare

# ------------------------------------------------------------------ the windows


def _random(s: Subject) -> np.random.Generator:
    return np.random.default_rng(s.seed)


def im2col_loops(s: Subject, g: Geometry) -> float:
    """cols against the loops."""
    x = g.draw(_random(s), g.x_shape)
    arguments = x, g.kernel_size, g.stride, g.padding, g.dilation
    right = oracles.im2col(*arguments)
    return against_loops(s, g, "cols", "N, C, KH, KW, OH, OW", arguments, right, mistakes.of_im2col(x, g))


def _gather(g: Geometry) -> Linear:
    return lambda x: mistakes.gather(x, g)


def _col2im(s: Subject, g: Geometry) -> Linear:
    return lambda c: s.function(c, g.x_shape, g.stride, g.padding, g.dilation)


def col2im_loops(s: Subject, g: Geometry) -> float:
    """x against the loops."""
    cols = g.draw(_random(s), g.cols_shape)
    arguments = cols, g.x_shape, g.stride, g.padding, g.dilation
    right, wrong = oracles.col2im(*arguments), mistakes.of_col2im(cols, g)
    return against_loops(s, g, "x", "N, C, H, W", arguments, right, wrong, (_gather(g), cols))


def col2im_adjoint(s: Subject, g: Geometry) -> float:
    """<im2col(x), c> = <x, col2im(c)>."""
    im2col = s.other("im2col", oracles.im2col)

    def forward(x: np.ndarray) -> np.ndarray:
        return im2col(x, g.kernel_size, g.stride, g.padding, g.dilation)

    return adjoint(s, g, ("im2col", forward), _col2im(s, g), (g.x_shape, g.cols_shape))


def col2im_differences(s: Subject, g: Geometry) -> float:
    """col2im as the gradient of im2col."""
    return finite_differences(s, _random(s).standard_normal(g.x_shape), _gather(g), _col2im(s, g), "x")


# ------------------------------------------------------------------ convolution

_LOOPED: dict[tuple[Any, ...], np.ndarray] = {}


def _known(loops: Callable[..., np.ndarray], *arguments: Any) -> np.ndarray:
    """Return what the loops give; those of a step before, of the same seed, are remembered."""
    key = loops.__name__, *((a.shape, a.dtype.str, a.tobytes()) if isinstance(a, np.ndarray) else a for a in arguments)
    if key not in _LOOPED:
        if len(_LOOPED) >= 64:
            _LOOPED.clear()
        _LOOPED[key] = loops(*arguments)
    return _LOOPED[key]


def conv2d_loops(s: Subject, g: Geometry) -> float:
    """y against the loops; one of the cases has no bias."""
    rng = _random(s)
    x, w, b = (g.draw(rng, shape) for shape in (g.x_shape, g.w_shape, (g.kernels,)))
    bias = None if g.name == "1×1" else b
    arguments = x, w, bias, *_settings(g)
    right, wrong = _known(oracles.conv2d, *arguments), mistakes.of_conv2d(x, w, bias, g)
    return against_loops(s, g, "y", "N, O, OH, OW", arguments, right, wrong)


def _settings(g: Geometry) -> tuple[Any, ...]:
    return g.stride, g.padding, g.dilation, g.groups


def _dx(s: Subject, w: np.ndarray, g: Geometry) -> Linear:
    return lambda dy: s.function(dy, w, g.x_shape, *_settings(g))


def _dw(s: Subject, x: np.ndarray, g: Geometry) -> Linear:
    return lambda dy: s.function(dy, x, g.w_shape, *_settings(g))


def _of_x(w: np.ndarray, g: Geometry) -> Linear:
    """Convolution as a function of x."""
    return lambda x: mistakes.multiply(mistakes.gather(x, g), w, g)


def _of_w(x: np.ndarray, g: Geometry) -> Linear:
    """Convolution as a function of w, in which it is linear as well."""
    cols = mistakes.gather(x, g)
    return lambda w: mistakes.multiply(cols, w, g)


def _whole(s: Subject, g: Geometry, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(s.seed + 2).integers(-3, 4, shape).astype(g.dtype)


def conv2d_dx_loops(s: Subject, g: Geometry) -> float:
    """dx against the loops."""
    rng = _random(s)
    dy, w = g.draw(rng, g.y_shape), g.draw(rng, g.w_shape)
    arguments = dy, w, g.x_shape, *_settings(g)
    right, wrong = _known(oracles.conv2d_dx, *arguments), mistakes.of_conv2d_dx(dy, w, g)
    return against_loops(s, g, "dx", "N, C, H, W", arguments, right, wrong, (_of_x(w, g), dy))


def conv2d_dx_adjoint(s: Subject, g: Geometry) -> float:
    """<conv2d(x), dy> = <x, conv2d_dx(dy)>."""
    conv2d, w = s.other("conv2d", oracles.conv2d), _whole(s, g, g.w_shape)

    def forward(x: np.ndarray) -> np.ndarray:
        return conv2d(x, w, None, *_settings(g))

    return adjoint(s, g, ("conv2d", forward), _dx(s, w, g), (g.x_shape, g.y_shape))


def conv2d_dx_differences(s: Subject, g: Geometry) -> float:
    """conv2d_dx as the gradient of the loops."""
    rng = _random(s)
    x, w = rng.standard_normal(g.x_shape), rng.standard_normal(g.w_shape)
    return finite_differences(s, x, _of_x(w, g), _dx(s, w, g), "x")


def conv2d_dw_loops(s: Subject, g: Geometry) -> float:
    """dw against the loops."""
    rng = _random(s)
    dy, x = g.draw(rng, g.y_shape), g.draw(rng, g.x_shape)
    arguments = dy, x, g.w_shape, *_settings(g)
    right, wrong = _known(oracles.conv2d_dw, *arguments), mistakes.of_conv2d_dw(dy, x, g)
    return against_loops(s, g, "dw", "O, C/G, KH, KW", arguments, right, wrong, (_of_w(x, g), dy))


def conv2d_dw_adjoint(s: Subject, g: Geometry) -> float:
    """<conv2d(w), dy> = <w, conv2d_dw(dy)>."""
    conv2d, x = s.other("conv2d", oracles.conv2d), _whole(s, g, g.x_shape)

    def forward(w: np.ndarray) -> np.ndarray:
        return conv2d(x, w, None, *_settings(g))

    return adjoint(s, g, ("conv2d", forward), _dw(s, x, g), (g.w_shape, g.y_shape))


def conv2d_dw_differences(s: Subject, g: Geometry) -> float:
    """conv2d_dw as the gradient of the loops."""
    rng = _random(s)
    x, w = rng.standard_normal(g.x_shape), rng.standard_normal(g.w_shape)
    return finite_differences(s, w, _of_w(x, g), _dw(s, x, g), "w")


# ------------------------------------------------------------------ pooling


def _apart(s: Subject, g: Geometry) -> np.ndarray:
    """Draw negative numbers, no two near each other: no step crosses a kink, and padding with 0 would always win."""
    size = int(np.prod(g.x_shape))
    return ((_random(s).permutation(size) - size) / (1 if g.whole else 8)).reshape(g.x_shape).astype(g.dtype)


def max_pool2d_loops(s: Subject, g: Geometry) -> float:
    """y against the loops, and what is returned besides it."""
    x = _apart(s, g)
    arguments = x, g.kernel_size, g.stride, g.padding, g.dilation, g.size
    y, _ = _two(s, s.function(*arguments))
    right = mistakes.gather(x, g, fill=-np.inf).max(axis=(2, 3))
    axes = "N, C, OH, OW"
    shapes = wrong_shapes(axes, right.shape, g)
    y = check_form(s.function.name, y, right.shape, right.dtype, axes, arithmetic("OH", g), shapes)
    return compare("y", y, right, mistakes.of_max_pool2d(x, g))


def max_pool2d_winners(s: Subject, g: Geometry) -> float:
    """The winners against the loops, on pictures of few values, so that there are ties."""
    x = _random(s).integers(-2, 2, g.x_shape).astype(g.dtype)
    _, winners = _two(s, s.function(x, g.kernel_size, g.stride, g.padding, g.dilation, g.size))
    right = mistakes.winners_of(x, g)
    if not isinstance(winners, np.ndarray) or winners.dtype.kind not in "iu":
        found = winners.dtype if isinstance(winners, np.ndarray) else type(winners).__name__
        raise Wrong(f"{s.function.name} must return winners as an integer array; it returned {found}")
    check_form(f"{s.function.name} (winners)", winners, right.shape, winners.dtype, "N, C, OH, OW")
    return compare("winners", winners.astype(np.float64), right.astype(np.float64), mistakes.of_winners(x, g))


def _two(s: Subject, result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise Wrong(f"{s.function.name} must return (y, winners); it returned a {type(result).__name__}")
    return result


def _max_pool2d_dx(s: Subject, g: Geometry, winners: np.ndarray) -> Linear:
    return lambda dy: s.function(dy, winners, g.x_shape, g.kernel_size, g.stride, g.padding, g.dilation)


def max_pool2d_dx_loops(s: Subject, g: Geometry) -> float:
    """dx against the loops."""
    dy, winners = g.draw(_random(s), (*g.x_shape[:2], *g.size)), mistakes.winners_of(_apart(s, g), g).astype("uint8")
    right = mistakes.scatter(mistakes.tapped(dy, winners, g), g).astype(g.dtype)
    arguments = dy, winners, g.x_shape, g.kernel_size, g.stride, g.padding, g.dilation
    wrong = mistakes.of_max_pool2d_dx(dy, winners, g)
    return against_loops(s, g, "dx", "N, C, H, W", arguments, right, wrong, (_picked(g, winners), dy))


def _picked(g: Geometry, winners: np.ndarray) -> Linear:
    """Max pooling with the winners given is linear: it picks them."""
    taps = np.arange(g.kernel_size[0] * g.kernel_size[1]).reshape(1, 1, *g.kernel_size, 1, 1)
    return lambda x: np.where(winners[:, :, None, None] == taps, mistakes.gather(x, g), x.dtype.type(0)).sum(
        axis=(2, 3)
    )


def max_pool2d_dx_adjoint(s: Subject, g: Geometry) -> float:
    """<max_pool2d(x), dy> = <x, max_pool2d_dx(dy)>, with the winners given."""
    winners = mistakes.winners_of(_apart(s, g), g).astype("uint8")
    shapes = g.x_shape, (*g.x_shape[:2], *g.size)
    return adjoint(s, g, ("max_pool2d", _picked(g, winners)), _max_pool2d_dx(s, g, winners), shapes)


def max_pool2d_dx_differences(s: Subject, g: Geometry) -> float:
    """max_pool2d_dx as the gradient of the loops."""
    x = _apart(s, g).astype(np.float64)
    winners = mistakes.winners_of(x, g).astype("uint8")

    def forward(x: np.ndarray) -> np.ndarray:
        return mistakes.gather(x, g, fill=-np.inf).max(axis=(2, 3))

    return finite_differences(s, x, forward, _max_pool2d_dx(s, g, winners), "x")


def avg_pool2d_loops(s: Subject, g: Geometry) -> float:
    """y against the loops, with the padding counted and not counted."""
    x = g.draw(_random(s), g.x_shape)
    errors = []
    for with_pad in (True, False):
        arguments = x, g.kernel_size, g.stride, g.padding, g.size, with_pad
        right = (mistakes.gather(x, g).sum(axis=(2, 3)) / mistakes.counts(g, with_pad)).astype(g.dtype)
        wrong = mistakes.of_avg_pool2d(x, g, with_pad)
        errors.append(against_loops(s, g, "y", "N, C, OH, OW", arguments, right, wrong))
    return max(errors)


def _avg_pool2d_dx(s: Subject, g: Geometry, with_pad: bool) -> Linear:
    return lambda dy: s.function(dy, g.x_shape, g.kernel_size, g.stride, g.padding, g.size, with_pad)


def _averaged(g: Geometry, with_pad: bool) -> Linear:
    return lambda x: (mistakes.gather(x, g).sum(axis=(2, 3)) / mistakes.counts(g, with_pad)).astype(x.dtype)


def avg_pool2d_dx_loops(s: Subject, g: Geometry) -> float:
    """dx against the loops, with the padding counted and not counted."""
    dy, errors = g.draw(_random(s), (*g.x_shape[:2], *g.size)), []
    for with_pad in (True, False):
        arguments = dy, g.x_shape, g.kernel_size, g.stride, g.padding, g.size, with_pad
        share = np.broadcast_to((dy / mistakes.counts(g, with_pad))[:, :, None, None], g.cols_shape)
        right, forward = mistakes.scatter(share, g).astype(g.dtype), (_averaged(g, with_pad), dy)
        wrong = mistakes.of_avg_pool2d_dx(dy, g, with_pad)
        errors.append(against_loops(s, g, "dx", "N, C, H, W", arguments, right, wrong, forward))
    return max(errors)


def avg_pool2d_dx_adjoint(s: Subject, g: Geometry) -> float:
    """<avg_pool2d(x), dy> = <x, avg_pool2d_dx(dy)>."""
    shapes = g.x_shape, (*g.x_shape[:2], *g.size)
    return max(
        adjoint(s, g, ("avg_pool2d", _averaged(g, with_pad)), _avg_pool2d_dx(s, g, with_pad), shapes)
        for with_pad in (True, False)
    )


def avg_pool2d_dx_differences(s: Subject, g: Geometry) -> float:
    """avg_pool2d_dx as the gradient of the loops."""
    x = _random(s).standard_normal(g.x_shape)
    return max(
        finite_differences(s, x, _averaged(g, with_pad), _avg_pool2d_dx(s, g, with_pad), "x")
        for with_pad in (True, False)
    )


# ------------------------------------------------------------------ relu


def relu_loops(s: Subject, g: Geometry) -> float:
    """y = max(x, 0)."""
    x = g.draw(_random(s), g.x_shape)
    wrong = [
        ("negative numbers keep their size", np.abs(x)),
        ("nothing is done", x),
        ("the mask is returned, not the numbers that it selects", (x > 0).astype(g.dtype)),
    ]
    return against_loops(s, g, "y", "N, C, H, W", (x,), np.maximum(x, 0), wrong)


def relu_dx_loops(s: Subject, g: Geometry) -> float:
    """dx = dy where y > 0."""
    rng = _random(s)
    dy, y = g.draw(rng, g.x_shape), np.maximum(g.draw(rng, g.x_shape), 0)
    wrong = [
        ("the mask is forgotten", dy),
        ("the mask is that of dy", np.maximum(dy, 0)),
        ("the mask is returned, without dy", (y > 0).astype(g.dtype)),
        ("dy is multiplied with y itself, not with the mask y > 0", dy * y),
    ]
    return against_loops(s, g, "dx", "N, C, H, W", (dy, y), np.where(y > 0, dy, 0).astype(g.dtype), wrong)


def relu_dx_differences(s: Subject, g: Geometry) -> float:
    """relu_dx as the gradient of relu."""
    x = _apart(s, g)
    x -= x.mean() + 0.01
    return finite_differences(s, x, lambda x: np.maximum(x, 0), lambda dy: s.function(dy, np.maximum(x, 0)), "x")
