"""What a training step really holds, moment by moment, against what `cost.memory` says of it."""

import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import minidl
from minidl import Tensor, cost, kernels, models, nn, ops, proof
from minidl._memory import POOL
from minidl._sharing import owner
from minidl.cost.memory import FAST_WORKSPACE, KINDS
from tests import strict_cupy

ARRAYS = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
HELD = ("activations", "activation_gradients", "gradients")


def filled(net):
    """Give a network weights of 0 that take no memory, and let it train."""
    for module in net.modules():
        for _, parameter in module.named_parameters(recurse=False):
            parameter._data = np.zeros(parameter.shape, parameter.dtype)
    return net.train()


def zoo(name):
    with nn.init.unfilled():
        return filled(models.get_model(name))


def pictures(shape, batch):
    return Tensor(np.zeros((batch, *shape), dtype="float32"))


def arrays_held():
    """Return the bytes of all arrays: those that the allocator has lent, and NumPy's own."""
    gc.collect()
    return POOL.lent_bytes + sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([ARRAYS]).traces)


def held_after_forward(net, x, room):
    """Return by how many bytes a network with its graph is more than without."""
    with kernels.use(room):
        tracemalloc.start()
        try:
            before = arrays_held()
            y = net(x)
            return arrays_held() - before, y
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "size", "batch"),
    [
        ("mobilenet_v2", 32, 4),
        pytest.param("vgg16", 32, 4, marks=pytest.mark.slow),
        pytest.param("alexnet", 227, 1, marks=pytest.mark.slow),
        pytest.param("resnet50", 64, 2, marks=pytest.mark.slow),
        pytest.param("densenet121", 64, 2, marks=pytest.mark.slow),
    ],
)
def test_activations_are_what_a_step_really_holds(name, size, batch):
    net = zoo(name)
    held, _ = held_after_forward(net, pictures((3, size, size), batch), "textbook")
    assert held == pytest.approx(cost.memory(net, size, batch=batch).activations, rel=0.01)


class Everything(nn.Module):
    """Ways that part and meet, maps that grow in place, views, gates, masks, and a layer that runs twice.

    No name holds on to what nobody needs.
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.bn = nn.BatchNorm2d(16, activation="relu")
        self.same = nn.Conv2d(16, 16, 1)
        self.gate = nn.Linear(16, 16)
        self.fc = nn.Linear(40 * 16 * 16, 10)

    def forward(self, x):
        x = self.bn(self.conv(x))
        x = ops.add(self.same(x), self.same(ops.leaky_relu(x)), activation="relu") + x
        left, right = self.same(x), ops.tanh(x)
        gone = ops.relu(left)
        x = left + right  # one gradient for both, when another one comes to the left
        del left, right
        x = x + gone
        del gone
        x = ops.scale_channels(x, ops.sigmoid(self.gate(ops.global_avg_pool2d(x))))
        grown, x = ops.reserve_channels(x, 40), ops.relu(x)
        x = ops.append_channels(grown, x)
        del grown
        x = ops.append_channels(x, x[:, :8])
        x = ops.max_pool2d(x, 2)
        x = ops.dropout(x, training=self.training)
        x = ops.pad(x, ((1, 1), (1, 1)))
        x = x[:, :, 1:-1, 1:-1]
        left, x = ops.split(x, 2, 1)
        left = left * x
        x = ops.concat([left, x], 1)
        del left
        return self.fc(ops.flatten(x))


@pytest.mark.parametrize(
    "name",
    [
        "everything",
        pytest.param("resnet18", marks=pytest.mark.slow),
        pytest.param("densenet121", marks=pytest.mark.slow),
    ],
)
def test_every_moment_is_what_lies_in_memory_then(name, monkeypatch):
    net, shape, batch = (filled(Everything()), (3, 32, 32), 8) if name == "everything" else (zoo(name), (3, 96, 96), 4)
    monkeypatch.setattr(POOL, "enabled", False)  # so that all arrays are traced
    x, live = pictures(shape, batch), []

    def look(event):
        live.append((event.phase, event.op, tracemalloc.get_traced_memory()[0] - before, event.choices is not None))

    with kernels.use("textbook"):
        net(x)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        try:
            with minidl.observe(look):
                y = net(x)
                y.backward(np.zeros(y.shape, dtype="float32"))
        finally:
            tracemalloc.stop()
    *moments, _ = cost.memory(net, shape, batch=batch).moments
    assert [(moment.phase, moment.op) for moment in moments] == [(phase, op) for phase, op, *_ in live]
    most = max(bytes for *_, bytes, _ in live)
    added = []
    for moment, (*_, bytes, is_for_observers) in zip(moments, live, strict=True):
        off = bytes - sum(getattr(moment, kind) for kind in HELD)
        if off < -0.01 * most:  # the gradients are added up after the observers have been told
            added.append((moment.phase, moment.op, round(-off / (4 * batch * 16 * 32 * 32), 1)))
        else:
            assert is_for_observers or off < 0.01 * most, moment  # a mask is made for those who observe
    assert added == ([("backward", "relu", 1.0)] if name == "everything" else [])


def test_an_operation_holds_nothing_but_what_it_saves():
    """Over all cases that prove an operation: what lives on, when its operands have gone, is saved, or the result."""

    class Pass(minidl.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 0

        @staticmethod
        def backward(ctx, dy):
            return dy

    rng, seen = np.random.default_rng(0), []
    leaves = [Tensor(np.zeros(()), requires_grad=True)]

    def note(event):
        for array in (*event.inputs, event.output):
            if array is not None and array.dtype.kind == "f":
                seen.append((event.op, weakref.ref(owner(array))))
        allowed.extend(id(owner(array)) for array in (*event.saved, event.output))

    for table in proof.tables().values():
        for case in table.cases:
            seen.clear()
            allowed = []
            drawn = [one if one is None or one.dtype.kind != "f" else Tensor(one, True) for one in case.draw(rng)]
            leaves[:] = [one for one in drawn if isinstance(one, Tensor)]
            inputs = [Pass.apply(one) if isinstance(one, Tensor) else one for one in drawn]
            with minidl.observe(note):
                result = table.function(*inputs, **case.settings)
            mine = {id(leaf._data) for leaf in leaves}
            del inputs, drawn
            alive = [(op, ref()) for op, ref in seen if ref() is not None]
            assert [op for op, array in alive if id(array) not in {*allowed, *mine}] == [], (table.op, case.name)
            del alive, result


@pytest.mark.slow
def test_the_fast_kernels_keep_the_same_and_a_little_memory_of_their_own():
    workspace = pytest.importorskip("minidl.kernels.cpu.memory.workspace")
    assert FAST_WORKSPACE == 4 * workspace.OWN
    net = nn.Sequential(nn.Conv2d(3, 32, 5), nn.BatchNorm2d(32, activation="relu"), nn.MaxPool2d(2)).train()
    x, found = pictures((3, 64, 64), 4), []
    held_after_forward(net, x, "cpu")  # compiled, if it was not
    thread = threading.Thread(target=lambda: found.append(held_after_forward(net, x, "cpu")[0]))  # with a new memory
    thread.start()
    thread.join()
    predicted = cost.memory(net, (3, 64, 64), batch=4).activations
    assert found[0] - predicted == pytest.approx(FAST_WORKSPACE, rel=0.05)
    assert "hold 1.0 MiB for each thread" in str(cost.memory(net, (3, 64, 64)))


def test_on_a_gpu_sums_of_gradients_are_new_arrays_and_all_else_is_alike(monkeypatch):
    net = Everything()
    here = cost.memory(net, (3, 32, 32))
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy.cupy)
    for module in net.modules():
        for name, buffer in [*module.named_buffers(recurse=False)]:
            setattr(module, name, strict_cupy.cupy.asarray(buffer))
        for _, parameter in module.named_parameters(recurse=False):
            parameter._data = strict_cupy.cupy.asarray(parameter._data)
    there = cost.memory(net, (3, 32, 32))
    assert not there.unwalked
    assert there.activations == here.activations
    assert there.peak > here.peak
    alike = [kind for kind in KINDS if kind != "activation_gradients"]
    for mine, others in zip(here.moments, there.moments, strict=True):
        assert [getattr(mine, kind) for kind in alike] == [getattr(others, kind) for kind in alike]
