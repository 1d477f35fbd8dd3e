"""Help that fits: whole sentences in the lists of commands, and no line wider than a narrow terminal."""

from __future__ import annotations

from functools import partial
from typing import Any

import typer.core

from minidl._text import columns, fitted

FIRST = 30  # columns at most for the names of options, where there is room; in a narrow terminal a third of it


class _Fitting:
    """What commands and groups have in common; stands in front of typer's own classes."""

    def get_help(self, ctx: Any) -> str:
        """Return the help in lines that the terminal does not cut."""
        whole: str = super().get_help(ctx)  # type: ignore[misc]
        return "\n".join(piece for line in whole.splitlines() for piece in fitted(line, columns()))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help; in a narrow terminal the names of options leave room for what they mean."""
        formatter.write_dl = partial(formatter.write_dl, col_max=min(FIRST, formatter.width // 3))
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence; typer would end it with dots at the edge, and its numbers with it."""
        short: str = super().get_short_help_str(10_000)  # type: ignore[misc]
        return short


class Command(_Fitting, typer.core.TyperCommand):
    """A command with help that fits."""


class Group(_Fitting, typer.core.TyperGroup):
    """A group of commands with help that fits."""
