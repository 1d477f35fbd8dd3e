"""All measurements of speed, one after the other: `python -m benchmarks`; some twenty minutes on a quiet machine.

Each runs in a process of its own, prints its tables, and writes them to benchmarks/results/.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks._asked import Parser, one_of, run
from benchmarks._machine import honest_environment

PARTS = ("layers", "networks", "compare", "scaling", "first_step", "small", "roofline")


def main() -> int:
    """Run the parts that were named, or all."""
    parser = Parser("benchmarks", __doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", type=one_of(PARTS), help=", ".join(PARTS))
    worst = 0
    for part in parser.parse_args().parts or PARTS:
        print(f"\n== {part}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{part}"]
        worst = max(worst, subprocess.run(command, env=honest_environment(), check=False).returncode)
    return worst


if __name__ == "__main__":
    run("benchmarks", main)
