"""A tensor among NumPy's functions, and NumPy's kinds of arrays at the door of a tensor."""

import numpy as np
import pytest

import minidl
from minidl import Tensor
from minidl._words import WORKS
from minidl._words.numpy import NUMPY, NUMPY_WRITES
from tests.contract import assert_close


def wanted(*shape, dtype="float64"):
    return Tensor(np.arange(1.0, 1 + np.prod(shape), dtype=dtype).reshape(shape), requires_grad=True)


# Functions


def every_function():
    """Yield the name and the function of everything in NumPy that asks its arguments what they think of it."""
    for module, prefix in ((np, ""), (np.linalg, "linalg."), (np.fft, "fft.")):
        for name, function in vars(module).items():
            if isinstance(function, np.ufunc) or type(function) is type(np.sum):  # both kinds are made in C
                yield prefix + name, function


FUNCTIONS = dict(every_function())


def calls(name, x):
    """Call a function in the ways in which it may want to be called with tensors."""
    ways = [(x,), (x, x), ([x, x],), (x, 0), (x > 0, x, x), (x, 0, 1), (x, (1, 1)), (x, x, x), (x, [0], x)]
    for args in [("ij", x)] if name == "einsum" else ways:
        try:
            yield FUNCTIONS[name](*args)
        except TypeError as error:
            if str(error).startswith("np."):
                yield error
        except Exception:  # NumPy does not want to be called like that
            continue


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_of_numpy_cuts_a_graph_that_somebody_wants(name):
    x = wanted(2, 2)
    for found in calls(name, x):
        if isinstance(found, TypeError):
            assert str(found).startswith("np.")
            assert "\n" not in str(found)
        elif isinstance(found, Tensor):
            assert found.requires_grad or found.dtype == np.bool_
        else:
            assert NUMPY[name].fate == WORKS, f"np.{name} returned {found!r}"
    assert (x.data == wanted(2, 2).data).all()


def test_numpy_gets_arrays_where_nobody_wants_a_gradient(rng):
    x = Tensor(rng.standard_normal((3, 4)))
    for name in ("exp", "sum", "mean", "transpose", "ravel", "maximum", "where", "stack", "linalg.norm", "floor"):
        args = {"maximum": (x, 0), "where": (x > 0, x, 0.0), "stack": ([x, x],)}
        plain = {"maximum": (x.data, 0), "where": (x.data > 0, x.data, 0.0), "stack": ([x.data] * 2,)}
        found = FUNCTIONS[name](*args.get(name, (x,)))
        assert isinstance(found, (np.ndarray, np.generic)), name
        np.testing.assert_array_equal(found, FUNCTIONS[name](*plain.get(name, (x.data,))), err_msg=name)
    leaf = wanted(2)
    with minidl.no_grad():
        np.testing.assert_array_equal(np.exp(leaf), np.exp(leaf.data))
        np.testing.assert_array_equal(np.asarray(leaf), leaf.data)


CASES = [
    (lambda h: np.exp(h), r"np.exp: .*; use ops.exp\(x\); x.numpy\(\) gives the numbers alone"),
    (
        lambda h: h * np.clip(h, 0, 1),
        r"np.clip: the result would keep no history, and .*ops.clip\(x, low, ",
    ),
    (lambda h: np.where(h.data > 0, h, 0), r"np.where: .*use ops.where\(condition, x, y\)"),
    (lambda h: np.concatenate([h, h]), r"np.concatenate: .*use ops.concat\(tensors, axis\)"),
    (lambda h: np.stack([h.data, h]), r"np.stack: .*use minidl.stack\(\[x, y\]\)"),
    (lambda h: np.maximum(h, 0), r"np.maximum: .*use ops.where\(x > y, x, y\)"),
    (lambda h: np.sum(h), r"np.sum: .*use x.sum\(axis\)"),
    (lambda h: np.mean(h, axis=0), r"np.mean: .*use x.mean\(axis\)"),
    (lambda h: np.transpose(h), r"np.transpose: .*use x.permute\(…\)"),
    (lambda h: np.add.reduce(h), "np.add.reduce: .*minidl.ops has what is differentiable"),
    (lambda h: np.linalg.norm(h), r"np.linalg.norm: .*use x.norm\(\)"),
    (lambda h: np.linalg.svd(h), "np.linalg.svd: .*minidl.ops has what is differentiable"),
    (lambda h: np.add(h, h, out=np.zeros((2, 2))), "np.add: the result would keep no history"),
    (lambda h: np.copyto(np.zeros((2, 2)), h), "np.copyto: the result would keep no history"),
    (lambda h: np.asarray(h), r"Tensor: an array keeps no history, and somebody wants the gradient; x.numpy\(\) says"),
    (lambda h: np.array([h, h]), "Tensor: an array keeps no history"),
    (lambda h: Tensor([h, h]), "Tensor: an array keeps no history, .*ops.concat joins tensors"),
    (lambda h: Tensor([[h.sum()], [1.0]]), "Tensor: an array keeps no history"),
    (lambda h: np.zeros((2, 2)).__setitem__(..., h), "Tensor: an array keeps no history"),
]


@pytest.mark.parametrize(("function", "message"), CASES)
def test_what_would_cut_a_graph_is_answered(function, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        function(wanted(2, 2))


def test_operators_of_arrays_are_those_of_tensors(rng):
    a = rng.standard_normal((2, 2))
    x = wanted(2, 2)
    for found, expected in [
        (a + x, a + x.data),
        (a - x, a - x.data),
        (a * x, a * x.data),
        (a / x, a / x.data),
        (a @ x, a @ x.data),
        (np.float64(3) * x, 3 * x.data),
        (np.float32(3) - x, 3 - x.data),
        (np.multiply(x, a), x.data * a),
        (np.power(x, 2), x.data**2),
    ]:
        assert isinstance(found, Tensor)
        assert found.requires_grad
        assert_close(found.data, expected, "float64")


def test_an_array_keeps_no_history_in_place_either():
    array, x = np.ones(4).reshape(2, 2), wanted(2, 2)
    with pytest.raises(TypeError, match="np.add: the result would keep no history"):
        array += x
    array += x.detach()
    assert array.tolist() == [[2, 3], [4, 5]]


@pytest.mark.parametrize("function", ["__floordiv__", "__mod__", "__divmod__", "__lshift__", "__rshift__"])
def test_operators_without_an_operation_say_so_from_both_sides(function):
    x, reflected = Tensor(np.array([4, 5])), function.replace("__", "__r", 1)
    for call in (
        lambda: getattr(x, function)(2),
        lambda: getattr(x, reflected)(2),
        lambda: getattr(np.array([1, 2]), function)(x),
    ):
        with pytest.raises(TypeError, match=r"^(//|%|divmod|<<|>>): .*x.data.* gives the numbers alone"):
            call()


@pytest.mark.parametrize("call", [lambda x: x**x, lambda x: np.array([2.0]) ** x, lambda x: minidl.pow(x, x)])
def test_powers_of_tensors_are_answered(call):
    with pytest.raises(TypeError, match="power: exponent must be a plain number; received a Tensor; .*ops.exp"):
        call(wanted(1))


@pytest.mark.parametrize("name", NUMPY_WRITES)
def test_numpy_writes_into_no_tensor(name):
    x = Tensor(np.zeros((2, 2)))
    with pytest.raises(TypeError, match=f"np.{name}: NumPy cannot write into a tensor"):
        getattr(np, name)(x, *{"put_along_axis": (0, 0, 0), "copyto": (0,), "fill_diagonal": (0,)}.get(name, (0, 0)))


def test_numpy_writes_no_result_into_a_tensor():
    x = Tensor(np.zeros(2))
    for call in (lambda: np.add(1.0, [1.0, 2.0], out=x), lambda: np.cumsum([1.0, 2.0], out=x)):
        with pytest.raises(TypeError, match="NumPy cannot write into a tensor"):
            call()
    view = np.transpose(x)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1


def test_numpy_gets_a_copy_of_the_values():
    x = Tensor([1.0, 3.0, 2.0])
    array = np.asarray(x)
    assert (array.dtype, array.tolist()) == (np.float32, [1, 3, 2])
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    array[0] = 7
    assert x.data[0] == 1
    if int(np.__version__.split(".")[0]) >= 2:
        with pytest.raises(ValueError, match="Tensor: NumPy always gets a copy of a tensor"):
            np.asarray(x, copy=False)


def test_what_says_nothing_about_gradients_works_where_one_is_wanted():
    x = wanted(2, 3)
    assert (np.argmax(x), np.shape(x), np.ndim(x), np.size(x), np.count_nonzero(x)) == (5, (2, 3), 2, 6, 6)
    assert np.isfinite(x).all()
    assert np.allclose(x, x.data)
    assert np.zeros_like(x).tolist() == [[0] * 3] * 2
    assert np.shares_memory(x, x.data)


# Kinds of arrays

NATIVE = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)


class Own(np.ndarray):
    """Somebody's kind of array."""


def unaligned():
    memory = np.zeros(NATIVE.nbytes + 1, np.uint8)
    array = memory[1:].view(np.float32).reshape(2, 2)
    array[...] = NATIVE
    return array


NORMALISED = {
    "a matrix": lambda: NATIVE.view(np.matrix),
    "a subclass": lambda: NATIVE.view(Own),
    "the other byte order": lambda: NATIVE.astype(NATIVE.dtype.newbyteorder()),
    "odd addresses": unaligned,
    "read-only": lambda: np.frombuffer(NATIVE.tobytes(), np.float32).reshape(2, 2),
    "a record array of numbers": lambda: NATIVE.view(np.recarray),
    "backwards in memory": lambda: np.ascontiguousarray(NATIVE[::-1, ::-1])[::-1, ::-1],
    "a memory map": lambda: np.memmap("/dev/zero", np.float32, "r", shape=(2, 2)),
    "a memory view": lambda: memoryview(NATIVE),
    "rows": lambda: [tuple(row) for row in NATIVE],
}


@pytest.mark.parametrize("kind", NORMALISED)
def test_kinds_of_arrays_become_plain_ones(kind):
    array = NORMALISED[kind]()
    x = Tensor(array, requires_grad=True)
    assert type(x._data) is np.ndarray
    assert x.dtype is np.dtype(np.float32)
    assert x.data.flags.aligned
    np.testing.assert_array_equal(x.data, np.zeros((2, 2)) if kind == "a memory map" else NATIVE)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * x.data)
    if isinstance(array, np.ndarray):
        other = Tensor(NATIVE, requires_grad=True)
        other.data = array
        other.grad = array if array.dtype.isnative else None
        assert type(other._data) is np.ndarray
        assert type(other.grad) in (np.ndarray, type(None))
        np.testing.assert_array_equal((other * array).data, other.data * x.data)
        assert (other == array).all()


REFUSED = {
    "masked": (
        lambda: np.ma.masked_array([1.0, 2.0], [0, 1]),
        r"masked array, whose .*filled\(0\)",
    ),
    "float16": (
        lambda: np.ones(2, np.float16),
        "floats are float32 or float64 here; received dtype=float16",
    ),
    "longdouble": (lambda: np.ones(2, np.longdouble), "floats are float32 or float64 here; received dtype=float128"),
    "complex": (lambda: np.ones(2, np.complex64), "expects numbers; received dtype=complex64"),
    "objects": (lambda: np.array([1, None]), "expects numbers; received dtype=object"),
    "records": (lambda: np.zeros(2, [("a", "f4")]), "expects numbers; received dtype=.*'a'"),
    "records as attributes": (lambda: np.zeros(2, [("a", "f4")]).view(np.recarray), "expects numbers; received dtype="),
    "dates": (lambda: np.array([0, 1], "datetime64[D]"), "expects numbers; received dtype=datetime64"),
    "time spans": (lambda: np.array([0, 1], "timedelta64[s]"), "expects numbers; received dtype=timedelta64"),
    "text": (lambda: np.array(["a", "b"]), "expects numbers; received dtype=<U1"),
    "bytes": (lambda: np.array([b"a", b"b"]), r"expects numbers; received dtype=\|S1"),
    "a dict": (lambda: {"a": 1}, "expects numbers; received dtype=object"),
    "None": (lambda: None, "expects numbers; received dtype=object"),
    "a tensor": (lambda: Tensor([1.0]), "the argument is a Tensor already; use it as it is, or its .data"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_kinds_of_arrays_that_are_refused(kind, requires_grad):
    make, message = REFUSED[kind]
    with pytest.raises(TypeError, match=f"^Tensor: (received a )?{message}"):
        Tensor(make(), requires_grad=requires_grad)
    array = make()
    if isinstance(array, np.ndarray):
        x = wanted(2)
        with pytest.raises(TypeError, match="^(multiply|Tensor): "):
            x * array
        with pytest.raises(TypeError, match="^Tensor.data: "):
            x.data = array


def test_rows_of_different_length_are_refused():
    with pytest.raises(ValueError, match="Tensor: array must be numbers in rows of one length"):
        Tensor([[1.0], [1.0, 2.0]])


def test_a_stranger_that_becomes_an_array_is_read_as_numbers():
    class Column:
        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0], dtype=dtype)

    assert Tensor(Column()).data.tolist() == [1, 2]

    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("not today")

    with pytest.raises(ValueError, match="Tensor: array must be numbers"):
        Tensor(Broken())
