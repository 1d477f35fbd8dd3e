"""Folding changes nothing that anybody can see: modules drawn at random, beside their folded copies.

Each is a random program over maps of four channels: convolutions, norms with residuals of all kinds, activations, sums,
layers that are shared; and results on the way that are returned, kept, read as arrays, or told to somebody outside.
"""

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, no_grad, ops
from minidl.folding._layers import PostponedConv2d
from tests.contract import assert_close

MODULES, CHUNK = 300, 30
OUTSIDE = []  # what was told to somebody whom no walk finds
FUNCTIONS = (
    lambda a, b: a + b,
    lambda a, b: ops.add(a, b, activation="relu"),
    lambda a, b: a * 0.5,
    lambda a, b: a.detach(),
)
READS = {"data": lambda y: y.data[0, 0, 0, 0], "shape": lambda y: y.shape[1], "float": lambda y: float(y.mean())}
WITNESSES = ("keep", "list", "back", "tell", *READS)
ACTIVATIONS = (None, "relu", "relu6", "silu", "hardswish")


class Drawn(nn.Module):
    """A program: every line makes a map of earlier ones, or does something with one."""

    def __init__(self, rng):
        super().__init__()
        self.kept = {}
        self.lines = []
        for _ in range(rng.integers(2, 7)):
            self._line(rng)
        self.returned = [int(it) for it in rng.integers(0, self.maps, rng.integers(0, 2))]

    maps = property(lambda self: 1 + sum(line[0] in ("layer", "norm", "function") for line in self.lines))

    def _line(self, rng):
        """Add a convolution with something behind it, of whose result something else may happen, too."""
        window, bias = ((1,), (3, 1, 1))[rng.integers(2)], bool(rng.integers(2))
        self._layer(rng, "conv", lambda: nn.Conv2d(4, 4, *window, bias=bias))
        made = self.maps - 1
        if rng.random() < 0.3:
            self._witness(rng, made)
        source = made if rng.random() < 0.8 else int(rng.integers(0, self.maps))
        if rng.random() < 0.25:
            kind = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Identity, nn.Tanh)[rng.integers(6)]
            self._layer(rng, "act", kind, source)
        else:
            residual = int(rng.integers(0, self.maps)) if rng.random() < 0.4 else None
            self._norm(rng, source, residual)
        if rng.random() < 0.4:
            self.lines.append(("function", rng.integers(4).item(), *rng.integers(0, self.maps, 2).tolist()))
        if rng.random() < 0.1:
            self._witness(rng, made)

    def _layer(self, rng, kind, build, source=None):
        source = int(rng.integers(max(0, self.maps - 2), self.maps)) if source is None else source
        names = [name for name, _ in self.named_children() if name.startswith(kind)]
        if not names or rng.random() > 0.08:
            names = [f"{kind}{len(names)}"]
            setattr(self, names[0], build())
        self.lines.append(("layer", names[rng.integers(len(names))], source))

    def _norm(self, rng, source, residual):
        names = [name for name, _ in self.named_children() if name.startswith("norm")]
        if not names or rng.random() > 0.08:
            kind = nn.BatchNorm2d if rng.random() < 0.9 else Halved
            norm = kind(4, affine=bool(rng.integers(2)), activation=ACTIVATIONS[rng.integers(5)])
            norm.running_mean = rng.normal(0, 0.5, 4).astype(np.float32)
            norm.running_var = rng.uniform(0.5, 2, 4).astype(np.float32)
            names = [f"norm{len(names)}"]
            setattr(self, names[0], norm)
        self.lines.append(("norm", names[rng.integers(len(names))], source, residual))

    def _witness(self, rng, source):
        self.lines.append(("witness", WITNESSES[rng.integers(len(WITNESSES))], source))

    def forward(self, x):
        """Run the program."""
        maps, told = [x], 0.0
        for kind, what, source, *more in self.lines:
            y = maps[source]
            if kind == "layer":
                maps.append(getattr(self, what)(y))
            elif kind == "norm":
                residual = None if more[0] is None else maps[more[0]]
                maps.append(getattr(self, what)(y, residual))
            elif kind == "function":
                maps.append(FUNCTIONS[what](y, maps[more[0]]))
            elif what in ("keep", "list"):
                self.kept[what] = y if what == "keep" else [{"it": (y,)}]
            elif what == "tell":
                OUTSIDE.append(y)
            elif what == "back":
                self.last = y
            else:
                told += READS[what](y)
        return {"y": maps[-1], "others": [maps[it] for it in self.returned], "told": told}


class Halved(nn.BatchNorm2d):
    """A norm that is no plain one."""

    def forward(self, x, residual=None):
        """Half of it."""
        return super().forward(x, residual) * 0.5


def numbers(y):
    """Everything that a program lets others see."""
    if isinstance(y, dict):
        return [it for value in y.values() for it in numbers(value)]
    if isinstance(y, (list, tuple)):
        return [it for value in y for it in numbers(value)]
    return [np.asarray(y.data if isinstance(y, Tensor) else y)]


def seen(net, x):
    """Run a program: what it gives, keeps, and has told outside."""
    OUTSIDE.clear()
    with no_grad():
        y = net(x)
    outside = [it.numpy() for it in OUTSIDE]
    return [*numbers(y), *numbers(net.kept), *numbers(getattr(net, "last", [])), *outside]


def pairs(net):
    """How many convolutions have taken in what is behind them."""
    return sum(isinstance(it, PostponedConv2d) for it in net.modules())


def in_float64(net):
    """The same network, in which a sum in another order is no error to speak of."""
    for module in net.modules():
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(parameter.data.astype(np.float64)))
        for name, array in module.named_buffers(recurse=False):
            setattr(module, name, array.astype(np.float64))
    return net


@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=pytest.mark.slow if first > CHUNK else ()) for first in range(0, MODULES, CHUNK)],
)
def test_modules_drawn_at_random_compute_the_same(first, one_thread):
    folded = norms = 0
    for seed in range(first, first + CHUNK):
        rng = np.random.default_rng(seed)
        net = in_float64(Drawn(rng)).eval()
        fused = minidl.fuse(net, size=(4, 6, 5))
        assert isinstance(fused, Drawn)
        for height in (6, 3):
            x = Tensor(rng.standard_normal((2, 4, height, 5)))
            expected, got = seen(net, x), seen(fused, x)
            assert len(got) == len(expected), seed
            for a, b in zip(got, expected, strict=True):
                assert_close(a, b)
        folded += pairs(fused)
        norms += sum(isinstance(it, nn.BatchNorm2d) for it in net.modules())
    assert folded > norms / 8  # it is no proof if little is folded
