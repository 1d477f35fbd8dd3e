"""The stages of a Neocognitron as data: sizes and constants of 1980, and those for grey handwriting."""

from __future__ import annotations

from dataclasses import dataclass

from minidl._checks import check_fraction, check_positive, to_int
from minidl._looks import Brief


@dataclass(frozen=True)
class Stage(Brief):
    """One stage, S-cells and the C-cells behind them.

    Attributes:
        s_side: cells along a side of an S-plane; their windows lie around the middle of what they see, zeros outside.
        c_side: cells along a side of a C-plane, likewise.
        planes: of S-cells, and as many of C-cells.
        s_window: side of what an S-cell sees of each plane before it.
        c_window: side of what a C-cell sees of its S-plane.
        column: side of the area of an S-column, within which cells compete.
        r: how selective S-cells are: they answer where the cosine is above r / (1 + r).
        q: how much a seed cell learns at once.
        alpha: where a C-cell is half saturated.
        gamma: c(v) falls as gamma ** |v|.
        delta: d(v) falls as delta ** |v|.

    Raises:
        ValueError: if a number is out of its range (the message says which).
    """

    s_side: int
    c_side: int
    planes: int = 24
    s_window: int = 5
    c_window: int = 5
    column: int = 5
    r: float = 1.5
    q: float = 16.0
    alpha: float = 0.5
    gamma: float = 0.9
    delta: float = 0.9

    def __post_init__(self) -> None:
        for name in ("s_side", "c_side", "s_window", "c_window", "column"):
            to_int("Stage", name, getattr(self, name), least=1)
        if to_int("Stage", "planes", self.planes, least=1) < 2:
            raise ValueError(
                "Stage: planes must be at least 2: a C-cell is held back by the mean of all planes, and one plane is "
                f"its own mean; received planes={self.planes}"
            )
        for name in ("r", "q", "alpha"):
            check_positive("Stage", name, getattr(self, name))
        for name in ("gamma", "delta"):
            check_fraction("Stage", name, getattr(self, name))


# The simulation of 1980, as it is usually given: 16×16 receptors, then planes of 16², 10² | 8², 6² | 2², 1 cells.
STAGES = (Stage(16, 10, r=4.0, q=1.0), Stage(8, 6), Stage(2, 1, c_window=2))
# The same sizes for grey handwriting: more selective, since strokes are alike, and more planes, since hands differ.
DIGITS = (
    Stage(16, 10, planes=32, r=6.0, q=1.0),
    Stage(8, 6, planes=64, r=5.0),
    Stage(2, 1, planes=160, c_window=2, r=2.0),
)
TABLES = {"1980": STAGES, "digits": DIGITS}
