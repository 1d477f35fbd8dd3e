"""The bar of a training: where the epoch is, what is compiled and drawn; in commands, in `fit`, and in notebooks."""

import io
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from minidl import nn, training
from minidl.data import open_dataset
from minidl.kernels import _compiling
from minidl.training.progress import notebook as notebook_module
from minidl.training.progress.bar import Bar
from minidl.training.progress.lines import Lines
from minidl.training.progress.pace import Pace


@pytest.fixture(scope="module")
def parts():
    return tuple(part.take(slice(0, 48)) for part in open_dataset("digits"))


def net():
    return nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 10, rng=np.random.default_rng(0)))


class Looking(training.Callback):
    """Notes the bar after every step."""

    def __init__(self, bar):
        self.bar, self.seen = bar, []

    def on_step(self, state, loss):
        (task,) = self.bar.progress.tasks
        self.seen.append((task.description, task.completed, task.total))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_bar_follows_a_training(parts, width):
    screen = io.StringIO()
    with Bar(Console(file=screen, force_terminal=True, width=width, color_system=None)) as bar:
        looking = Looking(bar)
        training.fit(net(), *parts, epochs=2, batch_size=16, callbacks=[bar, Lines(), looking], progress=False)
    assert [(text[:9], done, all_) for text, done, all_ in looking.seen] == [
        (f"epoch {e}/2", step, 3) for e in (1, 2) for step in (1, 2, 3)
    ]
    for text, done, _ in looking.seen:
        assert text.startswith(f"epoch {text[6]}/2 {done}/3 loss ")
        assert len(text) <= width
        assert ("pictures/s" in text) == (width > 60)
    assert "epoch 2/2  train loss" in " ".join(screen.getvalue().split("\n")).replace("   ", " ")


def test_compiling_and_drawing_have_their_words_and_no_time(parts, monkeypatch):
    bar = Bar(Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None))
    said = []
    monkeypatch.setattr(Bar, "_update", lambda self, pieces, done, total: said.append((" ".join(pieces), done, total)))
    with bar:
        bar.on_compile(17)
        for name in ("sgd", None, "relu", None):
            _compiling.telling[-1](name)
        bar.on_features(2, 5)
        bar.on_draw(None)
        _compiling.telling[-1]("narrow")
    assert said == [
        ("compiling 1 of 17, once on this machine", 0, 17),
        ("compiling 2 of 17, once on this machine", 1, 17),
        ("frozen layers 2/5", 2, 5),
        ("drawing the report …", 0, None),
        ("compiling 1 of 17, once on this machine", 0, 17),
    ]
    assert bar._told not in _compiling.telling


def test_the_time_that_is_left_knows_nothing_of_the_compiler(parts, monkeypatch):
    clock, left = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(_compiling, "seconds", [0.0])

    class Slow(Pace):
        def draw(self, state):
            left.extend(self.words(state)[2:])

    class Ticking(training.Callback):
        def on_step(self, state, loss):
            clock[0] += 10 + 1000 * (state.epoch == state.step - 1 == 0)
            _compiling.seconds[0] += 1000 * (state.epoch == state.step - 1 == 0)

    training.fit(net(), *parts, epochs=2, batch_size=16, callbacks=[Ticking(), Slow()], progress=False)
    assert left == [word for n in range(1, 7) for word in ("2 pictures/s", f"0:{60 - 10 * n:02} left")]


def test_a_terminal_has_a_bar_and_a_pipe_has_lines_if_asked(parts, monkeypatch, capsys):
    training.fit(net(), *parts, epochs=1)
    assert capsys.readouterr() == ("", "")
    training.fit(net(), *parts, epochs=1, progress=True)
    out, error = capsys.readouterr()
    assert (out.count("\n"), error) == (1, "")
    assert out.startswith("epoch 1/1  train loss ")

    class Screen(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    for asked, bars in ((None, True), (True, True), (False, False)):
        screen = Screen()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("TERM", "xterm-256color")
        training.fit(net(), *parts, epochs=1, progress=asked)
        monkeypatch.undo()
        assert ("━" in screen.getvalue()) == ("epoch 1/1  train loss" in screen.getvalue()) == bars


class Notebook:
    """What a kernel of Jupyter does with a display: it keeps the newest content of one output."""

    def __init__(self):
        self.shown, self.messages, self.outputs = "", 0, 0

    def display(self, content, display_id):
        assert display_id
        self.outputs += 1
        self.update(content)
        return self

    def update(self, content):
        self.shown, self.messages = content._repr_html_(), self.messages + 1


@pytest.fixture
def notebook(monkeypatch):
    found = Notebook()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=found.display))
    return found


def test_a_notebook_has_one_output_and_no_flood(parts, notebook, capsys):
    training.fit(net(), *parts, epochs=3, batch_size=4, optimizer="adam", lr=1e-4)
    assert (notebook.outputs, capsys.readouterr()) == (1, ("", ""))
    assert notebook.messages < 3 * 12  # steps
    assert notebook.shown.count("<tr>") == 4
    assert "<td>3/3</td>" in notebook.shown
    assert "<progress" not in notebook.shown  # it is done
    training.fit(net(), *parts, epochs=1, progress=False)
    assert notebook.outputs == 1


def test_a_notebook_shows_where_it_is(parts, notebook, monkeypatch):
    monkeypatch.setattr(notebook_module, "PAUSE", 0.0)
    seen = []
    training.fit(
        net(), *parts, epochs=12, batch_size=48, callbacks=[lambda state: seen.append(notebook.shown)], optimizer="adam"
    )
    assert all(f"<td>{n}/12</td>" in shown for n, shown in enumerate(seen, 1))
    assert '<progress value="1" max="1"></progress> epoch 12/12 · 1/1 · loss ' in seen[-1]
    assert "<td>1/12</td>" not in notebook.shown
    assert "the last 10 epochs; 2 before: state.history" in notebook.shown
    with notebook_module.Page() as page:
        page.on_features(2, 5)
        assert '<progress value="2" max="5"></progress> frozen layers 2/5' in notebook.shown


def test_a_prompt_of_ipython_is_a_terminal(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: object()))
    assert not notebook_module.in_notebook()


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"progress": "yes"}, TypeError, "fit: progress must be True, False or None; received progress='yes'"),
        ({"callbacks": [3]}, TypeError, r"fit: callbacks must be a list of Callbacks or functions; received \[3\]"),
        ({"verbose": 0}, ValueError, "fit: there is no setting 'verbose'; it is called progress"),
    ],
)
def test_what_is_refused(parts, settings, kind, message):
    with pytest.raises(kind, match=message):
        training.fit(net(), *parts, epochs=1, **settings)
