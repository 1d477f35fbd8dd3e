"""What a run tells in the end: its plots, and report.html, one page with all of them.

The page holds everything itself, asks for nothing from outside, and follows the reader's choice of light or dark.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minidl import _backend, ops, viz
from minidl._backend import Array
from minidl._html import Html, element, join
from minidl._names import printable, some
from minidl.data import Loader, Split
from minidl.data._as_split import PicturesLike, as_split
from minidl.models._registry import ENTRIES
from minidl.nn import Module
from minidl.tensor import Tensor
from minidl.training.batches import validation_batches
from minidl.training.evaluation import evaluate
from minidl.training.metrics import Metrics
from minidl.training.run_folder import _report_page as _page
from minidl.training.run_folder import _report_parts as parts
from minidl.training.run_folder._learning_rates import rates
from minidl.training.run_folder._report_page import Section
from minidl.training.run_folder.folder import RunFolder
from minidl.training.state import State
from minidl.viz._figure import save, to_page
from minidl.viz.confusion import plot_confusion
from minidl.viz.curves import plot_curves
from minidl.viz.feature_maps import plot_feature_maps
from minidl.viz.filters import plot_filters
from minidl.viz.mistakes import Mistake, caption, plot_mistakes, thumbnail

MOST_MISTAKES = 12
MOST_CONFUSIONS = 10


@dataclass(frozen=True)
class Predictions:
    """What a network answers to pictures.

    Attributes:
        numbers: which pictures of the split were read, (N,); the broken ones are not among them.
        labels: their classes, (N,).
        probabilities: what the network gave to each class, (N, classes).
        metrics: the figures.
    """

    numbers: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    metrics: Metrics


def write_report(run: RunFolder, state: State, val: PicturesLike) -> Path:
    """Evaluate a network once more, and write the plots of the run and its report.html.

    Args:
        run: the folder; its history.csv is read for the time it took, if it is there.
        state: the training, finished or not.
        val: the validation pictures.

    Returns:
        The page.

    Raises:
        ValueError: if the pictures do not fit the network, or there are none.
        OSError: if something cannot be written; each file is written whole or not at all.

    Example:
        >>> import tempfile
        >>> from minidl import data, models, optim
        >>> from minidl.training import Config
        >>> net = models.lenet5_modern()
        >>> state = State(net, optim.SGD(net.parameters(), lr=0.1), Config())
        >>> val = data.open_dataset("digits").val.take(slice(0, 32))
        >>> page = write_report(RunFolder(tempfile.mkdtemp()), state, val)
        >>> sorted(file.name for file in page.parent.iterdir())
        ['confusion.png', 'feature_maps.png', 'filters.png', 'mistakes.png', 'report.html']
    """
    val = as_split("report", "val", val, classes_only=True)
    batches = validation_batches(val, state.config)
    found = predictions_of(state.net, batches, state.config.device)
    mistakes = viz.worst_mistakes(found.probabilities, found.labels, MOST_MISTAKES)
    title = f"{state.config.model} on {printable(Path(state.config.data).name)}"
    sections = [
        Section("curves", "Curves", "Curves", parts.curves(run, state, title, _plotted(run, state, title))),
        Section("classes", "Classes", "Class by class", _classes(val, found.metrics)),
        Section("confusion", "Confusion", "Confusion", _confusion(run, val, found.metrics)),
        Section("mistakes", "Worst mistakes", "Worst mistakes", _mistakes(run, val, found, mistakes)),
        Section("filters", "Filters", "Filters of the first layer", _filters(run, state)),
        Section("maps", "Feature maps", "Feature maps", _maps(run, state, batches, found)),
        Section("settings", "Settings", parts.SETTINGS, _settings(state, val, found.metrics.left_out)),
        Section("on", "How to go on", "How to go on", parts.on(run, state)),
    ]
    return parts.write(run, state, title, _figures(run, state, found.metrics), sections)


def predictions_of(net: Module, batches: Loader, device: str = "cpu") -> Predictions:
    """Return what a network answers to all pictures, in eval mode and without a graph.

    Raises:
        ValueError: if the pictures do not fit the network.
    """
    labels: list[np.ndarray] = []
    probabilities: list[np.ndarray] = []

    def note(logits: Tensor, t: Array) -> None:
        labels.append(_backend.to_numpy(t))
        probabilities.append(ops.softmax(logits).numpy())

    metrics = evaluate(net, batches, device, tell=note)
    numbers = np.array([number for number in range(len(batches.split)) if number not in batches.broken])
    return Predictions(numbers, np.concatenate(labels), np.concatenate(probabilities), metrics)


# The parts of the page, from top to bottom


def _figures(run: RunFolder, state: State, metrics: Metrics) -> Html:
    cards = [
        ("accuracy", parts.share(metrics.top1), f"{metrics.confusion.trace()} of {metrics.n} pictures"),
        ("loss", f"{metrics.loss:.4f}", "mean cross-entropy"),
    ]
    if metrics.classes > 5:
        cards.insert(1, ("top 5", parts.share(metrics.top5), "among the first five"))
    return _page.figures([*cards, *parts.cards(run, state)])


def _plotted(run: RunFolder, state: State, title: str) -> parts.Plotted:
    """Draw the curves into a file, and return how a panel is drawn."""
    by_step = rates(state)
    if state.history:
        save(plot_curves(state.history, rates=by_step, title=title), run.path / "curves.png")
    return lambda panel: plot_curves(state.history, rates=by_step, panels=[panel])


def _settings(state: State, val: Split, left_out: list[str]) -> Html:
    paper = ENTRIES[state.config.model].variant.paper
    about = {
        "network": f"{state.config.model}: {paper.citation}",
        "parameters": f"{parts.count(state.net):,}",
        "data": state.config.data,
        **({"training": f"{state.pictures[0]:,} pictures"} if state.pictures else {}),
        "validation": f"{len(val):,} pictures, {len(val.classes)} classes",
        "classes": ", ".join(val.classes),
    } | ({"left out": f"{len(left_out):,} that cannot be read: {some(left_out)}"} if left_out else {})
    return parts.settings(state, about)


def _classes(val: Split, metrics: Metrics) -> Html:
    """Return a row for each class, the worst first; those without pictures last."""
    confusion, shares = metrics.confusion, metrics.per_class
    rows = []
    for label in np.argsort(shares, kind="stable"):  # NaN comes last
        n, right = int(confusion[label].sum()), int(confusion[label, label])
        wrong = confusion[label].copy()
        wrong[label] = 0
        other = f"{val.classes[wrong.argmax()]} ({wrong.max()})" if wrong.any() else ""
        bar = element("span", element("i", style=f"width:{100 * shares[label]:.0f}%"), class_="bar", aria_hidden="true")
        accuracy = join(bar, parts.share(shares[label])) if n else "–"
        rows.append([val.classes[label], accuracy, f"{right:,} of {n:,}", other, str(label)])
    head = ("class", "accuracy", "right", "most often taken for", "number")
    return _page.table(f"{len(rows)} classes, the worst first", head, rows, numbers=(1, 2, 4))


def _confusion(run: RunFolder, val: Split, metrics: Metrics) -> Html:
    counts = metrics.confusion
    figure = plot_confusion(counts, val.classes)
    save(figure, run.path / "confusion.png")
    alt = f"confusion matrix of {len(counts)} classes; {counts.trace()} of {counts.sum()} answers lie on its diagonal"
    caption = (
        "A row is a true class, a column an answer. Blue is right, orange wrong; the opacity is the square root of the "
        "share of the row."
    )
    plot = _page.plate(to_page(figure, "confusion", alt), caption, "wide")
    wrong = counts - np.diag(counts.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    pairs = [divmod(int(place), len(counts)) for place in order]
    rows = [
        [
            val.classes[label],
            val.classes[answer],
            str(wrong[label, answer]),
            parts.share(wrong[label, answer] / counts[label].sum()),
        ]
        for label, answer in pairs
        if wrong[label, answer]
    ]
    if not rows:
        return join(plot, element("p", "There are no mistakes."))
    head = ("class", "taken for", "pictures", "share of the class")
    return join(plot, _page.table("The most frequent mistakes", head, rows, numbers=(2, 3)))


def _mistakes(run: RunFolder, val: Split, found: Predictions, mistakes: list[Mistake]) -> Html:
    def read(place: int) -> np.ndarray:
        return val.read(int(found.numbers[place]))

    figure = plot_mistakes(read, found.probabilities, found.labels, val.classes, count=MOST_MISTAKES)
    save(figure, run.path / "mistakes.png")
    if not mistakes:
        return element("p", f"There are none among {len(found.labels):,} pictures.")
    plates = []
    for one in mistakes:
        true, answer = val.classes[one.label], val.classes[one.answer]
        words = element(
            "figcaption",
            parts.whole(caption("true", true, one.p_label)),
            Html("<br>"),
            element("span", parts.whole(caption("answer", answer, one.p_answer)), class_="answer"),
            element("small", Path(val.name(int(found.numbers[one.picture]))).name),
        )
        picture = _page.picture(thumbnail(read(one.picture)), f"a picture of class {true}, taken for {answer}")
        plates.append(element("figure", picture, words))
    introduction = (
        "The pictures whose true class got the least probability. Below each stand its true class and the answer of "
        "the network, with the probability the network gave to each."
    )
    return join(element("p", introduction), element("div", join(*plates), class_="pictures"))


def _filters(run: RunFolder, state: State) -> Html:
    name, w = viz.first_filters(state.net)
    figure = plot_filters(w)
    save(figure, run.path / "filters.png")
    alt = f"{len(w)} filters of {name}, the largest weight {np.abs(w).max():.3g}"
    caption = element("span", element("code", name), ". All filters share one scale; grey is 0.")
    return _page.plate(to_page(figure, "filters", alt), caption, "narrow")


def _maps(run: RunFolder, state: State, batches: Loader, found: Predictions) -> Html:
    val, number = batches.split, int(found.numbers[0])
    with closing(batches.epoch(0)) as epoch:
        x = next(epoch)[0][0]  # as the network sees it
    maps = viz.feature_maps(state.net, x)
    figure = plot_feature_maps(maps, val.read(number))
    save(figure, run.path / "feature_maps.png")
    true, answer = val.classes[found.labels[0]], val.classes[found.probabilities[0].argmax()]
    alt = f"feature maps of a picture of class {true} after {', '.join(maps)}"
    caption = (
        f"The first validation picture ({Path(val.name(number)).name}), of class {true}; the answer is {answer}. A row "
        "is a block of the network; drawn are the maps that vary most, with the numbers of their channels."
    )
    return _page.plate(to_page(figure, "maps", alt), caption, "wide")
