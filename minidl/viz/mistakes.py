"""The worst mistakes, with their pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minidl._checks import from_numbers, shown, to_int, to_names
from minidl._heat import as_rgb, shrink
from minidl.viz._figure import INK, ORANGE, SMALL, check_format, new_sheet, put, save, top_for
from minidl.viz._fonts import Lettering
from minidl.viz._tiles import fit, to_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
MOST_LETTERS = 20  # of a name
KEY: dict[str, Any] = {"fontsize": SMALL, "color": INK}
SIDE = 128  # pixels of a picture at most
DRAWN = 256  # pixels that it takes in the figure at most, each of its own a square of whole pixels
CELL, CAPTION, GAP, FOOT = 304, 52, 16, 48  # pixels of a place: its width, what stands above and below; of the key


class Mistake(NamedTuple):
    """One wrong answer: the picture's number, its class, the answer, and the probabilities of the two."""

    picture: int
    label: int
    answer: int
    p_label: float
    p_answer: float


def worst_mistakes(probabilities: np.ndarray, labels: np.ndarray, count: int = 12) -> list[Mistake]:
    """Return the wrong answers that gave the true class the least probability, the worst first.

    Args:
        probabilities: of each class for each picture, (N, classes).
        labels: the true classes, integers (N,).
        count: how many at most.

    Raises:
        ValueError: if the shapes do not fit, or a probability is not finite.

    Example:
        >>> worst_mistakes(np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), np.array([1, 1, 0]))
        [Mistake(picture=0, label=1, answer=0, p_label=0.1, p_answer=0.9),
         Mistake(picture=2, label=0, answer=1, p_label=0.3, p_answer=0.7)]
    """
    probabilities = from_numbers("worst_mistakes", "probabilities", probabilities)
    labels = from_numbers("worst_mistakes", "labels", labels)
    count = to_int("worst_mistakes", "count", count, least=0)
    if probabilities.dtype.kind not in "iuf" or labels.dtype.kind not in "iu":
        found = f"probabilities {probabilities.dtype}, labels {labels.dtype}"
        raise TypeError(f"worst_mistakes: expects numbers, and labels as whole ones; received {found}")
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "worst_mistakes: probabilities must have the shape (N, classes) and labels (N,); "
            f"probabilities.shape={probabilities.shape}, labels.shape={labels.shape}"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("worst_mistakes: probabilities must be finite; they hold NaN or infinities")
    if labels.size and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]:
        raise ValueError(
            f"worst_mistakes: labels must be from 0 to {probabilities.shape[1] - 1}; received labels from "
            f"{labels.min()} to {labels.max()}"
        )
    rows, answers = np.arange(len(labels)), probabilities.argmax(axis=1)
    p_label, p_answer = probabilities[rows, labels], probabilities[rows, answers]
    wrong = np.flatnonzero(answers != labels)
    order = wrong[np.argsort(p_label[wrong], kind="stable")][:count]
    return [Mistake(int(i), int(labels[i]), int(answers[i]), float(p_label[i]), float(p_answer[i])) for i in order]


def draw_mistakes(
    path: str | os.PathLike[str],
    read: Callable[[int], np.ndarray],
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    count: int = 12,
    title: str = "",
) -> None:
    """Draw the pictures of the worst mistakes into a PNG or SVG file.

    Above each stand its true class and, in orange, the answer of the network, with the probabilities they got. Each
    pixel of a small picture is drawn as a square of whole pixels.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        read: gives picture number i as (C, H, W), such as `split.read`; called for the pictures drawn only.
        probabilities: of each class for each picture, (N, classes).
        labels: the true classes, integers (N,).
        classes: the names.
        count: how many at most.
        title: stands above.

    Raises:
        ValueError: if the shapes do not fit, a probability is not finite, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> pictures = np.zeros((2, 3, 8, 8), dtype="uint8")
        >>> path = os.path.join(tempfile.mkdtemp(), "mistakes.png")
        >>> p = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> draw_mistakes(path, pictures.__getitem__, p, np.array([1, 1]), ("cat", "dog"))
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_mistakes", path)
    save(plot_mistakes(read, probabilities, labels, classes, count=count, title=title), path)


def plot_mistakes(
    read: Callable[[int], np.ndarray],
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    count: int = 12,
    title: str = "",
) -> Figure:
    """Return the figure that `draw_mistakes` writes, with axes for each picture.

    Raises:
        ValueError: if the shapes do not fit, or a probability is not finite.
    """
    if not callable(read):
        raise TypeError(f"draw_mistakes: read must give a picture for its number; received read={shown(read)}")
    found = worst_mistakes(probabilities, labels, count)
    classes = to_names("draw_mistakes", "classes", classes)
    if len(classes) != np.shape(probabilities)[1]:
        raise ValueError(
            f"draw_mistakes: classes must be the names of the {np.shape(probabilities)[1]} classes of probabilities; "
            f"received {len(classes)}"
        )
    lettering = Lettering(classes, MOST_LETTERS)
    rows, top = max(1, -(-len(found) // COLUMNS)), top_for(title)
    height = CAPTION + DRAWN + GAP
    figure = new_sheet(CELL * COLUMNS, top + height * rows + FOOT, title)
    for number, mistake in enumerate(found):
        drawn = fit(thumbnail(_picture(read, mistake.picture)).transpose(2, 0, 1), DRAWN).transpose(1, 2, 0)
        row, column = divmod(number, COLUMNS)
        left = CELL * column + (CELL - drawn.shape[1]) // 2
        place = put(figure, drawn, left, top + height * row + CAPTION)
        for above, colour, what, label, p in (
            (14, INK, "true", mistake.label, mistake.p_label),
            (4, ORANGE, "answer", mistake.answer, mistake.p_answer),
        ):
            place.annotate(
                caption(what, lettering.show(classes[label]), p),
                xy=(0.5, 1),
                xycoords="axes fraction",
                xytext=(0, above),
                textcoords="offset points",
                ha="center",
                fontsize=SMALL - 0.5,
                color=colour,
                fontfamily=lettering.families,
            )
    if found:
        key = "the true class, and the answer of the network, each with the probability that the network gave it"
        figure.text(0.5, FOOT / 2 / (top + height * rows + FOOT), key, ha="center", va="center", **KEY)
    else:
        figure.text(0.5, 0.5, f"no mistakes in {len(labels)} pictures", ha="center", color=INK)
    return figure


def _picture(read: Callable[[int], np.ndarray], i: int) -> np.ndarray:
    return to_picture("draw_mistakes", f"read({i})", read(i))


def thumbnail(x: np.ndarray) -> np.ndarray:
    """Return a picture (C, H, W) as uint8 (H, W, 3), of at most 128 pixels a side."""
    return shrink(as_rgb(x).transpose(2, 0, 1), SIDE).transpose(1, 2, 0)


def caption(what: str, name: str, p: float) -> str:
    """Return a class and the probability that it got, so that neither is taken for the other.

    Example:
        >>> caption("true", "3", 0.031)
        'true 3: 3 %'
    """
    return f"{what} {name}: {percent(p)}"


def percent(p: float) -> str:
    """Return a probability in words.

    Example:
        >>> percent(0.936), percent(1e-9)
        ('94 %', '< 1 %')
    """
    return f"{100 * p:.0f} %" if p >= 0.01 else "< 1 %"
