"""The tables of words: what works is there, what is answered is not, and what an answer names is true."""

# ruff: noqa: E501

import inspect
import re

import numpy as np
import pytest

import minidl
import minidl.nn.functional as functional
import minidl.nn.utils
import minidl.utils.data
from minidl import Tensor, cuda, data, nn, optim
from minidl._words import ANSWERED, FATES, WORKS
from minidl._words.data import DATA
from minidl._words.modules import ARGUMENTS, FUNCTIONAL, MODULE, NN, UTILS
from minidl._words.optim import OPTIM, OPTIMIZER, SCHEDULERS
from minidl._words.tensor import ARRAYS, CONTEXT, TENSOR
from minidl._words.torch import CUDA, TORCH
from minidl._words.torch import UTILS as TORCH_UTILS

NET, OWN = nn.Linear(2, 2), "x.data and x.grad are NumPy arrays, which"
TABLES = {
    "minidl": (minidl, "minidl", TORCH),
    "minidl.cuda": (cuda, "minidl.cuda", CUDA),
    "minidl.utils": (minidl.utils, "minidl.utils", TORCH_UTILS),
    "minidl.utils.data": (minidl.utils.data, "minidl.utils.data", DATA),
    "data": (data, "data", DATA),
    "nn": (nn, "nn", NN),
    "functional": (functional, "nn.functional", FUNCTIONAL),
    "nn.utils": (minidl.nn.utils, "nn.utils", UTILS),
    "a module": (NET, "Linear", MODULE),
    "optim": (optim, "optim", OPTIM),
    "schedulers": (optim.lr_scheduler, "optim.lr_scheduler", SCHEDULERS),
    "an optimiser": (optim.SGD(NET.parameters(), lr=0.1), "SGD", OPTIMIZER),
    "an array": (minidl.ones(2, 2).data, OWN, ARRAYS),
}
IMPORTED = {"Any", "Callable", "math", "np", "Tensor", "Optimizer", "annotations", "importlib", "Dataset"}


@pytest.mark.parametrize("owner", TABLES)
def test_what_works_is_there_and_all_else_says_what_to_write(owner):
    one, name, table = TABLES[owner]
    for word, (fate, way) in table.items():
        assert fate in FATES
        if fate == WORKS:
            assert hasattr(one, word), f"{word} shall work, and is not there"
        elif word not in IMPORTED:
            with pytest.raises(AttributeError) as caught:
                raise AttributeError(f"a stale row: {word} is there", getattr(one, word))
            use = "use " * (fate == ANSWERED)
            assert str(caught.value) == f"{name} {'have' if name == OWN else 'has'} no .{word}; {use}{way}", word
            assert "\n" not in way


PLACES = {
    "nn": nn, "optim": optim, "F": functional, "ops": minidl.ops, "minidl": minidl, "data": data, "np": np,
    "weights": minidl.weights, "models": minidl.models, "kernels": minidl.kernels, "training": minidl.training,
    "cost": minidl.cost,
}  # fmt: skip
NAMED = re.compile(r"(?<![\w.])(" + "|".join(PLACES) + r")\.(\w+(?:\.\w+)?)")


def test_every_name_that_an_answer_speaks_of_exists():
    tables = {name: table for name, (_, _, table) in TABLES.items()}
    tables |= {"tensor": TENSOR, "context": CONTEXT, "arguments": ARGUMENTS}
    for owner, table in tables.items():
        for word, (_, way) in table.items():
            for place, path in NAMED.findall(way):
                found = PLACES[place]
                for part in path.split("."):
                    assert hasattr(found, part), f"{owner}.{word}: {way!r} speaks of {place}.{path}"
                    found = getattr(found, part)


def test_every_function_of_a_tensor_that_torch_has_is_minidls_too():
    x = minidl.tensor([[1.0, -2.0], [3.0, 0.5]])
    assert minidl.exp(x).equal(x.exp())
    assert minidl.sum(x, dim=1).equal(x.sum(1))
    with pytest.raises(TypeError, match="exp: input must be a Tensor, it is a list; wrap it"):
        minidl.exp([1.0])


def test_arguments_of_pytorchs_are_answered():
    right = {
        nn.Linear: (2, 2),
        nn.Conv2d: (1, 1, 1),
        nn.ReLU: (),
        nn.MaxPool2d: (2,),
        optim.SGD: (NET.parameters(), 0.1),
    }
    asked = 0
    for kind, args in right.items():
        for name, (_, way) in ARGUMENTS.items():
            if name not in inspect.signature(kind).parameters:
                asked += 1
                with pytest.raises(TypeError, match=re.escape(f"{kind.__name__}: takes no {name}; {way}")):
                    kind(*args, **{name: 1})
    assert asked > 80


def test_a_module_of_ones_own_may_take_any_argument():
    class Net(nn.Module):
        def __init__(self, dtype, **rest):
            super().__init__()
            self.dtype, self.rest = dtype, rest

    assert Net(dtype="a", device="b").rest == {"device": "b"}


def test_imports_from_a_module_are_answered_in_the_same_words():
    with pytest.raises(ImportError, match="nn has no .LSTM; minidl is for convolutional networks"):
        from minidl.nn import LSTM  # noqa: F401
    with pytest.raises(ImportError, match="minidl has no .einsum; use x @ y"):
        from minidl import einsum  # noqa: F401
    with pytest.raises(ImportError, match="minidl has no attribute 'nonsense'; it has Event, "):
        from minidl import nonsense  # noqa: F401
    from minidl import tensor, zeros

    assert tensor(1).item() + zeros(1).item() == 1


# What changes its meaning


def test_calls_whose_meaning_changes_name_both():
    x, pictures = Tensor(np.ones((2, 3))), Tensor(np.ones((2, 3, 4, 5)))
    for call in (
        lambda: x.transpose(0, 1),
        lambda: x.transpose(-2, 1),
        lambda: x.flatten(),
        lambda: x.flatten(end_dim=1),
        lambda: x.max(1),
        lambda: pictures.min(0, keepdims=True),
    ):
        with pytest.raises(ValueError, match=r"PyTorch.*until now"):
            call()
    for call in (lambda: pictures.transpose(0, 2, 3, 1), lambda: x.transpose(), lambda: x.transpose((1, 0))):
        with pytest.raises(ValueError, match="transpose: swaps two axes, as in PyTorch"):
            call()
    assert pictures.transpose(0, 1).shape == (3, 2, 4, 5)
    assert pictures.flatten(0).shape == (120,)
    assert pictures.flatten(1, 2).shape == (2, 12, 5)
    assert x.max(axis=1).shape == (2,)


@pytest.mark.parametrize(
    "use",
    [
        bool, int, float, len, list, hash,
        lambda size: size == 6, lambda size: size > 0, lambda size: size * 2, lambda size: 2 * size,
        lambda size: sum([size]),
        lambda size: size // 2, lambda size: range(size), lambda size: 3 in size, lambda size: -size,
    ],
)  # fmt: skip
def test_nobody_takes_size_for_a_number(use):
    with pytest.raises(TypeError, match=r"size: x.size\(\) is the shape and x.size\(0\) .*; x.numel\(\) counts"):
        use(Tensor(np.ones((2, 3))).size)


# What the new methods do with gradients


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sort(dim=1)[0], lambda x: x.topk(2, dim=0).values, lambda x: x.gather(1, minidl.tensor([[0, 0], [2, 1]])),
        lambda x: x.std(dim=0), lambda x: x.norm(), lambda x: x.norm(1, dim=1), lambda x: x.min(), lambda x: x.min(dim=0)[0],
        lambda x: x.amin(1), lambda x: x.expand(2, 2, 3), lambda x: x[:, :1].expand(-1, 4), lambda x: x.repeat(2, 1, 2),
        lambda x: x.split(2, dim=1)[0], lambda x: x.chunk(2)[1], lambda x: x.flip(0, 1), lambda x: x.movedim(0, 1),
        lambda x: x.squeeze().unsqueeze(1), lambda x: x.clone(), lambda x: x.where(x > 0, x * 2.0), lambda x: 2**x,
        lambda x: minidl.stack([x, x * 2.0], dim=1), lambda x: functional.normalize(x), lambda x: x @ x[0], lambda x: x.dot(x) if x.ndim == 1 else x[0].dot(x[1]),
        lambda x: x.masked_fill(x > 0, 0.0), lambda x: x.add(x * x, alpha=3), lambda x: x.rsqrt() if (x.data > 0).all() else (x * x + 1.0).rsqrt(),
    ],
)  # fmt: skip
def test_gradients_of_methods(function, rng):
    minidl.gradcheck(function, [rng.permutation(6).reshape(2, 3) * 0.7 - 1.9])


def test_the_gradient_of_a_length_of_nothing_is_nothing():
    x = Tensor(np.zeros((2, 3)), requires_grad=True)
    (x.norm() + x.std(dim=1).sum()).backward()
    np.testing.assert_array_equal(x.grad, np.zeros((2, 3)))


def test_what_would_lose_the_history_is_refused():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    for word, call in {"cumsum": lambda: x.cumsum(0), "unique": lambda: x.unique(), "float": lambda: x.float()}.items():
        with pytest.raises(TypeError, match=f"{word}: .* wants (the|a) gradient"):
            call()
    with minidl.no_grad():
        assert x.cumsum(0).shape == (2, 3)
        assert x.float().dtype == np.float32


# Arrays that a tensor shows


def test_an_array_of_a_tensor_is_numpys_in_all_but_words(tmp_path):
    import copy
    import pickle

    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    (x * x).sum().backward()
    for one in (x.data, x.grad):
        for made in (one * 2, np.exp(one), one.sum(0), np.concatenate([one, one]) * 1, pickle.loads(pickle.dumps(one))):
            assert type(made) is np.ndarray
        assert np.isscalar(one.sum())
        assert np.isscalar(one.max())
        assert copy.deepcopy(one).base is not one
        assert repr(one).startswith("array([[")
    assert x.grad is x.grad
    held = x.grad
    x.grad *= 0.5
    assert x.grad is held
    before = x._data
    x.data -= 1.0
    assert x._data is before
    assert x._version == 1
    with pytest.raises(AttributeError, match=r"have no .view_as; use Tensor\(x.data\).view_as"):
        x.data.view_as(x)
    with pytest.raises(AttributeError, match="have no .nonsense$"):
        x.data.nonsense  # noqa: B018
    with pytest.raises(
        ValueError, match=r"sub_: the other's shape must broadcast to \(2, 3\); received shape=\(2, 2, 3\)"
    ):
        x.data.sub_(np.ones((2, 2, 3)))
