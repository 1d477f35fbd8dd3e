"""Random numbers: one default generator that can be seeded, saved and restored, and draws addressed by a key.

Two kinds of draws, for two needs. *Sequential* draws come one after the other from `default_generator()`: initial
weights, dropout masks. *Addressed* draws come from a generator keyed by where they belong, such as (seed, epoch,
sample), and so do not depend on which thread asked first. Both are Philox (Salmon et al., "Parallel random numbers: as
easy as 1, 2, 3", 2011), a counter-based generator: the address simply is the counter.
"""

from __future__ import annotations

import functools
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl._checks import shown

BLOCK = 1 << 18  # as many numbers are drawn in about a millisecond: starting a thread costs less


def manual_seed(seed: int) -> None:
    """Start the default generator anew: the same seed gives the same initial weights and dropout masks.

    Raises:
        ValueError: if the seed is no whole number, or negative.

    Example:
        >>> import minidl
        >>> minidl.manual_seed(1)
        >>> first = minidl.nn.Linear(2, 2).weight.numpy()
        >>> minidl.manual_seed(1)
        >>> bool((minidl.nn.Linear(2, 2).weight.numpy() == first).all())
        True
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"manual_seed: seed must be an int >= 0; received seed={shown(seed)}")
    # The state is replaced, not the object: whoever holds the default generator goes on with the new state.
    default_generator().bit_generator.state = np.random.Philox(seed).state


@functools.cache  # made when it is asked for: NumPy loads its generators only then
def _everybodys() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(0))


_instead: ContextVar[Mapping[Any, np.random.Generator]] = ContextVar("random_instead", default={})  # noqa: B039


def default_generator() -> np.random.Generator:
    """Return the generator that everything uses which was given no `rng` of its own."""
    return _instead.get().get(None) or _everybodys()


@contextmanager
def drawn_instead(generators: Mapping[Any, np.random.Generator]) -> Iterator[None]:
    """Let draws of this thread come from other generators inside the block: nobody else's change.

    Args:
        generators: by the identity of those in whose place they stand; None is that of the default generator.

    Example:
        >>> with drawn_instead({None: np.random.default_rng(3)}):
        ...     default_generator().integers(100)
        np.int64(81)
    """
    token = _instead.set(generators)
    try:
        yield
    finally:
        _instead.reset(token)


def to_generator(op: str, rng: Any, name: str = "rng") -> np.random.Generator:
    """Return rng, or the default generator for None; a seed is refused, not taken for a generator."""
    if rng is None:
        return default_generator()
    if not isinstance(rng, np.random.Generator):
        seed = rng if isinstance(rng, int) else 0
        raise TypeError(
            f"{op}: {name} must be a numpy.random.Generator or None; received {name}={shown(rng)}; "
            f"make one: numpy.random.default_rng({seed})"
        )
    return _instead.get().get(id(rng), rng)


def addressed(seed: int, purpose: str, *address: int) -> np.random.Generator:
    """Return the generator that belongs to an address of up to three numbers, such as (epoch, sample).

    The purpose (a word such as "augment") keeps draws apart that share an address but not a use.
    """
    key = [seed & 0xFFFF_FFFF_FFFF_FFFF, zlib.crc32(purpose.encode())]
    counter = [0, *address, *[0] * (3 - len(address))]  # word 0 counts the draws of one address
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def draw(distribution: str, shape: tuple[int, ...], rng: np.random.Generator | None = None) -> np.ndarray:
    """Draw float32 numbers, "random" (evenly from 0 to 1) or "standard_normal"; large arrays by all processors.

    A large array is drawn in blocks. The generator gives one key, and each block is addressed by it, so that the
    numbers do not depend on how many threads there are.
    """
    rng = rng or default_generator()
    size = math.prod(shape)
    if size < 2 * BLOCK:
        return getattr(rng, distribution)(shape, dtype=np.float32)
    from concurrent.futures import ThreadPoolExecutor  # here, because it is slow to import

    draws = np.empty(size, dtype=np.float32)
    key = int(rng.integers(1 << 63))

    def draw_block(start: int) -> None:
        block = draws[start : start + BLOCK]
        getattr(addressed(key, distribution, start), distribution)(out=block, dtype=np.float32)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy lets go of Python's lock while it draws
        list(pool.map(draw_block, range(0, size, BLOCK)))
    return draws.reshape(shape)


def get_state(generator: np.random.Generator | None = None) -> dict[str, Any]:
    """Return the state of a generator (default: the default one) as plain numbers that JSON can hold."""
    state = (generator or default_generator()).bit_generator.state
    return {
        "kind": state["bit_generator"],
        "key": [int(word) for word in state["state"]["key"]],
        "counter": [int(word) for word in state["state"]["counter"]],
        "buffer": [int(word) for word in state["buffer"]],
        "buffer_pos": int(state["buffer_pos"]),
        "has_uint32": int(state["has_uint32"]),
        "uinteger": int(state["uinteger"]),
    }


def set_state(state: dict[str, Any], generator: np.random.Generator | None = None) -> None:
    """Put a generator (default: the default one) back into a state that `get_state` returned."""
    (generator or default_generator()).bit_generator.state = {
        "bit_generator": state["kind"],
        "state": {
            "key": np.array(state["key"], dtype=np.uint64),
            "counter": np.array(state["counter"], dtype=np.uint64),
        },
        "buffer": np.array(state["buffer"], dtype=np.uint64),
        "buffer_pos": state["buffer_pos"],
        "has_uint32": state["has_uint32"],
        "uinteger": state["uinteger"],
    }
