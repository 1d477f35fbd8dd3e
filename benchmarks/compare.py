"""Whole networks beside PyTorch, ONNX Runtime and the published NumPy way.

    python -m benchmarks.compare [--batch N ...] [--rounds N] [--only training|inference|memory|published] [NAME ...]
    python -m benchmarks.compare --more | --transformers         the efficient networks, or the vision transformer

Needs the extras `peers` and `bench`. A ratio is minidl's time over the other's, of medians; "better layout" is the
faster of PyTorch's two. Memory is the peak of a process of its own that makes three steps, as `resource` tells it, and
in brackets its growth over what the process had after importing the library.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import _contenders as contenders
from benchmarks._machine import honest_environment, start_again_without_misleading_settings
from benchmarks._tables import publish, table
from benchmarks._timing import Reading, geometric_mean, take_turns

ROOT = Path(__file__).resolve().parents[1]
TORCH = ("torch NCHW", "torch channels_last")


def _ms(reading: Reading) -> str:
    return f"{reading.median * 1e3:.1f}"


def training(names: list[str], n: int, rounds: int, label: str) -> None:
    """One step: forward, loss, backward."""
    rows, ratios = [], []
    for name in names:
        found = take_turns({who: make(name, n) for who, make in contenders.STEPS.items()}, rounds)
        ratio = found["minidl"].median / min(found[who].median for who in TORCH)
        ratios.append(ratio)
        rows.append([name, *(_ms(reading) for reading in found.values()), ratio])
        print(rows[-1], file=sys.stderr, flush=True)
    rows.append(["geometric mean", "", "", "", geometric_mean(ratios)])
    head = ["training step, ms", *contenders.STEPS, "minidl / better layout"]
    publish(f"compare-training-{n}{label}", f"Training, batch {n}, 224×224, float32", table(head, rows))


def inference(names: list[str], n: int, rounds: int, label: str) -> None:
    """One look at a batch; minidl with batch norm folded."""
    rows, ratios, against_onnx = [], [], []
    for name in names:
        found = take_turns({who: make(name, n) for who, make in contenders.LOOKS.items()}, rounds)
        ratios.append(found["minidl"].median / min(found[who].median for who in TORCH))
        against_onnx.append(found["minidl"].median / found["ONNX Runtime"].median)
        rows.append([name, *(_ms(reading) for reading in found.values()), ratios[-1], against_onnx[-1]])
        print(rows[-1], file=sys.stderr, flush=True)
    rows.append(["geometric mean", *[""] * len(contenders.LOOKS), geometric_mean(ratios), geometric_mean(against_onnx)])
    head = ["inference, ms", *contenders.LOOKS, "minidl / better layout", "minidl / ONNX"]
    publish(f"compare-inference-{n}{label}", f"Inference, batch {n}, 224×224, float32", table(head, rows))


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
        found = take_turns(steps, rounds)
        rows.append([name, *map(_ms, found.values()), found["published"].median / found["minidl"].median])
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["training step, ms", "minidl", "textbook kernels", "published NumPy way", "published / minidl"]
    publish(f"compare-published-{n}{label}", f"Against the published NumPy way, batch {n}", table(head, rows))


def memory(names: list[str], n: int, label: str) -> None:
    """Peak of three steps in a process of one's own."""
    rows = []
    for name in names:
        found = {who: _peak(who, name, n) for who in contenders.STEPS}
        rest = [found[who] for who in TORCH]
        cells = [f"{peak:.0f} (+{growth:.0f})" for peak, growth in found.values()]
        peak, growth = found["minidl"]
        rows.append([name, *cells, peak / min(p for p, _ in rest), growth / min(g for _, g in rest)])
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["MiB (growth)", *contenders.STEPS, "peak / smaller", "growth / smaller"]
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

    for module in ("minidl.kernels.cpu", "minidl.models") if who == "minidl" else ("torchvision", "timm"):
        importlib.import_module(module)
    imported = mebibytes()
    step = contenders.STEPS[who](name, n)
    for _ in range(3):
        step()
    print(json.dumps([mebibytes(), mebibytes() - imported]))


def arguments() -> Any:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--batch", type=int, nargs="+")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("training", "inference", "memory", "published"))
    parser.add_argument("--more", action="store_true", help="the efficient networks instead")
    parser.add_argument("--transformers", action="store_true", help="the vision transformer instead")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def main(asked: Any = None) -> None:
    """Measure what was asked for, or everything."""
    asked = asked or arguments()
    groups = {"-transformers": asked.transformers, "-more": asked.more}
    label = "-some" if asked.names else next((name for name, wanted in groups.items() if wanted), "")
    names = asked.names or list(
        {"-transformers": contenders.TRANSFORMERS, "-more": contenders.MORE}.get(label, contenders.PEERS)
    )
    if asked.child:
        _child(asked.child, names[0], asked.batch[0])
        return
    for kind in (asked.only,) if asked.only else ("training", "inference", "memory", "published"):
        if kind == "training":
            training(names, (asked.batch or [8])[0], asked.rounds, label)
        elif kind == "inference":
            for n in asked.batch or (8, 1):
                inference(names, n, asked.rounds, label)
        elif kind == "memory":
            memory(names, (asked.batch or [8])[0], label)
        else:
            published(asked.names or ["vgg16", "resnet50"], (asked.batch or [8])[0], min(asked.rounds, 3), label)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    start_again_without_misleading_settings("benchmarks.compare")
    main()
