"""The figures of the sheet: minidl's computed, torchvision's and timm's read, papers' and slides' as claimed."""

from __future__ import annotations

import functools
import gzip
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl import cost, models, nn
from minidl.models._elsewhere import TIMM, TORCHVISION
from minidl.models._learners import LEARNERS

HERE = Path(__file__).parent
ELSEWHERE = HERE.parents[1] / "tests" / "data" / "zoo.json.gz"


@dataclass(frozen=True)
class Figures:
    """What minidl counts in one network.

    Attributes:
        parameters: all of them.
        evaluated: without auxiliary heads.
        macs: multiply-accumulates of convolutions and linear layers for one picture.
        depth: weight layers on the longest way.
        input: side of the pictures.
        norms: parameters of batch norms.
        weighted_bytes: the results of convolutions and linear layers in float32.
    """

    parameters: int
    evaluated: int
    macs: int
    depth: int
    input: int
    norms: int
    weighted_bytes: int


@functools.cache
def figures(name: str, size: int | None = None) -> Figures:
    """Count a network."""
    with nn.init.unfilled():
        found = cost.count(models.get_model(name), size)
    return Figures(
        parameters=found.parameters,
        evaluated=sum(layer.parameters for layer in found.layers if layer.output is not None),
        macs=found.macs,
        depth=found.depth,
        input=found.input[-1],
        norms=sum(layer.parameters for layer in found.layers if layer.op == "batch_norm_eval"),
        weighted_bytes=sum(layer.activation_bytes for layer in found.layers if layer.op in ("conv2d", "linear")),
    )


@functools.cache
def claims() -> dict[str, Any]:
    """Read zoo.toml."""
    return tomllib.loads((HERE / "zoo.toml").read_text(encoding="utf-8"))


@functools.cache
def elsewhere() -> dict[str, Any]:
    """Return minidl's name -> what torchvision or timm has: "by", and the figures of tests/data/zoo.json.gz."""
    with gzip.open(ELSEWHERE) as file:
        zoo = json.load(file)
    return {
        name: {"by": f"{library} `{there}`", **zoo[there]}
        for library, table in (("torchvision", TORCHVISION), ("timm", TIMM))
        for name, there in table.items()
        if there in zoo
    }


def families() -> dict[str, list[str]]:
    """Return family -> its networks, in the order of zoo.toml."""
    members: dict[str, list[str]] = {family: [] for family in claims()["family"]}
    for name in sorted(models.list_models(), key=lambda name: models.describe(name).place):
        members.setdefault(models.describe(name).family, []).append(name)
    return {family: names for family, names in members.items() if names}


def learner_families() -> dict[str, list[str]]:
    """Return family -> its networks, of those that are no classifiers, in the order of history."""
    members: dict[str, list[str]] = {}
    for name, learner in LEARNERS.items():
        members.setdefault(learner.paper.family, []).append(name)
    return members


@functools.cache
def learner_parameters(name: str) -> int:
    """Count the parameters of a network that is no classifier."""
    with nn.init.unfilled():
        return sum(p.numel() for p in LEARNERS[name].builder().parameters())
