"""Strings turned into others, symbol by symbol: the cross-entropy of each next one, and whole strings that are right.

In training the decoder is given the right string, one place later, and says at every place what comes next: all places
at once. What counts is whether it writes the whole string right by itself, always taking the likeliest symbol (greedy
decoding). That needs no decoding to be known: as long as what it wrote is right, it has seen the right beginning; so it
writes all of it right if and only if at every place, given the right beginning, the likeliest symbol is the right one.
One pass tells both.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import shown
from minidl._threads import get_num_threads
from minidl.data.reversals import reversals
from minidl.models.alphabet import PADDING, START, Alphabet
from minidl.nn import Module
from minidl.tensor import Tensor, no_grad
from minidl.training import non_finite
from minidl.training.batches import Batch, Batches, on_device
from minidl.training.callback import Callback
from minidl.training.run_folder.folder import RunFolder
from minidl.training.settings.config import Config
from minidl.training.state import State, build
from minidl.training.tasks._refusals import refuse_settings
from minidl.training.tasks.descent import descend
from minidl.training.tasks.task import Pair, Say, Task

REVERSALS = "reversals"  # the data set of this task
# Settings that speak of pictures; here they would change nothing.
OF_PICTURES = ("classes", "transforms", "test_transforms", "mixup", "picture_size", "freeze", "weights")
HELD_OUT_SEED = 0  # the same held-out strings, whatever the seed of a training, so that trainings can be compared


@dataclass(frozen=True)
class Strings:
    """One part of the data: strings of some symbols, each with what shall be written.

    Args:
        config: the settings.
        held_out: whether those that no training sees: always the same, all of the greatest length.
    """

    config: Config
    held_out: bool

    @property
    def classes(self) -> tuple[str, ...]:
        """The symbols."""
        return tuple(self.config.options["symbols"])

    def __len__(self) -> int:
        """How many strings an epoch has."""
        options = self.config.options
        return options["held_out"] if self.held_out else options["steps"] * self.config.batch_size

    def pairs(self, n: int, *address: int) -> list[tuple[str, str]]:
        """Return n of them, with what shall be written, by epoch and step."""
        options = self.config.options
        shortest = options["longest"] if self.held_out else options["shortest"]
        return reversals(
            n,
            *address,
            seed=HELD_OUT_SEED if self.held_out else self.config.seed,
            shortest=shortest,
            longest=options["longest"],
            symbols=options["symbols"],
            held_out=self.held_out,
        )


class Sentences:
    """Batches of tokens, source (N, S) and target (N, L), whose strings follow from epoch and step alone."""

    def __init__(self, strings: Strings):
        self.strings, self.size = strings, strings.config.batch_size
        self.alphabet = Alphabet(strings.config.options["symbols"])
        self.left_out: list[str] = []

    def __len__(self) -> int:
        return math.ceil(len(self.strings) / self.size)

    def epoch(self, number: int, start_step: int = 0) -> Generator[Batch, None, None]:
        """Yield those of an epoch from a step on."""
        whole = self.strings.pairs(len(self.strings)) if self.strings.held_out else []
        for step in range(start_step, len(self)):
            one = whole[step * self.size :][: self.size] if whole else self.strings.pairs(self.size, number, step)
            yield self.tokens(one)

    def steps(self, number: int, start_step: int = 0) -> Generator[Batch | None, None, None]:
        """Yield the same; each of them can be read."""
        yield from self.epoch(number, start_step)

    def tokens(self, pairs: Sequence[tuple[str, str]]) -> Batch:
        """Return strings as tokens; the target begins with `START`, and both end with `END`."""
        sources, targets = zip(*pairs)
        return self.alphabet.encode(sources), self.alphabet.encode(targets, start=True)


@dataclass(frozen=True)
class Found:
    """The data of a run."""

    train: Strings
    val: Strings
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The symbols."""
        return self.train.classes


class SequenceTask(Task):
    """Strings turned into others.

    Example:
        >>> task, config = SequenceTask(), Config("transformer", data="reversals", options={"longest": 4})
        >>> found = task.open(config, None)
        >>> train, val = task.batches(config, found.train, found.val)
        >>> source, target = next(train.epoch(0))
        >>> source.shape, target.shape, train.alphabet.decode(target[:1])
        ((16, 5), (16, 6), ['ofnp'])
    """

    name = "sequence"

    def open(self, config: Config, parts: Any) -> Found:
        """Return the strings that the settings describe; there is one data set, which is made and not read."""
        if parts is not None:
            raise ValueError(f"train: {config.model} learns from strings that are made, not from parts of your own")
        if config.data != REVERSALS:
            raise ValueError(
                f"train: {config.model} learns from strings that are made, data={REVERSALS!r}; received "
                f"data={config.data!r}"
            )
        refuse_settings(
            config,
            OF_PICTURES,
            lambda name, value: (
                f"train: {config.model} learns from strings, for which there is no {name}; received "
                f"{name}={shown(value)}"
            ),
        )
        for name in ("steps", "held_out", "shortest", "longest"):
            _check_count(name, config.options[name])
        found = Found(Strings(config, held_out=False), Strings(config, held_out=True))
        Alphabet(config.options["symbols"])  # judges them, as the next line does whether there are such strings
        found.train.pairs(1), found.val.pairs(1)
        return found

    def resolve(self, config: Config, found: Found, say: Say) -> Config:
        """Fill in the threads; nothing else was left open."""
        return replace(config, threads=get_num_threads() if config.threads is None else config.threads)

    def batches(self, config: Config, train: Strings, val: Strings) -> Pair:
        """Return both parts as tokens."""
        return Sentences(train), Sentences(val)

    def begin(self, config: Config, found: Found, batches: Pair, say: Say) -> State:
        """Build the network for so many symbols, and try it with one string."""
        state = build(config, {"vocabulary": len(Alphabet(config.options["symbols"]))}, weights=config.weights)
        state.pictures = [len(found.train), len(found.val)]
        with no_grad(), state.net.modes_kept():
            state.net.eval()
            _loss(state.net, next(Sentences(found.val).epoch(0)), 0.0)
        return state

    def record(self, run: RunFolder, found: Found, state: State) -> None:
        """Write nothing: the settings tell which strings there are."""

    def reopen(self, run: RunFolder, state: State, parts: Any, *, moved: bool) -> tuple[Strings, Strings, list[str]]:
        """Return the same strings."""
        found = self.open(state.config, parts)
        return found.train, found.val, []

    def validation(self, run: RunFolder, state: State, callbacks: Sequence[Callback], *, moved: bool) -> Strings:
        """Return those that are held out."""
        return self.open(state.config, None).val

    def step(self, state: State, group: Sequence[Batch]) -> float:
        """Learn from the strings of a step; a batch counts as many as it has symbols to say."""
        device, smoothing = state.config.device, state.config.label_smoothing

        def loss_of(batch: Batch) -> Tensor:
            return _loss(state.net, on_device(batch, device), smoothing)

        def cause(batch: Batch) -> str:
            return non_finite.cause(state.net, {"": lambda: loss_of(batch)})

        return descend(state, group, count=lambda batch: _count(batch[1]), loss_of=loss_of, cause=cause)

    def evaluate(self, state: State, val: Batches) -> dict[str, float]:
        """Return the mean loss as it passed, with its label smoothing, and the figures of the held-out strings."""
        found = judge(state.net, val, state.config.device)
        if not math.isfinite(found["loss"]):
            where = f"after epoch {state.epoch + 1} the loss of the held-out strings is {found['loss']}"
            raise non_finite.error(where, "", state.optimizer.lr)
        return {"train_loss": state.loss_sum / state.seen} | {f"val_{name}": value for name, value in found.items()}

    def draw(self, run: RunFolder, state: State, val: Strings) -> Path:
        """Write the page."""
        from minidl.training.run_folder.sequence_report import write_sequence_report  # here: matplotlib is slow to load

        pairs = val.pairs(len(val))
        found = judge(state.net, Sentences(val), state.config.device)
        return write_sequence_report(run, state, found, pairs, written(state, pairs))

    def score(self, state: State, val: Strings) -> dict[str, float]:
        """Return the figures of the held-out strings; "strings" by writing each of them."""
        found = judge(state.net, Sentences(val), state.config.device)
        pairs = val.pairs(len(val))
        right = sum(text == target for (_, target), text in zip(pairs, written(state, pairs)))
        return found | {"strings": right / len(pairs)}


def judge(net: Module, batches: Batches, device: str) -> dict[str, float]:
    """Return the mean cross-entropy of a symbol, and the shares of symbols and of whole strings that are right."""
    loss_sum, symbols, right_symbols, strings, right_strings = 0.0, 0, 0, 0, 0
    with no_grad(), net.modes_kept():
        net.eval()
        for source, target in (on_device(batch, device) for batch in batches.epoch(0)):
            logits, answers = net(source, target[:, :-1]), target[:, 1:]
            n, there = _count(target), answers != PADDING
            loss_sum += _cross_entropy(logits, answers, 0.0).item() * n
            said = logits._data.copy()
            said[..., [PADDING, START]] = -math.inf  # which are never written
            right = (said.argmax(axis=2) == answers) | ~there
            symbols, right_symbols = symbols + n, right_symbols + int((right & there).sum())
            strings, right_strings = strings + len(target), right_strings + int(right.all(axis=1).sum())
    return {"loss": loss_sum / symbols, "symbols": right_symbols / symbols, "strings": right_strings / strings}


def written(state: State, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return what the network writes when it reads the first of each pair."""
    alphabet, found, size = Alphabet(state.config.options["symbols"]), [], state.config.batch_size
    for start in range(0, len(pairs), size):
        sources = alphabet.encode([source for source, _ in pairs[start : start + size]])
        found += alphabet.decode(state.net.greedy(sources, longest=sources.shape[1]))
    return found


def _loss(net: Any, batch: Any, label_smoothing: float) -> Tensor:
    source, target = batch
    return _cross_entropy(net(source, target[:, :-1]), target[:, 1:], label_smoothing)


def _cross_entropy(logits: Tensor, answers: Any, label_smoothing: float) -> Tensor:
    rows = ops.flatten(logits, 0, 1)
    return ops.cross_entropy(rows, answers.reshape(-1), ignore_index=PADDING, label_smoothing=label_smoothing)


def _count(target: Any) -> int:
    """Count the symbols that are to be said, `END` among them."""
    return int((target[:, 1:] != PADDING).sum())


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"train: options.{name} must be an int >= 1; received options.{name}={shown(value)}")
