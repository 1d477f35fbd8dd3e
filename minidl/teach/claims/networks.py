"""The networks of the zoo as notes speak of them: how they are spelled, and which ones a name may mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

from minidl import cost, models
from minidl.nn import Conv2d, Module, init
from minidl.teach.claims.ledger import Ledger, Row
from minidl.teach.strings import claims as words

OPS = {"conv2d": "conv", "conv2d_fused": "conv", "linear": "linear", "max_pool2d": "pool", "avg_pool2d": "pool"}

# Further spellings, as patterns, beside those that follow from the names of the registry; what the bare name means.
SPELLED = {
    r"alex[\s-]?net": "alexnet",
    r"(?:inception|googlenet)[\s_-]*v\.?\s*1(?!\d)": "googlenet",
    r"google[\s-]?l?e?[\s-]?net": "googlenet",
    r"goo[\s-]?le[\s-]?net": "googlenet",
    r"le[\s-]?net(?:[\s_-]*5)?": "lenet5",
    r"zf[\s-]?net": "zfnet",
    r"bn[\s_-]inception|inception[\s_-]bn": "bn_inception",
    r"squeeze[\s-]?net(?![\s_-]*v?1[._]1)(?:[\s_-]*v?1[._]0)?": "squeezenet1_0",
    r"squeeze[\s-]?net[\s_-]*v?1[._]1": "squeezenet1_1",
    r"shuffle[\s-]?net[\s_-]*v\.?\s*2(?:[\s_-]*(?:x?1(?:[._]0)?x?))?": "shufflenet_v2_x1_0",
    r"mnas[\s-]?net(?:[\s_-]*1[._]0)?": "mnasnet1_0",
    r"nas[\s-]?net[\s_-]*a[\s_-]*large": "nasnet_a_large",
    r"nas[\s-]?net[\s_-]*a[\s_-]*mobile": "nasnet_a_mobile",
    r"se[\s_-]?res[\s-]?net[\s_-]*50": "se_resnet50",
    r"se[\s_-]?res[\s-]?next[\s_-]*50(?:[\s_-]*\(?32\s*x\s*4d\)?)?": "se_resnext50_32x4d",
    r"res[\s-]?next[\s_-]*50(?:[\s_-]*\(?32\s*x\s*4d\)?)?": "resnext50_32x4d",
    r"res[\s-]?next[\s_-]*101(?:[\s_-]*\(?32\s*x\s*8d\)?)": "resnext101_32x8d",
    r"wide[\s_-]?res[\s-]?net[\s_-]*50(?:[\s_-]*2)?|wrn[\s_-]*50[\s_-]*2": "wide_resnet50_2",
    **{rf"res[\s-]?net[\s_-]*{n}(?:[\s_-]*cifar)?": f"resnet{n}_cifar" for n in (20, 32, 44, 56, 110)},
    **{rf"pre[\s-]?act(?:ivation)?[\s_-]?res[\s-]?net[\s_-]*{n}": f"preact_resnet{n}" for n in (18, 34, 50, 101, 152)},
    **{rf"pre[\s-]?act(?:ivation)?[\s_-]?res[\s-]?net[\s_-]*{n}": f"preact_resnet{n}_cifar" for n in (110, 164, 1001)},
    **{rf"plain[\s_-]*{n}(?:[\s_-]*cifar)?": f"plain{n}_cifar" for n in (20, 32, 44, 56)},
    r"network in network|nin": "nin_cifar",
    r"cnnmodel_deep|cnn[\s_-]deep": "cnn_deep",
    r"se[\s_-]?net[\s_-]*154": "senet154",
}
HANGUL = {
    "알렉스넷": "alexnet",
    "알렉스 넷": "alexnet",
    "구글넷": "googlenet",
    "구글 넷": "googlenet",
    "구글르넷": "googlenet",
    "르넷": "lenet",
    "레즈넷": "resnet",
    "레스넷": "resnet",
    "레지넷": "resnet",
    "덴스넷": "densenet",
    "모바일넷": "mobilenet",
    "스퀴즈넷": "squeezenet",
    "이피션트넷": "efficientnet",
    "에피션트넷": "efficientnet",
    "브이지지": "vgg",
    "인셉션 v": "inception v",
    "인셉션-v": "inception-v",
    "인셉션v": "inception-v",
    "엑셉션": "xception",
    "셔플넷": "shufflenet",
    "제트에프넷": "zfnet",
}
FAMILIES = (
    r"vgg[\s-]?net|vgg|res[\s-]?nets?|dense[\s-]?nets?|mobile[\s-]?nets?|efficient[\s-]?nets?|res[\s-]?next|"
    r"inception[\s_-]*v\d|nas[\s-]?net|shuffle[\s-]?net"
)
# What a name may mean besides: name -> (network, what is said of it).
MEANT = {
    "alexnet": (("alexnet_owt", "TORCHVISIONS"),),
    "googlenet": (("googlenet_bn", "TORCHVISIONS"),),
    "lenet5": (("lenet5_modern", "MODERN"),),
    "zfnet": (("zfnet_512", "WIDER"),),
}
# Figures that the papers themselves print, which differ from what their networks have when they are counted.
PRINTED = {
    ("googlenet", "macs"): (15 * 10**8, "a budget of 1.5 billion multiply-adds"),
    ("resnet18", "macs"): (18 * 10**8, "He et al., Table 1: 1.8 billion"),
    ("resnet34", "macs"): (36 * 10**8, "He et al., Table 1: 3.6 billion"),
    ("resnet50", "macs"): (38 * 10**8, "He et al., Table 1: 3.8 billion"),
    ("resnet101", "macs"): (76 * 10**8, "He et al., Table 1: 7.6 billion"),
    ("resnet152", "macs"): (113 * 10**8, "He et al., Table 1: 11.3 billion"),
    ("mobilenet_v2", "parameters"): (34 * 10**5, "Sandler et al., Table 4: 3.4 million"),
    ("efficientnet_b0", "macs"): (39 * 10**7, "Tan and Le, Table 2: 0.39 billion"),
}

COMPARED = {  # only where networks are compared
    ("googlenet", "parameters"): (5 * 10**6, "12 times fewer than AlexNet's 60 million, hence 5 million"),
    ("alexnet", "parameters"): (60 * 10**6, "60 million"),
}
ERRATA: dict[tuple[str, tuple[str, ...], str], tuple[int, str]] = {
    ("alexnet", ("conv1",), "activations"): (
        253_440,
        "the number that the paper prints, an erratum: 48 · 55 · 96, with 48 in place of 55",
    ),
}


def spellings() -> list[tuple[str, str]]:
    """Return (pattern, name in the registry) for every network, the longest first."""
    found = dict(SPELLED)
    for name in models.list_models():
        pieces = re.findall(r"[a-z]+|\d+", name)
        found.setdefault(r"[\s_.-]*".join(_loose(piece) for piece in pieces), name)
    return sorted(found.items(), key=lambda pair: (-len(pair[1]), -len(pair[0])))


def _loose(piece: str) -> str:
    return re.sub(r"(?<=[a-z])net(?=$|s$)", r"[\\s-]?net", piece)


@cache
def built(name: str) -> Module:
    """Return a network whose weights nobody has filled."""
    with init.unfilled():
        return models.get_model(name).eval()


@cache
def walked(name: str, size: int | None = None) -> list[Any]:
    """Return the events of a walk through a network."""
    return cost.walk(built(name), size)


@dataclass(frozen=True)
class Meant:
    """One of the networks that a name may mean: `how` says what is particular about it; "" for what the name says."""

    name: str
    how: str = ""
    size: int | None = None
    groups: bool = True
    early: bool = False
    at_224: str = ""  # "all" of AlexNet, or its "conv1" alone, worked out for pictures of 224


def meanings(name: str) -> list[Meant]:
    """Return what a name may mean, the likeliest first."""
    found = [Meant(name)]
    found += [Meant(other, getattr(words, how)) for other, how in MEANT.get(name, ())]
    if name == "alexnet":
        found += [Meant(name, words.UNGROUPED, groups=False), Meant("alexnet_owt", words.ONE_TOWER_AT_227, size=227)]
    if name in ("resnet50", "resnet101", "resnet152"):
        found.append(Meant(name, words.STRIDE_ON_1X1, early=True))
    return found


@cache
def ledger_of(meant: Meant) -> Ledger:
    """Return the rows of a network."""
    events, net = walked(meant.name, meant.size), built(meant.name)
    shapes = {path: parameter.shape for path, parameter in net.named_parameters()}
    own: dict[str, int] = {}
    for path, shape in shapes.items():
        own[path.rpartition(".")[0]] = own.get(path.rpartition(".")[0], 0) + prod(shape)
    called = _called(meant.name, events)
    rows = [_row(event, called.get(i, event.module), own) for i, event in enumerate(events)]
    rows += [_not_run(path, number, shapes) for path, number in own.items()]
    if not meant.groups:
        rows = [_ungrouped(row) for row in rows]
    if meant.early:
        rows = [_early(row) for row in rows]
    if meant.at_224:
        rows = [_at_224(row) if meant.at_224 == "all" or row.name == "conv1" else row for row in rows]
    label = models.describe(meant.name).name if not meant.how else f"{meant.name}, {meant.how}"
    picture = cost.example.input_shape(net, meant.size)
    return Ledger(label, tuple(rows), picture, cost.depth(events), _further(meant.name, net, events))


def _further(name: str, net: Module, events: list[Any]) -> dict[str, Callable[[], int]]:
    convs = [module for path, module in net.named_modules() if isinstance(module, Conv2d)]
    cells = [type(module).__name__ for module in net.modules() if type(module).__name__.startswith("Inception")]
    return {
        "convs on the way": lambda: cost.depth(events, "conv2d", "conv2d_fused"),
        "linear on the way": lambda: cost.depth(events, "linear"),
        "with pools": lambda: cost.depth(
            events, *cost.trail.WEIGHTED, "max_pool2d", "avg_pool2d", "global_avg_pool2d", "adaptive_avg_pool2d"
        ),
        "convs": lambda: len(convs),
        "inception modules": lambda: len(cells),
    }


def _row(event: Any, name: str, own: dict[str, int]) -> Row:
    op, out = OPS.get(event.op, event.op), event.output.shape[1:]
    shape: Any = {"o": out[0] if out else 1, "after": tuple(out[1:]), "numbers": prod(out)}
    shape |= {"macs": cost.macs(event), "flops": cost.flops(event) or 0}
    x = next((array for array in event.inputs if array is not None and array.ndim > 1), None)
    before = tuple(x.shape[2:]) if x is not None else ()
    left = own.pop(event.module, 0)
    if op not in ("conv", "linear"):
        kernel = tuple(event.settings.get("kernel_size", ()))
        c = x.shape[1] if x is not None and x.ndim > 1 else 0
        return Row(name, op, others=left, c=c, kernel=kernel, before=before, **shape)
    w, b = event.inputs[1], event.inputs[2] if len(event.inputs) > 2 else None
    biases = 0 if b is None else b.size
    groups = event.settings.get("groups", 1)
    weights = min(w.size, left)  # a module that runs again owns them once
    biases = min(biases, left - weights)
    return Row(
        name, op, weights, biases, left - weights - biases, c=w.shape[1] * groups, kernel=tuple(w.shape[2:]),
        groups=groups, before=before, **shape,
    )  # fmt: skip


def _not_run(path: str, number: int, shapes: dict[str, tuple[int, ...]]) -> Row:
    shape = shapes.get(f"{path}.weight", ())
    biases = prod(shapes.get(f"{path}.bias", (0,))) if len(shape) in (2, 4) else 0
    op = {4: "conv", 2: "linear"}.get(len(shape), "other")
    weights = number - biases if op != "other" else 0
    c, o = (shape[1], shape[0]) if op != "other" else (0, 0)
    others = 0 if op != "other" else number
    return Row(path, op, weights, biases, others, c=c, o=o, kernel=tuple(shape[2:]), is_run=False)


def _ungrouped(row: Row) -> Row:
    fields = row.__dict__ | {"weights": row.weights * row.groups, "macs": row.macs * row.groups, "groups": 1}
    return Row(**(fields | {"flops": row.flops + 2 * row.macs * (row.groups - 1)}))


def _at_224(row: Row) -> Row:
    """A row of AlexNet on pictures of 224 without padding: (224 - 11) / 4 + 1 = 54.25, so 54, 26, 12 and 5."""
    smaller = {55: 54, 27: 26, 13: 12, 6: 5}
    if row.name == "fc6":
        weights = row.weights // 36 * 25
        return Row(
            **(row.__dict__ | {"weights": weights, "macs": weights, "flops": 2 * weights, "c": row.c // 36 * 25})
        )
    if len(row.after) != 2 or row.after[0] not in smaller:
        return row
    n, after = row.after[0], smaller[row.after[0]]
    scaled = {name: getattr(row, name) // n**2 * after**2 for name in ("macs", "flops", "numbers")}
    return Row(**(row.__dict__ | scaled | {"after": (after, after)}))


def _early(row: Row) -> Row:
    """The stride of a block on its first 1×1 convolution, as in the paper, and not on its 3×3."""
    if not re.fullmatch(r"layer[234]\.0\.(conv1|bn1)", row.name):
        return row
    changed = {"macs": row.macs // 4, "flops": row.flops // 4, "numbers": row.numbers // 4}
    return Row(**(row.__dict__ | changed | {"after": tuple(side // 2 for side in row.after)}))


def _called(name: str, events: list[Any]) -> dict[int, str]:
    """Return the names of papers for layers that are numbered here: conv1_2 and fc6 of VGG, conv1 of AlexNet."""
    if not name.startswith(("vgg", "alexnet", "zfnet")):
        return {}
    found, block, at, layers = {}, 1, 0, 0
    for i, event in enumerate(events):
        op = OPS.get(event.op)
        if op == "conv":
            at, layers = at + 1, layers + 1
            found[i] = f"conv{block}_{at}" if name.startswith("vgg") else f"conv{layers}"
        elif op == "pool":
            found[i] = f"pool{block}" if name.startswith("vgg") else f"pool{layers}"
            block, at = block + 1, 0
        elif op == "linear":
            number = sum(title.startswith("fc") for title in found.values()) + 6
            found[i] = f"fc{number}"
    return found
