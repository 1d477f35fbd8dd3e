"""What is collected: of what `-m` leaves out, nothing that need not be read to know so."""

import gc
import os
from pathlib import Path

import pytest

from tests.marks import may_hold, note

# Several processes run tests at the same time: threads that spin while they wait take the processors from the others.
# OpenMP reads this when it is loaded, with the first compiled kernel.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# So do two threads of NumPy's BLAS in each of them: a fifth of all time. One process alone has as many as a user's.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).parent
GPU = (ROOT / "tests" / "gpu", ROOT / "tests" / "gradcheck" / "test_on_gpu.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without a test that is asked for, and folders, on a machine that was set up for the GPU alone.

    There is CuPy, NumPy and pytest, and to read the others would need more.
    """
    asked = config.getoption("markexpr")
    if asked == "gpu":
        near = (collection_path.is_relative_to(place) or place.is_relative_to(collection_path) for place in GPU)
        return not any(near) or None
    return (collection_path.is_file() and not may_hold(collection_path, asked)) or None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Look whether the text of its file tells which marks a test has."""
    note(item)


def pytest_collection_finish() -> None:
    """Let Python's search for garbage leave out what lives as long as the tests: some millions of objects."""
    gc.collect()
    gc.freeze()
