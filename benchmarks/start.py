"""How long a start takes: import, help, the first bar, LeNet-5 on real digits; and what a convolution allocates.

Run from the root of the repository:

    python -m benchmarks.start
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from benchmarks._asked import Parser, run
from benchmarks._machine import describe, honest_environment

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 7


def environment() -> dict[str, str]:
    return honest_environment() | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100"}


def import_seconds() -> float:
    """Time `import minidl` in fresh processes; the median."""
    program = "import time; began = time.perf_counter(); import minidl; print(time.perf_counter() - began)"
    command = [sys.executable, "-c", program]
    runs = [subprocess.run(command, env=environment(), capture_output=True, check=True) for _ in range(REPEATS)]
    return statistics.median(float(run.stdout) for run in runs)


def help_seconds() -> float:
    """Time `minidl --help` from Enter to the prompt; the median."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        command = [sys.executable, "-m", "minidl", "--help"]
        subprocess.run(command, env=environment(), capture_output=True, check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def train(folder: str) -> dict[str, float]:
    """Run `minidl train` on a pseudo-terminal and note when what appears."""
    import pty

    terminal, slave = pty.openpty()
    began, shown, found = time.perf_counter(), "", {}
    process = subprocess.Popen([sys.executable, "-m", "minidl", "train"], cwd=folder, env=environment(), stdout=slave)
    os.close(slave)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other end has gone
            break
        if not piece:
            break
        shown += piece.decode(errors="replace")
        found.setdefault("first output", time.perf_counter() - began)
        if "epoch 1/" in shown:
            found.setdefault("first bar", time.perf_counter() - began)
    os.close(terminal)
    if process.wait() != 0:
        raise SystemExit(f"minidl train failed:\n{shown}")
    found["training"] = time.perf_counter() - began
    accuracy = re.search(r"test accuracy ([\d.]+) %", shown)
    if accuracy is None:
        raise SystemExit(f"minidl train printed no accuracy:\n{shown}")
    found["accuracy"] = float(accuracy.group(1))
    return found


def allocation_ratio() -> float:
    """Return the peak of a convolution over (input + output + the columns of one picture)."""
    import numpy as np

    from minidl.kernels import textbook

    n, c, o, size, kernel = 8, 64, 64, 56, 3
    rng = np.random.default_rng(0)
    tracemalloc.start()
    x = rng.random((n, c, size, size), dtype=np.float32)
    w = rng.random((o, c, kernel, kernel), dtype=np.float32)
    tracemalloc.reset_peak()
    y = textbook.conv2d(x, w, None, (1, 1), ((1, 1), (1, 1)), (1, 1), 1, (size, size))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    columns = c * kernel * kernel * size * size * x.itemsize
    return peak / (x.nbytes + y.nbytes + columns)


def show(what: str, measured: str, wanted: str, reached: bool) -> None:
    print(f"{what:<58} {measured:>9}   {wanted:<16} {'ok' if reached else 'NOT REACHED'}", flush=True)


def main() -> None:
    Parser("benchmarks.start", __doc__).parse_args()
    print("\n".join(describe()), end="\n\n", flush=True)
    seconds = import_seconds()
    show("import minidl", f"{seconds:.2f} s", "at most 0.3 s", seconds <= 0.3)
    seconds = help_seconds()
    show("minidl --help", f"{seconds:.2f} s", "at most 0.6 s", seconds <= 0.6)
    with tempfile.TemporaryDirectory() as folder:
        found = train(folder)
    show("minidl train: first line", f"{found['first output']:.2f} s", "", True)
    show("minidl train: first epoch's bar", f"{found['first bar']:.2f} s", "at most 5 s", found["first bar"] <= 5)
    show(
        "minidl train: from Enter to the prompt", f"{found['training']:.1f} s", "at most 60 s", found["training"] <= 60
    )
    show("minidl train: test accuracy", f"{found['accuracy']:.2f} %", "at least 98 %", found["accuracy"] >= 98)
    ratio = allocation_ratio()
    what = "conv2d 8×64×56×56, 64 filters 3×3: peak / (x + y + columns)"
    show(what, f"{ratio:.2f}", "at most 1.3", ratio <= 1.3)


if __name__ == "__main__":
    run("benchmarks.start", main)
