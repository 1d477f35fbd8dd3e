"""The tree of modules: names, state, modes, repr."""

import numpy as np
import pytest

from minidl import Tensor, models, nn, observe


class Remembering(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", np.zeros(2, dtype=np.float32))
        self.inner = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))

    def forward(self, x):
        self.seen = self.seen + 1
        return self.inner(x)


def test_names_follow_the_tree():
    net = Remembering()
    assert list(net.state_dict()) == [
        "seen",
        "inner.0.weight",
        "inner.0.bias",
        "inner.2.weight",
        "inner.2.bias",
    ]
    assert [name for name, _ in net.named_parameters()] == list(net.state_dict())[1:]
    assert [name for name, _ in net.named_buffers()] == ["seen"]
    assert [name for name, _ in net.named_modules()] == ["", "inner", "inner.0", "inner.1", "inner.2"]
    assert len(list(net.children())) == 1
    assert len(list(net.buffers())) == 1


def test_lenet_has_61706_parameters_under_these_names():
    net = models.lenet5_modern()
    assert sum(p.numel() for p in net.parameters()) == 61_706
    assert {name: array.shape for name, array in net.state_dict().items()} == {
        "conv1.weight": (6, 1, 5, 5),
        "conv1.bias": (6,),
        "conv2.weight": (16, 6, 5, 5),
        "conv2.bias": (16,),
        "fc1.weight": (120, 400),
        "fc1.bias": (120,),
        "fc2.weight": (84, 120),
        "fc2.bias": (84,),
        "fc3.weight": (10, 84),
        "fc3.bias": (10,),
    }


def test_state_is_a_copy_and_loads_back():
    net, other = Remembering(), Remembering()
    net(Tensor([[1.0, 2.0]]))
    state = net.state_dict()
    report = other.load_state_dict(state)
    assert (len(report.used), report.missing, report.unexpected) == (5, [], [])
    assert repr(report) == "5 used, 0 missing, 0 unexpected"
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    state["inner.0.weight"][:] = 7
    assert not (other.inner[0].weight.data == 7).any()
    assert other.seen.tolist() == [1, 1]


def test_loading_converts_the_dtype_and_counts_as_a_change():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": np.ones((1, 2)), "bias": np.zeros(1)})
    assert layer.weight.dtype == np.float32
    assert layer.weight._version == 1


def test_what_does_not_fit_is_listed_and_nothing_is_loaded():
    layer = nn.Linear(2, 1)
    before = layer.state_dict()
    with pytest.raises(ValueError, match=r"do not fit Linear; missing: bias; unexpected: scale"):
        layer.load_state_dict({"weight": np.ones((1, 2)), "scale": np.ones(1)})
    with pytest.raises(ValueError, match=r"wrong shape: weight is \(2, 1\), expected \(1, 2\)"):
        layer.load_state_dict({"weight": np.ones((2, 1)), "bias": np.zeros(1)})
    many = {f"extra{i}": np.ones(1) for i in range(9)}
    with pytest.raises(ValueError, match=r"unexpected: extra0, extra1, extra2, extra3 and 5 more"):
        layer.load_state_dict({**before, **many})
    np.testing.assert_array_equal(layer.weight.data, before["weight"])


def test_not_strict_loads_what_fits():
    layer = nn.Linear(2, 1)
    report = layer.load_state_dict({"weight": np.ones((1, 2)), "num_batches_tracked": 3, "other": 1}, strict=False)
    assert (report.used, report.missing, report.unexpected) == (["weight"], ["bias"], ["other"])
    np.testing.assert_array_equal(layer.weight.data, [[1, 1]])


def test_modes_reach_the_whole_tree_and_return_the_module():
    net = Remembering()
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert net.inner[1].training


def test_zero_grad_forgets():
    layer = nn.Linear(2, 1)
    layer(Tensor([[1.0, 2.0]])).backward(np.ones((1, 1), dtype=np.float32))
    layer.zero_grad()
    assert layer.weight.grad is None


def test_a_shared_parameter_is_listed_once():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert "1.weight" in net.state_dict()


def test_attributes_can_change_their_kind():
    layer = nn.Linear(2, 1)
    layer.bias = None
    assert layer.bias is None
    assert list(layer.state_dict()) == ["weight"]
    layer.bias = nn.Parameter(np.zeros(1))
    assert list(layer.state_dict()) == ["weight", "bias"]
    del layer.bias
    with pytest.raises(AttributeError, match="Linear has no attribute 'bias'"):
        layer.bias  # noqa: B018
    layer.note = 1
    del layer.note
    assert "note" not in vars(layer)


def test_super_init_must_come_first():
    class Forgetful(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(1, 1)

    with pytest.raises(RuntimeError, match=r"Forgetful: call super\(\).__init__\(\) before setting fc"):
        Forgetful()


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module: forward is not written"):
        nn.Module()(Tensor([1.0]))


def test_repr_is_readable():
    assert repr(Remembering()) == (
        "Remembering(\n  (inner): Sequential(\n    (0): Linear(2, 3)\n    (1): ReLU()\n    (2): Linear(3, 1)\n  )\n)"
    )
    assert repr(nn.Conv2d(4, 8, 3, stride=2, groups=2, bias=False)) == (
        "Conv2d(4, 8, kernel_size=(3, 3), stride=2, groups=2, bias=False)"
    )
    assert repr(nn.AvgPool2d(3, count_include_pad=False)) == "AvgPool2d(kernel_size=3, count_include_pad=False)"
    assert repr(nn.Linear(2, 3, bias=False)) == "Linear(2, 3, bias=False)"


def test_layers_judge_their_numbers():
    with pytest.raises(
        ValueError, match=r"Conv2d: in_channels must be divisible by groups; received in_channels=3, groups=2"
    ):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match="Conv2d: out_channels must be an int >= 1; received out_channels=0"):
        nn.Conv2d(3, 0, 3)
    with pytest.raises(
        ValueError, match=r"Conv2d: kernel_size must be an int or a pair of ints >= 1; .*kernel_size=\(3, 0\)"
    ):
        nn.Conv2d(3, 4, (3, 0))
    with pytest.raises(ValueError, match="Linear: in_features must be an int >= 1; received in_features=2.5"):
        nn.Linear(2.5, 1)


@pytest.mark.parametrize("state", [None, "net.pth", [1]])
def test_a_state_that_is_no_dict_is_refused(state):
    with pytest.raises(
        TypeError, match=r"load_state_dict: expects a dict of name -> array; received a \w+; a file is read"
    ):
        nn.Linear(2, 2).load_state_dict(state)


def test_a_state_with_something_else_than_numbers_changes_nothing():
    layer = nn.Linear(2, 2)
    before = layer.state_dict()
    state = {"weight": np.ones((2, 2)), "bias": np.array(["a", "b"])}
    with pytest.raises(TypeError, match="load_state_dict: bias must be an array of numbers; it is <U1"):
        layer.load_state_dict(state)
    np.testing.assert_array_equal(layer.weight.data, before["weight"])


def test_a_state_of_tensors_loads():
    layer, other = nn.Linear(2, 2), nn.Linear(2, 2)
    other.load_state_dict(dict(layer.named_parameters()))
    np.testing.assert_array_equal(other.weight.data, layer.weight.data)
    assert not np.shares_memory(other.weight.data, layer.weight.data)


def test_a_parameter_is_not_lost_to_an_array():
    layer = nn.Linear(2, 2)
    with pytest.raises(
        TypeError, match=r"Linear: weight is a parameter; received a ndarray, .* \.weight\.data = array"
    ):
        layer.weight = np.ones((2, 2))
    with pytest.raises(TypeError, match=r"Linear: bias is a parameter; received a Tensor"):
        layer.bias = Tensor([1.0, 2.0])
    layer.weight, layer.bias = nn.Parameter(np.ones((2, 2), dtype=np.float32)), None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_forward_may_have_settings():
    class Scaled(nn.Module):
        def forward(self, x, *, scale=1.0):
            return x * scale

    assert Scaled()(Tensor([2.0]), scale=3.0).item() == 6.0
    with observe(lambda event: None):
        assert Scaled()(x=Tensor([2.0]), scale=3.0).item() == 6.0


def test_append_to_a_slice_replaces_nothing():
    layers = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.ReLU6(), nn.Sigmoid())
    with pytest.raises(
        ValueError, match="Sequential: append would replace the module '2'; the names are '2', '3'; make"
    ):
        layers[2:].append(nn.Tanh())
    assert len(layers[:2].append(nn.Sigmoid())) == 3


def test_modes_are_kept_when_a_block_ends_badly():
    net = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5)))
    net[1].eval()
    net[1][0].train()
    modes = [module.training for module in net.modules()]
    with pytest.raises(ValueError, match="badly"), net.modes_kept():
        net.eval()
        raise ValueError("badly")
    assert [module.training for module in net.modules()] == modes == [True, True, False, True, False]
