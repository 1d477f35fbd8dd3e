"""Containers: modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl.nn.module import Module


class Sequential(Module):
    """Modules one after the other, named "0", "1", … as PyTorch names them.

    Example:
        >>> from minidl import nn
        >>> nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        Sequential(
          (0): Linear(4, 3)
          (1): ReLU()
          (2): Linear(3, 2)
        )
    """

    def __init__(self, *modules: Module):
        super().__init__()
        for index, module in enumerate(modules):
            setattr(self, str(index), module)

    def forward(self, x: Any) -> Any:
        """Run x through all modules in order."""
        for module in self._modules.values():
            x = module(x)
        return x

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: int) -> Module:
        return list(self._modules.values())[index]
