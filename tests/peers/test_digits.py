"""How many digits the fast kernels keep: their errors beside PyTorch's, both in float32 and against float64.

A sum of K products in float32 has an error whatever its order; orders differ, and so both are judged by the same exact
numbers. The error is max |a - b| / max |b|, the worst of three draws; upstream gradients are random.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from tests.contract import relative_error
from tests.kernels.twins import counted

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

AS_PYTORCH = 2  # times PyTorch's error
WINOGRAD = 2e-5


@dataclass(frozen=True)
class Layer:
    """One call of an operation, here and there, with the shapes of what it takes."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    settings: dict[str, Any] = field(default_factory=dict)


def convolution(name, c, o, side, kernel, stride=1, groups=1, n=2):
    settings = {"stride": stride, "padding": kernel // 2, "groups": groups}
    shapes = ((n, c, side, side), (o, c // groups, kernel, kernel), (o,))
    return Layer(f"{name}, {c} to {o}", shapes, ops.conv2d, F.conv2d, settings)


DIRECT = [
    convolution("1×1", 64, 256, 14, 1),
    convolution("1×1", 512, 128, 14, 1),
    convolution("1×1", 2048, 512, 7, 1),
    convolution("1×1, stride 2", 256, 128, 14, 1, 2),
    convolution("3×3, stride 2", 128, 128, 14, 3, 2),
    convolution("3×3, few tiles", 512, 512, 7, 3),
    convolution("5×5", 96, 96, 14, 5),
    convolution("stem 7×7", 3, 64, 56, 7, 2),
    convolution("stem 11×11", 3, 64, 59, 11, 4),
    convolution("stem 3×3", 3, 32, 56, 3),
    convolution("stem 3×3, stride 2", 3, 32, 56, 3, 2),
    convolution("groups of 16", 256, 256, 14, 3, 1, 16),
    convolution("groups of 32", 512, 512, 14, 3, 2, 16),
]
NARROW = [
    convolution("depthwise 3×3", 48, 48, 28, 3, 1, 48),
    convolution("depthwise 3×3, stride 2", 48, 48, 28, 3, 2, 48),
    convolution("depthwise 5×5", 48, 48, 28, 5, 1, 48),
    convolution("depthwise 5×5, stride 2", 48, 48, 28, 5, 2, 48),
    convolution("groups of 4", 128, 128, 28, 3, 1, 32),
    convolution("groups of 4, stride 2", 128, 128, 28, 3, 2, 32),
    convolution("groups of 8", 256, 256, 14, 3, 1, 32),
]
TILED = [
    convolution("3×3", 64, 64, 28, 3),
    convolution("3×3", 256, 256, 22, 3),
    convolution("3×3", 512, 64, 28, 3),
    convolution("5×5", 64, 192, 27, 5),
]
SMALL = [
    convolution("3×3 on 2×2", 512, 512, 2, 3, n=8),
    convolution("3×3, stride 2, on 4×4", 256, 512, 4, 3, 2, n=8),
    convolution("5×5 on 5×5", 96, 96, 5, 5, n=8),
]


def norm(name, *, training, activation=None):
    running = np.linspace(-1, 1, 32, dtype="float32"), np.linspace(0.5, 2, 32, dtype="float32")

    def ours(x, w, b):
        mean, var = (array.copy() for array in running)
        return ops.batch_norm(x, w, b, mean, var, training=training, activation=activation)

    def theirs(x, w, b):
        y = F.batch_norm(x, *(torch.tensor(array, dtype=x.dtype) for array in running), w, b, training=training)
        return y if activation is None else getattr(F, activation)(y)

    return Layer(f"batch norm {name}", (MAPS, (32,), (32,)), ours, theirs)


def alike(name, shapes, their_name=None, **settings):
    theirs = their_name or (getattr(F, name) if hasattr(F, name) else getattr(torch, name))
    return Layer(name, shapes, getattr(ops, name), theirs, settings)


MAPS = (4, 32, 28, 28)
LABELS = np.arange(64) * 15
OTHERS = [
    norm("training", training=True),
    norm("training, relu", training=True, activation="relu"),
    norm("training, silu", training=True, activation="silu"),
    norm("evaluation", training=False),
    norm("evaluation, relu", training=False, activation="relu"),
    alike("max_pool2d", (MAPS,), kernel_size=3, stride=2, padding=1),
    alike("avg_pool2d", (MAPS,), kernel_size=3, stride=2, padding=1),
    alike("adaptive_avg_pool2d", (MAPS,), output_size=5),
    alike("global_avg_pool2d", (MAPS,), lambda x: x.mean((2, 3))),
    *(
        alike(name, (MAPS,))
        for name in ("relu", "relu6", "leaky_relu", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid")
    ),
    alike("add", (MAPS, MAPS), lambda a, b, activation: F.relu(a + b), activation="relu"),
    alike("scale_channels", (MAPS, MAPS[:2]), lambda x, s: x * s[:, :, None, None]),
    alike("linear", ((256, 512), (64, 512), (64,))),
    alike("linear", ((8, 4096), (512, 4096), (512,))),
    alike("softmax", ((64, 1000),), lambda x: F.softmax(x, 1)),
    alike("log_softmax", ((64, 1000),), lambda x: F.log_softmax(x, 1)),
    Layer(
        "cross_entropy",
        ((64, 1000),),
        lambda x: ops.cross_entropy(x, LABELS),
        lambda x: F.cross_entropy(x, torch.tensor(LABELS)),
    ),
    Layer(
        "local_response_norm",
        (MAPS,),
        lambda x: ops.local_response_norm(x, alpha=1.0),
        lambda x: F.local_response_norm(x, 5, 5.0, 0.75, 2.0),
    ),
]


def by_pytorch(layer, arrays, dy, dtype):
    tensors = [torch.tensor(array, dtype=dtype, requires_grad=True) for array in arrays]
    y = layer.theirs(*tensors, **layer.settings)
    y.backward(torch.tensor(dy, dtype=dtype))
    return [y.detach().numpy(), *(tensor.grad.numpy() for tensor in tensors)]


def by_minidl(layer, arrays, dy):
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    y = layer.ours(*tensors, **layer.settings)
    y.backward(dy)
    return [y.data, *(tensor.grad for tensor in tensors)]


def errors(layer):
    """Return the errors of the result and of every gradient, ours and PyTorch's; the fast set must have served."""
    ours, theirs = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        arrays = [rng.standard_normal(shape).astype("float32") for shape in layer.shapes]
        with torch.no_grad():
            shape = layer.theirs(*map(torch.tensor, arrays), **layer.settings).shape
        dy = np.asarray(rng.standard_normal(shape)).astype("float32")
        with counted() as (served, declined):
            found = by_minidl(layer, arrays, dy)
        assert served
        assert not declined
        exact, peer = (by_pytorch(layer, arrays, dy, dtype) for dtype in (torch.float64, torch.float32))
        ours.append([relative_error(a, b) for a, b in zip(found, exact, strict=True)])
        theirs.append([relative_error(a, b) for a, b in zip(peer, exact, strict=True)])
    return np.max(ours, axis=0), np.max(theirs, axis=0)


def as_cut(theirs):
    """Return the errors that the passes of a convolution are held against.

    Without AVX-512 PyTorch takes other algorithms, of which some cut their sums shorter than others: there a pass is
    held against the worst of its three products.
    """
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        return theirs
    return np.maximum(theirs, [*[theirs[:3].max()] * 3, 0])


def algorithms(layer):
    """Return the algorithms of the three passes of a convolution."""
    found = kernels.explain(*layer.shapes[:2], **layer.settings)
    return {found.forward.algorithm, found.dx.algorithm, found.dw.algorithm}


@pytest.mark.parametrize("layer", [*DIRECT, *TILED], ids=lambda layer: layer.name)
def test_direct_convolutions_keep_as_many_digits_as_pytorch(layer):
    with kernels.use("cpu", conv="direct"):  # the one switch that turns Winograd off
        assert algorithms(layer) == {"direct"}
        ours, theirs = errors(layer)
    assert (ours <= AS_PYTORCH * as_cut(theirs)).all(), f"{ours} {theirs}"


@pytest.mark.parametrize("layer", SMALL, ids=lambda layer: layer.name)
def test_small_maps_do_so_too(layer):
    with kernels.use("cpu"):
        assert algorithms(layer) == {"small", "direct"}  # direct: the gradient of the weights
        ours, theirs = errors(layer)
    assert (ours <= AS_PYTORCH * as_cut(theirs)).all(), f"{ours} {theirs}"


@pytest.mark.parametrize("layer", NARROW, ids=lambda layer: layer.name)
def test_convolutions_of_narrow_groups_do_so_too(layer):
    with kernels.use("cpu"):
        assert algorithms(layer) == ({"grouped", "direct"} if layer.shapes[1][1] == 8 else {"grouped"})
        ours, theirs = errors(layer)
    assert (ours <= AS_PYTORCH * theirs).all(), f"{ours} {theirs}"


@pytest.mark.parametrize("layer", TILED, ids=lambda layer: layer.name)
def test_winograd_loses_no_more_than_it_may(layer):
    with kernels.use("cpu"):
        assert algorithms(layer) == {"winograd"}
        ours, _ = errors(layer)
        assert {one.kernel_set for one in vars(kernels.explain(*layer.shapes[:2], dtype="float64")).values()} == {
            "textbook"
        }
    assert ours.max() <= WINOGRAD


@pytest.mark.parametrize("layer", OTHERS, ids=lambda layer: layer.name)
def test_all_other_layers(layer):
    """What rounds once or twice may miss by the last place of the largest number, even where PyTorch does not."""
    with kernels.use("cpu"):
        ours, theirs = errors(layer)
    assert (ours <= np.maximum(AS_PYTORCH * theirs, np.finfo("float32").eps)).all(), f"{ours} {theirs}"
