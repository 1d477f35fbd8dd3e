"""Networks on the GPU: moving, training, saving; the same weights as on the CPU."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, models, nn, ops, optim
from minidl.optim._state import flat_slots

RULES = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=1e-3, weight_decay=1e-3),
    "adamw": lambda p: optim.AdamW(p, lr=1e-3),
    "rmsprop": lambda p: optim.RMSprop(p, lr=1e-3, momentum=0.9),
    "rmsprop, eps inside": lambda p: optim.RMSprop(p, lr=1e-3, eps=1.0, eps_inside=True),
}


def batch(steps, dtype="float32"):
    rng = np.random.default_rng(7)
    for _ in range(steps):
        yield rng.standard_normal((8, 1, 32, 32)).astype(dtype), rng.integers(0, 10, 8)


def train(net, optimizer, batches):
    losses = []
    for x, labels in batches:
        loss = ops.cross_entropy(net(Tensor(x)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return losses


def in_dtype(net, dtype):
    """Return the network with parameters and buffers of another dtype."""
    for module in net.modules():
        for name, p in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(p.data.astype(dtype)))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.astype(dtype))
    return net


def lenet(dtype="float32"):
    return in_dtype(models.get_model("lenet5_modern", rng=np.random.default_rng(3)), dtype)


# In float64, because training amplifies rounding: Adam divides even a tiny gradient by its own size.
@pytest.mark.parametrize(("rule", "dtype"), [("sgd", "float32"), *((rule, "float64") for rule in RULES)])
def test_five_steps_of_lenet_give_the_weights_of_the_cpu(rule, dtype, gpu):
    host = lenet(dtype)
    host_losses = train(host, RULES[rule](host.parameters()), batch(5, dtype))
    net = lenet(dtype).to("cuda")
    losses = train(net, RULES[rule](net.parameters()), [gpu.put(pair) for pair in batch(5, dtype)])
    for host_loss, loss in zip(host_losses, losses, strict=True):
        gpu.assert_same(loss.data, host_loss.data, "loss")
    for (name, host_p), p in zip(host.named_parameters(), net.parameters(), strict=True):
        gpu.assert_same(p.data, host_p.data, name)


def test_a_training_step_moves_nothing(gpu):
    """Only the labels are judged on the host, two numbers; the loss moves when somebody asks for it."""
    if gpu.moves is None:
        pytest.skip("on CUDA nobody counts what moves; the stand-in does")
    net = lenet().to("cuda")
    pairs = [gpu.put(pair) for pair in batch(2)]
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    gpu.moves.clear()
    losses = train(net, optimizer, pairs)
    assert dict(gpu.moves) == {"read": 2 * 2}
    gpu.moves.clear()
    losses[0].item()
    assert dict(gpu.moves) == {"read": 1}


def test_layers_of_all_kinds_train_as_on_the_cpu(gpu):
    """Buffers too: the running statistics of batch norm. Dropout draws on the CPU, the same on both devices."""

    def build():
        rng = np.random.default_rng(5)
        net = nn.Sequential(
            nn.Conv2dNormActivation(3, 8, stride=2, activation="silu", rng=rng),
            nn.SqueezeExcitation(8, 2, rng=rng),
            nn.ConvTranspose2d(8, 8, 2, stride=2, groups=2, rng=rng),
            nn.BatchNorm2d(8, activation="relu6"),
            nn.ChannelShuffle(4),
            nn.LocalResponseNorm(convention="paper"),
            nn.StochasticDepth(0.3, rng=rng),
            nn.AvgPool2d(3, 2, padding=1, ceil_mode=True),
            nn.MaxPool2d(2),
            nn.GlobalAvgPool2d(),
            nn.Dropout(0.4, rng=rng),
            nn.Linear(8, 10, rng=rng),
        )
        return in_dtype(net, "float64")

    pairs = [(x[:, :, :12, :12].repeat(3, axis=1), labels) for x, labels in batch(3, "float64")]
    host, net = build(), build().to("cuda")
    train(host, optim.SGD(host.parameters(), lr=0.1), pairs)
    train(net, optim.SGD(net.parameters(), lr=0.1), [gpu.put(pair) for pair in pairs])
    for (name, host_p), p in zip(host.named_parameters(), net.parameters(), strict=True):
        gpu.assert_same(p.data, host_p.data, name)
    for (name, host_buffer), buffer in zip(host.named_buffers(), net.buffers(), strict=True):
        gpu.assert_same(buffer, host_buffer, name)
    gpu.assert_same(net.eval()(Tensor(gpu.put(pairs[0][0]))).data, host.eval()(Tensor(pairs[0][0])).data)


def test_a_tensor_moves_and_its_gradient_comes_back(gpu):
    x = Tensor([1.0, 2.0], requires_grad=True)
    on_gpu = x.to("cuda")
    assert (x.device, on_gpu.device) == ("cpu", "cuda")
    assert on_gpu.to("cuda") is on_gpu
    assert "device=cuda" in repr(on_gpu)
    y = (on_gpu * on_gpu).to("cpu").sum()
    y.backward()
    assert y.device == "cpu"
    np.testing.assert_array_equal(x.grad, np.array([2.0, 4.0], dtype="float32"))
    np.testing.assert_array_equal(on_gpu.numpy(), x.data)
    assert float(on_gpu[1]) == 2.0


def test_a_device_array_becomes_a_tensor_where_it_is(gpu):
    array = gpu.put(np.ones(3))
    assert Tensor(array)._data is array
    with pytest.raises(TypeError, match=r"array must be float64 on cuda like the tensor; received float64 on cpu"):
        Tensor(array).data = np.ones(3)


class Net(nn.Module):
    """A parameter used twice and a buffer."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3, rng=np.random.default_rng(0))
        self.again = nn.Sequential(nn.Linear(3, 3))
        self.again[0].weight = self.fc.weight
        self.register_buffer("scale", np.full(3, 2.0, dtype="float32"))

    def forward(self, x):
        return self.again(self.fc(x)) * Tensor(self.scale)


def test_a_module_moves_with_all_it_owns(gpu):
    net = Net()
    x = Tensor([[1.0, 2.0, 3.0]])
    expected = net(x).numpy()
    net(x).sum().backward()
    assert net.to("cuda") is net
    assert {p.device for p in net.parameters()} == {"cuda"}
    assert all(p.grad is None for p in net.parameters())
    assert isinstance(net.scale, gpu.cupy.ndarray)
    assert net.again[0].weight is net.fc.weight
    gpu.assert_same(net(x.to("cuda")).data, expected)
    with pytest.raises(TypeError, match="linear: all operands must be on one device, but x is on cpu, w is on cuda"):
        net(x)
    np.testing.assert_array_equal(net.to("cpu")(x).numpy(), expected)


def test_a_state_goes_from_device_to_device(gpu):
    host, net = lenet(), models.get_model("lenet5_modern", rng=np.random.default_rng(4)).to("cuda")
    state = host.state_dict()
    net.load_state_dict(state)
    assert {p.device for p in net.parameters()} == {"cuda"}
    back = net.state_dict()
    assert all(type(array) is np.ndarray for array in back.values())
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)
    other = models.get_model("lenet5_modern", rng=np.random.default_rng(5))
    other.load_state_dict({name: gpu.put(array) for name, array in back.items()})  # device arrays may be given too
    assert {p.device for p in other.parameters()} == {"cpu"}
    np.testing.assert_array_equal(other.fc3.weight.data, state["fc3.weight"])
    with pytest.raises(ValueError, match=r"wrong shape: fc3.bias is \(3,\), expected \(10,\)"):
        net.load_state_dict({**state, "fc3.bias": gpu.put(np.zeros(3))})


@pytest.mark.parametrize("rule", ["momentum", "adam", "rmsprop"])
def test_the_slots_of_an_optimizer_go_from_device_to_device(rule, gpu):
    """Two steps on the CPU, the rest on the GPU: as if all had been on one device."""
    pairs = list(batch(4, "float64"))
    host = lenet("float64")
    train(host, RULES[rule](host.parameters()), pairs)
    net = lenet("float64")
    optimizer = RULES[rule](net.parameters())
    train(net, optimizer, pairs[:2])
    net.to("cuda")
    with pytest.raises(TypeError, match=r"a parameter of shape \(6, 1, 5, 5\) is on cuda but its \w+ on cpu"):
        train(net, optimizer, [gpu.put(pairs[2])])
    optimizer.load_state_dict(optimizer.state_dict())
    train(net, optimizer, [gpu.put(pair) for pair in pairs[2:]])
    for (name, host_p), p in zip(host.named_parameters(), net.parameters(), strict=True):
        gpu.assert_same(p.data, host_p.data, name)
    assert all(type(array) is np.ndarray for array in flat_slots(optimizer.state_dict()).values())


def test_observers_see_device_arrays(gpu):
    events = []
    net = lenet().to("cuda")
    x, labels = gpu.put(next(batch(1)))
    with minidl.observe(events.append):
        ops.cross_entropy(net(Tensor(x)), labels).backward()
    assert all(isinstance(event.output, gpu.cupy.ndarray) for event in events if event.phase == "forward")
    assert {event.phase for event in events} == {"forward", "backward"}


def test_evaluation_without_a_graph(gpu):
    net = lenet().to("cuda").eval()
    x, _ = next(batch(1))
    with minidl.no_grad():
        y = net(Tensor(gpu.put(x)))
    assert not y.requires_grad
    gpu.assert_same(y.data, lenet()(Tensor(x)).data)
