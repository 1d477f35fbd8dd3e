"""Networks that learn something else than to tell the classes of pictures apart, by name.

The registry of `_registry` holds classifiers: all of them take pictures and return logits. What stands here is trained
by `minidl train`, too, for another task. A family file has a table `LEARNERS` from name to `Learner`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from minidl._looks import Brief
from minidl.models._family import Paper
from minidl.nn import Module

_Builder = TypeVar("_Builder", bound=Callable[..., Module])
CLASSIFICATION = "classification"
LEARNERS: dict[str, Learner] = {}  # filled by `collect_learners`, in the order of history


@dataclass(frozen=True)
class Learner(Brief):
    """A network that is trained for another task.

    Attributes:
        task: what for: a name of `minidl.training.tasks`.
        builder: makes it of the arguments that its task finds, which a checkpoint keeps; all have defaults.
        paper: where it comes from.
        about: what it is, in a line for tables.
    """

    task: str
    builder: Callable[..., Module]
    paper: Paper
    about: str


def collect_learners(files: Iterable[ModuleType]) -> None:
    """Put the tables of family files together."""
    for file in files:
        LEARNERS.update(file.LEARNERS)


def named_after(kind: type, defaults: Mapping[str, Any] | None = None) -> Callable[[_Builder], _Builder]:
    """Let a builder that passes its settings on to a class name them, with its own defaults, for help and completion.

    Args:
        kind: the class; what it cannot do without is the builder's business.
        defaults: settings that are others than the class has.

    Example:
        >>> from minidl import nn
        >>> @named_after(nn.Dropout, {"p": 0.1})
        ... def light_dropout(**settings):
        ...     return nn.Dropout(**{"p": 0.1} | settings)
        >>> inspect.signature(light_dropout)
        <Signature (*, p: 'float' = 0.1, rng: 'np.random.Generator | None' = None)>
    """

    def name(builder: _Builder) -> _Builder:
        free, own = inspect.Parameter.VAR_KEYWORD, inspect.signature(builder)
        kept = [it for it in own.parameters.values() if it.kind is not free]
        for it in inspect.signature(kind).parameters.values():
            usual = (defaults or {}).get(it.name, it.default)
            if it.name not in own.parameters and usual is not inspect.Parameter.empty:
                kept.append(it.replace(kind=inspect.Parameter.KEYWORD_ONLY, default=usual))
        builder.__signature__ = own.replace(parameters=kept)  # type: ignore[attr-defined]
        return builder

    return name


def task_of(name: str) -> str:
    """Return what a network is trained for; networks that nobody knows are taken for classifiers.

    Example:
        >>> task_of("resnet18")
        'classification'
    """
    return LEARNERS[name].task if name in LEARNERS else CLASSIFICATION
