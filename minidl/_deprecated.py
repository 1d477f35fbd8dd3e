"""Old spellings that still work for one version, each with a DeprecationWarning that names the new one.

    MODULES      files that were renamed or put together: an import of the old name finds what they held, and so does
                 a pickle that was written when they were called so
    NAMES        functions and classes that were renamed, by the module that they are asked of
    `renamed`    arguments that were renamed, a decorator of the function that takes them
    VALUES       what an argument may be, where that was renamed, by the argument

Here are all of them, so that the next version takes them away in one place.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

MODULES: dict[str, tuple[str, ...]] = {
    "minidl.data._plain": ("minidl.data._as_split",),
    "minidl.data._registry": ("minidl.data._open",),
    "minidl.data.cifar": ("minidl.data.formats.cifar",),
    "minidl.data.folders": ("minidl.data.formats.class_folders",),
    "minidl.data.idx": ("minidl.data.formats.idx",),
    "minidl.data.tiny_imagenet": ("minidl.data.formats.tiny_imagenet",),
    "minidl.training.config": ("minidl.training.settings.config",),
    "minidl.training.examining": ("minidl.training.runs",),
    "minidl.training.feed": ("minidl.training.batches",),
    "minidl.training.finite": ("minidl.training.non_finite",),
    "minidl.training.fitting": ("minidl.training.loop",),
    "minidl.training.frozen": ("minidl.training.transfer",),
    "minidl.training.jobs": ("minidl.training.runs",),
    "minidl.training.kept": ("minidl.training.run_folder.split_record",),
    "minidl.training.lock": ("minidl.training.run_folder.lock",),
    "minidl.training.objective": ("minidl.training.loss",),
    "minidl.training.opening": ("minidl.training.run_folder.dataset",),
    "minidl.training.origin": ("minidl.training.settings.pretrained",),
    "minidl.training.recipe": ("minidl.training.settings.recipe",),
    "minidl.training.report": ("minidl.training.run_folder.report",),
    "minidl.training.resolve": ("minidl.training.settings.resolve",),
    "minidl.training.run": ("minidl.training.run_folder.folder", "minidl.training.run_folder.checkpointer"),
    "minidl.training.sizes": ("minidl.training.settings.picture_sizes",),
    "minidl.training.trial": ("minidl.training.dry_run",),
    "minidl.training.watcher": ("minidl.training.callback",),
}

NAMES: dict[str, dict[str, str]] = {
    "minidl.ops": {"append": "minidl.ops.growing.append_channels", "grow": "minidl.ops.growing.reserve_channels"},
    "minidl.training": {"Watcher": "minidl.training.callback.Callback"},
    "minidl.training.kept": {"Kept": "minidl.training.run_folder.split_record.SplitRecord"},
    "minidl.training.progress": {"Pace": "minidl.training.progress.pace.Pace"},
    "minidl.training.run": {"Keeper": "minidl.training.run_folder.checkpointer.Checkpointer"},
    "minidl.training.watcher": {"Watcher": "minidl.training.callback.Callback"},
}


VALUES: dict[str, dict[str, str]] = {
    "kernels.use(conv=…)": {"narrow": "grouped"},
}


def warn(old: str, new: str, level: int = 2) -> None:
    """Say that an old spelling was used; `level` counts the calls between here and whoever used it."""
    text = f"{old} is called {new} now; the old name goes away with the next version"
    warnings.warn(text, DeprecationWarning, stacklevel=level + 1)


def lookup(module: str, else_ask: Callable[[str], Any] | None = None) -> Callable[[str], Any]:
    """Make the `__getattr__` of a module some of whose names were renamed.

    Args:
        module: its name.
        else_ask: answers for all other names, as the module's `__getattr__` would; None (default) has none.
    """

    def find(name: str) -> Any:
        new = NAMES.get(module, {}).get(name)
        if new is not None:
            warn(f"{module}.{name}", new)
            return _found(new)
        if else_ask is not None:
            return else_ask(name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return find


def renamed(**names: str) -> Callable[[Function], Function]:
    """Let a function take arguments under their old names, too.

    Args:
        names: old=new.

    Example:
        >>> @renamed(colour="color")
        ... def paint(color="red"):
        ...     return color
        >>> with warnings.catch_warnings(record=True, action="always") as told:
        ...     paint(colour="blue")
        'blue'
        >>> str(told[0].message)
        'paint(colour=…) is called color now; the old name goes away with the next version'
    """

    def decorate(function: Function) -> Function:
        told = warn

        def call(*args: Any, **settings: Any) -> Any:
            for old, new in names.items():
                if old in settings:
                    if new in settings:
                        raise TypeError(f"{function.__name__}: {old} and {new} are two words for one thing; say {new}")
                    told(f"{function.__name__}({old}=…)", new)
                    settings[new] = settings.pop(old)
            return function(*args, **settings)

        # among the names of the function's own module, where doctest looks for examples
        own = types.FunctionType(
            call.__code__, function.__globals__, function.__name__, call.__defaults__, call.__closure__
        )
        return functools.wraps(function)(own)  # type: ignore[return-value]

    return decorate


def renamed_value(argument: str, value: Any, level: int = 2) -> Any:
    """Return what a value of an argument is called now.

    Example:
        >>> renamed_value("kernels.use(conv=…)", "direct")
        'direct'
    """
    new = VALUES[argument].get(value) if isinstance(value, str) else None
    if new is None:
        return value
    warn(f"{argument[:-2]}{value!r})", repr(new), level + 1)
    return new


def _found(path: str) -> Any:
    """Return what a dotted path names."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


class _Old(types.ModuleType):
    """A module under its old name: it holds nothing and hands out what the new ones have."""

    def __init__(self, name: str, places: Sequence[str]):
        super().__init__(name, f"An old name of {' and '.join(places)}.")
        self.__places = places

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in (renamed := NAMES.get(self.__name__, {})):
            return _found(renamed[name])
        for place in self.__places:
            module = importlib.import_module(place)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}; it is called {self.__places[0]} now")


class _Finder(MetaPathFinder, Loader):
    """Finds modules by their old names, after everything else has failed to."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how an old module is loaded; None for all others."""
        return ModuleSpec(fullname, self) if fullname in MODULES else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """Make what stands in its place, and say so."""
        warn(spec.name, " and ".join(MODULES[spec.name]))
        return _Old(spec.name, MODULES[spec.name])

    def exec_module(self, module: types.ModuleType) -> None:
        """Run nothing."""


def install() -> None:
    """Let imports find modules by their old names; once is enough."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
