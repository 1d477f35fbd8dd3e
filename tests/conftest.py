"""Fixtures and profiles of the whole suite."""

import os
from pathlib import Path

import numpy as np
import pytest

import minidl

try:
    from hypothesis import settings
except ImportError:  # where only the tests of the GPU are run
    pass
else:
    settings.register_profile("default", deadline=None, max_examples=40, derandomize=True, database=None)
    settings.register_profile("intense", deadline=None, max_examples=1000, database=None)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seeded():
    minidl.manual_seed(0)


@pytest.fixture
def minidl_data():
    """The folder of larger data sets; tests that need it skip visibly without it."""
    folder = os.environ.get("MINIDL_DATA")
    if not folder:
        pytest.skip("MINIDL_DATA is not set: no larger data sets here")
    return Path(folder)
