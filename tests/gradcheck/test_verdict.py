"""The verdict: what is printed, kinks, and the search through large arguments."""

import re

import numpy as np
import pytest

from minidl import Function, GradientError, Tensor, gradcheck, nn, ops
from tests.gradcheck.planting import function, unary

X = np.array([[1.0, -2.0, 0.5], [3.0, -0.25, 0.75]])


# ------------------------------------------------------------------ what it prints


def test_the_verdict_says_which_element_and_both_values():
    bug = unary(lambda x: x * x, lambda x, y, dy: 2 * x * dy + 0.5 * (np.arange(6).reshape(2, 3) == 4))
    with pytest.raises(GradientError) as caught:
        gradcheck(bug, [X], mode="elements", seed=3)
    argument = caught.value.report.arguments[0]
    assert (argument.verdict, argument.where, argument.wrong, argument.compared) == ("FAIL", (1, 1), 1, 6)
    assert argument.analytic - argument.numeric == pytest.approx(0.5)
    assert argument.ratio == pytest.approx(argument.analytic / argument.numeric)
    text = str(caught.value)
    assert text.splitlines()[0] == "gradcheck (elements, seed 3): FAIL"
    assert re.search(r"x, worst at x\[1, 1\]:\n  backward says +\S+\n  finite differences say +\S+\n  ratio +\S+", text)
    assert "wrong in 1 of 6 elements compared" in text


def test_the_verdict_never_takes_more_than_25_lines():
    apply = function(lambda *xs: sum(xs), lambda ctx, dy: tuple(2 * dy for _ in ctx.arrays))
    with pytest.raises(GradientError, match="… and 23 more") as caught:
        gradcheck(lambda *xs: apply(*xs), [X.astype("float32")] * 30, mode="elements")
    lines = str(caught.value).splitlines()
    assert len(lines) <= 25
    assert lines[-1] == "float32 inputs were cast to float64: in float32 a right gradient looks wrong"
    assert caught.value.report.failed[0].name.startswith("xs[")


@pytest.mark.parametrize(
    ("f", "names", "expected"),
    [
        (ops.conv2d, None, ["x", "w", "b"]),
        (lambda first, second, third: ops.conv2d(first, second, third), None, ["first", "second", "third"]),
        (lambda *args: ops.conv2d(*args), None, ["args[0]", "args[1]", "args[2]"]),
        (ops.conv2d, ["picture", "kernel", "bias"], ["picture", "kernel", "bias"]),
    ],
)
def test_arguments_are_called_by_name(f, names, expected, rng):
    inputs = [rng.standard_normal(shape) for shape in ((1, 2, 4, 4), (3, 2, 3, 3), (3,))]
    assert [a.name for a in gradcheck(f, inputs, names=names).arguments] == expected


def test_a_function_without_a_signature_gets_numbers():
    class Opaque:
        __signature__ = "none"

        def __call__(self, x):
            return ops.relu(x)

    assert gradcheck(Opaque(), [X]).arguments[0].label == "argument 0"


def test_a_module_is_called_by_the_names_of_its_forward():
    assert gradcheck(nn.ReLU(), [X]).arguments[0].name == "x"


def test_the_seed_repeats_the_check():
    first, again, other = (gradcheck(ops.relu, [X], seed=seed).arguments[0].numeric for seed in (5, 5, 6))
    assert first == again != other


def test_a_generator_gives_the_seed_that_is_printed():
    report = gradcheck(ops.relu, [X], rng=np.random.default_rng(1))
    assert report.seed == int(np.random.default_rng(1).integers(2**31))
    assert gradcheck(ops.relu, [X], seed=report.seed).arguments[0].numeric == report.arguments[0].numeric


def test_a_gradient_of_nothing_has_ratio_inf():
    bug = function(lambda x: np.zeros(3), lambda ctx, dy: np.ones_like(ctx.arrays[0]))
    with pytest.raises(GradientError, match=r"ratio +inf\n.*\n  pattern \(no influence\)"):
        gradcheck(lambda x: bug(x), [X], mode="elements")
    apply = function(lambda x: np.zeros(3), lambda ctx, dy: np.zeros_like(ctx.arrays[0]))
    assert gradcheck(lambda x: apply(x), [X], mode="elements").arguments[0].ratio == 1.0


def test_one_number_has_no_place():
    bug = unary(np.sin, lambda x, y, dy: 2 * np.cos(x) * dy)
    with pytest.raises(GradientError, match="x, its one number:"):
        gradcheck(bug, [0.5], mode="elements")


def test_a_lone_number_is_only_scaled_by_something_that_means_something():
    with pytest.raises(GradientError, match="pattern: none"):
        gradcheck(unary(np.sin, lambda x, y, dy: 1.2345 * np.cos(x) * dy), [np.array([0.5])], mode="elements")


def test_tiny_errors_of_a_zero_gradient_pass():
    almost = function(lambda x: x - x, lambda ctx, dy: np.full(ctx.arrays[0].shape, 1e-9))
    assert gradcheck(lambda x: almost(x), [X], mode="elements").verdict == "ok"
    with pytest.raises(GradientError):
        gradcheck(lambda x: almost(x), [X], mode="elements", atol=0)


def test_a_step_that_is_too_large_is_said():
    steep = unary(lambda x: np.sin(300 * x), lambda x, y, dy: 300 * np.cos(300 * x) * dy)
    with pytest.raises(GradientError, match="careful: with half the step the slope changes by"):
        gradcheck(steep, [X], mode="elements")
    assert gradcheck(steep, [X], mode="elements", eps=1e-7).verdict == "ok"


# ------------------------------------------------------------------ kinks


@pytest.mark.parametrize("mode", ["direction", "elements"])
def test_a_kink_is_reported_and_no_failure(mode):
    report = gradcheck(ops.relu, [np.array([1.0, 0.0, -1.0])], mode=mode)
    assert (report.verdict, report.arguments[0].kinks) == ("KINK", 1)
    assert "KINK: f has a corner here" in str(report)
    assert f"1 of {1 if mode == 'direction' else 3} at a kink" in str(report)


def test_a_kink_nearby_is_avoided_by_a_smaller_step():
    report = gradcheck(ops.relu, [np.array([1.0, 2e-7, -3e-7])], mode="elements")
    assert report.verdict == "ok"


def test_ties_in_max_pooling_are_kinks(rng):
    x = rng.standard_normal((1, 1, 4, 4))
    x[0, 0, 0, :2] = 5.0
    assert gradcheck(lambda x: ops.max_pool2d(x, 2), [x], mode="elements").verdict == "KINK"


def test_a_bug_beside_a_kink_is_found_and_named():
    class Relu(Function):
        @staticmethod
        def forward(ctx, x):
            y = np.maximum(x, 0)
            ctx.choices = y > 0
            ctx.save(y)
            return y

        @staticmethod
        def backward(ctx, dy):
            return 2 * dy * (ctx.saved[0] > 0)

    with pytest.raises(GradientError, match="is 2 times the slope"):
        gradcheck(lambda x: Relu.apply(x), [np.array([1.0, 0.0, -1.0, 4.0])], mode="elements")


def test_an_other_number_of_choices_is_a_kink():
    def f(x):
        return ops.relu(x) if x.data[0] > 0 else x * 1.0

    assert gradcheck(f, [np.array([0.0, 1.0])]).verdict == "KINK"


def test_rounding_of_a_step_that_was_halved_is_no_failure():
    """Close to a kink h shrinks; what is then lost in the rounding of large outputs cannot be called wrong."""

    def f(x):
        return ops.relu(x) + 1e6

    assert gradcheck(f, [np.array([3e-8, 1.0, 2.0])]).verdict == "KINK"


# ------------------------------------------------------------------ large arguments


def big(backward, shape=(2, 6, 12, 12)):
    rng = np.random.default_rng(0)
    return unary(np.sin, lambda x, y, dy: backward(np.cos(x) * dy)), [rng.standard_normal(shape)]


@pytest.mark.parametrize(
    ("backward", "name", "says"),
    [
        (lambda dx: 2 * dx, "scaled", "is 2 times"),
        (lambda dx: -dx, "sign", "-dx is right"),
        (lambda dx: dx * 0, "zero", "0 everywhere"),
        (lambda dx: dx + dx**2 * (np.arange(6) == 3)[:, None, None], "part", "wrong in channel 3 (axis 1)"),
        (lambda dx: dx + dx**2 * (np.arange(6) > 2)[:, None, None], "first only", "right in channel 0-2"),
        (lambda dx: dx + dx**2 * (np.arange(12) % 11 == 0), "border", "1 wide"),
        (lambda dx: np.where(dx > 1, np.nan, dx), "nan", "nan or inf"),
    ],
)
def test_large_arguments_are_searched(backward, name, says):
    f, inputs = big(backward)
    with pytest.raises(GradientError) as caught:
        gradcheck(f, inputs)
    argument = caught.value.report.arguments[0]
    assert argument.pattern is not None, str(caught.value)
    assert argument.pattern.name == name
    assert says in argument.pattern.text
    assert argument.compared in (99, 100)
    assert len(argument.where) == 4


def test_one_wrong_element_in_many_is_found():
    def backward(dx):
        dx = dx.copy()
        dx[1, 2, 3, 4] += 1
        return dx

    f, inputs = big(backward)
    with pytest.raises(GradientError) as caught:
        gradcheck(f, inputs)
    argument = caught.value.report.arguments[0]
    assert argument.where == (1, 2, 3, 4)
    assert argument.analytic - argument.numeric == pytest.approx(1)
    assert argument.wrong == 1


def test_a_large_row_of_numbers_is_searched():
    f, inputs = big(lambda dx: dx + (np.arange(2000) == 77), (2000,))
    with pytest.raises(GradientError, match=r"worst at x\[77\]"):
        gradcheck(f, inputs)


def test_a_missing_gradient_of_a_large_argument():
    with pytest.raises(GradientError, match=r"pattern \(none\)"):
        gradcheck(lambda x: Tensor(np.sin(x.data)), [np.ones((30, 30))])
