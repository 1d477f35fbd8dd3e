"""Modules as Python objects: what is kept as what, in which order, and what is refused."""

import itertools
import re

import numpy as np
import pytest

from minidl import Tensor, models, nn, no_grad, optim, weights
from minidl.proof.layers import LAYERS

F32 = np.float32
LAYER_CASES = [pytest.param(case, id=f"{name}-{case.name}") for name, cases in LAYERS.items() for case in cases]


def snapshot(net):
    """Everything that depends on order: names of the state, of parameters, of modules."""
    return list(net.state_dict()), [n for n, _ in net.named_parameters()], [n for n, _ in net.named_modules()]


@pytest.mark.parametrize("case", LAYER_CASES)
def test_replacing_anything_keeps_its_place(case):
    net = nn.Sequential({"before": case.build(), "it": case.build(), "behind": nn.Linear(2, 2)})
    names = snapshot(net)
    for path, module in list(net.named_modules())[1:]:
        parent = dict(net.named_modules())[path.rpartition(".")[0]]
        setattr(parent, path.rpartition(".")[2], module)
        assert snapshot(net) == names
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(parameter.data))
            assert snapshot(net) == names
        for name, array in module.named_buffers(recurse=False):
            setattr(module, name, array + 0)
            assert snapshot(net) == names
    net.it = case.build()
    assert snapshot(net) == names


@pytest.mark.parametrize(
    ("name", "path"), [("resnet18", "layer1.0"), ("vgg11", "features.0"), ("densenet121", "features.conv0")]
)
def test_a_network_with_a_layer_replaced_by_its_own_copy_is_the_same(name, path, rng):
    import copy

    from tests.models.narrow import narrow

    net = narrow(name, rng).eval()
    x = Tensor(rng.standard_normal((1, 3, net.smallest, net.smallest)))
    with no_grad():
        y, names = net(x).data, snapshot(net)
        parent, _, last = path.rpartition(".")
        parent = dict(net.named_modules())[parent]
        setattr(parent, last, copy.deepcopy(getattr(parent, last)))
        assert snapshot(net) == names
        np.testing.assert_array_equal(net(x).data, y)


class Counting(nn.Module):
    """Buffers of the usual kinds."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", np.array(0))
        self.register_buffer("m", np.zeros(2, F32))
        self.register_buffer("empty", None)
        self.register_buffer("passing", np.ones(3), persistent=False)

    def forward(self, x):
        self.count = self.count + 1
        self.m = 0.9 * self.m + x.mean(axis=0)
        return x


def test_buffers_stay_buffers():
    net = Counting()
    for _ in range(3):
        net(Tensor([[1.0, 2.0]]))
    assert [name for name, _ in net.named_buffers()] == ["count", "m", "passing"]
    state = net.state_dict()
    assert list(state) == ["count", "m"]
    assert state["count"] == 3
    np.testing.assert_allclose(state["m"], [2.71, 5.42], rtol=1e-6)
    assert isinstance(net.m, np.ndarray)
    assert isinstance(net.count, np.ndarray)
    other = Counting()
    assert repr(other.load_state_dict(state)) == "2 used, 0 missing, 0 unexpected"
    assert other.count == 3
    net.to("cpu")
    net.m = None
    assert (net.m, list(net.state_dict())) == (None, ["count"])
    net.m, net.empty = np.ones(2, F32), np.ones(1, F32)
    assert list(net.state_dict()) == ["count", "m", "empty"]
    net.passing = None
    net.register_buffer("passing", np.ones(3))
    assert list(net.state_dict()) == ["count", "m", "empty", "passing"]
    del net.passing
    assert not hasattr(net, "passing")


@pytest.mark.parametrize(
    "case", [it for it in LAYER_CASES if list(it.values[0].build().named_buffers())] + [pytest.param(None, id="own")]
)
@pytest.mark.parametrize("value", [1.0, 3, [1.0, 2.0], "text", object(), lambda: 0, np.array(["a"]), np.array([None])])
def test_what_is_no_array_is_no_buffer(case, value):
    net = case.build() if case else Counting()
    before = net.state_dict()
    for module, name in [(owner, name) for owner in net.modules() for name in owner._buffers]:
        with pytest.raises(TypeError, match=rf"^{type(module).__name__}: {name} is a buffer, an array .*received"):
            setattr(module, name, value)
        with pytest.raises(TypeError, match=f"{name} is a buffer, an array"):
            module.register_buffer(name, value)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_tensor_for_a_buffer_gives_its_array_unless_a_gradient_flows_through_it():
    norm, w = nn.BatchNorm2d(2), Tensor([1.0, 2.0], requires_grad=True)
    norm.running_var = Tensor([4.0, 9.0])
    assert isinstance(norm.running_var, np.ndarray)
    assert norm.eval()(Tensor(np.ones((1, 2, 1, 1), F32))).shape == (1, 2, 1, 1)
    with pytest.raises(TypeError, match=r"running_var is a buffer; .* gradient flows, .* cut off; keep its array"):
        norm.running_var = w * 2.0
    with no_grad():
        norm.running_var = w * 2.0
    assert list(norm.state_dict()) == ["weight", "bias", "running_mean", "running_var"]
    assert norm.state_dict()["running_var"].tolist() == [2, 4]


KINDS = {
    "parameter": lambda net, name: net.register_parameter(name, nn.Parameter(np.ones(1, F32))),
    "buffer": lambda net, name: net.register_buffer(name, np.ones(1, F32)),
    "module": lambda net, name: net.add_module(name, nn.Identity()),
    "plain attribute": lambda net, name: setattr(net, name, 1),
}


@pytest.mark.parametrize(
    ("first", "second"), [p for p in itertools.product(KINDS, repeat=2) if p[1] != "plain attribute"]
)
def test_one_name_is_one_thing(first, second):
    net = nn.Module()
    KINDS[first](net, "it")
    if first == second:
        return KINDS[second](net, "it")  # it is replaced
    with pytest.raises(ValueError, match=f"^Module: it cannot be a {second}, it is a {first} already; .* del .it"):
        KINDS[second](net, "it")
    del net.it
    KINDS[second](net, "it")
    return None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "plain attribute"])
@pytest.mark.parametrize("name", ["", "a.b", "forward", "training", "_modules", "state_dict"])
def test_names_that_hide_or_make_no_path_are_refused(kind, name):
    net = nn.Module()
    with pytest.raises(ValueError, match="^Module: a name must not be empty, contain a dot or hide a method; received"):
        KINDS[kind](net, name)
    if kind != "buffer":
        with pytest.raises(ValueError, match="a name must not be empty"):
            setattr(net, name, nn.Identity() if kind == "module" else nn.Parameter(np.ones(1, F32)))
    with pytest.raises(TypeError, match="a name must be a string; received 3"):
        KINDS[kind](net, 3)


def test_a_class_attribute_does_not_hide_a_layer():
    class Net(nn.Module):
        fc = None

    with pytest.raises(ValueError, match="received 'fc', which the class Net has already"):
        Net().fc = nn.Linear(1, 1)


def test_properties_with_setters_are_used():
    class Net(nn.Module):
        @property
        def scale(self):
            return self._scale

        @scale.setter
        def scale(self, value):
            self._scale = 2 * value

    net = Net()
    net.scale = 3
    assert net.scale == 6


def test_kinds_change_only_to_what_is_found():
    net = nn.Sequential({"fc": nn.Linear(2, 2), "act": nn.ReLU()})
    for value in (lambda x: x, 3, np.ones(2), Tensor([1.0])):
        with pytest.raises(TypeError, match="Sequential: fc is a module; received a .* nobody would find; .* del .fc"):
            net.fc = value
    with pytest.raises(TypeError, match="must be an nn.Module or None; received a function"):
        nn.Module().add_module("f", lambda x: x)
    with pytest.raises(TypeError, match="must be an nn.Parameter or None; received a ndarray"):
        nn.Module().register_parameter("w", np.ones(2))
    with pytest.raises(TypeError, match="expects modules; received for 'fc' a NoneType; take it out with del"):
        net.fc = None
    owner = nn.Module()
    owner.a, owner.b = nn.Linear(1, 1), nn.Linear(1, 1)
    owner.a = None
    assert owner.a is None
    assert repr(owner) == "Module(\n  (a): None\n  (b): Linear(1, 1)\n)"
    assert [name for name, _ in owner.named_children()] == ["b"]
    owner.train().to("cpu").zero_grad()
    owner.a = nn.Linear(1, 1)
    assert [name for name, _ in owner.named_children()] == ["a", "b"]
    layer = nn.Linear(2, 2, bias=False)
    layer.weight, weight = None, layer.weight
    layer.bias = nn.Parameter(np.zeros(2, F32))
    layer.weight = weight
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_a_tree_has_no_circles():
    net = nn.Sequential(nn.Sequential(nn.Linear(1, 1)))
    for inner in net.modules():
        with pytest.raises(ValueError, match="owner contains this module itself, and a tree has no circles"):
            inner.owner = net
        with pytest.raises(ValueError, match="no circles"):
            inner.add_module("owner", net)


@pytest.mark.parametrize(
    ("plain", "cure"),
    [
        (lambda: [nn.Linear(1, 1)], r"plain list with a Linear, .* write self.layers = nn.ModuleList\(…\)"),
        (lambda: (nn.ReLU(), nn.Linear(1, 1)), r"plain tuple with a ReLU, .* nn.ModuleList\(…\)"),
        (lambda: {"a": nn.Linear(1, 1)}, r"plain dict with a Linear, .* self.layers = nn.ModuleDict\(…\)"),
        (lambda: [{"a": [nn.Linear(1, 1)]}], r"plain list with a Linear"),
        (lambda: {nn.Linear(1, 1)}, r"plain set with a Linear"),
        (lambda: [nn.Parameter(np.ones(1))], r"plain list with a Parameter, .* self.register_parameter\(name, param"),
    ],
)
@pytest.mark.parametrize("ask", ["parameters", "named_parameters", "state_dict", "zero_grad"])
def test_layers_that_nobody_finds_are_told_of_once(plain, cure, ask, recwarn):
    net = nn.Sequential(nn.Module())
    net[0].layers = plain()
    with pytest.warns(UserWarning, match=f"^Module: layers is a {cure}") as told:
        getattr(net, ask)()
    assert [it.filename for it in told] == [__file__] or ask == "zero_grad"
    list(net.parameters()), net.state_dict(), net[0].parameters()
    assert not recwarn.list


def test_layers_that_are_found_all_the_same_are_not_told_of():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1))
            self.steps = [self.a, self.b, self.a.weight]
            self.b.owner_s_layers = (self.a,)  # registered above
            self.numbers = list(range(2000))

    net = Net()
    assert len(list(net.parameters())) == 4
    assert len(net.state_dict()) == 4


class Own(nn.Linear):
    """Overrides everything that a tree may be asked for."""

    def __init__(self):
        super().__init__(2, 2)
        self.asked = []

    def named_parameters(self, prefix="", recurse=True):
        return iter([("w", self.weight)])

    def named_buffers(self, prefix="", recurse=True):
        return iter([("seen", np.ones(1))])

    def named_modules(self, prefix=""):
        return iter([("", self), ("inner", nn.Identity())])

    def state_dict(self):
        return {**super().state_dict(), "extra": np.ones(1)}

    def load_state_dict(self, state, strict=True):
        self.extra = state["extra"]
        return super().load_state_dict({name: it for name, it in state.items() if name != "extra"}, strict)

    def train(self, mode=True):
        self.asked.append(("train", mode))
        return super().train(False)

    def zero_grad(self):
        self.asked.append("zero_grad")

    def to(self, device):
        self.asked.append(("to", device))
        return self


def test_methods_that_a_child_overrides_count():
    net = nn.Sequential(nn.Sequential(Own()), nn.Linear(2, 2))
    own = net[0][0]
    assert [name for name, _ in net.named_parameters()] == ["0.0.w", "1.weight", "1.bias"]
    assert [id(p) for p in net.parameters()] == [id(p) for _, p in net.named_parameters()]
    assert [name for name, _ in net.named_buffers()] == ["0.0.seen"]
    assert [name for name, _ in net.named_modules()] == ["", "0", "0.0", "0.0.inner", "1"]
    assert "0.0.extra" in net.state_dict()
    net.train()
    net.eval()
    net.zero_grad()
    assert net.to("cpu") is net
    assert own.asked == [("train", True), ("train", False), "zero_grad", ("to", "cpu")]
    assert not own.training


def test_a_child_that_loads_in_its_own_way_gets_its_part_and_all_or_nothing_is_loaded():
    net, other = (nn.Sequential(Own(), nn.Linear(2, 2), Own()) for _ in range(2))
    state = net.state_dict()
    state["0.extra"] = np.array([7.0])
    report = other.load_state_dict(state)
    assert (sorted(report.used), report.missing) == (sorted(set(state) - {"0.extra", "2.extra"}), [])
    assert other[0].extra.tolist() == [7]
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, net.state_dict()[name])
    before, bad = net.state_dict(), {name: array + 1 for name, array in state.items()}
    bad["2.weight"] = np.ones(3)
    with pytest.raises(ValueError, match="wrong shape: weight"):
        other.load_state_dict(bad)
    for name, array in before.items():
        np.testing.assert_array_equal(other.state_dict()[name], array)


def test_a_child_that_overrides_parameters_alone_counts_too():
    class Adapter(nn.Sequential):
        def parameters(self, recurse=True):
            yield self[0].bias

    net = nn.Sequential(Adapter(nn.Linear(2, 2)), nn.Linear(2, 2))
    assert [name for name, _ in net.named_parameters()] == ["0.0.bias", "1.weight", "1.bias"]
    assert [id(p) for p in net.parameters()] == [id(p) for _, p in net.named_parameters()]
    optimiser = optim.SGD(net.parameters(), lr=1.0)
    y = net(Tensor([[1.0, 2.0]]))
    y.backward(np.ones((1, 2), F32))
    before = net[0][0].weight.data.copy()
    optimiser.step()
    np.testing.assert_array_equal(net[0][0].weight.data, before)


def test_shared_modules_and_buffers_are_listed_once():
    layer = nn.BatchNorm1d(2)
    net = nn.Sequential(layer, layer)
    assert [name for name, _ in net.named_modules()] == ["", "0"]
    assert [name for name, _ in net.named_buffers()] == ["0.running_mean", "0.running_var"]
    assert len(net.state_dict()) == 8
    net.load_state_dict(net.state_dict())


def test_a_state_of_something_else_is_refused_in_a_line():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"^load_state_dict: names must be strings, .* received 0, a int$"):
        layer.load_state_dict({0: np.ones(2)})
    for value in (None, {"a": 1}, object(), [[1, 2], [3]], np.array([None])):
        found = re.escape(type(value).__name__)
        with pytest.raises(
            TypeError, match=f"^load_state_dict: bias must be an array of numbers; (received a {found}|it is)"
        ):
            layer.load_state_dict({"weight": np.ones((2, 2)), "bias": value})


def test_a_counter_of_ones_own_is_loaded():
    net = nn.Module()
    net.register_buffer("num_batches_tracked", np.array(0))
    net.load_state_dict({"num_batches_tracked": np.array(5), "bn.num_batches_tracked": np.array(6)})
    assert net.num_batches_tracked == 5


def test_every_layer_saves_loads_and_moves_with_its_empty_places(tmp_path):
    for name, cases in LAYERS.items():
        for case in cases:
            net = case.build()
            state = net.state_dict()
            assert all(array.dtype.kind in "biuf" for array in state.values()), name
            weights.save(tmp_path / "w.safetensors", state)
            net.load_state_dict(weights.load(tmp_path / "w.safetensors"))
            assert net.to("cpu") is net
    assert list(models.lenet5_modern().state_dict())
