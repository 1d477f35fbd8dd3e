"""Kernel sets that users bring: what they are called with, and what becomes of fused forms that they do not have."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from minidl.kernels import textbook
from minidl.kernels._own import FORMS, SIZED


def counted(calls, *names):
    """The textbook's kernels of these names, which write down that they were called."""

    def counting(name):
        def run(*arguments):
            calls.append(name)
            return getattr(textbook, name)(*arguments)

        return run

    return SimpleNamespace(**{name: counting(name) for name in names})


@pytest.mark.parametrize("name", kernels.NAMES)
def test_a_function_that_cannot_take_the_arguments_is_answered_at_once(name):
    count = len(inspect.signature(getattr(textbook, name)).parameters)
    mine = SimpleNamespace(**{name: eval(f"lambda {', '.join(f'a{i}' for i in range(count + 1))}: None")})
    with (
        pytest.raises(
            ValueError, match=rf"^kernels.use: {name} is called with \d+ arg[^\n]*received {name}\(a0[^\n]*$"
        ),
        kernels.use(mine),
    ):
        pass
    with kernels.use(SimpleNamespace(**{name: lambda *arguments: None})):
        pass


@pytest.mark.parametrize("name", SIZED)
def test_a_convolution_that_works_its_size_out_by_itself_serves_as_before(name, rng):
    """As in version 0.1.0, in which kernels had no out_size."""
    calls = []

    def run(*arguments):
        calls.append(len(arguments))
        return getattr(textbook, name)(*arguments, (4, 5))

    count = len(inspect.signature(getattr(textbook, name)).parameters) - 1
    listed = ", ".join(f"a{i}" for i in range(count))
    mine = SimpleNamespace(**{name: eval(f"lambda {listed}: run({listed})", {"run": run})})
    x, w = Tensor(rng.standard_normal((2, 3, 6, 7))), Tensor(rng.standard_normal((3, 3, 3, 3)))
    for operation in (lambda: ops.conv2d_fused(x, w, activation="relu"), lambda: ops.im2col(x, 3)):
        with kernels.use(mine):
            found = operation().data
        np.testing.assert_array_equal(found, operation().data)
    assert calls == [count]
    with kernels.use(SimpleNamespace(conv2d=lambda x, w, b, stride, padding, dilation, groups: x)):
        np.testing.assert_array_equal(ops.conv2d_fused(x, Tensor(np.ones((3, 3, 1, 1)))).data, x.data)


def test_a_batch_norm_of_before_learns_where_its_activation_went():
    mine = SimpleNamespace(batch_norm=lambda x, w, b, eps, activation, residual: None)
    with (
        pytest.raises(
            ValueError,
            match=r"batch_norm is called with 4 arguments, \(x, w, b, eps\); received batch_norm\(x, w, b, eps, "
            r"activation, residual\); an activation and a residual are what batch_norm_fused takes",
        ),
        kernels.use(mine),
    ):
        pass


def test_every_fused_form_is_put_together_from_the_plain_kernel_of_the_set():
    fused = {name for name in kernels.NAMES if "_fused" in name} | {"add_relu"}
    assert set(FORMS) == fused - {"conv2d_fused_grads"}  # of two plain kernels: below
    for form, (plain, _) in FORMS.items():
        arguments = call_of(form)
        calls = []
        with kernels.use(counted(calls, plain)):
            found = getattr(kernels, form)(*arguments)
        assert calls == [plain]
        same(found, getattr(textbook, form)(*arguments))
        with kernels.use(counted(calls, plain, form)):
            getattr(kernels, form)(*arguments)
        assert calls == [plain, form]  # a set that has the form is asked for that
        declining = SimpleNamespace(**{plain: lambda *arguments: NotImplemented})
        with kernels.use(declining):
            same(getattr(kernels, form)(*arguments), getattr(textbook, form)(*arguments))


def test_a_students_batch_norm_serves_the_end_of_a_residual_block(rng):
    calls, x = [], Tensor(rng.standard_normal((3, 2, 4, 4)), requires_grad=True)
    residual = Tensor(rng.standard_normal((3, 2, 4, 4)), requires_grad=True)
    results = []
    for mine in (textbook, counted(calls, "batch_norm", "batch_norm_grads")):
        x.grad = residual.grad = None
        with kernels.use(mine):
            y = ops.batch_norm(x, None, None, None, None, training=True, activation="relu", residual=residual)
            y.backward(np.cos(np.arange(96.0)).reshape(y.shape))
        results.append((y.data, x.grad, residual.grad))
    assert calls == ["batch_norm", "batch_norm_grads"]
    same(results[0], results[1])


@pytest.mark.parametrize("has", [("relu_dx",), ("channel_sums",), ("relu_dx", "channel_sums"), ("conv2d_fused_grads",)])
def test_the_gradients_of_a_fused_convolution_are_made_by_what_the_set_has(has):
    rng, calls = np.random.default_rng(0), []
    dy, y = rng.standard_normal((2, 3, 4, 4)), rng.standard_normal((2, 3, 4, 4))
    with kernels.use(counted(calls, *has)):
        found = kernels.conv2d_fused_grads(dy, y, "relu", over=True)
    assert calls == [*has]
    same(found, (dz := textbook.relu_dx(dy, y), textbook.channel_sums(dz)))
    with kernels.use(SimpleNamespace(**{name: lambda *arguments: NotImplemented for name in has})):
        same(kernels.conv2d_fused_grads(dy, y, "relu"), found)


def test_a_result_that_is_an_argument_is_not_written_to():
    x = np.ones((1, 2, 3, 3))
    with kernels.use(SimpleNamespace(conv2d=lambda x, *rest: x)):
        y = kernels.conv2d_fused(x, np.ones((2, 2, 1, 1)), None, x, None, *call_of("conv2d_fused")[5:])
    np.testing.assert_array_equal((y.max(), x.max()), (2, 1))


def call_of(form):
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 3, 5, 5)), rng.standard_normal(3), rng.standard_normal(3)
    dy, residual, mean, rstd = rng.standard_normal(x.shape), rng.standard_normal(x.shape), 0.1 * w, abs(b)
    weights = rng.standard_normal((3, 3, 3, 3))
    return {
        "add_relu": (x, dy),
        "conv2d_fused": (x, weights, b, residual, "silu", (1, 1), ((1, 1), (1, 1)), (1, 1), 1, (5, 5)),
        "batch_norm_fused": (x, w, b, 1e-5, "relu6", residual),
        "batch_norm_eval_fused": (x, w, b, mean, rstd, "relu", residual),
        "batch_norm_fused_grads": (dy, x, w, b, mean, rstd, "hardswish", residual, None),
        "batch_norm_eval_fused_grads": (dy, x, w, b, mean, rstd, "relu", None, residual),
    }[form]


def same(found, expected):
    found, expected = (it if isinstance(it, tuple) else (it,) for it in (found, expected))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
