"""From what was asked for to every number: first a recipe or a file, then what the user says, then the pictures.

settings = defaults | recipe, or the config.json of a run | what was given by name
None     = measured: colours, sizes, cores
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from minidl._checks import shown
from minidl._threads import get_num_threads
from minidl.data import Split, list_data, measure
from minidl.data.transforms import build
from minidl.models._learners import LEARNERS
from minidl.models._registry import ENTRIES
from minidl.training.batches import workers_for
from minidl.training.settings.config import Config, Table, check_settings
from minidl.training.settings.kinds import KINDS
from minidl.training.settings.picture_sizes import Sizes, check_one_size, common_side, sized, sizes_of, with_size
from minidl.training.settings.pretrained import Origin, origin_of
from minidl.weights._demo import DEMO

DIGITS = [{"name": "shift", "pixels": 2}]  # what the digits are trained with if nothing else is said
MEASURED = {"normalize": ("mean", "std"), "pca_jitter": ("eigenvalues", "eigenvectors")}
SIDE = 64  # of pictures of different sizes, unless the network needs larger ones
Say = Callable[[str], None]


def make_config(
    model: str | None = None,
    *,
    recipe: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> Config:
    """Put the settings of a training together.

    Args:
        model: the network; may be left out for the digits, and where the file has it.
        recipe: the name of a recipe, or a file; None (default) takes "fast", "head" where everything else is frozen,
            nothing for the digits, and "own" for networks that are no classifiers.
        config: the config.json of a run, which shall be repeated; instead of a recipe.
        settings: those that shall be others. A value for one entry of a table is named with a dot: "schedule.power".

    Raises:
        ValueError: if a setting is unknown (the nearest names are told) or refused, or a file cannot be understood.
        OSError: if a file cannot be read.

    Example:
        >>> make_config("lenet5", epochs=3, **{"schedule.gamma": 0.1}).schedule
        {'name': 'step', 'step_size': 3, 'gamma': 0.1}
    """
    if config is not None and recipe is not None:
        raise ValueError(f"train: either a recipe or a config; received recipe={str(recipe)!r}, config={str(config)!r}")
    given = settings | ({} if model is None else {"model": model})
    if config is not None:
        start = _read(Path(config))
    elif recipe is None and isinstance(given.get("model"), str) and given["model"] in LEARNERS:
        start = _from_recipe("own", given)
    elif recipe is None and given.get("data", Config.data) in list_data():
        start = {}
    else:
        usual = "head" if given.get("freeze") else "fast"
        start = _from_recipe(usual if recipe is None else os.fspath(recipe), given)
    return Config.from_dict(_merged(start, given))


def _read(file: Path) -> Table:
    """Return the settings of a config.json."""
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"train: {file} is no config.json: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"train: {file} is no config.json: it holds no table")
    found.pop("arguments", None)  # which follow from the pictures
    try:
        check_settings(found)
    except ValueError as error:
        raise ValueError(f"{error} (in {file})") from None
    return found


def _from_recipe(recipe: str, given: Table) -> Table:
    from minidl.training.settings.recipe import load_recipe

    if "model" not in given:
        raise ValueError("train: which network? give its name: minidl train resnet18 --data DIR")
    return {"threads": None} | load_recipe(recipe, given["model"]) | {"recipe": recipe}


def _merged(start: Table, given: Table) -> Table:
    """Return the settings with those that were given, which may name an entry of a table with a dot."""
    whole = {one.name: getattr(Config(), one.name) for one in fields(Config)}
    merged = start | {name: value for name, value in given.items() if "." not in name}
    for name, value in given.items():
        table, dot, entry = name.partition(".")
        if not dot:
            continue
        before = merged.get(table, whole.get(table))
        if not isinstance(before, dict):
            check_settings({table: None})
            raise ValueError(f"train: {table} is no table; received {name}={shown(value)}")
        merged[table] = before | {entry: value}
    return merged


def resolve(config: Config, train: Split, val: Split | None = None, say: Say = lambda note: None) -> Config:
    """Return the settings with what was left open filled in from the pictures.

    Args:
        config: the settings.
        train: the pictures to learn from; read once, if their colours are asked for and not known.
        val: those to evaluate with, whose sizes count, too.
        say: is called with what should be known about the sizes, in a line.

    Raises:
        ValueError: if a transform is unknown or refused, or a picture cannot be read.

    Example:
        >>> from minidl import data
        >>> resolve(Config(), data.open_dataset("digits").train).transforms
        [{'name': 'shift', 'pixels': 2, 'mode': 'edge'}]
    """
    train_steps, test_steps = _left_open(config.data)
    train_steps = train_steps if config.transforms is None else config.transforms
    test_steps = test_steps if config.test_transforms is None else config.test_transforms
    origin, how = None, {}
    if config.weights is not None:
        origin, how = origin_of(config.model, config.weights), {"interpolation": "bicubic"}
        train_steps, test_steps = origin.with_colours(train_steps), origin.with_colours(test_steps)
        say(f"weights: {origin}")
    side = config.picture_size or _side(config, train, val, say, train_steps, test_steps, origin=origin)
    train_steps, test_steps = (with_size(steps, side, **how) for steps in (train_steps, test_steps))
    unmeasured = any(_lacks(step, MEASURED) for step in (*train_steps, *test_steps))
    statistics = measure(train, skip_broken=config.on_error == "skip") if unmeasured else None
    return replace(
        config,
        data=absolute(config.data),
        weights=config.weights if config.weights in (None, DEMO) else os.path.abspath(config.weights),
        transforms=build(train_steps, statistics).to_list(),
        test_transforms=build(test_steps, statistics).to_list(),
        picture_size=side,
        workers=workers_for(train, config.workers),
        threads=get_num_threads() if config.threads is None else config.threads,
    )


def differences(config: Config) -> dict[str, tuple[Any, Any]]:
    """Return the settings that are others than the defaults, with these: name: (value, default).

    Left out are the network and the data set, what has been measured of the pictures, and threads that no bit depends
    on.

    Example:
        >>> differences(Config(model="resnet18", data="pets", lr=0.1, transforms=[{"name": "normalize"}]))
        {'lr': (0.1, 0.02)}
    """
    usual = {one.name: getattr(Config(), one.name) for one in fields(Config)}
    train, test = _left_open(config.data)
    for name, steps in (("transforms", train), ("test_transforms", test)):
        found = getattr(config, name)
        if found is None or _without_measured(found) == _without_measured(build(steps, "imagenet").to_list()):
            usual[name] = found
        elif usual[name] is None:
            usual[name] = steps
    usual["options"] = dict(KINDS[config.task].options)
    found = {name: (getattr(config, name), default) for name, default in usual.items()}
    skipped = ("model", "task", "data", "workers")
    return {name: pair for name, pair in found.items() if name not in skipped and pair[0] != pair[1]}


def _left_open(data: str) -> tuple[list[Table], list[Table]]:
    """Return the transforms in training and in validation where nothing is said about them."""
    normal = [] if data in list_data() else [{"name": "normalize"}]
    return (DIGITS if data in list_data() else normal), normal


def _without_measured(steps: list[Table]) -> list[Table]:
    """Return transforms without the numbers that are taken from the pictures."""
    return [{key: one for key, one in step.items() if key not in MEASURED.get(step["name"], ())} for step in steps]


def absolute(data: str) -> str:
    """Return the folder of a data set from the root, so that it is found from elsewhere, too; a name as it is."""
    return data if data in list_data() else os.path.abspath(data)


def parse_setting(text: str) -> tuple[str, Any]:
    """Read "name=value", where the value is written as in TOML; a word needs no quotes, and "none" is None.

    Raises:
        ValueError: if there is no name or no value.

    Example:
        >>> parse_setting("betas=[0.9, 0.95]"), parse_setting("optimizer=adam"), parse_setting("clip_norm=none")
        (('betas', [0.9, 0.95]), ('optimizer', 'adam'), ('clip_norm', None))
        >>> parse_setting("schedule={name = 'cosine', warmup = 1}")
        ('schedule', {'name': 'cosine', 'warmup': 1})
    """
    import tomllib

    if not isinstance(text, str):
        raise TypeError(f"train: a setting is written 'name=value'; received {shown(text)}")
    name, equals, value = (part.strip() for part in text.partition("="))
    if not name or not equals or not value:
        raise ValueError(f"train: a setting is written name=value, such as clip_norm=1.0; received {text!r}")
    if value.lower() in ("none", "null"):
        return name, None
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if value[0] in "[{\"'":
            raise ValueError(f"train: the value of {name} is not written as in TOML; received {text!r}") from None
        return name, value


def _lacks(step: Table, table: Any) -> bool:
    """Tell whether a transform misses settings of the table."""
    return isinstance(step, Mapping) and any(key not in step for key in table.get(step.get("name"), ()))


def _side(
    config: Config, train: Split, val: Split | None, say: Say, *pipelines: list[Table], origin: Origin | None = None
) -> int | None:
    """Return the side that pictures must be brought to: None if they have one size, which the network can take.

    Those of foreign weights must be of the size that the weights have learnt to see, or near it.
    """
    wanted = any("size" not in step for steps in pipelines for step in sized(steps))
    found = sizes_of(train), Sizes() if val is None else sizes_of(val)
    for steps, part, what in zip(pipelines, found, ("training", "validation")):
        check_one_size(steps, part, f"the {what} pictures")
    if all(map(sized, pipelines)) and not wanted:
        return None
    entry = ENTRIES.get(config.model)
    least, most = (entry.variant.smallest, entry.variant.largest) if entry else (1, None)
    every = set(found[0].counts) | set(found[1].counts)
    usual = common_side(*found, SIDE)
    if origin is not None and origin.side is not None:
        usual = origin.fitting(common_side(*found, origin.side))
        every |= {(usual, usual)}
    fits = all(least <= side <= (most or side) for size in every for side in size)
    if len(every) == 1 and fits and not wanted:
        return None
    side = max(least, usual)
    side = min(side, most or side)
    if len(every) > 1 or not fits:
        why = "" if len(every) > 1 else f", which {config.model} can take"
        also = f"; to validate with {found[1]}" if found[1].counts else ""
        say(f"sizes: to learn from {found[0]}{also}: all are brought to {side}×{side}{why} (picture_size={side})")
    return side
