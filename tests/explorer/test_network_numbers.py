"""What the page of a network holds: every family of the zoo, its numbers decoded again and compared with the engine."""

import base64
import json

import numpy as np
import pytest

from minidl import Tensor, kernels, nn, no_grad, ops
from minidl._heat import shrink
from minidl.models._registry import ENTRIES
from minidl.teach.explorer.network import gather
from minidl.teach.explorer.network.encode import encode
from minidl.teach.explorer.network.gather import LEAST, Level, levels, norm, portrait
from minidl.teach.explorer.network.graph import PICTURE, Layer, layers_of
from minidl.teach.explorer.network.subject import State, Subject
from minidl.teach.explorer.network.trace import Way, follow, has_heads
from minidl.teach.explorer.network.windows import as_maps, window_of
from minidl.teach.explorer.settings import complete
from minidl.tensor import observe
from minidl.training.loss import objective
from tests.models.narrow import narrow

QUICK = (
    *("lenet5", "lenet5_modern", "cnn_deep", "nin_cifar", "vgg11_lrn", "googlenet_bn", "resnet20_cifar"),
    *("preact_resnet18", "squeezenet1_1", "densenet121", "mobilenet_v1", "shufflenet_v2_x1_0", "mobilenet_v3_small"),
)  # together they have all kinds of layers and of branches
EACH = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in ENTRIES]


def network(name, rng):
    """Return a narrow network of the registry with all its kinds of layers, and a small picture."""
    net, entry = narrow(name, rng), ENTRIES[name]  # in training, as new networks are
    side = max(entry.smallest, 9)  # of one pixel all maps would be single numbers
    return net, rng.standard_normal((entry.variant.in_channels, side, side))


def subject_of(name, net, x):
    picture = np.zeros((4, 4, 3), dtype="uint8")
    return Subject(name, [State("now", net)], x, picture, "a picture", ())


def floats(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def decoded(packed):
    """Return maps (C, H, W) as the page reads them."""
    if packed["t"] == "f":
        return floats(packed["d"]).reshape(-1, *packed["size"])
    steps = np.frombuffer(base64.b64decode(packed["d"]), "u1").reshape(-1, *packed["size"]).astype("float64")
    low, high = (end[:, None, None] for end in floats(packed["ends"]).reshape(2, -1))
    return low + (high - low) * steps / 254


@pytest.mark.parametrize("name", EACH)
def test_a_page_holds_the_numbers_of_the_engine(name, rng, monkeypatch):
    monkeypatch.setattr(gather, "_labels", lambda subject, way, *_: [int(way.heads["main"].argmax())])
    net, x = network(name, rng)
    found = portrait(subject_of(name, net, x), budget=150_000)
    page = encode(found)
    with no_grad(), kernels.use("textbook"):
        answer = net.eval()(Tensor(x[None])).numpy()[0]
    net.train()
    (moment,) = page["moments"]
    close(moment["heads"]["main"], answer)
    assert [back["all"] for back in moment["backs"]] == ([True, False] if ENTRIES[name].variant.aux else [True])
    steps = found.moments[0].way.steps
    for number, layer in enumerate(found.layers):
        check_maps(page["layers"][number], moment["maps"][number], as_maps(steps[layer.step].output), page["side"])
        for window in found.windows(found.moments[0], number):
            check_window(window, steps[layer.step])
    for back, shown in zip(found.moments[0].backs, moment["backs"], strict=True):
        check_gradients(net, x, back, shown, found, page)


def close(found, expected):
    expected = np.asarray(expected, dtype="float64")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max(initial=1e-30))


def check_maps(layer, packed, whole, side):
    """The numbers of all maps that are embedded: exact, or to half a step of 254."""
    kept = np.arange(len(whole)) if layer["kept"] is None else np.array(layer["kept"])
    assert layer["maps"] == list(whole.shape)
    y = whole[kept]
    y = shrink(y, side)
    assert packed["size"] == list(y.shape[1:])
    step = 0 if packed["t"] == "f" else np.ptp(y, axis=(1, 2))[:, None, None] / 254
    assert (np.abs(decoded(packed) - y) <= 0.51 * step + 1e-5 * np.abs(y).max() + 1e-12).all()


CALLS = {
    "conv": lambda x, w, b, s: ops.conv2d(x, w, b, **sliding(s, "dilation"), groups=s["groups"]),
    "max-pool": lambda x, s: ops.max_pool2d(x, tuple(s["kernel"]), **sliding(s, "dilation"), ceil_mode=s["ceil_mode"]),
    "avg-pool": lambda x, s: ops.avg_pool2d(
        x, tuple(s["kernel"]), **sliding(s), ceil_mode=s["ceil_mode"], count_include_pad=s["count_include_pad"]
    ),
    "lrn": lambda x, s: ops.local_response_norm(x, s["size"], alpha=s["alpha"], beta=s["beta"], k=s["k"]),
}


def sliding(settings, *more):
    padding = tuple(map(tuple, settings["padding"]))
    return {"padding": padding, **{name: tuple(settings[name]) for name in ("stride", *more)}}


def check_window(window, event):
    """The operation of the explorer makes of the crop the number of the network, and the crop can be drawn."""
    y = as_maps(event.output)[window.channel][window.at]
    assert window.y == y
    if not window.op:
        return
    arrays = window.operands
    operands = [Tensor(one if name == "b" else one.reshape(-1, *one.shape[-3:])) for name, one in arrays.items()]
    settings = complete(window.op, window.settings)
    assert settings | window.settings == settings
    made = CALLS[window.op](*operands, settings).numpy()[0]
    assert abs(made[window.cell] - y) <= 1e-9 * max(1, np.abs(made).max())


def shares_of(way, layers, number):
    """Return what comes back to a layer, from each of its readers."""
    readers = [(reader, place) for reader in layers for source, place in reader.sources if source == number]
    return [way.shares[reader.step][place] for reader, place in readers if reader.step in way.shares]


def check_gradients(net, x, back, shown, found, page):
    """Gradients of layers agree with those of the weights, of a plain backward(), and with those of their readers."""
    way, label = back.way, back.label
    net.eval().zero_grad()
    net.training = back.all_heads and bool(ENTRIES[net.name].variant.aux)
    with kernels.use("textbook"):
        loss = objective(net(Tensor(x[None])), np.array([label]))
        loss.backward()
    net.eval()
    close(shown["loss"], loss.item())
    grads = {name: parameter.grad for name, parameter in net.named_parameters()}
    for weight, dw in zip(page["weights"], shown["dw"], strict=True):
        close(dw, norm(grads[weight["name"]]))
    for number, layer in enumerate(found.layers):
        dy = way.dy.get(layer.step)
        if dy is None:
            assert shown["maps"][number] is None
            continue
        check_maps(page["layers"][number], shown["maps"][number], as_maps(dy), page["side"])
        close(shown["norms"][number], norm(dy))
        parts = [part.reshape(dy.shape) for part in shares_of(way, found.layers, number)]
        if parts:
            close(sum(parts), dy)
        if layer.op == "conv2d":
            event = way.steps[layer.step]
            geometry = {key: event.settings[key] for key in ("stride", "padding", "dilation", "groups")}
            dw = kernels.textbook.conv2d_dw(dy, event.inputs[0], event.inputs[1].shape, **geometry)
            close(dw, grads[layer.weights[0][0]])


@pytest.mark.parametrize("name", ["lenet5_modern", "resnet20_cifar"])
def test_a_network_is_left_as_it_was(name, rng):
    net, x = network(name, rng)
    first = next(net.parameters())
    first.requires_grad, grad = False, np.ones(first.shape)
    net.train()
    last = list(net.parameters())[-1]
    last.grad = np.full(last.shape, 2.0)
    state = {key: value.copy() for key, value in net.state_dict().items()}
    follow(net, x, 0, heads=has_heads(net, x))
    assert not first.requires_grad
    assert first.grad is None
    assert (last.grad == 2).all()
    assert all(module.training for module in net.modules())
    assert all(np.array_equal(value, state[key]) for key, value in net.state_dict().items())
    assert grad.all()


def test_smaller_budgets_embed_less_and_say_so(rng):
    net, _ = network("resnet20_cifar", rng)
    found = portrait(subject_of("resnet20_cifar", net, rng.standard_normal((3, 16, 16))))
    sizes, left = [], []
    for budget in (None, 300_000, 100_000, 60_000):
        found.fit(budget)
        page = encode(found)
        sizes.append(len(json.dumps(page)))
        left.append(found.left_out)
        assert page["left_out"] == found.left_out
        for number, layer in enumerate(found.layers):
            whole = as_maps(found.moments[0].way.steps[layer.step].output)
            check_maps(page["layers"][number], page["moments"][0]["maps"][number], whole, page["side"])
            size = np.abs(whole).max(axis=(1, 2))
            kept = found.channels[number]
            assert size[kept].min() >= np.delete(size, kept).max(initial=0)
    assert left[0] == 0 < left[-1]
    assert left == sorted(left)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < sizes[0] / 4


def test_the_answer_the_truth_and_what_is_asked_for_go_back(rng):
    net, x = network("resnet20_cifar", rng)
    subject = subject_of("resnet20_cifar", net, x)
    subject.classes, subject.truth = tuple(f"class {n}" for n in range(20)), 2
    logits = -np.arange(20.0)
    way = Way([], {"main": logits}, {})
    heavy = [Layer(0, "conv2d", "", macs=10**9)]
    assert gather._labels(subject, way, heavy, ("class 7", 4)) == [0, 7, 4, 2]
    assert gather._labels(subject, way, [Layer(0, "relu", "")], ()) == [0, 2, 1]
    for wrong in ("class 20", 20, -1, "clas 3"):
        with pytest.raises(ValueError, match="explore: there is no class .* among 20; give a name, or a number from 0"):
            gather._labels(subject, way, heavy, (wrong,))


def test_branches_have_lanes_of_their_own(rng):
    net, x = network("googlenet_bn", rng)
    layers = layers_of(net, follow(net, x).steps)
    places = [(layer.column, layer.lane) for layer in layers]
    assert len(set(places)) == len(places)
    assert 1 + max(lane for _, lane in places) == 4
    for layer in layers:
        for source, _ in layer.sources:
            assert source == PICTURE or layers[source].column < layer.column


def test_of_many_channels_the_others_are_in_the_bias(rng):
    x, w = rng.standard_normal((1, 20, 9, 9)), rng.standard_normal((3, 20, 3, 3))
    steps = []
    with kernels.use("textbook"), observe(steps.append):
        ops.conv2d(Tensor(x), Tensor(w), stride=2, padding=1)
    window = window_of(steps[0], 2, (4, 4))
    assert len(window.channels) == 8
    assert window.operands["x"].shape == (8, 2, 2)
    assert window.settings["padding"] == [[0, 1], [0, 1]]
    assert window.rest != 0
    padded = np.pad(x[0], ((0, 0), (1, 1), (1, 1)))
    parts = np.abs((padded[:, 8:, 8:] * w[2]).sum(axis=(1, 2)))
    assert window.channels == sorted(np.argsort(-parts)[:8])
    check_window(window, steps[0])


def test_levels_go_from_everything_to_the_least():
    found = [*levels(), LEAST]
    assert found[0] == Level(exact=True, floats=True)
    assert [level.side for level in found] == sorted((level.side for level in found), reverse=True)


class Thrice(nn.Module):
    """The same operation of the same shape in the same layer, three times."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(np.array([[2.0, 3.0]]))

    def forward(self, x):
        x = ops.reshape(x, (1, 2))
        for _ in range(3):
            x = x * self.weight
        return x


def test_steps_that_look_alike_keep_their_own_gradients():
    net = Thrice()
    way = follow(net, np.ones((1, 1, 2)), 0)
    layers = layers_of(net, way.steps)
    last = way.dy[layers[2].step]
    assert last.any()
    close(way.dy[layers[1].step], last * net.weight.numpy())
    close(way.dy[layers[0].step], last * net.weight.numpy() ** 2)
