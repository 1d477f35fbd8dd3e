"""Functions of the exercises that are no kernels: a window, the adjoint identity, depthwise and transposed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl.proof import oracles
from minidl.proof.student import mistakes
from minidl.proof.student.cases import WINDOWS, Geometry, Numbers
from minidl.proof.student.counting import exactly
from minidl.proof.student.kinds import Subject, adjoint, against_loops
from minidl.proof.student.mistakes import Mistake
from minidl.proof.student.watch import Wrong, check_form, compare

# ------------------------------------------------------------------ one window


def window_loops(s: Subject, g: Geometry) -> float:
    """What each window sees against the loops, all windows of a case together."""
    x = g.draw(np.random.default_rng(s.seed), g.x_shape)
    right = oracles.im2col(x, g.kernel_size, g.stride, g.padding, g.dilation)
    seen, axes = np.empty_like(right), "N, C, KH, KW"
    for oh, ow in np.ndindex(*g.size):
        result = s.function(x, oh, ow, g.kernel_size, g.stride, g.padding, g.dilation)
        result = check_form(s.function.name, result, right.shape[:4], right.dtype, axes)
        if np.shares_memory(result, x):
            view = "the result is a part of x itself, not an array of its own"
            raise Wrong(f"{view}: who changes it changes x; return a copy", named=(view,))
        seen[..., oh, ow] = result
    return compare("window", seen, right, of_window(x, g))


def of_window(x: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong windows, laid out as columns."""
    yield from mistakes.of_im2col(x, g)
    if g.padding[0][0] or g.padding[1][0]:
        wrapped = np.pad(x, ((0, 0), (0, 0), *g.padding), mode="wrap")
        inside = Geometry(g.name, wrapped.shape, g.kernel_size, stride=g.stride, dilation=g.dilation)
        what = "a row or column below 0 is read from the other end of the picture (x[-1] is the last)"
        yield what, mistakes.gather(wrapped, inside)
        (top, _), (left, _) = g.padding
        ends = np.pad(x, ((0, 0), (0, 0), *g.padding))
        ends[:, :, :top, left : left + x.shape[3]] = x[:, :, x.shape[2] - top :]
        ends[:, :, :, :left] = ends[:, :, :, x.shape[3] : x.shape[3] + left]
        yield what, mistakes.gather(ends, inside)
    if g.size[0] == g.size[1]:
        yield "oh and ow are exchanged", mistakes.gather(x, g).swapaxes(4, 5)


# ------------------------------------------------------------------ the adjoint identity

PAIRS = (Numbers("a matrix of 2×2", (2,), {"c": 2}), Numbers("other shapes", (2, 3), {"c": 4}))


MISSES = 4  # times in a row that a wrong pair must be called right: three trials miss one in a hundred by chance


def _pair(g: Numbers, rng: np.random.Generator) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Return a linear map of x, its adjoint, and one that is not."""
    a = rng.integers(1, 4, (g.given["c"], *g.x_shape)).astype(np.float64)
    other = a.copy()
    other.flat[0] += 1
    axes = len(g.x_shape)
    return (
        lambda x: np.tensordot(a, x, axes=axes),
        lambda c: np.tensordot(c, a, axes=1),
        lambda c: np.tensordot(c, other, axes=1),
    )


def adjoint_gap_formula(s: Subject, g: Numbers) -> float:
    """The gaps of right pairs and of wrong ones against the formula; a mistake must explain all of them."""
    rng = np.random.default_rng(s.seed)
    calls: list[tuple[str, Any, Any, np.ndarray, np.ndarray]] = []
    for _ in range(3):
        f, right, other = _pair(g, rng)
        for said, back in (("g is the adjoint of f", right), ("g is not the adjoint of f", other)):
            calls.append((said, f, back, g.draw(rng), g.draw(rng, (g.given["c"],))))
    gaps = [_number(s.function(*call[1:])) for call in calls]
    for gap, (said, f, back, x, c) in zip(gaps, calls, strict=True):
        expected = _dot(f(x), c) - _dot(x, back(c))
        if _near(gap, expected, _dot(f(x), c)):
            continue
        fits = [{what for what, value in of_gap(*call[1:]) if _near(gap, value)} for gap, call in zip(gaps, calls)]
        named = tuple(what for what, _ in of_gap(f, back, x, c) if all(what in fit for fit in fits))
        lines = [f"{said}, x.shape={x.shape}, c.shape={c.shape}:"]
        lines += [f"  yours  {gap:.10g}", f"  right  {expected:.10g}"]
        raise Wrong("\n".join([*lines, *exactly(named)]), 1.0, named)
    return 0.0


def _near(a: float, b: float, size: float = 0.0) -> bool:
    return abs(a - b) <= 1e-9 * max(1.0, abs(b), abs(size))


def _number(gap: Any) -> float:
    if isinstance(gap, (np.ndarray, np.generic)) and np.ndim(gap) == 0:
        gap = gap.item()
    if isinstance(gap, bool) or not isinstance(gap, (int, float)):
        raise Wrong(f"adjoint_gap must return one number; it returned {_kind(gap)}")
    return gap


def _kind(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum())


def of_gap(f: Callable[..., Any], g: Callable[..., Any], x: np.ndarray, c: np.ndarray) -> Iterator[tuple[str, float]]:
    """Yield wrong gaps."""
    y, dx = f(x), g(c)
    left, right = _dot(y, c), _dot(x, dx)
    yield "the two sides are exchanged: the gap has the other sign", right - left
    yield "the two sides are added, not subtracted", left + right
    yield "g is given f(x), not c", left - _dot(x, g(y))
    yield "means are compared, which divide the two sides by different numbers", left / y.size - right / x.size
    yield "the absolute values of the products are summed up", _dot(abs(y), abs(c)) - _dot(abs(x), abs(dx))
    yield "the sides are no products: f(x) and g(c) are summed up", float(y.sum() - dx.sum())
    yield "only one side is there: <f(x), c>", left
    yield "only one side is there: <x, g(c)>", right
    yield "only one side is there: <x, g(c)>, with the other sign", -right
    yield "the absolute value of the gap is returned", abs(left - right)
    yield "the gap is divided by the left side", (left - right) / left if left else 0.0


def is_adjoint_judges(s: Subject, g: Numbers) -> float:
    """Whether right pairs are called right, and wrong ones wrong."""
    for trial in range(3):
        f, right, other = _pair(g, np.random.default_rng((s.seed, trial)))
        turned = ("the sign of g is wrong", lambda c, right=right: -right(c))
        for said, back, expected in (
            ("g is the adjoint of f", right, True),
            ("g differs in one number from the adjoint of f", other, False),
            (*turned, False),
        ):
            for again in range(1 if expected else MISSES):
                rng = np.random.default_rng((s.seed, trial, again))
                told = s.function(f, back, g.x_shape, (g.given["c"],), rng)
                if not isinstance(told, (bool, np.bool_)):
                    raise Wrong(f"is_adjoint must return True or False; it returned {_kind(told)}")
                if bool(told) == expected:
                    break
            else:
                wrong = "calls a wrong pair right" if told else "calls a right pair wrong"
                text = f"{said}: is_adjoint must return {expected}; it returned {told}"
                raise Wrong(f"{text}\n  is_adjoint {wrong}", 1.0, (f"is_adjoint {wrong}",))
    return 0.0


# ------------------------------------------------------------------ depthwise convolution


def _single(g: Geometry) -> Geometry:
    """Return the case with one kernel for each channel."""
    return replace(g, kernels=g.x_shape[1], groups=g.x_shape[1])


def depthwise_loops(s: Subject, g: Geometry) -> float:
    """y against the loops."""
    rng, g = np.random.default_rng(s.seed), _single(g)
    x, w = g.draw(rng, g.x_shape), g.draw(rng, g.w_shape)
    right = oracles.conv2d(x, w, None, g.stride, g.padding, g.dilation, g.groups)
    arguments = x, w, g.stride, g.padding, g.dilation
    return against_loops(s, g, "y", "N, O, OH, OW", arguments, right, of_depthwise(x, w, g))


def of_depthwise(x: np.ndarray, w: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong depthwise convolutions."""
    cols = mistakes.gather(x, g)
    if g.groups > 1:
        first = np.broadcast_to(w[:1], w.shape)
        yield "every channel is multiplied with the kernel of the first", mistakes.multiply(cols, first, g)
        total = mistakes.multiply(cols, w, g).sum(axis=1, keepdims=True)
        what = "the channels are added up, as in an ordinary convolution"
        yield what, np.broadcast_to(total, g.y_shape)
        spread = mistakes.gather(x.sum(axis=1, keepdims=True).repeat(g.groups, axis=1), g)
        yield what, mistakes.multiply(spread, w, g)
        yield "the kernels are taken in reverse order", mistakes.multiply(cols, w[::-1], g)
    yield "the mean over the taps is taken, not the sum", mistakes.multiply(cols, w, g) / w[0].size
    yield from mistakes.of_conv2d(x, w, None, g)


def depthwise_dx_loops(s: Subject, g: Geometry) -> float:
    """dx against the loops."""
    rng, g = np.random.default_rng(s.seed), _single(g)
    dy, w = g.draw(rng, g.y_shape), g.draw(rng, g.w_shape)
    settings = g.stride, g.padding, g.dilation
    right = oracles.conv2d_dx(dy, w, g.x_shape, *settings, g.groups)
    return against_loops(
        s, g, "dx", "N, C, H, W", (dy, w, g.x_shape, *settings), right, mistakes.of_conv2d_dx(dy, w, g)
    )


def depthwise_dx_adjoint(s: Subject, g: Geometry) -> float:
    """<depthwise(x), dy> = <x, depthwise_dx(dy)>."""
    g = _single(g)
    w = np.random.default_rng(s.seed + 2).integers(-3, 4, g.w_shape).astype(g.dtype)
    settings = g.stride, g.padding, g.dilation
    back = lambda dy: s.function(dy, w, g.x_shape, *settings)  # noqa: E731
    forward = lambda x: mistakes.multiply(mistakes.gather(x, g), w, g)  # noqa: E731
    return adjoint(s, g, ("depthwise", forward), back, (g.x_shape, g.y_shape))


def depthwise_dw_loops(s: Subject, g: Geometry) -> float:
    """dw against the loops."""
    rng, g = np.random.default_rng(s.seed), _single(g)
    dy, x = g.draw(rng, g.y_shape), g.draw(rng, g.x_shape)
    settings = g.stride, g.padding, g.dilation
    right = oracles.conv2d_dw(dy, x, g.w_shape, *settings, g.groups)
    wrong = mistakes.of_conv2d_dw(dy, x, g)
    return against_loops(s, g, "dw", "O, C/G, KH, KW", (dy, x, g.w_shape, *settings), right, wrong)


# ------------------------------------------------------------------ transposed convolution


@dataclass(frozen=True)
class Upward(Geometry):
    """A case of a transposed convolution: `x_shape` is that of its result, as the convolution below it would see it."""

    def __str__(self) -> str:
        return f"{super().__str__()}, output_padding={_left(self)}".replace("x.shape=", "y.shape=")


def _left(g: Geometry) -> tuple[int, ...]:
    """Return how many rows and columns at the end a convolution of this geometry does not see."""
    return tuple(
        g.x_shape[2 + a] + sum(g.padding[a]) - g.kernel_size[a] - (g.size[a] - 1) * g.stride[a] for a in range(2)
    )


UPWARD = (
    *(Upward(**vars(g)) for g in WINDOWS[:2]),
    Upward("stride, output padding", (1, 2, 11, 7), (3, 2), 2, stride=(3, 2)),
    *(Upward(**vars(g)) for g in WINDOWS[2:] if g.dilation == (1, 1)),
)


def conv_transpose2d_loops(s: Subject, g: Geometry) -> float:
    """y against the loops: the gradient of a convolution, with the bias."""
    rng, g = np.random.default_rng(s.seed), replace(g, dilation=(1, 1))
    x, w, b = (g.draw(rng, shape) for shape in (g.y_shape, g.w_shape, (g.x_shape[1],)))
    bias = None if g.name == "1×1" else b
    added = np.zeros((1, 1, 1), g.dtype) if bias is None else bias[:, None, None]
    right = oracles.conv2d_dx(x, w, g.x_shape, g.stride, g.padding, (1, 1), 1) + added
    result = s.function(x, w, bias, g.stride, g.padding, _left(g))
    result = check_form(s.function.name, result, right.shape, right.dtype, "N, O, OH, OW", _upward(g), _up_shapes(g))
    return compare("y", result, right, of_conv_transpose2d(x, w, added, g))


def _upward(g: Geometry) -> str:
    """Return how the size of the result is worked out."""
    parts = []
    for a, (o, letter, kernel) in enumerate((("OH", "H", "KH"), ("OW", "W", "KW"))):
        size, (front, back), k, step, more = g.size[a], g.padding[a], g.kernel_size[a], g.stride[a], _left(g)[a]
        parts.append(
            f"\n  {o} = ({letter} - 1)·s - p + {kernel} + output_padding = "
            f"{size - 1}·{step} - {front + back} + {k} + {more} = {g.x_shape[2 + a]}"
        )
    return "".join(parts)


def _up_shapes(g: Geometry) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield wrong shapes of the result."""

    def size(stride: bool = True, padding: int = -1, output: bool = True, kernel: int = 0) -> tuple[int, ...]:
        return (
            *g.x_shape[:2],
            *(
                (g.size[a] - 1) * (g.stride[a] if stride else 1)
                + padding * sum(g.padding[a])
                + g.kernel_size[a]
                + kernel
                + _left(g)[a] * output
                for a in range(2)
            ),
        )

    yield "the output padding is left out of OH", size(output=False)
    yield "the padding is added to OH: here it is cut off", size(padding=1)
    yield "the padding is not cut off", size(padding=0)
    yield "the stride is left out of OH", size(stride=False)
    yield "the kernel is counted without its last tap: KH - 1", size(kernel=-1)


def of_conv_transpose2d(x: np.ndarray, w: np.ndarray, added: np.ndarray, g: Geometry) -> Iterator[Mistake]:
    """Yield wrong transposed convolutions."""
    plain = mistakes.scatter(mistakes.spread(x, w, g), g)
    if added.any():
        yield "the bias is not added", plain
        yield "the bias is added once for every channel of x", plain + w.shape[0] * added
    for what, y in mistakes.of_conv2d_dx(x, w, g):
        yield (
            what.replace("w.reshape(-1, O) is not w.reshape(O, -1)", "w.reshape(-1, C) is not w.reshape(C, -1)"),
            y + added,
        )


def conv_transpose2d_adjoint(s: Subject, g: Geometry) -> float:
    """<conv2d(y), x> = <y, conv_transpose2d(x)>."""
    g = replace(g, dilation=(1, 1))
    w = np.random.default_rng(s.seed + 2).integers(-3, 4, g.w_shape).astype(g.dtype)
    back = lambda x: s.function(x, w, None, g.stride, g.padding, _left(g))  # noqa: E731
    forward = lambda y: mistakes.multiply(mistakes.gather(y, g), w, g)  # noqa: E731
    return adjoint(s, g, ("conv2d", forward), back, (g.x_shape, g.y_shape))
