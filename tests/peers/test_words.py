"""PyTorch's names, arguments and results beside what minidl makes of them."""

import inspect
import json

import numpy as np
import pytest

import minidl
import minidl.nn.functional as functional
import minidl.nn.utils
import minidl.utils.data
from minidl import cuda, nn, optim
from minidl._words import WORKS
from minidl._words.modules import ARGUMENTS, MODULE
from minidl._words.optim import OPTIMIZER
from minidl._words.tensor import TENSOR
from minidl._words.torch import CUDA
from tests.words.expected import FILE, of_pytorch, shared
from tests.words.test_lines import check_same
from tests.words.world import waves

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

NET = nn.Linear(2, 2)
PLACES = {
    "Tensor": (torch.Tensor, minidl.ones(2, 2)),
    "torch": (torch, minidl),
    "nn": (torch.nn, nn),
    "nn.functional": (torch.nn.functional, functional),
    "nn.utils": (torch.nn.utils, minidl.nn.utils),
    "optim": (torch.optim, optim),
    "lr_scheduler": (torch.optim.lr_scheduler, optim.lr_scheduler),
    "utils.data": (torch.utils.data, minidl.utils.data),
    "Module": (torch.nn.Module, NET),
    "Optimizer": (torch.optim.Optimizer, optim.SGD(NET.parameters(), 0.1)),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_public_name_has_a_fate(place):
    """It is there, or its error is an answer; a name that nobody knows gets neither."""
    theirs, ours = PLACES[place]
    missing = []
    for name in dir(theirs):
        if name.startswith("_"):
            continue
        try:
            getattr(ours, name)
        except AttributeError as error:
            if "has no ." not in str(error):
                missing.append(name)
    assert missing == []


def test_every_method_of_modules_and_optimisers_is_in_the_tables():
    for theirs, table in ((torch.nn.Module, MODULE), (torch.optim.Optimizer, OPTIMIZER)):
        assert {name for name in dir(theirs) if not name.startswith("_")} <= set(table)
    assert {name for name in CUDA if hasattr(torch.cuda, name)} == set(CUDA)
    assert cuda.is_available


@pytest.mark.parametrize("part", [shared()[start::4] for start in range(4)])
def test_what_is_written_down_is_what_pytorch_says(part):
    expected = json.loads(FILE.read_text(encoding="utf-8"))
    for line in part:
        check_same(of_pytorch(line), expected[line], line)


# Examples of the table

NOT_COMPARED = (
    "normal_",
    "uniform_",
    "cuda",
    "data",
    "device",
    "grad",
    "shape",
    "dtype",
    "is_contiguous",
    "nbytes",
    "numpy",
)
EXAMPLES = [
    name for name, word in TENSOR.items() if word.fate == WORKS and name not in NOT_COMPARED and name != "backward"
]


def run(module, numpy_of_it, name):
    """Evaluate the example of a word; return the result, and the gradient of x where it has one."""
    x, y = (module.tensor(waves(2, 2, phase=phase).astype("float64") + 1.6) for phase in (0.0, 2.0))
    world = {"x": x, "y": y, "np": numpy_of_it, "mask": module.tensor([[True, False], [False, True]])}
    in_place = name.endswith("_") and name != "requires_grad_"
    if not in_place:
        x.requires_grad = True
    code = TENSOR[name].way.split(";")[0].replace("[0, 1])", "module.tensor([0, 1]))")
    found = eval(code, {**world, "module": module})
    first = found[0] if isinstance(found, tuple) and len(found) and hasattr(found[0], "requires_grad") else found
    grad = None
    if getattr(first, "requires_grad", False) and first is not x:
        (first * first).sum().backward()
        grad = x.grad
    return found, grad


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_give_pytorchs_result_and_gradient(name):
    (ours, dx), (theirs, dx_theirs) = run(minidl, np, name), run(torch, torch, name)

    def compare(a, b):
        if isinstance(b, (tuple, list)) and not isinstance(b, torch.Size):
            assert len(a) == len(b)
            for one, other in zip(a, b):
                compare(one, other)
        elif hasattr(b, "detach"):
            assert (str(a.dtype), a.shape) == (str(b.dtype).removeprefix("torch."), tuple(b.shape))
            np.testing.assert_allclose(np.asarray(a.data), b.detach().numpy(), rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)

    compare(ours, theirs)
    if dx is not None and dx_theirs is not None:
        np.testing.assert_allclose(dx, dx_theirs.numpy(), rtol=1e-9, atol=1e-12)
    assert (dx is None) == (dx_theirs is None) or name in WITHOUT_A_GRADIENT


WITHOUT_A_GRADIENT = ("ceil", "floor", "round", "sign", "trunc", "flatten")  # PyTorch's is 0, or x is the result


# Arguments

OTHER_NAMES = {"axis": "dim", "start_axis": "start_dim", "end_axis": "end_dim", "array": "data", "parameters": "params"}
OTHER_NAMES |= {"sizes": "unflattened_size"}
CLASSES = [
    (lib, name)
    for lib, theirs in ((nn, torch.nn), (optim, torch.optim))
    for name in lib.__all__
    if inspect.isclass(getattr(lib, name))
    and hasattr(theirs, name)
    and name not in ("Module", "Sequential", "Optimizer")
]


@pytest.mark.parametrize(("lib", "name"), CLASSES, ids=lambda it: it if isinstance(it, str) else it.__name__)
def test_arguments_stand_in_pytorchs_order(lib, name):
    """What is given by its place means the same; what PyTorch alone has by its name is answered."""
    kinds = getattr(lib, name), getattr(torch.nn if lib is nn else torch.optim, name)
    ours, theirs = (inspect.signature(kind).parameters for kind in kinds)
    placed = [it.name for it in ours.values() if it.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    known = [it.name for it in theirs.values() if it.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    if known:
        assert [OTHER_NAMES.get(it, it) for it in placed][: len(known)] == known[: len(placed)]
    plain = {it for it in theirs if it not in ("args", "kwargs")}
    assert plain <= {*ours, *(OTHER_NAMES.get(it, it) for it in ours), *ARGUMENTS}


@pytest.mark.parametrize("name", [name for name in functional.__all__ if hasattr(torch.nn.functional, name)])
def test_arguments_of_functions_stand_in_pytorchs_order(name):
    try:
        theirs = list(inspect.signature(getattr(torch.nn.functional, name)).parameters)
    except ValueError:  # made in C
        return
    ours = list(inspect.signature(getattr(functional, name)).parameters)
    others = {"x": "input"}
    if "args" not in theirs:
        assert [others.get(it, it) for it in ours] == theirs[: len(ours)]
