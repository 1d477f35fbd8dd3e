"""The table of a network: its rows, its sums, and what is left as it was."""

import numpy as np
import pytest

import minidl
from minidl import cost, kernels, models, nn, ops
from minidl._random import default_generator
from minidl.cost.table import COLUMNS, NOT_RUN


def unfilled(name, **settings):
    with nn.init.unfilled():
        return models.get_model(name, **settings)


class Net(nn.Module):
    """A shared layer, a layer that never runs, a layer that runs in training only, and an operation of one's own."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.unused = nn.Linear(4, 5)
        self.bn = nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(0.5)
        self.scale = nn.Parameter(np.ones((3, 1, 1), dtype=np.float32))

    def forward(self, x):
        x = self.conv(self.conv(x))
        return Odd.apply(self.dropout(self.bn(x)) * self.scale)


class Odd(minidl.Function):
    @staticmethod
    def forward(ctx, x):
        return x + 0


def test_rows_of_a_small_network():
    found = cost.count(Net(), size=(3, 4, 6))
    assert [(row.path, row.op, row.output, row.parameters, row.macs) for row in found.layers] == [
        ("conv", "conv2d", (3, 4, 6), 84, 81 * 24),
        ("conv", "conv2d", (3, 4, 6), 0, 81 * 24),  # the same parameters again
        ("bn", "batch_norm_eval", (3, 4, 6), 6, 0),
        ("", "multiply", (3, 4, 6), 3, 0),
        ("", "odd", (3, 4, 6), 0, 0),
        ("unused", NOT_RUN, None, 25, 0),
    ]
    assert (found.parameters, found.macs, found.depth) == (118, 2 * 81 * 24, 2)
    assert found.flops == 2 * found.macs + 72 * 2 + 72
    assert found.activation_bytes == 5 * 72 * 4
    assert found.parameter_bytes == 118 * 4
    assert found.uncounted == {"odd": 1}
    assert str(found).endswith("FLOPs are incomplete: there is no rule for odd (1×)")


def test_parameters_that_two_layers_share_count_once():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    found = cost.count(net, size=(3,))
    assert [row.parameters for row in found.layers] == [12, 3]
    assert found.parameters == sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_modes_and_statistics_stay(training):
    net = Net().train(training)
    net.bn.training = not training
    modes, state = [module.training for module in net.modules()], net.state_dict()
    cost.count(net, size=(3, 4, 6))
    cost.walk(net, size=(3, 4, 6), training=True)
    with pytest.raises(ValueError, match="^conv2d: x has 2 channels"):
        cost.count(net, size=(2, 4, 6))
    assert [module.training for module in net.modules()] == modes
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, state[name])


def test_no_random_number_is_drawn_and_norms_without_statistics_are_lent_some():
    class Drops(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)
            self.drop = nn.StochasticDepth(0.5, "batch", rng=np.random.default_rng(0))
            self.line = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False))

        def forward(self, x):
            x = ops.stochastic_depth(self.drop(self.bn(self.conv(x))), 0.5, training=self.training, mode="batch")
            return self.line(ops.global_avg_pool2d(x))

    net = Drops()
    generators = [default_generator(), net.drop.rng]
    before = [generator.bit_generator.state for generator in generators]
    known = [dict(vars(module)) for module in net.modules()]
    assert "batch_norm_eval" in [event.op for event in cost.walk(net, (3, 6, 6), training=True)]
    assert [row.op for row in cost.count(net, (3, 6, 6)).layers][1:3] == ["batch_norm_eval", "global_avg_pool2d"]
    assert cost.memory(net, (3, 6, 6)).buffers == 0
    for generator, state in zip(generators, before, strict=True):
        np.testing.assert_equal(generator.bit_generator.state, state)
    assert [vars(module) for module in net.modules()] == known
    for parameter in net.parameters():
        parameter._data = parameter._data.astype(np.float64)
    assert cost.count(net, (3, 6, 6)).dtype == "float64"
    assert [*net.named_buffers()] == []


def test_a_walk_in_training_meets_dropout_and_heads():
    assert "dropout" in [event.op for event in cost.walk(Net(), size=(3, 4, 6), training=True)]
    assert "dropout" not in [event.op for event in cost.walk(Net(), size=(3, 4, 6))]
    net = unfilled("googlenet")
    assert any(event.module.startswith("aux1") for event in cost.walk(net, training=True))
    found = cost.count(net)
    assert sum(row.parameters for row in found.layers if row.op == NOT_RUN) == 3_188_840 + 3_190_888
    assert found.parameters == 13_378_280


def test_sizes():
    net = unfilled("vgg11")
    assert cost.count(net).input == (3, 224, 224)
    assert cost.count(net, size=64).input == cost.count(net, size=(3, 64, 64)).input == (3, 64, 64)
    assert cost.count(net, size=np.int64(64)).macs < cost.count(net).macs
    assert cost.count(nn.Linear(5, 2), size=[5]).layers[0].output == (2,)


def test_float64_is_twice_as_wide():
    layer = nn.Linear(5, 2)
    for parameter in layer.parameters():
        parameter._data = parameter.data.astype(np.float64)
    found = cost.count(layer, size=(5,))
    assert (found.activation_bytes, found.parameter_bytes) == (16, 96)


@pytest.mark.parametrize(
    ("net", "size", "error", "message"),
    [
        ("vgg16", None, TypeError, r"expects a module; received a str; build one: models.get_model\(name\)"),
        (nn.Linear(3, 2), None, ValueError, r"Linear does not tell the size of its input; give size=224, or size=\(3"),
        (nn.Linear(3, 2), 7, ValueError, r"Linear does not tell its in_channels; .* size=\(3, 7, 7\)"),
        (nn.Linear(3, 2), 0, ValueError, "size must be an int >= 1; received size=0"),
        (nn.Linear(3, 2), (3, 0), ValueError, r"size must be the side of .* ints >= 1; received size=\(3, 0\)"),
        (nn.Linear(3, 2), (), ValueError, r"size must be the side .*size=\(\)"),
        (nn.Linear(3, 2), "224", ValueError, "size must be the side .*size='224'"),
        (nn.Linear(3, 2), 2.5, ValueError, "size must be the side .*size=2.5"),
    ],
)
def test_what_cannot_be_counted(net, size, error, message):
    with pytest.raises(error, match=f"^cost: {message}"):
        cost.count(net, size)


def test_a_size_that_does_not_fit_is_said_by_the_network():
    with pytest.raises(ValueError, match=r"^alexnet: .*\(224 - 11\) / 4 \+ 1 = 54.25"):
        cost.count(unfilled("alexnet"), 224)


def test_fewer_rows_have_the_same_sums():
    found = cost.count(unfilled("googlenet"))
    for n in (1, 2, 9):
        fewer = found.at_depth(n)
        for column in (*COLUMNS, "depth", "parameter_bytes", "input"):
            assert getattr(fewer, column) == getattr(found, column)
    assert found.at_depth(9) == found
    last = cost.count(unfilled("lenet5")).at_depth(1).layers[-4:]  # operations of the network itself stay apart
    assert [row.op for row in last] == ["subtract", "multiply", "sum", "multiply"]
    rows = {row.path: row for row in found.at_depth(1).layers}
    assert (rows["inception3a"].op, rows["inception3a"].output) == ("14 operations", (256, 28, 28))
    assert (rows["aux1"].op, rows["aux1"].output, rows["aux1"].parameters) == (NOT_RUN, None, 3_188_840)
    with pytest.raises(ValueError, match="^at_depth: n must be an int >= 1; received n=0"):
        found.at_depth(0)


def test_the_table_is_aligned():
    lines = str(cost.count(unfilled("lenet5_modern"))).splitlines()
    assert lines[0] == "lenet5_modern, evaluation, one input of 1×32×32"
    assert len({len(line) for line in lines[2 : lines.index("", 2)]}) == 1
    assert lines[lines.index("", 2) - 1].split() == [
        "total",
        "depth",
        "5",
        "61,706",
        "416,520",
        "833,040",
        "57.0",
        "KiB",
    ]
    assert lines[-3] == "activations: 57.0 KiB for one input in float32, all results that take memory of their own"


def test_depth_takes_the_longest_branch_and_counts_what_is_asked():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (nn.Linear(3, 3) for _ in range(3))

        def forward(self, x):
            return ops.relu(self.a(x) + self.c(self.b(x)) + x)

    events = cost.walk(Branches(), size=(3,))
    assert cost.depth(events) == 2
    assert cost.depth(events, "add") == 2
    assert cost.depth(events, "linear", "relu") == 3
    assert cost.depth([]) == 0


def test_columns_of_im2col_and_what_is_moved():
    """VGG's conv1_2: 64·9 numbers for each of 224² windows; its picture and its result are 64·224² numbers each."""
    found = cost.count(unfilled("vgg16"))
    conv, relu = found.layers[2:4]
    assert (conv.path, conv.workspace_bytes) == ("features.2", 110.25 * 2**20)
    assert conv.gradient_bytes == conv.weight_bytes == 4 * (64 * 64 * 9 + 64)
    assert conv.moved_bytes == 2 * 4 * 64 * 224 * 224 + conv.weight_bytes
    assert conv.intensity == conv.flops / conv.moved_bytes > 100
    assert (relu.workspace_bytes, relu.gradient_bytes, relu.intensity) == (0, 0, 0)
    assert (found.workspace_bytes, found.gradient_bytes) == (conv.workspace_bytes, found.parameter_bytes)
    assert found.intensity == found.flops / sum(layer.moved_bytes for layer in found.layers)
    assert found.cells(more=True)[3][-4:] == ("144.2 KiB", "24.6 MiB", "110.2 MiB", "143")


def test_what_is_moved_once_and_what_not_at_all():
    class Joined(nn.Module):
        def forward(self, x):
            grown = ops.append_channels(ops.reserve_channels(x, 5), ops.relu(x) * ops.relu(x))
            return ops.flatten(grown) * 2.0

    rows = cost.count(Joined(), (2, 3, 3)).layers
    assert [(row.op, row.moved_bytes // 36) for row in rows] == [
        *[("reserve_channels", 4), ("relu", 4), ("relu", 4), ("multiply", 6)],
        ("append_channels", 4),  # the new maps, read and written; those before them stay where they are
        *[("reshape", 0), ("multiply", 8)],
    ]
    one = nn.Conv2d(8, 8, 1)
    assert cost.count(one, (8, 4, 4)).workspace_bytes == 0  # the picture is its columns
    depthwise, ordinary = (cost.count(nn.Conv2d(64, 64, 3, padding=1, groups=g), (64, 28, 28)) for g in (64, 1))
    assert depthwise.workspace_bytes == ordinary.workspace_bytes
    assert depthwise.intensity < ordinary.intensity / 20


def test_a_batch_is_read_with_the_weights_of_one():
    net = nn.Sequential(nn.Linear(1000, 10), nn.ReLU())
    one, many = cost.count(net, (1000,)), cost.count(net, (1000,), batch=100, dtype="float16")
    assert many == one.stored("float16", batch=100)
    assert many.layers[0].moved_bytes == 2 * (10_010 + 100 * 1010)
    assert many.intensity == 100 * many.flops / many.moved_bytes > 15 * one.intensity
    assert many.stored("float32", batch=1) == one
    with pytest.raises(ValueError, match="^stored: batch must be an int >= 1; received batch=0"):
        cost.count(net, (1000,), batch=0)


def test_a_line_costs_two_flops_and_one_mac():
    """a·x + b."""

    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = (nn.Parameter(np.ones(1, dtype="float32")) for _ in "ab")

        def forward(self, x):
            return self.a * x + self.b

    assert cost.count(Line(), (1,)).flops == 2
    for layer, shape in ((nn.Linear(1, 1), (1,)), (nn.Conv2d(1, 1, 1), (1, 1, 1))):
        found = cost.count(layer, shape)
        assert (found.flops, found.macs) == (2, 1)


def test_frozen_parameters_have_no_gradient():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    net[0].weight.requires_grad = False
    assert [row.gradient_bytes for row in cost.count(net, (3,)).layers] == [8, 24]


def test_nothing_is_computed():
    """A network whose weights fill no memory, and whose activations would fill all of it."""
    assert cost.count(unfilled("vgg19"), size=4096).activation_bytes > 40e9


def test_no_other_kernels_are_asked():
    class Never:
        @staticmethod
        def conv2d(*arguments):
            raise AssertionError("a kernel was asked for nothing")

    with kernels.use(Never):
        assert cost.count(unfilled("lenet5_modern")).macs == 416_520


def test_an_empty_module_costs_nothing():
    assert cost.count(nn.Identity(), size=(3,)).layers == ()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.reshape(x, -1, 8),
        lambda x: ops.transpose(x, 1, 0, 2),
        lambda x: ops.flatten(x, 0, 1),
    ],
)
def test_places_among_the_pictures_are_refused(function):
    """An empty batch has no number of them: 5 rows of 8 would count as one."""

    class Rows(nn.Module):
        def forward(self, x):
            return function(x)

    with pytest.raises(
        ValueError, match=r"cost: (reshape|transpose) in the network lays other axes of \(N, \d, \d\) among"
    ):
        cost.count(Rows(), (5, 8))
    with pytest.raises(ValueError, match="among the pictures"):
        cost.conventions(Rows(), (5, 8))
