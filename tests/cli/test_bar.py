"""The bar on a terminal: it shows where the epoch is, and keeps the lines of those that are done."""

import io

from rich.console import Console

from minidl import training
from minidl.cli._bar import Bar
from minidl.data import open_dataset


def test_the_bar_follows_a_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parts = tuple(part.take(slice(0, 48)) for part in open_dataset("digits"))
    screen = io.StringIO()
    bar = Bar(Console(file=screen, force_terminal=True, width=100, color_system=None))
    shown = []

    class Looking(training.Watcher):
        def on_step(self, state, loss):
            (task,) = bar.progress.tasks
            shown.append((task.description, task.completed, task.total, task.fields["words"][0]))

    with bar:
        training.train(training.Config(epochs=2, batch_size=16), parts=parts, watchers=[bar, Looking()])
    assert [entry[:3] for entry in shown] == [(f"epoch {e}/2", step, 3) for e in (1, 2) for step in (1, 2, 3)]
    assert all(float(entry[3].removeprefix("loss ")) > 0 for entry in shown)
    assert "epoch 2/2  train loss" in screen.getvalue()
    assert "pictures/s" in screen.getvalue()
