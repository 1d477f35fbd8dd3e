"""Receptive fields: which pixels of the picture one number of a map depends on.

Along each axis, number i of a map sees the pixels from i·j + low to i·j + high, where the jump j is the product of all
strides before. The rules of the operations, in `field_rules.py`, say what becomes of low, high and j. Pixels outside of
the picture count: it is the size that papers tell. After a global average every number sees the whole picture, and so
does all that it scales.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from minidl._looks import Brief, sides

Pair = tuple[int, int]
Box = tuple[range, range]


@dataclass(frozen=True)
class Field(Brief):
    """The receptive field of every number of a map, along (H, W); `str()` is its size as tables have it.

    Attributes:
        size: how many pixels it reaches over; as many as the picture has, where it is the whole one.
        stride: how many pixels the field moves from one number to the next; 0 along an axis on which all see the whole
            picture.
        offset: the first pixel that number 0 sees; negative where it lies in the padding.
        axes: the axes of the array along which it moves.
    """

    size: Pair
    stride: Pair
    offset: Pair
    axes: Pair = (2, 3)

    @property
    def is_whole(self) -> bool:
        """Whether every number sees the whole picture (but for a margin that no window reaches: see `reach`)."""
        return self.stride == (0, 0)

    @property
    def reach(self) -> Box | None:
        """The rows and columns of the picture that the map sees at all; None of a field that was written by hand.

        A window with a stride may stop before the edge: of 224 rows, one of 3 with stride 2 never sees the last.

        Example:
            >>> from minidl import cost, nn
            >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.AdaptiveAvgPool2d(1))
            >>> cost.count(net, (3, 224, 224)).layers[-1].field.reach
            (range(0, 223), range(0, 223))
        """
        return getattr(self, "_reach", None)

    @property
    def path(self) -> tuple[str, ...]:
        """The layers by which it has become so large, from the picture on; through branches, those of the largest.

        Layers that leave size and stride as they are have no place in it. A field that was written by hand has none.

        Example:
            >>> from minidl import cost, nn
            >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 1))
            >>> cost.count(net, (3, 32, 32)).layers[-1].field.path
            ('0', '2')
        """
        trail: Trail | None = getattr(self, "_trail", None)
        return () if trail is None else trail.path(self._at)  # type: ignore[attr-defined]

    def box(self, unit: Pair) -> Box:
        """Return the rows and the columns that the number at (row, column) sees, also those outside of the picture.

        Example:
            >>> Field((7, 7), (4, 4), (-3, -3)).box((2, 1))
            (range(5, 12), range(1, 8))
        """
        starts = [o + i * j for o, i, j in zip(self.offset, unit, self.stride, strict=True)]
        rows, columns = (range(start, start + n) for start, n in zip(starts, self.size, strict=True))
        return rows, columns

    def __str__(self) -> str:
        """Write the size as tables have it.

        Example:
            >>> print(Field((212, 212), (32, 32), (-90, -90)), Field((11, 7), (1, 1), (0, 0)))
            212 11×7
        """
        if self.is_whole:
            return "whole picture"
        return str(self.size[0]) if self.size[0] == self.size[1] else sides(self.size)

    def _words(self) -> list[str]:
        return [f"{self.size[0]}×{self.size[1]}", f"stride {self.stride}", f"offset {self.offset}"]


class Trail:
    """Where each field came from: one for all fields of a walk, so that a path is written only when it is asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.before: list[int] = []

    def leave(self, field: Field, name: str, source: Field | None) -> Field:
        """Return the field as the next on the trail, behind the one it was made of."""
        at = self.before_of(source)
        if source is None or (field.size, field.stride) != (source.size, source.stride):
            self.names.append(name)
            self.before.append(at)
            at = len(self.names) - 1
        marked = replace(field)
        object.__setattr__(marked, "_trail", self)
        object.__setattr__(marked, "_at", at)
        return marked

    def before_of(self, source: Field | None) -> int:
        """Return the place of a field; -1 is the picture."""
        return -1 if source is None else getattr(source, "_at", -1)

    def path(self, at: int) -> tuple[str, ...]:
        """Return the names on the way to a place."""

        def back(at: int) -> Iterator[str]:
            while at >= 0:
                yield self.names[at]
                at = self.before[at]

        return tuple(back(at))[::-1]
