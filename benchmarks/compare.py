"""Whole networks beside PyTorch, ONNX Runtime and the published NumPy way.

    python -m benchmarks.compare [NAME ...] [--batch N ...] [--rounds N] [--starts N] [--beside N ...]
                                 [--size N] [--only training|inference|memory|published] [--transformers]
                                 [--label WORD]

Results of another machine, such as one with AVX2 only, stand beside those of the first: `--label avx2`.

Needs the extras `peers` and `bench`. Every contender has a process of its own, with its own defaults; they take
turns: a tenth of a second of calls each, or one call that takes longer. A ratio is minidl's time over the other's, of
medians; "better" is the faster of PyTorch's two layouts. Where in memory things come to lie is chance, and stays while
a process lives: `--starts 3` measures with new processes three times, and tells the median.
`--beside 1 2` (the default is 0 1 2) measures again while one and two other processes keep processors busy: "one
beside" is then minidl's time, PyTorch's better one, and their ratio. Memory is the peak of a process of its own that
makes four steps, as `resource` tells it, and in brackets its growth over what the process had after importing the
library.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import _contenders as contenders
from benchmarks._asked import Parser, at_least, need, one_of, run
from benchmarks._machine import honest_environment
from benchmarks._processes import Contender, disturbed, started, take_turns
from benchmarks._tables import publish, table
from benchmarks._timing import Reading, geometric_mean
from benchmarks._timing import take_turns as take_turns_here

ROOT = Path(__file__).resolve().parents[1]
OURS = ("minidl", contenders.COMPILED)
TORCH = ("torch NCHW", "torch channels_last")
NEEDS = {
    "training": ("torch", "torchvision"),
    "inference": ("torch", "torchvision", "onnxruntime"),
    "memory": ("torch", "torchvision", "timm"),
    "published": (),
}
KINDS = tuple(NEEDS)
STEPS = 4  # of which the last plans a compiled network
SECONDS = 600.0  # after which what disturbs ends by itself


def _ms(reading: Reading) -> str:
    return f"{reading.median * 1e3:.1f}"


def turns(kind: str, names: list[str], n: int, asked: Any, label: str) -> None:
    """One step (forward, loss, backward), or one look at a batch with batch norm folded, alone and in a crowd."""
    makers = contenders.STEPS if kind == "step" else contenders.LOOKS
    against = [("minidl", "better")]  # what is divided by what; in a crowd the first alone
    against += [(contenders.COMPILED, "better")] * (contenders.COMPILED in makers)
    against += [("minidl", "ONNX Runtime")] * ("ONNX Runtime" in makers)
    body: list[list[Any]] = []
    ratios: dict[Any, list[float]] = {(count, pair): [] for count in asked.beside for pair in against}
    for name in names:
        row: list[Any] = [name]
        for count, found in _seconds(kind, name, n, makers, asked).items():
            found["better"] = min(found[who] for who in TORCH)
            shown = [*makers] if count == 0 else ["minidl", "better"]
            row += [f"{found[who] * 1e3:.1f}" for who in shown]
            for pair in against if count == 0 else against[:1]:
                ratios[count, pair].append(found[pair[0]] / found[pair[1]])
                row.append(ratios[count, pair][-1])
        body.append(row)
        print(row, file=sys.stderr, flush=True)
    columns, means = [f"{'training step' if kind == 'step' else 'inference'}, ms"], ["geometric mean"]
    for count in asked.beside:
        told = against if count == 0 else against[:1]
        shown = [*makers] if count == 0 else [f"{count} beside: minidl", "better layout"]
        columns += [*shown, *(f"{ours} / {who}" for ours, who in told)]
        means += [*[""] * len(shown), *(f"{geometric_mean(ratios[count, pair]):.2f}" for pair in told)]
    what = "Training" if kind == "step" else "Inference"
    title = f"{what}, batch {n}, {asked.size}×{asked.size}, float32"
    publish(f"compare-{what.lower()}-{n}{label}", title, table(columns, [*body, means]))


def _seconds(kind: str, name: str, n: int, makers: Iterable[str], asked: Any) -> dict[int, dict[str, float]]:
    """Return, for each number of processes beside, how long each contender takes: the median of all starts."""
    times: dict[int, dict[str, list[float]]] = {count: {who: [] for who in makers} for count in asked.beside}
    for _ in range(asked.starts):
        with started({who: partial(Contender, who, kind, name, n, asked.size) for who in makers}) as processes:
            for count in asked.beside:
                with disturbed(count, SECONDS):
                    for who, reading in take_turns(processes, asked.rounds).items():
                        times[count][who].append(reading.median)
    return {count: {who: median(found) for who, found in of_all.items()} for count, of_all in times.items()}


def published(names: list[str], n: int, rounds: int, label: str) -> None:
    """The step again with the kernels of the books."""
    from benchmarks import _published

    rows = []
    for name in names:
        steps = {
            "minidl": contenders.minidl_step(name, n),
            "textbook": contenders.minidl_step(name, n, 224, "textbook"),
            "published": contenders.minidl_step(name, n, 224, _published),
        }
        found = take_turns_here(steps, rounds)
        rows.append([name, *map(_ms, found.values()), found["published"].median / found["minidl"].median])
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["training step, ms", "minidl", "textbook kernels", "published NumPy way", "published / minidl"]
    publish(f"compare-published-{n}{label}", f"Against the published NumPy way, batch {n}", table(head, rows))


def memory(names: list[str], n: int, label: str) -> None:
    """Peak of some steps in a process of one's own."""
    rows = []
    for name in names:
        found = {who: _peak(who, name, n) for who in contenders.STEPS}
        rest = [found[who] for who in TORCH]
        cells = [f"{peak:.0f} (+{growth:.0f})" for peak, growth in found.values()]
        (peak, growth), (planned, _) = found["minidl"], found[contenders.COMPILED]
        smaller = min(p for p, _ in rest)
        rows.append([name, *cells, peak / smaller, growth / min(g for _, g in rest), planned / smaller])
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["MiB (growth)", *contenders.STEPS, "peak / smaller", "growth / smaller", "compiled peak / smaller"]
    publish(f"compare-memory-{n}{label}", f"Peak memory of a training step, batch {n}", table(head, rows))


def _peak(who: str, name: str, n: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.compare", name, "--child", who, "--batch", str(n)]
    environment = honest_environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
    peak, growth = json.loads(done.stdout.splitlines()[-1])
    return peak, growth


def _child(who: str, name: str, n: int) -> None:
    import resource

    def mebibytes() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    for module in ("minidl.kernels.cpu", "minidl.models") if who in OURS else ("torchvision", "timm"):
        importlib.import_module(module)
    imported = mebibytes()
    step = contenders.STEPS[who](name, n)
    for _ in range(STEPS):
        step()
    print(json.dumps([mebibytes(), mebibytes() - imported]))


def arguments() -> Any:
    """Read the command line."""
    parser = Parser("benchmarks.compare", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", type=one_of(contenders.ALL))
    parser.add_argument("--batch", type=at_least(1), nargs="+")
    parser.add_argument("--rounds", type=at_least(1), default=7)
    parser.add_argument("--starts", type=at_least(1), default=1)
    parser.add_argument("--beside", type=at_least(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--size", type=at_least(1), default=224)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--transformers", action="store_true", help="the vision transformer instead")
    parser.add_argument("--label", help="what is added to the names of the tables")
    parser.add_argument("--child", choices=contenders.STEPS, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure what was asked for, or everything."""
    asked = arguments()
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of contenders in processes of their own
    label = "-some" if asked.names else "-transformers" if asked.transformers else ""
    label += f"-{asked.label}" if asked.label else ""
    names = asked.names or list(contenders.TRANSFORMERS if asked.transformers else contenders.PEERS)
    if asked.child:
        _child(asked.child, names[0], asked.batch[0])
        return
    kinds = (asked.only,) if asked.only else KINDS
    for kind in kinds:
        need(*NEEDS[kind])
    for kind in kinds:
        if kind in ("training", "inference"):
            for n in asked.batch or (8, 1):
                turns("step" if kind == "training" else "look", names, n, asked, label)
        elif kind == "memory":
            memory(names, (asked.batch or [8])[0], label)
        else:
            published(asked.names or ["vgg16", "resnet50"], (asked.batch or [8])[0], min(asked.rounds, 3), label)


if __name__ == "__main__":
    run("benchmarks.compare", main)
