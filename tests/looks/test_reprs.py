"""What one sees at a prompt: short, aligned, and never an address."""

import re
import sys

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, no_grad, optim
from tests import strict_cupy
from tests.looks import samples

LINES, COLUMNS = 12, 100
ADDRESS = re.compile(r"<(minidl|tests)\S* object at|0x[0-9a-f]{6,}")


@pytest.fixture(scope="module")
def things():
    return list(samples.things())


def faults(thing):
    """Return what is wrong with how a thing looks; trees of modules, and what CuPy says of itself, may be longer."""
    text = thing if isinstance(thing, str) else repr(thing)
    lines = text.split("\n")
    found = ["an address"] if ADDRESS.search(text) else []
    if len(lines) > LINES and not isinstance(thing, nn.Module):
        found.append(f"{len(lines)} lines")
    if max(map(len, lines)) > COLUMNS and not isinstance(thing, (nn.Module, minidl.cuda.CudaStatus)):
        found.append(f"{max(map(len, lines))} columns")
    return found + ["not complete"] * ("not complete" in text)


def test_there_is_a_sample_of_every_public_class(things):
    kinds = {kind for thing in things for kind in type(thing).__mro__}
    assert [kind for kind in samples.classes() if kind not in kinds] == []


def test_everything_is_shown_in_a_few_lines(things):
    assert {repr(thing): found for thing in things if (found := faults(thing))} == {}


def attributes(thing):
    """Yield what a thing of minidl's own has under public names, with one of what is in a list."""
    for name in dir(thing):
        if name.startswith("_") or name in ("T", "mT"):
            continue
        try:
            value = getattr(thing, name)
        except Exception:  # an answer in words, or a thing that is only half made here
            continue
        for one in [value, *(value[:1] if isinstance(value, (list, tuple)) else ())]:
            if type(one).__module__.startswith("minidl") and not isinstance(one, np.ndarray):
                yield f"{type(thing).__name__}.{name}", one


def test_everything_that_can_be_reached_from_there_is_shown_in_a_few_lines(things):
    waiting, seen, wrong = list({type(thing): thing for thing in things}.values()), set(), {}
    while waiting:
        for name, value in attributes(waiting.pop()):
            if found := faults(value):
                wrong[name] = (found, repr(value))
            if type(value) not in seen:
                seen.add(type(value))
                waiting.append(value)
    assert wrong == {}
    assert len(seen) >= 20


def test_what_is_only_half_made_can_be_shown():
    for kind in samples.classes():
        if kind is not minidl.cuda.CudaStatus:  # which has two words and nothing that could fail
            assert repr(kind.__new__(kind)).startswith(f"{kind.__name__}(")


def test_rows_of_a_tensor_stand_under_each_other():
    assert repr(Tensor(np.array([[1.0, -20.0], [0.25, 3.0]]))) == (
        "Tensor([[  1.  , -20.  ],\n"
        "        [  0.25,   3.  ]], shape=(2, 2), dtype=float64)"
    )  # fmt: skip
    assert repr(nn.Parameter([[1.0, 2.0], [3.0, 4.0]])) == (
        "Parameter([[1., 2.],\n"
        "           [3., 4.]], shape=(2, 2), dtype=float32, requires_grad=True)"
    )  # fmt: skip
    assert repr(Tensor(np.arange(8 * 3 * 4 * 4).reshape(8, 3, 4, 4))) == (
        "Tensor([[[[ 0, ...,  3],\n"
        "          ...,\n"
        "          [12, ..., 15]],\n"
        "\n"
        "         ...,\n"
        "\n"
        "         [[32, ..., 35],\n"
        "          ...,\n"
        "          [44, ..., 47]]],\n"
        "        ...], shape=(8, 3, 4, 4), dtype=int64)"
    )


def test_a_tensor_says_where_its_gradient_comes_from():
    x = Tensor([1.0], requires_grad=True)
    y = (x * 2.0).reshape(())
    assert repr(x) == "Tensor([1.], shape=(1,), dtype=float32, requires_grad=True)"
    assert repr(y) == "Tensor(2., shape=(), dtype=float32, grad_fn=<reshape>)"
    y.backward()
    assert repr(y).endswith("grad_fn=<reshape>)")
    with no_grad():
        assert repr(x * 2.0) == "Tensor([2.], shape=(1,), dtype=float32)"


def awkward():
    """Yield arrays that are awkward to show."""
    yield from [np.array(3.5), np.array(np.nan), np.zeros((0, 3)), np.zeros(0), np.zeros((1, 0, 4, 4))]
    yield from [np.full((3, 3), np.nan), np.array([[np.inf, -np.inf], [1e-300, 1e300]]), np.ones((1,) * 30)]
    yield from [np.full((2,) * 14, 2.0), np.ones((12, 9)), np.ones((60, 1)), np.ones((1, 60)), np.ones(10**5)]
    yield from [
        np.full((3, 40), 2**62),
        np.full((99, 99), -1.5e-200),
        np.zeros((4, 4), bool),
        np.arange(5).astype("u1"),
    ]
    yield from [np.broadcast_to(np.float32(1), (10**6, 10**6)), np.broadcast_to(np.float64(1), (8, 10**5, 10**5))]
    yield from [np.ones((4, 4, 4, 4, 4))[::2, ::-1], np.ones((8, 3, 32, 32), "f4").transpose(0, 2, 3, 1)]


def test_tensors_of_all_shapes_and_values_are_shown():
    assert {repr(Tensor(array)): found for array in awkward() if (found := faults(Tensor(array)))} == {}


def test_no_more_is_moved_from_the_gpu_than_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy.cupy)
    x = Tensor(strict_cupy.cupy.asarray(np.arange(10**6, dtype="float32").reshape(10, 1000, 100)))
    assert repr(x).startswith("Tensor([[[")
    assert repr(x).endswith("shape=(10, 1000, 100), dtype=float32, device=cuda)")
    assert faults(x) == []


def test_groups_of_an_optimiser_have_a_line_each():
    net = nn.Linear(3, 2)
    assert repr(optim.SGD(net.parameters(), lr=0.1, momentum=0.9)) == (
        "SGD(lr=0.1, weight_decay=0.0, momentum=0.9, nesterov=False, 2 parameters of 8 numbers)"
    )
    assert repr(optim.Adam(optim.decay_groups(net, 0.01), lr=0.1)) == (
        "Adam(\n"
        "  lr=0.1\n"
        "  betas=(0.9, 0.999)\n"
        "  eps=1e-08\n"
        "  1 parameter of 6 numbers, weight_decay=0.01\n"
        "  1 parameter of 2 numbers, weight_decay=0.0\n"
        ")"
    )


def test_a_gradcheck_shows_its_verdict():
    found = minidl.gradcheck(lambda x: x * x, [np.array([1.0, 2.0])])
    assert re.fullmatch(r"GradcheckReport\(ok, direction, seed 0, .*, relative error \d\.\d\de-\d+\)", repr(found))
    wrong = repr(samples.report())
    assert wrong.startswith(
        "GradcheckReport(\n  FAIL\n  elements, seed 0\n  argument 0, shape=(64, 3, 7, 7), FAIL, relative"
    )
