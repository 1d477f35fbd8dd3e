"""Settings that a kind of training has no use for, and sizes that a network does not have, refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from minidl.models._learners import LEARNERS
from minidl.training.settings.config import Config


def refuse_settings(config: Config, names: tuple[str, ...], words: Callable[[str, Any], str]) -> None:
    """Refuse settings that would change nothing, where they are others than the defaults; `words` says why."""
    usual = Config()
    for name in names:
        value = getattr(config, name)
        if value != getattr(usual, name):
            raise ValueError(words(name, value))


def sizes_of_network(config: Config, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the options that were given and are arguments of the network; refuse those that it has not."""
    sizes = {name: value for name, value in config.options.items() if name not in but and value is not None}
    known = signature(LEARNERS[config.model].builder).parameters
    for name in sizes:
        if name not in known:
            raise ValueError(f"train: {config.model} has no {name}; leave options.{name} out")
    return sizes


def side_of_squares(config: Config, h: int, width: int) -> int:
    """Return the side of pictures for a network that makes square ones; refuse others."""
    if h != width:
        raise ValueError(
            f"train: {config.model} makes square pictures, these are {h}×{width}; bring them to one size: "
            "--set picture_size=32"
        )
    return h
