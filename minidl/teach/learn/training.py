"""LeNet-5 on the digits, with the learner's functions in the place of minidl's.

Only functions that pass are taken: each step's file is checked anew. Of a function that several steps have (`conv2d` of
c2 and c5) the last one counts. Whatever is missing comes from the textbook, so that a network can be trained from the
first step on; with every step of the course all its array operations are the learner's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from minidl import _random, data, kernels, models
from minidl.kernels import textbook
from minidl.kernels._own import OwnSet
from minidl.proof.student.watch import loaded, where
from minidl.teach.learn.folder import Folder
from minidl.teach.learn.steps import Step, steps
from minidl.teach.strings.learn import words
from minidl.training import State, fit

RECIPE: dict[str, Any] = {"optimizer": "sgd", "lr": 0.03, "batch_size": 32, "schedule": {"name": "cosine"}}
EPOCHS = 16


class Own:
    """The learner's functions that pass, and a set of kernels made of them and of the textbook's.

    Attributes:
        kernels: the set.
        functions: the learner's, by name.
        source: the step of each.
        left_out: the steps whose files do not pass, and why.
        calls: how often each kernel has been called, the textbook's too.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., Any]] = {}
        self.source: dict[str, Step] = {}
        self.left_out: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.kernels = SimpleNamespace(**{name: self._counted(name) for name in kernels.NAMES})

    def add(self, folder: Folder, step: Step) -> None:
        """Take the functions of a step whose file passes."""
        verdict, _ = folder.check(step)
        if not verdict.passed:
            self.left_out[step.number] = verdict.state
            return
        with loaded(folder.path / step.file) as module:
            own = OwnSet(module)  # in which a convolution may work its out_size out by itself
            for name in step.kernels:
                self.functions[name], self.source[name] = getattr(own, name), step

    def _counted(self, name: str) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            self.calls[name] += 1
            own = self.functions.get(name)
            return getattr(textbook, name)(*arguments) if own is None else own(*arguments)

        return run


def own_kernels(folder: Folder) -> Own:
    """Return what the learner has written in a folder, each file checked.

    Raises:
        ValueError: if not one function passes.
    """
    own = Own()
    for step in steps().values():
        if step.kernels and folder.file(step).exists():
            own.add(folder, step)
    if not own.functions:
        raise ValueError(words.NOTHING_PASSES)
    return own


def train(folder: Folder, own: Own, told: Callable[[str], object], *, epochs: int = EPOCHS, seed: int = 0) -> State:
    """Train LeNet-5 (1998's sizes, with relu and max pooling) on 1,797 digits.

    Args:
        folder: where the files are, for the lines of errors.
        own: the kernels.
        told: is given a line after every epoch.
        epochs: times that all training pictures are seen.
        seed: of the weights and of the order of the pictures.

    Raises:
        ValueError: if one of the learner's functions raises; the message names its line.
    """
    pictures, examined = data.open_dataset("digits")
    _random.manual_seed(seed)
    net = models.get_model("lenet5_modern", num_classes=10)

    def tell(state: State) -> None:
        last = state.history[-1]
        told(words.EPOCH.format(epoch=last["epoch"], all=epochs, loss=last["train_loss"], accuracy=last["val_top1"]))

    with kernels.use(own.kernels):
        try:
            return fit(net, pictures, examined, callbacks=[tell], progress=False, epochs=epochs, seed=seed, **RECIPE)
        except Exception as error:
            place = where(error, Path(folder.path / "learn.json"))
            if place.startswith("learn.json"):  # not the learner's code
                raise
            raise ValueError(words.RAISES.format(place=" ".join(place.split()))) from None


def used(own: Own) -> list[tuple[str, str, str]]:
    """Return the kernels that were called, as rows: name, calls, and whose it is.

    Example:
        >>> own = Own()
        >>> _ = own.kernels.relu(__import__("numpy").ones(2))
        >>> used(own)
        [('relu', '1', "minidl's")]
    """
    rows = []
    for name, count in sorted(own.calls.items(), key=lambda item: (item[0] not in own.functions, item[0])):
        step = own.source.get(name)
        whose = words.MINIDLS if step is None else words.YOURS.format(number=step.number)
        rows.append((name, f"{count:,}", whose))
    return rows


def summary(own: Own, state: State) -> str:
    """Return how well it went, and how much of it is the learner's."""
    mine, accuracy = sum(name in own.functions for name in own.calls), state.history[-1]["val_top1"]
    if mine == len(own.calls):
        return words.ALL_YOURS.format(accuracy=accuracy)
    return words.MIXED.format(accuracy=accuracy, own=mine, all=len(own.calls))
