"""Fixtures and profiles of the whole suite."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import minidl
from tests.training.pages import drawn, drawn_if_wanted

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


@pytest.fixture
def one_thread():
    """Several would wait for each other longer than they work on few numbers."""
    yield from _threads(1)


@pytest.fixture
def two_threads():
    """What is shared depends on how many there are."""
    yield from _threads(2)


def _threads(number):
    before = minidl.get_num_threads()
    minidl.set_num_threads(number)
    yield
    minidl.set_num_threads(before)


@pytest.fixture(autouse=True)
def _seeded():
    minidl.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _pages():
    """Make pages only where `drawn` wants them, or a module says `DRAWS = True`."""
    try:
        from minidl.training.tasks.classification import Classification
    except ImportError:  # where only the tests of the GPU are run
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Classification, "draw", drawn_if_wanted(Classification.draw))
        yield


@pytest.fixture(scope="module", autouse=True)
def _drawn(request):
    with drawn(getattr(request.module, "DRAWS", False)):
        yield


@pytest.fixture
def usual_signals():
    """Signals as a process has them that was started at a terminal.

    Who runs the tests may ignore some, as `nohup` and shells do for what they start in the background; processes
    inherit that.
    """
    usual = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
    numbers = {getattr(signal, name): handler for name, handler in usual.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, handler) for number, handler in numbers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def minidl_data():
    """The folder of larger data sets; tests that need it skip visibly without it."""
    folder = os.environ.get("MINIDL_DATA")
    if not folder:
        pytest.skip("MINIDL_DATA is not set: no larger data sets here")
    return Path(folder)
