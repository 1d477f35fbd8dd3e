"""Sixteen rows of sixteen numbers turned over in registers: columns become rows.

Read one by one, the numbers of a column lie far apart, each in a line of the cache of its own. So sixteen vectors are
loaded as they lie, exchanged in four rounds, and stored. In the round of s = 8, 4, 2, 1 the vectors i and i + s swap
the lanes that stand s apart, two squares of the matrix beside the diagonal:

    vector i        lanes without bit s stay,          the others become lane - s of vector i + s
    vector i + s    lanes with bit s stay,             the others become lane + s of vector i
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core.types import intp, void
from numba.extending import intrinsic

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import address_of
from minidl.kernels.cpu.simd.vector import INTEGERS, LANES

_ROUNDS = (8, 4, 2, 1)


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    rows = list(rows)
    for s in _ROUNDS:
        upper = [lane if not lane & s else LANES + lane - s for lane in range(LANES)]
        lower = [lane + s if not lane & s else LANES + lane for lane in range(LANES)]
        for i in (row for row in range(LANES) if not row & s):
            a, b = rows[i], rows[i + s]
            rows[i], rows[i + s] = (
                builder.shuffle_vector(a, b, ir.Constant(INTEGERS, lanes)) for lanes in (upper, lower)
            )
    return rows


@intrinsic
def transpose_square(typing, target, place, step, source, start, ahead):
    """Write target[place + step·j + i] = source[start + ahead·i + j] for i and j below 16."""

    def emit(context, builder, sig, args):
        target, place, step, source, start, ahead = args

        def address(kind: Any, array: Any, first: Any, distance: Any, number: int) -> Any:
            index = builder.add(first, builder.mul(distance, ir.Constant(distance.type, number)))
            return address_of(context, builder, kind, array, index)

        rows = [builder.load(address(sig.args[3], source, start, ahead, number), align=4) for number in range(LANES)]
        for number, row in enumerate(_turned(builder, rows)):
            builder.store(row, address(sig.args[0], target, place, step, number), align=4)
        return context.get_dummy_value()

    return void(target, intp, intp, source, intp, intp), emit


@inline
def transpose(target, place, step, source, start, ahead, rows, columns):
    """Write target[place + step·j + i] = source[start + ahead·i + j] for at most sixteen rows i and all columns j."""
    whole = columns // LANES * LANES if rows == LANES else 0
    for j in range(0, whole, LANES):
        transpose_square(target, place + j * step, step, source, start + j, ahead)
    for j in range(whole, columns):
        for i in range(rows):
            target[place + j * step + i] = source[start + i * ahead + j]
