"""Plants bugs in fast kernels, convolutions, linear layers and those of transformers; the tests here catch each.

    python -m tests.kernels.mutants [WORD ...]              # all of them, or those whose name has one of the words

A bug of the textbook is planted while its test runs (`tests/mutations`). A fast kernel has to be compiled again with
its bug, ten seconds each, so this is no part of the suite: it is run by hand when these kernels or their tests change.
Each bug of `planted.py` and `planted_plans.py` is one wrong line in a copy of the repository, whose tests then run in a
process of its own; kernels that do not know of the line are read from the cache. (The suite looks, in
`test_mutants.py`, whether each line is there.)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from minidl.kernels.cpu.simd.registers import WIDE
from tests.kernels.planted import MUTANTS as OF_KERNELS
from tests.kernels.planted import Mutant
from tests.kernels.planted_plans import PLANS

ROOT = Path(__file__).resolve().parents[2]
KERNELS = Path("minidl/kernels/cpu")
MUTANTS = (*OF_KERNELS, *PLANS)


def plant(mutant: Mutant, root: Path) -> None:
    """Put the bug into a copy of the repository; kept kernels that know of the line do not fit its text any more."""
    path = root / KERNELS / mutant.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")


def is_caught(mutant: Mutant | None) -> bool:
    """Run the tests with the bug (or with none) and tell whether one fails."""
    tests = sorted({it.tests for it in MUTANTS}) if mutant is None else [mutant.tests]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part in ("minidl", "tests", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, root / part)
        if mutant is not None:
            plant(mutant, root)
        environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests],
            cwd=root,
            env=environment | {"PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode > 1:  # neither passed nor failed (a bug may also end the process: then it is negative)
            raise RuntimeError(done.stdout + done.stderr)
        return done.returncode != 0


def main() -> int:
    """Plant one bug after the other; report those that nothing has caught."""
    words = sys.argv[1:]
    if is_caught(None):
        print("the tests fail without a bug", file=sys.stderr)
        return 1
    missed = 0
    for mutant in MUTANTS:
        if mutant.narrow if WIDE else mutant.wide:
            print(f"left out {mutant.name}: it needs other registers than this processor's", flush=True)
        elif not words or any(word in mutant.name for word in words):
            began = time.perf_counter()
            caught = is_caught(mutant)
            missed += not caught
            print(
                f"{'caught' if caught else 'MISSED':7} {mutant.name}: {time.perf_counter() - began:.0f} s", flush=True
            )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
