"""The tables of cases as the command runs them: every operation, every layer."""

import inspect

import numpy as np
import pytest

from minidl import Function, _random, nn, ops, proof
from minidl.proof import runner
from minidl.proof.layers import LAYERS, LayerCase
from minidl.proof.table import Case, Table, normal

CONTAINERS = {"Module", "Parameter", "LoadReport", "ModuleDict", "ModuleList"}


@pytest.mark.parametrize("name", runner.names())
def test_everything_is_right(name):
    row = runner.check(name)
    assert (row.name, row.verdict, row.trouble) == (name, "ok", ())
    assert row.worst <= 1e-6
    assert row.cases >= 1


@pytest.mark.parametrize("name", ["relu", "ReLU", "conv2d", "Linear"])
def test_element_by_element(name):
    row = runner.check(name, full=True, seed=1)
    assert row.verdict == "ok"
    assert row.worst <= 1e-6


def test_every_layer_has_cases():
    layers = {name for name, value in vars(nn).items() if inspect.isclass(value) and issubclass(value, nn.Module)}
    assert layers - CONTAINERS - set(LAYERS) == set()


def test_layers_are_checked_with_respect_to_their_parameters(monkeypatch):
    seen = []
    monkeypatch.setattr(runner, "gradcheck", lambda f, inputs, **settings: seen.append(settings["names"]) or _ok())
    runner.check("Conv2dNormActivation")
    assert seen[0] == ["x", "0.weight", "1.weight", "1.bias"]


def _ok():
    return runner.GradcheckReport("direction", 0)


class Wrong(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return x * x

    @staticmethod
    def backward(ctx, dy):
        return ctx.saved[0] * dy


class WrongLayer(nn.Module):
    def forward(self, x):
        return Wrong.apply(x)


def wrong_table(*cases):
    return Table("square", lambda x: Wrong.apply(x), cases, lambda x: x * x)


@pytest.fixture
def planted(monkeypatch):
    """Put wrong operations and layers into the tables."""

    def fails(rng):
        raise ZeroDivisionError("nothing to draw")

    tables = {
        "square": wrong_table(Case("one", normal((3, 5)))),
        "broken": wrong_table(Case("one", normal((2,))), Case("two", fails)),
        "kinked": Table("kinked", ops.relu, (Case("zero", lambda rng: (np.zeros(3),)),), lambda x: x),
        "empty": wrong_table(),
    }
    monkeypatch.setattr(runner, "tables", lambda: tables | proof.tables())
    monkeypatch.setitem(LAYERS, "WrongLayer", (LayerCase("plain", WrongLayer, normal((3, 5))),))


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("name", ["square", "WrongLayer"])
def test_a_wrong_gradient_fails_with_its_verdict(name):
    row = runner.check(name)
    assert (row.verdict, row.cases) == ("FAIL", 1)
    assert row.worst == pytest.approx(0.5)
    assert row.trouble[0].startswith(f"{name}, case ")
    assert "a constant factor: dx is 1/2 times the slope" in row.trouble[0]


@pytest.mark.usefixtures("planted")
def test_an_error_in_one_case_does_not_stop_the_others():
    first, second = runner.check_cases("broken")
    assert (first.verdict, second.verdict) == ("FAIL", "ERROR")
    row = runner.check("broken")
    assert (row.verdict, row.cases, row.worst) == ("ERROR", 2, float("inf"))
    assert row.trouble[-1] == "broken, case 'two': ZeroDivisionError: nothing to draw"


@pytest.mark.usefixtures("planted")
def test_a_kink_is_no_failure():
    row = runner.check("kinked")
    assert row.verdict == "KINK"
    assert "KINK: f has a corner here" in row.trouble[0]


@pytest.mark.usefixtures("planted")
def test_no_cases_are_nothing_wrong():
    assert runner.check("empty") == runner.Row("empty", 0, 0.0, 0, "ok")


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("conv2", "did you mean conv2d or Conv2d"),
        ("BatchNorm2D", "did you mean BatchNorm2d"),
        ("maxpool2d", "did you mean MaxPool2d or max_pool2d"),
        ("qqqq", "there are: conv2d, "),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name, guess):
    with pytest.raises(ValueError, match=f"gradcheck: there is no operation, layer or file {name!r}; {guess}"):
        runner.check(name)


def test_what_a_layer_draws_is_the_same_in_every_call():
    before = _random.get_state()
    assert runner.check("Dropout").verdict == "ok"
    assert _random.get_state() == before
