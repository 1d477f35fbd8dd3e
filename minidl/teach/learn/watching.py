"""Check at every save: see when a file of the learner's is saved, and tell what comes next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from minidl.teach.learn import telling
from minidl.teach.learn.folder import Folder
from minidl.teach.learn.steps import Step, steps
from minidl.teach.strings.learn import words

EVERY = 0.2  # seconds between two looks


def saved(folder: Folder, wait: Callable[[float], object] = time.sleep) -> Iterator[Step]:
    """Yield the step whose file has been saved, each time that one is; a file that was there before has not been.

    Args:
        folder: where to look.
        wait: what passes the time between two looks.
    """
    before = _looks(folder)
    while True:
        wait(EVERY)
        now = _looks(folder)
        changed = [steps()[name] for name, look in now.items() if look is not None and look != before[name]]
        before = now
        yield from changed


def watched(folder: Folder, wait: Callable[[float], object] = time.sleep) -> Iterator[list[str]]:
    """Yield what is told at the beginning and after each save; the skeleton that comes next is written meanwhile."""
    here = folder.here()
    yield _next(folder, here)
    for step in saved(folder, wait):
        try:
            verdict, printed = folder.check(step)
        except (ValueError, OSError) as error:  # a notebook that cannot be read now may be one after the next save
            yield [str(error)]
            continue
        lines = telling.verdict_of(folder, step, verdict, printed)
        yield [*lines[:-1], *_next(folder, folder.after(step))] if verdict.passed else lines


def _next(folder: Folder, step: Step | None) -> list[str]:
    """Return the next thing to do; if that is to begin a step, it is begun."""
    if step is None or folder.file(step).exists():
        return [telling.next_thing(folder, step)]
    file = folder.start(step)
    written = words.WRITTEN.format(file=file.name, number=step.number)
    return [f"{step.number}: {step.title}", written.partition(";")[0]]


def _looks(folder: Folder) -> dict[str, tuple[int, int] | None]:
    """Return time and size of each file; an editor may take it away for a moment while it saves."""
    found: dict[str, tuple[int, int] | None] = {}
    for step in steps().values():
        try:
            about = folder.file(step).stat()
            found[step.name] = about.st_mtime_ns, about.st_size
        except OSError:
            found[step.name] = None
    return found
