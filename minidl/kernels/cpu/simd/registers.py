"""How much of a product stays in the registers: what they hold decides how many sums are worked on side by side.

A kernel that multiplies keeps its sums in registers while it runs over what is multiplied. With too few of them the
multiply-adds wait for each other; with more than there are registers the compiler writes some to memory and reads them
back, every time: that made kernels three times slower. A vector of sixteen floats takes one of the 32 registers of
AVX-512, two of the sixteen of AVX2, and four of the 32 of NEON:

    AVX-512           32 vectors    fourteen sums, or sixteen, of two vectors of weights, and what is loaded
    AVX2, NEON         8 vectors    six sums of one vector of weights, or four where these must divide what is counted

What a result is rounded to depends on how its products are cut into sums, which is the same everywhere; only who shares
a register differs.
"""

from __future__ import annotations

from platform import machine

from numba.core.registry import cpu_target

FEATURES = cpu_target.target_context.codegen().magic_tuple()[-1]  # as Numba will use them, whatever it was told
WIDE = "+avx512f" in FEATURES
# Vectors of weights that are worked on side by side. Kernels ask it once more where the compiler does not see by itself
# that there is no second one: then what is for pairs is left out.
PAIR = 2 if WIDE else 1


# How many floats a register of AVX holds, or of NEON, and the letter by which LLVM knows its kind; none elsewhere.
FLOATS, LETTER = (8, "x") if "+avx" in FEATURES else (4, "w" if machine().lower() in ("arm64", "aarch64") else "")


def fitting(wide: int, narrow: int) -> int:
    """Return the number of sums that the registers of this processor hold."""
    return wide if WIDE else narrow
