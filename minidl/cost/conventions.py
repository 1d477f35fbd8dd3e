"""What everybody calls "the FLOPs" of one and the same network, and the rule behind each number.

The numbers are those that the tools print for the same layers written in PyTorch (the tests compare them). Each rule is
a row of weights here: for how much a MAC counts, a bias, a number of what goes into a layer or comes out of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from minidl._looks import Brief, listed
from minidl.cost._rows import lines_of
from minidl.cost.example import as_counted, name_of, written
from minidl.cost.rules import MOVES, elements, flops, macs
from minidl.cost.trail import check_first_axes, send
from minidl.nn import Module
from minidl.tensor import Event, no_grad

TITLES = ("who", "calls it", "number", "is written", "what is counted")
CONVOLUTIONS = ("conv2d", "conv2d_fused", "conv_transpose2d")
LAYERS = (*CONVOLUTIONS, "linear")
NORMS = ("batch_norm_eval", "group_norm", "layer_norm")
POOLS = ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "global_avg_pool2d")
GIGA, GIBI = 10**9, 1024**3


@dataclass(frozen=True)
class Rule:
    """How somebody counts.

    Attributes:
        who: the tool, the page or the habit.
        word: what it calls its number.
        unit: how it writes billions.
        words: the rule.
        mac: what a MAC counts.
        bias: what a bias of a convolution and of a linear layer counts for each number of the result.
        given: operation -> what each number that goes into it counts.
        made: operation -> what each number that comes out of it counts.
        products: whether products of two results count, too.
        norm_parameters: whether scales and shifts of norms count once each.
        billion: what it divides by.
    """

    who: str
    word: str
    unit: str
    words: str
    mac: int = 1
    bias: tuple[int, int] = (0, 0)
    given: Mapping[str, int] = field(default_factory=dict)
    made: Mapping[str, int] = field(default_factory=dict)
    products: bool = False
    norm_parameters: bool = False
    billion: int = GIGA


def _each(count: int, *ops: str) -> dict[str, int]:
    return dict.fromkeys(ops, count)


RULES = (
    Rule(
        "torchinfo",
        "mult-adds",
        "G",
        "MACs of convolutions and linear layers, one more for every bias; scales and shifts of norms, once each",
        bias=(1, 1),
        norm_parameters=True,
    ),
    Rule(
        "fvcore",
        "flops",
        "G",
        "MACs, those of products among them, each one flop, without biases; 2 for a number that batch norm is given, 5 "
        "for other norms, 1 for an adaptive average; 1 (nearest) or 4 (bilinear) for a number that is interpolated; "
        "nothing for other pools, activations and sums",
        given=_each(2, "batch_norm_eval") | _each(5, "group_norm", "layer_norm") | _each(1, *POOLS[2:]),
        made=_each(1, "interpolate nearest") | _each(4, "interpolate bilinear"),
        products=True,
    ),
    Rule(
        "ptflops",
        "MACs",
        "GMac",
        "MACs (of products, where `torch.matmul` makes them), one more for every bias; 2 for a number that batch or "
        "group norm is given; 2 for a pool, relu, elu or gelu: these layers count twice, themselves and the function "
        "that they call (a function called alone counts 1); 1 for layer norm, relu6, leaky relu, silu and softmax; "
        "nothing for sigmoid, tanh, the hard functions and `x + y`",
        bias=(1, 1),
        products=True,
        given=_each(2, "batch_norm_eval", "group_norm", *POOLS) | _each(1, "layer_norm", "local_response_norm"),
        made=_each(2, "relu", "elu", "gelu", "interpolate") | _each(1, "relu6", "leaky_relu", "silu", "softmax"),
    ),
    Rule(
        "calflops",
        "FLOPs",
        "GFLOPS",
        "2 for a MAC (of products, where `torch.matmul` makes them); 1 for a bias of a convolution, none for one of a "
        "linear layer; 2 for a number that batch norm is given, 5 for other norms, 1 for a pool, relu, leaky relu, "
        "elu, gelu, silu or softmax, and for `interpolate` with a scale_factor; nothing for relu6, sigmoid, tanh, the "
        "hard functions and `x + y`",
        mac=2,
        bias=(1, 0),
        products=True,
        given={
            **_each(2, "batch_norm_eval"),
            **_each(5, "group_norm", "layer_norm"),
            **_each(1, *POOLS, "interpolate", "local_response_norm"),
        },
        made=_each(1, "relu", "leaky_relu", "elu", "gelu", "silu", "softmax"),
    ),
    Rule("torchvision's page", "GFLOPS", "", "MACs of convolutions and linear layers, in billions; one picture"),
    Rule(
        "PyTorch's FlopCounterMode",
        "FLOPs",
        "G",
        "2 for a MAC of convolutions and products; nothing else",
        mac=2,
        products=True,
    ),
    Rule("a slide", "ops", "G", "MACs of convolutions and linear layers, called operations"),
    Rule("a slide, G = 1024³", "ops", "G", "the same MACs, divided by 1,073,741,824 instead of 10⁹", billion=GIBI),
)


@dataclass(frozen=True)
class Convention(Brief):
    """A row: what somebody calls the FLOPs of a network.

    Attributes:
        who: the tool, the page or the habit; "minidl" for the columns of `count`.
        word: what it calls its number.
        number: the number itself.
        written: the number in billions, as it is usually written.
        rule: what is counted.
    """

    who: str
    word: str
    number: int
    written: str
    rule: str

    def _words(self) -> list[str]:
        return [self.who, f"{self.number:,} {self.word}"]


@dataclass(frozen=True)
class Conventions(Brief):
    """All of them for one network and one picture; `str()` is a table.

    Attributes:
        name: of the network.
        input: shape of one picture.
        rows: one for each who counts.
        uncounted: operations for which minidl's FLOPs have no rule; the other rows count nothing for them.
    """

    name: str
    input: tuple[int, ...] | dict[str, tuple[int, ...]]
    rows: tuple[Convention, ...]
    uncounted: tuple[str, ...]

    def __getitem__(self, who: str) -> Convention:
        """Return the row of somebody."""
        for row in self.rows:
            if row.who == who:
                return row
        raise KeyError(f"conventions: there is no {who!r}; there are {listed([row.who for row in self.rows], 12)}")

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain values, for JSON."""
        return asdict(self)

    def cells(self) -> list[tuple[str, ...]]:
        """Return the table as words: the titles and the rows; the third column is a number."""
        return [TITLES, *((row.who, row.word, f"{row.number:,}", row.written, row.rule) for row in self.rows)]

    def _words(self) -> list[str]:
        return [self.name, f"one input of {written(self.input)}", *(f"{row.who}: {row.written}" for row in self.rows)]

    def _repr_html_(self) -> str:
        from minidl.cost._table import conventions_table

        return conventions_table(self)

    def __str__(self) -> str:
        lines = lines_of([row[:4] for row in self.cells()], numbers=[2])
        rule = "-" * max(map(len, lines))
        title = f'"The FLOPs" of {self.name}, one input of {written(self.input)}'
        notes = [f"{row.who}: {row.rule}" for row in self.rows]
        if self.uncounted:
            notes.append(f"minidl's FLOPs are incomplete: there is no rule for {listed(list(self.uncounted))}")
        return "\n".join([title, "", lines[0], rule, *lines[1:], "", *notes])


def conventions(net: Module, size: int | Sequence[int] | None = None) -> Conventions:
    """Count a network as tools, pages and slides do that all speak of its FLOPs: their numbers and their rules.

    A global average counts as the layer AdaptiveAvgPool2d does; where PyTorch's network takes `x.mean((2, 3))` instead,
    ptflops, calflops and fvcore count nothing for it.

    Args:
        net: any module. Its numbers are not looked at, so it may be built in `nn.init.unfilled()`.
        size: the side of the pictures, or the shape of one input; None (default) means the size from its paper.

    Raises:
        ValueError: if the size does not fit the network, or is missing and the network does not know its own.
        TypeError: if net is no module.

    Example:
        >>> from minidl import cost, models, nn
        >>> with nn.init.unfilled():
        ...     net = models.resnet50()
        >>> found = cost.conventions(net)
        >>> [(row.who, row.number) for row in found.rows][:5]
        [('minidl', 4089184256), ('minidl', 8206216192), ('torchinfo', 4089238376), ('fvcore', 4111512576),
        ('ptflops', 4132436968)]
        >>> found["a slide, G = 1024³"].written
        '3.81 G ops'
    """
    with no_grad():
        sent = send(net, size, training=False)
    events = sent.events
    check_first_axes(events)
    own = {"MACs": sum(map(macs, events)), "FLOPs": sum(flops(event) or 0 for event in events)}
    says = {
        "MACs": "products of convolutions, linear layers and matrix products, each with its addition",
        "FLOPs": "additions, multiplications and functions of all operations, each once; a MAC is 2",
    }
    rows = [
        Convention("minidl", word, number, _billions(number, "G" + word), says[word]) for word, number in own.items()
    ]
    for rule in RULES:
        number = sum(counted(event, rule) for event in events)
        word = "" if rule.unit not in ("", "G") else f" {rule.word}"
        rows.append(
            Convention(rule.who, rule.word, number, _billions(number, rule.unit + word, rule.billion), rule.words)
        )
    uncounted = tuple(sorted({event.op for event in events if flops(event) is None}))
    return Conventions(name_of(as_counted(net)), sent.input, tuple(rows), uncounted)


def _billions(number: int, unit: str, billion: int = GIGA) -> str:
    """Write a number in billions with three digits, smaller ones with as many behind the point as that takes."""
    value = number / billion
    places = max(2, 2 - math.floor(math.log10(value))) if value else 2
    return f"{value:.{min(places, 9)}f} {unit.strip()}"


def counted(event: Event, rule: Rule) -> int:
    """Return what an operation counts by somebody's rule, for one picture."""
    total = rule.mac * macs(event) * (event.op in LAYERS or rule.products)
    if event.op in LAYERS:
        total += _of_product(event, rule)
    for op, given, made in _parts(event):
        total += rule.given.get(op, 0) * given + rule.made.get(op, 0) * made
    if rule.norm_parameters and event.op in NORMS:
        total += sum(array.size for array in event.inputs[1:3] if array is not None)
    return total


def _of_product(event: Event, rule: Rule) -> int:
    """Return what the biases count, and where a tool takes a transposed convolution for an ordinary one."""
    biased = len(event.inputs) > 2 and event.inputs[2] is not None
    total = rule.bias[event.op not in CONVOLUTIONS] * elements(event) * biased
    if event.op == "conv_transpose2d":
        return total + _transposed(event, rule, biased) - total * (rule.who == "calflops")
    return total


def _transposed(event: Event, rule: Rule, biased: bool) -> int:
    """Return by how much a tool is off.

    torchinfo lets the kernel stand on every number of the result; calflops takes the result, whose biases it counts,
    for that of an ordinary convolution, and divides by the groups twice.
    """
    x, w = event.inputs[:2]
    if x is None or w is None:
        return 0
    if rule.who == "torchinfo":
        return w.size * math.prod(event.output.shape[2:]) - macs(event)
    if rule.who == "calflops":
        of = event.settings
        places = math.prod(
            (length + 2 * p[0] - d * (k - 1) - 1) // s + 1
            for length, p, d, k, s in zip(
                x.shape[2:], of["padding"], of["dilation"], w.shape[2:], of["stride"], strict=True
            )
        )
        per_place = x.shape[1] * (w.shape[1] // of["groups"]) * math.prod(w.shape[2:])
        return 2 * (per_place * math.prod(x.shape[2:]) - macs(event)) + w.shape[1] * places * biased
    return 0


def _parts(event: Event) -> Iterator[tuple[str, int, int]]:
    """Yield the operations of one step: their names, how many numbers they are given and how many they make."""
    made, op = elements(event), event.op
    first = event.inputs[0]
    given = made if first is None or not first.shape or first.shape[0] else math.prod(first.shape[1:])
    if op == "local_response_norm":  # x·x, the average of squares along the padded channels, times alpha, plus k
        c, size = first.shape[1], event.settings["size"]  # type: ignore[union-attr]
        yield op, 3 * made + made // c * (c + size - 1), made
    elif op == "interpolate":
        yield op, given, made
        yield f"interpolate {event.settings['mode']}", given, made
    elif op not in MOVES:
        yield op, given, made
    if event.op == "add_relu":
        yield "relu", made, made
    if activation := event.settings.get("activation"):
        yield activation, made, made
