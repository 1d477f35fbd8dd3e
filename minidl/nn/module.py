"""Modules: a network is a tree of them; the leaves own parameters and buffers, and `forward` says what is computed.

A parameter is learnt; a buffer (batch norm's running mean) is remembered. Both are named by their path in the tree, as
PyTorch names them: "layer1.0.conv1.weight".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl.tensor import Tensor, _observers, current_module

Self = TypeVar("Self", bound="Module")
NOTHING: Mapping[str, Any] = {}


class Parameter(Tensor):
    """A tensor that a module learns: it wants a gradient and shows up in `parameters()`."""

    __slots__ = ()

    def __init__(self, array: Any):
        super().__init__(array, requires_grad=True)

    def _move(self, device: str) -> None:
        """Change the device, which for a tensor in a graph would be an operation."""
        self._data = _backend.to_device(self._data, device)
        self._version += 1
        self.grad = None


class LoadReport:
    """What `load_state_dict` did: the names it used, those it missed, and those it had no place for."""

    def __init__(self, used: list[str], missing: list[str], unexpected: list[str]):
        self.used, self.missing, self.unexpected = used, missing, unexpected

    def __repr__(self) -> str:
        return f"{len(self.used)} used, {len(self.missing)} missing, {len(self.unexpected)} unexpected"


class Module:
    """Base of all layers and networks: subclass it, set parameters and modules as attributes, write `forward`.

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

    def __init__(self) -> None:
        # Set past __setattr__, which needs them.
        self.__dict__.update(_parameters={}, _buffers={}, _modules={}, training=True)

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not written")

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        """Run forward; where somebody observes, under this module's path."""
        if not _observers.get():
            return self.forward(*inputs, **settings)
        with _entered(self):
            return self.forward(*inputs, **settings)

    # ------------------------------------------------------------------ attributes

    def __setattr__(self, name: str, value: Any) -> None:
        if "_parameters" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() before setting {name}")
        if name in self._buffers and _backend.is_array(value):
            self._buffers[name] = value
            return
        if name in self._parameters and value is not None and not isinstance(value, Parameter):
            raise TypeError(
                f"{type(self).__name__}: {name} is a parameter; received a {type(value).__name__}, which would not be "
                f"learnt; change its numbers: .{name}.data = array, or give another nn.Parameter"
            )
        for store in (self._parameters, self._buffers, self._modules, self.__dict__):
            store.pop(name, None)
        kind = "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Module) else None
        (self.__dict__[kind] if kind else self.__dict__)[name] = value

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if name in own.get("_modules", NOTHING):  # before Module.__init__ there are none
            return own["_modules"][name]
        for store in ("_parameters", "_buffers"):
            if name in own.get(store, NOTHING):
                return own[store][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        for store in (self._parameters, self._buffers, self._modules):
            if name in store:
                del store[name]
                return
        object.__delattr__(self, name)

    def register_buffer(self, name: str, array: Array) -> None:
        """Keep an array that is saved with the parameters and not learnt."""
        self._buffers[name] = array

    # ------------------------------------------------------------------ the tree

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module (its name is the prefix) and all below it, with their paths."""
        yield prefix, self
        for name, child in self._modules.items():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it."""
        for _, module in self.named_modules():
            yield module

    def children(self) -> Iterator[Module]:
        """Yield the modules that are attributes of this one."""
        yield from self._modules.values()

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter once, with the first of its names."""
        seen: set[int] = set()
        for path, _, _, parameter in self._entries("_parameters"):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield path, parameter

    def parameters(self) -> Iterator[Parameter]:
        """Yield every parameter once."""
        for _, parameter in self.named_parameters():
            yield parameter

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """Yield every buffer with its name."""
        for path, _, _, buffer in self._entries("_buffers"):
            yield path, buffer

    def buffers(self) -> Iterator[Array]:
        """Yield every buffer."""
        for _, buffer in self.named_buffers():
            yield buffer

    def _entries(self, store: str) -> Iterator[tuple[str, Module, str, Any]]:
        """Yield (path, owner, attribute, value) of all parameters or buffers in the tree."""
        for prefix, module in self.named_modules():
            for name, value in module.__dict__[store].items():
                yield (f"{prefix}.{name}" if prefix else name), module, name, value

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of every parameter and buffer as a NumPy array, by name."""
        state: dict[str, np.ndarray] = {}
        for prefix, module in self.named_modules():
            for name, value in (*module._parameters.items(), *module._buffers.items()):
                array = value.data if isinstance(value, Tensor) else value
                state[f"{prefix}.{name}" if prefix else name] = np.array(_backend.to_numpy(array), order="C")
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> LoadReport:
        """Copy arrays into the parameters and buffers of the same names; all of them, or on an error none.

        Args:
            state: name -> array, as `state_dict` returns it; PyTorch's `num_batches_tracked` counters are passed over.
            strict: whether a missing or an unexpected name is an error.

        Returns:
            A report with the names that were `used`, `missing` and `unexpected`.

        Raises:
            ValueError: if a shape differs or, with strict, the names do.
            TypeError: if the state is no dict, or holds something else than arrays of numbers.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict: expects a dict of name -> array; received a {type(state).__name__}; "
                f"a file is read by minidl.weights.load(path)"
            )
        targets = {path: (owner, name) for path, owner, name, _ in self._entries("_parameters")}
        targets |= {path: (owner, name) for path, owner, name, _ in self._entries("_buffers")}
        given = {
            name: _backend.to_numpy(array.data if isinstance(array, Tensor) else array)
            for name, array in state.items()
            if not name.endswith("num_batches_tracked")
        }
        for name, array in given.items():
            if array.dtype.kind not in "biuf":
                raise TypeError(f"load_state_dict: {name} must be an array of numbers; it is {array.dtype}")
        report = LoadReport(
            used=[name for name in given if name in targets],
            missing=[name for name in targets if name not in given],
            unexpected=[name for name in given if name not in targets],
        )
        shapes = {path: getattr(owner, name).shape for path, (owner, name) in targets.items()}
        wrong = [
            f"{name} is {given[name].shape}, expected {shapes[name]}"
            for name in report.used
            if given[name].shape != shapes[name]
        ]
        if wrong or (strict and (report.missing or report.unexpected)):
            raise ValueError(
                f"load_state_dict: the weights do not fit {type(self).__name__}"
                + _listed("; wrong shape: ", wrong)
                + (_listed("; missing: ", report.missing) + _listed("; unexpected: ", report.unexpected)) * strict
            )
        for name in report.used:
            owner, attribute = targets[name]
            _replace(owner, attribute, given[name])
        return report

    # ------------------------------------------------------------------ modes

    def train(self: Self, mode: bool = True) -> Self:
        """Switch the whole tree to training (or, with False, to evaluation) and return the module."""
        for module in self.modules():
            module.training = mode
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

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: `.grad` becomes None."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self: Self, device: str) -> Self:
        """Move all parameters and buffers to "cpu" or "cuda" and return the module; gradients are forgotten."""
        for module in self.modules():
            for parameter in module._parameters.values():
                parameter._move(device)
            for name, buffer in module._buffers.items():
                module._buffers[name] = _backend.to_device(buffer, device)
        return self

    # ------------------------------------------------------------------ reading

    def extra_repr(self) -> str:
        """Return the settings that stand between the parentheses of the repr."""
        return ""

    def __repr__(self) -> str:
        name, extra = type(self).__name__, self.extra_repr()
        if not self._modules:
            return f"{name}({extra})"
        lines = [extra] if extra else []
        lines += [f"({key}): {child!r}".replace("\n", "\n  ") for key, child in self._modules.items()]
        return f"{name}(\n  " + "\n  ".join(lines) + "\n)"


def _listed(title: str, names: list[str], most: int = 4) -> str:
    """Return the first names behind a title, or nothing if there are none."""
    if not names:
        return ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return title + ", ".join(names[:most]) + more


def _replace(owner: Module, attribute: str, array: np.ndarray) -> None:
    """Give a parameter or buffer the values of an array, in its own dtype, memory order and on its own device."""
    value = getattr(owner, attribute)
    old = value.data if isinstance(value, Tensor) else value
    new = _backend.empty(old.shape, old.dtype, like=old)
    new[...] = _backend.to_device(np.asarray(array, dtype=old.dtype), _backend.device_of(old))
    if isinstance(value, Tensor):
        value.data = new
    else:
        owner._buffers[attribute] = new


@contextmanager
def _entered(module: Module) -> Iterator[None]:
    """Note for observers which module is running: its path from the outermost one that was called."""
    parent, path = current_module.get()
    if parent is not None:
        own = next((name for name, below in parent.named_modules() if below is module), type(module).__name__)
        path = f"{path}.{own}" if path else own
    token = current_module.set((module, path))
    try:
        yield
    finally:
        current_module.reset(token)
