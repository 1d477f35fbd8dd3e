"""What the tables of costs share: rows put together by their path, and written under each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Row = TypeVar("Row")


def by_path(rows: Iterable[Row], path_of: Callable[[Row], str]) -> list[tuple[str, list[Row]]]:
    """Return neighbours with the same path together; what has none, such as the sums of a network, stays by itself."""
    groups: list[tuple[str, list[Row]]] = []
    for row in rows:
        path = path_of(row)
        if not groups or groups[-1][0] != path or not path:
            groups.append((path, []))
        groups[-1][1].append(row)
    return groups


def beginning(path: str, n: int) -> str:
    """Return the first n parts of a path.

    Example:
        >>> beginning("layer1.0.conv1", 2)
        'layer1.0'
    """
    return ".".join(path.split(".")[:n])


def lines_of(rows: Sequence[Sequence[str]], numbers: Iterable[int]) -> list[str]:
    """Write cells under each other: words to the left; numbers, the columns that are named, to the right.

    Example:
        >>> lines_of([("layer", "MACs"), ("conv1", "117,600")], numbers=[1])
        ['layer     MACs', 'conv1  117,600']
    """
    widths, right = [max(map(len, column)) for column in zip(*rows, strict=True)], set(numbers)
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def ruled(rows: Sequence[Sequence[str]], numbers: Iterable[int]) -> list[str]:
    """Write a table whose first row are the titles and whose last are the sums, with a rule below and above them."""
    head, *body, total = lines_of(rows, numbers)
    rule = "-" * max(len(head), len(total))
    return [head, rule, *body, rule, total]
