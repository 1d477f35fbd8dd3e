"""What may be folded: only what nobody else can tell; and what was folded never gives another number."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, no_grad, ops, weights
from minidl.folding._layers import PostponedConv2d
from tests.contract import assert_close
from tests.inference.test_folding import settled


class Other(nn.Module):
    """Two convolutions, a norm, and a way to use them."""

    def __init__(self, forward, **modules):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.norm, self.act, self.way = nn.BatchNorm2d(3), nn.ReLU(), forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.way(self, x, self.a(x))


class Loose(nn.Module):
    """A norm of somebody's own."""

    def forward(self, x, residual=None):
        return ops.relu(x) if residual is None else x


OUTSIDE = []
WAYS = {  # how a network uses y = a(x), b and norm: whether what is behind a may be taken into it
    "norm": (lambda net, x, y: net.norm(y), True),
    "norm of a sum": (lambda net, x, y: net.norm(y + x), False),
    "residual elsewhere": (lambda net, x, y: net.norm(y, residual=net.b(x)), True),
    "residual": (lambda net, x, y: net.norm(x, residual=y), False),
    "residual of another": (lambda net, x, y: net.norm(net.b(x), residual=y), False),
    "both inputs": (lambda net, x, y: net.norm(y, residual=y), False),
    "returned beside": (lambda net, x, y: (net.norm(y), y), False),
    "returned in a dict": (lambda net, x, y: {"y": net.norm(y), "more": [(y,)]}, False),
    "returned alone": (lambda net, x, y: (net.norm(x), y), False),
    "kept": (lambda net, x, y: net.norm(keep(net, y)), False),
    "kept in a list": (lambda net, x, y: net.norm(keep(net, y, [])), False),
    "kept elsewhere": (lambda net, x, y: OUTSIDE.append(y) or net.norm(y), False),
    "read as data": (lambda net, x, y: net.norm(y) * float(y.data.mean()), False),
    "wrapped again": (lambda net, x, y: net.norm(Tensor(y.data)), False),
    "asked for its shape": (lambda net, x, y: net.norm(y) * y.shape[1], False),
    "read twice": (lambda net, x, y: net.norm(y) + net.act(y), False),
    "activation": (lambda net, x, y: net.act(y), True),
    "a layer of somebody's own": (lambda net, x, y: net.loose(y), False),
    "a norm that runs twice": (lambda net, x, y: net.norm(net.norm(y)), False),
    "a convolution that runs twice": (lambda net, x, y: net.norm(net.a(y)), False),
    "weights that are read, too": (lambda net, x, y: net.norm(y) * net.a.weight.sum(), False),
    "the norm's numbers are read, too": (lambda net, x, y: net.norm(y) * float(net.norm.running_var[0]), False),
    "a setting that is changed": (lambda net, x, y: setattr(net.a, "padding", 0) or net.norm(y), False),
    "behind an identity": (lambda net, x, y: net.norm(net.loose.same(y)), True),
    "another name": (lambda net, x, y: net.again(y), True),
}


def keep(net, y, kept=None):
    net.kept = y if kept is None else [*kept, {"it": y}]
    return y


@pytest.mark.parametrize("way", WAYS)
def test_only_what_nobody_else_can_tell_is_folded(way, rng):
    use, foldable = WAYS[way]
    net = Other(use, loose=Loose())
    net.loose.same, net.again = nn.Identity(), net.norm
    settled(net, rng)
    fused = minidl.fuse(net, size=(3, 5, 4))
    assert [type(it) is PostponedConv2d for it in (fused.a, fused.norm, fused.act)] == [foldable, False, False]
    x = Tensor(rng.standard_normal((2, 3, 5, 4)).astype(np.float32))
    with no_grad():
        for a, b in zip(numbers(fused(x)), numbers(net(x)), strict=True):
            assert_close(a, b, "float32")
        for a, b in zip(numbers(getattr(fused, "kept", [])), numbers(getattr(net, "kept", [])), strict=True):
            assert_close(a, b, "float32")
    assert_close(OUTSIDE[-2].data, OUTSIDE[-1].data, "float32") if OUTSIDE else None
    OUTSIDE.clear()
    for copied in (copy.deepcopy(fused), copy.copy(fused)):
        with no_grad():
            for a, b in zip(numbers(copied(x)), numbers(net(x)), strict=True):
                assert_close(a, b, "float32")
    OUTSIDE.clear()


def numbers(y):
    """The arrays in an output."""
    if isinstance(y, dict):
        return numbers(list(y.values()))
    return [it for part in y for it in numbers(part)] if isinstance(y, (list, tuple)) else [y.data]


def test_another_way_than_that_of_the_trial_is_an_error_and_no_other_number(rng):
    ways = {
        "read": lambda net, x, y: net.norm(y) * (1 if x.shape[2] == 5 else float(y.mean())),
        "passed by": lambda net, x, y: net.norm(y if x.shape[2] == 5 else net.b(x)),
        "returned": lambda net, x, y: net.norm(y) if x.shape[2] == 5 else y,
    }
    for name, way in ways.items():
        fused = minidl.fuse(settled(Other(way), rng), size=(3, 5, 4))
        assert type(fused.a) is PostponedConv2d, name
        fused(Tensor(np.ones((1, 3, 5, 5), np.float32)))
        with pytest.raises(RuntimeError, match=r"^fuse: .* take the model itself$"):
            fused(Tensor(np.ones((1, 3, 6, 5), np.float32))).numpy()


def needed(method, x):
    """As many arguments as a method cannot do without."""
    if not callable(method):
        return []
    parameters = inspect.signature(method).parameters.values()
    return [x for it in parameters if it.kind is it.POSITIONAL_OR_KEYWORD and it.default is it.empty]


def test_whatever_a_promise_is_asked_it_refuses(rng):
    promise = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU())
    promise = minidl.fuse(promise, size=(2, 3, 3))[0](Tensor(np.ones((1, 2, 3, 3), np.float32)))
    x = Tensor(np.ones((1, 2, 3, 3), np.float32))
    matrix = Tensor(np.ones((2, 2), np.float32))
    names = [name for name in dir(Tensor) if not name.startswith("_") and name != "to" and hasattr(matrix, name)]
    refused = 0
    for name in names:  # some judge what else they were given first; none gives a number
        try:
            y = getattr(promise, name)
            y = y(*needed(getattr(matrix, name), x)) if callable(y) else y
        except (TypeError, ValueError, RuntimeError) as error:
            refused += str(error).startswith("fuse: the result of a convolution was asked for")
        else:
            assert y is promise, name  # `contiguous` and such hand it on unread
    assert refused > 0.8 * len(names)
    asked = {"add": lambda: promise + 1.0, "radd": lambda: x + promise, "float": lambda: float(promise)}
    asked |= {"array": lambda: np.asarray(promise), "index": lambda: promise[0], "relu": lambda: ops.relu(promise)}
    asked |= {"to": lambda: promise.to("cpu"), "len": lambda: len(promise), "bool": lambda: bool(promise)}
    asked |= {"eq": lambda: promise == x, "iter": lambda: list(promise), "format": lambda: f"{promise:.2f}"}
    asked |= {"int": lambda: int(promise), "abs": lambda: abs(promise), "contains": lambda: 1.0 in promise}
    asked |= {"sum": lambda: np.sum(promise), "where": lambda: np.where(x.data > 0, x.data, promise)}
    asked |= {"Tensor": lambda: Tensor(promise)}
    asked |= {"copy": lambda: copy.copy(promise), "deepcopy": lambda: copy.deepcopy(promise)}
    asked |= {"pickle": lambda: pickle.dumps(promise), "set": lambda: setattr(promise, "data", x.data)}
    for name, ask in asked.items():
        with pytest.raises(RuntimeError, match="^fuse: the result of a convolution was asked for"):
            ask()
            pytest.fail(name)


def test_folded_places_take_nothing_that_would_be_passed_over():
    fused = minidl.fuse(nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU()), size=(2, 3, 3))
    for place in fused:
        for name in ("stride", "padding", "activation", "geometry"):
            with pytest.raises(AttributeError, match="change the model and fold it again"):
                setattr(place, name, 2)
    with pytest.raises(AttributeError, match="there is no weight to set"):
        fused[0].weight = nn.Parameter(np.ones(1))
    with pytest.raises(TypeError, match="a folded network learns nothing; received a Parameter for weight"):
        fused[1].weight = nn.Parameter(np.ones((2, 2, 1, 1)))
    with pytest.raises(AttributeError):
        fused[0].weight  # noqa: B018


def test_norms_that_stay_in_training_are_not_folded(rng):
    class Stubborn(nn.Sequential):
        def train(self, mode=True):
            return super().train(True)

    net = nn.Sequential(Stubborn(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, momentum=0.0)))
    x = Tensor(rng.standard_normal((4, 2, 3, 3)).astype(np.float32))
    with pytest.warns(UserWarning, match="in training mode under no_grad"):
        fused = minidl.fuse(net, size=(2, 3, 3))
    assert_close(fused(x).data, net.eval()(x).data, "float32")


def test_folding_leaves_the_state_of_the_model_and_of_the_copy_alone(rng):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.seen, self.runs = nn.Conv2d(2, 2, 1), [], 0
            self.register_buffer("count", np.zeros(1))

        def forward(self, x):
            self.count += 1
            self.runs += 1
            self.seen.append(x.shape)
            return self.conv(x)

    net = Counting()
    fused = minidl.fuse(net, size=(2, 3, 3))
    for it in (net, fused):
        assert (it.count.tolist(), it.runs, it.seen) == ([0], 0, [])


def test_a_model_that_draws_is_refused_unless_minidl_draws_for_it():
    drawn = np.random.default_rng(0)
    net = Other(lambda net, x, y: net.norm(y) * float(drawn.normal()))
    with pytest.raises(ValueError, match="Other gives other numbers when it is run again on the same pictures"):
        minidl.fuse(net, size=(3, 5, 4))
    net.way = lambda net, x, y: ops.dropout(net.norm(y), 0.5, training=True)
    assert type(minidl.fuse(net, size=(3, 5, 4)).a) is PostponedConv2d


def test_parameters_without_biases_save_load_and_move(rng, tmp_path):
    fused = minidl.fuse(nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), nn.ReLU()), size=(2, 3, 3))
    assert list(fused.state_dict()) == ["1.weight"]
    weights.save(tmp_path / "w.safetensors", fused.state_dict())
    fused.load_state_dict(weights.load(tmp_path / "w.safetensors"))
    assert fused.to("cpu") is fused
