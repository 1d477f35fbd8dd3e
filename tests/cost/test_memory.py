"""The memory of a training step: sums made by hand, what would be if, and what it says."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, cost, nn, optim
from minidl.cost.memory import KINDS
from minidl.cost.optimizer_state import RULES
from minidl.kernels._sets import KernelSet
from tests.models.walk import unfilled

# ---------------------------------------------------------------------- by hand


def test_a_small_network_by_hand():
    """x → linear → relu → linear: the first keeps x, relu its result, which the second keeps, too."""
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    found = cost.memory(net, (5,), batch=10, optimizer="adam")
    weights = 4 * (5 * 7 + 7 + 7 * 3 + 3)
    assert (found.parameters, found.gradients, found.optimizer_state) == (weights, weights, 2 * weights + 4 * 8)
    assert (found.pictures, found.activations) == (4 * 50, 4 * (70 + 30))  # the result is somebody's, too
    assert [(moment.phase, moment.op) for moment in found.moments] == [
        *[("forward", op) for op in ("linear", "relu", "linear")],
        *[("backward", op) for op in ("linear", "relu", "linear")],
        ("update", "update"),
    ]
    live = [moment.activations + moment.activation_gradients for moment in found.moments]
    assert live == [4 * 70, 4 * 140, 4 * 100, 4 * (100 + 30 + 70), 4 * (100 + 140), 4 * (30 + 70), 0]
    assert [moment.gradients for moment in found.moments[3:]] == [4 * 24, 4 * 24, weights, weights]
    assert [moment.kept for moment in found.moments] == [0, 4 * 70, 4 * 30, 0, 0, 0, 0]
    assert found.moments[-1].workspace == 3 * 4 * 35  # a new weight, and its two means
    assert found.peak == max(sum(getattr(moment, kind) for kind in KINDS) for moment in found.moments)


def test_columns_lie_there_for_a_block_of_pictures():
    net, size = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 3)), (3, 32, 32)
    moments = cost.memory(net, size, batch=1).moments[:-1]
    columns = [4 * 27 * 30 * 30, 0, 4 * 72 * 28 * 28]
    back = [columns[0], 4 * 8 * 30 * 30, columns[2]]  # dx of a 1×1 convolution comes from columns, too
    assert [moment.workspace for moment in moments] == [*columns, *reversed(back)]
    many = cost.memory(net, size, batch=1000)
    assert many.workspace == max(4 * 2**20 // size * size for size in columns if size)


@pytest.mark.parametrize("kind", [kind for kind in vars(optim).values() if isinstance(kind, type)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_state_of_every_optimiser_is_the_one_that_it_has(kind, momentum):
    if not issubclass(kind, optim.Optimizer) or kind is optim.Optimizer:
        return
    net = nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3))
    settings = {"momentum": momentum} if hasattr(kind, "momentum") else {}
    optimizer = kind(net.parameters(), lr=0.1, **settings)
    asked = cost.memory(net, (5,), optimizer=optimizer).optimizer_state
    net(Tensor(np.ones((2, 5), dtype="float32"))).sum().backward()
    optimizer.step()
    real = sum(array.nbytes for own in optimizer.state_dict()["state"].values() for array in own.values())
    assert asked == cost.memory(net, (5,), optimizer=optimizer).optimizer_state == real
    name = kind.__name__.lower() + "+momentum" * (settings.get("momentum", 0) > 0)
    assert cost.memory(net, (5,), optimizer=name).optimizer_state == real
    assert name in RULES


def test_shared_and_frozen_parameters():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    net[2].weight.requires_grad = False
    found = cost.memory(net, (4,), optimizer="sgd+momentum")
    assert (found.parameters, found.gradients, found.optimizer_state) == (4 * 44, 4 * 28, 4 * 28)
    assert max(moment.gradients for moment in found.moments) == 4 * 28


def test_a_network_that_does_not_learn_keeps_nothing():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    for parameter in net.parameters():
        parameter.requires_grad = False
    found = cost.memory(net, (4,), batch=2)
    assert (found.gradients, [moment.phase for moment in found.moments]) == (0, ["forward", "forward", "update"])
    assert (found.activations, found.moments[1].activations) == (0, 4 * 16)  # what goes in and what comes out


# ---------------------------------------------------------------------- what if


def test_narrower_numbers_leave_masks_and_the_optimiser_as_they_are():
    net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 8))
    plain, narrow = (cost.memory(net, (8,), batch=4, dtype=dtype, optimizer="adam") for dtype in (None, "float8"))
    assert (plain.dtype, narrow.dtype) == ("float32", "float8")
    masks = 4 * 8
    assert narrow.activations - masks == (plain.activations - masks) // 4
    assert narrow.parameters == plain.parameters // 4
    assert narrow.optimizer_state == plain.optimizer_state + plain.parameters  # and the parameters in float32
    assert cost.memory(net, (8,), dtype="float64").parameters == 2 * plain.parameters
    assert cost.memory(net, (8,), dtype="float16").parameters == cost.memory(net, (8,), dtype="bfloat16").parameters


def deep(layers, width=10):
    return nn.Sequential(*[layer for _ in range(layers) for layer in (nn.Linear(width, width), nn.ReLU())])


def test_recomputation_keeps_the_inputs_of_segments():
    """Twelve layers alike, three segments of four.

    Each begins with a relu, which keeps its result and not its input: so what passes into the last one need not stay.
    """
    net, row = deep(12), 4 * 10
    plain, found = (cost.memory(net, (10,), recompute=segments) for segments in (None, 3))
    assert plain.activations == 12 * row
    assert found.cuts == ("9", "17")  # behind the linear layer, whose result alone passes
    assert found.activations == 1 * row + 4 * row
    assert found.extra_macs == 9 * 100
    phases = [moment.phase for moment in found.moments]
    assert phases == [
        *[*["forward"] * 24, *["backward"] * 7],
        *[*["recompute"] * 8, *["backward"] * 8],
        *[*["recompute"] * 9, *["backward"] * 9],
        "update",
    ]
    assert max(moment.activations for moment in found.moments) == 6 * row
    assert max(moment.activations for moment in plain.moments) == 13 * row
    assert cost.memory(net, (10,), recompute=1).moments == plain.moments
    assert len(cost.memory(net, (10,), recompute="sqrt").cuts) == 2


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "googlenet"])
def test_the_more_is_recomputed_the_less_is_held(name):
    net = unfilled(name)
    peaks = [cost.memory(net, batch=8, optimizer=None, recompute=segments) for segments in (None, 2, 4)]
    assert sorted((one.peak for one in peaks), reverse=True) == [one.peak for one in peaks]
    assert sorted(one.extra_macs for one in peaks) == [one.extra_macs for one in peaks]
    for one in peaks:
        assert sum(moment.kept for moment in one.moments) == one.activations
        assert min(getattr(moment, kind) for moment in one.moments for kind in KINDS) >= 0
        last = one.moments[-1]
        assert (last.activations, last.activation_gradients, last.gradients) == (0, 0, one.gradients)


# ---------------------------------------------------------------------- what it says


class Odd(minidl.Function):
    """Does not know what to do with an empty batch on its way back."""

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return x * 2

    @staticmethod
    def backward(ctx, dy):
        return dy * (dy.max() > 0)


class UsesOdd(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return Odd.apply(Odd.apply(self.fc(x)))


def test_a_way_back_that_cannot_be_walked_is_named():
    found = cost.memory(UsesOdd(), (4,), batch=3)
    assert found.unwalked == {"odd": 2}
    assert str(found).endswith("gradients are counted as new arrays where backward could not be walked: odd (2×)")
    assert max(moment.activation_gradients for moment in found.moments) == 2 * 4 * 12
    assert not cost.memory(nn.Linear(4, 4), (4,)).unwalked


def test_nothing_is_computed_or_changed_and_no_gradient_is_left(monkeypatch):
    def never(*arguments):
        raise AssertionError("a fast kernel was asked for nothing")

    monkeypatch.setattr(KernelSet, "run", never)
    net = unfilled("mobilenet_v2")
    net.classifier[1].weight._grad = "somebody's"
    net.eval()
    seen = []
    with minidl.no_grad(), minidl.observe(seen.append):
        found = cost.memory(net, 1024, batch=256)
    assert found.peak > 80e9
    assert (seen, found.unwalked) == ([], {})
    assert [p._grad for p in net.parameters() if p._grad is not None] == ["somebody's"]
    assert not any(module.training for module in net.modules())


def test_the_table():
    lines = str(cost.memory(unfilled("alexnet"), batch=128, optimizer="sgd+momentum")).splitlines()
    assert lines[0] == "alexnet, one training step, 128 inputs of 3×227×227, float32, optimiser sgd+momentum"
    rows = {line[:24].strip(): line[24:].split() for line in lines[4 : lines.index("", 2) - 2]}
    assert list(rows) == [*KINDS.values()]
    assert rows["parameters"] == ["232.6", "MiB"] * 2
    assert len({len(line) for line in lines[2 : lines.index("", 2)]}) == 1
    assert lines[lines.index("", 2) + 1].startswith("the peak is in the ")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"batch": 0}, ValueError, "batch must be an int >= 1; received batch=0"),
        ({"dtype": "int8"}, ValueError, "dtype must be one of 'float8', .*; received dtype='int8'"),
        ({"recompute": 0}, ValueError, 'recompute must be a number of segments >= 1, "sqrt" or None; received rec'),
        ({"recompute": "all"}, ValueError, "recompute must be .*; received recompute='all'"),
        ({"recompute": 2.5}, ValueError, "recompute must be .*; received recompute=2.5"),
        ({"optimizer": "adan"}, ValueError, "optimizer must be one of 'sgd', .*='adan'; did you mean adam"),
        ({"optimizer": 3}, TypeError, "optimizer must be a name or an optimiser; received 3"),
    ],
)
def test_what_is_refused(settings, error, message):
    with pytest.raises(error, match=f"^memory: {message}"):
        cost.memory(nn.Linear(3, 2), (3,), **settings)


def test_what_is_no_network_or_does_not_fit_is_refused_as_elsewhere():
    with pytest.raises(TypeError, match="^cost: expects a module; received a str"):
        cost.memory("vgg16")
    with pytest.raises(ValueError, match=r"^linear: x has 4 features but w expects 3"):
        cost.memory(nn.Linear(3, 2), (4,))
