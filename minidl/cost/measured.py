"""The measured truth beside the count: how long each layer takes, and how much of what the machine could do that is.

A network runs forward and backward in evaluation, because that is what `count` counts, and an observer looks at the
clock after every operation. So what Python does between two operations belongs to the second of them. Which of the two
roofs of the machine is the lower one for an operation follows from its FLOPs and bytes alone: a depthwise convolution
has few MACs, but for each byte that it moves it has few of them, too, and so it is the memory that sets its time.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl._checks import check_choice, check_positive, to_int
from minidl._looks import Brief, percent
from minidl.cost._rows import beginning, by_path, lines_of
from minidl.cost.backward import tensors
from minidl.cost.example import as_counted, examples, written
from minidl.cost.machine import Machine, this_machine
from minidl.cost.table import Cost, Layer, count
from minidl.nn import Module
from minidl.tensor import Event, observe

ROUNDS, SECONDS = 5, 10.0
PRODUCTS = ("conv2d", "conv2d_fused", "conv_transpose2d", "linear", "matmul")
TITLES = ("layer", "operation", "ms", "GFLOP/s", "of the product", "of the copy", "FLOPs a byte", "bound by")
WAYS = ("forward", "backward")
Clock = Callable[[], float]


@dataclass(frozen=True)
class Pass(Brief):
    """One direction through a layer, for the whole batch.

    Attributes:
        seconds: the median of the rounds.
        flops: how many FLOPs it does; None where there is no rule, on the way back of what is no product.
        moved_bytes: what it must read and write at least.
    """

    seconds: float
    flops: int | None
    moved_bytes: int

    def rate(self) -> float:
        """Return FLOPs a second; 0 where they are not known."""
        return (self.flops or 0) / self.seconds if self.seconds else 0.0

    def bandwidth(self) -> float:
        """Return bytes a second."""
        return self.moved_bytes / self.seconds if self.seconds else 0.0

    def bound(self, of: Machine) -> str:
        """Return which roof of a machine is the lower one here: "compute" or "memory"; "" if there is nothing to do."""
        arithmetic, memory = (self.flops or 0) / of.product, self.moved_bytes / of.copy
        if not arithmetic and not memory:
            return ""
        return "compute" if arithmetic > memory else "memory"

    def cells(self, of: Machine) -> tuple[str, ...]:
        """Return the pass as words."""
        rate, product, intensity, copy = "-", "-", "-", "-"
        if self.flops:
            rate, product = f"{self.rate() / 1e9:.3g}", percent(self.rate() / of.product)
        if self.moved_bytes:
            copy = percent(self.bandwidth() / of.copy)
            intensity = f"{self.flops / self.moved_bytes:.3g}" if self.flops is not None else "-"
        return f"{1e3 * self.seconds:.3f}", rate, product, copy, intensity, self.bound(of) or "-"


@dataclass(frozen=True)
class Timed(Brief):
    """A row: a layer, forward and backward; `backward` is None where no gradient goes through it."""

    path: str
    op: str
    forward: Pass
    backward: Pass | None

    def _words(self) -> list[str]:
        return [f"{self.path}: {self.op}".lstrip(": "), f"{1e3 * self.forward.seconds:.3g} ms"]


@dataclass(frozen=True)
class Measured(Brief):
    """How long a network takes, layer by layer; `str()` is a table.

    Attributes:
        name: of the network.
        input: shape of one picture; of a network that is called with several arrays, the shape of each by its name.
        batch: how many pictures there were.
        rounds: how many rounds the medians are of.
        machine: what it is held against.
        layers: the rows.
    """

    name: str
    input: tuple[int, ...] | dict[str, tuple[int, ...]]
    batch: int
    rounds: int
    machine: Machine
    layers: tuple[Timed, ...]

    forward = property(lambda self: _sum([row.forward for row in self.layers]), doc="All layers forward.")
    backward = property(
        lambda self: _sum([row.backward for row in self.layers if row.backward]), doc="All layers backward."
    )

    def _words(self) -> list[str]:
        times = [f"{1e3 * getattr(self, way).seconds:.3g} ms {way}" for way in WAYS]
        return [self.name, f"{self.batch} × {written(self.input)}", *times]

    def at_depth(self, n: int) -> Measured:
        """Return the same table with one row for everything under the first n parts of a path."""
        to_int("at_depth", "n", n, least=1)
        groups = by_path(self.layers, lambda row: beginning(row.path, n))
        return replace(self, layers=tuple(_joined(path, rows) for path, rows in groups))

    def cells(self, way: str = "forward") -> list[tuple[str, ...]]:
        """Return the table of one way as words: the titles, the layers, the sums; from the third on all are numbers.

        Args:
            way: "forward" (default) or "backward".
        """
        check_choice("cells", "way", way, WAYS)
        rows = [(row.path, row.op, getattr(row, way)) for row in self.layers if getattr(row, way) is not None]
        cells = [(path, op, *one.cells(self.machine)) for path, op, one in rows]
        return [TITLES, *cells, ("total", "", *getattr(self, way).cells(self.machine))]

    def notes(self) -> list[str]:
        """Return what is to be said beside the table, a sentence a line."""
        return [
            str(self.machine),
            f"medians of {self.rounds} rounds in evaluation; on the way back only the FLOPs of products are counted",
            "what fits into the caches may pass 100 % of the copy, and Winograd's algorithm, which multiplies less "
            "than is counted, 100 % of the product; where other programs are at work, all times are too long",
        ]

    def __str__(self) -> str:
        lines = [f"{self.name}, measured, {self.batch} × {written(self.input)}"]
        for way in WAYS:
            rows = self.cells(way)
            lines += ["", way, *lines_of(rows, numbers=range(2, len(rows[0])))]
        return "\n".join([*lines, "", *self.notes()])


def measure(
    net: Module,
    size: int | Sequence[int] | None = None,
    *,
    batch: int = 1,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    of: Machine | None = None,
    clock: Clock = time.perf_counter,
) -> Measured:
    """Run a network forward and backward in evaluation, and tell how long each layer takes.

    Args:
        net: any module on the CPU, with weights (not of `nn.init.unfilled`). Its modes and gradients are put back.
        size: as for `count`.
        batch: how many pictures.
        rounds: how many times it runs, after one time that is not counted.
        seconds: no round is begun after so many of them.
        of: the rates to hold it against; None (default) measures them with `this_machine`.
        clock: tells the time in seconds.

    Raises:
        ValueError: if the FLOPs of an operation are not known, the network is not on the CPU, or a size does not fit.
        TypeError: if net is no module.

    Example:
        >>> from minidl import cost, models
        >>> found = cost.measure(models.get_model("lenet5_modern"), batch=8, rounds=1)
        >>> [row.path for row in found.layers if row.op == "conv2d"], found.forward.seconds > 0
        (['conv1', 'conv2'], True)
    """
    rounds, batch = to_int("measure", "rounds", rounds, least=1), to_int("measure", "batch", batch, least=1)
    check_positive("measure", "seconds", seconds)
    found = count(net, size).stored(batch=batch)
    inputs, net = examples(net, size, batch), as_counted(net)
    _check(net, found)
    of = of or this_machine(found.dtype)
    watch = _Watch(found, clock)
    done = 0
    with _asleep(net):
        _step(net, inputs, watch)  # compiles, and fills the caches
        watch.forget()
        began = clock()
        while done < rounds and (not done or clock() - began < seconds):
            _step(net, inputs, watch)
            done += 1
    return Measured(found.name, found.input, batch, done, of, tuple(watch.rows()))


def _check(net: Module, found: Cost) -> None:
    if found.uncounted:
        unknown = ", ".join(f"{op} ({times}×)" for op, times in found.uncounted.items())
        raise ValueError(
            f"measure: {found.name} cannot be held against what the machine could do: there is no rule for the FLOPs "
            f"of {unknown}"
        )
    elsewhere = next((p.device for p in net.parameters() if p.device != "cpu"), None)
    if elsewhere:
        raise ValueError(f"measure: times operations of the CPU; {found.name} is on {elsewhere}; net.to('cpu')")


@contextmanager
def _asleep(net: Module) -> Iterator[None]:
    """Put a network into evaluation, and its modes and gradients back afterwards; no garbage is collected meanwhile."""
    kept = [(parameter, parameter.grad) for parameter in net.parameters()]
    collecting = gc.isenabled()
    with net.modes_kept():
        net.eval()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()
            for parameter, grad in kept:
                parameter.grad = grad


def _step(net: Module, inputs: dict[str, Any], watch: _Watch) -> None:
    """Run forward and backward once under a watch."""
    for parameter in net.parameters():
        parameter.grad = None
    with observe(watch.forward()):
        results = tensors(net(*inputs.values()))
    loss = results[0] if len(results) == 1 else sum((one.sum() for one in results[1:]), results[0].sum())
    with observe(watch.backward()):
        if loss.requires_grad:
            loss.backward(np.ones(loss.shape, loss.dtype))


class _Watch:
    """Looks at a clock after every operation, and gives each row of a cost its times."""

    def __init__(self, cost: Cost, clock: Clock):
        self.cost, self.clock = cost, clock
        self.run = [layer for layer in cost.layers if layer.output is not None]
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.seconds: list[list[float]] = [[] for _ in self.run]
        self.back: list[list[float]] = [[] for _ in self.run]
        self.work: dict[int, tuple[int | None, int]] = {}

    def forward(self) -> Callable[[Event], None]:
        """Return an observer of a run forward, which meets the rows in their order."""
        rows, state = iter(enumerate(self.run)), [self.clock()]

        def see(event: Event) -> None:
            now = self.clock()
            i, row = next(rows, (-1, None))
            if row is None or (row.path, row.op) != (event.module, event.op):
                told = "nothing" if row is None else f"{row.op} in {row.path}"
                raise ValueError(f"measure: {self.cost.name} ran {event.op} in {event.module} where {told} was counted")
            self.seconds[i].append(now - state[0])
            state[0] = self.clock()

        return see

    def backward(self) -> Callable[[Event], None]:
        """Return an observer of the way back, which meets them from the end; what has no row is not counted."""
        waiting: dict[tuple[Any, ...], list[int]] = {}
        for i, row in enumerate(self.run):
            waiting.setdefault((row.path, row.op, row.output), []).append(i)
        state = [self.clock()]

        def see(event: Event) -> None:
            now = self.clock()
            dy = event.inputs[0]
            rows = waiting.get((event.module, event.op, dy.shape[1:]))  # type: ignore[union-attr]
            if rows:
                i = rows.pop()
                self.back[i].append(now - state[0])
                self.work[i] = _work(event, self.run[i], self.cost.batch)
            state[0] = self.clock()

        return see

    def rows(self) -> Iterator[Timed]:
        """Yield the rows with their medians."""
        for i, row in enumerate(self.run):
            forward = Pass(statistics.median(self.seconds[i]), row.flops * self.cost.batch, row.moved_bytes)
            back = self.back[i]
            yield Timed(row.path, row.op, forward, Pass(statistics.median(back), *self.work[i]) if back else None)


def _work(event: Event, row: Layer, batch: int) -> tuple[int | None, int]:
    """Return FLOPs and least bytes of a way back: each gradient of a product costs what the product does."""
    gradients = [one for one in event.output if one is not None]
    moved = event.saved_bytes + sum(one.nbytes for one in (event.inputs[0], *gradients))
    flops = 2 * row.macs * batch * sum(one is not None for one in event.output[:2]) if row.op in PRODUCTS else None
    return flops, moved


def _sum(passes: Sequence[Pass]) -> Pass:
    known = [one.flops for one in passes if one.flops is not None]
    return Pass(
        sum(one.seconds for one in passes), sum(known) if known else None, sum(one.moved_bytes for one in passes)
    )


def _joined(path: str, rows: list[Timed]) -> Timed:
    """Make one row of several."""
    if len(rows) == 1:
        return rows[0]
    back = [row.backward for row in rows if row.backward]
    return Timed(path, f"{len(rows)} operations", _sum([row.forward for row in rows]), _sum(back) if back else None)
