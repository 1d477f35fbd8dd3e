"""How long the first step takes: with nothing compiled, in the next process, and after that.

    python -m benchmarks.first_step [NAME]          # default resnet18, batch 8, 224×224

Each time is that of a training step in a process of its own, and includes importing the kernels and reading or making
what is compiled. A later step of the same process stands beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks._asked import Parser, network, run
from benchmarks._machine import honest_environment
from benchmarks._tables import publish, table

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import json, sys, time
from benchmarks._contenders import minidl_step
step = minidl_step(sys.argv[1], 8)
times = []
for _ in range(5):
    began = time.perf_counter()
    step()
    times.append(time.perf_counter() - began)
print(json.dumps([times[0], min(times[1:])]))
"""


def first_and_later(name: str, cache: str) -> tuple[float, float]:
    """Return the seconds of the first and of a later step of a new process."""
    environment = honest_environment() | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    first, later = json.loads(done.stdout.splitlines()[-1])
    return first, later


def main() -> None:
    """Measure with an empty cache, then twice with what that left."""
    parser = Parser("benchmarks.first_step", __doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", default="resnet18", type=network)
    name = parser.parse_args().name
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for what, most in (("empty cache", 15.0), ("filled cache", 2.0), ("filled cache, again", 2.0)):
            first, later = first_and_later(name, cache)
            compared = first if what == "empty cache" else first - later
            verdict = "ok" if compared <= most else "NOT REACHED"
            rows.append([what, first, later, first - later, f"{verdict}, at most {most:.0f}"])
        size = sum(file.stat().st_size for file in Path(cache).rglob("*") if file.is_file())
    body = table([name, "first step, s", "later step, s", "more, s", "asked"], rows)
    publish("first_step", "The first step", f"{body}\n\nThe cache holds {size / 2**20:.1f} MiB.")


if __name__ == "__main__":
    run("benchmarks.first_step", main)
