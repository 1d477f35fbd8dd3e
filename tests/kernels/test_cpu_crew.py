"""The crew that shares the work of kernels: who does what, sleep, forks, and what it leaves alone."""

import ast
import ctypes
import inspect
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import llvmlite.binding
import numpy as np
import pytest

import minidl
from minidl import doctor
from minidl.kernels import cpu
from minidl.kernels.cpu.simd import cache, crew
from minidl.kernels.cpu.simd import compile as compiling

X = np.linspace(-1, 1, 100_003, dtype=np.float32)
served = pytest.mark.skipif(bool(crew.lack()) or minidl.get_num_threads() < 2, reason=f"no crew here: {crew.lack()}")


def number(place):
    return ctypes.c_int64.from_address(crew.HOME + place)


def shared(x=X):
    """Run a kernel; return its result and how many jobs the crew was given for it."""
    before = number(crew.JOBS).value
    return cpu.relu(x), number(crew.JOBS).value - before


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("waited for a minute in vain")
        time.sleep(0.001)


@served
def test_the_crew_does_what_kernels_share():
    y, jobs = shared()
    assert jobs == 1
    assert crew._hired[0] >= minidl.get_num_threads() - 1
    np.testing.assert_array_equal(y, np.maximum(X, 0))


@served
def test_a_crew_that_sleeps_is_woken():
    shared()
    for _ in range(3):
        until(lambda: number(crew.ASLEEP).value == crew._hired[0])  # nothing to do: they lie down
        y, jobs = shared()
        assert jobs == 1
        np.testing.assert_array_equal(y, np.maximum(X, 0))


@served
def test_in_a_crowd_the_same_bits_come_out():
    number(crew.CROWD).value = time.monotonic_ns() + 10**10  # somebody has seen a crowd, for ten seconds
    try:
        for _ in range(20):
            np.testing.assert_array_equal(shared()[0], np.maximum(X, 0))
    finally:
        number(crew.CROWD).value = 0


@served
def test_a_call_that_finds_the_crew_at_work_does_everything_alone():
    shared()
    number(crew.TAKEN).value = 1
    try:
        y, jobs = shared()
    finally:
        number(crew.TAKEN).value = 0
    assert jobs == 0
    np.testing.assert_array_equal(y, np.maximum(X, 0))


@served
def test_many_callers_get_what_is_theirs():
    failed = []

    def call(factor):
        x = X[: 20_000 + factor] * factor
        for _ in range(100):
            if not (cpu.relu(x) == np.maximum(x, 0)).all():
                failed.append(factor)

    threads = [threading.Thread(target=call, args=(factor,)) for factor in (1, -2, 3, -4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@served
def test_the_caller_does_what_nobody_has_begun_and_is_woken_when_all_is_done():
    shared()
    begun, done, me = {}, [], []

    def task(begins, sizes, steps, data):
        piece, who = begins[0], threading.get_ident()
        begun[piece] = who
        if who == me[0]:
            until(lambda: set(begun.values()) != {who})  # somebody of the crew has a piece
        else:
            until(lambda: len(begun) == 4)  # and is not done before all have been begun,
            time.sleep(0.05)  # nor before the caller, who has nothing left to do, lies down
        done.append(piece)

    numbers = ctypes.POINTER(ctypes.c_int64)
    callback = ctypes.CFUNCTYPE(None, numbers, numbers, numbers, ctypes.c_void_p)(task)
    given = [(ctypes.c_int64 * 1)(value) for value in (0, 4, 1)]  # one array, which begins at 0; 4 pieces; steps of 1
    share = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 8)(crew._entry[0])

    def call():
        me.append(threading.get_ident())
        share(ctypes.cast(callback, ctypes.c_void_p).value, *map(ctypes.addressof, given), 0, 0, 1, 4)

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(60)
    assert not caller.is_alive(), "nobody has woken the caller"
    assert sorted(done) == [0, 1, 2, 3]
    assert (begun[0] == me[0], begun[3] == me[0]) == (True, False)  # from the front, and from the back
    if crew._hired[0] == 1:
        assert sorted(begun.values()).count(me[0]) == 3


PROGRAM = """
import contextlib, ctypes, os, subprocess, sys
before = dict(os.environ)
with contextlib.suppress(OSError):
    ctypes.CDLL("libgomp.so.1")  # as another library would have it
import numpy as np
from minidl.kernels import cpu
from minidl.kernels.cpu.simd import crew
hire, crew.hire = crew.hire, (lambda threads: crew._begun())  # a crew of none
x = np.linspace(-1, 1, 100_003, dtype=np.float32)
jobs = lambda: ctypes.c_int64.from_address(crew.HOME).value
assert (cpu.relu(x) == np.maximum(x, 0)).all() and jobs() == 1, "the caller alone"
hire(2)
assert (cpu.relu(x) == np.maximum(x, 0)).all() and jobs() == 2 and crew._hired == [1], "two"
child = os.fork()
if child == 0:  # whose crew has not come along, and who would be alone with the kernel
    os._exit(int(crew._hired != [0] or not (crew.lack() or jobs() == 0)))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "forked"
assert dict(os.environ) == before
seen = subprocess.run(["env", "-0"], capture_output=True, check=True).stdout.decode().split(chr(0))
assert sorted(filter(None, seen)) == sorted(f"{k}={v}" for k, v in before.items()), "what children see"
print("in order")
"""


@served
def test_openmp_loaded_before_a_crew_of_none_a_fork_and_the_environment():
    # One process for all of it: what a process begins with can be tried in a new one only.
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300
    )  # who waits for nobody hangs
    assert done.stdout == "in order\n", done.stderr


@served
def test_what_others_compile_keeps_numbas_threads(monkeypatch):
    shared()
    before = llvmlite.binding.address_of_symbol(crew.SYMBOL)
    assert before != crew._entry[0]
    with crew.sharing():
        assert llvmlite.binding.address_of_symbol(crew.SYMBOL) == crew._entry[0]
    assert llvmlite.binding.address_of_symbol(crew.SYMBOL) == before
    with pytest.raises(KeyError), crew.sharing():
        raise KeyError
    assert llvmlite.binding.address_of_symbol(crew.SYMBOL) == before
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "omp")
    with crew.sharing():
        assert llvmlite.binding.address_of_symbol(crew.SYMBOL) == before


def test_where_the_crew_cannot_serve_it_says_why(monkeypatch):
    monkeypatch.delenv("NUMBA_THREADING_LAYER", raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(crew, "LINUX", False)
        assert crew.lack() == "minidl's crew sleeps by calls of Linux on x86-64"
    with monkeypatch.context() as patch:
        patch.setattr(crew, "LINUX", True)
        patch.setattr(crew, "NEWEST", (0, 1))
        assert crew.lack() == "minidl's crew knows Numba up to 0.1"
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "tbb")
    assert crew.lack() == "NUMBA_THREADING_LAYER=tbb decides that"


@served
def test_a_crew_that_cannot_begin_leaves_the_work_to_numba(monkeypatch):
    def fail(function, numbers):
        raise RuntimeError("no room\nat all")

    monkeypatch.setattr(crew, "_entry", [])
    monkeypatch.setattr(crew, "_failed", [])
    monkeypatch.setattr(crew, "address_of", fail)
    before = llvmlite.binding.address_of_symbol(crew.SYMBOL)
    with crew.sharing():
        assert llvmlite.binding.address_of_symbol(crew.SYMBOL) == before
    assert crew.lack() == "no room"


def test_no_kernel_sums_up_across_its_jobs():
    # Numba keeps such a sum for each of its own threads, and would ask which one this is.
    files = {kernel._dispatcher.py_func.__code__.co_filename for kernel in compiling.ALL.values()}
    trees = [ast.parse(Path(file).read_text(encoding="utf-8")) for file in sorted(files)]
    loops = [loop for tree in trees for loop in shared_loops(tree)]
    assert len(loops) > 50
    assert [ast.unparse(loop) for loop in loops if sums_across(loop)] == []


def test_a_planted_sum_is_found():
    tree = ast.parse(
        "def f(x, threads):\n total = 0\n for i in prange(threads):\n  own = 0\n  own += 1\n  total += own"
    )
    assert [sums_across(loop) for loop in shared_loops(tree)] == [["total"]]


def shared_loops(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.For) and "prange" in ast.unparse(node.iter)]


def sums_across(loop):
    """Return the names that a shared loop adds to though it did not make them itself."""
    added = {n.target.id for n in ast.walk(loop) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    targets = [
        target
        for node in ast.walk(loop)
        if isinstance(node, ast.Assign | ast.For)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    made = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return sorted(added - made)


def test_the_environment_is_read_not_written():
    source = inspect.getsource(crew) + inspect.getsource(compiling)
    assert "os.environ[" not in source
    assert "putenv" not in source
    assert os.environ.get("GOMP_SPINCOUNT") is None or "GOMP_SPINCOUNT" not in source


def test_kernels_are_not_compiled_anew_for_the_crew(monkeypatch):
    parts = {"kernel": compiling.ALL["elementwise._activate"]._function, "crew": crew._share.py_func}
    before = {name: cache.digest(function) for name, function in parts.items()}
    monkeypatch.setattr(crew, "PARTS", 5)
    monkeypatch.setattr(crew, "HURRY", 1)
    assert {name for name, function in parts.items() if cache.digest(function) != before[name]} == {"crew"}
    assert inspect.getsource(crew) not in cache._text_of_this_folder()


@pytest.mark.parametrize("told", ["", "omp"])
def test_the_doctor_says_how_threads_wait(told, monkeypatch):
    monkeypatch.setenv("NUMBA_THREADING_LAYER", told)
    [line] = [found for found in doctor.examine() if found.thing == "fast kernels"]
    reason = crew.lack()
    assert reason == "NUMBA_THREADING_LAYER=omp decides that" if told else "decides" not in reason
    expected = f"threads by {compiling.LAYER}, which wait as it lets them: {reason}" if reason else crew.WAITING
    assert f", {expected}; " in line.text


def test_a_crowd_is_two_misses_and_longer_where_there_are_two_again():
    second, ms = 10**9, 10**6
    assert crew._crowd_until(second, 0, 0) == 0  # the first miss
    assert crew._crowd_until(second, second - 49 * ms, 0) == second + 250 * ms
    assert crew._crowd_until(second, second - 51 * ms, 0) == 0
    known = second + 100 * ms
    assert crew._crowd_until(second, second - 240 * ms, known) == second + 250 * ms  # while one is remembered
    assert crew._crowd_until(second, second - 260 * ms, known) == known
