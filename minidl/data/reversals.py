"""Strings to be written backwards: as many as anybody wants, of which some are never shown in training.

A string belongs to training or to the held-out ones by itself, by a sum over its characters (CRC-32), and not by who
drew it first: so no held-out string can turn up in training, whatever the seed, however many are drawn, wherever a
training that was interrupted goes on.
"""

from __future__ import annotations

import string
import zlib

import numpy as np

from minidl._checks import check_flag, shown, to_int
from minidl._random import addressed

LETTERS = string.ascii_lowercase
EVERY = 10  # one string in ten is held out
ROUNDS = 200  # of drawing, after which there are too few strings of one side


def is_held_out(text: str) -> bool:
    """Tell whether a string is one of those that no training sees.

    Example:
        >>> [word for word in ("red", "green", "blue", "white", "black", "pink") if is_held_out(word)]
        ['pink']
    """
    return zlib.crc32(text.encode()) % EVERY == 0


def reversals(
    n: int,
    *address: int,
    seed: int = 0,
    shortest: int = 1,
    longest: int = 20,
    symbols: str = LETTERS,
    held_out: bool = False,
) -> list[tuple[str, str]]:
    """Return random strings, each with what it is backwards.

    Args:
        n: how many.
        address: up to three numbers, such as epoch and step: the same strings for the same address.
        seed: other strings for another one.
        shortest: how many symbols a string has at least; each length is as likely as another.
        longest: how many it has at most.
        symbols: the characters that strings are made of.
        held_out: whether those that no training sees, or the others.

    Raises:
        ValueError: if a number is out of range, or so short strings of so few symbols are nearly all on the other side.

    Example:
        >>> reversals(2, 3, 0, shortest=4, longest=6)  # epoch 3, step 0
        [('mtfz', 'zftm'), ('rapl', 'lpar')]
    """
    name = "reversals"
    to_int(name, "n", n, least=0)
    to_int(name, "shortest", shortest, least=1)
    to_int(name, "longest", longest, least=shortest)
    check_flag(name, "held_out", held_out)
    if not isinstance(symbols, str) or not symbols:
        raise ValueError(f"{name}: symbols must be at least one character; received symbols={shown(symbols)}")
    rng, letters = addressed(seed, "held out" if held_out else "reversals", *address), np.array(list(symbols))
    found: list[str] = []
    for _ in range(ROUNDS):
        lengths = rng.integers(shortest, longest + 1, max(2 * n, 64))
        drawn = letters[rng.integers(0, len(letters), (len(lengths), longest))]
        texts = ("".join(row[:length]) for row, length in zip(drawn, lengths))
        found += [text for text in texts if is_held_out(text) == held_out]
        if len(found) >= n:
            return [(text, text[::-1]) for text in found[:n]]
    side = "held out" if held_out else "for training"
    raise ValueError(
        f"{name}: of strings of {shortest} to {longest} of {len(letters)} symbols too few are {side}; take longer "
        f"ones; received symbols={shown(symbols)}"
    )
