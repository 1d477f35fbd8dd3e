"""The whole autograd: tensors, the operations that connect them, and the walk back.

Every operation is a `Function` with two halves: `forward` turns arrays into an array, `backward` turns the gradient of
the loss with respect to that array, `dy`, into the gradients with respect to the inputs. Running an operation on
tensors leaves a `Node` behind, which remembers who the inputs were. `Tensor.backward` visits the nodes once, the latest
first; when a node is reached, everything that used its output has already added its share to `dy`:

    loss ── cross_entropy ── linear ── relu ── linear ── x        forward is read from the right, backward from the left
                                │                 │
                                w2                w1              leaves: their sum of shares becomes .grad
"""

from __future__ import annotations

import heapq
import itertools
import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from minidl import _backend, kernels
from minidl._answers import answer_in
from minidl._arrays import hidden, shown
from minidl._backend import Array
from minidl._checks import plain_array, to_result
from minidl._copies import reduced
from minidl._judged import judged_grad, set_grad, to_array, to_gradients, to_like, to_upstream
from minidl._looks import Brief, short
from minidl._numpy import Arrays
from minidl._sharing import is_held_once, owner
from minidl._words.tensor import CONTEXT

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_observers: ContextVar[tuple[Callable[[Event], None], ...]] = ContextVar("observers", default=())
current_module: ContextVar[tuple[Any, str]] = ContextVar("current_module", default=(None, ""))
_creation = itertools.count()
OVER, NOT_OVER = {"over": True}, dict[str, bool]()  # settings of kernels: see `Context`
Inputs: TypeAlias = "tuple[Tensor | None, ...]"


@contextmanager
def no_grad() -> Iterator[None]:
    """Run operations without keeping a graph; also a decorator.

    Example:
        >>> with no_grad():
        ...     (Tensor([2.0], requires_grad=True) * 3.0).requires_grad
        False
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


@dataclass(frozen=True)
class Event(Brief):
    """What an observer is told after an operation: one step of the forward or of the backward pass.

    `inputs` and `output` are the arrays of the operation; in the backward pass `inputs` is (dy,) and `output` a tuple
    of gradients. `module` is the path of the layer that ran the forward pass, such as "layer1.0.conv1". `choices` is
    what a Function with kinks chose (see `Context`), `saved` what the graph keeps of a forward pass for the way back.
    """

    op: str
    phase: str
    module: str
    inputs: tuple[Array | None, ...]
    output: Any
    settings: dict[str, Any]
    saved_bytes: int
    choices: Array | None
    saved: tuple[Array, ...] = ()


@contextmanager
def observe(observer: Callable[[Event], None]) -> Iterator[None]:
    """Call `observer(event)` after every operation of this thread, forward and backward.

    Example:
        >>> seen = []
        >>> with observe(lambda event: seen.append(event.op)):
        ...     y = -Tensor([1.0, -1.0]) * 2.0
        >>> seen
        ['multiply', 'multiply']
    """
    if not callable(observer):
        raise TypeError(f"observe: expects a function of an Event; received a {type(observer).__name__}")
    token = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(token)


def is_recording() -> bool:
    """Tell whether operations keep a graph here, where somebody wants a gradient."""
    return _recording.get()


def is_observed() -> bool:
    """Tell whether an observer is told of operations here."""
    return bool(_observers.get())


def _tell(event: Event) -> None:
    for observer in _observers.get():
        observer(event)


class Context(Brief):
    """What one run of an operation keeps for its backward pass.

    `needs` says for each input whether somebody wants its gradient. `save` keeps arrays, `saved` gives them back; other
    settings may be attributes. An operation that chooses (relu's mask, max pooling's winners) leaves its choice, or a
    function that returns it, in `choices`: the gradient checker compares it. `over` is for a kernel that takes dy last,
    `kernels.relu_dx(dy, y, **ctx.over)`: where nothing else refers to dy, it may be written over.
    """

    choices: Any = None
    over: dict[str, bool] = NOT_OVER
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, op: str, inputs: Inputs, needs: tuple[bool, ...]):
        self.needs = needs
        self._op = op
        self._inputs = inputs
        self._saved: tuple[Array, ...] = ()
        self._watched: list[tuple[Callable[[], Tensor | None], int]] = []

    def save(self, *arrays: Array) -> None:
        """Keep arrays for the backward pass."""
        self._saved = arrays

    @property
    def saved(self) -> tuple[Array, ...]:
        """The saved arrays; an error if a tensor among them has been changed since."""
        for find, version in self._watched:
            tensor = find()
            if tensor is not None and tensor._version != version:
                raise RuntimeError(
                    f"{self._op}: a tensor of shape {tensor.shape} that the backward pass needs was changed after the "
                    f"forward pass (it is at version {tensor._version}, {version} was used); call backward() before "
                    f"the change, or run forward again"
                )
        return self._saved

    @property
    def saved_bytes(self) -> int:
        """Bytes of the saved arrays, each counted once."""
        return sum(array.nbytes for array in {id(array): array for array in self._saved}.values())

    def _words(self) -> list[str]:
        return [self._op, f"saved={short(self._saved)}"]

    def _seal(self, output: Tensor) -> None:
        """Note the versions of the tensors whose arrays were saved, and let go of the other inputs."""
        for array in self._saved:
            for tensor in (*self._inputs, output):
                if tensor is not None and tensor._data is array:
                    self._watched.append((weakref.ref(tensor), tensor._version))
        self._inputs = ()


answer_in(Context, "Context", CONTEXT)


class Function(Brief):
    """An operation with a derivative: subclass it with static `forward` and `backward`, call it with `apply`.

    `forward(ctx, *arrays, **settings)` gets plain arrays and returns a new one. `backward(ctx, dy)` returns, for each
    array, its gradient or None; it may look at `ctx.needs` to skip work. It must not change `dy` (`ctx.over` says when
    it may) nor anything saved.

    Example:
        >>> class Square(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save(x)
        ...         return x * x
        ...
        ...     @staticmethod
        ...     def backward(ctx, dy):
        ...         (x,) = ctx.saved
        ...         return 2 * x * dy
        >>> x = Tensor([3.0], requires_grad=True)
        >>> Square.apply(x).backward()
        >>> x.grad
        array([6.], dtype=float32)
    """

    op = "function"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.op = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", cls.__name__).lower()

    @staticmethod
    def forward(ctx: Context, *arrays: Any, **settings: Any) -> Array:
        """Compute the result from the arrays."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Any:
        """Compute the gradients of the arrays from the gradient of the result."""
        raise NotImplementedError

    @classmethod
    def apply(cls, *tensors: Tensor | None, **settings: Any) -> Tensor:
        """Run forward on tensors (None where there is none) and connect the result to them."""
        recording, arrays, needs = _recording.get(), [], []
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                found = type(tensor).__name__
                raise TypeError(f"{cls.op}: inputs must be Tensors, received a {found}; wrap it: Tensor(array)")
            arrays.append(None if tensor is None else tensor._data)
            needs.append(recording and tensor is not None and tensor.requires_grad)
        ctx = Context(cls.op, tensors, tuple(needs))
        output = Tensor._wrap(to_result(cls.op, cls.forward(ctx, *arrays, **settings)), True in needs)
        if output.requires_grad:
            ctx._seal(output)
            output._node = Node(cls, ctx, tensors, output, current_module.get()[1])
        if _observers.get():
            module, saved = current_module.get()[1], ctx.saved_bytes
            choices = ctx.choices() if callable(ctx.choices) else ctx.choices
            kept = ctx._saved if output.requires_grad else ()
            _tell(Event(cls.op, "forward", module, tuple(arrays), output._data, settings, saved, choices, kept))
        return output


class Node(Brief):
    """One run of an operation in the graph: what it saved, and where the gradients of its inputs go."""

    __slots__ = ("ctx", "dtype", "function", "module", "order", "parents", "shape")

    def __init__(self, function: type[Function], ctx: Context, inputs: Inputs, output: Tensor, module: str):
        self.function, self.module, self.order = function, module, next(_creation)
        self.ctx: Context | None = ctx
        self.shape, self.dtype = output._data.shape, output._data.dtype
        # A parent is the node that made the input, or the input itself where it is a leaf that wants a gradient.
        self.parents: tuple[Node | Tensor | None, ...] = tuple(
            [(tensor._node or tensor) if tensor is not None and tensor.requires_grad else None for tensor in inputs]
        )

    def visited(self, dy: Array, is_mine: bool = False) -> tuple[Any, tuple[Array | None, ...]]:
        """Run the backward half, let go of all that was kept for it, and return the parents and their gradients."""
        op = self.function.op
        if self.ctx is None:
            raise RuntimeError(
                f"{op}: backward through a graph that an earlier backward() has freed; run forward again, "
                f"or add the losses up and call backward() once"
            )
        if _observers.get():
            saved, result = self.ctx.saved_bytes, to_gradients(op, self.function.backward(self.ctx, dy), self.parents)
            _tell(Event(op, "backward", self.module, (dy,), result, {}, saved, None))
        else:  # backward alone holds dy, and may let go of it, or write over it
            self.ctx.over, given = OVER if is_mine else NOT_OVER, [dy]
            del dy
            result = to_gradients(op, self.function.backward(self.ctx, given.pop()), self.parents)
        parents, self.ctx, self.parents = self.parents, None, ()
        return parents, result

    def _words(self) -> list[str]:
        return [self.function.op, f"shape={self.shape}", f"dtype={self.dtype}"]


class Gradients:
    """The gradients that wait for the walk back: those of each node and each leaf, as far as they are added up.

    A gradient may be shared between branches, so no `backward` may change it. Here it is added to, or left on a leaf as
    it is, only where nothing else in the process refers to its memory: so the walk gives no names to arrays.
    """

    def __init__(self) -> None:
        self.sums: dict[Node | Tensor, Array] = {}
        self._queue: list[tuple[int, Node]] = []

    def add(self, parents: Sequence[Node | Tensor | None], gradients: Sequence[Array | None]) -> None:
        """Add to what waits for each parent, in place where nobody would notice."""
        for parent, gradient in zip(parents, gradients, strict=True):
            if parent is None or gradient is None:
                continue
            if parent not in self.sums:
                self.sums[parent] = gradient
                if isinstance(parent, Node):
                    heapq.heappush(self._queue, (-parent.order, parent))
            elif is_held_once(self.sums, parent):
                kernels.add_to(gradient, self.sums[parent])
            else:
                self.sums[parent] = kernels.add(self.sums[parent], gradient)

    def take(self, node: Node | Tensor) -> Array:
        """Hand out what has been added up for a node or a leaf."""
        return self.sums.pop(node)

    def walk(self) -> None:
        """Visit all nodes, the latest first: when a node comes, all that used its result have been visited."""
        while self._queue:
            _, node = heapq.heappop(self._queue)
            is_mine = is_held_once(self.sums, node)
            self.add(*node.visited(self.take(node), is_mine))

    def leaves(self) -> Iterator[tuple[Tensor, Array]]:
        """Hand out what is left after all nodes, each array on memory that belongs to the leaf alone."""
        while self.sums:
            leaf: Any = next(iter(self.sums))
            mine = is_held_once(self.sums, leaf) and self.sums[leaf].nbytes == owner(self.sums[leaf]).nbytes
            yield leaf, self.take(leaf) if mine else _backend.copy(self.take(leaf))


class Tensor(Arrays):
    """An array that remembers how it was made, so that a loss can be differentiated with respect to it.

    Args:
        array: a NumPy or CuPy array, which is not copied, or numbers, which become float32.
        requires_grad: whether `backward` shall leave a gradient in `.grad`.

    Raises:
        TypeError: if a gradient is asked for and the array is not float32 or float64.

    Example:
        >>> from minidl import Tensor
        >>> w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
        >>> (w * w).sum().backward()
        >>> w.grad
        array([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("__weakref__", "_data", "_grad", "_node", "_version", "requires_grad")
    __reduce__ = reduced  # for `copy` and `pickle`

    def __init__(self, array: Any, requires_grad: bool = False):
        self._data: Array = to_array(array, requires_grad)
        self._grad: Array | None = None
        self._node: Node | None = None
        self.requires_grad, self._version = requires_grad, 0

    @classmethod
    def _wrap(cls, array: Array, requires_grad: bool) -> Tensor:
        tensor = Tensor.__new__(Tensor)
        tensor._data, tensor.requires_grad = array, requires_grad
        tensor._grad, tensor._node, tensor._version = None, None, 0
        return tensor

    @property
    def data(self) -> Array:
        """The array. Assigning one of the same shape and dtype replaces it and counts as a change (a new version)."""
        return shown(self._data)

    @data.setter
    def data(self, array: Array) -> None:
        self._data = to_like("Tensor.data", "array", self, plain_array("Tensor.data", hidden(array, self._data)))
        self._version += 1

    grad = property(lambda self: self._grad, set_grad, doc="What `backward` left: an array like the tensor, or None.")
    shape = property(lambda self: self._data.shape, doc="The sizes of the axes.")
    dtype = property(lambda self: self._data.dtype, doc="The type of the elements.")
    ndim = property(lambda self: self._data.ndim, doc="The number of axes.")
    device = property(lambda self: _backend.device_of(self._data), doc='Where the array lies: "cpu" or "cuda".')

    def numpy(self) -> np.ndarray:
        """Return a copy of the values as a NumPy array."""
        return np.array(_backend.to_numpy(self._data))

    def item(self) -> float:
        """Return the only element as a Python number."""
        return self._number("item")

    def detach(self) -> Tensor:
        """Return a tensor on the same memory and without a history; as a view, it is not changed alone."""
        return Tensor._wrap(self._data.view(), False)

    def _is_wanted(self) -> bool:
        """Tell whether somebody wants a gradient of what is computed from this tensor now."""
        return self.requires_grad and _recording.get()

    def backward(
        self, dy: Any = None, *, gradient: Any = None, retain_graph: Any = False, create_graph: Any = False
    ) -> None:
        """Leave in every leaf that requires it the gradient of this tensor, weighted with dy.

        The walk visits each node once, in reverse order of creation, without recursion, and frees what it has used.

        Args:
            dy: an array (or tensor) of the tensor's shape and dtype; may be left out for a tensor of one element, where
                it is 1.
            gradient: PyTorch's name for dy.
            retain_graph: refused: the graph is freed.
            create_graph: refused likewise.

        Raises:
            RuntimeError: if there is no history, it was freed by an earlier backward, or a needed tensor was changed.
            ValueError: if dy is missing or has the wrong shape.
            TypeError: if dy is no array, or has the wrong dtype or device.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "backward: the tensor has no history to walk back; no input had requires_grad=True, or no_grad() was on"
            )
        gradients = Gradients()
        dy = to_upstream(self, dy, gradient, retain_graph=retain_graph, create_graph=create_graph)
        gradients.add([self._node or self], [dy])
        del dy, gradient  # nobody may hold an array longer than it is needed
        gradients.walk()
        for leaf, share in gradients.leaves():
            grad = judged_grad("backward", leaf)
            leaf._grad = shown(share if grad is None else kernels.add(grad, share))
