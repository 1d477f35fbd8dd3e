"""What might make a compiled network wrong without a word: each is seen, refused, or left to the network itself."""

import copy
import gc
import threading
import weakref
from unittest import mock

import numpy as np
import pytest

import minidl
from minidl import Tensor, compiled, kernels, models, nn, no_grad, ops
from minidl._random import default_generator, drawn_instead
from minidl.compiled import _plans, _rehearsal
from minidl.kernels import _journey, _launches
from minidl.kernels._journey import Way
from minidl.models.densenet import DenseBlock
from tests.compiled.test_compile import SHAPE, alike, learn, planned, plans, twins


def frozen():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16, activation="relu").eval(), nn.Conv2d(16, 8, 3),
        nn.BatchNorm2d(8).eval(), nn.Flatten(), nn.Linear(8 * 36, 10),
    )  # fmt: skip


def test_statistics_of_a_frozen_norm_are_looked_up_at_every_step(rng):
    nets = twins(frozen)
    for it in nets:
        for norm in (it[1], it[3]):
            norm.running_var = rng.uniform(0.5, 1, norm.num_features).astype(np.float32)
    nets[1].load_state_dict(nets[0].state_dict())
    for seed in range(8):
        x, dy = (rng.standard_normal(shape, dtype=np.float32) for shape in (SHAPE, (3, 10)))
        assert learn(nets[0], x, seed, dy) == learn(nets[1], x, seed, dy)
        for it in nets:
            it[1].running_mean[...] = seed
            it.load_state_dict({name: array + np.float32(0.1) for name, array in it.state_dict().items()})
    assert plans(nets[1]) == 1


def test_pictures_may_be_changed_before_the_way_back(rng):
    """What is made of them and kept is, too, where a norm has nothing else to keep."""

    def first_a_norm():
        return nn.Sequential(nn.BatchNorm2d(64, affine=False, activation="relu"), nn.Conv2d(64, 10, 1), nn.Flatten())

    plain, other = twins(first_a_norm)
    assert alike(plain, other, rng, (300, 64, 1, 1)) == 1
    dy, found = rng.standard_normal((300, 10), dtype=np.float32), []
    pictures = rng.standard_normal((300, 64, 1, 1), dtype=np.float32)
    for net in (plain, other):
        x = Tensor(pictures.copy())
        net.zero_grad()
        with kernels.use("cpu"):
            y = net(x)
            x._data[...] = 0
            y.backward(dy)
        found.append(net[1].weight.grad.numpy().tobytes())
    assert found[0] == found[1]


def test_what_is_computed_of_parameters_alone_must_be_noted(rng, monkeypatch):
    """The rehearsal knows zeros only: what is made of a large weight would be 0 for ever."""

    def doubled(self, x):
        return ops.linear(x, self.weight, Tensor(self.weight._data.sum(1)))

    monkeypatch.setattr(nn.Linear, "forward", doubled)
    doubled.__module__ = "minidl.nn.linear"
    assert alike(*twins(), rng) == 0
    monkeypatch.setattr(_rehearsal, "FEW", 10)  # the weight of the last layer is itself in the trial then
    assert alike(*twins(), rng) == 0


def test_a_way_back_that_was_stopped_is_not_gone_again(rng, monkeypatch):
    _, net = planned(rng)
    with kernels.use("cpu"):
        y = net(Tensor(rng.standard_normal(SHAPE, dtype=np.float32)))
    dy = rng.standard_normal((3, 10), dtype=np.float32)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Way, "go", mock.Mock(side_effect=KeyboardInterrupt))
        y.backward(dy)
    with pytest.raises(RuntimeError, match="freed, or was stopped in"):
        y.backward(dy)
    with kernels.use("cpu"):  # and the plan goes on
        net(Tensor(rng.standard_normal(SHAPE, dtype=np.float32))).backward(dy)


def test_nobody_sees_a_trial(rng, monkeypatch):
    _, net = twins()
    before, seen = net.state_dict(), []
    compare = _plans.compare

    def looked_at(*arguments):
        def look():
            now = net.state_dict()
            seen.append([name for name in before if now[name].tobytes() != before[name].tobytes()])
            seen.append([str(default_generator().bit_generator.state) == str(state)])

        forward = _rehearsal.Learner.forward

        def while_it_runs(*given):
            other = threading.Thread(target=look)
            other.start()
            other.join()
            return forward(*given)

        with monkeypatch.context() as patch:
            state = default_generator().bit_generator.state
            patch.setattr(_rehearsal.Learner, "forward", while_it_runs)
            compare(*arguments)

    monkeypatch.setattr(_plans, "compare", looked_at)
    x = Tensor(rng.standard_normal(SHAPE, dtype=np.float32))
    with kernels.use("cpu"):
        for _ in range(2):
            net(x)
        before = net.state_dict()
        net(x)
    assert seen == [[], [True]]
    assert plans(net) == 1


def test_draws_of_a_block_are_its_own():
    state = str(default_generator().bit_generator.state)
    mine, other = np.random.default_rng(3), np.random.default_rng(4)
    with drawn_instead({None: mine, id(other): mine}):
        assert default_generator() is mine
        ops.dropout(Tensor(np.ones(8)), 0.5, training=True)
        ops.dropout(Tensor(np.ones(8)), 0.5, training=True, rng=other)
    assert str(default_generator().bit_generator.state) == state
    assert other.random() == np.random.default_rng(4).random()
    assert mine.random() != np.random.default_rng(3).random()


def test_running_statistics_that_nobody_may_write_are_refused(rng, tmp_path):
    _, net = planned(rng)
    np.save(tmp_path / "mean.npy", np.zeros(16, np.float32))
    x = Tensor(rng.standard_normal(SHAPE, dtype=np.float32))
    for mean in (np.asarray(np.load(tmp_path / "mean.npy", mmap_mode="r")), np.zeros(16, np.float32)):
        mean.flags.writeable = False
        net[1].running_mean = mean
        with kernels.use("cpu"):
            for _ in range(4):
                with pytest.raises(ValueError, match="read-only"):
                    net(x)
        assert not mean.any()


def test_a_result_may_be_changed_in_place(rng):
    _, net = planned(rng)
    with kernels.use("cpu"):
        y = net(Tensor(rng.standard_normal(SHAPE, dtype=np.float32)))
    before = y.numpy()
    with no_grad():
        y += 1.0
    np.testing.assert_array_equal(y.data, before + 1)


def test_a_gradient_in_another_order_is_added_up_as_one_in_the_order_of_the_result(rng):
    plain, net = planned(rng)
    x, dy = rng.standard_normal(SHAPE, dtype=np.float32), np.asfortranarray(rng.standard_normal((3, 10)).astype("f"))
    found = []
    for it in (plain, net):
        minidl.manual_seed(3)
        it.zero_grad()
        with kernels.use("cpu"):
            it(Tensor(x)).backward(dy)
        found.append([parameter.grad for parameter in it.parameters()])
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: DenseBlock(8, 2, 4), (1, 8, 7, 7)),
        (lambda: nn.Sequential(nn.ZeroPad2d((0, 0, 0, 1)), nn.Conv2d(4, 8, 3)), (1, 4, 7, 7)),
    ],
    ids=["a dense block", "a padded picture"],
)
def test_a_result_that_is_the_front_of_what_a_kernel_writes_is_refused(make, shape, rng):
    """The gradient of one picture is a slice without gaps of a wider one, behind which somebody else's memory lies."""
    assert alike(*twins(make), rng, shape, wants=True) == 0
    assert alike(*twins(make), rng, shape) == 1


def test_a_network_ends_with_its_plans(rng):
    _, net = planned(rng)
    ends = [weakref.ref(it) for it in (net, compiled._known[net], net[0].weight)]
    del net
    gc.collect()
    assert [end() for end in ends] == [None] * 3


def tied():
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 192), nn.Tanh(), nn.Linear(192, 192), nn.Linear(192, 10))
    net[3].weight = net[1].weight
    return net


def test_a_parameter_that_is_used_twice_is_not_planned(rng):
    assert alike(*twins(tied), rng) == 0


def test_zeros_keep_their_signs(rng):
    def make():
        net = nn.Sequential(nn.Linear(7, 7), nn.ReLU())
        net[0].weight.data, net[0].bias.data = np.zeros((7, 7), np.float32), np.full(7, -0.0, np.float32)
        return net

    kernels.SETS["cpu"].opened()
    plain, net = twins(make)
    for _ in range(4):
        one, other = (it(Tensor(np.full((2, 7), -0.0, np.float32))).data for it in (plain, net))
        assert one.tobytes() == other.tobytes()


def test_a_class_that_somebody_patches_is_seen(rng):
    nets = planned(rng)
    x = Tensor(rng.standard_normal(SHAPE, dtype=np.float32))
    with kernels.use("cpu"), mock.patch.object(nn.Dropout, "forward", lambda self, x: x):
        one, other = (net(x).data for net in nets)
    assert one.tobytes() == other.tobytes()
    assert alike(*nets, rng) == 1


class Doubled(nn.Sequential):
    def __call__(self, x):
        return super().__call__(x * 2)


def test_a_call_of_somebodys_own_is_theirs(rng):
    x = Tensor(rng.standard_normal((2, 7), dtype=np.float32))
    net = Doubled(nn.Linear(7, 3))
    np.testing.assert_array_equal(compiled.run(net, x).data, net(x).data)
    assert minidl.compile(net) is net
    np.testing.assert_array_equal(compiled.run(net, x).data, net[0](x * 2).data)


class Named(nn.Module):
    def __init_subclass__(cls, *, title, **settings):
        super().__init_subclass__(**settings)


class Titled(Named, title="one"):
    def forward(self, x):
        return x


def test_classes_stay_what_they_are(rng):
    assert type(minidl.compile(Titled())) is Titled
    net = models.resnet20_cifar(num_classes=3)
    x = Tensor(rng.standard_normal((2, 3, 32, 32), dtype=np.float32))
    fused = minidl.fuse(net)
    minidl.compile(net.bn1)
    with no_grad():
        np.testing.assert_array_equal(minidl.fuse(net)(x).data, fused(x).data)
    assert "_run" not in repr(net.bn1)
    with pytest.raises(ValueError, match="_run"):
        net.register_buffer("_run", np.zeros(1))


def test_a_forked_process_runs_the_network_as_it_stands(rng, monkeypatch):
    _, net = planned(rng)
    x = Tensor(rng.standard_normal(SHAPE, dtype=np.float32))
    with kernels.use("cpu"):
        y = net(x)
        for module in (_journey, _launches):
            monkeypatch.setattr(module, "is_forked", [True])
        assert net(x)._node.function is not _plans.CompiledNetwork
    with pytest.raises(RuntimeError, match="another process"):
        y.backward(np.ones((3, 10), np.float32))


def test_a_network_that_cannot_be_copied_runs_as_it_stands(rng):
    plain, net = twins()
    for it in (plain, net):
        it[5].lock = threading.Lock()
    assert alike(plain, net, rng) == 0
    with pytest.raises(TypeError):
        copy.deepcopy(net)
