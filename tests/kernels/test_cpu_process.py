"""The fast set in processes of all kinds: forked, with many threads, without OpenMP, without a cache."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import minidl
from minidl import Tensor, kernels, models, nn, ops

FAST = kernels.SETS["cpu"]


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "ignore:::numba", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def small_network():
    minidl.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16, activation="relu"),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 6 * 6, 5),
    )


def gradients(net, seed):
    """Return the gradients of a step as one row of numbers."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.standard_normal((4, 3, 12, 12), dtype=np.float32))
    with kernels.use("cpu"):
        net.zero_grad()
        ops.cross_entropy(net(x), rng.integers(0, 5, 4)).backward()
    return np.concatenate([parameter.grad.ravel() for parameter in net.parameters()])


def test_the_same_step_gives_the_same_bits():
    first = gradients(small_network(), 0)
    for _ in range(3):
        np.testing.assert_array_equal(gradients(small_network(), 0), first)


def test_two_threads_train_two_networks():
    expected = [gradients(small_network(), seed) for seed in range(2)]
    nets = [small_network() for _ in range(2)]
    found, failed = [None, None], []
    barrier = threading.Barrier(2)

    def train(index):
        try:
            barrier.wait(30)
            for _ in range(20):
                found[index] = gradients(nets[index], index)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=train, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for index in range(2):
        np.testing.assert_array_equal(found[index], expected[index])


def test_without_openmp_a_lock_keeps_two_threads_apart():
    # Numba's own layer ends the process when two threads launch kernels at the same time.
    code = """
import threading, numpy as np
from minidl.kernels import cpu
from minidl.kernels.cpu.simd import compile
x = np.linspace(-1, 1, 10_000, dtype=np.float32)
def work():
    for _ in range(300):
        assert (cpu.relu(x) == np.maximum(x, 0)).all()
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(compile.LAYER)
"""
    assert run(code, NUMBA_THREADING_LAYER="workqueue").split() == ["workqueue"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_falls_back_to_the_textbook_and_says_so():
    FAST.relu(np.ones(3, np.float32))  # the threads are started

    def child(connection):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with kernels.use("cpu"):
                values = [ops.relu(Tensor([-1.0, 2.0])).numpy().tolist() for _ in range(2)]
        connection.send((values, [str(warning.message) for warning in caught]))
        connection.close()

    ours, theirs = multiprocessing.Pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forking with threads at all
        process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
        process.start()
    assert ours.poll(60)
    values, messages = ours.recv()
    process.join(60)
    assert process.exitcode == 0
    assert values == [[0, 2], [0, 2]]
    assert len(messages) == 1
    assert messages[0].startswith("kernels: this process was forked from one that had run fast kernels")
    assert 'multiprocessing.get_context("spawn")' in messages[0]


def test_a_cache_that_cannot_be_written_means_a_warning_and_the_same_numbers():
    # As Numba finds it on a disk where no folder can be written: it has nowhere to look.
    code = """
import warnings
from numba.core import caching
caching.CacheImpl._locator_classes.clear()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np
    from minidl.kernels import cpu
    y = cpu.relu(np.array([-1, 2], np.float32))
assert y.tolist() == [0, 2]
print([str(warning.message) for warning in caught if "kernels:" in str(warning.message)])
"""
    assert run(code).count("compiled kernels cannot be kept (no folder can be written to)") == 1


@pytest.mark.slow
def test_what_is_compiled_is_read_by_the_next_process(tmp_path):
    code = "import numpy as np; from minidl.kernels import cpu; cpu.relu(np.ones(3, np.float32))"

    def after(**environment):
        """Return when each of the kept kernels was written: what is compiled is written anew."""
        run(code, NUMBA_CACHE_DIR=str(tmp_path), **environment)
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*.kernel")}

    first = after()
    assert any(name.startswith("elementwise._activate.") for name in first)
    assert after() == first
    # A folder that two machines share: code for one processor is not run by another.
    both = after(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert first.items() < both.items()
    assert after() == both


def test_two_threads_that_need_a_kernel_wait_for_one_compiler(monkeypatch):
    from minidl.kernels.cpu.simd import compile

    monkeypatch.setattr(compile, "ALL", {})
    kernel, compiled, barrier = compile.Kernel(lambda x, threads: None, "void(r1, i)"), [], threading.Barrier(3)

    class Compiler:
        def compile(self, signature):
            compiled.append(signature)
            time.sleep(0.05)

        def disable_compile(self):
            pass

    monkeypatch.setitem(vars(kernel), "_dispatcher", Compiler())
    monkeypatch.setitem(vars(kernel), "_files", None)

    def need():
        barrier.wait(30)
        kernel.compile()

    threads = [threading.Thread(target=need) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(compiled) == 1


def test_two_processes_that_need_a_kernel_wait_for_one_compiler(tmp_path):
    code = """
import sys
from minidl.kernels import cpu
relu = cpu.COMPILED["elementwise._activate"]
with relu._files.alone() as free:
    print(free, flush=True)
    sys.stdin.readline()
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command, **pipes) as first:
        assert first.stdout.readline() == "True\n"
        impatient = code.replace("alone()", "alone(0)")
        assert run(impatient, NUMBA_CACHE_DIR=str(tmp_path)) == "False\n"
        with subprocess.Popen(command, **pipes) as second:
            first.communicate("\n", timeout=60)
            assert second.stdout.readline() == "True\n"
            second.kill()  # a lock goes with its process
    assert run(impatient, NUMBA_CACHE_DIR=str(tmp_path)) == "True\n"


@pytest.mark.slow
def test_who_waits_at_a_terminal_is_told(tmp_path):
    pty = pytest.importorskip("pty")
    code = "import numpy as np; from minidl.kernels import cpu; cpu.relu(np.ones(3, np.float32))"
    terminal, theirs = pty.openpty()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    try:
        for expected in (True, False):
            subprocess.run([sys.executable, "-c", code], check=True, env=environment, stderr=theirs)
            os.write(theirs, b"end\n")
            shown = b""
            while b"end" not in shown:
                shown += os.read(terminal, 4096)
            line = b"\rminidl: compiling activate, once on this machine\r" + b" " * 79 + b"\r"  # and vanishes
            assert (line in shown) is expected
    finally:
        os.close(theirs)
        os.close(terminal)


def test_a_small_network_never_opens_the_room():
    code = """
import sys, numpy as np
from minidl import Tensor, models, ops
net = models.lenet5_modern()
ops.cross_entropy(net(Tensor(np.zeros((16, 1, 32, 32), np.float32))), np.zeros(16, int)).backward()
print("numba" in sys.modules)
"""
    assert run(code).split() == ["False"]
    assert models.lenet5_modern().name == "lenet5_modern"
