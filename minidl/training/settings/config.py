"""What a training was asked for: every number that decides its result, in one flat table that JSON can hold."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from minidl._checks import check_choice, check_fraction, nearest, shown, to_int
from minidl._looks import Brief
from minidl.models._learners import task_of
from minidl.optim import make_schedule
from minidl.training.settings.kinds import KINDS

OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw")
Table = dict[str, Any]


def _halved() -> Table:
    return {"name": "step", "step_size": 3, "gamma": 0.5}


@dataclass(frozen=True)
class Config(Brief):
    """The settings of a training. Two trainings with equal settings on one machine give equal bits.

    The defaults are those for LeNet-5 on the digits; a recipe has others (see `make_config`). None means what fits the
    pictures, or the machine; what it was is in the config.json of a run.

    Args:
        model: the network, one of `models.list_models()`.
        task: what it learns, a key of `settings.kinds.KINDS`; None (default) takes what the network is made for.
        options: settings of that task alone, by name; what is not given has the task's default.
        data: the folder of a data set, or a name of `data.list_data()`.
        classes: which of its classes, as `data.open_dataset` takes them; None for all.
        val_share: the part of each class for validation, where the data set does not say which pictures those are.
        recipe: where the settings come from; only a note, whose settings are the ones below.
        epochs: how often all training pictures are seen.
        batch_size: pictures in one batch.
        optimizer: "sgd", "rmsprop", "adam" or "adamw".
        lr: learning rate, which the schedule changes.
        momentum: of sgd and rmsprop: share of the last step that goes on.
        nesterov: of sgd: look ahead along the momentum, if there is one.
        alpha: of rmsprop: how much of the mean of g² is kept.
        betas: of adam and adamw: how much of the mean of g and of g² is kept.
        eps: of all but sgd; None takes the rule's own.
        eps_inside: of rmsprop: add eps under the root, as Inception's paper did.
        weight_decay: share of each parameter that is taken off with every unit of learning rate.
        decay_norms: whether norms and biases decay, too (see `optim.decay_groups`).
        schedule: how the learning rate goes (see `optim.make_schedule`).
        clip_norm: the largest norm that the gradient of all parameters may have; None does not clip.
        accumulate: batches whose gradients are averaged into one step.
        label_smoothing: share of the labels that is spread over all classes.
        aux_weight: how much each auxiliary head counts in the loss; 0 builds the network without them.
        mixup: pictures are laid over each other in shares from Beta(mixup, mixup); 0 does not.
        transforms: of the training pictures, as `data.Loader` takes them.
        test_transforms: of the pictures for validation.
        picture_size: side of the square that pictures are brought to before the transforms, unless those cut or resize
            themselves.
        drop_last: leave the last batch of an epoch out if it is not full.
        workers: threads that prepare pictures; no bit depends on them.
        cache_bytes: decoded pictures are kept up to this size.
        on_error: "raise" ends at a picture that cannot be read, "skip" leaves it out and names it.
        seed: starts the initial weights, the order of the pictures, dropout and the transforms.
        device: "cpu" or "cuda".
        weights: a file of weights to begin with (see `models.get_model`), or "demo" for those of the extra;
            pictures are then prepared as these weights want it. None begins with random ones.
        freeze: whether only the head learns; needs weights. What the frozen layers make of a picture is computed once.
        threads: of BLAS; None takes all cores. The matrices of LeNet-5 are so small that a second thread costs more
            time than it brings. The bits depend on it.

    Raises:
        ValueError: if a number is out of range, or a name unknown.

    Example:
        >>> Config(epochs=3).lr
        0.02
    """

    model: str = "lenet5_modern"
    task: Any = None
    options: Table = field(default_factory=dict)
    data: str = "digits"
    classes: int | str | list[str] | None = None
    val_share: float = 0.2
    recipe: str | None = None
    epochs: int = 16
    batch_size: int = 16
    optimizer: str = "sgd"
    lr: float = 0.02
    momentum: float = 0.9
    nesterov: bool = True
    alpha: float = 0.99
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float | None = None
    eps_inside: bool = False
    weight_decay: float = 0.001
    decay_norms: bool = True
    schedule: Table = field(default_factory=_halved)
    clip_norm: float | None = None
    accumulate: int = 1
    label_smoothing: float = 0.0
    aux_weight: float = 0.3
    mixup: float = 0.0
    transforms: list[Table] | None = None
    test_transforms: list[Table] | None = None
    picture_size: int | None = None
    drop_last: bool = False
    workers: int | None = None
    cache_bytes: int = 1 << 30
    on_error: str = "raise"
    seed: int = 0
    device: str = "cpu"
    weights: str | None = None
    freeze: bool = False
    threads: int | None = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            to_int("train", name, getattr(self, name), least=1)
        for name in ("seed", "cache_bytes"):
            to_int("train", name, getattr(self, name), least=0)
        for name, least in (("threads", 1), ("workers", 0), ("picture_size", 1)):
            if getattr(self, name) is not None:
                to_int("train", name, getattr(self, name), least=least)
        for name in ("lr", "momentum", "weight_decay", "eps", "clip_norm", "aux_weight", "mixup"):
            if getattr(self, name) is not None or name not in ("eps", "clip_norm"):
                _check_number(name, getattr(self, name), above_zero=name in ("lr", "clip_norm"))
        for name in ("val_share", "alpha", "label_smoothing"):
            check_fraction("train", name, getattr(self, name), below_one=True)
        for name in ("nesterov", "eps_inside", "decay_norms", "drop_last", "freeze"):
            check_choice("train", name, getattr(self, name), (True, False))
        for name in ("model", "data"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"train: {name} must be a name; received {name}={shown(getattr(self, name))}")
        self._check_task()
        check_choice("train", "optimizer", self.optimizer, OPTIMIZERS)
        check_choice("train", "on_error", self.on_error, ("raise", "skip"))
        check_choice("train", "device", self.device, ("cpu", "cuda"))
        self._check_tables()
        if self.freeze and self.weights is None:
            raise ValueError(
                "train: freeze keeps what was learnt elsewhere; it needs weights=FILE, or demo (--weights)"
            )

    def __setstate__(self, settings: Table) -> None:
        """Take what an older version has pickled, which had fewer settings."""
        vars(self).update(vars(Config(model=settings["model"])) | settings)

    def _check_task(self) -> None:
        """Judge what is learnt, and fill in the settings that this task alone has."""
        made_for = task_of(self.model)
        if self.task is not None and not isinstance(self.task, str):
            raise ValueError(f"train: task must be a name or None; received task={shown(self.task)}")
        if self.task not in (None, made_for):
            check_choice("train", "task", self.task, tuple(KINDS))
            raise ValueError(f"train: {self.model} is made for the task {made_for}; received task={self.task!r}")
        object.__setattr__(self, "task", made_for)
        if not isinstance(self.options, Mapping):
            raise ValueError(f"train: options must be a table; received options={shown(self.options)}")
        usual = KINDS[made_for].options
        for name in self.options:
            if name not in usual:
                cure = f"did you mean {nearest(name, usual)}?" if usual else "it has none"
                raise ValueError(f"train: the task {made_for} has no option {shown(name)}; {cure}")
        object.__setattr__(self, "options", copy.deepcopy({**usual, **self.options}))

    def _check_tables(self) -> None:
        """Judge what is no plain number, and take copies, so that nobody changes a setting from outside."""
        if not isinstance(self.betas, Sequence) or isinstance(self.betas, str) or len(self.betas) != 2:
            raise ValueError(f"train: betas must be a pair of numbers; received betas={shown(self.betas)}")
        for beta in self.betas:
            check_fraction("train", "betas", beta, below_one=True)
        make_schedule(self.schedule, lr=self.lr, epochs=self.epochs, steps=1)
        for name in ("transforms", "test_transforms"):
            steps = getattr(self, name)
            if steps is not None and (isinstance(steps, (str, Mapping)) or not isinstance(steps, Sequence)):
                raise ValueError(f"train: {name} must be a list of tables; received {name}={shown(steps)}")
            object.__setattr__(self, name, None if steps is None else copy.deepcopy(list(steps)))
        object.__setattr__(self, "betas", tuple(self.betas))  # the one way of a frozen dataclass
        object.__setattr__(self, "schedule", copy.deepcopy(dict(self.schedule)))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that JSON can hold.

        Example:
            >>> Config.from_dict(Config(seed=3).to_dict()).seed
            3
        """
        return asdict(self) | {"betas": list(self.betas)}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Config:
        """Make a Config from what `to_dict` returned.

        Raises:
            ValueError: if there is an unknown setting, or a value is refused.
        """
        check_settings(settings)
        return cls(**settings)


def check_settings(names: Mapping[str, Any]) -> None:
    """Refuse names that are no settings, with those that might be meant."""
    if not isinstance(names, Mapping):
        raise TypeError(f"train: settings must be a dict, name: value; received {shown(names)}")
    known = [one.name for one in fields(Config)]
    for name in names:
        if name not in known:
            raise ValueError(f"train: there is no setting {shown(name)}; did you mean {nearest(name, known)}?")


def _check_number(name: str, value: Any, *, above_zero: bool = False) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < 0 or (above_zero and value == 0):
        raise ValueError(
            f"train: {name} must be a finite number {'>' if above_zero else '>='} 0; received {name}={shown(value)}"
        )
