"""The contract of an operation: what every one must keep, checked for one call.

the result equals the oracle; dtype and shape are right in float32 and float64
the gradient equals finite differences, for a random upstream gradient
nothing is changed: inputs, dy, saved arrays;  nothing is shared: result and inputs, gradients and anything
any memory order of inputs and dy gives the same numbers
gradients are asked for one by one, and summed when a tensor is used twice
whatever backward needs is in ctx.saved, where it is counted
"""

import numpy as np

import minidl
from minidl import Tensor, kernels
from minidl.tensor import Node

# "fast" is float32 in the fast set. Its numbers are sums of at most a few hundred products; each step rounds by 6e-8 of
# what it has, and such errors mostly cancel: some 1e-6 of the largest number, and the worst case of the tables is 9e-7.
# A wrong number (a pixel, a tap, a channel too few) changes at least a hundredth.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12, "fast": 3e-6}
# Not a seed that inputs are drawn with: dy or a direction equal to x would hide what is wrong with batch norm's dx,
# which is 0 for dy = x and orthogonal to x.
GRADCHECK_SEED = 20_000


def relative_error(a, b):
    """max |a - b| / max |b|: what "relative" means in this project."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    assert a.shape == b.shape, f"shapes {a.shape} and {b.shape}"
    if b.size == 0:
        return 0.0
    with np.errstate(invalid="ignore"):
        gap = a - b
    difference, scale = (max(it.max(), -it.min()) for it in (gap, b))  # gradients of VGG are a gigabyte: no copies
    if np.isnan(difference):  # as it is where one of them has NaN, which the other must have in the same places
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        difference, scale = np.nanmax(np.abs(a - b), initial=0.0), np.nanmax(np.abs(b), initial=0.0)
    return float(difference / scale) if scale else float(difference)


def assert_close(a, b, dtype="float64", what="result"):
    """Fail unless a equals b as well as the dtype allows."""
    error = relative_error(a, b)
    assert error <= TOLERANCE[str(dtype)], f"{what}: relative error {error:.2e} in {dtype}"


def memory_orders(array):
    """Yield the same numbers in other memory orders: Fortran, last axis reversed, every second element, read-only."""
    if array.ndim:
        yield np.asfortranarray(array)
        yield array[..., ::-1].copy()[..., ::-1]
        spread = np.full((*array.shape[:-1], array.shape[-1] * 2), 7, dtype=array.dtype)
        spread[..., ::2] = array
        yield spread[..., ::2]
    if array.ndim == 4:
        yield np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    read_only = array.copy()
    read_only.flags.writeable = False
    yield read_only


def run(function, arrays, settings, dy=None, wanted=None):
    """Run forward and backward; return the result, the gradients and the tensors."""
    wanted = range(len(arrays)) if wanted is None else wanted
    tensors = [
        None if array is None else Tensor(array, requires_grad=index in wanted and array.dtype.kind == "f")
        for index, array in enumerate(arrays)
    ]
    y = function(*tensors, **settings)
    if dy is not None:
        y.backward(dy)
    return y, [None if tensor is None else tensor.grad for tensor in tensors], tensors


def cast(arrays, dtype):
    return [
        array if array is None or array.dtype.kind != "f" else np.array(array, dtype=dtype, order="C")
        for array in arrays
    ]


def check_function(function, oracle, arrays, settings, *, rng, views=False):
    """Check one call of an operation against its whole contract."""
    arrays = cast([None if array is None else np.asarray(array) for array in arrays], np.float64)
    expected = np.asarray(oracle(*arrays, **settings))
    dy = rng.standard_normal(expected.shape)
    # Copies: a bug that changes an input or dy must not hide itself by having changed it for the checks that follow.
    y, gradients, _ = run(function, cast(arrays, np.float64), settings, dy.copy())
    assert_close(y.data, expected)
    check_gradients(function, arrays, settings)
    check_dtypes(function, arrays, settings, dy, y.data, gradients)
    check_untouched(function, arrays, settings, dy, views)
    check_memory_orders(function, arrays, settings, dy, y.data, gradients)
    check_one_by_one(function, arrays, settings, dy, gradients)
    check_used_twice(function, arrays, settings, dy, gradients)


def check_single(function, oracle, arrays, settings, *, rng, kernel_set, views=False):
    """Check one call against its contract in float32, in a set of kernels that serves nothing else.

    Finite differences say little there: a difference of two results has lost half of their seven digits. So gradients
    are compared with those that the book gives for the same numbers in float64, which `check_function` has proved.
    """
    arrays = cast([None if array is None else np.asarray(array) for array in arrays], np.float32)
    exact = cast(arrays, np.float64)
    dy = rng.standard_normal(np.shape(oracle(*exact, **settings))).astype(np.float32)
    with kernels.use("textbook"):
        _, gradients, _ = run(function, exact, settings, dy.astype(np.float64))
    expected = np.asarray(oracle(*exact, **settings))
    with kernels.use(kernel_set):
        y, found, _ = run(function, cast(arrays, np.float32), settings, dy.copy())
        assert y.dtype == np.float32
        assert_close(y.data, expected, "fast")
        for index, (gradient, right) in enumerate(zip(found, gradients, strict=True)):
            assert (gradient is None) == (right is None)
            if gradient is not None:
                assert gradient.dtype == np.float32
                assert_close(gradient, right, "fast", f"gradient {index}")
        check_untouched(function, arrays, settings, dy, views)
        check_memory_orders(function, arrays, settings, dy, expected, gradients, "fast")
        check_one_by_one(function, arrays, settings, dy, gradients, "fast")
        check_used_twice(function, arrays, settings, dy, gradients, "fast")


def check_gradients(function, arrays, settings):
    present = [index for index, array in enumerate(arrays) if array is not None]

    def call(*tensors):
        full = [None] * len(arrays)
        for index, tensor in zip(present, tensors, strict=True):
            full[index] = tensor
        return function(*full, **settings)

    report = minidl.gradcheck(call, [arrays[index] for index in present], seed=GRADCHECK_SEED)
    assert report.verdict == "ok", str(report)


def check_dtypes(function, arrays, settings, dy, y, gradients):
    single, single_gradients, _ = run(function, cast(arrays, np.float32), settings, dy.astype(np.float32))
    assert single.dtype == np.float32
    assert_close(single.data, y, "float32")
    for index, (gradient, exact) in enumerate(zip(single_gradients, gradients, strict=True)):
        if exact is not None:
            assert gradient.dtype == np.float32
            assert exact.dtype == np.float64
            assert_close(gradient, exact, "float32", f"gradient {index}")


def check_untouched(function, arrays, settings, dy, views):
    """Nothing that goes in may change, and nothing that comes out may share memory with it."""
    arrays = [None if array is None else array.copy() for array in arrays]
    dy = dy.copy()
    before = [None if array is None else array.copy() for array in arrays]
    dy_before = dy.copy()
    y, _, tensors = run(function, arrays, settings)
    node = y._node
    assert isinstance(node, Node)
    saved = node.ctx._saved
    saved_before = [array.copy() for array in saved]
    loose = {
        name
        for name, value in vars(node.ctx).items()
        if isinstance(value, np.ndarray) and not any(value is array for array in saved)
    }
    assert not loose - {"choices", "key"}, f"arrays kept outside ctx.saved: {loose}"
    y.backward(dy)
    for array, old in zip([*arrays, dy, *saved], [*before, dy_before, *saved_before], strict=True):
        if array is not None:
            np.testing.assert_array_equal(array, old)
    given = [array for array in arrays if array is not None]
    if not views:
        assert not any(np.shares_memory(y.data, array) for array in given), "the result shares memory with an input"
    gradients = [tensor.grad for tensor in tensors if tensor is not None and tensor.grad is not None]
    for index, gradient in enumerate(gradients):
        others = [*given, dy, *saved, y.data, *gradients[:index], *gradients[index + 1 :]]
        assert not any(np.shares_memory(gradient, other) for other in others), f"gradient {index} shares memory"


def check_memory_orders(function, arrays, settings, dy, y, gradients, kind="float64"):
    variants = [list(memory_orders(array)) if array is not None else [None] for array in [*arrays, dy]]
    for number in range(max(len(options) for options in variants)):
        *given, upstream = [options[number % len(options)] for options in variants]
        other, other_gradients, _ = run(function, given, settings, upstream)
        assert_close(other.data, y, kind, f"memory order {number}")
        for index, gradient in enumerate(gradients):
            if gradient is not None:
                assert_close(other_gradients[index], gradient, kind, f"gradient {index}, memory order {number}")


def check_one_by_one(function, arrays, settings, dy, gradients, kind="float64"):
    for wanted, exact in enumerate(gradients):
        if exact is None:
            continue
        _, alone, _ = run(function, arrays, settings, dy, wanted=[wanted])
        assert_close(alone[wanted], exact, kind, f"gradient {wanted} alone")
        assert all(gradient is None for index, gradient in enumerate(alone) if index != wanted)


def check_used_twice(function, arrays, settings, dy, gradients, kind="float64"):
    """Used in two calls, a tensor gets the sum of both gradients."""
    tensors = [None if array is None else Tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
    (function(*tensors, **settings) + function(*tensors, **settings) * 2.0).backward(dy)
    for index, (tensor, exact) in enumerate(zip(tensors, gradients, strict=True)):
        if exact is not None:
            assert_close(tensor.grad, 3 * exact, kind, f"gradient {index} used twice")
