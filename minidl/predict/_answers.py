"""From pictures to answers: decoded ahead in threads, answered in batches, told in the order in which they were named.

Threads decode and prepare pictures while the network looks at others. Memory is bounded, however many pictures there
are and however large: each thread holds one decoded picture, and at most two batches of prepared ones wait.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import check_path, to_int
from minidl._looks import Brief, listed, percent
from minidl.data._parallel import in_order, usual_workers
from minidl.folding import fuse_if_possible
from minidl.nn import Module
from minidl.predict import _expert
from minidl.predict._files import Missing, find
from minidl.tensor import Tensor, no_grad

BATCH = 8  # pictures that the network looks at together; more are hardly quicker, and fewer come sooner
Name = str | os.PathLike[str]


@dataclass(frozen=True)
class Guess(Brief):
    """One answer: the class's index, its name, its probability."""

    index: int
    name: str
    probability: float


@dataclass(frozen=True)
class Prediction(Brief):
    """The answers for one file, the most probable first; or none, and what is wrong with the file."""

    file: str
    top: list[Guess] = field(default_factory=list)
    error: str | None = None

    def _words(self) -> list[str]:
        answers = listed([f"{guess.name} {percent(guess.probability)}" for guess in self.top], 3)
        return [str(self.file), *([f"error: {self.error}"] if self.error else []), *([answers] if self.top else [])]


class Predictor(Brief):
    """A network that names pictures.

    Args:
        model: a name of `models.list_models()`; None (default) takes the one that the weight file names, or else
            "efficientnet_lite0".
        weights_file: a file that `weights.load` reads, or a run's checkpoint; None (default) takes the weights of the
            extra "demo".
        run: the folder of a run, instead of both: its best checkpoint.
        names: what the classes are called: "imagenet", or a text file with a name a line; None (default) takes those
            of the run, or ImageNet's for ImageNet's weights, and numbers the others.

    Attributes:
        model: the network's name.
        net: the network, as it was trained; answers come from a folded copy.
        transforms: what is done to the pixels: what the run was evaluated with, or ImageNet's preparation.
        classes: the names.
        notes: what a user should know, a line each.

    Raises:
        ValueError: if there is no such network or run, weights or names do not fit, or it takes no picture files.
        ModuleNotFoundError: if weights or names are asked for whose package is not installed.
        OSError: if a file cannot be read.
    """

    def __init__(
        self,
        model: str | None = None,
        weights_file: Name | None = None,
        *,
        run: Name | None = None,
        names: Name | None = None,
    ):
        for what, path in (("weights_file", weights_file), ("run", run), ("names", names)):
            if path is not None:
                check_path("predict", path, what)
        if run is not None and not (model is None and weights_file is None):
            raise ValueError(
                f"predict: a run brings its own network and weights; "
                f"received run={os.fspath(run)!r}, model={model!r}, weights_file={weights_file!r}"
            )
        found = _expert.from_weights(model, weights_file) if run is None else _expert.from_run(run)
        self._expert = found if names is None else found.with_names(names)
        self.model, self.net, self.transforms = found.model, found.net, found.transforms
        self.classes = self._expert.classes
        self.notes = self._expert.notes + (() if self._expert.unnamed is None else (self._expert.unnamed,))
        self._fused: Module | None = None

    def _words(self) -> list[str]:
        return [str(self.model), f"{len(self.classes)} classes: {listed(self.classes)}", *self.notes]

    def prepare(self, path: Name) -> np.ndarray:
        """Read a picture file as the network wants it: float32 (C, H, W).

        Raises:
            ValueError: if it is no picture, or is broken; one line that begins with the file.
        """
        return self._expert.prepare(path)

    def logits(self, path: Name) -> np.ndarray:
        """Return the network's numbers for one picture, one for each class."""
        return self._look(self.prepare(path)[None]).numpy()[0]

    def __call__(self, path: Name, top: int = 5) -> list[Guess]:
        """Return the most probable classes of one picture.

        Raises:
            ValueError: if the file is no picture or is broken, or cannot be read.
        """
        return self._guesses(self.prepare(path)[None], to_int("predict", "top", top, least=1))[0]

    def answer(
        self, files: Iterable[Name], *, top: int = 5, batch_size: int = BATCH, workers: int | None = None
    ) -> Iterator[Prediction]:
        """Name pictures in batches; what is wrong with one keeps no other from its answer.

        Args:
            files: picture files, folders of them, and patterns, see `predict`.
            top: how many answers for each.
            batch_size: how many pictures the network looks at together, as far as they have one size.
            workers: threads that decode; None (default) takes one for each core, at most 4; 0 decodes when it is asked.

        Yields:
            A prediction for each file, in order, as soon as its batch is done; `.error` says in one line what is wrong.
        """
        top = to_int("predict", "top", top, least=1)
        batch_size = to_int("predict", "batch_size", batch_size, least=1)
        workers = usual_workers() if workers is None else workers
        workers = to_int("predict", "workers", workers, least=0)
        with closing(in_order(self._prepared, find(files), workers, workers + 2 * batch_size)) as prepared:
            together: list[tuple[str, Any]] = []
            for name, x in prepared:
                if together and (len(together) >= batch_size or np.shape(x) not in ((), together[0][1].shape)):
                    yield from self._answers(together, top)
                    together = []
                if not together and isinstance(x, str):  # nothing to wait for
                    yield Prediction(name, error=x)
                else:
                    together.append((name, x))  # the first is a picture
            yield from self._answers(together, top)

    def _prepared(self, file: str | Missing) -> tuple[str, Any]:
        """Return a file and its prepared picture, or what is wrong with it."""
        if isinstance(file, Missing):
            return file.name, file.error
        try:
            return file, self.prepare(file)
        except (ValueError, OSError, MemoryError) as error:
            return file, str(error)

    def _answers(self, together: list[tuple[str, Any]], top: int) -> Iterator[Prediction]:
        """Yield the predictions of files whose pictures have one size; others have an error instead."""
        x = [picture for _, picture in together if isinstance(picture, np.ndarray)]
        wrong: str | None = None
        guesses: Iterator[list[Guess]] = iter(())
        try:
            guesses = iter(self._guesses(np.stack(x), top)) if x else guesses
        except (ValueError, MemoryError) as error:
            if len(x) > 1:  # one of them may be to blame, or too many
                for one in together:
                    yield from self._answers([one], top)
                return
            wrong = str(error) or "there is not enough memory"
        for name, picture in together:
            if isinstance(picture, str):
                yield Prediction(name, error=picture)
            elif wrong is not None:
                yield Prediction(name, error=f"{name}: {wrong}")
            else:
                yield Prediction(name, next(guesses))

    def _guesses(self, x: np.ndarray, top: int) -> list[list[Guess]]:
        """Return the most probable classes of prepared pictures (N, C, H, W)."""
        with no_grad():
            p = ops.softmax(self._look(x)).numpy()
        if not np.isfinite(p).all():
            raise ValueError(f"the answer of {self.model} is not finite; its weights may hold NaN or infinity")
        best = np.argsort(-p, axis=1, kind="stable")[:, :top]
        return [
            [Guess(int(index), self.classes[index], float(row[index])) for index in order]
            for row, order in zip(p, best)
        ]

    def _look(self, x: np.ndarray) -> Tensor:
        """Return the logits of prepared pictures (N, C, H, W), by the folded network."""
        quick = fuse_if_possible(self.net, x.shape[1:]) if self._fused is None else self._fused
        if quick is not self.net:  # for pictures that do not fit, the network says it better; the next may
            self._fused = quick
        with no_grad():
            return quick(Tensor(x))


def predict(
    paths: Iterable[Name],
    *,
    model: str | None = None,
    weights_file: Name | None = None,
    run: Name | None = None,
    names: Name | None = None,
    top: int = 5,
    batch_size: int = BATCH,
    workers: int | None = None,
) -> Iterator[Prediction]:
    """Name pictures, in the order in which they are named; a broken file does not keep the others from their answer.

    Args:
        paths: picture files; folders, which stand for all pictures in them and in the folders in them; patterns such
            as "holidays/*.jpg".
        model: see `Predictor`.
        weights_file: see `Predictor`.
        run: see `Predictor`.
        names: see `Predictor`.
        top: how many answers for each.
        batch_size: see `Predictor.answer`.
        workers: see `Predictor.answer`.

    Yields:
        A prediction for each file, in order; `.error` says in one line what is wrong with a file.

    Raises:
        ValueError: if a number is wrong, or as `Predictor` does.
    """
    to_int("predict", "top", top, least=1)
    predictor = Predictor(model, weights_file, run=run, names=names)
    yield from predictor.answer(paths, top=top, batch_size=batch_size, workers=workers)
