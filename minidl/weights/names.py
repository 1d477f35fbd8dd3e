"""Other authors' parameter names in torchvision's words, by tables of rules; and names without what wrappers add.

A rule is a pattern for the whole name and what to write instead; the rules of a table together must match every name of
the file, each to a different new one, so that a file of another network is noticed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

__all__ = [
    "TABLES",
    "prefix_of",
    "present",
    "rename",
    "unwrap",
]


def __dir__() -> list[str]:
    return [*__all__]


Value = TypeVar("Value")

_LITE0_REPEATS = (1, 2, 2, 3, 3, 4, 1)  # blocks a stage, Table 1 of the EfficientNet paper (B0's, which lite0 keeps)


def _efficientnet_lite0() -> tuple[tuple[str, str], ...]:
    """From ``_blocks.I._expand_conv`` to ``features.STAGE.J.block.0.0``.

    In torchvision features.0 is the stem, features.1 to 7 are the stages and features.8 is the head; a block is expand,
    depthwise, project, each a pair of convolution (0) and norm (1). The first stage does not expand, and lite0 has no
    squeeze-and-excitation between depthwise and project.
    """
    rules = [
        (r"_conv_stem\.(\w+)", r"features.0.0.\1"),
        (r"_bn0\.(\w+)", r"features.0.1.\1"),
        (r"_conv_head\.(\w+)", r"features.8.0.\1"),
        (r"_bn1\.(\w+)", r"features.8.1.\1"),
        (r"_fc\.(\w+)", r"classifier.1.\1"),
    ]
    places = [(stage, block) for stage, count in enumerate(_LITE0_REPEATS, 1) for block in range(count)]
    for index, (stage, block) in enumerate(places):
        steps = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        if stage > 1:
            steps.insert(0, ("_expand_conv", "_bn0"))
        for step, (conv, norm) in enumerate(steps):
            target = f"features.{stage}.{block}.block.{step}"
            rules += [(rf"_blocks\.{index}\.{conv}\.(\w+)", rf"{target}.0.\1")]
            rules += [(rf"_blocks\.{index}\.{norm}\.(\w+)", rf"{target}.1.\1")]
    return tuple(rules)


TABLES = {"efficientnet_lite0": _efficientnet_lite0()}

# torchvision's published files of DenseNet are older than its names: "denselayer1.norm.1.weight".
_OLDER = re.compile(r"(.*\.denselayer\d+\.(?:norm|conv))\.([12]\.\w+)")


def present(state: Mapping[str, Value]) -> dict[str, Value]:
    """Give entries whose names torchvision has changed since it published them their present names.

    Example:
        >>> present({"features.denseblock1.denselayer1.norm.1.weight": 1, "features.conv0.weight": 2})
        {'features.denseblock1.denselayer1.norm1.weight': 1, 'features.conv0.weight': 2}
    """
    return {_OLDER.sub(r"\1\2", name): value for name, value in state.items()}


# What wrappers of PyTorch put into names: these wherever they stand (torch.compile, sharding, recomputation), …
_PARTS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
_FRONT = "module."  # … and this before all others (DataParallel, DistributedDataParallel, averaged models),
_COUNTER = "n_averaged"  # beside which averaged models have a counter


def unwrap(state: Mapping[str, Value], prefix: str | None = None) -> tuple[dict[str, Value], list[str]]:
    """Take off names what the wrappers of PyTorch put before them, or a prefix of one's own.

    ``module.`` goes where all names have it, as often as they do, and with it the counter ``n_averaged``;
    ``_orig_mod.`` and the like go wherever they stand, unless two names became one.

    Args:
        state: name → value.
        prefix: what to take off instead; entries without it are left out. "" leaves all names as they are.

    Returns:
        A new dict in the same order, and what was done, a line each.

    Raises:
        ValueError: if no name begins with the prefix.

    Example:
        >>> unwrap({"module._orig_mod.fc.weight": 1, "module._orig_mod.fc.bias": 2})
        ({'fc.weight': 1, 'fc.bias': 2}, ["took '_orig_mod.', 'module.' off the names"])
    """
    if prefix is not None:
        return _without(state, prefix)
    taken: list[str] = []
    for part in _PARTS:
        found = {_without_part(name, part): value for name, value in state.items()}
        if len(found) == len(state) and list(found) != list(state):
            state, taken = found, [*taken, part]
    counted = False
    while names := [name for name in state if name != _COUNTER]:
        if not all(name.startswith(_FRONT) and name != _FRONT for name in names):
            break
        counted = counted or _COUNTER in state
        state, taken = {name.removeprefix(_FRONT): state[name] for name in names}, [*taken, _FRONT]
    notes = [f"took {', '.join(map(repr, taken))} off the names"] if taken else []
    return dict(state), notes + [f"left out {_COUNTER!r}"] * counted


def prefix_of(state: Mapping[str, Value], own: Iterable[str]) -> str:
    """Return the one prefix that makes all of a network's `own` names names of the file; "" where there is none.

    Raises:
        ValueError: if two do.

    Example:
        >>> prefix_of({"model.fc.weight": 1, "model.fc.bias": 2, "loss.weight": 3}, ["fc.weight", "fc.bias"])
        'model.'
    """
    own = list(own)
    ends = [name.removesuffix(own[0]) for name in state if own and name.endswith(f".{own[0]}")]
    found = [prefix for prefix in ends if all(prefix + name in state for name in own)]
    if len(found) > 1:
        raise ValueError(
            f"the names of the network are there under {' and '.join(map(repr, found))}; choose: "
            f"minidl.weights.load(path, prefix={found[0]!r})"
        )
    return found[0] if found else ""


def _without_part(name: str, part: str) -> str:
    """Take a part out of a path, wherever it stands between two dots."""
    return f".{name}".replace(f".{part}", ".")[1:]


def _without(state: Mapping[str, Value], prefix: str) -> tuple[dict[str, Value], list[str]]:
    found = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    if not found and state:
        raise ValueError(f"no name begins with prefix={prefix!r}; the first is {next(iter(state))!r}")
    left_out = len(state) - len(found)
    notes = [f"took {prefix!r} off the names"] if prefix else []
    return found, notes + [f"left out {left_out} names without it"] * (left_out > 0)


def rename(state: Mapping[str, Value], table: str) -> dict[str, Value]:
    """Give every entry its torchvision name.

    Args:
        state: name → array, as `weights.load` gives it.
        table: a key of `TABLES`.

    Returns:
        A new dict with the same values, in the same order.

    Raises:
        ValueError: when the table is unknown, a name fits no rule, or two names become one.

    Example:
        >>> rename({"_conv_stem.weight": 1, "_blocks.3._expand_conv.weight": 2}, "efficientnet_lite0")
        {'features.0.0.weight': 1, 'features.3.0.block.0.0.weight': 2}
    """
    if table not in TABLES:
        raise ValueError(f"weights.names.rename: no table {table!r}; there is {', '.join(TABLES)}")
    renamed: dict[str, Value] = {}
    for name, value in state.items():
        new = _apply(TABLES[table], name)
        if new is None:
            raise ValueError(f"weights.names.rename: {name!r} fits no rule of the table {table!r}")
        if new in renamed:
            raise ValueError(
                f"weights.names.rename: {name!r} and another name both become {new!r} by the table {table!r}"
            )
        renamed[new] = value
    return renamed


def _apply(rules: Iterable[tuple[str, str]], name: str) -> str | None:
    for pattern, target in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(target)
    return None
