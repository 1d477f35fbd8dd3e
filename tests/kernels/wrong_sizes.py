"""Call every door of the fast set with arguments that do not fit, and look whether memory was left alone.

Run as a program (`python -m tests.kernels.wrong_sizes`), because what it looks for may end the process. Results stand
on memory between two guards, whose bytes are looked at after every call. A door may refuse with one line, decline, or
serve; what it serves must be what the textbook makes of the same arguments.
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Iterator

import numpy as np

from minidl import _memory, kernels
from minidl.kernels import cpu, textbook

GUARD, MARK = 2**12, 0x5A  # bytes on both sides of a result
UNIT = ((0, 0), (0, 0))


def single(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


def picture(*shape):
    n, c, h, width = shape
    return np.ascontiguousarray(single(n, h, width, c)).transpose(0, 3, 1, 2)


def pooled(channels):
    return cpu.max_pool2d(picture(2, channels, 9, 8), (3, 2), (2, 2), ((1, 0), (1, 1)), (1, 1), (4, 5))


def calls() -> Iterator[tuple[str, tuple]]:
    """Yield calls that are right, of every door, of each way it has to do them."""
    for shape in ((3, 70), (2, 17, 3, 5)):
        x = single(*shape)
        for name in ("relu", "relu6", "silu", "hardswish", "sigmoid", "tanh", "scaled_tanh", "hardsigmoid")[
            :: x.ndim - 1
        ]:
            yield name, (x,)
            yield f"{name}_dx", (x, single(*shape))
        yield "gelu", (x, "none")
        yield "gelu_dx", (x, single(*shape), "none")
        yield "leaky_relu", (x, 0.1)
        yield "leaky_relu_dx", (x, single(*shape), 0.1)
        for name in ("softmax", "log_softmax"):
            yield name, (x, 1)
            yield f"{name}_dx", (x, single(*shape), 1)
        yield "sgd", (x, x, x, 0.1, 0.9, 0.01, True)
        yield "sgd", (x, x, None, 0.1, 0.0, 0.01, False)
        yield "adam", (x, x, x, abs(x), 2, 0.1, (0.9, 0.99), 1e-8, 0.1, False)
        yield "rmsprop", (x, x, abs(x), x, 0.1, 0.9, 1e-3, 0.1, 0.9, True)
        yield "dropout", (x, x > 0, 2.0)
        c = shape[1]
        w, b, mean, rstd = single(c), single(c), single(c).astype(float), abs(single(c).astype(float))
        yield "batch_norm_fused", (x, w, b, 1e-5, "relu", single(*shape))
        yield "batch_norm", (x, w, b, 1e-5)
        yield "batch_norm_running", (w, abs(b), mean, rstd, 1e-5, 30, 0.1)
        yield "batch_norm_eval", (x, w, b, mean, rstd)
        yield "batch_norm_eval_fused", (x, w, b, mean, rstd, "relu", single(*shape))
        for name in ("batch_norm", "batch_norm_eval"):
            yield f"{name}_grads", (single(*shape), x, w, mean, rstd)
            for shows in ((None, None), (single(*shape), None), (None, single(*shape))):
                yield f"{name}_fused_grads", (single(*shape), x, w, b, mean, rstd, "relu", *shows)
    x = picture(2, 21, 9, 8)
    for name in ("add", "add_relu"):
        yield name, (x, picture(2, 21, 9, 8))
    yield "dropout", (x, np.array([True, False]).reshape(2, 1, 1, 1), 2.0)
    yield "scale_channels", (x, single(2, 21))
    yield "scale_channels_grads", (x, x, single(2, 21))
    yield "excite", (single(3, 20), single(7, 20), single(7), single(20, 7), single(20), "silu", "sigmoid")
    yield "channel_sums", (x,)
    yield "conv2d_fused_grads", (x, picture(2, 21, 9, 8), "relu")
    yield "concat", ((x, picture(2, 3, 9, 8), x), 1)
    yield "lrn", (x, 5, 1e-4, 0.75, 2.0)
    yield "lrn_dx", (x, x, abs(x) + 1, 5, 1e-4, 0.75)
    large = picture(2, 64, 16, 16)
    yield "copy_to", (large, np.zeros((2, 80, 16, 16), "float32")[:, :64])
    yield "add_to", (x, picture(2, 21, 9, 8))
    yield "add_to", (np.broadcast_to(single(2, 21, 1, 1), x.shape), picture(2, 21, 9, 8))
    yield from poolings()
    yield from products()


def poolings() -> Iterator[tuple[str, tuple]]:
    x, windows = picture(2, 21, 9, 8), ((3, 2), (2, 2), ((1, 0), (1, 1)))
    y, winners = pooled(21)
    yield "max_pool2d", (x, *windows, (1, 1), (4, 5))
    yield "max_pool2d", (x, *windows, (1, 1), (4, 5), False)
    yield "max_pool2d", (x, (2, 2), (1, 1), ((3, 3), (3, 3)), (1, 1), (14, 13))  # windows that see only padding
    yield "max_pool2d_dx", (y, winners, x.shape, *windows, (1, 1))
    yield "avg_pool2d", (x, *windows, (4, 5), True)
    yield "avg_pool2d_dx", (y, x.shape, *windows, (4, 5), False)
    yield "adaptive_avg_pool2d", (x, (4, 3))
    yield "adaptive_avg_pool2d_dx", (y, x.shape)
    yield "global_avg_pool2d", (x,)


def products() -> Iterator[tuple[str, tuple]]:
    for n in (3, 40):
        yield "linear", (single(n, 70), single(20, 70), single(20))
    yield "linear", (single(3, 70), single(20, 70), None)
    yield "linear_dx", (single(3, 20), single(20, 70))
    yield "linear_dw", (single(3, 20), single(3, 70))
    q, k, v, y = single(2, 3, 70, 8), single(2, 3, 20, 8), single(2, 3, 20, 5), single(2, 3, 70, 5)
    yield "matmul", (single(2, 1, 9, 70), single(3, 70, 5))
    yield "matmul", (single(9, 70), single(5, 70).T)
    x, w = single(3, 4, 70), single(70)
    yield "layer_norm", (x, w, single(70), 1e-5)
    _, mean, rstd = textbook.layer_norm(x, w, w, 1e-5)
    yield "layer_norm_grads", (single(3, 4, 70), x, w, mean, rstd)
    yield "attention", (q, k, v, None)
    yield "attention", (q, k, v, single(1, 3, 1, 20) > 0)
    yield "attention_grads", (y, q, k, v, single(70, 1), y, single(2, 3, 70), False)
    yield "attention_grads", (y, q, k, v, None, y, single(2, 3, 70), False)
    corners = np.abs(single(40, 4))
    yield "nms", (np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1), 0.3)
    bytes_of, places = np.zeros((9, 11, 3), "uint8"), (np.zeros(7, "uint32"), np.zeros(5, "uint32"))
    yield "render", (abs(single(7, 2)), abs(single(5, 3)), *places, bytes_of, abs(single(2, 2)))
    yield "cross_entropy", (single(5, 20), abs(single(5, 20)))
    yield "cross_entropy_dx", (np.array(0.5, "float32"), single(5, 20), abs(single(5, 20)))
    yield "cross_entropy", (picture(2, 5, 4, 3), abs(picture(2, 5, 4, 3)))
    yield "cross_entropy_dx", (np.array(0.5, "float32"), picture(2, 5, 4, 3), abs(picture(2, 5, 4, 3)))
    for n, h, c, o, k, stride, pad, groups in (
        (3, 17, 16, 32, 3, 1, 1, 1),
        (3, 17, 5, 7, 3, 2, 1, 1),
        (3, 17, 24, 24, 3, 1, 1, 24),
        (3, 17, 24, 24, 3, 2, 1, 6),
        (3, 17, 12, 18, 1, 1, 0, 3),
        (3, 17, 20, 6, 1, 1, 0, 1),
        (9, 2, 20, 34, 3, 1, 1, 1),
        (3, 17, 32, 48, 5, 1, 2, 1),
    ):
        settings = (stride, stride), ((pad, pad), (pad, pad)), (1, 1), groups
        x, w, b = picture(n, c, h, h + 1), single(o, c // groups, k, k), single(o)
        out_size = tuple((size + 2 * pad - k) // stride + 1 for size in x.shape[2:])
        y = textbook.conv2d(x, w, b, *settings, out_size)
        yield "conv2d", (x, w, b, *settings, out_size)
        yield "conv2d", (x, w, None, *settings, out_size)
        yield "conv2d_fused", (x, w, b, np.ascontiguousarray(y), "relu", *settings, out_size)
        yield "conv2d_dx", (y, w, x.shape, *settings)
        yield "conv2d_dw", (y, x, w.shape, *settings)


def wrong_shapes(shape):
    """Yield shapes that differ from this one."""
    yield from ((*shape, 1), (1, *shape), shape[1:], shape[:-1], (), shape[::-1], (int(np.prod(shape)),))
    for axis, size in enumerate(shape):
        for other in {0, 1, size - 1, size + 1, size // 2, size + 16} - {size}:
            yield (*shape[:axis], other, *shape[axis + 1 :])


def spoilt(value) -> Iterator:
    """Yield what stands in the place of an argument and may be wrong."""
    if isinstance(value, np.ndarray):
        for shape in wrong_shapes(value.shape):
            yield np.ones(shape, value.dtype)
        for dtype in ("float64", "float16", ">f4", "int32", bool, "uint16"):
            yield np.ones(value.shape, dtype)
        yield np.broadcast_to(np.ones((), value.dtype), value.shape)
        yield from (None, 1.0, [1.0], np.float32(1))
        if value.dtype == np.uint8:  # winners that there are not
            yield np.full(value.shape, 255, np.uint8)
    elif isinstance(value, tuple) and value and all(isinstance(it, np.ndarray) for it in value):
        for at, array in enumerate(value):
            for other in spoilt(array):
                yield (*value[:at], other, *value[at + 1 :])
    elif isinstance(value, tuple) and value and all(isinstance(it, int) for it in value):
        yield from wrong_shapes(value)
        yield from (list(value), None, 3, tuple(it + 0.5 for it in value), tuple(-it for it in value))
    elif isinstance(value, tuple) and value and isinstance(value[0], tuple):
        yield from (UNIT, ((9, 9), (9, 9)), ((-1, -1), (-1, -1)), 1, None, ((0, 30), (0, 30)), [[0, 0], [0, 0]])


class Guarded:
    """Lends memory between two guards, and says whether they have been written to."""

    def __init__(self) -> None:
        self.lent: list[np.ndarray] = []

    def empty(self, shape, dtype):
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        whole = np.full(size + 2 * GUARD, MARK, np.uint8)
        self.lent.append(whole)
        return whole[GUARD : GUARD + size].view(dtype).reshape(shape)

    def are_whole(self) -> bool:
        found = all((it[:GUARD] == MARK).all() and (it[-GUARD:] == MARK).all() for it in self.lent)
        self.lent.clear()
        return found


def flattened(result) -> list[np.ndarray]:
    return [it for it in (result if isinstance(result, tuple) else (result,)) if it is not None]


def called(function, arguments):
    """Return what a function returns, or the error; written arrays are copies."""
    own = [it.copy() if isinstance(it, np.ndarray) else it for it in arguments]
    with np.errstate(all="ignore"):
        try:
            return function(*own)
        except Exception as error:
            return error


def fault(name, door, arguments) -> str:
    """Say what is wrong with how a door served a call, or ""."""
    found = called(door, arguments)
    if found is NotImplemented:
        return ""
    if isinstance(found, Exception):
        text = str(found)
        if type(found) not in (ValueError, TypeError) or "\n" in text or "No matching definition" in text:
            return f"an error from the inside: {type(found).__name__}: {text}"
        return ""
    right = called(getattr(textbook, name), arguments)
    if isinstance(right, Exception):
        return f"it served what the textbook refuses ({right})"
    for ours, theirs in zip(flattened(found), flattened(right), strict=True):
        digits = max(1e-3, 2e-5 * np.abs(theirs, where=np.isfinite(theirs), out=np.zeros(theirs.shape)).max(initial=0))
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, 1e-3, digits, equal_nan=True):
            return f"it returned {ours.shape}, the textbook {theirs.shape}, and other numbers"
    return ""


def walk() -> Iterator[str]:
    """Yield what is wrong, and count the doors that were tried."""
    guarded, tried, number = Guarded(), set(), 0
    _memory.POOL.empty = guarded.empty
    for name, right in calls():
        door = getattr(cpu, name)
        served = called(door, right)
        if served is NotImplemented or isinstance(served, Exception) or fault(name, door, right):
            yield f"{name}: the call that should be right is not served: {type(served)} {fault(name, door, right)}"
        if name == "conv2d_fused":
            yield from prepared(right, guarded)
        tried.add(name)
        if "-v" in sys.argv:
            print(name, number, file=sys.stderr, flush=True)
        for at, argument in enumerate(right):
            for other in spoilt(argument):
                arguments, number = (*right[:at], other, *right[at + 1 :]), number + 1
                reason = fault(name, door, arguments)
                if not guarded.are_whole():
                    reason = "it wrote outside of an array"
                if reason:
                    shown = getattr(other, "shape", other), getattr(other, "dtype", "")
                    yield f"{name}: argument {at} = {shown}: {reason}"
    if missing := {name for name in cpu.__all__ if not name.startswith("prepare_")} - tried:
        yield f"no call was made of {', '.join(sorted(missing))}"
    print(f"{len(tried)} doors, {number} calls", file=sys.stderr)


def prepared(right, guarded) -> Iterator[str]:
    """Yield what is wrong with a convolution that was prepared, called with other pictures."""
    from minidl._backend import constant

    x, w, b, residual, *rest = right
    run = cpu.prepare_conv2d_fused(x, constant(w), constant(b), residual, *rest)
    for at, argument in ((0, x), (1, residual)):
        for other in spoilt(argument):
            arguments = (other, residual) if at == 0 else (x, other)
            found = called(run, arguments)
            if at == 1 and other is None:
                continue
            served = not isinstance(found, (ValueError, TypeError))
            fits = isinstance(other, np.ndarray) and (other.shape, other.dtype) == (argument.shape, argument.dtype)
            if served != fits or not guarded.are_whole():
                yield f"prepare_conv2d_fused: argument {at} = {getattr(other, 'shape', other)}: {found!r}"


if __name__ == "__main__":
    faulthandler.enable()
    assert kernels.NAMES
    faults = 0
    for line in walk():
        faults += 1
        print(line, flush=True)
    sys.exit(bool(faults))
