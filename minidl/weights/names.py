"""Other authors' parameter names in torchvision's words, by tables of rules.

A rule is a pattern for the whole name and what to write instead; the rules of a table together must match every name of
the file, each to a different new one, so that a file of another network is noticed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

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
