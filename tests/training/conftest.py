"""A training so small that it takes a blink: the first digits, a network with dropout-like noise and a buffer."""

import pytest

from minidl import data


@pytest.fixture(scope="session")
def parts():
    """(training pictures, test pictures): 44 and 24 digits, so that the last batch of an epoch is a small one."""
    both = data.open_dataset("digits")
    train, test = (data.Pictures(part.x, part.labels, part.classes) for part in both)
    return train.take(slice(0, 44)), test.take(slice(0, 24))


@pytest.fixture
def unloaded(monkeypatch):
    """As in a fresh process: no kernel is loaded, and half of them have never been compiled; notes who is compiled."""
    compile, compiled = pytest.importorskip("minidl.kernels.cpu.simd.compile"), []
    for number, kernel in enumerate(compile.ALL.values()):
        monkeypatch.setattr(kernel, "_run", None)
        monkeypatch.setattr(kernel, "is_kept", lambda kept=number % 2: bool(kept))
        monkeypatch.setattr(kernel, "compile", lambda kernel=kernel: compiled.append(kernel.key))
        monkeypatch.setattr(kernel, "compile_if_free", lambda: True)
    monkeypatch.setattr("minidl.kernels._ahead._start", lambda names: [])
    return compiled
