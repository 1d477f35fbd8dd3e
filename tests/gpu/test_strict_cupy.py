"""The stand-in refuses what CuPy refuses. On CUDA the same tests ask CuPy itself, so that the stand-in cannot lie."""

import copy

import numpy as np
import pytest

from tests import cupy_names, strict_cupy


@pytest.fixture
def x(gpu):
    return gpu.put(np.arange(12.0).reshape(3, 4))


@pytest.fixture
def strict(gpu):
    if gpu.moves is None:
        pytest.skip("here the stand-in is stricter than CuPy, on purpose")
    return gpu


HOST = np.ones((3, 4))


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + HOST,
        lambda x: HOST + x,
        lambda x: x * HOST[0],
        lambda x: x @ HOST.T,
        lambda x: x > HOST,
        lambda x: x == HOST,
        lambda x: np.add(HOST, x),
        lambda x: x.__iadd__(HOST),
        lambda x: HOST.__iadd__(x),
        lambda x: x - [1.0, 2.0, 3.0, 4.0],
        lambda x: np.asarray(x),
        lambda x: np.array([x, x]),
        lambda x: HOST.__setitem__(0, x[0]),
        lambda x: x.__setitem__(0, HOST[0]),
        lambda x: np.float64(2) * x + HOST,
    ],
)
def test_device_and_host_arrays_do_not_mix(mix, x):
    with pytest.raises((TypeError, ValueError)):
        mix(x)


@pytest.mark.parametrize(
    "call",
    [
        lambda xp, x: xp.add(x, HOST),
        lambda xp, x: xp.maximum(HOST, 0),
        lambda xp, x: xp.exp(x, out=np.empty((3, 4))),
        lambda xp, x: xp.matmul(x, x.T, out=np.empty((3, 3))),
        lambda xp, x: xp.matmul(x, 2.0),
        lambda xp, x: xp.where(x > 1, x, HOST),
        lambda xp, x: xp.where(HOST > 1, x, 0.0),
        lambda xp, x: xp.copyto(x, HOST),
        lambda xp, x: xp.copyto(x, 0.0, where=HOST > 1),
        lambda xp, x: xp.copyto(x, 0.0, where=x),
        lambda xp, x: xp.concatenate([x, HOST]),
        lambda xp, x: xp.concatenate([x, [[1.0, 2.0, 3.0, 4.0]]]),
        lambda xp, x: xp.sum([1.0, 2.0]),
        lambda xp, x: xp.where(x > 1, x),
        lambda xp, x: xp.asarray(["a"]),
        lambda xp, x: x.astype("float32").__iadd__(1j),
        lambda xp, x: len(x.sum()),
        lambda xp, x: bool(x > 1),
        lambda xp, x: x.item(),
        lambda xp, x: range(xp.arange(3)[2]),
    ],
)
def test_wrong_arguments_are_refused(call, gpu, x):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        call(gpu.cupy, x)


@pytest.mark.parametrize(
    "call",
    [
        lambda xp, x: x.sum(where=x > 1),
        lambda xp, x: x.sum(initial=0.0),
        lambda xp, x: x.max(initial=0.0),
        lambda xp, x: xp.max(x, where=x > 1),
        lambda xp, x: xp.add(x, x, where=x > 1),
        lambda xp, x: xp.exp(x, order="K"),
        lambda xp, x: xp.einsum("ij->j", x, out=x[0]),
        lambda xp, x: xp.broadcast_to(x, (2, 3, 4), subok=True),
        lambda xp, x: xp.empty((2,), like=x),
        lambda xp, x: x.var(correction=1),
        lambda xp, x: x.argsort(order="f"),
    ],
)
def test_keywords_that_cupy_lacks(call, gpu, x):
    with pytest.raises(TypeError):
        call(gpu.cupy, x)


@pytest.mark.parametrize("name", ["lib2", "errstate", "may_not_exist", "moves", "lookfor", "geomspace"])
def test_names_that_cupy_lacks(name, gpu):
    with pytest.raises(AttributeError):
        getattr(gpu.cupy, name)


def test_attributes_that_cupy_lacks(x):
    for name in ("ctypes", "flat_", "setflags", "__array_interface__", "__index__", "__contains__", "__imatmul__"):
        assert not hasattr(x, name), name
    assert not hasattr(x.flags, "writeable")


def test_scatter(gpu, x):
    xp = gpu.cupy
    xp.add.at(x, (xp.asarray([0, 0]), slice(None)), 1.0)
    gpu.assert_same(x[0], np.array([2.0, 3.0, 4.0, 5.0]))
    with pytest.raises(NotImplementedError):
        xp.multiply.at(x, 0, 2.0)
    with pytest.raises(TypeError):
        xp.add.at(xp.zeros(3, "int16"), xp.asarray([0]), 1)
    gpu.assert_same(xp.add.reduce(x, axis=1), x.get().sum(axis=1))
    gpu.assert_same(xp.multiply.reduce(x, axis=1), x.get().prod(axis=1))
    with pytest.raises(NotImplementedError):
        xp.maximum.reduce(x)


def test_indices(gpu, x):
    xp = gpu.cupy
    assert xp.asarray([[1, 2, 7, -8]]).shape == (1, 4)
    gpu.assert_same(x[xp.asarray([0, 4, -4])], x.get()[[0, 1, 2]])  # out of bounds: CuPy wraps around
    gpu.assert_same(x[None, ..., xp.asarray([5], dtype="uint8")], x.get()[None, ..., [1]])
    gpu.assert_same(x[[0, 2], 1], x.get()[[0, 2], 1])
    gpu.assert_same(x[x > 3], x.get()[x.get() > 3])
    gpu.assert_same(x[:, xp.asarray([True, False, True, False])], x.get()[:, [0, 2]])
    with pytest.raises(IndexError):
        x[4]
    with pytest.raises(IndexError):
        x[x]
    with pytest.raises((ValueError, IndexError)):
        x[x[:, 0] > 1, xp.asarray([0, 1])]
    x[xp.asarray([0, 2])] = 7
    x[x == 7] = 8.5
    x[1, 1] = xp.asarray(3.5)
    assert float(x[2, 3]) == 8.5
    assert float(x[1, 1]) == 3.5
    with pytest.raises((TypeError, ValueError)):
        x[0] = [1.0, 2.0, 3.0, 4.0]


def test_one_number_stays_an_array(gpu, x):
    for number in (x.sum(), x[1, 2], x.max(), gpu.cupy.mean(x), (x > 1).any(), gpu.cupy.array_equal(x, x), x.argmax()):
        assert isinstance(number, gpu.cupy.ndarray)
        assert number.shape == ()
    assert int(x.argmax()) == 11
    assert bool((x >= 0).all())
    assert f"{float(x.sum()):.1f}" == "66.0"
    assert not gpu.cupy.zeros(1)


def test_dtypes_follow_numpy(gpu, x):
    single = x.astype("float32")
    assert (single * 2).dtype == (2.0 - single).dtype == (np.float32(2) * single).dtype == np.float32
    assert (single > 1).dtype == bool
    assert (single**2).dtype == np.float32
    assert (single + x).dtype == np.float64
    assert gpu.cupy.arange(3).dtype == np.int64
    assert gpu.cupy.isinf(1 / single[0, 0])  # and no warning: a GPU gives none
    assert gpu.cupy.full((2,), 1.5, dtype="float32").dtype == np.float32


def test_views_and_copies(gpu, x):
    xp = gpu.cupy
    assert x.base is None
    assert x[1:].base is x
    assert x[1:].T.reshape(-1).base is None
    assert x.T[1:].base is x
    assert x.reshape(4, 3).base is x
    assert x.ravel().base is x
    assert x.flatten().base is None
    assert x.astype(x.dtype).base is None
    assert x.astype(x.dtype, copy=False) is x
    assert xp.asarray(x) is x
    assert x[0].T.shape == (4,)
    assert xp.add(x, 1, out=x) is x
    assert x.sum(axis=0, out=xp.empty(4)).shape == (4,)
    assert xp.broadcast_to(x, (2, 3, 4)).strides == (0, 32, 8)
    assert (x.T.flags.c_contiguous, x.T.flags.f_contiguous, x.T.flags.owndata) == (False, True, False)
    assert (x.T + 1).flags.c_contiguous  # a result without out= is
    assert x.T.sum(axis=1, keepdims=True).flags.c_contiguous
    for other in (copy.copy(x), copy.deepcopy(x), x.copy()):
        assert other.base is None
        gpu.assert_same(other, x.get())
    assert [float(row.sum()) for row in x] == [float(value) for value in x.sum(axis=1).tolist()]


def test_uploads_are_in_c_or_fortran_order(gpu):
    block = np.arange(24.0).reshape(2, 3, 4)
    assert gpu.put(block.transpose(0, 2, 1)).flags.c_contiguous
    assert gpu.put(block.T).flags.f_contiguous
    assert gpu.put(block.T).get().flags.c_contiguous


def test_the_rest_works_as_in_numpy(gpu, x):
    xp, host = gpu.cupy, x.get()
    gpu.assert_same(xp.where(x > 3, x, 0.5), np.where(host > 3, host, 0.5))
    gpu.assert_same(xp.where(x > 3)[0], np.where(host > 3)[0])
    gpu.assert_same(xp.concatenate([x, x], axis=1), np.concatenate([host, host], axis=1))
    gpu.assert_same(xp.stack([x, x]), np.stack([host, host]))
    gpu.assert_same(xp.einsum("ij,kj->ik", x, x), np.einsum("ij,kj->ik", host, host))
    gpu.assert_same(xp.pad(x, ((1, 0), (0, 2))), np.pad(host, ((1, 0), (0, 2))))
    gpu.assert_same(xp.split(x, 2, axis=1)[1], host[:, 2:])
    gpu.assert_same(x.clip(None, 4), host.clip(None, 4))
    gpu.assert_same(x.var(axis=0, ddof=1), host.var(axis=0, ddof=1))
    gpu.assert_same(xp.frexp(x)[0], np.frexp(host)[0])
    gpu.assert_same(-abs(~(x > 1) - x), -abs(~(host > 1) - host))
    gpu.assert_same(+x, host)
    gpu.assert_same(xp.array(x, dtype="float32"), host.astype("float32"))
    gpu.assert_same(xp.asarray(x, dtype="float32"), host.astype("float32"))
    assert xp.asnumpy(x).flags.owndata
    assert xp.asnumpy(host) is host
    assert (xp.ndim(x), xp.shape(x), xp.size(x)) == (2, (3, 4), 12)
    assert xp.result_type(x, np.float32) == np.float64
    assert (x.ndim, x.size, x.nbytes, x.itemsize, x.device.id) == (2, 12, 96, 8, 0)
    assert x.data.ptr + 32 == x[1].data.ptr
    assert repr(x) == repr(host)
    assert xp.pi == np.pi
    assert xp.float32 is np.float32
    empty = xp.ndarray((2, 3), "float32")
    empty.fill(2)
    empty.set(np.ones((2, 3), "float32"))
    gpu.assert_same(empty, np.ones((2, 3), "float32"))


def test_what_numpy_offers_to_do_for_device_arrays_is_refused(strict, x):
    """CuPy lets `np.exp(x)` call `cupy.exp(x)`; minidl says which module it means."""
    for call in (np.exp, np.sum, np.shape, lambda x: np.concatenate([x, x]), lambda x: np.add(x, x)):
        with pytest.raises(TypeError, match="was called with a device array"):
            call(x)


def test_silent_uploads_are_refused(strict, x):
    """CuPy copies a host array to the device if it stands in an index."""
    for key in (np.array([0, 1]), (slice(None), np.array([0])), np.ones(3, dtype=bool), True):
        with pytest.raises(TypeError, match="Unsupported type"):
            x[key]
    with pytest.raises(TypeError, match="Unsupported type"):
        strict.cupy.sum(HOST)  # CuPy calls HOST.sum
    with pytest.raises(RuntimeError, match="one place is written twice"):
        x[strict.put(np.array([0, 0]))] = 1.0


def test_moves_are_counted(strict, x):
    xp, moves = strict.cupy, strict.moves
    for move, count in {
        lambda: xp.asarray([1, 2]): {"put": 1},
        lambda: xp.asarray(HOST, dtype="float32"): {"put": 1},
        lambda: x[[0, 1]]: {"put": 1},
        lambda: x.set(HOST): {"put": 1},
        lambda: x.get(): {"get": 1},
        lambda: x.tolist(): {"get": 1},
        lambda: repr(x): {"get": 1},
        lambda: float(x[0, 0]): {"read": 1},
        lambda: x.sum().item(): {"read": 1},
        lambda: bool(x[0, 0]): {"read": 1},
        lambda: x[x > 3]: {"read": 1},
        lambda: xp.nonzero(x): {"read": 1},
        lambda: xp.full((2,), 3.0) + xp.arange(2) * x[0, :2]: {},
    }.items():
        moves.clear()
        move()
        assert dict(moves) == count


def test_what_is_not_modelled_says_so(strict):
    with pytest.raises(NotImplementedError, match=r"cupy.linalg exists, but the stand-in does not model it"):
        strict.cupy.linalg  # noqa: B018


def test_the_stand_in_offers_only_what_cupy_has():
    names = cupy_names.read()

    class Plain:  # Python 3.13 gives every class two more names
        pass

    known = {name for kind in ("attribute", "method") for name in names[kind]} | set(dir(Plain))
    own = {"_array", "_key", "_list", "__module__", "__slots__", "__weakref__", "__getstate__"}
    assert set(dir(strict_cupy.ndarray)) - own <= known | {"get"}
    everything = {name for kind in strict_cupy.MODELLED for name in names[kind]}
    assert {name for name in vars(strict_cupy.cupy) if not name.startswith("__")} <= everything


def test_cupy_has_the_names_of_the_list():
    """Wherever CuPy is installed; its import needs no GPU."""
    reason = "CuPy is not installed: the list of its names cannot be compared"
    cupy = pytest.importorskip("cupy", reason=reason, exc_type=ImportError)
    new, known = cupy_names.collect(cupy), cupy_names.read()
    assert cupy_names.merge(known, new) == known


def test_the_list_of_names_survives_writing_and_reading(tmp_path):
    table = cupy_names.read()
    path = tmp_path / "names.txt"
    path.write_text(cupy_names.written(table, "# CuPy 0"), encoding="utf-8")
    assert cupy_names.read(path) == table
    assert str(cupy_names.signature("a axis= / * out=")) == "(a, axis=None, /, *, out=None)"
    assert str(cupy_names.signature("*args key= **rest")) == "(*args, key=None, **rest)"
    old = {"function": {"f": "a b=", "g": "*args **kwargs", "h": ""}}
    new = {"function": {"f": "a", "g": "x y=", "i": ""}}
    assert cupy_names.merge(old, new) == {"function": {"f": "a", "g": "x y="}}
