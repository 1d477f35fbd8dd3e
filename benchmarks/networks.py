"""Where the time of a network goes: one step and one look, and the share of every kernel.

    python -m benchmarks.networks [--batch N] [--rounds N] [NAME ...]

The profile wraps every kernel in a clock; what is left over is Python, the graph, and NumPy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks import _contenders as contenders
from benchmarks._asked import Parser, at_least, network, run
from benchmarks._tables import publish, table
from benchmarks._timing import take_turns

NAMES = ("resnet50", "efficientnet_lite0", "vit_b_16")


def profile(step: Callable[[], Any], rounds: int) -> list[list[Any]]:
    """Return rows (kernel, ms, share of the step, calls) of a step, the longest first."""
    from minidl import kernels
    from minidl.kernels import textbook

    spent: dict[str, list[float]] = {}

    def clocked(name: str) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            began = time.perf_counter()
            fast = kernels.SETS["cpu"]
            result = fast.run(name, args) if fast.is_worth_it(name, args) else NotImplemented
            if result is NotImplemented:
                result = getattr(textbook, name)(*args)
            spent.setdefault(name, []).append(time.perf_counter() - began)
            return result

        return run

    clocks = type("Clocks", (), {name: staticmethod(clocked(name)) for name in kernels.NAMES})
    step()
    total = 0.0
    with kernels.use(clocks):
        step()
        spent.clear()
        for _ in range(rounds):
            began = time.perf_counter()
            step()
            total += time.perf_counter() - began
    rows: list[list[Any]] = []
    for name, times in sorted(spent.items(), key=lambda item: -sum(item[1])):
        rows.append([name, sum(times) / rounds * 1e3, f"{sum(times) / total:.1%}", str(len(times) // rounds)])
    rest = total - sum(sum(times) for times in spent.values())
    return [*rows, ["all else", rest / rounds * 1e3, f"{rest / total:.1%}", ""]]


def main() -> None:
    """Measure the networks that were asked for."""
    parser = Parser("benchmarks.networks", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", type=network)
    parser.add_argument("--batch", type=at_least(1), default=8)
    parser.add_argument("--rounds", type=at_least(1), default=5)
    asked = parser.parse_args()
    body = []
    for name in asked.names or NAMES:
        step = contenders.minidl_step(name, asked.batch)
        found = take_turns({"step": step, "look": contenders.minidl_look(name, asked.batch)}, asked.rounds)
        head = (
            f"## {name}\n\ntraining step {found['step'].median * 1e3:.0f} ms, inference (folded) "
            f"{found['look'].median * 1e3:.0f} ms; the step by kernels:\n\n"
        )
        body.append(head + table(["kernel", "ms", "share", "calls"], profile(step, asked.rounds)))
    publish("networks", f"Where the time goes, batch {asked.batch}, 224×224, float32", "\n\n".join(body))


if __name__ == "__main__":
    run("benchmarks.networks", main)
