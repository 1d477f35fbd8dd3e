"""Recipes: settings of a training, written down once, one small TOML file each.

    epochs = 10                             # settings, under the names that `Config` has
    lr = 0.05

    [schedule]
    name = "one_cycle"

    [[transforms]]
    name = "flip"

    [for.vgg]                               # other values for one family (a file of minidl/models), or one network
    lr = 0.02

A table under `for` replaces whole values: a schedule there is the whole schedule. A network's table comes after its
family's. A name stands for a file of this package: `fast` for recipes/fast.toml, `paper` for the file of the network's
family in recipes/paper/; `own` is the same for networks that are no classifiers, which no other recipe fits.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from minidl._checks import check_path, nearest, shown
from minidl.data.transforms import build
from minidl.models._learners import LEARNERS
from minidl.models._registry import ENTRIES
from minidl.optim import make_schedule
from minidl.training.settings.config import Config

Settings = dict[str, Any]


def list_recipes() -> list[str]:
    """Return the names of the recipes of this package, sorted.

    Example:
        >>> list_recipes()
        ['cifar', 'fast', 'head', 'own', 'paper']
    """
    return sorted(_stem(one) for one in _folder().iterdir() if one.is_dir() or one.name.endswith(".toml"))


def load_recipe(name_or_file: str | os.PathLike[str], model: str) -> Settings:
    """Return the settings that a recipe has for a network.

    Args:
        name_or_file: one of `list_recipes()`, or a file of your own, whose name ends in .toml.
        model: the network, one of `models.list_models()`; unless the recipe names one itself, it is no setting.

    Raises:
        ValueError: if there is no such recipe, none for that network, or its file has a mistake; the message names the
            file and the line or the setting.
        OSError: if a file cannot be read.

    Example:
        >>> load_recipe("fast", "resnet18")["schedule"]["name"]
        'one_cycle'
    """
    if not isinstance(model, str) or model not in {**ENTRIES, **LEARNERS}:
        known = [*ENTRIES, *LEARNERS]
        raise ValueError(f"recipe: there is no network {shown(model)}; did you mean {nearest(model, known)}?")
    file = _find(name_or_file, model)
    where = str(file)
    settings = _parse(file, where)
    exceptions = settings.pop("for", {})
    _check(settings, exceptions, where)
    return settings | exceptions.get(_family(model), {}) | exceptions.get(model, {})


def _folder() -> Traversable:
    return files("minidl.training.settings").joinpath("recipes")


def _stem(file: Traversable) -> str:
    return file.name.removesuffix(".toml")


def _family(model: str) -> str:
    """Return the name of the file in minidl/models that a network stands in."""
    entry = LEARNERS[model] if model in LEARNERS else ENTRIES[model]
    return entry.builder.__module__.rpartition(".")[2]


def _find(name_or_file: str | os.PathLike[str], model: str) -> Traversable:
    """Return the file of a recipe."""
    check_path("recipe", name_or_file)
    name = os.fspath(name_or_file)
    if name.endswith(".toml"):
        return Path(name)
    if name not in list_recipes():
        raise ValueError(
            f"recipe: there is no {name!r}; did you mean {nearest(name, list_recipes())}? "
            f"(the name of a file of your own ends in .toml)"
        )
    file = _folder().joinpath(f"{name}.toml")
    if file.is_file() and model in LEARNERS:
        raise ValueError(f"recipe: {name} is for classifiers, {model} is none; take own instead")
    if file.is_file():
        return file
    family = _folder().joinpath(name, f"{_family(model)}.toml")
    if not family.is_file():
        known = ", ".join(sorted(_stem(one) for one in _folder().joinpath(name).iterdir()))
        usual = "own" if model in LEARNERS else "fast"
        raise ValueError(
            f"recipe: {name} has none for {model} ({_family(model)}); it has {known}; take {usual} instead"
        )
    return family


def _parse(file: Traversable, where: str) -> Settings:
    """Read TOML, or say in which line it is broken."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"recipe: {where} is no text in UTF-8, which TOML is") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = found.group(1) if found else text.count("\n") + 1  # "at end of document"
        reason = re.sub(r"\s*\(at .*\)", "", str(error))
        raise ValueError(f"recipe: {where}, line {line}: {reason}") from None


def _check(settings: Settings, exceptions: Any, where: str) -> None:
    """Refuse names and tables that nothing would understand, in the tables of other networks, too."""
    if not isinstance(exceptions, Mapping) or not all(isinstance(table, Mapping) for table in exceptions.values()):
        raise ValueError(f"recipe: {where}: for must hold tables, such as [for.vgg]; received for={exceptions!r}")
    every = [*ENTRIES, *LEARNERS]
    networks = {_family(model) for model in every} | set(every)
    _check_names(exceptions, networks, f"{where}: for: there is no network or family")
    known = [field.name for field in fields(Config)]
    _check_names(settings, known, f"{where}: there is no setting")
    _check_tables(settings, where)
    for name, table in exceptions.items():
        _check_names(table, known, f"{where}: for.{name}: there is no setting")
        _check_tables(settings | table, f"{where}: for.{name}")


def _check_names(names: Iterable[str], known: Iterable[str], what: str) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            raise ValueError(f"recipe: {what} {name!r}; did you mean {nearest(name, known)}?")


def _check_tables(settings: Settings, where: str) -> None:
    """Let those who will be given the tables judge them now, while the file is known."""
    try:
        if "schedule" in settings:
            make_schedule(settings["schedule"], lr=settings.get("lr", 1.0), epochs=settings.get("epochs", 1), steps=1)
        for name in ("transforms", "test_transforms"):
            steps = settings.get(name, [])
            if not isinstance(steps, list):
                raise ValueError(f"{name} must be a list of tables; received {steps!r}")
            build(steps, "imagenet")
    except (ValueError, TypeError) as error:
        raise ValueError(f"recipe: {where}: {error}") from None
