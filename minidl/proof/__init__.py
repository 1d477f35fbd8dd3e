"""The proof of every operation: tables of cases for the command `minidl gradcheck` and for the tests."""

from __future__ import annotations

from minidl.proof import activation, arithmetic, conv, loss, norm, pool, regions, shape, tokens
from minidl.proof.table import Case, Table

GROUPS = (conv, pool, regions, norm, activation, arithmetic, shape, tokens, loss)

__all__ = ["Case", "Table", "tables"]


def __dir__() -> list[str]:
    return [*__all__]


def tables() -> dict[str, Table]:
    """Return the table of every operation, by its name.

    Example:
        >>> from minidl import proof
        >>> proof.tables()["conv2d"].cases[0].name
        'plain, not square'
    """
    found = [table for group in GROUPS for table in vars(group).values() if isinstance(table, Table)]
    return {table.op: table for table in found}
