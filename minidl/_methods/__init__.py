"""The methods of a tensor that PyTorch's hands type, each under PyTorch's name, with its arguments and its meaning.

None computes anything by itself: each is a line of operations from `ops`, with their gradients, or, where there is no
gradient to be had, of the array module. What becomes of every other word says `minidl/_words/tensor.py`.

- `dim` and `keepdim` are the other spelling of `axis` and `keepdims`.
- A word whose meaning here was another one is refused where the two meanings differ, and both are named.
- `x.add_(y)` and its like are `x += y`: see `Values._take_over`.
"""

from __future__ import annotations

from typing import Any

from minidl._answers import spelled
from minidl._checks import broadcast_shape, check_choice, is_int, shown, to_axis, to_int
from minidl._methods import makers
from minidl._methods.changes import Changes
from minidl._methods.makers import Found, alone, reduction, taken
from minidl._methods.moves import Moves
from minidl._values import operation


class Methods(Moves, Changes):
    """What PyTorch's hands call on a tensor; `Tensor` adds the graph."""

    __slots__ = ()

    # ------------------------------------------------------------------ what it is

    size = property(
        lambda self: makers.Sizes(self.shape), doc="A call: x.size() is the shape, x.size(0) the size of an axis."
    )
    nbytes = property(lambda self: self._data.nbytes, doc="The number of bytes.")
    itemsize = property(lambda self: self._data.itemsize, doc="The bytes of one element.")
    is_cuda = property(lambda self: self.device == "cuda", doc="Whether it lies on the GPU.")
    is_cpu = property(lambda self: self.device == "cpu", doc="Whether it lies in the memory of the CPU.")
    is_leaf = property(lambda self: self._node is None, doc="Whether no operation that is recorded made it.")

    def dim(self) -> int:
        """Return the number of axes."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self._data.size

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self._data.itemsize

    def is_floating_point(self) -> bool:
        """Tell whether the elements are floats."""
        return self.dtype.kind == "f"

    def is_contiguous(self) -> bool:
        """Tell whether the elements lie in memory in the order in which they are read."""
        return self._data.flags.c_contiguous

    def tolist(self) -> Any:
        """Return the elements as nested lists of plain numbers."""
        return self._data.tolist()

    ndimension, nelement = dim, numel

    # ------------------------------------------------------------------ arithmetic

    exp, log, sqrt, abs = (makers.like_ops(name) for name in ("exp", "log", "sqrt", "abs"))
    relu, sigmoid, tanh, neg = (makers.like_ops(name) for name in ("relu", "sigmoid", "tanh", "negative"))
    absolute, negative = abs, neg
    floor, ceil, round, trunc, sign = (makers.by_element(name) for name in ["floor", "ceil", "round", "trunc", "sign"])
    isnan, isfinite, isinf = (makers.by_element(name) for name in ["isnan", "isfinite", "isinf"])
    logical_not = makers.by_element("logical_not")
    eq = makers.compared("==", lambda x, other: x == other)
    ne = makers.compared("!=", lambda x, other: x != other)
    lt = makers.compared("<", lambda x, other: x < other)
    le = makers.compared("<=", lambda x, other: x <= other)
    gt = makers.compared(">", lambda x, other: x > other)
    ge = makers.compared(">=", lambda x, other: x >= other)
    less, less_equal, greater, greater_equal, not_equal = lt, le, gt, ge, ne
    logical_and = makers.compared("and", lambda x, other: (x != 0) & (makers.judged("logical_and", other) != 0))
    logical_or = makers.compared("or", lambda x, other: (x != 0) | (makers.judged("logical_or", other) != 0))

    def add(self, other: Any, *, alpha: Any = 1) -> Any:
        """Return x + alpha · other."""
        return self + makers.scaled("add", other, alpha)

    def sub(self, other: Any, *, alpha: Any = 1) -> Any:
        """Return x - alpha · other."""
        return self - makers.scaled("sub", other, alpha)

    def mul(self, other: Any) -> Any:
        """Return x * other."""
        return self * makers.judged("mul", other)

    def div(self, other: Any) -> Any:
        """Return x / other."""
        return self / makers.judged("div", other)

    def pow(self, exponent: Any) -> Any:
        """Return x ** exponent."""
        return self**exponent

    def matmul(self, other: Any) -> Any:
        """Return x @ other."""
        return self @ other

    subtract, multiply, divide, true_divide = sub, mul, div, div
    mm = bmm = mv = matmul

    def dot(self, other: Any) -> Any:
        """Return Σ x·other of two tensors with one axis."""
        if self.ndim != 1 or getattr(other, "ndim", 1) != 1:
            raise ValueError(f"dot: expects one axis each; x.shape={self.shape}, other.shape={other.shape}")
        return (self * other).sum()

    def square(self) -> Any:
        """Return x · x."""
        return self * self

    def reciprocal(self) -> Any:
        """Return 1 / x."""
        return 1 / self

    def rsqrt(self) -> Any:
        """Return 1 / √x."""
        return 1 / self.sqrt()

    def clamp(self, min: Any = None, max: Any = None) -> Any:
        """Return x within bounds; see `minidl.ops.clip`."""
        return operation("clip")(self, min, max)

    def clamp_min(self, min: Any) -> Any:
        """Return x, or min where x is below it."""
        return operation("clip")(self, min)

    def clamp_max(self, max: Any) -> Any:
        """Return x, or max where x is above it."""
        return operation("clip")(self, None, max)

    clip = clamp

    @spelled
    def softmax(self, axis: Any = None) -> Any:
        """See `minidl.ops.softmax`."""
        return operation("softmax")(self, makers.softmax_axis("softmax", self, axis))

    @spelled
    def log_softmax(self, axis: Any = None) -> Any:
        """See `minidl.ops.log_softmax`."""
        return operation("log_softmax")(self, makers.softmax_axis("log_softmax", self, axis))

    # ------------------------------------------------------------------ reductions

    sum, mean = reduction("sum"), reduction("mean")
    all, any = makers.choice("all"), makers.choice("any")
    argmax, argmin = makers.choice("argmax"), makers.choice("argmin")
    max, min = makers.extreme("max"), makers.extreme("min")
    amax, amin = makers.largest("amax"), makers.largest("amin")

    @spelled
    def var(self, axis: Any = None, *, correction: Any = 1, unbiased: Any = None, keepdims: bool = False) -> Any:
        """See `minidl.ops.var`; unbiased=False is correction=0."""
        if unbiased is not None:
            correction = 1 if unbiased else 0
        return operation("var")(self, axis, correction=correction, keepdims=keepdims)

    @spelled
    def std(self, axis: Any = None, *, correction: Any = 1, unbiased: Any = None, keepdims: bool = False) -> Any:
        """Return the square root of `var`; its gradient where that is 0 is 0."""
        return makers.root(self.var(axis, correction=correction, unbiased=unbiased, keepdims=keepdims))

    @spelled
    def norm(self, p: Any = 2, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the length √Σ x² (p=2), or Σ |x| (p=1), along all axes or some; where it is 0, so is its gradient."""
        check_choice("norm", "p", int(p) if isinstance(p, float) and p in (1, 2) else p, (2, 1, "fro"))
        return self.abs().sum(axis, keepdims) if p == 1 else makers.root((self * self).sum(axis, keepdims))

    # ------------------------------------------------------------------ finding

    def equal(self, other: Any) -> bool:
        """Tell whether shapes and elements are equal."""
        array = makers.array_of("equal", other)
        return self.shape == array.shape and bool((self == array).all())

    def allclose(self, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
        """Tell whether no element differs from the other's by more than atol + rtol · |other|."""
        return bool(self.isclose(other, rtol, atol, equal_nan).all())

    def isclose(self, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
        """Tell for each element whether it differs from the other's by at most atol + rtol · |other|."""
        array, xp = makers.array_of("isclose", other), makers.module_of(self)
        broadcast_shape("isclose", self.shape, array.shape)
        return alone(self, xp.isclose(self._data, array, rtol, atol, equal_nan), "isclose")

    def nonzero(self) -> Any:
        """Return the places of the elements that are not 0, a row for each."""
        return alone(self, makers.module_of(self).argwhere(self._data), "nonzero")

    argwhere = nonzero

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
        """Return the order that sorts along one axis; equal elements keep theirs."""
        axis = to_axis("argsort", dim, self.ndim)
        return alone(self, makers.order(self, axis, descending), "argsort")

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = False) -> Found:
        """Return the elements in order along one axis, with a gradient, and where they were; equal ones keep theirs."""
        axis = to_axis("sort", dim, self.ndim)
        places = makers.order(self, axis, descending)
        return Found(taken(self, places, axis), alone(self, places, "sort"))

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Found:
        """Return the k largest (or smallest) elements along one axis in order, with a gradient, and where they were."""
        axis = to_axis("topk", dim, self.ndim)
        if not is_int(k) or not 0 <= k <= self.shape[axis]:
            raise ValueError(f"topk: k must be an int from 0 to {self.shape[axis]}; received k={shown(k)}")
        places = makers.order(self, axis, largest)[(slice(None),) * axis + (slice(to_int("topk", "k", k, least=0)),)]
        return Found(taken(self, places, axis), alone(self, places, "topk"))

    def unique(self) -> Any:
        """Return the different elements in order, without a gradient."""
        makers.check_unwanted("unique", self)
        return alone(self, makers.module_of(self).unique(self._data), "unique")

    def bincount(self, weights: None = None, minlength: int = 0) -> Any:
        """Return how often each whole number from 0 on occurs."""
        if self.dtype.kind not in "iu" or self.ndim != 1 or weights is not None:
            raise ValueError(
                f"bincount: expects whole numbers along one axis, unweighted; x.shape={self.shape}, {self.dtype}"
            )
        return alone(self, makers.module_of(self).bincount(self._data, minlength=minlength), "bincount")

    def cumsum(self, dim: int) -> Any:
        """Return the sums of all elements up to each along one axis, without a gradient."""
        makers.check_unwanted("cumsum", self)
        return alone(self, self._data.cumsum(to_axis("cumsum", dim, self.ndim)), "cumsum")

    def count_nonzero(self) -> Any:
        """Return how many elements are not 0."""
        return (self != 0).sum()
