"""A signpost: what PyTorch keeps in `torch.nn.utils` stands elsewhere here, and each name says where."""

from minidl._answers import answering

__all__: list[str] = []


def __dir__() -> list[str]:
    return []


__getattr__ = answering("nn.utils", "modules.UTILS")
