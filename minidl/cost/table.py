"""The table of a network: what every operation makes and costs, and the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from minidl._checks import check_choice, to_int
from minidl._looks import Brief, listed, sides
from minidl.cost._rows import beginning, by_path, ruled
from minidl.cost.columns import workspace_bytes
from minidl.cost.example import as_counted, is_picture, name_of, written
from minidl.cost.field import Field
from minidl.cost.field_walk import receptive_fields
from minidl.cost.rules import activation_bytes, flops, macs
from minidl.cost.storage import WIDTHS
from minidl.cost.traffic import moved_bytes
from minidl.cost.trail import check_first_axes, depth, send
from minidl.nn import Module
from minidl.tensor import no_grad

NOT_RUN = "not run"
TITLES = ("layer", "operation", "output", "receptive field", "parameters", "MACs", "FLOPs", "activations")
COLUMNS = ("parameters", "macs", "flops", "activation_bytes")
BYTES = ("gradient_bytes", "weight_bytes", "moved_bytes", "workspace_bytes")
MORE = ("gradients", "moved", "im2col", "FLOPs a byte")


@dataclass(frozen=True)
class Layer(Brief):
    """A row: one operation, or with `Cost.at_depth` all operations of a module.

    Attributes:
        path: of the module, such as "layer1.0.conv1"; "" for the network itself.
        op: the operation; "not run" for a module with parameters that evaluation passes by, such as auxiliary heads.
        output: shape of the result for one picture; None where there is none.
        parameters: those of the module, in the row of its first operation.
        macs: multiply-accumulates for one picture.
        flops: additions, multiplications and functions for one picture, each counted once.
        activation_bytes: of the result for the batch; 0 if it lies in the memory of the input.
        field: the receptive field of the result; None where there is no rule, no picture or no result.
        gradient_bytes: in a training, of the gradients of the parameters of this row.
        weight_bytes: of what the operation reads once for all pictures, its weights.
        moved_bytes: of all that it reads and writes for the batch, each operand and the result once.
        workspace_bytes: of the columns that im2col makes of one picture; of several operations, the most.
        batch: for how many pictures bytes are counted.
    """

    path: str
    op: str
    output: tuple[int, ...] | None
    parameters: int
    macs: int
    flops: int
    activation_bytes: int
    field: Field | None = None
    gradient_bytes: int = 0
    weight_bytes: int = 0
    moved_bytes: int = 0
    workspace_bytes: int = 0
    batch: int = 1

    intensity = property(lambda self: _intensity(self), doc="FLOPs for each byte that is moved; 0 where none is.")

    def _words(self) -> list[str]:
        result = "" if self.output is None else f" → {sides(self.output)}"
        return [f"{self.path}: {self.op}{result}".lstrip(": "), *_amounts(self)[:2]]


@dataclass(frozen=True)
class Cost(Brief):
    """What a network costs for one picture in evaluation; `str()` is a table.

    Attributes:
        name: of the network.
        input: shape of one picture; of a network that is called with several arrays, the shape of each by its name.
        layers: the rows.
        depth: weight layers on the longest way through the network.
        parameter_bytes: what the parameters take in memory.
        uncounted: operation -> how often it ran, for those that have no rule; where it is not empty, `macs` and `flops`
            are incomplete, and `str()` says so.
        batch: for how many inputs the activations are; `stored` sets it. MACs and FLOPs are always those of one.
        dtype: in which parameters and activations are stored.
    """

    name: str
    input: tuple[int, ...] | dict[str, tuple[int, ...]]
    layers: tuple[Layer, ...]
    depth: int
    parameter_bytes: int
    uncounted: dict[str, int]
    batch: int = 1
    dtype: str = "float32"

    parameters = property(lambda self: self._sum("parameters"), doc="All parameters, auxiliary heads among them.")
    macs = property(lambda self: self._sum("macs"), doc="Multiply-accumulates for one picture.")
    flops = property(lambda self: self._sum("flops"), doc="Floating-point operations for one picture.")
    activation_bytes = property(lambda self: self._sum("activation_bytes"), doc="Bytes of all results for the batch.")
    gradient_bytes = property(lambda self: self._sum("gradient_bytes"), doc="In a training, of all parameters.")
    moved_bytes = property(lambda self: self._sum("moved_bytes"), doc="Bytes read and written for the batch.")
    intensity = property(lambda self: _intensity(self), doc="FLOPs for each byte that is moved.")

    @property
    def workspace_bytes(self) -> int:
        """Bytes of the columns of one picture, of the convolution that has most of them."""
        return max((layer.workspace_bytes for layer in self.layers), default=0)

    def _sum(self, column: str) -> int:
        return sum(getattr(layer, column) for layer in self.layers)

    def _words(self) -> list[str]:
        unknown = [f"no FLOPs of {listed(list(self.uncounted))}"] if self.uncounted else []
        return [self.name, f"one input of {written(self.input)}", f"depth {self.depth}", *_amounts(self), *unknown]

    def at_depth(self, n: int) -> Cost:
        """Return the same table with one row for everything under the first n parts of a path.

        Example:
            >>> from minidl import cost, models, nn
            >>> with nn.init.unfilled():
            ...     net = models.resnet18()
            >>> [layer.path for layer in cost.count(net).at_depth(1).layers]
            ['conv1', 'bn1', 'maxpool', 'layer1', 'layer2', 'layer3', 'layer4', '', 'fc']
        """
        to_int("at_depth", "n", n, least=1)
        groups = by_path(self.layers, lambda layer: beginning(layer.path, n))
        rows = tuple(rows[0] if len(rows) == 1 else _joined(path, rows) for path, rows in groups)
        return replace(self, layers=rows)

    def stored(self, dtype: str | None = None, *, batch: int = 1) -> Cost:
        """Return the same table for a batch, stored in another type: the bytes are others, MACs and FLOPs are not.

        Args:
            dtype: one of "float8", "float16", "bfloat16", "float32" and "float64"; None (default) means as it is. All
                are taken at their size, whether minidl computes in them or not.
            batch: how many inputs.

        Raises:
            ValueError: if the type is another one, or batch is below 1.

        Example:
            >>> from minidl import cost, nn
            >>> found = cost.count(nn.Linear(784, 10), size=(784,)).stored("float16", batch=100)
            >>> found.activation_bytes, found.parameter_bytes, found.macs
            (2000, 15700, 7840)
        """
        batch, dtype = to_int("stored", "batch", batch, least=1), self.dtype if dtype is None else dtype
        check_choice("stored", "dtype", dtype, WIDTHS)

        def scaled(n: int, times: int) -> int:
            return n * times * WIDTHS[dtype] // WIDTHS[self.dtype]

        def of(row: Layer) -> Layer:
            weights, moved = scaled(row.weight_bytes, 1), (row.moved_bytes - row.weight_bytes) // self.batch
            return replace(
                row,
                activation_bytes=scaled(row.activation_bytes // self.batch, batch),
                gradient_bytes=scaled(row.gradient_bytes, 1),
                weight_bytes=weights,
                moved_bytes=weights + scaled(moved, batch),
                workspace_bytes=scaled(row.workspace_bytes, 1),
                batch=batch,
            )

        rows, weights = tuple(map(of, self.layers)), scaled(self.parameter_bytes, 1)
        return replace(self, layers=rows, parameter_bytes=weights, batch=batch, dtype=dtype)

    def totals(self) -> list[str]:
        """Return the sums in sentences, each with the convention that it follows.

        Example:
            >>> from minidl import cost, nn
            >>> for line in cost.count(nn.Linear(784, 10), size=(784,)).totals():
            ...     print(line)
            parameters: 7,850, all that is learnt; 30.7 KiB in float32
            MACs: 7,840 for one input, multiply-accumulates of convolutions and products, without biases
            FLOPs: 15,680 for one input, additions and multiplications counted each once, in all operations
            activations: 40 B for one input in float32, all results that take memory of their own
            moved: 33.8 KiB for one input in float32, every operand and result once; 0.453 FLOPs a byte
        """
        of = "one input" if self.batch == 1 else f"a batch of {self.batch:,}"
        memory = f"{bytes_text(self.activation_bytes)} for {of} in {self.dtype}"
        lines = [
            f"parameters: {self.parameters:,}, all that is learnt; {bytes_text(self.parameter_bytes)} in {self.dtype}",
            f"MACs: {self.macs:,} for one input, multiply-accumulates of convolutions and products, without biases",
            f"FLOPs: {self.flops:,} for one input, additions and multiplications counted each once, in all operations",
            f"activations: {memory}, all results that take memory of their own",
            f"moved: {bytes_text(self.moved_bytes)} for {of} in {self.dtype}, every operand and result once; "
            f"{self.intensity:.3g} FLOPs a byte",
        ]
        if self.workspace_bytes:
            row = max(self.layers, key=lambda layer: layer.workspace_bytes)
            lines.append(
                f"im2col: up to {bytes_text(row.workspace_bytes)} of columns for one input in {self.dtype}, in "
                f"{row.path or row.op}"
            )
        if is_picture(self.input) and (first := _without_field(self.layers)):
            lines.append(
                f"receptive field: none from {first.path or first.op} on; the numbers of {first.op} see unequally many "
                "pixels there, or it has no rule"
            )
        if self.uncounted:
            unknown = ", ".join(f"{op} ({times}×)" for op, times in self.uncounted.items())
            lines.append(f"MACs and FLOPs are incomplete: there is no rule for {unknown}")
        return lines

    def cells(self, *, more: bool = False) -> list[tuple[str, ...]]:
        """Return the table as words: the titles, the layers, and the sums; the last four columns are numbers.

        Where no layer has a receptive field, there is no column for it.

        Args:
            more: whether four columns follow: gradients of parameters, bytes moved, columns of im2col, FLOPs a byte.

        Example:
            >>> from minidl import cost, nn
            >>> found = cost.count(nn.Linear(784, 10), size=(784,))
            >>> found.cells()[-1]
            ('total', 'depth 1', '', '7,850', '7,840', '15,680', '40 B')
            >>> found.cells(more=True)[-1][-4:]
            ('30.7 KiB', '33.8 KiB', '0 B', '0.453')
        """
        rows = [TITLES, *map(_cells, self.layers), ("total", f"depth {self.depth}", "", "", *_numbers(self))]
        if more:
            extra = [MORE, *map(_more, self.layers), _more(self)]
            rows = [(*row, *cells) for row, cells in zip(rows, extra, strict=True)]
        return rows if any(layer.field for layer in self.layers) else [(*row[:3], *row[4:]) for row in rows]

    def _repr_html_(self) -> str:
        from minidl.cost._table import table

        return table(self)

    def __str__(self) -> str:
        rows = self.cells()
        lines = ruled(rows, numbers=range(len(rows[0]) - 4, len(rows[0])))
        title = f"{self.name}, evaluation, one input of {written(self.input)}"
        return "\n".join([title, "", *lines, "", *self.totals()])


def count(net: Module, size: int | Sequence[int] | None = None, *, batch: int = 1, dtype: str | None = None) -> Cost:
    """Count what a network costs for one picture in evaluation, operation by operation, without computing anything.

    Args:
        net: any module. Its numbers are not looked at, so it may be built in `nn.init.unfilled()`.
        size: the side of the pictures, or the shape of one input, such as (3, 224, 224) or (784,); None (default) means
            the size that a network of `minidl.models` has from its paper.
        batch: for how many pictures bytes are counted; MACs and FLOPs are always those of one.
        dtype: in which numbers are stored, as for `Cost.stored`; None (default) means as they are.

    Raises:
        ValueError: if the size does not fit the network, or is missing and the network does not know its own.
        TypeError: if net is no module.

    Example:
        >>> from minidl import cost, models, nn
        >>> with nn.init.unfilled():
        ...     net = models.vgg16()
        >>> found = cost.count(net)
        >>> found.parameters, found.macs, found.depth
        (138357544, 15470264320, 16)
        >>> print(cost.count(nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10)), size=(784,)))
        Sequential, evaluation, one input of 784
        <BLANKLINE>
        layer  operation  output  parameters    MACs    FLOPs  activations
        ------------------------------------------------------------------
        0      linear     100         78,500  78,400  156,800        400 B
        1      relu       100              0       0        0        400 B
        2      linear     10           1,010   1,000    2,000         40 B
        ------------------------------------------------------------------
        total  depth 2                79,510  79,400  158,800        840 B
        <BLANKLINE>
        parameters: 79,510, all that is learnt; 310.6 KiB in float32
        MACs: 79,400 for one input, multiply-accumulates of convolutions and products, without biases
        FLOPs: 158,800 for one input, additions and multiplications counted each once, in all operations
        activations: 840 B for one input in float32, all results that take memory of their own
        moved: 315.2 KiB for one input in float32, every operand and result once; 0.492 FLOPs a byte
    """
    with no_grad():
        sent = send(net, size, training=False)
    net, events = as_counted(net), sent.events
    check_first_axes(events)
    uncounted = Counter(event.op for event in events if flops(event) is None)
    waiting = _parameters(net)
    rows = [
        Layer(
            event.module,
            event.op,
            event.output.shape[1:],
            (own := waiting.pop(event.module, (0, 0)))[0],
            macs(event),
            flops(event) or 0,
            activation_bytes(event),
            field,
            own[1],
            (moved := moved_bytes(event))[1],
            sum(moved),
            workspace_bytes(event),
        )
        for event, field in zip(events, receptive_fields(events), strict=True)
    ]
    rows += [Layer(path, NOT_RUN, None, own[0], 0, 0, 0, gradient_bytes=own[1]) for path, own in waiting.items()]
    weights = sum(parameter._data.nbytes for parameter in net.parameters())
    own_dtype = events[0].output.dtype.name if events else "float32"
    found = Cost(name_of(net), sent.input, tuple(rows), depth(events), weights, dict(uncounted), dtype=own_dtype)
    return found.stored(dtype, batch=batch)


def _parameters(net: Module) -> dict[str, tuple[int, int]]:
    """Return path of a module -> number of its own parameters, and bytes of their gradients.

    What two modules share is the first one's.
    """
    found: dict[str, tuple[int, int]] = {}
    for path, parameter in net.named_parameters():
        module = path.rpartition(".")[0]
        number, gradients = found.get(module, (0, 0))
        learns = parameter._data.nbytes if parameter.requires_grad else 0
        found[module] = number + parameter.numel(), gradients + learns
    return found


def _joined(path: str, rows: list[Layer]) -> Layer:
    """Make one row of several."""
    sums = {column: sum(getattr(row, column) for row in rows) for column in (*COLUMNS, *BYTES)}
    sums["workspace_bytes"] = max(row.workspace_bytes for row in rows)
    run = [row for row in rows if row.output is not None]
    if not run:
        return Layer(path, NOT_RUN, None, **sums, batch=rows[0].batch)
    return Layer(path, f"{len(run)} operations", run[-1].output, **sums, field=run[-1].field, batch=rows[0].batch)


def _without_field(layers: Sequence[Layer]) -> Layer | None:
    """Return the first layer with a result from which on none has a receptive field, if there is one.

    What has none before others have one again, such as what is made of weights alone, breaks no way.
    """
    behind = next((at for at in range(len(layers), 0, -1) if layers[at - 1].field is not None), 0)
    return next((layer for layer in layers[behind:] if layer.output is not None), None)


def _cells(layer: Layer) -> tuple[str, ...]:
    """Write a row."""
    field = "" if layer.field is None else str(layer.field)
    return layer.path, layer.op, sides(layer.output or ()), field, *_numbers(layer)


def _numbers(of: Layer | Cost) -> tuple[str, ...]:
    return f"{of.parameters:,}", f"{of.macs:,}", f"{of.flops:,}", bytes_text(of.activation_bytes)


def _more(of: Layer | Cost) -> tuple[str, ...]:
    amounts = (bytes_text(amount) for amount in (of.gradient_bytes, of.moved_bytes, of.workspace_bytes))
    return *amounts, f"{of.intensity:.3g}"


def _intensity(of: Layer | Cost) -> float:
    return of.flops * of.batch / of.moved_bytes if of.moved_bytes else 0.0


def _amounts(of: Layer | Cost) -> list[str]:
    return [f"{number} {title}" for number, title in zip(_numbers(of), TITLES[-4:], strict=True)]


def bytes_text(n: float) -> str:
    """Write a number of bytes."""
    for unit in ("B", "KiB", "MiB"):
        if n < 1024:
            return f"{n:.1f} {unit}" if unit != "B" else f"{n:.0f} B"
        n /= 1024
    return f"{n:.1f} GiB"
