"""A training goes by plans by itself, and ends with the bits of one that does not."""

import numpy as np
import pytest

import minidl
from minidl import compiled, data, kernels, nn, training


def net():
    minidl.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, activation="relu"), nn.MaxPool2d(4),
        nn.Dropout(0.2), nn.Flatten(), nn.Linear(8 * 16, 10),
    )  # fmt: skip


def pictures(rng, count):
    x, labels = rng.standard_normal((count, 1, 16, 16), dtype=np.float32), rng.integers(0, 10, count)
    return data.Pictures(x, labels, tuple("0123456789"))


@pytest.mark.parametrize("settings", [{}, {"accumulate": 2}, {"clip_norm": 0.1, "label_smoothing": 0.1}], ids=str)
def test_a_training_has_the_same_bits_by_plans(settings, rng, monkeypatch):
    train, val = pictures(rng, 44), pictures(rng, 8)
    kernels.SETS["cpu"].opened()
    ends = []
    for by_plan in (True, False):
        with monkeypatch.context() as patch:
            if not by_plan:
                patch.setattr(compiled, "run", lambda net, x: net(x))
            state = training.fit(
                net(), train, val, epochs=4, batch_size=8, lr=0.01, momentum=0.9, optimizer="sgd", **settings
            )
        assert len(compiled._known.get(state.net, ())) == (2 if by_plan else 0)  # whole batches, and a last one of four
        assert type(state.net) is nn.Sequential
        ends.append({name: array.tobytes() for name, array in state.net.state_dict().items()} | {"": state.history})
    assert ends[0] == ends[1]


def test_a_small_network_trains_without_the_fast_kernels(rng, monkeypatch):
    monkeypatch.setattr(kernels.SETS["cpu"], "_functions", None)
    state = training.fit(net(), pictures(rng, 16), pictures(rng, 8), epochs=4, batch_size=4, lr=0.01)
    assert kernels.SETS["cpu"]._functions is None
    assert not len(compiled._known.get(state.net, ()))
