"""What one kind of training brings to the loop that all share.

The loop counts epochs and steps, follows the schedule, keeps checkpoints and is stopped and resumed; it knows nothing
of losses, accuracies or pictures. A task does:

    open → resolve → batches → begin            a new run
    reopen → batches                            one that goes on
    prepare                                     before the first step of either
    step, step, …, evaluate, keep               an epoch
    draw                                        at the end
    score                                       `minidl eval`

All random numbers come from the default generator, whose state a checkpoint keeps, or follow from the seed, the epoch
and the step: so a training that was stopped goes on to the bit. What has to outlive a step in mid-epoch stands in the
network's buffers, in the optimiser or in `State.sums`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidl._looks import Brief
from minidl.training.batches import Batch, Batches
from minidl.training.callback import Callback
from minidl.training.settings.config import Config
from minidl.training.settings.kinds import KINDS, Kind
from minidl.training.state import State

if TYPE_CHECKING:
    from minidl.training.run_folder.folder import RunFolder

Say = Callable[[str], None]
Pair = tuple[Batches, Batches]


class Task(Brief):
    """One kind of training. Subclass it: every method below but `compile`, `prepare` and `keep` has to be written.

    Attributes:
        name: the "task" of config.json, a key of `KINDS`.
    """

    name = ""

    def _words(self) -> list[str]:
        return [self.name]

    @property
    def kind(self) -> Kind:
        """What it notes of an epoch."""
        return KINDS[self.name]

    def open(self, config: Config, parts: Any) -> Any:
        """Open the data of a new run: an object with `train`, `val`, `classes` and `notes`.

        Args:
            config: the settings.
            parts: (training part, validation part) that were made elsewhere; None opens `config.data`.
        """
        raise NotImplementedError

    def resolve(self, config: Config, found: Any, say: Say) -> Config:
        """Return the settings with what was left open filled in from the data."""
        raise NotImplementedError

    def batches(self, config: Config, train: Any, val: Any) -> Pair:
        """Return what is learnt from and what it is evaluated with, addressed by epoch and step."""
        raise NotImplementedError

    def begin(self, config: Config, found: Any, batches: Pair, say: Say) -> State:
        """Build the network and its optimiser, and try them with what they will be given."""
        raise NotImplementedError

    def record(self, run: RunFolder, found: Any, state: State) -> None:
        """Write into the folder of a new run which data it works with."""
        raise NotImplementedError

    def reopen(self, run: RunFolder, state: State, parts: Any, *, moved: bool) -> tuple[Any, Any, list[str]]:
        """Return the training and the validation part of a run as they were, and what to say about them."""
        raise NotImplementedError

    def validation(self, run: RunFolder, state: State, callbacks: Sequence[Callback], *, moved: bool) -> Any:
        """Return the validation part of a run, to evaluate it again."""
        raise NotImplementedError

    def compile(self, state: State, batches: Pair, callbacks: Sequence[Callback]) -> None:
        """Compile the fast kernels that the steps will need; without this, each is compiled where it is first used."""

    def prepare(self, state: State, batches: Pair, callbacks: Sequence[Callback]) -> Pair:
        """Do what is done once before the first step, and return the batches to train with."""
        return batches

    def step(self, state: State, group: Sequence[Batch]) -> float:
        """Learn from some batches that make one step; count what passes in `seen`, `loss_sum` and `sums`.

        Returns:
            The mean loss, to be shown.

        Raises:
            NonFiniteError: if it is NaN or infinite; nothing has been learnt from it then.
        """
        raise NotImplementedError

    def evaluate(self, state: State, val: Batches) -> dict[str, float]:
        """Return the figures of the epoch that ends, one for each of the kind's columns."""
        raise NotImplementedError

    def keep(self, run: RunFolder, state: State) -> None:
        """Write what an epoch leaves in the folder besides the checkpoints, such as a picture of samples."""

    def draw(self, run: RunFolder, state: State, val: Any) -> Path:
        """Write the plots and the page of a run."""
        raise NotImplementedError

    def score(self, state: State, val: Any) -> Any:
        """Evaluate a network once more: figures by name, or an object with `to_dict`."""
        raise NotImplementedError
