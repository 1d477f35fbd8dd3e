"""Containers: modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from minidl._checks import is_int
from minidl.nn.module import Module


def _add(owner: Module, name: str, module: Any) -> None:
    """Give owner a child under a name that PyTorch allows, too."""
    kind = type(owner).__name__
    if not isinstance(module, Module):
        raise TypeError(f"{kind}: expects modules; received for {name!r} a {type(module).__name__}")
    if not name or "." in name or hasattr(Module, name):
        raise ValueError(f"{kind}: a name must not be empty, contain a dot or hide a method; received {name!r}")
    setattr(owner, name, module)


def _at(owner: Module, index: Any) -> Module:
    """Return the child at a place; negative ones count from the end."""
    modules = list(owner.children())
    kind = type(owner).__name__
    if not is_int(index):
        raise TypeError(f"{kind}: expects an int or a slice; received {index!r}")
    if not -len(modules) <= index < len(modules):
        raise IndexError(f"{kind}: there are {len(modules)} modules; received index {index}")
    return modules[index]


class Sequential(Module):
    """Modules one after the other, named "0", "1", … as PyTorch names them, or by the keys of a dict.

    A slice is a `Sequential` of the same modules under the same names.

    Raises:
        TypeError: if something is no module.
        ValueError: if a name of the dict is empty, contains a dot, or hides a method.

    Example:
        >>> from minidl import nn
        >>> nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        Sequential(
          (0): Linear(4, 3)
          (1): ReLU()
          (2): Linear(3, 2)
        )
        >>> list(nn.Sequential({"conv": nn.Conv2d(3, 8, 3), "act": nn.ReLU()}).state_dict())
        ['conv.weight', 'conv.bias']
    """

    def __init__(self, *modules: Any):
        super().__init__()
        named = len(modules) == 1 and isinstance(modules[0], Mapping)
        for name, module in modules[0].items() if named else enumerate(modules):
            _add(self, str(name), module)

    def forward(self, x: Any) -> Any:
        """Run x through all modules in order."""
        for module in self._modules.values():
            x = module(x)
        return x

    def append(self, module: Module) -> Sequential:
        """Add a module at the end, named by its place, and return the container."""
        if str(len(self)) in self._modules:  # a slice keeps its names
            raise ValueError(
                f"Sequential: append would replace the module {str(len(self))!r}; the names are "
                f"{', '.join(map(repr, self._modules))}; make a new one: Sequential(*modules)"
            )
        _add(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules.items())[index]))
        return _at(self, index)


class ModuleList(Module):
    """A list of modules, named "0", "1", …; it has no forward: the owner says how they are used.

    Raises:
        TypeError: if something is no module.

    Example:
        >>> from minidl import nn
        >>> blocks = nn.ModuleList([nn.Linear(4, 4)]).append(nn.ReLU())
        >>> len(blocks), blocks[-1]
        (2, ReLU())
    """

    def __init__(self, modules: Iterable[Module] = ()):
        super().__init__()
        self.extend(modules)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end and return the list."""
        _add(self, str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add several modules at the end and return the list."""
        for module in modules:
            self.append(module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        return ModuleList(list(self)[index]) if isinstance(index, slice) else _at(self, index)


class ModuleDict(Module):
    """Modules by name; it has no forward: the owner says how they are used.

    Raises:
        TypeError: if something is no module.
        ValueError: if a name is empty, contains a dot, or hides a method.

    Example:
        >>> from minidl import nn
        >>> heads = nn.ModuleDict({"coarse": nn.Linear(8, 2), "fine": nn.Linear(8, 10)})
        >>> heads["fine"].out_features, "medium" in heads
        (10, False)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None):
        super().__init__()
        for name, module in (modules or {}).items():
            _add(self, name, module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Module:
        if name not in self._modules:
            raise KeyError(f"ModuleDict: there is no {name!r}; the names are {', '.join(map(repr, self._modules))}")
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        _add(self, name, module)

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return the names with their modules."""
        return self._modules.items()
