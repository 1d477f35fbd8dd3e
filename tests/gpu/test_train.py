"""`minidl train --device cuda`: the same training as on the CPU."""

import pytest

from minidl import data
from minidl.training import runs
from minidl.training.settings.config import Config


@pytest.fixture
def parts():
    for library in ("sklearn", "matplotlib"):  # the digits, and the pictures of a run's report
        pytest.importorskip(library)
    return tuple(part.take(slice(0, 64)) for part in data.open_dataset("digits"))


def test_a_training_on_the_gpu_is_the_one_on_the_cpu(gpu, parts, tmp_path):
    trained = {
        device: runs.train(Config(epochs=1, device=device), out=tmp_path / device, parts=parts)
        for device in ("cpu", "cuda")
    }
    host, device = (trained[name].state for name in ("cpu", "cuda"))
    assert {p.device for p in device.net.parameters()} == {"cuda"}
    assert device.history[-1]["val_loss"] == pytest.approx(host.history[-1]["val_loss"], rel=1e-5)
    for (name, host_p), p in zip(host.net.named_parameters(), device.net.parameters(), strict=True):
        gpu.assert_same(p.data, host_p.data, name)


def test_a_run_goes_on_on_another_device(gpu, parts, tmp_path):
    whole = runs.train(Config(epochs=2), out=tmp_path / "whole", parts=parts)
    run = runs.train(Config(epochs=1, device="cuda"), out=tmp_path / "run", parts=parts).run
    after = runs.resume(run.path, epochs=2, device="cpu", parts=parts)
    assert {p.device for p in after.state.net.parameters()} == {"cpu"}
    assert after.state.history[-1]["val_loss"] == pytest.approx(whole.state.history[-1]["val_loss"], rel=1e-5)
