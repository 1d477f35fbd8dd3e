"""The checker itself: what it accepts, what it refuses, and what it prints."""

import re

import numpy as np
import pytest

import minidl
from minidl import GradientError, Tensor, gradcheck, ops, proof
from minidl._gradcheck import slopes as slopes_module
from minidl._gradcheck.catalogue import explain
from minidl._gradcheck.evidence import Evidence
from minidl._gradcheck.slopes import Slopes
from tests.gradcheck.planting import unary

X = np.array([[1.0, -2.0, 0.5], [3.0, -0.25, 0.75]])


def doubled_backward(x):
    return unary(np.sin, lambda x, y, dy: 2 * np.cos(x) * dy)(x)


@pytest.mark.parametrize("mode", ["direction", "elements"])
@pytest.mark.parametrize("op", proof.tables())
def test_right_operations_pass_and_get_no_name(op, mode, rng):
    table = proof.tables()[op]
    for case in table.cases[:4]:
        report = gradcheck(
            lambda *tensors, case=case: table.function(*tensors, **case.settings), case.draw(rng), mode=mode
        )
        assert report.verdict == "ok", str(report)
        assert report.worst <= 1e-6
        assert all(a.pattern is None and not a.notes for a in report.arguments)


@pytest.mark.parametrize("op", ["conv2d", "max_pool2d", "relu", "cross_entropy", "matmul"])
def test_the_catalogue_is_silent_about_a_right_gradient(op, rng):
    """Every entry by itself: none may fire on the slope, within the noise of finite differences."""
    table = proof.tables()[op]
    arrays = table.cases[0].draw(rng)
    report = gradcheck(lambda *tensors: table.function(*tensors, **table.cases[0].settings), arrays, mode="elements")
    for argument in report.arguments:
        noise = 1e-9 * rng.standard_normal(argument.slope.shape)
        assert explain(Evidence(dx=argument.slope + noise, slope=argument.slope, x=arrays[argument.argument])) is None


def test_an_unknown_mistake_gets_no_name(rng):
    bug = unary(np.sin, lambda x, y, dy: dy * np.cos(x) + 0.1 * rng.standard_normal(x.shape))
    with pytest.raises(GradientError, match="pattern: none of the usual ones") as caught:
        gradcheck(bug, [X], mode="elements")
    assert caught.value.report.arguments[0].pattern is None


def test_one_number_is_no_evidence_of_a_factor():
    """With a single positive element, a missing mask cannot be told from a wrong derivative."""
    bug = unary(lambda x: np.maximum(x, 0), lambda x, y, dy: 1.2345 * dy)
    with pytest.raises(GradientError, match="pattern: none"):
        gradcheck(bug, [np.array([-1.0, 2.0, -3.0])], mode="elements")


def test_a_few_wrong_elements_in_one_column_are_chance():
    wrong = np.zeros((3, 5))
    wrong[[0, 2], [1, 1]] = 0.7, -0.4
    with pytest.raises(GradientError, match="pattern: none"):
        gradcheck(unary(np.exp, lambda x, y, dy: y * dy + wrong), [np.arange(15.0).reshape(3, 5) / 9], mode="elements")


def test_equal_inputs_are_no_evidence_of_a_term(rng):
    wrong = rng.standard_normal((2, 4))
    with pytest.raises(GradientError, match="pattern: none"):
        gradcheck(unary(lambda x: x * 2, lambda x, y, dy: 2 * dy + wrong), [np.ones((2, 4))], mode="elements")


# ------------------------------------------------------------------ what it accepts


def test_several_outputs_are_checked_together(rng):
    def halves(x):
        return x[:2] * 2.0, x[2:] * x[2:]

    assert gradcheck(halves, [rng.standard_normal((5, 2))]).verdict == "ok"
    bug = unary(np.exp, lambda x, y, dy: 2 * y * dy)
    with pytest.raises(GradientError, match="FAIL"):
        gradcheck(lambda x: [x * 2.0, bug(x)], [X], mode="elements")


def test_other_inputs_are_passed_on(rng):
    def f(x, w, nothing, labels, stride):
        assert nothing is None
        assert isinstance(labels, Tensor)
        assert labels.dtype == np.int64
        return ops.conv2d(x, w, nothing, stride=stride)

    inputs = [rng.standard_normal((1, 2, 5, 5)), rng.standard_normal((3, 2, 3, 3)), None, np.array([1]), 2]
    assert [a.name for a in gradcheck(f, inputs).arguments] == ["x", "w"]


def test_tensors_lists_and_numbers_are_inputs():
    report = gradcheck(lambda x, y, z: x * y * z, [Tensor([1.0, 2.0]), [3.0, 4.0], 2.0], mode="elements")
    assert [a.shape for a in report.arguments] == [(2,), (2,), ()]
    assert report.notes == ["float32 inputs were cast to float64: in float32 a right gradient looks wrong"]


def test_half_precision_is_cast_as_well():
    assert gradcheck(ops.relu, [X.astype(np.float16)]).notes


def test_empty_arguments_have_nothing_wrong():
    for mode in ("direction", "elements"):
        assert gradcheck(ops.relu, [np.zeros((0, 3))], mode=mode).verdict == "ok"


# ------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"mode": "fast"}, "gradcheck: mode must be one of 'direction', 'elements'; received mode='fast'"),
        ({"eps": 0}, "gradcheck: eps must be > 0; received eps=0"),
        ({"rtol": -1}, "gradcheck: rtol must be >= 0; received rtol=-1"),
        ({"atol": -1}, "gradcheck: atol must be >= 0; received atol=-1"),
        ({"names": ["a", "b"]}, "gradcheck: names must have one name for each of the 1 inputs; received ['a', 'b']"),
    ],
)
def test_bad_settings(settings, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        gradcheck(ops.relu, [X], **settings)


def one_line(kind, text, f, inputs):
    with pytest.raises(kind, match=re.escape(text)) as caught:
        gradcheck(f, inputs)
    assert "\n" not in str(caught.value)


def test_inputs_must_be_a_list():
    one_line(TypeError, "inputs must be a list of the arguments of f; received a ndarray; write [x]", ops.relu, X)


def test_something_must_be_floating():
    text = "none of the inputs is floating, so none has a gradient; received int64, str"
    one_line(ValueError, text, ops.relu, [np.array([1, 2]), "same"])
    one_line(ValueError, "received none", ops.relu, [])


def test_two_results_for_the_same_inputs():
    random = np.random.default_rng(0)
    text = "f gives two results for the same inputs; fix its random numbers (pass it an rng)"
    one_line(ValueError, text, lambda x: x * random.standard_normal(), [X])


@pytest.mark.parametrize(
    ("f", "kind", "text"),
    [
        (lambda x: x.data, TypeError, "f must return a Tensor or several; it returned a ndarray"),
        (lambda x: None, TypeError, "f must return a Tensor or several; it returned a NoneType"),
        (lambda x: (), ValueError, "f must return a Tensor or several; it returned an empty tuple"),
        (
            lambda x: Tensor(np.array([1, 2])),
            TypeError,
            "f must return floating numbers, which have gradients; it returned int",
        ),
        (
            lambda x: Tensor(x.data.astype("float32")),
            TypeError,
            "f returned float32 for float64 inputs; a float32 array inside",
        ),
        (
            lambda x: Tensor(np.array([1.0, np.nan, np.inf])),
            ValueError,
            "f returns nan or inf in 2 of 3 elements, the first at y[1]; finite differences",
        ),
    ],
)
def test_outputs_that_cannot_be_checked(f, kind, text):
    one_line(kind, "gradcheck: " + text, f, [X])


def test_the_edge_of_a_domain():
    f = unary(lambda x: np.where(x >= 0, np.sqrt(np.abs(x)), np.nan), lambda x, y, dy: dy)
    one_line(
        ValueError, "gradcheck: f gives nan or inf a step of 1.0e-05 beside the inputs in x;", f, [np.array([0.0, 1.0])]
    )


def test_a_gradient_of_the_wrong_shape():
    text = "backward must return for input 0 a gradient float64 (2, 3); it returned float64 (3,)"
    one_line(ValueError, text, unary(np.sin, lambda x, y, dy: dy[0]), [X])


def test_an_operation_that_changes_its_input():
    def forward(x):
        x *= 2
        return x.copy()

    bug = unary(forward, lambda x, y, dy: 2 * dy)
    with pytest.raises(ValueError, match="f gives two results"):
        gradcheck(bug, [X])

    def backward(x, y, dy):
        x[0, 0] = 7
        return dy

    text = "f or its backward changed the input x; work on a copy of it"
    one_line(ValueError, text, unary(np.copy, backward), [X])


def test_an_operation_that_changes_dy():
    def backward(x, y, dy):
        dy *= 2
        return dy.copy()

    text = "backward changed dy, which other operations may share; work on a copy of it"
    one_line(ValueError, text, unary(np.copy, backward), [X])


def test_the_users_arrays_are_left_alone():
    x = X.copy()
    with pytest.raises(ValueError, match="changed the input"):
        gradcheck(unary(np.copy, lambda x, y, dy: x.fill(0) or dy), [x])
    np.testing.assert_array_equal(x, X)


def test_inputs_that_cannot_be_moved_are_no_obstacle():
    """The call at other inputs, which looks for stale state, is given up where f refuses them."""

    def f(x):
        if x.data[0] < 0:
            raise ValueError("the first number must be positive")
        return x * x

    assert gradcheck(f, [np.array([1.0, -2.0])]).verdict == "ok"


def test_slopes_keep_arrays_without_axes():
    slope = Slopes(lambda x: x * x, [np.array(3.0)], ["x"], 1e-5)
    slope.dys = [np.array(1.0)]
    assert slope.at(0, ()).value == pytest.approx(6)
    assert slopes_module.HALVINGS == 10


def test_the_error_is_an_assertion_with_the_report():
    with pytest.raises(AssertionError) as caught:
        minidl.gradcheck(doubled_backward, [X])
    assert caught.value.report.verdict == "FAIL"
    assert caught.value.report.worst == pytest.approx(1)
