"""Where arrays are allocated, and in which memory order."""

import functools
import gc
import itertools
import sys
import threading

import numpy as np
import pytest

from minidl import Tensor, _backend, _sharing


def test_a_result_lies_in_memory_like_its_model():
    nhwc = np.zeros((2, 5, 6, 3)).transpose(0, 3, 1, 2)  # N, C, H, W seen, channels last in memory
    result = _backend.empty((2, 8, 4, 4), np.float32, like=nhwc)
    assert result.shape == (2, 8, 4, 4)
    assert result.transpose(0, 2, 3, 1).flags.c_contiguous
    assert _backend.empty((2, 8), np.float32, like=nhwc).flags.c_contiguous
    assert _backend.empty((2, 3, 5, 6), np.float64, like=np.zeros((2, 3, 5, 6))).flags.c_contiguous


def test_copy_keeps_the_order_and_shares_nothing():
    x = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    y = _backend.copy(x)
    np.testing.assert_array_equal(x, y)
    assert x.strides == y.strides
    assert not np.shares_memory(x, y)


def test_every_kind_of_numpy_array_is_on_the_cpu(tmp_path):
    np.arange(3.0).tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", dtype="float64", mode="r")
    np.testing.assert_array_equal((Tensor(mapped) + Tensor(np.ones(3))).data, [1, 2, 3])


def test_numbers_come_to_numpy():
    for value in (1.5, [1.5], np.float64(1.5)):
        assert type(_backend.to_numpy(value)) is np.ndarray
    x = np.zeros(2)
    assert _backend.to_numpy(x) is x


def test_devices():
    x = np.zeros(2)
    assert _backend.to_device(x, "cpu") is x
    assert _backend.device_of(x) == "cpu"
    with pytest.raises(ValueError, match='to: device must be "cpu" or "cuda"; received device=\'tpu\''):
        _backend.to_device(x, "tpu")


@pytest.mark.parametrize("shape", [(3, 4), (300, 400)], ids=["numpy's memory", "the pool's"])
def test_an_array_is_held_once_if_nobody_else_refers_to_its_memory(shape):
    holder = {key: _backend.empty(shape, "float32", like=np.empty(0)) for key in (0, 1)}
    holder[1] = holder[1].T[1:]
    assert all(_sharing.is_held_once(holder, key) for key in holder)
    for key in holder:
        array = holder[key]
        assert not _sharing.is_held_once(holder, key)
        view = array[:, :1]
        del array
        assert not _sharing.is_held_once(holder, key)
        del view
        assert _sharing.is_held_once(holder, key)
    base = holder[1].base
    assert not _sharing.is_held_once(holder, 1)
    del base
    holder[2] = holder[1]
    assert not _sharing.is_held_once(holder, 1)


def generator_that_holds(array):
    yield
    yield array


def raised_with(array):
    try:
        raise KeyError(array.shape)
    except KeyError as error:
        return error  # its traceback holds this frame, and the frame the array


def argument(array, ask):
    return ask()


def several_arguments(array, ask):
    def inner(*arrays, **named):
        return ask()

    return inner(array, array=array)


def another_thread(array, ask):
    ready, done, found = threading.Event(), threading.Event(), []

    def hold(array):
        ready.set()
        done.wait(30)
        return array

    thread = threading.Thread(target=hold, args=(array,))
    del array
    thread.start()
    ready.wait(30)
    found.append(ask())
    done.set()
    thread.join()
    return found[0]


def holding(make):
    """A second reference that lies in what `make` returns."""

    def way(array, ask):
        held = make(array)
        del array
        answer = ask()
        del held
        return answer

    return way


def started(generator):
    next(generator)
    return generator


WAYS = {
    "argument": argument,
    "several arguments": several_arguments,
    "another thread": another_thread,
    "name": holding(lambda it: it),
    "closure": holding(lambda it: lambda: it),
    "default": holding(lambda it: lambda a=it: a),
    "generator": holding(lambda it: started(generator_that_holds(it))),
    "generator not begun": holding(generator_that_holds),
    "list": holding(lambda it: [it]),
    "attribute": holding(lambda it: type("Holder", (), {"array": it})),
    "exception": holding(raised_with),
    "view": holding(lambda it: it[:]),
    "empty view": holding(lambda it: it[:0]),
    "transposed": holding(lambda it: it.T),
    "another type": holding(lambda it: it.view(np.uint8)),
    "memoryview": holding(memoryview),
    "slice of a memoryview": holding(lambda it: memoryview(it)[1:]),
    "frombuffer": holding(lambda it: np.frombuffer(it, np.uint8)),
    "ctypes": holding(lambda it: it.ctypes),
    "method": holding(lambda it: it.sum),
    "iterator": holding(iter),
    "flat": holding(lambda it: it.flat),
    "nditer": holding(lambda it: np.nditer(it)),
    "broadcast": holding(lambda it: np.broadcast_to(it, (2, *it.shape))),
    "partial": holding(lambda it: functools.partial(np.add, it)),
    "tensor": holding(Tensor),
    "graph": holding(lambda it: Tensor(it, requires_grad=True) * 2.0),
}


@pytest.fixture(scope="module")
def _young():
    """Let Python's collector walk over what the tests make, and not over all that has been loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_young")
@pytest.mark.parametrize("stands", ["alone", "as a view", "in the pool", "in the pool as a view"])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_holding_an_array_is_missed(way, stands):
    holder = {0: np.ones((300, 400) if "pool" in stands else (3, 4), np.float32)}
    if "pool" in stands:
        holder[0] = _backend.copy(holder[0])
    if "view" in stands:
        holder[0] = holder[0].reshape(-1)

    def ask():
        return _sharing.is_held_once(holder, 0)

    assert ask()
    assert not WAYS[way](holder[0], ask)
    gc.collect()
    assert ask()


def test_the_walk_back_adds_in_place_where_it_may():
    """Where Python counts as expected, as every version does that is tested, the answer is not always no."""
    assert _sharing._held_once() == _sharing.HELD_ONCE
    holder = {0: np.empty(1)}
    found = _sharing._count(holder[0])  # not within an assert: pytest holds what is asked there
    assert found == _sharing.HELD_ONCE


@pytest.mark.parametrize("way", ["nobody but the holder", "twice as many", "the lock is off"])
def test_where_python_counts_otherwise_nobody_is_believed(way, monkeypatch):
    count = sys.getrefcount
    if way == "the lock is off":
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    elif way == "twice as many":  # the question counts itself differently each time it is asked
        answers = itertools.count()
        monkeypatch.setattr(_sharing, "_count", lambda it: count(it) + next(answers))
    else:
        monkeypatch.setattr(_sharing, "_count", lambda it: 2)
    assert np.isnan(_sharing._held_once())


def test_memory_that_may_not_be_written_to_or_that_is_repeated_is_never_held_once():
    read_only = np.zeros(3)
    read_only.flags.writeable = False
    holder = {
        0: read_only,
        1: np.broadcast_to(np.zeros(3), (2, 3)),
        2: np.ndarray((2, 3), "float64", np.zeros(3), strides=(0, 8)),
        3: np.frombuffer(bytearray(8), "float32"),
    }
    del read_only
    assert not any(_sharing.is_held_once(holder, key) for key in holder)
