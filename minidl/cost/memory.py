"""The memory of a training step: what lies in it, and when most does.

    parameters, running statistics, optimiser state, pictures      lie there all the time
    activations           results of operations: as long as somebody needs them, which for most is the way back
    activation gradients  from the operation that makes them to the one that passes them on
    gradients             those of the parameters, until the update
    workspace             columns of im2col, during a convolution; new parameters, during the update

What an operation keeps is not taken from a list: an empty batch is sent through the network with its graph, and what
the operations have saved is measured there, each memory once, however many views of it there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import to_int
from minidl._looks import Brief, listed
from minidl.cost._rows import ruled
from minidl.cost.example import as_counted, name_of, written
from minidl.cost.optimizer_state import state_bytes
from minidl.cost.rules import macs
from minidl.cost.segments import cuts
from minidl.cost.storage import WIDTHS, Storage, to_dtype
from minidl.cost.table import bytes_text
from minidl.cost.timeline import Clock, Span, Step, activations, gradients, workspaces
from minidl.cost.trail import Sent, check_first_axes, send
from minidl.nn import Module

FAST_WORKSPACE = 2**20  # bytes that the fast kernels keep for each thread of Python that has called them
KINDS = {
    "parameters": "parameters",
    "buffers": "running statistics",
    "optimizer_state": "optimiser state",
    "pictures": "pictures",
    "activations": "activations",
    "activation_gradients": "gradients of activations",
    "gradients": "gradients of parameters",
    "workspace": "workspace",
}


@dataclass(frozen=True)
class Moment(Brief):
    """What lies in memory during one operation of a training step, in bytes.

    Attributes:
        op: the operation; "update" for the optimiser's.
        path: of the module that runs it.
        phase: "forward", "recompute", "backward" or "update".
        kept: of what the operation makes, what is kept for the way back (forward only).
        parameters: those of the network, each once.
        buffers: running statistics.
        optimizer_state: what the optimiser keeps from step to step.
        pictures: the batch.
        activations: results that somebody still needs.
        activation_gradients: gradients on their way back.
        gradients: those of the parameters.
        workspace: columns of im2col; in the update the arrays that take the place of a parameter and of its state.
    """

    op: str
    path: str
    phase: str
    kept: int
    parameters: int
    buffers: int
    optimizer_state: int
    pictures: int
    activations: int
    activation_gradients: int
    gradients: int
    workspace: int

    @property
    def live(self) -> int:
        """All bytes at this moment."""
        return sum(getattr(self, kind) for kind in KINDS)

    def _words(self) -> list[str]:
        return [f"{self.phase} {self.path}: {self.op}", bytes_text(self.live)]


@dataclass(frozen=True)
class Memory(Brief):
    """The memory of a training step, in bytes; `str()` is a table.

    Attributes:
        name: of the network.
        input: shape of one picture; of a network that is called with several arrays, the shape of each by its name.
        batch: how many pictures there are.
        dtype: in which numbers are kept.
        optimizer: which optimiser.
        cuts: paths of the modules with which the segments of a recomputation begin, after the first one.
        extra_macs: multiply-accumulates of the recomputation, for the batch.
        parameters: those of the network, each once.
        buffers: running statistics.
        optimizer_state: what the optimiser keeps from step to step; with a dtype narrower than the network's own, a
            copy of the parameters in that, too.
        gradients: those of all parameters that learn.
        pictures: the batch.
        activations: what is kept from the way forward for the way back.
        workspace: the columns of the convolution that needs most of them.
        moments: the timeline, operation by operation.
        unwalked: operation -> how often its way back could not be run on an empty batch; its gradients are counted as
            new arrays.
    """

    name: str
    input: tuple[int, ...] | dict[str, tuple[int, ...]]
    batch: int
    dtype: str
    optimizer: str
    cuts: tuple[str, ...]
    extra_macs: int
    parameters: int
    buffers: int
    optimizer_state: int
    gradients: int
    pictures: int
    activations: int
    workspace: int
    moments: tuple[Moment, ...]
    unwalked: dict[str, int]

    @property
    def highest(self) -> Moment:
        """The moment at which most is live."""
        return max(self.moments, key=lambda moment: moment.live)

    @property
    def peak(self) -> int:
        """The most bytes that are live at once."""
        return self.highest.live

    def _words(self) -> list[str]:
        peak = f"peak {bytes_text(self.peak)}"
        return [self.name, f"{self.batch} × {written(self.input)}", self.dtype, self.optimizer, peak]

    def cells(self) -> list[tuple[str, str, str]]:
        """Return the table as words: the titles, and for each kind what it comes to, and its part of the peak."""
        highest = self.highest
        rows = [
            (
                title,
                bytes_text(max(getattr(moment, kind) for moment in self.moments)),
                bytes_text(getattr(highest, kind)),
            )
            for kind, title in KINDS.items()
        ]
        return [("kind", "most", "at the peak"), *rows, ("total", "", bytes_text(self.peak))]

    def notes(self) -> list[str]:
        """Return what is to be said beside the table, a sentence a line."""
        highest = self.highest
        where = f"{highest.phase} of {highest.op}" + f" in {highest.path}" * bool(highest.path)
        said = [f"the peak is in the {where}; {bytes_text(self.activations)} of activations are kept for the way back"]
        if self.cuts:
            begin = f"{len(self.cuts) + 1} segments, cut at {listed(self.cuts)}"
            said.append(f"{begin}; {self.extra_macs:,} MACs are done twice")
        own = f"{bytes_text(FAST_WORKSPACE)} for each thread that calls them, kept between the calls"
        said.append(f"the fast kernels keep the same arrays; in place of columns they hold {own}")
        if self.unwalked:
            unknown = ", ".join(f"{op} ({times}×)" for op, times in self.unwalked.items())
            said.append(f"gradients are counted as new arrays where backward could not be walked: {unknown}")
        return said

    def _repr_html_(self) -> str:
        from minidl.cost._table import memory_table

        return memory_table(self)

    def __str__(self) -> str:
        return "\n".join([self._title(), "", *ruled(self.cells(), numbers=[1, 2]), "", *self.notes()])

    def _title(self) -> str:
        inputs = f"{self.batch} input{'s' * (self.batch != 1)} of {written(self.input)}"
        return f"{self.name}, one training step, {inputs}, {self.dtype}, optimiser {self.optimizer}"


def memory(
    net: Module,
    size: int | Sequence[int] | None = None,
    *,
    batch: int = 1,
    optimizer: Any = "sgd",
    dtype: str | None = None,
    recompute: int | str | None = None,
) -> Memory:
    """Tell what a training step holds in memory, operation by operation, without computing anything.

    It is a step in the middle of a training: the optimiser has its state, and nothing has a gradient yet. Arrays that
    kernels make and forget within one operation do not count, but for the columns of im2col.

    Args:
        net: any module. Its numbers are not looked at, so it may be built in `nn.init.unfilled()`.
        size: the side of the pictures, or the shape of one input, such as (3, 224, 224) or (784,); None (default) means
            the size that a network of `minidl.models` has from its paper.
        batch: how many pictures there are.
        optimizer: "sgd", "sgd+momentum", "rmsprop", "rmsprop+momentum", "adam", "adamw", None for none, or an
            optimiser.
        dtype: what if numbers were kept as "float64", "float32", "bfloat16", "float16" or "float8"? The optimiser's
            state stays as it is. None (default) means the network's own.
        recompute: what if only the inputs of segments were kept, and each segment run again on the way back? How many
            of them there may be, or "sqrt" for the root of the number of operations that keep something; None (default)
            keeps everything.

    Raises:
        ValueError: if the size does not fit the network, or another argument is none of those; if a step of the network
            is more than its way there and back.
        TypeError: if net is no module.

    Example:
        >>> from minidl import cost, models, nn
        >>> with nn.init.unfilled():
        ...     net = models.vgg16()
        >>> found = cost.memory(net, batch=16, optimizer="sgd+momentum")
        >>> found.activations // 2**20, found.peak // 2**20
        (944, 2528)
        >>> cost.memory(net, batch=16, optimizer="sgd+momentum", recompute=4).activations // 2**20
        163
    """
    batch = to_int("memory", "batch", batch, least=1)
    sent, step = Context().run(_walked, net, size)  # where gradients are recorded, and nobody else observes
    own = np.dtype(next((str(parameter.dtype) for parameter in net.parameters()), "float32"))
    storage = Storage(batch, own, to_dtype("memory", dtype, own))
    plain = Storage(batch, own, own.name)
    learnt = [parameter for parameter in net.parameters() if parameter.requires_grad]
    state, largest, named = state_bytes(optimizer, learnt)
    if storage.itemsize < WIDTHS[own.name]:
        state += sum(plain.bytes(parameter._data) for parameter in learnt)
    buffers = [array for _, array in net.named_buffers()]
    parts = cuts(step, storage, recompute)
    clock = Clock(step, parts)
    columns = [*workspaces(step, clock, storage, largest)]
    spans = [*activations(step, clock, storage), *gradients(step, clock, storage), *columns]
    always = {
        "parameters": sum(storage.bytes(parameter._data) for parameter in net.parameters()),
        "buffers": sum(storage.bytes(array) for array in buffers),
        "optimizer_state": state,
        "pictures": sum(map(storage.bytes, sent.batch)),
    }
    turn = len(step.events)
    return Memory(
        name=name_of(net),
        input=sent.input,
        batch=batch,
        dtype=storage.dtype,
        optimizer=named,
        cuts=tuple(step.events[i].module for i in parts),
        extra_macs=batch * sum(macs(event) for event in step.events[: (parts or (0,))[-1]]),
        **always,
        gradients=sum(storage.bytes(parameter._data) for parameter in learnt),
        activations=sum(span.bytes for span in spans if span.kind == "activations" and span.first < turn <= span.last),
        workspace=max((span.bytes for span in columns[:-1]), default=0),
        moments=tuple(_moments(step, clock, spans, always)),
        unwalked=dict(step.unwalked),
    )


def _walked(net: Module, size: int | Sequence[int] | None) -> tuple[Sent, Step]:
    """Send an empty batch there and back."""
    if (counted := as_counted(net)) is not net:
        parts = listed([name for name, _ in net.named_children()])
        raise ValueError(
            f"memory: a step of {name_of(net)} holds more than {name_of(counted)} does on its way there and back; "
            f"ask for one of its networks: {parts}"
        )
    sent = send(net, size, training=True)
    check_first_axes(sent.events)
    return sent, Step(sent, [*net.parameters(), *(array for _, array in net.named_buffers())])


def _moments(step: Step, clock: Clock, spans: Sequence[Span], always: dict[str, int]) -> list[Moment]:
    """Add up the spans at every moment."""
    changes = {kind: np.zeros(len(clock.moments) + 1, np.int64) for kind in KINDS}
    kept = np.zeros(len(clock.moments), np.int64)
    turn = len(step.events)
    for span in spans:
        changes[span.kind][span.first] += span.bytes
        changes[span.kind][span.last + 1] -= span.bytes
        if span.kind == "activations" and span.first < turn <= span.last:
            kept[span.first] += span.bytes
    live = {kind: change.cumsum() for kind, change in changes.items()}
    found = []
    for moment, (i, phase) in enumerate(clock.moments):
        op, path = ("update", "") if i < 0 else (step.events[i].op, step.events[i].module)
        amounts = {kind: always.get(kind, int(live[kind][moment])) for kind in KINDS}
        found.append(Moment(op.replace("_eval", ""), path, phase, int(kept[moment]), **amounts))
    return found
