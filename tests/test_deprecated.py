"""Old spellings: each still works for one version, gives what the new one gives, and says so."""

import importlib
import pickle
import sys
import warnings
from pathlib import Path

import pytest

import minidl
from minidl import _deprecated, training

OLD = Path(__file__).parent / "data" / "run_0.1.0"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Let every test be the first that imports an old name."""
    for name in [name for name in sys.modules if name in _deprecated.MODULES]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name in _deprecated.MODULES]:
        del sys.modules[name]


def found(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("old", _deprecated.MODULES)
def test_a_module_is_found_by_its_old_name(old):
    with pytest.warns(DeprecationWarning, match=f"{old} is called {_deprecated.MODULES[old][0]}") as told:
        module = importlib.import_module(old)
    assert len(told) == 1
    for place in _deprecated.MODULES[old]:
        new = importlib.import_module(place)
        own = [name for name, value in vars(new).items() if getattr(value, "__module__", None) == new.__name__]
        assert own
        for name in own:
            assert getattr(module, name) is getattr(new, name)
    with pytest.raises(AttributeError, match=f"{old}.* has no attribute 'nothing'; it is called minidl"):
        module.nothing  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{old}_of_nobody")


NAMES = [(module, old) for module, names in _deprecated.NAMES.items() for old in names]


@pytest.mark.parametrize("module, old", NAMES)
def test_a_name_is_found_by_its_old_spelling(module, old):
    with pytest.warns(
        DeprecationWarning, match=f"{old} is called {_deprecated.NAMES[module][old]} now|{module} is called"
    ):
        assert getattr(importlib.import_module(module), old) is found(_deprecated.NAMES[module][old])


@pytest.mark.parametrize("function", ["fit", "train", "resume", "evaluate_run", "report_run"])
def test_watchers_are_callbacks(function):
    call = getattr(training, function)
    given = (None,) * (3 if function == "fit" else 1)
    with pytest.warns(DeprecationWarning, match=rf"{function}\(watchers=…\) is called callbacks now"):
        with pytest.raises(
            TypeError, match=rf"{function}: callbacks must be a list of Callbacks or functions; rec.*\[3\]"
        ):
            call(*given, watchers=[3])
    with pytest.raises(
        TypeError, match=f"{function}: watchers and callbacks are two words for one thing; say callbacks"
    ):
        call(*given, watchers=[], callbacks=[])


def test_the_warning_points_at_whoever_uses_the_old_name():
    code = "import minidl.training.watcher"
    with warnings.catch_warnings(record=True, action="always") as told:
        exec(compile(code, "script.py", "exec"), {})
    assert [one.filename for one in told] == ["script.py"]


def test_pickles_of_the_old_modules_are_read():
    with warnings.catch_warnings(record=True, action="always") as told:
        found = pickle.loads((OLD / "objects.pickle").read_bytes())
    assert {one.category for one in told} == {DeprecationWarning}
    assert isinstance(found["config"], training.Config)
    assert found["config"] == training.Config(epochs=3)
    assert found["metrics"].top1 == pytest.approx(2 / 3)
    assert len(found["pictures"]) == 2
    assert found["pictures"].x.sum() == 8128
    assert (found["state"].config.epochs, found["state"].epoch, len(found["state"].optimizer.parameters)) == (2, 0, 6)
    assert found["state"].net(minidl.Tensor(found["pictures"].x)).shape == (2, 2)
    assert found["split"].name(1) == "b.png"
    assert found["dataset"].val.classes == ("a", "b")
    assert found["run"].last.name == "last.safetensors"
    assert [step.name for step in found["pipeline"].steps] == ["resize", "flip", "normalize"]
    assert found["interrupted"].status == 143 or str(found["interrupted"]) == "x"
    assert isinstance(found["error"], training.NonFiniteError)
    assert training.fit in found["named"]
    assert training.evaluate in found["named"]
    again = pickle.loads(pickle.dumps({name: one for name, one in found.items() if name != "named"}))
    assert again["config"] == found["config"]
