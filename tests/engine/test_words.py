"""The words that hands know: each works, or is answered in one line with a way that is true."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, ops
from minidl._words import ANSWERED, FATES, REFUSED, WORKS
from minidl._words.numpy import NUMPY
from minidl._words.tensor import OPERATORS, TENSOR


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
        "kernel_size": 1,
        "size": 3,
        "np": np,
        "ops": ops,
        "nn": nn,
        "minidl": minidl,
        "Tensor": Tensor,
    }


@pytest.mark.parametrize("name", of(TENSOR, WORKS))
def test_what_works_is_there(name):
    x = Tensor([[1.0]])
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


@pytest.mark.filterwarnings("ignore:invalid value encountered", "ignore:divide by zero")
@pytest.mark.parametrize(
    ("table", "name"), [(table, name) for table in (TENSOR, NUMPY) for name in of(table, ANSWERED, WORKS)]
)
def test_every_way_can_be_walked(table, name):
    code = table[name].way.split(";")[0].replace("reshape(…)", "reshape(4)").replace("permute(…)", "permute(1, 0)")
    if "NumPy" in code or code in ("x.cuda()", "x.sum().backward()"):
        return
    with minidl.no_grad():
        exec(code.replace('x.to("cuda")', "x.to('cpu')"), namespace())


SAME = {
    "abs": np.abs, "amax": lambda a: a.max(1), "amin": lambda a: a.min(1), "clip": lambda a: a.clip(0, 3),
    "exp": np.exp, "flip": lambda a: a[::-1], "log": np.log, "norm": lambda a: np.sqrt((a * a).sum(1)),
    "reciprocal": lambda a: 1 / a, "square": np.square, "std": lambda a: a.std(1, ddof=1), "tanh": np.tanh,
    "maximum": lambda a: np.maximum(a, 2.0), "minimum": lambda a: np.minimum(a, 2.0), "numel": np.size,
    "rsqrt": lambda a: a**-0.5, "repeat": lambda a: np.concatenate([a, a]), "t": np.transpose, "mT": np.transpose,
    "tolist": np.ndarray.tolist, "prod": lambda a: a.prod(0), "tril": np.tril, "triu": np.triu, "trace": np.trace,
    "unsqueeze": lambda a: a[:, None], "masked_fill": lambda a: np.where(np.eye(2), 0.0, a), "log2": np.log2,
    "logsumexp": lambda a: np.log(np.exp(a).sum(1)), "median": lambda a: np.float64(2.0), "log10": np.log10,
    "log1p": np.log1p, "expm1": np.expm1, "outer": lambda a: np.outer(a[0], [2.0, 2.0]), "rot90": np.rot90,
    "roll": lambda a: np.roll(a, -1, 0), "repeat_interleave": lambda a: a.repeat(2, 0),
    "xlogy": lambda a: a * np.log(2), "take": lambda a: a.ravel()[:2], "kthvalue": lambda a: a.min(1),
    "lerp": lambda a: a + (2 - a) / 2,
    "logit": lambda a: np.log(a / 9 / (1 - a / 9)), "fliplr": np.fliplr, "flipud": np.flipud,
    "inner": lambda a: np.inner(a, np.full((2, 2), 2.0)), "dist": lambda a: np.linalg.norm(a - 2.0),
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
            return x.half()

    with pytest.raises(AttributeError, match=r"Tensor has no .half; use x.detach\(\).float\(\)"):
        Net()(Tensor([1.0, 2.0]))
