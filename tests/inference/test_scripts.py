"""A folded network that is planned as a whole gives the same bits, and forgets its plan when anything changes."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl import Tensor, kernels, models, nn, no_grad, ops
from minidl.folding import _scripts
from minidl.kernels.cpu.simd.sequence import Sequence
from minidl.tensor import observe
from tests.inference.test_folding import settled
from tests.models.narrow import narrow, single


def small(rng):
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16, activation="relu"), nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 1), nn.Flatten(), nn.Linear(24 * 16, 10),
    )  # fmt: skip


def as_it_stands(net, x):
    """Run a folded network without a script."""
    with no_grad(), kernels.use("cpu"):
        return type(net).__mro__[1].forward(net, Tensor(x)).data


def looked_at(net, shape, rng, times=5):
    """Run a folded network with random pictures until it is planned, and compare each result with the network's."""
    for _ in range(times):
        x = rng.standard_normal(shape, dtype=np.float32)
        with no_grad():
            y = net(Tensor(x)).data
        expected = as_it_stands(net, x)
        assert y.dtype == expected.dtype
        assert y.tobytes() == expected.tobytes()
    return len(_scripts._scripts.get(net, ()))


def check_network(name, rng):
    net = single(settled(narrow(name, rng), rng))
    size = net.smallest
    fused = minidl.fuse(net, size)
    assert looked_at(fused, (2, net.in_channels, size, size), rng) == (name not in UNPLANNED)


# What computes with NumPy in between: the table of maps of LeNet-5, and its distances.
UNPLANNED = {"lenet5"}
ONE_OF_EACH = [
    "alexnet", "densenet121", "efficientnet_lite0", "googlenet_bn", "inception_v2", "lenet5", "lenet5_modern",
    "mnasnet1_0", "mobilenet_v2", "mobilenet_v3_small", "nin_cifar", "preact_resnet18", "resnet20_cifar", "resnet18",
    "se_resnet50", "shufflenet_v2_x1_0", "squeezenet1_1", "vgg11_bn", "vit_tiny_cifar", "zfnet",
]  # fmt: skip


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_networks_give_the_same_bits(name, rng):
    check_network(name, rng)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*models.list_models()} - {*ONE_OF_EACH}))
def test_every_other_network_gives_the_same_bits(name, rng):
    check_network(name, rng)


def test_a_norm_that_stands_alone_needs_no_numpy_between_kernels(rng):
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.BatchNorm2d(16, activation="relu"), nn.Conv2d(16, 8, 1))
    fused = minidl.fuse(single(settled(net, rng)), (3, 8, 8))
    assert looked_at(fused, (2, 3, 8, 8), rng) == 1
    (script,) = _scripts._scripts[fused]._known.values()
    assert [type(run) for run, _ in script._steps] == [Sequence]


def planned(rng):
    fused = minidl.fuse(small(rng), (3, 8, 8))
    assert looked_at(fused, (2, 3, 8, 8), rng) == 1
    return fused


def test_sizes_and_threads_have_scripts_of_their_own(rng):
    fused, threads = minidl.fuse(small(rng), (3, 8, 8)), minidl.get_num_threads()
    assert looked_at(fused, (2, 3, 8, 8), rng) == 1
    assert looked_at(fused, (1, 3, 8, 8), rng) == 2
    try:
        minidl.set_num_threads(1)
        assert looked_at(fused, (1, 3, 8, 8), rng) == (3 if threads > 1 else 2)
    finally:
        minidl.set_num_threads(threads)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: setattr(net[5].weight, "data", net[5].weight.data * 2),
        lambda net: setattr(net[1], "weight", net[1].weight * 2),
        lambda net: setattr(net[1], "bias", None),
        lambda net: setattr(net[2], "padding", (1, 1)) or setattr(net[5], "weight", nn.Parameter(WIDER)),
        lambda net: net.__setitem__(5, nn.Linear(24 * 16, 10)),
        lambda net: net._modules.pop("5"),
        lambda net: net.append(nn.ReLU()),
    ],
    ids=["data", "weight", "no bias", "setting", "module", "fewer", "more"],
)
def test_a_change_is_seen(change, rng):
    fused = planned(rng)
    change(fused)
    looked_at(fused, (2, 3, 8, 8), rng)


WIDER = np.ones((10, 24 * 25), np.float32)


def test_what_a_script_reads_cannot_be_changed_in_place(rng):
    fused = planned(rng)
    arrays = [parameter.data for parameter in fused.parameters()] + [buffer for _, buffer in fused.named_buffers()]
    assert arrays
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            np.asarray(array)[...] = 0


def test_what_was_changed_for_memory_of_somebody_else_is_run_as_it_stands(rng):
    fused = planned(rng)
    mine = fused[5].weight.data * 2
    fused[5].weight.data = mine
    assert looked_at(fused, (2, 3, 8, 8), rng) == 0
    mine[...] = 0
    looked_at(fused, (2, 3, 8, 8), rng)


def test_copies_give_the_same(rng):
    fused = planned(rng)
    for other in (copy.deepcopy(fused), pickle.loads(pickle.dumps(fused))):
        looked_at(other, (2, 3, 8, 8), rng)
        x = rng.standard_normal((2, 3, 8, 8), dtype=np.float32)
        assert as_it_stands(other, x).tobytes() == as_it_stands(fused, x).tobytes()


class Decides(nn.Module):
    """Looks at its numbers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 1)

    def forward(self, x):
        y = self.conv(x)
        return ops.relu(y) if x.data.mean() > 0 else ops.sigmoid(y)


def test_a_module_of_somebody_else_is_run_as_it_stands(rng):
    fused = minidl.fuse(nn.Sequential(Decides()), (3, 8, 8))
    assert looked_at(fused, (2, 3, 8, 8), rng, times=12) == 0


def test_a_forward_of_its_own_is_run(rng):
    fused = planned(rng)
    fused[2].forward = lambda x: x[:, :, ::2, ::2]
    assert looked_at(fused, (2, 3, 8, 8), rng) == 0


def test_who_observes_sees_everything(rng):
    fused, seen = planned(rng), []
    with no_grad(), observe(lambda event: seen.append(event.op)):
        fused(Tensor(rng.standard_normal((2, 3, 8, 8), dtype=np.float32)))
    assert "max_pool2d" in seen


def test_who_wants_a_gradient_gets_one(rng):
    fused = planned(rng)
    x = Tensor(rng.standard_normal((2, 3, 8, 8), dtype=np.float32), requires_grad=True)
    fused(x).sum().backward()
    assert abs(x.grad).max() > 0


def test_other_kernels_are_used_where_somebody_chose_them(rng):
    fused, x = planned(rng), rng.standard_normal((2, 3, 8, 8), dtype=np.float32)
    asked = []

    class Mine:
        @staticmethod
        def max_pool2d(*arguments):
            asked.append(arguments)
            return kernels.textbook.max_pool2d(*arguments)

    with no_grad(), kernels.use(Mine):
        fused(Tensor(x))
    assert asked


@pytest.mark.parametrize("looks", range(4))
@pytest.mark.filterwarnings("ignore:kernels. the fast kernels cannot be used")
def test_where_the_fast_kernels_fail_the_textbook_serves(looks, rng, monkeypatch):
    """From the beginning, or later, as when it is about to be planned."""
    fused, x = minidl.fuse(small(rng), (3, 8, 8)), rng.standard_normal((2, 3, 8, 8), dtype=np.float32)
    monkeypatch.setattr(kernels.SETS["cpu"], "_closed", "")  # and open again in the end
    with no_grad(), kernels.use("cpu"):
        before = [fused(Tensor(x)).data for _ in range(looks)]
        kernels.SETS["cpu"].close("a disk is full")
        after = [fused(Tensor(x)).data for _ in range(5)]
    with no_grad(), kernels.use("textbook"):
        expected = type(fused).__mro__[1].forward(fused, Tensor(x)).data
    assert not _scripts._scripts.get(fused, ()) or looks > _scripts.AFTER
    for y in before + after:
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_what_leaves_no_note_is_found_by_the_trial(rng, monkeypatch):
    monkeypatch.setattr("minidl.kernels._launches.note", lambda *arguments: None)
    fused = minidl.fuse(small(rng), (3, 8, 8))
    assert looked_at(fused, (2, 3, 8, 8), rng) == 0


def test_train_and_eval_again(rng):
    fused = planned(rng)
    fused.train()
    looked_at(fused, (2, 3, 8, 8), rng)
    fused.eval()
    assert looked_at(fused, (2, 3, 8, 8), rng) == 1


def test_a_network_that_changes_all_the_time_is_no_longer_planned(rng):
    fused = planned(rng)
    for number in range(_scripts.MOST + 2):
        fused[2].padding = (number % 2, 0) if number % 2 else (0, 0)
        fused[2].padding = (0, 0)
        fused[2].note = number
        looked_at(fused, (2, 3, 8, 8), rng, times=1)
    assert looked_at(fused, (2, 3, 8, 8), rng) == 0


def test_all_scripts_of_a_network_share_what_may_be_kept(rng, monkeypatch):
    fused = planned(rng)
    [script] = [it for it in _scripts._scripts[fused]._known.values() if it is not None]
    monkeypatch.setattr(_scripts, "MOST_KEPT", script.nbytes + 100)
    assert looked_at(fused, (4, 3, 8, 8), rng) == 1


def test_it_looks_brief(rng):
    assert repr(_scripts._scripts[planned(rng)]) == "Scripts(1 kinds of pictures)"
