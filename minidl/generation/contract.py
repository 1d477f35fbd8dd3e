"""What every network that makes pictures offers, however it was trained: one method, and what it can be asked."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from minidl import _random
from minidl._backend import Array
from minidl._checks import shown, to_int

WORDS = {
    "classes": "it was trained without classes",
    "steps": "it makes a picture in one step",
    "guidance": "it takes no guidance",
    "like": "it cannot take tokens from a picture",
    "region": "it cannot take tokens from a picture",
}


class Generator(Protocol):
    """A network that makes pictures.

    Attributes:
        takes: the settings of `sample` that mean something to it, of those in WORDS.
        num_classes: how many classes it knows; None if it knows of none.
    """

    takes: frozenset[str]
    num_classes: int | None

    def sample(self, n: int, *, rng: np.random.Generator, **settings: Any) -> Array:
        """Return n pictures (n, C, H, W), float32 from 0 to 1, made in eval and without a graph.

        Args:
            n: how many.
            rng: the only source of chance.
            settings: some of those that `takes` names; what is not given is its own choice. `classes` are whole numbers
                (n,).
        """
        ...


def generate(generator: Generator, n: int, *, rng: np.random.Generator | None = None, **settings: Any) -> Array:
    """Return n pictures of a generator, float32 from 0 to 1, after the request was judged.

    Args:
        generator: anything with `takes`, `num_classes` and `sample`.
        n: how many pictures.
        rng: generator of all chance; None (default) takes the one of `minidl.manual_seed`.
        settings: settings of its `sample`; None means that it may choose. `classes` is one class for all, or one each.

    Raises:
        ValueError: if it does not take a setting, or does not know a class.
        TypeError: if it is no generator, or a class is no whole number.
    """
    if not callable(getattr(generator, "sample", None)):
        raise TypeError(f"generate: expects a network that makes pictures; received a {type(generator).__name__}")
    n = to_int("generate", "n", n, least=1)
    given = {name: value for name, value in settings.items() if value is not None}
    for name in given:
        if name not in generator.takes:
            why = WORDS.get(name, f"it takes {', '.join(sorted(generator.takes)) or 'none'}")
            raise ValueError(f"generate: this generator has no use for {name}: {why}; leave it out")
    if "classes" in given:
        given["classes"] = _to_classes(given["classes"], n, generator.num_classes or 0)
    return generator.sample(n, rng=_random.to_generator("generate", rng), **given)


def _to_classes(classes: Any, n: int, known: int) -> np.ndarray:
    found = np.asarray(classes)
    if found.dtype.kind not in "iu":
        raise TypeError(f"generate: classes must be whole numbers; received classes={shown(classes)}")
    if found.ndim > 1 or (found.ndim == 1 and len(found) != n):
        raise ValueError(f"generate: expects one class, or one for each of {n} pictures; classes.shape={found.shape}")
    if ((found < 0) | (found >= known)).any():
        wrong = found[(found < 0) | (found >= known)].reshape(-1)[0]
        raise ValueError(
            f"generate: this generator knows {known} classes, 0 to {known} - 1 = {known - 1}; "
            f"received class {int(wrong)}"
        )
    return np.broadcast_to(found, (n,))
