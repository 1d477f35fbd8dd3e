"""Threads that work ahead, in order and within bounds, and leave nobody behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from threading import Event
from typing import Any, TypeVar

from minidl import _threads

MOST_WORKERS = 4  # threads that decode; more do not help: Python's lock is held for a part of every picture
Item = TypeVar("Item")
Result = TypeVar("Result")


def usual_workers() -> int:
    """Return how many threads decode pictures where nobody has said it."""
    return min(_threads.available(), MOST_WORKERS)


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int, stop: Event | None = None
) -> Generator[Result, None, None]:
    """Yield work(item) for each item, in the order of the items, computed by threads ahead of time.

    An error of `work` is raised where its result would have come. Whenever the generator ends, also by close() or an
    error of whoever uses it, the threads have ended.

    Args:
        work: what to do; several threads call it at once.
        items: what to do it with; taken from by the thread that iterates.
        workers: how many threads; 0 does the work when it is asked for.
        ahead: how many results there may be that are begun or waiting.
        stop: is set at the end, before threads are waited for: work that takes long looks at it and gives up.

    Example:
        >>> list(in_order(lambda x: x * x, range(5), workers=2, ahead=3))
        [0, 1, 4, 9, 16]
    """
    if workers == 0:
        yield from map(work, items)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pending: deque[Future[Any]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="minidl-data")
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        if stop is not None:
            stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
