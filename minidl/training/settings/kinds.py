"""What each kind of training notes of an epoch, which of it tells the best epoch, and how it is said in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minidl._looks import Brief
from minidl._text import percent
from minidl.data.reversals import LETTERS
from minidl.models._learners import CLASSIFICATION

MEANS = ("voc2007", "voc2010", "coco", "coco50", "coco75", "small", "medium", "large")  # of average precisions
FIRST = ("epoch", "step", "lr")  # of every row


@dataclass(frozen=True)
class Kind(Brief):
    """What a kind of training notes.

    Args:
        columns: the figures of an epoch, in the order of history.csv, after `FIRST`.
        best: the one that tells the best epoch.
        label: what that one is called, as in "accuracy in validation".
        marked: how the best epoch is told, as in "the one with the highest validation accuracy".
        line: of a terminal after an epoch, with the figures in braces.
        smaller: whether a smaller one is better.
        shares: the figures that are shares of 1, shown in percent.
        counts: the figures that are whole numbers.
        panels: the figures that are drawn into one plot, by its title.
        titles: how the figures are called that a notebook shows; those left out are not in its table.
        ends: whether all is learnt after the last epoch, so that no more can follow.
        data: the words about the data when a run begins, with {classes}, {train} and {val} for the numbers of each.
        options: settings of its own (`Config.options`), with their defaults.
    """

    columns: tuple[str, ...]
    best: str
    label: str
    marked: str
    line: str
    smaller: bool = False
    shares: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    panels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False
    data: str = "{classes} classes, {train:,} pictures to learn from, {val:,} to validate with"
    options: Mapping[str, Any] = field(default_factory=dict)

    def show(self, name: str, value: float) -> str:
        """Return a figure as people read it."""
        if name in self.counts:
            return str(value)
        return percent(value) if name in self.shares else f"{value:.4f}"

    def words(self, row: Mapping[str, Any]) -> str:
        """Return the line of an epoch."""
        return self.line.format(**{name: self.show(name, row[name]) for name in self.columns})

    def best_of(self, history: Sequence[Mapping[str, Any]]) -> Any:
        """Return the first of the best rows; None if there is none."""
        choose = min if self.smaller else max
        return choose(history, key=lambda row: row[self.best], default=None)


KINDS: dict[str, Kind] = {
    CLASSIFICATION: Kind(
        columns=("train_loss", "train_top1", "val_loss", "val_top1", "val_top5"),
        best="val_top1",
        label="accuracy in validation",
        marked="the one with the highest validation accuracy",
        line="train loss {train_loss} accuracy {train_top1:>8}  val loss {val_loss} accuracy {val_top1:>8}",
        shares=("train_top1", "val_top1", "val_top5"),
        titles={
            "train_loss": "train loss",
            "train_top1": "train accuracy",
            "val_loss": "val loss",
            "val_top1": "val accuracy",
        },
        panels={"loss": ("train_loss", "val_loss"), "accuracy": ("train_top1", "val_top1", "val_top5"), "lr": ("lr",)},
    ),
    "detection": Kind(
        columns=("train_loss", "val_loss", "val_map50", "val_coco"),
        best="val_map50",
        label="mean average precision in validation",
        marked="the one with the highest mean average precision at IoU 0.5",
        line="train loss {train_loss}  val loss {val_loss} mAP {val_map50:>8} COCO {val_coco:>8}",
        shares=("val_map50", "val_coco", *(f"map_{name}" for name in MEANS)),
        titles={
            "train_loss": "train loss",
            "val_loss": "val loss",
            "val_map50": "mAP at IoU 0.5",
            "val_coco": "mAP of COCO",
        },
        panels={"loss": ("train_loss", "val_loss"), "precision": ("val_map50", "val_coco"), "lr": ("lr",)},
        data="{classes} classes of things, {train:,} pictures to learn from, {val:,} to validate with",
        options={"cells": None, "boxes": None, "image_size": None, "width": None},
    ),
    "gan": Kind(
        columns=("d_loss", "g_loss", "D(x)", "D(G(z))", "frechet"),
        best="frechet",
        label="distance from the pictures in validation",
        marked="the one whose pictures were nearest to those in validation",
        line="d loss {d_loss} g loss {g_loss}  D(x) {D(x)} D(G(z)) {D(G(z))}  distance {frechet}",
        smaller=True,
        titles={
            "d_loss": "loss of D",
            "g_loss": "loss of G",
            "D(x)": "D(x)",
            "D(G(z))": "D(G(z))",
            "frechet": "distance",
        },
        panels={"loss": ("d_loss", "g_loss"), "real": ("D(x)", "D(G(z))"), "distance": ("frechet",)},
        data="{train:,} pictures to learn from, {val:,} to compare with",
        options={
            "loss": "non_saturating",
            "latent": None,
            "width": None,
            "kernel_size": None,
            "discriminator_width": None,
            "pieces": None,
            "dropout": None,
        },
    ),
    "organisation": Kind(
        columns=("stage", "seeds", "val_top1"),
        best="val_top1",
        label="accuracy in validation",
        marked="the one with the highest validation accuracy",
        line="stage {stage} has learnt, {seeds} seed cells a picture  val accuracy {val_top1:>8}",
        shares=("val_top1",),
        counts=("stage",),
        ends=True,
        titles={"stage": "stage", "seeds": "seed cells", "val_top1": "val accuracy"},
        panels={"seed cells a picture": ("seeds",), "accuracy": ("val_top1",)},
        options={"stages": "digits", "passes": 1, "low": None, "high": None},
    ),
    "sequence": Kind(
        columns=("train_loss", "val_loss", "val_symbols", "val_strings"),
        best="val_strings",
        label="accuracy on held-out strings",
        marked="the first with the most held-out strings written right",
        line="train loss {train_loss}  held out: loss {val_loss} symbols {val_symbols:>8} strings {val_strings:>8}",
        shares=("val_symbols", "val_strings", "symbols", "strings"),
        titles={
            "train_loss": "train loss",
            "val_loss": "held-out loss",
            "val_symbols": "symbols right",
            "val_strings": "strings right",
        },
        panels={"loss": ("train_loss", "val_loss"), "right": ("val_symbols", "val_strings"), "lr": ("lr",)},
        data="{classes} symbols, {train:,} strings an epoch to learn from, {val:,} that are held out",
        options={"symbols": LETTERS, "shortest": 1, "longest": 20, "steps": 100, "held_out": 500},
    ),
    "diffusion": Kind(
        columns=("train_loss", "val_loss"),
        best="val_loss",
        label="loss in validation",
        marked="the one with the smallest loss in validation",
        line="train loss {train_loss}  val loss {val_loss}",
        smaller=True,
        titles={"train_loss": "train loss", "val_loss": "val loss"},
        panels={"loss": ("train_loss", "val_loss"), "lr": ("lr",)},
        options={
            "steps": 1000,
            "schedule": "linear",
            "decay": 0.99,
            "velocity": True,
            "class_dropout_prob": 0.1,
            "patch_size": None,
            "depth": None,
            "width": None,
            "heads": None,
        },
    ),
}
