"""How a call finds its kernel: the set that somebody has named, else the first that finds it worth its while."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from minidl.kernels import textbook
from minidl.kernels._launches import is_noting, note_call
from minidl.kernels._sets import SETS, KernelSet, Rule, in_use

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

KERNELS: dict[str, Callable[..., Any]] = {}  # what `routed` has made
RULES: dict[str, list[tuple[Rule, KernelSet]]] = {name: [] for name in textbook.__all__}

SETS["textbook"] = textbook


def add_set(kernel_set: KernelSet) -> None:
    """Let a set serve by itself what its rules find worth its while, after the sets that are there already."""
    SETS[kernel_set.name] = kernel_set
    for name, rule in kernel_set.worth.items():
        RULES[name].append((rule, kernel_set))


def by_position(book: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Return the arguments of a kernel in its order: sets call theirs other names."""
    names = book.__code__.co_varnames[len(args) : len(args) + len(named)]
    if len(names) < len(named) or not named.keys() >= set(names):
        inspect.signature(book).bind(*args, **named)  # which says what is missing, or not known
    return (*args, *map(named.__getitem__, names))


def routed(book: Kernel) -> Kernel:
    """Make the kernel of that name: it runs the function of the set in use, where that has one and does not decline.

    It takes one argument more, `over`: whether nobody needs the first array any longer. A fast kernel that makes of
    each number another one then writes the result there, which need not be fetched from memory first; others ignore it.

    Args:
        book: the textbook's function, which has the same arguments and takes them all.
    """
    name, rules, optional = book.__name__, RULES[book.__name__], len(book.__defaults__ or ())
    required = book.__code__.co_argcount - optional

    @functools.wraps(book)
    def run(*args: Any, **named: Any) -> Any:
        over = False
        if named:
            over = named.pop("over", False)
            args = by_position(book, args, named)
        chosen, result = in_use.get(), NotImplemented
        if chosen is None:
            for is_worth_it, kernel_set in rules:
                if is_worth_it(*args):
                    result = kernel_set.run(name, args, over)
                    if result is not NotImplemented:
                        break
        elif isinstance(chosen, KernelSet):
            result = chosen.run(name, args, over)
        else:  # the textbook, or somebody's own, which need not know arguments that have a default
            result = getattr(chosen, name, book)(*(args if chosen is textbook else args[:required]))
        if result is NotImplemented:
            result = book(*args)
            if is_noting() is not None:
                note_call(book, args, result)
        return result

    KERNELS[name] = run
    return run  # type: ignore[return-value]
