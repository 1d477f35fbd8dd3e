"""Figures of an evaluation as HTML: the shares, and the confusion matrix, blue for right answers, orange for wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl._heat import shrink
from minidl._html import BAD, GOOD, LINE, Html, element, faint, grid, heading, image, or_plain
from minidl._looks import count, percent

MOST_NUMBERS = 20  # classes up to which every cell shows its count
SIDE = 256  # pixels of the matrix of more classes
CELL = f"padding:.1em .5em;border:{LINE};text-align:right;min-width:1.6em"


@or_plain
def matrix(metrics: Any) -> str:
    """Return what a notebook shows of `Metrics`."""
    title = heading("Metrics", count(metrics.n, "picture"), f"{metrics.classes} classes")
    left = [element("div", faint(f"{count(len(metrics.left_out), 'picture')} left out"))] if metrics.left_out else []
    figures = [f"{metrics.loss:.4g}", percent(metrics.top1), percent(metrics.top5)]
    drawn = _numbers(metrics.confusion) if metrics.classes <= MOST_NUMBERS else _plot(metrics.confusion)
    words = faint("A row is a true class, a column an answer; blue is right, orange wrong.")
    table = grid(("loss", "top1", "top5"), [figures], (0, 1, 2))
    return element("div", title, *left, table, drawn, element("div", words))


def _opacity(counts: np.ndarray) -> np.ndarray:
    """Return the square root of the share of the row, so that 1 % of a class is still seen."""
    return np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _numbers(counts: np.ndarray) -> Html:
    opacity = _opacity(counts)
    head = element("tr", element("td"), *(element("td", faint(i), style=CELL) for i in range(len(counts))))
    rows = []
    for label, row in enumerate(counts.tolist()):
        cells = [
            element("td", n or "", style=f"{CELL};background:rgba({GOOD if i == label else BAD},{p:.2f})")
            for i, (n, p) in enumerate(zip(row, opacity[label] * 0.55))
        ]
        rows.append(element("tr", element("td", faint(label), style=CELL), *cells))
    whole = element("table", head, *rows, style="border-collapse:collapse;color:inherit")
    return element("div", whole, style="overflow-x:auto;max-width:100%")


def _plot(counts: np.ndarray) -> Html:
    opacity = _opacity(counts)[..., None]
    right = np.eye(len(counts), dtype=bool)[..., None]
    colour = np.where(right, _rgb(GOOD), _rgb(BAD))
    rgb = shrink((255 - opacity * (255 - colour)).transpose(2, 0, 1), SIDE).transpose(1, 2, 0)
    times = max(1, SIDE // len(rgb))
    alt = f"confusion matrix of {len(counts)} classes"
    side = len(rgb) * times
    return image(
        np.rint(rgb).astype(np.uint8), alt, width=side, height=side, style=f"image-rendering:pixelated;border:{LINE}"
    )


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(part) for part in colour.split(",")])
