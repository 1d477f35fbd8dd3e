"""Containers: modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from minidl._backend import is_array
from minidl._checks import is_int, shown
from minidl.nn._joined import steps_of
from minidl.nn.module import Module

Row = TypeVar("Row", bound="_Row")


class _Container(Module):
    """What all containers do: they hold modules and nothing else under their names."""

    def __len__(self) -> int:
        return len(self._modules)

    def __setattr__(self, name: str, value: Any) -> None:
        if value is None and name in self.__dict__.get("_modules", ()):
            self._check_module(name, value)
        super().__setattr__(name, value)

    def _check_module(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(
                f"{type(self).__name__}: expects modules; received for {shown(name)} a {type(module).__name__}"
                + ("; take it out with del, or put nn.Identity() there" if module is None else "")
            )

    def _put(self, name: str, module: Any) -> None:
        """Keep a module under a name that PyTorch allows, too; one of that name is replaced in its place."""
        self._check_module(name, module)
        self.add_module(name, module)

    def _renew(self, modules: Mapping[str, Any]) -> None:
        """Hold these modules from now on, or, if something is wrong with one of them, what was held before."""
        before = dict(self._modules)
        self._modules.clear()
        try:
            for name, module in modules.items():
                self._put(name, module)
        except (TypeError, ValueError):
            self._modules.clear()
            self._modules.update(before)
            raise


class _Row(_Container):
    """Modules in a row, as a Python list has them; where all names are numbers, they count from 0 after any change."""

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __setitem__(self, index: int, module: Module) -> None:
        self._put(self._name(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        gone = names[index] if isinstance(index, slice) else [self._name(index)]
        self._renew(self._numbered([(name, module) for name, module in self._modules.items() if name not in gone]))

    def __add__(self: Row, other: Iterable[Module]) -> Row:
        if not isinstance(other, Iterable):
            return NotImplemented
        return type(self)._of([*self, *other])

    def __iadd__(self: Row, other: Iterable[Module]) -> Row:
        return self.extend(other) if isinstance(other, Iterable) else NotImplemented

    @classmethod
    def _of(cls: type[Row], modules: list[Module]) -> Row:
        raise NotImplementedError

    def append(self: Row, module: Module) -> Row:
        """Add a module at the end, named by its place, and return the container."""
        return self.extend([module])

    def extend(self: Row, modules: Iterable[Module]) -> Row:
        """Add several modules at the end and return the container."""
        kind = type(self).__name__
        if is_array(modules) or not isinstance(modules, Iterable):
            raise TypeError(f"{kind}: extend expects several modules; received a {type(modules).__name__}")
        more = {str(number): module for number, module in enumerate(modules, start=len(self))}
        taken = next((name for name in more if name in self._modules), None)  # a slice keeps its names
        if taken is not None:
            raise ValueError(
                f"{kind}: append would replace the module {taken!r}; the names are "
                f"{', '.join(map(repr, self._modules))}; make a new one: {kind}(*modules)"
            )
        self._renew({**self._modules, **more})
        return self

    def insert(self: Row, index: int, module: Module) -> Row:
        """Put a module before the one at a place, as `list.insert` does, and return the container.

        Raises:
            ValueError: if the modules have names that are no numbers.
            TypeError: if it is no module, or index no int.
        """
        kind = type(self).__name__
        if not is_int(index):
            raise TypeError(f"{kind}: insert expects an int; received {shown(index)}")
        named = [name for name in self._modules if not name.isdecimal()]
        if named:
            raise ValueError(
                f"{kind}: insert numbers the modules, and these have names: {', '.join(map(repr, named))}; make a new "
                f"one: {kind}({{name: module, …}})"
            )
        rows = list(self._modules.items())
        rows.insert(index, ("0", module))
        self._renew(self._numbered(rows))
        return self

    def pop(self, index: int = -1) -> Module:
        """Take out the module at a place, the last one by default, and return it."""
        module = self._modules[self._name(index)]
        del self[index]
        return module

    def _name(self, index: Any) -> str:
        """Return the name of the child at a place; negative ones count from the end."""
        kind, names = type(self).__name__, list(self._modules)
        if not is_int(index):
            raise TypeError(f"{kind}: expects an int or a slice; received {shown(index)}")
        if not -len(names) <= index < len(names):
            raise IndexError(f"{kind}: there are {len(names)} modules; received index {index}")
        return names[index]

    @staticmethod
    def _numbered(rows: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return modules by name, numbered anew if their names are numbers."""
        numbers = all(name.isdecimal() for name, _ in rows)
        return {str(place) if numbers else name: module for place, (name, module) in enumerate(rows)}


class Sequential(_Row):
    """Modules one after the other, named "0", "1", … as PyTorch names them, or by the keys of a dict.

    It takes `seq[i]`, `seq[i] = module`, `del seq[i]`, `append`, `extend`, `insert`, `pop`, `+`, `len` and `in` as a
    list does. A module that is replaced keeps its name and place. Behind one that is taken out or put in, numbers
    move up, names stay. A slice is a `Sequential` of the same modules under the same names.

    Raises:
        TypeError: if something is no module.
        ValueError: if a name of the dict is empty, contains a dot, or hides a method.

    Example:
        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> net[1] = nn.Tanh()
        >>> net
        Sequential(
          (0): Linear(4, 3)
          (1): Tanh()
          (2): Linear(3, 2)
        )
        >>> list(nn.Sequential({"conv": nn.Conv2d(3, 8, 3), "act": nn.ReLU()}).state_dict())
        ['conv.weight', 'conv.bias']
    """

    def __init__(self, *modules: Any):
        super().__init__()
        named = len(modules) == 1 and isinstance(modules[0], Mapping)
        self._renew({str(name): module for name, module in (modules[0].items() if named else enumerate(modules))})

    def forward(self, x: Any) -> Any:
        """Run x through all modules in order; a convolution and relu behind it are one step, where nobody looks."""
        for step in steps_of(list(self._modules.values())):
            x = step(x)
        return x

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    @classmethod
    def _of(cls: Any, modules: list[Module]) -> Any:
        return Sequential(*modules)  # a subclass may be made in another way


class ModuleList(_Row):
    """A list of modules, named "0", "1", …; it has no forward: the owner says how they are used.

    It takes `layers[i]`, `layers[i] = module`, `del layers[i]`, slices, `append`, `extend`, `insert`, `pop`, `+`, `len`
    and `in` as a list does; the names always count from 0.

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

    def __getitem__(self, index: Any) -> Any:
        return ModuleList(list(self)[index]) if isinstance(index, slice) else self._modules[self._name(index)]

    @classmethod
    def _of(cls: Any, modules: list[Module]) -> Any:
        return ModuleList(modules)


class ModuleDict(_Container):
    """Modules by name; it has no forward: the owner says how they are used.

    It takes `heads[name]`, `heads[name] = module`, `del heads[name]`, `pop`, `update`, `clear`, `keys`, `values`,
    `items`, `len` and `in` as a dict does; a module that is replaced keeps its place.

    Raises:
        TypeError: if something is no module.
        ValueError: if a name is empty, contains a dot, or hides a method.

    Example:
        >>> from minidl import nn
        >>> heads = nn.ModuleDict({"coarse": nn.Linear(8, 2), "fine": nn.Linear(8, 10)})
        >>> heads["fine"].out_features, "medium" in heads
        (10, False)
    """

    def __init__(self, modules: Any = ()):
        super().__init__()
        self.update(modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Module:
        if name not in self._modules:
            raise KeyError(f"ModuleDict: there is no {name!r}; the names are {', '.join(map(repr, self._modules))}")
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self._put(name, module)

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def pop(self, name: str) -> Module:
        """Take out the module of a name and return it."""
        module = self[name]
        del self._modules[name]
        return module

    def update(self, modules: Any) -> None:
        """Take the modules of a dict, or of (name, module) pairs; one of a name that is there already is replaced."""
        try:
            more = dict(modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules)
        except (TypeError, ValueError):
            found = type(modules).__name__
            raise TypeError(f"ModuleDict: expects a dict or pairs of name and module; received a {found}") from None
        self._renew({**self._modules, **more})

    def clear(self) -> None:
        """Take out all modules."""
        self._modules.clear()

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return the names with their modules."""
        return self._modules.items()
