"""A signpost: what PyTorch keeps in `torch.utils.data` stands in `minidl.data` here, and each name says where."""

from minidl._answers import answering

__all__: list[str] = []


def __dir__() -> list[str]:
    return []


__getattr__ = answering("minidl.utils.data", "data.DATA")
