"""Measured times: by a clock that is made up, so that nothing here depends on how fast a machine is."""

import itertools

import numpy as np
import pytest

import minidl
from minidl import cost, nn, ops
from minidl.cost.machine import Machine, copying, multiplying, this_machine
from tests.models.narrow import narrow

ROOF = Machine(product=100e9, copy=10e9)  # ten FLOPs a byte


class Clock:
    """Goes on by one second whenever somebody looks."""

    def __init__(self):
        self.ticks = itertools.count()

    def __call__(self):
        return float(next(self.ticks))


def measure(net, size=None, **settings):
    return cost.measure(net, size, of=ROOF, clock=Clock(), seconds=1e9, **settings)


@pytest.mark.parametrize(
    "name", ["lenet5_modern", "resnet18", "mobilenet_v2", "googlenet", "densenet121", "se_resnet50"]
)
def test_every_row_of_the_count_is_timed_once_each_way(name, rng):
    net = narrow(name, rng)
    size = 32 if name == "lenet5_modern" else 64
    counted = cost.count(net, size).stored(batch=2)
    found = measure(net, size, batch=2, rounds=3)
    run = [row for row in counted.layers if row.output is not None]
    assert [(row.path, row.op) for row in found.layers] == [(row.path, row.op) for row in run]
    assert [row.forward.seconds for row in found.layers] == [1.0] * len(run)
    assert [row.forward.flops for row in found.layers] == [2 * row.flops for row in run]
    assert [row.forward.moved_bytes for row in found.layers] == [row.moved_bytes for row in run]
    assert all(row.backward is not None and row.backward.seconds == 1.0 for row in found.layers)
    assert (found.rounds, found.batch, found.input) == (3, 2, counted.input)
    for depth in (1, 2):
        joined = found.at_depth(depth)
        for way in ("forward", "backward"):
            assert getattr(joined, way) == getattr(found, way)
        assert len(joined.layers) == len([row for row in counted.at_depth(depth).layers if row.output is not None])


def test_a_product_costs_its_flops_for_every_gradient():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8))
    found = measure(net, (3, 16, 16), batch=4, rounds=1)
    first, _, second = found.layers
    assert first.backward.flops == 2 * 4 * 216 * 256  # nobody wants the gradient of the picture
    assert second.backward.flops == 2 * (2 * 4 * 72 * 256)
    assert found.layers[1].backward.flops is None


def test_depthwise_has_few_macs_and_is_bound_by_memory():
    net = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1, groups=64))
    dense, depthwise = measure(net, (64, 14, 14), rounds=1).layers
    assert dense.forward.flops == 64 * depthwise.forward.flops
    assert (dense.forward.bound(ROOF), depthwise.forward.bound(ROOF)) == ("compute", "memory")
    assert dense.forward.cells(ROOF)[:3] == ("1000.000", f"{dense.forward.flops / 1e9:.3g}", "0.0 %")


def test_medians_of_the_rounds_and_no_round_after_the_time_is_up():

    class Slow(Clock):
        def __call__(self):
            return 3600.0 * next(self.ticks)

    found = cost.measure(nn.Linear(3, 2), (3,), of=ROOF, clock=Slow(), seconds=10, rounds=9)
    assert found.rounds == 1


def test_modes_and_gradients_are_as_they_were():
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    net[1].eval()
    net[0].weight.grad = np.full((4, 3), 7.0, np.float32)
    before = [module.training for module in net.modules()]
    measure(net, (3,), rounds=2)
    assert [module.training for module in net.modules()] == before
    assert (net[0].weight.grad == 7).all()
    assert net[0].bias.grad is None


def test_several_results_and_a_branch_without_weights():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            x = ops.relu(x)
            return self.a(x), {"more": self.b(x)}

    rows = measure(Two(), (3,), rounds=2).layers
    assert [(row.path, row.backward is not None) for row in rows] == [("", False), ("a", True), ("b", True)]


class Odd(minidl.Function):
    @staticmethod
    def forward(ctx, x):
        return x + 0


class Unknown(nn.Module):
    def forward(self, x):
        return Odd.apply(x)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match=r"measure: Unknown cannot be held .* no rule for the FLOPs of odd \(1×\)$"):
        measure(Unknown(), (3,))
    with pytest.raises(ValueError, match="measure: rounds must be an int >= 1; received rounds=0"):
        measure(nn.Linear(3, 2), (3,), rounds=0)
    with pytest.raises(ValueError, match="measure: seconds must be"):
        cost.measure(nn.Linear(3, 2), (3,), seconds=-1)
    with pytest.raises(TypeError, match="cost: expects a module"):
        cost.measure(3)


def test_the_rates_of_a_machine_are_amounts_by_time(monkeypatch):
    small = {"multiplying": lambda dtype: multiplying(dtype, 8), "copying": lambda dtype: copying(1024, dtype)}
    for name, replacement in small.items():
        monkeypatch.setattr(f"minidl.cost.machine.{name}", replacement)
    found = this_machine("float64", clock=Clock())
    assert (found.product, found.copy, found.dtype) == (2 * 8**3, 2048, "float64")
    assert str(found).startswith("this machine: ")
    with pytest.raises(ValueError, match="this_machine: dtype must be one of 'float32', 'float64'"):
        this_machine("float16")


def test_both_tables_have_every_row_and_the_sums():
    found = measure(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (3,), rounds=1)
    for way, seconds in (("forward", 3), ("backward", 3)):
        titles, *rows, total = found.cells(way)
        assert titles[:4] == ("layer", "operation", "ms", "GFLOP/s")
        assert len(rows) == 3
        assert total[2] == f"{1000 * seconds:.3f}"
    assert str(found).count("total") == 2
    with pytest.raises(ValueError, match="cells: way must be one of 'forward', 'backward'"):
        found.cells("sideways")
