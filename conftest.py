"""What is collected: with `-m gpu` only the tests that carry the mark, which need CuPy, NumPy and pytest alone."""

import os
from pathlib import Path

import pytest

# Several processes run tests at the same time: threads that spin while they wait take the processors from the others.
# OpenMP reads this when it is loaded, with the first compiled kernel.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

ROOT = Path(__file__).parent
GPU = (ROOT / "tests" / "gpu", ROOT / "tests" / "gradcheck" / "test_on_gpu.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out, on a machine that was set up for the GPU alone, what would need the other libraries to be read."""
    if config.getoption("markexpr") != "gpu":
        return None
    near = (collection_path.is_relative_to(place) or place.is_relative_to(collection_path) for place in GPU)
    return not any(near) or None
