"""Modules: a network is a tree of them; the leaves own parameters and buffers, and `forward` says what is computed.

A parameter is learnt; a buffer (batch norm's running mean) is remembered. Both are named by their path in the tree, as
PyTorch names them: "layer1.0.conv1.weight".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from minidl import _backend
from minidl._answers import SignatureOfInit, answer, judge_settings, words_of_modules
from minidl._backend import Array
from minidl._looks import unfailing
from minidl.nn import _attributes, _state
from minidl.nn._attributes import STORES, joined
from minidl.nn._state import LoadReport, forget_grad, overrides
from minidl.tensor import Tensor, current_module, is_observed

Self = TypeVar("Self", bound="Module")
NOTHING: Mapping[str, Any] = {}


class Parameter(Tensor):
    """A tensor that a module learns: it wants a gradient and shows up in `parameters()`."""

    __slots__ = ()

    def __init__(self, array: Any, requires_grad: bool = True):
        super().__init__(array._data if isinstance(array, Tensor) else array, requires_grad)

    def _move(self, device: str) -> None:
        """Change the device, which for a tensor in a graph would be an operation."""
        self._data = _backend.to_device(self._data, device)
        self._version += 1
        self.grad = None


class Module:
    """Base of all layers and networks: subclass it, set parameters and modules as attributes, write `forward`.

    What is assigned decides where it is kept, mostly as in PyTorch:

    | name = value             | what happens                                                                         |
    |--------------------------|--------------------------------------------------------------------------------------|
    | a Parameter              | is learnt; one of that name is replaced and keeps its place in the order             |
    | a Module                 | becomes a child; one of that name is replaced and keeps its place; a tree that would |
    |                          | contain itself is refused                                                            |
    | an array, for a buffer   | the buffer has it from now on; so has it NumPy's numbers, as in count = count + 1    |
    | a Tensor, for a buffer   | its array; refused if a gradient flows through it, which a buffer would cut off      |
    | None                     | a parameter, child or buffer of that name is empty: it keeps its place, and is left  |
    |                          | out of `state_dict`                                                                  |
    | anything else            | refused where there is a parameter, child or buffer of that name; else an attribute  |
    | a list or dict of layers | an attribute, whose layers nobody finds: `parameters` warns once; see `ModuleList`   |

    The names have no dots, are not empty, and do not hide what the class has. Methods that a child overrides count
    where its parent asks: `named_modules`, `named_parameters`, `parameters`, `named_buffers`, `state_dict`,
    `load_state_dict`, `train` (`eval` is `train(False)`), `zero_grad`, `to`. `copy.copy` gives a module of its own with
    the same parameters, buffers and children; `copy.deepcopy` and `pickle` copy those, too, with gradients and modes,
    and what was shared is shared again. (A kept result with a graph behind it stands in their way: keep y.detach().)

    Example:
        >>> from minidl import Tensor, nn
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.fc = nn.Linear(4, 2)
        ...
        ...     def forward(self, x):
        ...         return self.fc(x)
        >>> net = Net()
        >>> net(Tensor([[1.0, 2.0, 3.0, 4.0]])).shape
        (1, 2)
        >>> list(net.state_dict())
        ['fc.weight', 'fc.bias']
    """

    training: bool

    __signature__ = SignatureOfInit()
    if not TYPE_CHECKING:

        def __new__(cls, *args: Any, **settings: Any) -> Any:
            """Refuse arguments that only PyTorch's layer of this name has, with minidl's way."""
            if settings:
                judge_settings(cls, settings)
            return super().__new__(cls)

    def __init__(self) -> None:
        # Set past __setattr__, which needs them.
        self.__dict__.update(_parameters={}, _buffers={}, _modules={}, _unsaved=set(), training=True)

    if TYPE_CHECKING:
        forward: Callable[..., Any]  # so that a subclass may choose what its forward takes
    else:

        def forward(self, *inputs, **settings):
            """Compute the output; every subclass writes its own."""
            raise NotImplementedError(f"{type(self).__name__}: forward is not written")

    def __call__(self, *inputs: Any, **settings: Any) -> Tensor:
        """Run forward; where somebody observes, under this module's path."""
        if not is_observed():
            run = self.__dict__.get("_run")  # see `minidl.compile`
            return self.forward(*inputs, **settings) if run is None else run(self, *inputs, **settings)
        with _entered(self):
            return self.forward(*inputs, **settings)

    # ------------------------------------------------------------------ attributes

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if "_parameters" not in own:
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() before setting {name}")
        if isinstance(value, Parameter):
            _attributes.keep(self, "_parameters", name, value)
        elif isinstance(value, Module):
            _attributes.keep(self, "_modules", name, value)
        elif (store := next((store for store in STORES if name in own[store]), None)) is None:
            object.__setattr__(self, name, value)
        else:
            own[store][name] = None if value is None else _attributes.judged(self, store, name, value)
        _attributes.note_change()

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if name in own.get("_modules", NOTHING):  # before Module.__init__ there are none
            return own["_modules"][name]
        for store in ("_parameters", "_buffers"):
            if name in own.get(store, NOTHING):
                return own[store][name]
        word = None if name.startswith("_") else words_of_modules().get(name)
        kind = type(self).__name__
        raise AttributeError(answer(kind, name, word) if word else f"{kind} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        kept = [name for store in STORES for name in self.__dict__.get(store, NOTHING) if name.isidentifier()]
        return [*super().__dir__(), *kept]

    def __delattr__(self, name: str) -> None:
        if (store := next((store for store in STORES if name in self.__dict__[store]), None)) is None:
            object.__delattr__(self, name)
        else:
            del self.__dict__[store][name]
            self._unsaved.discard(name)
        _attributes.note_change()

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Keep a parameter under a name, as assigning it does; None keeps a place for one.

        Raises:
            ValueError: if the name is empty, has a dot, or belongs to something else already.
            TypeError: if it is no Parameter.
        """
        _attributes.register(self, "_parameters", name, parameter, Parameter)

    def register_buffer(self, name: str, array: Array | None, persistent: bool = True) -> None:
        """Keep an array that is not learnt, and is saved with the parameters if it is persistent; None keeps a place.

        Raises:
            ValueError: if the name is empty, has a dot, or belongs to something else already.
            TypeError: if it is no array of numbers.
        """
        _attributes.register(self, "_buffers", name, array)
        (self._unsaved.discard if persistent else self._unsaved.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Keep a module under a name, as assigning it does; None keeps a place for one.

        Raises:
            ValueError: if the name is empty, has a dot, or belongs to something else already.
            TypeError: if it is no Module.
        """
        _attributes.register(self, "_modules", name, module, Module)

    def __copy__(self: Self) -> Self:
        twin = type(self).__new__(type(self))
        state: Any = self.__getstate__()
        twin.__dict__.update(state)
        twin.__dict__.update({store: state[store].copy() for store in (*STORES, "_unsaved")})
        return twin

    # ------------------------------------------------------------------ the tree

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules that are attributes of this one, with their names."""
        for name, child in self._modules.items():
            if child is not None:
                yield name, child

    def children(self) -> Iterator[Module]:
        """Yield the modules that are attributes of this one."""
        for _, child in self.named_children():
            yield child

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module (its name is the prefix) and all below it, each once, with the first of their paths."""
        below = [
            (joined(prefix, name, path), module)
            for name, child in self.named_children()
            for path, module in child.named_modules()
        ]
        return _once([(prefix, self), *below])

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, each once."""
        if overrides(self, "named_modules", Module):
            return (module for _, module in self.named_modules())
        return _distinct(_below(self))

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter once, with the first of its names; without recurse only this module's own.

        Warns:
            UserWarning: once, if layers or parameters in a plain list, tuple, dict or set are not among them.
        """
        found = self._own("_parameters", prefix)
        with _attributes.looked_through(self, (Module, Parameter)):
            for name, child in self.named_children() if recurse else ():
                below: Iterable[tuple[str, Parameter]] = child.named_parameters()
                if overrides(child, "parameters", Module):
                    its = {id(parameter) for parameter in child.parameters()}
                    below = (it for it in below if id(it[1]) in its)
                found += [(joined(prefix, name, path), parameter) for path, parameter in below]
        return _once(found)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield every parameter once; see `named_parameters`."""
        if not recurse or overrides(self, "named_parameters", Module):
            found = [*(self.named_parameters() if recurse else self.named_parameters(recurse=False))]
            return (parameter for _, parameter in _once(found))
        with _attributes.looked_through(self, (Module, Parameter)):
            return _distinct(_learnt(self))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Array]]:
        """Yield every buffer once, with the first of its names; without recurse only this module's own."""
        found = self._own("_buffers", prefix)
        for name, child in self.named_children() if recurse else ():
            found += [(joined(prefix, name, path), array) for path, array in child.named_buffers()]
        return _once(found)

    def buffers(self, recurse: bool = True) -> Iterator[Array]:
        """Yield every buffer once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _own(self, store: str, prefix: str = "") -> list[tuple[str, Any]]:
        """Return what this module itself keeps in a store, with its names."""
        return [(joined(prefix, name), value) for name, value in self.__dict__[store].items() if value is not None]

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of every parameter and persistent buffer as a NumPy array, by name."""
        with _attributes.looked_through(self, (Module, Parameter)):
            return _state.save(self)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> LoadReport:
        """Copy arrays into the parameters and buffers of the same names; all of them, or on an error none.

        Args:
            state: name -> array, as `state_dict` returns it, or what NumPy can read as one; PyTorch's counters
                `num_batches_tracked` are passed over.
            strict: whether a missing or an unexpected name is an error.

        Returns:
            A report with the names that were `used`, `missing` and `unexpected`.

        Raises:
            ValueError: if a shape differs or, with strict, the names do.
            TypeError: if the state is no dict, or holds something else than names and arrays of numbers.
        """
        return _state.load(self, state, strict, Module)

    # ------------------------------------------------------------------ modes

    def train(self: Self, mode: bool = True) -> Self:
        """Switch the whole tree to training (or, with False, to evaluation) and return the module."""
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Switch the whole tree to evaluation and return the module."""
        return self.train(False)

    @contextmanager
    def modes_kept(self) -> Iterator[None]:
        """Put every module of the tree back into its own mode when the block ends, whatever happens in it.

        Example:
            >>> from minidl import nn
            >>> net = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2).eval())
            >>> with net.modes_kept():
            ...     _ = net.eval()
            >>> net.training, net[0].training, net[1].training
            (True, True, False)
        """
        modes = [(module, module.training) for module in self.modules()]
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: `.grad` becomes None, or (with False) an array of zeros."""
        for parameter in self.parameters():
            forget_grad(parameter, set_to_none)
        for module in self.modules():
            if module is not self and overrides(module, "zero_grad", Module):
                module.zero_grad()

    def to(self: Self, device: str) -> Self:
        """Move all parameters and buffers to "cpu" or "cuda" and return the module; gradients are forgotten."""
        for _, parameter in self._own("_parameters"):
            parameter._move(device)
        for name, buffer in self._own("_buffers"):
            self._buffers[name] = _backend.to_device(buffer, device)
        for child in self.children():
            child.to(device)
        return self

    def cpu(self: Self) -> Self:
        """Move all parameters and buffers to the CPU and return the module; see `to`."""
        return self.to("cpu")

    def cuda(self: Self) -> Self:
        """Move all parameters and buffers to the GPU and return the module; see `to`."""
        return self.to("cuda")

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Let all parameters want a gradient (or, with False, none, which freezes them) and return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def apply(self: Self, function: Callable[[Module], Any]) -> Self:
        """Call a function with every module of the tree, children first, and return the module."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # ------------------------------------------------------------------ reading

    def extra_repr(self) -> str:
        """Return the settings that stand between the parentheses of the repr."""
        return ""

    def _repr_html_(self) -> str:
        from minidl.nn import _tree

        return _tree.tree(self)

    @unfailing
    def __repr__(self) -> str:
        name, extra = type(self).__name__, self.extra_repr()
        if not self._modules:
            return f"{name}({extra})"
        lines = [extra] if extra else []
        lines += [f"({key}): {child!r}".replace("\n", "\n  ") for key, child in self._modules.items()]
        return f"{name}(\n  " + "\n  ".join(lines) + "\n)"


def _below(module: Module) -> Iterator[Module]:
    """Yield a module and all below it in the order of `named_modules`, which asks for a name at each step."""
    yield module
    for child in module.children():
        yield from child.modules() if overrides(child, "named_modules", Module) else _below(child)


def _learnt(module: Module) -> Iterator[Parameter]:
    """Yield the parameters of a module and of all below it, in the order of `named_parameters`."""
    for parameter in module._parameters.values():
        if parameter is not None:
            yield parameter
    for child in module.children():
        own = overrides(child, "parameters", Module) or overrides(child, "named_parameters", Module)
        yield from child.parameters() if own else _learnt(child)


def _distinct(found: Iterator[Any]) -> Iterator[Any]:
    """Return what was found several times once, in the order of the first; all is found before the first is given."""
    return iter({id(it): it for it in found}.values())


def _once(found: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield what was found under several names once, with the first of them."""
    seen: set[int] = set()
    for path, value in found:
        if id(value) not in seen:
            seen.add(id(value))
            yield path, value


def _paths(module: Module, path: str = "") -> Iterator[tuple[str, Module]]:
    """Yield what `named_modules` does, one by one, for somebody who stops where he finds what he looks for."""
    yield path, module
    for name, child in module.named_children():
        yield from _paths(child, joined(path, name))


@contextmanager
def _entered(module: Module) -> Iterator[None]:
    """Note for observers which module is running: its path from the outermost one that was called."""
    parent, path = current_module.get()
    if parent is not None:
        own = next((name for name, below in _paths(parent) if below is module), type(module).__name__)
        path = f"{path}.{own}" if path else own
    token = current_module.set((module, path))
    try:
        yield
    finally:
        current_module.reset(token)
