"""Predict, then run: what a network costs, layer by layer, asked before it is shown.

answers.py   what somebody has typed: shapes, and numbers with units
cells.py     what there is to ask of a network, with the right values
slips.py     the formulas, and what comes out of the usual slips
quiz.py      the dialogue
"""

from minidl.teach.learn.prediction.cells import CELLS, Cell, Row, rows
from minidl.teach.learn.prediction.quiz import Score, ask

__all__ = ["CELLS", "Cell", "Row", "Score", "ask", "rows"]


def __dir__() -> list[str]:
    return [*__all__]
