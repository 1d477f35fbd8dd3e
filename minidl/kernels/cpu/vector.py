"""A vector of sixteen floats inside Numba: sixteen channels at once.

The processor adds, multiplies and compares sixteen floats in one instruction (AVX-512; two with AVX2, four with NEON:
LLVM splits what is too wide). Left alone, the compiler finds such code for simple loops only. With an explicit type the
author says it:

    acc = splat(0.0)
    for tap in range(9):
        acc = fma(load(x, at(tap)), load(w, 16 * tap), acc)        # sixteen channels of one depthwise convolution
    store(y, place, acc)

`load` and `store` take a flat array and the index of the first of the sixteen floats; nothing checks that they lie
inside. `+ - *` work as written. Numba is told of a new type in three steps: a type for the compiler's bookkeeping, a
model that says what it is in memory (LLVM's `<16 x float>`), and for every operation the instruction to emit.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16
LLVM_TYPE = ir.VectorType(ir.FloatType(), LANES)
INDEX_TYPE = ir.VectorType(ir.IntType(32), LANES)
MASK_TYPE = ir.VectorType(ir.IntType(1), LANES)
ZEROS = ir.Constant(LLVM_TYPE, [0.0] * LANES)
FAST_FLAGS = ("reassoc", "nsz", "arcp", "contract")


class VectorType(types.Type):
    """The type as the compiler knows it."""

    def __init__(self) -> None:
        super().__init__(name="Vector16")


VECTOR = VectorType()


@register_model(VectorType)
class VectorModel(models.PrimitiveModel):
    """What it is in memory."""

    def __init__(self, manager: Any, numba_type: Any):
        super().__init__(manager, numba_type, LLVM_TYPE)


def address_of(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit the address of array[index], as one of a vector."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), LLVM_TYPE.as_pointer())


@intrinsic
def load(typing, array, index):
    """Read array[index : index + 16]."""

    def emit(context, builder, sig, args):
        return builder.load(address_of(context, builder, sig.args[0], *args), align=4)

    return VECTOR(array, types.intp), emit


@intrinsic
def store(typing, array, index, value):
    """Write array[index : index + 16] = value."""

    def emit(context, builder, sig, args):
        array, index, value = args
        builder.store(value, address_of(context, builder, sig.args[0], array, index), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, VECTOR), emit


@intrinsic
def load_first(typing, array, index, count):
    """Read array[index : index + count], at most sixteen floats, and 0 for the rest; nothing else is touched."""

    def emit(context, builder, sig, args):
        array, index, count = args
        address = address_of(context, builder, sig.args[0], array, index)
        kind = ir.FunctionType(LLVM_TYPE, [address.type, ir.IntType(32), MASK_TYPE, LLVM_TYPE])
        read = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v16f32.p0")
        return builder.call(read, [address, ir.Constant(ir.IntType(32), 4), first_lanes(builder, count), ZEROS])

    return VECTOR(array, types.intp, types.intp), emit


@intrinsic
def store_first(typing, array, index, value, count):
    """Write array[index : index + count] = value[:count], at most sixteen floats."""

    def emit(context, builder, sig, args):
        array, index, value, count = args
        write_lanes(
            builder, value, address_of(context, builder, sig.args[0], array, index), first_lanes(builder, count)
        )
        return context.get_dummy_value()

    return types.void(array, types.intp, VECTOR, types.intp), emit


def first_lanes(builder: Any, count: Any) -> Any:
    """Return the mask of the first `count` lanes."""
    undefined = ir.Constant(INDEX_TYPE, ir.Undefined)
    first = builder.insert_element(undefined, builder.trunc(count, ir.IntType(32)), ir.Constant(ir.IntType(32), 0))
    limit = builder.shuffle_vector(first, undefined, ir.Constant(INDEX_TYPE, [0] * LANES))
    return builder.icmp_signed("<", ir.Constant(INDEX_TYPE, list(range(LANES))), limit)


def write_lanes(builder: Any, value: Any, address: Any, mask: Any) -> None:
    """Emit the writing of the lanes of the mask."""
    kind = ir.FunctionType(ir.VoidType(), [LLVM_TYPE, address.type, ir.IntType(32), MASK_TYPE])
    write = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v16f32.p0")
    builder.call(write, [value, address, ir.Constant(ir.IntType(32), 4), mask])


@intrinsic
def splat(typing, number):
    """Return sixteen times the same number."""

    def emit(context, builder, sig, args):
        return spread(builder, args[0])

    return VECTOR(types.float32), emit


def spread(builder: Any, number: Any) -> Any:
    """Emit a vector of sixteen times a number."""
    undefined = ir.Constant(LLVM_TYPE, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(INDEX_TYPE, [0] * LANES))


@intrinsic
def fma(typing, a, b, c):
    """Return a * b + c, rounded once."""

    def emit(context, builder, sig, args):
        kind = ir.FunctionType(LLVM_TYPE, [LLVM_TYPE] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32"), args)

    return VECTOR(VECTOR, VECTOR, VECTOR), emit


@intrinsic
def maximum(typing, a, b):
    """Return the larger of each pair; a NaN stays, as in NumPy."""

    def emit(context, builder, sig, args):
        a, b = args
        a_wins = builder.or_(builder.fcmp_ordered(">", a, b), builder.fcmp_unordered("uno", a, a))
        return builder.select(a_wins, a, b)

    return VECTOR(VECTOR, VECTOR), emit


@intrinsic
def where_positive(typing, y, value):
    """Return value where y > 0, else 0: the gradient of relu."""

    def emit(context, builder, sig, args):
        y, value = args
        return builder.select(builder.fcmp_ordered(">", y, ZEROS), value, ZEROS)

    return VECTOR(VECTOR, VECTOR), emit


def _operator(python_operator: Any, instruction: str) -> None:
    """Let `a + b` of two vectors be one instruction."""

    @infer_global(python_operator)
    class _Types(AbstractTemplate):
        def generic(self, args, kws):
            if args == (VECTOR, VECTOR):
                return signature(VECTOR, VECTOR, VECTOR)
            return None

    @lower_builtin(python_operator, VECTOR, VECTOR)
    def _emit(context, builder, sig, args):
        return getattr(builder, instruction)(*args, flags=FAST_FLAGS)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")


@intrinsic
def copy_floats(typing, target, target_index, source, source_index, count):
    """Copy `count` floats: target[target_index:] = source[source_index:], as memcpy does."""

    def emit(context, builder, sig, args):
        target, target_index, source, source_index, count = args
        byte = ir.IntType(8).as_pointer()
        addresses = [
            builder.bitcast(address_of(context, builder, kind, array, index), byte)
            for kind, array, index in ((sig.args[0], target, target_index), (sig.args[2], source, source_index))
        ]
        memcpy = builder.module.declare_intrinsic("llvm.memcpy", [byte, byte, ir.IntType(64)])
        size = builder.mul(count, ir.Constant(ir.IntType(64), np.dtype(np.float32).itemsize))
        builder.call(memcpy, [*addresses, size, ir.Constant(ir.IntType(1), 0)])
        return context.get_dummy_value()

    return types.void(target, types.intp, source, types.intp, types.intp), emit
