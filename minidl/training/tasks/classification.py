"""Classification: the cross-entropy is made small, and the share of right answers is what counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from minidl import compiled
from minidl._backend import Array
from minidl.data import Dataset, Split
from minidl.models._learners import CLASSIFICATION
from minidl.tensor import Tensor
from minidl.training import non_finite
from minidl.training.batches import Batch, Batches, on_device, size_of, validation_batches
from minidl.training.callback import Callback, note, notify
from minidl.training.dry_run import compile_ahead, dry_run
from minidl.training.evaluation import evaluate
from minidl.training.loss import main_logits, objective
from minidl.training.metrics import Metrics
from minidl.training.run_folder.folder import RunFolder
from minidl.training.settings.config import Config
from minidl.training.settings.picture_sizes import seen_sizes
from minidl.training.state import State
from minidl.training.tasks.descent import descend
from minidl.training.tasks.pictures import PictureTask
from minidl.training.tasks.task import Pair, Say
from minidl.training.transfer import cached_features


class Classification(PictureTask):
    """Classes told apart."""

    name = CLASSIFICATION

    def arguments(self, config: Config, found: Dataset, shape: Sequence[int]) -> dict[str, Any]:
        """Return channels and classes, and whether auxiliary heads are wanted."""
        return {
            "in_channels": shape[0],
            "num_classes": len(found.classes),
            "aux_logits": config.aux_weight > 0,
        }

    def begin(self, config: Config, found: Dataset, batches: Any, say: Say) -> State:
        """Build the network for such pictures, and try it with one of each part."""
        state = super().begin(config, found, batches, say)
        dry_run(state, self.one, len(found.train))
        for line in seen_sizes(self.one.train.shape[2:], self.one.val.shape[2:]):
            say(line)
        return state

    def prepare(self, state: State, batches: Any, callbacks: Sequence[Callback]) -> Pair:
        """Compute once what frozen layers make of the pictures."""
        progress = partial(notify, callbacks, "on_features")
        cached = cached_features(
            state.net, state.config, batches, note=lambda line: note(callbacks, [line]), progress=progress
        )
        state.head, pair = cached or (None, batches)
        return pair

    def compile(self, state: State, batches: Any, callbacks: Sequence[Callback]) -> None:
        """Compile the fast kernels of a step and of an evaluation."""
        compile_ahead(state, self.first(batches), len(batches[0].split), callbacks)

    def step(self, state: State, group: Sequence[Batch]) -> float:
        """Learn from the pictures of a step, and count which are right."""
        config = state.config

        def loss_of(batch: Batch) -> Tensor:
            x, labels = on_device(batch, config.device)
            output = compiled.run(state.learner, Tensor(x))
            state.correct += _count_correct(main_logits(output), labels)
            return objective(output, labels, label_smoothing=config.label_smoothing, aux_weight=config.aux_weight)

        def cause(batch: Batch) -> str:
            return non_finite.explain(state.learner, *on_device(batch, config.device))

        return descend(state, group, count=size_of, loss_of=loss_of, cause=cause)

    def evaluate(self, state: State, val: Batches) -> dict[str, float]:
        """Return means over the changed pictures as they passed, and the figures of those for validation."""
        score = evaluate(state.learner, val, state.config.device)
        if not math.isfinite(score.loss):
            where = f"after epoch {state.epoch + 1} the loss in validation is {score.loss}"
            state.learner.eval()
            with closing(val.epoch(0)) as batches:
                pairs = (on_device(batch, state.config.device) for batch in batches)
                causes = (non_finite.explain(state.learner, *pair) for pair in pairs)
                raise non_finite.error(where, next(filter(None, causes), ""), state.optimizer.lr)
        return {
            "train_loss": state.loss_sum / state.seen,
            "train_top1": state.correct / state.seen,
            "val_loss": score.loss,
            "val_top1": score.top1,
            "val_top5": score.top5,
        }

    def draw(self, run: RunFolder, state: State, val: Split) -> Path:
        """Write report.html and its plots."""
        from minidl.training.run_folder.report import write_report  # here, because matplotlib takes a second to load

        return write_report(run, state, val)

    def score(self, state: State, val: Split) -> Metrics:
        """Return the figures of an evaluation, through the folded network where that pays."""
        return evaluate(state.net, validation_batches(val, state.config), state.config.device, fold=True)


def _count_correct(logits: Tensor, labels: Array) -> int:
    """Count the pictures whose most likely class is the right one; of mixed pictures the one with the larger share."""
    right = labels if labels.ndim == 1 else labels.argmax(axis=1)
    return int((logits._data.argmax(axis=1) == right).sum())
