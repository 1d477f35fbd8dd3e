"""A machine that is shared: several trainings at once, beside as many of PyTorch.

    python -m benchmarks.crowd [--trainings N] [--rounds N] [--seconds S] [--batch N] [--size N] [NAME ...]

Each training is a process of its own that takes every processor it can get, as it would by default; all work at the
same time, and the pictures that they learn from in a second are added up. minidl's and PyTorch's take turns. Beside
them stand minidl's with one thread each, which is what a careful user of a shared machine would ask for, and minidl's
with the threads of OpenMP in place of its own crew; and of every kind one training alone. Asked is that trainings at
once learn from at least twice as many pictures as PyTorch's.
"""

from __future__ import annotations

import statistics
from functools import partial

from benchmarks._asked import Parser, at_least, need, one_of, run
from benchmarks._contenders import ALL
from benchmarks._processes import Contender, at_once, started
from benchmarks._tables import publish, table

NAMES = ("resnet18", "mobilenet_v2")
WANTED = 2.0
KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "minidl": ("minidl", {}),
    "minidl, one thread each": ("minidl", {"MINIDL_NUM_THREADS": "1"}),
    "minidl, OpenMP's threads": ("minidl", {"NUMBA_THREADING_LAYER": "omp"}),
    "PyTorch": ("torch channels_last", {}),
}


def measured(name: str, trainings: int, rounds: int, seconds: float, n: int, size: int) -> list[list[str | float]]:
    """Return rows (what, pictures a second of one alone, of all at once together, over PyTorch's, is that enough)."""
    made = {
        f"{kind} {number}": partial(Contender, who, "step", name, n, size, **environment)
        for kind, (who, environment) in KINDS.items()
        for number in range(trainings)
    }
    alone: dict[str, list[float]] = {kind: [] for kind in KINDS}
    together: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with started(made) as contenders:
        teams = {kind: [contenders[f"{kind} {number}"] for number in range(trainings)] for kind in KINDS}
        for _ in range(rounds):
            for kind, team in teams.items():
                alone[kind].append(n * at_once(team[:1], seconds / 2))
                together[kind].append(n * at_once(team, seconds))
    theirs = statistics.median(together["PyTorch"])
    rows: list[list[str | float]] = []
    for kind in KINDS:
        ratio = statistics.median(together[kind]) / theirs
        verdict = "" if kind != "minidl" else "ok" if ratio >= WANTED else "NOT REACHED"
        one, all_of_them = (f"{statistics.median(found[kind]):.1f}" for found in (alone, together))
        rows.append([f"{name}, {kind}", one, all_of_them, ratio, verdict])
    return rows


def main() -> None:
    """Measure the networks that were asked for."""
    parser = Parser("benchmarks.crowd", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", type=one_of(ALL))
    parser.add_argument("--trainings", type=at_least(1), default=4)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--seconds", type=at_least(0.1, float), default=8)
    parser.add_argument("--batch", type=at_least(1), default=16)
    parser.add_argument("--size", type=at_least(1), default=64)
    asked = parser.parse_args()
    need("torch", "torchvision")
    rows = []
    for name in asked.names or NAMES:
        rows += measured(name, asked.trainings, asked.rounds, asked.seconds, asked.batch, asked.size)
    head = ["pictures a second", "one alone", f"{asked.trainings} at once, together", "over PyTorch's", "at least 2"]
    title = f"{asked.trainings} trainings at once, batch {asked.batch}, {asked.size}×{asked.size}, float32"
    publish("crowd", title, table(head, rows))


if __name__ == "__main__":
    run("benchmarks.crowd", main)
