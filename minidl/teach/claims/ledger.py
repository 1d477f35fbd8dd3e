"""The ledger of a network, a module or a stack: a row for everything that has weights or makes a map.

All quantities are sums over rows, and all usual slips are sums that have a row too many or too few, or whose rows were
worked out without a part. Rows of networks come from `cost.walk`, those of described modules from their formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

MOST_LINES = 24


@dataclass(frozen=True)
class Row:
    """What one operation costs.

    Attributes:
        name: of the layer.
        op: "conv", "linear", "norm", "pool", or the name of another operation.
        weights: products of sizes, without biases.
        biases: how many.
        others: further parameters, such as those of a batch norm.
        macs, flops: for one picture.
        numbers: how many the result has for one picture.
        c, o, kernel, groups: of a convolution or a linear layer.
        before, after: (H, W) of the maps; () behind a flattening.
        is_run: False for what evaluation passes by, such as auxiliary heads.
    """

    name: str
    op: str
    weights: int = 0
    biases: int = 0
    others: int = 0
    macs: int = 0
    flops: int = 0
    numbers: int = 0
    c: int = 0
    o: int = 0
    kernel: tuple[int, ...] = ()
    groups: int = 1
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    is_run: bool = True

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.weights + self.biases + self.others

    @property
    def is_weighted(self) -> bool:
        """Whether it is what papers call a layer."""
        return self.op in ("conv", "linear")

    def product(self) -> str:
        """Write the weights as a product."""
        factors = [*self.kernel] if self.op == "conv" else []
        each = f"{self.c}/{self.groups}" if self.groups > 1 else str(self.c)
        return " · ".join([*map(str, factors), each, str(self.o)])

    def arithmetic(self, quantity: str) -> str:
        """Write how a quantity of this row comes about; "" if there is nothing to multiply."""
        if quantity in ("parameters", "weights") and self.is_weighted:
            bias = f" + {self.biases:,}" if self.biases and quantity == "parameters" else ""
            return self.product() + bias
        if quantity == "macs" and self.is_weighted:
            return " · ".join([self.product(), *map(str, self.after)])
        if quantity == "numbers" and self.numbers:
            return " · ".join(map(str, (self.o, *self.after)))
        return ""


@dataclass(frozen=True)
class Ledger:
    """All rows of a thing, in the order in which they are run.

    Attributes:
        name: of the thing.
        rows: its rows.
        picture: shape of the input, (C, H, W).
        depth: weight layers on the longest way.
        further: other counts by name, each worked out when it is asked for.
    """

    name: str
    rows: tuple[Row, ...]
    picture: tuple[int, ...] = ()
    depth: int = 0
    further: dict[str, Callable[[], int]] = field(default_factory=dict)

    def sum(self, of: Callable[[Row], int]) -> int:
        """Add something up over all rows."""
        return sum(map(of, self.rows))

    def only(self, keep: Callable[[Row], bool], name: str | None = None) -> Ledger:
        """Return the ledger of some rows."""
        return Ledger(name or self.name, tuple(row for row in self.rows if keep(row)), self.picture, self.depth)

    def lines(self, quantity: str, of: Callable[[Row], int]) -> list[str]:
        """Return a line for each row that counts, with its arithmetic; long networks are summed up by their parts."""
        rows = [(row.name, row.arithmetic(quantity), of(row)) for row in self.rows if of(row)]
        if len(rows) > MOST_LINES:
            rows = _by_part(rows, 1)
        if len(rows) > MOST_LINES:
            rows = _by_part([(name.rstrip("0123456789"), *rest) for name, *rest in rows], 1)  # type: ignore[misc]
        wide = max((len(name) for name, *_ in rows), default=0)
        return [
            f"{name.ljust(wide)}  {how} = {value:,}" if how and how != f"{value}" else f"{name.ljust(wide)}  {value:,}"
            for name, how, value in rows
        ]


def _by_part(rows: Sequence[tuple[str, str, int]], n: int) -> list[tuple[str, str, int]]:
    """Add up rows whose names begin alike."""
    sums: dict[str, list[int]] = {}
    for name, _, value in rows:
        found = sums.setdefault(".".join(name.split(".")[:n]), [0, 0])
        found[0] += value
        found[1] += 1
    return [(name, "" if times == 1 else f"{times} rows", value) for name, (value, times) in sums.items()]


def conv(
    name: str,
    kernel: tuple[int, int],
    c: int,
    o: int,
    after: tuple[int, ...] = (),
    *,
    groups: int = 1,
    bias: bool = False,
    before: tuple[int, ...] = (),
) -> Row:
    """Return the row of a convolution that was described.

    Example:
        >>> conv("conv", (3, 3), 64, 192, (28, 28)).macs
        86704128
    """
    weights = prod(kernel) * (c // groups) * o
    macs = weights * prod(after) if after else 0
    return Row(
        name, "conv", weights, o if bias else 0, 0, macs, 2 * macs, o * prod(after) if after else 0, c, o, kernel,
        groups, before, after,
    )  # fmt: skip


def linear(name: str, c: int, o: int, *, bias: bool = False) -> Row:
    """Return the row of a linear layer that was described.

    Example:
        >>> linear("fc", 2048, 512).weights
        1048576
    """
    return Row(name, "linear", c * o, o if bias else 0, 0, c * o, 2 * c * o, o, c, o)
