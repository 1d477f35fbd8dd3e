"""Matrix products inside kernels: SciPy's BLAS, one thread of it for each of ours.

`np.dot` inside Numba calls the BLAS that SciPy ships; NumPy's own copy is another one, with its own threads. Two teams
of threads that wait for each other in busy loops slow each other down a hundredfold, so the rules are: SciPy's BLAS
works with one thread, each of our threads calls it for its own rows, and no kernel uses NumPy's matrix product.

`sgemm` is the routine itself, for what `np.dot` cannot say: add to what is there (beta), and take part of a wider
matrix (the leading dimensions). It is called by a name that LLVM is told at import; a function pointer held in a
variable would keep kernels from being cached.
"""

from __future__ import annotations

import os
from typing import Any

import llvmlite.binding
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - loads the library whose address is asked for
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import get_cython_function_address, intrinsic

from minidl.kernels.cpu.simd.compile import inline

SYMBOL = "minidl_sgemm"
llvmlite.binding.add_symbol(SYMBOL, get_cython_function_address("scipy.linalg.cython_blas", "sgemm"))

PLAIN, TRANSPOSED = np.uint8(ord("N")), np.uint8(ord("T"))


@intrinsic
def _sgemm(typing, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """Call Fortran's sgemm, whose arguments are all addresses."""
    letter, size, number, address = types.uint8, types.int32, types.float32, types.uintp
    sig = types.void(letter, letter, size, size, size, number, address, size, address, size, number, address, size)

    def emit(context, builder, sig, args):
        byte = ir.IntType(8).as_pointer()
        pointers = []
        for value, kind in zip(args, sig.args, strict=True):
            if kind == address:
                pointers.append(builder.inttoptr(value, byte))
            else:
                pointers.append(builder.bitcast(cgutils.alloca_once_value(builder, value), byte))
        kind = ir.FunctionType(ir.VoidType(), [byte] * 13)
        builder.call(cgutils.get_or_insert_function(builder.module, kind, SYMBOL), pointers)
        return context.get_dummy_value()

    return sig, emit


@inline
def scaled_product(alpha, m, n, k, a, lda, a_transposed, b, ldb, b_transposed, beta, c, ldc):
    """C (m, n) = alpha · A (m, k) @ B (k, n) + beta · C; the rest as in `product`."""
    _sgemm(
        TRANSPOSED if b_transposed else PLAIN,
        TRANSPOSED if a_transposed else PLAIN,
        np.int32(n),
        np.int32(m),
        np.int32(k),
        np.float32(alpha),
        b.ctypes.data,
        np.int32(ldb),
        a.ctypes.data,
        np.int32(lda),
        np.float32(beta),
        c.ctypes.data,
        np.int32(ldc),
    )


@inline
def product(m, n, k, a, lda, a_transposed, b, ldb, b_transposed, beta, c, ldc):
    """C (m, n) = A (m, k) @ B (k, n) + beta · C, all row by row; lda, ldb, ldc floats from one row to the next.

    a, b and c are flat arrays that begin at the first element. With a_transposed, A lies in memory as (k, m); with
    b_transposed, B as (n, k). (Fortran reads rows as columns: it is asked for Cᵀ = Bᵀ @ Aᵀ.)
    """
    scaled_product(1, m, n, k, a, lda, a_transposed, b, ldb, b_transposed, beta, c, ldc)


def _hold_to_one_thread() -> list[Any]:
    """Hold SciPy's BLAS to one thread for good; where NumPy and SciPy share one library, it is that one."""
    from threadpoolctl import ThreadpoolController

    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    of_scipy = [library for library in libraries if "scipy" in os.path.dirname(library.filepath)] or libraries
    for library in of_scipy:
        library.set_num_threads(1)
    return of_scipy


LIBRARIES = _hold_to_one_thread()
