"""The choice between kernel sets, by size and by name; a third one; the doors and memory orders of the fast one."""

import ast
import inspect
import platform
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from minidl.kernels import _warmup, textbook
from minidl.kernels._dispatch import RULES, add_set
from minidl.kernels._sets import CannotRun, KernelSet
from tests.contract import assert_close, memory_orders

FAST = kernels.SETS["cpu"]


def large(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("name", "arguments", "worth"),
    [
        ("relu", (large(2**17),), True),
        ("batch_norm", (large(2**14),), True),
        ("batch_norm", (large(2**14 - 1),), False),
        ("relu", (large(2**17 - 1),), False),
        ("max_pool2d", (large(1, 16, 64, 128), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), (32, 64)), True),
        ("max_pool2d", (large(1, 16, 64, 127), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), (32, 63)), False),
        ("max_pool2d", (large(1, 16, 32, 128), (3, 3), (2, 2), ((0, 0), (0, 0)), (1, 1), (15, 63)), True),
        ("avg_pool2d_dx", (large(1, 16, 16, 64), (1, 16, 32, 128), (3, 3), (2, 2), ((0, 0), (0, 0)), True), True),
        ("avg_pool2d_dx", (large(1, 16, 16, 64), (1, 16, 32, 113), (3, 3), (2, 2), ((0, 0), (0, 0)), True), False),
        (
            "max_pool2d_dx",
            (large(1, 16, 32, 64), None, (1, 16, 64, 128), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
            True,
        ),
        (
            "max_pool2d_dx",
            (large(1, 16, 32, 63), None, (1, 16, 64, 127), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
            False,
        ),
        ("relu", (large(2**17).astype(np.float64),), False),
        ("relu", (large(2**17).astype(">f4"),), False),
        ("conv2d", (large(1, 16, 256, 128), large(16, 16, 2, 2), None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1), True),
        ("conv2d", (large(1, 16, 256, 128), large(16, 16, 2, 2), None, (2, 1), ((0, 0), (0, 0)), (1, 1), 1), False),
        ("conv2d", (large(1, 64, 8, 4), large(64, 64, 1, 1), None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1), True),
        ("conv2d", (large(1, 64, 8, 3), large(64, 64, 1, 1), None, (1, 1), ((0, 0), (0, 0)), (1, 1), 1), False),
        ("conv2d", (large(1, 64, 32, 64), large(64, 1, 2, 2), None, (1, 1), ((0, 0), (0, 0)), (1, 1), 64), True),
        ("conv2d_dw", (large(1, 16, 256, 128), large(1, 16, 256, 128), (16, 16, 2, 2), 1, 0, 1, 1), True),
        ("conv2d_dw", (large(1, 16, 256, 127), large(1, 16, 256, 127), (16, 16, 2, 2), 1, 0, 1, 1), False),
    ],
)
def test_sizes_decide_where_nobody_has(name, arguments, worth):
    assert FAST.is_worth_it(name, arguments) is worth


def test_a_large_call_goes_to_the_fast_set_and_a_small_one_does_not(monkeypatch):
    def marked(x):
        return x - 1

    monkeypatch.setattr(FAST.opened(), "relu", marked)
    assert ops.relu(Tensor(large(2**17))).data[0] == -1
    assert ops.relu(Tensor(large(2**17 - 1))).data[0] == 0
    with kernels.use("textbook"):
        assert ops.relu(Tensor(large(2**17))).data[0] == 0
    with kernels.use("cpu"):
        assert ops.relu(Tensor(large(1))).data[0] == -1


def test_the_fast_set_has_a_rule_for_every_kernel_that_it_has():
    assert set(FAST.worth) == set(FAST.opened().__all__) - {"prepare_conv2d_fused"}
    assert set(FAST.worth) <= set(kernels.NAMES)


def test_every_kernel_is_defined_where_an_editor_looks_for_it():
    """A line of its own that names the textbook's function, whose signature it has."""
    tree = ast.parse(inspect.getsource(kernels))
    found = {it.targets[0].id: ast.unparse(it.value) for it in tree.body if isinstance(it, ast.Assign)}
    for name in kernels.NAMES:
        assert found[name] == f"routed(textbook.{name})"
        assert inspect.signature(getattr(kernels, name)) == inspect.signature(getattr(textbook, name))


@pytest.fixture
def third(monkeypatch):
    """A made-up set for double precision, which says with every call that it was there; what it lacks can be told."""
    ran, missing = [], []

    def marked(name):
        def kernel(*arguments):
            ran.append(name)
            return getattr(textbook, name)(*arguments)

        return kernel

    module = SimpleNamespace(relu=marked("relu"), conv2d=marked("conv2d"), mse=lambda x, t: NotImplemented)
    monkeypatch.setitem(sys.modules, "a_third_set", module)
    is_double = lambda x, *others: x.dtype == np.float64 and x.size >= 4  # noqa: E731
    made = KernelSet(
        "third",
        "a_third_set",
        called="the third set's kernels",
        worth=dict.fromkeys(("relu", "conv2d", "mse"), is_double),
        serves=lambda x: "" if x.dtype == np.float64 else "the third set serves float64",
        lack=lambda: "".join(missing),
    )
    add_set(made)
    yield SimpleNamespace(set=made, ran=ran, missing=missing)
    del kernels.SETS["third"]
    for rules in RULES.values():
        rules[:] = [(rule, kernel_set) for rule, kernel_set in rules if kernel_set is not made]


def test_a_third_set_serves_what_is_worth_its_while_and_nothing_else(third):
    fast = dict(FAST.worth)
    for x, served in ((np.ones(4), True), (np.ones(3), False), (np.ones(4, np.float32), False), (large(2**17), False)):
        np.testing.assert_array_equal(ops.relu(Tensor(x)).data, x)
        assert third.ran == ["relu"] * served
        third.ran.clear()
    assert ops.mse_loss(Tensor(np.ones(4)), Tensor(np.zeros(4))).item() == 1  # it declines, and the textbook has it
    x, w = Tensor(np.ones((1, 1, 2, 2)), requires_grad=True), Tensor(np.ones((1, 1, 1, 1)))
    ops.conv2d(x, w).backward(np.ones((1, 1, 2, 2)))
    assert third.ran == ["conv2d"]  # the gradient is none of its
    assert FAST.worth == fast


def test_a_third_set_can_be_asked_for_and_explained(third):
    shapes = (1, 1, 2, 2), (1, 1, 1, 1)
    with kernels.use("third"):
        ops.relu(Tensor(np.ones(1)))
        assert third.ran == ["relu"]
        assert kernels.explain(*shapes).forward.why == "the third set serves float64"
    found = kernels.explain(*shapes, dtype="float64")
    assert (found.forward.kernel_set, found.dx.kernel_set) == ("third", "textbook")
    assert kernels.explain(*shapes).forward.why == "too small for the fast kernels; the third set serves float64"
    with pytest.raises(ValueError, match="kernels.use: conv must be one of 'auto'; received conv='direct'"):
        with kernels.use("third", conv="direct"):
            pass


def test_a_third_set_that_cannot_be_used_says_why_once_and_closes_nothing_else(third):
    third.missing.append("no such device")
    x = Tensor(np.ones(4))
    with pytest.warns(RuntimeWarning, match=r"the third set's kernels cannot be used \(no such device\); the") as told:
        found = [ops.relu(x).data for _ in range(2)]
    np.testing.assert_array_equal(found, 1)
    assert (len(told), third.ran) == (1, [])
    why = kernels.explain((1, 1, 2, 2), (1, 1, 1, 1), dtype="float64").forward.why
    assert why.endswith("the third set's kernels cannot be used: no such device")
    assert FAST.lack() == ""


def test_a_set_whose_kernel_cannot_be_started_closes_and_the_next_one_serves(third):
    def broken(*arguments):
        raise CannotRun("no such instruction")

    sys.modules["a_third_set"].relu = broken
    with pytest.warns(RuntimeWarning, match=r"cannot be used \(no such instruction\)"):
        np.testing.assert_array_equal(ops.relu(Tensor(np.ones(4))).data, 1)
    assert third.set.lack() == "no such instruction"
    assert FAST.lack() == ""


def test_a_kernel_may_decline():
    class Shy:
        @staticmethod
        def relu(x):
            return NotImplemented

    with kernels.use(Shy):
        np.testing.assert_array_equal(ops.relu(Tensor([-1.0, 2.0])).data, [0, 2])


@pytest.mark.parametrize("x", [np.zeros(3), np.zeros((0, 3), np.float32), np.zeros(3, ">f4")])
def test_the_fast_set_declines_what_it_does_not_serve(x):
    assert FAST.relu(x) is NotImplemented


def test_relu_equals_its_twin_in_every_memory_order(rng):
    x = rng.standard_normal((2, 5, 7, 3)).astype(np.float32)
    x[0, 0, 0] = [np.nan, np.inf, -np.inf]
    for order in memory_orders(x):
        y = FAST.relu(order)
        np.testing.assert_array_equal(y, textbook.relu(x))
        for dy in memory_orders(rng.standard_normal(x.shape).astype(np.float32)):
            np.testing.assert_array_equal(FAST.relu_dx(dy, y), textbook.relu_dx(dy, y))


def test_a_missing_library_means_one_warning_and_the_textbook():
    code = """
import sys, warnings
sys.modules["numba"] = None
import numpy as np
from minidl import Tensor, kernels, ops
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(3):
        assert ops.relu(Tensor(np.full(2**18, -1, "float32"))).data.max() == 0
    with kernels.use("cpu"):
        assert ops.relu(Tensor([-1.0])).item() == 0
print(len(caught), caught[0].message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 kernels: the fast kernels cannot be used (")
    assert "the textbook's serve" in done.stdout


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="other processors have other vectors")
def test_a_processor_without_avx2_means_one_warning_and_the_textbook():
    code = """
import warnings
import llvmlite.binding
import numpy as np
from minidl import Tensor, kernels, ops
llvmlite.binding.get_host_cpu_features = lambda: {"avx": True, "avx2": False, "fma": True}
x = Tensor(np.full((1, 64, 28, 28), -1, "float32"))
w = Tensor(np.ones((64, 64, 3, 3), "float32"))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(3):
        assert ops.conv2d(x, w).data.max() == -64 * 9
    with kernels.use("cpu"):
        assert ops.relu(Tensor([-1.0])).item() == 0
print(len(caught), caught[0].message)
print(kernels.explain(x.shape, w.shape).forward.why)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    warning, reason = done.stdout.splitlines()
    assert warning.startswith("1 kernels: the fast kernels cannot be used (the processor has no AVX2); the textbook's")
    assert reason == "the fast kernels cannot be used: the processor has no AVX2"


def test_warmup_compiles_every_kernel(monkeypatch):
    FAST.relu(np.ones(3, np.float32))
    from minidl.kernels.cpu.simd import compile as compiling

    done = []
    few = dict(list(compiling.ALL.items())[:2])
    monkeypatch.setattr(FAST.opened(), "COMPILED", few)
    for kernel in few.values():
        monkeypatch.setattr(kernel, "compile", lambda kernel=kernel: done.append(kernel))
    assert [name for name, seconds in kernels.warmup() if seconds >= 0] == list(few)
    assert done == list(few.values())


def test_warmup_says_what_is_missing():
    code = """
import sys
sys.modules["numba"] = None
from minidl.cli import run
sys.exit(run(["warmup"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("minidl: warmup: the fast kernels cannot be used here: import of numba halted")
    assert done.stderr.count("\n") == 1


def test_the_command_tells_what_it_compiled(capsys, monkeypatch):
    from minidl.cli import run

    monkeypatch.setattr(kernels, "warmup", lambda: iter([("norm.one", 2.0), ("norm.two", 0.004)]))
    monkeypatch.setattr(kernels, "kept_in", lambda: "some/folder")
    monkeypatch.setattr(_warmup, "count", lambda: 1)
    assert run(["warmup"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split() for line in shown[:-1]] == [["norm.one", "2.0", "s"]]
    assert shown[-1] == "2 kernels ready after 2.0 s, 1 of them compiled just now; kept in some/folder"


def test_arrays_that_begin_between_two_floats_give_the_same(rng):
    def unaligned(array):
        moved = np.ndarray(array.shape, array.dtype, np.zeros(array.nbytes + 1, np.uint8), offset=1)
        moved[...] = array
        assert not moved.flags.aligned
        return moved.transpose(0, 3, 1, 2)

    x = unaligned(rng.standard_normal((2, 9, 9, 16), dtype=np.float32))
    w = unaligned(rng.standard_normal((16, 3, 3, 16), dtype=np.float32))
    geometry = ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    ones, zeros = np.ones(16, np.float32), np.zeros(16, np.float32)
    calls = {
        "relu": (x,),
        "conv2d": (x, w, None, *geometry, (9, 9)),
        "batch_norm_fused": (x, ones, zeros, 1e-5, "relu", None),
        "max_pool2d": (x, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), (4, 4)),
    }
    for name, arguments in calls.items():
        results = [getattr(kernel_set, name)(*arguments) for kernel_set in (FAST, textbook)]
        found, expected = (result[0] if isinstance(result, tuple) else result for result in results)
        assert_close(found, expected, "float32")
