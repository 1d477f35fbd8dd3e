"""Planted bugs: a mutant is one wrong line put into the library for the length of one test.

A module of this folder lists its mutants in `MUTANTS`; the runner in test_mutations.py finds all of them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from minidl import kernels
from minidl.kernels import textbook


@dataclass(frozen=True)
class Mutant:
    """A bug, how to plant it, and who must catch it: the proof table of an operation, or a check of its own."""

    name: str
    caught_by: str | Callable[[], None]
    plant: Callable[[], AbstractContextManager]


def kernel(name, broken):
    """Plant `broken(original, *args)` as the kernel of that name."""
    original = getattr(textbook, name)

    @contextmanager
    def plant():
        with kernels.use(SimpleNamespace(**{name: lambda *args: broken(original, *args)})):
            yield

    plant.kernel, plant.broken = name, lambda *args: broken(original, *args)
    return plant


def attribute(owner, name, broken):
    """Plant `broken(original, *args, **settings)` in place of a function of a module or of a static method."""
    original = getattr(owner, name)

    def replacement(*args, **settings):
        return broken(original, *args, **settings)

    @contextmanager
    def plant():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, staticmethod(replacement) if isinstance(owner, type) else replacement)
            yield

    return plant
