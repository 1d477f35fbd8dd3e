"""What stands in the curves is what stood in the history."""

import pytest

from minidl import viz
from minidl.viz.curves import plot_curves


def line(axes, name):
    """The numbers of the line whose legend begins with that name."""
    (found,) = [one for one in axes.get_lines() if one.get_label().startswith(f"{name}:")]
    return list(found.get_xdata()), list(found.get_ydata()), found.get_label()


def test_every_column_is_drawn_as_it_is(history):
    loss, accuracy, lr = plot_curves(history).axes
    epochs = [1, 2, 3, 4, 5]
    for axes, name, column, factor in (
        (loss, "training", "train_loss", 1),
        (loss, "validation", "val_loss", 1),
        (accuracy, "training", "train_top1", 100),
        (accuracy, "validation", "val_top1", 100),
        (accuracy, "validation, top 5", "val_top5", 100),
    ):
        x, y, _ = line(axes, name)
        assert x == epochs
        assert y == [factor * row[column] for row in history]
    x, y, _ = line(lr, "highest")  # each epoch has that of its last step, from its beginning to its end
    assert x == [0, *epochs]
    assert y == [row["lr"] for row in history] + [history[-1]["lr"]]


def test_the_learning_rate_is_drawn_step_by_step_on_a_linear_axis(history):
    rates = [(0.0, 1e-4), (0.5, 0.1), (1.0, 0.1), (3.0, 0.001)]
    lr = plot_curves(history, rates=rates).axes[2]
    x, y, label = line(lr, "highest")
    assert (x, y) == ([0.0, 0.5, 1.0, 3.0, 5], [1e-4, 0.1, 0.1, 0.001, 0.001])
    assert label == "highest: 0.1, last: 0.001"
    assert (lr.get_yscale(), lr.get_ylim()[0], lr.get_xlim()[0]) == ("linear", 0, 0)
    assert {one.get_drawstyle() for one in lr.get_lines() if one.get_label() == label} == {"steps-post"}


@pytest.mark.parametrize("rates", [[(0, 1), (1, float("nan"))], [(1, 0.1), (0, 0.1)], [(1,)], ["ab"], [(0, True)]])
def test_rates_that_are_none_are_refused(history, rates):
    with pytest.raises(ValueError, match=r"draw_curves: rates must be "):
        plot_curves(history, rates=rates)


def test_legends_tell_the_last_numbers_and_the_best_epoch(history):
    loss, accuracy, lr = plot_curves(history).axes
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training: 0.1", "validation: 0.4"]
    assert [text.get_text() for text in lr.get_legend().get_texts()] == ["highest: 0.1, last: 0.02"]
    texts = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert texts[1:] == ["validation: 75.0 %", "validation, top 5: 87.5 %", "best: 80.0 %, epoch 3"]
    x, y, _ = line(accuracy, "best")
    assert (x, y) == ([3], [80])


def test_the_best_epoch_is_marked_in_every_panel(history):
    for axes in plot_curves(history).axes:
        assert any(list(one.get_xdata()) == [3, 3] for one in axes.get_lines())


def test_axes_are_labelled(history):
    labels = [(axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) for axes in plot_curves(history).axes]
    assert labels == [
        ("loss", "epoch", "mean cross-entropy"),
        ("accuracy", "epoch", "right answers (%)"),
        ("learning rate", "epoch", ""),
    ]


def test_panels_are_chosen(history):
    (lr, loss) = plot_curves(history, panels=["lr", "loss"]).axes
    assert (lr.get_title(), loss.get_title()) == ("learning rate", "loss")


def test_columns_that_are_not_there_are_left_out(history):
    short = [{name: value for name, value in row.items() if name not in ("lr", "val_top5")} for row in history]
    _, accuracy = plot_curves(short).axes
    assert [text.get_text().split(":")[0] for text in accuracy.get_legend().get_texts()] == [
        "training",
        "validation",
        "best",
    ]


def test_a_loss_that_falls_far_gets_a_logarithmic_scale(history):
    assert plot_curves(history).axes[0].get_yscale() == "log"
    assert plot_curves(history[:2]).axes[0].get_yscale() == "linear"
    with_nothing_left = [*history, history[-1] | {"epoch": 6, "train_loss": 0.0}]
    assert plot_curves(with_nothing_left).axes[0].get_yscale() == "linear"


@pytest.mark.parametrize("epochs", [1, 300])
def test_few_and_many_epochs(history, tmp_path, epochs):
    rows = [history[epoch % 5] | {"epoch": epoch + 1} for epoch in range(epochs)]
    viz.draw_curves(tmp_path / "curves.png", rows, title="LeNet-5 at $2 & <1 %>")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_an_empty_history_is_refused(tmp_path):
    with pytest.raises(ValueError, match="draw_curves: the history is empty; there is nothing to draw before"):
        viz.draw_curves(tmp_path / "curves.png", [])
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_panel_is_refused(history, tmp_path):
    with pytest.raises(ValueError, match=r"draw_curves: panels .*'loss'.*'accuraci'"):
        viz.draw_curves(tmp_path / "curves.png", history, panels=["accuraci"])
