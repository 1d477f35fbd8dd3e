"""Layers: they are their operations, under PyTorch's names; containers name their children as PyTorch does."""

import functools

import numpy as np
import pytest

from minidl import Tensor, nn, ops
from tests.contract import assert_close

PAIRS = [
    (nn.ReLU(), ops.relu, "ReLU()"),
    (nn.LeakyReLU(0.2), lambda x: ops.leaky_relu(x, 0.2), "LeakyReLU(negative_slope=0.2)"),
    (nn.ReLU6(), ops.relu6, "ReLU6()"),
    (nn.Sigmoid(), ops.sigmoid, "Sigmoid()"),
    (nn.Tanh(), ops.tanh, "Tanh()"),
    (nn.ScaledTanh(), ops.scaled_tanh, "ScaledTanh()"),
    (nn.SiLU(), ops.silu, "SiLU()"),
    (nn.Hardsigmoid(), ops.hardsigmoid, "Hardsigmoid()"),
    (nn.Hardswish(), ops.hardswish, "Hardswish()"),
    (nn.Softmax(1), lambda x: ops.softmax(x, 1), "Softmax(axis=1)"),
    (nn.LogSoftmax(-1), ops.log_softmax, "LogSoftmax(axis=-1)"),
    (nn.GELU(), ops.gelu, "GELU(approximate='none')"),
    (nn.GELU("tanh"), lambda x: ops.gelu(x, "tanh"), "GELU(approximate='tanh')"),
    (nn.ELU(0.5), lambda x: ops.elu(x, 0.5), "ELU(alpha=0.5)"),
    (nn.Softplus(2), lambda x: ops.softplus(x, 2), "Softplus(beta=2, threshold=20.0)"),
    (nn.Softmax(dim=1), lambda x: ops.softmax(x, 1), "Softmax(axis=1)"),
    (nn.GroupNorm(2, 4, affine=False), lambda x: ops.group_norm(x, 2), "GroupNorm(2, 4, affine=False)"),
    (
        nn.LayerNorm(3, 0.1, False),
        lambda x: ops.layer_norm(x, 3, eps=0.1),
        "LayerNorm((3,), eps=0.1, elementwise_affine=False)",
    ),
    (nn.Upsample(scale_factor=2), lambda x: ops.interpolate(x, scale_factor=2), "Upsample(scale_factor=2)"),
    (
        nn.Upsample(5, mode="bilinear"),
        lambda x: ops.interpolate(x, 5, mode="bilinear"),
        "Upsample(size=5, mode='bilinear')",
    ),
    (nn.ZeroPad2d((3, 1, 0, 2)), lambda x: ops.pad(x, ((0, 2), (3, 1))), "ZeroPad2d(((0, 2), (3, 1)))"),
    (nn.ZeroPad2d(((0, 2), (3, 1))), lambda x: ops.pad(x, ((0, 2), (3, 1))), "ZeroPad2d(((0, 2), (3, 1)))"),
    (nn.Unflatten(1, (2, 2)), lambda x: ops.unflatten(x, 1, (2, 2)), "Unflatten(axis=1, sizes=(2, 2))"),
    (nn.Flatten(1, 2), lambda x: ops.flatten(x, 1, 2), "Flatten(end_axis=2)"),
    (nn.Flatten(), ops.flatten, "Flatten()"),
    (nn.Flatten(2), lambda x: ops.flatten(x, 2), "Flatten(start_axis=2)"),
    (nn.Identity(), lambda x: x, "Identity()"),
    (nn.ChannelShuffle(2), lambda x: ops.channel_shuffle(x, 2), "ChannelShuffle(groups=2)"),
]


@pytest.mark.parametrize(("layer", "f", "text"), PAIRS, ids=[text for _, _, text in PAIRS])
def test_a_layer_is_its_operation(layer, f, text, rng):
    x = Tensor(3 * rng.standard_normal((2, 4, 3, 3)))
    np.testing.assert_array_equal(layer(x).data, f(x).data)
    assert repr(layer) == text
    assert not layer.state_dict()


class TestDropout:
    def test_only_in_training(self):
        x = Tensor(np.ones(1000, dtype=np.float32))
        layer = nn.Dropout()
        assert repr(layer) == "Dropout(p=0.5)"
        assert 300 < (layer(x).data == 0).sum() < 700
        assert layer.eval()(x) is x

    def test_whole_channels(self):
        x = Tensor(np.ones((50, 20, 2, 2), dtype=np.float32))
        y = nn.Dropout2d()(x).data
        assert 300 < (y[:, :, 0, 0] == 0).sum() < 700
        assert (y == y[:, :, :1, :1]).all()
        assert nn.Dropout2d().eval()(x) is x

    def test_its_own_generator(self):
        x = Tensor(np.ones((100, 2, 1, 1), dtype=np.float32))
        for make in (nn.Dropout, nn.Dropout2d, nn.StochasticDepth):
            a, b = (make(0.5, rng=np.random.default_rng(5))(x).data for _ in range(2))
            np.testing.assert_array_equal(a, b)

    def test_stochastic_depth_only_in_training(self):
        x = Tensor(np.ones((1000, 2), dtype=np.float32))
        layer = nn.StochasticDepth(0.5, "row")
        assert 300 < (layer(x).data[:, 0] == 0).sum() < 700
        assert len(np.unique(nn.StochasticDepth(0.5, "batch")(x).data)) == 1
        assert layer.eval()(x) is x


class TestLosses:
    def test_cross_entropy(self, rng):
        x, labels = Tensor(rng.standard_normal((4, 3))), np.array([0, 2, 1, 1])
        layer = nn.CrossEntropyLoss(label_smoothing=0.1)
        assert layer(x, labels).item() == ops.cross_entropy(x, labels, label_smoothing=0.1).item()
        assert repr(layer) == "CrossEntropyLoss(label_smoothing=0.1)"
        assert repr(nn.CrossEntropyLoss()) == "CrossEntropyLoss()"

    @pytest.mark.parametrize(
        ("layer", "text"),
        [
            (nn.CrossEntropyLoss([1, 2], reduction="sum"), "weight of 2 classes, reduction='sum'"),
            (nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.1), "ignore_index=0, label_smoothing=0.1"),
            (nn.NLLLoss([1, 2], ignore_index=3), "weight of 2 classes, ignore_index=3"),
            (nn.MSELoss(reduction="none"), "reduction='none'"),
            (nn.SmoothL1Loss(beta=0.5), "beta=0.5"),
            (nn.L1Loss(), ""),
            (nn.BCEWithLogitsLoss(pos_weight=[1, 2]), "pos_weight of shape (2,)"),
        ],
    )
    def test_what_they_are_told(self, layer, text):
        assert repr(layer) == f"{type(layer).__name__}({text})"

    def test_weights_go_with_the_layer(self):
        layer = nn.BCEWithLogitsLoss([1, 2], pos_weight=np.ones((3, 1)))
        assert {name: array.dtype for name, array in layer.state_dict().items()} == {
            "weight": np.float32,
            "pos_weight": np.float64,
        }

    def test_mse(self, rng):
        x, target = Tensor(rng.standard_normal((4, 3))), rng.standard_normal((4, 3))
        assert_close(nn.MSELoss()(x, target).data, ((x.data - target) ** 2).mean())


class TestLinear:
    def test_shapes_names_and_bound(self):
        layer = nn.Linear(50, 30)
        assert {name: array.shape for name, array in layer.state_dict().items()} == {"weight": (30, 50), "bias": (30,)}
        assert repr(nn.Linear(4, 2, bias=False)) == "Linear(4, 2, bias=False)"
        for parameter in layer.parameters():
            assert abs(parameter.data).max() <= 1 / np.sqrt(50)
        x = np.ones((2, 50), dtype=np.float32)
        assert_close(layer(Tensor(x)).data, x @ layer.weight.data.T + layer.bias.data, "float32")


class TestSequential:
    def test_append_and_chaining(self):
        net = nn.Sequential(nn.Linear(3, 4)).append(nn.ReLU()).append(nn.Linear(4, 2))
        assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
        assert len(net) == 3
        assert net(Tensor(np.ones((5, 3), dtype=np.float32))).shape == (5, 2)

    def test_a_slice_shares_modules_and_keeps_names(self):
        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        part = net[1:]
        assert type(part) is nn.Sequential
        assert list(part.state_dict()) == ["2.weight", "2.bias"]
        assert part[-1] is net[2]
        assert list(nn.Conv2dNormActivation(3, 4)[:1].state_dict()) == ["0.weight"]

    def test_names_from_a_dict(self):
        net = nn.Sequential({"features": nn.Linear(3, 4), "classifier": nn.ReLU()})
        assert list(net.state_dict()) == ["features.weight", "features.bias"]
        assert net.features is net[0]
        assert [type(module).__name__ for module in net] == ["Linear", "ReLU"]

    def test_an_empty_one_changes_nothing(self):
        x = Tensor([1.0])
        assert nn.Sequential()(x) is x


class TestModuleList:
    def test_a_list(self):
        blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
        blocks.append(nn.ReLU()).extend([nn.Tanh()])
        assert list(blocks.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
        assert len(blocks) == 4
        assert isinstance(blocks[-1], nn.Tanh)
        assert [type(module).__name__ for module in blocks[1:3]] == ["Linear", "ReLU"]
        assert list(blocks[1:3].state_dict()) == ["0.weight", "0.bias"]  # a list counts from 0, as PyTorch's
        with pytest.raises(NotImplementedError, match="ModuleList: forward is not written"):
            blocks(Tensor([1.0]))


class TestModuleDict:
    def test_a_dict(self):
        heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
        heads["b"] = nn.ReLU()
        assert (len(heads), list(heads), "b" in heads, "c" in heads) == (2, ["a", "b"], True, False)
        assert list(heads.keys()) == ["a", "b"]
        assert list(heads.values())[1] is heads["b"]
        assert dict(heads.items())["a"] is heads["a"]
        assert list(heads.state_dict()) == ["a.weight", "a.bias"]
        assert len(nn.ModuleDict()) == 0


class TestConv2dNormActivation:
    @pytest.mark.parametrize("activation", ["relu", "relu6", "silu", "hardswish", "leaky_relu", None])
    def test_keys_are_those_of_torchvision(self, activation):
        block = nn.Conv2dNormActivation(3, 8, activation=activation)
        keys = ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var"]
        assert list(block.state_dict()) == keys

    @pytest.mark.parametrize("activation", ["relu", "hardswish", "leaky_relu", None])
    def test_is_its_three_parts(self, activation, rng):
        block = nn.Conv2dNormActivation(3, 8, 5, 2, groups=1, activation=activation, dilation=(1, 2)).eval()
        x = Tensor(rng.standard_normal((2, 3, 11, 9)).astype(np.float32))
        y = ops.conv2d(x, block[0].weight, stride=2, padding=(2, 4), dilation=(1, 2))
        y = ops.batch_norm(y, block[1].weight, block[1].bias, np.zeros(8, "f4"), np.ones(8, "f4"), training=False)
        expected = y if activation is None else getattr(ops, activation)(y)
        assert_close(block(x).data, expected.data, "float32")

    def test_the_activation_is_fused_where_it_can_be(self):
        assert len(nn.Conv2dNormActivation(3, 8, activation="hardswish")) == 2
        assert len(nn.Conv2dNormActivation(3, 8, activation="leaky_relu")) == 3

    def test_without_a_norm_there_is_a_bias(self):
        block = nn.Conv2dNormActivation(3, 8, norm_layer=None)
        assert list(block.state_dict()) == ["0.weight", "0.bias"]
        assert isinstance(block[1], nn.ReLU)
        assert list(nn.Conv2dNormActivation(3, 8, bias=True).state_dict())[:2] == ["0.weight", "0.bias"]

    def test_a_norm_with_other_settings(self):
        block = nn.Conv2dNormActivation(3, 8, norm_layer=functools.partial(nn.BatchNorm2d, eps=0.001, momentum=0.01))
        assert (block[1].eps, block[1].activation) == (0.001, "relu")

    def test_padding_keeps_the_size(self):
        for kernel, dilation in ((1, 1), (3, 1), (5, 2), ((3, 7), 1)):
            block = nn.Conv2dNormActivation(3, 4, kernel, dilation=dilation).eval()
            assert block(Tensor(np.ones((1, 3, 13, 13), dtype=np.float32))).shape == (1, 4, 13, 13)


class TestSqueezeExcitation:
    @pytest.mark.parametrize("names", [("relu", "sigmoid"), ("silu", "sigmoid"), ("relu", "hardsigmoid")])
    def test_by_hand(self, names, rng):
        block = nn.SqueezeExcitation(6, 2, *names)
        x = Tensor(rng.standard_normal((2, 6, 4, 3)).astype(np.float32), requires_grad=True)
        w1, b1, w2, b2 = (array.reshape(array.shape[:2]) for array in block.state_dict().values())
        act, gate = (getattr(ops, name) for name in names)
        s = x.data.mean(axis=(2, 3))
        s = gate(Tensor(act(Tensor(s @ w1.T + b1.T)).data @ w2.T + b2.T)).data
        y = block(x)
        assert_close(y.data, x.data * s[:, :, None, None], "float32")
        y.backward(np.ones_like(y.data))
        assert all(parameter.grad is not None for parameter in (x, *block.parameters()))
