"""No door of the fast set leads a kernel out of its arrays, whatever is given."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minidl import kernels
from minidl.kernels.cpu import door
from minidl.kernels.cpu.simd import compile
from tests.kernels import wrong_sizes
from tests.kernels.twins import FAST

ELSEWHERE = {  # what the calls of `wrong_sizes` do not reach
    "copies._runs",
    "copies._turned",
    "mapped._mapped",
    "widened._widened",
    "winograd._winograd_few",
}
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


def test_every_door_refuses_arrays_that_do_not_fit():
    command = [sys.executable, "-m", "tests.kernels.wrong_sizes"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stdout[:4000] + found.stderr[-2000:]


def test_no_kernel_keeps_an_array(monkeypatch):
    """Nobody counts inside a kernel who refers to an array: when it has ended, as many do as before."""
    run, seen = compile.Kernel.__call__, set()

    def watched(kernel, *arguments):
        arrays = [it for it in arguments if isinstance(it, np.ndarray)]
        run(kernel, *arguments)
        before = [sys.getrefcount(it) for it in arrays]
        run(kernel, *arguments)
        seen.add(kernel.key)
        assert [sys.getrefcount(it) for it in arrays] == before, kernel.key

    monkeypatch.setattr(compile.Kernel, "__call__", watched)
    for name, arguments in wrong_sizes.calls():
        getattr(kernels.cpu, name)(*arguments)
    assert seen == set(compile.ALL) - ELSEWHERE


@pytest.mark.parametrize("shape", [(512,), (1, 512), (512, 1), (1,), (511, 512), (513, 512)])
@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_an_update_of_arrays_of_other_shapes_is_refused(name, shape):
    p, g = np.ones((512, 512), "float32"), np.ones(shape, "float32")
    settings = {
        "sgd": (None, 0.1, 0.9, 0.0, False),
        "adam": (None, None, 1, 0.1, (0.9, 0.99), 1e-8, 0.0, False),
        "rmsprop": (None, None, 0.1, 0.9, 1e-8, 0.0, 0.9, False),
    }
    with pytest.raises(ValueError, match=rf"^{name}: expects p \(...\), g \(...\), .* received p"):
        getattr(kernels, name)(p, g, *settings[name])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: FAST.relu_dx(x, x[:1]),
            ValueError,
            r"relu_dx: expects dy \(...\), y \(...\), each letter one size; received dy \(2, 3\), y \(1, 3\)",
        ),
        (lambda x: FAST.relu_dx(x, x.astype("f8")), TypeError, "relu_dx: y must be float32; received y.dtype=float64"),
        (lambda x: FAST.relu_dx(x, None), TypeError, "relu_dx: y must be an array of NumPy; received a NoneType"),
        (
            lambda x: FAST.max_pool2d(x[None, None], (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), (2, 4)),
            ValueError,
            "max_pool2d: 3 pixels have at most 3 windows of 1; received 4",
        ),
        (
            lambda x: FAST.max_pool2d(x[None, None], (1, 1), [1, 1], ((0, 0), (0, 0)), (1, 1), (2, 3)),
            TypeError,
            "max_pool2d: all sizes must be tuples of ints; received",
        ),
        (
            lambda x: FAST.avg_pool2d(x[None, None], (1, 1), (1, 1), ((0, 0), (0, 0)), (2, -3), True),
            TypeError,
            r"avg_pool2d: out_size must be a tuple of ints >= 1; received out_size=\(2, -3\)",
        ),
        (
            lambda x: FAST.leaky_relu(x, "a"),
            TypeError,
            "kernels: activate takes plain numbers and .*str",
        ),
        (lambda x: FAST.lrn(x[None, None], 0, 1e-4, 0.75, 2.0), ValueError, "lrn: size must be an int >= 1"),
        (
            lambda x: FAST.concat((x[None, None], x), 1),
            ValueError,
            "concat: all arrays must have the sizes of",
        ),
        (lambda x: FAST.concat((x[None, None], 1), 1), TypeError, "concat: all arrays must be float32 .* received int"),
    ],
)
def test_it_says_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=f"^{message}"):
        call(np.ones((2, 3), "float32"))


@pytest.mark.parametrize("spec", ["x N", "x (N),", "x (N C ...), y (N ...)", "x (N) y (N)"])
def test_what_a_door_states_must_make_sense(spec):
    with pytest.raises(ValueError, match=r"^op: what a door states must be like 'x \(N C ...\), b \(C\)\?'; received"):
        door.judge("op", ("x", "y"), spec)
