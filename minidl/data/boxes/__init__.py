"""Pictures with boxes."""

from minidl.data.boxes._boxes import Boxes

__all__ = ["Boxes"]


def __dir__() -> list[str]:
    return [*__all__]
