"""The run folder: what a training leaves, under fixed names."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from minidl._checks import check_path, shown
from minidl._files import atomic_write
from minidl._log import log
from minidl._looks import Brief
from minidl.training.state import State

Times = tuple[float, str]  # of an epoch: its seconds, and the date and time (UTC) at which it was over
RUNS = Path("runs")
CHECKPOINTS = ("last", "best")
PLOTS = ("curves.png", "confusion.png", "mistakes.png", "filters.png", "feature_maps.png")  # of a classifier
TIMES = ("seconds", "ended")  # the columns that differ from run to run: how long an epoch took, and when it was over
FORBIDDEN = '\\/:*?"<>|$'  # in the name of a run folder: by Windows, or read by a shell
MOST_BYTES = 100  # of the data set's name in it; file systems allow 255 in all
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.\w+")  # as `atomic_write` names them


class RunFolder(Brief):
    """The files of one run.

        last.safetensors    the training after its last finished epoch, or between two steps where it was stopped
        best.safetensors    the same after the epoch that was best in validation
        history.csv         a row for each epoch: the history of the checkpoint, how long it took, and when it was over
        config.json         all settings; `minidl train --config` repeats the run
        pictures.json       which pictures it learns from and is evaluated with, by their names
        curves.png          loss and accuracy, drawn at the end, with other plots
        report.html         all of them on a page, with the figures

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike[str]):
        check_path("run", path)
        self.path = Path(path)
        self.last = self.path / "last.safetensors"
        self.best = self.path / "best.safetensors"
        self.history = self.path / "history.csv"
        self.config = self.path / "config.json"
        self.pictures = self.path / "pictures.json"
        self.curves = self.path / "curves.png"
        self.report = self.path / "report.html"

    def _words(self) -> list[str]:
        return [repr(str(self.path))]

    def __str__(self) -> str:
        return str(self.path)

    @classmethod
    def create(cls, name: str, out: str | os.PathLike[str] | None = None) -> RunFolder:
        """Make a new folder: `out`, or else the first of runs/NAME-1, runs/NAME-2, … that is free.

        Two trainings that start together get two folders: making a folder that exists fails, so none is taken twice.

        Raises:
            FileExistsError: if `out` exists.
            OSError: if the folder cannot be made.
        """
        if out is not None:
            Path(out).parent.mkdir(parents=True, exist_ok=True)
            try:
                Path(out).mkdir()
            except FileExistsError:
                raise existing(out) from None
            log("training: the run %s", out)
            return cls(out)
        RUNS.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            with suppress(FileExistsError):
                path = RUNS / f"{name}-{number}"
                path.mkdir()
                log("training: the run %s", path)
                return cls(path)
            number += 1

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Return the folder of a run.

        Raises:
            ValueError: if there is no such folder, or no run in it.
        """
        run = cls(path)
        if not run.path.is_dir():
            what = "is a file, not the folder of a run" if run.path.exists() else "does not exist"
            siblings = sorted(file.parent.as_posix() for file in run.path.parent.glob("*/last.safetensors"))
            there = f"; there is {', '.join(siblings[:5])}{', …' * (len(siblings) > 5)}" if siblings else ""
            raise ValueError(f"run: {run} {what}{there}")
        if not run.last.is_file():
            raise ValueError(f"run: {run} is no run folder: it has no {run.last.name}")
        return run

    def checkpoint(self, which: str) -> Path:
        """Return the file of the "last" or "best" checkpoint.

        Raises:
            ValueError: if there is no such checkpoint (yet).
        """
        if not isinstance(which, str) or which not in CHECKPOINTS:
            raise ValueError(f"run: the checkpoints are 'last' and 'best'; received checkpoint={shown(which)}")
        file = self.last if which == "last" else self.best
        if not file.is_file():
            raise ValueError(f"run: {self} has no {file.name}: no epoch was finished yet")
        return file

    def files(self) -> list[str]:
        """Return the names of all files that are there: those of the list above in its order, then the plots."""
        known = (self.last, self.best, self.history, self.config, self.pictures, self.report, self.curves)
        others = sorted(file for file in self.path.iterdir() if file not in known and not file.name.startswith("."))
        return [file.name for file in (*known, *others) if file.exists()]

    def write_config(self, state: State) -> None:
        """Write config.json."""
        settings: dict[str, Any] = {**state.config.to_dict(), "arguments": state.arguments}
        with atomic_write(self.config) as temporary:
            temporary.write_text(json.dumps(settings, sort_keys=True, indent=2) + "\n", encoding="utf-8")

    def write_history(self, state: State, times: Mapping[int, Times] | None = None) -> None:
        """Write history.csv; `times` are those of each epoch, as far as they are known."""
        text = io.StringIO(newline="")
        rows = csv.DictWriter(text, (*state.columns, *TIMES), lineterminator="\n")
        rows.writeheader()
        for row in state.history:
            rows.writerow(row | dict(zip(TIMES, (times or {}).get(row["epoch"], ("", "")))))
        with atomic_write(self.history) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8", newline="")

    def read_times(self) -> dict[int, Times]:
        """Return what stands in history.csv of each epoch: how many seconds it took, and when it was over."""
        seconds, ended = TIMES
        with suppress(OSError, ValueError, KeyError), open(self.history, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.DictReader(file) if row[seconds]]
            return {int(row["epoch"]): (float(row[seconds]), row.get(ended) or "") for row in rows}
        return {}

    def sweep(self) -> None:
        """Remove the unfinished files that a killed process left."""
        for file in self.path.iterdir():
            if UNFINISHED.fullmatch(file.name):
                with suppress(OSError):
                    file.unlink()


def folder_name(model: str, data: str) -> str:
    r"""Return the name of a new run folder: what is forbidden somewhere or hard to type is replaced, what is long cut.

    Example:
        >>> folder_name("resnet18", "pets"), folder_name("resnet18", "cats\n & dogs?"), folder_name("vgg16", "")
        ('resnet18-pets', 'resnet18-cats_ & dogs_', 'vgg16-data')
    """
    kept = "".join(letter if letter.isprintable() and letter not in FORBIDDEN else "_" for letter in data)
    short = kept.encode()[:MOST_BYTES].decode(errors="ignore").strip(" .")
    return f"{model}-{short or 'data'}"


def existing(out: str | os.PathLike[str]) -> FileExistsError:
    """Return the error for a folder that is there already."""
    cure = f"go on with that run: --resume {out}" if RunFolder(out).last.is_file() else "give another name"
    return FileExistsError(f"train: out must be a new folder, {out} exists already; nothing was changed; {cure}")
