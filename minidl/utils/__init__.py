"""A signpost: what PyTorch keeps in `torch.utils` stands elsewhere here, and each name says where."""

import importlib
from typing import Any

from minidl._answers import answering


def _part(name: str) -> Any:
    if name == "data":
        return importlib.import_module("minidl.utils.data")
    raise KeyError(name)


__all__: list[str] = []


def __dir__() -> list[str]:
    return []


__getattr__ = answering("minidl.utils", "torch.UTILS", look=_part)
