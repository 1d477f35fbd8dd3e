"""Contenders in processes of their own, each with its own defaults, and a machine on which others work, too.

A process makes its network once, then waits until it is asked: for the time of a call, or for as many calls as fit into
some seconds. What disturbs is a process that counts, for no longer than it was told; it is ended by its own number.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks._asked import WRONG, run
from benchmarks._machine import honest_environment
from benchmarks._timing import PAUSE, Reading

ROOT = Path(__file__).resolve().parents[1]
READING = 0.1  # seconds of calls, at least: of six milliseconds alone a third is chance
COUNTING = "import sys, time\nend = time.time() + float(sys.argv[1])\nwhile time.time() < end: sum(range(10_000))"


class Contender:
    """One library with one network, in a process of its own."""

    def __init__(self, who: str, kind: str, name: str, n: int, size: int = 224, **environment: str):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks._processes", who, kind, name, str(n), str(size)]
        self._process: Any = subprocess.Popen(
            command, env=honest_environment() | environment, cwd=ROOT, text=True, stdin=-1, stdout=-1
        )

    def ask(self, what: str, number: float) -> None:
        """Ask for something; `answer` waits for it."""
        self._process.stdin.write(json.dumps([what, number]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> float:
        """Return the seconds of a call, or the number of calls."""
        line = self._process.stdout.readline()
        if not line and self._process.wait() == WRONG:
            raise SystemExit(WRONG)  # it has said itself what is wrong
        if not line:
            raise RuntimeError(f"benchmarks: a contender has ended: {' '.join(self._process.args)}")
        return float(json.loads(line))

    def close(self) -> None:
        """Let it end."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def started(made: Mapping[str, Callable[[], Contender]]) -> Iterator[dict[str, Contender]]:
    """Start contenders, wait until each has made its network, and end them after the block."""
    with ExitStack() as stack:
        found = {}
        for name, make in made.items():
            found[name] = make()
            stack.callback(found[name].close)
            found[name].ask("time", 1)
            found[name].answer()
        yield found


@contextmanager
def disturbed(count: int, seconds: float) -> Iterator[list[int]]:
    """Let so many processes count beside the block, for no longer than the seconds; give their numbers."""
    others = [subprocess.Popen([sys.executable, "-c", COUNTING, str(seconds)]) for _ in range(count)]
    try:
        yield [other.pid for other in others]
        if any(other.poll() is not None for other in others):
            raise RuntimeError(f"benchmarks: what was to disturb has ended before the measurement, after {seconds} s")
    finally:
        for other in others:
            other.kill()
            other.wait()


def take_turns(contenders: Mapping[str, Contender], rounds: int, seconds: float = READING) -> dict[str, Reading]:
    """Time every contender `rounds` times, in turns, there and back: calls for so long, and one that is not timed."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in list(contenders)[:: 1 if number % 2 == 0 else -1]:
            time.sleep(PAUSE)
            contenders[name].ask("work", seconds)
            times[name].append(1 / contenders[name].answer())
    return {name: Reading(min(found), statistics.median(found)) for name, found in times.items()}


def at_once(contenders: Sequence[Contender], seconds: float) -> float:
    """Let all work at the same time; return how many calls they make in a second, together."""
    for contender in contenders:
        contender.ask("work", seconds)
    return sum(contender.answer() for contender in contenders)


def _serve(who: str, kind: str, name: str, n: int, size: int) -> None:
    from benchmarks import _contenders

    makers: Mapping[str, Callable[..., Any]] = _contenders.STEPS if kind == "step" else _contenders.LOOKS
    work = makers[who](name, n, size)
    gc.disable()  # a collection would fall on whoever happens to run
    for line in sys.stdin:
        what, number = json.loads(line)
        work()
        began, calls = time.perf_counter(), 0
        while calls < number if what == "time" else time.perf_counter() - began < number:
            work()
            calls += 1
        took = time.perf_counter() - began
        gc.collect()  # before the answer, after which it is somebody else's turn
        print(json.dumps(took / calls if what == "time" else calls / took), flush=True)


if __name__ == "__main__":
    run("benchmarks._processes", lambda: _serve(*sys.argv[1:4], *map(int, sys.argv[4:])))
