"""The registry: every network by its name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from minidl.models import lenet
from minidl.nn import Module

BUILDERS: dict[str, Callable[..., Module]] = {"lenet5_modern": lenet.lenet5_modern}


def list_models() -> list[str]:
    """Return the names of all networks.

    Example:
        >>> "lenet5_modern" in list_models()
        True
    """
    return sorted(BUILDERS)


def get_model(name: str, **settings: Any) -> Module:
    """Build the network of that name.

    Args:
        name: one of `list_models()`.
        settings: what its builder takes, such as num_classes, in_channels and rng.

    Raises:
        ValueError: if there is no such network; the message names the nearest ones.

    Example:
        >>> from minidl import models
        >>> sum(p.size for p in models.get_model("lenet5_modern").parameters())
        61706
    """
    if name not in BUILDERS:
        near = difflib.get_close_matches(str(name), BUILDERS, n=3) or list_models()
        raise ValueError(f"get_model: there is no network {name!r}; did you mean {' or '.join(near)}?")
    return BUILDERS[name](**settings)
