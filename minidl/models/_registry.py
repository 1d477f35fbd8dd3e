"""The registry: every network by its name.

It is collected from the tables `VARIANTS` of the families that `minidl.models` imports; a builder is the function of
the same name beside its row.
"""

from __future__ import annotations

import difflib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import shown
from minidl._looks import Brief
from minidl.models._elsewhere import TORCHVISION
from minidl.models._family import Network, Settings, Variant
from minidl.models._learners import LEARNERS
from minidl.models._published import PUBLISHED, Published
from minidl.nn import Module

ENTRIES: dict[str, Entry] = {}  # filled by `collect`, in the order of history


@dataclass(frozen=True)
class Entry(Brief):
    """What the registry knows of a network: its name, its builder and its row in the family's table."""

    name: str
    builder: Callable[..., Network]
    variant: Variant

    family = property(lambda self: self.variant.paper.family, doc="The family's name, such as VGG.")
    year = property(lambda self: self.variant.paper.year, doc="When the paper came out.")
    paper = property(lambda self: self.variant.paper.citation, doc="What to read.")
    input_size = property(lambda self: self.variant.input_size, doc="Side of the paper's pictures.")
    smallest = property(lambda self: self.variant.smallest, doc="Side of the smallest picture it can be trained on.")
    file = property(lambda self: sys.modules[self.builder.__module__], doc="The module that it is written in.")

    def _words(self) -> list[str]:
        weights = [f"weights of {self.weights}"] if self.weights else []
        return [self.name, f"{self.family}, {self.year}", f"pictures of {self.input_size}×{self.input_size}", *weights]

    @property
    def place(self) -> int:
        """Where it stands in the registry, which follows history."""
        return list(ENTRIES).index(self.name)

    @property
    def published(self) -> Published | None:
        """What its paper says of its accuracy: (top1, data, source); None where it prints no number.

        Example:
            >>> from minidl import models
            >>> models.describe("alexnet").published
            Published(top1=59.3, data='ImageNet', source='NIPS 2012, Table 2: 1 CNN, validation, ten crops')
        """
        return PUBLISHED.get(self.name)

    @property
    def weights(self) -> str | None:
        """Whose published weights `get_model(weights=file)` can read, or None."""
        from minidl.weights import names  # here, because few who build a network load one

        if self.name in names.TABLES:
            return "minidl[demo]"
        return f"torchvision {TORCHVISION[self.name]}" if self.name in TORCHVISION else None


def _with_signature(builder: Any, variant: Variant) -> Callable[..., Network]:
    """Give a builder the arguments that its own network takes, with their defaults, for `help` and completion."""
    defaults: dict[str, Any] = {"num_classes": variant.num_classes, "in_channels": variant.in_channels, "weights": None}
    defaults |= {"aux_logits": True} if variant.aux else {}
    defaults |= {"width_mult": None} if variant.thinnest is not None else {}
    kinds = inspect.get_annotations(Settings)
    arguments = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kinds[name].__forward_arg__)
        for name, default in (defaults | {"rng": None}).items()
    ]
    builder.__signature__ = inspect.Signature(arguments, return_annotation="Network")
    return builder


def collect(names: Mapping[str, Any]) -> None:
    """Enter all networks of the families whose builders are among some names, family by family in their order."""
    modules = dict.fromkeys(one.__module__ for one in names.values() if inspect.isfunction(one))
    for family in (sys.modules[module] for module in modules):
        for name, variant in getattr(family, "VARIANTS", {}).items():
            ENTRIES[name] = Entry(name, _with_signature(getattr(family, name), variant), variant)


def list_models(part: str | None = None, *, family: str | None = None) -> list[str]:
    """Return the names of networks, sorted.

    Args:
        part: only those with this in their name or in that of their family; None (default) means all.
        family: only those of this family, such as "VGG"; None (default) means all. Capitals do not matter in either.

    Raises:
        ValueError: if there is no such network or family (the message names the nearest ones).

    Example:
        >>> from minidl import models
        >>> models.list_models("resnext")
        ['resnext101_32x8d', 'resnext50_32x4d', 'se_resnext50_32x4d']
        >>> models.list_models("bn", family="vgg")
        ['vgg11_bn', 'vgg13_bn', 'vgg16_bn', 'vgg19_bn']
    """
    families = {entry.family.lower(): entry.family for entry in ENTRIES.values()}
    for name, value in (("part", part), ("family", family)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"list_models: {name} must be a str or None; received {name}={shown(value)}")
    if family is not None and family.lower() not in families:
        cure = _nearest(family, families.values())
        raise ValueError(f"list_models: there is no family {family!r}; {cure}")
    found = [entry for entry in ENTRIES.values() if family is None or entry.family.lower() == family.lower()]
    if part is not None:
        found = [entry for entry in found if part.lower() in f"{entry.name}\n{entry.family}".lower()]
        if not found:
            raise ValueError(
                f"list_models: no network has {part!r} in its name or family; {_nearest(part, families.values())}"
            )
    return sorted(entry.name for entry in found)


def describe(name: str) -> Entry:
    """Return what is known of a network: family, year, paper, sizes, and whose weights it can load.

    Raises:
        ValueError: if there is no such network (the message names the nearest ones).

    Example:
        >>> from minidl import models
        >>> entry = models.describe("vgg16")
        >>> entry.family, entry.year, entry.input_size, entry.weights
        ('VGG', 2014, 224, 'torchvision vgg16')
    """
    return _entry("describe", name)


def _entry(op: str, name: str) -> Entry:
    if not isinstance(name, str) or name not in ENTRIES:
        if isinstance(name, str) and name in LEARNERS:
            raise ValueError(f"{op}: {name} tells no classes apart; see minidl models {name}, minidl train {name}")
        raise ValueError(f"{op}: there is no network {shown(name)}; {_nearest(str(name), list_models(), LEARNERS)}")
    return ENTRIES[name]


def _nearest(wrong: str, right: Iterable[str], others: Iterable[str] = ()) -> str:
    """Suggest the nearest names, those of others among them, or where none is near, all of the right ones."""
    known = {name.lower(): name for name in right}
    every = known | {name: name for name in sorted(others)}
    near = [every[name] for name in difflib.get_close_matches(wrong.lower(), every, n=3)]
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known.values())}"


def get_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    weights: str | os.PathLike[str] | None = None,
    aux_logits: bool = True,
    width_mult: float | None = None,
    rng: np.random.Generator | None = None,
) -> Network:
    """Build the network of that name.

    Args:
        name: one of `list_models()`.
        num_classes: how many classes to tell apart; None (default) means the network's own number, 1000 for ImageNet.
        in_channels: channels of the pictures; None (default) means the network's own number, usually 3.
        weights: a file that `minidl.weights.load` reads, or "demo" for the ones of the extra (see `weights.demo_path`).
            With another number of classes everything but the head is
            loaded; `str(net.load_report)` says what was.
        aux_logits: whether to build the auxiliary heads of a network that has them.
        width_mult: factor of all widths, for the MobileNets and MnasNet; None (default) means 1.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Raises:
        ValueError: if there is no such network (the message names the nearest ones), a number is below 1, width_mult
            leaves no channels, or the weights do not fit.
        TypeError: if a network of one width is given a width_mult.

    Example:
        >>> from minidl import models
        >>> sum(p.numel() for p in models.get_model("lenet5_modern").parameters())
        61706
        >>> sum(p.numel() for p in models.get_model("mobilenet_v1", width_mult=0.25).parameters())
        470072
    """
    return _entry("get_model", name).builder(
        num_classes=num_classes,
        in_channels=in_channels,
        weights=weights,
        aux_logits=aux_logits,
        width_mult=width_mult,
        rng=rng,
    )


def get_trained(name: str, file: str | os.PathLike[str], **settings: Any) -> Network:
    """Build the network of that name with all weights of a file, and so with as many classes as its head has.

    Args:
        name: one of `list_models()`.
        file: as `minidl.weights.load` takes it.
        settings: other settings of `get_model`.

    Raises:
        ValueError: as `get_model`.
    """
    net = get_model(name, weights=file, **settings)
    found = net.load_report.num_classes if net.load_report else None
    return net if found is None else get_model(name, weights=file, **{**settings, "num_classes": found})


def build_network(name: str, arguments: Mapping[str, Any], *, weights: str | None = None) -> Module:
    """Build a network of either kind with the arguments that a training keeps.

    Raises:
        ValueError: if there is no such network, or the weights do not fit.
        TypeError: if an argument is unknown.
    """
    if name not in LEARNERS:
        return get_model(name, weights=weights, **arguments)
    net = LEARNERS[name].builder(**arguments)
    if weights is not None:
        raise ValueError(f"{name}: there are no weights to begin with but those of a run; received {shown(weights)}")
    return net
