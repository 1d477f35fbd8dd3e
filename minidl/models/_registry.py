"""The registry: every network by its name.

It is collected from the tables `VARIANTS` of the family files; a builder is the function of the same name beside it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from minidl.models import (
    alexnet,
    cnn_deep,
    efficientnet,
    googlenet,
    lenet,
    nin,
    preact_resnet,
    resnet,
    resnet_cifar,
    vgg,
    zfnet,
)
from minidl.models._family import Network, Variant

FAMILIES: tuple[ModuleType, ...] = (
    lenet,
    cnn_deep,
    alexnet,
    zfnet,
    nin,
    vgg,
    googlenet,
    resnet,
    resnet_cifar,
    preact_resnet,
    efficientnet,
)


@dataclass(frozen=True)
class Entry:
    """What the registry knows of a network: its name, its builder and its row in the family's table."""

    name: str
    builder: Callable[..., Network]
    variant: Variant

    family = property(lambda self: self.variant.paper.family, doc="The family's name, such as VGG.")
    year = property(lambda self: self.variant.paper.year, doc="When the paper came out.")
    paper = property(lambda self: self.variant.paper.citation, doc="What to read.")
    input_size = property(lambda self: self.variant.input_size, doc="Side of the paper's pictures.")
    smallest = property(lambda self: self.variant.smallest, doc="Side of the smallest picture it can be trained on.")


ENTRIES: dict[str, Entry] = {
    name: Entry(name, getattr(family, name), variant)
    for family in FAMILIES
    for name, variant in family.VARIANTS.items()
}


def list_models() -> list[str]:
    """Return the names of all networks, sorted.

    Example:
        >>> "lenet5_modern" in list_models()
        True
    """
    return sorted(ENTRIES)


def get_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    weights: str | os.PathLike[str] | None = None,
    aux_logits: bool = True,
    rng: np.random.Generator | None = None,
) -> Network:
    """Build the network of that name.

    Args:
        name: one of `list_models()`.
        num_classes: how many classes to tell apart; None (default) means the network's own number, 1000 for ImageNet.
        in_channels: channels of the pictures; None (default) means the network's own number, usually 3.
        weights: a file that `minidl.weights.load` reads. With another number of classes everything but the head is
            loaded; `str(net.load_report)` says what was.
        aux_logits: whether to build the auxiliary heads of a network that has them.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Raises:
        ValueError: if there is no such network (the message names the nearest ones), a number is below 1, or the
            weights do not fit.

    Example:
        >>> from minidl import models
        >>> sum(p.size for p in models.get_model("lenet5_modern").parameters())
        61706
    """
    if not isinstance(name, str) or name not in ENTRIES:
        near = difflib.get_close_matches(str(name).lower(), ENTRIES, n=3)
        cure = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(list_models())}"
        raise ValueError(f"get_model: there is no network {name!r}; {cure}")
    return ENTRIES[name].builder(
        num_classes=num_classes, in_channels=in_channels, weights=weights, aux_logits=aux_logits, rng=rng
    )
