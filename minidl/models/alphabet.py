"""Strings and tokens: which whole number stands for which symbol, beside the three that stand for none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl._checks import shown

PADDING, START, END = 0, 1, 2  # what is behind a string; before its first symbol; behind its last
RESERVED = 3


class Alphabet:
    """Symbols, each a character, which become the tokens from 3 on.

    Args:
        symbols: the characters, none of them twice.

    Raises:
        ValueError: if there is none, or one twice.

    Example:
        >>> abc = Alphabet("abc")
        >>> len(abc)
        6
        >>> abc.encode(["ab", "c"])
        array([[3, 4, 2],
               [5, 2, 0]])
        >>> abc.encode(["ab", "c"], start=True)
        array([[1, 3, 4, 2],
               [1, 5, 2, 0]])
        >>> abc.decode([[3, 4, 2], [5, 2, 0]])
        ['ab', 'c']
    """

    def __init__(self, symbols: str):
        if not isinstance(symbols, str) or not symbols or len(set(symbols)) < len(symbols):
            raise ValueError(f"Alphabet: symbols must be different characters; received symbols={shown(symbols)}")
        self.symbols = symbols
        self._tokens = {symbol: RESERVED + i for i, symbol in enumerate(symbols)}

    def __len__(self) -> int:
        """How many tokens there are, those that are no symbols among them."""
        return RESERVED + len(self.symbols)

    def encode(self, strings: Sequence[str], *, start: bool = False) -> np.ndarray:
        """Return strings as tokens (N, L), each with `END` behind it, and `PADDING` behind the shorter ones.

        Args:
            strings: one for each row.
            start: whether `START` comes first.

        Raises:
            ValueError: if a string has a character that is no symbol.
        """
        width = max(map(len, strings), default=0) + 1 + start
        tokens = np.full((len(strings), width), PADDING)
        for row, string in zip(tokens, strings):
            unknown = next((symbol for symbol in string if symbol not in self._tokens), None)
            if unknown is not None:
                raise ValueError(
                    f"Alphabet: there is no symbol {unknown!r}, only {shown(self.symbols)}; received {shown(string)}"
                )
            line = [*[START] * start, *(self._tokens[symbol] for symbol in string), END]
            row[: len(line)] = line
        return tokens

    def decode(self, tokens: Any) -> list[str]:
        """Return rows of tokens as strings: the symbols up to `END`."""
        found = []
        for row in np.asarray(tokens):
            ends = np.flatnonzero(row == END)
            words = row[: ends[0]] if len(ends) else row
            found.append("".join(self.symbols[token - RESERVED] for token in words if token >= RESERVED))
        return found
