"""Organisation: stages that learn one after the other, without gradients and without labels.

An epoch belongs to one stage; in a step it sees a batch of pictures, one after the other. After the last the network
keeps what it says of the training pictures, and names others by the nearest of them (see `models.neocognitron`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl._backend import to_numpy
from minidl._checks import to_int
from minidl._html import element
from minidl.data import Dataset, Loader, Split
from minidl.models.neocognitron import TABLES, Neocognitron
from minidl.tensor import Tensor, no_grad
from minidl.training.batches import Batch, Batches, in_one_piece, on_device, pixel_range, validation_batches
from minidl.training.run_folder.folder import RunFolder
from minidl.training.settings.config import Config
from minidl.training.state import State
from minidl.training.tasks.pictures import PictureTask
from minidl.training.tasks.task import Say


class Organisation(PictureTask):
    """Stages that organise themselves."""

    name = "organisation"

    def resolve(self, config: Config, found: Dataset, say: Say) -> Config:
        """Measure between which values the pictures lie, and give every stage its epochs."""
        config = super().resolve(config, found, say)
        own, stages = config.options, TABLES.get(config.options["stages"], ())
        epochs = len(stages) * to_int("train", "options.passes", own["passes"], least=1)
        if stages and config.epochs != epochs:
            raise ValueError(
                f"train: {len(stages)} stages see all pictures {own['passes']} times each, which makes {epochs} "
                f"epochs; received epochs={config.epochs}; --set options.passes=N --epochs {len(stages)}·N"
            )
        if own["low"] is None or own["high"] is None:
            own = own | dict(zip(("low", "high"), pixel_range(validation_batches(found.train, config))))
        return replace(config, options=own)

    def batches(self, config: Config, train: Split, val: Split) -> tuple[Loader, Loader]:
        """Return those of all kinds of training; what is remembered comes in its own order, unchanged."""
        self.remembered = validation_batches(train, config)
        return super().batches(config, train, val)

    def arguments(self, config: Config, found: Dataset, shape: Sequence[int]) -> dict[str, Any]:
        """Return the table of stages, and room for what is remembered."""
        return {"stages": config.options["stages"], "in_channels": shape[0], "remembered": len(found.train)}

    def begin(self, config: Config, found: Dataset, batches: Any, say: Say) -> State:
        """Build the network, and try it with a picture of each part."""
        state = super().begin(config, found, batches, say)
        for x in (self.one.train, self.one.val):
            _net(state).check_pictures(_firing(state, x))
        return state

    def step(self, state: State, group: Sequence[Batch]) -> float:
        """Show the stage of the epoch the pictures of a step."""
        net, seeds = _net(state), 0
        number = state.epoch // state.config.options["passes"] + 1
        if number > len(net.stages):
            raise ValueError(f"train: all {len(net.stages)} stages have learnt; there is no epoch {state.epoch + 1}")
        with no_grad():
            for x, labels in (on_device(batch, state.config.device) for batch in group):
                u = _firing(state, x)
                for before in range(1, number):
                    u = getattr(net, f"c{before}")(getattr(net, f"s{before}")(u))
                seeds += getattr(net, f"s{number}").learn(u)
                state.seen += len(labels)
        state.sums["seeds"] = state.sums.get("seeds", 0.0) + seeds
        return seeds / sum(len(labels) for _, labels in group)

    def evaluate(self, state: State, val: Batches) -> dict[str, float]:
        """Let the network remember the training pictures, and name those for validation."""
        number, seeds = state.epoch // state.config.options["passes"] + 1, state.sums.get("seeds", 0.0)
        if not seeds:
            raise ValueError(
                f"train: no cell of stage {number} fired at any of {state.seen:,} pictures, so none has learnt; are "
                "they blank, or is the stage before too selective (a smaller r)?"
            )
        x, labels = in_one_piece(self.remembered)
        _net(state).remember(_firing(state, x), labels)
        return {"stage": number, "seeds": seeds / state.seen, "val_top1": _accuracy(state, val)[0]}

    def score(self, state: State, val: Split) -> dict[str, Any]:
        """Return the accuracy of what is remembered."""
        if not state.history:
            raise ValueError("eval: nothing is remembered yet; no epoch is done")
        share, n = _accuracy(state, validation_batches(val, state.config))
        return {"n": n, "top1": share}

    def draw(self, run: RunFolder, state: State, val: Split) -> Path:
        """Write the page, with the planes that a picture makes fire."""
        from minidl.training.run_folder import _report_page as page
        from minidl.training.run_folder.task_report import Section, write_task_report
        from minidl.viz._figure import save, to_page
        from minidl.viz.planes import plot_planes

        batches = validation_batches(val, state.config)
        share, n = _accuracy(state, batches)
        with closing(batches.epoch(0)) as epoch:
            x, labels = next(epoch)
        figure = plot_planes(*planes(_net(state), _firing(state, x[:1])))
        save(figure, run.path / "planes.png")
        name = val.classes[int(labels[0])]
        alt = f"a picture of class {name}, and the strongest planes of each stage"
        words = (
            "The first validation picture, and the six strongest planes of each stage: S-cells say what is where, the "
            "C-cells behind them no longer mind where exactly."
        )
        plate = page.plate(to_page(figure, "planes", alt), words, "wide")
        cards = [("accuracy", f"{100 * share:.1f}\u00a0%", f"{round(share * n)} of {n} pictures")]
        about = {
            "stages": f"{len(_net(state).stages)}, each organised without labels",
            "classes": ", ".join(val.classes),
        }
        if not state.history:
            plate = element("p", "No stage has learnt yet.")
        return write_task_report(
            run, state, cards=cards, sections=[Section("planes", "Planes", "Planes", plate)], about=about
        )


def _net(state: State) -> Neocognitron:
    net: Any = state.net
    return net


def _firing(state: State, x: Any) -> Tensor:
    """Return pictures as cells see them: 0 where the data is darkest, 1 where it is brightest."""
    low, high = (state.config.options[name] for name in ("low", "high"))
    return Tensor(((x - low) / ((high - low) or 1.0)).clip(0, None).astype(np.float32))


def _accuracy(state: State, val: Batches) -> tuple[float, int]:
    """Return the share of pictures that are named right, and how many there are."""
    right = n = 0
    with closing(val.epoch(0)) as batches:
        for x, labels in batches:
            right += int((_net(state).recognise(_firing(state, x)) == labels).sum())
            n += len(labels)
    return right / max(n, 1), n


def planes(net: Neocognitron, x: Tensor, count: int = 6) -> tuple[np.ndarray, list[tuple[str, np.ndarray]]]:
    """Return a picture (H, W), and of each stage the name and the strongest planes of its S- and C-cells, (K, h, w)."""
    u, rows = x, []
    for number in range(1, len(net.stages) + 1):
        s = getattr(net, f"s{number}")(u)
        u = getattr(net, f"c{number}")(s)
        chosen = np.argsort(-to_numpy(s._data)[0].max(axis=(1, 2)), kind="stable")[:count]
        rows += [(f"{kind}{number}", to_numpy(one._data)[0, chosen]) for kind, one in (("S", s), ("C", u))]
    return to_numpy(x._data)[0].mean(axis=0), rows
