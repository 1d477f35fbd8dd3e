"""The words that hands know: each works, or is answered in one line with a way that is true."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, ops
from minidl._words import ANSWERED, FATES, NUMPY, OPERATORS, REFUSED, TENSOR, WORKS


def of(table, *fates):
    return [name for name, word in table.items() if word.fate in fates]


def namespace():
    """Return what the ways speak of."""
    return {
        "x": Tensor(np.array([[1.0, 2.0], [3.0, 4.0]]), requires_grad=True),
        "y": Tensor(np.full((2, 2), 2.0)),
        "array": np.ones((2, 2)),
        "tensors": [Tensor(np.ones((2, 2, 1)))] * 2,
        "mask": np.eye(2, dtype=bool),
        "condition": np.eye(2, dtype=bool),
        "value": 7.0,
        "axis": 0,
        "low": 1.5,
        "high": 2.5,
        "p": 0.5,
        "padding": 1,
        "indices": [0, 1],
        "count": 2,
        "sizes": [1, 1],
        "shape": (2, 2),
        "start": 0,
        "length": 1,
        "np": np,
        "ops": ops,
        "nn": nn,
        "minidl": minidl,
        "Tensor": Tensor,
    }


@pytest.mark.parametrize("name", of(TENSOR, WORKS))
def test_what_works_is_there(name):
    x = Tensor([1.0])
    assert hasattr(x, name)
    assert name in dir(x)


@pytest.mark.parametrize("name", of(TENSOR, ANSWERED, REFUSED))
def test_what_is_not_there_says_what_stands_in_its_place(name):
    x, word = nn.Parameter(np.ones(2)), TENSOR[name]
    with pytest.raises(AttributeError) as caught:
        getattr(x, name)
    assert str(caught.value) == f"Tensor has no .{name}; {'use ' * (word.fate == ANSWERED)}{word.way}"
    assert not hasattr(x, name)
    assert name not in dir(x)


@pytest.mark.parametrize(
    ("table", "name"), [(table, name) for table in (TENSOR, NUMPY) for name in of(table, ANSWERED, WORKS)]
)
def test_every_way_can_be_walked(table, name):
    code = table[name].way.split(";")[0].replace("reshape(…)", "reshape(4)").replace("transpose(…)", "transpose(1, 0)")
    if name == "split" and table is TENSOR:
        code = code.replace("[2, 3]", "[1, 1]")
    with minidl.no_grad():
        if code == "x.backward()":
            return
        if code.startswith("x.item()"):
            code = "x[0, 0].item()"
        exec(code.replace('x.to("cuda")', "x.to('cpu')"), namespace())


SAME = {
    "abs": np.abs, "amax": lambda a: a.max(0), "amin": lambda a: a.min(0), "clip": lambda a: a.clip(1.5, 2.5),
    "exp": np.exp, "flip": lambda a: a[::-1], "log": np.log, "norm": np.linalg.norm, "prod": lambda a: a.prod(0),
    "reciprocal": lambda a: 1 / a, "square": np.square, "std": lambda a: a.std(0, ddof=1), "tanh": np.tanh,
    "maximum": lambda a: np.maximum(a, 2.0), "minimum": lambda a: np.minimum(a, 2.0), "numel": np.size,
    "rsqrt": lambda a: a**-0.5, "repeat": lambda a: np.concatenate([a, a]), "t": np.transpose,
    "tolist": np.ndarray.tolist,
    "unsqueeze": lambda a: a[None], "masked_fill": lambda a: np.where(np.eye(2), 7.0, a), "min": lambda a: a.min(0),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_ways_give_what_the_word_gives(name):
    names = namespace()
    found = eval(TENSOR[name].way.split(";")[0], names)
    found = found.data if isinstance(found, Tensor) else found
    np.testing.assert_allclose(found, SAME[name](names["x"].data), rtol=1e-12)


def test_every_word_has_a_fate_and_every_answer_is_short():
    for table in (TENSOR, NUMPY, OPERATORS):
        for name, word in table.items():
            assert word.fate in FATES
            assert len(word.way) < 90, name
            assert word.way or (table is NUMPY and word.fate == WORKS)


def test_an_unknown_name_is_an_attribute_error_like_any_other():
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'viev'"):
        Tensor([1.0]).viev  # noqa: B018


def test_a_network_written_with_words_that_are_answered_says_what_to_write():
    class Net(nn.Module):
        def forward(self, x):
            return x.view(2, -1)

    with pytest.raises(AttributeError, match=r"Tensor has no .view; use x.reshape\(…\)"):
        Net()(Tensor([1.0, 2.0]))
