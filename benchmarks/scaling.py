"""How the time grows: with the batch, with the picture, with the threads.

    python -m benchmarks.scaling [--rounds N] [NAME ...]

A training step. Asked is that the time of a picture never rises by more than 15 % from a smaller batch to a larger one,
nor the time of a pixel from a smaller picture to a larger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import _contenders as contenders
from benchmarks._asked import Parser, at_least, network, run
from benchmarks._tables import publish, table
from benchmarks._timing import take_turns

NAMES = ("resnet50", "efficientnet_lite0")
BATCHES, SIZES, MOST = (4, 8, 16, 32, 64), (160, 224, 320, 448), 1.15


def measured(cases: Sequence[tuple[str, int, int]], rounds: int) -> list[list[Any]]:
    """Return rows (what, ms, µs a picture or ns a pixel, growth over the least so far)."""
    steps = {what: contenders.minidl_step(name, n, size) for what, (name, n, size) in _named(cases).items()}
    found = take_turns(steps, rounds)
    rows, least = [], float("inf")
    for what, (_, n, size) in _named(cases).items():
        each = found[what].median / n / size**2 * 1e9
        least = min(least, each)
        verdict = "ok" if each <= MOST * least else "NOT REACHED"
        rows.append([what, found[what].median * 1e3, found[what].median / n * 1e3, each, each / least, verdict])
    return rows


def _named(cases: Sequence[tuple[str, int, int]]) -> dict[str, tuple[str, int, int]]:
    return {f"{name}, {n} × {size}²": (name, n, size) for name, n, size in cases}


def threads(name: str, rounds: int) -> list[list[Any]]:
    """Return rows (threads, ms, times as fast as one)."""
    import minidl

    most, rows = minidl.get_num_threads(), []
    step = contenders.minidl_step(name, 8)
    for number in range(1, most + 1):
        minidl.set_num_threads(number)
        rows.append([str(number), take_turns({"step": step}, rounds)["step"].median * 1e3])
    minidl.set_num_threads(most)
    return [[*row, rows[0][1] / row[1]] for row in rows]


def main() -> None:
    """Measure the networks that were asked for."""
    parser = Parser("benchmarks.scaling", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", type=network)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    asked = parser.parse_args()
    head = ["training step", "ms", "ms a picture", "ns a pixel", "over the least before", "at most 1.15"]
    body = []
    for name in asked.names or NAMES:
        rows = measured([(name, n, 224) for n in BATCHES], asked.rounds)
        body.append(f"## {name}\n\n" + table(head, rows))
        body.append(table(head, measured([(name, 4, size) for size in SIZES], asked.rounds)))
        body.append(table(["threads", "ms, batch 8", "times as fast"], threads(name, asked.rounds)))
    publish("scaling", "How the time grows", "\n\n".join(body))


if __name__ == "__main__":
    run("benchmarks.scaling", main)
